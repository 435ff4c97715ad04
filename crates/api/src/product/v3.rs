//! Products as `/v3/products` writes them.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::{
    product::{Delivery, Details, Kind, Product, Status, Subtype, Timing, Unit},
    product_pricing::ProductPricing,
};
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::wire::words;
use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    product_pricing::{Metrics, PricingResponse},
    value::Instant,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(list_with_pricings))
        .routes(routes!(read, update, delete))
}

type ProductV3Patch = Patch<ProductV3Input>;

struct ProductsV3;

impl Listed for ProductsV3 {
    fn spec() -> &'static Spec {
        &florin_store::product::LIST_V3
    }
}

words! {
    /// Whether it is delivered at one moment or over a period.
    ProductTiming = Timing {
        /// Consumed at one moment: counts quantity or credits.
        PointInTime,
        /// Held over a period: counts quantity or gives a feature.
        PeriodOfTime
    }
}

words! {
    /// What is counted of it.
    ProductSubtype = Subtype {
        /// Units.
        Quantity,
        /// Credits.
        Credits,
        /// Access.
        Feature
    }
}

words! {
    /// Whether it can be sold.
    ProductStatus = Status {
        /// It can.
        Active,
        /// Not in new contracts; existing ones keep it.
        Inactive,
        /// Kept for the record.
        Archived
    }
}

/// What units are called.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct UnitBody {
    /// One of them.
    #[schema(min_length = 1, max_length = 64, example = "seat")]
    singular: String,
    /// Several of them.
    #[schema(max_length = 64, example = "seats")]
    plural: Option<String>,
}

/// What a caller may write of a product.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ProductV3Input {
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "Seats")]
    name: String,
    /// A sentence about it, without outer blanks; blank is none.
    #[schema(max_length = 4000, example = "People who may log in")]
    description: Option<String>,
    /// Your own code for it; unique in the organisation.
    #[schema(max_length = 255, example = "SEAT-1")]
    sku: Option<String>,
    /// `point_in_time` goes with quantity and credits, `period_of_time` with quantity and feature.
    #[serde(rename = "type")]
    timing: ProductTiming,
    /// What is counted of it.
    subtype: ProductSubtype,
    /// What units are called.
    unit: Option<UnitBody>,
    /// Tax category of your own tax engine.
    #[schema(max_length = 64, example = "ZEN_TAX_00001")]
    tax_category: Option<String>,
    /// Active unless told; not `archived` at first.
    status: Option<ProductStatus>,
    /// Short name; unique in the organisation.
    #[schema(
        max_length = 255,
        pattern = "^[a-z0-9]+([_-][a-z0-9]+)*$",
        example = "seats"
    )]
    slug: Option<String>,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
struct ProductV3Response {
    /// Id of the product.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Seats")]
    name: String,
    /// A sentence about it.
    #[schema(example = "People who may log in")]
    description: Option<String>,
    /// Your own code for it.
    #[schema(example = "SEAT-1")]
    sku: Option<String>,
    /// Whether it is delivered at one moment or over a period; null for products made at `/products`.
    #[serde(rename = "type")]
    timing: Option<ProductTiming>,
    /// What is counted of it.
    subtype: Option<ProductSubtype>,
    /// What units are called.
    unit: Option<UnitBody>,
    /// Tax category of your own tax engine.
    #[schema(example = "ZEN_TAX_00001")]
    tax_category: Option<String>,
    /// Whether it can be sold.
    status: ProductStatus,
    /// Short name.
    #[schema(example = "seats")]
    slug: Option<String>,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A product with its prices.
#[derive(Debug, Serialize, ToSchema)]
struct PricedProduct {
    /// The product.
    product: ProductV3Response,
    /// Its prices, oldest first.
    pricings: Vec<PricingResponse>,
}

/// List products (v3)
#[utoipa::path(
    get,
    path = "/v3/products",
    tag = "products",
    params(Listing<ProductsV3>),
    responses(
        (status = 200, description = "One page of products.", body = Envelope<ProductV3Response>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<ProductsV3>,
) -> Result<Json<Envelope<ProductV3Response>>> {
    let mut tx = context.read().await?;
    let page = app::product::page(&mut tx, ProductsV3::spec(), &listing.query).await?;
    Ok(Json(Envelope::new(page, ProductV3Response::from)))
}

/// Search products with their prices (v3)
#[utoipa::path(
    get,
    path = "/v3/products/pricings",
    tag = "products",
    params(Listing<ProductsV3>),
    responses((status = 200, description = "One page of products.", body = Envelope<PricedProduct>))
)]
async fn list_with_pricings(
    context: Context,
    listing: Listing<ProductsV3>,
) -> Result<Json<Envelope<PricedProduct>>> {
    let mut tx = context.read().await?;
    let spec = ProductsV3::spec();
    let page = app::product::page_with_pricings(&mut tx, spec, &listing.query).await?;
    let prices = page.results.iter().flat_map(|(_, prices)| prices);
    let metrics = Metrics::of(&mut tx, prices).await?;
    let priced = |(product, prices)| PricedProduct::new(product, prices, &metrics);
    Ok(Json(Envelope::new(page, priced)))
}

