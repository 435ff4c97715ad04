//! Tax categories: create, change, list.

use florin_core::tax_category::{self, Details, Refusal, TaxCategory};
use florin_store::{self as store, Tx, list};

use crate::{App, Error, Result};

/// Creates a category under the organisation's next code.
///
/// # Errors
/// [`Error::Invalid`] for a broken rule.
pub async fn create(app: &App, tx: &mut Tx, details: Details) -> Result<TaxCategory> {
    let number = store::tax_category::next_number(tx).await?;
    let created = tax_category::create(app.ids.next(), number, details, tx.at()?);
    let category = created.map_err(refused)?;
    store::tax_category::insert(tx, &category).await?;
    Ok(category)
}

/// Replaces what a caller may write of a category.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Invalid`] for a broken rule.
pub async fn update(tx: &mut Tx, code: &str, details: Details) -> Result<TaxCategory> {
    let before = load(tx, code).await?;
    let after = tax_category::amend(&before, details, tx.at()?).map_err(refused)?;
    store::tax_category::update(tx, &before, &after).await?;
    load(tx, code).await
}

/// The category with this code.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, code: &str) -> Result<TaxCategory> {
    const NONE: Error = Error::NotFound {
        resource: "tax category",
    };
    if !tax_category::is_code(code) {
        return Err(NONE);
    }
    store::tax_category::find_by_code(tx, code)
        .await?
        .ok_or(NONE)
}

/// One page of categories.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<TaxCategory>> {
    Ok(store::tax_category::page(tx, query).await?)
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NameBlank => Error::field("name", "value_error.blank", refusal),
        Refusal::ProviderTwice { .. } => {
            Error::field("external_codes", "value_error.duplicate", refusal)
        }
    }
}
