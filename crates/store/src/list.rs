//! Lists: one declaration per list gives its filters, its order, its pages and its documentation.
//!
//! Owns turning a [`Query`] into SQL and the shape of a cursor. Does not own what a row means.
//! Pages are keyset pages on `(sort column, id)`: page 5,000 costs as much as page 1; an offset is
//! accepted too. Nulls sort last in either direction.

mod cursor;
mod parse;
mod select;
mod spec;

pub use cursor::Cursor;
pub use parse::{Refusal, parse};
pub use select::{Page, page};
pub use spec::{Column, Kind, Operator, Ranked, Source, Spec};

use sea_query::{SimpleExpr, Value};

/// What a caller asked of a list.
#[derive(Clone, Debug)]
pub struct Query {
    /// All of these hold for each row.
    pub conditions: Vec<Condition>,
    /// Plain text to look for in the list's ranked columns.
    pub ranked: Option<String>,
    /// Order of the rows.
    pub order: Order,
    /// Where the page begins.
    pub position: Position,
    /// Rows at most.
    pub limit: u64,
}

impl Query {
    /// This query for only those rows where the flag is set, if one is named.
    #[must_use]
    pub fn only(mut self, spec: &Spec, flag: Option<&str>) -> Self {
        let column = flag.and_then(|name| spec.column(name));
        self.conditions
            .extend(column.map(|column| Condition::Compare {
                column,
                operator: Operator::Equal,
                values: vec![true.into()],
            }));
        self
    }
}

/// One filter.
#[derive(Clone, Debug)]
pub enum Condition {
    /// A declared column compared with values of its kind.
    Compare {
        /// The column.
        column: &'static Column,
        /// How it is compared.
        operator: Operator,
        /// One value, or several for `in`.
        values: Vec<Value>,
    },
    /// `search`: a column of ids or text, or a path inside a JSON column, contains the text, ignoring case.
    Contains {
        /// The column, of ids, text, words or JSON.
        column: &'static Column,
        /// Keys below a JSON column; empty for any other.
        path: Vec<String>,
        /// The text.
        text: String,
    },
    /// What the operation itself narrows the list to; no caller can ask for it.
    Scope(SimpleExpr),
}

/// Order of a list.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// A sortable column.
    pub column: &'static Column,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub enum Position {
    /// At the first row.
    Start,
    /// After so many rows.
    Offset(u64),
    /// Where an earlier answer's `next` or `previous` points.
    Cursor(Cursor),
}
