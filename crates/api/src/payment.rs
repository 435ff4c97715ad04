//! Payments over HTTP: everything of them but what a gateway is asked for.

mod wire;
mod words;

use std::sync::Arc;

use axum::Json;
use florin_app::{
    self as app,
    payment::{Selection, Shown},
};
use florin_store::{Tx, list::Spec, payment::Kept};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::wire::{ManualPaymentInput, PaymentInput, PaymentPartsInput, RefundInput, ReversalInput};
use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};

pub(crate) use wire::{PaymentResponse, word};
pub(crate) use words::RefundDestination;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, allocate, delete))
        .routes(routes!(edit))
        .routes(routes!(refund))
        .routes(routes!(reverse))
        .routes(routes!(of_invoice))
        .routes(routes!(of_invoice_without_refunds))
        .routes(routes!(invoice_payments))
}

struct Payments;

impl Listed for Payments {
    fn spec() -> &'static Spec {
        &florin_store::payment::LIST
    }
}

/// The payment as clients see it, within the transaction that changed it.
async fn shown(context: &Context, tx: &mut Tx, kept: Kept) -> Result<PaymentResponse> {
    let shown = app::payment::shown(tx, vec![kept]).await?.pop();
    let shown = shown.ok_or_else(|| Error::Internal("a payment is shown".to_owned()))?;
    Ok(response(context, shown))
}

fn response(context: &Context, shown: Shown) -> PaymentResponse {
    PaymentResponse::new(context.organisation().0, shown)
}

/// List payments
///
/// One page of everything that moved: payments, refunds, reversals, withheld taxes.
#[utoipa::path(
    get,
    path = "/payments",
    tag = "payments",
    params(Listing<Payments>),
    responses((status = 200, description = "One page of payments.", body = Envelope<PaymentResponse>))
)]
async fn list(
    context: Context,
    listing: Listing<Payments>,
) -> Result<Json<Envelope<PaymentResponse>>> {
    let mut tx = context.read().await?;
    let page = app::payment::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, |shown| response(&context, shown))))
}

