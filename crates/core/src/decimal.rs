//! Decimals as whole numbers. Owns the step from a decimal to 128-bit arithmetic, for the few places
//! where a rounded quotient would decide over money.

use rust_decimal::Decimal;

/// The magnitude of a value in units of its `scale`-th decimal place: 0.5 at scale 2 is 50. `None`
/// when that does not fit, or when the value has more decimal places.
pub(crate) fn whole_at(value: Decimal, scale: u32) -> Option<u128> {
    let factor = 10_u128.checked_pow(scale.checked_sub(value.scale())?)?;
    value.mantissa().unsigned_abs().checked_mul(factor)
}
