//! Payments that people tell: record, allocate, edit, delete.

use florin_core::{
    invoice::Issued,
    ledger::Event,
    money::Money,
    payment::{self, Kind, ManualEdit, Method, Origin, Outcome, PartRequest, Request, Status},
};
use florin_store::{
    self as store, Tx,
    payment::{About, Kept},
};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    Effects,
    books::{invoices, keep, lock},
    refused::{refused, taken},
};
use crate::{App, Error, Result, currency, customer};

/// A payment that is told.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// Whose money it is; who pays the invoices unless told.
    pub customer_id: Option<Uuid>,
    /// `payment` or `tax_withheld`.
    pub kind: Kind,
    /// How it came; [`Method::Other`] unless told.
    pub method: Option<Method>,
    /// All of it, in minor units.
    pub amount: i64,
    /// The code of its currency.
    pub currency_code: String,
    /// Invoices, and in minor units what of it is for them.
    pub parts: Vec<(Uuid, i64)>,
    /// Whether it came.
    pub status: Status,
    /// The id of a bank.
    pub external_id: Option<String>,
    /// When the money moved; now unless told.
    pub at: Option<Timestamp>,
    /// Free data about the method.
    pub payment_method_details: Json,
    /// The number of a receipt.
    pub receipt_number: Option<String>,
    /// A sentence.
    pub description: Option<String>,
}

/// A change of a manual payment: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// All of it, in minor units.
    pub amount: Option<i64>,
    /// Invoices, and in minor units what of it is for them.
    pub parts: Option<Vec<(Uuid, i64)>>,
    /// [`Status::Success`] realises a payment that was only told.
    pub status: Option<Status>,
    /// The id of a bank.
    pub external_id: Option<String>,
    /// When the money moved.
    pub at: Option<Timestamp>,
    /// Free data about the method.
    pub payment_method_details: Option<Json>,
}

/// Records a payment or withheld tax.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong; `PAYMENT_EXTERNAL_ID_TAKEN`.
pub async fn record(app: &App, tx: &mut Tx, new: NewPayment) -> Result<Kept> {
    let named: Vec<Uuid> = new.parts.iter().map(|(invoice, _)| *invoice).collect();
    let before = invoices(tx, &named).await?;
    let customer = payer(tx, new.customer_id, &before).await;
    let money = currency_of(&new.currency_code, &before);
    let (customer_id, currency) = Error::both(customer, money)?;
    crate::test_clock::follow(tx, customer_id).await?;
    let at = tx.at()?;
    let request = Request {
        id: app.ids.next(),
        customer_id,
        kind: new.kind,
        method: match new.kind {
            Kind::TaxWithheld => new.method,
            _ => Some(new.method.unwrap_or(Method::Other)),
        },
        origin: Origin::Manual,
        amount: Money::from_minor(new.amount, currency),
        parts: requested(&new.parts, currency),
        status: new.status,
        external_id: new.external_id,
        at: new.at.unwrap_or(at),
    };
    let outcome = payment::record(request, before.clone()).map_err(refused)?;
    let kept = Kept {
        payment: outcome.payment.clone(),
        about: About {
            payment_method_details: new.payment_method_details,
            receipt_number: new.receipt_number,
            description: new.description,
            ..About::nothing()
        },
        created_at: at,
        updated_at: at,
    };
    store::payment::insert(tx, &kept).await.map_err(taken)?;
    let payment = &outcome.payment;
    let received = [Event::PaymentReceived { payment }];
    keep(app, tx, effects(&before, &outcome, &received)).await?;
    Ok(kept)
}

/// The customer that was named, or else the one that pays all the invoices.
async fn payer(tx: &mut Tx, named: Option<Uuid>, invoices: &[Issued]) -> Result<Uuid> {
    let Some(id) = named else {
        let mut payers = invoices.iter().map(|invoice| invoice.header().customer_id);
        let first = payers.next();
        let only = first.filter(|first| payers.all(|other| other == *first));
        return only.ok_or_else(|| {
            let message = "field required: it cannot be told from the invoices";
            Error::field("customer_id", "value_error.missing", message)
        });
    };
    customer::expect_known(tx, id).await?;
    Ok(id)
}

/// The currency of a code: that of an invoice, which may be the seller's own, or one of ISO 4217.
fn currency_of(code: &str, invoices: &[Issued]) -> Result<florin_core::currency::Currency> {
    let mut currencies = invoices.iter().map(|invoice| invoice.header().currency);
    match currencies.find(|known| known.code() == code) {
        Some(known) => Ok(known),
        None => currency::of_code("currency_code", code),
    }
}

