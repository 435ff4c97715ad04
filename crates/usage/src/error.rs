//! What goes wrong beneath a query or a write, in the words of the port.

use florin_app::usage::UsageError;

/// The engine, its files or its database do not answer.
pub(crate) fn unavailable(reason: impl ToString) -> UsageError {
    UsageError::Unavailable(reason.to_string())
}
