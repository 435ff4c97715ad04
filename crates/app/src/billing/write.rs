//! Writing what was made, in one transaction. Owns the check that nothing was changed or billed since it was read.

use std::collections::{BTreeMap, HashMap};

use florin_core::invoice::{ConsolidationKey, Draft, consolidate};
use florin_store::{self as store, Tx, contract::Mark, invoice::Invoice};
use jiff::civil::Date;
use uuid::Uuid;

use super::make::Made;
use crate::{
    Error, Ids, Result,
    entitlement::billed::{Book, Claim},
};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Drafts that are new or were made anew, in the order of their contracts.
    pub(super) invoices: Vec<Uuid>,
    /// Contracts that were looked at.
    pub(super) contracts: u64,
    /// Contracts that were changed or billed by somebody else since they were read.
    pub(super) overtaken: Vec<Uuid>,
    /// Those among them for which another bill has drawn what they counted on: they can be looked at again at once.
    pub(super) short: Vec<Uuid>,
}

/// Writes what was made of contracts whose rows are as they were read, and for which entitlements have what was drawn. With
/// `is_together` drafts that belong together become one.
///
/// # Errors
/// [`Error::Store`]; [`Error::Refused`] where drafts do not fit one invoice.
pub(super) async fn write(
    tx: &mut Tx,
    ids: &dyn Ids,
    made: Vec<Made>,
    is_together: bool,
) -> Result<Written> {
    let contracts: Vec<Uuid> = made.iter().map(|one| one.contract_id).collect();
    let marks = store::contract::marks(tx, &contracts).await?;
    let marks: HashMap<Uuid, Mark> = marks.into_iter().map(|mark| (mark.id, mark)).collect();
    let documents = documents(tx, &made).await?;
    let freed: Vec<Uuid> = made.iter().flat_map(|one| &one.freed).copied().collect();
    let claims: Vec<&Claim> = made.iter().flat_map(|one| &one.claims).collect();
    let mut book = Book::open(ids, tx, &freed, &claims).await?;
    let mut written = Written::default();
    let mut changes = Changes::default();
    for one in made {
        let mark = marks.get(&one.contract_id);
        let are_as_read = one.remade.iter().all(|(before, _)| {
            let now = documents.get(&before.id());
            matches!(now, Some(Invoice::Draft(draft)) if draft == before)
        });
        let is_as_read = are_as_read && mark.is_some_and(|mark| is_as_read(mark, &one));
        if is_as_read && book.take(&one.freed, &one.claims) {
            written.contracts += 1;
            changes.add(one);
        } else {
            written.overtaken.push(one.contract_id);
            written.short.extend(is_as_read.then_some(one.contract_id));
        }
    }
    if is_together {
        changes.consolidate(ids)?;
    }
    changes.write(tx).await?;
    book.write(tx, &changes.together).await?;
    let new = changes.drafts.iter().map(Draft::id);
    let remade = changes.remade.iter().map(|(_, after)| after.id());
    written.invoices = new.chain(remade).collect();
    Ok(written)
}

/// The documents that are to be changed, as they are now; locked.
async fn documents(tx: &mut Tx, made: &[Made]) -> Result<HashMap<Uuid, Invoice>> {
    let remade = made.iter().flat_map(|one| &one.remade);
    let ids: Vec<Uuid> = remade.map(|(before, _)| before.id()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = store::invoice::of_ids(tx, &ids).await?;
    let by_id = found.into_iter().map(|invoice| (invoice.id(), invoice));
    Ok(by_id.collect())
}

fn is_as_read(mark: &Mark, made: &Made) -> bool {
    mark.version == made.version && mark.next_bill_day == made.next_bill_day_before
}

/// What is written of all contracts together.
#[derive(Default)]
struct Changes {
    drafts: Vec<Draft>,
    remade: Vec<(Draft, Draft)>,
    freed: Vec<Uuid>,
    billed: Vec<store::billed_period::Billed>,
    adjusted: Vec<store::billed_period::AdjustmentsOf>,
    days: Vec<(Uuid, Option<Date>)>,
    noted: Vec<Uuid>,
    cleared: Vec<Uuid>,
    /// Drafts that became part of another, and which.
    together: HashMap<Uuid, Uuid>,
}

impl Changes {
    fn add(&mut self, made: Made) {
        let Made {
            contract_id,
            version: _,
            next_bill_day_before,
            next_bill_day,
            drafts,
            remade,
            freed,
            billed,
            adjusted,
            claims: _,
            is_waiting,
            was_noted,
        } = made;
        self.drafts.extend(drafts);
        self.remade.extend(remade);
        self.freed.extend(freed);
        self.billed.extend(billed);
        self.adjusted.extend(adjusted);
        if next_bill_day != next_bill_day_before {
            self.days.push((contract_id, next_bill_day));
        }
        match (is_waiting, was_noted) {
            (true, false) => self.noted.push(contract_id),
            (false, true) => self.cleared.push(contract_id),
            _ => {}
        }
    }

    /// Makes one draft of those that belong together.
    fn consolidate(&mut self, ids: &dyn Ids) -> Result<()> {
        let mut groups: BTreeMap<ConsolidationKey, Vec<Draft>> = BTreeMap::new();
        for draft in std::mem::take(&mut self.drafts) {
            let key = draft.consolidation_key();
            groups.entry(key).or_default().push(draft);
        }
        for (_, drafts) in groups {
            if drafts.len() == 1 {
                self.drafts.extend(drafts);
                continue;
            }
            let alone: Vec<Uuid> = drafts.iter().map(Draft::id).collect();
            let whole = consolidate(ids.next(), drafts);
            let (whole, _) =
                whole.map_err(|refusal| Error::refused(super::NOT_BILLABLE, refusal))?;
            let ends = alone.iter().map(|id| (*id, whole.id()));
            self.together.extend(ends);
            for billed in &mut self.billed {
                if alone.contains(&billed.invoice_id) {
                    billed.invoice_id = whole.id();
                }
            }
            self.drafts.push(whole);
        }
        Ok(())
    }

    async fn write(&self, tx: &mut Tx) -> Result<()> {
        store::billed_period::clear_parts(tx, &self.freed).await?;
        for (before, after) in &self.remade {
            store::invoice::save_draft(tx, before, after).await?;
        }
        store::invoice::insert_drafts(tx, &self.drafts).await?;
        store::billed_period::insert(tx, &self.billed).await?;
        store::billed_period::insert_adjustments(tx, &self.adjusted).await?;
        store::contract::set_next_bill_days(tx, &self.days).await?;
        store::billing_recheck::note(tx, &self.noted).await?;
        store::billing_recheck::clear(tx, &self.cleared).await?;
        Ok(())
    }
}
