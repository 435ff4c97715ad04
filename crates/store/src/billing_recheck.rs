//! What billing has to look at again: contracts whose approved bills may differ from what is due, and how far an
//! organisation was looked through for usage that came late.

use std::collections::HashSet;

use jiff::civil::Date;
use sea_query::{Asterisk, Expr, ExprTrait, OnConflict, Query};
use uuid::Uuid;

use crate::{Result, Tx};

const TABLE: &str = "billing_recheck";
const CHECK: &str = "late_usage_check";
/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// How far an organisation was looked through for usage that came late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateUsageCheck {
    /// The organisation's day of the last look.
    pub checked_on: Date,
    /// How many events had been accepted then.
    pub usage_sequence: u64,
}

/// Notes contracts; one that is noted stays so.
///
/// # Errors
/// What the statements answer.
pub async fn note(tx: &mut Tx, contracts: &[Uuid]) -> Result<()> {
    for ids in contracts.chunks(ROWS_PER_STATEMENT) {
        let mut insert = Query::insert();
        insert
            .into_table(TABLE)
            .columns(["organisation_id", "contract_id"]);
        for id in ids {
            insert.values_panic([tx.organisation().0.into(), (*id).into()]);
        }
        let mut conflict = OnConflict::columns(["organisation_id", "contract_id"]);
        insert.on_conflict(conflict.do_nothing().to_owned());
        tx.execute(&insert).await?;
    }
    Ok(())
}

/// Those of these contracts that are noted.
///
/// # Errors
/// What the statements answer.
pub async fn noted(tx: &mut Tx, contracts: &[Uuid]) -> Result<HashSet<Uuid>> {
    let mut noted = HashSet::new();
    for ids in contracts.chunks(ROWS_PER_STATEMENT) {
        let mut select = tx.select(TABLE);
        select.column("contract_id");
        select.and_where(Expr::col("contract_id").is_in(ids.iter().copied()));
        for row in &tx.fetch_all(&select).await? {
            noted.insert(row.get("contract_id")?);
        }
    }
    Ok(noted)
}

/// Takes the notes of contracts away: they were looked at.
///
/// # Errors
/// What the statements answer.
pub async fn clear(tx: &mut Tx, contracts: &[Uuid]) -> Result<()> {
    for ids in contracts.chunks(ROWS_PER_STATEMENT) {
        let mut delete = Query::delete();
        delete.from_table(TABLE);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("contract_id").is_in(ids.iter().copied()));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// How far the organisation was looked through; `None` before the first look.
///
/// # Errors
/// What the statement answers.
pub async fn late_usage_check(tx: &mut Tx) -> Result<Option<LateUsageCheck>> {
    let mut select = tx.select(CHECK);
    select.column(Asterisk);
    let row = tx.fetch_optional(&select).await?;
    let check = row.map(|row| {
        let sequence: i64 = row.get("usage_sequence")?;
        Ok(LateUsageCheck {
            checked_on: row.get("checked_on")?,
            usage_sequence: u64::try_from(sequence).unwrap_or_default(),
        })
    });
    check.transpose()
}

/// Notes that the organisation was looked through.
///
/// # Errors
/// What the statement answers.
pub async fn late_usage_checked(tx: &mut Tx, check: LateUsageCheck) -> Result<()> {
    let sequence = i64::try_from(check.usage_sequence).unwrap_or(i64::MAX);
    let mut insert = Query::insert();
    insert
        .into_table(CHECK)
        .columns(["organisation_id", "checked_on", "usage_sequence"]);
    insert.values_panic([
        tx.organisation().0.into(),
        check.checked_on.into(),
        sequence.into(),
    ]);
    let mut conflict = OnConflict::columns(["organisation_id"]);
    conflict.update_columns(["checked_on", "usage_sequence"]);
    insert.on_conflict(conflict);
    tx.execute(&insert).await?;
    Ok(())
}
