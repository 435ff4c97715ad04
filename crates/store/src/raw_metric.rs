//! Raw metrics. Owns their rows; the events of each are elsewhere.

use florin_core::{raw_metric::RawMetric, usage::Schema};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("raw_metric");

/// The list of raw metrics.
pub static LIST: Spec = Spec {
    table: "raw_metric",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("api_slug", Kind::Text, "slug").sortable(),
        Column::new("connector", Kind::Text, "sender of events"),
        Column::new("api_type", Kind::Text, "way in which events come"),
        Column::new(
            "usage_upload_enabled",
            Kind::Boolean,
            "permission to upload files",
        ),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(metric: &RawMetric) -> Values {
    let RawMetric {
        id: _,
        name,
        api_slug,
        schema,
        column_order,
        connector,
        api_type,
        usage_upload_enabled,
        created_at,
        updated_at,
    } = metric.clone();
    let fields = schema.fields().iter();
    let fields = fields.map(|field| json!([field.name, field.data_type.to_string()]));
    vec![
        ("name", name.into()),
        ("api_slug", api_slug.into()),
        ("fields", record::json(Some(fields.collect()))),
        (
            "unique_by",
            record::json(Some(json!(schema.unique_by_paths()))),
        ),
        ("column_order", record::json(Some(json!(column_order)))),
        ("connector", connector.into()),
        ("api_type", api_type.into()),
        ("usage_upload_enabled", usage_upload_enabled.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<RawMetric> {
    Ok(RawMetric {
        id: row.get("id")?,
        name: row.get("name")?,
        api_slug: row.get("api_slug")?,
        schema: schema(row)?,
        column_order: texts(row, "column_order")?,
        connector: row.get("connector")?,
        api_type: row.get("api_type")?,
        usage_upload_enabled: row.get("usage_upload_enabled")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// The schema, with every rule of schemas checked again.
fn schema(row: &Row) -> Result<Schema> {
    let document: Json = row.get("fields")?;
    let fields = document.as_array().into_iter().flatten();
    let fields: Option<Vec<(&str, &str)>> = fields
        .map(|field| Some((field[0].as_str()?, field[1].as_str()?)))
        .collect();
    let fields = fields.ok_or_else(|| corrupt("fields", "a field is a name and a type"))?;
    Schema::new(fields, &texts(row, "unique_by")?).map_err(|errors| {
        let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
        corrupt("fields", &reasons.join("; "))
    })
}

fn texts(row: &Row, column: &str) -> Result<Vec<String>> {
    let document: Json = row.get(column)?;
    let texts = document.as_array().into_iter().flatten();
    let texts: Option<Vec<String>> = texts.map(|text| text.as_str().map(str::to_owned)).collect();
    texts.ok_or_else(|| corrupt(column, "a list of texts"))
}

fn corrupt(column: &str, reason: &str) -> Error {
    let (column, reason) = (column.to_owned(), reason.to_owned());
    Error::Corrupt { column, reason }
}

/// Adds a raw metric.
///
/// # Errors
/// [`Error::Conflict`] with `raw_metric_api_slug_key`.
pub async fn insert(tx: &mut Tx, metric: &RawMetric) -> Result<()> {
    record::insert(tx, &TABLE, metric.id, values(metric)).await
}

/// Changes a raw metric.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &RawMetric, after: &RawMetric) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The raw metric with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<RawMetric>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The raw metric with exactly this slug.
///
/// # Errors
/// What the statement answers.
pub async fn find_by_slug(tx: &mut Tx, api_slug: &str) -> Result<Option<RawMetric>> {
    let mut select = tx.select(TABLE.name);
    // The first comparison is the index's; slugs that differ only in case are one.
    let lower = Expr::cust("lower(api_slug)").eq(api_slug.to_ascii_lowercase());
    select.column(Asterisk).and_where(lower);
    select.and_where(Expr::col("api_slug").eq(api_slug));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Every raw metric of the organisation, by slug.
///
/// # Errors
/// What the statement answers.
pub async fn all(tx: &mut Tx) -> Result<Vec<RawMetric>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).order_by("api_slug", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// One page of raw metrics.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<RawMetric>> {
    list::page(tx, &LIST, query, decode).await
}
