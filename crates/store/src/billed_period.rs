//! Billed periods: which period of which line is on which part of which invoice. Owns their rows and which bill an
//! adjustment corrects; whether a row is on a draft is its invoice's status to say.
//!
//! Each revision of a period is a row, so that the one before it is in force again when a draft is discarded.
//! Invariant: line, period and revision are unique, whoever bills at the same time.

use std::collections::{BTreeSet, HashMap};

use florin_core::{billing::BilledPeriod, calendar::Period, id::LineId};
use jiff::civil::Date;
use sea_query::{Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx, billing_recheck, contract,
    record::{self, Values},
    row::corrupt,
    test_clock,
};

const TABLE: &str = "billed_period";
const ADJUSTMENT: &str = "bill_adjustment";
const COLUMNS: [&str; 16] = [
    "organisation_id",
    "line_id",
    "period_start",
    "period_end",
    "revision",
    "contract_id",
    "contract_version",
    "phase_id",
    "service_start",
    "service_end",
    "bill_for_date",
    "bill_id",
    "part_id",
    "invoice_id",
    "usage_digest",
    "is_withdrawn",
];
/// Ids of one query: a database bounds the values of a statement.
const IDS_PER_QUERY: usize = 5_000;

/// A billed period with what billing needs to look at it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The period.
    pub period: BilledPeriod,
    /// The contract.
    pub contract_id: Uuid,
    /// The version of the contract under whose terms it was rated.
    pub contract_version: u32,
    /// The invoice of [`BilledPeriod::part`].
    pub invoice_id: Uuid,
    /// Digest of the usage that was counted; none for a typed quantity.
    pub usage_digest: Option<i64>,
}

/// Which of a part's adjustments correct one bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdjustmentsOf {
    /// The part that they are on.
    pub part: Uuid,
    /// The bill that they correct.
    pub bill: Uuid,
    /// Position of the first among the part's adjustments, from 0.
    pub position: usize,
    /// How many.
    pub count: usize,
}

fn values(tx: &Tx, billed: &Billed) -> Values {
    let Billed {
        period,
        contract_id,
        contract_version,
        invoice_id,
        usage_digest,
    } = *billed;
    let BilledPeriod {
        line,
        full,
        service,
        revision,
        phase_id,
        bill,
        part,
        bill_for_date,
        is_draft: _,
        is_withdrawn,
    } = period;
    vec![
        ("organisation_id", tx.organisation().0.into()),
        ("line_id", line.0.into()),
        ("period_start", full.start().into()),
        ("period_end", full.end().into()),
        ("revision", i64::from(revision).into()),
        ("contract_id", contract_id.into()),
        ("contract_version", i64::from(contract_version).into()),
        ("phase_id", phase_id.into()),
        ("service_start", service.start().into()),
        ("service_end", service.end().into()),
        ("bill_for_date", bill_for_date.into()),
        ("bill_id", bill.into()),
        ("part_id", part.into()),
        ("invoice_id", invoice_id.into()),
        ("usage_digest", usage_digest.into()),
        ("is_withdrawn", is_withdrawn.into()),
    ]
}

fn decode(row: &Row) -> Result<Billed> {
    let status: Option<String> = row.optional("status")?;
    Ok(Billed {
        period: BilledPeriod {
            line: LineId(row.get("line_id")?),
            full: period(row, "period_start", "period_end")?,
            service: period(row, "service_start", "service_end")?,
            revision: number(row, "revision")?,
            phase_id: row.get("phase_id")?,
            bill: row.get("bill_id")?,
            part: row.get("part_id")?,
            bill_for_date: row.get("bill_for_date")?,
            is_draft: status.as_deref() == Some("draft"),
            is_withdrawn: row.get("is_withdrawn")?,
        },
        contract_id: row.get("contract_id")?,
        contract_version: number(row, "contract_version")?,
        invoice_id: row.get("invoice_id")?,
        usage_digest: row.optional("usage_digest")?,
    })
}

fn period(row: &Row, start: &str, end: &str) -> Result<Period> {
    Period::new(row.get(start)?, row.get(end)?).map_err(|error| corrupt(end, error))
}

