//! What invoices do to entitlements: the grants that they bring, and what they draw.
//!
//! Owns when it counts. A draft holds what it would draw and brings grants as drafts; at its trigger (made, approved, paid)
//! what it holds is used and its grants count. A draft that is made anew or deleted gives back what it held. All of it stands
//! in the transaction of the invoice. Does not own how much a bill draws ([`florin_core::rating`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use florin_core::{
    entitlement::{CustomerGrant, GrantDetails, GrantStatus, Source, spread},
    grant::{GrantDue, TriggerEvent},
    invoice::{Issued, Status},
};
use florin_store::{
    self as store, Tx,
    entitlement_grant::{Draw, DrawnFor},
    entitlement_usage::{self, BilledDays},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::alert;
use crate::{Ids, Result};

/// What a part of a draft brings and draws.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claim {
    /// The part.
    pub(crate) part_id: Uuid,
    /// Its invoice.
    pub(crate) invoice_id: Uuid,
    /// Its contract.
    pub(crate) contract_id: Uuid,
    /// Who is served.
    pub(crate) customer_id: Uuid,
    /// The zone of the contract's days.
    pub(crate) zone: TimeZone,
    /// What it brings.
    pub(crate) grants: Vec<GrantDue>,
    /// What it draws.
    pub(crate) draws: Vec<ClaimedDraw>,
}

/// What a part draws from an entitlement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClaimedDraw {
    /// The entitlement.
    pub(crate) entitlement_id: Uuid,
    /// What makes the draw final.
    pub(crate) trigger: TriggerEvent,
    /// How much, besides what usage has drawn.
    pub(crate) quantity: Decimal,
    /// First day of what is billed.
    pub(crate) start: Date,
    /// First day after it.
    pub(crate) end: Date,
}

/// The grants of customers while claims are written; locked.
pub(crate) struct Book<'b> {
    ids: &'b dyn Ids,
    at: Timestamp,
    known: HashSet<Uuid>,
    before: HashMap<Uuid, CustomerGrant>,
    page: Page,
    earlier: HashMap<Uuid, Vec<Draw>>,
}

/// What changes.
#[derive(Clone, Default)]
struct Page {
    grants: BTreeMap<Uuid, CustomerGrant>,
    gone_grants: BTreeSet<Uuid>,
    gone_draws: Vec<Uuid>,
    new_draws: Vec<Draw>,
    freed: Vec<Uuid>,
    billed: Vec<BilledDays>,
}

