//! What jobs look for among contracts, and what they write about many at once. Owns the columns that say
//! when a contract is to be looked at; they hold nothing that does not follow from it.

use std::collections::BTreeMap;

use florin_core::contract::Contract;
use jiff::{Timestamp, civil::Date};
use sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement, UpdateStatement, Value};
use uuid::Uuid;

use super::{IDS_MAX, TABLE, rows};
use crate::{
    Result, Row, Tx,
    record::{self, Revision},
    test_clock,
};

/// Contracts that a billing run for a day looks at, by day and id, from `after` on, with their day.
///
/// # Errors
/// What the statement answers.
pub async fn to_bill(
    tx: &mut Tx,
    on: Date,
    after: Option<(Date, Uuid)>,
    limit: u64,
) -> Result<Vec<(Uuid, Date)>> {
    let key = || Expr::tuple([Expr::col("next_bill_day"), Expr::col("id")]);
    let mut select = tx.select(TABLE.name);
    select.columns(["id", "next_bill_day"]).limit(limit);
    select.and_where(Expr::col("next_bill_day").is_not_null());
    select.and_where(Expr::col("next_bill_day").lte(on));
    select.and_where(test_clock::is_meant(tx, (TABLE.name, "customer_id")));
    if let Some((day, id)) = after {
        let mark = Expr::tuple([Expr::val(day), Expr::val(id)]);
        select.and_where(key().gt(mark));
    }
    select.order_by("next_bill_day", Order::Asc);
    select.order_by("id", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    let entry = |row: &Row| Ok((row.get("id")?, row.get("next_bill_day")?));
    rows.iter().map(entry).collect()
}

/// How many contracts a billing run for a day looks at.
///
/// # Errors
/// What the statement answers.
pub async fn count_to_bill(tx: &mut Tx, on: Date) -> Result<i64> {
    let mut select = tx.select(TABLE.name);
    select.expr_as(Func::count(Expr::col("id")), "contracts");
    select.and_where(Expr::col("next_bill_day").is_not_null());
    select.and_where(Expr::col("next_bill_day").lte(on));
    select.and_where(test_clock::is_meant(tx, (TABLE.name, "customer_id")));
    let row = tx.fetch_optional(&select).await?;
    row.map_or(Ok(0), |row| row.get("contracts"))
}

/// What a row says about when its contract is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The contract.
    pub id: Uuid,
    /// Its version.
    pub version: u32,
    /// The day on which a billing run looks at it next.
    pub next_bill_day: Option<Date>,
}

/// The marks of contracts, in the order of their ids; the rows are locked to the end of a transaction that writes,
/// so that no two runs bill the same.
///
/// # Errors
/// What the statements answer.
pub async fn marks(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Mark>> {
    let mut marks = Vec::with_capacity(ids.len());
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    for ids in ids.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.columns(["id", "version", "next_bill_day"]);
        select.and_where(Expr::col("id").is_in(ids.iter().copied()));
        select.and_where(Expr::col("deleted_at").is_null());
        select.order_by("id", Order::Asc);
        let select = record::locked(tx, select);
        for row in &tx.fetch_all(&select).await? {
            let version: i64 = row.get("version")?;
            marks.push(Mark {
                id: row.get("id")?,
                version: version.try_into().unwrap_or(u32::MAX),
                next_bill_day: row.optional("next_bill_day")?,
            });
        }
    }
    Ok(marks)
}

/// Sets the day on which each contract is looked at next; none: not before it changes.
///
/// # Errors
/// What the statements answer.
pub async fn set_next_bill_days(tx: &mut Tx, days: &[(Uuid, Option<Date>)]) -> Result<()> {
    let mut contracts: BTreeMap<Option<Date>, Vec<Uuid>> = BTreeMap::new();
    for (id, day) in days {
        contracts.entry(*day).or_default().push(*id);
    }
    let mut batch = tx.batch();
    for (day, ids) in contracts {
        for ids in ids.chunks(IDS_MAX) {
            batch.add(&update_of(tx, ids, vec![("next_bill_day", day.into())]));
        }
    }
    tx.run(batch).await?;
    Ok(())
}

