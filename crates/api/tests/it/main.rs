//! The API as a client sees it. Files mirror URL paths; each test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod aggregates;
mod aggregates_asked;
mod business_entities;
mod codes;
mod contacts;
mod conventions;
mod custom_attributes;
mod customer_addresses;
mod customer_connectors;
mod customer_relationships;
mod customers;
mod customers_list;
mod document;
mod errors_page;
mod isolation;
mod product_pricings;
mod products;
mod raw_metrics;
mod tags;
mod tax_categories;
mod tax_jurisdiction_rates;
mod usage;
mod v3_products;
