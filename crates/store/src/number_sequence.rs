//! Number sequences: the next number of each series of documents. Owns that no number is given twice and none
//! is left out: a number taken in a transaction that is undone is given to the next one.

use std::ops::Range;

use florin_core::invoice::Sequence;
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use uuid::Uuid;

use crate::{Error, Result, Tx};

const TABLE: &str = "number_sequence";

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Invoices.
    Invoice,
    /// Credit notes.
    CreditNote,
    /// Quotes.
    Quote,
}

impl Numbered {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
            Self::Quote => "quote",
        }
    }
}

/// The series of a business entity's documents; the organisation's own where no entity bills.
pub fn series(tx: &Tx, business_entity_id: Option<Uuid>) -> Uuid {
    business_entity_id.unwrap_or(tx.organisation().0)
}

/// Takes the next so many numbers of a series. Whoever takes the next ones waits for the commit, so do it
/// late.
///
/// # Errors
/// [`Error::Corrupt`] at the end of the sequence; what the statement answers.
pub async fn take(tx: &mut Tx, of: Numbered, series: Uuid, count: u64) -> Result<Range<u64>> {
    let (_, first) = Sequence::START.take(count).ok_or_else(exhausted)?;
    let mut insert = Query::insert();
    insert.into_table(TABLE);
    insert.columns(["organisation_id", "series", "name", "next"]);
    insert.values_panic([
        tx.organisation().0.into(),
        series.into(),
        of.as_str().into(),
        stored(first.next)?.into(),
    ]);
    let mut conflict = OnConflict::columns(["organisation_id", "series", "name"]);
    conflict.value("next", Expr::col((TABLE, "next")).add(stored(count)?));
    insert.on_conflict(conflict).returning_col("next");
    let row = tx.fetch_optional(&insert).await?.ok_or_else(exhausted)?;
    let next = u64::try_from(row.get::<i64>("next")?).map_err(|_| exhausted())?;
    Ok(next.saturating_sub(count)..next)
}

fn stored(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| exhausted())
}

fn exhausted() -> Error {
    Error::Corrupt {
        column: "next".to_owned(),
        reason: "the sequence has no further number".to_owned(),
    }
}
