//! Tags: writing one by its name.

use florin_core::tag::{self, Details, Refusal, Tag};
use florin_store::{self as store, Tx};

use crate::{App, Error, Result};

/// Creates the tag of a name, or replaces what the organisation's tag of that name says.
///
/// # Errors
/// [`Error::Invalid`] for a blank name.
pub async fn put(app: &App, tx: &mut Tx, details: Details) -> Result<Tag> {
    let details = details.checked().map_err(|refusal @ Refusal::NameBlank| {
        Error::field("name", "value_error.blank", refusal)
    })?;
    store::organisation::lock(tx).await?;
    let known = store::tag::named(tx, &details.name).await?;
    let tag = tag::place(app.ids.next(), details, known.as_ref(), tx.at()?);
    match known {
        None => store::tag::insert(tx, &tag).await?,
        Some(known) if !store::tag::update(tx, &known, &tag).await? => return Ok(known),
        Some(_) => {}
    }
    Ok(tag)
}
