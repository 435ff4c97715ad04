//! The engine: what stands behind the port.
//!
//! Owns the pieces that last (inbox, table files, streams) and the tasks that run beside requests. Does
//! not own how any of them works.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arrow::array::RecordBatch;
use datafusion::{catalog::TableProvider, execution::object_store::ObjectStoreUrl};
use florin_app::{
    Clock, Ids,
    usage::{Batch, IdempotencyKey, Ingested, Stream, UsageError, UsageResult},
};
use florin_core::id::OrganisationId;
use florin_store::{
    Backend, Db,
    usage_inbox::{self, StreamId},
};
use jiff::SignedDuration;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    compact::{self, Extent},
    decode,
    error::unavailable,
    faults, flush, inbox,
    ingest::{self, Request},
    objects::{Objects, Place},
    scan,
    session::{Limits, Queries},
    stream::StreamState,
    unique::Identity,
};

/// Accepted events that may wait for their table file. Beyond it senders are told to wait: a query
/// has all of them in memory.
const BACKLOG_MAX: i64 = 2_000_000;
/// When a sender that was told to wait tries again.
const RETRY_AFTER_SECONDS: u32 = 2;
/// How long a reader of another node may need the inbox after a flush; queries end before.
const INBOX_GRACE: SignedDuration = SignedDuration::from_secs(60);
/// How long a replaced file is kept for readers outside of Florin.
const VACUUM_HOURS: i64 = 24;
/// Looks at compaction between two vacuums: six hours at the usual pace.
const VACUUM_LOOKS: u64 = 6 * 360;

/// How often the engine looks at what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at what is to be flushed.
    pub flush: Duration,
    /// A stream that was silent for so long is flushed.
    pub silence: SignedDuration,
    /// An event waits no longer than this for its table file.
    pub age: SignedDuration,
    /// A node that died in a flush loses its claim after this. If it only was slow, the log refuses it.
    pub claim: SignedDuration,
    /// Between two looks at what is to be compacted.
    pub compaction: Duration,
    /// Between two looks at what other nodes have left behind.
    pub left_behind: Duration,
}

impl Pace {
    /// In production.
    pub const USUAL: Self = Self {
        flush: Duration::from_millis(200),
        silence: SignedDuration::from_secs(2),
        age: SignedDuration::from_secs(60),
        claim: SignedDuration::from_secs(60),
        compaction: Duration::from_secs(10),
        left_behind: Duration::from_secs(30),
    };
    /// For tests that wait for a flush or a compaction.
    pub const HASTY: Self = Self {
        flush: Duration::from_millis(10),
        silence: SignedDuration::from_millis(10),
        age: SignedDuration::from_millis(50),
        claim: SignedDuration::from_secs(2),
        compaction: Duration::from_millis(50),
        left_behind: Duration::from_millis(200),
    };
}

/// What the engine is made of.
pub struct Options {
    /// The database of the inbox, opened with [`Db::open_usage`].
    pub inbox: Db,
    /// The database of records: raw metrics, customers.
    pub records: Db,
    /// Where table files are.
    pub place: Place,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How often there is a look at what is to be done.
    pub pace: Pace,
}

/// The engine behind [`florin_app::usage::Usage`]. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
    requests: mpsc::Sender<Request>,
}

/// What every task of the engine needs.
pub(crate) struct Parts {
    pub(crate) inbox: Db,
    pub(crate) records: Db,
    pub(crate) objects: Objects,
    pub(crate) queries: Queries,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// This process among all that share the inbox.
    pub(crate) node: Uuid,
    pub(crate) pace: Pace,
    streams: Mutex<HashMap<StreamId, Arc<StreamState>>>,
    backlog: AtomicI64,
}

