//! What can go wrong with records. Owns the mapping from a violated constraint to its name.

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
    /// No connection became free in time, or two transactions waited for each other.
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
        let reported = error.as_database_error();
        if reported.is_some_and(crate::dialect::is_contention) {
            return Self::Busy;
        }
        match reported.and_then(crate::dialect::violated_constraint) {
            Some(constraint) => Self::Conflict { constraint },
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
