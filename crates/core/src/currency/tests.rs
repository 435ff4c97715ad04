use rust_decimal::Decimal;

use super::{Currency, CurrencyError, CustomCurrency};
use crate::money::{Money, MoneyError};

#[test]
fn iso_codes_know_their_minor_digits() {
    for (code, digits) in [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("CLF", 4),
        ("UGX", 0),
    ] {
        assert_eq!(
            Currency::iso(code).unwrap().minor_digits(),
            digits,
            "{code}"
        );
    }
    assert_eq!(Currency::iso("USD").unwrap(), Currency::USD);
    assert_eq!(Currency::iso("EUR").unwrap(), Currency::EUR);
}

#[test]
fn codes_without_a_minor_unit_and_unknown_codes_are_refused() {
    assert_eq!(
        Currency::iso("XAU"),
        Err(CurrencyError::NoMinorUnit("XAU".into()))
    );
    assert_eq!(
        Currency::iso("usd"),
        Err(CurrencyError::Unknown("usd".into()))
    );
    assert_eq!(
        Currency::iso("CREDITS"),
        Err(CurrencyError::Unknown("CREDITS".into()))
    );
}

#[test]
fn a_custom_code_is_checked() {
    assert_eq!(
        Currency::custom("AI_CREDITS", 3).unwrap().to_string(),
        "AI_CREDITS"
    );
    assert_eq!(
        Currency::custom("ABCDEFGHIJKLMN", 0).unwrap().code(),
        "ABCDEFGHIJKLMN"
    );
    for code in ["", "A", "credits", "TWO WORDS", "ABCDEFGHIJKLMNO"] {
        assert_eq!(
            Currency::custom(code, 0),
            Err(CurrencyError::MalformedCode(code.into()))
        );
    }
    assert_eq!(
        Currency::custom("USD", 2),
        Err(CurrencyError::TakenByIso("USD".into()))
    );
    assert_eq!(
        Currency::custom("TOKENS", 10),
        Err(CurrencyError::TooManyMinorDigits(10))
    );
}

#[test]
fn credits_settle_in_money_and_are_rounded_once() {
    let credits = Currency::custom("CREDITS", 0).unwrap();
    let worth = CustomCurrency::new(credits, Currency::USD, Decimal::new(125, 4)).unwrap();

    let settled = worth.settle(Money::from_minor(7, credits)).unwrap();

    assert_eq!(settled, Money::from_minor(9, Currency::USD)); // 7 × 0.0125 = 0.0875
    assert_eq!(
        worth.settle(Money::from_minor(7, Currency::USD)),
        Err(MoneyError::CurrencyMismatch {
            expected: credits,
            found: Currency::USD
        })
    );
}

#[test]
fn a_conversion_rate_must_be_above_zero_and_lead_elsewhere() {
    let credits = Currency::custom("CREDITS", 0).unwrap();
    let zero = CustomCurrency::new(credits, Currency::USD, Decimal::ZERO);
    assert_eq!(zero, Err(CurrencyError::RateNotPositive));
    let circle = CustomCurrency::new(credits, credits, Decimal::ONE);
    assert_eq!(circle, Err(CurrencyError::SettlesInItself));
}
