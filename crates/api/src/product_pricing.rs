//! Prices of products over HTTP, and those of bundles.

mod exact;
mod features;
mod metric;
mod pricing_data;
mod wire;

use std::sync::Arc;

use axum::{Json, extract::Query};
use florin_app::{self as app, product_pricing::WhenEqual};
use florin_store::{Tx, list::Spec};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::{BadField, Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
pub(crate) use features::{CommitmentBody, DiscountBody, TaxBody};
pub(crate) use metric::Metrics;
pub(crate) use wire::{PricingInput, PricingResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(create_bundle))
        .routes(routes!(read_bundle, update_bundle))
}

type PricingPatch = Patch<PricingInput>;

struct Pricings;

impl Listed for Pricings {
    fn spec() -> &'static Spec {
        &florin_store::product_pricing::LIST
    }
}

/// List the prices of a product
#[utoipa::path(
    get,
    path = "/products/{product_id}/pricing",
    tag = "pricings",
    params(("product_id" = Uuid, Path, description = "Id of the product."), Listing<Pricings>),
    responses((status = 200, description = "One page of prices.", body = Envelope<PricingResponse>))
)]
async fn list(
    context: Context,
    PathIds([product_id]): PathIds<1>,
    listing: Listing<Pricings>,
) -> Result<Json<Envelope<PricingResponse>>> {
    let mut tx = context.read().await?;
    let page = app::product_pricing::page(&mut tx, product_id, &listing.query).await?;
    let metrics = Metrics::of(&mut tx, &page.results).await?;
    Ok(Json(Envelope::new(page, |pricing| {
        metrics.shown_in(pricing)
    })))
}

/// Create a price of a product
///
/// Amounts are exact decimals in major units of currency: 3 means 3 dollars.
#[utoipa::path(
    post,
    path = "/products/{product_id}/pricing",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the product."),
        ("return_existing" = Option<bool>, Query,
            description = "Whether an equal price of the product is answered instead of another one.")
    ),
    request_body = PricingInput,
    responses((status = 200, description = "The price.", body = PricingResponse))
)]
async fn create(
    context: Context,
    PathIds([product_id]): PathIds<1>,
    Query(parameters): Query<Vec<(String, String)>>,
    Body(input): Body<PricingInput>,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.begin().await?;
    let (app, when_equal) = (&context.app, when_equal(&parameters)?);
    let document = document(&input)?;
    let pricing =
        app::product_pricing::create(app, &mut tx, product_id, document, when_equal).await?;
    let shown = metric::shown(&mut tx, pricing).await?;
    context.commit(tx, shown).await
}

/// Get a price of a product
#[utoipa::path(
    get,
    path = "/products/{product_id}/pricing/{pricing_id}",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the product."),
        ("pricing_id" = Uuid, Path, description = "Id of the price.")
    ),
    responses((status = 200, description = "The price.", body = PricingResponse))
)]
async fn read(
    context: Context,
    PathIds([product_id, id]): PathIds<2>,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.read().await?;
    let pricing = app::product_pricing::load(&mut tx, product_id, id).await?;
    Ok(Json(metric::shown(&mut tx, pricing).await?))
}

/// Change a price of a product
///
/// Each field that is named replaces its predecessor whole; the others stay. What is already sold keeps
/// the terms under which it was sold.
#[utoipa::path(
    patch,
    path = "/products/{product_id}/pricing/{pricing_id}",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the product."),
        ("pricing_id" = Uuid, Path, description = "Id of the price.")
    ),
    request_body = PricingPatch,
    responses((status = 200, description = "The changed price.", body = PricingResponse))
)]
async fn update(
    context: Context,
    PathIds([product_id, id]): PathIds<2>,
    patch: PricingPatch,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.begin().await?;
    let pricing = change(&mut tx, [product_id, id], patch).await?;
    context.commit(tx, pricing).await
}

/// Delete a price of a product
///
/// It stops being its product's default. What is already sold keeps its terms.
#[utoipa::path(
    delete,
    path = "/products/{product_id}/pricing/{pricing_id}",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the product."),
        ("pricing_id" = Uuid, Path, description = "Id of the price.")
    ),
    responses((status = 200, description = "The price as it was.", body = PricingResponse))
)]
async fn delete(
    context: Context,
    PathIds([product_id, id]): PathIds<2>,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.begin().await?;
    let pricing = app::product_pricing::delete(&mut tx, product_id, id).await?;
    let shown = metric::shown(&mut tx, pricing).await?;
    context.commit(tx, shown).await
}

