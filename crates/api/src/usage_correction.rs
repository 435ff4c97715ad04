//! Corrections of usage events over HTTP.
//!
//! A correction keeps its `Idempotency-Key` where the events are, in the same durable write.

mod wire;

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue},
};
use florin_app::{
    self as app,
    usage::{IdempotencyKey, ROWS_MAX},
};
use florin_store::list::Spec;
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server, idempotency_key},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::Parameters,
    usage_event::page_number,
};
use wire::{
    CorrectedEventsResponse, CorrectedParameters, CorrectionAnswer, CorrectionInput,
    CorrectionResponse, asked,
};

/// Events that are answered where the client does not say how many.
const EVENTS_DEFAULT: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, correct))
        .routes(routes!(read))
        .routes(routes!(events))
}

struct Corrections;

impl Listed for Corrections {
    fn spec() -> &'static Spec {
        &florin_store::usage_correction::LIST
    }
}

/// List the corrections of a raw metric
///
/// Who corrected which events, when and why; newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/rawmetric/{raw_metric_id}/corrections",
    tag = "usage corrections",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric."), Listing<Corrections>),
    responses((status = 200, description = "One page of corrections.",
        body = Envelope<CorrectionResponse>))
)]
async fn list(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Corrections>,
) -> Result<Json<Envelope<CorrectionResponse>>> {
    let organisation = context.organisation();
    let page = app::usage_correction::page(&context.app, organisation, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, CorrectionResponse::from)))
}

/// Correct usage events
///
/// Takes events out (`delete`) or changes them (`amend`), with a reason. Which events: all of what is said
/// under `events` must hold; send `dry_run` first to see how many they are and what would become of them.
/// When it answers, the correction survives a power failure, and every later answer of a metric knows it.
/// What events were and became can be read under `/usage_corrections/{correction_id}/events` for ever. Drafts
/// that counted these events are stale; approved invoices do not change, the next one carries the difference.
/// An amended event is a new one, with a `_seq` of its own. A key in `Idempotency-Key` is remembered for 24
/// hours.
#[utoipa::path(
    post,
    path = "/rawmetric/{raw_metric_id}/corrections",
    tag = "usage corrections",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric.")),
    request_body = CorrectionInput,
    responses((status = 200, description = "The correction, or what it would do.",
        body = CorrectionAnswer))
)]
async fn correct(
    context: Context,
    PathIds([id]): PathIds<1>,
    headers: HeaderMap,
    Body(input): Body<CorrectionInput>,
) -> Result<(HeaderMap, Json<CorrectionAnswer>)> {
    let mut tx = context.read().await?;
    let metric = app::raw_metric::find(&mut tx, id).await?;
    drop(tx);
    let key = idempotency_key(&headers)?;
    let (is_dry_run, asked) = asked(input, &metric.schema)?;
    if is_dry_run {
        let organisation = context.organisation();
        let preview = app::usage_correction::preview(&context.app, organisation, &metric, &asked);
        let answer = CorrectionAnswer::of_preview(id, &asked, preview.await?);
        return Ok((HeaderMap::new(), Json(answer)));
    }
    let key = key.map(|key| IdempotencyKey {
        key,
        fingerprint: fingerprint(id, &asked),
    });
    let author = context.writer();
    let made = app::usage_correction::correct(&context.app, &metric, &asked, author, key.as_ref());
    let made = made.await?;
    let mut headers = HeaderMap::new();
    if made.is_repetition {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    let id = made.correction.id;
    let sample = (0, app::usage_correction::SAMPLE_MAX);
    let organisation = context.organisation();
    let sample = app::usage_correction::events(&context.app, organisation, id, sample).await?;
    let answer = CorrectionAnswer::made(made.correction, sample);
    Ok((headers, Json(answer)))
}

/// Digest of what a key stands for.
fn fingerprint(raw_metric: Uuid, asked: &app::usage_correction::Asked) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(raw_metric);
    digest.update(&asked.reason);
    digest.update([0]);
    digest.update(asked.request.to_string());
    digest.finalize().to_vec()
}

/// Get a correction
#[utoipa::path(
    get,
    path = "/usage_corrections/{correction_id}",
    tag = "usage corrections",
    params(("correction_id" = Uuid, Path, description = "Id of the correction.")),
    responses((status = 200, description = "The correction.", body = CorrectionResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<CorrectionResponse>> {
    let organisation = context.organisation();
    let correction = app::usage_correction::find(&context.app, organisation, id).await?;
    Ok(Json(correction.into()))
}

/// List the events of a correction
///
/// What each event was, and what it became; in the order of their `_seq`.
#[utoipa::path(
    get,
    path = "/usage_corrections/{correction_id}/events",
    tag = "usage corrections",
    params(
        ("correction_id" = Uuid, Path, description = "Id of the correction."),
        CorrectedParameters
    ),
    responses((status = 200, description = "Events.", body = CorrectedEventsResponse))
)]
async fn events(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<CorrectedEventsResponse>> {
    let mut refused = Vec::new();
    let limit = page_number(&parameters, "limit", 1..=ROWS_MAX, &mut refused);
    let most = florin_core::usage::correction::CORRECTED_MAX;
    let offset = page_number(&parameters, "offset", 0..=most, &mut refused);
    if !refused.is_empty() {
        return Err(Error::Unreadable(refused));
    }
    let page = (offset.unwrap_or(0), limit.unwrap_or(EVENTS_DEFAULT));
    let organisation = context.organisation();
    let events = app::usage_correction::events(&context.app, organisation, id, page).await?;
    Ok(Json(events.into()))
}
