//! Arithmetic on unrounded amounts that fails by name. Owns nothing else.

use rust_decimal::Decimal;

use super::MoneyError;

pub(crate) fn add(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    left.checked_add(right).ok_or(MoneyError::Overflow)
}

pub(crate) fn sub(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    left.checked_sub(right).ok_or(MoneyError::Overflow)
}

pub(crate) fn mul(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    left.checked_mul(right).ok_or(MoneyError::Overflow)
}

/// `value × numerator ÷ denominator`, divided last so that whole results stay whole.
pub(crate) fn mul_div(
    value: Decimal,
    numerator: Decimal,
    denominator: Decimal,
) -> Result<Decimal, MoneyError> {
    mul(value, numerator)?
        .checked_div(denominator)
        .ok_or(MoneyError::Overflow)
}

/// `percentage` of `value`: 5 is 5 %.
pub(crate) fn percent_of(percentage: Decimal, value: Decimal) -> Result<Decimal, MoneyError> {
    mul(mul(value, percentage)?, Decimal::new(1, 2))
}

/// A sum; of nothing it is zero.
pub(crate) fn sum(values: impl IntoIterator<Item = Decimal>) -> Result<Decimal, MoneyError> {
    values.into_iter().try_fold(Decimal::ZERO, add)
}
