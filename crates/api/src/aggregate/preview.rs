//! Trying a visual query before it is saved.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, aggregate::Preview, usage::ROWS_MAX};
use florin_core::{aggregate::VisualQuery, calendar::Period};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    estimate::days,
    visual_query::{AggregateOperationBody, CustomerMappingBody, DateMappingBody, FiltersBody},
};
use crate::{
    body::Body,
    context::{Context, Server},
    error::{BadField, Error, Result},
    usage_event::Rows,
    value::Day,
};

/// Rows that are answered where the client does not say how many.
const ROWS_DEFAULT: usize = 20;

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// A column by which rows are ordered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct OrderBody {
    /// The column: `customer_id`, `timestamp` or `data.<field>`.
    #[schema(max_length = 128, example = "timestamp")]
    column: String,
    /// `ASC` unless told.
    #[serde(rename = "type")]
    #[schema(pattern = "^([Aa][Ss][Cc]|[Dd][Ee][Ss][Cc])$", example = "DESC")]
    direction: Option<String>,
}

/// A visual query and which of its rows are shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AggregatePreviewInput {
    /// The slug of a raw metric, perhaps with `raw_metric_` before it.
    #[schema(min_length = 1, max_length = 128, example = "raw_metric_storage_event")]
    table_name: String,
    /// Which events count; all of them unless told.
    #[schema(value_type = Option<FiltersBody>)]
    visual_query: Option<Value>,
    /// Whose usage an event is.
    #[schema(value_type = Option<CustomerMappingBody>)]
    customer_mapping: Option<Value>,
    /// When an event counts.
    #[schema(value_type = Option<DateMappingBody>)]
    start_date_mapping: Option<Value>,
    /// The same column, or nothing.
    #[schema(value_type = Option<DateMappingBody>)]
    end_date_mapping: Option<Value>,
    /// How events become a quantity; without it the events are shown.
    #[schema(value_type = Option<AggregateOperationBody>)]
    aggregate_operation: Option<Value>,
    /// Columns by whose values the quantity is split.
    #[schema(max_items = 8, example = json!(["data.region"]))]
    group_by: Option<Vec<String>>,
    /// First day, in the organisation's time zone; every day unless told.
    start_date: Option<Day>,
    /// Last day.
    end_date: Option<Day>,
    /// Order of events; what was received last comes first unless told.
    #[schema(max_items = 8)]
    order_by: Option<Vec<OrderBody>>,
    /// Rows at most; 20 unless told.
    #[schema(minimum = 1, maximum = 1000, example = 20)]
    limit: Option<usize>,
    /// Rows to pass over.
    #[schema(minimum = 0, maximum = 100_000, example = 0)]
    offset: Option<usize>,
}

/// Try a visual query
///
/// Shows the events that the query counts; with an `aggregate_operation` the quantities of the customers that
/// used something.
#[utoipa::path(
    post,
    path = "/aggregate/visualquery/preview",
    tag = "billable metrics",
    request_body = AggregatePreviewInput,
    responses((status = 200, description = "Rows.", body = Rows))
)]
async fn preview(context: Context, Body(input): Body<AggregatePreviewInput>) -> Result<Json<Rows>> {
    let preview = tried(input)?;
    let results = app::aggregate::preview(&context.app, context.organisation(), &preview).await?;
    Ok(Json(Rows { results }))
}

fn tried(input: AggregatePreviewInput) -> Result<Preview> {
    let period = period(input.start_date, input.end_date)?;
    let order = input.order_by.iter().flatten().map(|one| {
        let direction = one.direction.as_deref().unwrap_or("ASC");
        (one.column.clone(), direction.eq_ignore_ascii_case("desc"))
    });
    let order = order.collect();
    let limit = input.limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
    let offset = input.offset.unwrap_or(0);
    let document = json!({
        "table_name": input.table_name,
        "visual_query": input.visual_query,
        "customer_mapping": input.customer_mapping,
        "start_date_mapping": input.start_date_mapping,
        "end_date_mapping": input.end_date_mapping,
        "aggregate_operation": input.aggregate_operation,
        "group_by": input.group_by,
    });
    let visual = VisualQuery::read(&document).map_err(app::aggregate::invalid)?;
    Ok(Preview {
        visual,
        period,
        order,
        limit,
        offset,
    })
}

fn period(start: Option<Day>, end: Option<Day>) -> Result<Option<Period>> {
    let days = days(start.map(|Day(day)| day), end.map(|Day(day)| day));
    days.map_err(|message| {
        Error::Unreadable(vec![BadField {
            part: "body",
            path: vec!["end_date".to_owned()],
            message,
            kind: "value_error.date".to_owned(),
        }])
    })
}
