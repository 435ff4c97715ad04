//! Links from customers to their records in other systems.

use florin_core::customer_connector::Link;
use sea_query::{Asterisk, Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("customer_connector");

fn values(link: &Link) -> Values {
    let Link {
        id: _,
        customer_id,
        name,
        reference_id,
        created_at,
        updated_at,
    } = link.clone();
    vec![
        ("customer_id", customer_id.into()),
        ("name", name.into()),
        ("reference_id", reference_id.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

pub(crate) fn decode(row: &Row) -> Result<Link> {
    Ok(Link {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        name: row.get("name")?,
        reference_id: row.get("reference_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Links a customer to a system to which it is not linked yet.
///
/// # Errors
/// [`crate::Error::Conflict`] where it is.
pub async fn insert(tx: &mut Tx, link: &Link) -> Result<()> {
    record::insert(tx, &TABLE, link.id, values(link)).await
}

/// Changes a link; answers whether anything differed.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &Link, after: &Link) -> Result<bool> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await
}

/// Removes a link.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, link: &Link) -> Result<()> {
    record::delete(tx, &TABLE, link.id, values(link)).await
}

/// The links of several customers, oldest first, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_customers(tx: &mut Tx, customers: &[Uuid]) -> Result<Vec<Link>> {
    let select = select_of(tx, customers);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The link to a system under this id; the oldest where several customers have it.
///
/// # Errors
/// What the statement answers.
pub async fn linked(tx: &mut Tx, name: &str, reference_id: &str) -> Result<Option<Link>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("name").eq(name))
        .and_where(Expr::col("reference_id").eq(reference_id));
    select.order_by("id", Order::Asc).limit(1);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

pub(crate) fn select_of(tx: &Tx, customers: &[Uuid]) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    select
}
