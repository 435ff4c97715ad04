//! Points at which a test may end the process or a task, to see that nothing is lost or doubled.
//!
//! A point costs one comparison. Which one ends the process, and at which of its passes, is the binary's
//! setting `FLORIN_TEST_KILL_AT` (`NAME` or `NAME:N`); `panic@NAME:N` panics there instead. Without it none
//! does.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// Every point, in the order in which an event passes them.
pub const POINTS: [&str; 19] = [
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
    "correction_before_commit",
    "correction_after_commit",
    "backfill_before_commit",
    "backfill_after_commit",
    "exchange_file_written",
    "exchange_before_log",
    "exchange_after_log",
];

static KILL_AT: OnceLock<Fault> = OnceLock::new();
struct Fault {
    point: String,
    pass: u64,
    /// Only the task ends.
    is_panic: bool,
}

static PASSES: AtomicU64 = AtomicU64::new(0);

/// Ends the process at a point from now on.
pub fn kill_at(point: &str) {
    let (name, is_panic) = match point.strip_prefix("panic@") {
        Some(name) => (name, true),
        None => (point, false),
    };
    let (name, pass) = name.split_once(':').unwrap_or((name, "1"));
    let _ = KILL_AT.set(Fault {
        point: name.to_owned(),
        pass: pass.parse().unwrap_or(1),
        is_panic,
    });
}

/// Passes a point.
#[expect(clippy::panic, reason = "a fault that a test asks for")]
pub(crate) fn point(name: &'static str) {
    if let Some(fault) = KILL_AT.get()
        && fault.point == name
        && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == fault.pass
    {
        if fault.is_panic {
            std::panic::panic_any(name);
        }
        // As `kill -9` does: nothing is unwound, closed or written.
        std::process::abort();
    }
}
