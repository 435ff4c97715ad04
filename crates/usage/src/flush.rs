//! From the inbox into table files, exactly once.
//!
//! Owns when a stream is flushed and the order of things: files, then the log with the sequence they
//! reach, then the note in the inbox's database, and only then may inbox rows go. A crash between any
//! two of them is repaired by the next flush, which begins at the sequence in the log.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::SchemaRef,
};
use florin_app::usage::UsageError;
use florin_store::{
    Actor, Author, Tx,
    usage_inbox::{self, StreamId},
};
use jiff::Timestamp;
use object_store::ObjectStoreExt;

use crate::{
    backfill, columns,
    engine::{Pace, Parts},
    error::unavailable,
    faults,
    inbox::{self, Layer},
    objects::Objects,
    parquet_file::{self, NewFile, Writer},
    rewrite::{self, Going},
    stream::{StreamState, Waiting},
    table::{Change, Table},
    unique::{self, Identity, Replaced},
};

/// Events that are flushed at once without waiting for more.
const EVENTS_AT_ONCE: i64 = 250_000;
/// Events of one flush at most: they are sorted in memory.
const EVENTS_MAX: i64 = 500_000;
/// Bytes of one flush at most, and those that are flushed at once without waiting for more.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Months that one flush writes a file each for; rarer ones share a file, so that events scattered over
/// a thousand months are not a thousand files.
const MONTHS_MAX: usize = 24;

/// Whether a stream's events should be flushed: there are many, they are old, or it was silent.
pub(crate) fn is_due(waiting: Waiting, pace: Pace, now: Timestamp) -> bool {
    let Some((first, last)) = waiting.since else {
        return false;
    };
    waiting.events >= EVENTS_AT_ONCE
        || waiting.bytes >= BYTES_MAX
        || now.duration_since(last) >= pace.silence
        || now.duration_since(first) >= pace.age
}

/// Flushes what a stream has in the inbox. What is not flushed waits on.
pub(crate) async fn flush(parts: &Parts, stream: &Arc<StreamState>) -> Result<(), UsageError> {
    let taken = stream.take_waiting();
    let flushed = flush_all(parts, stream).await;
    if !matches!(flushed, Ok(true)) {
        stream.put_back(taken, parts.clock.now());
    }
    flushed.map(|_| ())
}

/// Answers whether everything is flushed, which it is not where another node is at it.
async fn flush_all(parts: &Parts, stream: &Arc<StreamState>) -> Result<bool, UsageError> {
    if !claimed(parts, stream.id).await? {
        return Ok(false);
    }
    let flushed = loop {
        match flush_some(parts, stream).await {
            Ok(Step::Some) => {}
            Ok(Step::All) => break Ok(true),
            Ok(Step::Blocked) => break Ok(false),
            Err(error) => break Err(error),
        }
    };
    release(parts, stream.id).await?;
    flushed
}

/// Flushes another stream in the middle of a flush, as [`flush_all`].
pub(crate) fn flush_first<'a>(
    parts: &'a Parts,
    stream: &'a Arc<StreamState>,
) -> Pin<Box<dyn Future<Output = Result<bool, UsageError>> + Send + 'a>> {
    Box::pin(flush_all(parts, stream))
}

/// How far a flush came.
enum Step {
    /// There may be more.
    Some,
    /// Nothing is left.
    All,
    /// Another node flushes what this one needs first.
    Blocked,
}

/// Flushes at most [`EVENTS_MAX`] events, or one backfill.
async fn flush_some(parts: &Parts, stream: &Arc<StreamState>) -> Result<Step, UsageError> {
    let mut guard = stream.change(&parts.objects).await?;
    let files = stream.files();
    let mut rows = {
        let mut tx = read(parts, stream.id).await?;
        let (above, at_most) = (files.last_sequence, (EVENTS_MAX, BYTES_MAX));
        let read = usage_inbox::read(&mut tx, stream.id, above, at_most).await;
        read.map_err(unavailable)?
    };
    // A backfill is a commit of its own, behind what came before it.
    let backfill = rows.iter().position(|row| row.backfill.is_some());
    if let Some(place) = backfill {
        rows.truncate(place.max(1));
    }
    let Some(last_sequence) = rows.last().map(usage_inbox::Batch::last_sequence) else {
        note(parts, stream.id, files.last_sequence).await?;
        return Ok(Step::All);
    };
    faults::point("flush_read");
    let (events, bytes) = waiting(&rows);
    match rows.as_slice() {
        [row] if row.backfill.is_some() => {
            if !backfill::carry_out(parts, stream, &mut guard, row).await? {
                return Ok(Step::Blocked);
            }
        }
        _ => flush_rows(parts, stream, &mut guard, rows).await?,
    }
    faults::point("flush_after_log");
    stream.publish(guard.as_ref()).await?;
    note(parts, stream.id, last_sequence).await?;
    faults::point("flush_noted");
    parts.backlog_shrank(events, bytes);
    Ok(Step::Some)
}

