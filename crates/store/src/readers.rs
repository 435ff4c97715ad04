//! The connections that read a SQLite file.
//!
//! Owns how many there are and who has which. Not sqlx's pool: that asks each connection's thread whether
//! it lives whenever one comes back, which costs as much as a read. A connection in this process cannot
//! break off; one whose thread died is not kept. Invariant: no more than the limit are lent at a time.

use std::{sync::Arc, sync::Mutex};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Result};

/// Handle to the reading connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    turns: Arc<Semaphore>,
    shelf: Arc<Shelf>,
    connections_max: u32,
}

/// Connections that nobody has, the one used last on top: its pages are in the cache.
#[derive(Debug)]
struct Shelf {
    connect: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection, lent until this is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    connection: Option<SqliteConnection>,
    shelf: Arc<Shelf>,
    _turn: OwnedSemaphorePermit,
}

impl Readers {
    /// No connection yet: each is opened when it is first needed.
    pub(crate) fn new(connect: SqliteConnectOptions, connections_max: u32) -> Self {
        let idle = Mutex::default();
        Self {
            turns: Arc::new(Semaphore::new(connections_max as usize)),
            shelf: Arc::new(Shelf { connect, idle }),
            connections_max,
        }
    }

    /// Waits for a connection.
    pub(crate) async fn lend(&self) -> Result<Lent> {
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Error::Busy)?;
        let connection = match self.shelf.take() {
            Some(connection) => connection,
            None => self.shelf.connect.connect().await?,
        };
        Ok(Lent {
            connection: Some(connection),
            shelf: self.shelf.clone(),
            _turn: turn,
        })
    }

    /// Waits until every connection is back, closes them and lends none from then on.
    pub(crate) async fn close(&self) {
        let all = self.turns.acquire_many(self.connections_max).await;
        self.turns.close();
        drop(all);
        while let Some(connection) = self.shelf.take() {
            // The file stays whole however a reader ends.
            let _ = connection.close().await;
        }
    }
}

impl Shelf {
    fn take(&self) -> Option<SqliteConnection> {
        self.idle.lock().ok()?.pop()
    }

    fn put(&self, connection: SqliteConnection) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(connection);
        }
    }
}

impl Lent {
    /// The connection.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.connection.as_mut().ok_or(Error::Busy)
    }

    /// Keeps the connection from being lent again, where the error says that its thread is gone.
    pub(crate) fn note(&mut self, error: &sqlx::Error) {
        if matches!(error, sqlx::Error::WorkerCrashed) {
            self.connection = None;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shelf.put(connection);
        }
    }
}
