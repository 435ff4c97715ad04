//! A CSV file as events: its rows, checked, and sent in batches.
//!
//! Owns reading a CSV file and saying what is wrong with which row. Does not own what a cell means
//! ([`florin_core::usage::Layout`]) nor keeping events ([`crate::usage`]).
//!
//! A file that was interrupted half-way is sent again: each batch has an idempotency key made from the file,
//! so that none counts twice within a day.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use csv::{Reader, ReaderBuilder, StringRecord};
use florin_core::usage::{
    Event, EventProblem, Layout, LayoutError, Schema,
    upload::{BAD_ROWS_SHOWN_MAX, BadRow, Report},
};
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
/// Bytes of a file at most, unpacked.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// A file whose rows are read.
#[derive(Debug)]
pub struct CsvFile {
    file: std::fs::File,
    /// Headers that are not the names of columns, as [`Layout::new`] takes them.
    mapping: Vec<(String, String)>,
}

/// Is told how far a file is.
#[async_trait]
pub trait Progress: Send {
    /// What is known so far.
    async fn note(&mut self, report: &Report) -> Result<()>;
}

impl CsvFile {
    /// Copies a file into a temporary one, unpacked if it is packed by gzip; the memory that this takes does
    /// not grow with it. Blocks.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that cannot be unpacked or is over [`FILE_BYTES_MAX`].
    pub fn copy(from: impl Read, is_packed: bool, mapping: Vec<(String, String)>) -> Result<Self> {
        let mut file = tempfile::tempfile().map_err(unreadable)?;
        let most = FILE_BYTES_MAX + 1;
        let copied = match is_packed {
            true => {
                let unpacked = flate2::read::MultiGzDecoder::new(from);
                std::io::copy(&mut unpacked.take(most), &mut file)
            }
            false => std::io::copy(&mut from.take(most), &mut file),
        };
        if copied.map_err(unreadable)? == most {
            let message = format!("the file has more than {FILE_BYTES_MAX} bytes: split it");
            return Err(Error::field("file", "value_error.file", message));
        }
        file.flush().map_err(unreadable)?;
        Ok(Self { file, mapping })
    }

    /// Looks at every row. Nothing is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] for headers and for a file that is not CSV.
    pub async fn check(&self, stream: &Stream, progress: &mut dyn Progress) -> Result<Report> {
        let mut rows = self.rows(&stream.schema)?;
        let mut report = Report::default();
        loop {
            let (events, bad_rows);
            (rows, events, bad_rows) = next(rows).await?;
            if events.is_empty() && bad_rows.is_empty() {
                return Ok(report);
            }
            report.rows = rows.read;
            let mut lines: Vec<u64> = bad_rows.iter().map(|bad| bad.line).collect();
            lines.dedup();
            report.rejected += lines.len() as u64;
            let room = BAD_ROWS_SHOWN_MAX - report.bad_rows.len();
            report.bad_rows.extend(bad_rows.into_iter().take(room));
            progress.note(&report).await?;
        }
    }

    /// Sends the events of a file that was checked.
    ///
    /// # Errors
    /// [`Error::Usage`] for the engine's reasons; [`Error::Invalid`] where a row has become a bad one.
    pub async fn send(
        &self,
        app: &App,
        stream: &Stream,
        checked: Report,
        progress: &mut dyn Progress,
    ) -> Result<Report> {
        let digest = self.digest().await?;
        let meaning = format!("{digest}{:?}{BATCH_ROWS}", self.mapping);
        let fingerprint = Sha256::digest(meaning).to_vec();
        let to = stream
            .backfill
            .as_ref()
            .map_or(stream.id, |staged| staged.id);
        let mut report = Report {
            accepted: 0,
            repeated: 0,
            ..checked
        };
        let mut rows = self.rows(&stream.schema)?;
        for batch in 0_u64.. {
            let (events, bad_rows);
            (rows, events, bad_rows) = next(rows).await?;
            if !bad_rows.is_empty() {
                let message = "the schema changed while the file was sent: upload it again";
                return Err(Error::field("file", "value_error.file", message));
            }
            if events.is_empty() {
                break;
            }
            let key = IdempotencyKey {
                key: format!("upload:{to}:{digest}:{batch}"),
                fingerprint: fingerprint.clone(),
            };
            let kept = keep(app, stream, &events, &key).await?;
            match kept.is_repetition {
                true => report.repeated += kept.events,
                false => report.accepted += kept.events,
            }
            progress.note(&report).await?;
        }
        Ok(report)
    }

    fn rows(&self, schema: &Arc<Schema>) -> Result<Rows> {
        let mut file = self.file.try_clone().map_err(unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        Rows::open(Arc::clone(schema), file, &self.mapping)
    }

    async fn digest(&self) -> Result<String> {
        let mut file = self.file.try_clone().map_err(unreadable)?;
        blocking(move || {
            file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
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
        })
        .await
    }
}

/// The next rows, read on a thread of their own: thousands of them take longer than a request may.
async fn next(mut rows: Rows) -> Result<(Rows, Vec<Event>, Vec<BadRow>)> {
    blocking(move || {
        let (events, bad_rows) = rows.batch()?;
        Ok((rows, events, bad_rows))
    })
    .await
}

/// Runs work that takes long on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Error::Usage(UsageError::Unavailable(error.to_string())))?
}

/// Keeps a batch; where the engine is behind, waits for it.
async fn keep(
    app: &App,
    stream: &Stream,
    events: &[Event],
    key: &IdempotencyKey,
) -> Result<Ingested> {
    let batch = Batch::Events(events);
    for _ in 0..WAITS_MAX {
        match app.usage.ingest(stream, batch.clone(), Some(key)).await {
            Err(UsageError::Behind {
                retry_after_seconds,
            }) => {
                let wait = Duration::from_secs(u64::from(retry_after_seconds));
                tokio::time::sleep(wait).await;
            }
            answer => return Ok(answer?),
        }
    }
    Ok(app.usage.ingest(stream, batch, Some(key)).await?)
}

/// The rows of a file as events.
struct Rows {
    schema: Arc<Schema>,
    layout: Layout,
    reader: Reader<std::fs::File>,
    read: u64,
}

impl Rows {
    fn open(
        schema: Arc<Schema>,
        file: std::fs::File,
        mapping: &[(String, String)],
    ) -> Result<Self> {
        let mut reader = ReaderBuilder::new().from_reader(file);
        let headers = reader.headers().map_err(not_csv)?.clone();
        // Spreadsheets write a mark before the first header.
        let headers: Vec<&str> = headers
            .iter()
            .map(|header| header.trim_start_matches('\u{feff}').trim())
            .collect();
        let layout = Layout::new(&schema, &headers, mapping).map_err(bad_headers)?;
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
                    events.push(self.layout.event(&self.schema, &record));
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

pub(super) fn unreadable(error: std::io::Error) -> Error {
    let message = format!("the file cannot be read: {error}");
    Error::field("file", "value_error.file", message)
}

fn not_csv(error: csv::Error) -> Error {
    let message = format!("the file is not CSV: {error}");
    Error::field("file", "value_error.file", message)
}

fn bad_headers(errors: Vec<LayoutError>) -> Error {
    let fields = errors.iter().map(|error| FieldError {
        path: vec!["file".to_owned(), "header".to_owned()],
        message: error.to_string(),
        kind: "value_error.column",
    });
    Error::Invalid(fields.collect())
}
