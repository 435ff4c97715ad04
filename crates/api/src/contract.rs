//! Contracts over HTTP: what was agreed, its phases and prices, its versions.

mod estimates;
mod input;
mod lifecycle;
mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::contract::{Contract, Start};
use florin_store::{Tx, list::Spec};
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::{self, Parameters},
};
use estimates::EstimatesBody;
use input::{ContractInput, PhasePricingInput};
pub(crate) use input::{LineProductInput, PhaseInput, PhaseKind, Renewal, document, object};
use wire::{
    AmendmentResponse, BillingCycleResponse, InvoiceEffectBody, PhasePricingResponse, Shown,
    billing_cycle, changes,
};
pub(crate) use wire::{ChangeBody, ContractResponse};

/// Billing cycles of one answer at most, and unless told.
const CYCLES_MAX: usize = 1000;
const CYCLES_DEFAULT: usize = 10;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, replace, delete))
        .routes(routes!(preview))
        .routes(routes!(amendments))
        .routes(routes!(add_phase))
        .routes(routes!(add_phase_pricing))
        .routes(routes!(billing_cycles))
        .merge(estimates::routes())
        .merge(lifecycle::routes())
}

struct Contracts;

impl Listed for Contracts {
    fn spec() -> &'static Spec {
        &florin_store::contract::LIST
    }
}

struct Amendments;

impl Listed for Amendments {
    fn spec() -> &'static Spec {
        &florin_store::contract::VERSIONS
    }
}

/// What a change of a contract would do.
#[derive(Debug, Serialize, ToSchema)]
struct ContractPreviewResponse {
    /// The contract as it would be. Phases and pricings that would be new have ids of this answer only.
    contract: ContractResponse,
    /// Every field that would differ; none where the change is none.
    changes: Vec<ChangeBody>,
    /// What it would do to invoices.
    invoices: InvoiceEffectBody,
    /// The same with amounts: drafts made anew, and the next invoices.
    estimates: EstimatesBody,
}

/// List contracts
///
/// One page of contracts, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/contract_v2",
    tag = "contracts",
    params(Listing<Contracts>),
    responses(
        (status = 200, description = "One page of contracts.", body = Envelope<ContractResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<Contracts>,
) -> Result<Json<Envelope<ContractResponse>>> {
    let mut tx = context.read().await?;
    let mut page = app::contract::page(&mut tx, &listing.query).await?;
    let contracts = std::mem::take(&mut page.results);
    let now = context.app.clock.now();
    let (views, sights) = app::contract::views(&mut tx, contracts, now).await?;
    let shown = Shown::new(sights)?;
    let florin_store::list::Page {
        results: _,
        next,
        previous,
        total_count,
    } = page;
    let page = florin_store::list::Page {
        results: views,
        next,
        previous,
        total_count,
    };
    Ok(Json(Envelope::new(page, |view| shown.contract(view))))
}

/// Create a contract
///
/// As a draft or in force. Each phase sells products at prices of the catalogue or at prices of its own;
/// a product that is written out is made for the catalogue. Everything that is wrong is named at its field.
#[utoipa::path(
    post,
    path = "/contract_v2",
    tag = "contracts",
    request_body = ContractInput,
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<ContractInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::create(&context.app, &mut tx, input.written()?).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Get a contract
///
/// With its phases, prices, products and customer.
#[utoipa::path(
    get,
    path = "/contract_v2/{contract_id}",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ContractResponse>> {
    let mut tx = context.read().await?;
    let contract = app::contract::find(&mut tx, id).await?;
    Ok(Json(shown(&context, &mut tx, contract).await?))
}

/// Replace a contract
///
/// Whole: fields that are left out are lost, except pauses, which have endpoints of their own. Phases and
/// pricings are recognised by their ids, so that what was billed stays theirs. The same content is no new
/// version. Drafts of invoices are made anew; a difference to approved invoices goes on the next one.
#[utoipa::path(
    put,
    path = "/contract_v2/{contract_id}",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = ContractInput,
    responses((status = 200, description = "The changed contract.", body = ContractResponse))
)]
async fn replace(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ContractInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::replace(&context.app, &mut tx, id, input.written()?).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Delete a contract
///
/// Only drafts: a contract in force is expired.
#[utoipa::path(
    delete,
    path = "/contract_v2/{contract_id}",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    responses((status = 200, description = "The contract as it was.", body = ContractResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::delete(&mut tx, id).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Preview a change of a contract
///
/// What a replacement by this body would make of the contract, field by field, and of its invoices, line by line:
/// drafts that would be made anew, what would be due now, and the next invoice with adjustments of approved ones.
/// Nothing is changed.
#[utoipa::path(
    post,
    path = "/contract_v2/{contract_id}/preview",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = ContractInput,
    responses((
        status = 200, description = "What the change would do.", body = ContractPreviewResponse
    ))
)]
async fn preview(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ContractInput>,
) -> Result<Json<ContractPreviewResponse>> {
    // Dropped, not committed: an inline product is made for the preview only.
    let mut tx = context.begin().await?;
    let preview = app::contract::preview(&context.app, &mut tx, id, input.written()?).await?;
    let contract = shown(&context, &mut tx, preview.after.clone()).await?;
    let effect = app::billing::effect(&context.app, tx, &preview.after).await;
    Ok(Json(ContractPreviewResponse {
        contract,
        changes: changes(preview.amendment.changes),
        invoices: preview.invoices.into(),
        estimates: EstimatesBody::of(effect)?,
    }))
}

/// List the amendments of a contract
///
/// Every change since it was created, with each field that differs; the newest first unless `order` says
/// otherwise.
#[utoipa::path(
    get,
    path = "/contract_v2/{contract_id}/amendments",
    tag = "contracts",
    params(
        ("contract_id" = Uuid, Path, description = "Id of the contract."),
        Listing<Amendments>
    ),
    responses(
        (status = 200, description = "One page of amendments.", body = Envelope<AmendmentResponse>)
    )
)]
async fn amendments(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Amendments>,
) -> Result<Json<Envelope<AmendmentResponse>>> {
    let mut tx = context.read().await?;
    let page = app::contract::amendments(&mut tx, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, AmendmentResponse::from)))
}