/// Record a payment
///
/// Money that came outside of Florin, or tax that a customer withheld. With the status `success` its parts reduce what
/// is due of the invoices, and what is for none of them, or more than is due, goes into the customer's wallet.
#[utoipa::path(
    post,
    path = "/payments",
    tag = "payments",
    request_body = PaymentInput,
    responses((status = 200, description = "The payment.", body = PaymentResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<PaymentInput>,
) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::payment::record(&context.app, &mut tx, input.read()?).await?;
    let answer = shown(&context, &mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Get a payment
#[utoipa::path(
    get,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    responses((status = 200, description = "The payment.", body = PaymentResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PaymentResponse>> {
    let mut tx = context.read().await?;
    let shown = app::payment::load(&mut tx, id).await?;
    Ok(Json(response(&context, shown)))
}

/// Allocate a payment
///
/// Says anew which invoices the payment is for. What is for none of them goes into the wallet; an over-payment comes
/// out of it, if it is still there.
#[utoipa::path(
    patch,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    request_body = PaymentPartsInput,
    responses((status = 200, description = "The changed payment.", body = PaymentResponse))
)]
async fn allocate(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PaymentPartsInput>,
) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let parts = input.read();
    let kept = app::payment::reallocate(&context.app, &mut tx, id, parts).await?;
    let answer = shown(&context, &mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Delete a payment
///
/// Only one that people recorded, and of which nothing went back. What it paid is owed again.
#[utoipa::path(
    delete,
    path = "/payments/{payment_id}",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    responses((status = 200, description = "The payment, voided.", body = PaymentResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::payment::delete_manual(&context.app, &mut tx, id).await?;
    let answer = shown(&context, &mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Change a manual payment
///
/// Only one that people recorded. Each field that is named replaces its predecessor; the others stay.
#[utoipa::path(
    patch,
    path = "/payments/manual_payment/{payment_id}",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    request_body = ManualPaymentInput,
    responses((status = 200, description = "The changed payment.", body = PaymentResponse))
)]
async fn edit(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ManualPaymentInput>,
) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::payment::edit_manual(&context.app, &mut tx, id, input.read()?).await?;
    let answer = shown(&context, &mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Refund a payment
///
/// Gives money back, into the wallet, to the method that it came from, or outside of Florin. Where a gateway has to pay
/// it, the refund is `in_progress` until that has answered. Answers the refund, which is a payment of its own.
#[utoipa::path(
    post,
    path = "/payments/{payment_id}/refund",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    request_body = RefundInput,
    responses((status = 200, description = "The refund.", body = PaymentResponse))
)]
async fn refund(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<RefundInput>,
) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::payment::refund(&context.app, &mut tx, id, input.read()?).await?;
    let refund = kept.payment.id;
    let answer = shown(&context, &mut tx, kept).await?;
    // Kept first, then the gateway is asked: a repetition under the same key begins no second refund.
    let Json(_) = context.commit(tx, answer).await?;
    app::charge::send_refund(&context.app, &context.caller(), refund).await?;
    let mut tx = context.read().await?;
    let shown = app::payment::load(&mut tx, refund).await?;
    Ok(Json(response(&context, shown)))
}

/// Reverse a payment
///
/// Its money never came, or the bank took it back: what it paid is owed again, and the wallet loses its over-payment,
/// below zero if it must. Answers the reversal, which is a payment of its own.
#[utoipa::path(
    post,
    path = "/payments/{payment_id}/reverse",
    tag = "payments",
    params(("payment_id" = Uuid, Path, description = "Id of the payment.")),
    request_body = ReversalInput,
    responses((status = 200, description = "The reversal.", body = PaymentResponse))
)]
async fn reverse(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ReversalInput>,
) -> Result<Json<PaymentResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::payment::reverse(&context.app, &mut tx, id, input.into()).await?;
    let answer = shown(&context, &mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// List the successful payments of an invoice
///
/// Money that came and of which something is still there; no refunds or reversals.
#[utoipa::path(
    get,
    path = "/payments/invoice/{invoice_id}",
    tag = "payments",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice."), Listing<Payments>),
    responses((status = 200, description = "One page of payments.", body = Envelope<PaymentResponse>))
)]
async fn of_invoice(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    listing: Listing<Payments>,
) -> Result<Json<Envelope<PaymentResponse>>> {
    selected(&context, invoice, Selection::Successful, listing).await
}

/// List the payments of an invoice without refund rows
///
/// Money that came, also where all of it went back; no refunds or reversals.
#[utoipa::path(
    get,
    path = "/payments/invoice/{invoice_id}/without_refunds",
    tag = "payments",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice."), Listing<Payments>),
    responses((status = 200, description = "One page of payments.", body = Envelope<PaymentResponse>))
)]
async fn of_invoice_without_refunds(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    listing: Listing<Payments>,
) -> Result<Json<Envelope<PaymentResponse>>> {
    selected(&context, invoice, Selection::WithoutRefunds, listing).await
}

/// List an invoice's payments
///
/// The same as `/payments/invoice/{invoice_id}`.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/payments",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice."), Listing<Payments>),
    responses((status = 200, description = "One page of payments.", body = Envelope<PaymentResponse>))
)]
async fn invoice_payments(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    listing: Listing<Payments>,
) -> Result<Json<Envelope<PaymentResponse>>> {
    selected(&context, invoice, Selection::Successful, listing).await
}

async fn selected(
    context: &Context,
    invoice: Uuid,
    selection: Selection,
    listing: Listing<Payments>,
) -> Result<Json<Envelope<PaymentResponse>>> {
    let mut tx = context.read().await?;
    let page = app::payment::of_invoice(&mut tx, invoice, selection, &listing.query).await?;
    Ok(Json(Envelope::new(page, |shown| response(context, shown))))
}