/// Create the price of a bundle
///
/// The product is a group; `pricing_data` is of type `bundle` and names the members with what each costs
/// alone, by which the revenue of the bundle is split.
#[utoipa::path(
    post,
    path = "/products/bundle/{product_id}/pricing",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the group."),
        ("return_existing" = Option<bool>, Query,
            description = "Whether an equal price of the group is answered instead of another one.")
    ),
    request_body = PricingInput,
    responses((status = 200, description = "The price.", body = PricingResponse))
)]
async fn create_bundle(
    context: Context,
    PathIds([product_id]): PathIds<1>,
    Query(parameters): Query<Vec<(String, String)>>,
    Body(input): Body<PricingInput>,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.begin().await?;
    app::product_pricing::load_group(&mut tx, product_id).await?;
    let (app, when_equal) = (&context.app, when_equal(&parameters)?);
    let document = document(of_bundle(&input)?)?;
    let pricing =
        app::product_pricing::create(app, &mut tx, product_id, document, when_equal).await?;
    let shown = metric::shown(&mut tx, pricing).await?;
    context.commit(tx, shown).await
}

/// Get the price of a bundle
#[utoipa::path(
    get,
    path = "/products/bundle/{product_id}/pricing/{pricing_id}",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the group."),
        ("pricing_id" = Uuid, Path, description = "Id of the price.")
    ),
    responses((status = 200, description = "The price.", body = PricingResponse))
)]
async fn read_bundle(
    context: Context,
    PathIds([product_id, id]): PathIds<2>,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.read().await?;
    app::product_pricing::load_group(&mut tx, product_id).await?;
    let pricing = app::product_pricing::load(&mut tx, product_id, id).await?;
    Ok(Json(metric::shown(&mut tx, pricing).await?))
}

/// Change the price of a bundle
///
/// Each field that is named replaces its predecessor whole; the others stay.
#[utoipa::path(
    patch,
    path = "/products/bundle/{product_id}/pricing/{pricing_id}",
    tag = "pricings",
    params(
        ("product_id" = Uuid, Path, description = "Id of the group."),
        ("pricing_id" = Uuid, Path, description = "Id of the price.")
    ),
    request_body = PricingPatch,
    responses((status = 200, description = "The changed price.", body = PricingResponse))
)]
async fn update_bundle(
    context: Context,
    PathIds([product_id, id]): PathIds<2>,
    patch: PricingPatch,
) -> Result<Json<PricingResponse>> {
    let mut tx = context.begin().await?;
    app::product_pricing::load_group(&mut tx, product_id).await?;
    let pricing = change(&mut tx, [product_id, id], patch).await?;
    context.commit(tx, pricing).await
}

async fn change(
    tx: &mut Tx,
    [product_id, id]: [Uuid; 2],
    patch: PricingPatch,
) -> Result<PricingResponse> {
    let before = app::product_pricing::load(tx, product_id, id).await?;
    let input = patch.apply_over(&PricingResponse::from(before.clone()))?;
    let after = app::product_pricing::update(tx, &before, document(&input)?).await?;
    metric::shown(tx, after).await
}

/// The price as it is kept.
fn document(input: &PricingInput) -> Result<Value> {
    serde_json::to_value(input).map_err(|error| Error::Internal(error.to_string()))
}

fn of_bundle(input: &PricingInput) -> Result<&PricingInput> {
    if input.pricing_data.is_bundle() {
        return Ok(input);
    }
    let path = ["pricing_data", "pricing_type"].map(str::to_owned).to_vec();
    let message = "the price of a bundle is of type bundle".to_owned();
    Err(Error::Unreadable(vec![BadField {
        part: "body",
        path,
        message,
        kind: "value_error.const".to_owned(),
    }]))
}

fn when_equal(parameters: &[(String, String)]) -> Result<WhenEqual> {
    let sent = parameters
        .iter()
        .rev()
        .find(|(name, _)| name == "return_existing");
    match sent.map(|(_, value)| value.to_lowercase()).as_deref() {
        Some("true" | "1") => Ok(WhenEqual::ReturnExisting),
        None | Some("" | "false" | "0") => Ok(WhenEqual::CreateAnother),
        Some(_) => Err(Error::Unreadable(vec![BadField {
            part: "query",
            path: vec!["return_existing".to_owned()],
            message: "value is not a boolean".to_owned(),
            kind: "type_error.bool".to_owned(),
        }])),
    }
}
