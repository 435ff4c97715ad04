//! Money: whole minor units of one currency, and the only place where an amount is rounded.
//!
//! Owns rounding, sums and fair splitting. Does not own prices: an unrounded amount is a plain
//! `Decimal` in major units until [`Money::round`] makes it an invoice line, tax or ledger amount
//! (DESIGN §6). Two currencies never meet in one sum, and a result that does not fit is an error.

use std::cmp::Ordering;
use std::iter;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::currency::Currency;

mod allocation;
pub(crate) mod exact;

/// An amount in whole minor units (cents, yen, fils) of a currency. May be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an operation on money has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Amounts of two currencies in one operation.
    #[error("expected an amount in {expected}, found {found}")]
    CurrencyMismatch {
        /// The currency that the operation began with.
        expected: Currency,
        /// The other one.
        found: Currency,
    },
    /// A text that is not an amount with a currency code.
    #[error("`{0}` is not an amount such as `10.50 USD`")]
    Malformed(String),
    /// The result does not fit 64 bits of minor units.
    #[error("amount is too large")]
    Overflow,
    /// Allocation over no part, or weights that sum to zero.
    #[error("nothing to allocate over")]
    NoWeights,
    /// Allocation weights may not be negative.
    #[error("weight {index} is negative")]
    NegativeWeight {
        /// Position of the weight.
        index: usize,
    },
}

impl Money {
    /// An amount of whole minor units: `from_minor(1050, USD)` is $10.50.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Rounds an amount in major units to the currency's minor digits, half away from zero: the one
    /// rounding rule of the platform (DESIGN §6).
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] beyond 64 bits of minor units.
    pub fn round(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let digits = u32::from(currency.minor_digits());
        let rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        let minor = 10_i128
            .checked_pow(digits - rounded.scale())
            .and_then(|factor| rounded.mantissa().checked_mul(factor))
            .and_then(|minor| i64::try_from(minor).ok())
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// Whole minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units, exactly: $10.50 is `10.50`.
    pub fn to_major(self) -> Decimal {
        Decimal::new(self.minor, u32::from(self.currency.minor_digits()))
    }

    /// True for an amount of nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// True below zero.
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        other.expect_currency(self.currency)?;
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference of two amounts of one currency.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        other.expect_currency(self.currency)?;
        let minor = self
            .minor
            .checked_sub(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount with the other sign.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] for the one amount without a counterpart.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Sums amounts of one currency; no amounts are zero.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn sum(
        amounts: impl IntoIterator<Item = Self>,
        currency: Currency,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(currency), Self::checked_add)
    }

    /// Splits the amount in proportion to `weights` so that the parts sum to it exactly: every part
    /// gets its share rounded down in magnitude, and the minor units left over go one by one to the
    /// largest remainders, ties to the earliest (DESIGN §6).
    ///
    /// ```
    /// use florin_core::{currency::Currency, money::Money};
    ///
    /// let thirds = Money::from_minor(100, Currency::USD).allocate(&[1.into(), 1.into(), 1.into()])?;
    /// let cents: Vec<i64> = thirds.into_iter().map(Money::minor).collect();
    /// assert_eq!(cents, [34, 33, 33]);
    /// # Ok::<(), florin_core::money::MoneyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MoneyError::NoWeights`], [`MoneyError::NegativeWeight`], or [`MoneyError::Overflow`] when
    /// the weights are too far apart in size to be compared exactly.
    pub fn allocate(self, weights: &[Decimal]) -> Result<Vec<Self>, MoneyError> {
        let shares = allocation::largest_remainder(self.minor.unsigned_abs(), weights)?;
        shares
            .into_iter()
            .map(|share| self.with_magnitude(share))
            .collect()
    }

    /// Splits the amount into equal parts, the first ones one minor unit larger where needed.
    ///
    /// # Errors
    ///
    /// [`MoneyError::NoWeights`] for zero parts.
    pub fn split(self, parts: usize) -> Result<Vec<Self>, MoneyError> {
        let weights: Vec<Decimal> = iter::repeat_n(Decimal::ONE, parts).collect();
        self.allocate(&weights)
    }

    /// Refuses an amount of another currency than expected.
    ///
    /// # Errors
    ///
    /// [`MoneyError::CurrencyMismatch`] when this is an amount of another currency.
    pub fn expect_currency(self, expected: Currency) -> Result<(), MoneyError> {
        if self.currency == expected {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch {
            expected,
            found: self.currency,
        })
    }

    fn with_magnitude(self, magnitude: u64) -> Result<Self, MoneyError> {
        let signed = if self.is_negative() {
            -i128::from(magnitude)
        } else {
            magnitude.into()
        };
        let minor = i64::try_from(signed).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

/// Amounts of different currencies have no order.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.to_major(), self.currency)
    }
}

/// As [`Money`] is displayed: `10.50 USD`. The digits after the point are the currency's minor digits,
/// so that custom currencies need no table to be read back.
impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Money, MoneyError> {
        let malformed = || MoneyError::Malformed(text.clone());
        let (amount, code) = text.split_once(' ').ok_or_else(malformed)?;
        let amount = Decimal::from_str_exact(amount).map_err(|_| malformed())?;
        let digits = u8::try_from(amount.scale()).map_err(|_| malformed())?;
        let currency = Currency::iso(code).or_else(|_| Currency::custom(code, digits));
        let currency = currency.map_err(|_| malformed())?;
        if currency.minor_digits() != digits {
            return Err(malformed());
        }
        Money::round(amount, currency)
    }
}

impl std::fmt::Debug for Money {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests;
