//! Checkouts: preview, create, change, list, and their confirmation ([`confirm()`]).
//!
//! Owns the order of things: what is asked for becomes a contract as it would be ([`order`]), which is estimated and
//! dropped, or kept. A preview writes nothing.

mod confirm;
mod estimates;
mod guest;
mod hosted;
mod order;
mod pay;

use florin_core::checkout::{self, Checkout, LASTS, LASTS_MAX, Refusal, Request, Status};
use florin_core::contract;
use florin_core::id::OrganisationId;
use florin_store::{self as store, Tx, list};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::billing;
use crate::{App, Error, Result, plan, test_clock};
pub(crate) use guest::stranger;
use order::{Order, order};

pub use confirm::{Confirmation, NewMethod, bill, confirm};
pub use estimates::{Estimated, EstimatedLine, document};
pub use hosted::{Offer, Tokens, offer, opened};
pub use pay::{cancel, carry_on};

const NOT_FOUND: Error = Error::NotFound {
    resource: "checkout",
};

/// What a checkout would come to. Nothing is written.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field; [`Error::Refused`] for a contract that is
/// not in force or cannot be billed.
pub async fn preview(app: &App, organisation: OrganisationId, request: &Request) -> Result<Json> {
    let now = now_of(app, organisation, request).await?;
    let mut tx = app.db.read(organisation).await?;
    let order = order(app, &mut tx, request, (contract::Status::Active, now)).await?;
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
    let at = (contract::Status::Active, now);
    let order = order::bought(app, &mut tx, request, Ok(listed.plan), at).await?;
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
    Ok(estimates::document(&estimate))
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
        payment: None,
        expires_at: expiry(expires_at, at)?,
        created_at: at,
        updated_at: at,
    };
    // From now on it has a page.
    store::payment_link::key(tx, &app.ids.secret()).await?;
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
        request: Request {
            guest_customer_id: before.request.guest_customer_id,
            ..request
        },
        estimates,
        expires_at,
        updated_at: at,
        ..before.clone()
    };
    store::checkout::update(tx, &before, &after).await?;
    Ok(after)
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

/// One page of checkouts, each with where it stands by now.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(
    app: &App,
    tx: &mut Tx,
    query: &list::Query,
) -> Result<list::Page<(Checkout, Status)>> {
    let now = app.clock.now();
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::checkout::page(tx, query, florin_core::instant::to_microseconds(now)).await?;
    let mut shown = Vec::with_capacity(results.len());
    for checkout in results {
        let now = match checkout.request.customer_id {
            Some(id) => store::test_clock::of_customer(tx, id)
                .await?
                .map_or(now, |(_, now)| now),
            None => now,
        };
        let status = checkout.status_at(now);
        shown.push((checkout, status));
    }
    Ok(list::Page {
        results: shown,
        next,
        previous,
        total_count,
    })
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
    let code = match refusal {
        Refusal::Confirmed => "CHECKOUT_CONFIRMED",
        Refusal::Processing => "CHECKOUT_PROCESSING",
        Refusal::PaymentFailed => "CHECKOUT_UNPAID",
        Refusal::Expired => "CHECKOUT_EXPIRED",
        Refusal::Cancelled => "CHECKOUT_CANCELLED",
    };
    Error::refused(code, refusal)
}