impl Parts {
    /// The stream's state in this process.
    pub(crate) fn stream(&self, id: StreamId) -> Arc<StreamState> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let state = streams.entry(id);
        Arc::clone(state.or_insert_with(|| Arc::new(StreamState::new(id))))
    }

    fn streams(&self) -> Vec<Arc<StreamState>> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.values().cloned().collect()
    }

    pub(crate) fn nobody(&self) -> OrganisationId {
        OrganisationId(Uuid::nil())
    }

    pub(crate) fn backlog_grew(&self, events: i64) {
        self.backlog.fetch_add(events, Ordering::Relaxed);
        self.show_backlog();
    }

    pub(crate) fn backlog_shrank(&self, events: i64) {
        self.backlog.fetch_sub(events, Ordering::Relaxed);
        self.show_backlog();
    }

    fn show_backlog(&self) {
        let backlog = self.backlog.load(Ordering::Relaxed);
        metrics::gauge!("florin_usage_backlog_events").set(backlog as f64);
    }

    /// Whether other processes may write the same tables.
    pub(crate) fn is_shared(&self) -> bool {
        self.inbox.backend() == Backend::Postgres
    }

    /// How long inbox rows stay after they were flushed. One process alone knows all its readers.
    pub(crate) fn inbox_grace(&self) -> SignedDuration {
        match self.is_shared() {
            true => INBOX_GRACE,
            false => SignedDuration::ZERO,
        }
    }

    /// The columns that identify an event of the stream.
    pub(crate) async fn identity(&self, id: StreamId) -> UsageResult<Identity> {
        let mut tx = self
            .records
            .read(id.organisation)
            .await
            .map_err(unavailable)?;
        let metric = florin_store::raw_metric::find(&mut tx, id.stream).await;
        let metric = metric.map_err(unavailable)?;
        Ok(metric
            .map(|metric| metric.schema.unique_by_paths())
            .unwrap_or_default())
    }
}

