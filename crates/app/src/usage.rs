//! The port to usage events: keeping them, and answering metrics about them.
//!
//! Owns what an engine of usage is asked and how it refuses. Does not own how events are kept (the engine
//! that the binary wires in, or a naive one in tests), what a metric means ([`florin_core::usage`]), nor
//! which stream an organisation may see: callers build a [`Stream`] from a raw metric of theirs.

mod absent;
mod streams;

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use florin_core::{
    id::OrganisationId,
    raw_metric::RawMetric,
    usage::{
        Conditions, CustomerKeys, CustomerUsage, Event, EventProblem, Schema, UsageCustomer,
        UsageQuery,
    },
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub use absent::Absent;
pub use streams::Streams;

/// Events of one request at most.
pub const EVENTS_MAX: usize = 10_000;
/// Bytes of one request's events at most, after decompression.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Rows of a list of events at most.
pub const ROWS_MAX: usize = 1_000;

/// The events of one raw metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Whose events they are.
    pub organisation: OrganisationId,
    /// The raw metric, or a backfill that is not committed yet.
    pub id: Uuid,
    /// The table's name in SQL templates.
    pub api_slug: String,
    /// The fields of an event.
    pub schema: Arc<Schema>,
}

impl Stream {
    /// The stream of a raw metric.
    pub fn of(organisation: OrganisationId, metric: &RawMetric) -> Self {
        Self {
            organisation,
            id: metric.id,
            api_slug: metric.api_slug.clone(),
            schema: Arc::new(metric.schema.clone()),
        }
    }
}

/// How a body writes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, or an array of objects.
    Json,
    /// One JSON object a line; blank lines are passed over.
    JsonLines,
}

/// Events of one request: all of them are kept, or none.
#[derive(Clone, Debug)]
pub enum Batch<'b> {
    /// As a client sent them.
    Body(Format, &'b [u8]),
    /// Read from elsewhere, already checked against the stream's schema.
    Events(&'b [Event]),
}

/// The client's `Idempotency-Key` and the digest of the request that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key.
    pub key: String,
    /// Digest of path and body.
    pub fingerprint: Vec<u8>,
}

/// What was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Events of the request.
    pub events: u64,
    /// Whether they were kept before, under the same key, and nothing was kept now.
    pub is_repetition: bool,
}

/// Which rows of a stream are shown.
#[derive(Clone, Debug)]
pub struct RowsQuery {
    /// Which events: those for which all of these hold; none of them is all events.
    pub conditions: Vec<Conditions>,
    /// By which columns they are ordered (a path of the schema, or `_seq`), descending or not, nulls last;
    /// then by when they were received, the last first.
    pub order: Vec<(String, bool)>,
    /// Rows at most, [`ROWS_MAX`] being the most.
    pub limit: usize,
    /// Rows that are passed over.
    pub offset: usize,
}

/// One event as people see it: `_seq`, `_received_at`, `customer_id`, `timestamp`, `data.<field>`.
pub type EventRow = Map<String, Json>;

/// A metric in SQL: a Jinja template of one SELECT (DESIGN §5).
#[derive(Clone, Copy, Debug)]
pub struct SqlQuery<'q> {
    /// The template.
    pub template: &'q str,
    /// Whose tables it sees.
    pub organisation: OrganisationId,
    /// Every stream of the organisation; the template may read any of them by slug.
    pub streams: &'q [Stream],
}

/// What a SQL metric answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlColumns {
    /// Its columns and their types, in the words of raw metrics where one fits, else the engine's.
    pub columns: Vec<(String, String)>,
    /// Names of the dimension columns: all but `quantity`.
    pub dimensions: Vec<String>,
    /// Whether one query answers for all customers at once.
    pub is_set_at_a_time: bool,
}

/// A read-only table of records that SQL metrics may join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTable {
    /// Its name in SQL templates.
    pub name: String,
    /// Its columns and their types, as [`SqlColumns::columns`].
    pub columns: Vec<(String, String)>,
}

/// Why the engine refuses. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Events that do not fulfil their schema; every bad place is named.
    #[error("{} places of the events cannot be used", .0.len())]
    Events(Vec<EventProblem>),
    /// The body is no JSON, or not of the format that it claims.
    #[error("{message}")]
    Unreadable {
        /// What is wrong and where.
        message: String,
    },
    /// Too many events in one request.
    #[error("{EVENTS_MAX} events at most in one request: send several")]
    TooManyEvents,
    /// What was accepted is too far ahead of the table files.
    #[error("too many events wait to be written to table files: send again later")]
    Behind {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The key was used for another request in the last 24 hours.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The query cannot be run.
    #[error("{message}")]
    Query {
        /// What is wrong, in the engine's words.
        message: String,
        /// Line and column of the template, from 1, where the engine names them.
        position: Option<(u64, u64)>,
    },
    /// The query needs more than it may.
    #[error("{message}")]
    Limit {
        /// Which limit, and what to do.
        message: String,
    },
    /// A quantity does not fit a decimal.
    #[error("{message}")]
    Overflow {
        /// Whose.
        message: String,
    },
    /// The engine does not answer.
    #[error("usage is not available: {0}")]
    Unavailable(String),
}

/// An engine's outcome.
pub type UsageResult<T> = Result<T, UsageError>;

/// Keeps events and answers metrics. An acknowledged event is in every later answer.
#[async_trait]
pub trait Usage: Send + Sync {
    /// Keeps a batch; when it answers, the events survive `kill -9`. A repetition under the same key
    /// keeps nothing and answers as before.
    async fn ingest(
        &self,
        stream: &Stream,
        batch: Batch<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested>;

    /// What each of the customers used in `[period.start, period.end)`, in the order of their ids; as
    /// [`florin_core::usage::evaluate()`] answers.
    async fn measure(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        period: &Range<Timestamp>,
        customers: &CustomerKeys,
    ) -> UsageResult<Vec<CustomerUsage>>;

    /// What each of the customers used, by a SQL metric. Only rows of the exact period are seen.
    async fn measure_sql(
        &self,
        query: SqlQuery<'_>,
        period: &Range<Timestamp>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Vec<CustomerUsage>>;

    /// Whether a SQL metric can be run, and what it answers.
    async fn check_sql(&self, query: SqlQuery<'_>) -> UsageResult<SqlColumns>;

    /// The tables besides streams that SQL metrics may read.
    fn record_tables(&self) -> Vec<RecordTable>;

    /// Rows of a stream; of those that replace one another the last.
    async fn rows(&self, stream: &Stream, query: &RowsQuery) -> UsageResult<Vec<EventRow>>;
}
