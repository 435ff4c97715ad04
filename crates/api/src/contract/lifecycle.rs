//! Pauses, resumption and expiry of contracts over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::input::{ExpiryInput, PauseEditInput, PauseInput};
use super::{ContractResponse, shown};
use crate::{
    body::Body,
    context::{Context, Server},
    error::Result,
    path::PathIds,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(pause, edit_pause))
        .routes(routes!(resume))
        .routes(routes!(expire))
}

/// Pause a contract
///
/// Nothing accrues from the start to the end of the pause, or until the contract is resumed. What was
/// billed beforehand for these days comes back on the next invoice. A start to come leaves the contract
/// active until then.
#[utoipa::path(
    post,
    path = "/contract_v2/{contract_id}/pause",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = PauseInput,
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn pause(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PauseInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::pause(&context.app, &mut tx, id, input.into()).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Change a pause
///
/// Also one that has begun: what is not named stays.
#[utoipa::path(
    patch,
    path = "/contract_v2/{contract_id}/pause",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = PauseEditInput,
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn edit_pause(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<PauseEditInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::edit_pause(&mut tx, id, input.into()).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Resume a contract
///
/// Ends the pause that it is in: today is the first day that accrues again. A pause to come is changed,
/// not resumed.
#[utoipa::path(
    patch,
    path = "/contract_v2/{contract_id}/resume",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn resume(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::resume(&mut tx, id).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}

/// Expire a contract
///
/// Ends it with the last moment of a day, for good: later phases go, what reaches over the day is
/// trimmed, nothing is renewed. A last day to come leaves the contract in force until then.
#[utoipa::path(
    patch,
    path = "/contract_v2/{contract_id}/expire",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    request_body = ExpiryInput,
    responses((status = 200, description = "The contract.", body = ContractResponse))
)]
async fn expire(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ExpiryInput>,
) -> Result<Json<ContractResponse>> {
    let mut tx = context.begin().await?;
    let contract = app::contract::expire(&mut tx, id, input.expiry_date).await?;
    let answer = shown(&context, &mut tx, contract).await?;
    context.commit(tx, answer).await
}
