//! The address book of a customer. Its default billing and shipping addresses are the customer's
//! `address` and `ship_to_address`.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use florin_core::address::Entry;
use sea_query::{Asterisk, Expr, ExprTrait, Order, SelectStatement};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx, address,
    list::{self, Column, Condition, Kind, Operator, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("customer_address");

/// The addresses of one customer.
pub static LIST: Spec = Spec {
    table: "customer_address",
    columns: &[
        Column::id(),
        Column::new("city", Kind::Text, "town").nullable(),
        Column::new("state", Kind::Text, "state, province or region").nullable(),
        Column::new("zip_code", Kind::Text, "postal code").nullable(),
        Column::new("country_code", Kind::Text, "country code").nullable(),
        Column::new("validation_status", Kind::Text, "validation status"),
        Column::new(
            "is_default_billing",
            Kind::Boolean,
            "flag for the default billing address",
        ),
        Column::new(
            "is_default_shipping",
            Kind::Boolean,
            "flag for the default shipping address",
        ),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// Not in [`LIST`]: the path names the customer.
static CUSTOMER: Column = Column::new("customer_id", Kind::Uuid, "the customer");

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
        ("content_key", digest(&content_key).into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ];
    values.extend(address::values(Some(address)));
    values
}

/// As long as eight lines of text can be, the key itself would not fit an index.
fn digest(content_key: &str) -> String {
    STANDARD_NO_PAD.encode(Sha256::digest(content_key))
}

pub(crate) fn decode(row: &Row) -> Result<Entry> {
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

/// Changes an address; answers whether anything differed.
///
/// # Errors
/// [`crate::Error::Conflict`] where the customer has an equal one.
pub async fn update(tx: &mut Tx, before: &Entry, after: &Entry) -> Result<bool> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await
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
    let select = select_of(tx, customers);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

pub(crate) fn select_of(tx: &Tx, customers: &[Uuid]) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    select
}

/// One page of a customer's addresses.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, customer_id: Uuid, query: &list::Query) -> Result<Page<Entry>> {
    let mut query = query.clone();
    query.conditions.push(Condition::Compare {
        column: &CUSTOMER,
        operator: Operator::Equal,
        values: vec![customer_id.into()],
    });
    list::page(tx, &LIST, &query, decode).await
}
