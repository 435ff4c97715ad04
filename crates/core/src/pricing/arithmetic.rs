//! Decimal arithmetic that fails by name. Owns nothing else.
//!
//! Results are exact up to the 28 significant digits of a `Decimal`; beyond those the last digit is
//! rounded, always in the same way. What does not fit at all is [`PricingError::Overflow`].

use rust_decimal::Decimal;

use super::error::PricingError;

pub(super) fn add(left: Decimal, right: Decimal) -> Result<Decimal, PricingError> {
    left.checked_add(right).ok_or(PricingError::Overflow)
}

pub(super) fn sub(left: Decimal, right: Decimal) -> Result<Decimal, PricingError> {
    left.checked_sub(right).ok_or(PricingError::Overflow)
}

pub(super) fn mul(left: Decimal, right: Decimal) -> Result<Decimal, PricingError> {
    left.checked_mul(right).ok_or(PricingError::Overflow)
}

/// The value with the other sign; zero has none.
pub(super) fn negative(value: Decimal) -> Decimal {
    if value.is_zero() { value.abs() } else { -value }
}

/// A sum of quantities or amounts; of nothing it is zero.
pub(super) fn sum(values: impl IntoIterator<Item = Decimal>) -> Result<Decimal, PricingError> {
    values.into_iter().try_fold(Decimal::ZERO, add)
}