/// Add a phase to a contract
///
/// Without a start it follows the last phase.
#[utoipa::path(
    post,
    path = "/contract_v2/{contract_id}/phases",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = PhaseInput,
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn add_phase(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PhaseInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::add_phase(&context.app, &mut tx, id, input.written()?).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Add a pricing to a phase
///
/// A product at a price of the catalogue or at one of its own.
#[utoipa::path(
    post,
    path = "/contract_v2/{contract_id}/phases/{phase_id}/pricing",
    tag = "contracts",
    params(
        ("contract_id" = Uuid, Path, description = "Id of the contract."),
        ("phase_id" = Uuid, Path, description = "Id of the phase.")
    ),
    request_body = PhasePricingInput,
    responses((status = 200, description = "The pricing.", body = PhasePricingResponse))
)]
async fn add_phase_pricing(
    context: Context,
    PathIds([id, phase]): PathIds<2>,
    Body(input): Body<PhasePricingInput>,
) -> Result<Json<PhasePricingResponse>> {
    let mut tx = context.begin().await?;
    let (app, written) = (&context.app, input.written()?);
    let (contract, added) = app::contract::add_line(app, &mut tx, [id, phase], written).await?;
    let now = app.clock.now();
    let (_, sights) = app::contract::views(&mut tx, vec![contract.clone()], now).await?;
    let line = contract.line(added).map(|(_, line)| line);
    let line = line.ok_or_else(|| Error::Internal("a line that was added is there".to_owned()))?;
    let answer = Shown::new(sights)?.line(&contract, line);
    context.commit(tx, answer).await
}

/// List the billing cycles of a contract
///
/// The list from which `/invoices/generate_invoice` is asked: by the day billed, oldest first.
#[utoipa::path(
    get,
    path = "/contracts/{contract_id}/billingCycles",
    tag = "contracts",
    params(
        ("contract_id" = Uuid, Path, description = "Id of the contract."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, example = 10,
            description = "Cycles of the answer; 10 unless told."),
        ("from" = Option<String>, Query, format = Date, example = "2026-06-01",
            description = "The first day of service; that of the contract unless told."),
    ),
    responses((status = 200, description = "The cycles.", body = Vec<BillingCycleResponse>))
)]
async fn billing_cycles(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<Vec<BillingCycleResponse>>> {
    let (from, limit) = cycles_asked(&parameters)?;
    let mut tx = context.read().await?;
    let (contract, cycles) = app::contract::billing_cycles(&mut tx, id, from, limit).await?;
    let cycles = cycles.into_iter();
    Ok(Json(
        cycles
            .map(|cycle| billing_cycle(&contract, cycle))
            .collect(),
    ))
}

fn cycles_asked(parameters: &Parameters) -> Result<(Option<jiff::civil::Date>, usize)> {
    let from = parameters.value("from").map(|text| {
        let read = Start::read(text, &TimeZone::UTC);
        read.map_err(|error| query::bad("from", "value_error.date", &error.to_string()))
    });
    let limit = parameters.value("limit").map(|text| {
        let read = text
            .parse()
            .ok()
            .filter(|limit| (1..=CYCLES_MAX).contains(limit));
        let message = format!("1 to {CYCLES_MAX}");
        read.ok_or_else(|| query::bad("limit", "value_error.number", &message))
    });
    match (from.transpose(), limit.transpose()) {
        (Ok(from), Ok(limit)) => Ok((from.map(Start::day), limit.unwrap_or(CYCLES_DEFAULT))),
        (from, limit) => {
            let found = [from.err(), limit.err()];
            Err(Error::Unreadable(found.into_iter().flatten().collect()))
        }
    }
}

/// A contract as of now.
async fn shown(context: &Context, tx: &mut Tx, contract: Contract) -> Result<ContractResponse> {
    let now = context.app.clock.now();
    let (views, sights) = app::contract::views(tx, vec![contract], now).await?;
    let shown = Shown::new(sights)?;
    let view = views.into_iter().next();
    let view = view.ok_or_else(|| Error::Internal("one view of one contract".to_owned()))?;
    Ok(shown.contract(view))
}
