//! Webhooks of payment gateways over HTTP.

use std::sync::Arc;

use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
};
use florin_app::{self as app, webhook::Webhook};
use florin_core::id::OrganisationId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    BODY_BYTES_MAX,
    context::Server,
    error::{Error, Result},
    observe::RequestId,
    path::{PathIds, PathText},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(receive))
}

/// A gateway's event, in its own form.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(value_type = Object, example = json!({"type": "payment_intent.succeeded"}))]
struct WebhookBody(Value);

/// What was told is carried out.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookResponse {
    /// Always true.
    #[schema(example = true)]
    received: bool,
}

/// Receive a gateway's webhook
///
/// For payment gateways: no API key, but the gateway's signature over the body, made with the connector's webhook
/// secret (for Stripe in the header `Stripe-Signature`). Telling something again changes nothing.
#[utoipa::path(
    post,
    path = "/webhooks/{organisation_id}/{connector_name}",
    tag = "connectors",
    security(()),
    params(
        ("organisation_id" = Uuid, Path, description = "Id of the organisation."),
        ("connector_name" = String, Path, description = "The gateway.", example = "stripe"),
    ),
    request_body = WebhookBody,
    responses(
        (status = 200, description = "It is carried out.", body = WebhookResponse),
        (status = 400, description = "It is not signed as it should be.",
            body = ref("#/components/schemas/Refusal")),
        (status = 413, description = "The body is too large.",
            body = ref("#/components/schemas/Refusal")),
        (status = 422, description = "The organisation's id is none.",
            body = ref("#/components/schemas/HTTPValidationError")),
        (status = 503, description = "Not now; tell it again.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn receive(
    State(server): State<Arc<Server>>,
    PathIds([organisation]): PathIds<1>,
    PathText(connector_name): PathText,
    request: Request,
) -> Result<Json<WebhookResponse>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|_| Error::TooLarge(BODY_BYTES_MAX))?;
    let request_id = parts.extensions.get::<RequestId>();
    let webhook = Webhook {
        organisation: OrganisationId(organisation),
        connector_name: &connector_name,
        request_id: request_id.map_or("", |id| &id.0),
        body: &body,
    };
    let header = |name: &str| parts.headers.get(name)?.to_str().ok();
    app::webhook::receive(&server.app, webhook, header).await?;
    Ok(Json(WebhookResponse { received: true }))
}
