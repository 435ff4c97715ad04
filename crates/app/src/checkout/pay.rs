//! The payment of a confirmed checkout: its first bill is made, approved and charged, and then the contract comes into
//! force.
//!
//! Owns the order of these steps and what becomes of the checkout when the money does not come. Each step sees what was
//! done before, so that a crash between two of them is gone on with ([`carry_on`]), and whoever confirms at the same time
//! does nothing twice:
//! 1. bill and approve, and note the invoices, in one transaction behind the lock of the checkout's row;
//! 2. charge each of them ([`crate::charge`]), which keeps its own promises, with no transaction open at the gateway;
//! 3. bring the contract into force in the transaction that marks the checkout.

use florin_core::charge::{ANSWER_MAX, Charge, State};
use florin_core::checkout::{Checkout, Payment, Status};
use florin_core::contract;
use florin_core::credit_note::RefundDestination;
use florin_store::{self as store, Tx, invoice::Invoice};
use serde_json::json;
use uuid::Uuid;

use super::{find, refused};
use crate::charge::{Caller, Wanted, charge};
use crate::credit_note::{self, Amount, Expected, NewCreditNote};
use crate::gateway::GatewayError;
use crate::invoice::{self, Checks};
use crate::{App, Error, Result, billing};

/// Checkouts that one run goes on with at most; the next run takes the others.
const AT_ONCE: u64 = 500;

/// What became of a charge.
enum Outcome {
    /// Nothing is to be paid any more.
    Paid,
    /// The gateway, the bank or the customer has not answered.
    Waits,
    /// No money came, for this reason.
    Failed(Error),
}

/// Goes on with the checkouts of every organisation whose confirmation died, or whose payment was answered since; and
/// takes back those that were not paid in time. Answers how many there were. Safe to run twice, and on several nodes.
///
/// # Errors
/// [`Error::Store`] where the database does not answer.
pub async fn carry_on(app: &App) -> Result<usize> {
    let now = florin_core::instant::to_microseconds(app.clock.now());
    let left = store::checkout::left_alone(&app.db, (now - ANSWER_MAX, now), AT_ONCE).await?;
    for (organisation, id) in &left {
        let caller = Caller::system(*organisation);
        let outcome = match expire(app, &caller, *id).await {
            Ok(true) => Ok(()),
            Ok(false) => go_on(app, &caller, *id, false).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, checkout = %id, "a checkout is gone on with later");
        }
    }
    Ok(left.len())
}

/// Goes on with a confirmed checkout as far as is possible now. `is_asked`: somebody has just confirmed it, and a charge
/// that failed before is no answer.
///
/// # Errors
/// [`Error::Gateway`] where the payment is declined; what billing refuses.
pub(super) async fn go_on(
    app: &App,
    caller: &Caller,
    id: Uuid,
    is_asked: bool,
) -> Result<Checkout> {
    let mut tx = app.db.read(caller.organisation).await?;
    let mut checkout = find(&mut tx, id).await?;
    drop(tx);
    if checkout.status != Status::Processing {
        return Ok(checkout);
    }
    if invoices(&checkout).is_none() {
        checkout = match bill(app, caller, &checkout).await {
            Err(error @ Error::Refused { .. }) => {
                return failed(app, caller, id, (error, None)).await;
            }
            billed => billed?,
        };
    }
    for invoice_id in invoices(&checkout).unwrap_or_default() {
        match paid(app, caller, (&checkout, *invoice_id), is_asked).await? {
            Outcome::Paid => {}
            Outcome::Waits => return Ok(checkout),
            Outcome::Failed(error) => {
                return failed(app, caller, id, (error, Some(*invoice_id))).await;
            }
        }
    }
    finish(app, caller, id).await
}

fn invoices(checkout: &Checkout) -> Option<&[Uuid]> {
    checkout.payment.as_ref()?.invoices.as_deref()
}

