//! Checkouts over HTTP: what a purchase or a change would come to, and its confirmation.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_app::billing::Asker;
use florin_core::checkout::Status;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    path::PathIds,
};
pub(crate) use wire::CheckoutPreviewResponse;
use wire::{CheckoutConfirmInput, CheckoutConfirmResponse, CheckoutInput, CheckoutResponse};

type CheckoutPatch = Patch<CheckoutInput>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(create_checkout))
        .routes(routes!(preview_checkout))
        .routes(routes!(read_checkout, update_checkout))
        .routes(routes!(confirm_checkout))
}

/// Create a checkout
///
/// With `plan_id` alone a new contract is bought; with `contract_id` and `plan_id` the contract changes to the plan;
/// with `contract_id` alone it gets other quantities, or products are switched on and off. Nothing is sold before
/// the checkout is confirmed; it expires after 24 hours unless told.
#[utoipa::path(
    post,
    path = "/checkouts",
    tag = "checkouts",
    request_body = CheckoutInput,
    responses((status = 200, description = "The checkout.", body = CheckoutResponse))
)]
async fn create_checkout(
    context: Context,
    Body(input): Body<CheckoutInput>,
) -> Result<Json<CheckoutResponse>> {
    let (request, expires_at) = input.request();
    let (app, organisation) = (&context.app, context.organisation());
    let estimates = app::checkout::preview(app, organisation, &request).await?;
    let mut tx = context.begin().await?;
    let made = app::checkout::create(app, &mut tx, request, expires_at, estimates).await?;
    let answer = CheckoutResponse::new(organisation.0, made, Status::Pending);
    context.commit(tx, answer).await
}

/// Preview a checkout
///
/// What the same body would come to as a checkout that is confirmed at once. Nothing is written. The current invoice
/// is all that is billed then: on the start, or today for a start that has passed, and for a change what differs from
/// the invoices that there are. The next invoice is that of the next day on which something is billed, with the
/// usage that is known now.
#[utoipa::path(
    post,
    path = "/checkouts/preview",
    tag = "checkouts",
    request_body = CheckoutInput,
    responses((status = 200, description = "The estimates.", body = CheckoutPreviewResponse))
)]
async fn preview_checkout(
    context: Context,
    Body(input): Body<CheckoutInput>,
) -> Result<Json<CheckoutPreviewResponse>> {
    let (request, _) = input.request();
    let estimates = app::checkout::preview(&context.app, context.organisation(), &request).await?;
    Ok(Json(CheckoutPreviewResponse { estimates }))
}

/// Get a checkout
///
/// With the estimates as they were when it was last written.
#[utoipa::path(
    get,
    path = "/checkouts/{checkout_id}",
    tag = "checkouts",
    params(("checkout_id" = Uuid, Path, description = "Id of the checkout.")),
    responses((status = 200, description = "The checkout.", body = CheckoutResponse))
)]
async fn read_checkout(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<CheckoutResponse>> {
    let mut tx = context.read().await?;
    let found = app::checkout::find(&mut tx, id).await?;
    drop(tx);
    let (app, organisation) = (&context.app, context.organisation());
    let status = app::checkout::status(app, organisation, &found).await?;
    Ok(Json(CheckoutResponse::new(organisation.0, found, status)))
}

/// Update a checkout
///
/// Before it is confirmed. Fields that are left out stay; the estimates are made anew.
#[utoipa::path(
    patch,
    path = "/checkouts/{checkout_id}",
    tag = "checkouts",
    params(("checkout_id" = Uuid, Path, description = "Id of the checkout.")),
    request_body = CheckoutPatch,
    responses((status = 200, description = "The checkout.", body = CheckoutResponse))
)]
async fn update_checkout(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: CheckoutPatch,
) -> Result<Json<CheckoutResponse>> {
    let mut reads = context.read().await?;
    let before = app::checkout::find(&mut reads, id).await?;
    drop(reads);
    let input = patch.apply(&CheckoutInput::from(before))?;
    let (request, expires_at) = input.request();
    let (app, organisation) = (&context.app, context.organisation());
    let estimates = app::checkout::preview(app, organisation, &request).await?;
    let mut tx = context.begin().await?;
    let after = app::checkout::replace(&mut tx, id, request, expires_at, estimates).await?;
    let answer = CheckoutResponse::new(organisation.0, after, Status::Pending);
    context.commit(tx, answer).await
}

/// Confirm a checkout
///
/// The contract is made or changed, a guest becomes a customer, and what is due is billed as a draft invoice. A
/// repetition answers the same and does nothing.
#[utoipa::path(
    post,
    path = "/checkouts/{checkout_id}/confirm",
    tag = "checkouts",
    params(("checkout_id" = Uuid, Path, description = "Id of the checkout.")),
    request_body = CheckoutConfirmInput,
    responses((status = 200, description = "The contract.", body = CheckoutConfirmResponse))
)]
async fn confirm_checkout(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<CheckoutConfirmInput>,
) -> Result<Json<CheckoutConfirmResponse>> {
    let mut tx = context.begin().await?;
    let confirmation = input.confirmation();
    let confirmed = app::checkout::confirm(&context.app, &mut tx, id, confirmation).await?;
    let contract_id = confirmed.contract_id;
    let answer = context
        .commit(tx, CheckoutConfirmResponse::from(confirmed))
        .await?;
    if let Some(contract_id) = contract_id {
        let (actor, request_id) = context.author();
        let asker = Asker { actor, request_id };
        let organisation = context.organisation();
        app::checkout::bill(&context.app, organisation, &asker, contract_id).await;
    }
    Ok(answer)
}
