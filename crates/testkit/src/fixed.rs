//! Time and ids that are the same in every run.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use florin_app::{Clock, Ids};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A clock that moves only when told to. Begins at 2026-01-05T10:00:00Z.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl Default for FixedClock {
    fn default() -> Self {
        Self(Mutex::new("2026-01-05T10:00:00Z".parse().unwrap()))
    }
}

impl FixedClock {
    /// Moves the clock to an instant.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }

    /// Moves the clock on.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Ids that count up: `00000000-0000-7000-8000-000000000001`, …2, …3.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u64_pair(0x7000, 0x8000_0000_0000_0000 | count)
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(self.next().as_bytes());
        bytes
    }
}
