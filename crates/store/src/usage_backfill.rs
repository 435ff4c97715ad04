//! Backfills of usage events. Owns their rows; the events of an open one are a stream of its own in
//! [`crate::usage_inbox`] and in table files.
//!
//! The table is beside the inbox, so that a backfill's state and the row that brings its events in commit
//! together. Rows are their own trail: who opened and who closed a backfill, and when, stand in it.

use florin_core::usage::backfill::{Backfill, Closed, State};
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, Query};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Values},
    usage_correction::{of_raw_metric, whole},
    usage_inbox::StreamId,
};
use florin_core::id::OrganisationId;

const TABLE: &str = "usage_backfill";

/// The list of backfills.
pub static LIST: Spec = Spec {
    table: TABLE,
    columns: &[
        Column::id(),
        Column::new("state", Kind::Choice(&State::WORDS), "state"),
        Column::new("reason", Kind::Text, "reason"),
        Column::new(
            "window_start",
            Kind::Timestamp,
            "first instant of the window",
        )
        .sortable(),
        Column::new(
            "window_end",
            Kind::Timestamp,
            "first instant after the window",
        )
        .sortable(),
        Column::new("created_by", Kind::Text, "who opened it"),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(backfill: &Backfill) -> Values {
    let Backfill {
        id,
        raw_metric_id,
        window,
        replaces_up_to,
        reason,
        state,
        created_by,
        created_at,
    } = backfill.clone();
    let mut values: Values = vec![
        ("id", id.into()),
        ("raw_metric_id", raw_metric_id.into()),
        ("window_start", window.start.into()),
        ("window_end", window.end.into()),
        ("replaces_up_to", replaces_up_to.into()),
        ("reason", reason.into()),
        ("created_by", created_by.into()),
        ("created_at", created_at.into()),
    ];
    values.extend(state_values(state));
    values
}

fn state_values(state: State) -> Values {
    let word = state.word();
    let (sequence, event_count, closed) = match state {
        State::Open => (None, None, None),
        State::Committed {
            sequence,
            event_count,
            closed,
        } => (Some(sequence), Some(event_count), Some(closed)),
        State::Reverted { closed } => (None, None, Some(closed)),
    };
    let (closed_by, closed_at) = closed.map(|Closed { by, at }| (by, at)).unzip();
    vec![
        ("state", word.into()),
        ("sequence", sequence.into()),
        ("event_count", event_count.into()),
        ("closed_by", closed_by.into()),
        ("closed_at", closed_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Backfill> {
    Ok(Backfill {
        id: row.get("id")?,
        raw_metric_id: row.get("raw_metric_id")?,
        window: row.get("window_start")?..row.get("window_end")?,
        replaces_up_to: whole(row, "replaces_up_to")?,
        reason: row.get("reason")?,
        state: state(row)?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}

fn state(row: &Row) -> Result<State> {
    let closed = || -> Result<Closed> {
        Ok(Closed {
            by: row.get("closed_by")?,
            at: row.get("closed_at")?,
        })
    };
    match row.get::<String>("state")?.as_str() {
        "open" => Ok(State::Open),
        "committed" => Ok(State::Committed {
            sequence: whole(row, "sequence")?,
            event_count: whole(row, "event_count")?,
            closed: closed()?,
        }),
        "reverted" => Ok(State::Reverted { closed: closed()? }),
        _ => Err(Error::Corrupt {
            column: "state".to_owned(),
            reason: "no state has this name".to_owned(),
        }),
    }
}

/// Adds a backfill.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, backfill: &Backfill) -> Result<()> {
    let mut row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("is_staged", true.into()),
    ];
    row.extend(values(backfill));
    record::insert_plain(tx, TABLE, row).await
}

/// Changes a backfill's state.
///
/// # Errors
/// What the statement answers.
pub async fn save_state(tx: &mut Tx, backfill: &Backfill) -> Result<()> {
    let mut update = Query::update();
    update.table(TABLE);
    let state = state_values(backfill.state.clone()).into_iter();
    update.values(state.map(|(name, value)| (name, value.into())));
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(backfill.id));
    tx.execute(&update).await?;
    Ok(())
}

/// The backfill with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Backfill>> {
    let row = record::find(tx, TABLE, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Whether this stream is that of an open backfill. One transaction ingests for many organisations, so it
/// is named.
///
/// # Errors
/// What the statement answers.
pub async fn is_open(tx: &mut Tx, id: StreamId) -> Result<bool> {
    let mut select = Query::select();
    select.from(TABLE).column("id");
    select.and_where(Expr::col("organisation_id").eq(id.organisation.0));
    select.and_where(Expr::col("id").eq(id.stream));
    select.and_where(Expr::col("state").eq("open"));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// The open backfills of a raw metric.
///
/// # Errors
/// What the statement answers.
pub async fn open_of(tx: &mut Tx, raw_metric: Uuid) -> Result<Vec<Backfill>> {
    let mut select = tx.select(TABLE);
    select.column(Asterisk);
    select.and_where(Expr::col("raw_metric_id").eq(raw_metric));
    select.and_where(Expr::col("state").eq("open"));
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// One page of a raw metric's backfills.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, raw_metric: Uuid, query: &list::Query) -> Result<Page<Backfill>> {
    list::page(tx, &LIST, &of_raw_metric(raw_metric, query), decode).await
}

/// Every organisation's backfills that were closed before an instant and still have a stream of their own.
///
/// # Errors
/// What the statement answers.
pub async fn closed_and_staged(
    tx: &mut Tx,
    before: Timestamp,
) -> Result<Vec<(OrganisationId, Backfill)>> {
    let mut select = Query::select();
    select.from(TABLE).column(Asterisk);
    select.and_where(Expr::col("is_staged").eq(true));
    select.and_where(Expr::col("closed_at").lt(before));
    let rows = tx.fetch_all(&select).await?;
    let decoded = rows.iter().map(|row| {
        let organisation = OrganisationId(row.get("organisation_id")?);
        Ok((organisation, decode(row)?))
    });
    decoded.collect()
}

/// Notes that a closed backfill has no stream of its own any more.
///
/// # Errors
/// What the statement answers.
pub async fn note_dropped(tx: &mut Tx, id: StreamId) -> Result<()> {
    let mut update = Query::update();
    update.table(TABLE).value("is_staged", false);
    update.and_where(Expr::col("organisation_id").eq(id.organisation.0));
    update.and_where(Expr::col("id").eq(id.stream));
    tx.execute(&update).await?;
    Ok(())
}
