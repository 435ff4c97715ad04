//! Connectors over HTTP: the organisation's accounts at payment gateways.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, connector::Secrets, vault::Secret};
use florin_core::connector::{Connector, GATEWAYS};
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, OneOfBuilder, Type},
    },
};
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
        .routes(routes!(read, update, delete))
}

struct Connectors;

impl Listed for Connectors {
    fn spec() -> &'static Spec {
        &florin_store::connector::LIST
    }
}

/// A payment gateway.
#[derive(Debug, Serialize, Deserialize)]
struct GatewayName(String);

fn gateway_name() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(GATEWAYS.iter().copied()))
        .examples(["stripe"])
}

impl PartialSchema for GatewayName {
    fn schema() -> RefOr<Schema> {
        let name = gateway_name().description(Some("A payment gateway."));
        name.build().into()
    }
}

impl ToSchema for GatewayName {}

/// A new account at a gateway.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ConnectorInput {
    /// The gateway. `test` moves no money; sandbox organisations have it.
    name: GatewayName,
    /// The secret key to the account; needed unless the gateway is `test`. It is kept encrypted and never shown.
    #[schema(min_length = 1, max_length = 512, example = "sk_live_51NabcdefXYZ9")]
    api_key: Option<String>,
    /// The secret with which the gateway signs what it sends to
    /// `/webhooks/{organisation_id}/{connector_name}`. It is kept encrypted and never shown.
    #[schema(min_length = 1, max_length = 512, example = "whsec_5f1d2c")]
    webhook_secret: Option<String>,
}

/// New secrets of an account; what is not named stays.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ConnectorSecrets {
    /// The secret key to the account.
    #[schema(min_length = 1, max_length = 512, example = "sk_live_51NabcdefXYZ9")]
    api_key: Option<String>,
    /// The secret with which the gateway signs its webhooks.
    #[schema(min_length = 1, max_length = 512, example = "whsec_5f1d2c")]
    webhook_secret: Option<String>,
}

