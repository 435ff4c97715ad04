//! Checkouts: preview, create, change, confirm.
//!
//! Owns the order of things: what is asked for becomes a contract as it would be ([`order`]), which is estimated and
//! dropped, or kept. A preview writes nothing. A confirmation makes or changes the contract in one transaction; its
//! bill follows in another, and where that dies the next billing run does it.

mod order;

use florin_core::checkout::{self, Checkout, LASTS, LASTS_MAX, Refusal, Request, Status};
use florin_core::customer;
use florin_core::id::OrganisationId;
use florin_store::{self as store, Tx};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::billing::{self, Asker, Bills, Estimate};
use crate::{App, Error, Result, plan, test_clock};
use order::{Order, order};

const NOT_FOUND: Error = Error::NotFound {
    resource: "checkout",
};

/// Who confirms, and how it is paid.
#[derive(Clone, Debug, Default)]
pub struct Confirmation {
    /// A payment method of the customer.
    pub payment_method_id: Option<Uuid>,
    /// What a guest says of himself, in place of what the checkout has.
    pub customer_data: Option<Json>,
}

/// What a checkout would come to. Nothing is written.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field; [`Error::Refused`] for a contract that is
/// not in force or cannot be billed.
pub async fn preview(app: &App, organisation: OrganisationId, request: &Request) -> Result<Json> {
    let now = now_of(app, organisation, request).await?;
    let mut tx = app.db.read(organisation).await?;
    let order = order(app, &mut tx, request, now).await?;
    drop(tx);
    estimated(app, organisation, order).await
}

/// What a contract of a plan would come to, also of one that is not published yet; of nobody in particular where the
/// request names no customer. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`] for the plan, else as [`preview`].
pub async fn preview_plan(
    app: &App,
    organisation: OrganisationId,
    (plan_id, form): (Uuid, plan::Form),
    request: &Request,
) -> Result<Json> {
    let now = now_of(app, organisation, request).await?;
    let mut tx = app.db.read(organisation).await?;
    let listed = plan::find(&mut tx, plan_id, form).await?;
    let order = order::bought(app, &mut tx, request, Ok(listed.plan), now).await?;
    drop(tx);
    estimated(app, organisation, order).await
}

async fn estimated(app: &App, organisation: OrganisationId, order: Order) -> Result<Json> {
    let estimate = match order {
        Order::New { contract, guest } => {
            billing::estimate(app, organisation, &contract, guest).await?
        }
        Order::Change { after, .. } => billing::estimate_change(app, organisation, &after).await?,
    };
    Ok(document(&estimate))
}

/// The time of whoever buys, who may live by a test clock.
async fn now_of(app: &App, organisation: OrganisationId, request: &Request) -> Result<Timestamp> {
    let app = match (request.contract_id, request.customer_id) {
        (Some(id), _) => test_clock::app_of_contract(app, organisation, id).await?,
        (None, Some(id)) => test_clock::app_of(app, organisation, id).await?,
        (None, None) => app.clone(),
    };
    Ok(app.clock.now())
}

/// Estimates as they are shown and kept: major units of the currency.
pub fn document(estimate: &Estimate) -> Json {
    let Estimate { current, next } = estimate;
    json!({
        "current_invoice": bills(current),
        "next_invoice": next.as_ref().map(bills),
    })
}

fn bills(bills: &Bills) -> Json {
    let Bills {
        bill_for_date,
        net,
        tax,
        total,
        credit,
    } = bills;
    let number = |amount: Decimal| -> Option<serde_json::Number> {
        amount.normalize().to_string().parse().ok()
    };
    json!({
        "total": number(total.to_major()),
        "currency": total.currency().to_string(),
        "subtotal": number(net.to_major()),
        "tax": number(tax.to_major()),
        "credit": number(credit.to_major()),
        "bill_for_date": bill_for_date.to_string(),
    })
}

/// Keeps a checkout with what it comes to.
///
/// # Errors
/// [`Error::Invalid`] for an end that is none.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    request: Request,
    expires_at: Option<Timestamp>,
    estimates: Json,
) -> Result<Checkout> {
    let at = tx.at()?;
    let made = Checkout {
        id: app.ids.next(),
        status: Status::Pending,
        contract_id: request.contract_id,
        request,
        estimates,
        expires_at: expiry(expires_at, at)?,
        created_at: at,
        updated_at: at,
    };
    store::checkout::insert(tx, &made).await?;
    Ok(made)
}

fn expiry(asked: Option<Timestamp>, at: Timestamp) -> Result<Timestamp> {
    let Some(asked) = asked else {
        return Ok(at + LASTS);
    };
    if asked <= at || asked > at + LASTS_MAX {
        let message = "a checkout ends after now, and within a year";
        return Err(Error::field("expires_at", "value_error.datetime", message));
    }
    Ok(florin_core::instant::to_microseconds(asked))
}

