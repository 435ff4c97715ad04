//! Errors as HTTP answers. **The only file that knows statuses.**
//!
//! Every code is a row of [`CODES`]; the reference page of errors is made from that table, and a test
//! provokes each row.

#[cfg(test)]
mod tests;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use florin_app::{FieldError, usage::UsageError};
use florin_core::usage::{EventProblem, Violation};
use serde_json::{Value, json};

/// A row of the table of error codes.
#[derive(Debug)]
pub struct Code {
    /// The `code` of the answer.
    pub code: &'static str,
    /// The answer's status.
    pub status: u16,
    /// When it is answered.
    pub meaning: &'static str,
}

const fn code(code: &'static str, status: u16, meaning: &'static str) -> Code {
    Code {
        code,
        status,
        meaning,
    }
}

/// Every code that an answer can carry. A 422 carries the list of bad fields instead of a code.
pub const CODES: &[Code] = &[
    code(
        "UNAUTHORISED",
        401,
        "no key, an unknown or revoked key, or another organisation's",
    ),
    code(
        "NOT_FOUND",
        404,
        "the organisation has no such resource, or there is no such route",
    ),
    code(
        "METHOD_NOT_ALLOWED",
        405,
        "the route exists, but not with this method",
    ),
    code(
        "BODY_TOO_LARGE",
        413,
        "the body has more bytes than the limit",
    ),
    code(
        "CONTENT_ENCODING_UNKNOWN",
        415,
        "the Content-Encoding is neither gzip nor zstd",
    ),
    code(
        "RATE_LIMITED",
        429,
        "the key sent more requests than it may; see `Retry-After`",
    ),
    code(
        "INTERNAL",
        500,
        "a fault of the server; the request id finds it in the log",
    ),
    code(
        "DATABASE_BUSY",
        503,
        "the database did not answer in time; see `Retry-After`",
    ),
    code(
        "IDEMPOTENCY_KEY_REUSED",
        409,
        "the same Idempotency-Key came with another request",
    ),
    code(
        "CUSTOMER_EMAIL_TAKEN",
        400,
        "another customer has this e-mail address",
    ),
    code(
        "CUSTOMER_EXTERNAL_ID_TAKEN",
        400,
        "another customer has this external_id",
    ),
    code(
        "BUSINESS_ENTITY_FIXED",
        400,
        "a customer's business entity is set once",
    ),
    code("PRODUCT_SKU_TAKEN", 400, "another product has this sku"),
    code("PRODUCT_SLUG_TAKEN", 400, "another product has this slug"),
    code(
        "PRODUCT_TYPE_FIXED",
        400,
        "a product does not become a group, nor a group a product",
    ),
    code(
        "PRODUCT_CREATED_AS_ARCHIVED",
        400,
        "a product is not created as archived",
    ),
    code(
        "PRODUCT_TYPE_SUBTYPE_INCOMPATIBLE",
        400,
        "the subtype is not one of the product's type",
    ),
    code(
        "PRODUCT_HAS_SUB_PRODUCTS",
        400,
        "a product with sub-products is not deleted and has no price of its own",
    ),
    code(
        "PRODUCT_HAS_PRICING",
        400,
        "a product with prices of its own has no sub-products",
    ),
    code(
        "PRODUCT_IN_BUNDLE",
        400,
        "a product that is a member of a bundle is not deleted",
    ),
    code(
        "PRODUCT_NOT_A_GROUP",
        400,
        "a bundle's price is given to a group only",
    ),
    code(
        "CUSTOMER_HAS_CHILDREN",
        400,
        "a customer that is a parent cannot be deleted",
    ),
    code(
        "CUSTOMER_HAS_PARENT",
        400,
        "the child of a new relationship has a parent",
    ),
    code(
        "CUSTOMER_RELATIONSHIP_CYCLE",
        400,
        "a customer would be its own parent, directly or through others",
    ),
    code(
        "CUSTOMER_RELATIONSHIP_TOO_DEEP",
        400,
        "a customer would have more than ten customers above it",
    ),
    code(
        "CONNECTOR_NOT_LINKED",
        400,
        "the customer is not linked to the connector",
    ),
    code(
        "CONNECTOR_AMBIGUOUS",
        400,
        "the customer is linked to several connectors and none was named",
    ),
    code(
        "DUPLICATE_ADDRESS",
        400,
        "an edited address would equal another one of the customer",
    ),
    code(
        "BUSINESS_ENTITY_DEFAULT_NEEDED",
        400,
        "the default business entity stays it until another one becomes it",
    ),
    code(
        "CUSTOM_ATTRIBUTE_EXISTS",
        400,
        "the module has a custom attribute with this key, for the same owner",
    ),
    code(
        "CUSTOM_ATTRIBUTE_FIXED",
        400,
        "module, key, data type and entity of a custom attribute never change",
    ),
    code(
        "TAX_RATE_NOT_FOUND",
        404,
        "no active jurisdiction rate matches the destination level by level on that day",
    ),
    code(
        "RAW_METRIC_SLUG_TAKEN",
        400,
        "another raw metric has this api_slug, ignoring case",
    ),
    code(
        "RAW_METRIC_SLUG_FIXED",
        400,
        "the api_slug of a raw metric never changes",
    ),
    code(
        "RAW_METRIC_FIELD_REMOVED",
        400,
        "a new dataschema lacks a field of the old one",
    ),
    code(
        "RAW_METRIC_FIELD_RETYPED",
        400,
        "a new dataschema gives a field another type",
    ),
    code(
        "RAW_METRIC_NOT_FOUND",
        404,
        "events were sent to a slug that no raw metric has",
    ),
    code(
        "USAGE_TOO_MANY_EVENTS",
        413,
        "a request has more than 10,000 events",
    ),
    code(
        "USAGE_BEHIND",
        429,
        "too many accepted events wait to be written to tables; see `Retry-After`",
    ),
    code(
        "USAGE_UNAVAILABLE",
        503,
        "usage events cannot be kept or read at the moment; see `Retry-After`",
    ),
    code(
        "AGGREGATE_IN_USE",
        400,
        "a billable metric by which a price counts is not deleted",
    ),
    code(
        "METRIC_QUERY_REFUSED",
        400,
        "the query of a billable metric cannot be run; the engine says why and where",
    ),
    code(
        "METRIC_LIMIT_EXCEEDED",
        400,
        "the query of a billable metric needs more time or memory than it may",
    ),
    code(
        "METRIC_OVERFLOW",
        400,
        "a quantity has more digits than an amount can be computed from",
    ),
];

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

