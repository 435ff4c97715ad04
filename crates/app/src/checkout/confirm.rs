//! The confirmation of a checkout: a guest becomes a customer, the contract is made or changed, what is due is billed.
//!
//! Owns what a plan's provisioning asks for. The contract is made in the transaction that marks the checkout, behind the
//! lock of its row. Where the confirmation charges, the contract stays a draft until its money is there ([`super::pay`]);
//! else its bill is drafted after the commit, and where that dies the next billing run does it.

use florin_core::checkout::{Checkout, Payment, Request, Status};
use florin_core::contract;
use florin_core::id::OrganisationId;
use florin_core::payment_method::{self, PaymentMethod};
use florin_core::plan::Provisioning;
use florin_store::{self as store, Tx};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use super::order::{Order, order};
use super::{find, guest, pay, refused};
use crate::billing::{self, Asker};
use crate::charge::Caller;
use crate::connector::{self, Choice};
use crate::{App, Error, Result, payment_method as methods, plan, test_clock};

/// Who confirms, and how it is paid.
#[derive(Clone, Debug, Default)]
pub struct Confirmation {
    /// A payment method of the customer; its default where none is named.
    pub payment_method_id: Option<Uuid>,
    /// A payment method that only the gateway knows: it is attached to whoever buys.
    pub new_method: Option<NewMethod>,
    /// What a guest says of himself, in place of what the checkout has.
    pub customer_data: Option<Json>,
    /// How it is paid, in place of what the plan says.
    pub provisioning: Option<Provisioning>,
}

/// A payment method that only the gateway knows.
#[derive(Clone, Debug)]
pub struct NewMethod {
    /// The gateway's id of it.
    pub reference: String,
    /// The gateway; the customer's, or the organisation's only one, unless told.
    pub connector: Option<Choice>,
}

/// Makes or changes the contract, once: a repetition answers what the first confirmation made. Where the confirmation
/// charges, it goes on with the payment, as far as that is answered now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that has expired or was cancelled, or without a payment method that
/// it needs; [`Error::Invalid`] where what is asked for cannot be had any more; [`Error::Gateway`] where the payment is
/// declined: then it can be confirmed again.
pub async fn confirm(
    app: &App,
    caller: &Caller,
    id: Uuid,
    mut confirmation: Confirmation,
) -> Result<Checkout> {
    if let Some(new) = confirmation.new_method.take() {
        let said = confirmation.customer_data.as_ref();
        confirmation.payment_method_id = attach(app, caller, id, (new, said)).await?;
    }
    let agreed = agree(app, caller, id, confirmation).await?;
    if agreed.status == Status::Processing {
        return pay::go_on(app, caller, id, true).await;
    }
    if let Some(contract_id) = agreed.contract_id.filter(|_| agreed.payment.is_none()) {
        let asker = Asker {
            actor: caller.actor.clone(),
            request_id: caller.request_id.clone(),
        };
        bill(app, caller.organisation, &asker, contract_id).await;
    }
    Ok(agreed)
}

/// Attaches a payment method to whoever buys; a guest becomes a customer for it. `None` where all is done already.
async fn attach(
    app: &App,
    caller: &Caller,
    id: Uuid,
    (new, said): (NewMethod, Option<&Json>),
) -> Result<Option<Uuid>> {
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, id).await?;
    if before.status == Status::ContractCreated {
        return known(tx, before).await.map(|_| None);
    }
    if !matches!(before.status, Status::Processing | Status::PaymentFailed) {
        before.require_pending(tx.at()?).map_err(refused)?;
    }
    let customer_id = match before.request.is_of_guest() {
        true => become_customer(app, &mut tx, &before, said).await?,
        false => customer_of(&mut tx, &before.request).await?,
    };
    tx.commit().await?;
    let mut tx = app.db.read(caller.organisation).await?;
    let payer = connector::payer_to_be(app, &mut tx, customer_id, new.connector.as_ref()).await?;
    drop(tx);
    let reference = methods::ask_for_customer(&payer).await?;
    let payer = connector::Payer {
        reference: Some(reference),
        ..payer
    };
    let method = methods::ask_to_attach(&payer, &new.reference).await?;
    let mut tx = caller.begin(app).await?;
    let attached = methods::keep(app, &mut tx, &payer, method, None).await?;
    tx.commit().await?;
    Ok(Some(attached.method.id))
}

