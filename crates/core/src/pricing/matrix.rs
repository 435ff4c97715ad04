//! Matrix: a rate by attribute value and bracket of quantity.
//!
//! Owns the mapping of the API's `prices[][]` to attribute values and brackets. Does not own the
//! column's values: they come from the billable metric's query.

use rust_decimal::Decimal;

use super::dimension::{Dimension, check_grid};
use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::step::{Priced, Step, StepRule};
use super::tiers::{as_index, check_bounds, position};
use super::usage::Usage;

/// The terms of `matrix` (semantics §2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    dimension: Dimension,
    up_to: Vec<Option<Decimal>>,
    display_alias: Vec<String>,
    prices: Vec<Vec<Decimal>>,
    /// Rows of `display_alias` in the order of their values, to find one by bisection.
    rows_by_value: Vec<usize>,
}

impl Matrix {
    /// Rates by attribute value and bracket: `prices[row][column]` is the rate for the attribute
    /// value `display_alias[row]` in the bracket that ends at `up_to[column]`.
    ///
    /// The value is looked up in the usage column `dimension.column_name`, letter for letter. An
    /// empty `up_to` means one bracket without end, which is what a flat `prices` array on the API
    /// stands for: each of its numbers is then a row of one rate.
    ///
    /// # Errors
    ///
    /// All that is wrong: no rows, not one for each value, more than [`CELLS_MAX`](super::dimension::CELLS_MAX) rates, rows of a length other than the
    /// number of brackets, an attribute value that is there twice, faulty bounds (as for tiers).
    pub fn new(
        dimension: Dimension,
        up_to: Vec<Option<Decimal>>,
        display_alias: Vec<String>,
        prices: Vec<Vec<Decimal>>,
    ) -> Result<Self, InvalidModel> {
        let up_to = if up_to.is_empty() { vec![None] } else { up_to };
        let mut rows_by_value: Vec<usize> = (0..display_alias.len()).collect();
        rows_by_value.sort_by_key(|row| &display_alias[*row]);

        let mut findings = Findings::default();
        check_bounds(&mut findings, "up_to", &up_to);
        check_grid(&mut findings, &prices, display_alias.len(), up_to.len());
        for pair in rows_by_value.windows(2) {
            if display_alias[pair[0]] == display_alias[pair[1]] {
                let index = pair[1];
                findings.push(ModelError::Duplicate {
                    field: "display_alias",
                    index,
                });
            }
        }
        findings.into_result()?;
        Ok(Self {
            dimension,
            up_to,
            display_alias,
            prices,
            rows_by_value,
        })
    }

    /// The attribute.
    pub const fn dimension(&self) -> &Dimension {
        &self.dimension
    }

    /// Inclusive upper bounds of the brackets.
    pub fn up_to(&self) -> &[Option<Decimal>] {
        &self.up_to
    }

    /// Attribute values, row by row.
    pub fn display_alias(&self) -> &[String] {
        &self.display_alias
    }

    /// Rates: `prices[row][column]` for an attribute value and a bracket.
    pub fn prices(&self) -> &[Vec<Decimal>] {
        &self.prices
    }

    /// The whole quantity of each attribute value at the rate of its cell, one step per value in the
    /// order of the rows (DESIGN §7).
    pub(super) fn price(&self, usage: &Usage) -> Result<Priced, PricingError> {
        let rows = self.display_alias.len();
        let quantities = self
            .dimension
            .quantities(usage, rows, |value| self.row(value))?;
        let steps = quantities.map(|(row, quantity)| self.cell(row, quantity));
        Priced::from_steps(steps.collect::<Result<_, _>>()?)
    }

    fn cell(&self, row: usize, quantity: Decimal) -> Result<Step, PricingError> {
        let column = position(self.up_to.iter().copied(), quantity.abs());
        let rule = StepRule::Cell {
            row: as_index(row),
            column: as_index(column),
        };
        Step::units_at(rule, quantity, self.prices[row][column])
    }

    fn row(&self, value: &str) -> Result<usize, PricingError> {
        let found = self
            .rows_by_value
            .binary_search_by_key(&value, |row| &self.display_alias[*row]);
        found.map(|index| self.rows_by_value[index]).map_err(|_| {
            PricingError::AttributeWithoutPrice {
                column: self.dimension.column_name.clone(),
                value: value.to_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
