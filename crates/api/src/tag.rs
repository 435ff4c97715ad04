//! Tags over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::tag::{Details, Tag};
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
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(list, put))
}

/// What a caller writes of a tag.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TagInput {
    /// The word; unique in the organisation, upper and lower case differing.
    #[schema(min_length = 1, max_length = 255, example = "legacy")]
    name: String,
    /// Colour on a screen.
    #[schema(max_length = 7, pattern = "^#[0-9A-Fa-f]{6}$", example = "#3366cc")]
    colour: Option<String>,
    /// What it is for.
    #[schema(max_length = 2000, example = "Not sold any more")]
    description: Option<String>,
}

/// A word that products are marked with.
#[derive(Debug, Serialize, ToSchema)]
struct TagResponse {
    /// Id of the tag.
    id: Uuid,
    /// The word.
    #[schema(example = "legacy")]
    name: String,
    /// Colour on a screen.
    #[schema(example = "#3366cc")]
    colour: Option<String>,
    /// What it is for.
    #[schema(example = "Not sold any more")]
    description: Option<String>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<TagInput> for Details {
    fn from(input: TagInput) -> Self {
        let TagInput {
            name,
            colour,
            description,
        } = input;
        Self {
            name,
            colour,
            description,
        }
    }
}

impl From<Tag> for TagResponse {
    fn from(tag: Tag) -> Self {
        let Tag {
            id,
            details,
            created_at,
            updated_at,
        } = tag;
        let Details {
            name,
            colour,
            description,
        } = details;
        Self {
            id,
            name,
            colour,
            description,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

struct Tags;

impl Listed for Tags {
    fn spec() -> &'static Spec {
        &florin_store::tag::LIST
    }
}

/// List tags
///
/// One page of the organisation's tags, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/tags",
    tag = "tags",
    params(Listing<Tags>),
    responses((status = 200, description = "One page of tags.", body = Envelope<TagResponse>))
)]
async fn list(context: Context, listing: Listing<Tags>) -> Result<Json<Envelope<TagResponse>>> {
    let mut tx = context.read().await?;
    let page = florin_store::tag::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, TagResponse::from)))
}

/// Write a tag
///
/// Creates the tag of this name, or replaces the colour and description of the one that there is.
#[utoipa::path(
    post,
    path = "/tags",
    tag = "tags",
    request_body = TagInput,
    responses((status = 200, description = "The tag.", body = TagResponse))
)]
async fn put(context: Context, Body(input): Body<TagInput>) -> Result<Json<TagResponse>> {
    let mut tx = context.begin().await?;
    let tag = app::tag::put(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, tag.into()).await
}
