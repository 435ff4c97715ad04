//! Consolidation: the drafts of a parent's children as one invoice. Owns which drafts belong together.
//! Lines, taxes and traces stay those of each child, for each has its own contract and rates; the floor
//! at zero, number, due day and payment are those of the whole.

use jiff::civil::Date;
use uuid::Uuid;

use super::{Draft, Freshness, Header, Refusal};
use crate::currency::Currency;

/// What drafts have in common that belong on one invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsolidationKey {
    /// Who pays.
    pub customer_id: Uuid,
    /// The entity that bills.
    pub business_entity_id: Option<Uuid>,
    /// The currency.
    pub currency: Currency,
    /// The day that they are for.
    pub bill_for_date: Date,
}

impl Draft {
    /// What the draft needs to have in common with others to be on one invoice with them.
    pub const fn consolidation_key(&self) -> ConsolidationKey {
        let header = self.header();
        ConsolidationKey {
            customer_id: header.customer_id,
            business_entity_id: header.business_entity_id,
            currency: header.currency,
            bill_for_date: header.bill_for_date,
        }
    }
}

/// One draft of several, and those, superseded. Payment terms are the strictest among them: of the
/// first that has any.
///
/// # Errors
/// [`Refusal::Empty`], [`Refusal::NotConsolidable`], [`Refusal::NotADraft`].
pub fn consolidate(id: Uuid, drafts: Vec<Draft>) -> Result<(Draft, Vec<Draft>), Refusal> {
    let first = drafts.first().ok_or(Refusal::Empty)?;
    let key = first.consolidation_key();
    if drafts.iter().any(|draft| draft.consolidation_key() != key) {
        return Err(Refusal::NotConsolidable);
    }
    for draft in &drafts {
        draft.require_open()?;
    }
    let parts = drafts.iter().flat_map(|draft| draft.parts().to_vec());
    let header = Header {
        contract_id: None,
        period: None,
        external_id: None,
        payment_terms: drafts.iter().find_map(|draft| draft.header().payment_terms),
        ..first.header().clone()
    };
    let sequences = drafts.iter().map(|draft| draft.freshness().usage_sequence);
    let freshness = Freshness {
        // The oldest mark: what came after it is stale for somebody.
        usage_sequence: sequences.flatten().min(),
        contract_version: None,
    };
    let whole = Draft::new(id, header, parts.collect(), freshness)?;
    let superseded = drafts.into_iter().map(|draft| draft.supersede(id));
    Ok((whole, superseded.collect::<Result<_, _>>()?))
}
