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
        Backfill, Change, Conditions, Contribution, Correction, CustomerKeys, CustomerUsage, Event,
        EventProblem, Schema, Selection, UsageCustomer, UsageQuery, correction::CORRECTED_MAX,
    },
};
use florin_store::{Author, Tx};
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
    /// The raw metric.
    pub id: Uuid,
    /// The table's name in SQL templates.
    pub api_slug: String,
    /// The fields of an event.
    pub schema: Arc<Schema>,
    /// The stream as it would be with this backfill: events that are sent are the backfill's, and answers
    /// are those that there would be if it was committed now.
    pub backfill: Option<Staged>,
}

/// What a stream has to know of an open backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The backfill.
    pub id: Uuid,
    /// Its window.
    pub window: Range<Timestamp>,
    /// Events of the window up to this sequence go.
    pub replaces_up_to: u64,
}

impl Stream {
    /// The stream of a raw metric.
    pub fn of(organisation: OrganisationId, metric: &RawMetric) -> Self {
        Self {
            organisation,
            id: metric.id,
            api_slug: metric.api_slug.clone(),
            schema: Arc::new(metric.schema.clone()),
            backfill: None,
        }
    }

    /// This stream with a backfill.
    #[must_use]
    pub fn with(self, backfill: &Backfill) -> Self {
        let staged = Staged {
            id: backfill.id,
            window: backfill.window.clone(),
            replaces_up_to: backfill.replaces_up_to,
        };
        Self {
            backfill: Some(staged),
            ..self
        }
    }
}

/// A correction that is asked for.
#[derive(Clone, Debug)]
pub struct Correcting<'c> {
    /// Its id.
    pub id: Uuid,
    /// Which events.
    pub selection: &'c Selection,
    /// What becomes of them.
    pub change: &'c Change,
    /// Why.
    pub reason: &'c str,
    /// What was asked, as it was sent.
    pub request: &'c Json,
    /// Who asks, and when.
    pub author: Author,
}

/// What came of a correction.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    /// The correction.
    pub correction: Correction,
    /// Whether it was made before, under the same key, and nothing was changed now.
    pub is_repetition: bool,
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

/// What came to a stream above a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The newest sequence that they are up to.
    pub reached: u64,
    /// What came.
    pub arrived: Arrived,
}

/// What came to a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrived {
    /// Events and nothing else: what each adds to the metric, in the order of their sequences.
    Events(Vec<Contribution>),
    /// Something that changed earlier events, or events that replace others: what the metric answers is to be measured
    /// anew.
    Rewritten,
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
    /// A correction that is about no event.
    #[error("no event is like this: nothing was changed")]
    NothingSelected,
    /// A correction that is about too many events.
    #[error("a correction is of {CORRECTED_MAX} events at most: correct a part of the time first")]
    TooManySelected,
    /// Events or corrections that came meanwhile kept getting in the way.
    #[error("the events changed meanwhile: nothing was changed, send it again")]
    Contended,
    /// The backfill takes no more events.
    #[error("{message}")]
    BackfillClosed {
        /// Why.
        message: String,
    },
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

    /// A number that grows with every event and correction that an organisation has accepted: while it stands
    /// still, every metric answers as before.
    async fn accepted(&self, organisation: OrganisationId) -> UsageResult<u64>;

    /// What came to a stream above a sequence, as a metric that adds up counts it; quick where little came. Above the
    /// newest sequence nothing came, which tells that sequence.
    ///
    /// An engine that cannot tell says that everything is to be measured anew.
    async fn arrivals(
        &self,
        stream: &Stream,
        _query: &UsageQuery,
        above: u64,
    ) -> UsageResult<Arrivals> {
        let reached = self.accepted(stream.organisation).await?;
        let arrived = match above < reached {
            true => Arrived::Rewritten,
            false => Arrived::Events(Vec::new()),
        };
        Ok(Arrivals { reached, arrived })
    }

    /// Rows of a stream; of those that replace one another the last.
    async fn rows(&self, stream: &Stream, query: &RowsQuery) -> UsageResult<Vec<EventRow>>;

    /// How many events a selection is of, and what the first of them are, `rows_max` at most.
    async fn selected(
        &self,
        stream: &Stream,
        selection: &Selection,
        rows_max: usize,
    ) -> UsageResult<(u64, Vec<EventRow>)>;

    /// Makes a correction; when it answers, it survives `kill -9` and is in every later answer. A repetition
    /// under the same key changes nothing and answers as before.
    async fn correct(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Corrected>;

    /// Exchanges the window's events for those of the stream's open backfill; answers the backfill. One that
    /// is committed is answered as it is.
    async fn commit_backfill(&self, stream: &Stream, author: &Author) -> UsageResult<Backfill>;

    /// A connection that reads what is kept beside events: corrections and backfills.
    async fn read(&self, organisation: OrganisationId) -> UsageResult<Tx>;

    /// Begins a transaction that writes there.
    async fn begin(&self, author: Author) -> UsageResult<Tx>;
}
