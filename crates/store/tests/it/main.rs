//! Records on the databases themselves: migrations, and what a transaction promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[allow(dead_code, reason = "core's tests use more of them")]
#[path = "../../../core/tests/it/build.rs"]
mod build;
#[allow(dead_code, reason = "core's tests use more of them")]
#[path = "../../../core/tests/it/golden_departures.rs"]
mod golden_departures;

mod contract;
mod customer;
mod invoice;
mod journal;
mod migrations;
mod transactions;
mod usage_customer;
mod writer;
