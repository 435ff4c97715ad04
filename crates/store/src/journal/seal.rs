//! Seals: the hash chain over the entries of an organisation. Owns which entries a seal covers; does not
//! own the hash.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, Func, LockType, Order, Query};
use uuid::Uuid;

use super::IDS_MAX;
use crate::{Backend, Result, Row, Tx, record};

/// A seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Its number, from 1 without a gap.
    pub number: i64,
    /// How many entries it covers.
    pub entry_count: i64,
    /// The hash of the seal before.
    pub previous_hash: Vec<u8>,
    /// Its own.
    pub hash: Vec<u8>,
    /// When it was made.
    pub sealed_at: Timestamp,
}

/// Ids of entries without a seal, in order; locked when the transaction writes.
///
/// # Errors
/// What the statement answers.
pub async fn unsealed(tx: &mut Tx, limit: u64) -> Result<Vec<Uuid>> {
    let mut select = tx.select("journal_entry");
    select
        .column("id")
        .and_where(Expr::col("seal_number").is_null());
    select.order_by("id", Order::Asc).limit(limit);
    if tx.backend() == Backend::Postgres && tx.author().is_ok() {
        select.lock(LockType::NoKeyUpdate);
    }
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Seals entries.
///
/// # Errors
/// [`crate::Error::Conflict`] with `journal_seal_number_key` where another node was first.
pub async fn insert_seal(tx: &mut Tx, seal: &Seal, entries: &[Uuid]) -> Result<()> {
    let Seal {
        number,
        entry_count,
        previous_hash,
        hash,
        sealed_at,
    } = seal.clone();
    let row = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("number", number.into()),
        ("entry_count", entry_count.into()),
        ("previous_hash", previous_hash.into()),
        ("hash", hash.into()),
        ("sealed_at", sealed_at.into()),
    ];
    record::insert_plain(tx, "journal_seal", row).await?;
    for chunk in entries.chunks(IDS_MAX) {
        let mut update = Query::update();
        update.table("journal_entry").value("seal_number", number);
        update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        update.and_where(Expr::col("id").is_in(chunk.iter().copied()));
        tx.execute(&update).await?;
    }
    Ok(())
}

/// Seals, the newest first.
///
/// # Errors
/// What the statement answers.
pub async fn seals(tx: &mut Tx, below: i64, limit: u64) -> Result<Vec<Seal>> {
    let mut select = tx.select("journal_seal");
    select
        .column(Asterisk)
        .and_where(Expr::col("number").lt(below));
    select.order_by("number", Order::Desc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(decode).collect()
}

/// Ids of the entries that a seal covers, in order.
///
/// # Errors
/// What the statement answers.
pub async fn of_seal(tx: &mut Tx, number: i64) -> Result<Vec<Uuid>> {
    let mut select = tx.select("journal_entry");
    select
        .column("id")
        .and_where(Expr::col("seal_number").eq(number));
    select.order_by("id", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// How many entries name each seal, and how many name none.
pub type SealedCounts = BTreeMap<Option<i64>, u64>;

/// How many entries name each seal, and how many name none.
///
/// # Errors
/// What the statement answers.
pub async fn sealed_counts(tx: &mut Tx) -> Result<SealedCounts> {
    let mut select = tx.select("journal_entry");
    select.column("seal_number");
    select.expr_as(Func::count(Expr::col("id")), "entries");
    select.group_by_col("seal_number");
    let rows = tx.fetch_all(&select).await?;
    let count = |row: &Row| {
        let entries: i64 = row.get("entries")?;
        Ok((row.optional("seal_number")?, entries.unsigned_abs()))
    };
    rows.iter().map(count).collect()
}

fn decode(row: &Row) -> Result<Seal> {
    Ok(Seal {
        number: row.get("number")?,
        entry_count: row.get("entry_count")?,
        previous_hash: row.get("previous_hash")?,
        hash: row.get("hash")?,
        sealed_at: row.get("sealed_at")?,
    })
}
