//! Answers of the engine as the core's values.
//!
//! Owns the step from an Arrow array to [`Value`] and to decimals. Does not own the other way
//! ([`crate::decode`]).

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{
        DataType as ArrowType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
        TimeUnit, TimestampMicrosecondType, i256,
    },
    error::ArrowError,
};
use florin_core::usage::{Value, number};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

/// The largest integer of a decimal.
const MANTISSA_MAX: i128 = (1 << 96) - 1;

/// One of the few types that answers are read from.
pub(crate) fn readable(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let wanted = match array.data_type() {
        ArrowType::LargeUtf8 | ArrowType::Utf8View => ArrowType::Utf8,
        ArrowType::Int8 | ArrowType::Int16 | ArrowType::Int32 => ArrowType::Int64,
        ArrowType::UInt8 | ArrowType::UInt16 | ArrowType::UInt32 => ArrowType::Int64,
        ArrowType::UInt64 => ArrowType::Decimal128(20, 0),
        ArrowType::Float16 | ArrowType::Float32 => ArrowType::Float64,
        ArrowType::Decimal32(precision, scale) | ArrowType::Decimal64(precision, scale) => {
            ArrowType::Decimal128(*precision, *scale)
        }
        ArrowType::Date64 => ArrowType::Date32,
        ArrowType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        ArrowType::Dictionary(_, of) => of.as_ref().clone(),
        _ => return Ok(Arc::clone(array)),
    };
    cast(array, &wanted).and_then(|array| readable(&array))
}

/// The value at a row of a [`readable`] array; `None` where no value of the core is like it.
pub(crate) fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return Some(Value::Null);
    }
    match array.data_type() {
        ArrowType::Null => Some(Value::Null),
        ArrowType::Boolean => Some(Value::Bool(array.as_boolean().value(row))),
        ArrowType::Utf8 => Some(Value::String(
            array.as_string::<i32>().value(row).to_owned(),
        )),
        ArrowType::Int64 => Some(Value::Int64(array.as_primitive::<Int64Type>().value(row))),
        ArrowType::Date32 => day(array.as_primitive::<Date32Type>().value(row)).map(Value::Date32),
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => {
            let microsecond = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let instant = Timestamp::from_microsecond(microsecond);
            instant.ok().map(Value::DateTime64)
        }
        ArrowType::List(_) => list(&array.as_list::<i32>().value(row)),
        _ => number_at(array, row).map(Value::Decimal),
    }
}

fn list(items: &ArrayRef) -> Option<Value> {
    let items = readable(items).ok()?;
    let values = (0..items.len()).map(|row| value(&items, row));
    values.collect::<Option<_>>().map(Value::Array)
}

