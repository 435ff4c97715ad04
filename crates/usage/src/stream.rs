//! A stream in this process: its table, who reads it, and what waits to be flushed.
//!
//! Invariant: an inbox row goes only when no reader of this process began before the table held it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use florin_app::usage::UsageError;
use florin_store::usage_inbox::StreamId;
use jiff::Timestamp;

use crate::{
    objects::Objects,
    table::{Files, Table},
};

/// A stream.
#[derive(Debug)]
pub(crate) struct StreamState {
    pub(crate) id: StreamId,
    /// The table; the lock is held by whoever changes it.
    table: tokio::sync::Mutex<Option<Table>>,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The newest known version of the table; `None` before it was looked for.
    files: Option<Arc<Files>>,
    /// Sequences at which the tables of present readers end.
    readers: BTreeMap<u64, i64>,
    next_reader: u64,
    waiting: Waiting,
}

/// What this process has accepted since the last flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Events.
    pub(crate) events: i64,
    /// Their bytes in the inbox.
    pub(crate) bytes: usize,
    /// When the first and the last of them were accepted.
    pub(crate) since: Option<(Timestamp, Timestamp)>,
}

/// A version of a table that is being read.
#[derive(Debug)]
pub(crate) struct Reading {
    state: Arc<StreamState>,
    reader: u64,
    /// The version.
    pub(crate) files: Arc<Files>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.state.shared().readers.remove(&self.reader);
    }
}

impl StreamState {
    pub(crate) fn new(id: StreamId) -> Self {
        Self {
            id,
            table: tokio::sync::Mutex::new(None),
            shared: Mutex::default(),
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read. `is_fresh`: other nodes may have committed since, so the log is looked at.
    pub(crate) async fn read(
        self: &Arc<Self>,
        objects: &Objects,
        is_fresh: bool,
    ) -> Result<Reading, UsageError> {
        let is_known = self.shared().files.is_some();
        if is_fresh || !is_known {
            let mut table = self.table.lock().await;
            self.load(&mut table, objects).await?;
        }
        let mut shared = self.shared();
        let files = shared.files.clone().unwrap_or_default();
        shared.next_reader += 1;
        let reader = shared.next_reader;
        shared.readers.insert(reader, files.last_sequence);
        drop(shared);
        let state = Arc::clone(self);
        Ok(Reading {
            state,
            reader,
            files,
        })
    }

    /// The table for a change, as new as it can be. Nobody else changes it until the guard is dropped.
    pub(crate) async fn change(
        &self,
        objects: &Objects,
    ) -> Result<tokio::sync::MutexGuard<'_, Option<Table>>, UsageError> {
        let mut table = self.table.lock().await;
        self.load(&mut table, objects).await?;
        Ok(table)
    }

    async fn load(&self, table: &mut Option<Table>, objects: &Objects) -> Result<(), UsageError> {
        match table {
            Some(table) => table.refresh().await?,
            None => *table = Table::open(objects, self.id).await?,
        }
        self.publish(table.as_ref()).await
    }

    /// Shows readers the table's version.
    pub(crate) async fn publish(&self, table: Option<&Table>) -> Result<(), UsageError> {
        let files = match table {
            Some(table) => table.files().await?,
            None => Files::default(),
        };
        self.shared().files = Some(Arc::new(files));
        Ok(())
    }

    /// The version that the next reader gets.
    pub(crate) fn files(&self) -> Arc<Files> {
        self.shared().files.clone().unwrap_or_default()
    }

    /// The sequence up to which no reader of this process needs the inbox.
    pub(crate) fn unneeded(&self) -> i64 {
        let shared = self.shared();
        let newest = shared.files.as_ref().map_or(0, |files| files.last_sequence);
        shared.readers.values().copied().fold(newest, i64::min)
    }

    /// Notes accepted events.
    pub(crate) fn accepted(&self, events: i64, bytes: usize, at: Timestamp) {
        let mut shared = self.shared();
        let first = shared.waiting.since.map_or(at, |(first, _)| first);
        shared.waiting.events = shared.waiting.events.saturating_add(events);
        shared.waiting.bytes = shared.waiting.bytes.saturating_add(bytes);
        shared.waiting.since = Some((first, at));
    }

    /// What waits to be flushed.
    pub(crate) fn waiting(&self) -> Waiting {
        self.shared().waiting
    }

    /// Puts back what was taken and not flushed, as of now.
    pub(crate) fn put_back(&self, taken: Waiting, at: Timestamp) {
        self.accepted(taken.events.max(1), taken.bytes, at);
    }

    /// Takes what waits, because it is about to be flushed.
    pub(crate) fn take_waiting(&self) -> Waiting {
        std::mem::take(&mut self.shared().waiting)
    }
}
