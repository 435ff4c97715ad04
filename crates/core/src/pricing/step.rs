//! What pricing answers: an amount and how it came about. Owns the shape of a step and the rule that
//! its amount is units × rate + fee. Does not own its wording: documents name it from the rule.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::arithmetic;
use super::error::PricingError;

/// The price of a usage, in major units and not yet rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The amounts of `steps`, added in order.
    pub amount: Decimal,
    /// How it came about, part by part; the trace and the `features[]` of an invoice line show them.
    pub steps: Vec<Step>,
}

/// One part of a price: `amount = units × rate + fee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which part of the model this is.
    pub rule: StepRule,
    /// What the rate applies to: units of usage, packages, or the base of a percentage.
    pub units: Decimal,
    /// Price of one of `units`, in major units; for a percentage its hundredth.
    pub rate: Decimal,
    /// Charged besides the rate, once, in major units.
    pub fee: Decimal,
    /// The amount of this part, in major units.
    pub amount: Decimal,
}

/// Which part of a model a step comes from. Positions count from zero, in the order of the model's
/// own arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepRule {
    /// The fixed amount of `flat_fee`; units are zero.
    FlatFee,
    /// Units at one rate.
    PerUnit,
    /// A base at a percentage.
    Percent,
    /// Whole packages; units are packages.
    Packages,
    /// Units at the rate and fee of a tier.
    Tier {
        /// Position of the tier.
        tier: u32,
    },
    /// Packages at the price and fee of a tier of `custom_tiered`; units are packages.
    TierPackages {
        /// Position of the tier.
        tier: u32,
    },
    /// Units at the rate of a cell of `matrix` or `two_dimensional_tiered`: `prices[row][column]`.
    Cell {
        /// First index of `prices`.
        row: u32,
        /// Second index of `prices`.
        column: u32,
    },
    /// The result of a formula; the whole amount is the fee.
    Formula,
    /// Units inside what is included, at no price; the rest of the steps price the excess.
    Included,
    /// What earlier periods of the same tier-reset window have billed, taken off as a negative fee.
    AlreadyBilled,
}

impl Priced {
    /// Nothing to price, nothing to pay.
    pub(super) const fn nothing() -> Self {
        Self {
            amount: Decimal::ZERO,
            steps: Vec::new(),
        }
    }

    pub(super) fn from_step(step: Step) -> Self {
        Self {
            amount: step.amount,
            steps: vec![step],
        }
    }

    pub(super) fn from_steps(steps: Vec<Step>) -> Result<Self, PricingError> {
        let amount = arithmetic::sum(steps.iter().map(|step| step.amount))?;
        Ok(Self { amount, steps })
    }

    /// The price of the same usage with the other sign.
    pub(super) fn negated(mut self) -> Self {
        self.amount = arithmetic::negative(self.amount);
        for step in &mut self.steps {
            step.units = arithmetic::negative(step.units);
            step.fee = arithmetic::negative(step.fee);
            step.amount = arithmetic::negative(step.amount);
        }
        self
    }
}

impl Step {
    /// A part that costs `units × rate`.
    pub(super) fn units_at(
        rule: StepRule,
        units: Decimal,
        rate: Decimal,
    ) -> Result<Self, PricingError> {
        let amount = arithmetic::mul(units, rate)?;
        Ok(Self {
            rule,
            units,
            rate,
            fee: Decimal::ZERO,
            amount,
        })
    }

    /// A part that costs `fee`, whatever the units.
    pub(super) const fn fee_only(rule: StepRule, units: Decimal, fee: Decimal) -> Self {
        Self {
            rule,
            units,
            rate: Decimal::ZERO,
            fee,
            amount: fee,
        }
    }

    /// The same part with a fee on top.
    pub(super) fn plus_fee(self, fee: Decimal) -> Result<Self, PricingError> {
        if fee.is_zero() {
            return Ok(self);
        }
        Ok(Self {
            fee,
            amount: arithmetic::add(self.amount, fee)?,
            ..self
        })
    }
}
