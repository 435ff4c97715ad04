//! What can go wrong with records. Owns the mapping from a violated constraint to its name.

use crate::dialect;

/// A statement's outcome.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a statement, a decode or a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique constraint refused the row. The name is the same on both databases:
    /// `<table>_<columns without organisation_id>_key`.
    #[error("the constraint {constraint} refused the row")]
    Conflict {
        /// Name of the constraint.
        constraint: String,
    },
    /// A column holds what its type cannot: the file was changed by another hand.
    #[error("column {column} is not readable: {reason}")]
    Corrupt {
        /// Column name in the statement's result.
        column: String,
        /// What the decoder found.
        reason: String,
    },
    /// No connection became free in time, or the database gave this transaction up for another one.
    /// Nothing was changed.
    #[error("the database is busy")]
    Busy,
    /// A migration failed or the database was made by a newer program.
    #[error("migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database URL is neither `sqlite:` nor `postgres:`.
    #[error("the database URL must begin with sqlite: or postgres:, this one begins with {scheme}")]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// Anything else the driver says.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let Some(cause) = error.as_database_error() else {
            return Self::Database(error);
        };
        match dialect::violated_constraint(cause) {
            Some(constraint) => Self::Conflict { constraint },
            None if dialect::is_contention(cause) => Self::Busy,
            None => Self::Database(error),
        }
    }
}

impl Error {
    /// The name of the unique constraint that refused the row, if that is what happened.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Conflict { constraint } => Some(constraint),
            _ => None,
        }
    }
}
