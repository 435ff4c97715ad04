//! Opening a database. Owns its connections; does not own what is read or written.

use std::{str::FromStr, time::Duration};

use florin_core::id::OrganisationId;
use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use crate::{
    Author, Backend, Error, Result, Tx, dialect,
    migrate::{self, Tables},
    readers::Readers,
    writer::Writer,
};

/// How long a request waits for a connection before it is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a PostgreSQL connection that nobody used is taken for alive without asking the server.
const UNTESTED_FOR: Duration = Duration::from_secs(1);
/// How long SQLite waits for another process's write (the command line beside a server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Page cache of a SQLite connection, in KiB.
const SQLITE_CACHE_KIB: u32 = 16 * 1024;

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:` and a file name, or a `postgres:` URL.
    pub url: String,
    /// Connections at most (readers, for SQLite, which has one writer besides).
    pub connections_max: u32,
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    engine: Engine,
    clock: Option<Uuid>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite { readers: Readers, writer: Writer },
    Postgres(PgPool),
}

impl Db {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// [`Error::UnknownScheme`], [`Error::Migration`], or what the driver says.
    pub async fn open(options: &Options) -> Result<Self> {
        Self::open_with(options, Tables::Records).await
    }

    /// Opens the database of usage, as [`Db::open`]: on SQLite a file of its own, so that events and
    /// records do not wait for each other; on PostgreSQL the same database.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_usage(options: &Options) -> Result<Self> {
        Self::open_with(options, Tables::Usage).await
    }

    async fn open_with(options: &Options, tables: Tables) -> Result<Self> {
        let scheme = options.url.split(':').next().unwrap_or_default();
        let engine = match scheme {
            "sqlite" => open_sqlite(options, tables).await?,
            "postgres" | "postgresql" => open_postgres(options, tables).await?,
            other => {
                return Err(Error::UnknownScheme {
                    scheme: other.to_owned(),
                });
            }
        };
        Ok(Self {
            engine,
            clock: None,
        })
    }

    /// The same database for the work of a test clock: jobs see the contracts of those who live by it, and of
    /// nobody else. Without a clock they see those of everybody who lives by none.
    #[must_use]
    pub fn of_clock(&self, clock: Uuid) -> Self {
        Self {
            engine: self.engine.clone(),
            clock: Some(clock),
        }
    }

    /// The test clock whose work it is for.
    pub fn clock(&self) -> Option<Uuid> {
        self.clock
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        match self.engine {
            Engine::Sqlite { .. } => Backend::Sqlite,
            Engine::Postgres(_) => Backend::Postgres,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What the driver says where it does not.
    pub async fn ping(&self) -> Result<()> {
        let statement = sea_query::Query::select()
            .expr(sea_query::Expr::val(1))
            .to_owned();
        self.read(OrganisationId(Uuid::nil()))
            .await?
            .fetch_optional(&statement)
            .await?;
        Ok(())
    }

    /// A connection for reading one organisation's rows. Each statement sees the newest commit.
    ///
    /// # Errors
    /// [`Error::Busy`] where none became free in time.
    pub async fn read(&self, organisation: OrganisationId) -> Result<Tx> {
        let tx = match &self.engine {
            Engine::Sqlite { readers, .. } => {
                let lent = tokio::time::timeout(ACQUIRE_TIMEOUT, readers.lend())
                    .await
                    .map_err(|_| Error::Busy)??;
                Tx::sqlite_read(lent, organisation)
            }
            Engine::Postgres(pool) => Tx::postgres_read(pool.acquire().await?, organisation),
        };
        Ok(tx.of_clock(self.clock))
    }

    /// Begins a transaction that writes. Do nothing but statements until it is committed: on SQLite
    /// every other writer waits.
    ///
    /// # Errors
    /// [`Error::Busy`] where the turn did not come in time.
    pub async fn begin(&self, author: Author) -> Result<Tx> {
        let tx = match &self.engine {
            Engine::Sqlite { writer, .. } => {
                let lease = tokio::time::timeout(ACQUIRE_TIMEOUT, writer.lease())
                    .await
                    .map_err(|_| Error::Busy)??;
                Tx::sqlite_write(lease, author)
            }
            Engine::Postgres(pool) => Tx::postgres_write(pool.begin().await?, author),
        };
        Ok(tx.of_clock(self.clock))
    }

    /// Waits for readers to finish and closes the files.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { readers, .. } => readers.close().await,
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(options: &Options, tables: Tables) -> Result<Engine> {
    let connect = SqliteConnectOptions::from_str(&options.url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", format!("-{SQLITE_CACHE_KIB}"))
        .statement_cache_capacity(512)
        .collation(dialect::DECIMAL_COLLATION, dialect::compare_decimals);
    let mut connection = connect.connect().await?;
    migrate::sqlite(&mut connection, tables).await?;
    let connect = connect.pragma("query_only", "on");
    Ok(Engine::Sqlite {
        readers: Readers::new(connect, options.connections_max),
        writer: Writer::start(connection),
    })
}

async fn open_postgres(options: &Options, tables: Tables) -> Result<Engine> {
    let connect = PgConnectOptions::from_str(&options.url)?
        .statement_cache_capacity(512)
        .options([("timezone", "UTC")]);
    // A pool keeps asking an absent server until its time is over, and then only says that it is busy.
    connect.connect().await?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, of| {
            Box::pin(
                async move { Ok(of.idle_for < UNTESTED_FOR || connection.ping().await.is_ok()) },
            )
        })
        .connect_with(connect)
        .await?;
    migrate::postgres(&pool, tables).await?;
    Ok(Engine::Postgres(pool))
}