/// Makes the guest a customer before the confirmation, which then finds it.
async fn become_customer(
    app: &App,
    tx: &mut Tx,
    before: &Checkout,
    said: Option<&Json>,
) -> Result<Uuid> {
    let mut after = before.clone();
    if let Some(said) = said {
        after.request.customer_data = said.clone();
    }
    // What cannot be sold makes no customer.
    let now = tx.at()?;
    order(app, tx, &after.request, (contract::Status::Draft, now)).await?;
    let customer_id = guest::welcome(app, tx, &after).await?;
    after.request.guest_customer_id = Some(customer_id);
    store::checkout::update(tx, before, &after).await?;
    Ok(customer_id)
}

pub(super) async fn customer_of(tx: &mut Tx, request: &Request) -> Result<Uuid> {
    const NOT_FOUND: Error = Error::NotFound {
        resource: "contract",
    };
    match (request.customer_id, request.contract_id) {
        (Some(customer_id), _) => Ok(customer_id),
        (None, Some(contract_id)) => {
            let contract = store::contract::find(tx, contract_id).await?;
            Ok(contract.ok_or(NOT_FOUND)?.header().customer_id)
        }
        (None, None) => Err(NOT_FOUND),
    }
}

/// Makes or changes the contract in one transaction; or lets a payment that failed be tried again.
async fn agree(
    app: &App,
    caller: &Caller,
    id: Uuid,
    confirmation: Confirmation,
) -> Result<Checkout> {
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, id).await?;
    let at = tx.at()?;
    let named = confirmation.payment_method_id;
    let after = match before.status_at(at) {
        Status::ContractCreated => return known(tx, before).await,
        Status::Processing => match named.and_then(|named| before.pay_with(named, at)) {
            None => return known(tx, before).await,
            Some(after) => {
                let customer_id = customer_of(&mut tx, &before.request).await?;
                require_own(&mut tx, customer_id, named, at).await?;
                after
            }
        },
        Status::PaymentFailed => {
            let customer_id = customer_of(&mut tx, &before.request).await?;
            require_method(&mut tx, customer_id, named, at).await?;
            before.pay_again(named, at).map_err(refused)?
        }
        Status::Pending | Status::Expired | Status::Cancelled => {
            before.require_pending(at).map_err(refused)?;
            agreed(app, &mut tx, &before, confirmation).await?
        }
    };
    store::checkout::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(after)
}

/// What another confirmation has made. It may stand in the commit that is on its way, and is not told of before.
async fn known(tx: Tx, checkout: Checkout) -> Result<Checkout> {
    tx.commit().await?;
    Ok(checkout)
}

