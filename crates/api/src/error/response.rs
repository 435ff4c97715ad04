//! Errors as HTTP answers. **The only file that makes statuses.** Does not own codes: that is [`super::CODES`].

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use florin_app::{document::RenderError, gateway::GatewayError};
use serde_json::{Value, json};

use super::{BadField, CODES, of_usage::of_usage};

/// What a handler answers.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A request that is not answered with its resource.
#[derive(Debug)]
pub(crate) enum Error {
    /// An operation refused.
    App(florin_app::Error),
    /// The request cannot be read: every bad place of it.
    Unreadable(Vec<BadField>),
    /// No key, or not a good one.
    Unauthorised(&'static str),
    /// The body is over the limit, in bytes.
    TooLarge(usize),
    /// The body's `Content-Encoding` is none that is read here.
    EncodingUnknown,
    /// The key sends too much; seconds to wait.
    RateLimited(u64),
    /// The key stands for another request.
    IdempotencyKeyReused,
    /// The answer that an earlier request with the same key got.
    Replay { status: u16, body: String },
    /// No such route.
    UnknownRoute,
    /// No such method on this route.
    UnknownMethod,
    /// A fault of ours.
    Internal(String),
}

impl From<florin_app::Error> for Error {
    fn from(error: florin_app::Error) -> Self {
        Self::App(error)
    }
}

impl From<florin_store::Error> for Error {
    fn from(error: florin_store::Error) -> Self {
        Self::App(florin_app::Error::Store(error))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::App(error) => of_app(error),
            Self::Unreadable(fields) => invalid(fields),
            Self::Unauthorised(detail) => refusal("UNAUTHORISED", detail),
            Self::TooLarge(max) => refusal(
                "BODY_TOO_LARGE",
                format!("the body may have {max} bytes at most"),
            ),
            Self::EncodingUnknown => refusal(
                "CONTENT_ENCODING_UNKNOWN",
                "send the body plain, or with Content-Encoding gzip or zstd",
            ),
            Self::RateLimited(seconds) => {
                let detail = format!("too many requests: wait {seconds} s");
                retry_after(seconds, refusal("RATE_LIMITED", detail))
            }
            Self::IdempotencyKeyReused => refusal(
                "IDEMPOTENCY_KEY_REUSED",
                "this Idempotency-Key was used for another request: send a new key",
            ),
            Self::Replay { status, body } => replay(status, body),
            Self::UnknownRoute => refusal("NOT_FOUND", "there is no such route: see /docs"),
            Self::UnknownMethod => refusal(
                "METHOD_NOT_ALLOWED",
                "this route has no such method: see /docs",
            ),
            Self::Internal(cause) => internal(&cause),
        }
    }
}

/// The code that an operation's refusal has in an answer.
pub(crate) fn code_of(error: &florin_app::Error) -> &'static str {
    match error {
        florin_app::Error::NotFound { .. } => "NOT_FOUND",
        florin_app::Error::Refused { code, .. } => code,
        florin_app::Error::Store(florin_store::Error::Busy) => "DATABASE_BUSY",
        _ => "INTERNAL",
    }
}

fn of_app(error: florin_app::Error) -> Response {
    match error {
        florin_app::Error::NotFound { .. } => refusal("NOT_FOUND", error.to_string()),
        florin_app::Error::Refused { code, message } => refusal(code, message),
        florin_app::Error::Invalid(fields) => {
            invalid(fields.into_iter().map(BadField::from).collect())
        }
        florin_app::Error::Usage(error) => of_usage(error),
        florin_app::Error::Document(error) => of_document(&error),
        florin_app::Error::Gateway(error) => of_gateway(error),
        florin_app::Error::Store(florin_store::Error::Busy) => retry_after(
            1,
            refusal(
                "DATABASE_BUSY",
                "the database is busy: nothing was changed, try again",
            ),
        ),
        florin_app::Error::Store(error) => internal(&error.to_string()),
    }
}

fn of_gateway(error: GatewayError) -> Response {
    let message = error.to_string();
    match error {
        GatewayError::Declined { .. } => refusal("PAYMENT_DECLINED", message),
        GatewayError::Refused { .. } => refusal("GATEWAY_REFUSED", message),
        GatewayError::KeyRefused => refusal("GATEWAY_KEY_REFUSED", message),
        GatewayError::Unverified(_) => refusal("WEBHOOK_NOT_VERIFIED", message),
        GatewayError::Unanswered { .. } => {
            tracing::warn!(message, "a gateway did not answer");
            retry_after(1, refusal("GATEWAY_UNAVAILABLE", message))
        }
    }
}

fn of_document(error: &RenderError) -> Response {
    let message = error.to_string();
    match error {
        RenderError::Template { .. } => refusal("DOCUMENT_TEMPLATE_INVALID", message),
        RenderError::Limit { .. } => refusal("DOCUMENT_LIMIT_EXCEEDED", message),
        RenderError::Unavailable(cause) => {
            tracing::error!(cause, "a document cannot be rendered");
            let detail = "documents cannot be rendered at the moment: try again";
            retry_after(1, refusal("DOCUMENTS_UNAVAILABLE", detail))
        }
    }
}

pub(super) fn refusal(code: &'static str, detail: impl Into<String>) -> Response {
    let row = CODES.iter().find(|row| row.code == code);
    let status = row.and_then(|row| StatusCode::from_u16(row.status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let detail: String = detail.into();
    (status, Json(json!({ "detail": detail, "code": code }))).into_response()
}

pub(super) fn invalid(fields: Vec<BadField>) -> Response {
    let detail: Vec<Value> = fields.into_iter().map(BadField::document).collect();
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "detail": detail })),
    )
        .into_response()
}

fn replay(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::HeaderName::from_static("idempotent-replayed"),
            HeaderValue::from_static("true"),
        ),
    ];
    (status, headers, body).into_response()
}

pub(super) fn retry_after(seconds: u64, mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The cause goes to the log, not to the client.
fn internal(cause: &str) -> Response {
    tracing::error!(cause, "a request failed");
    refusal(
        "INTERNAL",
        "a fault of the server: quote the x-request-id of this answer",
    )
}

pub(crate) async fn unknown_route() -> Error {
    Error::UnknownRoute
}

pub(crate) async fn unknown_method() -> Error {
    Error::UnknownMethod
}

pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    internal("a handler panicked")
}
