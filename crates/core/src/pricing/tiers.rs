//! Tiers: rates and fees by ranges of quantity, and the models built on them.
//!
//! Owns the bounds (DESIGN §7): the first tier is `[0, up_to[0]]`, tier i is `(up_to[i-1], up_to[i]]`,
//! and the last has no end, whether its bound is given or not. Does not own negative quantities: they
//! are priced by their magnitude.

use rust_decimal::Decimal;

use super::arithmetic;
use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::step::{Priced, Step, StepRule};

/// Tiers that a model may have at most. A hundred is already unreadable on an invoice; the limit
/// keeps a hostile price list from making every line slow.
pub const TIERS_MAX: usize = 1_000;

/// Tiers in ascending order: the parallel arrays `up_to[]`, `unit_amount[]`, `flat_fee[]` of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers(Box<[Tier]>);

/// One tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Inclusive upper bound in units; `None`, and the bound of the last tier, is infinity.
    pub up_to: Option<Decimal>,
    /// Major units of currency for one unit of quantity. Under `step`: for the whole range.
    pub unit_amount: Decimal,
    /// Major units of currency for reaching the tier.
    pub flat_fee: Decimal,
}

impl Tiers {
    /// Tiers from the API's parallel arrays. `flat_fee` may be empty, which means no fees; the last
    /// entry of `up_to` may be a number, which does not limit the tier. Rates and fees may be negative.
    ///
    /// # Errors
    ///
    /// All that is wrong: no tiers, more than [`TIERS_MAX`], arrays of different length, bounds that
    /// are negative, open before the last or not ascending.
    pub fn new(
        up_to: &[Option<Decimal>],
        unit_amount: &[Decimal],
        flat_fee: &[Decimal],
    ) -> Result<Self, InvalidModel> {
        let mut findings = Findings::default();
        check_bounds(&mut findings, "up_to", up_to);
        check_length(&mut findings, "unit_amount", unit_amount.len(), up_to.len());
        if !flat_fee.is_empty() {
            check_length(&mut findings, "flat_fee", flat_fee.len(), up_to.len());
        }
        findings.into_result()?;

        let fees = flat_fee
            .iter()
            .copied()
            .chain(std::iter::repeat(Decimal::ZERO));
        let tiers = up_to.iter().zip(unit_amount).zip(fees);
        let tier = |((up_to, unit_amount), flat_fee): ((&Option<_>, &_), _)| Tier {
            up_to: *up_to,
            unit_amount: *unit_amount,
            flat_fee,
        };
        Ok(Self(tiers.map(tier).collect()))
    }

    /// The tiers, in ascending order.
    pub fn tiers(&self) -> &[Tier] {
        &self.0
    }

    /// Position of the tier that a quantity falls in.
    pub(super) fn position(&self, quantity: Decimal) -> usize {
        position(self.0.iter().map(|tier| tier.up_to), quantity)
    }

    /// Graduated: each tier's units at its own rate, plus the fee of every tier reached
    /// (semantics §2.4, §2.6).
    pub(super) fn graduated(&self, quantity: Decimal) -> Result<Priced, PricingError> {
        self.price_reached(quantity, |index, tier, units| {
            let rule = StepRule::Tier { tier: index };
            Step::units_at(rule, units, tier.unit_amount)?.plus_fee(tier.flat_fee)
        })
    }

    /// One step for every tier reached, from its position, its terms and the units inside it.
    pub(super) fn price_reached(
        &self,
        quantity: Decimal,
        step: impl Fn(u32, &Tier, Decimal) -> Result<Step, PricingError>,
    ) -> Result<Priced, PricingError> {
        let last = self.position(quantity);
        let mut steps = Vec::with_capacity(last + 1);
        let mut lower = Decimal::ZERO;
        for (tier, index) in self.0[..last].iter().zip(0..) {
            let upper = tier.up_to.unwrap_or(quantity);
            steps.push(step(index, tier, arithmetic::sub(upper, lower)?)?);
            lower = upper;
        }
        let rest = arithmetic::sub(quantity, lower)?;
        steps.push(step(as_index(last), &self.0[last], rest)?);
        Priced::from_steps(steps)
    }

    /// Volume: the whole quantity at the rate of the tier it falls in, plus that tier's fee
    /// (semantics §2.5, §2.7).
    pub(super) fn volume(&self, quantity: Decimal) -> Result<Priced, PricingError> {
        let (rule, tier) = self.tier_of(quantity);
        let step = Step::units_at(rule, quantity, tier.unit_amount)?.plus_fee(tier.flat_fee)?;
        Ok(Priced::from_step(step))
    }

    /// Step: the amount of the tier that the quantity falls in, whatever the units (semantics §2.8).
    pub(super) fn plateau(&self, quantity: Decimal) -> Priced {
        let (rule, tier) = self.tier_of(quantity);
        Priced::from_step(Step::fee_only(rule, quantity, tier.unit_amount))
    }

    fn tier_of(&self, quantity: Decimal) -> (StepRule, &Tier) {
        let position = self.position(quantity);
        (
            StepRule::Tier {
                tier: as_index(position),
            },
            &self.0[position],
        )
    }
}

/// Position of the range that a value falls in: bounds are inclusive, the last has no end.
pub(super) fn position(
    up_to: impl ExactSizeIterator<Item = Option<Decimal>>,
    value: Decimal,
) -> usize {
    let last = up_to.len() - 1;
    up_to
        .take(last)
        .take_while(|bound| bound.is_some_and(|bound| value > bound))
        .count()
}

/// Positions are bounded far below `u32`: [`TIERS_MAX`] and the limits of the matrices.
pub(super) fn as_index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Checks upper bounds: at least one, ascending from zero or above, open only at the end.
pub(super) fn check_bounds(
    findings: &mut Findings,
    field: &'static str,
    up_to: &[Option<Decimal>],
) {
    if up_to.is_empty() {
        findings.push(ModelError::Empty { field });
    }
    if up_to.len() > TIERS_MAX {
        findings.push(ModelError::TooManyEntries {
            field,
            limit: TIERS_MAX,
        });
    }
    for (index, bound) in up_to.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| up_to[before]);
        match bound {
            None if index + 1 < up_to.len() => {
                findings.push(ModelError::OpenBeforeLast { field, index });
            }
            Some(bound) if *bound < Decimal::ZERO => {
                findings.push(ModelError::Negative {
                    field,
                    index: Some(index),
                });
            }
            Some(bound) if before.is_some_and(|before| *bound <= before) => {
                findings.push(ModelError::NotAscending { field, index });
            }
            _ => {}
        }
    }
}

/// Checks that an array is as long as the one it runs in parallel with.
pub(super) fn check_length(
    findings: &mut Findings,
    field: &'static str,
    found: usize,
    expected: usize,
) {
    if found != expected {
        findings.push(ModelError::LengthMismatch {
            field,
            expected,
            found,
        });
    }
}

#[cfg(test)]
mod tests;
