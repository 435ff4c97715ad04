//! Products over HTTP, in two forms: `/products` and the newer `/v3/products`.
//!
//! There is one product behind both. What they name differently:
//!
//! | `/products` | `/v3/products` | the product |
//! |---|---|---|
//! | `type`: `product`, `group` | products only; a group is read as one without type | kind |
//! | `product_category`: `group` for groups | | kind |
//! | `is_active` | `status`: `active`, else `inactive` or `archived` | status |
//! | `product_type`: `time_dependent`, `time_independent` (read only) | `type`: `period_of_time`, `point_in_time` | timing |
//! | `product_sub_type` (read only) | `subtype` | subtype |
//! | `unit` | `unit.singular`, `unit.plural` | unit |
//! | `tax_codes` by provider | `tax_category` | both are kept |
//! | `tags`, `parent_link_id`, `default_pricing_id`, `track_usage`, `enum_values` | `slug` | kept, shown in one form only |
//!
//! Writing one form leaves what only the other has as it is.

mod v3;
mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::product::Product;
use florin_store::{Tx, list::Spec};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
pub(crate) use wire::{ProductInput, ProductResponse, words};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .merge(v3::routes())
}

type ProductPatch = Patch<ProductInput>;

struct Products;

impl Listed for Products {
    fn spec() -> &'static Spec {
        &florin_store::product::LIST
    }
}

/// List products
///
/// One page of products, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/products",
    tag = "products",
    params(Listing<Products>),
    responses((status = 200, description = "One page of products.", body = Envelope<ProductResponse>))
)]
async fn list(
    context: Context,
    listing: Listing<Products>,
) -> Result<Json<Envelope<ProductResponse>>> {
    let mut tx = context.read().await?;
    let page = app::product::page(&mut tx, Products::spec(), &listing.query).await?;
    let ids: Vec<Uuid> = page.results.iter().map(|product| product.id).collect();
    let mut entitlements = app::entitlement::of_products(&mut tx, &ids).await?;
    Ok(Json(Envelope::new(page, |product| {
        let of_product = entitlements.remove(&product.id);
        ProductResponse::from(product).with(of_product.unwrap_or_default())
    })))
}

/// The product with the entitlements that belong to it.
async fn shown(tx: &mut Tx, product: Product) -> Result<ProductResponse> {
    let mut entitlements = app::entitlement::of_products(tx, &[product.id]).await?;
    let of_product = entitlements.remove(&product.id).unwrap_or_default();
    Ok(ProductResponse::from(product).with(of_product))
}

/// Create a product
///
/// A product has no price by itself: add prices at `/products/{product_id}/pricing`.
#[utoipa::path(
    post,
    path = "/products",
    tag = "products",
    request_body = ProductInput,
    responses((status = 200, description = "The product.", body = ProductResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<ProductInput>,
) -> Result<Json<ProductResponse>> {
    let mut tx = context.begin().await?;
    let product = app::product::create(&context.app, &mut tx, input.details(None)).await?;
    context.commit(tx, product.into()).await
}

/// Get a product
#[utoipa::path(
    get,
    path = "/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    responses((status = 200, description = "The product.", body = ProductResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ProductResponse>> {
    let mut tx = context.read().await?;
    let product = app::product::load(&mut tx, id).await?;
    Ok(Json(shown(&mut tx, product).await?))
}

/// Change a product
///
/// Each field that is named replaces its predecessor; the others stay. The type is fixed.
#[utoipa::path(
    patch,
    path = "/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    request_body = ProductPatch,
    responses((status = 200, description = "The changed product.", body = ProductResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: ProductPatch,
) -> Result<Json<ProductResponse>> {
    let mut tx = context.begin().await?;
    let current = app::product::load(&mut tx, id).await?.details;
    let input = patch.apply(&ProductInput::from(current.clone()))?;
    let details = input.details(Some(current));
    let product = app::product::update(&mut tx, id, details).await?;
    let shown = shown(&mut tx, product).await?;
    context.commit(tx, shown).await
}

/// Delete a product
///
/// With its prices. What was sold of it keeps it. Refused while it has sub-products or is a member of a
/// bundle.
#[utoipa::path(
    delete,
    path = "/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    responses((status = 200, description = "The product as it was.", body = ProductResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ProductResponse>> {
    let mut tx = context.begin().await?;
    let product = app::product::delete(&mut tx, id).await?;
    let shown = shown(&mut tx, product).await?;
    context.commit(tx, shown).await
}
