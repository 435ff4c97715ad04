//! The engine: what stands behind the port.
//!
//! Owns the pieces that last (inbox, table files, streams) and the tasks that run beside requests. Does
//! not own how any of them works.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arrow::array::RecordBatch;
use datafusion::{catalog::TableProvider, execution::object_store::ObjectStoreUrl};
use florin_app::{
    Clock, Ids,
    usage::{Batch, IdempotencyKey, Ingested, Stream, UsageResult},
};
use florin_core::id::OrganisationId;
use florin_store::{
    Backend, Db, usage_backfill,
    usage_inbox::{self, StreamId},
};
use jiff::SignedDuration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::{
    backfill,
    backlog::{Backlog, BacklogLimit},
    caught::caught,
    compact::{self, Extent},
    decode,
    error::unavailable,
    faults, flush,
    inbox::{self, Layer},
    ingest::{self, Request},
    objects::{Objects, Place},
    scan,
    session::{Limits, Queries},
    stream::{Reading, StreamState},
    unique::Identity,
};

/// KiB of bodies that are read and kept at a time; beyond it a sender waits for its turn.
const BODIES_KIB: usize = 256 * 1024;
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
    /// What may wait for its table file.
    pub backlog: BacklogLimit,
}

/// The engine behind [`florin_app::usage::Usage`]. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
    requests: mpsc::Sender<Request>,
    /// Room for bodies that are being read and kept.
    bodies: Arc<Semaphore>,
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
    pub(crate) backlog: Backlog,
    streams: Mutex<HashMap<StreamId, Arc<StreamState>>>,
}

/// A stream as a query finds it.
pub(crate) struct Opened {
    /// Its events.
    pub(crate) table: Arc<dyn TableProvider>,
    /// What came up to this sequence is in it.
    pub(crate) reached: i64,
    /// As long as it is held, nobody of this process removes from the inbox what came later.
    _reading: Reading,
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

