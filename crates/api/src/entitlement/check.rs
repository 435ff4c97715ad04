//! Whether a customer may use something now, and reservations.

use std::sync::Arc;

use axum::Json;
use florin_app::{
    self as app,
    entitlement::{check::Standing, reserve::Wanted},
};
use florin_core::entitlement::{CustomerGrant, QUANTITY_MAX, Reservation, is_quantity};
use florin_store::list::Spec;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::wire::EntitlementTypeWord;
use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::{Parameters, bad},
    value::{Instant, Number},
};

/// Seconds that a reservation lasts where the caller does not say.
const LASTS_DEFAULT: i64 = 60;

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(list, reserve))
        .routes(routes!(read))
        .routes(routes!(commit))
        .routes(routes!(release))
}

struct Reservations;

impl Listed for Reservations {
    fn spec() -> &'static Spec {
        &florin_store::entitlement_reservation::LIST
    }
}

/// What is checked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read as plain parameters")]
struct CheckParameters {
    /// The entitlement, by id or by its exact name: of several with that name the one that was created first.
    #[param(min_length = 1, max_length = 255, example = "API calls")]
    entitlement: String,
    /// How much is to be used, in units; 1 unless told. Of a feature it does not matter.
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64, example = 1)]
    quantity: Option<f64>,
}

/// Whether a customer may use something now.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementCheckResponse {
    /// Id of the customer.
    customer: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// What people call the entitlement.
    #[schema(example = "API calls")]
    name: String,
    /// What it is counted in.
    #[serde(rename = "type")]
    entitlement_type: EntitlementTypeWord,
    /// What is to be used, in units.
    quantity: Number,
    /// Whether it may be: as much is available, or there is a grant of the feature.
    #[schema(example = true)]
    allowed: bool,
    /// What is left, in units: never below zero.
    quantity_available: Number,
    /// What the grants in force are of, in units.
    quantity_granted: Number,
    /// What of them is used, in units, usage events that were acknowledged a moment ago too.
    quantity_used: Number,
    /// What reservations set aside, in units.
    quantity_reserved: Number,
    /// What drafts of invoices hold, in units.
    quantity_held: Number,
    /// The next end of a grant in force; null is never.
    expiry_at: Option<Instant>,
    /// Level of the feature: of the grants in force the one that was made last.
    #[schema(example = json!(null))]
    feature_option_value: Option<String>,
    /// Level of the feature as a number: of the grants in force the one that was made last.
    numeric_value: Option<Number>,
    /// The instant for which it holds.
    checked_at: Instant,
}

impl EntitlementCheckResponse {
    fn new(customer: Uuid, quantity: Decimal, standing: Standing) -> Self {
        let allowed = standing.allows(quantity);
        let last = standing
            .grants
            .iter()
            .max_by_key(|grant| (grant.created_at, grant.id));
        let last = last.map(|grant| grant.details.clone());
        let mut ends = standing
            .grants
            .iter()
            .map(|grant: &CustomerGrant| grant.details.expiry_at);
        let expiry_at = ends.next().flatten();
        let Standing {
            entitlement,
            at,
            granted,
            used,
            held,
            reserved,
            available,
            grants: _,
        } = standing;
        Self {
            customer,
            entitlement: entitlement.id,
            name: entitlement.details.name,
            entitlement_type: entitlement.details.entitlement_type.into(),
            quantity: Number(quantity),
            allowed,
            quantity_available: Number(available),
            quantity_granted: Number(granted),
            quantity_used: Number(used),
            quantity_reserved: Number(reserved),
            quantity_held: Number(held),
            expiry_at: expiry_at.map(Instant),
            feature_option_value: last
                .as_ref()
                .and_then(|last| last.feature_option_value.clone()),
            numeric_value: last.and_then(|last| last.numeric_value).map(Number),
            checked_at: Instant(at),
        }
    }
}

