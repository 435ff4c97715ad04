//! Test clocks over HTTP.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
use wire::{
    AdvanceInput, AdvanceResponse, TestClockCustomerInput, TestClockInput, TestClockResponse,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, delete))
        .routes(routes!(attach))
        .routes(routes!(advance))
}

struct TestClocks;

impl Listed for TestClocks {
    fn spec() -> &'static Spec {
        &florin_store::test_clock::LIST
    }
}

/// List test clocks
///
/// One page of the organisation's test clocks, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/test_clocks",
    tag = "test clocks",
    params(Listing<TestClocks>),
    responses((status = 200, description = "One page of clocks.", body = Envelope<TestClockResponse>))
)]
async fn list(
    context: Context,
    listing: Listing<TestClocks>,
) -> Result<Json<Envelope<TestClockResponse>>> {
    let mut tx = context.read().await?;
    let page = app::test_clock::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, TestClockResponse::from)))
}

/// Create a test clock
///
/// A time that moves only when told to, for customers of a sandbox: their contracts begin, renew and end by it,
/// and are billed by it. It stands at `now`.
#[utoipa::path(
    post,
    path = "/test_clocks",
    tag = "test clocks",
    request_body = TestClockInput,
    responses((status = 200, description = "The clock.", body = TestClockResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<TestClockInput>,
) -> Result<Json<TestClockResponse>> {
    let mut tx = context.begin().await?;
    let clock = app::test_clock::create(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, clock.into()).await
}

/// Get a test clock
#[utoipa::path(
    get,
    path = "/test_clocks/{test_clock_id}",
    tag = "test clocks",
    params(("test_clock_id" = Uuid, Path, description = "Id of the clock.")),
    responses((status = 200, description = "The clock.", body = TestClockResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<TestClockResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::test_clock::load(&mut tx, id).await?.into()))
}

/// Delete a test clock
///
/// Its customers stay, and time stands for them as it stood.
#[utoipa::path(
    delete,
    path = "/test_clocks/{test_clock_id}",
    tag = "test clocks",
    params(("test_clock_id" = Uuid, Path, description = "Id of the clock.")),
    responses((status = 200, description = "The clock that was deleted.", body = TestClockResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<TestClockResponse>> {
    let mut tx = context.begin().await?;
    let clock = app::test_clock::delete(&mut tx, id).await?;
    context.commit(tx, clock.into()).await
}

/// Attach a customer to a test clock
///
/// From now on it lives by the clock. Only a customer without contracts, invoices and payments can be
/// attached, and for good.
#[utoipa::path(
    post,
    path = "/test_clocks/{test_clock_id}/customers",
    tag = "test clocks",
    params(("test_clock_id" = Uuid, Path, description = "Id of the clock.")),
    request_body = TestClockCustomerInput,
    responses((status = 200, description = "The clock with its customers.", body = TestClockResponse))
)]
async fn attach(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<TestClockCustomerInput>,
) -> Result<Json<TestClockResponse>> {
    let mut tx = context.begin().await?;
    let clock = app::test_clock::attach(&mut tx, id, input.customer_id).await?;
    context.commit(tx, clock.into()).await
}

/// Advance a test clock
///
/// Moves the clock forward, stopping wherever something is due for its customers: statuses change, contracts
/// renew, drafts are made, in the order of time. Answers when it has arrived; the job counts the days on
/// the way.
#[utoipa::path(
    post,
    path = "/test_clocks/{test_clock_id}/advance",
    tag = "test clocks",
    params(("test_clock_id" = Uuid, Path, description = "Id of the clock.")),
    request_body = AdvanceInput,
    responses((status = 200, description = "The clock where it arrived, and the job.", body = AdvanceResponse))
)]
async fn advance(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<AdvanceInput>,
) -> Result<Json<AdvanceResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let mut tx = context.begin().await?;
    let begun = app::test_clock::begin(app, &mut tx, id, input.into()).await?;
    let begun = AdvanceResponse::new(begun.clocked, begun.job.id);
    // Seen by others, and gone on with by them where this server dies.
    let Json(begun) = context.commit(tx, begun).await?;
    app::test_clock::advance(app, organisation, id).await?;
    let mut tx = context.read().await?;
    let clocked = app::test_clock::load(&mut tx, id).await?;
    Ok(Json(AdvanceResponse::new(clocked, begun.job_id)))
}
