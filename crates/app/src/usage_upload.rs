//! Uploads: files of events that are taken in whole, checked row by row, confirmed, and sent.
//!
//! Owns the order of these steps. Does not own the states ([`florin_core::usage::upload`]) nor reading a
//! file ([`file`]).
//!
//! The file's bytes are in the database until its events are kept, so that any process goes on where
//! another ended: one claims an upload, a claim that is not held on runs out (on SQLite, with its one server),
//! and sending again what was sent keeps nothing twice.

pub mod file;

use std::io::{Seek, SeekFrom, Write};

use florin_core::{
    id::OrganisationId,
    usage::upload::{NotNow, Report, State, Upload},
};
use florin_store::{self as store, Actor, Tx, list};
use jiff::SignedDuration;
use uuid::Uuid;

pub use file::{CsvFile, Progress};

use crate::{App, Error, Result, raw_metric, usage::Stream, usage_backfill};

/// Bytes of an upload at most, as it comes.
pub const UPLOAD_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of a piece of a file in the database.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// How long a process has an upload for itself without a sign of life.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// After how long a file that stopped coming is forgotten.
const ABANDONED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What is said of a file before it comes.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// As [`Upload::backfill_id`].
    pub backfill_id: Option<Uuid>,
    /// As [`Upload::file_name`].
    pub file_name: Option<String>,
    /// As [`Upload::is_packed`].
    pub is_packed: bool,
    /// As [`Upload::mapping`].
    pub mapping: Vec<(String, String)>,
    /// As [`Upload::is_confirmed`].
    pub is_confirmed: bool,
}

/// Begins an upload of a raw metric's events.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where uploads are switched off or the backfill is closed.
pub async fn begin(app: &App, tx: &mut Tx, raw_metric_id: Uuid, new: New) -> Result<Upload> {
    let metric = raw_metric::find(tx, raw_metric_id).await?;
    if !metric.usage_upload_enabled {
        let message = "uploads are switched off for this raw metric: set usage_upload_enabled";
        return Err(Error::refused("USAGE_UPLOAD_DISABLED", message));
    }
    let New {
        backfill_id,
        file_name,
        is_packed,
        mapping,
        is_confirmed,
    } = new;
    let at = tx.at()?;
    let upload = Upload {
        id: app.ids.next(),
        raw_metric_id,
        backfill_id,
        file_name,
        is_packed,
        byte_count: 0,
        mapping,
        is_confirmed,
        state: State::Receiving,
        report: Report::default(),
        failure: None,
        created_by: tx.author()?.actor.to_string(),
        created_at: at,
        updated_at: at,
    };
    store::usage_upload::insert(tx, &upload).await?;
    Ok(upload)
}

/// Keeps a piece of the file.
///
/// # Errors
/// [`Error::Store`].
pub async fn add_piece(tx: &mut Tx, id: Uuid, number: i64, bytes: Vec<u8>) -> Result<()> {
    Ok(store::usage_upload::add_piece(tx, id, number, bytes).await?)
}

/// The whole file is there and can be worked on.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`].
pub async fn received(tx: &mut Tx, id: Uuid, byte_count: u64) -> Result<Upload> {
    change(tx, id, |upload| upload.received(byte_count)).await
}

/// Asks for the file's events to be kept.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that cannot be used.
pub async fn confirm(tx: &mut Tx, id: Uuid) -> Result<Upload> {
    change(tx, id, Upload::confirm).await
}

/// Says anew where the file's columns go, so that it is checked again.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that is being sent.
pub async fn remap(tx: &mut Tx, id: Uuid, mapping: Vec<(String, String)>) -> Result<Upload> {
    change(tx, id, |upload| upload.remap(mapping)).await
}

/// Throws the file away.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that is being sent.
pub async fn discard(tx: &mut Tx, id: Uuid) -> Result<Upload> {
    change(tx, id, Upload::discard).await
}

async fn change(
    tx: &mut Tx,
    id: Uuid,
    step: impl FnOnce(Upload) -> Result<Upload, NotNow>,
) -> Result<Upload> {
    let before = find(tx, id).await?;
    let after = step(before.clone()).map_err(not_now)?;
    if after != before {
        store::usage_upload::save(tx, &before, &after).await?;
    }
    find(tx, id).await
}

fn not_now(refusal: NotNow) -> Error {
    let message = match refusal.0 {
        State::Rejected => {
            "rows of the file cannot be used: see bad_rows, mend the file or change the mapping"
        }
        State::Receiving => "the file is still coming",
        State::Sending => "the events of the file are being kept",
        State::Completed => "the events of the file are kept",
        State::Failed => "the file cannot be read: see failure, and upload it again",
        State::Discarded => "the upload was discarded",
        State::Checking | State::Checked => "the upload is not so far",
    };
    Error::refused("USAGE_UPLOAD_STATE", message)
}

/// The upload.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Upload> {
    let found = store::usage_upload::find(tx, id).await?;
    found.ok_or(Error::NotFound { resource: "upload" })
}

/// One page of a raw metric's uploads.
///
/// # Errors
/// [`Error::NotFound`] for the raw metric.
pub async fn page(
    tx: &mut Tx,
    raw_metric: Uuid,
    query: &list::Query,
) -> Result<list::Page<Upload>> {
    raw_metric::find(tx, raw_metric).await?;
    Ok(store::usage_upload::page(tx, raw_metric, query).await?)
}