fn requested(parts: &[(Uuid, i64)], currency: florin_core::currency::Currency) -> Vec<PartRequest> {
    let parts = parts.iter().map(|(invoice_id, minor)| PartRequest {
        invoice_id: *invoice_id,
        amount: Money::from_minor(*minor, currency),
    });
    parts.collect()
}

pub(super) fn effects<'e>(
    before: &'e [Issued],
    outcome: &'e Outcome,
    events: &'e [Event<'e>],
) -> Effects<'e> {
    Effects {
        events,
        before,
        after: &outcome.invoices,
        customer_id: outcome.payment.customer_id,
        wallet: &outcome.wallet,
    }
}

/// Says anew which invoices a payment is for.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] about the parts; a refusal where nothing can be moved any more.
pub async fn reallocate(app: &App, tx: &mut Tx, id: Uuid, parts: Vec<(Uuid, i64)>) -> Result<Kept> {
    let named: Vec<Uuid> = parts.iter().map(|(invoice, _)| *invoice).collect();
    let (kept, before) = lock(tx, id, &named).await?;
    let parts = requested(&parts, kept.payment.amount.currency());
    let outcome = payment::reallocate(&kept.payment, parts, before.clone()).map_err(refused)?;
    save(app, tx, &kept, (&before, outcome), kept.about.clone()).await
}

/// Changes a manual payment.
///
/// # Errors
/// As [`reallocate`]; `PAYMENT_NOT_MANUAL`.
pub async fn edit_manual(app: &App, tx: &mut Tx, id: Uuid, edit: Edit) -> Result<Kept> {
    let named = edit.parts.iter().flatten().map(|(invoice, _)| *invoice);
    let (kept, before) = lock(tx, id, &named.collect::<Vec<_>>()).await?;
    let currency = kept.payment.amount.currency();
    let change = ManualEdit {
        amount: edit.amount.map(|minor| Money::from_minor(minor, currency)),
        parts: edit.parts.map(|parts| requested(&parts, currency)),
        external_id: edit.external_id,
        at: edit.at,
    };
    let edited = payment::edit_manual(&kept.payment, change, before.clone());
    let outcome = moved_on(edited.map_err(refused)?, edit.status)?;
    let mut about = kept.about.clone();
    if let Some(details) = edit.payment_method_details {
        about.payment_method_details = details;
    }
    save(app, tx, &kept, (&before, outcome), about).await
}

/// The payment with the status that is told of it now.
fn moved_on(outcome: Outcome, status: Option<Status>) -> Result<Outcome> {
    let Some(status) = status.filter(|status| *status != outcome.payment.status) else {
        return Ok(outcome);
    };
    if !matches!(status, Status::Success | Status::Failed | Status::Canceled) {
        let message = "a payment that was created comes (success) or does not (failed, canceled)";
        return Err(Error::field("status", "type_error.enum", message));
    }
    let Outcome {
        payment,
        invoices,
        wallet,
    } = outcome;
    if status == Status::Success {
        return payment::realise(payment, invoices).map_err(refused);
    }
    Ok(Outcome {
        payment: payment::fail(payment, status).map_err(refused)?,
        invoices,
        wallet,
    })
}

/// Deletes a manual payment: what it paid is owed again.
///
/// # Errors
/// [`Error::NotFound`], `PAYMENT_NOT_MANUAL`, `PAYMENT_ALREADY_REFUNDED`, `PAYMENT_STATUS_NOT_ALLOWED`;
/// `WALLET_BALANCE_TOO_LOW` where its over-payment was used.
pub async fn delete_manual(app: &App, tx: &mut Tx, id: Uuid) -> Result<Kept> {
    let (kept, before) = lock(tx, id, &[]).await?;
    let outcome = payment::delete_manual(&kept.payment, before.clone()).map_err(refused)?;
    let about = kept.about.clone();
    let deleted = save(app, tx, &kept, (&before, outcome), about).await?;
    store::payment::delete(tx, &deleted).await?;
    Ok(deleted)
}

/// Writes a changed payment and what it does.
pub(super) async fn save(
    app: &App,
    tx: &mut Tx,
    kept: &Kept,
    (before, outcome): (&[Issued], Outcome),
    about: About,
) -> Result<Kept> {
    let after = Kept {
        payment: outcome.payment.clone(),
        about,
        created_at: kept.created_at,
        updated_at: tx.at()?,
    };
    store::payment::save(tx, kept, &after)
        .await
        .map_err(taken)?;
    let payment = &outcome.payment;
    let changed = [Event::PaymentChanged { payment }];
    keep(app, tx, effects(before, &outcome, &changed)).await?;
    Ok(after)
}
