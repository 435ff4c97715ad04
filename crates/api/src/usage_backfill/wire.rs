//! Backfills as JSON writes them.

use std::ops::Range;

use florin_app::{
    aggregate::measured,
    usage_backfill::{Difference, MetricReview, Review},
};
use florin_core::usage::backfill::{Backfill, Closed, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::value::Instant;

/// A backfill that is to be opened.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct BackfillInput {
    /// First instant of the window.
    #[schema(example = "2025-12-01T00:00:00Z")]
    start: Instant,
    /// First instant after the window; not in the future.
    #[schema(example = "2026-01-01T00:00:00Z")]
    end: Instant,
    /// Why; it is kept with the backfill.
    #[schema(min_length = 1, max_length = 1000, example = "a sender counted twice")]
    reason: String,
}

/// Where a backfill is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BackfillStateWord {
    /// Takes events, which count nowhere yet.
    Open,
    /// Its events took the place of the window's.
    Committed,
    /// Its events are gone; nothing was exchanged.
    Reverted,
}

/// A backfill.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackfillResponse {
    /// Id of the backfill.
    id: Uuid,
    /// The raw metric.
    raw_metric_id: Uuid,
    /// First instant of the window.
    start: Instant,
    /// First instant after the window.
    end: Instant,
    /// Why.
    #[schema(example = "a sender counted twice")]
    reason: String,
    /// Where it is.
    state: BackfillStateWord,
    /// Events up to this `_seq` are exchanged.
    #[schema(example = 4710)]
    replaces_up_to: u64,
    /// Place of the exchange among the events of the raw metric; null before it.
    #[schema(example = 4711)]
    sequence: Option<u64>,
    /// Events that it brought; null before it is committed.
    #[schema(example = 1200)]
    event_count: Option<u64>,
    /// Who opened it: `key:` and the id of an API key.
    #[schema(example = "key:0198c0de-0000-7000-8000-000000000001")]
    created_by: String,
    /// When it was opened.
    created_at: Instant,
    /// Who committed or reverted it; null while it is open.
    #[schema(example = "key:0198c0de-0000-7000-8000-000000000001")]
    closed_by: Option<String>,
    /// When.
    closed_at: Option<Instant>,
}

/// Which metrics are compared.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
pub(super) struct ReviewParameters {
    /// A billable metric; several, separated by commas or by coming several times.
    aggregate_id: Option<Uuid>,
}

/// A quantity.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuantityResponse {
    /// How much was used, an exact number.
    #[schema(value_type = f64, example = 1500.25)]
    quantity: Value,
    /// The value of each dimension by its name; null where the metric has none.
    #[schema(example = json!({"region": "eu"}))]
    dimension: Option<Map<String, Value>>,
}

/// What would change for a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DifferenceResponse {
    /// The customer.
    customer_id: Uuid,
    /// What it used so far.
    before: Vec<QuantityResponse>,
    /// What it used if the backfill was committed now.
    after: Vec<QuantityResponse>,
}

/// What would change of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetricReviewResponse {
    /// The billable metric.
    aggregate_id: Uuid,
    /// Its name.
    #[schema(example = "Gigabytes")]
    name: String,
    /// Customers that were compared.
    #[schema(example = 12)]
    customer_count: usize,
    /// Customers whose quantities change.
    #[schema(example = 1)]
    changed_count: usize,
    /// The first of these, 1000 at most.
    differences: Vec<DifferenceResponse>,
}

/// What would change if a backfill was committed now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReviewResponse {
    /// The backfill.
    backfill_id: Uuid,
    /// Events of the window that count now.
    #[schema(example = 1180)]
    events_before: u64,
    /// Events of the window that would count.
    #[schema(example = 1200)]
    events_after: u64,
    /// The metrics.
    metrics: Vec<MetricReviewResponse>,
}

impl From<BackfillInput> for (Range<Timestamp>, String) {
    fn from(input: BackfillInput) -> Self {
        let BackfillInput {
            start: Instant(start),
            end: Instant(end),
            reason,
        } = input;
        (start..end, reason)
    }
}

impl From<Backfill> for BackfillResponse {
    fn from(backfill: Backfill) -> Self {
        let Backfill {
            id,
            raw_metric_id,
            window,
            replaces_up_to,
            reason,
            state,
            created_by,
            created_at,
        } = backfill;
        let (word, exchange, closed) = match state {
            State::Open => (BackfillStateWord::Open, None, None),
            State::Committed {
                sequence,
                event_count,
                closed,
            } => {
                let exchange = Some((sequence, event_count));
                (BackfillStateWord::Committed, exchange, Some(closed))
            }
            State::Reverted { closed } => (BackfillStateWord::Reverted, None, Some(closed)),
        };
        let (sequence, event_count) = exchange.unzip();
        let (closed_by, closed_at) = closed.map(|Closed { by, at }| (by, Instant(at))).unzip();
        Self {
            id,
            raw_metric_id,
            start: Instant(window.start),
            end: Instant(window.end),
            reason,
            state: word,
            replaces_up_to,
            sequence,
            event_count,
            created_by,
            created_at: Instant(created_at),
            closed_by,
            closed_at,
        }
    }
}

impl ReviewResponse {
    pub(super) fn new(backfill_id: Uuid, review: Review) -> Self {
        let Review {
            events_before,
            events_after,
            metrics,
        } = review;
        Self {
            backfill_id,
            events_before,
            events_after,
            metrics: metrics
                .into_iter()
                .map(MetricReviewResponse::from)
                .collect(),
        }
    }
}

impl From<MetricReview> for MetricReviewResponse {
    fn from(review: MetricReview) -> Self {
        let MetricReview {
            aggregate,
            changed_count,
            customer_count,
            differences,
        } = review;
        Self {
            aggregate_id: aggregate.id,
            name: aggregate.name,
            customer_count,
            changed_count,
            differences: differences.iter().map(difference).collect(),
        }
    }
}

fn difference(difference: &Difference) -> DifferenceResponse {
    DifferenceResponse {
        customer_id: difference.customer_id,
        before: quantities(&difference.before),
        after: quantities(&difference.after),
    }
}

fn quantities(usage: &florin_core::pricing::Usage) -> Vec<QuantityResponse> {
    let rows = measured(usage).into_iter().map(|mut row| QuantityResponse {
        quantity: row.remove("quantity").unwrap_or_default(),
        dimension: match row.remove("dimension") {
            Some(Value::Object(dimension)) => Some(dimension),
            _ => None,
        },
    });
    rows.collect()
}
