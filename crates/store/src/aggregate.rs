//! Aggregates. Owns their rows and their versions. A definition is text and a document, as its author wrote
//! it; nothing is computed from it here.

use florin_core::aggregate::{Aggregate, AggregateVersion, Content};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("aggregate");
const VERSION: &str = "aggregate_version";
const PRICE: &str = "product_pricing_aggregate";

/// The list of aggregates.
pub static LIST: Spec = Spec {
    table: "aggregate",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("datasource", Kind::Uuid, "data source").nullable(),
        Column::new("raw_metric_id", Kind::Uuid, "raw metric of a visual query").nullable(),
        Column::new("version", Kind::Integer, "number of the definition"),
        Column::new("parent_aggregate_id", Kind::Uuid, "parent")
            .operators(&[Operator::IsNull])
            .from(Source::Absent),
        Column::new("aggregate_type", Kind::Text, "type")
            .operators(&[Operator::IsNull])
            .from(Source::Absent),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// The list of an aggregate's versions.
pub static VERSIONS: Spec = Spec {
    table: VERSION,
    columns: &[
        Column::id(),
        Column::new("version", Kind::Integer, "number of the definition").sortable(),
        Column::created_at(),
    ],
    default_order: "version",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn content(content: &Content) -> Values {
    let Content {
        dataschema,
        aggregation_query,
        cust_agg_query,
        visual_query_builder,
        datasource,
    } = content.clone();
    vec![
        ("dataschema", dataschema.into()),
        ("aggregation_query", aggregation_query.into()),
        ("cust_agg_query", cust_agg_query.into()),
        (
            "visual_query_builder",
            record::json(Some(visual_query_builder)),
        ),
        ("datasource", datasource.into()),
    ]
}

fn values(aggregate: &Aggregate) -> Values {
    let Aggregate {
        id: _,
        name,
        content: measured,
        raw_metric_id,
        version,
        created_at,
        updated_at,
    } = aggregate;
    let mut values = content(measured);
    values.extend([
        ("name", name.clone().into()),
        ("raw_metric_id", (*raw_metric_id).into()),
        ("version", (*version).into()),
        ("created_at", (*created_at).into()),
        ("updated_at", (*updated_at).into()),
    ]);
    values
}

fn decode_content(row: &Row) -> Result<Content> {
    Ok(Content {
        dataschema: row.optional("dataschema")?,
        aggregation_query: row.optional("aggregation_query")?,
        cust_agg_query: row.optional("cust_agg_query")?,
        visual_query_builder: row.get("visual_query_builder")?,
        datasource: row.optional("datasource")?,
    })
}

fn decode(row: &Row) -> Result<Aggregate> {
    Ok(Aggregate {
        id: row.get("id")?,
        name: row.get("name")?,
        content: decode_content(row)?,
        raw_metric_id: row.optional("raw_metric_id")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn decode_version(row: &Row) -> Result<AggregateVersion> {
    Ok(AggregateVersion {
        id: row.get("id")?,
        aggregate_id: row.get("aggregate_id")?,
        version: row.get("version")?,
        content: decode_content(row)?,
        created_at: row.get("created_at")?,
    })
}

/// Adds an aggregate and its first version.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, aggregate: &Aggregate, version_id: Uuid) -> Result<()> {
    record::insert(tx, &TABLE, aggregate.id, values(aggregate)).await?;
    insert_version(tx, aggregate.current_version(version_id)).await
}

/// Changes an aggregate; a new version of it is added.
///
/// # Errors
/// What the statements answer.
pub async fn update(
    tx: &mut Tx,
    before: &Aggregate,
    after: &Aggregate,
    version_id: Uuid,
) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    if after.version == before.version {
        return Ok(());
    }
    insert_version(tx, after.current_version(version_id)).await
}

async fn insert_version(tx: &mut Tx, version: AggregateVersion) -> Result<()> {
    let AggregateVersion {
        id,
        aggregate_id,
        version,
        content: measured,
        created_at,
    } = version;
    let mut row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
        ("aggregate_id", aggregate_id.into()),
        ("version", version.into()),
        ("created_at", created_at.into()),
    ];
    row.extend(content(&measured));
    record::insert_plain(tx, VERSION, row).await
}

/// Marks an aggregate as deleted; what was measured by it keeps its versions.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, aggregate: &Aggregate) -> Result<()> {
    record::soft_delete(tx, &TABLE, aggregate.id, values(aggregate)).await
}

/// The aggregate with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Aggregate>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Aggregates by their ids, in one query, deleted ones too.
///
/// # Errors
/// What the statement answers.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Aggregate>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// Of these ids, those of aggregates that are not deleted.
///
/// # Errors
/// What the statement answers.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("id");
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// The newest aggregates that measure a raw metric by a form, `limit` at most.
///
/// # Errors
/// What the statement answers.
pub async fn of_raw_metric(
    tx: &mut Tx,
    raw_metric_id: Uuid,
    limit: usize,
) -> Result<Vec<Aggregate>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("raw_metric_id").eq(raw_metric_id));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("id", Order::Desc).limit(limit as u64);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// Whether a price counts by the aggregate.
///
/// # Errors
/// What the statement answers.
pub async fn is_priced(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let mut select = tx.select(PRICE);
    select.column("pricing_id").limit(1);
    select.and_where(Expr::col("aggregate_id").eq(id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// One page of aggregates.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Aggregate>> {
    list::page(tx, &LIST, query, decode).await
}

/// One page of an aggregate's versions.
///
/// # Errors
/// What the statements answer.
pub async fn versions(
    tx: &mut Tx,
    aggregate_id: Uuid,
    query: &list::Query,
) -> Result<Page<AggregateVersion>> {
    let mut query = query.clone();
    let of_aggregate = Expr::col((VERSION, "aggregate_id")).eq(aggregate_id);
    query.conditions.push(list::Condition::Scope(of_aggregate));
    list::page(tx, &VERSIONS, &query, decode_version).await
}
