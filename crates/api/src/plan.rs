//! Plans over HTTP: phases of products at prices, their versions, and what they become when they are sold.

mod input;
mod phase;
mod template;
mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_app::plan::Form;
use florin_core::plan::Plan;
use florin_store::{
    Tx,
    list::{self, Spec},
    plan::Listed as Row,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
use input::PlanInput;
pub(crate) use input::{ProvisioningMode, list};
use wire::{PlanResponse, Shown};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_plans, create_plan))
        .routes(routes!(read_plan, replace_plan, delete_plan))
        .routes(routes!(publish_plan))
        .routes(routes!(archive_plan))
        .routes(routes!(create_plan_version))
        .merge(phase::routes())
        .merge(template::routes())
}

struct Plans;

impl Listed for Plans {
    fn spec() -> &'static Spec {
        &florin_store::plan::LIST
    }
}

/// List plans
///
/// One page of plans with phases, newest first unless `order` says otherwise. Each version is a row;
/// `is_latest_version=true` leaves the older ones out. Plans of products are listed by `/templates/plan`.
#[utoipa::path(
    get,
    path = "/plans",
    tag = "plans",
    params(Listing<Plans>),
    responses((status = 200, description = "One page of plans.", body = Envelope<PlanResponse>))
)]
async fn list_plans(
    context: Context,
    listing: Listing<Plans>,
) -> Result<Json<Envelope<PlanResponse>>> {
    let mut tx = context.read().await?;
    let page = app::plan::page(&mut tx, Form::Phased, &listing.query).await?;
    let (page, shown) = viewed(&mut tx, page).await?;
    Ok(Json(Envelope::new(page, |view| shown.plan(view))))
}

/// A page of plans with all around them.
async fn viewed(
    tx: &mut Tx,
    page: list::Page<Row>,
) -> Result<(list::Page<app::plan::View>, Shown)> {
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = page;
    let (results, sights) = app::plan::views(tx, results).await?;
    let page = list::Page {
        results,
        next,
        previous,
        total_count,
    };
    Ok((page, Shown::new(sights)?))
}

/// Create a plan
///
/// As a draft or published. Each phase sells products at prices of the catalogue or at prices of its own; the
/// plan keeps a copy of each. A phase begins when the one before it ends, `start_offset` later where it says so.
/// Everything that is wrong is named at its field.
#[utoipa::path(
    post,
    path = "/plans",
    tag = "plans",
    request_body = PlanInput,
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn create_plan(context: Context, Body(input): Body<PlanInput>) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::create(&context.app, &mut tx, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Get a plan
///
/// A version of it, with its phases, prices and products, and what differs from the version that it was made from.
#[utoipa::path(
    get,
    path = "/plans/{plan_id}",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn read_plan(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PlanResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(shown(&mut tx, id).await?))
}

/// Replace a plan
///
/// A draft whole; phases and pricings are recognised by their ids, and phases that are left out altogether stay.
/// The terms of a published version are fixed: it takes another name, description and status. `status` publishes
/// (`active`) and takes off sale (`archived`).
#[utoipa::path(
    put,
    path = "/plans/{plan_id}",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    request_body = PlanInput,
    responses((status = 200, description = "The changed plan.", body = PlanResponse))
)]
async fn replace_plan(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PlanInput>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::replace(&context.app, &mut tx, id, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Delete a plan
///
/// Only a draft: a version that was published is archived.
#[utoipa::path(
    delete,
    path = "/plans/{plan_id}",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan as it was.", body = PlanResponse))
)]
async fn delete_plan(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let deleted = app::plan::delete(&mut tx, id, Form::Phased).await?;
    let answer = shown_row(&mut tx, deleted).await?;
    context.commit(tx, answer).await
}

/// Publish a plan
///
/// From now on contracts and checkouts can be made from this version. Its terms never change again.
#[utoipa::path(
    post,
    path = "/plans/{plan_id}/publish",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn publish_plan(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::publish(&mut tx, id, Form::Phased).await?;
    answer(&context, tx, plan).await
}

/// Archive a plan
///
/// Takes a version off sale. Contracts that were made from it stay as they are; where they are renewed with what
/// the plan sells, the newest published version counts.
#[utoipa::path(
    post,
    path = "/plans/{plan_id}/archive",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn archive_plan(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::archive(&mut tx, id, Form::Phased).await?;
    answer(&context, tx, plan).await
}

/// Create a new version of a plan
///
/// A draft with the content of this version and an id of its own, to be changed and published. One version at a
/// time is a draft.
#[utoipa::path(
    post,
    path = "/plans/{plan_id}/new_version",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version that is copied.")),
    responses((status = 200, description = "The new version.", body = PlanResponse))
)]
async fn create_plan_version(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::new_version(&context.app, &mut tx, id, Form::Phased).await?;
    answer(&context, tx, plan).await
}

async fn answer(context: &Context, mut tx: Tx, plan: Plan) -> Result<Json<PlanResponse>> {
    let answer = shown(&mut tx, plan.id).await?;
    context.commit(tx, answer).await
}

async fn shown(tx: &mut Tx, id: Uuid) -> Result<PlanResponse> {
    let row = app::plan::find(tx, id, Form::Phased).await?;
    shown_row(tx, row).await
}

async fn shown_row(tx: &mut Tx, row: Row) -> Result<PlanResponse> {
    let (view, shown) = one(tx, row).await?;
    Ok(shown.plan(view))
}

/// One plan with all around it.
async fn one(tx: &mut Tx, row: Row) -> Result<(app::plan::View, Shown)> {
    let (views, sights) = app::plan::views(tx, vec![row]).await?;
    let view = views.into_iter().next();
    let view = view.ok_or_else(|| Error::Internal("one view of one plan".to_owned()))?;
    Ok((view, Shown::new(sights)?))
}