fn day(days: i32) -> Option<Date> {
    let epoch = TimeZone::UTC.to_datetime(Timestamp::UNIX_EPOCH).date();
    epoch.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The number at a row of a [`readable`] array. `None` for what is no number, and for numbers that no
/// decimal holds.
pub(crate) fn number_at(array: &ArrayRef, row: usize) -> Option<Decimal> {
    match array.data_type() {
        ArrowType::Float64 => {
            number::rounded(&array.as_primitive::<Float64Type>().value(row).to_string())
        }
        _ => {
            let (unscaled, scale) = unscaled(array, row)?;
            decimal(unscaled, scale)
        }
    }
}

/// The integer and the scale of an exact number that is not null.
pub(crate) fn unscaled(array: &ArrayRef, row: usize) -> Option<(i256, i8)> {
    match array.data_type() {
        ArrowType::Int64 => {
            let number = array.as_primitive::<Int64Type>().value(row);
            Some((i256::from_i128(i128::from(number)), 0))
        }
        ArrowType::Decimal128(_, scale) => {
            let number = array.as_primitive::<Decimal128Type>().value(row);
            Some((i256::from_i128(number), *scale))
        }
        ArrowType::Decimal256(_, scale) => {
            Some((array.as_primitive::<Decimal256Type>().value(row), *scale))
        }
        _ => None,
    }
}

/// `unscaled` × 10^-`scale`, without needless zeros. Digits that no decimal has are rounded away, half
/// away from zero. `None` where the digits before the point do not fit.
pub(crate) fn decimal(unscaled: i256, scale: i8) -> Option<Decimal> {
    let mut places = u32::from(scale.max(0).unsigned_abs());
    let below = u32::from(scale.min(0).unsigned_abs());
    let mut exact = unscaled.checked_mul(power_of_ten(below)?)?;
    let ten = power_of_ten(1)?;
    while places > 0 && exact.checked_rem(ten)? == i256::ZERO {
        exact = exact.checked_div(ten)?;
        places -= 1;
    }
    let (mut dropped, mut rounded) = (0, exact);
    while !is_mantissa(rounded) || places - dropped > Decimal::MAX_SCALE {
        dropped += 1;
        if dropped > places {
            return None;
        }
        rounded = quotient(exact, power_of_ten(dropped)?)?;
    }
    let number = Decimal::try_from_i128_with_scale(rounded.to_i128()?, places - dropped);
    number.ok().map(|number| number.normalize())
}

fn is_mantissa(number: i256) -> bool {
    let number = number.to_i128();
    number.is_some_and(|number| number.unsigned_abs() <= MANTISSA_MAX.unsigned_abs())
}

/// 10^`exponent`, where it fits.
pub(crate) fn power_of_ten(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// Rounded to a whole number, half away from zero. `None` for a division by zero.
pub(crate) fn quotient(dividend: i256, divisor: i256) -> Option<i256> {
    let whole = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?.wrapping_abs();
    let is_half = divisor.wrapping_abs().checked_sub(rest)? <= rest;
    let away = if (dividend < i256::ZERO) == (divisor < i256::ZERO) {
        i256::ONE
    } else {
        i256::MINUS_ONE
    };
    if is_half {
        whole.checked_add(away)
    } else {
        Some(whole)
    }
}

/// The integer of the column for a number; `None` where the column does not hold it.
pub(crate) fn column_integer(number: Decimal) -> Option<i128> {
    let number = number.normalize();
    let places = u32::from(crate::columns::DECIMAL_SCALE.unsigned_abs());
    let missing = places.checked_sub(number.scale())?;
    let integer = number
        .mantissa()
        .checked_mul(10_i128.checked_pow(missing)?)?;
    let limit = 10_i128.pow(u32::from(crate::columns::DECIMAL_PRECISION));
    (integer.unsigned_abs() < limit.unsigned_abs()).then_some(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_only_digits_that_none_has() {
        for (unscaled, scale, number) in [
            ("1500", 3, Some("1.5")),
            ("-1500", 3, Some("-1.5")),
            ("0", 12, Some("0")),
            ("12", -2, Some("1200")),
            (
                "79228162514264337593543950335000000000000",
                12,
                Some("79228162514264337593543950335"),
            ),
            ("79228162514264337593543950336000000000000", 12, None),
            ("79228162514264337593543950335500000000000", 12, None),
            (
                "79228162514264337593543950335499999999999",
                12,
                Some("79228162514264337593543950335"),
            ),
            (
                "1234567890123456789012345678901234567890",
                12,
                Some("1234567890123456789012345678.9"),
            ),
        ] {
            let read = decimal(i256::from_string(unscaled).unwrap(), scale);
            assert_eq!(read.map(|n| n.to_string()).as_deref(), number, "{unscaled}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (dividend, divisor, whole) in [
            (5, 2, 3),
            (-5, 2, -3),
            (5, -2, -3),
            (-5, -2, 3),
            (4, 3, 1),
            (5, 3, 2),
            (0, 7, 0),
            (-1, 3, 0),
        ] {
            let of = quotient(i256::from_i128(dividend), i256::from_i128(divisor));
            assert_eq!(of, Some(i256::from_i128(whole)), "{dividend}/{divisor}");
        }
        assert_eq!(quotient(i256::ONE, i256::ZERO), None);
    }
}
