//! Files of events: checked whole, then sent in batches.
//!
//! Owns reading a CSV file and saying what is wrong with which row. Does not own what a cell means
//! ([`florin_core::usage::Layout`]) nor keeping events ([`crate::usage`]).
//!
//! A file with a row that cannot be used sends nothing. A file that was interrupted half-way is sent
//! again with the same command: each batch has an idempotency key made from the file, so that none counts
//! twice within a day.

use std::{
    io::{Read, Seek},
    time::Duration,
};

use csv::{Reader, ReaderBuilder, StringRecord};
use florin_core::usage::{Event, EventProblem, Layout, LayoutError, Schema};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    App, Error, FieldError, Result,
    usage::{Batch, IdempotencyKey, Ingested, Stream, UsageError},
};

/// Times that a batch waits for an engine that is behind; then something is wrong with it.
const WAITS_MAX: usize = 30;
/// Rows of one batch.
const BATCH_ROWS: usize = 5_000;
/// Bad rows that a report names; the others are counted.
pub const BAD_ROWS_SHOWN_MAX: usize = 1_000;

/// A file's upload.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// Headers that are not the names of columns: the file's header and a path of the schema, or an empty
    /// one for a column that is passed over.
    pub mapping: Vec<(String, String)>,
    /// Only checks.
    pub is_dry_run: bool,
}

/// What came of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows of the file, without the header.
    pub rows: u64,
    /// Events that were kept now.
    pub accepted: u64,
    /// Events that an earlier upload of the same file has kept in the last 24 hours.
    pub repeated: u64,
    /// Rows that cannot be used; where there is any, nothing was kept.
    pub rejected: u64,
    /// The first of them.
    pub bad_rows: Vec<BadRow>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Line of the file, the header being the first.
    pub line: u64,
    /// The column, as a path of the schema; empty for the row itself.
    pub column: String,
    /// What is wrong.
    pub message: String,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rows that were checked.
    Checked(u64),
    /// Events that were kept.
    Kept(u64),
}

/// Checks a CSV file, and sends its events unless one of them cannot be used.
///
/// # Errors
/// [`Error::Invalid`] for headers and for a file that is not CSV, [`Error::Usage`] for the engine's reasons.
pub async fn upload(
    app: &App,
    stream: &Stream,
    mut file: impl Read + Seek + Send,
    upload: &Upload,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Report> {
    let digest = digest(&mut file)?;
    let fingerprint = Sha256::digest(format!("{digest}{:?}{BATCH_ROWS}", upload.mapping)).to_vec();
    let mut report = check(stream, &mut file, upload, &mut progress)?;
    if upload.is_dry_run || report.rejected > 0 {
        return Ok(report);
    }
    file.rewind().map_err(unreadable)?;
    let mut rows = Rows::open(&stream.schema, &mut file, &upload.mapping)?;
    for batch in 0_u64.. {
        let (events, bad_rows) = rows.batch()?;
        if !bad_rows.is_empty() {
            let message = "the file changed while it was read: upload it again";
            return Err(Error::field("file", "value_error.file", message));
        }
        if events.is_empty() {
            break;
        }
        let key = IdempotencyKey {
            key: format!("upload:{}:{digest}:{batch}", stream.id),
            fingerprint: fingerprint.clone(),
        };
        let kept = keep(app, stream, &events, &key).await?;
        match kept.is_repetition {
            true => report.repeated += kept.events,
            false => report.accepted += kept.events,
        }
        progress(Progress::Kept(report.accepted + report.repeated));
    }
    Ok(report)
}

/// Keeps a batch; where the engine is behind, waits for it.
async fn keep(
    app: &App,
    stream: &Stream,
    events: &[Event],
    key: &IdempotencyKey,
) -> Result<Ingested> {
    for _ in 0..WAITS_MAX {
        match app
            .usage
            .ingest(stream, Batch::Events(events), Some(key))
            .await
        {
            Err(UsageError::Behind {
                retry_after_seconds,
            }) => {
                let wait = Duration::from_secs(u64::from(retry_after_seconds));
                tokio::time::sleep(wait).await;
            }
            answer => return Ok(answer?),
        }
    }
    let batch = Batch::Events(events);
    Ok(app.usage.ingest(stream, batch, Some(key)).await?)
}

fn check(
    stream: &Stream,
    file: &mut (impl Read + Seek),
    upload: &Upload,
    progress: &mut impl FnMut(Progress),
) -> Result<Report> {
    file.rewind().map_err(unreadable)?;
    let mut rows = Rows::open(&stream.schema, file, &upload.mapping)?;
    let mut report = Report::default();
    loop {
        let (events, bad_rows) = rows.batch()?;
        if events.is_empty() && bad_rows.is_empty() {
            return Ok(report);
        }
        report.rows = rows.read;
        let mut lines: Vec<u64> = bad_rows.iter().map(|bad| bad.line).collect();
        lines.dedup();
        report.rejected += lines.len() as u64;
        let room = BAD_ROWS_SHOWN_MAX - report.bad_rows.len();
        report.bad_rows.extend(bad_rows.into_iter().take(room));
        progress(Progress::Checked(report.rows));
    }
}

/// The rows of a file as events.
struct Rows<'s, R> {
    schema: &'s Schema,
    layout: Layout,
    reader: Reader<R>,
    read: u64,
}

