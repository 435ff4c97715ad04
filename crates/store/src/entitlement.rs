//! Definitions of entitlements. Owns their rows; what customers were granted is [`crate::entitlement_grant`]'s.

use std::collections::HashMap;

use florin_core::{
    entitlement::{Details, Entitlement},
    grant::EntitlementKind,
};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("entitlement");

pub(crate) const TYPES: Kind = Kind::Choice(&["Feature", "Quantity", "Credits"]);

/// The list of definitions.
pub static LIST: Spec = Spec {
    table: "entitlement",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::new("entitlement_type", TYPES, "type").sortable(),
        Column::new("units", Kind::Text, "word for a unit").nullable(),
        Column::new("is_active", Kind::Boolean, "whether it can be granted"),
        Column::new("product_id", Kind::Uuid, "product").nullable(),
        Column::new("aggregate_id", Kind::Uuid, "metric that draws it").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(entitlement: &Entitlement) -> Values {
    let Entitlement {
        id: _,
        details,
        created_at,
        updated_at,
    } = entitlement.clone();
    let Details {
        name,
        description,
        entitlement_type,
        units,
        is_active,
        product_id,
        aggregate_id,
    } = details;
    vec![
        ("name", name.into()),
        ("description", description.into()),
        ("entitlement_type", entitlement_type.as_str().into()),
        ("units", units.into()),
        ("is_active", is_active.into()),
        ("product_id", product_id.into()),
        ("aggregate_id", aggregate_id.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Entitlement> {
    let word: String = row.get("entitlement_type")?;
    let entitlement_type = EntitlementKind::parse(&word);
    let details = Details {
        name: row.get("name")?,
        description: row.optional("description")?,
        entitlement_type: entitlement_type
            .ok_or_else(|| corrupt("entitlement_type", "no such type"))?,
        units: row.optional("units")?,
        is_active: row.get("is_active")?,
        product_id: row.optional("product_id")?,
        aggregate_id: row.optional("aggregate_id")?,
    };
    Ok(Entitlement {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a definition.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, entitlement: &Entitlement) -> Result<()> {
    record::insert(tx, &TABLE, entitlement.id, values(entitlement)).await
}

/// Changes a definition.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Entitlement, after: &Entitlement) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks a definition as deleted.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, entitlement: &Entitlement) -> Result<()> {
    record::soft_delete(tx, &TABLE, entitlement.id, values(entitlement)).await
}

/// The definition with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Entitlement>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The oldest definition with exactly this name that can be granted, not locked.
///
/// # Errors
/// What the statement answers.
pub async fn find_by_name(tx: &mut Tx, name: &str) -> Result<Option<Entitlement>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("name").eq(name));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("is_active", Order::Desc);
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc).limit(1);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Definitions by id, deleted ones too: what was granted of them keeps its name. Not locked.
///
/// # Errors
/// What the statement answers.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Entitlement>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    let rows = tx.fetch_all(&select).await?;
    let found = rows.iter().map(decode);
    found
        .map(|found| found.map(|found| (found.id, found)))
        .collect()
}

/// The definitions of products, the oldest first.
///
/// # Errors
/// What the statement answers.
pub async fn of_products(tx: &mut Tx, products: &[Uuid]) -> Result<Vec<Entitlement>> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("product_id").is_in(products.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The definitions that a metric draws, in the order of their ids.
///
/// # Errors
/// What the statement answers.
pub async fn metered(tx: &mut Tx) -> Result<Vec<Entitlement>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("aggregate_id").is_not_null());
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// Whether a definition is drawn by this metric.
///
/// # Errors
/// What the statement answers.
pub async fn has_aggregate(tx: &mut Tx, aggregate_id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select.column("id").limit(1);
    select.and_where(Expr::col("aggregate_id").eq(aggregate_id));
    select.and_where(Expr::col("deleted_at").is_null());
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// One page of definitions.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Entitlement>> {
    list::page(tx, &LIST, query, decode).await
}
