//! Currencies: a code and the number of digits of the smallest unit that an invoice can show.
//!
//! Owns the ISO 4217 table and custom currencies (credits, tokens) with their conversion rate. Does
//! not own exchange rates between real currencies. A code means one currency: a custom currency may
//! not take a code of ISO 4217.

use rust_decimal::Decimal;
use thiserror::Error;

use crate::money::{Money, MoneyError};

/// Digits after the point that a custom currency may have at most: nine leave room for nine billion
/// whole units in [`Money`]'s 64 bits.
pub const CUSTOM_MINOR_DIGITS_MAX: u8 = 9;

/// Longest code of a custom currency, in bytes; short enough that a [`Currency`] is copied, not shared.
pub const CODE_LENGTH_MAX: usize = 14;

const CODE_LENGTH_MIN: usize = 2;

/// A currency: its code and minor digits (DESIGN §6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; CODE_LENGTH_MAX],
    minor_digits: u8,
}

/// Why a code or a custom currency is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CurrencyError {
    /// Not a current or former code of ISO 4217.
    #[error("`{0}` is not a currency of ISO 4217")]
    Unknown(String),
    /// ISO 4217 lists it without a minor unit (gold, testing, "no currency").
    #[error("`{0}` has no minor unit, so amounts cannot be stated in it")]
    NoMinorUnit(String),
    /// A custom code is [`CODE_LENGTH_MAX`] bytes at most, upper-case letters, digits and `_`.
    #[error("`{0}` is not a code: 2 to 14 of A-Z, 0-9 and `_`")]
    MalformedCode(String),
    /// A custom currency may not look like a real one.
    #[error("`{0}` belongs to ISO 4217")]
    TakenByIso(String),
    /// More than [`CUSTOM_MINOR_DIGITS_MAX`].
    #[error("{0} minor digits are more than 9")]
    TooManyMinorDigits(u8),
    /// The conversion rate of a custom currency must be above zero.
    #[error("conversion rate must be above zero")]
    RateNotPositive,
    /// A custom currency settles in a real one.
    #[error("a currency cannot settle in itself")]
    SettlesInItself,
}

impl Currency {
    /// US dollar.
    pub const USD: Self = Self {
        code: padded(b"USD"),
        minor_digits: 2,
    };
    /// Euro.
    pub const EUR: Self = Self {
        code: padded(b"EUR"),
        minor_digits: 2,
    };

    /// The ISO 4217 currency of a three-letter code in upper case.
    ///
    /// # Errors
    ///
    /// [`CurrencyError::Unknown`], or [`CurrencyError::NoMinorUnit`] for codes such as `XAU`.
    pub fn iso(code: &str) -> Result<Self, CurrencyError> {
        let Some(iso) = iso_currency::Currency::from_code(code) else {
            return Err(CurrencyError::Unknown(code.to_owned()));
        };
        let Some(digits) = iso.exponent().and_then(|digits| u8::try_from(digits).ok()) else {
            return Err(CurrencyError::NoMinorUnit(code.to_owned()));
        };
        Ok(Self {
            code: padded(code.as_bytes()),
            minor_digits: digits,
        })
    }

    /// A currency of the seller's own, such as credits.
    ///
    /// # Errors
    ///
    /// When the code is malformed or an ISO one, or there are too many minor digits.
    pub fn custom(code: &str, minor_digits: u8) -> Result<Self, CurrencyError> {
        if !is_code(code) {
            return Err(CurrencyError::MalformedCode(code.to_owned()));
        }
        if iso_currency::Currency::from_code(code).is_some() {
            return Err(CurrencyError::TakenByIso(code.to_owned()));
        }
        if minor_digits > CUSTOM_MINOR_DIGITS_MAX {
            return Err(CurrencyError::TooManyMinorDigits(minor_digits));
        }
        Ok(Self {
            code: padded(code.as_bytes()),
            minor_digits,
        })
    }

    /// The code, for example `USD` or `CREDITS`.
    pub fn code(&self) -> &str {
        let length = self
            .code
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(CODE_LENGTH_MAX);
        std::str::from_utf8(&self.code[..length]).unwrap_or_default()
    }

    /// Digits after the point of the smallest unit: JPY 0, USD 2, KWD 3.
    pub const fn minor_digits(&self) -> u8 {
        self.minor_digits
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code())
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code())
    }
}

/// A custom currency with the real one it settles in: one unit is worth `rate` units of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomCurrency {
    currency: Currency,
    settles_in: Currency,
    rate: Decimal,
}

impl CustomCurrency {
    /// `rate` is what one whole unit of `currency` is worth in whole units of `settles_in`.
    ///
    /// # Errors
    ///
    /// When the rate is zero or negative, or both currencies are the same.
    pub fn new(
        currency: Currency,
        settles_in: Currency,
        rate: Decimal,
    ) -> Result<Self, CurrencyError> {
        if rate <= Decimal::ZERO {
            return Err(CurrencyError::RateNotPositive);
        }
        if currency == settles_in {
            return Err(CurrencyError::SettlesInItself);
        }
        Ok(Self {
            currency,
            settles_in,
            rate,
        })
    }

    /// The custom currency itself.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The real currency.
    pub const fn settles_in(&self) -> Currency {
        self.settles_in
    }

    /// Units of [`Self::settles_in`] for one unit of [`Self::currency`].
    pub const fn rate(&self) -> Decimal {
        self.rate
    }

    /// What an amount of the custom currency is worth, rounded once.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] when `amount` is in another currency, or overflow.
    pub fn settle(&self, amount: Money) -> Result<Money, MoneyError> {
        amount.expect_currency(self.currency)?;
        let worth = amount
            .to_major()
            .checked_mul(self.rate)
            .ok_or(MoneyError::Overflow)?;
        Money::round(worth, self.settles_in)
    }
}

fn is_code(code: &str) -> bool {
    (CODE_LENGTH_MIN..=CODE_LENGTH_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

const fn padded(code: &[u8]) -> [u8; CODE_LENGTH_MAX] {
    let mut bytes = [0; CODE_LENGTH_MAX];
    let mut index = 0;
    while index < code.len() && index < CODE_LENGTH_MAX {
        bytes[index] = code[index];
        index += 1;
    }
    bytes
}

#[cfg(test)]
mod tests;
