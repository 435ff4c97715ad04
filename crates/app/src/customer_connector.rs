//! Links from customers to their records in other systems.

use florin_core::{
    customer::Customer,
    customer_connector::{self, Link, Refusal},
};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use crate::{App, Error, Result, customer};

/// Links the customer to a system, or changes the id that it has there; answers whether that differs from
/// before.
///
/// # Errors
/// [`Error::Store`]. The caller has found, and so locked, the customer.
pub(crate) async fn set(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    (name, reference_id): (String, String),
) -> Result<bool> {
    let at = tx.at()?;
    let links = store::customer_connector::of_customers(tx, &[customer_id]).await?;
    match links.into_iter().find(|link| link.name == name) {
        Some(before) => {
            let after = Link {
                reference_id,
                updated_at: at,
                ..before.clone()
            };
            Ok(store::customer_connector::update(tx, &before, &after).await?)
        }
        None => {
            let link = Link {
                id: app.ids.next(),
                customer_id,
                name,
                reference_id,
                created_at: at,
                updated_at: at,
            };
            store::customer_connector::insert(tx, &link).await?;
            Ok(true)
        }
    }
}

/// Links the customer to a system, or changes the id that it has there; answers the customer.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn link(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    link: (String, String),
) -> Result<customer::Profile> {
    customer::find(tx, customer_id).await?;
    if set(app, tx, customer_id, link).await? {
        store::customer::touch(tx, customer_id).await?;
    }
    customer::load(tx, customer_id).await
}

/// Removes the link to the named system; where none is named, the only one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] where there is no such link, or no saying which.
pub async fn unlink(tx: &mut Tx, customer_id: Uuid, name: Option<&str>) -> Result<Link> {
    let (_, link) = load(tx, customer_id, name).await?;
    store::customer_connector::delete(tx, &link).await?;
    store::customer::touch(tx, customer_id).await?;
    Ok(link)
}

/// The customer and its link to the named system; where none is named, the only one.
///
/// # Errors
/// As [`unlink`].
pub async fn load(tx: &mut Tx, customer_id: Uuid, name: Option<&str>) -> Result<(Customer, Link)> {
    let customer = customer::find(tx, customer_id).await?;
    let links = store::customer_connector::of_customers(tx, &[customer_id]).await?;
    let link = customer_connector::choose(links, name).map_err(refused)?;
    Ok((customer, link))
}

pub(crate) fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::NotLinked => "CONNECTOR_NOT_LINKED",
        Refusal::Ambiguous => "CONNECTOR_AMBIGUOUS",
    };
    Error::refused(code, refusal)
}
