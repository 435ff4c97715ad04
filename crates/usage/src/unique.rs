//! Events that replace earlier ones: streams with `unique_by`.
//!
//! Owns finding rows of the same identity. Of several events with one identity the one with the largest
//! sequence counts; an identity with a null in it is none. Replaced rows go when the replacing event is
//! flushed, so queries pay for the few rows of the inbox only.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    row::{OwnedRow, RowConverter, SortField},
};
use florin_app::usage::UsageError;
use florin_store::usage_inbox::StreamId;
use object_store::ObjectStoreExt;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::{
    engine::Parts,
    error::unavailable,
    flush::{blocking, new_run, put},
    parquet_file::{Bounds, NewFile, Writer, sequences},
    stream::StreamState,
    table::{Change, DataFile},
};

/// Names of the columns that identify an event.
pub(crate) type Identity = Vec<String>;

/// The identities of a batch's rows, in a form that compares; `None` for those with a null.
fn keys(batch: &RecordBatch, identity: &Identity) -> Result<Vec<Option<OwnedRow>>, UsageError> {
    let columns = identity
        .iter()
        .map(|name| batch.column_by_name(name).cloned());
    let Some(columns) = columns.collect::<Option<Vec<ArrayRef>>>() else {
        // Events from before a column was added are all null there.
        return Ok(vec![None; batch.num_rows()]);
    };
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(unavailable)?;
    let rows = converter.convert_columns(&columns).map_err(unavailable)?;
    let keys = rows.iter().enumerate().map(|(index, row)| {
        let is_whole = columns.iter().all(|column| column.is_valid(index));
        is_whole.then(|| row.owned())
    });
    Ok(keys.collect())
}

/// The rows that count: of each identity the one with the largest sequence.
pub(crate) fn latest(batch: &RecordBatch, identity: &Identity) -> Result<RecordBatch, UsageError> {
    let keys = keys(batch, identity)?;
    let sequences = sequences(batch)?.values();
    let mut last: HashMap<&OwnedRow, usize> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        let Some(key) = key else {
            continue;
        };
        let kept = last.entry(key).or_insert(index);
        if sequences[index] > sequences[*kept] {
            *kept = index;
        }
    }
    let mask: BooleanArray = keys
        .iter()
        .enumerate()
        .map(|(index, key)| Some(key.as_ref().is_none_or(|key| last.get(key) == Some(&index))))
        .collect();
    filter_record_batch(batch, &mask).map_err(unavailable)
}

/// The rows of `batch` that count, and in `change` the files that replace those with rows that no longer
/// do.
pub(crate) async fn replace(
    parts: &Parts,
    stream: &StreamState,
    identity: &Identity,
    batch: &RecordBatch,
    change: &mut Change,
) -> Result<RecordBatch, UsageError> {
    let batch = latest(batch, identity)?;
    let replaced: HashSet<OwnedRow> = keys(&batch, identity)?.into_iter().flatten().collect();
    let replaced = Arc::new(replaced);
    let mut bounds = Bounds::default();
    bounds.add(&batch)?;
    for file in &stream.files().files {
        if !file.bounds.can_share(&bounds, identity) {
            continue;
        }
        let bytes = parts
            .objects
            .store
            .get(&file.path)
            .await
            .map_err(unavailable)?;
        let bytes = bytes.bytes().await.map_err(unavailable)?;
        let (identity, replaced) = (identity.clone(), Arc::clone(&replaced));
        let outcome = blocking(move || {
            let goes = |batch: &RecordBatch| -> Result<BooleanArray, UsageError> {
                let keys = keys(batch, &identity)?;
                let goes = keys
                    .iter()
                    .map(|key| Some(key.as_ref().is_some_and(|key| replaced.contains(key))));
                Ok(goes.collect())
            };
            if !any(&bytes, &identity, &goes)? {
                return Ok(None);
            }
            without(&bytes, &goes).map(Some)
        });
        if let Some(rest) = outcome.await? {
            let run = new_run(parts);
            take(parts, stream.id, change, (file, &run), rest).await?;
        }
    }
    Ok(batch)
}

/// Whether any row of a file goes; only the columns that decide are read.
pub(crate) fn any(
    bytes: &bytes::Bytes,
    columns: &[String],
    goes: &dyn Fn(&RecordBatch) -> Result<BooleanArray, UsageError>,
) -> Result<bool, UsageError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(unavailable)?;
    let schema = reader.schema().clone();
    let wanted: Vec<usize> = columns
        .iter()
        .filter_map(|name| schema.index_of(name).ok())
        .collect();
    if wanted.len() < columns.len() {
        // The file is older than a column of the identity: none of its rows has one.
        return Ok(false);
    }
    let mask = ProjectionMask::roots(reader.parquet_schema(), wanted);
    for batch in reader.with_projection(mask).build().map_err(unavailable)? {
        if goes(&batch.map_err(unavailable)?)?.has_true() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is left of a file without the rows that go, as a new file; `None` where nothing is left.
pub(crate) fn without(
    bytes: &bytes::Bytes,
    goes: &dyn Fn(&RecordBatch) -> Result<BooleanArray, UsageError>,
) -> Result<Option<(Vec<u8>, Bounds)>, UsageError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(unavailable)?;
    let mut writer = Writer::new(reader.schema(), true)?;
    for batch in reader.build().map_err(unavailable)? {
        let batch = batch.map_err(unavailable)?;
        let stays = arrow::compute::not(&goes(&batch)?).map_err(unavailable)?;
        let rest = filter_record_batch(&batch, &stays).map_err(unavailable)?;
        if rest.num_rows() > 0 {
            writer.write(&rest)?;
        }
    }
    match writer.rows() {
        0 => Ok(None),
        _ => writer.finish().map(Some),
    }
}

/// Exchanges a file for what is left of it.
pub(crate) async fn take(
    parts: &Parts,
    id: StreamId,
    change: &mut Change,
    (file, run): (&DataFile, &str),
    rest: Option<(Vec<u8>, Bounds)>,
) -> Result<(), UsageError> {
    change.removed.push(file.clone());
    if let Some((bytes, bounds)) = rest {
        let number = change.added.len() + 1;
        let written: NewFile = put(parts, id, (run, number), (bytes, bounds)).await?;
        change.added.push(written);
    }
    Ok(())
}
