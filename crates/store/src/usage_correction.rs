//! Corrections of usage events. Owns their rows, and what the events of each were and became.
//!
//! The tables are beside the inbox, so that a correction and what is said of it commit together. A row here
//! is the trail of its change: it is written once, and there is no other.

use florin_core::usage::{
    Correction,
    correction::{Action, CORRECTED_MAX},
};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx, idempotency,
    list::{self, Column, Condition, Kind, Page, Spec},
    record::{self, Values},
};

const TABLE: &str = "usage_correction";
const CORRECTED: &str = "usage_corrected";
/// Events of one row of [`CORRECTED`].
const EVENTS_PER_ROW: usize = 500;

/// The list of corrections.
pub static LIST: Spec = Spec {
    table: TABLE,
    columns: &[
        Column::id(),
        Column::new(
            "action",
            Kind::Choice(&["delete", "amend"]),
            "what became of the events",
        ),
        Column::new("reason", Kind::Text, "reason"),
        Column::new("sequence", Kind::Integer, "place among the events").sortable(),
        Column::new("event_count", Kind::Integer, "number of events").sortable(),
        Column::new("created_by", Kind::Text, "who made it"),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// An event of a correction.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrectedEvent {
    /// What it was, as people see events.
    pub before: Json,
    /// What it became; null where it went.
    pub after: Json,
}

fn values(correction: &Correction, idempotency_key: Option<&str>) -> Values {
    let Correction {
        id,
        raw_metric_id,
        sequence,
        action,
        reason,
        request,
        event_count,
        created_by,
        request_id,
        created_at,
    } = correction.clone();
    vec![
        ("id", id.into()),
        ("raw_metric_id", raw_metric_id.into()),
        ("sequence", sequence.into()),
        ("action", action.word().into()),
        ("reason", reason.into()),
        ("request", record::json(Some(request))),
        ("event_count", event_count.into()),
        ("idempotency_key", idempotency_key.map(str::to_owned).into()),
        ("created_by", created_by.into()),
        ("request_id", request_id.into()),
        ("created_at", created_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Correction> {
    let action: String = row.get("action")?;
    let action = Action::of_word(&action).ok_or_else(|| corrupt("action"))?;
    Ok(Correction {
        id: row.get("id")?,
        raw_metric_id: row.get("raw_metric_id")?,
        sequence: whole(row, "sequence")?,
        action,
        reason: row.get("reason")?,
        request: row.get("request")?,
        event_count: whole(row, "event_count")?,
        created_by: row.get("created_by")?,
        request_id: row.get("request_id")?,
        created_at: row.get("created_at")?,
    })
}

/// A number that is not below zero.
pub(crate) fn whole(row: &Row, column: &str) -> Result<u64> {
    u64::try_from(row.get::<i64>(column)?).map_err(|_| corrupt(column))
}

fn corrupt(column: &str) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: "it is none that is written".to_owned(),
    }
}

/// Adds a correction and its events.
///
/// # Errors
/// What the statements answer.
pub async fn insert(
    tx: &mut Tx,
    correction: &Correction,
    idempotency_key: Option<&str>,
    events: Vec<CorrectedEvent>,
) -> Result<()> {
    let mut row: Values = vec![("organisation_id", tx.organisation().0.into())];
    row.extend(values(correction, idempotency_key));
    record::insert_plain(tx, TABLE, row).await?;
    for (index, chunk) in events.chunks(EVENTS_PER_ROW).enumerate() {
        let first = i64::try_from(index * EVENTS_PER_ROW).unwrap_or(i64::MAX);
        let pairs = chunk.iter().map(|event| json!([event.before, event.after]));
        let row: Values = vec![
            ("organisation_id", tx.organisation().0.into()),
            ("correction_id", correction.id.into()),
            ("first_number", first.into()),
            ("events", record::json(Some(pairs.collect()))),
        ];
        record::insert_plain(tx, CORRECTED, row).await?;
    }
    Ok(())
}

/// The correction with this id.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Correction>> {
    let row = record::find(tx, TABLE, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The newest correction that was made under an idempotency key that is still remembered.
///
/// # Errors
/// What the statement answers.
pub async fn find_by_key(tx: &mut Tx, key: &str) -> Result<Option<Correction>> {
    let mut select = tx.select(TABLE);
    select.column(Asterisk);
    select.and_where(Expr::col("idempotency_key").eq(key));
    select.and_where(Expr::col("created_at").gte(tx.at()? - idempotency::KEPT));
    select.order_by("created_at", Order::Desc).limit(1);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// One page of a raw metric's corrections.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, raw_metric: Uuid, query: &list::Query) -> Result<Page<Correction>> {
    list::page(tx, &LIST, &of_raw_metric(raw_metric, query), decode).await
}

/// The query for rows of one raw metric.
pub(crate) fn of_raw_metric(raw_metric: Uuid, query: &list::Query) -> list::Query {
    let mut query = query.clone();
    let scope = Expr::col("raw_metric_id").eq(raw_metric);
    query.conditions.push(Condition::Scope(scope));
    query
}

/// Whether a correction or a backfill has changed events that a raw metric had before, above a sequence.
///
/// # Errors
/// What the statements answer.
pub async fn is_rewritten(tx: &mut Tx, raw_metric: Uuid, above: i64) -> Result<bool> {
    for table in [TABLE, "usage_backfill"] {
        let mut select = tx.select(table);
        select.column("id");
        select.and_where(Expr::col("raw_metric_id").eq(raw_metric));
        select.and_where(Expr::col("sequence").gt(above)).limit(1);
        if tx.fetch_optional(&select).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Events of a correction, `offset` passed over, in the order of their sequences.
///
/// # Errors
/// What the statement answers.
pub async fn events(
    tx: &mut Tx,
    correction: Uuid,
    offset: usize,
    limit: usize,
) -> Result<Vec<CorrectedEvent>> {
    let limit = limit.min(CORRECTED_MAX);
    let first_row = offset / EVENTS_PER_ROW * EVENTS_PER_ROW;
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut select = tx.select(CORRECTED);
    select.column("events");
    select.and_where(Expr::col("correction_id").eq(correction));
    select.and_where(Expr::col("first_number").gte(number(first_row)));
    select.and_where(Expr::col("first_number").lt(number(offset.saturating_add(limit))));
    select.order_by("first_number", Order::Asc);
    let mut events = Vec::new();
    for row in tx.fetch_all(&select).await? {
        let Json::Array(pairs) = row.get::<Json>("events")? else {
            return Err(corrupt("events"));
        };
        events.extend(pairs);
    }
    let shown = events.into_iter().skip(offset - first_row).take(limit);
    let shown = shown.map(|mut pair| CorrectedEvent {
        before: pair[0].take(),
        after: pair[1].take(),
    });
    Ok(shown.collect())
}
