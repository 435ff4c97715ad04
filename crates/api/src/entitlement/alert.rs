//! Alerts about what is used of entitlements.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::entitlement::{Alert, Threshold};
use florin_store::{entitlement_alert::Sent, list::Spec};
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
    value::{Instant, Number},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(sent))
        .routes(routes!(delete))
}

struct SentAlerts;

impl Listed for SentAlerts {
    fn spec() -> &'static Spec {
        &florin_store::entitlement_alert::LIST
    }
}

/// What a threshold is counted in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ThresholdType {
    /// Hundredths of what the grants in force are of.
    Percent,
    /// Units.
    Units,
}

/// An alert that is wanted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EntitlementAlertInput {
    /// What the threshold is counted in.
    threshold_type: ThresholdType,
    /// Use at which the alert is sent, above zero: of percent 100 at most.
    threshold: Number,
    /// Id of the customer that it is about; every customer unless told.
    #[schema(example = json!(null))]
    customer: Option<Uuid>,
}

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementAlertResponse {
    /// Id of the alert.
    id: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// Id of the customer that it is about; null is every customer.
    customer: Option<Uuid>,
    /// What the threshold is counted in: `percent` or `units`.
    #[schema(example = "percent")]
    threshold_type: &'static str,
    /// Use at which it is sent.
    threshold: Number,
    /// When it was created.
    created_at: Instant,
}

/// An alert that was sent.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementAlertSentResponse {
    /// Its id, which the event `entitlement.threshold_reached` names.
    id: Uuid,
    /// Id of the alert.
    alert_id: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// Id of the customer.
    customer: Uuid,
    /// The newest grant in force then; a newer one begins a new period.
    grant_id: Uuid,
    /// What the threshold is counted in: `percent` or `units`.
    #[schema(example = "percent")]
    threshold_type: &'static str,
    /// What was reached.
    threshold: Number,
    /// What the grants in force were of, in units.
    quantity: Number,
    /// What of them was used, in units.
    quantity_used: Number,
    /// When it was sent.
    created_at: Instant,
}

impl From<Alert> for EntitlementAlertResponse {
    fn from(alert: Alert) -> Self {
        let Alert {
            id,
            entitlement_id,
            customer_id,
            threshold,
            created_at,
        } = alert;
        let (threshold_type, number) = threshold.parts();
        Self {
            id,
            entitlement: entitlement_id,
            customer: customer_id,
            threshold_type,
            threshold: Number(number),
            created_at: Instant(created_at),
        }
    }
}

impl From<Sent> for EntitlementAlertSentResponse {
    fn from(sent: Sent) -> Self {
        let Sent {
            id,
            alert_id,
            entitlement_id,
            customer_id,
            grant_id,
            threshold,
            quantity,
            quantity_used,
            created_at,
        } = sent;
        let (threshold_type, number) = threshold.parts();
        Self {
            id,
            alert_id,
            entitlement: entitlement_id,
            customer: customer_id,
            grant_id,
            threshold_type,
            threshold: Number(number),
            quantity: Number(quantity),
            quantity_used: Number(quantity_used),
            created_at: Instant(created_at),
        }
    }
}

/// List an entitlement's alerts
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}/alerts",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    responses((
        status = 200,
        description = "All of them, the oldest first.",
        body = Envelope<EntitlementAlertResponse>
    ))
)]
async fn list(
    context: Context,
    PathIds([entitlement]): PathIds<1>,
) -> Result<Json<Envelope<EntitlementAlertResponse>>> {
    let mut tx = context.read().await?;
    let alerts = app::entitlement::alert::all(&mut tx, entitlement).await?;
    Ok(Json(Envelope::whole(
        alerts,
        EntitlementAlertResponse::from,
    )))
}

/// Create an alert
///
/// When what is used of the grants in force reaches the threshold, the event `entitlement.threshold_reached` is sent: once
/// for each customer and period. A new grant begins a new period.
#[utoipa::path(
    post,
    path = "/entitlements/{entitlement_id}/alerts",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    request_body = EntitlementAlertInput,
    responses((status = 200, description = "The alert.", body = EntitlementAlertResponse))
)]
async fn create(
    context: Context,
    PathIds([entitlement]): PathIds<1>,
    Body(input): Body<EntitlementAlertInput>,
) -> Result<Json<EntitlementAlertResponse>> {
    let EntitlementAlertInput {
        threshold_type,
        threshold,
        customer,
    } = input;
    let threshold = match threshold_type {
        ThresholdType::Percent => Threshold::Percent(threshold.0),
        ThresholdType::Units => Threshold::Units(threshold.0),
    };
    let mut tx = context.begin().await?;
    let about = (customer, threshold);
    let alert = app::entitlement::alert::create(&context.app, &mut tx, entitlement, about).await?;
    context.commit(tx, alert.into()).await
}

/// List the alerts that were sent
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}/alerts/sent",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        Listing<SentAlerts>
    ),
    responses((
        status = 200,
        description = "One page of alerts that were sent.",
        body = Envelope<EntitlementAlertSentResponse>
    ))
)]
async fn sent(
    context: Context,
    PathIds([entitlement]): PathIds<1>,
    listing: Listing<SentAlerts>,
) -> Result<Json<Envelope<EntitlementAlertSentResponse>>> {
    let mut tx = context.read().await?;
    let page = app::entitlement::alert::sent(&mut tx, entitlement, &listing.query).await?;
    Ok(Json(Envelope::new(
        page,
        EntitlementAlertSentResponse::from,
    )))
}

/// Delete an alert
///
/// What it sent stays.
#[utoipa::path(
    delete,
    path = "/entitlements/{entitlement_id}/alerts/{alert_id}",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("alert_id" = Uuid, Path, description = "Id of the alert.")
    ),
    responses((status = 200, description = "The alert as it was.", body = EntitlementAlertResponse))
)]
async fn delete(
    context: Context,
    PathIds([entitlement, id]): PathIds<2>,
) -> Result<Json<EntitlementAlertResponse>> {
    let mut tx = context.begin().await?;
    let alert = app::entitlement::alert::delete(&mut tx, (entitlement, id)).await?;
    context.commit(tx, alert.into()).await
}
