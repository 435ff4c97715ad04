//! Money that goes back, and money that never came.

use florin_core::{
    credit_note::RefundDestination,
    invoice::Issued,
    ledger::Event,
    money::Money,
    payment::{self, Kind, Method, Origin, Payment, RefundRequest, Refunded, Reversal, Status},
};
use florin_store::{
    self as store, Tx,
    payment::{About, Kept},
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Effects,
    books::{keep, lock},
    record::effects,
    refused::{refused, taken},
};
use crate::{App, Error, Result, credit_note};

/// A refund that is asked for.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// Where the money goes.
    pub destination: RefundDestination,
    /// How much, in minor units; all that is left for none or nothing.
    pub amount: Option<i64>,
    /// Invoices, and in minor units what of them goes back.
    pub parts: Vec<(Uuid, i64)>,
    /// Whether what goes back is given up; otherwise it is owed again.
    pub writes_off: bool,
    /// A sentence.
    pub description: Option<String>,
    /// When; now unless told.
    pub at: Option<Timestamp>,
}

/// A payment whose money never came.
#[derive(Clone, Debug, Default)]
pub struct NewReversal {
    /// A sentence.
    pub description: Option<String>,
    /// When; now unless told.
    pub at: Option<Timestamp>,
}

/// What a gateway answered to a refund.
#[derive(Clone, Debug)]
pub struct RefundAnswer {
    /// Whether the money went back.
    pub has_succeeded: bool,
    /// The refund's id at the gateway.
    pub external_id: Option<String>,
    /// Why it did not.
    pub failure: Option<String>,
}

