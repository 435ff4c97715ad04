//! The form of a visual query, as the document shows it and bodies are checked against it. What is sent is kept
//! as it is; the core reads it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A comparison of a column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterBody {
    /// The column: `customer_id`, `timestamp` or `data.<field>`.
    #[schema(max_length = 128, example = "data.region")]
    column: String,
    /// One of `=`, `!=`, `>`, `>=`, `<`, `<=`, `IN`, `NOT IN`, `CONTAINS`, `NOT CONTAINS`, `IS NULL`,
    /// `IS NOT NULL`. A comparison with null is never true.
    #[schema(max_length = 32, example = "=")]
    operator: String,
    /// With what: a value of the column's type, a number also as text; a list for `IN`; nothing for the null
    /// tests.
    #[schema(example = "eu")]
    value: Option<Value>,
}

/// Comparisons that are joined.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterGroupBody {
    /// `AND` unless told.
    #[schema(max_length = 8, example = "AND")]
    logic: Option<String>,
    /// The comparisons; none is true.
    #[schema(max_items = 50)]
    filters: Option<Vec<FilterBody>>,
}

/// Groups of comparisons that are joined.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FiltersBody {
    /// `AND` unless told.
    #[schema(max_length = 8, example = "AND")]
    logic: Option<String>,
    /// The groups; without any, every event counts.
    #[schema(max_items = 50)]
    groups: Option<Vec<FilterGroupBody>>,
}

/// How an event names its customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CustomerMappingBody {
    /// The column of the event; `customer_id` unless told.
    #[schema(max_length = 128, example = "customer_id")]
    column: Option<String>,
    /// What of the customer it holds: `external_id` (also a former one) unless told, `id`, or
    /// `custom_data.<key>`.
    #[schema(max_length = 128, example = "external_id")]
    customer_column: Option<String>,
}

/// A column of dates, also by its name alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the core reads")]
pub(super) enum DateMappingBody {
    /// The column.
    Column {
        /// `timestamp`, or a field of type DateTime64 or Date32.
        #[schema(max_length = 128, example = "timestamp")]
        column: Option<String>,
    },
    /// The column's name.
    Name(String),
}

/// How events become a quantity.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AggregateOperationBody {
    /// One of COUNT, SUM, MIN, MAX, AVG, UNIQUE COUNT, LATEST, WEIGHTED SUM.
    #[serde(rename = "type")]
    #[schema(max_length = 32, example = "SUM")]
    kind: Option<String>,
    /// Another name for `type`.
    #[schema(max_length = 32, example = json!(null))]
    operation: Option<String>,
    /// The column; only COUNT does without.
    #[schema(max_length = 128, example = "data.gb")]
    column: Option<String>,
}

/// A metric as a form describes it: a table, filters, whose usage an event is, when it counts, and how events
/// become a quantity.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VisualQueryBody {
    /// The slug of a raw metric, perhaps with `raw_metric_` before it.
    #[schema(max_length = 128, example = "raw_metric_storage_event")]
    table_name: Option<String>,
    /// Which events count; all of them unless told.
    visual_query: Option<FiltersBody>,
    /// Whose usage an event is; `customer_id` holds the `external_id` unless told.
    customer_mapping: Option<CustomerMappingBody>,
    /// When an event counts; at its `timestamp` unless told.
    start_date_mapping: Option<DateMappingBody>,
    /// The same column as `start_date_mapping`, or nothing: an event has one date.
    end_date_mapping: Option<DateMappingBody>,
    /// How events become a quantity.
    aggregate_operation: Option<AggregateOperationBody>,
    /// Columns by whose values the quantity is split; a price names them by their last part, as `region`.
    #[schema(max_items = 8, example = json!(["data.region"]))]
    group_by: Option<Vec<String>>,
}
