//! Jurisdiction rates of a business entity over HTTP, their taxes, and the lookup.

mod wire;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
};
use florin_app as app;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::{BadField, Error, Result},
    path::PathIds,
};
use wire::{
    DestinationInput, JurisdictionRateChangeInput, JurisdictionRateInput, JurisdictionRateResponse,
    ResolvedTaxResponse, TaxRateInput, TaxRateResponse,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update))
        .routes(routes!(list_rates))
        .routes(routes!(read_rate, update_rate))
        .routes(routes!(lookup))
}

type JurisdictionRatePatch = Patch<JurisdictionRateChangeInput>;
type TaxRatePatch = Patch<TaxRateInput>;

/// Which rows to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfCategory {
    /// Only rows of this tax category.
    tax_category_id: Option<Uuid>,
}

/// List jurisdiction rates
///
/// Every row of the business entity with its taxes, oldest first, as a bare array.
#[utoipa::path(
    get,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        OfCategory
    ),
    responses((status = 200, description = "The rows.", body = Vec<JurisdictionRateResponse>))
)]
async fn list(
    context: Context,
    PathIds([entity]): PathIds<1>,
    query: Result<Query<OfCategory>, QueryRejection>,
) -> Result<Json<Vec<JurisdictionRateResponse>>> {
    let Query(OfCategory { tax_category_id }) = query.map_err(not_a_category)?;
    let mut tx = context.read().await?;
    let organisation = tx.organisation();
    let rows = app::jurisdiction_rate::list(&mut tx, entity, tax_category_id).await?;
    let rows = rows.into_iter();
    Ok(Json(
        rows.map(|rated| JurisdictionRateResponse::new(organisation, rated))
            .collect(),
    ))
}

fn not_a_category(_: QueryRejection) -> Error {
    Error::Unreadable(vec![BadField {
        part: "query",
        path: vec!["tax_category_id".to_owned()],
        message: "value is not a valid uuid".to_owned(),
        kind: "type_error.uuid".to_owned(),
    }])
}

/// Create a jurisdiction rate
///
/// With its taxes. A level that is absent is empty: it matches only lookups that leave it out too.
#[utoipa::path(
    post,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates",
    tag = "tax",
    params(("business_entity_id" = Uuid, Path, description = "Id of the business entity.")),
    request_body = JurisdictionRateInput,
    responses((status = 200, description = "The row.", body = JurisdictionRateResponse))
)]
async fn create(
    context: Context,
    PathIds([entity]): PathIds<1>,
    Body(input): Body<JurisdictionRateInput>,
) -> Result<Json<JurisdictionRateResponse>> {
    let mut tx = context.begin().await?;
    let rated = app::jurisdiction_rate::create(&context.app, &mut tx, entity, input.into()).await?;
    let answer = JurisdictionRateResponse::new(tx.organisation(), rated);
    context.commit(tx, answer).await
}

/// Get a jurisdiction rate
#[utoipa::path(
    get,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        ("jurisdiction_rate_id" = Uuid, Path, description = "Id of the jurisdiction rate.")
    ),
    responses((status = 200, description = "The row.", body = JurisdictionRateResponse))
)]
async fn read(
    context: Context,
    PathIds([entity, id]): PathIds<2>,
) -> Result<Json<JurisdictionRateResponse>> {
    let mut tx = context.read().await?;
    let rated = app::jurisdiction_rate::load(&mut tx, entity, id).await?;
    Ok(Json(JurisdictionRateResponse::new(
        tx.organisation(),
        rated,
    )))
}

