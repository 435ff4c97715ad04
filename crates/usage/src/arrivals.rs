//! What came to a stream above a sequence: how entitlements follow usage without asking a metric each time.
//!
//! Owns where that is looked for (the inbox, as long as it reaches back so far, or else the table files), and when only
//! measuring anew will do. Does not own what an event adds ([`UsageQuery::contribution`]).

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch},
    datatypes::Int64Type,
};
use datafusion::logical_expr::{ident, lit};
use florin_app::usage::{Arrivals, Arrived, Stream, UsageError, UsageResult};
use florin_core::usage::{
    Contribution, DataType, Event, Recorded, Schema, UsageQuery, Value, schema::Column,
};
use florin_store::{
    usage_correction,
    usage_inbox::{self, Batch},
};

use crate::{
    Engine, columns,
    engine::id_of,
    error::unavailable,
    flush,
    inbox::{self, Layer},
    metric::unreadable,
    session::refused,
    values,
};

/// What the inbox knows above a sequence.
enum Recent {
    /// Nothing came; the newest sequence.
    Nothing(i64),
    /// Every row that came.
    Rows(Vec<Batch>),
    /// Some of it is in table files by now; the newest sequence.
    Flushed(i64),
}

impl Engine {
    /// As [`florin_app::usage::Usage::arrivals`].
    pub(crate) async fn arrived(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        above: u64,
    ) -> UsageResult<Arrivals> {
        let above = i64::try_from(above).unwrap_or(i64::MAX);
        match self.recent(stream, above).await? {
            Recent::Nothing(reached) => Ok(answer(reached, Arrived::Events(Vec::new()))),
            Recent::Rows(rows) => {
                let reached = rows.last().map_or(above, Batch::last_sequence);
                let rewrites = |row: &Batch| row.removed.is_some() || row.backfill.is_some();
                if !query.adds_up() || rows.iter().any(rewrites) {
                    return Ok(answer(reached, Arrived::Rewritten));
                }
                let batches = decoded(&rows)?;
                Ok(answer(reached, events(&batches, &stream.schema, query)?))
            }
            Recent::Flushed(reached) if !query.adds_up() => Ok(answer(reached, Arrived::Rewritten)),
            Recent::Flushed(_) => self.in_files(stream, query, above).await,
        }
    }

    async fn recent(&self, stream: &Stream, above: i64) -> UsageResult<Recent> {
        let id = id_of(stream);
        let mut tx = flush::read(&self.parts, id).await?;
        let rows = usage_inbox::read(&mut tx, id, above, (i64::MAX, usize::MAX)).await;
        let rows = rows.map_err(unavailable)?;
        if reaches_back(&rows, above) {
            return Ok(Recent::Rows(rows));
        }
        let progress = usage_inbox::progress_one(&mut tx, id).await;
        let accepted = progress.map_err(unavailable)?.map_or(0, |one| one.accepted);
        Ok(match accepted <= above {
            true => Recent::Nothing(accepted),
            false => Recent::Flushed(accepted),
        })
    }

    /// Only files whose sequences are so high are read.
    async fn in_files(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        above: i64,
    ) -> UsageResult<Arrivals> {
        let opened = self.opened(stream).await?;
        // Asked after the table was opened: a change that it has is known here.
        let mut tx = flush::read(&self.parts, id_of(stream)).await?;
        let rewritten = usage_correction::is_rewritten(&mut tx, stream.id, above).await;
        if rewritten.map_err(unavailable)? {
            return Ok(answer(opened.reached, Arrived::Rewritten));
        }
        drop(tx);
        let session = self.parts.queries.session()?;
        let table = session.read(Arc::clone(&opened.table))?;
        let newer = table.filter(ident(columns::SEQUENCE).gt(lit(above)));
        let newer = newer.map_err(|error| refused(&error))?;
        let batches = match session.collect(newer).await {
            Ok(batches) => batches,
            // So many that measuring is quicker.
            Err(UsageError::Limit { .. }) => {
                return Ok(answer(opened.reached, Arrived::Rewritten));
            }
            Err(error) => return Err(error),
        };
        let arrived = events(&batches, &stream.schema, query)?;
        Ok(answer(opened.reached, arrived))
    }
}