/// Checks or sends one upload that waits for it; answers whether there was one. Safe on several nodes at once;
/// `process` is this one.
///
/// # Errors
/// [`Error::Store`]; what is wrong with a file is said of its upload.
pub async fn work(app: &App, process: Uuid) -> Result<bool> {
    let everyone = OrganisationId(Uuid::nil());
    let mut tx = app.db.read(everyone).await?;
    let due = store::usage_upload::due(&mut tx, process, app.clock.now()).await?;
    drop(tx);
    let Some((organisation, id)) = due else {
        return Ok(false);
    };
    let mut tx = app.begin(organisation, Actor::System, "").await?;
    let is_claimed = store::usage_upload::claim(&mut tx, id, process, LEASE).await?;
    let upload = find(&mut tx, id).await?;
    tx.commit().await?;
    if !is_claimed {
        return Ok(true);
    }
    let mut watch = Watch {
        app,
        organisation,
        upload: id,
        process,
    };
    let outcome = advance(&mut watch, upload).await;
    let mut tx = app.begin(organisation, Actor::System, "").await?;
    // Whoever changed the upload meanwhile took the claim from this process.
    let report = find(&mut tx, id).await?.report;
    let claim = (process, LEASE);
    if !store::usage_upload::note_progress(&mut tx, id, claim, &report).await? {
        return Ok(true);
    }
    let changed = match outcome {
        Ok(Step::Checked(report)) => change(&mut tx, id, |upload| upload.checked(report)).await,
        Ok(Step::Sent(report)) => change(&mut tx, id, |upload| upload.completed(report)).await,
        Err(error @ (Error::Store(_) | Error::Usage(_))) => {
            // The claim runs out, and then it is tried again.
            return Err(error);
        }
        Err(error) => change(&mut tx, id, |upload| upload.failed(told(&error))).await,
    };
    changed?;
    tx.commit().await?;
    Ok(true)
}

/// Forgets files that stopped coming.
///
/// # Errors
/// [`Error::Store`].
pub async fn forget_abandoned(app: &App) -> Result<()> {
    let everyone = OrganisationId(Uuid::nil());
    let mut tx = app.db.read(everyone).await?;
    let before = app.clock.now() - ABANDONED_AFTER;
    let abandoned = store::usage_upload::abandoned(&mut tx, before).await?;
    drop(tx);
    for (organisation, id) in abandoned {
        let mut tx = app.begin(organisation, Actor::System, "").await?;
        discard(&mut tx, id).await?;
        tx.commit().await?;
    }
    Ok(())
}

enum Step {
    Checked(Report),
    Sent(Report),
}

async fn advance(watch: &mut Watch<'_>, upload: Upload) -> Result<Step> {
    let app = watch.app;
    let stream = stream(app, watch.organisation, &upload).await?;
    let file = copy(app, watch.organisation, &upload).await?;
    match upload.state {
        State::Sending => {
            let sent = file.send(app, &stream, upload.report, watch).await?;
            Ok(Step::Sent(sent))
        }
        _ => Ok(Step::Checked(file.check(&stream, watch).await?)),
    }
}

async fn stream(app: &App, organisation: OrganisationId, upload: &Upload) -> Result<Stream> {
    if let Some(backfill) = upload.backfill_id {
        let (_, stream) = usage_backfill::stream(app, organisation, backfill).await?;
        return Ok(stream);
    }
    let mut tx = app.db.read(organisation).await?;
    let metric = raw_metric::find(&mut tx, upload.raw_metric_id).await?;
    Ok(Stream::of(organisation, &metric))
}

/// The file out of the database, on this machine's disk.
async fn copy(app: &App, organisation: OrganisationId, upload: &Upload) -> Result<CsvFile> {
    let mut packed = tempfile::tempfile().map_err(file::unreadable)?;
    for number in 0_i64.. {
        let mut tx = app.db.read(organisation).await?;
        let Some(bytes) = store::usage_upload::piece(&mut tx, upload.id, number).await? else {
            break;
        };
        drop(tx);
        packed = file::blocking(move || {
            packed.write_all(&bytes).map_err(file::unreadable)?;
            Ok(packed)
        })
        .await?;
    }
    let (is_packed, mapping) = (upload.is_packed, upload.mapping.clone());
    file::blocking(move || {
        packed.seek(SeekFrom::Start(0)).map_err(file::unreadable)?;
        CsvFile::copy(packed, is_packed, mapping)
    })
    .await
}

/// What is wrong with a file, for its sender.
fn told(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
            messages.join("; ")
        }
        other => other.to_string(),
    }
}

/// Notes how far an upload is, and holds the claim.
struct Watch<'a> {
    app: &'a App,
    organisation: OrganisationId,
    upload: Uuid,
    process: Uuid,
}

#[async_trait::async_trait]
impl Progress for Watch<'_> {
    async fn note(&mut self, report: &Report) -> Result<()> {
        let organisation = self.organisation;
        let mut tx = self.app.begin(organisation, Actor::System, "").await?;
        let claim = (self.process, LEASE);
        let held = store::usage_upload::note_progress(&mut tx, self.upload, claim, report).await?;
        if !held {
            let message = "the upload was changed meanwhile";
            return Err(Error::refused("USAGE_UPLOAD_STATE", message));
        }
        Ok(tx.commit().await?)
    }
}
