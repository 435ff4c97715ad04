//! Inbox rows as columns. Owns decoding what [`crate::ingest`], [`crate::correct`] and [`crate::backfill`]
//! write there.

use std::{io::Cursor, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef, ipc::reader::StreamReader};
use florin_app::usage::UsageError;
use florin_store::usage_inbox::Batch;
use uuid::Uuid;

use crate::{columns, error::unavailable, removal::Removals, table};

/// Neighbouring rows of the inbox that are read together.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// Events, and what is taken out of all that came before and of these. What a row takes out came before
    /// it, so the order among them does not matter.
    Events {
        /// The events, in the order of their sequences.
        batches: Vec<RecordBatch>,
        /// What goes.
        removals: Removals,
    },
    /// The events of a backfill, after those of its window went.
    Backfill {
        /// Which.
        id: Uuid,
        /// What is added to the sequences of its events.
        shift: i64,
        /// What goes.
        removals: Removals,
    },
}

/// The layers of inbox rows; events as they are kept in table files, with the columns of `known`, then those
/// that only some rows have.
pub(crate) fn layers(rows: &[Batch], known: Option<&SchemaRef>) -> Result<Vec<Layer>, UsageError> {
    let mut decoded = Vec::with_capacity(rows.len());
    for row in rows {
        decoded.push((row, decode(row)?));
    }
    let schema = schema(&decoded, known);
    let mut layers = Vec::new();
    for (row, events) in decoded {
        if let Some(id) = row.backfill {
            let mut gone = Removals::default();
            gone.add(row.removed.as_deref().unwrap_or_default())?;
            layers.push(Layer::Backfill {
                id,
                shift: row.first_sequence,
                removals: gone,
            });
            continue;
        }
        if !matches!(layers.last(), Some(Layer::Events { .. })) {
            layers.push(Layer::Events {
                batches: Vec::new(),
                removals: Removals::default(),
            });
        }
        if let Some(Layer::Events { batches, removals }) = layers.last_mut() {
            if let Some(removed) = &row.removed {
                removals.add(removed)?;
            }
            if let Some(events) = events {
                let (first, at) = (row.first_event_sequence(), row.received_at);
                batches.push(columns::keep(&events, first, at, &schema).map_err(unavailable)?);
            }
        }
    }
    Ok(layers)
}

fn schema(decoded: &[(&Batch, Option<RecordBatch>)], known: Option<&SchemaRef>) -> SchemaRef {
    let mut schema = known.cloned().unwrap_or_else(columns::own);
    let mut last: Option<SchemaRef> = None;
    for batch in decoded.iter().filter_map(|(_, batch)| batch.as_ref()) {
        // Nearly all rows have the schema of the one before.
        if last.as_ref() != Some(batch.schema_ref()) {
            schema = table::merged(&schema, batch.schema_ref());
            last = Some(batch.schema());
        }
    }
    schema
}

/// The events of a row as they were sent; `None` where it has none of its own.
pub(crate) fn decode(row: &Batch) -> Result<Option<RecordBatch>, UsageError> {
    if row.events.is_empty() && (row.event_count == 0 || row.backfill.is_some()) {
        return Ok(None);
    }
    let mut reader = StreamReader::try_new(Cursor::new(&row.events), None).map_err(unavailable)?;
    let batch = reader.next().transpose().map_err(unavailable)?;
    let batch = batch.ok_or_else(|| unavailable("an inbox row without events"))?;
    match batch.num_rows() as i64 == row.event_count {
        true => Ok(Some(batch)),
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
