//! One transaction type for both databases. Owns running a statement; does not own any.

use florin_core::id::OrganisationId;
use jiff::Timestamp;
use sea_query::{Expr, ExprTrait, QueryStatementWriter, SelectStatement};
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Sqlite, SqliteConnection};
use sqlx::{Transaction, pool::PoolConnection};

use crate::{Backend, Error, Result, Row, dialect, writer::Lease};

/// Who changes records. Written to the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An API key, by id.
    Key(uuid::Uuid),
    /// A person at the command line.
    CommandLine,
    /// Florin itself: a job.
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(formatter, "key:{id}"),
            Self::CommandLine => formatter.write_str("command_line"),
            Self::System => formatter.write_str("system"),
        }
    }
}

/// For whom, by whom and when a transaction writes.
#[derive(Clone, Debug)]
pub struct Author {
    /// Owner of every row that the transaction sees.
    pub organisation: OrganisationId,
    /// Who writes.
    pub actor: Actor,
    /// The request, as the answer's `x-request-id` names it; empty outside a request.
    pub request_id: String,
    /// The instant written as `created_at` and `updated_at`, in whole microseconds.
    pub at: Timestamp,
}

/// A transaction, or a connection that only reads. Sees one organisation.
///
/// Dropping it undoes everything since it began.
#[derive(Debug)]
pub struct Tx {
    connection: Connection,
    organisation: OrganisationId,
    author: Option<Author>,
}

#[derive(Debug)]
enum Connection {
    SqliteRead(PoolConnection<Sqlite>),
    SqliteWrite(Lease),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

enum Driver<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Tx {
    pub(crate) fn sqlite_read(
        connection: PoolConnection<Sqlite>,
        organisation: OrganisationId,
    ) -> Self {
        Self {
            connection: Connection::SqliteRead(connection),
            organisation,
            author: None,
        }
    }

    pub(crate) fn postgres_read(
        connection: PoolConnection<Postgres>,
        organisation: OrganisationId,
    ) -> Self {
        Self {
            connection: Connection::PostgresRead(connection),
            organisation,
            author: None,
        }
    }

    pub(crate) fn sqlite_write(lease: Lease, author: Author) -> Self {
        let organisation = author.organisation;
        Self {
            connection: Connection::SqliteWrite(lease),
            organisation,
            author: Some(author),
        }
    }

    pub(crate) fn postgres_write(
        transaction: Transaction<'static, Postgres>,
        author: Author,
    ) -> Self {
        let organisation = author.organisation;
        let connection = Connection::PostgresWrite(transaction);
        Self {
            connection,
            organisation,
            author: Some(author),
        }
    }

    /// Which database serves.
    pub fn backend(&self) -> Backend {
        match &self.connection {
            Connection::SqliteRead(_) | Connection::SqliteWrite(_) => Backend::Sqlite,
            Connection::PostgresRead(_) | Connection::PostgresWrite(_) => Backend::Postgres,
        }
    }

    /// The organisation whose rows this transaction sees.
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Who writes, and when.
    ///
    /// # Errors
    /// [`Error::Database`] on a connection that only reads.
    pub fn author(&self) -> Result<&Author> {
        self.author.as_ref().ok_or_else(read_only)
    }

    /// The instant of this transaction's writes.
    ///
    /// # Errors
    /// [`Error::Database`] on a connection that only reads.
    pub fn at(&self) -> Result<Timestamp> {
        Ok(self.author()?.at)
    }

    /// A query over this organisation's rows of `table`.
    pub fn select(&self, table: &'static str) -> SelectStatement {
        let mut select = sea_query::Query::select();
        select.from(table);
        select.and_where(Expr::col((table, "organisation_id")).eq(self.organisation.0));
        select
    }

    /// Runs a statement that answers rows.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a unique constraint refuses, else [`Error::Database`].
    pub async fn fetch_all(&mut self, statement: &impl QueryStatementWriter) -> Result<Vec<Row>> {
        let (sql, values) = dialect::build(self.backend(), statement);
        Ok(match self.driver()? {
            Driver::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_sqlite(values)?);
                connection
                    .fetch_all(query)
                    .await?
                    .into_iter()
                    .map(Row::Sqlite)
                    .collect()
            }
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_postgres(values)?);
                connection
                    .fetch_all(query)
                    .await?
                    .into_iter()
                    .map(Row::Postgres)
                    .collect()
            }
        })
    }

    /// Runs a statement that answers at most one row.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn fetch_optional(
        &mut self,
        statement: &impl QueryStatementWriter,
    ) -> Result<Option<Row>> {
        let (sql, values) = dialect::build(self.backend(), statement);
        Ok(match self.driver()? {
            Driver::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_sqlite(values)?);
                connection.fetch_optional(query).await?.map(Row::Sqlite)
            }
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_postgres(values)?);
                connection.fetch_optional(query).await?.map(Row::Postgres)
            }
        })
    }

    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn execute(&mut self, statement: &impl QueryStatementWriter) -> Result<u64> {
        let (sql, values) = dialect::build(self.backend(), statement);
        Ok(match self.driver()? {
            Driver::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_sqlite(values)?);
                connection.execute(query).await?.rows_affected()
            }
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_postgres(values)?);
                connection.execute(query).await?.rows_affected()
            }
        })
    }

    /// Makes the changes durable. When it answers, they survive `kill -9`.
    ///
    /// # Errors
    /// Any failure of the commit; then nothing was changed.
    pub async fn commit(self) -> Result<()> {
        match self.connection {
            Connection::SqliteRead(_) | Connection::PostgresRead(_) => Ok(()),
            Connection::SqliteWrite(lease) => lease.commit().await,
            Connection::PostgresWrite(transaction) => Ok(transaction.commit().await?),
        }
    }

    fn driver(&mut self) -> Result<Driver<'_>> {
        Ok(match &mut self.connection {
            Connection::SqliteRead(connection) => Driver::Sqlite(connection),
            Connection::SqliteWrite(lease) => Driver::Sqlite(lease.connection()?),
            Connection::PostgresRead(connection) => Driver::Postgres(connection),
            Connection::PostgresWrite(transaction) => Driver::Postgres(transaction),
        })
    }
}

fn read_only() -> Error {
    Error::Database(sqlx::Error::Protocol(
        "a write on a connection that only reads".to_owned(),
    ))
}
