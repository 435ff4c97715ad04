//! Columns while they are filled, one event after the other.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, ListArray,
        RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    buffer::{NullBuffer, OffsetBuffer},
    error::ArrowError,
};
use florin_core::usage::{DataType, Event, Schema, Value};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use crate::columns;

/// One column.
pub(super) enum Column {
    Text(StringBuilder),
    Int(Int64Builder),
    Decimal(Decimal128Builder),
    Day(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Bool(BooleanBuilder),
    /// Built at the end: lists are rare.
    List(DataType, Vec<Value>),
}

/// All columns that a sender fills: `customer_id`, `timestamp`, then the schema's fields.
pub(super) struct Builders {
    pub(super) customer_id: StringBuilder,
    pub(super) timestamp: TimestampMicrosecondBuilder,
    pub(super) data: Vec<Column>,
    pub(super) events: usize,
}

impl Builders {
    pub(super) fn new(schema: &Schema, events: usize) -> Self {
        let data = schema.fields().iter();
        Self {
            customer_id: StringBuilder::with_capacity(events, events * 16),
            timestamp: TimestampMicrosecondBuilder::with_capacity(events),
            data: data
                .map(|field| Column::new(&field.data_type, events))
                .collect(),
            events: 0,
        }
    }

    /// Adds an event that the core has read.
    pub(super) fn event(&mut self, event: &Event) {
        self.customer_id.append_value(&event.customer_id);
        self.timestamp
            .append_value(event.timestamp.as_microsecond());
        let values = event.data.iter().chain(std::iter::repeat(&Value::Null));
        for (column, value) in self.data.iter_mut().zip(values) {
            column.append(value);
        }
        self.events += 1;
    }

    pub(super) fn finish(mut self, schema: &Schema) -> Result<RecordBatch, ArrowError> {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.customer_id.finish()),
            Arc::new(self.timestamp.finish().with_timezone("UTC")),
        ];
        for column in self.data {
            arrays.push(column.finish()?);
        }
        RecordBatch::try_new(columns::sent(schema), arrays)
    }
}

impl Column {
    fn new(data_type: &DataType, events: usize) -> Self {
        match data_type {
            DataType::String | DataType::Uuid => {
                Self::Text(StringBuilder::with_capacity(events, events * 16))
            }
            DataType::Int64 => Self::Int(Int64Builder::with_capacity(events)),
            DataType::Float64 | DataType::Decimal => {
                Self::Decimal(Decimal128Builder::with_capacity(events))
            }
            DataType::Date32 => Self::Day(Date32Builder::with_capacity(events)),
            DataType::DateTime64 => {
                Self::Instant(TimestampMicrosecondBuilder::with_capacity(events))
            }
            DataType::Bool => Self::Bool(BooleanBuilder::with_capacity(events)),
            DataType::Array(of) => Self::List(DataType::clone(of), Vec::with_capacity(events)),
        }
    }

    /// Values that were added.
    pub(super) fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Self::Text(builder) => builder.len(),
            Self::Int(builder) => builder.len(),
            Self::Decimal(builder) => builder.len(),
            Self::Day(builder) => builder.len(),
            Self::Instant(builder) => builder.len(),
            Self::Bool(builder) => builder.len(),
            Self::List(_, values) => values.len(),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::Day(builder) => builder.append_null(),
            Self::Instant(builder) => builder.append_null(),
            Self::Bool(builder) => builder.append_null(),
            Self::List(_, values) => values.push(Value::Null),
        }
    }

    /// A value of the column's type; the core has checked it, so any other is a null.
    fn append(&mut self, value: &Value) {
        match (self, value) {
            (Self::Text(builder), Value::String(text)) => builder.append_value(text),
            (Self::Text(builder), Value::Uuid(id)) => builder.append_value(id.to_string()),
            (Self::Int(builder), Value::Int64(number)) => builder.append_value(*number),
            (Self::Decimal(builder), Value::Float64(number) | Value::Decimal(number)) => {
                builder.append_value(scaled(*number));
            }
            (Self::Day(builder), Value::Date32(day)) => builder.append_value(days(*day)),
            (Self::Instant(builder), Value::DateTime64(at)) => {
                builder.append_value(at.as_microsecond());
            }
            (Self::Bool(builder), Value::Bool(value)) => builder.append_value(*value),
            (Self::List(_, values), value) => values.push(value.clone()),
            (column, _) => column.append_null(),
        }
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder) => {
                let (precision, scale) = (columns::DECIMAL_PRECISION, columns::DECIMAL_SCALE);
                Arc::new(
                    builder
                        .finish()
                        .with_precision_and_scale(precision, scale)?,
                )
            }
            Self::Day(mut builder) => Arc::new(builder.finish()),
            Self::Instant(mut builder) => Arc::new(builder.finish().with_timezone("UTC")),
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::List(of, values) => Arc::new(list(&of, &values)?),
        })
    }
}

fn list(of: &DataType, lists: &[Value]) -> Result<ListArray, ArrowError> {
    let items = |list: &Value| match list {
        Value::Array(items) => items.clone(),
        _ => Vec::new(),
    };
    let lengths = lists.iter().map(|list| items(list).len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let mut column = Column::new(of, 0);
    for item in lists.iter().flat_map(items) {
        column.append(&item);
    }
    let nulls = lists.iter().map(|list| !list.is_null());
    let nulls = NullBuffer::from_iter(nulls);
    let field = Arc::new(columns::item(of));
    ListArray::try_new(field, offsets, column.finish()?, Some(nulls))
}

/// A decimal as the integer of its column. What the core has read fits 38 digits.
pub(crate) fn scaled(number: Decimal) -> i128 {
    let places = u32::from(columns::DECIMAL_SCALE.unsigned_abs());
    let missing = places.saturating_sub(number.scale());
    number.mantissa() * 10_i128.pow(missing)
}

/// Days since the epoch.
pub(crate) fn days(day: Date) -> i32 {
    let epoch = Timestamp::UNIX_EPOCH
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let span = day.since(epoch);
    span.map_or(0, |span| span.get_days())
}
