//! Amounts as Stripe counts them. Owns where its smallest units are not those of ISO 4217.

use florin_app::gateway::GatewayError;
use florin_core::money::Money;

/// Currencies with cents in ISO 4217 that Stripe counts in whole units.
const WHOLE: &[&str] = &["MGA"];
/// Currencies without cents in ISO 4217 that Stripe counts in cents.
const HUNDREDTHS: &[&str] = &["ISK", "UGX"];
/// Currencies with three digits, the last of which must be zero.
const THREE_DIGITS: u8 = 3;

/// An amount in Stripe's smallest units, and the currency in its spelling.
///
/// # Errors
/// [`GatewayError::Refused`] for an amount that cannot be charged there.
pub(super) fn of(amount: Money) -> Result<(i64, String), GatewayError> {
    let currency = amount.currency();
    let code = currency.code();
    let minor = amount.minor();
    let refused = |message: String| GatewayError::Refused { message };
    let smallest = if HUNDREDTHS.contains(&code) {
        let hundredths = minor.checked_mul(100);
        hundredths.ok_or_else(|| refused(format!("{amount} is too much")))?
    } else if WHOLE.contains(&code) {
        if minor % 100 != 0 {
            return Err(refused(format!(
                "{amount}: only whole {code} can be charged"
            )));
        }
        minor / 100
    } else {
        minor
    };
    if currency.minor_digits() == THREE_DIGITS && minor % 10 != 0 {
        let message = format!("{amount}: the last digit must be zero to be charged");
        return Err(refused(message));
    }
    Ok((smallest, code.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use florin_core::currency::Currency;

    use super::*;

    #[test]
    fn units_differ_for_some_currencies() {
        for (code, minor, expected) in [
            ("USD", 1999, Some(1999)),
            ("JPY", 500, Some(500)),
            ("KWD", 1230, Some(1230)),
            ("KWD", 1234, None),
            ("UGX", 500, Some(50000)),
            ("ISK", 500, Some(50000)),
            ("ISK", i64::MAX, None),
            ("MGA", 500, Some(5)),
            ("MGA", 505, None),
        ] {
            let amount = Money::from_minor(minor, Currency::iso(code).unwrap());
            let found = of(amount).ok();
            let expected = expected.map(|units| (units, code.to_ascii_lowercase()));
            assert_eq!(found, expected, "{code} {minor}");
        }
    }
}
