//! Parents and children among customers.

use florin_core::customer_relationship::Relationship;
use sea_query::{Asterisk, Expr, ExprTrait, LockType, SelectStatement};
use uuid::Uuid;

use crate::{
    Backend, Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("customer_relationship");

/// The list of relationships.
pub static LIST: Spec = Spec {
    table: "customer_relationship",
    columns: &[
        Column::id(),
        Column::new("customer_id", Kind::Uuid, "parent or child")
            .operators(&[Operator::Equal, Operator::In])
            .from(Source::AnyOf(&["parent_customer_id", "child_customer_id"])),
        Column::new("parent_customer_id", Kind::Uuid, "parent"),
        Column::new("child_customer_id", Kind::Uuid, "child"),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(relationship: &Relationship) -> Values {
    let Relationship {
        id: _,
        parent_customer_id,
        child_customer_id,
        created_at,
    } = relationship.clone();
    vec![
        ("parent_customer_id", parent_customer_id.into()),
        ("child_customer_id", child_customer_id.into()),
        ("created_at", created_at.into()),
    ]
}

pub(crate) fn decode(row: &Row) -> Result<Relationship> {
    Ok(Relationship {
        id: row.get("id")?,
        parent_customer_id: row.get("parent_customer_id")?,
        child_customer_id: row.get("child_customer_id")?,
        created_at: row.get("created_at")?,
    })
}

/// Holds back every other change of this organisation's relationships until the commit: only so does
/// a chain that was checked stay free of cycles. SQLite has one writer and needs nothing.
///
/// # Errors
/// What the statement answers.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    if tx.backend() == Backend::Sqlite {
        return Ok(());
    }
    let mut select = tx.select("organisation");
    // Not `FOR UPDATE`, which would wait for every row that refers to the organisation.
    select.column("organisation_id").lock(LockType::NoKeyUpdate);
    tx.fetch_all(&select).await?;
    Ok(())
}

/// Adds a relationship.
///
/// # Errors
/// [`crate::Error::Conflict`] with `customer_relationship_child_customer_id_key`.
pub async fn insert(tx: &mut Tx, relationship: &Relationship) -> Result<()> {
    record::insert(tx, &TABLE, relationship.id, values(relationship)).await
}

/// Removes a relationship.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, relationship: &Relationship) -> Result<()> {
    record::delete(tx, &TABLE, relationship.id, values(relationship)).await
}

/// The relationship with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Relationship>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// One page of relationships.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Relationship>> {
    list::page(tx, &LIST, query, decode).await
}

/// The relationships in which these customers are children, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_children(tx: &mut Tx, children: &[Uuid]) -> Result<Vec<Relationship>> {
    let select = select_of(tx, children);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

pub(crate) fn select_of(tx: &Tx, children: &[Uuid]) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("child_customer_id").is_in(children.iter().copied()));
    select
}

/// Whether the customer is a parent.
///
/// # Errors
/// What the statement answers.
pub async fn has_children(tx: &mut Tx, parent: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select
        .column("id")
        .and_where(Expr::col("parent_customer_id").eq(parent))
        .limit(1);
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// The customer's ancestors, nearest first, `max` at most.
///
/// # Errors
/// What the statements answer.
pub async fn ancestors(tx: &mut Tx, customer: Uuid, max: usize) -> Result<Vec<Uuid>> {
    let mut ancestors = Vec::new();
    let mut below = customer;
    while ancestors.len() < max {
        let of_child = of_children(tx, &[below]).await?;
        let Some(relationship) = of_child.first() else {
            break;
        };
        below = relationship.parent_customer_id;
        ancestors.push(below);
    }
    Ok(ancestors)
}
