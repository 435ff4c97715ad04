//! Payment methods of customers over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, payment_method::Attached};
use florin_core::payment_method::{Facts, PaymentMethod};
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    connector::ConnectorChoice,
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(attach))
        .routes(routes!(delete))
}

struct PaymentMethods;

impl Listed for PaymentMethods {
    fn spec() -> &'static Spec {
        &florin_store::payment_method::LIST
    }
}

/// How a payment method is set up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PaymentMethodInput {
    /// The gateway; may be left out where the customer is linked to one, or the organisation has one only.
    connector: Option<ConnectorChoice>,
}

/// A begun set-up. The customer's browser gives the card to the gateway with `client_secret`; the method
/// appears in the list when the gateway has told of it.
#[derive(Debug, Serialize, ToSchema)]
struct SetupResponse {
    /// The customer.
    customer_id: Uuid,
    /// The connector.
    connector_id: Uuid,
    /// The gateway.
    #[schema(example = "stripe")]
    connector_name: String,
    /// The customer's id at the gateway; it is linked from now on.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    external_id: String,
    /// The gateway's id of the set-up.
    #[schema(example = "seti_1Mm8s8LkdIwHu7ix0OXBfTRG")]
    setup_id: String,
    /// With which the customer's browser goes on; for this customer alone. Not in a repeated answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "seti_1Mm8s8LkdIwHu7ix0OXBfTRG_secret_NXDICTN8WBfL2E6M")]
    client_secret: Option<String>,
}

/// A payment method that the gateway knows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AttachInput {
    /// The gateway's id of the method.
    #[schema(min_length = 1, max_length = 255, example = "pm_card_visa")]
    payment_method_id: String,
    /// The gateway; may be left out where the customer is linked to one only.
    connector: Option<ConnectorChoice>,
    /// Whether it is tried first from now on. The customer's first method is, unless told not to be.
    #[schema(example = true)]
    set_as_default: Option<bool>,
}

/// An attached payment method.
#[derive(Debug, Serialize, ToSchema)]
struct AttachResponse {
    /// Id of the payment method here.
    id: Uuid,
    /// The customer.
    customer_id: Uuid,
    /// The gateway's id of the method.
    #[schema(example = "pm_1MqLiJLkdIwHu7ixUEgbFdYF")]
    payment_method_id: String,
    /// The customer's id at the gateway.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    external_id: String,
    /// Whether it is tried first.
    #[schema(example = true)]
    set_as_default: bool,
    /// The gateway's own document of it.
    #[schema(value_type = Object, example = json!({"id": "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "type": "card"}))]
    raw_data: Value,
}

