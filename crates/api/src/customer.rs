//! Customers over HTTP. The pattern that other resources follow.

mod wire;

use std::sync::Arc;

use axum::{Json, routing::get};
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::Parameters,
};
use wire::CustomerInput;
pub(crate) use wire::CustomerResponse;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .route("/customer", get(list).post(create))
        .routes(routes!(read, update, delete))
}

type CustomerPatch = Patch<CustomerInput>;

struct Customers;

impl Listed for Customers {
    fn spec() -> &'static Spec {
        &florin_store::customer::LIST
    }
}

/// List customers
///
/// One page of customers, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/customers",
    tag = "customers",
    params(
        Listing<Customers>,
        ("expand" = Option<String>, Query, example = "contacts",
            description = "What to show with each customer, comma-separated: `contacts`."),
    ),
    responses(
        (status = 200, description = "One page of customers.", body = Envelope<CustomerResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<Customers>,
    parameters: Parameters,
) -> Result<Json<Envelope<CustomerResponse>>> {
    let mut tx = context.read().await?;
    let with_contacts = parameters.words("expand").any(|word| word == "contacts");
    let page = app::customer::page(&mut tx, &listing.query, with_contacts).await?;
    Ok(Json(Envelope::new(page, CustomerResponse::from)))
}

/// Create a customer
///
/// Only the name is needed. An `external_id` that is a UUID becomes the customer's id.
#[utoipa::path(
    post,
    path = "/customers",
    tag = "customers",
    request_body = CustomerInput,
    responses((status = 200, description = "The customer.", body = CustomerResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<CustomerInput>,
) -> Result<Json<CustomerResponse>> {
    let mut tx = context.begin().await?;
    let customer = app::customer::create(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, customer.into()).await
}

/// Get a customer
///
/// With its contacts.
#[utoipa::path(
    get,
    path = "/customers/{customer_id}",
    tag = "customers",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    responses((status = 200, description = "The customer.", body = CustomerResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<CustomerResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::customer::load(&mut tx, id).await?.into()))
}

/// Change a customer
///
/// Each field that is named replaces its predecessor; the others stay. `address: null` leaves the
/// customer without a default billing address (the book keeps it), `ship_to_address: null` likewise. An
/// earlier `external_id` still finds the customer for usage.
#[utoipa::path(
    patch,
    path = "/customers/{customer_id}",
    tag = "customers",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = CustomerPatch,
    responses((status = 200, description = "The changed customer.", body = CustomerResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: CustomerPatch,
) -> Result<Json<CustomerResponse>> {
    let mut tx = context.begin().await?;
    let current = app::customer::load(&mut tx, id).await?;
    let input = patch.apply(&CustomerInput::from(current))?;
    let customer = app::customer::update(&context.app, &mut tx, id, input.into()).await?;
    context.commit(tx, customer.into()).await
}

/// Delete a customer
///
/// For good, with its addresses, contacts, connector links and the relationship to its parent. Refused
/// while the customer is a parent, or has active contracts or unpaid invoices.
#[utoipa::path(
    delete,
    path = "/customers/{customer_id}",
    tag = "customers",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    responses((status = 200, description = "The customer as it was.", body = CustomerResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<CustomerResponse>> {
    let mut tx = context.begin().await?;
    let customer = app::customer::delete(&mut tx, id).await?;
    context.commit(tx, customer.into()).await
}
