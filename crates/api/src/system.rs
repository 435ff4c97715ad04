//! The server itself: health, metrics, time.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::{Context, Server},
    error::Result,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(datetime))
}

/// Routes without a document: what they answer is not JSON.
pub(crate) fn open_routes() -> Router<Arc<Server>> {
    Router::new().route("/metrics", get(metrics))
}

/// Whether the server works.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok` where the database answers.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Health
///
/// Answers without a key. 503 where the database does not answer.
#[utoipa::path(
    get,
    path = "/health",
    tag = "system",
    security(()),
    responses((status = 200, description = "The server works.", body = Health))
)]
async fn health(State(server): State<Arc<Server>>) -> Result<Json<Health>> {
    server.app.db.ping().await?;
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// The server's time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Datetime {
    /// The day, in the organisation's time zone.
    #[schema(example = "2026-01-31", format = Date)]
    current_date: String,
    /// The instant, UTC.
    #[schema(example = "2026-01-31T10:00:00Z", format = DateTime)]
    current_date_time: String,
    /// Milliseconds since 1970.
    #[schema(example = 1_769_853_600_000_i64)]
    timestamp: i64,
    /// The organisation's time zone.
    #[schema(example = "UTC")]
    timezone: String,
    /// The instant for people, in the organisation's time zone.
    #[schema(example = "Saturday, 31 January 2026 at 10:00 UTC")]
    human_readable: String,
}

/// Get the date and time
///
/// What the server takes for now, and the organisation's time zone.
#[utoipa::path(
    get,
    path = "/system/datetime",
    tag = "system",
    responses((status = 200, description = "The time.", body = Datetime))
)]
async fn datetime(context: Context) -> Result<Json<Datetime>> {
    let mut tx = context.read().await?;
    let organisation = florin_store::organisation::find(&mut tx).await?;
    let timezone = organisation.map_or_else(|| "UTC".to_owned(), |known| known.time_zone);
    let now = context.app.clock.now();
    Ok(Json(shown(now, timezone)))
}

fn shown(now: Timestamp, timezone: String) -> Datetime {
    let zone = TimeZone::get(&timezone).unwrap_or(TimeZone::UTC);
    let local = now.to_zoned(zone);
    Datetime {
        current_date: local.date().to_string(),
        current_date_time: florin_core::instant::to_microseconds(now).to_string(),
        timestamp: now.as_millisecond(),
        timezone,
        human_readable: local.strftime("%A, %-d %B %Y at %H:%M %Z").to_string(),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> String {
    server
        .settings
        .metrics
        .as_ref()
        .map_or_else(String::new, |metrics| metrics.render())
}
