//! Entitlements over HTTP: what customers may use, and how much of it is left.

mod alert;
mod check;
mod granted;
mod granted_wire;
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
use wire::EntitlementInput;
pub(crate) use wire::EntitlementResponse;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .merge(granted::routes())
        .merge(check::routes())
        .merge(alert::routes())
}

type EntitlementPatch = Patch<EntitlementInput>;

struct Entitlements;

impl Listed for Entitlements {
    fn spec() -> &'static Spec {
        &florin_store::entitlement::LIST
    }
}

/// List entitlements
///
/// One page of what customers may be granted, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/entitlements",
    tag = "entitlements",
    params(Listing<Entitlements>),
    responses((status = 200, description = "One page of entitlements.", body = Envelope<EntitlementResponse>))
)]
async fn list(
    context: Context,
    listing: Listing<Entitlements>,
) -> Result<Json<Envelope<EntitlementResponse>>> {
    let mut tx = context.read().await?;
    let page = app::entitlement::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, EntitlementResponse::from)))
}

/// Create an entitlement
///
/// Says what customers may be granted. Nobody has some of it before it is granted.
#[utoipa::path(
    post,
    path = "/entitlements",
    tag = "entitlements",
    request_body = EntitlementInput,
    responses((status = 200, description = "The entitlement.", body = EntitlementResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<EntitlementInput>,
) -> Result<Json<EntitlementResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let details = input.details();
    let beginning = app::entitlement::meter::beginning(app, organisation, &details).await?;
    let mut tx = context.begin().await?;
    let entitlement = app::entitlement::create(app, &mut tx, details, beginning).await?;
    let answer = context.commit(tx, entitlement.into()).await?;
    app.entitlements.forget(organisation);
    Ok(answer)
}

/// Get an entitlement
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    responses((status = 200, description = "The entitlement.", body = EntitlementResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<EntitlementResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::entitlement::load(&mut tx, id).await?.into()))
}

/// Change an entitlement
///
/// Each field that is named replaces its predecessor; the others stay. The type is fixed. What was granted stays
/// granted.
#[utoipa::path(
    patch,
    path = "/entitlements/{entitlement_id}",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    request_body = EntitlementPatch,
    responses((status = 200, description = "The changed entitlement.", body = EntitlementResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: EntitlementPatch,
) -> Result<Json<EntitlementResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let mut tx = context.read().await?;
    let current = app::entitlement::load(&mut tx, id).await?.details;
    drop(tx);
    let details = patch.apply(&EntitlementInput::from(current))?.details();
    let beginning = app::entitlement::meter::beginning(app, organisation, &details).await?;
    let mut tx = context.begin().await?;
    let entitlement = app::entitlement::update(&mut tx, id, details, beginning).await?;
    let answer = context.commit(tx, entitlement.into()).await?;
    app.entitlements.forget(organisation);
    Ok(answer)
}

/// Delete an entitlement
///
/// Refused while customers have grants of it: make it inactive instead.
#[utoipa::path(
    delete,
    path = "/entitlements/{entitlement_id}",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    responses((status = 200, description = "The entitlement as it was.", body = EntitlementResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<EntitlementResponse>> {
    let mut tx = context.begin().await?;
    let entitlement = app::entitlement::delete(&mut tx, id).await?;
    let answer = context.commit(tx, entitlement.into()).await?;
    context.app.entitlements.forget(context.organisation());
    Ok(answer)
}
