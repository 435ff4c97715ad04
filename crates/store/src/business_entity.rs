//! Business entities. Owns their rows; region configs are [`crate::region_config`]'s.

use florin_core::business_entity::{BusinessEntity, Details};
use sea_query::{Asterisk, Expr, ExprTrait, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx, address,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("business_entity");

/// The list of business entities.
pub static LIST: Spec = Spec {
    table: "business_entity",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("email", Kind::Text, "e-mail address")
            .nullable()
            .sortable(),
        Column::new("phone_number", Kind::Text, "telephone number").nullable(),
        Column::new(
            "is_default",
            Kind::Boolean,
            "place as the organisation's default",
        )
        .sortable(),
        Column::new("country_code", Kind::Text, "country of its address").nullable(),
        Column::new("tax_config", Kind::Json, "tax settings"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(entity: &BusinessEntity) -> Values {
    let BusinessEntity {
        id: _,
        details,
        created_at,
        updated_at,
    } = entity.clone();
    let Details {
        name,
        email,
        phone_number,
        is_default,
        logo_url,
        tax_config,
        address,
    } = details;
    let mut values = vec![
        ("name", name.into()),
        ("email", email.into()),
        ("phone_number", phone_number.into()),
        ("is_default", is_default.into()),
        ("logo_url", logo_url.into()),
        ("tax_config", record::json(Some(tax_config))),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ];
    values.extend(address::values(address));
    values
}

fn decode(row: &Row) -> Result<BusinessEntity> {
    let details = Details {
        name: row.get("name")?,
        email: row.optional("email")?,
        phone_number: row.optional("phone_number")?,
        is_default: row.get("is_default")?,
        logo_url: row.optional("logo_url")?,
        tax_config: row.get("tax_config")?,
        address: address::decode(row)?,
    };
    Ok(BusinessEntity {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds an entity. Where it is the default, no other may be.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, entity: &BusinessEntity) -> Result<()> {
    record::insert(tx, &TABLE, entity.id, values(entity)).await
}

/// Changes an entity.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, before: &BusinessEntity, after: &BusinessEntity) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The entity with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<BusinessEntity>> {
    record::find(tx, TABLE.name, id)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// Whether the organisation has an entity with this id. Takes no lock: entities are never deleted.
///
/// # Errors
/// What the statement answers.
pub async fn exists(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select.column("id").and_where(Expr::col("id").eq(id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// The organisation's default entity. Takes no lock.
///
/// # Errors
/// What the statement answers.
pub async fn default(tx: &mut Tx) -> Result<Option<BusinessEntity>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).and_where(Expr::col("is_default"));
    tx.fetch_optional(&select)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// A query for the id of the named entity, or of the default one. Takes no lock.
pub(crate) fn chosen(tx: &Tx, named: Option<Uuid>) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select.column((TABLE.name, "id")).and_where(match named {
        Some(id) => Expr::col((TABLE.name, "id")).eq(id),
        None => Expr::col("is_default"),
    });
    select
}

/// The entities with these ids, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn with_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<BusinessEntity>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("id").is_in(ids.iter().copied()));
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// An entity as others name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityName {
    /// The entity.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A query for the names of the entities that bill these customers; for [`decode_name`].
pub(crate) fn names_of(tx: &Tx, customers: &[Uuid]) -> SelectStatement {
    let mut of_customers = tx.select("customer");
    of_customers
        .column("business_entity_id")
        .and_where(Expr::col("id").is_in(customers.iter().copied()));
    let mut select = tx.select(TABLE.name);
    select
        .columns(["id", "name"])
        .and_where(Expr::col("id").in_subquery(of_customers));
    select
}

pub(crate) fn decode_name(row: &Row) -> Result<EntityName> {
    Ok(EntityName {
        id: row.get("id")?,
        name: row.get("name")?,
    })
}

/// One page of entities.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<BusinessEntity>> {
    list::page(tx, &LIST, query, decode).await
}
