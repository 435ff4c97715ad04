//! One transaction type for both databases. Owns running a statement; does not own any.

use florin_core::id::OrganisationId;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use sea_query::{Expr, ExprTrait, QueryStatementWriter, SelectStatement, Values};
use sqlx::{AssertSqlSafe, Either, Executor, PgConnection, Postgres, SqliteConnection};
use sqlx::{Transaction, pool::PoolConnection};
use uuid::Uuid;

use crate::{
    Backend, Batch, Error, Result, Row, batch::Outcome, dialect, readers::Lent, writer::Lease,
};

/// Who changes records. Written to the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An API key, by id.
    Key(Uuid),
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
    clock: Option<Uuid>,
}

#[derive(Debug)]
enum Connection {
    SqliteRead(Lent),
    SqliteWrite(Lease),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

enum Driver<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Tx {
    pub(crate) fn sqlite_read(lent: Lent, organisation: OrganisationId) -> Self {
        Self {
            connection: Connection::SqliteRead(lent),
            organisation,
            author: None,
            clock: None,
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
            clock: None,
        }
    }

    pub(crate) fn sqlite_write(lease: Lease, author: Author) -> Self {
        let organisation = author.organisation;
        Self {
            connection: Connection::SqliteWrite(lease),
            organisation,
            author: Some(author),
            clock: None,
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
            clock: None,
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

    /// Lets the writes that follow happen at another time, that of a test clock.
    pub fn move_to(&mut self, at: Timestamp) {
        if let Some(author) = &mut self.author {
            author.at = at;
        }
    }

    /// The test clock whose work this is.
    pub fn clock(&self) -> Option<Uuid> {
        self.clock
    }

    pub(crate) fn of_clock(mut self, clock: Option<Uuid>) -> Self {
        self.clock = clock;
        self
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
        let fetched = self.driver()?.fetch_all(sql, values).await;
        fetched.map_err(|error| self.failed(error))
    }

    /// Runs several queries and answers the rows of each.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn fetch_each<const N: usize>(
        &mut self,
        statements: [&SelectStatement; N],
    ) -> Result<[Vec<Row>; N]> {
        let mut batch = self.batch();
        for statement in statements {
            batch.add(statement);
        }
        let mut outcomes = self.run(batch).await?.into_iter();
        Ok(std::array::from_fn(|_| {
            outcomes.next().unwrap_or_default().rows
        }))
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
        let fetched = self.driver()?.fetch_optional(sql, values).await;
        fetched.map_err(|error| self.failed(error))
    }

    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn execute(&mut self, statement: &impl QueryStatementWriter) -> Result<u64> {
        let mut batch = self.batch();
        batch.add(statement);
        let outcomes = self.run(batch).await?;
        Ok(outcomes.iter().map(|outcome| outcome.changed).sum())
    }

    /// An empty batch for this transaction.
    pub fn batch(&self) -> Batch {
        Batch::new(self.backend())
    }

    /// Runs the statements of a batch in order and answers the outcome of each. The first that fails ends
    /// it; what ran before it is undone with the transaction.
    ///
    /// # Errors
    /// As [`Tx::fetch_all`].
    pub async fn run(&mut self, batch: Batch) -> Result<Vec<Outcome>> {
        let ran = match self.driver()? {
            Driver::Sqlite(connection) => run_together(connection, batch).await,
            Driver::Postgres(connection) => run_in_turn(connection, batch).await,
        };
        ran.map_err(|error| self.failed(error))
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
            Connection::SqliteRead(lent) => Driver::Sqlite(lent.connection()?),
            Connection::SqliteWrite(lease) => Driver::Sqlite(lease.connection()?),
            Connection::PostgresRead(connection) => Driver::Postgres(connection),
            Connection::PostgresWrite(transaction) => Driver::Postgres(transaction),
        })
    }

    fn failed(&mut self, error: sqlx::Error) -> Error {
        if let Connection::SqliteRead(lent) = &mut self.connection {
            lent.note(&error);
        }
        error.into()
    }
}

impl Driver<'_> {
    async fn fetch_all(self, sql: String, values: Values) -> sqlx::Result<Vec<Row>> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_with(sql, dialect::bind_sqlite(values)?);
                let rows = connection.fetch_all(query).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_with(sql, dialect::bind_postgres(values)?);
                let rows = connection.fetch_all(query).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    async fn fetch_optional(self, sql: String, values: Values) -> sqlx::Result<Option<Row>> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_with(sql, dialect::bind_sqlite(values)?);
                connection.fetch_optional(query).await?.map(Row::Sqlite)
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_with(sql, dialect::bind_postgres(values)?);
                connection.fetch_optional(query).await?.map(Row::Postgres)
            }
        })
    }
}

async fn run_together(
    connection: &mut SqliteConnection,
    batch: Batch,
) -> sqlx::Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let (sql, values) = batch.into_text();
    let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_sqlite(values)?);
    let mut steps = connection.fetch_many(query);
    let mut rows = Vec::new();
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Right(row) => rows.push(Row::Sqlite(row)),
            Either::Left(done) => outcomes.push(Outcome {
                rows: std::mem::take(&mut rows),
                changed: done.rows_affected(),
            }),
        }
    }
    Ok(outcomes)
}

async fn run_in_turn(connection: &mut PgConnection, batch: Batch) -> sqlx::Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for (sql, values) in batch.into_statements() {
        let query = sqlx::query_with(AssertSqlSafe(sql), dialect::bind_postgres(values)?);
        let mut steps = (&mut *connection).fetch_many(query);
        let mut outcome = Outcome::default();
        while let Some(step) = steps.try_next().await? {
            match step {
                Either::Right(row) => outcome.rows.push(Row::Postgres(row)),
                Either::Left(done) => outcome.changed += done.rows_affected(),
            }
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn read_only() -> Error {
    Error::Database(sqlx::Error::Protocol(
        "a write on a connection that only reads".to_owned(),
    ))
}
