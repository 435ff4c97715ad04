//! Tier-reset periods of v3 prices: usage builds up through the tiers over a window that is longer or
//! shorter than the billing period (semantics §2.5).
//!
//! Owns the arithmetic between periods of one window. Does not own the calendar: the caller says what
//! the window has used before, or how the period's usage falls into windows.

use rust_decimal::Decimal;

use super::arithmetic;
use super::context::Context;
use super::error::PricingError;
use super::model::{Model, price};
use super::step::{Priced, Step, StepRule};
use super::tiers::Tiers;
use super::usage::Usage;

/// What a billing period costs when its usage adds to that of earlier periods of the same window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accumulated {
    /// The window's usage so far at today's tier, less what the earlier periods were charged.
    pub priced: Priced,
    /// The part of the amount that re-prices earlier usage at the tier reached now. Below zero it is
    /// due back (a credit note), above zero it is due in addition (another invoice).
    pub retroactive: Decimal,
}

/// Prices a period inside a window that is longer than it. `used_before` is what the window's earlier
/// periods used, and `None` in its first one: what they were charged is the price of that usage, so
/// that all periods of a window together cost the price of the whole.
///
/// # Errors
///
/// [`PricingError::ResetWithoutTiers`] for a model without tiers, or [`PricingError::Overflow`].
pub fn price_accumulated(
    model: &Model,
    used_before: Option<Decimal>,
    quantity: Decimal,
) -> Result<Accumulated, PricingError> {
    check_tiers(model)?;
    let Some(before) = used_before else {
        let priced = price(model, &Usage::Quantity(quantity), &Context::EMPTY)?;
        return Ok(Accumulated {
            priced,
            retroactive: Decimal::ZERO,
        });
    };
    let total = arithmetic::add(before, quantity)?;
    let charged = price(model, &Usage::Quantity(before), &Context::EMPTY)?;
    let mut steps = price(model, &Usage::Quantity(total), &Context::EMPTY)?.steps;
    steps.push(Step::fee_only(
        StepRule::AlreadyBilled,
        before,
        arithmetic::negative(charged.amount),
    ));
    Ok(Accumulated {
        priced: Priced::from_steps(steps)?,
        retroactive: retroactive(model, before, total)?,
    })
}

/// Prices a period that several shorter windows divide: one calculation for each, in their order.
///
/// # Errors
///
/// [`PricingError::ResetWithoutTiers`] for a model without tiers, or [`PricingError::Overflow`].
pub fn price_windows(model: &Model, quantities: &[Decimal]) -> Result<Vec<Priced>, PricingError> {
    check_tiers(model)?;
    let window = |quantity: &Decimal| price(model, &Usage::Quantity(*quantity), &Context::EMPTY);
    quantities.iter().map(window).collect()
}

fn check_tiers(model: &Model) -> Result<(), PricingError> {
    match model {
        Model::Tiered(_)
        | Model::TieredWithFlatFee(_)
        | Model::Volume(_)
        | Model::VolumeWithFlatFee(_)
        | Model::Step(_)
        | Model::CustomTiered(_) => Ok(()),
        _ => Err(PricingError::ResetWithoutTiers),
    }
}

/// Earlier units at the rate reached now, less the same units at the rate they were charged. Only
/// volume prices look back; graduated tiers and steps price each unit once.
fn retroactive(model: &Model, before: Decimal, total: Decimal) -> Result<Decimal, PricingError> {
    let (Model::Volume(tiers) | Model::VolumeWithFlatFee(tiers)) = model else {
        return Ok(Decimal::ZERO);
    };
    let change = arithmetic::sub(rate(tiers, total), rate(tiers, before))?;
    arithmetic::mul(before, change)
}

fn rate(tiers: &Tiers, quantity: Decimal) -> Decimal {
    tiers.tiers()[tiers.position(quantity.abs())].unit_amount
}

#[cfg(test)]
mod tests;
