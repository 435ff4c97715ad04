//! Usage that draws entitlements: how far it is drawn, and what of each day. Owns the rows; which grants a day draws from is
//! decided elsewhere. The row of a meter is the lock of its entitlement's counting.

use std::collections::HashMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    record::{self, Values},
};

const METER: &str = "entitlement_meter";
const USAGE: &str = "entitlement_usage";
const BILLED: &str = "entitlement_billed";

/// Ids of one statement at most.
const IDS_MAX: usize = 2_000;

/// How far the usage of an entitlement is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// The entitlement.
    pub entitlement_id: Uuid,
    /// The metric that it was counted by.
    pub aggregate_id: Uuid,
    /// Events up to this sequence are counted.
    pub counted_sequence: u64,
    /// Whether later events certainly are not.
    pub is_exact: bool,
}

/// What a customer used on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayUse {
    /// What was used.
    pub quantity: Decimal,
    /// What of it was drawn from grants.
    pub drawn: Decimal,
}

/// The days that a part of an invoice has settled for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BilledDays {
    /// The part.
    pub part_id: Uuid,
    /// Of which entitlement.
    pub entitlement_id: Uuid,
    /// Whose.
    pub customer_id: Uuid,
    /// First day.
    pub start: Date,
    /// First day after them.
    pub end: Date,
}

/// What reads a meter; for a caller that reads more at once.
pub fn meter_of(tx: &Tx, entitlement_id: Uuid) -> SelectStatement {
    let mut select = tx.select(METER);
    select.column(sea_query::Asterisk);
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select
}

/// What [`meter_of`] answered.
///
/// # Errors
/// [`crate::Error::Corrupt`].
pub fn read_meter(row: &Row) -> Result<Meter> {
    Ok(Meter {
        entitlement_id: row.get("entitlement_id")?,
        aggregate_id: row.get("aggregate_id")?,
        counted_sequence: row.get::<i64>("counted_sequence")?.unsigned_abs(),
        is_exact: row.get("is_exact")?,
    })
}

/// The meter of an entitlement; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn meter(tx: &mut Tx, entitlement_id: Uuid) -> Result<Option<Meter>> {
    let select = record::locked(tx, meter_of(tx, entitlement_id));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| read_meter(&row)).transpose()
}

/// Keeps how far an entitlement is counted.
///
/// # Errors
/// What the statement answers.
pub async fn save_meter(tx: &mut Tx, meter: Meter) -> Result<()> {
    let sequence = i64::try_from(meter.counted_sequence).unwrap_or(i64::MAX);
    let columns = ["aggregate_id", "counted_sequence", "is_exact", "updated_at"];
    let mut insert = Query::insert();
    insert.into_table(METER);
    insert.columns(
        ["organisation_id", "entitlement_id"]
            .into_iter()
            .chain(columns),
    );
    insert.values_panic([
        tx.organisation().0.into(),
        meter.entitlement_id.into(),
        meter.aggregate_id.into(),
        sequence.into(),
        meter.is_exact.into(),
        tx.at()?.into(),
    ]);
    let mut conflict = OnConflict::columns(["organisation_id", "entitlement_id"]);
    insert.on_conflict(conflict.update_columns(columns).to_owned());
    tx.execute(&insert).await?;
    Ok(())
}

/// What these customers used on days of a window, by customer and day.
///
/// # Errors
/// What the statements answer.
pub async fn days(
    tx: &mut Tx,
    entitlement_id: Uuid,
    customers: &[Uuid],
    (start, end): (Date, Date),
) -> Result<HashMap<(Uuid, Date), DayUse>> {
    let mut found = HashMap::new();
    for customers in customers.chunks(IDS_MAX) {
        let mut select = tx.select(USAGE);
        select.column(sea_query::Asterisk);
        select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
        select.and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
        select.and_where(Expr::col("day").gte(start));
        select.and_where(Expr::col("day").lt(end));
        for row in &tx.fetch_all(&select).await? {
            let used = DayUse {
                quantity: row.get("quantity")?,
                drawn: row.get("quantity_drawn")?,
            };
            found.insert((row.get("customer_id")?, row.get("day")?), used);
        }
    }
    Ok(found)
}

