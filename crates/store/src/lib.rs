//! Records: every table of Florin, on SQLite and on PostgreSQL, from one code path.
//!
//! Owns tables, migrations, statements, list queries, the audit log and the outbox. Does not own
//! decisions, prices or HTTP. **No statement here is written per database**: the few differences
//! stand in [`dialect`], and every test of this crate runs on both.
//!
//! Invariants: each row belongs to one organisation and each statement names it; each write that a
//! person or key makes leaves an audit row in the same transaction; what [`Tx::commit`] has answered
//! survives `kill -9`.

pub mod account;
mod address;
pub mod aggregate;
pub mod api_key;
pub mod billed_period;
pub mod billing_recheck;
pub mod billing_settings;
pub mod books;
pub mod business_entity;
pub mod charge;
pub mod checkout;
pub mod connector;
pub mod contact;
pub mod contract;
pub mod credit_note;
mod currency;
pub mod custom_attribute;
pub mod customer;
pub mod customer_address;
pub mod customer_connector;
pub mod customer_relationship;
pub mod customer_surroundings;
pub mod dialect;
pub mod document_template;
pub mod entitlement;
pub mod entitlement_alert;
pub mod entitlement_grant;
pub mod entitlement_reservation;
pub mod entitlement_usage;
mod error;
pub mod idempotency;

mod batch;
mod db;
mod readers;
mod tx;
mod writer;

pub mod invoice;
pub mod invoice_parties;
pub mod job;
pub mod journal;
pub mod jurisdiction_rate;
pub mod list;
pub mod migrate;
pub mod number_sequence;
pub mod organisation;
pub mod payment;
pub mod payment_link;
pub mod payment_method;
pub mod plan;
pub mod product;
pub mod product_pricing;
pub mod quote;
pub mod raw_metric;
pub mod record;
pub mod region_config;
mod row;
pub mod tag;
pub mod tax_category;
pub mod tax_rate;
pub mod test_clock;
pub mod usage_backfill;
pub mod usage_correction;
pub mod usage_customer;
pub mod usage_inbox;
pub mod usage_upload;
pub mod wallet;

pub use batch::{Batch, Outcome};
pub use db::{Db, Options};
pub use dialect::Backend;
pub use error::{Error, Result};
pub use row::{Row, Scalar};
pub use tx::{Actor, Author, Tx};
