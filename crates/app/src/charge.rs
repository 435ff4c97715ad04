//! Charges: getting an invoice paid through a gateway, exactly once.
//!
//! Three steps, and a crash between any two of them is mended by [`reconcile`]:
//! 1. [`begin`] keeps the attempt and its payment, in progress, under the invoice's lock. An invoice has one
//!    attempt at a time; the database refuses a second one.
//! 2. [`ask`] asks the gateway under the attempt's key, with no transaction open. However often it is asked, it
//!    charges once.
//! 3. [`keep`] keeps what it answered, with what that does to invoice, wallet and books.
//!
//! Rows are locked in the order of payments: the invoice, the attempt, the payment, the wallet.

mod automatic;
mod page;
mod reconcile;
mod refund;

use florin_core::{
    charge::{Charge, State},
    id::OrganisationId,
    invoice::{Issued, Status as InvoiceStatus},
    money::Money,
    payment::{Method, PartRequest, Status},
    payment_method::{self, PaymentMethod},
};
use florin_store::{self as store, Actor, Tx, invoice::Invoice};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    connector::{self, Account, Choice, Payer},
    gateway::{GatewayError, Order},
    organisation, payment, payment_method as methods,
};

pub use automatic::charge_due;
pub(crate) use page::payloads;
pub use page::{Link, Opened, link, pay, verified};
pub use reconcile::reconcile;
pub use refund::send_refund;
pub(crate) use refund::told_by_gateway as refund_told;

/// Who asks, for whom: an attempt has several transactions.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose rows.
    pub organisation: OrganisationId,
    /// Who.
    pub actor: Actor,
    /// The request; empty outside one.
    pub request_id: String,
}

/// How an invoice is to be charged.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// At which gateway; at any where none is named.
    pub connector: Option<Choice>,
    /// This payment method of the payer, and no other one.
    pub payment_method_id: Option<Uuid>,
    /// Kinds of payment methods, in the words of payments; all where none is named.
    pub kinds: Vec<String>,
    /// Whether it may be charged before it is due.
    pub skips_due_date: bool,
    /// Whether nobody asked for it.
    pub is_automatic: bool,
}

/// What an attempt charges.
struct Source {
    connector_id: Uuid,
    connector_name: String,
    customer_reference: String,
    method: Option<PaymentMethod>,
}

impl Caller {
    /// Florin itself, for an organisation.
    pub fn system(organisation: OrganisationId) -> Self {
        Self {
            organisation,
            actor: Actor::System,
            request_id: String::new(),
        }
    }

    pub(crate) async fn begin(&self, app: &App) -> Result<Tx> {
        app.begin(self.organisation, self.actor.clone(), &self.request_id)
            .await
    }
}

/// Charges what is still to be paid of an invoice: the customer's default payment method, then others, until one
/// is not declined. Answers the id of the payment, which may still be in progress.
///
/// # Errors
/// [`Error::NotFound`]; `INVOICE_NOT_CHARGEABLE`, `INVOICE_NOT_DUE`, `NO_PAYMENT_METHOD`, `CHARGE_IN_PROGRESS`;
/// [`GatewayError::Declined`] where every method was; each attempt is kept as a failed payment.
pub async fn charge(app: &App, caller: &Caller, invoice_id: Uuid, wanted: &Wanted) -> Result<Uuid> {
    clear(app, caller, invoice_id).await?;
    let sources = sources(app, caller, invoice_id, wanted).await?;
    let mut declined = Error::refused(
        "NO_PAYMENT_METHOD",
        "the customer has no payment method that could be charged",
    );
    for source in sources {
        let begun = begin(app, caller, invoice_id, &source, wanted).await?;
        let account = account(app, caller, source.connector_id).await?;
        let charge = ask(app, caller, &account, begun).await?;
        let State::Failed { code, message, .. } = charge.state else {
            return Ok(charge.id);
        };
        if code == KEY_REFUSED {
            return Err(GatewayError::KeyRefused.into());
        }
        declined = GatewayError::Declined { code, message }.into();
    }
    Err(declined)
}