    /// Forgets a stream that is no more.
    pub(crate) fn forget(&self, id: StreamId) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(&id);
    }

    pub(crate) fn nobody(&self) -> OrganisationId {
        OrganisationId(Uuid::nil())
    }

    pub(crate) fn backlog_grew(&self, events: i64, bytes: i64) {
        self.backlog.change(events, bytes);
    }

    pub(crate) fn backlog_shrank(&self, events: i64, bytes: i64) {
        self.backlog.change(-events, -bytes);
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
        let metric = self.raw_metric_of(id).await?;
        let metric = florin_store::raw_metric::find(&mut tx, metric).await;
        let metric = metric.map_err(unavailable)?;
        Ok(metric
            .map(|metric| metric.schema.unique_by_paths())
            .unwrap_or_default())
    }

    /// The raw metric whose events a stream holds: its own, or those of a backfill of it.
    async fn raw_metric_of(&self, id: StreamId) -> UsageResult<Uuid> {
        let mut tx = flush::read(self, id).await?;
        let backfill = usage_backfill::find(&mut tx, id.stream).await;
        let backfill = backfill.map_err(unavailable)?;
        Ok(backfill.map_or(id.stream, |backfill| backfill.raw_metric_id))
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
            backlog,
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
            backlog: Backlog::new(backlog),
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
        let bodies = Arc::new(Semaphore::new(BODIES_KIB));
        let engine = Self {
            parts,
            requests,
            bodies,
        };
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
                    report("look for events that wait", self.find_left_behind()).await;
                    report("forget keys", flush::forget_keys(&self.parts)).await;
                }
            }
        }
    }

    async fn flush_due(&self) {
        self.parts.backlog.show();
        for stream in self.parts.streams() {
            let now = self.parts.clock.now();
            if flush::is_due(stream.waiting(), self.parts.pace, now) {
                report("flush", flush::flush(&self.parts, &stream)).await;
                report("clean", flush::clean(&self.parts, &stream)).await;
            }
        }
    }

    async fn compact_for_ever(&self) {
        let mut looks = looks(self.parts.pace.compaction);
        for look in 1_u64.. {
            looks.tick().await;
            for stream in self.parts.streams() {
                report(
                    "compact",
                    compact::compact(&self.parts, &stream, Extent::Due),
                )
                .await;
                if look.is_multiple_of(VACUUM_LOOKS) {
                    report("vacuum", self.vacuum(stream.id)).await;
                }
                report("clean", flush::clean(&self.parts, &stream)).await;
            }
            if look.is_multiple_of(VACUUM_LOOKS) {
                report("drop backfills", backfill::drop_closed(&self.parts)).await;
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
        for stream in usage_inbox::progress(&mut tx).await.map_err(unavailable)? {
            // Also without events that wait: a table is compacted as long as it is there.
            parts.stream(stream.id);
        }
        let (mut events, mut bytes) = (0, 0);
        for waiting in usage_inbox::waiting(&mut tx).await.map_err(unavailable)? {
            events += waiting.events;
            bytes += waiting.bytes;
            let state = parts.stream(waiting.id);
            if state.waiting().events == 0 {
                // A row without events takes some out, which is to be flushed as well.
                let size = usize::try_from(waiting.bytes).unwrap_or_default();
                state.accepted(waiting.events.max(1), size, parts.clock.now());
            }
        }
        parts.backlog.set(events, bytes);
        Ok(())
    }

    /// How many events the streams of an organisation have accepted.
    ///
    /// # Errors
    /// [`UsageError::Unavailable`].
    pub(crate) async fn accepted_by(&self, organisation: OrganisationId) -> UsageResult<u64> {
        let parts = &self.parts;
        let tx = parts.inbox.read(parts.nobody()).await;
        let mut tx = tx.map_err(unavailable)?;
        let accepted = usage_inbox::accepted(&mut tx, organisation).await;
        Ok(u64::try_from(accepted.map_err(unavailable)?).unwrap_or_default())
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
        self.parts.backlog.events()
    }

    /// Forgets the tables of backfills that were closed a day ago; answers how many.
    ///
    /// # Errors
    /// [`UsageError::Unavailable`].
    pub async fn drop_backfills(&self) -> UsageResult<usize> {
        backfill::drop_closed(&self.parts).await
    }

    /// Keeps a batch.
    pub(crate) async fn accept(
        &self,
        stream: &Stream,
        batch: Batch<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested> {
        if self.parts.backlog.check().is_err() {
            // Another process may have flushed meanwhile.
            self.find_left_behind().await?;
        }
        self.parts.backlog.check()?;
        let size = match &batch {
            Batch::Body(_, bytes) => bytes.len(),
            Batch::Events(events) => size_of_val(*events),
        };
        let kibibytes = (size / 1024 + 1).min(BODIES_KIB);
        let room = self.bodies.acquire_many(kibibytes as u32).await;
        let _room = room.map_err(unavailable)?;
        let events: RecordBatch = match batch {
            Batch::Body(format, bytes) => decode::body(&stream.schema, format, bytes)?,
            Batch::Events(events) => decode::events_batch(&stream.schema, events)?,
        };
        let mut id = id_of(stream);
        if let Some(staged) = &stream.backfill {
            backfill::check_window(staged, &events)?;
            id = backfill::staging(stream, staged);
        }
        faults::point("ingest_decoded");
        let (answer, kept) = oneshot::channel();
        let request = Request {
            id,
            events,
            key: key.cloned(),
            staged_max: stream
                .backfill
                .as_ref()
                .map(|_| backfill::staged_max(stream)),
            answer,
        };
        let sent = self.requests.send(request).await;
        sent.map_err(|_| unavailable("the engine is shut down"))?;
        kept.await
            .map_err(|_| unavailable("the engine is shut down"))?
    }

    /// The stream's events for one query.
    pub(crate) async fn events(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>> {
        Ok(self.opened(stream).await?.table)
    }

    /// The stream's events: what is in table files, and what waits in the inbox; with the backfill that it is
    /// asked with, as if that was committed now.
    pub(crate) async fn opened(&self, stream: &Stream) -> UsageResult<Opened> {
        let (reading, mut layers, reached) = self.layers(stream, id_of(stream)).await?;
        if let Some(staged) = &stream.backfill {
            let events = self.staged(stream, staged.id).await?;
            layers.push(scan::Layer::Backfill {
                events,
                shift: reached,
                removals: backfill::removals(staged),
            });
        }
        Ok(Opened {
            table: scan::events(stream, &reading.files, layers)?,
            reached,
            _reading: reading,
        })
    }

    /// A version of a table, what came after it, and the sequence that both reach.
    async fn layers(
        &self,
        stream: &Stream,
        id: StreamId,
    ) -> UsageResult<(Reading, Vec<scan::Layer>, i64)> {
        let (reading, known, reached) = self.read_layers(id).await?;
        let mut layers = Vec::with_capacity(known.len());
        for layer in known {
            layers.push(match layer {
                Layer::Events { batches, removals } => scan::Layer::Events { batches, removals },
                Layer::Backfill {
                    id,
                    shift,
                    removals,
                } => scan::Layer::Backfill {
                    events: self.staged(stream, id).await?,
                    shift,
                    removals,
                },
            });
        }
        Ok((reading, layers, reached))
    }

    /// The events of a backfill. They have none of another one among them.
    async fn staged(&self, stream: &Stream, backfill: Uuid) -> UsageResult<Arc<dyn TableProvider>> {
        let id = StreamId {
            organisation: stream.organisation,
            stream: backfill,
        };
        let (reading, known, _) = self.read_layers(id).await?;
        let layers = known.into_iter().filter_map(|layer| match layer {
            Layer::Events { batches, removals } => Some(scan::Layer::Events { batches, removals }),
            Layer::Backfill { .. } => None,
        });
        scan::events(stream, &reading.files, layers.collect())
    }

    async fn read_layers(&self, id: StreamId) -> UsageResult<(Reading, Vec<Layer>, i64)> {
        let parts = &self.parts;
        // Until the inbox is read, nobody removes from it what this version of the table lacks.
        let state = parts.stream(id);
        let reading = state.read(&parts.objects, parts.is_shared()).await?;
        let above = reading.files.last_sequence;
        let rows = {
            let mut tx = flush::read(parts, id).await?;
            let rows = usage_inbox::read(&mut tx, id, above, (i64::MAX, usize::MAX)).await;
            rows.map_err(unavailable)?
        };
        let reached = rows.last().map_or(above, usage_inbox::Batch::last_sequence);
        let known = reading.files.columns.clone();
        let layers = flush::blocking(move || inbox::layers(&rows, known.as_ref())).await?;
        Ok((reading, layers, reached))
    }
}

/// The id under which the raw metric's own events are kept.
pub(crate) fn id_of(stream: &Stream) -> StreamId {
    StreamId {
        organisation: stream.organisation,
        stream: stream.id,
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

/// Does a piece of work that is done again later. Neither an error nor a panic of it ends the task.
async fn report<T>(what: &str, work: impl Future<Output = UsageResult<T>>) {
    if let Err(error) = caught(work).await {
        tracing::error!(%error, "{what} failed and will be tried again");
    }
}
