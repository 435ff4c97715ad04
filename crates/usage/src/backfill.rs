//! Backfills: events that are kept apart, and the exchange of a window's events for them.
//!
//! Owns the exchange in its three steps. The commit is one row of the stream's inbox, written with the
//! backfill's new state: it takes the window's events out and names the backfill, whose events are a stream of
//! their own. Until the stream's flush reaches that row every query reads them there. The flush copies them
//! into the stream's table, in one commit of the log with the files that lost their rows. A day later the
//! backfill's own table goes.

use std::sync::Arc;

use arrow::{
    array::{Array, Int64Array, RecordBatch},
    compute::kernels::numeric::add,
    datatypes::SchemaRef,
};
use bytes::Bytes;
use florin_app::usage::{Staged, Stream, UsageError, UsageResult};
use florin_core::usage::{
    EventProblem, Violation,
    backfill::{Backfill, Closed, STAGED_MAX, STAGED_UNIQUE_MAX, State},
    event::PROBLEMS_MAX,
};
use florin_store::{
    Author, usage_backfill,
    usage_inbox::{self, Batch, NewBatch, StreamId},
};
use futures_util::TryStreamExt;
use jiff::SignedDuration;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    Engine, columns,
    columns::SEQUENCE,
    engine::Parts,
    error::unavailable,
    faults, flush,
    flush::{blocking, new_run, put},
    parquet_file::{Bounds, Writer, times},
    removal::{Removal, Removals},
    rewrite::{self, Going},
    stream::StreamState,
    table::{self, Change, Table},
    unique::Replaced,
};

/// How long a closed backfill's own files are kept: a query that began before may read them.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The stream that holds a backfill's events.
pub(crate) fn staging(stream: &Stream, staged: &Staged) -> StreamId {
    StreamId {
        organisation: stream.organisation,
        stream: staged.id,
    }
}

/// What a backfill takes out of its stream.
pub(crate) fn removals(staged: &Staged) -> Removals {
    let mut removals = Removals::default();
    removals.take(Removal::of_window(&staged.window, staged.replaces_up_to));
    removals
}

/// Events that a backfill of this stream may have.
pub(crate) fn staged_max(stream: &Stream) -> u64 {
    match stream.schema.unique_by().is_empty() {
        true => STAGED_MAX,
        false => STAGED_UNIQUE_MAX,
    }
}

/// Refuses events that happened outside the window.
pub(crate) fn check_window(staged: &Staged, events: &RecordBatch) -> UsageResult<()> {
    let window = &staged.window;
    let outside = |(event, at): (usize, &i64)| {
        let at = jiff::Timestamp::from_microsecond(*at).ok();
        (!at.is_some_and(|at| window.contains(&at))).then(|| EventProblem {
            event,
            path: vec!["timestamp".to_owned()],
            violation: Violation::OutsideWindow {
                start: window.start,
                end: window.end,
            },
        })
    };
    let at = times(events)?.values().iter().enumerate();
    let problems: Vec<EventProblem> = at.filter_map(outside).take(PROBLEMS_MAX).collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(UsageError::Events(problems)),
    }
}

/// Why a backfill takes no more events.
pub(crate) fn closed(message: impl ToString) -> UsageError {
    UsageError::BackfillClosed {
        message: message.to_string(),
    }
}

impl Engine {
    /// Exchanges the window's events for the backfill's.
    pub(crate) async fn exchange(&self, stream: &Stream, author: &Author) -> UsageResult<Backfill> {
        let staged = stream.backfill.as_ref();
        let staged = staged.ok_or_else(|| unavailable("a stream without a backfill"))?;
        let id = StreamId {
            organisation: stream.organisation,
            stream: stream.id,
        };
        let mut tx = self
            .parts
            .inbox
            .begin(author.clone())
            .await
            .map_err(unavailable)?;
        // The backfill's stream before the raw metric's, as ingestion does: events that are just being loaded
        // come before this or are refused.
        let event_count = usage_inbox::lock(&mut tx, staging(stream, staged)).await;
        let event_count = event_count.map_err(unavailable)?;
        let found = usage_backfill::find(&mut tx, staged.id).await;
        let backfill = found
            .map_err(unavailable)?
            .ok_or_else(|| closed("there is none"))?;
        if matches!(backfill.state, State::Committed { .. }) {
            return Ok(backfill);
        }
        let backfill = backfill.opened().map_err(closed)?;
        let removal = Removal::of_window(&backfill.window, backfill.replaces_up_to);
        let row = NewBatch {
            event_count,
            removed: Some(removal.encode()?),
            backfill: Some(backfill.id),
            ..NewBatch::default()
        };
        let sequence = usage_inbox::put(&mut tx, id, row)
            .await
            .map_err(unavailable)?;
        let by = Closed {
            by: author.actor.to_string(),
            at: author.at,
        };
        let (sequence, count) = (sequence.unsigned_abs(), event_count.unsigned_abs());
        let committed = backfill.commit(sequence, count, by).map_err(closed)?;
        let saved = usage_backfill::save_state(&mut tx, &committed).await;
        saved.map_err(unavailable)?;
        faults::point("backfill_before_commit");
        tx.commit().await.map_err(unavailable)?;
        faults::point("backfill_after_commit");
        self.parts.stream(id).accepted(1, 0, author.at);
        Ok(committed)
    }
}