/// The code of an attempt that failed because the gateway did not accept the key.
const KEY_REFUSED: &str = "key_refused";

/// The payer's methods in the order in which they are tried. Where none is known here, the gateway is asked.
async fn sources(
    app: &App,
    caller: &Caller,
    invoice_id: Uuid,
    wanted: &Wanted,
) -> Result<Vec<Source>> {
    let mut tx = app.db.read(caller.organisation).await?;
    let (invoice, _) = chargeable(&mut tx, invoice_id, wanted, app.clock.now()).await?;
    let customer = invoice.header().customer_id;
    let connector = match &wanted.connector {
        Some(choice) => Some(connector::payer(app, &mut tx, customer, Some(choice)).await?),
        None => None,
    };
    let at = connector.as_ref().map(|payer| payer.account.connector.id);
    let mut known = store::payment_method::of_customer(&mut tx, customer).await?;
    known.retain(|method| wanted.payment_method_id.is_none_or(|id| id == method.id));
    let mut tried = payment_method::tried(known, at, &wanted.kinds);
    if tried.is_empty() && wanted.payment_method_id.is_none() {
        let payer = match connector {
            Some(payer) => Some(payer),
            None => connector::payer(app, &mut tx, customer, None).await.ok(),
        };
        drop(tx);
        if let Some(payer) = payer {
            let told = told_by_gateway(app, caller, &payer).await?;
            tried = payment_method::tried(told, at, &wanted.kinds);
        }
        tx = app.db.read(caller.organisation).await?;
    }
    let links = store::customer_connector::of_customers(&mut tx, &[customer]).await?;
    let source = |method: PaymentMethod| {
        let mut links = links.iter();
        let link = links.find(|link| link.name == method.connector_name)?;
        Some(Source {
            connector_id: method.connector_id,
            connector_name: method.connector_name.clone(),
            customer_reference: link.reference_id.clone(),
            method: Some(method),
        })
    };
    Ok(tried.into_iter().filter_map(source).collect())
}

/// Keeps the methods that the gateway has for a customer of which none is known here.
async fn told_by_gateway(app: &App, caller: &Caller, payer: &Payer) -> Result<Vec<PaymentMethod>> {
    let reference = payer.reference.as_deref().unwrap_or_default();
    let Account {
        gateway,
        credentials,
        ..
    } = &payer.account;
    let told = gateway.methods(credentials, reference).await?;
    let mut tx = caller.begin(app).await?;
    let mut kept = Vec::with_capacity(told.len());
    for method in told {
        let attached = methods::keep(app, &mut tx, payer, method, None).await?;
        kept.push(attached.method);
    }
    tx.commit().await?;
    Ok(kept)
}

