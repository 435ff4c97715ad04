//! Charges through a gateway: the intent is kept first, then the gateway is asked by others, then its answer is
//! kept. Owns that one amount is never charged twice.

use florin_core::{
    money::Money,
    payment::{self, Kind, Method, Origin, PartRequest, Request, Status},
};
use florin_store::{
    self as store, Tx,
    payment::{About, Kept},
};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    books::{invoices, lock},
    record,
    refused::{refused, taken},
};
use crate::{App, Error, Result};

/// A charge that is to be made.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Whose money it is.
    pub customer_id: Uuid,
    /// What of which invoice is charged.
    pub parts: Vec<PartRequest>,
    /// How, as far as it is known.
    pub method: Option<Method>,
    /// The connection to the gateway.
    pub connector_id: Option<Uuid>,
    /// Its name, such as `stripe`.
    pub connector_name: Option<String>,
    /// Free data about the method.
    pub payment_method_details: Json,
    /// Whether Florin itself charges.
    pub autocharge: bool,
    /// Names the attempt: begun again under the same key it is the same one. Without it the payment's id is the
    /// key.
    pub idempotency_key: Option<String>,
}

/// A gateway's answer that the money came.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The payment's id at the gateway.
    pub external_id: Option<String>,
    /// How it came.
    pub method: Option<Method>,
    /// Free data about the method.
    pub payment_method_details: Option<Json>,
    /// When; now unless told.
    pub at: Option<Timestamp>,
}

/// A gateway's answer that the money did not come, or not yet.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Where the payment stands now.
    pub status: Status,
    /// The payment's id at the gateway.
    pub external_id: Option<String>,
    /// Why.
    pub failure: Option<String>,
}

/// Keeps the intent to charge, in progress. Commit it, ask the gateway under its `idempotency_key`, then call
/// [`settle`] or [`fail`]. Two requests at once, or one that is sent again, begin one charge.
///
/// # Errors
/// `CHARGE_IN_PROGRESS` where another charge of the invoice has no answer yet; `CHARGE_ABOVE_DUE` where less is
/// to be paid; [`Error::Invalid`] about the parts.
pub async fn begin_charge(app: &App, tx: &mut Tx, charge: Charge) -> Result<Kept> {
    let named: Vec<Uuid> = charge.parts.iter().map(|part| part.invoice_id).collect();
    let before = invoices(tx, &named).await?;
    // Behind the invoices' locks, so that an equal request has been kept or has not begun.
    if let Some(key) = &charge.idempotency_key
        && let Some(known) = store::payment::of_idempotency_key(tx, key).await?
    {
        return Ok(known);
    }
    for part in &charge.parts {
        let invoice = before
            .iter()
            .find(|invoice| invoice.id() == part.invoice_id);
        let due = invoice.map(|invoice| invoice.amount_due());
        if due.is_some_and(|due| due < part.amount) {
            let message = format!(
                "{} of the invoice is to be paid",
                due.unwrap_or(part.amount)
            );
            return Err(Error::refused("CHARGE_ABOVE_DUE", message));
        }
        expect_free(tx, part.invoice_id).await?;
    }
    let id = app.ids.next();
    let at = tx.at()?;
    let request = Request {
        id,
        customer_id: charge.customer_id,
        kind: Kind::Payment,
        method: charge.method,
        origin: Origin::Gateway,
        amount: sum(&charge.parts)?,
        parts: charge.parts,
        status: Status::InProgress,
        external_id: None,
        at,
    };
    let outcome = payment::record(request, before).map_err(refused)?;
    let kept = Kept {
        payment: outcome.payment,
        about: About {
            payment_method_details: charge.payment_method_details,
            connector_id: charge.connector_id,
            connector_name: charge.connector_name,
            autocharge: charge.autocharge,
            idempotency_key: charge.idempotency_key.or(Some(id.to_string())),
            ..About::nothing()
        },
        created_at: at,
        updated_at: at,
    };
    store::payment::insert(tx, &kept).await.map_err(taken)?;
    Ok(kept)
}

fn sum(parts: &[PartRequest]) -> Result<Money> {
    let Some(first) = parts.first() else {
        return Err(Error::field(
            "payment_parts",
            "value_error.list.min_items",
            "a charge is for an invoice",
        ));
    };
    let amounts = parts.iter().map(|part| part.amount);
    Money::sum(amounts, first.amount.currency()).map_err(|error| refused(error.into()))
}

/// No other charge of the invoice is under way. Checked under the invoice's lock.
async fn expect_free(tx: &mut Tx, invoice_id: Uuid) -> Result<()> {
    let others = store::payment::of_invoice(tx, invoice_id).await?;
    let is_under_way = |kept: &&Kept| {
        let payment = &kept.payment;
        payment.kind == Kind::Payment
            && payment.origin == Origin::Gateway
            && payment.status.is_open()
    };
    match others.iter().find(is_under_way) {
        None => Ok(()),
        Some(other) => Err(Error::refused(
            "CHARGE_IN_PROGRESS",
            format!(
                "payment {} of the invoice is {}",
                other.payment.id,
                other.payment.status.as_str()
            ),
        )),
    }
}

/// The money came: the payment's parts take what is due, the wallet the rest. An answer that comes again changes
/// nothing; one that comes after a failure counts, because the money is there.
///
/// # Errors
/// [`Error::NotFound`]; `PAYMENT_STATUS_NOT_ALLOWED` for a payment that was voided.
pub async fn settle(app: &App, tx: &mut Tx, id: Uuid, settlement: Settlement) -> Result<Kept> {
    let (kept, before) = lock(tx, id, &[]).await?;
    let mut payment = kept.payment.clone();
    if payment.status.is_realised() {
        return Ok(kept);
    }
    if matches!(payment.status, Status::Failed | Status::Canceled) {
        payment.status = Status::InProgress;
    }
    let mut outcome = payment::realise(payment, before.clone()).map_err(refused)?;
    let came = &mut outcome.payment;
    came.external_id = settlement.external_id.or(came.external_id.take());
    came.method = settlement.method.or(came.method);
    came.at = settlement.at.unwrap_or(tx.at()?);
    let mut about = kept.about.clone();
    about.failure = None;
    if let Some(details) = settlement.payment_method_details {
        about.payment_method_details = details;
    }
    record::save(app, tx, &kept, (&before, outcome), about).await
}

/// The money did not come, or not yet: the payment stands where the answer says. One that came already stays.
///
/// # Errors
/// [`Error::NotFound`]; `PAYMENT_STATUS_NOT_ALLOWED` where the answer is no such state.
pub async fn fail(tx: &mut Tx, id: Uuid, refusal: Refusal) -> Result<Kept> {
    let (kept, _) = lock(tx, id, &[]).await?;
    if !kept.payment.status.is_open() {
        return Ok(kept);
    }
    let mut payment = payment::fail(kept.payment.clone(), refusal.status).map_err(refused)?;
    payment.external_id = refusal.external_id.or(payment.external_id);
    let mut about = kept.about.clone();
    about.failure = refusal.failure;
    let after = Kept {
        payment,
        about,
        created_at: kept.created_at,
        updated_at: tx.at()?,
    };
    store::payment::save(tx, &kept, &after)
        .await
        .map_err(taken)?;
    Ok(after)
}
