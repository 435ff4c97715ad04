//! Checkouts over HTTP: what a purchase or a change would come to, and its confirmation.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::checkout::Status;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
use wire::{CheckoutConfirmInput, CheckoutConfirmResponse, CheckoutInput, CheckoutResponse, Pages};
pub(crate) use wire::{CheckoutCustomerBody, CheckoutEstimatesBody, CheckoutPreviewResponse};

type CheckoutPatch = Patch<CheckoutInput>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_checkouts, create_checkout))
        .routes(routes!(preview_checkout))
        .routes(routes!(read_checkout, update_checkout))
        .routes(routes!(confirm_checkout))
        .routes(routes!(cancel_checkout))
}

struct Checkouts;

impl Listed for Checkouts {
    fn spec() -> &'static Spec {
        &florin_store::checkout::LIST
    }
}

/// List checkouts
///
/// One page of checkouts, newest first unless `order` says otherwise. `status` is where they stand by now: one whose time
/// has come is `expired`.
#[utoipa::path(
    get,
    path = "/checkouts",
    tag = "checkouts",
    params(Listing<Checkouts>),
    responses((status = 200, description = "One page of checkouts.", body = Envelope<CheckoutResponse>))
)]
async fn list_checkouts(
    context: Context,
    listing: Listing<Checkouts>,
) -> Result<Json<Envelope<CheckoutResponse>>> {
    let mut tx = context.read().await?;
    let page = app::checkout::page(&context.app, &mut tx, &listing.query).await?;
    let pages = Pages::of(&context, &mut tx).await?;
    Ok(Json(Envelope::new(page, |(checkout, status)| {
        CheckoutResponse::new(&pages, checkout, status)
    })))
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
    let pages = Pages::of(&context, &mut tx).await?;
    let answer = CheckoutResponse::new(&pages, made, Status::Pending);
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
    let pages = Pages::of(&context, &mut tx).await?;
    drop(tx);
    let (app, organisation) = (&context.app, context.organisation());
    let status = app::checkout::status(app, organisation, &found).await?;
    Ok(Json(CheckoutResponse::new(&pages, found, status)))
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
    let pages = Pages::of(&context, &mut tx).await?;
    let answer = CheckoutResponse::new(&pages, after, Status::Pending);
    context.commit(tx, answer).await
}

/// Confirm a checkout
///
/// The contract is made or changed, a guest becomes a customer, and what is due is billed. A repetition answers the same
/// and does nothing.
///
/// Where the plan's `provisioning_config` is `charge_on_acceptance`, what is due is approved and charged at once; the
/// contract is a draft until the money is there. The answer is then `contract_created`, or `processing` where the gateway,
/// the bank or the customer has not answered yet, which Florin goes on asking about. Where the payment method is declined
/// the answer is 402, and the checkout, `payment_failed`, is confirmed again with another one; the same invoice is charged.
/// `payment_method_validation` and `charge_when_due` need a payment method that can be charged; `immediate` needs none.
#[utoipa::path(
    post,
    path = "/checkouts/{checkout_id}/confirm",
    tag = "checkouts",
    params(("checkout_id" = Uuid, Path, description = "Id of the checkout.")),
    request_body = CheckoutConfirmInput,
    responses(
        (status = 200, description = "The contract.", body = CheckoutConfirmResponse),
        (status = 402, description = "The payment method was declined.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn confirm_checkout(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<CheckoutConfirmInput>,
) -> Result<Json<CheckoutConfirmResponse>> {
    context.require_unanswered().await?;
    let (app, caller) = (&context.app, context.caller());
    let confirmed = app::checkout::confirm(app, &caller, id, input.confirmation()).await?;
    let tx = context.begin().await?;
    context
        .commit(tx, CheckoutConfirmResponse::from(confirmed))
        .await
}

/// Cancel a checkout
///
/// Before it is done. What an unpaid confirmation has billed is credited whole, and its contract deleted. A repetition
/// answers the same and does nothing.
#[utoipa::path(
    post,
    path = "/checkouts/{checkout_id}/cancel",
    tag = "checkouts",
    params(("checkout_id" = Uuid, Path, description = "Id of the checkout.")),
    responses((status = 200, description = "The checkout.", body = CheckoutResponse))
)]
async fn cancel_checkout(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<CheckoutResponse>> {
    let mut tx = context.begin().await?;
    let cancelled = app::checkout::cancel(&context.app, &mut tx, id).await?;
    let pages = Pages::of(&context, &mut tx).await?;
    let status = cancelled.status;
    let answer = CheckoutResponse::new(&pages, cancelled, status);
    context.commit(tx, answer).await
}