fn asked(parameters: &Parameters) -> Result<(String, Decimal)> {
    let mut refused = Vec::new();
    let named = parameters
        .0
        .iter()
        .rev()
        .find(|(name, _)| name == "entitlement");
    let word = named.map(|(_, word)| word.clone()).unwrap_or_default();
    if word.is_empty() || word.chars().count() > 255 {
        let message = "name an entitlement by id or name";
        refused.push(bad("entitlement", "value_error.missing", message));
    }
    let quantity = match parameters.value("quantity") {
        None => Some(Decimal::ONE),
        Some(text) => text
            .parse()
            .ok()
            .or_else(|| Decimal::from_scientific(text).ok()),
    };
    let range = Decimal::ZERO..=Decimal::from(QUANTITY_MAX);
    match quantity.filter(|quantity| range.contains(quantity)) {
        Some(quantity) if refused.is_empty() => return Ok((word, quantity)),
        Some(_) => {}
        None => {
            let message = "a number from 0 to 1000000000000";
            refused.push(bad("quantity", "type_error.decimal", message));
        }
    }
    Err(Error::Unreadable(refused))
}

/// Check an entitlement
///
/// Whether a customer may use so much now. Made for the path of every request of a product: it counts usage events that were
/// acknowledged before, asks no query engine and changes nothing. Where two may use the last unit at once, reserve it.
#[utoipa::path(
    get,
    path = "/entitlements/customer/{customer_id}/check",
    tag = "entitlements",
    params(("customer_id" = Uuid, Path, description = "Id of the customer."), CheckParameters),
    responses((status = 200, description = "What the customer has.", body = EntitlementCheckResponse))
)]
async fn check(
    context: Context,
    PathIds([customer]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<EntitlementCheckResponse>> {
    let (word, quantity) = asked(&parameters)?;
    let organisation = context.organisation();
    let standing = app::entitlement::check::check(&context.app, organisation, customer, &word);
    let standing = standing.await?;
    Ok(Json(EntitlementCheckResponse::new(
        customer, quantity, standing,
    )))
}

/// What is to be set aside.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EntitlementReservationInput {
    /// The entitlement, by id or by its exact name.
    #[schema(min_length = 1, max_length = 255, example = "API calls")]
    entitlement: String,
    /// How much, in units, above zero.
    quantity: Number,
    /// How long, in seconds; 60 unless told. After that the units are free again.
    #[schema(minimum = 1, maximum = 86400, example = 60)]
    expires_in_seconds: Option<i64>,
}

/// What was used of a reservation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EntitlementCommitInput {
    /// How much was used, in units; all of it unless told.
    quantity: Option<Number>,
}

/// Units that are set aside.
#[derive(Debug, Serialize, ToSchema)]
struct EntitlementReservationResponse {
    /// Id of the reservation.
    id: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// Id of the customer.
    customer: Uuid,
    /// How much is set aside, in units.
    quantity: Number,
    /// What of it was used, in units; 0 before it is committed.
    quantity_committed: Number,
    /// Where it stands: `open`, `committed`, `released` or, once `expires_at` has come, `expired`.
    #[schema(example = "open")]
    status: &'static str,
    /// First instant at which it holds nothing any more.
    expires_at: Instant,
    /// When it was made.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl EntitlementReservationResponse {
    fn new(reservation: Reservation, now: Timestamp) -> Self {
        let status = reservation.status_at(now);
        let Reservation {
            id,
            entitlement_id,
            customer_id,
            quantity,
            quantity_committed,
            status: _,
            expires_at,
            created_at,
            updated_at,
        } = reservation;
        Self {
            id,
            entitlement: entitlement_id,
            customer: customer_id,
            quantity: Number(quantity),
            quantity_committed: Number(quantity_committed),
            status,
            expires_at: Instant(expires_at),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

/// Reserve units of an entitlement
///
/// Sets units aside that are about to be used. However many ask at once, never more is set aside than there is: who comes too
/// late is refused. Commit the reservation when they are used, release it when they are not.
#[utoipa::path(
    post,
    path = "/entitlements/customer/{customer_id}/reservations",
    tag = "entitlements",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = EntitlementReservationInput,
    responses((status = 200, description = "The reservation.", body = EntitlementReservationResponse))
)]
async fn reserve(
    context: Context,
    PathIds([customer]): PathIds<1>,
    Body(input): Body<EntitlementReservationInput>,
) -> Result<Json<EntitlementReservationResponse>> {
    let EntitlementReservationInput {
        entitlement,
        quantity,
        expires_in_seconds,
    } = input;
    let wanted = Wanted {
        entitlement,
        quantity: quantity.0,
        lasts: SignedDuration::from_secs(expires_in_seconds.unwrap_or(LASTS_DEFAULT)),
    };
    let organisation = context.organisation();
    let asked = app::entitlement::reserve::prepare(&context.app, organisation, customer, wanted);
    let asked = asked.await?;
    let mut tx = context.begin().await?;
    let reservation = app::entitlement::reserve::reserve(&context.app, &mut tx, asked).await?;
    let now = reservation.created_at;
    let answer = EntitlementReservationResponse::new(reservation, now);
    context.commit(tx, answer).await
}

/// List a customer's reservations
#[utoipa::path(
    get,
    path = "/entitlements/customer/{customer_id}/reservations",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        Listing<Reservations>
    ),
    responses((
        status = 200,
        description = "One page of reservations.",
        body = Envelope<EntitlementReservationResponse>
    ))
)]
async fn list(
    context: Context,
    PathIds([customer]): PathIds<1>,
    listing: Listing<Reservations>,
) -> Result<Json<Envelope<EntitlementReservationResponse>>> {
    let mut tx = context.read().await?;
    let page = app::entitlement::reserve::page(&mut tx, customer, &listing.query).await?;
    let now = app::entitlement::granted::now(&context.app, &mut tx, Some(customer)).await?;
    Ok(Json(Envelope::new(page, |one| {
        EntitlementReservationResponse::new(one, now)
    })))
}

