//! How fast events are taken in and metrics answered, over HTTP, beside PostgreSQL and DuckDB on the same
//! machine.
//!
//! `cargo bench -p florin --bench usage [-- --seconds 60 --millions 10 --only ingest|queries]`
//!
//! Server and load generator share the machine's cores, as the goals say. Records and inbox are SQLite
//! files in a temporary folder (`TMPDIR` says on which disk), table files stand beside them. Peers run
//! after the server, alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

#[path = "../load/mod.rs"]
mod load;

mod events;
mod ingest;
mod queries;
#[allow(dead_code, reason = "another benchmark needs the rest")]
mod server;

use crate::load::{number, runtime, value};

fn main() {
    let only = value("--only");
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    runtime().block_on(async {
        if wanted("ingest") {
            ingest::run(number("--seconds", 60)).await;
        }
        if wanted("queries") {
            queries::run(number("--millions", 10)).await;
        }
    });
}
