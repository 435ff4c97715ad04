//! The API as a client sees it. Files mirror URL paths; each test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod conventions;
mod customers;
mod product_pricings;
mod products;
mod v3_products;
