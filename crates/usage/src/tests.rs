//! Tests of the crate's inner parts; those of what users see are in `tests/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod world;

mod arrivals;
mod backfills;
mod corrections;
mod decoding;
mod histories;
mod nodes;
mod storage;
