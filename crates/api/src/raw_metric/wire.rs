//! A raw metric as JSON writes it.

use std::collections::BTreeMap;

use florin_core::{
    raw_metric::{API_TYPE_DEFAULT, CONNECTOR_DEFAULT, RawMetric, Written},
    usage::Schema,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::Instant;

/// The fields of an event and their types.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DataSchemaBody {
    /// Always `String`: it names the customer.
    #[schema(pattern = "^[Ss]tring$", example = "String")]
    #[serde(default = "customer_id_type")]
    customer_id: String,
    /// Always `DateTime64`: when the event happened, UTC.
    #[schema(pattern = "^[Dd]ate[Tt]ime(64)?$", example = "DateTime64")]
    #[serde(default = "timestamp_type")]
    timestamp: String,
    /// The type of each field of `data`: String, Int64, Float64, Decimal, Date32, DateTime64, UUID, Bool,
    /// or Array(…) of one of them; 200 fields at most. A name is a letter or `_`, then letters, digits,
    /// `_` or `-`, 100 characters at most.
    #[schema(example = json!({"id": "UUID", "region": "String", "gb": "Float64"}))]
    data: BTreeMap<String, String>,
}

fn customer_id_type() -> String {
    "String".to_owned()
}

fn timestamp_type() -> String {
    "DateTime64".to_owned()
}

/// What a caller may write of a raw metric.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RawMetricInput {
    /// What people call it.
    #[schema(min_length = 1, max_length = 255, example = "Storage")]
    name: String,
    /// Where events are sent: `/usage/{api_slug}`. Made from the name unless told: `a raw metric` is
    /// `a_raw_metric`. Unique in the organisation, ignoring upper and lower case; never changes.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[A-Za-z0-9_-]+$",
        example = "storage_event"
    )]
    api_slug: Option<String>,
    /// The fields of an event. A change can only add some.
    dataschema: DataSchemaBody,
    /// Columns that identify an event (`customer_id`, `timestamp`, `data.<field>`): a later event with
    /// the same values replaces the earlier one. None unless told: then every event counts.
    #[schema(max_items = 8, example = json!(["data.id"]))]
    unique_by: Option<Vec<String>>,
    /// Columns by which events are kept in order; `["timestamp"]` unless told.
    #[schema(max_items = 8, example = json!(["timestamp"]))]
    column_order: Option<Vec<String>>,
    /// What sends events; `push_to_zenskar` unless told.
    #[schema(min_length = 1, max_length = 100, example = "push_to_zenskar")]
    connector: Option<String>,
    /// How events come; `PUSH` unless told.
    #[schema(min_length = 1, max_length = 100, example = "PUSH")]
    api_type: Option<String>,
    /// Whether people may upload files of events; true unless told.
    #[schema(example = true)]
    usage_upload_enabled: Option<bool>,
}

/// A raw metric: a kind of usage event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RawMetricResponse {
    /// Id of the raw metric.
    id: Uuid,
    /// What people call it.
    #[schema(example = "Storage")]
    name: String,
    /// Where events are sent: `/usage/{api_slug}`.
    #[schema(example = "storage_event")]
    api_slug: String,
    /// The fields of an event.
    dataschema: DataSchemaBody,
    /// Columns that identify an event; empty where every event counts.
    #[schema(example = json!(["data.id"]))]
    unique_by: Vec<String>,
    /// Columns by which events are kept in order.
    #[schema(example = json!(["timestamp"]))]
    column_order: Vec<String>,
    /// What sends events.
    #[schema(example = "push_to_zenskar")]
    connector: String,
    /// How events come.
    #[schema(example = "PUSH")]
    api_type: String,
    /// Whether people may upload files of events.
    #[schema(example = true)]
    usage_upload_enabled: bool,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<&Schema> for DataSchemaBody {
    fn from(schema: &Schema) -> Self {
        let fields = schema.fields().iter();
        Self {
            customer_id: customer_id_type(),
            timestamp: timestamp_type(),
            data: fields
                .map(|field| (field.name.clone(), field.data_type.to_string()))
                .collect(),
        }
    }
}

impl From<RawMetricInput> for Written {
    fn from(input: RawMetricInput) -> Self {
        let RawMetricInput {
            name,
            api_slug,
            dataschema,
            unique_by,
            column_order,
            connector,
            api_type,
            usage_upload_enabled,
        } = input;
        Self {
            name,
            api_slug,
            fields: dataschema.data.into_iter().collect(),
            unique_by: unique_by.unwrap_or_default(),
            column_order: column_order.unwrap_or_default(),
            connector: connector.unwrap_or_else(|| CONNECTOR_DEFAULT.to_owned()),
            api_type: api_type.unwrap_or_else(|| API_TYPE_DEFAULT.to_owned()),
            usage_upload_enabled: usage_upload_enabled.unwrap_or(true),
        }
    }
}

impl From<RawMetric> for RawMetricInput {
    fn from(metric: RawMetric) -> Self {
        let RawMetricResponse {
            id: _,
            name,
            api_slug,
            dataschema,
            unique_by,
            column_order,
            connector,
            api_type,
            usage_upload_enabled,
            created_at: _,
            updated_at: _,
        } = metric.into();
        Self {
            name,
            api_slug: Some(api_slug),
            dataschema,
            unique_by: Some(unique_by),
            column_order: Some(column_order),
            connector: Some(connector),
            api_type: Some(api_type),
            usage_upload_enabled: Some(usage_upload_enabled),
        }
    }
}

impl From<RawMetric> for RawMetricResponse {
    fn from(metric: RawMetric) -> Self {
        let RawMetric {
            id,
            name,
            api_slug,
            schema,
            column_order,
            connector,
            api_type,
            usage_upload_enabled,
            created_at,
            updated_at,
        } = metric;
        Self {
            id,
            name,
            api_slug,
            dataschema: DataSchemaBody::from(&schema),
            unique_by: schema.unique_by_paths(),
            column_order,
            connector,
            api_type,
            usage_upload_enabled,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}
