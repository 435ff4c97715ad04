//! What bills handed on to the next: pools, caps and commitments that are used up. Owns which bills count: not those
//! of drafts that are gone.

use florin_core::{carried::Carried, invoice::Status};
use jiff::civil::Date;
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use super::{IDS_MAX, TABLE, words};
use crate::{
    Result, Tx,
    row::{JsonText, corrupt},
};

const PART: &str = "invoice_part";

/// A bill of a phase and what it left for the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedBill {
    /// The part of an invoice.
    pub part: Uuid,
    /// The phase.
    pub phase_id: Uuid,
    /// The day that the invoice is for.
    pub bill_for_date: Date,
    /// What was used up when it was rated.
    pub carried_in: Carried,
    /// What was used up after it.
    pub carried_out: Carried,
}

/// The bills of phases, the earliest first.
///
/// # Errors
/// [`crate::Error::Corrupt`]; what the statements answer.
pub async fn carried_of_phases(tx: &mut Tx, phases: &[Uuid]) -> Result<Vec<CarriedBill>> {
    let mut found = Vec::new();
    for ids in phases.chunks(IDS_MAX) {
        let mut select = tx.select(PART);
        select.columns(["id", "phase_id", "carried_in", "carried_out"].map(|name| (PART, name)));
        select.column((TABLE.name, "bill_for_date"));
        let same = |part: &'static str, invoice: &'static str| {
            Expr::col((TABLE.name, invoice)).equals((PART, part))
        };
        let is_part = same("organisation_id", "organisation_id").and(same("invoice_id", "id"));
        select.inner_join(TABLE.name, is_part);
        select.and_where(Expr::col((PART, "phase_id")).is_in(ids.iter().copied()));
        let gone = words(&[Status::Discarded, Status::Edited]);
        select.and_where(Expr::col((TABLE.name, "status")).is_not_in(gone));
        select.order_by((TABLE.name, "bill_for_date"), Order::Asc);
        select.order_by((PART, "id"), Order::Asc);
        for row in &tx.fetch_all(&select).await? {
            let read = |column: &'static str| -> Result<Carried> {
                let text: JsonText = row.get(column)?;
                serde_json::from_str(&text.0).map_err(|error| corrupt(column, error))
            };
            found.push(CarriedBill {
                part: row.get("id")?,
                phase_id: row.get("phase_id")?,
                bill_for_date: row.get("bill_for_date")?,
                carried_in: read("carried_in")?,
                carried_out: read("carried_out")?,
            });
        }
    }
    Ok(found)
}