/// Events and bytes that wait in these rows.
fn waiting(rows: &[usage_inbox::Batch]) -> (i64, i64) {
    let own = rows.iter().filter(|row| row.backfill.is_none());
    let bytes = rows.iter().map(|row| row.events.len() as i64);
    (own.map(|row| row.event_count).sum(), bytes.sum())
}

/// Commits the events of rows to the log, and that those are gone that the rows take out or replace.
async fn flush_rows(
    parts: &Parts,
    stream: &Arc<StreamState>,
    table: &mut Option<Table>,
    rows: Vec<usage_inbox::Batch>,
) -> Result<(), UsageError> {
    let files = stream.files();
    let mut change = Change {
        last_sequence: rows.last().map(usage_inbox::Batch::last_sequence),
        at: parts.clock.now(),
        ..Change::default()
    };
    let known = files.columns.clone();
    let identity = parts.identity(stream.id).await?;
    let (batch, going) = blocking(move || content(&rows, known.as_ref(), identity)).await?;
    let schema = match &batch {
        Some(batch) => batch.schema(),
        None => files.columns.clone().unwrap_or_else(columns::own),
    };
    if files.columns.as_ref().is_some_and(|known| *known != schema) {
        change.columns = Some(Arc::clone(&schema));
    }
    rewrite::rewrite(parts, stream, going, &mut change).await?;
    if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
        change.added.extend(write(parts, stream.id, batch).await?);
    }
    let table = match table {
        Some(table) => table,
        empty => empty.insert(Table::create(&parts.objects, stream.id, &schema).await?),
    };
    faults::point("flush_before_log");
    table.commit(change).await
}

/// The events of rows that count, and what goes from the files for them.
fn content(
    rows: &[usage_inbox::Batch],
    known: Option<&SchemaRef>,
    identity: Identity,
) -> Result<(Option<RecordBatch>, Going), UsageError> {
    let mut going = Going::default();
    let mut batch = None;
    for layer in inbox::layers(rows, known)? {
        // Rows without a backfill are one layer.
        if let Layer::Events { batches, removals } = layer {
            batch = inbox::together(&batches)?;
            going.removals = removals;
        }
    }
    if let Some(events) = batch.as_ref().filter(|_| !identity.is_empty()) {
        let latest = unique::latest(events, &identity)?;
        let mut replaced = Replaced::new(identity);
        replaced.add(&latest)?;
        going.replaced = Some(replaced);
        batch = Some(latest);
    }
    let rest = batch.map(|batch| going.removals.rest(&batch));
    Ok((rest.transpose()?, going))
}

/// Writes the events into one file for each month.
async fn write(
    parts: &Parts,
    id: StreamId,
    batch: RecordBatch,
) -> Result<Vec<NewFile>, UsageError> {
    let months = blocking(move || by_month(&batch)).await?;
    let mut written = Vec::with_capacity(months.len());
    for batch in months {
        let (bytes, bounds) = blocking(move || {
            let batch = parquet_file::sorted(&batch)?;
            let mut writer = Writer::new(&batch.schema(), false)?;
            writer.write(&batch)?;
            writer.finish()
        })
        .await?;
        let run = new_run(parts);
        written.push(put(parts, id, (&run, 1), (bytes, bounds)).await?);
        faults::point("flush_file_written");
    }
    Ok(written)
}

/// Name of a run: files that were written together and do not overlap.
pub(crate) fn new_run(parts: &Parts) -> String {
    parts.ids.next().simple().to_string()
}

/// Puts a file beside the table's others; it is not in the table before the commit.
pub(crate) async fn put(
    parts: &Parts,
    id: StreamId,
    (run, number): (&str, usize),
    (bytes, bounds): (Vec<u8>, parquet_file::Bounds),
) -> Result<NewFile, UsageError> {
    let name = format!("{run}-{number:04}.parquet");
    let size = bytes.len() as u64;
    let table = parts.objects.table_url(id)?;
    let path = Objects::path(&table, &name)?;
    let put = parts.objects.store.put(&path, bytes.into()).await;
    put.map_err(unavailable)?;
    let written_at = parts.clock.now();
    Ok(NewFile {
        name,
        size,
        bounds,
        written_at,
    })
}