fn number(row: &Row, column: &str) -> Result<u32> {
    let number: i64 = row.get(column)?;
    u32::try_from(number).map_err(|error| corrupt(column, error))
}

/// Adds periods, set at a time. The invoices that they are on leave the audit rows.
///
/// # Errors
/// [`crate::Error::Conflict`] with `billed_period_line_id_period_start_period_end_revision_key` where one is billed
/// already.
pub async fn insert(tx: &mut Tx, billed: &[Billed]) -> Result<()> {
    let rows = billed.iter().map(|billed| values(tx, billed)).collect();
    record::insert_all_plain(tx, TABLE, rows).await
}

/// Notes which bills the adjustments on parts correct.
///
/// # Errors
/// What the statements answer.
pub async fn insert_adjustments(tx: &mut Tx, adjusted: &[AdjustmentsOf]) -> Result<()> {
    let organisation = tx.organisation().0;
    let row = |of: &AdjustmentsOf| -> Result<Values> {
        let number = |count: usize| i64::try_from(count).map_err(|e| corrupt("position", e));
        Ok(vec![
            ("organisation_id", organisation.into()),
            ("part_id", of.part.into()),
            ("bill_id", of.bill.into()),
            ("position", number(of.position)?.into()),
            ("adjustment_count", number(of.count)?.into()),
        ])
    };
    let rows = adjusted.iter().map(row).collect::<Result<_>>()?;
    record::insert_all_plain(tx, ADJUSTMENT, rows).await
}

/// What was billed under contracts, each period with its last revision, in the order of the contracts and days;
/// with `since` only what was billed for that day or a later one.
///
/// # Errors
/// What the statements answer.
pub async fn of_contracts(
    tx: &mut Tx,
    contracts: &[Uuid],
    since: Option<Date>,
) -> Result<Vec<Billed>> {
    let all = revisions_of_contracts(tx, contracts, since).await?;
    Ok(last_revisions(all))
}

/// As [`of_contracts`], with every revision of each period, in their order.
///
/// # Errors
/// What the statements answer.
pub async fn revisions_of_contracts(
    tx: &mut Tx,
    contracts: &[Uuid],
    since: Option<Date>,
) -> Result<Vec<Billed>> {
    let mut all = Vec::new();
    for ids in contracts.chunks(IDS_PER_QUERY) {
        let mut select = with_status(tx);
        select.and_where(Expr::col((TABLE, "contract_id")).is_in(ids.iter().copied()));
        select.and_where_option(since.map(|day| Expr::col((TABLE, "bill_for_date")).gte(day)));
        in_order(&mut select);
        for row in &tx.fetch_all(&select).await? {
            all.push(decode(row)?);
        }
    }
    Ok(all)
}

/// Every revision that is on one of these parts.
///
/// # Errors
/// What the statements answer.
pub async fn of_parts(tx: &mut Tx, parts: &[Uuid]) -> Result<Vec<Billed>> {
    let mut all = Vec::new();
    for ids in parts.chunks(IDS_PER_QUERY) {
        let mut select = with_status(tx);
        select.and_where(Expr::col((TABLE, "part_id")).is_in(ids.iter().copied()));
        in_order(&mut select);
        for row in &tx.fetch_all(&select).await? {
            all.push(decode(row)?);
        }
    }
    Ok(all)
}

/// Contracts above an id, in their order, that have counted usage on an approved bill for a day since `since`.
///
/// # Errors
/// What the statement answers.
pub async fn metered_since(
    tx: &mut Tx,
    since: Date,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE);
    select.column("contract_id").distinct();
    select.and_where(Expr::col("usage_digest").is_not_null());
    select.and_where(Expr::col("bill_for_date").gte(since));
    let mut meant = tx.select("contract");
    meant
        .column("id")
        .and_where(test_clock::is_meant(tx, ("contract", "customer_id")));
    select.and_where(Expr::col("contract_id").in_subquery(meant));
    select.and_where_option(after.map(|id| Expr::col("contract_id").gt(id)));
    select.order_by("contract_id", Order::Asc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("contract_id")).collect()
}

