//! Usage events: durable ingestion, open table files, metrics.
//!
//! Owns how events are kept (inbox batches, Delta tables) and how metrics are computed over them. Does
//! not own what a metric means ([`florin_core::usage`]), which metrics there are, contracts, prices or
//! invoices. **No other crate names datafusion, arrow, parquet or deltalake**; the rest of Florin knows
//! the port [`florin_app::usage::Usage`] alone.

mod columns;
mod decode;

mod functions;
mod metric;
mod rows;
mod session;
mod sql;
mod values;
