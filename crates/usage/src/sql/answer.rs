//! Answers of SQL metrics as quantities.

use std::collections::BTreeMap;

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{DataType as ArrowType, Schema as ArrowSchema, TimeUnit},
};
use florin_app::usage::{UsageError, UsageResult};
use florin_core::pricing::{Usage, UsageRow, UsageRows};
use rust_decimal::Decimal;

use super::set;
use crate::{metric::unreadable, values};

const QUANTITY: &str = "quantity";

/// Which column is what.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    quantity: usize,
    dimensions: Vec<(usize, String)>,
    customer: Option<usize>,
}

impl Shape {
    /// # Errors
    /// [`UsageError::Query`] where the column `quantity` is missing or no number.
    pub(super) fn of(schema: &ArrowSchema) -> UsageResult<Self> {
        let fields = schema.fields().iter().enumerate();
        let quantity = fields.clone().find(|(_, field)| field.name() == QUANTITY);
        let Some((quantity, field)) = quantity else {
            let names = schema.fields().iter();
            let names: Vec<String> = names.map(|field| format!("`{}`", field.name())).collect();
            return Err(refused(format!(
                "the answer has no column `{QUANTITY}` (it has {}): name it with AS",
                names.join(", ")
            )));
        };
        if !field.data_type().is_numeric() && !field.data_type().is_null() {
            let message = format!(
                "the column `{QUANTITY}` is {}, no number",
                word(field.data_type())
            );
            return Err(refused(message));
        }
        let dimensions = fields.filter(|(index, _)| *index != quantity);
        let dimensions = dimensions.map(|(index, field)| (index, field.name().clone()));
        Ok(Self {
            quantity,
            dimensions: dimensions.collect(),
            customer: None,
        })
    }

    /// The shape of a set form: the customer is none of the dimensions.
    pub(super) fn of_set(schema: &ArrowSchema) -> UsageResult<Self> {
        let mut shape = Self::of(schema)?;
        let customer = shape.dimensions.pop_if(|(_, name)| name == set::CUSTOMER);
        shape.customer = customer.map(|(index, _)| index);
        Ok(shape)
    }

    /// Names of the dimensions.
    pub(super) fn names(&self) -> Vec<String> {
        self.dimensions
            .iter()
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// The answer of one query.
    pub(super) fn usage(&self, batches: &[RecordBatch]) -> UsageResult<Usage> {
        let mut rows = Vec::new();
        for batch in batches {
            let columns = readable(batch)?;
            for row in 0..batch.num_rows() {
                rows.push(self.row(&columns, row)?);
            }
        }
        self.of_rows(rows)
    }

    /// The answers of a set form by the customer's key.
    pub(super) fn by_customer(
        &self,
        batches: &[RecordBatch],
    ) -> UsageResult<BTreeMap<String, Usage>> {
        let mut rows: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for batch in batches {
            let columns = readable(batch)?;
            let keys = self.customer.and_then(|index| columns.get(index));
            let keys = keys.ok_or_else(unreadable)?;
            for row in 0..batch.num_rows() {
                let key = values::value(keys, row).ok_or_else(unreadable)?;
                if !key.is_null() {
                    let rows = rows.entry(key.text()).or_default();
                    rows.push(self.row(&columns, row)?);
                }
            }
        }
        rows.into_iter()
            .map(|(key, rows)| Ok((key, self.of_rows(rows)?)))
            .collect()
    }

    fn row(&self, columns: &[ArrayRef], row: usize) -> UsageResult<UsageRow> {
        let texts = self.dimensions.iter().map(|(index, name)| {
            let value = columns
                .get(*index)
                .and_then(|column| values::value(column, row));
            let value = value.map(|value| value.text());
            value.ok_or_else(|| refused(format!("the column `{name}` has a value without text")))
        });
        let dimensions = texts.collect::<UsageResult<Vec<String>>>()?;
        let quantity = columns.get(self.quantity).ok_or_else(unreadable)?;
        Ok(UsageRow {
            quantity: number(quantity, row)?,
            dimensions,
        })
    }

    /// Rows in the order of their dimensions, so that one question has one answer.
    fn of_rows(&self, mut rows: Vec<UsageRow>) -> UsageResult<Usage> {
        if self.dimensions.is_empty() && rows.len() < 2 {
            let quantity = rows.first().map(|row| row.quantity);
            return Ok(Usage::Quantity(quantity.unwrap_or_default()));
        }
        let order = |row: &UsageRow| (row.dimensions.clone(), row.quantity);
        rows.sort_by_cached_key(order);
        let rows = UsageRows::new(self.names(), rows);
        Ok(Usage::Rows(rows.map_err(|_| unreadable())?))
    }
}

fn readable(batch: &RecordBatch) -> UsageResult<Vec<ArrayRef>> {
    let columns = batch.columns().iter().map(values::readable);
    columns.collect::<Result<_, _>>().map_err(|_| unreadable())
}

/// Null is 0.
fn number(quantities: &ArrayRef, row: usize) -> UsageResult<Decimal> {
    if quantities.is_null(row) || quantities.data_type().is_null() {
        return Ok(Decimal::ZERO);
    }
    let number = values::number_at(quantities, row);
    number.ok_or_else(|| UsageError::Overflow {
        message: "a quantity is too large or no number".to_owned(),
    })
}

fn refused(message: String) -> UsageError {
    UsageError::Query {
        message,
        position: None,
    }
}

/// Names and types of an answer's columns.
pub(super) fn types(schema: &ArrowSchema) -> Vec<(String, String)> {
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), word(field.data_type())))
        .collect()
}

/// A type in the words of raw metrics, where one fits.
fn word(data_type: &ArrowType) -> String {
    match data_type {
        text if text.is_string() => "String".to_owned(),
        whole if whole.is_integer() => "Int64".to_owned(),
        ArrowType::Decimal128(..) | ArrowType::Decimal256(..) => "Decimal".to_owned(),
        float if float.is_floating() => "Float64".to_owned(),
        ArrowType::Date32 => "Date32".to_owned(),
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => "DateTime64".to_owned(),
        ArrowType::Boolean => "Bool".to_owned(),
        ArrowType::List(item) => format!("Array({})", word(item.data_type())),
        other => other.to_string(),
    }
}
