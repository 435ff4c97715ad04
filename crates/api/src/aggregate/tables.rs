//! The tables that a billable metric may read.

use std::sync::Arc;

use axum::Json;
use florin_app::{
    self as app,
    usage::{RecordTable, Stream},
};
use florin_core::aggregate::visual_query::table_name;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    context::{Context, Server},
    error::Result,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(tables))
}

/// A column of a table.
#[derive(Debug, Serialize, ToSchema)]
struct TableColumn {
    /// Its name, in visual queries and in SQL.
    #[schema(example = "data.gb")]
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "Float64")]
    data_type: String,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
struct Table {
    /// Its name in visual queries; null for a table that only SQL can join.
    #[schema(example = "raw_metric_storage_event")]
    table_name: Option<String>,
    /// Its name in SQL.
    #[schema(example = "storage_event")]
    sql_name: String,
    /// The raw metric whose events it has.
    raw_metric_id: Option<Uuid>,
    /// Its columns.
    columns: Vec<TableColumn>,
}

/// Tables.
#[derive(Debug, Serialize, ToSchema)]
struct Tables {
    /// The events of each raw metric by slug, then the organisation's records.
    results: Vec<Table>,
}

/// List the tables of billable metrics
///
/// The events of every raw metric, with their columns and types, and the records that SQL may join.
#[utoipa::path(
    get,
    path = "/aggregates/tables/schema",
    tag = "billable metrics",
    responses((status = 200, description = "The tables.", body = Tables))
)]
async fn tables(context: Context) -> Result<Json<Tables>> {
    let streams = app::aggregate::streams(&context.app, context.organisation()).await?;
    let records = context.app.usage.record_tables();
    let results = streams.into_iter().map(Table::from);
    let results = results.chain(records.into_iter().map(Table::from));
    Ok(Json(Tables {
        results: results.collect(),
    }))
}

impl From<Stream> for Table {
    fn from(stream: Stream) -> Self {
        let column = |name: String, data_type: String| TableColumn { name, data_type };
        let fields = stream.schema.fields().iter();
        let fields =
            fields.map(|field| column(format!("data.{}", field.name), field.data_type.to_string()));
        let roots = [("customer_id", "String"), ("timestamp", "DateTime64")];
        let roots = roots.map(|(name, data_type)| column(name.to_owned(), data_type.to_owned()));
        Self {
            table_name: Some(table_name(&stream.api_slug)),
            sql_name: stream.api_slug.clone(),
            raw_metric_id: Some(stream.id),
            columns: roots.into_iter().chain(fields).collect(),
        }
    }
}

impl From<RecordTable> for Table {
    fn from(table: RecordTable) -> Self {
        let RecordTable { name, columns } = table;
        let columns = columns.into_iter();
        Self {
            table_name: None,
            sql_name: name,
            raw_metric_id: None,
            columns: columns
                .map(|(name, data_type)| TableColumn { name, data_type })
                .collect(),
        }
    }
}