impl<'b> Book<'b> {
    /// The grants that claims of parts, and parts that are freed, are about.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub(crate) async fn open(
        ids: &'b dyn Ids,
        tx: &mut Tx,
        freed: &[Uuid],
        claims: &[&Claim],
    ) -> Result<Self> {
        let mut book = Self {
            ids,
            at: tx.at()?,
            known: HashSet::new(),
            before: HashMap::new(),
            page: Page::default(),
            earlier: HashMap::new(),
        };
        for draw in store::entitlement_grant::draws_of_parts(tx, freed).await? {
            if let DrawnFor::Part(part) = draw.drawn_for {
                book.earlier.entry(part).or_default().push(draw);
            }
        }
        let named = claims.iter().flat_map(|claim| {
            let drawn = claim.draws.iter().map(|draw| draw.entitlement_id);
            drawn.chain(claim.grants.iter().map(|due| due.entitlement.0))
        });
        let named: BTreeSet<Uuid> = named.collect();
        let named: Vec<Uuid> = named.into_iter().collect();
        // A price may name what nobody has defined: it grants nothing.
        let known = store::entitlement::of_ids(tx, &named).await?;
        book.known = known.into_keys().collect();
        let customers: BTreeSet<Uuid> = claims.iter().map(|claim| claim.customer_id).collect();
        let customers: Vec<Uuid> = customers.into_iter().collect();
        let drawn = book.earlier.values().flatten();
        let mut meant: Vec<Uuid> = drawn.map(|draw| draw.drawn.grant).collect();
        meant.extend(store::entitlement_grant::ids_of_sources(tx, freed).await?);
        let own = store::entitlement_grant::ids_of_customers(tx, &customers, &named);
        meant.extend(own.await?);
        for grant in store::entitlement_grant::of_ids(tx, &meant).await? {
            book.before.insert(grant.id, grant.clone());
            book.page.grants.insert(grant.id, grant);
        }
        Ok(book)
    }

    /// Gives back what freed parts held and takes what claims draw; answers whether there is enough. If not, nothing is
    /// changed.
    pub(crate) fn take(&mut self, freed: &[Uuid], claims: &[Claim]) -> bool {
        let before = self.page.clone();
        for part in freed {
            self.give_back(*part);
        }
        self.free_grants(freed, claims);
        for claim in claims {
            self.bring(claim);
            if !claim.draws.iter().all(|draw| self.draw(claim, draw)) {
                self.page = before;
                return false;
            }
        }
        self.page.freed.extend(freed);
        true
    }

    fn give_back(&mut self, part: Uuid) {
        for draw in self.earlier.remove(&part).unwrap_or_default() {
            self.page.gone_draws.push(draw.id);
            let Some(grant) = self.page.grants.get_mut(&draw.drawn.grant) else {
                continue;
            };
            let taken = match draw.is_held {
                true => &mut grant.quantity_held,
                false => &mut grant.details.quantity_used,
            };
            // What somebody has set by hand meanwhile is not taken below zero.
            *taken = (*taken - draw.drawn.quantity).max(Decimal::ZERO);
        }
    }

    /// Grants of freed parts that are not brought again go; what of them was used stays used.
    fn free_grants(&mut self, freed: &[Uuid], claims: &[Claim]) {
        let of_freed = self.page.grants.values().filter(|grant| {
            let source = grant.details.source_id;
            source.is_some_and(|source| freed.contains(&source))
        });
        let of_freed: Vec<Uuid> = of_freed.map(|grant| grant.id).collect();
        for id in of_freed {
            let Some(grant) = self.page.grants.get_mut(&id) else {
                continue;
            };
            let is_brought = claims.iter().any(|claim| {
                Some(claim.part_id) == grant.details.source_id
                    && claim
                        .grants
                        .iter()
                        .any(|due| is_same(grant, due, &claim.zone))
            });
            let taken = grant.details.quantity_used + grant.quantity_held;
            if !is_brought && taken.is_zero() {
                self.page.gone_grants.insert(id);
            } else if !is_brought {
                grant.details.quantity = taken;
            }
        }
    }

    /// Adds the grants of a claim; one that the part brought before keeps its use.
    fn bring(&mut self, claim: &Claim) {
        for due in claim
            .grants
            .iter()
            .filter(|due| self.known.contains(&due.entitlement.0))
        {
            let mut known = self.page.grants.values_mut();
            let same = known.find(|grant| {
                grant.details.source_id == Some(claim.part_id) && is_same(grant, due, &claim.zone)
            });
            if let Some(grant) = same {
                let taken = grant.details.quantity_used + grant.quantity_held;
                grant.details.quantity = due.amount.max(taken);
                continue;
            }
            if let Some(grant) = self.brought(claim, due) {
                self.page.grants.insert(grant.id, grant);
            }
        }
    }

    fn brought(&self, claim: &Claim, due: &GrantDue) -> Option<CustomerGrant> {
        let active_from = instant(due.active_from, &claim.zone)?;
        let expiry_at = match due.expires_on {
            Some(day) => Some(instant(day, &claim.zone)?),
            None => None,
        };
        if expiry_at.is_some_and(|expiry| expiry <= active_from) {
            return None;
        }
        let status = match due.trigger_event {
            TriggerEvent::InvoiceCreation => GrantStatus::Active,
            _ => GrantStatus::Draft,
        };
        let details = GrantDetails {
            status,
            active_from,
            expiry_at,
            quantity: due.amount,
            quantity_used: Decimal::ZERO,
            source_type: "Grant".to_owned(),
            source_id: Some(claim.part_id),
            event: due.trigger_event.as_str().to_owned(),
            contract_id: Some(claim.contract_id),
            invoice_id: Some(claim.invoice_id),
            block_amount: None,
            numeric_value: None,
            feature_option_value: None,
        };
        let about = (due.entitlement.0, claim.customer_id);
        let granted = florin_core::entitlement::grant(self.ids.next(), about, details, self.at);
        granted.ok()
    }

    fn draw(&mut self, claim: &Claim, draw: &ClaimedDraw) -> bool {
        self.page.billed.push(BilledDays {
            part_id: claim.part_id,
            entitlement_id: draw.entitlement_id,
            customer_id: claim.customer_id,
            start: draw.start,
            end: draw.end,
        });
        let window = (
            instant(draw.start, &claim.zone),
            instant(draw.end, &claim.zone),
        );
        let (Some(start), Some(end)) = window else {
            return draw.quantity.is_zero();
        };
        let counts = |grant: &&CustomerGrant| {
            let is_own = grant.details.source_id == Some(claim.part_id);
            let is_meant = grant.customer_id == claim.customer_id
                && grant.entitlement_id == draw.entitlement_id
                && !self.page.gone_grants.contains(&grant.id);
            let counts = grant.details.status == GrantStatus::Active || is_own;
            is_meant && counts && grant.overlaps(start, end)
        };
        let sources = self.page.grants.values().filter(counts);
        let mut sources: Vec<Source> = sources.map(CustomerGrant::source).collect();
        let drawn = spread(&mut sources, draw.quantity);
        let taken: Decimal = drawn.iter().map(|one| one.quantity).sum();
        let is_held = draw.trigger != TriggerEvent::InvoiceCreation;
        for one in drawn {
            if let Some(grant) = self.page.grants.get_mut(&one.grant) {
                match is_held {
                    true => grant.quantity_held += one.quantity,
                    false => grant.details.quantity_used += one.quantity,
                }
            }
            self.page.new_draws.push(Draw {
                id: self.ids.next(),
                drawn: one,
                entitlement_id: draw.entitlement_id,
                customer_id: claim.customer_id,
                drawn_for: DrawnFor::Part(claim.part_id),
                is_held,
            });
        }
        taken == draw.quantity
    }

    /// Writes what was taken and given back. `invoices` are where parts went that were put together with others.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub(crate) async fn write(mut self, tx: &mut Tx, invoices: &HashMap<Uuid, Uuid>) -> Result<()> {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for id in &self.page.gone_grants {
            if let Some(grant) = self.before.remove(id) {
                store::entitlement_grant::delete_draws(tx, &self.page.gone_draws).await?;
                store::entitlement_grant::delete(tx, &grant).await?;
            }
            self.page.grants.remove(id);
        }
        for (id, mut grant) in self.page.grants {
            match self.before.remove(&id) {
                Some(before) if before != grant => changed.push((before, grant)),
                Some(_) => {}
                None => {
                    let whole = grant.details.invoice_id.and_then(|id| invoices.get(&id));
                    grant.details.invoice_id = whole.copied().or(grant.details.invoice_id);
                    new.push(grant);
                }
            }
        }
        store::entitlement_grant::delete_draws(tx, &self.page.gone_draws).await?;
        if !self.page.freed.is_empty() {
            entitlement_usage::delete_billed(tx, &self.page.freed).await?;
        }
        store::entitlement_grant::insert_all(tx, &new).await?;
        store::entitlement_grant::insert_draws(tx, &self.page.new_draws).await?;
        alert::drawn(self.ids, tx, &changed).await?;
        store::entitlement_grant::update_all(tx, "drawn", &changed).await?;
        Ok(entitlement_usage::insert_billed(tx, &self.page.billed).await?)
    }
}

