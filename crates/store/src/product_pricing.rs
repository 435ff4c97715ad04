//! Prices of products. Owns their rows, which products a bundle's price covers and which
//! aggregates a price counts by. The price itself is
//! a document, checked when it is written and again when it is read; the columns beside it are copies
//! that lists filter by.

use florin_core::product_pricing::{Content, ProductPricing};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("product_pricing");
const MEMBER: &str = "product_bundle_member";
const AGGREGATE: &str = "product_pricing_aggregate";

/// The list of a product's prices.
pub static LIST: Spec = Spec {
    table: "product_pricing",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name")
            .nullable()
            .sortable(),
        Column::new("pricing_type", Kind::Text, "pricing model"),
        Column::new("currency", Kind::Text, "currency").nullable(),
        Column::new("cadence", Kind::Text, "billing cadence").nullable(),
        Column::new("is_recurring", Kind::Boolean, "whether it is charged again"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(pricing: &ProductPricing) -> Values {
    let ProductPricing {
        id: _,
        product_id,
        content,
        content_hash,
        created_at,
        updated_at,
    } = pricing;
    let price = content.price();
    let currency = price.currency.map(|currency| currency.code().to_owned());
    let cadence = price.cadence().map(|cadence| cadence.to_string());
    vec![
        ("product_id", (*product_id).into()),
        ("name", content.name().map(str::to_owned).into()),
        ("pricing_type", price.model.pricing_type().as_str().into()),
        ("currency", currency.into()),
        ("cadence", cadence.into()),
        ("is_recurring", price.is_recurring.into()),
        ("content", record::json(Some(content.document().clone()))),
        ("content_hash", content_hash.clone().into()),
        ("created_at", (*created_at).into()),
        ("updated_at", (*updated_at).into()),
    ]
}

fn decode(row: &Row) -> Result<ProductPricing> {
    let document: Json = row.get("content")?;
    let content = Content::read(document).map_err(|flaws| Error::Corrupt {
        column: "content".to_owned(),
        reason: flaws.to_string(),
    })?;
    Ok(ProductPricing {
        id: row.get("id")?,
        product_id: row.get("product_id")?,
        content,
        content_hash: row.get("content_hash")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a price.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, pricing: &ProductPricing) -> Result<()> {
    record::insert(tx, &TABLE, pricing.id, values(pricing)).await?;
    put_links(tx, pricing).await
}

/// Changes a price.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &ProductPricing, after: &ProductPricing) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    remove_links(tx, after.id).await?;
    put_links(tx, after).await
}

/// Marks a price as deleted; contracts that have it keep it.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, pricing: &ProductPricing) -> Result<()> {
    record::soft_delete(tx, &TABLE, pricing.id, values(pricing)).await?;
    remove_links(tx, pricing.id).await
}

async fn put_links(tx: &mut Tx, pricing: &ProductPricing) -> Result<()> {
    for product_id in pricing.content.price().bundled_products() {
        let row: Values = vec![
            ("organisation_id", tx.organisation().0.into()),
            ("pricing_id", pricing.id.into()),
            ("product_id", product_id.into()),
        ];
        record::insert_plain(tx, MEMBER, row).await?;
    }
    for aggregate_id in pricing.content.price().aggregates() {
        let row: Values = vec![
            ("organisation_id", tx.organisation().0.into()),
            ("pricing_id", pricing.id.into()),
            ("aggregate_id", aggregate_id.into()),
        ];
        record::insert_plain(tx, AGGREGATE, row).await?;
    }
    Ok(())
}

async fn remove_links(tx: &mut Tx, pricing_id: Uuid) -> Result<()> {
    for table in [MEMBER, AGGREGATE] {
        let mut delete = sea_query::Query::delete();
        delete.from_table(table);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("pricing_id").eq(pricing_id));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// Whether a bundle's price covers the product.
///
/// # Errors
/// What the statement answers.
pub async fn is_bundled(tx: &mut Tx, product_id: Uuid) -> Result<bool> {
    let mut select = tx.select(MEMBER);
    select.column("pricing_id").limit(1);
    select.and_where(Expr::col("product_id").eq(product_id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// The price with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, product_id: Uuid, id: Uuid) -> Result<Option<ProductPricing>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("product_id").eq(product_id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The oldest price of the product with this content.
///
/// # Errors
/// What the statement answers.
pub async fn find_equal(
    tx: &mut Tx,
    product_id: Uuid,
    content_hash: &str,
) -> Result<Option<ProductPricing>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).limit(1);
    select.and_where(Expr::col("product_id").eq(product_id));
    select.and_where(Expr::col("content_hash").eq(content_hash));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Prices by their ids, unless they are deleted, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<ProductPricing>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The prices of several products, oldest first, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_products(tx: &mut Tx, products: &[Uuid]) -> Result<Vec<ProductPricing>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("product_id").is_in(products.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// One page of a product's prices.
///
/// # Errors
/// What the statements answer.
pub async fn page(
    tx: &mut Tx,
    product_id: Uuid,
    query: &list::Query,
) -> Result<Page<ProductPricing>> {
    let mut query = query.clone();
    query.conditions.push(list::Condition::Compare {
        column: &OF_PRODUCT,
        operator: list::Operator::Equal,
        values: vec![product_id.into()],
    });
    list::page(tx, &LIST, &query, decode).await
}

static OF_PRODUCT: Column = Column::new("product_id", Kind::Uuid, "product");
