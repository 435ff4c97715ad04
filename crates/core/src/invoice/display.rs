//! Values as documents write them: `$7,203.00`, `7203 units`, `$0.10 per unit` (semantics §35). Owns the
//! writing in English; what is computed never reads it.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::currency::Currency;
use crate::money::Money;

/// A value with its unit and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The value; amounts are in major units.
    pub value: Decimal,
    /// `call`, `USD`, `USD/call`.
    pub unit: String,
    /// As people read it.
    pub display: String,
}

/// Currencies that are written by a sign in front.
const SIGNS: [(&str, &str); 6] = [
    ("USD", "$"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("INR", "₹"),
    ("KRW", "₩"),
];

/// An amount of money.
pub fn shown_money(amount: Money) -> Shown {
    let currency = amount.currency();
    Shown {
        value: amount.to_major(),
        unit: currency.code().to_owned(),
        display: written(amount.to_major(), currency),
    }
}

/// A number of units; `units` is the plural.
pub fn shown_quantity(value: Decimal, unit: &str, units: Option<&str>) -> Shown {
    let value = value.normalize();
    let name = match units {
        _ if value == Decimal::ONE => unit.to_owned(),
        Some(units) => units.to_owned(),
        None => format!("{unit}s"),
    };
    Shown {
        value,
        unit: unit.to_owned(),
        display: format!("{value} {name}"),
    }
}

/// The price of a unit, with as many digits as it has.
pub(super) fn shown_price(rate: Decimal, unit: &str, currency: Currency) -> Shown {
    Shown {
        value: rate.normalize(),
        unit: format!("{}/{unit}", currency.code()),
        display: format!("{} per {unit}", written(rate, currency)),
    }
}

/// An amount with its currency's sign, thousands apart, and the currency's digits or more.
pub(super) fn written(amount: Decimal, currency: Currency) -> String {
    let digits = u32::from(currency.minor_digits());
    let mut amount = amount.normalize();
    if amount.scale() < digits {
        amount.rescale(digits);
    }
    let text = amount.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = thousands(whole);
    let number = if fraction.is_empty() {
        whole
    } else {
        format!("{whole}.{fraction}")
    };
    let minus = if amount.is_sign_negative() && !amount.is_zero() {
        "-"
    } else {
        ""
    };
    let sign = SIGNS.iter().find(|(code, _)| *code == currency.code());
    match sign {
        Some((_, sign)) => format!("{minus}{sign}{number}"),
        None => format!("{minus}{} {number}", currency.code()),
    }
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_documents_write_them() {
        let euro_like = Currency::iso("KWD").unwrap();
        let yen = Currency::iso("JPY").unwrap();
        for (minor, currency, text) in [
            (720_300, Currency::USD, "$7,203.00"),
            (-5, Currency::USD, "-$0.05"),
            (123_456_789, Currency::USD, "$1,234,567.89"),
            (1_234, yen, "¥1,234"),
            (1_234, euro_like, "KWD 1.234"),
        ] {
            assert_eq!(
                shown_money(Money::from_minor(minor, currency)).display,
                text
            );
        }
    }

    #[test]
    fn quantities_and_prices_name_their_unit() {
        let shown = |value: &str| shown_quantity(value.parse().unwrap(), "unit", None).display;
        assert_eq!(
            [shown("7203"), shown("1.00"), shown("0.5")],
            ["7203 units", "1 unit", "0.5 units"]
        );
        assert_eq!(
            shown_quantity(2.into(), "box", Some("boxes")).display,
            "2 boxes"
        );
        let price = shown_price("0.0015".parse().unwrap(), "call", Currency::USD);
        assert_eq!(
            (price.display.as_str(), price.unit.as_str()),
            ("$0.0015 per call", "USD/call")
        );
    }
}