/// Changes what a checkout asks for, before it is confirmed.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is confirmed or has expired; [`Error::Invalid`].
pub async fn replace(
    tx: &mut Tx,
    id: Uuid,
    request: Request,
    expires_at: Option<Timestamp>,
    estimates: Json,
) -> Result<Checkout> {
    let before = find(tx, id).await?;
    let at = tx.at()?;
    before.require_pending(at).map_err(refused)?;
    let same = expires_at.filter(|asked| *asked != before.expires_at);
    let expires_at = match same {
        Some(asked) => expiry(Some(asked), at)?,
        None => before.expires_at,
    };
    let after = Checkout {
        contract_id: request.contract_id,
        request,
        estimates,
        expires_at,
        updated_at: at,
        ..before.clone()
    };
    store::checkout::update(tx, &before, &after).await?;
    Ok(after)
}

/// Makes or changes the contract, once: a repetition answers what the first confirmation made.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that has expired, or without a payment method that it needs;
/// [`Error::Invalid`] where what is asked for cannot be had any more.
pub async fn confirm(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    confirmation: Confirmation,
) -> Result<Checkout> {
    let before = find(tx, id).await?;
    match before.require_pending(tx.at()?) {
        Ok(()) => {}
        Err(Refusal::Confirmed) => return Ok(before),
        Err(refusal) => return Err(refused(refusal)),
    }
    let Confirmation {
        payment_method_id,
        customer_data,
    } = confirmation;
    let mut request = before.request.clone();
    if let Some(customer_data) = customer_data {
        request.customer_data = customer_data;
    }
    if request.is_of_guest() {
        let entity = request.business_entity_id;
        let details = order::guest_details(&request.customer_data, entity)?;
        request.customer_id = Some(welcome(app, tx, details).await?);
    }
    if let Some(customer_id) = request.customer_id {
        test_clock::follow(tx, customer_id).await?;
    }
    let order = order(app, tx, &request, tx.at()?).await?;
    let contract = order.contract();
    let customer_id = contract.header().customer_id;
    require_payment_method(tx, &request, customer_id, payment_method_id).await?;
    match &order {
        Order::New { contract, .. } => store::contract::insert(tx, contract).await?,
        Order::Change { before, after } => store::contract::save(tx, before, after).await?,
    }
    let with_buyer = Checkout {
        request,
        ..before.clone()
    };
    let after = with_buyer.confirm(contract.id(), customer_id, tx.at()?);
    let after = after.map_err(refused)?;
    store::checkout::update(tx, &before, &after).await?;
    Ok(after)
}

async fn welcome(app: &App, tx: &mut Tx, details: customer::Details) -> Result<Uuid> {
    let written = crate::customer::Written {
        details,
        address: None,
        ship_to_address: None,
        connector: None,
    };
    let made = crate::customer::create(app, tx, written).await;
    let made = made.map_err(|error| match error {
        Error::Invalid(mut fields) => {
            for field in &mut fields {
                field.path.insert(0, "customer_data".to_owned());
            }
            Error::Invalid(fields)
        }
        other => other,
    });
    Ok(made?.customer.id)
}

/// The payment method is the customer's; where the plan wants one, there is one.
async fn require_payment_method(
    tx: &mut Tx,
    request: &Request,
    customer_id: Uuid,
    named: Option<Uuid>,
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
    let Some(plan_id) = request.plan_id else {
        return Ok(());
    };
    let sold = plan::on_sale(tx, plan_id).await?;
    let offer = sold.details.offer.as_ref();
    let is_needed = offer.is_some_and(|offer| offer.provisioning.needs_payment_method());
    if is_needed
        && store::payment_method::of_customer(tx, customer_id)
            .await?
            .is_empty()
    {
        let message = "the plan is sold to customers with a payment method";
        return Err(Error::refused("NO_PAYMENT_METHOD", message));
    }
    Ok(())
}

/// Bills what the confirmation of a checkout has made due. What cannot be billed now is the next billing run's.
pub async fn bill(app: &App, organisation: OrganisationId, asker: &Asker, contract_id: Uuid) {
    if let Err(error) = billed(app, organisation, asker, contract_id).await {
        let organisation = organisation.0;
        tracing::warn!(%organisation, %contract_id, %error, "a checkout's bill is left to the next run");
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

/// The checkout with this id, locked when the transaction writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Checkout> {
    let found = store::checkout::find(tx, id).await?;
    let found = found.ok_or(NOT_FOUND)?;
    if let Some(customer_id) = found.request.customer_id {
        test_clock::follow(tx, customer_id).await?;
    }
    Ok(found)
}

/// Where a checkout stands by now, in the time of whoever buys.
///
/// # Errors
/// [`Error::Store`].
pub async fn status(
    app: &App,
    organisation: OrganisationId,
    checkout: &Checkout,
) -> Result<Status> {
    let now = now_of(app, organisation, &checkout.request).await?;
    Ok(checkout.status_at(now))
}

fn refused(refusal: checkout::Refusal) -> Error {
    match refusal {
        Refusal::Confirmed => Error::refused("CHECKOUT_CONFIRMED", refusal),
        Refusal::Expired => Error::refused("CHECKOUT_EXPIRED", refusal),
    }
}
