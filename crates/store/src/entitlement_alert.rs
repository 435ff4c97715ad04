//! Alerts about what is used of entitlements, and those that were sent. Owns their rows and the event of an alert.

use florin_core::entitlement::{Alert, Threshold};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sea_query::{Asterisk, Cond, Expr, ExprTrait, Order, SimpleExpr};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Source, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::quiet("entitlement_alert");
const SENT: Table = Table::quiet("entitlement_alert_sent");
/// What subscribers are told.
const REACHED: &str = "entitlement.threshold_reached";

/// The list of alerts that were sent.
pub static LIST: Spec = Spec {
    table: "entitlement_alert_sent",
    columns: &[
        Column::id(),
        Column::new("alert_id", Kind::Uuid, "alert"),
        Column::new("customer", Kind::Uuid, "customer").from(Source::Own("customer_id")),
        Column::new("threshold", Kind::Decimal, "threshold").sortable(),
        Column::new("quantity_used", Kind::Decimal, "used quantity").sortable(),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// An alert that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id, which the event names.
    pub id: Uuid,
    /// The alert.
    pub alert_id: Uuid,
    /// About which entitlement.
    pub entitlement_id: Uuid,
    /// About whom.
    pub customer_id: Uuid,
    /// The newest grant of the period.
    pub grant_id: Uuid,
    /// What was reached.
    pub threshold: Threshold,
    /// What was granted then.
    pub quantity: Decimal,
    /// What of it was used then.
    pub quantity_used: Decimal,
    /// When.
    pub created_at: Timestamp,
}

fn values(alert: &Alert) -> Values {
    let Alert {
        id: _,
        entitlement_id,
        customer_id,
        threshold,
        created_at,
    } = alert.clone();
    let (word, number) = threshold.parts();
    vec![
        ("entitlement_id", entitlement_id.into()),
        ("customer_id", customer_id.into()),
        ("threshold_type", word.into()),
        ("threshold", number.into()),
        ("created_at", created_at.into()),
    ]
}

fn threshold(row: &Row) -> Result<Threshold> {
    let word: String = row.get("threshold_type")?;
    let threshold = Threshold::restore(&word, row.get("threshold")?);
    threshold.ok_or_else(|| corrupt("threshold_type", "no such threshold"))
}

fn decode(row: &Row) -> Result<Alert> {
    Ok(Alert {
        id: row.get("id")?,
        entitlement_id: row.get("entitlement_id")?,
        customer_id: row.optional("customer_id")?,
        threshold: threshold(row)?,
        created_at: row.get("created_at")?,
    })
}

/// Adds an alert.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, alert: &Alert) -> Result<()> {
    record::insert(tx, &TABLE, alert.id, values(alert)).await
}

/// Removes an alert; what it sent stays.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, alert: &Alert) -> Result<()> {
    record::delete(tx, &TABLE, alert.id, values(alert)).await
}

/// The alert with this id.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Alert>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The alerts about entitlements, the oldest first.
///
/// # Errors
/// What the statement answers.
pub async fn of_entitlements(tx: &mut Tx, entitlements: &[Uuid]) -> Result<Vec<Alert>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("entitlement_id").is_in(entitlements.iter().copied()));
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

fn sent_values(sent: &Sent) -> Values {
    let Sent {
        id: _,
        alert_id,
        entitlement_id,
        customer_id,
        grant_id,
        threshold,
        quantity,
        quantity_used,
        created_at,
    } = sent.clone();
    let (word, number) = threshold.parts();
    vec![
        ("alert_id", alert_id.into()),
        ("entitlement_id", entitlement_id.into()),
        ("customer_id", customer_id.into()),
        ("grant_id", grant_id.into()),
        ("threshold_type", word.into()),
        ("threshold", number.into()),
        ("quantity", quantity.into()),
        ("quantity_used", quantity_used.into()),
        ("created_at", created_at.into()),
    ]
}

fn decode_sent(row: &Row) -> Result<Sent> {
    Ok(Sent {
        id: row.get("id")?,
        alert_id: row.get("alert_id")?,
        entitlement_id: row.get("entitlement_id")?,
        customer_id: row.get("customer_id")?,
        grant_id: row.get("grant_id")?,
        threshold: threshold(row)?,
        quantity: row.get("quantity")?,
        quantity_used: row.get("quantity_used")?,
        created_at: row.get("created_at")?,
    })
}

/// Keeps that an alert was sent, and tells subscribers.
///
/// # Errors
/// [`crate::Error::Conflict`] where it was sent in this period.
pub async fn send(tx: &mut Tx, sent: &Sent) -> Result<()> {
    record::insert(tx, &SENT, sent.id, sent_values(sent)).await?;
    record::announce(tx, REACHED, SENT.name, sent.id).await
}

/// Of alerts, customers and the newest grants of their periods, those that were sent.
///
/// # Errors
/// What the statement answers.
pub async fn sent(tx: &mut Tx, keys: &[(Uuid, Uuid, Uuid)]) -> Result<Vec<(Uuid, Uuid, Uuid)>> {
    let mut select = tx.select(SENT.name);
    select.columns(["alert_id", "customer_id", "grant_id"]);
    let one = |(alert, customer, grant): &(Uuid, Uuid, Uuid)| -> SimpleExpr {
        let of_alert = Expr::col("alert_id").eq(*alert);
        let of_customer = Expr::col("customer_id").eq(*customer);
        of_alert
            .and(of_customer)
            .and(Expr::col("grant_id").eq(*grant))
    };
    let any = keys.iter().fold(Cond::any(), |any, key| any.add(one(key)));
    select.cond_where(any);
    let rows = tx.fetch_all(&select).await?;
    let keys = rows.iter().map(|row| {
        Ok((
            row.get("alert_id")?,
            row.get("customer_id")?,
            row.get("grant_id")?,
        ))
    });
    keys.collect()
}

/// One page of the alerts that were sent about an entitlement.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, entitlement_id: Uuid, query: &list::Query) -> Result<Page<Sent>> {
    let mut query = query.clone();
    let of_entitlement = Expr::col((SENT.name, "entitlement_id")).eq(entitlement_id);
    query.conditions.push(Condition::Scope(of_entitlement));
    list::page(tx, &LIST, &query, decode_sent).await
}
