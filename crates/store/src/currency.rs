//! Amounts in rows: whole minor units, the code of their currency and how many digits that has. Owns reading
//! them as one value.

use florin_core::{currency::Currency, money::Money};

use crate::{Result, Row, row::corrupt};

/// The column of the digits, beside that of the code.
const DIGITS: &str = "minor_digits";

/// The value of the column `minor_digits`.
pub(crate) fn digits(currency: Currency) -> i64 {
    currency.minor_digits().into()
}

/// The amount of a column, in the currency whose code another one has.
///
/// # Errors
/// [`crate::Error::Corrupt`] where that is no currency.
pub(crate) fn money(row: &Row, amount: &str, code: &str) -> Result<Money> {
    let text: String = row.get(code)?;
    let digits = u8::try_from(row.get::<i64>(DIGITS)?).map_err(|error| corrupt(DIGITS, error))?;
    let currency = Currency::iso(&text).or_else(|_| Currency::custom(&text, digits));
    let currency = currency.map_err(|error| corrupt(code, error))?;
    Ok(Money::from_minor(row.get(amount)?, currency))
}
