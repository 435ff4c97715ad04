//! What corrections and backfills take out of a stream.
//!
//! Owns how an inbox row says which earlier events it takes out, and taking them out of rows, of files and of
//! queries. A row is written with the correction, under the stream's lock; it is carried out in files by the
//! flush that reaches it, and by every query until then.

use std::{collections::HashSet, ops::Range, sync::Arc};

use arrow::{
    array::{BooleanArray, Int64Array, RecordBatch},
    compute::filter_record_batch,
    datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema},
};
use datafusion::{
    common::{JoinType, Result as EngineResult, ScalarValue},
    dataframe::DataFrame,
    logical_expr::{Expr, ident, lit},
    prelude::SessionContext,
};
use florin_app::usage::UsageError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    columns::{SEQUENCE, TIMESTAMP},
    error::unavailable,
    metric::conditions::first_instant,
    parquet_file::{Bounds, sequences, times},
};

/// Sequences that a query names one by one; beyond it they are joined.
const NAMED_MAX: usize = 500;

/// What one row of the inbox takes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Removal {
    /// These events.
    Events {
        /// Their sequences.
        sequences: Vec<i64>,
        /// Smallest and largest `customer_id` among them.
        customers: Option<(String, String)>,
        /// First and last `timestamp` among them, microseconds.
        times: Option<(i64, i64)>,
    },
    /// The events of a window, `[start, end)` in microseconds, up to a sequence.
    Window {
        /// Its first microsecond.
        start: i64,
        /// The first microsecond after it.
        end: i64,
        /// The last sequence that goes.
        up_to: i64,
    },
}

impl Removal {
    /// Takes out the events of a batch.
    pub(crate) fn of_events(batch: &RecordBatch) -> Result<Self, UsageError> {
        let mut bounds = Bounds::default();
        bounds.add(batch)?;
        Ok(Self::Events {
            sequences: sequences(batch)?.values().to_vec(),
            customers: bounds.customers,
            times: bounds.times,
        })
    }

    /// Takes out the events of a window up to a sequence. Events have whole microseconds.
    pub(crate) fn of_window(window: &Range<Timestamp>, up_to: u64) -> Self {
        let microsecond = |at: Timestamp| match first_instant(at) {
            ScalarValue::TimestampMicrosecond(Some(at), _) => at,
            _ => at.as_microsecond(),
        };
        Self::Window {
            start: microsecond(window.start),
            end: microsecond(window.end),
            up_to: i64::try_from(up_to).unwrap_or(i64::MAX),
        }
    }

    /// As an inbox row holds it.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, UsageError> {
        serde_json::to_vec(self).map_err(unavailable)
    }

    fn decode(bytes: &[u8]) -> Result<Self, UsageError> {
        serde_json::from_slice(bytes).map_err(unavailable)
    }
}

/// What several rows of the inbox take out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removals {
    sequences: HashSet<i64>,
    windows: Vec<(i64, i64, i64)>,
    /// Where the rows that go can be, as a file's bounds say it; one for each removal.
    bounds: Vec<Bounds>,
}

impl Removals {
    /// Adds what an inbox row says.
    pub(crate) fn add(&mut self, removed: &[u8]) -> Result<(), UsageError> {
        self.take(Removal::decode(removed)?);
        Ok(())
    }

    /// Adds a removal.
    pub(crate) fn take(&mut self, removal: Removal) {
        let (customers, times) = match removal {
            Removal::Events {
                sequences,
                customers,
                times,
            } => {
                self.sequences.extend(sequences);
                (customers, times)
            }
            Removal::Window { start, end, up_to } => {
                self.windows.push((start, end, up_to));
                (None, Some((start, end - 1)))
            }
        };
        self.bounds.push(Bounds {
            rows: 0,
            customers,
            times,
        });
    }

    /// Whether nothing goes.
    pub(crate) fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// Whether a file with these bounds can have a row that goes.
    pub(crate) fn can_touch(&self, file: &Bounds) -> bool {
        let mut bounds = self.bounds.iter();
        bounds.any(|bounds| bounds.can_overlap(file))
    }

    /// Which rows go.
    pub(crate) fn goes(&self, batch: &RecordBatch) -> Result<BooleanArray, UsageError> {
        let (sequences, times) = (sequences(batch)?.values(), times(batch)?.values());
        let goes = sequences.iter().zip(times).map(|(sequence, at)| {
            let mut windows = self.windows.iter();
            let is_within = |(start, end, up_to): &(i64, i64, i64)| {
                (start..end).contains(&at) && sequence <= up_to
            };
            Some(self.sequences.contains(sequence) || windows.any(is_within))
        });
        Ok(goes.collect())
    }

    /// The rows that stay.
    pub(crate) fn rest(&self, batch: &RecordBatch) -> Result<RecordBatch, UsageError> {
        if self.is_empty() {
            return Ok(batch.clone());
        }
        let stays = arrow::compute::not(&self.goes(batch)?).map_err(unavailable)?;
        filter_record_batch(batch, &stays).map_err(unavailable)
    }

    /// The rows of a query that stay.
    pub(crate) fn rest_of(&self, rows: DataFrame) -> EngineResult<DataFrame> {
        let mut rest = rows;
        for (start, end, up_to) in &self.windows {
            let instant = |at: i64| {
                lit(ScalarValue::TimestampMicrosecond(
                    Some(at),
                    Some("UTC".into()),
                ))
            };
            let within = ident(TIMESTAMP)
                .gt_eq(instant(*start))
                .and(ident(TIMESTAMP).lt(instant(*end)))
                .and(ident(SEQUENCE).lt_eq(lit(*up_to)));
            rest = rest.filter(Expr::Not(Box::new(within)))?;
        }
        match self.sequences.len() {
            0 => Ok(rest),
            1..=NAMED_MAX => {
                let named = self.sequences.iter().map(|sequence| lit(*sequence));
                rest.filter(ident(SEQUENCE).in_list(named.collect(), true))
            }
            _ => {
                const GONE: &str = "__removed";
                let schema = ArrowSchema::new(vec![Field::new(GONE, ArrowType::Int64, false)]);
                let gone = Int64Array::from_iter_values(self.sequences.iter().copied());
                let gone = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(gone)])?;
                let gone = SessionContext::new().read_batch(gone)?;
                rest.join_on(gone, JoinType::LeftAnti, [ident(SEQUENCE).eq(ident(GONE))])
            }
        }
    }
}