impl Engine {
    /// Opens the engine and begins to accept events; [`Engine::run`] flushes them.
    ///
    /// # Errors
    /// A place that cannot be opened, or a database that does not answer.
    pub async fn open(options: Options) -> UsageResult<Self> {
        let Options {
            inbox,
            records,
            place,
            clock,
            ids,
            pace,
        } = options;
        let objects = Objects::open(&place)?;
        let queries = Queries::new(Limits::default())?;
        let files = ObjectStoreUrl::parse(scan::STORE).map_err(unavailable)?;
        queries.reach(&files, Arc::clone(&objects.store));
        let parts = Arc::new(Parts {
            objects,
            queries,
            node: ids.next(),
            streams: Mutex::default(),
            backlog: AtomicI64::new(0),
            inbox,
            records,
            clock,
            ids,
            pace,
        });
        let (requests, waiting) = mpsc::channel(ingest::QUEUE_MAX);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the last handle to the engine"
        )]
        tokio::spawn(ingest::serve(Arc::clone(&parts), waiting));
        let engine = Self { parts, requests };
        engine.find_left_behind().await?;
        Ok(engine)
    }

    /// Flushes and compacts until `stop` is ready. A flush that runs then is finished; what is not flushed is
    /// safe in the inbox.
    ///
    /// Problems are logged and tried again.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = self.flush_until(stop) => {}
            () = self.compact_for_ever() => {}
        }
    }

    async fn flush_until(&self, stop: impl Future<Output = ()> + Send) {
        let pace = self.parts.pace;
        let mut looks = looks(pace.flush);
        let mut left_behind = looks_after(pace.left_behind);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = looks.tick() => self.flush_due().await,
                _ = left_behind.tick() => {
                    report("look for events that wait", self.find_left_behind().await);
                    report("forget keys", flush::forget_keys(&self.parts).await);
                }
            }
        }
    }

    async fn flush_due(&self) {
        self.parts.show_backlog();
        for stream in self.parts.streams() {
            let now = self.parts.clock.now();
            if flush::is_due(stream.waiting(), self.parts.pace, now) {
                report("flush", flush::flush(&self.parts, &stream).await);
                report(
                    "clean",
                    flush::clean(&self.parts, &stream).await.map(|_| ()),
                );
            }
        }
    }

    async fn compact_for_ever(&self) {
        let mut looks = looks(self.parts.pace.compaction);
        for look in 1_u64.. {
            looks.tick().await;
            for stream in self.parts.streams() {
                let compacted = compact::compact(&self.parts, &stream, Extent::Due).await;
                report("compact", compacted.map(|_| ()));
                if look.is_multiple_of(VACUUM_LOOKS) {
                    report("vacuum", self.vacuum(stream.id).await.map(|_| ()));
                }
                report(
                    "clean",
                    flush::clean(&self.parts, &stream).await.map(|_| ()),
                );
            }
        }
    }

    /// Notes what waits in the inbox, also from before this process or from nodes that are gone.
    async fn find_left_behind(&self) -> UsageResult<()> {
        let parts = &self.parts;
        let mut tx = parts
            .inbox
            .read(parts.nobody())
            .await
            .map_err(unavailable)?;
        let progress = usage_inbox::progress(&mut tx).await.map_err(unavailable)?;
        let mut backlog = 0;
        for stream in progress {
            let waiting = stream.accepted - stream.flushed;
            backlog += waiting;
            let state = parts.stream(stream.id);
            if waiting > 0 && state.waiting().events == 0 {
                state.accepted(waiting, 0, parts.clock.now());
            }
        }
        parts.backlog.store(backlog, Ordering::Relaxed);
        parts.show_backlog();
        Ok(())
    }

    /// Flushes everything that has been accepted.
    ///
    /// # Errors
    /// [`UsageError::Unavailable`].
    pub async fn flush(&self) -> UsageResult<()> {
        self.find_left_behind().await?;
        for stream in self.parts.streams() {
            flush::flush(&self.parts, &stream).await?;
            flush::clean(&self.parts, &stream).await?;
        }
        Ok(())
    }

    /// Compacts every stream of an organisation.
    ///
    /// # Errors
    /// [`UsageError::Unavailable`].
    pub async fn compact(
        &self,
        organisation: OrganisationId,
        extent: Extent,
    ) -> UsageResult<usize> {
        let mut replaced = 0;
        for stream in self.parts.streams() {
            if stream.id.organisation == organisation {
                replaced += compact::compact(&self.parts, &stream, extent).await?;
            }
        }
        Ok(replaced)
    }

    /// Removes the stream's files that were replaced long ago; answers how many.
    ///
    /// # Errors
    /// [`UsageError::Unavailable`].
    pub async fn vacuum(&self, id: StreamId) -> UsageResult<usize> {
        let stream = self.parts.stream(id);
        let mut table = stream.change(&self.parts.objects).await?;
        match table.as_mut() {
            Some(table) => table.vacuum(VACUUM_HOURS).await,
            None => Ok(0),
        }
    }

    /// Events that wait for their table file.
    pub fn backlog(&self) -> i64 {
        self.parts.backlog.load(Ordering::Relaxed)
    }

    /// Keeps a batch.
    pub(crate) async fn accept(
        &self,
        stream: &Stream,
        batch: Batch<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested> {
        if self.backlog() > BACKLOG_MAX {
            // Another process may have flushed meanwhile.
            self.find_left_behind().await?;
        }
        if self.backlog() > BACKLOG_MAX {
            return Err(UsageError::Behind {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            });
        }
        let events: RecordBatch = match batch {
            Batch::Body(format, bytes) => decode::body(&stream.schema, format, bytes)?,
            Batch::Events(events) => decode::events_batch(&stream.schema, events)?,
        };
        faults::point("ingest_decoded");
        let id = StreamId {
            organisation: stream.organisation,
            stream: stream.id,
        };
        let (answer, kept) = oneshot::channel();
        let request = Request {
            id,
            events,
            key: key.cloned(),
            answer,
        };
        let sent = self.requests.send(request).await;
        sent.map_err(|_| unavailable("the engine is shut down"))?;
        kept.await
            .map_err(|_| unavailable("the engine is shut down"))?
    }

    /// The stream's events for one query: what is in table files, and what waits in the inbox.
    pub(crate) async fn events(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>> {
        let parts = &self.parts;
        let id = StreamId {
            organisation: stream.organisation,
            stream: stream.id,
        };
        // Until the inbox is read, nobody removes from it what this version of the table lacks.
        let state = parts.stream(id);
        let reading = state.read(&parts.objects, parts.is_shared()).await?;
        let above = reading.files.last_sequence;
        let rows = {
            let mut tx = flush::read(parts, id).await?;
            let rows = usage_inbox::read(&mut tx, id, above, (i64::MAX, usize::MAX)).await;
            rows.map_err(unavailable)?
        };
        let known = reading.files.columns.clone();
        let inbox = flush::blocking(move || inbox::events(&rows, known.as_ref())).await?;
        scan::events(stream, &reading.files, &inbox)
    }
}

fn looks(every: Duration) -> tokio::time::Interval {
    let mut looks = tokio::time::interval(every);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    looks
}

/// As [`looks`], the first one not at once.
fn looks_after(every: Duration) -> tokio::time::Interval {
    let mut looks = looks(every);
    looks.reset();
    looks
}

fn report(what: &str, outcome: UsageResult<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "{what} failed and will be tried again");
    }
}
