//! The address book of a customer. Its default billing and shipping addresses are the customer's
//! `address` and `ship_to_address`.

use florin_core::address::Entry;
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx, address,
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("customer_address");

fn values(entry: &Entry) -> Values {
    let content_key = entry.address.content_key();
    let Entry {
        id: _,
        customer_id,
        address,
        is_default_billing,
        is_default_shipping,
        created_at,
        updated_at,
    } = entry.clone();
    let mut values = vec![
        ("customer_id", customer_id.into()),
        ("is_default_billing", is_default_billing.into()),
        ("is_default_shipping", is_default_shipping.into()),
        ("content_key", content_key.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ];
    values.extend(address::values(Some(address)));
    values
}

fn decode(row: &Row) -> Result<Entry> {
    let address = address::decode(row)?.ok_or_else(|| Error::Corrupt {
        column: "validation_status".to_owned(),
        reason: "it is null".to_owned(),
    })?;
    Ok(Entry {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        address,
        is_default_billing: row.get("is_default_billing")?,
        is_default_shipping: row.get("is_default_shipping")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds an address.
///
/// # Errors
/// [`crate::Error::Conflict`] where the customer has an equal one.
pub async fn insert(tx: &mut Tx, entry: &Entry) -> Result<()> {
    record::insert(tx, &TABLE, entry.id, values(entry)).await
}

/// Changes an address.
///
/// # Errors
/// [`crate::Error::Conflict`] where the customer has an equal one.
pub async fn update(tx: &mut Tx, before: &Entry, after: &Entry) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks an address as deleted; documents that show it keep it.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, entry: &Entry) -> Result<()> {
    record::soft_delete(tx, &TABLE, entry.id, values(entry)).await
}

/// The addresses of several customers, oldest first, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_customers(tx: &mut Tx, customers: &[Uuid]) -> Result<Vec<Entry>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}