/// Create a product (v3)
#[utoipa::path(
    post,
    path = "/v3/products",
    tag = "products",
    request_body = ProductV3Input,
    responses((status = 200, description = "The product.", body = ProductV3Response))
)]
async fn create(
    context: Context,
    Body(input): Body<ProductV3Input>,
) -> Result<Json<ProductV3Response>> {
    let mut tx = context.begin().await?;
    let product = app::product::create(&context.app, &mut tx, input.details(None)).await?;
    context.commit(tx, product.into()).await
}

/// Get a product (v3)
#[utoipa::path(
    get,
    path = "/v3/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    responses((status = 200, description = "The product.", body = ProductV3Response))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ProductV3Response>> {
    let mut tx = context.read().await?;
    Ok(Json(app::product::load(&mut tx, id).await?.into()))
}

/// Change a product (v3)
///
/// Each field that is named replaces its predecessor; the others stay. A product made at `/products`
/// has no `type` and `subtype` yet: send them with its first change here.
#[utoipa::path(
    patch,
    path = "/v3/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    request_body = ProductV3Patch,
    responses((status = 200, description = "The changed product.", body = ProductV3Response))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: ProductV3Patch,
) -> Result<Json<ProductV3Response>> {
    let mut tx = context.begin().await?;
    let current = app::product::load(&mut tx, id).await?;
    let input = patch.apply_over::<ProductV3Response>(&current.clone().into())?;
    let details = input.details(Some(current.details));
    let product = app::product::update(&mut tx, id, details).await?;
    context.commit(tx, product.into()).await
}

/// Delete a product (v3)
///
/// With its prices. What was sold of it keeps it.
#[utoipa::path(
    delete,
    path = "/v3/products/{product_id}",
    tag = "products",
    params(("product_id" = Uuid, Path, description = "Id of the product.")),
    responses((status = 200, description = "The product as it was.", body = ProductV3Response))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ProductV3Response>> {
    let mut tx = context.begin().await?;
    let product = app::product::delete(&mut tx, id).await?;
    context.commit(tx, product.into()).await
}

impl ProductV3Input {
    /// The product's details; what this form does not write stays as in `current`.
    fn details(self, current: Option<Details>) -> Details {
        let Self {
            name,
            description,
            sku,
            timing,
            subtype,
            unit,
            tax_category,
            status,
            slug,
            custom_attributes,
        } = self;
        let known = current.unwrap_or_else(|| blank(Kind::Product));
        let delivery = Delivery {
            timing: timing.into(),
            subtype: subtype.into(),
        };
        Details {
            name,
            description,
            sku,
            slug,
            status: status.map_or(Status::Active, Status::from),
            delivery: Some(delivery),
            unit: unit.map(|UnitBody { singular, plural }| Unit { singular, plural }),
            tax_category,
            custom_attributes: custom_attributes.unwrap_or_else(|| json!({})),
            ..known
        }
    }
}

/// What this form does not write, for a new product.
fn blank(kind: Kind) -> Details {
    Details {
        name: String::new(),
        description: None,
        sku: None,
        slug: None,
        kind,
        status: Status::Active,
        delivery: None,
        unit: None,
        tax_codes: json!({}),
        tax_category: None,
        parent_link_id: None,
        default_pricing_id: None,
        track_usage: false,
        enum_values: Vec::new(),
        tags: json!([]),
        custom_attributes: json!({}),
    }
}

impl From<Product> for ProductV3Response {
    fn from(product: Product) -> Self {
        let Product {
            id,
            details,
            created_at,
            updated_at,
        } = product;
        let unit = details
            .unit
            .map(|Unit { singular, plural }| UnitBody { singular, plural });
        Self {
            id,
            name: details.name,
            description: details.description,
            sku: details.sku,
            timing: details.delivery.map(|delivery| delivery.timing.into()),
            subtype: details.delivery.map(|delivery| delivery.subtype.into()),
            unit,
            tax_category: details.tax_category,
            status: details.status.into(),
            slug: details.slug,
            custom_attributes: details.custom_attributes,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl PricedProduct {
    fn new(product: Product, prices: Vec<ProductPricing>, metrics: &Metrics) -> Self {
        let prices = prices.into_iter();
        Self {
            product: product.into(),
            pricings: prices.map(|price| metrics.shown_in(price)).collect(),
        }
    }
}
