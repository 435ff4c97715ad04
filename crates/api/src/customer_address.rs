//! The address book of a customer over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, customer_address::Written};
use florin_core::address::Entry;
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    address::AddressBody,
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::Parameters,
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
}

type AddressPatch = Patch<AddressInput>;

struct Addresses;

impl Listed for Addresses {
    fn spec() -> &'static Spec {
        &florin_store::customer_address::LIST
    }
}

/// What a caller may write of an address in a customer's book.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AddressInput {
    #[serde(flatten)]
    address: AddressBody,
    /// Whether it becomes the default for billing, instead of any other; false unless told.
    #[schema(example = true)]
    is_default_billing: Option<bool>,
    /// Whether it becomes the default for shipping, instead of any other; false unless told.
    #[schema(example = false)]
    is_default_shipping: Option<bool>,
}

/// An address in a customer's book.
#[derive(Debug, Serialize, ToSchema)]
struct AddressResponse {
    /// Id of the address.
    id: Uuid,
    /// The customer.
    customer_id: Uuid,
    #[serde(flatten)]
    address: AddressBody,
    /// Whether it is the default for billing.
    #[schema(example = true)]
    is_default_billing: bool,
    /// Whether it is the default for shipping.
    #[schema(example = false)]
    is_default_shipping: bool,
    /// When it was added.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<AddressInput> for Written {
    fn from(input: AddressInput) -> Self {
        let AddressInput {
            address,
            is_default_billing,
            is_default_shipping,
        } = input;
        Self {
            address: address.into(),
            is_default_billing: is_default_billing.unwrap_or(false),
            is_default_shipping: is_default_shipping.unwrap_or(false),
        }
    }
}

impl From<Entry> for AddressInput {
    fn from(entry: Entry) -> Self {
        Self {
            address: AddressBody::from(entry.address).spelled_once(),
            is_default_billing: Some(entry.is_default_billing),
            is_default_shipping: Some(entry.is_default_shipping),
        }
    }
}

impl From<Entry> for AddressResponse {
    fn from(entry: Entry) -> Self {
        let Entry {
            id,
            customer_id,
            address,
            is_default_billing,
            is_default_shipping,
            created_at,
            updated_at,
        } = entry;
        Self {
            id,
            customer_id,
            address: address.into(),
            is_default_billing,
            is_default_shipping,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

/// List a customer's addresses
///
/// One page of the address book. Deleted addresses are left out.
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/addresses",
    tag = "customer addresses",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("address_type" = Option<String>, Query, example = "billing",
            description = "`billing`: only the default billing address; `shipping`: only the default \
                shipping address."),
        Listing<Addresses>,
    ),
    responses(
        (status = 200, description = "One page of addresses.", body = Envelope<AddressResponse>)
    )
)]
async fn list(
    context: Context,
    PathIds([customer_id]): PathIds<1>,
    parameters: Parameters,
    listing: Listing<Addresses>,
) -> Result<Json<Envelope<AddressResponse>>> {
    let kind = parameters.one_of("address_type", &["billing", "shipping"])?;
    let default = kind.map(|kind| match kind {
        "billing" => "is_default_billing",
        _ => "is_default_shipping",
    });
    let query = listing.query.only(Addresses::spec(), default);
    let mut tx = context.read().await?;
    let page = app::customer_address::page(&mut tx, customer_id, &query).await?;
    Ok(Json(Envelope::new(page, AddressResponse::from)))
}

/// Add an address
///
/// An address equal to one of the book (ignoring letter case and outer blanks) is not added again: that
/// one takes the default flags. A default flag is taken away from every other address.
#[utoipa::path(
    post,
    path = "/customers/{customer_id}/addresses",
    tag = "customer addresses",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = AddressInput,
    responses((status = 200, description = "The address.", body = AddressResponse))
)]
async fn create(
    context: Context,
    PathIds([customer_id]): PathIds<1>,
    Body(input): Body<AddressInput>,
) -> Result<Json<AddressResponse>> {
    let mut tx = context.begin().await?;
    let written = input.into();
    let entry = app::customer_address::create(&context.app, &mut tx, customer_id, written).await?;
    context.commit(tx, entry.into()).await
}

/// Get an address
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/addresses/{address_id}",
    tag = "customer addresses",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("address_id" = Uuid, Path, description = "Id of the address."),
    ),
    responses((status = 200, description = "The address.", body = AddressResponse))
)]
async fn read(context: Context, PathIds(ids): PathIds<2>) -> Result<Json<AddressResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(
        app::customer_address::load(&mut tx, ids).await?.into(),
    ))
}

/// Change an address
///
/// Each field that is named replaces its predecessor; the others stay. Refused where the book would then
/// have the same address twice. Changed lines are `pending` validation again.
#[utoipa::path(
    patch,
    path = "/customers/{customer_id}/addresses/{address_id}",
    tag = "customer addresses",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("address_id" = Uuid, Path, description = "Id of the address."),
    ),
    request_body = AddressPatch,
    responses((status = 200, description = "The changed address.", body = AddressResponse))
)]
async fn update(
    context: Context,
    PathIds(ids): PathIds<2>,
    patch: AddressPatch,
) -> Result<Json<AddressResponse>> {
    let mut tx = context.begin().await?;
    let current = app::customer_address::load(&mut tx, ids).await?;
    let patch = patch.spelled("zip_code", "zipCode");
    let input = patch.apply(&current.into())?;
    let entry = app::customer_address::update(&mut tx, ids, input.into()).await?;
    context.commit(tx, entry.into()).await
}

/// Delete an address
///
/// Documents that show it keep it. A default address leaves the customer without one.
#[utoipa::path(
    delete,
    path = "/customers/{customer_id}/addresses/{address_id}",
    tag = "customer addresses",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("address_id" = Uuid, Path, description = "Id of the address."),
    ),
    responses((status = 200, description = "The address as it was.", body = AddressResponse))
)]
async fn delete(context: Context, PathIds(ids): PathIds<2>) -> Result<Json<AddressResponse>> {
    let mut tx = context.begin().await?;
    let entry = app::customer_address::delete(&mut tx, ids).await?;
    context.commit(tx, entry.into()).await
}
