//! The pricing models and the one function that prices. Owns the choice of arithmetic by model; the
//! arithmetic itself stands beside each model's terms.

use rust_decimal::Decimal;

use super::context::Context;
use super::error::PricingError;
use super::matrix::Matrix;
use super::package::Package;
use super::step::{Priced, Step, StepRule};
use super::tiers::Tiers;
use super::usage::Usage;

/// A pricing model with its terms: the API's `pricing_data` without currency and labels (semantics
/// §2). Amounts and rates are in major units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// A fixed amount, whatever the usage.
    FlatFee {
        /// The amount.
        unit_amount: Decimal,
    },
    /// Every unit at one rate.
    PerUnit {
        /// The rate.
        unit_amount: Decimal,
    },
    /// A percentage of the quantity, which is an amount of money here.
    Percent {
        /// 5 means 5 %.
        percentage: Decimal,
    },
    /// Graduated: each tier's units at its own rate.
    Tiered(Tiers),
    /// The whole quantity at the rate of the tier it falls in.
    Volume(Tiers),
    /// The amount of the tier the quantity falls in.
    Step(Tiers),
    /// Whole packages; a started one counts.
    Package(Package),
    /// A rate by attribute value and bracket, on the whole quantity of the value.
    Matrix(Matrix),
    /// `tiered`, plus a fee for every tier reached.
    TieredWithFlatFee(Tiers),
    /// `volume`, plus the fee of the tier.
    VolumeWithFlatFee(Tiers),
    /// No price: carries the modifiers of a contract phase.
    Features,
}

/// Prices a usage. The same arguments give the same answer, digit for digit.
///
/// # Errors
///
/// [`PricingError`]: an amount that does not fit a decimal, a dimension that the usage lacks, an
/// attribute value without a price, or a formula that fails.
pub fn price(model: &Model, usage: &Usage, _context: &Context<'_>) -> Result<Priced, PricingError> {
    match model {
        Model::FlatFee { unit_amount } => {
            let step = Step::fee_only(StepRule::FlatFee, Decimal::ZERO, *unit_amount);
            Ok(Priced::from_step(step))
        }
        Model::Features => Ok(Priced::nothing()),
        Model::Matrix(matrix) => matrix.price(usage),
        _ => {
            let quantity = usage.quantity()?;
            let priced = price_quantity(model, quantity.abs())?;
            Ok(if quantity.is_sign_negative() {
                priced.negated()
            } else {
                priced
            })
        }
    }
}

/// Models of one quantity, zero or more.
fn price_quantity(model: &Model, quantity: Decimal) -> Result<Priced, PricingError> {
    match model {
        Model::PerUnit { unit_amount } => one_rate(StepRule::PerUnit, quantity, *unit_amount),
        Model::Percent { percentage } => {
            let hundredth = Decimal::new(1, 2);
            let rate = super::arithmetic::mul(*percentage, hundredth)?;
            one_rate(StepRule::Percent, quantity, rate)
        }
        Model::Tiered(tiers) | Model::TieredWithFlatFee(tiers) => tiers.graduated(quantity),
        Model::Volume(tiers) | Model::VolumeWithFlatFee(tiers) => tiers.volume(quantity),
        Model::Step(tiers) => Ok(tiers.plateau(quantity)),
        Model::Package(package) => package.price(quantity),
        Model::FlatFee { .. } | Model::Features | Model::Matrix(_) => Ok(Priced::nothing()),
    }
}

fn one_rate(rule: StepRule, units: Decimal, rate: Decimal) -> Result<Priced, PricingError> {
    Ok(Priced::from_step(Step::units_at(rule, units, rate)?))
}