/// An account at a payment gateway. Its secrets are never shown.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorResponse {
    /// Id of the connector.
    id: Uuid,
    /// The organisation.
    organisation_id: Uuid,
    /// The gateway.
    name: GatewayName,
    /// Last characters of the key, to recognise it by; null where there is none, or it is too short.
    #[schema(example = "XYZ9")]
    api_key_end: Option<String>,
    /// Whether webhooks of the gateway can be verified.
    #[schema(example = true)]
    has_webhook_secret: bool,
    /// Where the gateway is to send its webhooks, below the address of this server.
    #[schema(example = "/webhooks/00000000-0000-7000-8000-000000000001/stripe")]
    webhook_path: String,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl ConnectorResponse {
    fn new(organisation_id: Uuid, connector: Connector) -> Self {
        let Connector {
            id,
            name,
            api_key_end,
            has_webhook_secret,
            created_at,
            updated_at,
        } = connector;
        Self {
            id,
            organisation_id,
            webhook_path: format!("/webhooks/{organisation_id}/{name}"),
            name: GatewayName(name),
            api_key_end,
            has_webhook_secret,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

fn secrets(api_key: Option<String>, webhook_secret: Option<String>) -> Secrets {
    Secrets {
        api_key: api_key.map(Secret::new),
        webhook_secret: webhook_secret.map(Secret::new),
    }
}

/// Which account is meant: the gateway's name, alone or with the customer's id there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ConnectorChoice {
    Name(String),
    Link {
        name: String,
        reference_id: Option<String>,
    },
}

impl PartialSchema for ConnectorChoice {
    fn schema() -> RefOr<Schema> {
        let reference = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([
                Type::String,
                Type::Null,
            ]))
            .min_length(Some(1))
            .max_length(Some(255))
            .description(Some("The customer's id at the gateway."))
            .examples(["cus_NffrFeUfNV2Hib"]);
        let link = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("name", gateway_name().description(Some("The gateway.")))
            .required("name")
            .property("reference_id", reference);
        let choice = OneOfBuilder::new()
            .item(link)
            .item(gateway_name().description(Some("The gateway.")))
            .description(Some(
                "The gateway: an object with its `name`, or the name alone.",
            ))
            .examples([serde_json::json!({"name": "stripe", "reference_id": "cus_NffrFeUfNV2Hib"})])
            .build();
        RefOr::T(Schema::OneOf(choice))
    }
}

impl ToSchema for ConnectorChoice {}

impl From<ConnectorChoice> for app::connector::Choice {
    fn from(choice: ConnectorChoice) -> Self {
        let (name, reference_id) = match choice {
            ConnectorChoice::Name(name) => (name, None),
            ConnectorChoice::Link { name, reference_id } => (name, reference_id),
        };
        Self { name, reference_id }
    }
}

/// List connectors
///
/// One page of the organisation's accounts at payment gateways.
#[utoipa::path(
    get,
    path = "/connectors",
    tag = "connectors",
    params(Listing<Connectors>),
    responses(
        (status = 200, description = "One page of connectors.", body = Envelope<ConnectorResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<Connectors>,
) -> Result<Json<Envelope<ConnectorResponse>>> {
    let mut tx = context.read().await?;
    let page = app::connector::page(&mut tx, &listing.query).await?;
    let organisation = context.organisation().0;
    Ok(Json(Envelope::new(page, |connector| {
        ConnectorResponse::new(organisation, connector)
    })))
}

/// Create a connector
///
/// An organisation has one account at each gateway. Secrets are kept encrypted under the master key of this
/// server; a server without one refuses them.
#[utoipa::path(
    post,
    path = "/connectors",
    tag = "connectors",
    request_body = ConnectorInput,
    responses((status = 200, description = "The connector.", body = ConnectorResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<ConnectorInput>,
) -> Result<Json<ConnectorResponse>> {
    let ConnectorInput {
        name,
        api_key,
        webhook_secret,
    } = input;
    let mut tx = context.begin().await?;
    let secrets = secrets(api_key, webhook_secret);
    let connector = app::connector::create(&context.app, &mut tx, name.0, secrets).await?;
    let answer = ConnectorResponse::new(context.organisation().0, connector);
    context.commit(tx, answer).await
}

/// Get a connector
#[utoipa::path(
    get,
    path = "/connectors/{connector_id}",
    tag = "connectors",
    params(("connector_id" = Uuid, Path, description = "Id of the connector.")),
    responses((status = 200, description = "The connector.", body = ConnectorResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ConnectorResponse>> {
    let mut tx = context.read().await?;
    let connector = app::connector::load(&mut tx, id).await?;
    let answer = ConnectorResponse::new(context.organisation().0, connector);
    Ok(Json(answer))
}

/// Change a connector's secrets
#[utoipa::path(
    patch,
    path = "/connectors/{connector_id}",
    tag = "connectors",
    params(("connector_id" = Uuid, Path, description = "Id of the connector.")),
    request_body = ConnectorSecrets,
    responses((status = 200, description = "The connector.", body = ConnectorResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ConnectorSecrets>,
) -> Result<Json<ConnectorResponse>> {
    let ConnectorSecrets {
        api_key,
        webhook_secret,
    } = input;
    let mut tx = context.begin().await?;
    let secrets = secrets(api_key, webhook_secret);
    let connector = app::connector::update(&context.app, &mut tx, id, secrets).await?;
    let answer = ConnectorResponse::new(context.organisation().0, connector);
    context.commit(tx, answer).await
}

/// Delete a connector
///
/// For good. Refused while payment methods of customers are kept there.
#[utoipa::path(
    delete,
    path = "/connectors/{connector_id}",
    tag = "connectors",
    params(("connector_id" = Uuid, Path, description = "Id of the connector.")),
    responses((status = 200, description = "The connector as it was.", body = ConnectorResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ConnectorResponse>> {
    let mut tx = context.begin().await?;
    let connector = app::connector::delete(&mut tx, id).await?;
    let answer = ConnectorResponse::new(context.organisation().0, connector);
    context.commit(tx, answer).await
}
