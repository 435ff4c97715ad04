//! The API as a client sees it. Files mirror URL paths; each test runs on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod aggregates;
mod aggregates_asked;
mod billing;
mod billing_again;
mod billing_requests;
mod billing_runs;
mod books;
mod business_entities;
mod charges;
mod checkout_laws;
mod checkout_pages;
mod checkouts;
mod checkouts_listed;
mod checkouts_paid;
mod codes;
mod connectors;
mod contacts;
mod contracts;
mod contracts_ahead;
mod contracts_from_plans;
mod contracts_life;
mod conventions;
mod credit_notes;
mod custom_attributes;
mod customer_addresses;
mod customer_connectors;
mod customer_relationships;
mod customers;
mod customers_list;
mod document;
mod entitlements;
mod entitlements_alerts;
mod entitlements_billed;
mod entitlements_checked;
mod entitlements_of_customers;
mod errors_page;
mod histories;
mod invoice_documents;
mod invoices;
mod invoices_approve;
mod invoices_fresh;
mod invoices_list;
mod isolation;
mod money_laws;
mod payment_links;
mod payment_methods;
mod payments;
mod payments_charged;
mod payments_refunded;
mod plan_templates;
mod plans;
mod product_pricings;
mod products;
mod quote_laws;
mod quotes;
mod raw_metrics;
mod scenarios;
mod tags;
mod tax_categories;
mod tax_jurisdiction_rates;
mod test_clocks;
mod usage;
mod usage_backfills;
mod usage_corrections;
mod usage_uploads;
mod v3_products;
mod wallets;
mod webhooks;
mod year;
