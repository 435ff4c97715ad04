//! What an amendment does to invoices. Owns the reading of what was billed; which of it is touched is the
//! core's to say ([`florin_core::billing::affected`]), amounts are a billing run's.

use std::collections::{BTreeSet, HashMap};

use florin_core::billing::{BilledPeriod, affected};
use florin_core::calendar::Period;
use florin_core::contract::{Contract, Taxation};
use florin_core::id::LineId;
use florin_store::{Tx, billed_period, billed_period::Billed};
use uuid::Uuid;

use super::invalid;
use crate::{Error, Result};

/// What an amendment does to invoices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvoiceEffect {
    /// Drafts that are made anew.
    pub drafts: Vec<Uuid>,
    /// Periods on approved invoices that are rated again: the next invoice carries what differs.
    pub adjusted: Vec<AdjustedPeriod>,
}

/// A period on an approved invoice that is rated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdjustedPeriod {
    /// The invoice.
    pub invoice_id: Uuid,
    /// The line.
    pub line: LineId,
    /// The days that were billed.
    pub service: Period,
}

/// What each amendment does to what was billed under the versions before it. Pairs of before and after,
/// all of one contract.
///
/// # Errors
/// [`Error::Store`].
pub(super) async fn effects(
    tx: &mut Tx,
    contract: Uuid,
    amendments: &[(&Contract, &Contract)],
) -> Result<Vec<InvoiceEffect>> {
    let revisions = billed_period::revisions_of_contracts(tx, &[contract], None).await?;
    let effects = amendments.iter();
    effects
        .map(|(before, after)| effect(before, after, &revisions))
        .collect()
}

fn effect(before: &Contract, after: &Contract, revisions: &[Billed]) -> Result<InvoiceEffect> {
    let earlier = revisions.iter().cloned();
    let earlier = earlier.filter(|billed| billed.contract_version < after.version());
    let billed = billed_period::last_revisions(earlier);
    if billed.is_empty() {
        return Ok(InvoiceEffect::default());
    }
    let terms = |contract: &Contract| contract.terms(&Taxation::default()).map_err(invalid);
    let periods: Vec<BilledPeriod> = billed.iter().map(|billed| billed.period).collect();
    let touched = affected(&terms(before)?, &terms(after)?, &periods);
    let touched = touched.map_err(|error| Error::field("phases", "value_error.date", error))?;
    let invoices: HashMap<Uuid, Uuid> = billed
        .iter()
        .map(|billed| (billed.period.part, billed.invoice_id))
        .collect();
    let drafts = touched.drafts.iter().filter_map(|part| invoices.get(part));
    let drafts: BTreeSet<Uuid> = drafts.copied().collect();
    let adjusted = touched.periods.iter().filter_map(|period| {
        Some(AdjustedPeriod {
            invoice_id: *invoices.get(&period.part)?,
            line: period.line,
            service: period.service,
        })
    });
    Ok(InvoiceEffect {
        drafts: drafts.into_iter().collect(),
        adjusted: adjusted.collect(),
    })
}

#[cfg(test)]
mod tests;
