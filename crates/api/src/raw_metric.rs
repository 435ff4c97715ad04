//! Raw metrics over HTTP: the schemas of usage events.

mod wire;

use std::sync::Arc;

use axum::{Json, routing::get};
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::{PathIds, PathText},
    query::Parameters,
    usage_event::{Rows, RowsParameters, rows_query},
};
use wire::{RawMetricInput, RawMetricResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .route("/rawmetrics", get(list).post(create))
        .routes(routes!(read, update))
        .route("/rawmetrics/{raw_metric_id}", get(read).patch(update))
        .routes(routes!(read_by_slug))
        .route("/rawmetrics/slug/{api_slug}", get(read_by_slug))
        .routes(routes!(logs))
        .route("/rawmetrics/{raw_metric_id}/logs", get(logs))
}

type RawMetricPatch = Patch<RawMetricInput>;

struct RawMetrics;

impl Listed for RawMetrics {
    fn spec() -> &'static Spec {
        &florin_store::raw_metric::LIST
    }
}

/// List raw metrics
///
/// One page of raw metrics, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/rawmetric",
    tag = "raw metrics",
    params(Listing<RawMetrics>),
    responses(
        (status = 200, description = "One page of raw metrics.", body = Envelope<RawMetricResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<RawMetrics>,
) -> Result<Json<Envelope<RawMetricResponse>>> {
    let mut tx = context.read().await?;
    let page = app::raw_metric::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, RawMetricResponse::from)))
}

/// Create a raw metric
///
/// Declares a kind of usage event: where it is sent, which fields it has, and which of them identify
/// an event.
#[utoipa::path(
    post,
    path = "/rawmetric",
    tag = "raw metrics",
    request_body = RawMetricInput,
    responses((status = 200, description = "The raw metric.", body = RawMetricResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<RawMetricInput>,
) -> Result<Json<RawMetricResponse>> {
    let mut tx = context.begin().await?;
    let metric = app::raw_metric::create(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, metric.into()).await
}

/// Get a raw metric
#[utoipa::path(
    get,
    path = "/rawmetric/{raw_metric_id}",
    tag = "raw metrics",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric.")),
    responses((status = 200, description = "The raw metric.", body = RawMetricResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<RawMetricResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::raw_metric::find(&mut tx, id).await?.into()))
}

/// Change a raw metric
///
/// Each field that is named replaces its predecessor; the others stay. A new `dataschema` names every
/// field of the old one with its type, and those that are added: events that were sent before have
/// nulls for them. The slug cannot be changed.
#[utoipa::path(
    patch,
    path = "/rawmetric/{raw_metric_id}",
    tag = "raw metrics",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric.")),
    request_body = RawMetricPatch,
    responses((status = 200, description = "The changed raw metric.", body = RawMetricResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: RawMetricPatch,
) -> Result<Json<RawMetricResponse>> {
    let mut tx = context.begin().await?;
    let current = app::raw_metric::find(&mut tx, id).await?;
    let input = patch.apply(&RawMetricInput::from(current))?;
    let metric = app::raw_metric::update(&mut tx, id, input.into()).await?;
    let answer = context.commit(tx, metric.into()).await;
    context.app.streams.forget(context.organisation());
    answer
}

/// Get a raw metric by slug
///
/// `null` where the organisation has none with this slug.
#[utoipa::path(
    get,
    path = "/rawmetric/slug/{api_slug}",
    tag = "raw metrics",
    params(("api_slug" = String, Path, description = "Slug of the raw metric.")),
    responses(
        (status = 200, description = "The raw metric, or `null`.", body = Option<RawMetricResponse>)
    )
)]
async fn read_by_slug(
    context: Context,
    PathText(api_slug): PathText,
) -> Result<Json<Option<RawMetricResponse>>> {
    let mut tx = context.read().await?;
    let metric = app::raw_metric::find_by_slug(&mut tx, &api_slug).await?;
    Ok(Json(metric.map(RawMetricResponse::from)))
}

/// List the events of a raw metric
///
/// The events that count, what was received last first. A field of `data` is filtered by as `data.<field>`,
/// with the suffixes of every list: `data.gb__gte=1`, `data.region__in=eu,us`, `data.id__isnull=true`.
#[utoipa::path(
    get,
    path = "/rawmetric/{raw_metric_id}/logs",
    tag = "usage events",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric."), RowsParameters),
    responses((status = 200, description = "Events.", body = Rows))
)]
async fn logs(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<Rows>> {
    let mut tx = context.read().await?;
    let metric = app::raw_metric::find(&mut tx, id).await?;
    drop(tx);
    let query = rows_query(&parameters, &metric.schema)?;
    let results =
        app::usage_event::rows(&context.app, context.organisation(), &metric, &query).await?;
    Ok(Json(Rows { results }))
}
