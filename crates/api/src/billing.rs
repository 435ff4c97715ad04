//! Bills that somebody asks for, over HTTP: one billing cycle of one contract or of several, and drafts made anew.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, billing::Request};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server},
    error::Result,
    job::JobResponse,
    path::PathIds,
};
use wire::{GenerateInvoiceInput, GenerateInvoicesInput, GeneratedResponse, RegeneratedResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(generate_invoice))
        .routes(routes!(generate_invoices))
        .routes(routes!(regenerate))
}

/// Generate an invoice
///
/// Makes a draft of one billing cycle of a contract, whether its day has come or not: all products in service in the
/// window are on it. Cycles are listed by `/contracts/{contract_id}/billingCycles`; without a cycle for that day the
/// list of invoices is empty, and without `bill_for_date` the draft has no lines. A cycle that is on drafts is made
/// anew with the usage of now.
#[utoipa::path(
    post,
    path = "/invoices/generate_invoice",
    tag = "invoices",
    request_body = GenerateInvoiceInput,
    responses((status = 200, description = "The invoices.", body = GeneratedResponse))
)]
async fn generate_invoice(
    context: Context,
    Body(input): Body<GenerateInvoiceInput>,
) -> Result<Json<GeneratedResponse>> {
    let request = input.into_request()?;
    let (app, organisation) = (&context.app, context.organisation());
    let prepared = app::billing::prepare(app, organisation, &request).await?;
    let mut tx = context.begin().await?;
    let invoice_ids = prepared.write(app, &mut tx).await?;
    context.commit(tx, GeneratedResponse { invoice_ids }).await
}

/// Generate invoices of several contracts
///
/// The same for several contracts, as a job. Its outcomes name each invoice, and each contract that could not be
/// billed with the reason.
#[utoipa::path(
    post,
    path = "/invoices/generate_invoices",
    tag = "invoices",
    request_body = GenerateInvoicesInput,
    responses((status = 200, description = "The job, at its end.", body = JobResponse))
)]
async fn generate_invoices(
    context: Context,
    Body(input): Body<GenerateInvoicesInput>,
) -> Result<Json<JobResponse>> {
    let requests: Vec<Request> = input.into_requests()?;
    let (app, organisation) = (&context.app, context.organisation());
    context.require_unanswered().await?;
    let asker = context.asker();
    let job = app::billing::generate_all(app, organisation, &asker, &requests).await?;
    let tx = context.begin().await?;
    context.commit(tx, job.into()).await
}

/// Make a draft anew
///
/// Rates a draft again from its contract and the usage of now. It keeps its id and what was written on it; what is not
/// due any more goes, and a draft of which nothing is left is discarded.
#[utoipa::path(
    post,
    path = "/invoices/{invoice_id}/regenerate",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the draft.")),
    responses((status = 200, description = "What became of it.", body = RegeneratedResponse))
)]
async fn regenerate(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<RegeneratedResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    context.require_unanswered().await?;
    let asker = context.asker();
    let outcome = app::billing::regenerate(app, organisation, &asker, id).await?;
    let tx = context.begin().await?;
    context.commit(tx, outcome.into()).await
}
