//! Usage events as JSON writes them; the types document what the engine reads.

use florin_app::usage::Ingested;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A usage event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    /// Whose usage it is: by default the `external_id` of a customer; a metric's customer mapping says.
    #[schema(min_length = 1, max_length = 255, example = "CRM-771")]
    customer_id: String,
    /// When it happened, always UTC: `2026-02-01 06:45:52`, with a fraction of up to six digits, with `T`
    /// for the space, with `Z`; a day alone is its midnight. Another offset is refused.
    #[schema(
        pattern = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?)?$",
        example = "2026-02-01 06:45:52.125"
    )]
    timestamp: String,
    /// The fields of the raw metric's `dataschema`, each of its type or null; a field that is not sent is
    /// null. A field that the schema does not have is refused.
    #[schema(value_type = Object, example = json!({}))]
    data: Value,
}

/// One event or an array of events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents what the engine reads from the bytes")]
pub(crate) enum EventsBody {
    /// One event.
    One(EventBody),
    /// Several, 10,000 at most: all of them are kept, or none.
    Many(Vec<EventBody>),
}

/// What was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IngestedResponse {
    /// Always `ok`: the events are on the disk.
    #[schema(example = "ok")]
    status: &'static str,
    /// Events of the request.
    #[schema(example = 1)]
    count: u64,
}

impl From<Ingested> for IngestedResponse {
    fn from(kept: Ingested) -> Self {
        let Ingested {
            events,
            is_repetition: _,
        } = kept;
        Self {
            status: "ok",
            count: events,
        }
    }
}
