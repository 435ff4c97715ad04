//! Usage events: durable ingestion, open table files, metrics.
//!
//! Owns how events are kept (inbox batches, Delta tables) and how metrics are computed over them. Does
//! not own what a metric means ([`florin_core::usage`]), which metrics there are, contracts, prices or
//! invoices. **No other crate names datafusion, arrow, parquet or deltalake**; the rest of Florin knows
//! the port [`florin_app::usage::Usage`] alone.

mod columns;
mod decode;

mod backlog;
mod caught;
mod error;
pub mod faults;
mod inbox;
mod ingest;
mod objects;
mod parquet_file;
mod table;

mod arrivals;
mod backfill;
mod compact;
mod correct;
mod flush;
mod removal;
mod rewrite;
mod scan;
mod stream;
mod unique;

mod functions;
mod metric;
mod records;
mod rows;
mod session;
mod sql;
mod values;

mod engine;
mod port;

pub use backlog::BacklogLimit;
pub use compact::Extent;
pub use engine::{Engine, Options, Pace};
pub use objects::{Place, S3};

#[cfg(test)]
mod tests;