fn with_status(tx: &Tx) -> SelectStatement {
    let mut select = tx.select(TABLE);
    select.columns(COLUMNS.map(|column| (TABLE, column)));
    select.column(("invoice", "status"));
    let same_organisation =
        Expr::col(("invoice", "organisation_id")).equals((TABLE, "organisation_id"));
    let same_invoice = Expr::col(("invoice", "id")).equals((TABLE, "invoice_id"));
    select.join(
        JoinType::LeftJoin,
        "invoice",
        same_organisation.and(same_invoice),
    );
    select
}

fn in_order(select: &mut SelectStatement) {
    for column in ["contract_id", "bill_for_date", "line_id", "revision"] {
        select.order_by((TABLE, column), Order::Asc);
    }
}

/// Of each period the last revision.
pub fn last_revisions(all: impl IntoIterator<Item = Billed>) -> Vec<Billed> {
    let mut kept: Vec<Billed> = Vec::new();
    let mut places: HashMap<(LineId, Period), usize> = HashMap::new();
    for billed in all {
        let key = (billed.period.line, billed.period.full);
        match places.get(&key) {
            Some(place) if kept[*place].period.revision < billed.period.revision => {
                kept[*place] = billed;
            }
            Some(_) => {}
            None => {
                places.insert(key, kept.len());
                kept.push(billed);
            }
        }
    }
    kept
}

/// Which adjustments, on whatever part, correct these bills.
///
/// # Errors
/// What the statements answer.
pub async fn adjustments_of(tx: &mut Tx, bills: &[Uuid]) -> Result<Vec<AdjustmentsOf>> {
    let mut all = Vec::new();
    for ids in bills.chunks(IDS_PER_QUERY) {
        let mut select = tx.select(ADJUSTMENT);
        select.columns(["part_id", "bill_id", "position", "adjustment_count"]);
        select.and_where(Expr::col("bill_id").is_in(ids.iter().copied()));
        // Ids of parts grow with time.
        select
            .order_by("part_id", Order::Asc)
            .order_by("position", Order::Asc);
        for row in &tx.fetch_all(&select).await? {
            all.push(AdjustmentsOf {
                part: row.get("part_id")?,
                bill: row.get("bill_id")?,
                position: place(row, "position")?,
                count: place(row, "adjustment_count")?,
            });
        }
    }
    Ok(all)
}

fn place(row: &Row, column: &str) -> Result<usize> {
    number(row, column).map(|number| number as usize)
}

/// As [`delete_of_parts`], for one.
///
/// # Errors
/// What the statements answer.
pub async fn delete_of_part(tx: &mut Tx, part: Uuid) -> Result<()> {
    delete_of_parts(tx, &[part]).await
}

/// Frees what is on parts because their draft is discarded: earlier revisions are in force again, and the next
/// billing run looks at all of the contracts, so that it bills what is due of it and adjusts what it adjusted.
///
/// # Errors
/// What the statements answer.
pub async fn delete_of_parts(tx: &mut Tx, parts: &[Uuid]) -> Result<()> {
    let freed = of_parts(tx, parts).await?;
    clear_parts(tx, parts).await?;
    let contracts: BTreeSet<Uuid> = freed.iter().map(|billed| billed.contract_id).collect();
    let contracts: Vec<Uuid> = contracts.into_iter().collect();
    let found = contract::of_ids(tx, &contracts).await?;
    let billed = found
        .iter()
        .filter(|contract| contract.status().is_billed());
    let days: Vec<(Uuid, Option<Date>)> = billed
        .map(|contract| (contract.id(), Some(contract.header().start.day())))
        .collect();
    contract::set_next_bill_days(tx, &days).await?;
    // A run that read a contract before this moves its day on again: then its next look is at all of it.
    billing_recheck::note(tx, &contracts).await
}

/// Takes away what is on parts that are made anew in the same transaction.
///
/// # Errors
/// What the statements answer.
pub async fn clear_parts(tx: &mut Tx, parts: &[Uuid]) -> Result<()> {
    for ids in parts.chunks(IDS_PER_QUERY) {
        let mut batch = tx.batch();
        for table in [TABLE, ADJUSTMENT] {
            let mut delete = Query::delete();
            delete.from_table(table);
            delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
            delete.and_where(Expr::col("part_id").is_in(ids.iter().copied()));
            batch.add(&delete);
        }
        tx.run(batch).await?;
    }
    Ok(())
}
