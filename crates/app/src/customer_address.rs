//! The address book of a customer.
//!
//! Invariant: whoever changes a book has locked its customer, so that two requests cannot both find an
//! address or a default missing.

use florin_core::address::{self, Address, Entry, Placement, Refusal};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

use crate::{App, Error, Result, customer};

/// What a caller writes of an address in the book.
#[derive(Clone, Debug)]
pub struct Written {
    /// The address.
    pub address: Address,
    /// Whether it becomes the default for billing.
    pub is_default_billing: bool,
    /// Whether it becomes the default for shipping.
    pub is_default_shipping: bool,
}

/// Puts an address into the customer's book; an equal one there takes its flags.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn create(app: &App, tx: &mut Tx, customer_id: Uuid, written: Written) -> Result<Entry> {
    customer::find(tx, customer_id).await?;
    let entry = entry(app, tx, customer_id, written)?;
    let book = book(tx, customer_id).await?;
    write_and_touch(tx, address::place(&book, entry)).await
}

/// Edits an address of the customer's book.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] where the book has another address equal to it.
pub async fn update(tx: &mut Tx, [customer_id, id]: [Uuid; 2], written: Written) -> Result<Entry> {
    customer::find(tx, customer_id).await?;
    let book = book(tx, customer_id).await?;
    let before = in_book(&book, id)?;
    let after = Entry {
        address: written.address,
        is_default_billing: written.is_default_billing,
        is_default_shipping: written.is_default_shipping,
        updated_at: tx.at()?,
        ..before.clone()
    };
    let placement = address::amend(&book, &before, after).map_err(refused)?;
    write_and_touch(tx, placement).await
}

/// Deletes an address; documents that show it keep it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, [customer_id, id]: [Uuid; 2]) -> Result<Entry> {
    let entry = load(tx, [customer_id, id]).await?;
    store::customer_address::delete(tx, &entry).await?;
    store::customer::touch(tx, customer_id).await?;
    Ok(entry)
}

/// The address of that customer with that id.
///
/// # Errors
/// [`Error::NotFound`] where either is unknown or deleted.
pub async fn load(tx: &mut Tx, [customer_id, id]: [Uuid; 2]) -> Result<Entry> {
    customer::find(tx, customer_id).await?;
    in_book(&book(tx, customer_id).await?, id)
}

/// One page of the customer's addresses.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn page(
    tx: &mut Tx,
    customer_id: Uuid,
    query: &list::Query,
) -> Result<list::Page<Entry>> {
    customer::find(tx, customer_id).await?;
    Ok(store::customer_address::page(tx, customer_id, query).await?)
}

/// Makes these the customer's default billing and shipping addresses; `None` leaves it without one.
/// Answers whether that changed the book.
pub(crate) async fn place_defaults(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    [billing, shipping]: [Option<Address>; 2],
) -> Result<bool> {
    let mut differs = false;
    let (no_billing, no_shipping) = (billing.is_none(), shipping.is_none());
    for (address, is_billing) in [(billing, true), (shipping, false)] {
        let Some(address) = address else { continue };
        let written = Written {
            address,
            is_default_billing: is_billing,
            is_default_shipping: !is_billing,
        };
        let entry = entry(app, tx, customer_id, written)?;
        let book = book(tx, customer_id).await?;
        let (_, written) = write(tx, address::place(&book, entry)).await?;
        differs |= written;
    }
    let book = book(tx, customer_id).await?;
    for (before, after) in address::clear(&book, no_billing, no_shipping, tx.at()?) {
        differs |= store::customer_address::update(tx, &before, &after).await?;
    }
    Ok(differs)
}

async fn book(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<Entry>> {
    Ok(store::customer_address::of_customers(tx, &[customer_id]).await?)
}

fn in_book(book: &[Entry], id: Uuid) -> Result<Entry> {
    let found = book.iter().find(|entry| entry.id == id);
    found.cloned().ok_or(Error::NotFound {
        resource: "address",
    })
}

fn entry(app: &App, tx: &Tx, customer_id: Uuid, written: Written) -> Result<Entry> {
    let Written {
        address,
        is_default_billing,
        is_default_shipping,
    } = written;
    let at = tx.at()?;
    Ok(Entry {
        id: app.ids.next(),
        customer_id,
        address,
        is_default_billing,
        is_default_shipping,
        created_at: at,
        updated_at: at,
    })
}

/// Writes a placement; the customer whose book that changed has changed.
async fn write_and_touch(tx: &mut Tx, placement: Placement) -> Result<Entry> {
    let (entry, differs) = write(tx, placement).await?;
    if differs {
        store::customer::touch(tx, entry.customer_id).await?;
    }
    Ok(entry)
}

/// Defaults are cleared before the new one is set: the database knows only one at a time. Answers whether
/// anything differed.
async fn write(tx: &mut Tx, placement: Placement) -> Result<(Entry, bool)> {
    let Placement { cleared, placed } = placement;
    let mut differs = false;
    for (before, after) in &cleared {
        differs |= store::customer_address::update(tx, before, after).await?;
    }
    let (before, after) = placed;
    match before {
        None => {
            store::customer_address::insert(tx, &after).await?;
            differs = true;
        }
        Some(before) => differs |= store::customer_address::update(tx, &before, &after).await?,
    }
    Ok((after, differs))
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Duplicate => Error::refused("DUPLICATE_ADDRESS", refusal),
    }
}
