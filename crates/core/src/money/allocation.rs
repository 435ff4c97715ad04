//! Largest remainder over whole numbers. Owns the exact arithmetic of [`super::Money::allocate`]; no
//! division here is ever rounded by a decimal type.

use std::cmp::Reverse;

use rust_decimal::Decimal;

use super::MoneyError;
use crate::decimal::whole_at;

/// The sum of the weights stays below this, so that twice a remainder plus a weight fits 128 bits.
const WEIGHT_SUM_MAX: u128 = 1 << 126;

/// Splits `total` in proportion to `weights`; the parts sum to `total`.
pub(super) fn largest_remainder(total: u64, weights: &[Decimal]) -> Result<Vec<u64>, MoneyError> {
    let weights = whole_weights(weights)?;
    let sum = sum(&weights)?;
    let (mut shares, remainders): (Vec<u64>, Vec<u128>) = weights
        .iter()
        .map(|weight| share(total, *weight, sum))
        .unzip();

    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|index| Reverse(remainders[*index])); // stable: ties to the earliest
    let left_over = total - shares.iter().sum::<u64>();
    for index in by_remainder
        .into_iter()
        .zip(0..left_over)
        .map(|(index, _)| index)
    {
        shares[index] += 1;
    }
    Ok(shares)
}

/// The weights as whole numbers at their largest scale: 0.5 and 2 become 5 and 20.
fn whole_weights(weights: &[Decimal]) -> Result<Vec<u128>, MoneyError> {
    if let Some(index) = weights.iter().position(|weight| *weight < Decimal::ZERO) {
        return Err(MoneyError::NegativeWeight { index });
    }
    let normalised: Vec<Decimal> = weights.iter().map(Decimal::normalize).collect();
    let scale = normalised
        .iter()
        .map(Decimal::scale)
        .max()
        .unwrap_or_default();
    let whole = |weight: &Decimal| whole_at(*weight, scale).ok_or(MoneyError::Overflow);
    normalised.iter().map(whole).collect()
}

fn sum(weights: &[u128]) -> Result<u128, MoneyError> {
    let sum = weights
        .iter()
        .try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    match sum {
        Some(0) => Err(MoneyError::NoWeights),
        Some(sum) if sum <= WEIGHT_SUM_MAX => Ok(sum),
        _ => Err(MoneyError::Overflow),
    }
}

/// `total × weight ÷ sum` as a whole number and its remainder, exactly; `weight ≤ sum`.
fn share(total: u64, weight: u128, sum: u128) -> (u64, u128) {
    if let Some(product) = u128::from(total).checked_mul(weight) {
        return (u64::try_from(product / sum).unwrap_or(total), product % sum);
    }
    long_division(total, weight, sum)
}

/// The same where the product needs more than 128 bits: one bit of `total` at a time.
pub(super) fn long_division(total: u64, weight: u128, sum: u128) -> (u64, u128) {
    let (mut quotient, mut remainder) = (0_u64, 0_u128);
    for bit in (0..u64::BITS).rev() {
        quotient <<= 1;
        remainder <<= 1;
        if total >> bit & 1 == 1 {
            remainder += weight;
        }
        quotient += u64::try_from(remainder / sum).unwrap_or_default();
        remainder %= sum;
    }
    (quotient, remainder)
}
