//! Tags. Owns their rows.

use florin_core::tag::{Details, Tag};
use sea_query::{Asterisk, Expr, ExprTrait};

use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("tag");

/// The list of tags.
pub static LIST: Spec = Spec {
    table: "tag",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("colour", Kind::Text, "colour").nullable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(tag: &Tag) -> Values {
    let Tag {
        id: _,
        details,
        created_at,
        updated_at,
    } = tag.clone();
    let Details {
        name,
        colour,
        description,
    } = details;
    vec![
        ("name", name.into()),
        ("colour", colour.into()),
        ("description", description.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Tag> {
    let details = Details {
        name: row.get("name")?,
        colour: row.optional("colour")?,
        description: row.optional("description")?,
    };
    Ok(Tag {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a tag. The caller holds the organisation's lock and knows that the name is free.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, tag: &Tag) -> Result<()> {
    record::insert(tx, &TABLE, tag.id, values(tag)).await
}

/// Changes a tag; answers whether anything differs.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &Tag, after: &Tag) -> Result<bool> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await
}

/// The tag of this name.
///
/// # Errors
/// What the statement answers.
pub async fn named(tx: &mut Tx, name: &str) -> Result<Option<Tag>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("name").eq(name));
    tx.fetch_optional(&select)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// One page of tags.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Tag>> {
    list::page(tx, &LIST, query, decode).await
}