/// Contracts whose status the calendar has changed by an instant, the earliest first.
///
/// # Errors
/// What the statement answers.
pub async fn statuses_due(tx: &mut Tx, now: Timestamp, limit: u64) -> Result<Vec<Uuid>> {
    let select = due_by(tx, "status_due_at", now, limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Writes the statuses that contracts have as of an instant: no new versions. Pairs of before and after.
///
/// # Errors
/// What the statements answer.
pub async fn set_statuses(
    tx: &mut Tx,
    contracts: &[(Contract, Contract)],
    now: Timestamp,
) -> Result<()> {
    let mut due: BTreeMap<Option<Timestamp>, Vec<Uuid>> = BTreeMap::new();
    let mut revisions = Vec::new();
    for (before, after) in contracts {
        let next = after.next_status_day(after.day_of(now));
        let next = rows::day_start(after, next)?;
        due.entry(next).or_default().push(after.id());
        if before.status() != after.status() {
            let of = |contract: &Contract| vec![("status", contract.status().as_str().into())];
            revisions.push(Revision {
                id: after.id(),
                before: of(before),
                after: of(after),
            });
        }
    }
    let mut batch = tx.batch();
    for (next, ids) in due {
        for ids in ids.chunks(IDS_MAX) {
            batch.add(&update_of(tx, ids, vec![("status_due_at", next.into())]));
        }
    }
    tx.run(batch).await?;
    record::update_all(tx, &TABLE, "updated", revisions, &Expr::val(1).eq(1)).await?;
    Ok(())
}

/// Contracts of which it is to be decided by an instant whether they are renewed, the earliest first, from
/// `after` on, each with its instant.
///
/// # Errors
/// What the statement answers.
pub async fn renewals_due(
    tx: &mut Tx,
    now: Timestamp,
    after: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<(Uuid, Timestamp)>> {
    let mut select = due_by(tx, "renewal_due_at", now, limit);
    select.column("renewal_due_at");
    if let Some((at, id)) = after {
        let key = Expr::tuple([Expr::col("renewal_due_at"), Expr::col("id")]);
        let mark = Expr::tuple([Expr::val(at), Expr::val(id)]);
        select.and_where(key.gt(mark));
    }
    let rows = tx.fetch_all(&select).await?;
    let entry = |row: &Row| Ok((row.get("id")?, row.get("renewal_due_at")?));
    rows.iter().map(entry).collect()
}

/// Of these contracts, those that another one renews.
///
/// # Errors
/// What the statement answers.
pub async fn renewed(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("renewed_from");
    select.and_where(Expr::col("renewed_from").is_in(ids.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("renewed_from")).collect()
}

/// Notes that the renewal of these contracts is decided.
///
/// # Errors
/// What the statements answer.
pub async fn settle_renewals(tx: &mut Tx, ids: &[Uuid]) -> Result<()> {
    let mut batch = tx.batch();
    for ids in ids.chunks(IDS_MAX) {
        let none: Option<Timestamp> = None;
        batch.add(&update_of(tx, ids, vec![("renewal_due_at", none.into())]));
    }
    tx.run(batch).await?;
    Ok(())
}

fn due_by(tx: &Tx, column: &'static str, now: Timestamp, limit: u64) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select.column("id").limit(limit);
    select.and_where(Expr::col(column).is_not_null());
    select.and_where(Expr::col(column).lte(now));
    select.and_where(test_clock::is_meant(tx, (TABLE.name, "customer_id")));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by(column, Order::Asc);
    select.order_by("id", Order::Asc);
    record::locked(tx, select)
}

fn update_of(tx: &Tx, ids: &[Uuid], values: Vec<(&'static str, Value)>) -> UpdateStatement {
    let mut update = Query::update();
    update.table(TABLE.name);
    update.values(values.into_iter().map(|(name, value)| (name, value.into())));
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").is_in(ids.iter().copied()));
    update
}