/// Change a jurisdiction rate
///
/// Each field that is named replaces its predecessor; the others stay. The country and the list of
/// taxes are fixed: change a tax under `rates`, or end this row and create another.
#[utoipa::path(
    patch,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        ("jurisdiction_rate_id" = Uuid, Path, description = "Id of the jurisdiction rate.")
    ),
    request_body = JurisdictionRatePatch,
    responses((status = 200, description = "The changed row.", body = JurisdictionRateResponse))
)]
async fn update(
    context: Context,
    PathIds([entity, id]): PathIds<2>,
    patch: JurisdictionRatePatch,
) -> Result<Json<JurisdictionRateResponse>> {
    let mut tx = context.begin().await?;
    let before = app::jurisdiction_rate::load(&mut tx, entity, id).await?.row;
    let change = patch.apply(&JurisdictionRateChangeInput::from(before.details.clone()))?;
    let details = change.over(&before.details);
    let rated = app::jurisdiction_rate::update(&mut tx, &before, details).await?;
    let answer = JurisdictionRateResponse::new(tx.organisation(), rated);
    context.commit(tx, answer).await
}

/// List tax rates
///
/// The taxes of a jurisdiction rate, in the order in which they were entered, as a bare array.
#[utoipa::path(
    get,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}/rates",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        ("jurisdiction_rate_id" = Uuid, Path, description = "Id of the jurisdiction rate.")
    ),
    responses((status = 200, description = "The taxes.", body = Vec<TaxRateResponse>))
)]
async fn list_rates(
    context: Context,
    PathIds([entity, id]): PathIds<2>,
) -> Result<Json<Vec<TaxRateResponse>>> {
    let mut tx = context.read().await?;
    let rated = app::jurisdiction_rate::load(&mut tx, entity, id).await?;
    let rates = rated.rates.into_iter();
    Ok(Json(rates.map(TaxRateResponse::from).collect()))
}

/// Get a tax rate
#[utoipa::path(
    get,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}/rates/{tax_rate_id}",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        ("jurisdiction_rate_id" = Uuid, Path, description = "Id of the jurisdiction rate."),
        ("tax_rate_id" = Uuid, Path, description = "Id of the tax rate.")
    ),
    responses((status = 200, description = "The tax.", body = TaxRateResponse))
)]
async fn read_rate(context: Context, PathIds(ids): PathIds<3>) -> Result<Json<TaxRateResponse>> {
    let mut tx = context.read().await?;
    let rate = app::jurisdiction_rate::load_rate(&mut tx, ids).await?;
    Ok(Json(rate.into()))
}

/// Change a tax rate
///
/// Each field that is named replaces its predecessor; the others stay.
#[utoipa::path(
    patch,
    path = "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}/rates/{tax_rate_id}",
    tag = "tax",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the business entity."),
        ("jurisdiction_rate_id" = Uuid, Path, description = "Id of the jurisdiction rate."),
        ("tax_rate_id" = Uuid, Path, description = "Id of the tax rate.")
    ),
    request_body = TaxRatePatch,
    responses((status = 200, description = "The changed tax.", body = TaxRateResponse))
)]
async fn update_rate(
    context: Context,
    PathIds(ids): PathIds<3>,
    patch: TaxRatePatch,
) -> Result<Json<TaxRateResponse>> {
    let mut tx = context.begin().await?;
    let before = app::jurisdiction_rate::load_rate(&mut tx, ids).await?;
    let input = patch.apply(&TaxRateInput::from(before.details.clone()))?;
    let rate = app::jurisdiction_rate::update_rate(&mut tx, &before, input.into()).await?;
    context.commit(tx, rate.into()).await
}

/// Look up the tax of a destination
///
/// Exactly one active row must match level by level: a field that is left out must be empty in the
/// row, a field that is sent must be equal. 404 `TAX_RATE_NOT_FOUND` where no row matches; 422 where
/// several do, which names them.
#[utoipa::path(
    post,
    path = "/tax/business_entities/{business_entity_id}/rates/lookup",
    tag = "tax",
    params(("business_entity_id" = Uuid, Path, description = "Id of the business entity.")),
    request_body = DestinationInput,
    responses((status = 200, description = "The taxes.", body = ResolvedTaxResponse))
)]
async fn lookup(
    context: Context,
    PathIds([entity]): PathIds<1>,
    Body(input): Body<DestinationInput>,
) -> Result<Json<ResolvedTaxResponse>> {
    let mut tx = context.read().await?;
    let resolved = app::jurisdiction_rate::lookup(&mut tx, entity, input.into()).await?;
    Ok(Json(resolved.into()))
}