/// Bills what is due at once, approves it and notes it with the checkout.
async fn bill(app: &App, caller: &Caller, checkout: &Checkout) -> Result<Checkout> {
    let Some(contract_id) = checkout.contract_id else {
        return Ok(checkout.clone());
    };
    let prepared = billing::prepare_first(app, caller.organisation, contract_id).await?;
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, checkout.id).await?;
    if before.status != Status::Processing || invoices(&before).is_some() {
        // It may stand in the commit that is on its way.
        tx.commit().await?;
        return Ok(before);
    }
    let invoices = prepared.write(app, &mut tx).await?;
    for id in &invoices {
        let checks = Checks { duplicates: false };
        invoice::approve(app, &mut tx, *id, checks).await?;
    }
    let Some(after) = before.billed(invoices, tx.at()?) else {
        return Ok(before);
    };
    store::checkout::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(after)
}

/// Gets one invoice paid, unless that was done or tried.
async fn paid(
    app: &App,
    caller: &Caller,
    (checkout, invoice_id): (&Checkout, Uuid),
    is_asked: bool,
) -> Result<Outcome> {
    let payment = checkout.payment.clone().unwrap_or_default();
    let mut tx = app.db.read(caller.organisation).await?;
    if is_paid(&mut tx, invoice_id).await? {
        return Ok(Outcome::Paid);
    }
    let newest = store::charge::newest_of_invoice(&mut tx, invoice_id).await?;
    let answer = match &newest {
        Some(newest) => answered(&mut tx, newest, &payment, is_asked).await?,
        None => None,
    };
    drop(tx);
    if let Some(answer) = answer {
        return Ok(answer);
    }
    let wanted = Wanted {
        payment_method_id: payment.payment_method_id,
        skips_due_date: true,
        ..Wanted::default()
    };
    let charged = charge(app, caller, invoice_id, &wanted).await;
    let mut tx = app.db.read(caller.organisation).await?;
    match charged {
        Ok(_)
        | Err(Error::Refused {
            code: "INVOICE_NOT_CHARGEABLE",
            ..
        }) => Ok(match is_paid(&mut tx, invoice_id).await? {
            true => Outcome::Paid,
            false => Outcome::Waits,
        }),
        Err(Error::Refused {
            code: "CHARGE_IN_PROGRESS",
            ..
        }) => Ok(Outcome::Waits),
        Err(error @ (Error::Store(_) | Error::Gateway(GatewayError::Unanswered { .. }))) => {
            Err(error)
        }
        Err(error) => Ok(Outcome::Failed(error)),
    }
}

/// What an earlier charge says; `None` where another one is to be begun.
async fn answered(
    tx: &mut Tx,
    newest: &Charge,
    payment: &Payment,
    is_asked: bool,
) -> Result<Option<Outcome>> {
    match &newest.state {
        State::RequiresAction { .. } if is_asked => {
            // Whoever names another method does not want to do what this one needs.
            let named = match payment.payment_method_id {
                Some(id) => store::payment_method::find(tx, id).await?,
                None => None,
            };
            let is_other =
                named.is_some_and(|named| newest.method_reference != Some(named.external_id));
            Ok((!is_other).then_some(Outcome::Waits))
        }
        State::Open { .. } | State::RequiresAction { .. } => Ok(Some(Outcome::Waits)),
        State::Failed { code, message, .. }
            if !is_asked && payment.failed_charge != Some(newest.id) =>
        {
            let (code, message) = (code.clone(), message.clone());
            let error = GatewayError::Declined { code, message };
            Ok(Some(Outcome::Failed(error.into())))
        }
        State::Canceled { .. } if !is_asked && payment.failed_charge != Some(newest.id) => {
            let message = "the payment was not finished in time";
            let error = Error::refused("INVOICE_NOT_CHARGEABLE", message);
            Ok(Some(Outcome::Failed(error)))
        }
        _ => Ok(None),
    }
}

async fn is_paid(tx: &mut Tx, invoice_id: Uuid) -> Result<bool> {
    let found = store::invoice::find(tx, invoice_id).await?;
    Ok(match found {
        Some(Invoice::Issued(invoice)) => invoice.amount_due().minor() <= 0,
        _ => false,
    })
}

/// Notes that no money came, and answers why.
async fn failed(
    app: &App,
    caller: &Caller,
    id: Uuid,
    (error, invoice_id): (Error, Option<Uuid>),
) -> Result<Checkout> {
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, id).await?;
    let charge = match invoice_id {
        Some(invoice_id) => store::charge::newest_of_invoice(&mut tx, invoice_id).await?,
        None => None,
    };
    let charge = charge.map(|charge| charge.id);
    if let Some(after) = before.failed(error.to_string(), charge, tx.at()?) {
        store::checkout::update(&mut tx, &before, &after).await?;
        tx.commit().await?;
    }
    Err(with_help(error))
}

