//! The one writer of a SQLite file: many requests, one commit, one fsync.
//!
//! Owns the write connection. A request borrows it inside a savepoint of its own, so that one request's
//! refusal undoes nothing of another's; when nobody waits any more (or the batch is full) the batch is
//! committed and every request in it is answered. Invariant: no request is answered before the commit
//! that contains it has been synced.

use sqlx::{Executor, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{Error, Result};

/// Requests that may share one commit. More would not make a sync cheaper, only the wait longer.
const BATCH_REQUESTS_MAX: usize = 128;
/// Requests that may wait for their turn; beyond it a caller waits for a place in the queue.
const QUEUE_MAX: usize = 4096;

type Acknowledgement = oneshot::Sender<Result<()>>;

/// Handle to the writer task.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<oneshot::Sender<Lease>>,
}

/// The write connection, lent to one request inside its savepoint.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Option<SqliteConnection>,
    home: mpsc::UnboundedSender<Returned>,
}

#[derive(Debug)]
struct Returned {
    connection: SqliteConnection,
    /// Present where the request wants its changes kept.
    keep: Option<Acknowledgement>,
}

impl Writer {
    /// Starts the task that owns `connection`; it ends when the last handle is gone.
    pub(crate) fn start(connection: SqliteConnection) -> Self {
        let (requests, waiting) = mpsc::channel(QUEUE_MAX);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the last handle to the database"
        )]
        tokio::spawn(serve(connection, waiting));
        Self { requests }
    }

    /// Waits for the write connection.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        let (turn, mine) = oneshot::channel();
        self.requests.send(turn).await.map_err(|_| Error::Busy)?;
        mine.await.map_err(|_| Error::Busy)
    }
}

impl Lease {
    /// The connection, for statements of this request.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.connection.as_mut().ok_or(Error::Busy)
    }

    /// Gives the connection back and waits until the changes are on the disk.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let (keep, kept) = oneshot::channel();
        self.give_back(Some(keep));
        kept.await.map_err(|_| Error::Busy)?
    }

    fn give_back(&mut self, keep: Option<Acknowledgement>) {
        if let Some(connection) = self.connection.take() {
            // The writer outlives every lease; if it is gone, so is the file.
            let _ = self.home.send(Returned { connection, keep });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.give_back(None);
    }
}

async fn serve(
    mut connection: SqliteConnection,
    mut waiting: mpsc::Receiver<oneshot::Sender<Lease>>,
) {
    while let Some(first) = waiting.recv().await {
        let mut batch = Batch {
            connection,
            acknowledgements: Vec::new(),
            failure: None,
        };
        batch.control(BEGIN).await;
        let mut next = Some(first);
        let mut served = 0;
        while let Some(turn) = next.take() {
            let Some((lent, is_kept)) = batch.lend(turn).await else {
                return;
            };
            batch = lent;
            served += 1;
            if batch.failure.is_none() && served < BATCH_REQUESTS_MAX {
                next = waiting.try_recv().ok();
            }
            batch.control(after(is_kept, next.is_some())).await;
        }
        connection = batch.finish().await;
    }
}

/// Begins a batch and its first request's savepoint.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT request";

/// What is said to SQLite after a request, in one message: the end of its savepoint, then the next one's
/// savepoint or the commit. The release fails if the engine itself rolled back (disk full, I/O error):
/// then nothing of the batch may be acknowledged.
fn after(is_kept: bool, has_next: bool) -> &'static str {
    match (is_kept, has_next) {
        (true, true) => "RELEASE request; SAVEPOINT request",
        (true, false) => "RELEASE request; COMMIT",
        (false, true) => "ROLLBACK TO request; RELEASE request; SAVEPOINT request",
        (false, false) => "ROLLBACK TO request; RELEASE request; COMMIT",
    }
}

struct Batch {
    connection: SqliteConnection,
    acknowledgements: Vec<Acknowledgement>,
    failure: Option<sqlx::Error>,
}

impl Batch {
    /// Runs statements of ours. After the first failure the whole batch is lost and says so.
    async fn control(&mut self, statements: &'static str) {
        if self.failure.is_some() {
            return;
        }
        let statements = sqlx::query(statements);
        self.failure = self.connection.execute(statements).await.err();
    }

    /// Lends the connection to one request, in its savepoint; answers whether it wants its changes kept.
    /// `None`: the connection is lost.
    async fn lend(mut self, turn: oneshot::Sender<Lease>) -> Option<(Self, bool)> {
        if self.failure.is_some() {
            return Some((self, false));
        }
        let Self {
            connection,
            acknowledgements,
            failure,
        } = self;
        let (home, mut returned) = mpsc::unbounded_channel();
        // A caller that stopped waiting drops the lease, which sends the connection home.
        let _ = turn.send(Lease {
            connection: Some(connection),
            home,
        });
        let Returned { connection, keep } = returned.recv().await?;
        let is_kept = keep.is_some();
        self = Self {
            connection,
            acknowledgements,
            failure,
        };
        self.acknowledgements.extend(keep);
        Some((self, is_kept))
    }

    /// Answers every request of the batch, which has been committed or has failed.
    async fn finish(mut self) -> SqliteConnection {
        if let Some(error) = &self.failure {
            tracing::error!(%error, "a batch of writes was lost; every request in it is refused");
            let _ = self.connection.execute("ROLLBACK").await;
        }
        for acknowledgement in self.acknowledgements {
            let outcome = match &self.failure {
                None => Ok(()),
                Some(_) => Err(Error::Busy),
            };
            // A caller that stopped waiting has no more use for the answer.
            let _ = acknowledgement.send(outcome);
        }
        self.connection
    }
}