/// Refunds a payment. Where a gateway has to be asked, the refund is in progress and its money set aside: commit,
/// ask the gateway under the refund's `idempotency_key`, then call [`settle_refund`].
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`], `PAYMENT_TYPE_NOT_ALLOWED`, `PAYMENT_STATUS_NOT_ALLOWED`,
/// `REFUND_ABOVE_PAYMENT`; `WALLET_BALANCE_TOO_LOW` where the over-payment was used.
pub async fn refund(app: &App, tx: &mut Tx, id: Uuid, new: NewRefund) -> Result<Kept> {
    let (kept, before) = lock(tx, id, &[]).await?;
    let currency = kept.payment.amount.currency();
    let minor = |amount: i64| Money::from_minor(amount, currency);
    let request = RefundRequest {
        id: app.ids.next(),
        destination: new.destination,
        amount: new.amount.map(minor),
        parts: new
            .parts
            .iter()
            .map(|(id, amount)| (*id, minor(*amount)))
            .collect(),
        writes_off: new.writes_off,
        is_pending: asks_gateway(&kept.payment, new.destination),
        at: new.at.unwrap_or(tx.at()?),
    };
    let refunded = payment::refund(kept.payment.clone(), request, before.clone());
    let refunded = refunded.map_err(refused)?;
    let about = About {
        description: new.description,
        refund_destination: Some(new.destination),
        writes_off: new.writes_off,
        ..about_refund(&kept, &refunded.refund)
    };
    let row = insert(tx, &refunded.refund, about).await?;
    let event = event_of(&row);
    save(app, tx, &kept, (&before, &refunded), event).await?;
    Ok(row)
}

/// Whether the money goes back through the gateway that it came from.
pub(crate) fn asks_gateway(payment: &Payment, destination: RefundDestination) -> bool {
    payment.origin == Origin::Gateway && destination == RefundDestination::OriginalPaymentMethod
}

/// What is said about a refund of a payment; the key under which its gateway is asked is its own id.
pub(crate) fn about_refund(kept: &Kept, refund: &Payment) -> About {
    let is_pending = refund.status == Status::InProgress;
    About {
        connector_id: kept.about.connector_id,
        connector_name: kept.about.connector_name.clone(),
        idempotency_key: is_pending.then(|| refund.id.to_string()),
        ..About::nothing()
    }
}

pub(crate) async fn insert(tx: &mut Tx, payment: &Payment, about: About) -> Result<Kept> {
    let at = tx.at()?;
    let kept = Kept {
        payment: payment.clone(),
        about,
        created_at: at,
        updated_at: at,
    };
    store::payment::insert(tx, &kept).await.map_err(taken)?;
    Ok(kept)
}

/// Writes the refunded payment and what the refund does.
async fn save(
    app: &App,
    tx: &mut Tx,
    kept: &Kept,
    (before, refunded): (&[Issued], &Refunded),
    event: Event<'_>,
) -> Result<()> {
    let after = Kept {
        payment: refunded.payment.clone(),
        ..kept.clone()
    };
    store::payment::save(tx, kept, &after).await?;
    let effects = Effects {
        before,
        after: &refunded.invoices,
        customer_id: refunded.payment.customer_id,
        wallet: &refunded.wallet,
        events: &[event],
    };
    keep(app, tx, effects).await
}

/// What the books are told of a refund; nothing comes of one that is still in progress.
fn event_of(row: &Kept) -> Event<'_> {
    let refund = &row.payment;
    match row.about.credit_note_id {
        None => Event::Refunded {
            refund,
            destination: row
                .about
                .refund_destination
                .unwrap_or(RefundDestination::External),
            writes_off: row.about.writes_off,
        },
        Some(_) if refund.status == Status::Failed => Event::CreditNoteRefundFailed { refund },
        Some(_) => Event::CreditNoteRefunded { refund },
    }
}

/// Keeps what a gateway answered to a refund that was in progress. An answer that comes again changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; `PAYMENT_TYPE_NOT_ALLOWED` for anything but a refund.
pub async fn settle_refund(
    app: &App,
    tx: &mut Tx,
    refund_id: Uuid,
    answer: RefundAnswer,
) -> Result<Kept> {
    // Its parts never change, and neither does its payment.
    let parent = store::payment::parent_of(tx, refund_id).await?;
    let parent = parent.ok_or(Error::refused(
        "PAYMENT_TYPE_NOT_ALLOWED",
        "only a refund of a payment is settled by a gateway's answer",
    ))?;
    let named = store::payment::invoices_of(tx, refund_id).await?;
    let (kept, before) = lock(tx, parent, &named).await?;
    let row = store::payment::find(tx, refund_id).await?;
    let row = row.ok_or(Error::NotFound { resource: "refund" })?;
    if row.payment.status != Status::InProgress {
        return Ok(row);
    }
    let refunded = match row.about.credit_note_id {
        Some(note) => {
            let has_succeeded = answer.has_succeeded;
            credit_note::settle_refund(tx, note, (&kept, &row, has_succeeded)).await?
        }
        None => payment::settle_refund(
            kept.payment.clone(),
            row.payment.clone(),
            answer.has_succeeded,
            row.about.writes_off,
            before.clone(),
        )
        .map_err(refused)?,
    };
    let mut settled = Kept {
        payment: refunded.refund.clone(),
        about: row.about.clone(),
        ..row.clone()
    };
    settled.payment.external_id = answer.external_id.or(settled.payment.external_id);
    settled.about.failure = answer.failure;
    store::payment::save(tx, &row, &settled)
        .await
        .map_err(taken)?;
    let event = event_of(&settled);
    save(app, tx, &kept, (&before, &refunded), event).await?;
    Ok(settled)
}

/// Takes back a payment whose money never came, or that the bank took back. Answers the reversal.
///
/// # Errors
/// [`Error::NotFound`], `PAYMENT_TYPE_NOT_ALLOWED`, `PAYMENT_STATUS_NOT_ALLOWED`, `PAYMENT_ALREADY_REFUNDED`;
/// `PAYMENT_REFUND_IN_PROGRESS` while a gateway has not answered to a refund.
pub async fn reverse(app: &App, tx: &mut Tx, id: Uuid, new: NewReversal) -> Result<Kept> {
    let (kept, before) = lock(tx, id, &[]).await?;
    let children = store::payment::of_parents(tx, &[id]).await?;
    if children
        .iter()
        .any(|child| child.payment.status == Status::InProgress)
    {
        return Err(Error::refused(
            "PAYMENT_REFUND_IN_PROGRESS",
            "a refund of the payment is in progress: wait for the gateway's answer",
        ));
    }
    let into_wallet = children.iter().map(|child| &child.payment).filter(|child| {
        let is_refund = child.kind == Kind::Refund && child.status.is_realised();
        is_refund && child.method == Some(Method::Credits)
    });
    let currency = kept.payment.amount.currency();
    let into_wallet = Money::sum(into_wallet.map(|child| child.amount), currency);
    let reversal = Reversal {
        id: app.ids.next(),
        refunded_into_wallet: into_wallet.map_err(|error| refused(error.into()))?,
        at: new.at.unwrap_or(tx.at()?),
    };
    let reversed = payment::reverse(kept.payment.clone(), reversal, before.clone());
    let (outcome, taken_back) = reversed.map_err(refused)?;
    let about = About {
        description: new.description,
        connector_id: kept.about.connector_id,
        connector_name: kept.about.connector_name.clone(),
        ..About::nothing()
    };
    let row = insert(tx, &taken_back, about).await?;
    let after = Kept {
        payment: outcome.payment.clone(),
        ..kept.clone()
    };
    store::payment::save(tx, &kept, &after).await?;
    let reversal = &row.payment;
    let reversed = [Event::PaymentReversed { reversal }];
    keep(app, tx, effects(&before, &outcome, &reversed)).await?;
    Ok(row)
}