/// Days since `since` on which an entitlement was used, in order.
///
/// # Errors
/// What the statement answers.
pub async fn used_days(tx: &mut Tx, entitlement_id: Uuid, since: Date) -> Result<Vec<Date>> {
    let mut select = tx.select(USAGE);
    select.column("day").distinct();
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select.and_where(Expr::col("day").gte(since));
    select.order_by("day", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("day")).collect()
}

/// Keeps what customers used on days, many with each statement.
///
/// # Errors
/// What the statements answer.
pub async fn save_days(
    tx: &mut Tx,
    entitlement_id: Uuid,
    days: &[((Uuid, Date), DayUse)],
) -> Result<()> {
    for days in days.chunks(IDS_MAX) {
        let mut insert = Query::insert();
        insert.into_table(USAGE).columns([
            "organisation_id",
            "entitlement_id",
            "customer_id",
            "day",
            "quantity",
            "quantity_drawn",
        ]);
        for ((customer_id, day), used) in days {
            insert.values_panic([
                tx.organisation().0.into(),
                entitlement_id.into(),
                (*customer_id).into(),
                (*day).into(),
                used.quantity.into(),
                used.drawn.into(),
            ]);
        }
        let key = ["organisation_id", "entitlement_id", "customer_id", "day"];
        let mut conflict = OnConflict::columns(key);
        insert.on_conflict(
            conflict
                .update_columns(["quantity", "quantity_drawn"])
                .to_owned(),
        );
        tx.execute(&insert).await?;
    }
    Ok(())
}

/// Customers who were granted some of an entitlement, in the order of their ids.
///
/// # Errors
/// What the statement answers.
pub async fn granted_customers(tx: &mut Tx, entitlement_id: Uuid) -> Result<Vec<Uuid>> {
    let mut select = tx.select("entitlement_grant");
    select.column("customer_id").distinct();
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("customer_id", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("customer_id")).collect()
}

/// Keeps the days that parts of invoices have settled.
///
/// # Errors
/// What the statements answer.
pub async fn insert_billed(tx: &mut Tx, billed: &[BilledDays]) -> Result<()> {
    let organisation = tx.organisation().0;
    let rows = billed.iter().map(|one| -> Values {
        vec![
            ("organisation_id", organisation.into()),
            ("part_id", one.part_id.into()),
            ("entitlement_id", one.entitlement_id.into()),
            ("customer_id", one.customer_id.into()),
            ("start_day", one.start.into()),
            ("end_day", one.end.into()),
        ]
    });
    record::insert_all_plain(tx, BILLED, rows.collect()).await
}

/// Forgets what parts have settled: they are made anew.
///
/// # Errors
/// What the statements answer.
pub async fn delete_billed(tx: &mut Tx, parts: &[Uuid]) -> Result<()> {
    for parts in parts.chunks(IDS_MAX) {
        let mut delete = Query::delete();
        delete.from_table(BILLED);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("part_id").is_in(parts.iter().copied()));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// The days that are settled for customers, ending after `since`.
///
/// # Errors
/// What the statements answer.
pub async fn billed(
    tx: &mut Tx,
    entitlement_id: Uuid,
    customers: &[Uuid],
    since: Date,
) -> Result<Vec<BilledDays>> {
    let mut found = Vec::new();
    for customers in customers.chunks(IDS_MAX) {
        let mut select = tx.select(BILLED);
        select.column(sea_query::Asterisk);
        select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
        select.and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
        select.and_where(Expr::col("end_day").gt(since));
        for row in &tx.fetch_all(&select).await? {
            found.push(BilledDays {
                part_id: row.get("part_id")?,
                entitlement_id: row.get("entitlement_id")?,
                customer_id: row.get("customer_id")?,
                start: row.get("start_day")?,
                end: row.get("end_day")?,
            });
        }
    }
    Ok(found)
}