/// A payment method.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentMethodResponse {
    /// Id of the payment method.
    id: Uuid,
    /// The customer.
    customer_id: Uuid,
    /// The organisation.
    organisation_id: Uuid,
    /// The connector that keeps it.
    connector_id: Uuid,
    /// The gateway.
    #[schema(example = "stripe")]
    connector_name: String,
    /// The gateway's id of it.
    #[schema(example = "pm_1MqLiJLkdIwHu7ixUEgbFdYF")]
    external_id: String,
    /// Whether it is tried first.
    #[schema(example = true)]
    is_default: bool,
    /// `active`, or `expired` where its card was when the gateway last told of it.
    #[schema(example = "active")]
    status: &'static str,
    /// Where it is from, ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    country: Option<String>,
    /// What it is, in the words of payments.
    #[serde(rename = "type")]
    #[schema(example = "card")]
    kind: String,
    /// What may be shown of it; of a card its brand, last digits and expiry.
    #[schema(value_type = Object,
        example = json!({"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2029}))]
    details: Value,
    /// When it was attached.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl PaymentMethodResponse {
    fn new(organisation_id: Uuid, method: PaymentMethod) -> Self {
        let PaymentMethod {
            id,
            customer_id,
            connector_id,
            connector_name,
            external_id,
            is_default,
            status,
            facts,
            created_at,
            updated_at,
        } = method;
        let Facts {
            kind,
            country,
            details,
        } = facts;
        Self {
            id,
            customer_id,
            organisation_id,
            connector_id,
            connector_name,
            external_id,
            is_default,
            status: status.as_str(),
            country,
            kind,
            details,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Attached> for AttachResponse {
    fn from(attached: Attached) -> Self {
        let Attached {
            method,
            customer_reference,
            raw,
        } = attached;
        Self {
            id: method.id,
            customer_id: method.customer_id,
            payment_method_id: method.external_id,
            external_id: customer_reference,
            set_as_default: method.is_default,
            raw_data: raw,
        }
    }
}

/// List a customer's payment methods
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/payment_methods",
    tag = "payment methods",
    params(("customer_id" = Uuid, Path, description = "Id of the customer."), Listing<PaymentMethods>),
    responses((status = 200, description = "One page of payment methods.",
        body = Envelope<PaymentMethodResponse>))
)]
async fn list(
    context: Context,
    PathIds([customer_id]): PathIds<1>,
    listing: Listing<PaymentMethods>,
) -> Result<Json<Envelope<PaymentMethodResponse>>> {
    let mut tx = context.read().await?;
    let page = app::payment_method::page(&mut tx, customer_id, listing.query).await?;
    let organisation = context.organisation().0;
    Ok(Json(Envelope::new(page, |method| {
        PaymentMethodResponse::new(organisation, method)
    })))
}

/// Set up a payment method
///
/// Begins a set-up at the gateway, which gets the card from the customer's browser; no card is ever sent here.
/// A customer that the gateway does not know yet is made known to it and linked.
#[utoipa::path(
    post,
    path = "/customers/{customer_id}/payment_methods",
    tag = "payment methods",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = PaymentMethodInput,
    responses(
        (status = 200, description = "The set-up.", body = SetupResponse),
        (status = 402, description = "The gateway does not take it.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn create(
    context: Context,
    PathIds([customer_id]): PathIds<1>,
    Body(input): Body<PaymentMethodInput>,
) -> Result<Json<SetupResponse>> {
    let app = &context.app;
    let choice = input.connector.map(Into::into);
    let mut tx = context.read().await?;
    let payer = app::connector::payer_to_be(app, &mut tx, customer_id, choice.as_ref()).await?;
    drop(tx);
    let customer = app::payment_method::ask_for_customer(&payer).await?;
    let key = app.ids.next().to_string();
    let setup = app::payment_method::ask_to_set_up(&payer.account, &customer, &key).await?;
    let mut tx = context.begin().await?;
    app::payment_method::link(app, &mut tx, &payer, &customer).await?;
    let connector = payer.account.connector;
    let answer = SetupResponse {
        customer_id,
        connector_id: connector.id,
        connector_name: connector.name,
        external_id: customer,
        setup_id: setup.reference,
        client_secret: None,
    };
    context.remember(&mut tx, &answer).await?;
    tx.commit().await?;
    Ok(Json(SetupResponse {
        client_secret: Some(setup.client_secret.reveal().to_owned()),
        ..answer
    }))
}

/// Attach a payment method
///
/// Attaches a method that the gateway knows to the customer. Attaching it again changes what is kept of it.
#[utoipa::path(
    post,
    path = "/customers/{customer_id}/payment_methods/attach",
    tag = "payment methods",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = AttachInput,
    responses(
        (status = 200, description = "The attached method.", body = AttachResponse),
        (status = 402, description = "The gateway does not take it.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn attach(
    context: Context,
    PathIds([customer_id]): PathIds<1>,
    Body(input): Body<AttachInput>,
) -> Result<Json<AttachResponse>> {
    let AttachInput {
        payment_method_id,
        connector,
        set_as_default,
    } = input;
    let app = &context.app;
    let choice = connector.map(Into::into);
    let mut tx = context.read().await?;
    let payer = app::connector::payer(app, &mut tx, customer_id, choice.as_ref()).await?;
    drop(tx);
    let method = app::payment_method::ask_to_attach(&payer, &payment_method_id).await?;
    let mut tx = context.begin().await?;
    let attached = app::payment_method::keep(app, &mut tx, &payer, method, set_as_default).await?;
    context.commit(tx, attached.into()).await
}

/// Delete a payment method
///
/// Detaches it at the gateway and forgets it, for good. Where it was the default, the oldest of the others
/// becomes it.
#[utoipa::path(
    delete,
    path = "/customers/{customer_id}/payment_methods/{payment_method_id}",
    tag = "payment methods",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("payment_method_id" = Uuid, Path, description = "Id of the payment method."),
    ),
    responses((status = 200, description = "The payment method as it was.",
        body = PaymentMethodResponse))
)]
async fn delete(
    context: Context,
    PathIds([customer_id, id]): PathIds<2>,
) -> Result<Json<PaymentMethodResponse>> {
    let app = &context.app;
    let mut tx = context.read().await?;
    let (method, account) = app::payment_method::load(app, &mut tx, customer_id, id).await?;
    drop(tx);
    app::payment_method::ask_to_detach(&account, &method).await?;
    let mut tx = context.begin().await?;
    let method = app::payment_method::forget(&mut tx, customer_id, id).await?;
    let answer = PaymentMethodResponse::new(context.organisation().0, method);
    context.commit(tx, answer).await
}
