//! Tax categories over HTTP, addressed by their code.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathText,
};
use wire::{TaxCategoryInput, TaxCategoryResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update))
}

type TaxCategoryPatch = Patch<TaxCategoryInput>;

struct TaxCategories;

impl Listed for TaxCategories {
    fn spec() -> &'static Spec {
        &florin_store::tax_category::LIST
    }
}

/// List tax categories
///
/// One page of tax categories, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/tax/categories",
    tag = "tax",
    params(Listing<TaxCategories>),
    responses(
        (status = 200, description = "One page of categories.", body = Envelope<TaxCategoryResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<TaxCategories>,
) -> Result<Json<Envelope<TaxCategoryResponse>>> {
    let mut tx = context.read().await?;
    let organisation = tx.organisation();
    let page = app::tax_category::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, |category| {
        TaxCategoryResponse::new(organisation, category)
    })))
}

/// Create a tax category
///
/// Its code is given by the server: `ZEN_TAX_00001`, `ZEN_TAX_00002` and so on.
#[utoipa::path(
    post,
    path = "/tax/categories",
    tag = "tax",
    request_body = TaxCategoryInput,
    responses((status = 200, description = "The category.", body = TaxCategoryResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<TaxCategoryInput>,
) -> Result<Json<TaxCategoryResponse>> {
    let mut tx = context.begin().await?;
    let category = app::tax_category::create(&context.app, &mut tx, input.into()).await?;
    let answer = TaxCategoryResponse::new(tx.organisation(), category);
    context.commit(tx, answer).await
}

/// Get a tax category
#[utoipa::path(
    get,
    path = "/tax/categories/{code}",
    tag = "tax",
    params(("code" = String, Path, description = "Code of the category.", example = "ZEN_TAX_00001")),
    responses((status = 200, description = "The category.", body = TaxCategoryResponse))
)]
async fn read(context: Context, PathText(code): PathText) -> Result<Json<TaxCategoryResponse>> {
    let mut tx = context.read().await?;
    let category = app::tax_category::load(&mut tx, &code).await?;
    Ok(Json(TaxCategoryResponse::new(tx.organisation(), category)))
}

/// Change a tax category
///
/// Each field that is named replaces its predecessor; the others stay, and so does the code.
#[utoipa::path(
    patch,
    path = "/tax/categories/{code}",
    tag = "tax",
    params(("code" = String, Path, description = "Code of the category.", example = "ZEN_TAX_00001")),
    request_body = TaxCategoryPatch,
    responses((status = 200, description = "The changed category.", body = TaxCategoryResponse))
)]
async fn update(
    context: Context,
    PathText(code): PathText,
    patch: TaxCategoryPatch,
) -> Result<Json<TaxCategoryResponse>> {
    let mut tx = context.begin().await?;
    let current = app::tax_category::load(&mut tx, &code).await?;
    let input = patch.apply(&TaxCategoryInput::from(current.details))?;
    let category = app::tax_category::update(&mut tx, &code, input.into()).await?;
    let answer = TaxCategoryResponse::new(tx.organisation(), category);
    context.commit(tx, answer).await
}
