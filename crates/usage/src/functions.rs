//! The functions that queries know.
//!
//! Owns the list of them, and exact arithmetic: `sum`, `*` and `/` never wrap and never go through a
//! float. Does not own how a template names them ([`crate::sql`]).
//!
//! The list names what is allowed, so that a new release of the engine adds nothing: no function reads
//! files or the clock, none is random, and none makes a long text out of a short one (`repeat`, `lpad`,
//! `replace`), since texts are outside the memory that is counted.

use std::sync::Arc;

use datafusion::{
    execution::SessionStateDefaults,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF, planner::ExprPlanner},
};

mod native;

mod arithmetic;
mod json;
mod round;
mod sum;
mod text;
mod time;

pub(crate) use arithmetic::planner;
pub(crate) use sum::wide_sum;
pub(crate) use text::to_text;
pub(crate) use time::weight;

const SCALAR: [&str; 37] = [
    "array_has",
    "array_length",
    "arrow_cast",
    "ascii",
    "btrim",
    "character_length",
    "coalesce",
    "contains",
    "date_bin",
    "date_part",
    "date_trunc",
    "ends_with",
    "get_field",
    "greatest",
    "initcap",
    "left",
    "least",
    "lower",
    "ltrim",
    "make_array",
    "make_date",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "regexp_like",
    "reverse",
    "right",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "substring_index",
    "to_timestamp",
    "upper",
    "array_element",
];

const AGGREGATE: [&str; 9] = [
    "bool_and",
    "bool_or",
    "count",
    "first_value",
    "last_value",
    "max",
    "median",
    "min",
    "nth_value",
];

/// The functions of one row.
pub(crate) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let engine = SessionStateDefaults::default_scalar_functions().into_iter();
    let mut functions: Vec<_> = engine
        .filter(|function| SCALAR.contains(&function.name()))
        .collect();
    functions.extend(arithmetic::functions());
    functions.extend(round::functions());
    functions.extend(text::functions());
    functions.extend(json::functions());
    functions.extend(time::functions());
    functions
}

/// The functions of many rows.
pub(crate) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    let engine = SessionStateDefaults::default_aggregate_functions().into_iter();
    let mut functions: Vec<_> = engine
        .filter(|function| AGGREGATE.contains(&function.name()))
        .collect();
    functions.push(sum::sum());
    functions
}

/// `row_number`, `lag` and the like.
pub(crate) fn window() -> Vec<Arc<WindowUDF>> {
    SessionStateDefaults::default_window_functions()
}

/// What operators mean: ours before the engine's.
pub(crate) fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners = vec![planner()];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}
