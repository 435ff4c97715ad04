//! A place in a request that cannot be used, and its form in a 422.

use florin_app::FieldError;
use florin_core::usage::{EventProblem, Violation};
use serde_json::{Value, json};

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
    pub(super) fn document(self) -> Value {
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
            Violation::OutsideWindow { .. } => "value_error.timestamp",
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
