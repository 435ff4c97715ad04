//! Sealing: a hash chain over the entries of each organisation, made in batches behind them, because a
//! chain inside each transaction would be a lock that all of them wait for.
//!
//! Safe to run twice and on several nodes: the second finds nothing, or its number taken.

use florin_core::{id::OrganisationId, ledger};
use florin_store::{Actor, Tx, journal, journal::Seal};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, Error, Result};

/// Entries that one seal covers at most, so that a transaction stays short.
pub const SEAL_ENTRIES_MAX: u64 = 5_000;

/// What stands before the first seal.
pub const FIRST_HASH: [u8; 32] = [0; 32];

/// Seals everything of every organisation that has no seal yet.
///
/// # Errors
/// [`Error::Store`] where the database does not answer.
pub async fn seal_all(app: &App) -> Result<()> {
    for organisation in florin_store::organisation::all(&app.db).await? {
        seal(app, organisation.id).await?;
    }
    Ok(())
}

/// Seals everything of an organisation that has no seal yet; answers how many entries.
///
/// # Errors
/// [`Error::Store`] where the database does not answer, or an entry is not readable.
pub async fn seal(app: &App, organisation: OrganisationId) -> Result<u64> {
    let mut sealed = 0;
    loop {
        let count = match seal_some(app, organisation).await {
            // Another node was first: it has sealed them.
            Err(Error::Store(florin_store::Error::Conflict { .. })) => 0,
            other => other?,
        };
        sealed += count;
        if count < SEAL_ENTRIES_MAX {
            return Ok(sealed);
        }
    }
}

async fn seal_some(app: &App, organisation: OrganisationId) -> Result<u64> {
    // A look without a lock first: most of the time there is nothing to do.
    let mut look = app.db.read(organisation).await?;
    if journal::unsealed(&mut look, 1).await?.is_empty() {
        return Ok(0);
    }
    drop(look);
    let mut tx = app.begin(organisation, Actor::System, "").await?;
    let ids = journal::unsealed(&mut tx, SEAL_ENTRIES_MAX).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let last = journal::seals(&mut tx, i64::MAX, 1)
        .await?
        .into_iter()
        .next();
    let (number, previous_hash) = match last {
        Some(last) => (last.number + 1, last.hash),
        None => (1, FIRST_HASH.to_vec()),
    };
    let hash = hash(&mut tx, number, &previous_hash, &ids).await?;
    let seal = Seal {
        number,
        entry_count: i64::try_from(ids.len()).unwrap_or(i64::MAX),
        previous_hash,
        hash,
        sealed_at: tx.at()?,
    };
    journal::insert_seal(&mut tx, &seal, &ids).await?;
    tx.commit().await?;
    Ok(ids.len() as u64)
}

/// The hash of a seal: over the seal before, its number and its entries in the order of their ids.
///
/// # Errors
/// [`Error::Store`] where an entry is not readable, or gone.
pub async fn hash(tx: &mut Tx, number: i64, previous: &[u8], ids: &[Uuid]) -> Result<Vec<u8>> {
    let mut entries = journal::of_ids(tx, ids).await?;
    entries.sort_by_key(|entry| entry.header().id);
    let mut digest = Sha256::new();
    digest.update(tx.organisation().0.as_bytes());
    digest.update(number.to_be_bytes());
    digest.update(previous);
    for entry in &entries {
        let bytes = ledger::sealed_bytes(entry);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
    Ok(digest.finalize().to_vec())
}
