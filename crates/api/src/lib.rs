//! The REST API: JSON in, JSON out.
//!
//! Owns requests, responses, their documentation and the status of each error. Does not own rules,
//! records or time. **There is no arithmetic in this crate, and no write that bypasses
//! [`florin_app`].** To add an endpoint, follow [`customer`] and the page `docs/adding-an-endpoint.md`.
//!
//! A request body is checked against the schema that the OpenAPI document shows for it, so the document
//! cannot promise what the server does not do.

mod body;
mod context;
mod document;
mod error;
mod link;
mod list;
mod observe;
mod page;
mod path;
mod query;
mod schema;
mod value;

mod address;
mod aggregate;
mod api_key;
mod billing;
mod billing_settings;
mod business_entity;
mod charge;
mod checkout;
mod checkout_page;
mod connector;
mod contact;
mod contract;
mod credit_note;
mod custom_attribute;
mod customer;
mod customer_address;
mod customer_connector;
mod customer_relationship;
mod document_template;
mod entitlement;
mod invoice;
mod invoice_document;
mod job;
mod jurisdiction_rate;
mod payment;
mod payment_method;
mod plan;
mod product;
mod product_pricing;
mod quote;
mod raw_metric;
mod system;
mod tag;
mod tax_category;
mod test_clock;
mod usage_backfill;
mod usage_correction;
mod usage_event;
mod usage_upload;
mod wallet;
mod webhook;

use std::{num::NonZeroU32, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use florin_app::App;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_axum::router::OpenApiRouter;

pub use context::Server;
pub use document::openapi;
pub use error::{CODES, Code};

/// Bytes of a request body at most.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How the API is served.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Requests per second that one key may send; `None` is no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// Where this server is reached from outside, without a slash at the end: payment links begin with it.
    pub public_url: String,
    /// What `/metrics` shows.
    pub metrics: Option<PrometheusHandle>,
}

/// Every route, ready to serve.
pub fn router(app: App, settings: Settings) -> Router {
    let server = Arc::new(Server::new(app, settings));
    let (routes, document) = resources().split_for_parts();
    let document = document::finish(document);
    routes
        .merge(system::open_routes())
        .merge(charge::open_routes())
        .merge(checkout_page::open_routes())
        .merge(document::routes(document))
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(
            error::panicked,
        ))
        .layer(middleware::from_fn_with_state(
            server.clone(),
            observe::request,
        ))
        .with_state(server)
}

/// The documented routes.
fn resources() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .merge(customer::routes())
        .merge(product::routes())
        .merge(product_pricing::routes())
        .merge(business_entity::routes())
        .merge(custom_attribute::routes())
        .merge(tag::routes())
        .merge(customer_address::routes())
        .merge(contact::routes())
        .merge(contract::routes())
        .merge(plan::routes())
        .merge(checkout::routes())
        .merge(quote::routes())
        .merge(customer_connector::routes())
        .merge(customer_relationship::routes())
        .merge(connector::routes())
        .merge(payment_method::routes())
        .merge(invoice::routes())
        .merge(charge::routes())
        .merge(raw_metric::routes())
        .merge(aggregate::routes())
        .merge(billing::routes())
        .merge(billing_settings::routes())
        .merge(job::routes())
        .merge(api_key::routes())
        .merge(tax_category::routes())
        .merge(jurisdiction_rate::routes())
        .merge(usage_backfill::routes())
        .merge(usage_upload::routes())
        .merge(wallet::routes())
        .merge(test_clock::routes())
        .merge(credit_note::routes())
        .merge(payment::routes())
        .merge(invoice_document::routes())
        .merge(document_template::routes())
        .merge(entitlement::routes())
        .merge(system::routes())
        .layer(middleware::from_fn(context::idempotency))
        // Events keep their keys where the events are, in the same durable write.
        .merge(usage_event::routes())
        .merge(usage_backfill::event_routes())
        .merge(usage_correction::routes())
        .merge(usage_upload::file_routes())
        .merge(webhook::routes())
}