async fn agreed(
    app: &App,
    tx: &mut Tx,
    before: &Checkout,
    confirmation: Confirmation,
) -> Result<Checkout> {
    let Confirmation {
        payment_method_id,
        new_method: _,
        customer_data,
        provisioning,
    } = confirmation;
    let mut with_buyer = before.clone();
    if let Some(customer_data) = customer_data {
        with_buyer.request.customer_data = customer_data;
    }
    let request = &with_buyer.request;
    if request.is_of_guest() {
        with_buyer.request.customer_id = Some(guest::welcome(app, tx, &with_buyer).await?);
    }
    let request = &with_buyer.request;
    if let Some(customer_id) = request.customer_id {
        test_clock::follow(tx, customer_id).await?;
    }
    let provisioning = match provisioning {
        Some(told) => told,
        None => of_plan(tx, request).await?,
    };
    let charges = provisioning == Provisioning::ChargeOnAcceptance;
    let status = match charges {
        true => contract::Status::Draft,
        false => contract::Status::Active,
    };
    let at = tx.at()?;
    let order = order(app, tx, request, (status, at)).await?;
    let contract = order.contract();
    let customer_id = contract.header().customer_id;
    match provisioning.needs_payment_method() {
        true => require_method(tx, customer_id, payment_method_id, at).await?,
        false => require_own(tx, customer_id, payment_method_id, at).await?,
    }
    match &order {
        Order::New { contract, .. } => store::contract::insert(tx, contract).await?,
        Order::Change { before, after } => store::contract::save(tx, before, after).await?,
    }
    let payment = charges.then(|| Payment {
        payment_method_id,
        ..Payment::default()
    });
    let confirmed = with_buyer.confirm(contract.id(), customer_id, payment, at);
    confirmed.map_err(refused)
}

/// What the plan asks for; a change of quantities asks for nothing.
async fn of_plan(tx: &mut Tx, request: &Request) -> Result<Provisioning> {
    let Some(plan_id) = request.plan_id else {
        return Ok(Provisioning::Immediate);
    };
    let sold = plan::on_sale(tx, plan_id).await?;
    let offer = sold.details.offer.as_ref();
    Ok(offer.map_or(Provisioning::Immediate, |offer| offer.provisioning))
}

/// A payment method that is named is the customer's and can be charged.
async fn require_own(
    tx: &mut Tx,
    customer_id: Uuid,
    named: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    let Some(id) = named else {
        return Ok(());
    };
    let found = store::payment_method::find(tx, id).await?;
    let field = |message: &str| {
        Err(Error::field(
            "payment_method_id",
            "value_error.unknown_id",
            message,
        ))
    };
    match found.filter(|method| method.customer_id == customer_id) {
        None => field("the customer has no payment method with this id"),
        Some(method) if !is_valid(&method, at) => field("the payment method has expired"),
        Some(_) => Ok(()),
    }
}

/// The customer has a payment method that can be charged: the named one, or any.
async fn require_method(
    tx: &mut Tx,
    customer_id: Uuid,
    named: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    if named.is_some() {
        return require_own(tx, customer_id, named, at).await;
    }
    let known = store::payment_method::of_customer(tx, customer_id).await?;
    match known.iter().any(|method| is_valid(method, at)) {
        true => Ok(()),
        false => {
            let message = "the plan is sold to customers with a payment method that can be charged: attach one, or \
                name a new one in payment_method";
            Err(Error::refused("NO_PAYMENT_METHOD", message))
        }
    }
}

/// Whether a gateway would take it, as far as is known here: cards end with a month.
pub(super) fn is_valid(method: &PaymentMethod, at: Timestamp) -> bool {
    let details = &method.facts.details;
    let number = |key: &str| details[key].as_i64();
    let month = number("exp_month").and_then(|month| i8::try_from(month).ok());
    let year = number("exp_year").and_then(|year| i16::try_from(year).ok());
    let now = payment_method::Status::of(month.zip(year), at);
    method.status == payment_method::Status::Active && now == payment_method::Status::Active
}

/// Bills what an agreement has just made due. What cannot be billed now is the next billing run's.
pub async fn bill(app: &App, organisation: OrganisationId, asker: &Asker, contract_id: Uuid) {
    if let Err(error) = billed(app, organisation, asker, contract_id).await {
        let organisation = organisation.0;
        tracing::warn!(%organisation, %contract_id, %error, "a first bill is left to the next run");
    }
}

async fn billed(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    contract_id: Uuid,
) -> Result<()> {
    let prepared = billing::prepare_due(app, organisation, contract_id).await?;
    let mut tx = asker.begin(app, organisation).await?;
    prepared.write(app, &mut tx).await?;
    Ok(tx.commit().await?)
}
