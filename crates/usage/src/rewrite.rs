//! Files without the rows that go: replaced events, and those that corrections and backfills take out.
//!
//! Owns the exchange of a file for what is left of it, within the commit that makes the rows go. Does not own
//! which rows go ([`crate::unique`], [`crate::removal`]).

use std::sync::Arc;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use bytes::Bytes;
use florin_app::usage::UsageError;
use object_store::ObjectStoreExt;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::{
    columns::{SEQUENCE, TIMESTAMP},
    engine::Parts,
    error::unavailable,
    flush::{blocking, new_run, put},
    parquet_file::{Bounds, Writer},
    removal::Removals,
    stream::StreamState,
    table::{Change, DataFile},
    unique::Replaced,
};

/// What goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Going {
    /// Events with these identities.
    pub(crate) replaced: Option<Replaced>,
    /// These.
    pub(crate) removals: Removals,
}

impl Going {
    fn can_touch(&self, file: &Bounds) -> bool {
        let replaced = self.replaced.as_ref();
        self.removals.can_touch(file) || replaced.is_some_and(|one| one.can_touch(file))
    }

    /// The columns that decide.
    fn columns(&self) -> Vec<&str> {
        let mut columns = vec![SEQUENCE, TIMESTAMP];
        let identity = self.replaced.iter().flat_map(Replaced::identity);
        columns.extend(identity.map(String::as_str));
        columns
    }

    fn goes(&self, batch: &RecordBatch) -> Result<BooleanArray, UsageError> {
        let removed = self.removals.goes(batch)?;
        match &self.replaced {
            Some(replaced) => {
                arrow::compute::or(&removed, &replaced.goes(batch)?).map_err(unavailable)
            }
            None => Ok(removed),
        }
    }

    fn is_empty(&self) -> bool {
        self.removals.is_empty() && self.replaced.is_none()
    }
}

/// Puts into `change` the files that take the place of those with rows that go.
pub(crate) async fn rewrite(
    parts: &Parts,
    stream: &StreamState,
    going: Going,
    change: &mut Change,
) -> Result<(), UsageError> {
    if going.is_empty() {
        return Ok(());
    }
    let going = Arc::new(going);
    for file in &stream.files().files {
        if !going.can_touch(&file.bounds) {
            continue;
        }
        let bytes = bytes_of(parts, file).await?;
        let going = Arc::clone(&going);
        let outcome = blocking(move || {
            if !any(&bytes, &going)? {
                return Ok(None);
            }
            without(&bytes, &going).map(Some)
        });
        if let Some(rest) = outcome.await? {
            change.removed.push(file.clone());
            if let Some((bytes, bounds)) = rest {
                // A rest stands in the order of its file, so it is a run of its own.
                let run = new_run(parts);
                let written = put(parts, stream.id, (&run, 1), (bytes, bounds)).await?;
                change.added.push(written);
            }
        }
    }
    Ok(())
}

/// The bytes of a file.
pub(crate) async fn bytes_of(parts: &Parts, file: &DataFile) -> Result<Bytes, UsageError> {
    let got = parts.objects.store.get(&file.path).await;
    got.map_err(unavailable)?.bytes().await.map_err(unavailable)
}

/// Whether any row of a file goes; only the columns that decide are read.
fn any(bytes: &Bytes, going: &Going) -> Result<bool, UsageError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(unavailable)?;
    let schema = reader.schema().clone();
    // A file that is older than a column has none of it.
    let wanted = going.columns().into_iter();
    let wanted = wanted.filter_map(|name| schema.index_of(name).ok());
    let mask = ProjectionMask::roots(reader.parquet_schema(), wanted);
    for batch in reader.with_projection(mask).build().map_err(unavailable)? {
        if going.goes(&batch.map_err(unavailable)?)?.has_true() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is left of a file, as a new file; `None` where nothing is left.
fn without(bytes: &Bytes, going: &Going) -> Result<Option<(Vec<u8>, Bounds)>, UsageError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(unavailable)?;
    let mut writer = Writer::new(reader.schema(), true)?;
    for batch in reader.build().map_err(unavailable)? {
        let batch = batch.map_err(unavailable)?;
        let stays = arrow::compute::not(&going.goes(&batch)?).map_err(unavailable)?;
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
