//! Accepted events that wait for their table file.
//!
//! Owns how many may: every query has them in memory, so beyond the limit senders are told to wait.

use std::sync::atomic::{AtomicI64, Ordering};

use florin_app::usage::{UsageError, UsageResult};

/// When a sender that was told to wait tries again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacklogLimit {
    /// Events.
    pub events: i64,
    /// Bytes of the inbox.
    pub bytes: i64,
}

impl BacklogLimit {
    /// In production.
    pub const USUAL: Self = Self {
        events: 2_000_000,
        bytes: 512 * 1024 * 1024,
    };
}

/// What waits.
#[derive(Debug)]
pub(crate) struct Backlog {
    limit: BacklogLimit,
    events: AtomicI64,
    bytes: AtomicI64,
}

impl Backlog {
    /// Nothing.
    pub(crate) fn new(limit: BacklogLimit) -> Self {
        let (events, bytes) = (AtomicI64::new(0), AtomicI64::new(0));
        Self {
            limit,
            events,
            bytes,
        }
    }

    /// So much more, or less.
    pub(crate) fn change(&self, events: i64, bytes: i64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    /// So much, as the inbox has it.
    pub(crate) fn set(&self, events: i64, bytes: i64) {
        self.events.store(events, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.show();
    }

    /// Events.
    pub(crate) fn events(&self) -> i64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Tells the gauges.
    pub(crate) fn show(&self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        metrics::gauge!("florin_usage_backlog_events").set(self.events() as f64);
        metrics::gauge!("florin_usage_backlog_bytes").set(bytes as f64);
    }

    /// Whether more may come.
    ///
    /// # Errors
    /// [`UsageError::Behind`].
    pub(crate) fn check(&self) -> UsageResult<()> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        match self.events() <= self.limit.events && bytes <= self.limit.bytes {
            true => Ok(()),
            false => Err(UsageError::Behind {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            }),
        }
    }
}
