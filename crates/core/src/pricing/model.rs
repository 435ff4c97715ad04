//! The pricing models and the one function that prices. Owns the choice of arithmetic by model; the
//! arithmetic itself stands beside each model's terms.

use rust_decimal::Decimal;

use super::arithmetic;
use super::bundle::Bundle;
use super::context::Context;
use super::custom_pricing::Formula;
use super::custom_tiered::CustomTiered;
use super::error::PricingError;
use super::matrix::Matrix;
use super::package::Package;
use super::step::{Priced, Step, StepRule};
use super::tiers::Tiers;
use super::two_dimensional_tiered::TwoDimensionalTiered;
use super::usage::Usage;

const HUNDREDTH: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

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
    /// Graduated tiers, each with its own type of price.
    CustomTiered(CustomTiered),
    /// A rate by tiers of quantity and of a number in the usage.
    TwoDimensionalTiered(TwoDimensionalTiered),
    /// One price for a product group.
    Bundle(Bundle),
    /// A formula.
    CustomPricing(Formula),
    /// No price: carries the modifiers of a contract phase.
    Features,
}

/// Prices a usage. The same arguments give the same answer, digit for digit.
///
/// ```
/// use florin_core::pricing::{Context, Model, Tiers, Usage, price};
///
/// let up_to = [Some(500.into()), Some(2000.into()), None];
/// let tiers = Tiers::new(&up_to, &[3.into(), 2.into(), 1.into()], &[])?;
/// let priced = price(&Model::Tiered(tiers), &Usage::Quantity(1500.into()), &Context::EMPTY)?;
///
/// assert_eq!(priced.amount, 3500.into()); // 500 × 3 + 1,000 × 2
/// assert_eq!(priced.steps[1].units, 1000.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PricingError`]: an amount that does not fit a decimal, a dimension that the usage lacks, an
/// attribute value without a price, or a formula that fails.
pub fn price(model: &Model, usage: &Usage, context: &Context<'_>) -> Result<Priced, PricingError> {
    match model {
        Model::FlatFee { unit_amount } => Ok(Priced::from_step(Step::fee_only(
            StepRule::FlatFee,
            Decimal::ZERO,
            *unit_amount,
        ))),
        Model::Features => Ok(Priced::nothing()),
        Model::PerUnit { unit_amount } => one_rate(StepRule::PerUnit, usage, *unit_amount),
        Model::Bundle(bundle) => one_rate(StepRule::PerUnit, usage, bundle.unit_amount()),
        Model::Percent { percentage } => one_rate(
            StepRule::Percent,
            usage,
            arithmetic::mul(*percentage, HUNDREDTH)?,
        ),
        Model::Tiered(tiers) | Model::TieredWithFlatFee(tiers) => {
            by_magnitude(usage, |quantity| tiers.graduated(quantity))
        }
        Model::Volume(tiers) | Model::VolumeWithFlatFee(tiers) => {
            by_magnitude(usage, |quantity| tiers.volume(quantity))
        }
        Model::Step(tiers) => by_magnitude(usage, |quantity| Ok(tiers.plateau(quantity))),
        Model::Package(package) => by_magnitude(usage, |quantity| package.price(quantity)),
        Model::CustomTiered(tiers) => by_magnitude(usage, |quantity| tiers.price(quantity)),
        Model::Matrix(matrix) => matrix.price(usage),
        Model::TwoDimensionalTiered(tiers) => tiers.price(usage),
        Model::CustomPricing(formula) => formula.price(usage, context),
    }
}

fn one_rate(rule: StepRule, usage: &Usage, rate: Decimal) -> Result<Priced, PricingError> {
    Ok(Priced::from_step(Step::units_at(
        rule,
        usage.quantity()?,
        rate,
    )?))
}

/// Prices a negative quantity as the negative of the positive one (DESIGN §7).
fn by_magnitude(
    usage: &Usage,
    price: impl Fn(Decimal) -> Result<Priced, PricingError>,
) -> Result<Priced, PricingError> {
    let quantity = usage.quantity()?;
    let priced = price(quantity.abs())?;
    Ok(if quantity < Decimal::ZERO {
        priced.negated()
    } else {
        priced
    })
}

#[cfg(test)]
mod tests;