fn is_same(grant: &CustomerGrant, due: &GrantDue, zone: &TimeZone) -> bool {
    grant.entitlement_id == due.entitlement.0
        && Some(grant.details.active_from) == instant(due.active_from, zone)
        && grant.details.expiry_at == due.expires_on.and_then(|day| instant(day, zone))
}

fn instant(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let start = zone.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    Some(florin_core::instant::to_microseconds(start))
}

/// Gives back what parts of drafts held, and takes back what they brought: the drafts are deleted.
///
/// # Errors
/// [`crate::Error::Store`].
pub(crate) async fn freed(ids: &dyn Ids, tx: &mut Tx, parts: &[Uuid]) -> Result<()> {
    let mut book = Book::open(ids, tx, parts, &[]).await?;
    book.take(parts, &[]);
    book.write(tx, &HashMap::new()).await
}

/// What invoices that were approved just now held is used, and what they bring counts.
///
/// # Errors
/// [`crate::Error::Store`].
pub(crate) async fn approved(ids: &dyn Ids, tx: &mut Tx, invoices: &[&Issued]) -> Result<()> {
    let parts = invoices.iter().flat_map(|invoice| invoice.parts());
    let parts: Vec<Uuid> = parts.map(|part| part.id).collect();
    let invoice_ids: Vec<Uuid> = invoices.iter().map(|invoice| invoice.id()).collect();
    let draws = store::entitlement_grant::draws_of_parts(tx, &parts).await?;
    let held: Vec<&Draw> = draws.iter().filter(|draw| draw.is_held).collect();
    let mut meant: Vec<Uuid> = held.iter().map(|draw| draw.drawn.grant).collect();
    let brought = store::entitlement_grant::ids_of_invoices(tx, &invoice_ids).await?;
    meant.extend(brought);
    if meant.is_empty() {
        return Ok(());
    }
    let paid = invoices
        .iter()
        .filter(|invoice| invoice.status() == Status::Paid);
    let paid: HashSet<Uuid> = paid.map(|invoice| invoice.id()).collect();
    let approved: HashSet<Uuid> = invoice_ids.into_iter().collect();
    let before = store::entitlement_grant::of_ids(tx, &meant).await?;
    let changes = before.into_iter().map(|before| {
        let mut after = before.clone();
        for draw in held.iter().filter(|draw| draw.drawn.grant == before.id) {
            after.quantity_held = (after.quantity_held - draw.drawn.quantity).max(Decimal::ZERO);
            after.details.quantity_used += draw.drawn.quantity;
        }
        let of = |invoices: &HashSet<Uuid>, event: TriggerEvent| {
            let invoice = before.details.invoice_id;
            before.details.event == event.as_str()
                && invoice.is_some_and(|invoice| invoices.contains(&invoice))
        };
        let is_due = of(&approved, TriggerEvent::InvoiceApproval)
            || of(&approved, TriggerEvent::Monitoring)
            || of(&paid, TriggerEvent::PaymentSuccess);
        if is_due && before.details.source_id.is_some() {
            after.details.status = GrantStatus::Active;
        }
        (before, after)
    });
    let changes: Vec<_> = changes.filter(|(before, after)| before != after).collect();
    let settled: Vec<Uuid> = held.iter().map(|draw| draw.id).collect();
    store::entitlement_grant::settle_draws(tx, &settled).await?;
    alert::drawn(ids, tx, &changes).await?;
    Ok(store::entitlement_grant::update_all(tx, "settled", &changes).await?)
}

/// What invoices that were paid just now bring counts.
///
/// # Errors
/// [`crate::Error::Store`].
pub(crate) async fn paid(tx: &mut Tx, invoices: &[Uuid]) -> Result<()> {
    let brought = store::entitlement_grant::ids_of_invoices(tx, invoices).await?;
    if brought.is_empty() {
        return Ok(());
    }
    let before = store::entitlement_grant::of_ids(tx, &brought).await?;
    let is_due = |grant: &CustomerGrant| {
        grant.details.event == TriggerEvent::PaymentSuccess.as_str()
            && grant.details.source_id.is_some()
            && grant.details.status == GrantStatus::Draft
    };
    let changes = before.into_iter().filter(is_due).map(|before| {
        let mut after = before.clone();
        after.details.status = GrantStatus::Active;
        (before, after)
    });
    let changes: Vec<_> = changes.collect();
    Ok(store::entitlement_grant::update_all(tx, "settled", &changes).await?)
}
