//! Connectors: an organisation's accounts at gateways, and which of them a customer pays through.

use std::sync::Arc;

use florin_core::{
    connector::{self, Connector, GATEWAYS, Refusal},
    customer::Customer,
    customer_connector::{self, Link},
};
use florin_store::{self as store, Tx, list};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    App, Error, Result, customer,
    customer_connector::refused as unlinked,
    gateway::{Credentials, Gateway},
    vault::Secret,
};

/// What a caller writes of an account; `None` keeps what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The key to the account.
    pub api_key: Option<Secret>,
    /// What the gateway signs its webhooks with.
    pub webhook_secret: Option<Secret>,
}

/// An account that can be asked.
#[derive(Clone)]
pub struct Account {
    /// The account.
    pub connector: Connector,
    /// Its gateway.
    pub gateway: Arc<dyn Gateway>,
    /// What opens it.
    pub credentials: Credentials,
}

/// A customer at an account.
#[derive(Clone)]
pub struct Payer {
    /// The account.
    pub account: Account,
    /// The customer.
    pub customer: Customer,
    /// The customer's id at the gateway; `None` where it has none yet.
    pub reference: Option<String>,
}

/// Which account is meant: the gateway's name, and the customer's id there if the caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The gateway's name.
    pub name: String,
    /// The customer's id there.
    pub reference_id: Option<String>,
}

const NOT_FOUND: Error = Error::NotFound {
    resource: "connector",
};

/// Creates an account.
///
/// # Errors
/// [`Error::Invalid`] without a key, [`Error::Refused`] for a second account at one gateway, a test gateway
/// outside of a sandbox, or where the server has no master key.
pub async fn create(app: &App, tx: &mut Tx, name: String, secrets: Secrets) -> Result<Connector> {
    let organisation = store::organisation::find(tx).await?;
    let is_sandbox = organisation.is_some_and(|organisation| organisation.is_sandbox);
    connector::check(&name, secrets.api_key.is_some(), is_sandbox).map_err(refused)?;
    let at = tx.at()?;
    let connector = Connector {
        id: app.ids.next(),
        name,
        api_key_end: None,
        has_webhook_secret: false,
        created_at: at,
        updated_at: at,
    };
    let kept = sealed(app, tx, connector, secrets)?;
    store::connector::insert(tx, &kept).await.map_err(|error| {
        let rule = "the organisation has an account at this gateway: change that one";
        Error::from_constraint(error, &[("connector_name_key", "CONNECTOR_EXISTS", rule)])
    })?;
    // From now on invoices can be paid by links.
    store::payment_link::key(tx, &app.ids.secret()).await?;
    Ok(kept.0)
}

/// Replaces secrets of an account.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] where the server has no master key, or another one.
pub async fn update(app: &App, tx: &mut Tx, id: Uuid, secrets: Secrets) -> Result<Connector> {
    let before = store::connector::find(tx, id).await?.ok_or(NOT_FOUND)?;
    let known = opened(app, tx, &before)?;
    let secrets = Secrets {
        api_key: secrets.api_key.or(known.api_key),
        webhook_secret: secrets.webhook_secret.or(known.webhook_secret),
    };
    let after = Connector {
        updated_at: tx.at()?,
        ..before.0.clone()
    };
    let after = sealed(app, tx, after, secrets)?;
    store::connector::update(tx, &before, &after).await?;
    Ok(after.0)
}

/// Removes an account for good.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] while it keeps payment methods.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Connector> {
    let kept = store::connector::find(tx, id).await?.ok_or(NOT_FOUND)?;
    let is_used = store::payment_method::is_kept_by(tx, id).await?;
    if is_used || store::charge::is_at(tx, id).await? {
        return Err(Error::refused(
            "CONNECTOR_IN_USE",
            "payment methods of customers, or charges, are at this account: delete the payment methods, or \
            replace its key",
        ));
    }
    store::connector::delete(tx, &kept).await?;
    Ok(kept.0)
}

/// The account with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Connector> {
    Ok(store::connector::find(tx, id).await?.ok_or(NOT_FOUND)?.0)
}

/// One page of accounts.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Connector>> {
    Ok(store::connector::page(tx, query).await?)
}

/// The account with this id, ready to be asked.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] where its secrets cannot be read.
pub async fn account(app: &App, tx: &mut Tx, id: Uuid) -> Result<Account> {
    let kept = store::connector::find(tx, id).await?.ok_or(NOT_FOUND)?;
    ready(app, tx, kept)
}

/// The account at this gateway, ready to be asked.
///
/// # Errors
/// [`Error::Refused`] where there is none, or its secrets cannot be read.
pub async fn account_at(app: &App, tx: &mut Tx, name: &str) -> Result<Account> {
    let kept = store::connector::named(tx, name).await?;
    let kept = kept.ok_or_else(|| not_configured(name))?;
    ready(app, tx, kept)
}