fn with_help(error: Error) -> Error {
    const HELP: &str = "confirm the checkout again with another payment method";
    match error {
        Error::Gateway(GatewayError::Declined { code, message }) => GatewayError::Declined {
            code,
            message: format!("{message}: {HELP}"),
        }
        .into(),
        Error::Refused {
            code: code @ "NO_PAYMENT_METHOD",
            message,
        } => Error::refused(code, format!("{message}: {HELP}")),
        other => other,
    }
}

/// Brings the contract into force: everything is paid.
async fn finish(app: &App, caller: &Caller, id: Uuid) -> Result<Checkout> {
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, id).await?;
    let Some(after) = before.paid(tx.at()?) else {
        tx.commit().await?;
        return Ok(before);
    };
    if let Some(contract_id) = before.contract_id.filter(|_| !before.is_change()) {
        bring_into_force(app, &mut tx, contract_id).await?;
    }
    store::checkout::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(after)
}

async fn bring_into_force(app: &App, tx: &mut Tx, contract_id: Uuid) -> Result<()> {
    let draft = store::contract::find(tx, contract_id).await?;
    let draft = draft.ok_or(Error::NotFound {
        resource: "contract",
    })?;
    if draft.status() != contract::Status::Draft {
        return Ok(());
    }
    let mut details = draft.to_details();
    details.status = contract::Status::Active;
    let parent = crate::contract::parent(tx, draft.header().customer_id).await?;
    let mut ids = || app.ids.next();
    let after = draft.replace(details, parent, &mut ids, tx.at()?);
    let after = after.map_err(super::order::invalid)?;
    let after = after.clone().on(after.day_of(tx.at()?));
    Ok(store::contract::save(tx, &draft, &after).await?)
}

/// Gives a checkout up, before it is paid. What its confirmation has billed is credited, and its contract deleted.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is done, or whose payment has no answer yet.
pub async fn cancel(app: &App, tx: &mut Tx, id: Uuid) -> Result<Checkout> {
    let before = find(tx, id).await?;
    if before.status_at(tx.at()?) == Status::Cancelled {
        return Ok(before);
    }
    let after = before.cancel(tx.at()?).map_err(refused)?;
    take_back(app, tx, &before).await?;
    store::checkout::update(tx, &before, &after).await?;
    Ok(after)
}

/// Ends a checkout that was not paid in time; answers whether it was one.
async fn expire(app: &App, caller: &Caller, id: Uuid) -> Result<bool> {
    let mut tx = caller.begin(app).await?;
    let before = find(&mut tx, id).await?;
    let Some(after) = before.expire(tx.at()?) else {
        return Ok(false);
    };
    if !before.is_change() {
        take_back(app, &mut tx, &before).await?;
    }
    store::checkout::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes back what an unpaid confirmation has made: its invoices are credited whole, so that they are void, and its
/// contract, which never was in force, is deleted.
async fn take_back(app: &App, tx: &mut Tx, checkout: &Checkout) -> Result<()> {
    if checkout.payment.is_none() {
        return Ok(());
    }
    for invoice_id in invoices(checkout).unwrap_or_default() {
        let found = store::invoice::find(tx, *invoice_id).await?;
        let Some(Invoice::Issued(invoice)) = found else {
            continue;
        };
        let left = invoice.creditable().ok().filter(|left| left.minor() > 0);
        let Some(left) = left else {
            continue;
        };
        let new = NewCreditNote {
            amount: Amount::Minor(left.minor()),
            reason: "The checkout was not paid".to_owned(),
            destination: Some(RefundDestination::Credits),
            split: Vec::new(),
            number: None,
            line_items: json!({}),
            custom_data: json!({}),
            expected: Expected::default(),
        };
        credit_note::against_invoice(app, tx, (*invoice_id, None), new).await?;
    }
    let Some(contract_id) = checkout.contract_id else {
        return Ok(());
    };
    if let Some(draft) = store::contract::find(tx, contract_id).await?
        && let Ok(deleted) = draft.delete(tx.at()?)
    {
        store::contract::delete(tx, &deleted).await?;
    }
    Ok(())
}
