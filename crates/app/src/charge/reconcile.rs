//! Asking about attempts and refunds whose end is not known: after a crash, a lost answer, or while a customer
//! has still to do something. Safe to run twice, and on several nodes at once.

use florin_core::charge::{Charge, Step};
use florin_store::{self as store};

use super::{Caller, account, answered, keep, order, refund, wanted};
use crate::{App, Result, connector::Account};

/// Attempts that one run asks about at most; the next run takes the others.
const ASKED_MAX: u64 = 500;

/// Asks the gateways about every attempt and refund that is to be asked about; answers how many there were. What
/// cannot be asked about now is logged, and asked about later.
///
/// # Errors
/// [`crate::Error::Store`] where the database does not answer.
pub async fn reconcile(app: &App) -> Result<usize> {
    let now = florin_core::instant::to_microseconds(app.clock.now());
    let charges = store::charge::to_ask(&app.db, now, ASKED_MAX).await?;
    let refunds = refund::to_ask(app, now, ASKED_MAX).await?;
    for (organisation, id) in &charges {
        let caller = Caller::system(*organisation);
        if let Err(error) = reconcile_charge(app, &caller, *id).await {
            tracing::warn!(%error, charge = %id, "a charge is asked about later");
        }
    }
    for (organisation, id) in &refunds {
        let caller = Caller::system(*organisation);
        if let Err(error) = refund::reconcile(app, &caller, *id).await {
            tracing::warn!(%error, refund = %id, "a refund is asked about later");
        }
    }
    Ok(charges.len() + refunds.len())
}

async fn reconcile_charge(app: &App, caller: &Caller, id: uuid::Uuid) -> Result<()> {
    let mut tx = app.db.read(caller.organisation).await?;
    let charge = store::charge::find(&mut tx, id).await?;
    drop(tx);
    let Some(charge) = charge else {
        return Ok(());
    };
    match account(app, caller, charge.connector_id).await {
        Ok(account) => settle(app, caller, &account, charge).await,
        // So that one which cannot be asked about does not stand before all others.
        Err(error) => postpone(app, caller, charge).await.and(Err(error)),
    }
}

/// Asks about one attempt and keeps what follows.
pub(super) async fn settle(
    app: &App,
    caller: &Caller,
    account: &Account,
    charge: Charge,
) -> Result<()> {
    let (gateway, credentials) = (&account.gateway, &account.credentials);
    let order = order(&charge);
    let told = match gateway.state(credentials, &order).await {
        Ok(told) => told,
        Err(error) => {
            postpone(app, caller, charge).await?;
            return Err(error.into());
        }
    };
    let is_wanted = wanted(app, caller, &charge).await?;
    let state = match charge.step(told.as_ref(), is_wanted, app.clock.now()) {
        Step::Nothing => told,
        Step::SendAgain => answered(gateway.charge(credentials, &order).await),
        Step::GiveUp => Some(florin_core::charge::State::Canceled { reference: None }),
        Step::TakeBack => answered(gateway.cancel(credentials, &order).await),
    };
    match state {
        Some(state) => keep(app, caller, charge, state, true).await.map(drop),
        None => postpone(app, caller, charge).await,
    }
}

async fn postpone(app: &App, caller: &Caller, charge: Charge) -> Result<()> {
    let state = charge.state.clone();
    keep(app, caller, charge, state, true).await?;
    Ok(())
}
