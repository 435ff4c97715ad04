//! Which code each refusal of the engine of usage has.

use axum::response::{IntoResponse, Response};
use florin_app::usage::UsageError;

use super::{BadField, Error, invalid, refusal, retry_after};

/// The engine's refusal as an answer.
pub(super) fn of_usage(error: UsageError) -> Response {
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
        UsageError::NothingSelected => refusal("USAGE_CORRECTION_EMPTY", message),
        UsageError::TooManySelected => refusal("USAGE_CORRECTION_TOO_LARGE", message),
        UsageError::Contended => refusal("USAGE_CONTENDED", message),
        UsageError::BackfillClosed { .. } => refusal("USAGE_BACKFILL_CLOSED", message),
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
