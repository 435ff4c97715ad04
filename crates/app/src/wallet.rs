//! Wallets of customers: adjustments by hand, and the entries that other operations make.

use florin_core::{
    currency::Currency,
    ledger::Event,
    money::Money,
    wallet::{self, Entry, Refusal},
};
use florin_store::{
    self as store, Tx, list,
    wallet::{Held, Posting, Written},
};
use uuid::Uuid;

use crate::{App, Error, Result, journal};

/// An adjustment by hand.
#[derive(Clone, Debug)]
pub struct Adjustment {
    /// What is added or taken, above zero.
    pub amount: Money,
    /// Whether it is added.
    pub adds: bool,
    /// Why.
    pub description: Option<String>,
}

/// Adds to a wallet by hand, or takes from it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`], `WALLET_BALANCE_TOO_LOW`.
pub async fn adjust(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    adjustment: Adjustment,
) -> Result<Written> {
    exists(tx, customer_id).await?;
    crate::test_clock::follow(tx, customer_id).await?;
    let Adjustment {
        amount,
        adds,
        description,
    } = adjustment;
    let wallet = store::wallet::balance(tx, customer_id, amount.currency()).await?;
    let (_, entry) = wallet::adjust(wallet, amount, adds).map_err(refused)?;
    let posting = Posting {
        id: app.ids.next(),
        customer_id,
        entry,
        description,
    };
    let adjusted = Event::WalletAdjusted {
        id: posting.id,
        customer_id,
        entry: &entry,
        at: tx.at()?,
    };
    journal::post(app, tx, &[adjusted]).await?;
    let written = store::wallet::post(tx, vec![posting]).await?;
    let written = written.into_iter().next();
    written.ok_or(Error::NotFound { resource: "entry" })
}

/// Writes entries of wallets in the caller's transaction, in order: customer and entry. The books are told of what
/// made them by the caller. Wallets that were read
/// by [`store::wallet::balances`] before are still locked.
///
/// # Errors
/// `WALLET_BALANCE_TOO_LOW` where an entry takes more than there is; then nothing may be kept.
pub async fn post(app: &App, tx: &mut Tx, entries: &[(Uuid, Entry)]) -> Result<Vec<Written>> {
    let keys: Vec<(Uuid, Currency)> = entries
        .iter()
        .map(|(customer, entry)| (*customer, entry.amount.currency()))
        .collect();
    let mut wallets = store::wallet::balances(tx, &keys).await?;
    let mut postings = Vec::with_capacity(entries.len());
    for ((customer_id, entry), key) in entries.iter().zip(keys) {
        let wallet = wallets.entry(key).or_insert(wallet::Wallet::empty(key.1));
        *wallet = wallet.post(*entry).map_err(refused)?;
        postings.push(Posting {
            id: app.ids.next(),
            customer_id: *customer_id,
            entry: *entry,
            description: None,
        });
    }
    Ok(store::wallet::post(tx, postings).await?)
}

/// What a customer has, in each currency that it ever had something in.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_customer(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<Held>> {
    exists(tx, customer_id).await?;
    Ok(store::wallet::of_customer(tx, customer_id).await?)
}

/// One page of a customer's entries.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn entries(
    tx: &mut Tx,
    customer_id: Uuid,
    query: &list::Query,
) -> Result<list::Page<Written>> {
    exists(tx, customer_id).await?;
    Ok(store::wallet::entries(tx, customer_id, query).await?)
}

/// Not locked: the wallet has a lock of its own.
async fn exists(tx: &mut Tx, customer_id: Uuid) -> Result<()> {
    match store::customer::of_ids(tx, &[customer_id])
        .await?
        .is_empty()
    {
        false => Ok(()),
        true => Err(Error::NotFound {
            resource: "customer",
        }),
    }
}

pub(crate) fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::BalanceTooLow { .. } => Error::refused("WALLET_BALANCE_TOO_LOW", refusal),
        Refusal::NotPositive => Error::field("amount", "value_error.number.not_gt", refusal),
        Refusal::Money(_) => Error::field("amount", "value_error.number", refusal),
    }
}
