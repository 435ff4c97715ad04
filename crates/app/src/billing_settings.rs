//! How an organisation wants its bills.

use florin_core::billing_settings::{BillingSettings, Refusal};
use florin_store::{self as store, Tx};

use crate::{Error, FieldError, Result};

/// The organisation's choices.
///
/// # Errors
/// [`Error::Store`].
pub async fn load(tx: &mut Tx) -> Result<BillingSettings> {
    Ok(store::billing_settings::find(tx).await?)
}

/// Keeps the organisation's choices.
///
/// # Errors
/// [`Error::Invalid`] with every choice that cannot be kept.
pub async fn save(tx: &mut Tx, settings: BillingSettings) -> Result<BillingSettings> {
    let invalid: Vec<FieldError> = settings.refusals().into_iter().map(invalid).collect();
    if !invalid.is_empty() {
        return Err(Error::Invalid(invalid));
    }
    store::organisation::lock(tx).await?;
    store::billing_settings::save(tx, &settings).await?;
    Ok(settings)
}

fn invalid(refusal: Refusal) -> FieldError {
    let field = match refusal {
        Refusal::MonthsOutOfRange => "months",
        Refusal::DaysOutOfRange => "days",
        Refusal::DayOfMonthOutOfRange => "day_of_month",
    };
    FieldError {
        path: ["invoice_date", field].map(str::to_owned).to_vec(),
        message: refusal.to_string(),
        kind: "value_error.number.range",
    }
}
