//! Two-dimensional tiers: a rate by tiers of quantity and tiers of a number in the usage, such as a
//! price range or a zone. Owns the mapping of `prices[][]` to both.

use rust_decimal::Decimal;

use super::dimension::{Dimension, check_grid};
use super::error::{Findings, InvalidModel, PricingError};
use super::step::{Priced, Step, StepRule};
use super::tiers::{as_index, check_bounds, position};
use super::usage::Usage;

/// The terms of `two_dimensional_tiered` (semantics §2.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoDimensionalTiered {
    dimension: Dimension,
    up_to: Vec<Option<Decimal>>,
    dimension_up_to: Vec<Option<Decimal>>,
    prices: Vec<Vec<Decimal>>,
}

impl TwoDimensionalTiered {
    /// Rates by two tiers: `prices[row][column]` applies when the quantity is in the tier that ends
    /// at `up_to[row]` and the number in the usage column `dimension.column_name` is in the tier that
    /// ends at `dimension_up_to[column]`. Both kinds of bounds are inclusive and start at zero.
    ///
    /// # Errors
    ///
    /// All that is wrong: faulty bounds (as for tiers), a grid of another size, more than
    /// [`CELLS_MAX`](super::dimension::CELLS_MAX) rates.
    pub fn new(
        dimension: Dimension,
        up_to: Vec<Option<Decimal>>,
        dimension_up_to: Vec<Option<Decimal>>,
        prices: Vec<Vec<Decimal>>,
    ) -> Result<Self, InvalidModel> {
        let mut findings = Findings::default();
        check_bounds(&mut findings, "up_to", &up_to);
        check_bounds(&mut findings, "dimension_up_to", &dimension_up_to);
        check_grid(&mut findings, &prices, up_to.len(), dimension_up_to.len());
        findings.into_result()?;
        Ok(Self {
            dimension,
            up_to,
            dimension_up_to,
            prices,
        })
    }

    /// The second dimension; the first is the quantity.
    pub const fn dimension(&self) -> &Dimension {
        &self.dimension
    }

    /// Inclusive upper bounds of the quantity.
    pub fn up_to(&self) -> &[Option<Decimal>] {
        &self.up_to
    }

    /// Inclusive upper bounds of the second dimension.
    pub fn dimension_up_to(&self) -> &[Option<Decimal>] {
        &self.dimension_up_to
    }

    /// Rates: `prices[row][column]` for a tier of quantity and one of the dimension.
    pub fn prices(&self) -> &[Vec<Decimal>] {
        &self.prices
    }

    /// Usage is summed over each tier of the dimension, and that sum decides the tier of quantity;
    /// the cell's rate applies to the whole sum (DESIGN §7). One step per tier of the dimension.
    pub(super) fn price(&self, usage: &Usage) -> Result<Priced, PricingError> {
        let columns = self.dimension_up_to.len();
        let quantities = self
            .dimension
            .quantities(usage, columns, |value| self.column(value))?;
        let steps = quantities.map(|(column, quantity)| self.cell(column, quantity));
        Priced::from_steps(steps.collect::<Result<_, _>>()?)
    }

    fn cell(&self, column: usize, quantity: Decimal) -> Result<Step, PricingError> {
        let row = position(self.up_to.iter().copied(), quantity.abs());
        let rule = StepRule::Cell {
            row: as_index(row),
            column: as_index(column),
        };
        Step::units_at(rule, quantity, self.prices[row][column])
    }

    fn column(&self, value: &str) -> Result<usize, PricingError> {
        match value.parse::<Decimal>() {
            Ok(number) if number >= Decimal::ZERO => {
                Ok(position(self.dimension_up_to.iter().copied(), number))
            }
            _ => Err(PricingError::DimensionNotATier {
                column: self.dimension.column_name.clone(),
                value: value.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