/// The customer at the named account; where none is named, at the only one that it is linked to.
///
/// # Errors
/// [`Error::NotFound`] for the customer; [`Error::Refused`] where it is linked to no gateway, to several, or to
/// one without an account.
pub async fn payer(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    choice: Option<&Choice>,
) -> Result<Payer> {
    let (customer, links) = at_gateways(tx, customer_id).await?;
    let name = choice.map(|choice| choice.name.as_str());
    let told = choice.and_then(|choice| choice.reference_id.clone());
    let link = match customer_connector::choose(links, name) {
        Ok(link) => link,
        Err(refusal) => match (choice, told) {
            // The link is told with the request.
            (Some(choice), Some(reference)) => {
                return Ok(Payer {
                    account: account_at(app, tx, &choice.name).await?,
                    customer,
                    reference: Some(reference),
                });
            }
            _ => return Err(unlinked(refusal)),
        },
    };
    if told.is_some_and(|told| told != link.reference_id) {
        return Err(unlinked(customer_connector::Refusal::NotLinked));
    }
    Ok(Payer {
        account: account_at(app, tx, &link.name).await?,
        customer,
        reference: Some(link.reference_id),
    })
}

/// The customer at the named account; where none is named, at the only one that it is linked to, or else the
/// organisation's only one. It need not be linked yet.
///
/// # Errors
/// [`Error::NotFound`] for the customer; [`Error::Refused`] where no account is meant, or several could be.
pub async fn payer_to_be(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    choice: Option<&Choice>,
) -> Result<Payer> {
    let (customer, links) = at_gateways(tx, customer_id).await?;
    let name = match (choice, links.as_slice()) {
        (Some(choice), _) => choice.name.clone(),
        (None, [link]) => link.name.clone(),
        (None, _) => only(store::connector::all(tx).await?)?,
    };
    let mut links = links.into_iter();
    let known = links.find(|link| link.name == name);
    Ok(Payer {
        account: account_at(app, tx, &name).await?,
        customer,
        reference: known
            .map(|link| link.reference_id)
            .or(choice.and_then(|choice| choice.reference_id.clone())),
    })
}

fn only(connectors: Vec<Connector>) -> Result<String> {
    let mut connectors = connectors.into_iter();
    match (connectors.next(), connectors.next()) {
        (Some(connector), None) => Ok(connector.name),
        (None, _) => Err(not_configured("any gateway")),
        (Some(_), Some(_)) => Err(unlinked(customer_connector::Refusal::Ambiguous)),
    }
}

async fn at_gateways(tx: &mut Tx, customer_id: Uuid) -> Result<(Customer, Vec<Link>)> {
    let customer = customer::find(tx, customer_id).await?;
    let mut links = store::customer_connector::of_customers(tx, &[customer_id]).await?;
    links.retain(|link| GATEWAYS.contains(&link.name.as_str()));
    Ok((customer, links))
}

fn not_configured(name: &str) -> Error {
    Error::refused(
        "CONNECTOR_NOT_CONFIGURED",
        format!("the organisation has no account at {name}: create one with POST /connectors"),
    )
}

fn ready(app: &App, tx: &Tx, kept: store::connector::Kept) -> Result<Account> {
    let secrets = opened(app, tx, &kept)?;
    let (connector, _) = kept;
    let gateway = app.gateways.named(&connector.name);
    let gateway = gateway.ok_or_else(|| {
        Error::refused(
            "CONNECTOR_NOT_CONFIGURED",
            format!("this server does not speak to {}", connector.name),
        )
    })?;
    Ok(Account {
        gateway: gateway.clone(),
        credentials: Credentials {
            api_key: secrets
                .api_key
                .unwrap_or_else(|| Secret::new(String::new())),
            webhook_secret: secrets.webhook_secret,
        },
        connector,
    })
}

/// Whose secret it is, for the vault.
fn owner(tx: &Tx, id: Uuid) -> String {
    format!("{}/connector/{id}", tx.organisation())
}

/// The account with its secrets sealed.
fn sealed(
    app: &App,
    tx: &Tx,
    connector: Connector,
    secrets: Secrets,
) -> Result<store::connector::Kept> {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|known| known.reveal().to_owned());
    let (api_key, webhook_secret) = (text(&secrets.api_key), text(&secrets.webhook_secret));
    let connector = Connector {
        api_key_end: api_key.as_deref().and_then(connector::end_of_key),
        has_webhook_secret: webhook_secret.is_some(),
        ..connector
    };
    if api_key.is_none() && webhook_secret.is_none() {
        return Ok((connector, None));
    }
    let document = json!({ "api_key": api_key, "webhook_secret": webhook_secret });
    let owner = owner(tx, connector.id);
    let sealed = app.vault.seal(&*app.ids, &owner, &document.to_string())?;
    Ok((connector, Some(sealed)))
}

fn opened(app: &App, tx: &Tx, (connector, sealed): &store::connector::Kept) -> Result<Secrets> {
    let Some(sealed) = sealed else {
        return Ok(Secrets::default());
    };
    let text = app.vault.open(&owner(tx, connector.id), sealed)?;
    let document: Json = serde_json::from_str(text.reveal()).unwrap_or_default();
    let secret = |field: &str| Some(Secret::new(document[field].as_str()?.to_owned()));
    Ok(Secrets {
        api_key: secret("api_key"),
        webhook_secret: secret("webhook_secret"),
    })
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::KeyMissing => Error::field("api_key", "value_error.missing", refusal),
        Refusal::TestInLive => Error::refused("TEST_GATEWAY_NOT_ALLOWED", refusal),
    }
}
