//! Answers remembered under an `Idempotency-Key`. Owns that two requests with one key have one effect.
//!
//! The key is claimed at the start of the transaction and its answer is stored in the same one, so a
//! key is never remembered without its effect, nor an effect without its key. A request that loses the
//! race for a key waits for the winner's commit and then reads its answer.

use jiff::{SignedDuration, Timestamp};
use sea_query::{Asterisk, Expr, ExprTrait, OnConflict, Query};

use crate::{Result, Tx};

/// How long an answer is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What an earlier request with the same key was and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Digest of the earlier request.
    pub fingerprint: Vec<u8>,
    /// Status of its answer.
    pub status: i64,
    /// Body of its answer.
    pub body: String,
}

/// Claims the key for this transaction, or answers what it was used for.
///
/// # Errors
/// What the statements answer.
pub async fn claim(tx: &mut Tx, key: &str, fingerprint: &[u8]) -> Result<Option<Remembered>> {
    let at = tx.at()?;
    forget(tx, key, at).await?;
    let mut insert = Query::insert();
    insert.into_table("idempotency_key");
    insert.columns([
        "organisation_id",
        "key",
        "fingerprint",
        "status",
        "body",
        "created_at",
    ]);
    insert.values_panic([
        tx.organisation().0.into(),
        key.into(),
        fingerprint.to_vec().into(),
        0_i64.into(),
        "".into(),
        at.into(),
    ]);
    insert.on_conflict(
        OnConflict::columns(["organisation_id", "key"])
            .do_nothing()
            .to_owned(),
    );
    if tx.execute(&insert).await? == 1 {
        return Ok(None);
    }
    let mut select = tx.select("idempotency_key");
    select.column(Asterisk).and_where(Expr::col("key").eq(key));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| {
        Ok(Remembered {
            fingerprint: row.get("fingerprint")?,
            status: row.get("status")?,
            body: row.get("body")?,
        })
    })
    .transpose()
}

/// Forgets every organisation's keys that are older than [`KEPT`]; answers how many.
///
/// # Errors
/// What the statement answers.
pub async fn forget_expired(tx: &mut Tx) -> Result<u64> {
    let mut delete = Query::delete();
    delete.from_table("idempotency_key");
    delete.and_where(Expr::col("created_at").lt(tx.at()? - KEPT));
    tx.execute(&delete).await
}

/// Stores the answer under the claimed key.
///
/// # Errors
/// What the statement answers.
pub async fn remember(tx: &mut Tx, key: &str, status: u16, body: &str) -> Result<()> {
    let mut update = Query::update();
    update.table("idempotency_key");
    update
        .value("status", i64::from(status))
        .value("body", body);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("key").eq(key));
    tx.execute(&update).await?;
    Ok(())
}

async fn forget(tx: &mut Tx, key: &str, at: Timestamp) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table("idempotency_key");
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    delete.and_where(Expr::col("key").eq(key));
    delete.and_where(Expr::col("created_at").lt(at - KEPT));
    tx.execute(&delete).await?;
    Ok(())
}
