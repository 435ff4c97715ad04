//! Events as Arrow columns.
//!
//! Owns names and types of columns, in the inbox and in table files. Does not own reading JSON
//! ([`crate::decode`]).
//!
//! | schema | Arrow | Delta |
//! |---|---|---|
//! | String, UUID | Utf8 | string |
//! | Int64 | Int64 | long |
//! | Float64, Decimal | Decimal128(38, 12) | decimal(38,12) |
//! | Date32 | Date32 | date |
//! | DateTime64 | Timestamp(µs, UTC) | timestamp |
//! | Bool | Boolean | boolean |
//! | Array(T) | List(T) | array |
//!
//! A field is the flat column `data.<field>`, not a member of a struct: engines prune and skip flat
//! columns better. `_seq` identifies an event within its stream.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray, new_null_array},
    datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use florin_core::usage::{DataType, Schema, schema::Column};

/// The event's place in its stream: grows with each event, unique within the stream.
pub(crate) const SEQUENCE: &str = "_seq";
/// When the event was accepted.
pub(crate) const RECEIVED_AT: &str = "_received_at";
/// Whose usage it is.
pub(crate) const CUSTOMER_ID: &str = "customer_id";
/// When it happened.
pub(crate) const TIMESTAMP: &str = "timestamp";

/// Digits of decimal columns, and those after the point.
pub(crate) const DECIMAL_PRECISION: u8 = 38;
pub(crate) const DECIMAL_SCALE: i8 = florin_core::usage::number::DECIMAL_PLACES_MAX as i8;

/// The Arrow type of an instant.
pub(crate) fn instant_type() -> ArrowType {
    ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Arrow type of a field.
pub(crate) fn arrow_type(data_type: &DataType) -> ArrowType {
    match data_type {
        DataType::String | DataType::Uuid => ArrowType::Utf8,
        DataType::Int64 => ArrowType::Int64,
        DataType::Float64 | DataType::Decimal => {
            ArrowType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE)
        }
        DataType::Date32 => ArrowType::Date32,
        DataType::DateTime64 => instant_type(),
        DataType::Bool => ArrowType::Boolean,
        DataType::Array(of) => ArrowType::List(Arc::new(item(of))),
    }
}

/// The field of a list's items.
pub(crate) fn item(of: &DataType) -> Field {
    Field::new("element", arrow_type(of), true)
}

/// The name of a column.
pub(crate) fn name(schema: &Schema, column: Column) -> String {
    schema.path(column)
}

/// What senders send: `customer_id`, `timestamp`, `data.<field>`.
pub(crate) fn sent(schema: &Schema) -> SchemaRef {
    Arc::new(ArrowSchema::new(sent_fields(schema)))
}

fn sent_fields(schema: &Schema) -> Vec<Field> {
    let mut fields = vec![
        Field::new(CUSTOMER_ID, ArrowType::Utf8, true),
        Field::new(TIMESTAMP, instant_type(), true),
    ];
    let data = schema.fields().iter();
    fields.extend(data.map(|field| {
        let name = format!("data.{}", field.name);
        Field::new(name, arrow_type(&field.data_type), true)
    }));
    fields
}

/// Florin's own columns.
pub(crate) fn own() -> SchemaRef {
    Arc::new(ArrowSchema::new(own_fields()))
}

fn own_fields() -> Vec<Field> {
    vec![
        Field::new(SEQUENCE, ArrowType::Int64, true),
        Field::new(RECEIVED_AT, instant_type(), true),
    ]
}

/// What table files hold: what was sent, `_seq` and `_received_at`. Every column may be null as far as
/// readers know, so that adding a field changes no older file.
pub(crate) fn kept(schema: &Schema) -> SchemaRef {
    let mut fields = own_fields();
    fields.extend(sent_fields(schema));
    Arc::new(ArrowSchema::new(fields))
}

/// The columns of `batch` in the order of `schema`; nulls for what it lacks.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| {
        let known = batch.column_by_name(field.name()).cloned();
        known.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect())
}

/// Adds `_seq`, counted from `first_sequence`, and `_received_at` to what was sent.
pub(crate) fn keep(
    sent: &RecordBatch,
    first_sequence: i64,
    received_at: jiff::Timestamp,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let count = sent.num_rows();
    let last = first_sequence + count as i64;
    let sequences = Int64Array::from_iter_values(first_sequence..last);
    let received = vec![received_at.as_microsecond(); count];
    let received = TimestampMicrosecondArray::from(received).with_timezone("UTC");
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            SEQUENCE => Arc::new(sequences.clone()),
            RECEIVED_AT => Arc::new(received.clone()),
            name => match sent.column_by_name(name) {
                Some(column) => Arc::clone(column),
                None => new_null_array(field.data_type(), count),
            },
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect())
}

/// The column of a batch, or why it is not there.
pub(crate) fn column<'b, A: Array + 'static>(
    batch: &'b RecordBatch,
    name: &str,
) -> Result<&'b A, ArrowError> {
    let column = batch.column_by_name(name);
    let typed = column.and_then(|column| column.as_any().downcast_ref::<A>());
    typed.ok_or_else(|| ArrowError::SchemaError(format!("no column {name} of the expected type")))
}
