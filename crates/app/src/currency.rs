//! The currency that a caller names. Owns nothing but the answer where there is none of that code.

use florin_core::{currency::Currency, money::Money};

use crate::{Error, Result};

/// The currency of a code, whichever case it is written in.
///
/// # Errors
/// [`Error::Invalid`] at `field` for an unknown code.
pub fn of_code(field: &str, code: &str) -> Result<Currency> {
    Currency::iso(&code.to_ascii_uppercase())
        .map_err(|error| Error::field(field, "value_error.currency", error))
}

/// So many minor units of the currency of a code.
///
/// # Errors
/// As [`of_code`].
pub fn minor(amount: i64, field: &str, code: &str) -> Result<Money> {
    Ok(Money::from_minor(amount, of_code(field, code)?))
}
