//! Records: every table of Florin, on SQLite and on PostgreSQL, from one code path.
//!
//! Owns tables, migrations, statements, list queries, the audit log and the outbox. Does not own
//! decisions, prices or HTTP. **No statement here is written per database**: the few differences
//! stand in [`dialect`], and every test of this crate runs on both.
//!
//! Invariants: each row belongs to one organisation and each statement names it; each write that a
//! person or key makes leaves an audit row in the same transaction; what [`Tx::commit`] has answered
//! survives `kill -9`.

mod address;
pub mod aggregate;
pub mod api_key;
pub mod business_entity;
pub mod contact;
pub mod custom_attribute;
pub mod customer;
pub mod customer_address;
pub mod customer_connector;
pub mod customer_relationship;
pub mod customer_surroundings;
pub mod dialect;
mod error;
pub mod idempotency;

mod batch;
mod db;
mod readers;
mod tx;
mod writer;

pub mod jurisdiction_rate;
pub mod list;
pub mod migrate;
pub mod organisation;
pub mod product;
pub mod product_pricing;
pub mod raw_metric;
pub mod record;
pub mod region_config;
mod row;
pub mod tag;
pub mod tax_category;
pub mod tax_rate;
pub mod usage_customer;
pub mod usage_inbox;

pub use batch::{Batch, Outcome};
pub use db::{Db, Options};
pub use dialect::Backend;
pub use error::{Error, Result};
pub use row::{Row, Scalar};
pub use tx::{Actor, Author, Tx};
