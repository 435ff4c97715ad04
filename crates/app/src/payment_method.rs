//! Payment methods of customers: set up, attached, detached, listed.
//!
//! Each operation has three steps: read who is asked, ask the gateway, write what it answered. No transaction is
//! open in the second. What is asked can be asked again: a crash between two steps leaves nothing that a
//! repetition does not mend.

use florin_core::payment_method::{PaymentMethod, Status};
use florin_store::{self as store, Tx, list};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    connector::{self, Account, Payer},
    customer, customer_connector,
    gateway::{GatewayError, Method, NewCustomer, Setup},
};

const NOT_FOUND: Error = Error::NotFound {
    resource: "payment method",
};

/// A payment method just after it was attached.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// The method.
    pub method: PaymentMethod,
    /// The customer, as the gateway calls it.
    pub customer_reference: String,
    /// The gateway's own document of it.
    pub raw: Json,
}

/// Asks the gateway to attach a method to the payer; keep the answer with [`keep`].
///
/// # Errors
/// [`Error::Gateway`].
pub async fn ask_to_attach(payer: &Payer, method: &str) -> Result<Method> {
    let Account {
        gateway,
        credentials,
        ..
    } = &payer.account;
    let customer = payer.reference.as_deref().unwrap_or_default();
    Ok(gateway.attach(credentials, customer, method).await?)
}

/// Makes the payer known to the gateway where it is not; answers its id there.
///
/// # Errors
/// [`Error::Gateway`].
pub async fn ask_for_customer(payer: &Payer) -> Result<String> {
    if let Some(reference) = &payer.reference {
        return Ok(reference.clone());
    }
    let Account {
        gateway,
        credentials,
        ..
    } = &payer.account;
    let new = NewCustomer {
        id: payer.customer.id.to_string(),
        name: payer.customer.details.customer_name.clone(),
        email: payer.customer.details.email.clone(),
    };
    Ok(gateway.create_customer(credentials, &new).await?)
}

/// Begins the set-up of a method: the customer's browser gives the card to the gateway. `key` makes the
/// set-up the same one when it is asked for again.
///
/// # Errors
/// [`Error::Gateway`].
pub async fn ask_to_set_up(account: &Account, customer: &str, key: &str) -> Result<Setup> {
    let Account {
        gateway,
        credentials,
        ..
    } = account;
    Ok(gateway.begin_setup(credentials, customer, key).await?)
}

/// Links the payer to the id that the gateway has for it.
///
/// # Errors
/// [`Error::NotFound`] where the customer is gone.
pub async fn link(app: &App, tx: &mut Tx, payer: &Payer, reference: &str) -> Result<()> {
    let id = payer.customer.id;
    customer::find(tx, id).await?;
    let link = (payer.account.connector.name.clone(), reference.to_owned());
    if customer_connector::set(app, tx, id, link).await? {
        store::customer::touch(tx, id).await?;
    }
    Ok(())
}

/// Keeps a method that the gateway has attached. The customer's first one becomes its default, unless it is
/// told not to.
///
/// # Errors
/// [`Error::NotFound`] where the customer is gone; [`Error::Refused`] where the method is another customer's.
pub async fn keep(
    app: &App,
    tx: &mut Tx,
    payer: &Payer,
    method: Method,
    set_as_default: Option<bool>,
) -> Result<Attached> {
    let customer_reference = payer.reference.clone().unwrap_or_default();
    // Locks the customer, so that it has one default whoever else attaches.
    link(app, tx, payer, &customer_reference).await?;
    let known = store::payment_method::of_customer(tx, payer.customer.id).await?;
    let connector = &payer.account.connector;
    let own = |known: &&PaymentMethod| {
        known.connector_id == connector.id && known.external_id == method.external_id
    };
    let before = known.iter().find(own).cloned();
    let had_default = known.iter().any(|known| known.is_default);
    let keeps = before.as_ref().is_some_and(|before| before.is_default);
    let is_default = set_as_default.unwrap_or(keeps || !had_default);
    if is_default {
        clear_default(tx, &known).await?;
    }
    let at = tx.at()?;
    let Method {
        external_id,
        expires,
        facts,
        raw,
    } = method;
    let after = PaymentMethod {
        id: before
            .as_ref()
            .map_or_else(|| app.ids.next(), |before| before.id),
        customer_id: payer.customer.id,
        connector_id: connector.id,
        connector_name: connector.name.clone(),
        external_id,
        is_default,
        status: Status::of(expires, at),
        facts,
        created_at: before.as_ref().map_or(at, |before| before.created_at),
        updated_at: at,
    };
    match before {
        Some(before) => {
            let before = PaymentMethod {
                is_default: before.is_default && !is_default,
                ..before
            };
            store::payment_method::update(tx, &before, &after).await?;
        }
        None => store::payment_method::insert(tx, &after)
            .await
            .map_err(taken)?,
    }
    Ok(Attached {
        method: after,
        customer_reference,
        raw,
    })
}

