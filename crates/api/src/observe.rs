//! Request ids, the access log and metrics. Owns that no header's value and no body is ever logged.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::Response,
};

use crate::context::Server;

/// Longest request id taken over from a client, in bytes.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Names a request in answers, in the log and in the audit log.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Names, times, counts and logs a request.
pub(crate) async fn request(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = given(&request).unwrap_or_else(|| server.app.ids.next().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = route(&request);
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let seconds = begun.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    let labels = [
        ("method", standard(&method).to_owned()),
        ("route", route.clone()),
        ("status", status.to_string()),
    ];
    metrics::counter!("florin_http_requests_total", &labels).increment(1);
    metrics::histogram!("florin_http_request_seconds", &labels[..2]).record(seconds);
    tracing::info!(%method, route, status, seconds, request_id = id, "request");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// The client's own id, where it is short and plain enough for a log.
fn given(request: &Request) -> Option<String> {
    let id = request.headers().get("x-request-id")?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let usable = !id.is_empty() && id.len() <= REQUEST_ID_LENGTH_MAX && id.chars().all(plain);
    usable.then(|| id.to_owned())
}

/// The method, or `other` for one of the client's own invention, which would be a metric of its own.
fn standard(method: &Method) -> &str {
    const STANDARD: [Method; 9] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    if STANDARD.contains(method) {
        method.as_str()
    } else {
        "other"
    }
}

/// The route's pattern, not the path: ids would make a metric of every row.
fn route(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or("unknown", MatchedPath::as_str).to_owned()
}
