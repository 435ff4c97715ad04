//! Inbox rows as columns. Owns decoding what [`crate::ingest`] encodes.

use std::{io::Cursor, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef, ipc::reader::StreamReader};
use florin_app::usage::UsageError;
use florin_store::usage_inbox::Batch;

use crate::{columns, error::unavailable, table};

/// The events of inbox rows, as they are kept in table files; with the columns of `known`, then those
/// that only some rows have.
pub(crate) fn events(
    rows: &[Batch],
    known: Option<&SchemaRef>,
) -> Result<Vec<RecordBatch>, UsageError> {
    let mut decoded = Vec::with_capacity(rows.len());
    for row in rows {
        decoded.push((row, decode(row)?));
    }
    let mut schema = known.cloned().unwrap_or_else(columns::own);
    let mut last: Option<SchemaRef> = None;
    for (_, batch) in &decoded {
        // Nearly all rows have the schema of the one before.
        if last.as_ref() != Some(batch.schema_ref()) {
            schema = table::merged(&schema, batch.schema_ref());
            last = Some(batch.schema());
        }
    }
    let kept = decoded.iter().map(|(row, batch)| {
        columns::keep(batch, row.first_sequence, row.received_at, &schema).map_err(unavailable)
    });
    kept.collect()
}

fn decode(row: &Batch) -> Result<RecordBatch, UsageError> {
    let mut reader = StreamReader::try_new(Cursor::new(&row.events), None).map_err(unavailable)?;
    let batch = reader.next().transpose().map_err(unavailable)?;
    let batch = batch.ok_or_else(|| unavailable("an inbox row without events"))?;
    match batch.num_rows() as i64 == row.event_count {
        true => Ok(batch),
        false => Err(unavailable("an inbox row with another number of events")),
    }
}

/// One batch of many; `None` of none.
pub(crate) fn together(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, UsageError> {
    let Some(first) = batches.first() else {
        return Ok(None);
    };
    let schema = Arc::clone(first.schema_ref());
    let batch = arrow::compute::concat_batches(&schema, batches).map_err(unavailable)?;
    Ok(Some(batch))
}
