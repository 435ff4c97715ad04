//! What is priced: a quantity, or rows of dimensions and quantities as a billable metric's query
//! answers them. Owns their shape. Does not own where they come from.

use rust_decimal::Decimal;

use super::arithmetic;
use super::error::PricingError;

/// The usage of one line in one period. Quantities may be fractions, and negative for corrections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A plain quantity, fixed or metered.
    Quantity(Decimal),
    /// A quantity for each combination of dimension values.
    Rows(UsageRows),
}

/// Quantities by dimension values. Every row has one value for each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRows {
    columns: Vec<String>,
    rows: Vec<UsageRow>,
}

/// One row of a metric's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// Dimension values, one for each of the columns; numbers as text.
    pub dimensions: Vec<String>,
    /// The result column `quantity`.
    pub quantity: Decimal,
}

impl UsageRows {
    /// Rows under the names of their dimension columns (the `column_name` of a pricing's dimension).
    ///
    /// # Errors
    ///
    /// [`PricingError::RaggedRow`] for a row that is longer or shorter than `columns`.
    pub fn new(columns: Vec<String>, rows: Vec<UsageRow>) -> Result<Self, PricingError> {
        match rows
            .iter()
            .position(|row| row.dimensions.len() != columns.len())
        {
            Some(row) => Err(PricingError::RaggedRow { row }),
            None => Ok(Self { columns, rows }),
        }
    }

    /// Names of the dimension columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, in the order of the metric's answer; no price depends on it.
    pub fn rows(&self) -> &[UsageRow] {
        &self.rows
    }
}

impl Usage {
    /// The quantity over all dimensions.
    ///
    /// # Errors
    ///
    /// [`PricingError::Overflow`].
    pub fn quantity(&self) -> Result<Decimal, PricingError> {
        match self {
            Self::Quantity(quantity) => Ok(*quantity),
            Self::Rows(rows) => arithmetic::sum(rows.rows.iter().map(|row| row.quantity)),
        }
    }

    /// Quantities with their value of one dimension column. A plain zero has none.
    pub(super) fn by_dimension(
        &self,
        column_name: &str,
    ) -> Result<impl Iterator<Item = (&str, Decimal)>, PricingError> {
        let (rows, column) = match self {
            Self::Quantity(quantity) if quantity.is_zero() => (&[][..], 0),
            Self::Quantity(_) => return Err(missing(column_name)),
            Self::Rows(usage) if usage.rows.is_empty() => (&[][..], 0),
            Self::Rows(usage) => {
                let column = usage.columns.iter().position(|name| name == column_name);
                (&usage.rows[..], column.ok_or_else(|| missing(column_name))?)
            }
        };
        Ok(rows
            .iter()
            .map(move |row| (row.dimensions[column].as_str(), row.quantity)))
    }
}

fn missing(column: &str) -> PricingError {
    PricingError::DimensionMissing {
        column: column.to_owned(),
    }
}
