//! Statements that go to the database together.
//!
//! Owns that on SQLite they are one message to the connection's thread: two changes of threads cost more
//! than a short statement itself. Does not own running them ([`crate::Tx::run`]).

use sea_query::{QueryStatementWriter, Values};

use crate::{Backend, Row, dialect};

/// Statements and their values, rendered for one database, in the order in which they run.
#[derive(Debug)]
pub struct Batch {
    backend: Backend,
    statements: Vec<(String, Values)>,
}

/// What one statement of a batch answered.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its rows.
    pub rows: Vec<Row>,
    /// How many rows it changed; of no meaning where it only reads.
    pub changed: u64,
}

impl Batch {
    pub(crate) fn new(backend: Backend) -> Self {
        Self {
            backend,
            statements: Vec::new(),
        }
    }

    /// Adds a statement behind those that are there.
    pub fn add(&mut self, statement: &impl QueryStatementWriter) {
        self.statements
            .push(dialect::build(self.backend, statement));
    }

    pub(crate) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Each statement by itself.
    pub(crate) fn into_statements(self) -> Vec<(String, Values)> {
        self.statements
    }

    /// All statements as one text, whose placeholders take the values one after the other.
    pub(crate) fn into_text(self) -> (String, Values) {
        let (texts, values): (Vec<String>, Vec<Values>) = self.statements.into_iter().unzip();
        let values = values.into_iter().flatten().collect();
        (texts.join("; "), Values(values))
    }
}
