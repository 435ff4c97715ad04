//! Points at which a test may end the process, to see that nothing is lost or doubled.
//!
//! A point costs one comparison. Which one ends the process, and at which of its passes, is the binary's
//! setting `FLORIN_TEST_KILL_AT` (`NAME` or `NAME:N`); without it none does.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// Every point, in the order in which an event passes them.
pub const POINTS: [&str; 12] = [
    "ingest_decoded",
    "ingest_before_commit",
    "ingest_after_commit",
    "flush_read",
    "flush_file_written",
    "flush_before_log",
    "flush_after_log",
    "flush_noted",
    "inbox_removed",
    "compaction_files_written",
    "compaction_before_log",
    "compaction_after_log",
];

static KILL_AT: OnceLock<(String, u64)> = OnceLock::new();
static PASSES: AtomicU64 = AtomicU64::new(0);

/// Ends the process at a point from now on.
pub fn kill_at(point: &str) {
    let (name, pass) = point.split_once(':').unwrap_or((point, "1"));
    let _ = KILL_AT.set((name.to_owned(), pass.parse().unwrap_or(1)));
}

/// Passes a point.
pub(crate) fn point(name: &'static str) {
    if let Some((wanted, pass)) = KILL_AT.get()
        && wanted == name
        && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == *pass
    {
        // As `kill -9` does: nothing is unwound, closed or written.
        std::process::abort();
    }
}
