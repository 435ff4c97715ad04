//! Fewer, larger files, clustered by customer and time.
//!
//! A *run* is a set of files whose rows stand in one order and that do not overlap: one flush, or one
//! earlier compaction. Runs of a month are merged in tiers: as soon as there are [`RUNS_PER_TIER`] of
//! about one size, they become one of the next size, so each event is rewritten a few times only, and a
//! customer's month is in few files. No row changes, so readers and flushes go on meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::Result as QueryResult,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
    },
    execution::{SendableRecordBatchStream, object_store::ObjectStoreUrl},
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::col},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties,
        sorts::sort_preserving_merge::SortPreservingMergeExec,
    },
    prelude::SessionContext,
};
use florin_app::usage::UsageError;
use futures_util::TryStreamExt;

use crate::{
    columns::{CUSTOMER_ID, SEQUENCE, TIMESTAMP},
    engine::Parts,
    error::unavailable,
    faults,
    flush::{blocking, new_run, put},
    parquet_file::{self, NewFile, Writer},
    scan::STORE,
    stream::StreamState,
    table::{Change, DataFile, Files},
};

/// Runs of one tier that are merged.
const RUNS_PER_TIER: usize = 4;
/// Runs that are merged at once; each keeps a piece of its file in memory.
const RUNS_MAX: usize = 16;
/// Rows of the smallest tier; each next one is [`RUNS_PER_TIER`] times as large.
const SMALLEST_TIER_ROWS: u64 = 1_000;
/// Rows of a file, and bytes, whichever comes first.
const FILE_ROWS: u64 = 1_000_000;
const FILE_BYTES: usize = 128 * 1024 * 1024;
/// Times that a merge is offered to the log while other nodes commit.
const COMMITS_TRIED: usize = 8;

/// How much is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What the tiers ask for.
    Due,
    /// Each month into one run.
    Full,
}

/// The files of one run, in the order of their rows.
type Run = Vec<DataFile>;

/// Merges runs of a stream until nothing is left to merge; answers how many files were replaced.
pub(crate) async fn compact(
    parts: &Parts,
    stream: &Arc<StreamState>,
    extent: Extent,
) -> Result<usize, UsageError> {
    let mut replaced = 0;
    loop {
        let files = {
            // Looks at the log once, so that what other nodes did is known.
            let _guard = stream.change(&parts.objects).await?;
            stream.files()
        };
        let Some(runs) = choose(&files, extent)? else {
            return Ok(replaced);
        };
        let count = runs.iter().map(Vec::len).sum::<usize>();
        if !merge(parts, stream, &files, runs).await? {
            return Ok(replaced);
        }
        replaced += count;
    }
}

/// The runs to merge next, if any.
fn choose(files: &Files, extent: Extent) -> Result<Option<Vec<Run>>, UsageError> {
    for runs in by_month(files)?.into_values() {
        let chosen = match extent {
            Extent::Full if runs.len() > 1 => Some(runs),
            Extent::Full => None,
            Extent::Due => crowded(runs),
        };
        if let Some(mut runs) = chosen {
            runs.sort_by_key(rows);
            runs.truncate(RUNS_MAX);
            return Ok(Some(runs));
        }
    }
    Ok(None)
}

/// The runs of the smallest tier that is full, and those of the tiers below it.
fn crowded(runs: Vec<Run>) -> Option<Vec<Run>> {
    let mut tiers: BTreeMap<u32, usize> = BTreeMap::new();
    for run in &runs {
        *tiers.entry(tier(run)).or_default() += 1;
    }
    let full = tiers
        .into_iter()
        .find(|(_, count)| *count >= RUNS_PER_TIER)?
        .0;
    Some(runs.into_iter().filter(|run| tier(run) <= full).collect())
}

fn tier(run: &Run) -> u32 {
    (rows(run) / SMALLEST_TIER_ROWS)
        .max(1)
        .ilog(RUNS_PER_TIER as u64)
}

fn rows(run: &Run) -> u64 {
    run.iter().map(|file| file.bounds.rows).sum()
}

/// The runs of each month; files with rows of several months are a group of their own.
fn by_month(files: &Files) -> Result<BTreeMap<Option<i32>, Vec<Run>>, UsageError> {
    let mut months: BTreeMap<Option<i32>, BTreeMap<&str, Run>> = BTreeMap::new();
    for file in &files.files {
        let month = month(file)?;
        let name = file.name.split('-').next().unwrap_or_default();
        months
            .entry(month)
            .or_default()
            .entry(name)
            .or_default()
            .push(file.clone());
    }
    let ordered = months.into_iter().map(|(month, runs)| {
        let runs = runs.into_values().map(|mut run| {
            run.sort_by(|one, other| one.name.cmp(&other.name));
            run
        });
        (month, runs.collect())
    });
    Ok(ordered.collect())
}

