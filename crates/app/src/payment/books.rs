//! The rows that money moves on: locked in one order, and kept together.

use florin_core::{
    invoice::{Issued, Status},
    ledger::Event,
    wallet::Entry,
};
use florin_store::{self as store, Tx, invoice::Invoice, payment::Kept};
use uuid::Uuid;

use crate::{App, Error, Result, entitlement, journal, wallet};

/// How often a payment is looked at again because another operation moved it to other invoices meanwhile.
const ATTEMPTS_MAX: usize = 3;

const NOT_FOUND: Error = Error::NotFound {
    resource: "payment",
};

/// What an operation does to invoices and to the wallet of one customer.
pub(crate) struct Effects<'e> {
    /// The invoices before it.
    pub(crate) before: &'e [Issued],
    /// The same invoices after it, in any order.
    pub(crate) after: &'e [Issued],
    /// Whose wallet.
    pub(crate) customer_id: Uuid,
    /// What happens to it.
    pub(crate) wallet: &'e [Entry],
    /// What the books are told.
    pub(crate) events: &'e [Event<'e>],
}

/// Issued invoices by their ids, locked in the order of these; drafts and strangers are left out.
pub(crate) async fn invoices(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Issued>> {
    let found = store::invoice::of_ids(tx, ids).await?.into_iter();
    let issued = found.filter_map(|invoice| match invoice {
        Invoice::Issued(issued) => Some(issued),
        Invoice::Draft(_) => None,
    });
    Ok(issued.collect())
}

/// The payment and the invoices that it is for, and `more` of them; all locked.
///
/// # Errors
/// [`Error::NotFound`]; [`store::Error::Busy`] where others move the payment all the time.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid, more: &[Uuid]) -> Result<(Kept, Vec<Issued>)> {
    for _ in 0..ATTEMPTS_MAX {
        let mut ids = store::payment::invoices_of(tx, id).await?;
        ids.extend(more);
        let invoices = invoices(tx, &ids).await?;
        let kept = store::payment::find(tx, id).await?.ok_or(NOT_FOUND)?;
        let mut parts = kept.payment.parts.iter();
        if parts.all(|part| ids.contains(&part.invoice_id)) {
            crate::test_clock::follow(tx, kept.payment.customer_id).await?;
            return Ok((kept, invoices));
        }
    }
    Err(store::Error::Busy.into())
}

/// Writes what an operation did to invoices, wallet and books.
///
/// # Errors
/// `WALLET_BALANCE_TOO_LOW` where the wallet has no longer what would be taken back.
pub(crate) async fn keep(app: &App, tx: &mut Tx, effects: Effects<'_>) -> Result<()> {
    let Effects {
        before,
        after,
        customer_id,
        wallet,
        events,
    } = effects;
    for invoice in after {
        let mut before = before.iter();
        let known = before.find(|other| other.id() == invoice.id());
        if let Some(known) = known.filter(|known| *known != invoice) {
            store::invoice::save_amounts(tx, known, invoice).await?;
        }
    }
    let paid = after.iter().filter(|invoice| {
        let known = before.iter().find(|other| other.id() == invoice.id());
        let was_paid = known.is_some_and(|known| known.status() == Status::Paid);
        invoice.status() == Status::Paid && !was_paid
    });
    let paid: Vec<Uuid> = paid.map(Issued::id).collect();
    let entries: Vec<_> = wallet.iter().map(|entry| (customer_id, *entry)).collect();
    wallet::post(app, tx, &entries).await?;
    entitlement::billed::paid(tx, &paid).await?;
    journal::post(app, tx, events).await
}
