//! Refunds through the gateway that the money came from.
//!
//! The refund is kept in progress by [`crate::payment::refund`], its money set aside; here the gateway is asked
//! under the refund's key, and its answer kept.

use florin_core::{charge::ANSWER_MAX, id::OrganisationId, payment::Status};
use florin_store::{self as store, payment::Kept};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Caller, account};
use crate::{
    App, Error, Result,
    gateway::{GatewayError, RefundOrder, RefundState},
    payment::{self, RefundAnswer},
};

/// How long a refund is sent again under its key; then a person looks at it.
const SENT_AGAIN_MAX: SignedDuration = florin_core::charge::KEY_KEPT;

/// Refunds that are to be asked about.
pub(super) async fn to_ask(
    app: &App,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(OrganisationId, Uuid)>> {
    Ok(store::charge::refunds_to_ask(&app.db, now - ANSWER_MAX, limit).await?)
}

/// Asks the gateway for a refund that is in progress, and keeps its answer. Without an answer it stays in
/// progress; [`super::reconcile`] asks again. One that is not in progress, or has no gateway, stays as it is.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn send_refund(app: &App, caller: &Caller, id: Uuid) -> Result<()> {
    let Some((refund, charged)) = in_progress(app, caller, id).await? else {
        return Ok(());
    };
    let (Some(connector), Some(order)) = (refund.about.connector_id, order(&refund, &charged))
    else {
        return Ok(());
    };
    let account = account(app, caller, connector).await?;
    let answer = account.gateway.refund(&account.credentials, &order).await;
    let state = match answer {
        Ok(state) => state,
        Err(GatewayError::Unanswered { message }) => {
            tracing::warn!(message, refund = %id, "a refund has no answer yet");
            return Ok(());
        }
        Err(error) => RefundState::Failed {
            message: error.to_string(),
        },
    };
    told(app, caller, id, state).await
}

/// The refund and the payment that it is of, as long as the gateway has not answered.
async fn in_progress(app: &App, caller: &Caller, id: Uuid) -> Result<Option<(Kept, Kept)>> {
    let mut tx = app.db.read(caller.organisation).await?;
    let not_found = Error::NotFound { resource: "refund" };
    let refund = store::payment::find(&mut tx, id).await?.ok_or(not_found)?;
    let Some(parent) = refund.payment.parent_id else {
        return Ok(None);
    };
    let charged = store::payment::find(&mut tx, parent).await?;
    Ok(charged
        .filter(|_| refund.payment.status == Status::InProgress)
        .map(|charged| (refund, charged)))
}

/// The refund as the gateway is asked for it; `None` where the payment has no id there.
fn order(refund: &Kept, charged: &Kept) -> Option<RefundOrder> {
    Some(RefundOrder {
        key: refund.payment.id.to_string(),
        charge: charged.payment.external_id.clone()?,
        amount: refund.payment.amount,
    })
}

/// Asks about a refund that was not answered, and sends it again where the gateway never heard of it.
pub(super) async fn reconcile(app: &App, caller: &Caller, id: Uuid) -> Result<()> {
    let Some((refund, charged)) = in_progress(app, caller, id).await? else {
        return Ok(());
    };
    let (Some(connector), Some(order)) = (refund.about.connector_id, order(&refund, &charged))
    else {
        return Ok(());
    };
    let account = account(app, caller, connector).await?;
    let known = account
        .gateway
        .refund_state(&account.credentials, &order)
        .await?;
    match known {
        Some(state) => told(app, caller, id, state).await,
        None if app.clock.now().duration_since(refund.created_at) < SENT_AGAIN_MAX => {
            send_refund(app, caller, id).await
        }
        None => {
            let message = "the gateway never heard of it".to_owned();
            told(app, caller, id, RefundState::Failed { message }).await
        }
    }
}

/// Keeps what a gateway told of a refund by itself; one that is not known here changes nothing.
///
/// # Errors
/// What the refund refuses.
pub(crate) async fn told_by_gateway(
    app: &App,
    caller: &Caller,
    id: Uuid,
    state: RefundState,
) -> Result<()> {
    match in_progress(app, caller, id).await {
        Ok(Some(_)) => told(app, caller, id, state).await,
        Ok(None) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Keeps where a refund stands, as the gateway told. Told again, it changes nothing.
async fn told(app: &App, caller: &Caller, id: Uuid, state: RefundState) -> Result<()> {
    let answer = match state {
        RefundState::Open => return Ok(()),
        RefundState::Succeeded { reference } => RefundAnswer {
            has_succeeded: true,
            external_id: Some(reference),
            failure: None,
        },
        RefundState::Failed { message } => RefundAnswer {
            has_succeeded: false,
            external_id: None,
            failure: Some(message),
        },
    };
    let mut tx = caller.begin(app).await?;
    payment::settle_refund(app, &mut tx, id, answer).await?;
    Ok(tx.commit().await?)
}