/// Get a reservation
#[utoipa::path(
    get,
    path = "/entitlements/customer/{customer_id}/reservations/{reservation_id}",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("reservation_id" = Uuid, Path, description = "Id of the reservation.")
    ),
    responses((status = 200, description = "The reservation.", body = EntitlementReservationResponse))
)]
async fn read(
    context: Context,
    PathIds([customer, id]): PathIds<2>,
) -> Result<Json<EntitlementReservationResponse>> {
    let mut tx = context.read().await?;
    let found = app::entitlement::reserve::find(&mut tx, (customer, id)).await?;
    let now = app::entitlement::granted::now(&context.app, &mut tx, Some(customer)).await?;
    Ok(Json(EntitlementReservationResponse::new(found, now)))
}

/// Commit a reservation
///
/// What was used of it is drawn from the grants, the earliest expiry first; the rest is free again. Where a billable metric
/// draws the entitlement, the usage event draws and the reservation only ends: send the event before.
#[utoipa::path(
    post,
    path = "/entitlements/customer/{customer_id}/reservations/{reservation_id}/commit",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("reservation_id" = Uuid, Path, description = "Id of the reservation.")
    ),
    request_body = EntitlementCommitInput,
    responses((status = 200, description = "The reservation.", body = EntitlementReservationResponse))
)]
async fn commit(
    context: Context,
    PathIds([customer, id]): PathIds<2>,
    Body(input): Body<EntitlementCommitInput>,
) -> Result<Json<EntitlementReservationResponse>> {
    let quantity = input.quantity.map(|quantity| quantity.0);
    if quantity.is_some_and(|quantity| !is_quantity(quantity)) {
        let message = "a number from 0 to 1000000000000 with 12 digits behind the point at most";
        return Err(app::Error::field("quantity", "value_error.number", message).into());
    }
    let mut tx = context.begin().await?;
    let about = (customer, id);
    let done = app::entitlement::reserve::commit(&context.app, &mut tx, about, quantity).await?;
    let now = done.updated_at;
    context
        .commit(tx, EntitlementReservationResponse::new(done, now))
        .await
}

/// Release a reservation
///
/// Nothing of it was used: its units are free again.
#[utoipa::path(
    post,
    path = "/entitlements/customer/{customer_id}/reservations/{reservation_id}/release",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("reservation_id" = Uuid, Path, description = "Id of the reservation.")
    ),
    responses((status = 200, description = "The reservation.", body = EntitlementReservationResponse))
)]
async fn release(
    context: Context,
    PathIds([customer, id]): PathIds<2>,
) -> Result<Json<EntitlementReservationResponse>> {
    let mut tx = context.begin().await?;
    let done = app::entitlement::reserve::release(&mut tx, (customer, id)).await?;
    let now = done.updated_at;
    context
        .commit(tx, EntitlementReservationResponse::new(done, now))
        .await
}
