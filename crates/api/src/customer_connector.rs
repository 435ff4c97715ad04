//! Links from customers to other systems, over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::customer_connector::{Link, NAMES};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server},
    customer::CustomerResponse,
    error::Result,
    path::{PathIds, PathText},
    query::Parameters,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(link))
        .routes(routes!(unlink))
        .routes(routes!(read))
}

/// A system that customers can be linked to.
#[derive(Debug, Serialize, Deserialize)]
struct ConnectorName(String);

impl PartialSchema for ConnectorName {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A system that customers can be linked to."))
            .enum_values(Some(NAMES.iter().copied()))
            .examples(["stripe"]);
        object.build().into()
    }
}

impl ToSchema for ConnectorName {}

/// A customer's record in another system.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ConnectorBody {
    /// The system.
    name: ConnectorName,
    /// The customer's id there.
    #[schema(min_length = 1, max_length = 255, example = "cus_NffrFeUfNV2Hib")]
    reference_id: String,
}

/// A customer's record in another system, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
struct CustomerConnectorResponse {
    /// The customer's id in the other system.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    reference_id: String,
    /// Name of the customer.
    #[schema(example = "Northwind Labs")]
    customer_name: String,
    /// E-mail address of the customer.
    #[schema(example = "ap@northwind.example")]
    email: Option<String>,
}

impl From<Link> for ConnectorBody {
    fn from(link: Link) -> Self {
        Self {
            name: ConnectorName(link.name),
            reference_id: link.reference_id,
        }
    }
}

impl From<ConnectorBody> for (String, String) {
    fn from(body: ConnectorBody) -> Self {
        let ConnectorBody { name, reference_id } = body;
        (name.0, reference_id)
    }
}

/// Link a customer to a connector
///
/// Sets the customer's id in another system, or changes it.
#[utoipa::path(
    patch,
    path = "/customers/{customer_id}/connector",
    tag = "customers",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = ConnectorBody,
    responses((status = 200, description = "The customer with its links.", body = CustomerResponse))
)]
async fn link(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ConnectorBody>,
) -> Result<Json<CustomerResponse>> {
    let mut tx = context.begin().await?;
    let customer = app::customer_connector::link(&context.app, &mut tx, id, input.into()).await?;
    context.commit(tx, customer.into()).await
}

/// Unlink a customer from a connector
#[utoipa::path(
    delete,
    path = "/customers/connector/{customer_id}",
    tag = "customers",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("connector_name" = Option<String>, Query, example = "stripe",
            description = "The system; may be left out where the customer is linked to one only."),
    ),
    responses((status = 200, description = "The link as it was.", body = ConnectorBody))
)]
async fn unlink(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<ConnectorBody>> {
    let name = parameters.one_of("connector_name", NAMES)?;
    let mut tx = context.begin().await?;
    let link = app::customer_connector::unlink(&mut tx, id, name).await?;
    context.commit(tx, link.into()).await
}

/// Get a customer's link to a connector
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/connector/{connector_name}",
    tag = "customers",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("connector_name" = String, Path, description = "The system.", example = "stripe"),
    ),
    responses((status = 200, description = "The link.", body = CustomerConnectorResponse))
)]
async fn read(
    context: Context,
    PathIds([id]): PathIds<1>,
    PathText(name): PathText,
) -> Result<Json<CustomerConnectorResponse>> {
    let mut tx = context.read().await?;
    let (customer, link) = app::customer_connector::load(&mut tx, id, Some(&name)).await?;
    Ok(Json(CustomerConnectorResponse {
        reference_id: link.reference_id,
        customer_name: customer.details.customer_name,
        email: customer.details.email,
    }))
}