/// The rows of each month; of the rarest months together.
fn by_month(batch: &RecordBatch) -> Result<Vec<RecordBatch>, UsageError> {
    let times = parquet_file::times(batch)?;
    let ends = arrow::compute::min(times).zip(arrow::compute::max(times));
    if let Some((first, last)) = ends
        && parquet_file::month(first)? == parquet_file::month(last)?
    {
        return Ok(vec![batch.clone()]);
    }
    let mut months = Vec::with_capacity(batch.num_rows());
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for at in times.values() {
        let month = parquet_file::month(*at)?;
        *counts.entry(month).or_default() += 1;
        months.push(month);
    }
    let mut frequent: Vec<(usize, i32)> = counts.iter().map(|(month, n)| (*n, *month)).collect();
    frequent.sort_unstable();
    let own: Vec<i32> = frequent
        .iter()
        .rev()
        .take(MONTHS_MAX)
        .map(|(_, month)| *month)
        .collect();
    let select = |wanted: &dyn Fn(i32) -> bool| {
        let mask: BooleanArray = months.iter().map(|month| Some(wanted(*month))).collect();
        filter_record_batch(batch, &mask).map_err(unavailable)
    };
    let mut parts = Vec::new();
    for month in &own {
        parts.push(select(&|other| other == *month)?);
    }
    if own.len() < counts.len() {
        parts.push(select(&|month| !own.contains(&month))?);
    }
    Ok(parts)
}

/// Removes inbox rows that are in table files and that nobody reads any more.
pub(crate) async fn clean(parts: &Parts, stream: &StreamState) -> Result<u64, UsageError> {
    let mut tx = begin(parts, stream.id).await?;
    let before = parts.clock.now() - parts.inbox_grace();
    let removed = usage_inbox::remove_flushed(&mut tx, stream.id, stream.unneeded(), before).await;
    let removed = removed.map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    faults::point("inbox_removed");
    Ok(removed)
}

async fn note(parts: &Parts, id: StreamId, last_sequence: i64) -> Result<(), UsageError> {
    if last_sequence == 0 {
        return Ok(());
    }
    let mut tx = begin(parts, id).await?;
    let noted = usage_inbox::note_flush(&mut tx, id, last_sequence).await;
    noted.map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)
}

/// Claims the right to change a stream's table. One process alone needs none.
async fn claimed(parts: &Parts, id: StreamId) -> Result<bool, UsageError> {
    if !parts.is_shared() {
        return Ok(true);
    }
    let mut tx = begin(parts, id).await?;
    let claimed = usage_inbox::claim(&mut tx, id, parts.node, parts.pace.claim).await;
    let claimed = claimed.map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    Ok(claimed)
}

/// Gives the right back.
async fn release(parts: &Parts, id: StreamId) -> Result<(), UsageError> {
    if !parts.is_shared() {
        return Ok(());
    }
    let mut tx = begin(parts, id).await?;
    let released = usage_inbox::release(&mut tx, id, parts.node).await;
    released.map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)
}

/// Forgets idempotency keys that are old enough.
pub(crate) async fn forget_keys(parts: &Parts) -> Result<(), UsageError> {
    let nobody = StreamId {
        organisation: parts.nobody(),
        stream: parts.node,
    };
    let mut tx = begin(parts, nobody).await?;
    let forgotten = usage_inbox::forget_expired_keys(&mut tx).await;
    forgotten.map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)
}

pub(crate) async fn begin(parts: &Parts, id: StreamId) -> Result<Tx, UsageError> {
    let author = Author {
        organisation: id.organisation,
        actor: Actor::System,
        request_id: String::new(),
        at: florin_core::instant::to_microseconds(parts.clock.now()),
    };
    parts.inbox.begin(author).await.map_err(unavailable)
}

pub(crate) async fn read(parts: &Parts, id: StreamId) -> Result<Tx, UsageError> {
    parts.inbox.read(id.organisation).await.map_err(unavailable)
}

/// Runs work that takes long on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UsageError> + Send + 'static,
) -> Result<T, UsageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(unavailable)?
}
