//! Backfills of usage events over HTTP.

mod wire;

use std::sync::Arc;

use axum::{
    Json,
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderValue},
};
use florin_app::{
    self as app,
    usage::{EVENT_BYTES_MAX, IdempotencyKey, UsageError},
};
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server, idempotency_key},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::{Parameters, bad},
    usage_event::{Events, EventsBody, IngestedResponse, fingerprint},
};
use wire::{BackfillInput, BackfillResponse, ReviewParameters, ReviewResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(read))
        .routes(routes!(review))
        .routes(routes!(commit))
        .routes(routes!(revert))
}

/// Loading, whose keys are kept with the events.
pub(crate) fn event_routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(load))
        .layer(DefaultBodyLimit::max(EVENT_BYTES_MAX))
}

struct Backfills;

impl Listed for Backfills {
    fn spec() -> &'static Spec {
        &florin_store::usage_backfill::LIST
    }
}

/// List the backfills of a raw metric
///
/// Newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/rawmetric/{raw_metric_id}/backfills",
    tag = "usage backfills",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric."), Listing<Backfills>),
    responses((status = 200, description = "One page of backfills.",
        body = Envelope<BackfillResponse>))
)]
async fn list(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Backfills>,
) -> Result<Json<Envelope<BackfillResponse>>> {
    let organisation = context.organisation();
    let page = app::usage_backfill::page(&context.app, organisation, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, BackfillResponse::from)))
}

/// Open a backfill
///
/// For a window that is over: load its events anew, look at what would change, and exchange them all in one
/// step. Events of the window that come to the raw metric after the backfill was opened are late events, not
/// part of the exchange: they stay. Windows of open backfills do not overlap.
#[utoipa::path(
    post,
    path = "/rawmetric/{raw_metric_id}/backfills",
    tag = "usage backfills",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric.")),
    request_body = BackfillInput,
    responses((status = 200, description = "The open backfill.", body = BackfillResponse))
)]
async fn open(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<BackfillInput>,
) -> Result<Json<BackfillResponse>> {
    let mut tx = context.begin().await?;
    app::raw_metric::find(&mut tx, id).await?;
    let opened = app::usage_backfill::open(&context.app, id, input.into(), context.writer());
    let opened = opened.await?;
    context.commit(tx, opened.into()).await
}

/// Get a backfill
#[utoipa::path(
    get,
    path = "/usage_backfills/{backfill_id}",
    tag = "usage backfills",
    params(("backfill_id" = Uuid, Path, description = "Id of the backfill.")),
    responses((status = 200, description = "The backfill.", body = BackfillResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<BackfillResponse>> {
    let organisation = context.organisation();
    let backfill = app::usage_backfill::find(&context.app, organisation, id).await?;
    Ok(Json(backfill.into()))
}

/// Load events into a backfill
///
/// As events are sent to a raw metric, with the same limits. All of them happened in the window. They count
/// nowhere before the backfill is committed.
#[utoipa::path(
    post,
    path = "/usage_backfills/{backfill_id}/events",
    tag = "usage backfills",
    params(
        ("backfill_id" = Uuid, Path, description = "Id of the backfill."),
        ("Content-Encoding" = Option<String>, Header,
            description = "How the body is compressed: `gzip` or `zstd`; not at all unless told.",
            example = "gzip")
    ),
    request_body(description = "One event or several.", content = EventsBody),
    responses(
        (status = 200, description = "The events are kept for the backfill.", body = IngestedResponse),
        (status = 415, description = "The Content-Encoding is neither gzip nor zstd.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn load(
    context: Context,
    PathIds([id]): PathIds<1>,
    headers: HeaderMap,
    events: Events,
) -> Result<(HeaderMap, Json<IngestedResponse>)> {
    let key = idempotency_key(&headers)?.map(|key| IdempotencyKey {
        key,
        fingerprint: fingerprint(&id.to_string(), events.bytes()),
    });
    let (organisation, batch) = (context.organisation(), events.batch());
    let kept = app::usage_backfill::ingest(&context.app, organisation, id, batch, key.as_ref());
    let kept = kept.await.map_err(|error| match error {
        app::Error::Usage(UsageError::Events(problems)) => events.refused(problems),
        error => error.into(),
    })?;
    let mut headers = HeaderMap::new();
    if kept.is_repetition {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok((headers, Json(kept.into())))
}

/// Review a backfill
///
/// What would change over the window if the backfill was committed now: how many events there are, and what
/// metrics say, customer by customer: those that are named, or the visual metrics of the raw metric, 20 at most.
#[utoipa::path(
    get,
    path = "/usage_backfills/{backfill_id}/review",
    tag = "usage backfills",
    params(
        ("backfill_id" = Uuid, Path, description = "Id of the backfill."),
        ReviewParameters
    ),
    responses((status = 200, description = "What would change.", body = ReviewResponse))
)]
async fn review(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<ReviewResponse>> {
    let words = parameters.words("aggregate_id");
    let metrics: Option<Vec<Uuid>> = words.map(|word| word.parse().ok()).collect();
    let metrics = metrics.ok_or_else(|| {
        let field = bad(
            "aggregate_id",
            "type_error.uuid",
            "value is not a valid uuid",
        );
        Error::Unreadable(vec![field])
    })?;
    let organisation = context.organisation();
    let review = app::usage_backfill::review(&context.app, organisation, id, &metrics).await?;
    Ok(Json(ReviewResponse::new(id, review)))
}

/// Commit a backfill
///
/// Exchanges the window's events for the backfill's, all in one step. When it answers, the exchange survives a
/// power failure, and every later answer of a metric knows it. Drafts that counted these events are stale.
/// Committing it again changes nothing.
#[utoipa::path(
    post,
    path = "/usage_backfills/{backfill_id}/commit",
    tag = "usage backfills",
    params(("backfill_id" = Uuid, Path, description = "Id of the backfill.")),
    responses((status = 200, description = "The committed backfill.", body = BackfillResponse))
)]
async fn commit(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<BackfillResponse>> {
    let backfill = app::usage_backfill::commit(&context.app, id, &context.writer()).await?;
    Ok(Json(backfill.into()))
}

/// Revert a backfill
///
/// Throws its events away; nothing was exchanged. Reverting it again changes nothing.
#[utoipa::path(
    post,
    path = "/usage_backfills/{backfill_id}/revert",
    tag = "usage backfills",
    params(("backfill_id" = Uuid, Path, description = "Id of the backfill.")),
    responses((status = 200, description = "The reverted backfill.", body = BackfillResponse))
)]
async fn revert(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<BackfillResponse>> {
    let backfill = app::usage_backfill::revert(&context.app, id, &context.writer()).await?;
    Ok(Json(backfill.into()))
}
