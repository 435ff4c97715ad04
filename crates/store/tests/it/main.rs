//! Records on the databases themselves: migrations, and what a transaction promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod customer;
mod migrations;
mod transactions;
mod usage_customer;
mod writer;
