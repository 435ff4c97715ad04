//! Business entities over HTTP.

mod config;
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
pub(crate) use wire::EmbeddedEntity;
use wire::{BusinessEntityInput, BusinessEntityResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(default))
        .routes(routes!(read, update))
        .merge(config::routes())
}

type BusinessEntityPatch = Patch<BusinessEntityInput>;

struct BusinessEntities;

impl Listed for BusinessEntities {
    fn spec() -> &'static Spec {
        &florin_store::business_entity::LIST
    }
}

/// List business entities
///
/// One page of the organisation's entities, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/business_entities",
    tag = "business entities",
    params(Listing<BusinessEntities>),
    responses((
        status = 200, description = "One page of entities.", body = Envelope<BusinessEntityResponse>
    ))
)]
async fn list(
    context: Context,
    listing: Listing<BusinessEntities>,
) -> Result<Json<Envelope<BusinessEntityResponse>>> {
    let mut tx = context.read().await?;
    let page = florin_store::business_entity::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, BusinessEntityResponse::from)))
}

/// Create a business entity
///
/// A company of the organisation, in whose name documents are issued. With `is_default` it takes the
/// place of the default entity.
#[utoipa::path(
    post,
    path = "/business_entities",
    tag = "business entities",
    request_body = BusinessEntityInput,
    responses((status = 200, description = "The entity.", body = BusinessEntityResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<BusinessEntityInput>,
) -> Result<Json<BusinessEntityResponse>> {
    let mut tx = context.begin().await?;
    let entity = app::business_entity::create(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, entity.into()).await
}

/// Get the default business entity
///
/// The entity to which new customers belong. Each organisation has one from its beginning.
#[utoipa::path(
    get,
    path = "/business_entities/default",
    tag = "business entities",
    responses((status = 200, description = "The entity.", body = BusinessEntityResponse))
)]
async fn default(context: Context) -> Result<Json<BusinessEntityResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::business_entity::default(&mut tx).await?.into()))
}

/// Get a business entity
#[utoipa::path(
    get,
    path = "/business_entities/{business_entity_id}",
    tag = "business entities",
    params(("business_entity_id" = Uuid, Path, description = "Id of the entity.")),
    responses((status = 200, description = "The entity.", body = BusinessEntityResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<BusinessEntityResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::business_entity::find(&mut tx, id).await?.into()))
}

/// Change a business entity
///
/// Each field that is named replaces its predecessor; the others stay. The default entity stops being
/// the default only when another one becomes it.
#[utoipa::path(
    patch,
    path = "/business_entities/{business_entity_id}",
    tag = "business entities",
    params(("business_entity_id" = Uuid, Path, description = "Id of the entity.")),
    request_body = BusinessEntityPatch,
    responses((status = 200, description = "The changed entity.", body = BusinessEntityResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: BusinessEntityPatch,
) -> Result<Json<BusinessEntityResponse>> {
    let mut tx = context.begin().await?;
    let current = app::business_entity::find(&mut tx, id).await?;
    let input = patch.apply(&BusinessEntityInput::from(current))?;
    let entity = app::business_entity::update(&mut tx, id, input.into()).await?;
    context.commit(tx, entity.into()).await
}
