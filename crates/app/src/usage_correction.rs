//! Corrections of usage events: see what they would do, make them, and look them up.
//!
//! Does not own what a correction means ([`florin_core::usage::correction`]) nor how it is kept
//! ([`crate::usage`]).

use florin_core::{
    id::OrganisationId,
    raw_metric::RawMetric,
    usage::{Change, Correction, Selection, backfill::check_reason},
};
use florin_store::{self as store, Author, list, usage_correction::CorrectedEvent};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    usage::{Corrected, Correcting, EventRow, IdempotencyKey, Stream},
};

/// Events that are shown of a correction at once.
pub const SAMPLE_MAX: usize = 20;

/// What is asked of a correction.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which events.
    pub selection: Selection,
    /// What becomes of them.
    pub change: Change,
    /// Why.
    pub reason: String,
    /// The request as it was sent.
    pub request: Json,
}

/// What a correction would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Events that it is about.
    pub event_count: u64,
    /// The first of them, before and after.
    pub sample: Vec<CorrectedEvent>,
}

/// What a correction would do. Nothing changes.
///
/// # Errors
/// [`Error::Invalid`] for broken rules, [`Error::Usage`] for the engine's reasons.
pub async fn preview(
    app: &App,
    organisation: OrganisationId,
    metric: &RawMetric,
    asked: &Asked,
) -> Result<Preview> {
    check(asked)?;
    let stream = Stream::of(organisation, metric);
    let selected = app.usage.selected(&stream, &asked.selection, SAMPLE_MAX);
    let (event_count, rows) = selected.await?;
    let sample = rows.into_iter().map(|row| CorrectedEvent {
        after: after(&stream, &row, &asked.change),
        before: Json::Object(row),
    });
    Ok(Preview {
        event_count,
        sample: sample.collect(),
    })
}

/// What a row becomes, as people see events. Its new sequence and time are not known before.
fn after(stream: &Stream, row: &EventRow, change: &Change) -> Json {
    let Change::Amend(amendment) = change else {
        return Json::Null;
    };
    let mut row = row.clone();
    for own in ["_seq", "_received_at"] {
        row.insert(own.to_owned(), Json::Null);
    }
    for (column, value) in amendment.assignments() {
        row.insert(stream.schema.path(*column), value.shown());
    }
    Json::Object(row)
}

/// Makes a correction; when it answers, it survives `kill -9`.
///
/// # Errors
/// [`Error::Invalid`] for broken rules, [`Error::Usage`] for the engine's reasons.
pub async fn correct(
    app: &App,
    metric: &RawMetric,
    asked: &Asked,
    author: Author,
    key: Option<&IdempotencyKey>,
) -> Result<Corrected> {
    check(asked)?;
    let stream = Stream::of(author.organisation, metric);
    let correcting = Correcting {
        id: app.ids.next(),
        selection: &asked.selection,
        change: &asked.change,
        reason: &asked.reason,
        request: &asked.request,
        author,
    };
    Ok(app.usage.correct(&stream, &correcting, key).await?)
}

fn check(asked: &Asked) -> Result<()> {
    let reason = check_reason(&asked.reason);
    let reason = reason.map_err(|error| Error::field("reason", "value_error.reason", error));
    let selection = match asked.selection.is_everything() {
        false => Ok(()),
        true => {
            let message = "say which events: by sequences, keys, customer, time or a visual_query";
            Err(Error::field("events", "value_error.missing", message))
        }
    };
    let change = match &asked.change {
        Change::Amend(amendment) if amendment.is_empty() => {
            let message = "say what changes: customer_id, timestamp or fields of data";
            Err(Error::field("changes", "value_error.missing", message))
        }
        _ => Ok(()),
    };
    let both = Error::both(reason, selection).map(|_| ());
    Error::both(both, change).map(|_| ())
}

/// The correction.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, organisation: OrganisationId, id: Uuid) -> Result<Correction> {
    let mut tx = app.usage.read(organisation).await?;
    let found = store::usage_correction::find(&mut tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "correction",
    })
}

/// One page of a raw metric's corrections.
///
/// # Errors
/// [`Error::NotFound`] for the raw metric.
pub async fn page(
    app: &App,
    organisation: OrganisationId,
    raw_metric: Uuid,
    query: &list::Query,
) -> Result<list::Page<Correction>> {
    let mut tx = app.db.read(organisation).await?;
    crate::raw_metric::find(&mut tx, raw_metric).await?;
    drop(tx);
    let mut tx = app.usage.read(organisation).await?;
    Ok(store::usage_correction::page(&mut tx, raw_metric, query).await?)
}

/// Events of a correction, before and after, in the order of their sequences.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn events(
    app: &App,
    organisation: OrganisationId,
    id: Uuid,
    (offset, limit): (usize, usize),
) -> Result<Vec<CorrectedEvent>> {
    let mut tx = app.usage.read(organisation).await?;
    let found = store::usage_correction::find(&mut tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "correction",
    })?;
    Ok(store::usage_correction::events(&mut tx, id, offset, limit).await?)
}

/// The request of a correction as it is kept: what was asked without what only this call was told.
pub fn kept_request(mut request: Json) -> Json {
    if let Some(members) = request.as_object_mut() {
        members.remove("dry_run");
        members.remove("reason");
        members.retain(|_, value| !value.is_null());
    }
    if let Some(events) = request["events"].as_object_mut() {
        events.retain(|_, value| !value.is_null());
    }
    request
}