fn answer(reached: i64, arrived: Arrived) -> Arrivals {
    Arrivals {
        reached: reached.unsigned_abs(),
        arrived,
    }
}

/// Whether the rows are all that came above the sequence: sequences have no gap.
fn reaches_back(rows: &[Batch], above: i64) -> bool {
    let mut last = above;
    let follow = rows.iter().all(|row| {
        let follows = last.checked_add(1) == Some(row.first_sequence);
        last = row.last_sequence();
        follows
    });
    follow && !rows.is_empty()
}

fn decoded(rows: &[Batch]) -> UsageResult<Vec<RecordBatch>> {
    let layers = inbox::layers(rows, None)?.into_iter();
    let batches = layers.flat_map(|layer| match layer {
        Layer::Events { batches, .. } => batches,
        Layer::Backfill { .. } => Vec::new(),
    });
    Ok(batches.collect())
}

fn events(batches: &[RecordBatch], schema: &Schema, query: &UsageQuery) -> UsageResult<Arrived> {
    let mut added = Vec::new();
    for batch in batches {
        add(batch, schema, query, &mut added).ok_or_else(unreadable)?;
    }
    added.sort_by_key(|one: &Contribution| one.sequence);
    Ok(Arrived::Events(added))
}

/// Adds what the events of a batch add; `None` where it has values that nobody sends.
fn add(
    batch: &RecordBatch,
    schema: &Schema,
    query: &UsageQuery,
    added: &mut Vec<Contribution>,
) -> Option<()> {
    let sequences: &Int64Array = batch
        .column_by_name(columns::SEQUENCE)?
        .as_primitive_opt::<Int64Type>()?;
    let fields = schema.fields().len();
    let columns = [Column::CustomerId, Column::Timestamp].into_iter();
    let columns: Vec<Option<Typed<'_>>> = columns
        .chain((0..fields).map(Column::Data))
        .map(|column| Typed::of(batch, schema, column))
        .collect::<Option<_>>()?;
    for row in 0..batch.num_rows() {
        let mut values = columns.iter().map(|column| match column {
            Some(column) => column.value(row),
            // The row is older than the field.
            None => Some(Value::Null),
        });
        let (Value::String(customer_id), Value::DateTime64(timestamp)) =
            (values.next()??, values.next()??)
        else {
            return None;
        };
        let event = Event {
            customer_id,
            timestamp,
            data: values.collect::<Option<_>>()?,
        };
        let sequence = u64::try_from(sequences.value(row)).ok()?;
        added.extend(query.contribution(&Recorded { sequence, event }));
    }
    Some(())
}

/// A column and the type that its values have in the schema.
struct Typed<'s> {
    values: ArrayRef,
    data_type: &'s DataType,
}

impl<'s> Typed<'s> {
    /// The inner option is empty where the batch has no such column, the outer one where it cannot be read.
    fn of(batch: &RecordBatch, schema: &'s Schema, column: Column) -> Option<Option<Self>> {
        let Some(values) = batch.column_by_name(&columns::name(schema, column)) else {
            return Some(None);
        };
        let values = values::readable(values).ok()?;
        let data_type = schema.data_type(column);
        Some(Some(Self { values, data_type }))
    }

    fn value(&self, row: usize) -> Option<Value> {
        typed(values::value(&self.values, row)?, self.data_type)
    }
}

/// Two types share a column's type with another one.
fn typed(value: Value, data_type: &DataType) -> Option<Value> {
    Some(match (value, data_type) {
        (Value::Decimal(number), DataType::Float64) => Value::Float64(number),
        (Value::String(text), DataType::Uuid) => Value::Uuid(text.parse().ok()?),
        (Value::Array(items), DataType::Array(of)) => {
            let items = items.into_iter().map(|item| typed(item, of));
            Value::Array(items.collect::<Option<_>>()?)
        }
        (value, _) => value,
    })
}
