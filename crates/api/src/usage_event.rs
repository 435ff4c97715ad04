//! Usage events over HTTP: sending them.
//!
//! Does not own reading events: their bytes go to the engine as they came, because a JSON tree of ten
//! thousand events for each request would cost more than keeping them.

mod body;
mod rows;
mod wire;

use std::sync::Arc;

use axum::{
    Json,
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderValue},
    routing::post,
};
use florin_app::{
    self as app,
    usage::{EVENT_BYTES_MAX, IdempotencyKey, Ingested, UsageError},
};
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::{Context, Server, idempotency_key},
    error::Result,
    path::PathText,
};
pub(crate) use body::Events;
pub(crate) use rows::{Rows, RowsParameters, page_number, rows_query};
pub(crate) use wire::{EventsBody, IngestedResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(ingest))
        .route("/usage_events/{api_slug}", post(ingest))
        .layer(DefaultBodyLimit::max(EVENT_BYTES_MAX))
}

/// Send usage events
///
/// One event or an array of events, 10,000 and 8 MiB at most (after decompression); or, as
/// `application/x-ndjson` or `application/jsonl`, one event a line. The answer comes when the events are
/// on the disk; every later answer of a metric counts them. If one event cannot be used, none is kept, and
/// the answer names index and field of every bad place. A key in `Idempotency-Key` is remembered for 24 hours
/// with the events: repeating the request keeps nothing and answers as before. A 429 means that events come
/// faster than they can be written: wait as long as `Retry-After` says.
#[utoipa::path(
    post,
    path = "/usage/{api_slug}",
    tag = "usage events",
    params(
        ("api_slug" = String, Path, description = "Slug of the raw metric."),
        ("Content-Encoding" = Option<String>, Header,
            description = "How the body is compressed: `gzip` or `zstd`; not at all unless told.",
            example = "gzip")
    ),
    request_body(
        description = "One event or several.",
        content = EventsBody
    ),
    responses(
        (status = 200, description = "The events are kept.", body = IngestedResponse),
        (status = 415, description = "The Content-Encoding is neither gzip nor zstd.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn ingest(
    context: Context,
    PathText(api_slug): PathText,
    headers: HeaderMap,
    events: Events,
) -> Result<(HeaderMap, Json<IngestedResponse>)> {
    let key = idempotency_key(&headers)?.map(|key| IdempotencyKey {
        key,
        fingerprint: fingerprint(&api_slug, events.bytes()),
    });
    let to = (context.organisation(), api_slug.as_str());
    let kept = app::usage_event::ingest(&context.app, to, events.batch(), key.as_ref()).await;
    let kept = kept.map_err(|error| match error {
        app::Error::Usage(UsageError::Events(problems)) => events.refused(problems),
        error => error.into(),
    })?;
    count(kept);
    let mut headers = HeaderMap::new();
    if kept.is_repetition {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok((headers, Json(kept.into())))
}

fn count(kept: Ingested) {
    metrics::counter!("florin_usage_requests_total").increment(1);
    if !kept.is_repetition {
        metrics::counter!("florin_usage_events_total").increment(kept.events);
    }
}

/// Digest of what a key stands for. The same events compressed otherwise are the same request.
pub(crate) fn fingerprint(place: &str, bytes: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(place);
    digest.update([0]);
    digest.update(bytes);
    digest.finalize().to_vec()
}
