//! Reservations of entitlements. Owns their rows; what is free to be reserved is decided under the lock of the grants
//! ([`crate::entitlement_grant`]).

use florin_core::entitlement::{Reservation, ReservationStatus};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sea_query::{Expr, ExprTrait, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Source, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::quiet("entitlement_reservation");

/// The list of reservations.
pub static LIST: Spec = Spec {
    table: "entitlement_reservation",
    columns: &[
        Column::id(),
        Column::new("entitlement", Kind::Uuid, "entitlement").from(Source::Own("entitlement_id")),
        Column::new("quantity", Kind::Decimal, "reserved quantity").sortable(),
        Column::new("expires_at", Kind::Timestamp, "end").sortable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(reservation: &Reservation) -> Values {
    let Reservation {
        id: _,
        entitlement_id,
        customer_id,
        quantity,
        quantity_committed,
        status,
        expires_at,
        created_at,
        updated_at,
    } = reservation.clone();
    vec![
        ("entitlement_id", entitlement_id.into()),
        ("customer_id", customer_id.into()),
        ("quantity", quantity.into()),
        ("quantity_committed", quantity_committed.into()),
        ("status", status.as_str().into()),
        ("expires_at", expires_at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Reservation> {
    let status: String = row.get("status")?;
    let status = ReservationStatus::parse(&status);
    Ok(Reservation {
        id: row.get("id")?,
        entitlement_id: row.get("entitlement_id")?,
        customer_id: row.get("customer_id")?,
        quantity: row.get("quantity")?,
        quantity_committed: row.get("quantity_committed")?,
        status: status.ok_or_else(|| corrupt("status", "no such status"))?,
        expires_at: row.get("expires_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a reservation.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, reservation: &Reservation) -> Result<()> {
    record::insert(tx, &TABLE, reservation.id, values(reservation)).await
}

/// Changes a reservation.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Reservation, after: &Reservation) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The reservation with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Reservation>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The quantities of reservations that hold something at an instant, of one customer and entitlement.
pub fn held(
    tx: &Tx,
    (customer_id, entitlement_id): (Uuid, Uuid),
    at: Timestamp,
) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select.column("quantity");
    select.and_where(Expr::col("customer_id").eq(customer_id));
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select.and_where(Expr::col("expires_at").gt(at));
    select.and_where(Expr::col("status").eq(ReservationStatus::Open.as_str()));
    select
}

/// The sum of what [`held`] answered.
///
/// # Errors
/// [`crate::Error::Corrupt`].
pub fn sum(rows: &[Row]) -> Result<Decimal> {
    let quantities = rows.iter().map(|row| row.get::<Decimal>("quantity"));
    quantities.sum()
}

/// One page of a customer's reservations.
///
/// # Errors
/// What the statements answer.
pub async fn page(
    tx: &mut Tx,
    customer_id: Uuid,
    query: &list::Query,
) -> Result<Page<Reservation>> {
    let mut query = query.clone();
    let of_customer = Expr::col((TABLE.name, "customer_id")).eq(customer_id);
    query.conditions.push(Condition::Scope(of_customer));
    list::page(tx, &LIST, &query, decode).await
}
