//! Products. Owns their rows and the two lists over them: `/products` and `/v3/products` name the same
//! columns differently.

use florin_core::product::{
    self, Delivery, Details, Kind as ProductKind, Product, Status, Subtype, Timing, Unit,
};
use sea_query::{Asterisk, Expr, ExprTrait};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("product");
/// Ids of one statement at most: a database bounds the values of a statement.
const IDS_MAX: usize = 5_000;

const STATUSES: Kind = Kind::Choice(&["active", "inactive", "archived"]);

/// The list of products, as `/products` names its columns.
pub static LIST: Spec = Spec {
    table: "product",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("type", Kind::Choice(&["product", "group"]), "type").from(Source::Own("kind")),
        Column::new(
            "product_category",
            Kind::Text,
            "category (`group` for groups)",
        )
        .nullable(),
        Column::new("product_type", Kind::Text, "kind of delivery")
            .nullable()
            .from(Source::Own("timing"))
            .operators(&[Operator::IsNull]),
        Column::new(
            "product_sub_type",
            Kind::Choice(SUBTYPES),
            "what is counted",
        )
        .nullable()
        .from(Source::Own("subtype")),
        Column::new("is_active", Kind::Boolean, "whether it can be sold"),
        Column::new("sku", Kind::Text, "your own code")
            .nullable()
            .sortable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::new("parent_link_id", Kind::Uuid, "product above it").nullable(),
        Column::new("default_pricing_id", Kind::Uuid, "price offered first").nullable(),
        Column::new("track_usage", Kind::Boolean, "whether usage is recorded"),
        Column::created_at(),
        Column::updated_at(),
        Column::new("custom_attributes", Kind::Json, "custom attributes"),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// The list of products, as `/v3/products` names its columns.
pub static LIST_V3: Spec = Spec {
    table: "product",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new(
            "type",
            Kind::Choice(&["point_in_time", "period_of_time"]),
            "type",
        )
        .nullable()
        .from(Source::Own("timing")),
        Column::new("subtype", Kind::Choice(SUBTYPES), "subtype").nullable(),
        Column::new("status", STATUSES, "status"),
        Column::new("sku", Kind::Text, "your own code")
            .nullable()
            .sortable(),
        Column::new("slug", Kind::Text, "short name")
            .nullable()
            .sortable(),
        Column::new("tax_category", Kind::Text, "tax category").nullable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::created_at(),
        Column::updated_at(),
        Column::new("custom_attributes", Kind::Json, "custom attributes"),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

const SUBTYPES: &[&str] = &["quantity", "credits", "feature"];

fn values(product: &Product) -> Values {
    let Product {
        id: _,
        details,
        created_at,
        updated_at,
    } = product.clone();
    let Details {
        name,
        description,
        sku,
        slug,
        kind,
        status,
        delivery,
        unit,
        tax_codes,
        tax_category,
        parent_link_id,
        default_pricing_id,
        track_usage,
        enum_values,
        tags,
        custom_attributes,
    } = details;
    let (unit_singular, unit_plural) = unit.map_or((None, None), |unit| {
        let Unit { singular, plural } = unit;
        (Some(singular), plural)
    });
    let category = (kind == ProductKind::Group).then_some("group");
    let timing = delivery.map(|delivery| product::word(Timing::ALL, delivery.timing));
    let subtype = delivery.map(|delivery| product::word(Subtype::ALL, delivery.subtype));
    vec![
        ("name", name.into()),
        ("description", description.into()),
        ("sku", sku.into()),
        ("slug", slug.into()),
        ("kind", product::word(ProductKind::ALL, kind).into()),
        ("product_category", category.into()),
        ("status", product::word(Status::ALL, status).into()),
        ("is_active", (status == Status::Active).into()),
        ("timing", timing.into()),
        ("subtype", subtype.into()),
        ("unit_singular", unit_singular.into()),
        ("unit_plural", unit_plural.into()),
        ("tax_codes", record::json(Some(tax_codes))),
        ("tax_category", tax_category.into()),
        ("parent_link_id", parent_link_id.into()),
        ("default_pricing_id", default_pricing_id.into()),
        ("track_usage", track_usage.into()),
        ("enum_values", record::json(Some(Json::from(enum_values)))),
        ("tags", record::json(Some(tags))),
        ("custom_attributes", record::json(Some(custom_attributes))),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Product> {
    let enum_values: Json = row.get("enum_values")?;
    let texts = enum_values.as_array().into_iter().flatten();
    let details = Details {
        name: row.get("name")?,
        description: row.optional("description")?,
        sku: row.optional("sku")?,
        slug: row.optional("slug")?,
        kind: case(ProductKind::ALL, "kind", &row.get::<String>("kind")?)?,
        status: case(Status::ALL, "status", &row.get::<String>("status")?)?,
        delivery: delivery(row)?,
        unit: unit(row)?,
        tax_codes: row.get("tax_codes")?,
        tax_category: row.optional("tax_category")?,
        parent_link_id: row.optional("parent_link_id")?,
        default_pricing_id: row.optional("default_pricing_id")?,
        track_usage: row.get("track_usage")?,
        enum_values: texts.filter_map(Json::as_str).map(str::to_owned).collect(),
        tags: row.get("tags")?,
        custom_attributes: row.get("custom_attributes")?,
    };
    Ok(Product {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn delivery(row: &Row) -> Result<Option<Delivery>> {
    let (timing, subtype): (Option<String>, Option<String>) =
        (row.optional("timing")?, row.optional("subtype")?);
    let (Some(timing), Some(subtype)) = (timing, subtype) else {
        return Ok(None);
    };
    Ok(Some(Delivery {
        timing: case(Timing::ALL, "timing", &timing)?,
        subtype: case(Subtype::ALL, "subtype", &subtype)?,
    }))
}

fn unit(row: &Row) -> Result<Option<Unit>> {
    let singular: Option<String> = row.optional("unit_singular")?;
    let plural = row.optional("unit_plural")?;
    Ok(singular.map(|singular| Unit { singular, plural }))
}

fn case<T: Copy>(table: &[(T, &str)], column: &str, word: &str) -> Result<T> {
    product::case(table, word).ok_or_else(|| Error::Corrupt {
        column: column.to_owned(),
        reason: format!("{word} is not one of its words"),
    })
}

/// Adds a product.
///
/// # Errors
/// [`Error::Conflict`] with `product_sku_key` or `product_slug_key`.
pub async fn insert(tx: &mut Tx, product: &Product) -> Result<()> {
    record::insert(tx, &TABLE, product.id, values(product)).await
}

/// Changes a product.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, before: &Product, after: &Product) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks a product as deleted; what was sold of it keeps it.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, product: &Product) -> Result<()> {
    record::soft_delete(tx, &TABLE, product.id, values(product)).await
}

/// The product with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Product>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Of these ids, those of products that can be sold: neither deleted nor inactive.
///
/// # Errors
/// What the statement answers.
pub async fn on_sale(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("id");
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select.and_where(Expr::col("is_active").eq(true));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Of these ids, those of products that have sub-products.
///
/// # Errors
/// What the statement answers.
pub async fn with_parts(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("parent_link_id").distinct();
    select.and_where(Expr::col("parent_link_id").is_in(ids.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("parent_link_id")).collect()
}

/// Of these ids, those of products that are not deleted and not groups.
///
/// # Errors
/// What the statement answers.
pub async fn single(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("id");
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select.and_where(Expr::col("kind").eq(product::word(ProductKind::ALL, ProductKind::Product)));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Products by their ids, deleted ones too, with no lock: what was sold is still billed.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Product>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.column(Asterisk);
        select.and_where(Expr::col("id").is_in(ids.iter().copied()));
        for row in &tx.fetch_all(&select).await? {
            found.push(decode(row)?);
        }
    }
    Ok(found)
}

/// Whether the product has sub-products.
///
/// # Errors
/// What the statement answers.
pub async fn has_parts(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select.column("id").limit(1);
    select.and_where(Expr::col("parent_link_id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Id, name and code of every product.
///
/// # Errors
/// What the statement answers.
pub async fn named(tx: &mut Tx) -> Result<Vec<(Uuid, String, Option<String>)>> {
    let mut select = tx.select("product");
    select.columns(["id", "name", "sku"]);
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    let named = rows.iter();
    named
        .map(|row| Ok((row.get("id")?, row.get("name")?, row.optional("sku")?)))
        .collect()
}

/// One page of products.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, spec: &Spec, query: &list::Query) -> Result<Page<Product>> {
    list::page(tx, spec, query, decode).await
}
