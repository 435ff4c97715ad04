//! Test clocks: their rows, who lives by which, and which rows a query of a clock sees.

use std::collections::BTreeMap;

use florin_core::test_clock::{Advance, State, TestClock};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, SimpleExpr};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Page, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("test_clock");
const CUSTOMER: &str = "test_clock_customer";

/// Invoices of one statement: below the number of values that either database takes.
const INVOICES_MAX: usize = 5_000;

/// The list of test clocks.
pub static LIST: Spec = Spec {
    table: TABLE.name,
    columns: &[Column::id(), Column::created_at(), Column::updated_at()],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(clock: &TestClock) -> Values {
    let TestClock {
        id: _,
        name,
        now,
        state,
        created_at,
        updated_at,
    } = clock.clone();
    let advance = match state {
        State::Ready => None,
        State::Advancing(advance) => Some(advance),
    };
    vec![
        ("name", name.into()),
        ("time", now.into()),
        ("advances_to", advance.map(|advance| advance.to).into()),
        ("approves", advance.map(|advance| advance.approves).into()),
        ("job_id", advance.map(|advance| advance.job_id).into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<TestClock> {
    let to: Option<Timestamp> = row.optional("advances_to")?;
    let state = match to {
        None => State::Ready,
        Some(to) => State::Advancing(Advance {
            to,
            approves: row.get("approves")?,
            job_id: row.get("job_id")?,
        }),
    };
    Ok(TestClock {
        id: row.get("id")?,
        name: row.optional("name")?,
        now: row.get("time")?,
        state,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a clock.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, clock: &TestClock) -> Result<()> {
    record::insert(tx, &TABLE, clock.id, values(clock)).await
}

/// Changes a clock.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &TestClock, after: &TestClock) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks a clock as deleted; who lived by it stays where time stood.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, clock: &TestClock) -> Result<()> {
    record::soft_delete(tx, &TABLE, clock.id, values(clock)).await
}

/// The clock with this id, unless it is deleted; locked when the transaction writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<TestClock>> {
    let Some(row) = record::find(tx, TABLE.name, id).await? else {
        return Ok(None);
    };
    let deleted_at: Option<Timestamp> = row.optional("deleted_at")?;
    deleted_at.is_none().then(|| decode(&row)).transpose()
}

/// One page of clocks.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<TestClock>> {
    list::page(tx, &LIST, query, decode).await
}

/// Clocks on their way of which nothing was heard since an instant: whoever moved them is gone.
///
/// # Errors
/// What the statement answers.
pub async fn abandoned(tx: &mut Tx, silent_since: Timestamp) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select
        .column("id")
        .and_where(Expr::col("advances_to").is_not_null());
    select.and_where(Expr::col("updated_at").lte(silent_since));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Lets a customer live by a clock.
///
/// # Errors
/// [`crate::Error::Conflict`] with `test_clock_customer_customer_id_key` where it lives by one.
pub async fn attach(tx: &mut Tx, clock_id: Uuid, customer_id: Uuid) -> Result<()> {
    let row = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("customer_id", customer_id.into()),
        ("test_clock_id", clock_id.into()),
        ("created_at", tx.at()?.into()),
    ];
    record::insert_plain(tx, CUSTOMER, row).await
}

/// Who lives by these clocks, in the order in which they came.
///
/// # Errors
/// What the statement answers.
pub async fn customers(tx: &mut Tx, clocks: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Uuid>>> {
    let mut select = tx.select(CUSTOMER);
    select.columns(["test_clock_id", "customer_id"]);
    select.and_where(Expr::col("test_clock_id").is_in(clocks.iter().copied()));
    select.order_by("created_at", Order::Asc);
    select.order_by("customer_id", Order::Asc);
    let mut of_clocks: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in tx.fetch_all(&select).await? {
        let of_clock = of_clocks.entry(row.get("test_clock_id")?).or_default();
        of_clock.push(row.get("customer_id")?);
    }
    Ok(of_clocks)
}

/// The clock that a customer lives by, and its time; also one that is deleted, whose time stands.
///
/// # Errors
/// What the statement answers.
pub async fn of_customer(tx: &mut Tx, customer_id: Uuid) -> Result<Option<(Uuid, Timestamp)>> {
    let mut select = clocks(tx);
    select.and_where(Expr::col((CUSTOMER, "customer_id")).eq(customer_id));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| Ok((row.get("id")?, row.get("time")?)))
        .transpose()
}

/// The same for the customer of a contract.
///
/// # Errors
/// What the statement answers.
pub async fn of_contract(tx: &mut Tx, contract_id: Uuid) -> Result<Option<(Uuid, Timestamp)>> {
    let mut select = clocks(tx);
    select.inner_join("contract", same(("contract", "customer_id"), "customer_id"));
    select.and_where(Expr::col(("contract", "id")).eq(contract_id));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| Ok((row.get("id")?, row.get("time")?)))
        .transpose()
}

/// Of these invoices those whose payers live by clocks, by clock, with its time.
///
/// # Errors
/// What the statements answer.
pub async fn of_invoices(
    tx: &mut Tx,
    invoices: &[Uuid],
) -> Result<BTreeMap<Uuid, (Timestamp, Vec<Uuid>)>> {
    let mut of_clocks: BTreeMap<Uuid, (Timestamp, Vec<Uuid>)> = BTreeMap::new();
    for invoices in invoices.chunks(INVOICES_MAX) {
        let mut select = clocks(tx);
        select.expr_as(Expr::col(("invoice", "id")), "invoice_id");
        select.inner_join("invoice", same(("invoice", "customer_id"), "customer_id"));
        select.and_where(Expr::col(("invoice", "id")).is_in(invoices.iter().copied()));
        for row in tx.fetch_all(&select).await? {
            let nothing = (row.get("time")?, Vec::new());
            let of_clock = of_clocks.entry(row.get("id")?).or_insert(nothing);
            of_clock.1.push(row.get("invoice_id")?);
        }
    }
    Ok(of_clocks)
}

/// Customers of clocks, with the clock's `id` and `time`.
fn clocks(tx: &Tx) -> SelectStatement {
    let mut select = tx.select(CUSTOMER);
    select
        .column((TABLE.name, "id"))
        .column((TABLE.name, "time"));
    select.inner_join(TABLE.name, same((TABLE.name, "id"), "test_clock_id"));
    select
}

/// A row of another table, in the same organisation, that a column of [`CUSTOMER`] means.
fn same(other: (&'static str, &'static str), column: &'static str) -> SimpleExpr {
    let organisation = Expr::col((other.0, "organisation_id"));
    let organisation = organisation.equals((CUSTOMER, "organisation_id"));
    organisation.and(Expr::col(other).equals((CUSTOMER, column)))
}

/// Which rows the transaction means, by the column of their customer: of the clock that it moves, or of
/// everybody who lives by none.
pub(crate) fn is_meant(tx: &Tx, customer: (&'static str, &'static str)) -> SimpleExpr {
    let mut lives = Query::select();
    lives.expr(Expr::val(1)).from(CUSTOMER);
    lives.and_where(Expr::col((CUSTOMER, "organisation_id")).eq(tx.organisation().0));
    lives.and_where(Expr::col((CUSTOMER, "customer_id")).equals(customer));
    match tx.clock() {
        Some(clock) => {
            lives.and_where(Expr::col((CUSTOMER, "test_clock_id")).eq(clock));
            Expr::exists(lives)
        }
        None => Expr::not_exists(lives),
    }
}

/// The earliest instant after `now` at which something is due for the customers of the transaction's clock: a
/// bill, a change of a status, a renewal; `until` where there is none before. `zone` is the organisation's.
///
/// # Errors
/// What the statements answer.
pub async fn next_due(
    tx: &mut Tx,
    (now, until): (Timestamp, Timestamp),
    zone: &TimeZone,
) -> Result<Timestamp> {
    let mut next = until;
    for column in ["status_due_at", "renewal_due_at"] {
        let mut select = contracts(tx);
        select.expr_as(Expr::col(column).min(), "due");
        select.and_where(Expr::col(column).gt(now));
        if let Some(row) = tx.fetch_optional(&select).await? {
            let due: Option<Timestamp> = row.optional("due")?;
            next = due.map_or(next, |due| Ord::min(due, next));
        }
    }
    let mut zones = contracts(tx);
    zones.column("time_zone").distinct();
    zones.and_where(Expr::col("next_bill_day").is_not_null());
    for row in tx.fetch_all(&zones).await? {
        let name: String = row.get("time_zone")?;
        let own = TimeZone::get(&name).map_err(|error| corrupt("time_zone", error))?;
        next = next_bill(tx, now, [zone, &own], &name)
            .await?
            .map_or(next, |due| Ord::min(due, next));
    }
    Ok(next)
}

/// A bill is due when its day has come in the contract's zone and in the organisation's.
async fn next_bill(
    tx: &mut Tx,
    now: Timestamp,
    zones: [&TimeZone; 2],
    name: &str,
) -> Result<Option<Timestamp>> {
    let [one, other] = zones.map(|zone| zone.to_datetime(now).date());
    let mut select = contracts(tx);
    select.expr_as(Expr::col("next_bill_day").min(), "due");
    select.and_where(Expr::col("time_zone").eq(name));
    select.and_where(Expr::col("next_bill_day").gt(Ord::min(one, other)));
    let Some(row) = tx.fetch_optional(&select).await? else {
        return Ok(None);
    };
    let Some(day) = row.optional::<Date>("due")? else {
        return Ok(None);
    };
    let mut starts = Vec::with_capacity(zones.len());
    for zone in zones {
        let start = zone.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible();
        starts.push(
            start
                .map_err(|error| corrupt("next_bill_day", error))?
                .timestamp(),
        );
    }
    Ok(starts.into_iter().max())
}

/// The contracts of the transaction's clock.
fn contracts(tx: &Tx) -> SelectStatement {
    let mut select = tx.select("contract");
    select.and_where(Expr::col("deleted_at").is_null());
    select.and_where(is_meant(tx, ("contract", "customer_id")));
    select
}

/// Ids of the open drafts of the clock's customers above one, in order; so many at most.
///
/// # Errors
/// What the statement answers.
pub async fn drafts(tx: &mut Tx, above: Uuid, limit: u64) -> Result<Vec<Uuid>> {
    let mut select = tx.select("invoice");
    select.column("id").and_where(Expr::col("id").gt(above));
    select.and_where(Expr::col("status").eq("draft"));
    select.and_where(is_meant(tx, ("invoice", "customer_id")));
    select.order_by("id", Order::Asc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}
