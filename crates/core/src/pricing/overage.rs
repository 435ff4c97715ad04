//! Overage: a pricing of its own for the units beyond what is included. Owns where inclusion ends;
//! does not own where the included units come from (a fixed quantity, an entitlement, a grant).

use rust_decimal::Decimal;

use super::arithmetic;
use super::context::Context;
use super::error::PricingError;
use super::model::{Model, price};
use super::step::{Priced, Step, StepRule};
use super::usage::Usage;

/// Prices what `usage` exceeds `included` by, under the `overage_pricing` of a pricing.
///
/// The first step holds the included units at no price. Without an excess there is nothing more: the
/// fees of the overage pricing are not charged either.
///
/// # Errors
///
/// [`PricingError::IncludedNegative`], or those of [`price`]. An overage pricing by dimension finds
/// none, because what is included belongs to no dimension.
pub fn price_overage(
    overage_pricing: &Model,
    included: Decimal,
    usage: &Usage,
    context: &Context<'_>,
) -> Result<Priced, PricingError> {
    if included < Decimal::ZERO {
        return Err(PricingError::IncludedNegative);
    }
    let used = usage.quantity()?;
    let covered = Step::fee_only(StepRule::Included, used.min(included), Decimal::ZERO);
    if used <= included {
        return Ok(Priced::from_step(covered));
    }

    let excess = Usage::Quantity(arithmetic::sub(used, included)?);
    let mut priced = price(overage_pricing, &excess, context)?;
    priced.steps.insert(0, covered);
    Ok(priced)
}

#[cfg(test)]
mod tests;
