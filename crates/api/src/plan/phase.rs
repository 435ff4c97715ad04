//! Phases and pricings of a plan that is a draft.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_app::plan::Form;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    input::{PlanPhaseInput, PlanPricingInput},
    one,
    wire::{PlanPricingResponse, PlanResponse},
};
use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    path::PathIds,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(add_plan_phase))
        .routes(routes!(replace_plan_phase, delete_plan_phase))
        .routes(routes!(add_plan_pricing))
        .routes(routes!(replace_plan_pricing, delete_plan_pricing))
}

/// Add a phase to a plan
///
/// To a draft; at the end unless `order` says otherwise.
#[utoipa::path(
    post,
    path = "/plans/{plan_id}/phases",
    tag = "plans",
    params(("plan_id" = Uuid, Path, description = "Id of the version.")),
    request_body = PlanPhaseInput,
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn add_plan_phase(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PlanPhaseInput>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::add_phase(&context.app, &mut tx, id, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Replace a phase of a plan
///
/// Of a draft, with its pricings; these are recognised by their ids. It keeps its place unless `order` says
/// otherwise.
#[utoipa::path(
    put,
    path = "/plans/{plan_id}/phases/{plan_phase_id}",
    tag = "plans",
    params(
        ("plan_id" = Uuid, Path, description = "Id of the version."),
        ("plan_phase_id" = Uuid, Path, description = "Id of the phase.")
    ),
    request_body = PlanPhaseInput,
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn replace_plan_phase(
    context: Context,
    PathIds(ids): PathIds<2>,
    Body(input): Body<PlanPhaseInput>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::replace_phase(&context.app, &mut tx, ids, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Delete a phase of a plan
///
/// Of a draft. The phases behind it move forward.
#[utoipa::path(
    delete,
    path = "/plans/{plan_id}/phases/{plan_phase_id}",
    tag = "plans",
    params(
        ("plan_id" = Uuid, Path, description = "Id of the version."),
        ("plan_phase_id" = Uuid, Path, description = "Id of the phase.")
    ),
    responses((status = 200, description = "The plan without it.", body = PlanResponse))
)]
async fn delete_plan_phase(
    context: Context,
    PathIds(ids): PathIds<2>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::remove_phase(&context.app, &mut tx, ids).await?;
    answer(&context, tx, plan).await
}

/// Add a pricing to a phase of a plan
///
/// A product at a price of the catalogue or at one of its own, in a draft.
#[utoipa::path(
    post,
    path = "/plans/{plan_id}/phases/{plan_phase_id}/pricing",
    tag = "plans",
    params(
        ("plan_id" = Uuid, Path, description = "Id of the version."),
        ("plan_phase_id" = Uuid, Path, description = "Id of the phase.")
    ),
    request_body = PlanPricingInput,
    responses((status = 200, description = "The pricing.", body = PlanPricingResponse))
)]
async fn add_plan_pricing(
    context: Context,
    PathIds(ids): PathIds<2>,
    Body(input): Body<PlanPricingInput>,
) -> Result<Json<PlanPricingResponse>> {
    let mut tx = context.begin().await?;
    let written = input.written()?;
    let (plan, added) = app::plan::add_pricing(&context.app, &mut tx, ids, written).await?;
    let row = app::plan::find(&mut tx, plan.id, Form::Phased).await?;
    let (view, shown) = one(&mut tx, row).await?;
    let plan = view.listed.plan;
    let mut lines = plan.lines();
    let line = lines.find(|line| line.id == added);
    let line = line.ok_or_else(|| Error::Internal("a line that was added is there".to_owned()))?;
    let answer = shown.line(&plan, line);
    context.commit(tx, answer).await
}

/// Replace a pricing of a phase of a plan
///
/// Of a draft.
#[utoipa::path(
    put,
    path = "/plans/{plan_id}/phases/{plan_phase_id}/pricing/{phase_pricing_id}",
    tag = "plans",
    params(
        ("plan_id" = Uuid, Path, description = "Id of the version."),
        ("plan_phase_id" = Uuid, Path, description = "Id of the phase."),
        ("phase_pricing_id" = Uuid, Path, description = "Id of the pricing in the plan.")
    ),
    request_body = PlanPricingInput,
    responses((status = 200, description = "The plan.", body = PlanResponse))
)]
async fn replace_plan_pricing(
    context: Context,
    PathIds(ids): PathIds<3>,
    Body(input): Body<PlanPricingInput>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::replace_pricing(&context.app, &mut tx, ids, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Delete a pricing of a phase of a plan
///
/// Of a draft. A phase needs features or another pricing.
#[utoipa::path(
    delete,
    path = "/plans/{plan_id}/phases/{plan_phase_id}/pricing/{phase_pricing_id}",
    tag = "plans",
    params(
        ("plan_id" = Uuid, Path, description = "Id of the version."),
        ("plan_phase_id" = Uuid, Path, description = "Id of the phase."),
        ("phase_pricing_id" = Uuid, Path, description = "Id of the pricing in the plan.")
    ),
    responses((status = 200, description = "The plan without it.", body = PlanResponse))
)]
async fn delete_plan_pricing(
    context: Context,
    PathIds(ids): PathIds<3>,
) -> Result<Json<PlanResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::remove_pricing(&context.app, &mut tx, ids).await?;
    answer(&context, tx, plan).await
}
