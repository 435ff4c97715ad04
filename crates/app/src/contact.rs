//! Contacts of customers: create, change, delete, list.

use florin_core::contact::{Contact, Details};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

use crate::{App, Error, Result};

/// Creates a contact.
///
/// # Errors
/// [`Error::Invalid`] for an unknown customer.
pub async fn create(app: &App, tx: &mut Tx, details: Details) -> Result<Contact> {
    expect_customer(tx, details.customer_id).await?;
    let at = tx.at()?;
    let contact = Contact {
        id: app.ids.next(),
        details,
        created_at: at,
        updated_at: at,
    };
    store::contact::insert(tx, &contact).await?;
    Ok(contact)
}

/// Replaces what a caller may write of a contact.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for an unknown customer.
pub async fn update(tx: &mut Tx, id: Uuid, details: Details) -> Result<Contact> {
    let before = load(tx, id).await?;
    if details == before.details {
        return Ok(before);
    }
    expect_customer(tx, details.customer_id).await?;
    let after = Contact {
        details,
        updated_at: tx.at()?,
        ..before.clone()
    };
    store::contact::update(tx, &before, &after).await?;
    Ok(after)
}

/// Deletes a contact for good.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Contact> {
    let contact = load(tx, id).await?;
    store::contact::delete(tx, &contact).await?;
    Ok(contact)
}

/// The contact with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Contact> {
    let found = store::contact::find(tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "contact",
    })
}

/// One page of contacts.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Contact>> {
    Ok(store::contact::page(tx, query).await?)
}

async fn expect_customer(tx: &mut Tx, id: Uuid) -> Result<()> {
    match store::customer::find(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Error::field(
            "customer",
            "value_error.unknown",
            "there is no customer with this id",
        )),
    }
}
