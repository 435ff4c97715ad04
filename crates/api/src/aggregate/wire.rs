//! A billable metric as JSON writes it.

use florin_core::aggregate::{Aggregate, AggregateVersion, Content, Definition};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::visual_query::VisualQueryBody;
use crate::value::Instant;

/// What a caller may write of a billable metric.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct AggregateInput {
    /// What people call it.
    #[schema(min_length = 1, max_length = 255, example = "Gigabytes in Europe")]
    name: String,
    /// The author's description of the answer's columns, a text that holds JSON; kept and shown, not used.
    #[schema(max_length = 65_536, example = r#"{"quantity": "Float64"}"#)]
    dataschema: Option<String>,
    /// A Jinja template of one SELECT that answers a column `quantity`, and a column for each dimension of a
    /// price. Tables are named by slug, columns `customer_id`, `timestamp`, `data.<field>`; `{{start_date}}` and
    /// `{{end_date}}` are the period's first and last day, `{{customer.id}}`, `{{customer.external_id}}` and
    /// `{{customer.custom_data.<key>}}` the customer's, each a complete SQL literal. Decides unless blank.
    #[schema(
        max_length = 65_536,
        example = r#"SELECT SUM(data.gb) AS "quantity" FROM storage_event WHERE DATE("timestamp") >= DATE({{start_date}}) AND DATE("timestamp") <= DATE({{end_date}}) AND "customer_id" = {{customer.external_id}}"#
    )]
    aggregation_query: Option<String>,
    /// A template for one customer, as some clients send it; kept and shown, not used.
    #[schema(max_length = 65_536, example = "SELECT 1")]
    cust_agg_query: Option<String>,
    /// The metric as a form describes it; kept and shown as it was sent. An empty object is none.
    #[schema(value_type = Option<VisualQueryBody>)]
    visual_query_builder: Option<Value>,
    /// The data source, as clients name it; kept and shown, not used.
    datasource: Option<Uuid>,
}

/// Which of its two definitions a billable metric measures by.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DefinitionKind {
    /// `aggregation_query`
    Sql,
    /// `visual_query_builder`
    Visual,
}

/// A billable metric.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AggregateResponse {
    /// Id of the billable metric.
    id: Uuid,
    /// What people call it.
    #[schema(example = "Gigabytes in Europe")]
    name: String,
    /// The author's description of the answer's columns.
    #[schema(example = r#"{"quantity": "Float64"}"#)]
    dataschema: Option<String>,
    /// A template of a SELECT.
    #[schema(example = json!(null))]
    aggregation_query: Option<String>,
    /// A template for one customer; not used.
    #[schema(example = json!(null))]
    cust_agg_query: Option<String>,
    /// The metric as a form describes it.
    #[schema(value_type = Object)]
    visual_query_builder: Value,
    /// The data source; not used.
    datasource: Option<Uuid>,
    /// By which of the two it measures.
    definition: DefinitionKind,
    /// The raw metric whose events a visual metric measures.
    raw_metric_id: Option<Uuid>,
    /// Counts the definitions that it has had, from 1.
    #[schema(example = 1)]
    version: i64,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A definition that a billable metric has or had.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AggregateVersionResponse {
    /// Id of the version.
    id: Uuid,
    /// The billable metric.
    aggregate_id: Uuid,
    /// Which of its definitions, from 1.
    #[schema(example = 1)]
    version: i64,
    /// The author's description of the answer's columns.
    #[schema(example = r#"{"quantity": "Float64"}"#)]
    dataschema: Option<String>,
    /// A template of a SELECT.
    #[schema(example = json!(null))]
    aggregation_query: Option<String>,
    /// A template for one customer; not used.
    #[schema(example = json!(null))]
    cust_agg_query: Option<String>,
    /// The metric as a form describes it.
    #[schema(value_type = Object)]
    visual_query_builder: Value,
    /// The data source; not used.
    datasource: Option<Uuid>,
    /// By which of the two it measured.
    definition: DefinitionKind,
    /// From when on it held.
    created_at: Instant,
}

impl AggregateInput {
    /// The name and what is measured.
    pub(super) fn into_parts(self) -> (String, Content) {
        let Self {
            name,
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
        } = self;
        let content = Content {
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder: visual_query_builder.unwrap_or_else(|| json!({})),
            datasource,
        };
        (name, content)
    }
}

impl From<Aggregate> for AggregateInput {
    fn from(aggregate: Aggregate) -> Self {
        let Content {
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
        } = aggregate.content;
        Self {
            name: aggregate.name,
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder: Some(visual_query_builder),
            datasource,
        }
    }
}

/// What is kept was checked, so what is no template is a visual query.
fn kind(content: &Content) -> DefinitionKind {
    match content.definition() {
        Ok(Definition::Sql(_)) => DefinitionKind::Sql,
        Ok(Definition::Visual(_)) | Err(_) => DefinitionKind::Visual,
    }
}

impl From<Aggregate> for AggregateResponse {
    fn from(aggregate: Aggregate) -> Self {
        let Aggregate {
            id,
            name,
            content,
            raw_metric_id,
            version,
            created_at,
            updated_at,
        } = aggregate;
        let definition = kind(&content);
        let Content {
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
        } = content;
        Self {
            id,
            name,
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
            definition,
            raw_metric_id,
            version,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<AggregateVersion> for AggregateVersionResponse {
    fn from(version: AggregateVersion) -> Self {
        let AggregateVersion {
            id,
            aggregate_id,
            version,
            content,
            created_at,
        } = version;
        let definition = kind(&content);
        let Content {
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
        } = content;
        Self {
            id,
            aggregate_id,
            version,
            dataschema,
            aggregation_query,
            cust_agg_query,
            visual_query_builder,
            datasource,
            definition,
            created_at: Instant(created_at),
        }
    }
}
