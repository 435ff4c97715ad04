//! Aggregates over HTTP: billable metrics, their versions, and asking them.

mod estimate;
mod preview;
mod tables;
mod visual_query;
mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
pub(crate) use visual_query::FiltersBody;
pub(crate) use wire::AggregateResponse;
use wire::{AggregateInput, AggregateVersionResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(versions))
        .merge(estimate::routes())
        .merge(preview::routes())
        .merge(tables::routes())
}

type AggregatePatch = Patch<AggregateInput>;

struct Aggregates;

impl Listed for Aggregates {
    fn spec() -> &'static Spec {
        &florin_store::aggregate::LIST
    }
}

struct AggregateVersions;

impl Listed for AggregateVersions {
    fn spec() -> &'static Spec {
        &florin_store::aggregate::VERSIONS
    }
}

/// List billable metrics
///
/// One page of billable metrics, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/aggregates",
    tag = "billable metrics",
    params(Listing<Aggregates>),
    responses((
        status = 200, description = "One page of billable metrics.",
        body = Envelope<AggregateResponse>
    ))
)]
async fn list(
    context: Context,
    listing: Listing<Aggregates>,
) -> Result<Json<Envelope<AggregateResponse>>> {
    let mut tx = context.read().await?;
    let page = app::aggregate::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, AggregateResponse::from)))
}

/// Create a billable metric
///
/// What it measures is said by `aggregation_query`, a template of a SELECT, unless that is blank; then by
/// `visual_query_builder`. Either is checked: a part that does not fit the table, or a template that the engine
/// does not take, is answered with its place.
#[utoipa::path(
    post,
    path = "/aggregates",
    tag = "billable metrics",
    request_body = AggregateInput,
    responses((status = 200, description = "The billable metric.", body = AggregateResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<AggregateInput>,
) -> Result<Json<AggregateResponse>> {
    let (name, content) = input.into_parts();
    let checked = app::aggregate::check(&context.app, context.organisation(), content).await?;
    let mut tx = context.begin().await?;
    let aggregate = app::aggregate::create(&context.app, &mut tx, name, checked).await?;
    context.commit(tx, aggregate.into()).await
}

/// Get a billable metric
#[utoipa::path(
    get,
    path = "/aggregates/{aggregate_id}",
    tag = "billable metrics",
    params(("aggregate_id" = Uuid, Path, description = "Id of the billable metric.")),
    responses((status = 200, description = "The billable metric.", body = AggregateResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<AggregateResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::aggregate::find(&mut tx, id).await?.into()))
}

/// Change a billable metric
///
/// Each field that is named replaces its predecessor; the others stay. Another definition is a new version; what
/// was measured by an earlier one stays as it is.
#[utoipa::path(
    patch,
    path = "/aggregates/{aggregate_id}",
    tag = "billable metrics",
    params(("aggregate_id" = Uuid, Path, description = "Id of the billable metric.")),
    request_body = AggregatePatch,
    responses((status = 200, description = "The changed billable metric.", body = AggregateResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: AggregatePatch,
) -> Result<Json<AggregateResponse>> {
    let mut tx = context.read().await?;
    let current = app::aggregate::find(&mut tx, id).await?;
    drop(tx);
    let input = patch.apply(&AggregateInput::from(current.clone()))?;
    let (name, content) = input.into_parts();
    let (app, organisation) = (&context.app, context.organisation());
    let checked = app::aggregate::check_change(app, organisation, &current, content).await?;
    let mut tx = context.begin().await?;
    let aggregate = app::aggregate::update(app, &mut tx, &current, name, checked).await?;
    context.commit(tx, aggregate.into()).await
}

/// Delete a billable metric
///
/// Refused while a price counts by it.
#[utoipa::path(
    delete,
    path = "/aggregates/{aggregate_id}",
    tag = "billable metrics",
    params(("aggregate_id" = Uuid, Path, description = "Id of the billable metric.")),
    responses((status = 200, description = "The billable metric as it was.", body = AggregateResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<AggregateResponse>> {
    let mut tx = context.begin().await?;
    let aggregate = app::aggregate::delete(&mut tx, id).await?;
    context.commit(tx, aggregate.into()).await
}

/// List the versions of a billable metric
///
/// Every definition that it has had, the newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/aggregates/{aggregate_id}/versions",
    tag = "billable metrics",
    params(
        ("aggregate_id" = Uuid, Path, description = "Id of the billable metric."),
        Listing<AggregateVersions>
    ),
    responses((
        status = 200, description = "One page of versions.",
        body = Envelope<AggregateVersionResponse>
    ))
)]
async fn versions(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<AggregateVersions>,
) -> Result<Json<Envelope<AggregateVersionResponse>>> {
    let mut tx = context.read().await?;
    let page = app::aggregate::versions(&mut tx, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, AggregateVersionResponse::from)))
}
