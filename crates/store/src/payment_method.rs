//! Payment methods of customers.

use florin_core::payment_method::{Facts, PaymentMethod, Status};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("payment_method");

/// The list of a customer's payment methods.
pub static LIST: Spec = Spec {
    table: "payment_method",
    columns: &[
        Column::id(),
        Column::new("connector_id", Kind::Uuid, "connector's id"),
        Column::new("connector_name", Kind::Text, "gateway's name").sortable(),
        Column::new("external_id", Kind::Text, "gateway's id for it"),
        Column::new("is_default", Kind::Boolean, "flag of being tried first"),
        Column::new("status", Kind::Choice(Status::ALL), "status"),
        Column::new("type", Kind::Text, "kind").sortable(),
        Column::new("country", Kind::Text, "country").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(method: &PaymentMethod) -> Values {
    let PaymentMethod {
        id: _,
        customer_id,
        connector_id,
        connector_name,
        external_id,
        is_default,
        status,
        facts,
        created_at,
        updated_at,
    } = method.clone();
    let Facts {
        kind,
        country,
        details,
    } = facts;
    vec![
        ("customer_id", customer_id.into()),
        ("connector_id", connector_id.into()),
        ("connector_name", connector_name.into()),
        ("external_id", external_id.into()),
        ("is_default", is_default.into()),
        ("status", status.as_str().into()),
        ("type", kind.into()),
        ("country", country.into()),
        ("details", record::json(Some(details))),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<PaymentMethod> {
    let status: String = row.get("status")?;
    let status = Status::parse(&status).ok_or_else(|| Error::Corrupt {
        column: "status".to_owned(),
        reason: format!("{status} is no status"),
    })?;
    Ok(PaymentMethod {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        connector_id: row.get("connector_id")?,
        connector_name: row.get("connector_name")?,
        external_id: row.get("external_id")?,
        is_default: row.get("is_default")?,
        status,
        facts: Facts {
            kind: row.get("type")?,
            country: row.optional("country")?,
            details: row.get("details")?,
        },
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a payment method.
///
/// # Errors
/// [`Error::Conflict`] where the gateway's id is known, or the customer has another default.
pub async fn insert(tx: &mut Tx, method: &PaymentMethod) -> Result<()> {
    record::insert(tx, &TABLE, method.id, values(method)).await
}

/// Changes a payment method; answers whether anything differed.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, before: &PaymentMethod, after: &PaymentMethod) -> Result<bool> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await
}

/// Removes a payment method for good.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, method: &PaymentMethod) -> Result<()> {
    record::delete(tx, &TABLE, method.id, values(method)).await
}

/// The payment method with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<PaymentMethod>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// All payment methods of a customer, oldest first.
///
/// # Errors
/// What the statement answers.
pub async fn of_customer(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<PaymentMethod>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").eq(customer_id));
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The payment method that a gateway knows by this id.
///
/// # Errors
/// What the statement answers.
pub async fn external(
    tx: &mut Tx,
    connector_id: Uuid,
    external_id: &str,
) -> Result<Option<PaymentMethod>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("connector_id").eq(connector_id))
        .and_where(Expr::col("external_id").eq(external_id));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Whether an account at a gateway keeps any payment method.
///
/// # Errors
/// What the statement answers.
pub async fn is_kept_by(tx: &mut Tx, connector_id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select
        .column("id")
        .and_where(Expr::col("connector_id").eq(connector_id))
        .limit(1);
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// One page of a customer's payment methods.
///
/// # Errors
/// What the statements answer.
pub async fn page(
    tx: &mut Tx,
    customer_id: Uuid,
    mut query: list::Query,
) -> Result<Page<PaymentMethod>> {
    let own = Expr::col((TABLE.name, "customer_id")).eq(customer_id);
    query.conditions.push(Condition::Scope(own));
    list::page(tx, &LIST, &query, decode).await
}
