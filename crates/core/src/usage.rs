//! Usage: what an event is, and what a billable metric answers about events.
//!
//! Owns event schemas, the reading of events against them, metric definitions and the naive evaluator.
//! The evaluator is the specification of metrics (DESIGN §5): any faster engine answers the same.
//! Does not own where events are kept, the slug and name of a schema ([`crate::raw_metric`]), nor SQL
//! templates.
//!
//! Invariants:
//! - an answer does not depend on the order in which events are given: what came later is told by
//!   [`Recorded::sequence`];
//! - periods are half-open, `[start, end)`;
//! - numbers are decimals from the text of the event to the quantity.

pub mod event;
pub mod metric;
pub mod schema;

pub mod backfill;
pub mod cells;
pub mod contribution;
pub mod correction;
pub mod customers;
pub mod data_type;
pub mod evaluate;
pub mod filter;
pub mod query;
pub mod upload;
pub mod value;

pub mod number;
pub mod timestamp;

mod accumulate;

pub use backfill::Backfill;
pub use cells::{Layout, LayoutError};
pub use contribution::Contribution;
pub use correction::{Amendment, Change, Correction, Selection};
pub use customers::{CustomerKeys, UsageCustomer};
pub use data_type::{DataType, UnknownType};
pub use evaluate::{CustomerUsage, evaluate};
pub use event::{Event, EventProblem, Recorded, Violation};
pub use filter::{Condition, Conditions, Filter, FilterGroup, Filters, Logic, Operand, Operator};
pub use metric::{Aggregation, CustomerAttribute, Metric};
pub use query::{MetricError, QueryParts, UsageQuery};
pub use schema::{Column, Field, Schema, SchemaError};
pub use upload::Upload;
pub use value::Value;
