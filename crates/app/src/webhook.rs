//! What gateways tell by themselves: verified, read, and carried out.
//!
//! It may be told several times and in any order: each notice is carried out as if it were the first, and changes
//! nothing where it was.

use florin_core::id::OrganisationId;
use florin_store::{self as store, Actor};

use crate::{
    App, Error, Result,
    charge::{self, Caller},
    connector::{self, Account, Payer},
    customer,
    gateway::{GatewayError, Notice},
    payment_method,
};

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'w> {
    /// Whose, as the path says.
    pub organisation: OrganisationId,
    /// Of which gateway, as the path says.
    pub connector_name: &'w str,
    /// The request.
    pub request_id: &'w str,
    /// Every byte of it: the signature is over them.
    pub body: &'w [u8],
}

/// Verifies a webhook, and carries out what it tells. `signature` finds the value of a header.
///
/// # Errors
/// [`GatewayError::Unverified`] for everything that a stranger could send, so that it tells nothing.
pub async fn receive<'w>(
    app: &App,
    webhook: Webhook<'w>,
    signature: impl Fn(&str) -> Option<&'w str>,
) -> Result<()> {
    let mut tx = app.db.read(webhook.organisation).await?;
    let account = connector::account_at(app, &mut tx, webhook.connector_name).await;
    drop(tx);
    let account = account.map_err(|error| match error {
        Error::Store(error) => Error::Store(error),
        _ => Error::Gateway(GatewayError::Unverified("nothing is told here")),
    })?;
    let signed = signature(account.gateway.signature_header()).unwrap_or_default();
    let now = app.clock.now();
    let notice = account
        .gateway
        .read_webhook(&account.credentials, signed, webhook.body, now)?;
    carry_out(app, webhook, account, notice).await
}

async fn carry_out(app: &App, of: Webhook<'_>, account: Account, notice: Notice) -> Result<()> {
    match notice {
        Notice::Method { customer, method } => {
            method_given(app, of, account, customer, &method).await
        }
        Notice::MethodGone { method } => method_gone(app, of, &account, &method).await,
        Notice::Charge { key, state } => match key.parse() {
            Ok(id) => charge::told(app, &caller(of), id, state).await,
            Err(_) => Ok(()),
        },
        Notice::Refund { key, state } => match key.parse() {
            Ok(id) => charge::refund_told(app, &caller(of), id, state).await,
            Err(_) => Ok(()),
        },
        Notice::Other => Ok(()),
    }
}

fn caller(of: Webhook<'_>) -> Caller {
    Caller {
        request_id: of.request_id.to_owned(),
        ..Caller::system(of.organisation)
    }
}

async fn method_given(
    app: &App,
    of: Webhook<'_>,
    account: Account,
    reference: String,
    method: &str,
) -> Result<()> {
    let mut tx = app.db.read(of.organisation).await?;
    let name = &account.connector.name;
    let linked = store::customer_connector::linked(&mut tx, name, &reference).await?;
    let Some(link) = linked else {
        return Ok(());
    };
    let customer = customer::find(&mut tx, link.customer_id).await?;
    drop(tx);
    let payer = Payer {
        account,
        customer,
        reference: Some(reference),
    };
    let method = payment_method::ask_to_attach(&payer, method).await?;
    let mut tx = app
        .begin(of.organisation, Actor::System, of.request_id)
        .await?;
    payment_method::keep(app, &mut tx, &payer, method, None).await?;
    Ok(tx.commit().await?)
}

async fn method_gone(app: &App, of: Webhook<'_>, account: &Account, method: &str) -> Result<()> {
    let mut tx = app
        .begin(of.organisation, Actor::System, of.request_id)
        .await?;
    let known = store::payment_method::external(&mut tx, account.connector.id, method).await?;
    if let Some(method) = known {
        payment_method::forget(&mut tx, method.customer_id, method.id).await?;
    }
    Ok(tx.commit().await?)
}
