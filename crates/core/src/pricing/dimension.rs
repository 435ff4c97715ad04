//! Dimensions: what a price depends on besides the quantity. Owns their shape and the limits of a
//! grid of prices.

use rust_decimal::Decimal;

use super::error::{Findings, ModelError};

/// Rates that a grid may have at most: a price list of two hundred countries by fifty brackets.
pub const CELLS_MAX: usize = 10_000;

/// One entry of the API's `dimensions[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// What people call it.
    pub name: String,
    /// The column of the usage rows that holds its value.
    pub column_name: String,
}

/// Checks `prices[][]`: at least one row, all of `columns` rates, [`CELLS_MAX`] rates at most.
pub(super) fn check_grid(findings: &mut Findings, prices: &[Vec<Decimal>], columns: usize) {
    if prices.is_empty() {
        findings.push(ModelError::Empty { field: "prices" });
    }
    if prices.len().saturating_mul(columns) > CELLS_MAX {
        findings.push(ModelError::TooManyEntries {
            field: "prices",
            limit: CELLS_MAX,
        });
    }
    for (row, rates) in prices.iter().enumerate() {
        if rates.len() != columns {
            let found = rates.len();
            findings.push(ModelError::RowLengthMismatch {
                field: "prices",
                index: row,
                expected: columns,
                found,
            });
        }
    }
}
