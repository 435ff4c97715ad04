//! Custom attribute definitions over HTTP.

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
    path::PathIds,
};
use wire::{CustomAttributeInput, CustomAttributeResponse, shown};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
}

type CustomAttributePatch = Patch<CustomAttributeInput>;

struct CustomAttributes;

impl Listed for CustomAttributes {
    fn spec() -> &'static Spec {
        &florin_store::custom_attribute::LIST
    }
}

/// List custom attributes
///
/// The organisation's definitions. With `business_entity_id`, those that hold for the entity: its own,
/// and the organisation's of every key that it does not override.
#[utoipa::path(
    get,
    path = "/custom_attributes",
    tag = "custom attributes",
    params(Listing<CustomAttributes>),
    responses((
        status = 200, description = "One page of definitions.",
        body = Envelope<CustomAttributeResponse>
    ))
)]
async fn list(
    context: Context,
    listing: Listing<CustomAttributes>,
) -> Result<Json<Envelope<CustomAttributeResponse>>> {
    let mut tx = context.read().await?;
    let page = app::custom_attribute::page(&mut tx, &listing.query).await?;
    let organisation = tx.organisation();
    Ok(Json(Envelope::new(page, |owned| {
        shown(organisation, owned)
    })))
}

/// Define a custom attribute
///
/// From then on, values under its key are checked: when a thing of the module is created, and when its
/// custom attributes change. With `business_entity_id` the definition takes the place of the
/// organisation's for that entity; it must have the same data type.
#[utoipa::path(
    post,
    path = "/custom_attributes",
    tag = "custom attributes",
    request_body = CustomAttributeInput,
    responses((status = 200, description = "The definition.", body = CustomAttributeResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<CustomAttributeInput>,
) -> Result<Json<CustomAttributeResponse>> {
    let (subject, details) = input.into();
    let mut tx = context.begin().await?;
    let owned = app::custom_attribute::create(&context.app, &mut tx, subject, details).await?;
    let answer = shown(tx.organisation(), owned);
    context.commit(tx, answer).await
}

/// Get a custom attribute
#[utoipa::path(
    get,
    path = "/custom_attributes/{definition_id}",
    tag = "custom attributes",
    params(("definition_id" = Uuid, Path, description = "Id of the definition.")),
    responses((status = 200, description = "The definition.", body = CustomAttributeResponse))
)]
async fn read(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<CustomAttributeResponse>> {
    let mut tx = context.read().await?;
    let owned = app::custom_attribute::load(&mut tx, id).await?;
    Ok(Json(shown(tx.organisation(), owned)))
}

/// Change a custom attribute
///
/// Each field that is named replaces its predecessor; the others stay. Module, key, data type and
/// business entity never change. Values that things have already are not checked again.
#[utoipa::path(
    patch,
    path = "/custom_attributes/{definition_id}",
    tag = "custom attributes",
    params(("definition_id" = Uuid, Path, description = "Id of the definition.")),
    request_body = CustomAttributePatch,
    responses((
        status = 200, description = "The changed definition.", body = CustomAttributeResponse
    ))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: CustomAttributePatch,
) -> Result<Json<CustomAttributeResponse>> {
    let mut tx = context.begin().await?;
    let current = app::custom_attribute::load(&mut tx, id).await?;
    let input = patch.apply(&CustomAttributeInput::from(current.definition))?;
    let (subject, details) = input.into();
    let owned = app::custom_attribute::update(&mut tx, id, &subject, details).await?;
    let answer = shown(tx.organisation(), owned);
    context.commit(tx, answer).await
}

/// Delete a custom attribute
///
/// For good. Values under its key stay and are free from then on.
#[utoipa::path(
    delete,
    path = "/custom_attributes/{definition_id}",
    tag = "custom attributes",
    params(("definition_id" = Uuid, Path, description = "Id of the definition.")),
    responses((
        status = 200, description = "The definition as it was.", body = CustomAttributeResponse
    ))
)]
async fn delete(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<CustomAttributeResponse>> {
    let mut tx = context.begin().await?;
    let owned = app::custom_attribute::delete(&mut tx, id).await?;
    let answer = shown(tx.organisation(), owned);
    context.commit(tx, answer).await
}
