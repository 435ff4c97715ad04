//! Numbers as JSON writes them, read into decimals. Owns the two ways of reading: rounding and exact.

use rust_decimal::{Decimal, RoundingStrategy};

/// Longest text of a number, in bytes: no measurement and no amount has more digits.
const TEXT_LENGTH_MAX: usize = 64;
/// Digits before the point of `Float64` and `Decimal`.
pub const WHOLE_DIGITS_MAX: u32 = 26;
/// Decimal places of `Float64` and `Decimal`: with [`WHOLE_DIGITS_MAX`] digits before the point they fill
/// the 38 digits of the decimal columns of table files.
pub const DECIMAL_PLACES_MAX: u32 = 12;

/// Reads a number of type `Float64`: digits beyond [`DECIMAL_PLACES_MAX`] are rounded, half away from
/// zero, so that the noise of binary fractions (`5.551115123125783e-17`) is no error. `None` where the
/// magnitude does not fit.
pub fn rounded(text: &str) -> Option<Decimal> {
    if text.len() > TEXT_LENGTH_MAX {
        return None;
    }
    let number = match is_scientific(text) {
        false => text.parse().ok()?,
        true if is_below_places(text) => Decimal::ZERO,
        true => Decimal::from_scientific_lossy(text).ok()?,
    };
    let strategy = RoundingStrategy::MidpointAwayFromZero;
    fits(number.round_dp_with_strategy(DECIMAL_PLACES_MAX, strategy))
}

/// Reads a number of type `Decimal`: every digit is kept. `None` where it does not fit.
pub fn exact(text: &str) -> Option<Decimal> {
    if text.len() > TEXT_LENGTH_MAX {
        return None;
    }
    let number = match is_scientific(text) {
        true => Decimal::from_scientific(text).ok()?,
        false => Decimal::from_str_exact(text).ok()?,
    };
    let number = number.normalize();
    fits(number).filter(|number| number.scale() <= DECIMAL_PLACES_MAX)
}

fn fits(number: Decimal) -> Option<Decimal> {
    let limit = Decimal::from_i128_with_scale(10_i128.pow(WHOLE_DIGITS_MAX), 0);
    (number.trunc().abs() < limit).then_some(number)
}

fn is_scientific(text: &str) -> bool {
    text.contains(['e', 'E'])
}

/// Whether the exponent alone puts every digit behind the last place of a decimal.
fn is_below_places(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let Some(exponent) = exponent.strip_prefix('-') else {
        return false;
    };
    let places = exponent.parse::<u32>().unwrap_or(u32::MAX);
    places > Decimal::MAX_SCALE + digits.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_keeps_the_digits_that_were_sent() {
        for (text, number) in [
            ("12.5", "12.5"),
            ("-0.10", "-0.10"),
            ("0.123456789012", "0.123456789012"),
            ("0.1234567890125", "0.123456789013"),
            ("-0.1234567890125", "-0.123456789013"),
            ("0.30000000000000004", "0.300000000000"),
            ("5.551115123125783e-17", "0"),
            ("99999999999999999999999999", "99999999999999999999999999"),
            ("1.5e3", "1500"),
            ("1E+2", "100"),
            ("1e-40", "0"),
            ("1e-9999999999", "0"),
            ("0.0000000000000000000000000000000001", "0"),
        ] {
            assert_eq!(rounded(text), number.parse().ok(), "{text}");
        }
    }

    #[test]
    fn a_float_beyond_a_decimal_is_refused() {
        for text in [
            "1e26",
            "1e308",
            "99999999999999999999999999.9999999999995",
            "1e9999999999",
            "100000000000000000000000000000",
        ] {
            assert_eq!(rounded(text), None, "{text}");
        }
        assert_eq!(rounded(&"1".repeat(100_000)), None);
    }

    #[test]
    fn a_decimal_is_exact_or_refused() {
        for (text, number) in [
            ("12.345678901234", Some("12.345678901234")),
            ("12.50000000000000000000", Some("12.5")),
            ("1e2", Some("100")),
            (
                "99999999999999999999999999",
                Some("99999999999999999999999999"),
            ),
            ("100000000000000000000000000", None),
            ("0.1234567890123", None),
            ("1e-13", None),
            ("1e-999999999", None),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(exact(text), number.map(|n| n.parse().unwrap()), "{text}");
        }
    }
}
