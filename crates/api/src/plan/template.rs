//! Plans of products: what is sold, how it is offered, after which trial.

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

use super::{
    input::{PlanPreviewInput, PlanProductsInput, PlanTemplateInput},
    one, viewed,
    wire::PlanTemplateResponse,
};
use crate::{
    body::Body,
    checkout::CheckoutPreviewResponse,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_plan_templates, create_plan_template))
        .routes(routes!(
            read_plan_template,
            replace_plan_template,
            delete_plan_template
        ))
        .routes(routes!(add_products_to_plan))
        .routes(routes!(preview_plan_template))
        .routes(routes!(publish_plan_template))
        .routes(routes!(archive_plan_template))
        .routes(routes!(create_plan_template_version))
}

struct Templates;

impl Listed for Templates {
    fn spec() -> &'static Spec {
        &florin_store::plan::TEMPLATES
    }
}

/// List plans of products
///
/// One page, newest first unless `order` says otherwise. Each version is a row; `is_latest_version=true` leaves
/// the older ones out.
#[utoipa::path(
    get,
    path = "/templates/plan",
    tag = "plans",
    params(Listing<Templates>),
    responses(
        (status = 200, description = "One page of plans.", body = Envelope<PlanTemplateResponse>)
    )
)]
async fn list_plan_templates(
    context: Context,
    listing: Listing<Templates>,
) -> Result<Json<Envelope<PlanTemplateResponse>>> {
    let mut tx = context.read().await?;
    let page = app::plan::page(&mut tx, Form::Template, &listing.query).await?;
    let (page, shown) = viewed(&mut tx, page).await?;
    let organisation = context.organisation().0;
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = page;
    let results = results.into_iter();
    let results = results.filter_map(|view| shown.template(organisation, view));
    let page = list::Page {
        results: results.collect(),
        next,
        previous,
        total_count,
    };
    Ok(Json(Envelope::new(page, |plan| plan)))
}

/// Create a plan of products
///
/// Products at prices, without phases of their own: all of them from the beginning to the end, after a trial where
/// there is one. Everything that is wrong is named at its field.
#[utoipa::path(
    post,
    path = "/templates/plan",
    tag = "plans",
    request_body = PlanTemplateInput,
    responses((status = 200, description = "The plan.", body = PlanTemplateResponse))
)]
async fn create_plan_template(
    context: Context,
    Body(input): Body<PlanTemplateInput>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::create_template(&context.app, &mut tx, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Get a plan of products
///
/// A version of it, with its products and prices.
#[utoipa::path(
    get,
    path = "/templates/plan/{plan_template_id}",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanTemplateResponse))
)]
async fn read_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(shown(&context, &mut tx, id).await?))
}

/// Replace a plan of products
///
/// A draft whole; products that are left out altogether stay. The terms of a published version are fixed: it takes
/// another name, description and status.
#[utoipa::path(
    put,
    path = "/templates/plan/{plan_template_id}",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    request_body = PlanTemplateInput,
    responses((status = 200, description = "The changed plan.", body = PlanTemplateResponse))
)]
async fn replace_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PlanTemplateInput>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let written = input.written()?;
    let plan = app::plan::replace_template(&context.app, &mut tx, id, written).await?;
    answer(&context, tx, plan).await
}

/// Delete a plan of products
///
/// Only a draft: a version that was published is archived.
#[utoipa::path(
    delete,
    path = "/templates/plan/{plan_template_id}",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan as it was.", body = PlanTemplateResponse))
)]
async fn delete_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let deleted = app::plan::delete(&mut tx, id, Form::Template).await?;
    let answer = shown_row(&context, &mut tx, deleted).await?;
    context.commit(tx, answer).await
}

/// Add products to a plan
///
/// To a draft, behind those that it has.
#[utoipa::path(
    post,
    path = "/templates/plan/{plan_template_id}/products",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    request_body = PlanProductsInput,
    responses((status = 200, description = "The plan.", body = PlanTemplateResponse))
)]
async fn add_products_to_plan(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PlanProductsInput>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::add_products(&context.app, &mut tx, id, input.written()?).await?;
    answer(&context, tx, plan).await
}

/// Preview a plan of products
///
/// What the first two invoices of a contract would come to, trials considered, whether the plan is published or not.
/// Nothing is written.
#[utoipa::path(
    post,
    path = "/templates/plan/{plan_template_id}/preview",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    request_body = PlanPreviewInput,
    responses((status = 200, description = "The estimates.", body = CheckoutPreviewResponse))
)]
async fn preview_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PlanPreviewInput>,
) -> Result<Json<CheckoutPreviewResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let plan = (id, Form::Template);
    let request = input.request(id);
    let estimates = app::checkout::preview_plan(app, organisation, plan, &request).await?;
    Ok(Json(CheckoutPreviewResponse { estimates }))
}

/// Publish a plan of products
///
/// From now on contracts and checkouts can be made from this version. Its terms never change again.
#[utoipa::path(
    post,
    path = "/templates/plan/{plan_template_id}/publish",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanTemplateResponse))
)]
async fn publish_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::publish(&mut tx, id, Form::Template).await?;
    answer(&context, tx, plan).await
}

/// Archive a plan of products
///
/// Takes a version off sale. Contracts that were made from it stay as they are.
#[utoipa::path(
    post,
    path = "/templates/plan/{plan_template_id}/archive",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version.")),
    responses((status = 200, description = "The plan.", body = PlanTemplateResponse))
)]
async fn archive_plan_template(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::archive(&mut tx, id, Form::Template).await?;
    answer(&context, tx, plan).await
}

/// Create a new version of a plan of products
///
/// A draft with the content of this version and an id of its own, to be changed and published. One version at a
/// time is a draft.
#[utoipa::path(
    post,
    path = "/templates/plan/{plan_template_id}/new_version",
    tag = "plans",
    params(("plan_template_id" = Uuid, Path, description = "Id of the version that is copied.")),
    responses((status = 200, description = "The new version.", body = PlanTemplateResponse))
)]
async fn create_plan_template_version(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<PlanTemplateResponse>> {
    let mut tx = context.begin().await?;
    let plan = app::plan::new_version(&context.app, &mut tx, id, Form::Template).await?;
    answer(&context, tx, plan).await
}

async fn answer(context: &Context, mut tx: Tx, plan: Plan) -> Result<Json<PlanTemplateResponse>> {
    let answer = shown(context, &mut tx, plan.id).await?;
    context.commit(tx, answer).await
}

async fn shown(context: &Context, tx: &mut Tx, id: Uuid) -> Result<PlanTemplateResponse> {
    let row = app::plan::find(tx, id, Form::Template).await?;
    shown_row(context, tx, row).await
}

async fn shown_row(context: &Context, tx: &mut Tx, row: Row) -> Result<PlanTemplateResponse> {
    let (view, shown) = one(tx, row).await?;
    let answer = shown.template(context.organisation().0, view);
    answer.ok_or_else(|| Error::Internal("a plan of products has an offer".to_owned()))
}