/// A place in the request that cannot be used.
#[derive(Clone, Debug)]
pub(crate) struct BadField {
    /// `body`, `query`, `path` or `header`.
    pub(crate) part: &'static str,
    /// Keys and indices from there.
    pub(crate) path: Vec<String>,
    /// What to send instead.
    pub(crate) message: String,
    /// Machine-readable kind.
    pub(crate) kind: String,
}

impl BadField {
    fn document(self) -> Value {
        let inner = self.path.into_iter().map(|key| match key.parse::<u64>() {
            Ok(index) => Value::from(index),
            Err(_) => Value::from(key),
        });
        let loc: Vec<Value> = std::iter::once(Value::from(self.part))
            .chain(inner)
            .collect();
        json!({ "loc": loc, "msg": self.message, "type": self.kind })
    }
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

impl From<FieldError> for BadField {
    fn from(error: FieldError) -> Self {
        let FieldError {
            path,
            message,
            kind,
        } = error;
        Self {
            part: "body",
            path,
            message,
            kind: kind.to_owned(),
        }
    }
}

impl From<EventProblem> for BadField {
    fn from(problem: EventProblem) -> Self {
        let kind = match &problem.violation {
            Violation::NotAnObject { .. } => "type_error.dict",
            Violation::Missing => "value_error.missing",
            Violation::WrongType { .. } => "type_error",
            Violation::UnknownField { .. } => "value_error.extra",
            Violation::OutOfRange { .. } => "value_error.number.not_in_range",
            Violation::CustomerEmpty => "value_error.any_str.min_length",
            Violation::TooLong { .. } => "value_error.any_str.max_length",
            Violation::NulCharacter { .. } => "value_error.any_str.nul",
        };
        let message = problem.violation.to_string();
        let mut path = vec![problem.event.to_string()];
        path.extend(problem.path);
        Self {
            part: "body",
            path,
            message,
            kind: kind.to_owned(),
        }
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

fn of_app(error: florin_app::Error) -> Response {
    match error {
        florin_app::Error::NotFound { .. } => refusal("NOT_FOUND", error.to_string()),
        florin_app::Error::Refused { code, message } => refusal(code, message),
        florin_app::Error::Invalid(fields) => {
            invalid(fields.into_iter().map(BadField::from).collect())
        }
        florin_app::Error::Usage(error) => of_usage(error),
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

fn of_usage(error: UsageError) -> Response {
    let message = error.to_string();
    match error {
        UsageError::Events(problems) => invalid(problems.into_iter().map(BadField::from).collect()),
        UsageError::Unreadable { message } => invalid(vec![BadField {
            part: "body",
            path: Vec::new(),
            message,
            kind: "value_error.jsondecode".to_owned(),
        }]),
        UsageError::TooManyEvents => refusal("USAGE_TOO_MANY_EVENTS", message),
        UsageError::Behind {
            retry_after_seconds,
        } => retry_after(retry_after_seconds.into(), refusal("USAGE_BEHIND", message)),
        UsageError::KeyReused => Error::IdempotencyKeyReused.into_response(),
        UsageError::Query {
            position: Some((line, column)),
            ..
        } => refusal(
            "METRIC_QUERY_REFUSED",
            format!("line {line}, column {column}: {message}"),
        ),
        UsageError::Query { position: None, .. } => refusal("METRIC_QUERY_REFUSED", message),
        UsageError::Limit { .. } => refusal("METRIC_LIMIT_EXCEEDED", message),
        UsageError::Overflow { .. } => refusal("METRIC_OVERFLOW", message),
        UsageError::Unavailable(cause) => {
            tracing::error!(cause, "usage is not available");
            let detail = "usage events cannot be kept or read: nothing was changed, try again";
            retry_after(1, refusal("USAGE_UNAVAILABLE", detail))
        }
    }
}

fn refusal(code: &'static str, detail: impl Into<String>) -> Response {
    let row = CODES.iter().find(|row| row.code == code);
    let status = row.and_then(|row| StatusCode::from_u16(row.status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let detail: String = detail.into();
    (status, Json(json!({ "detail": detail, "code": code }))).into_response()
}

fn invalid(fields: Vec<BadField>) -> Response {
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

fn retry_after(seconds: u64, mut response: Response) -> Response {
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