impl<'s, R: Read> Rows<'s, R> {
    fn open(schema: &'s Schema, file: R, mapping: &[(String, String)]) -> Result<Self> {
        let mut reader = ReaderBuilder::new().from_reader(file);
        let headers = reader.headers().map_err(not_csv)?.clone();
        // Spreadsheets write a mark before the first header.
        let headers: Vec<&str> = headers
            .iter()
            .map(|header| header.trim_start_matches('\u{feff}').trim())
            .collect();
        let layout = Layout::new(schema, &headers, mapping).map_err(bad_headers)?;
        Ok(Self {
            schema,
            layout,
            reader,
            read: 0,
        })
    }

    /// The next rows: events, or what is wrong with them. Both are empty at the end of the file.
    fn batch(&mut self) -> Result<(Vec<Event>, Vec<BadRow>)> {
        let mut lines = Vec::new();
        let mut events: Vec<Json> = Vec::new();
        let mut bad_rows = Vec::new();
        let mut record = StringRecord::new();
        while lines.len() + bad_rows.len() < BATCH_ROWS {
            let line = self.reader.position().line();
            match self.reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    lines.push(record.position().map_or(line, csv::Position::line));
                    events.push(self.layout.event(self.schema, &record));
                }
                Err(error) if error.is_io_error() => return Err(not_csv(error)),
                Err(error) => bad_rows.push(BadRow {
                    line,
                    column: String::new(),
                    message: error.to_string(),
                }),
            }
            self.read += 1;
        }
        match self.schema.read(events) {
            Ok(events) if bad_rows.is_empty() => Ok((events, bad_rows)),
            Ok(_) => Ok((Vec::new(), bad_rows)),
            Err(problems) => {
                bad_rows.extend(problems.iter().map(|problem| bad_row(problem, &lines)));
                bad_rows.sort_by_key(|bad| bad.line);
                Ok((Vec::new(), bad_rows))
            }
        }
    }
}

fn bad_row(problem: &EventProblem, lines: &[u64]) -> BadRow {
    BadRow {
        line: lines.get(problem.event).copied().unwrap_or_default(),
        column: problem.path.join("."),
        message: problem.to_string(),
    }
}

fn digest(file: &mut (impl Read + Seek)) -> Result<String> {
    file.rewind().map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => break,
            count => digest.update(&piece[..count]),
        }
    }
    let digest = digest.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unreadable(error: std::io::Error) -> Error {
    Error::field(
        "file",
        "value_error.file",
        format!("the file cannot be read: {error}"),
    )
}

fn not_csv(error: csv::Error) -> Error {
    Error::field(
        "file",
        "value_error.file",
        format!("the file is not CSV: {error}"),
    )
}

fn bad_headers(errors: Vec<LayoutError>) -> Error {
    let fields = errors.iter().map(|error| FieldError {
        path: vec!["file".to_owned(), "header".to_owned()],
        message: error.to_string(),
        kind: "value_error.column",
    });
    Error::Invalid(fields.collect())
}
