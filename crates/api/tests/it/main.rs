//! The API as a client sees it. Files mirror URL paths; each test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod contacts;
mod conventions;
mod customer_addresses;
mod customer_connectors;
mod customer_relationships;
mod customers;
mod customers_list;
mod errors_page;
mod raw_metrics;
mod tax_categories;
mod tax_jurisdiction_rates;