fn month(file: &DataFile) -> Result<Option<i32>, UsageError> {
    let Some((low, high)) = file.bounds.times else {
        return Ok(None);
    };
    // The upper bound is widened by less than a millisecond when it is read from the log.
    let (low, high) = (
        parquet_file::month(low)?,
        parquet_file::month((high - 999).max(low))?,
    );
    Ok((low == high).then_some(low))
}

/// Merges runs into one; answers whether it is in the table, which it is not where somebody else changed
/// one of the files meanwhile.
async fn merge(
    parts: &Parts,
    stream: &StreamState,
    files: &Files,
    runs: Vec<Run>,
) -> Result<bool, UsageError> {
    let Some(schema) = files.columns.clone() else {
        return Ok(false);
    };
    let removed: Vec<DataFile> = runs.iter().flatten().cloned().collect();
    let rows = open(parts, &schema, runs).map_err(unavailable)?;
    let added = write(parts, stream, &schema, rows).await?;
    faults::point("compaction_files_written");
    let change = Change {
        added,
        removed,
        is_rearrangement: true,
        at: parts.clock.now(),
        ..Change::default()
    };
    for _ in 0..COMMITS_TRIED {
        let mut guard = stream.change(&parts.objects).await?;
        let present = stream.files();
        let is_there = |file: &DataFile| present.files.iter().any(|known| known.name == file.name);
        let is_unchanged = change.removed.iter().all(is_there);
        let Some(table) = guard.as_mut().filter(|_| is_unchanged) else {
            return Ok(false);
        };
        faults::point("compaction_before_log");
        if let Err(error) = table.commit(change.clone()).await {
            tracing::debug!(%error, "another node was first, the merge is offered again");
            continue;
        }
        faults::point("compaction_after_log");
        stream.publish(guard.as_ref()).await?;
        return Ok(true);
    }
    Ok(false)
}

/// The rows of all runs in the order of files.
fn open(
    parts: &Parts,
    schema: &SchemaRef,
    runs: Vec<Run>,
) -> QueryResult<SendableRecordBatchStream> {
    let order = [CUSTOMER_ID, TIMESTAMP, SEQUENCE].map(|name| {
        let expr = col(name, schema)?;
        let options = arrow::compute::SortOptions {
            descending: false,
            nulls_first: true,
        };
        Ok(PhysicalSortExpr::new(expr, options))
    });
    let order = order.into_iter().collect::<QueryResult<Vec<_>>>()?;
    let order = LexOrdering::new(order)
        .ok_or_else(|| datafusion::common::internal_datafusion_err!("files have an order"))?;
    let groups = runs.into_iter().map(|run| {
        let files = run.into_iter();
        let files = files.map(|file| PartitionedFile::new(file.path.to_string(), file.size));
        FileGroup::new(files.collect())
    });
    let store = ObjectStoreUrl::parse(STORE)?;
    let source = Arc::new(ParquetSource::new(Arc::clone(schema)));
    let config = FileScanConfigBuilder::new(store.clone(), source)
        .with_file_groups(groups.collect())
        .with_output_ordering(vec![order.clone()])
        .build();
    let context = SessionContext::new();
    context.register_object_store(store.as_ref(), Arc::clone(&parts.objects.store));
    let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
    let plan: Arc<dyn ExecutionPlan> = match scan.output_partitioning().partition_count() {
        1 => scan,
        _ => Arc::new(SortPreservingMergeExec::new(order, scan)),
    };
    plan.execute(0, context.task_ctx())
}

async fn write(
    parts: &Parts,
    stream: &StreamState,
    schema: &SchemaRef,
    mut rows: SendableRecordBatchStream,
) -> Result<Vec<NewFile>, UsageError> {
    let run = new_run(parts);
    let mut written = Vec::new();
    let mut writer = Writer::new(schema, true)?;
    while let Some(batch) = rows.try_next().await.map_err(unavailable)? {
        writer = blocking(move || {
            writer.write(&batch)?;
            Ok(writer)
        })
        .await?;
        if writer.rows() >= FILE_ROWS || writer.bytes() >= FILE_BYTES {
            let full = std::mem::replace(&mut writer, Writer::new(schema, true)?);
            written.push(end(parts, stream, &run, written.len() + 1, full).await?);
        }
    }
    if writer.rows() > 0 {
        written.push(end(parts, stream, &run, written.len() + 1, writer).await?);
    }
    Ok(written)
}

async fn end(
    parts: &Parts,
    stream: &StreamState,
    run: &str,
    number: usize,
    writer: Writer,
) -> Result<NewFile, UsageError> {
    let (bytes, bounds) = blocking(move || writer.finish()).await?;
    put(parts, stream.id, (run, number), (bytes, bounds)).await
}
