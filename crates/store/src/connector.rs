//! Accounts at payment gateways. The secrets stand beside them, sealed: only `app`'s vault can open them.

use florin_core::connector::Connector;
use sea_query::{Asterisk, Expr, ExprTrait};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table {
    name: "connector",
    secrets: &["sealed"],
    events: false,
};

/// The list of connectors.
pub static LIST: Spec = Spec {
    table: "connector",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "gateway's name").sortable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// An account and its sealed secrets; none where it has none.
pub type Kept = (Connector, Option<Vec<u8>>);

fn values((connector, sealed): &Kept) -> Values {
    let Connector {
        id: _,
        name,
        api_key_end,
        has_webhook_secret,
        created_at,
        updated_at,
    } = connector.clone();
    vec![
        ("name", name.into()),
        ("api_key_end", api_key_end.into()),
        ("has_webhook_secret", has_webhook_secret.into()),
        ("sealed", sealed.clone().into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Connector> {
    Ok(Connector {
        id: row.get("id")?,
        name: row.get("name")?,
        api_key_end: row.optional("api_key_end")?,
        has_webhook_secret: row.get("has_webhook_secret")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn decode_kept(row: &Row) -> Result<Kept> {
    Ok((decode(row)?, row.optional("sealed")?))
}

/// Adds an account.
///
/// # Errors
/// [`crate::Error::Conflict`] where the organisation has one at this gateway.
pub async fn insert(tx: &mut Tx, kept: &Kept) -> Result<()> {
    record::insert(tx, &TABLE, kept.0.id, values(kept)).await
}

/// Changes an account.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &Kept, after: &Kept) -> Result<()> {
    record::update(tx, &TABLE, after.0.id, values(before), values(after)).await?;
    Ok(())
}

/// Removes an account for good.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, kept: &Kept) -> Result<()> {
    record::delete(tx, &TABLE, kept.0.id, values(kept)).await
}

/// The account with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Kept>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode_kept(&row)).transpose()
}

/// The account at this gateway.
///
/// # Errors
/// What the statement answers.
pub async fn named(tx: &mut Tx, name: &str) -> Result<Option<Kept>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("name").eq(name));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode_kept(&row)).transpose()
}

/// Every account of the organisation; there are as many as gateways at most.
///
/// # Errors
/// What the statement answers.
pub async fn all(tx: &mut Tx) -> Result<Vec<Connector>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// One page of accounts.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Connector>> {
    list::page(tx, &LIST, query, decode).await
}
