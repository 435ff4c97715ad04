//! Events that replace earlier ones: streams with `unique_by`.
//!
//! Owns finding rows of the same identity. Of several events with one identity the one with the largest
//! sequence counts; an identity with a null in it is none. Replaced rows go when the replacing event is
//! flushed ([`crate::rewrite`]), so queries pay for the few rows of the inbox only.

use std::collections::{HashMap, HashSet};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    row::{OwnedRow, RowConverter, SortField},
};
use florin_app::usage::UsageError;

use crate::{
    error::unavailable,
    parquet_file::{Bounds, sequences},
};

/// Names of the columns that identify an event.
pub(crate) type Identity = Vec<String>;

/// The identities of a batch's rows, in a form that compares; `None` for those with a null.
fn keys(batch: &RecordBatch, identity: &Identity) -> Result<Vec<Option<OwnedRow>>, UsageError> {
    let columns = identity
        .iter()
        .map(|name| batch.column_by_name(name).cloned());
    let Some(columns) = columns.collect::<Option<Vec<ArrayRef>>>() else {
        // Events from before a column was added are all null there.
        return Ok(vec![None; batch.num_rows()]);
    };
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(unavailable)?;
    let rows = converter.convert_columns(&columns).map_err(unavailable)?;
    let keys = rows.iter().enumerate().map(|(index, row)| {
        let is_whole = columns.iter().all(|column| column.is_valid(index));
        is_whole.then(|| row.owned())
    });
    Ok(keys.collect())
}

/// The rows that count: of each identity the one with the largest sequence.
pub(crate) fn latest(batch: &RecordBatch, identity: &Identity) -> Result<RecordBatch, UsageError> {
    let keys = keys(batch, identity)?;
    let sequences = sequences(batch)?.values();
    let mut last: HashMap<&OwnedRow, usize> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        let Some(key) = key else {
            continue;
        };
        let kept = last.entry(key).or_insert(index);
        if sequences[index] > sequences[*kept] {
            *kept = index;
        }
    }
    let mask: BooleanArray = keys
        .iter()
        .enumerate()
        .map(|(index, key)| Some(key.as_ref().is_none_or(|key| last.get(key) == Some(&index))))
        .collect();
    filter_record_batch(batch, &mask).map_err(unavailable)
}

/// Events whose identities came again.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    identity: Identity,
    keys: HashSet<OwnedRow>,
    bounds: Bounds,
}

impl Replaced {
    /// None yet.
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            keys: HashSet::new(),
            bounds: Bounds::default(),
        }
    }

    /// The identities of these rows came again.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), UsageError> {
        self.keys
            .extend(keys(batch, &self.identity)?.into_iter().flatten());
        self.bounds.add(batch)
    }

    /// The columns of an identity.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether a file with these bounds can have one of them.
    pub(crate) fn can_touch(&self, file: &Bounds) -> bool {
        file.can_share(&self.bounds, &self.identity)
    }

    /// Which rows are such.
    pub(crate) fn goes(&self, batch: &RecordBatch) -> Result<BooleanArray, UsageError> {
        let keys = keys(batch, &self.identity)?;
        let goes = keys
            .iter()
            .map(|key| Some(key.as_ref().is_some_and(|key| self.keys.contains(key))));
        Ok(goes.collect())
    }
}
