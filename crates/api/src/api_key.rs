//! API keys over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, api_key::Issued};
use florin_store::{api_key::ApiKey, list::Spec};
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
        .routes(routes!(revoke))
}

/// What a new key is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ApiKeyInput {
    /// What the key is for.
    #[schema(min_length = 1, max_length = 255, example = "metering service")]
    name: String,
}

/// A key. Its secret is shown once, at creation.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeyResponse {
    /// Id of the key, for revoking it.
    id: Uuid,
    /// What the key is for.
    #[schema(example = "metering service")]
    name: String,
    /// First characters of the secret.
    #[schema(example = "florin_Zx3d9")]
    prefix: String,
    /// The secret; only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "florin_Zx3d9A4nP1wq8aV2kF6tY0bR5cE7uL9mS3hJ1xD4gQ")]
    api_key: Option<String>,
    /// When it was created.
    created_at: Instant,
    /// When it last signed a request, to the minute.
    last_used_at: Option<Instant>,
    /// Since when it is refused.
    revoked_at: Option<Instant>,
}

impl From<ApiKey> for ApiKeyResponse {
    fn from(key: ApiKey) -> Self {
        let ApiKey {
            id,
            name,
            prefix,
            hash: _,
            scopes: _,
            created_at,
            last_used_at,
            revoked_at,
        } = key;
        Self {
            id,
            name,
            prefix,
            api_key: None,
            created_at: Instant(created_at),
            last_used_at: last_used_at.map(Instant),
            revoked_at: revoked_at.map(Instant),
        }
    }
}

struct ApiKeys;

impl Listed for ApiKeys {
    fn spec() -> &'static Spec {
        &florin_store::api_key::LIST
    }
}

/// List API keys
///
/// Keys of the organisation, revoked ones too, newest first.
#[utoipa::path(
    get,
    path = "/api_keys",
    tag = "api keys",
    params(Listing<ApiKeys>),
    responses((status = 200, description = "One page of keys.", body = Envelope<ApiKeyResponse>))
)]
async fn list(
    context: Context,
    listing: Listing<ApiKeys>,
) -> Result<Json<Envelope<ApiKeyResponse>>> {
    let mut tx = context.read().await?;
    let page = florin_store::api_key::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, ApiKeyResponse::from)))
}

/// Create an API key
///
/// The answer is the only place where the secret is ever shown; a repetition under the same
/// `Idempotency-Key` does not show it again.
#[utoipa::path(
    post,
    path = "/api_keys",
    tag = "api keys",
    request_body = ApiKeyInput,
    responses((status = 200, description = "The key with its secret.", body = ApiKeyResponse))
)]
async fn create(context: Context, Body(input): Body<ApiKeyInput>) -> Result<Json<ApiKeyResponse>> {
    let mut tx = context.begin().await?;
    let Issued { key, secret } = app::api_key::issue(&context.app, &mut tx, &input.name).await?;
    let without_secret = ApiKeyResponse::from(key.clone());
    context.remember(&mut tx, &without_secret).await?;
    tx.commit().await?;
    Ok(Json(ApiKeyResponse {
        api_key: Some(secret),
        ..key.into()
    }))
}

/// Revoke an API key
///
/// The key is refused from the next request on; where several servers share the database, by the others a
/// second later at the latest. Revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/api_keys/{api_key_id}",
    tag = "api keys",
    params(("api_key_id" = Uuid, Path, description = "Id of the key.")),
    responses((status = 200, description = "The revoked key.", body = ApiKeyResponse))
)]
async fn revoke(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ApiKeyResponse>> {
    let mut tx = context.begin().await?;
    let key = app::api_key::revoke(&context.app, &mut tx, id).await?;
    context.commit(tx, key.into()).await
}
