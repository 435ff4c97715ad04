//! The API as a client sees it. Files mirror URL paths; each test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod codes;
mod conventions;
mod customers;
mod document;
mod errors_page;
mod isolation;
mod tax_categories;
mod tax_jurisdiction_rates;
