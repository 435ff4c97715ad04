//! Dimensions: what a price depends on besides the quantity. Owns their shape and the limits of a
//! grid of prices.

use rust_decimal::Decimal;

use super::arithmetic;
use super::error::{Findings, ModelError, PricingError};
use super::tiers::check_length;
use super::usage::Usage;

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

impl Dimension {
    /// The quantity at each of `positions` along this dimension, in ascending order of position.
    /// `locate` says where a value of the column belongs; a position without any row is left out.
    pub(super) fn quantities(
        &self,
        usage: &Usage,
        positions: usize,
        locate: impl Fn(&str) -> Result<usize, PricingError>,
    ) -> Result<impl Iterator<Item = (usize, Decimal)>, PricingError> {
        let mut quantities: Vec<Option<Decimal>> = vec![None; positions];
        for (value, quantity) in usage.by_dimension(&self.column_name)? {
            let total = &mut quantities[locate(value)?];
            *total = Some(arithmetic::add(total.unwrap_or_default(), quantity)?);
        }
        let numbered = quantities.into_iter().enumerate();
        Ok(numbered.filter_map(|(position, quantity)| Some((position, quantity?))))
    }
}

/// Checks `prices[][]`: `rows` rows of `columns` rates each, [`CELLS_MAX`] rates at most.
pub(super) fn check_grid(
    findings: &mut Findings,
    prices: &[Vec<Decimal>],
    rows: usize,
    columns: usize,
) {
    let field = "prices";
    if prices.is_empty() {
        findings.push(ModelError::Empty { field });
    } else {
        check_length(findings, field, prices.len(), rows);
    }
    if prices.len().saturating_mul(columns) > CELLS_MAX {
        findings.push(ModelError::TooManyEntries {
            field,
            limit: CELLS_MAX,
        });
    }
    for (index, rates) in prices.iter().enumerate() {
        if rates.len() != columns {
            let found = rates.len();
            findings.push(ModelError::RowLengthMismatch {
                field,
                index,
                expected: columns,
                found,
            });
        }
    }
}