/// Carries an exchange out in files; `row` is the next one of the stream's inbox, whose table the caller has
/// locked. Answers whether it is done, which it is not where another node flushes the backfill's events.
pub(crate) async fn carry_out(
    parts: &Parts,
    stream: &Arc<StreamState>,
    table: &mut Option<Table>,
    row: &Batch,
) -> UsageResult<bool> {
    let backfill = row
        .backfill
        .ok_or_else(|| unavailable("a row of no backfill"))?;
    let staging = parts.stream(StreamId {
        stream: backfill,
        ..stream.id
    });
    if !flush::flush_first(parts, &staging).await? {
        return Ok(false);
    }
    let staged = staging.read(&parts.objects, parts.is_shared()).await?;
    let known = stream.files();
    let mut schema = known.columns.clone().unwrap_or_else(columns::own);
    if let Some(columns) = &staged.files.columns {
        schema = table::merged(&schema, columns);
    }
    let mut change = Change {
        last_sequence: Some(row.last_sequence()),
        at: parts.clock.now(),
        ..Change::default()
    };
    if known.columns.as_ref().is_some_and(|known| *known != schema) {
        change.columns = Some(Arc::clone(&schema));
    }
    let going = going(parts, stream, row, &staged.files.files).await?;
    rewrite::rewrite(parts, stream, going, &mut change).await?;
    for file in &staged.files.files {
        let bytes = rewrite::bytes_of(parts, file).await?;
        let (schema, shift) = (Arc::clone(&schema), row.first_sequence);
        let shifted = blocking(move || shifted(bytes, &schema, shift)).await?;
        let run = new_run(parts);
        let written = put(parts, stream.id, (&run, 1), shifted).await?;
        change.added.push(written);
        faults::point("exchange_file_written");
    }
    let table = match table {
        Some(table) => table,
        empty => empty.insert(Table::create(&parts.objects, stream.id, &schema).await?),
    };
    faults::point("exchange_before_log");
    table.commit(change).await?;
    faults::point("exchange_after_log");
    Ok(true)
}

/// What goes out of the stream's files: the window's events, and those that have the identity of one that comes.
async fn going(
    parts: &Parts,
    stream: &StreamState,
    row: &Batch,
    staged: &[table::DataFile],
) -> UsageResult<Going> {
    let mut removals = Removals::default();
    removals.add(row.removed.as_deref().unwrap_or_default())?;
    let identity = parts.identity(stream.id).await?;
    if identity.is_empty() {
        let replaced = None;
        return Ok(Going { replaced, removals });
    }
    let mut replaced = Replaced::new(identity);
    for file in staged {
        let bytes = rewrite::bytes_of(parts, file).await?;
        replaced = blocking(move || {
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(unavailable)?;
            for batch in reader.build().map_err(unavailable)? {
                replaced.add(&batch.map_err(unavailable)?)?;
            }
            Ok(replaced)
        })
        .await?;
    }
    let replaced = Some(replaced);
    Ok(Going { replaced, removals })
}

/// A file of the backfill as one of its stream: with the stream's columns, and later sequences. The order of rows
/// stays.
fn shifted(bytes: Bytes, schema: &SchemaRef, shift: i64) -> UsageResult<(Vec<u8>, Bounds)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(unavailable)?;
    let mut writer = Writer::new(schema, true)?;
    let shift = Int64Array::new_scalar(shift);
    for batch in reader.build().map_err(unavailable)? {
        let batch = batch.map_err(unavailable)?;
        let batch = columns::conform(&batch, schema).map_err(unavailable)?;
        let place = schema.index_of(SEQUENCE).map_err(unavailable)?;
        let mut columns = batch.columns().to_vec();
        let sequences: &dyn Array = batch.column(place).as_ref();
        columns[place] = add(&sequences, &shift).map_err(unavailable)?;
        let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(unavailable)?;
        writer.write(&batch)?;
    }
    writer.finish()
}

/// Forgets the streams of backfills that were closed a day ago and are carried out; answers how many.
pub(crate) async fn drop_closed(parts: &Parts) -> UsageResult<usize> {
    let mut tx = parts
        .inbox
        .read(parts.nobody())
        .await
        .map_err(unavailable)?;
    let before = parts.clock.now() - KEPT;
    let closed = usage_backfill::closed_and_staged(&mut tx, before).await;
    let mut dropped = 0;
    for (organisation, backfill) in closed.map_err(unavailable)? {
        let of = |stream| StreamId {
            organisation,
            stream,
        };
        let needed = usage_inbox::needs_backfill(&mut tx, of(backfill.raw_metric_id), backfill.id);
        if needed.await.map_err(unavailable)? {
            continue;
        }
        drop_stream(parts, of(backfill.id)).await?;
        dropped += 1;
    }
    Ok(dropped)
}

async fn drop_stream(parts: &Parts, id: StreamId) -> UsageResult<()> {
    let url = parts.objects.table_url(id)?;
    let folder = object_store::path::Path::from_url_path(url.path()).map_err(unavailable)?;
    let files: Vec<_> = parts
        .objects
        .store
        .list(Some(&folder))
        .try_collect()
        .await
        .map_err(unavailable)?;
    for file in files {
        parts
            .objects
            .store
            .delete(&file.location)
            .await
            .map_err(unavailable)?;
    }
    let mut tx = flush::begin(parts, id).await?;
    usage_inbox::forget(&mut tx, id)
        .await
        .map_err(unavailable)?;
    usage_backfill::note_dropped(&mut tx, id)
        .await
        .map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    parts.forget(id);
    Ok(())
}