/// The invoice, if something of it is to be paid and it may be charged today, and what.
async fn chargeable(
    tx: &mut Tx,
    invoice_id: Uuid,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(Issued, Money)> {
    let found = store::invoice::find(tx, invoice_id).await?;
    let found = found.ok_or(Error::NotFound {
        resource: "invoice",
    })?;
    let status = found.status();
    let invoice = match found {
        Invoice::Issued(invoice)
            if matches!(
                status,
                InvoiceStatus::Approved | InvoiceStatus::PartiallyPaid
            ) =>
        {
            invoice
        }
        _ => return Err(not_chargeable(status)),
    };
    let due = invoice.amount_due();
    if due.minor() <= 0 {
        return Err(not_chargeable(status));
    }
    let today = now.to_zoned(organisation::zone(tx).await?).date();
    if !wanted.skips_due_date && invoice.due_date() > today {
        let message = format!(
            "the invoice is due on {}: send skip_invoice_due_date_check to charge it before",
            invoice.due_date()
        );
        return Err(Error::refused("INVOICE_NOT_DUE", message));
    }
    Ok((invoice, due))
}

fn not_chargeable(status: InvoiceStatus) -> Error {
    let message = format!(
        "nothing is to be paid of an invoice that is {}",
        status.as_str()
    );
    Error::refused("INVOICE_NOT_CHARGEABLE", message)
}

/// Keeps an attempt and its payment, in progress.
async fn begin(
    app: &App,
    caller: &Caller,
    invoice_id: Uuid,
    source: &Source,
    wanted: &Wanted,
) -> Result<Charge> {
    let mut tx = caller.begin(app).await?;
    let (invoice, due) = chargeable(&mut tx, invoice_id, wanted, app.clock.now()).await?;
    let charge = begin_in(app, &mut tx, (&invoice, due), source, wanted.is_automatic).await?;
    tx.commit().await?;
    Ok(charge)
}

async fn begin_in(
    app: &App,
    tx: &mut Tx,
    (invoice, amount): (&Issued, Money),
    source: &Source,
    is_automatic: bool,
) -> Result<Charge> {
    let method = source.method.as_ref();
    let details = method.map(|method| method.facts.details.clone());
    let intent = payment::Charge {
        customer_id: invoice.header().customer_id,
        parts: vec![PartRequest {
            invoice_id: invoice.id(),
            amount,
        }],
        method: method.and_then(|method| Method::parse(&method.facts.kind)),
        connector_id: Some(source.connector_id),
        connector_name: Some(source.connector_name.clone()),
        payment_method_details: details.unwrap_or_else(|| Json::Object(serde_json::Map::new())),
        autocharge: is_automatic,
        idempotency_key: None,
    };
    let kept = payment::begin_charge(app, tx, intent).await?;
    let at = tx.at()?;
    let charge = Charge {
        id: kept.payment.id,
        invoice_id: invoice.id(),
        customer_id: invoice.header().customer_id,
        connector_id: source.connector_id,
        customer_reference: source.customer_reference.clone(),
        method_reference: method.map(|method| method.external_id.clone()),
        amount,
        state: State::Open { reference: None },
        asked: 0,
        ask_at: Some(at + florin_core::charge::ANSWER_MAX),
        created_at: at,
        updated_at: at,
    };
    store::charge::insert(tx, &charge).await.map_err(|error| {
        let rule = "another charge of the invoice has not ended";
        Error::from_constraint(
            error,
            &[("charge_invoice_id_key", "CHARGE_IN_PROGRESS", rule)],
        )
    })?;
    Ok(charge)
}

/// Asks the gateway for an attempt and keeps its answer. Where there is none, the attempt stays open.
async fn ask(app: &App, caller: &Caller, account: &Account, charge: Charge) -> Result<Charge> {
    let order = order(&charge);
    let answer = account.gateway.charge(&account.credentials, &order).await;
    match answered(answer) {
        Some(state) => keep(app, caller, charge, state, false).await,
        None => Ok(charge),
    }
}

/// What a gateway's answer makes of an attempt; `None` where whether it was done is not known.
fn answered(answer: Result<State, GatewayError>) -> Option<State> {
    let failed = |code: &str, message: String| State::Failed {
        reference: None,
        code: code.to_owned(),
        message,
    };
    Some(match answer {
        Ok(state) => state,
        Err(GatewayError::Declined { code, message }) => failed(&code, message),
        Err(error @ GatewayError::Refused { .. }) => failed("refused", error.to_string()),
        Err(error @ GatewayError::KeyRefused) => failed(KEY_REFUSED, error.to_string()),
        Err(error @ (GatewayError::Unanswered { .. } | GatewayError::Unverified(_))) => {
            tracing::warn!(%error, "a charge has no answer yet");
            return None;
        }
    })
}

/// Keeps where an attempt stands, as the gateway told, and what follows from it. `was_asked`: after a question
/// about it, the next one comes later.
///
/// # Errors
/// [`Error::Store`]; what the payment refuses.
async fn keep(
    app: &App,
    caller: &Caller,
    charge: Charge,
    state: State,
    was_asked: bool,
) -> Result<Charge> {
    let mut tx = caller.begin(app).await?;
    // The invoice is locked first, as everywhere.
    store::invoice::find(&mut tx, charge.invoice_id).await?;
    let before = store::charge::find(&mut tx, charge.id).await?;
    let before = before.ok_or(Error::NotFound { resource: "charge" })?;
    let at = tx.at()?;
    let told = before.told(state, at);
    if let Some(told) = &told {
        keep_payment(app, &mut tx, told).await?;
    }
    let after = told.unwrap_or_else(|| before.clone());
    let after = match was_asked {
        true => after.asked_once_more(at),
        false => after,
    };
    store::charge::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(after)
}

async fn keep_payment(app: &App, tx: &mut Tx, charge: &Charge) -> Result<()> {
    let (status, failure) = match &charge.state {
        State::Succeeded { reference } => {
            let settlement = payment::Settlement {
                external_id: Some(reference.clone()),
                method: None,
                payment_method_details: None,
                at: None,
            };
            payment::settle(app, tx, charge.id, settlement).await?;
            return Ok(());
        }
        State::Open { .. } => (Status::InProgress, None),
        State::RequiresAction { .. } => (Status::RequiresAction, None),
        State::Failed { message, .. } => (Status::Failed, Some(message.clone())),
        State::Canceled { .. } => (Status::Canceled, None),
    };
    let refusal = payment::Refusal {
        status,
        external_id: charge.state.reference().map(str::to_owned),
        failure,
    };
    payment::fail(tx, charge.id, refusal).await?;
    Ok(())
}

/// Keeps what a gateway told of an attempt by itself. Told again, it changes nothing.
///
/// # Errors
/// As [`keep`].
pub(crate) async fn told(app: &App, caller: &Caller, id: Uuid, state: State) -> Result<()> {
    let mut tx = app.db.read(caller.organisation).await?;
    let known = store::charge::find(&mut tx, id).await?;
    drop(tx);
    if let Some(charge) = known {
        keep(app, caller, charge, state, false).await?;
    }
    Ok(())
}

/// Makes way for a new attempt: one that waits for the customer is taken back at the gateway.
async fn clear(app: &App, caller: &Caller, invoice_id: Uuid) -> Result<()> {
    let mut tx = app.db.read(caller.organisation).await?;
    let open = store::charge::open_of_invoice(&mut tx, invoice_id).await?;
    let Some(charge) = open else {
        return Ok(());
    };
    drop(tx);
    if charge.may_be_on_its_way(app.clock.now()) {
        return Err(Error::refused(
            "CHARGE_IN_PROGRESS",
            format!("the charge {} of the invoice has no answer yet", charge.id),
        ));
    }
    let account = account(app, caller, charge.connector_id).await?;
    match charge.state {
        State::RequiresAction { .. } => {
            let order = order(&charge);
            let state = account.gateway.cancel(&account.credentials, &order).await?;
            keep(app, caller, charge, state, false).await?;
        }
        _ => reconcile::settle(app, caller, &account, charge).await?,
    }
    Ok(())
}

async fn account(app: &App, caller: &Caller, connector_id: Uuid) -> Result<Account> {
    let mut tx = app.db.read(caller.organisation).await?;
    connector::account(app, &mut tx, connector_id).await
}

/// The attempt as the gateway is asked for it.
fn order(charge: &Charge) -> Order {
    Order {
        key: charge.id.to_string(),
        invoice: charge.invoice_id.to_string(),
        customer: charge.customer_reference.clone(),
        method: charge.method_reference.clone(),
        amount: charge.amount,
        reference: charge.state.reference().map(str::to_owned),
        at: charge.created_at,
    }
}

/// Whether what an attempt is for is still to be paid.
async fn wanted(app: &App, caller: &Caller, charge: &Charge) -> Result<bool> {
    let mut tx = app.db.read(caller.organisation).await?;
    let found = store::invoice::find(&mut tx, charge.invoice_id).await?;
    Ok(match found {
        Some(Invoice::Issued(invoice)) => invoice.amount_due() >= charge.amount,
        _ => false,
    })
}
