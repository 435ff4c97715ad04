//! Parents and children among customers, over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::customer_relationship::Relationship;
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

struct Relationships;

impl Listed for Relationships {
    fn spec() -> &'static Spec {
        &florin_store::customer_relationship::LIST
    }
}

/// Two customers of the organisation.
#[derive(Debug, Deserialize, ToSchema)]
struct RelationshipInput {
    /// The customer above, which may pay for the other.
    parent_customer_id: Uuid,
    /// The customer below; it may have one parent only.
    child_customer_id: Uuid,
}

/// A parent and one of its children.
#[derive(Debug, Serialize, ToSchema)]
struct RelationshipResponse {
    /// Id of the relationship.
    id: Uuid,
    /// The customer above.
    parent_customer_id: Uuid,
    /// The customer below.
    child_customer_id: Uuid,
    /// When they were related.
    created_at: Instant,
}

impl From<Relationship> for RelationshipResponse {
    fn from(relationship: Relationship) -> Self {
        let Relationship {
            id,
            parent_customer_id,
            child_customer_id,
            created_at,
        } = relationship;
        Self {
            id,
            parent_customer_id,
            child_customer_id,
            created_at: Instant(created_at),
        }
    }
}

/// List relationships of customers
///
/// One page; `customer_id` narrows it to those in which the customer is parent or child.
#[utoipa::path(
    get,
    path = "/customers/relationships",
    tag = "customers",
    params(Listing<Relationships>),
    responses((
        status = 200,
        description = "One page of relationships.",
        body = Envelope<RelationshipResponse>
    ))
)]
async fn list(
    context: Context,
    listing: Listing<Relationships>,
) -> Result<Json<Envelope<RelationshipResponse>>> {
    let mut tx = context.read().await?;
    let page = app::customer_relationship::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, RelationshipResponse::from)))
}

/// Make a customer the parent of another
///
/// A customer has one parent at most and is never above itself.
#[utoipa::path(
    post,
    path = "/customers/relationships",
    tag = "customers",
    request_body = RelationshipInput,
    responses((status = 200, description = "The relationship.", body = RelationshipResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<RelationshipInput>,
) -> Result<Json<RelationshipResponse>> {
    let mut tx = context.begin().await?;
    let customers = [input.parent_customer_id, input.child_customer_id];
    let relationship = app::customer_relationship::create(&context.app, &mut tx, customers).await?;
    context.commit(tx, relationship.into()).await
}

/// Delete a relationship
///
/// A `parent_customer_id` in the child's `custom_data` that names the parent is removed too.
#[utoipa::path(
    delete,
    path = "/customers/relationships/{relationship_id}",
    tag = "customers",
    params(("relationship_id" = Uuid, Path, description = "Id of the relationship.")),
    responses((
        status = 200,
        description = "The relationship as it was.",
        body = RelationshipResponse
    ))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<RelationshipResponse>> {
    let mut tx = context.begin().await?;
    let relationship = app::customer_relationship::delete(&mut tx, id).await?;
    context.commit(tx, relationship.into()).await
}