async fn clear_default(tx: &mut Tx, known: &[PaymentMethod]) -> Result<()> {
    for before in known.iter().filter(|known| known.is_default) {
        let after = PaymentMethod {
            is_default: false,
            ..before.clone()
        };
        store::payment_method::update(tx, before, &after).await?;
    }
    Ok(())
}

fn taken(error: store::Error) -> Error {
    let rule = (
        "payment_method_connector_id_external_id_key",
        "PAYMENT_METHOD_TAKEN",
        "another customer has this payment method",
    );
    Error::from_constraint(error, &[rule])
}

/// The customer's payment method and the account that keeps it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    id: Uuid,
) -> Result<(PaymentMethod, Account)> {
    let method = find(tx, customer_id, id).await?;
    let account = connector::account(app, tx, method.connector_id).await?;
    Ok((method, account))
}

async fn find(tx: &mut Tx, customer_id: Uuid, id: Uuid) -> Result<PaymentMethod> {
    let method = store::payment_method::find(tx, id).await?;
    method
        .filter(|method| method.customer_id == customer_id)
        .ok_or(NOT_FOUND)
}

/// Asks the gateway to detach a method; forget it with [`forget`].
///
/// # Errors
/// [`Error::Gateway`].
pub async fn ask_to_detach(account: &Account, method: &PaymentMethod) -> Result<()> {
    let Account {
        gateway,
        credentials,
        ..
    } = account;
    let detached = gateway.detach(credentials, &method.external_id).await;
    match detached {
        // The gateway knows it no more: that is what was wanted.
        Err(GatewayError::Refused { .. }) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Forgets a method. Where it was the default, the oldest of the others becomes it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn forget(tx: &mut Tx, customer_id: Uuid, id: Uuid) -> Result<PaymentMethod> {
    customer::find(tx, customer_id).await?;
    let method = find(tx, customer_id, id).await?;
    store::payment_method::delete(tx, &method).await?;
    if !method.is_default {
        return Ok(method);
    }
    let others = store::payment_method::of_customer(tx, customer_id).await?;
    if let Some(before) = others.first() {
        let after = PaymentMethod {
            is_default: true,
            ..before.clone()
        };
        store::payment_method::update(tx, before, &after).await?;
    }
    Ok(method)
}

/// One page of a customer's payment methods.
///
/// # Errors
/// [`Error::NotFound`] for the customer.
pub async fn page(
    tx: &mut Tx,
    customer_id: Uuid,
    query: list::Query,
) -> Result<list::Page<PaymentMethod>> {
    customer::find(tx, customer_id).await?;
    Ok(store::payment_method::page(tx, customer_id, query).await?)
}

/// That the payment method which is named is the customer's, or that there is one where one is needed.
///
/// # Errors
/// [`Error::Invalid`] at `payment_method_id`; [`Error::Refused`] where none is there.
pub(crate) async fn require(
    tx: &mut Tx,
    customer_id: Uuid,
    (named, is_needed): (Option<Uuid>, bool),
) -> Result<()> {
    if let Some(id) = named {
        let found = store::payment_method::find(tx, id).await?;
        return match found.filter(|method| method.customer_id == customer_id) {
            Some(_) => Ok(()),
            None => {
                let message = "the customer has no payment method with this id";
                Err(Error::field(
                    "payment_method_id",
                    "value_error.unknown_id",
                    message,
                ))
            }
        };
    }
    if is_needed
        && store::payment_method::of_customer(tx, customer_id)
            .await?
            .is_empty()
    {
        let message = "this is sold to customers with a payment method";
        return Err(Error::refused("NO_PAYMENT_METHOD", message));
    }
    Ok(())
}
