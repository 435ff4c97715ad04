//! From what is to be done about a contract to what is written: rated parts, drafts, what they billed and what they
//! adjust. Owns which part bears an adjustment; which document a part goes on says [`super::documents`]. Pure: everything that
//! it needs was read and counted before.

use std::collections::{HashMap, HashSet, VecDeque};

use florin_core::{
    billing::{BillDue, PartDue},
    carried::Carried,
    contract::PhaseBilling,
    entitlement::CustomerGrant,
    grant::Balance,
    invoice::{Draft, InvoiceDatePolicy, Part, Source},
    money::Money,
    pricing::Context,
    rating::{self, Bill, Charge, rate},
};
use florin_store::billed_period::{AdjustmentsOf, Billed};
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Problem,
    counted::{Counter, digest},
    formula::FormulaValues,
    plan::{Ask, Plan, Settling},
    rebill::Pending,
    subject::Subject,
    work::Papers,
};
use crate::entitlement::billed::Claim;

/// What holds for all contracts of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Making {
    /// The day on which drafts are made.
    pub(super) today: Date,
    /// How the date on an invoice follows from its bill.
    pub(super) invoice_date: InvoiceDatePolicy,
    /// How many events had been accepted before anything was counted.
    pub(super) usage_sequence: u64,
}

/// What is written about a contract.
#[derive(Debug)]
pub(super) struct Made {
    /// The contract.
    pub(super) contract_id: Uuid,
    /// Its version when it was read.
    pub(super) version: u32,
    /// The day on which it was to be looked at when it was read.
    pub(super) next_bill_day_before: Option<Date>,
    /// The day on which it is to be looked at next.
    pub(super) next_bill_day: Option<Date>,
    /// New drafts.
    pub(super) drafts: Vec<Draft>,
    /// Drafts made anew, before and after.
    pub(super) remade: Vec<(Draft, Draft)>,
    /// Parts whose periods are freed.
    pub(super) freed: Vec<Uuid>,
    /// What is billed.
    pub(super) billed: Vec<Billed>,
    /// What is adjusted.
    pub(super) adjusted: Vec<AdjustmentsOf>,
    /// What parts bring and draw of entitlements.
    pub(super) claims: Vec<Claim>,
    /// Whether adjustments wait for the next bill.
    pub(super) is_waiting: bool,
    /// Whether the contract was noted to be looked at again.
    pub(super) was_noted: bool,
}

/// A part and what is to be kept of it.
#[derive(Debug)]
pub(super) struct Rated {
    pub(super) part: Part,
    pub(super) billed: Vec<Billed>,
    pub(super) adjusted: Vec<AdjustmentsOf>,
    pub(super) claim: Option<Claim>,
}

/// Rates what a plan says. Takes new ids from the front of `ids`, of which there are [`ids_needed`].
///
/// # Errors
/// [`Problem`] where something cannot be rated.
pub(super) fn make(
    (subject, plan): (&Subject, &Plan),
    ask: &Ask,
    making: &Making,
    (papers, counter): (&Papers, &Counter),
    ids: Vec<Uuid>,
) -> Result<Made, Problem> {
    let formula = FormulaValues::of(subject);
    let mut maker = Maker {
        subject,
        plan,
        making,
        papers,
        counter,
        formula,
        ids: ids.into(),
        phases: HashMap::new(),
        carried: HashMap::new(),
        grants: papers.balances.of(subject.customer.id),
        counts: false,
        settling: ask.settling(),
        reused: HashSet::new(),
    };
    maker.take_over_carried();
    let mut pending = maker.rate_again()?;
    let mut bills = Vec::with_capacity(plan.bills.len());
    for bill in &plan.bills {
        bills.push((bill.bill_for_date, maker.rate_bill(bill)?));
    }
    let is_waiting = maker.place(ask, &mut pending, &mut bills)?;
    bills.retain(|(_, parts)| !parts.is_empty());
    maker.documents(ask, bills, is_waiting)
}

/// New ids that a plan needs at most: for each bill and its parts, for one that only adjusts, and for a part of each
/// bill that is adjusted, whose phase may be on no other.
pub(super) fn ids_needed(plan: &Plan) -> usize {
    let bills = plan.bills.iter().map(|bill| 1 + bill.parts.len());
    bills.sum::<usize>() + 2 + plan.freed.len() + plan.again.len()
}

/// One contract in the making.
pub(super) struct Maker<'a> {
    pub(super) subject: &'a Subject,
    pub(super) plan: &'a Plan,
    pub(super) making: &'a Making,
    pub(super) papers: &'a Papers,
    pub(super) counter: &'a Counter,
    formula: Option<FormulaValues>,
    ids: VecDeque<Uuid>,
    phases: HashMap<Date, Vec<PhaseBilling>>,
    pub(super) carried: HashMap<Uuid, Carried>,
    /// What the customer has, less what the bills so far draw.
    pub(super) grants: Vec<CustomerGrant>,
    /// Whether usage was counted.
    pub(super) counts: bool,
    settling: &'a [Settling],
    /// Parts that are made again under their ids.
    reused: HashSet<Uuid>,
}

impl Maker<'_> {
    pub(super) fn next_id(&mut self) -> Result<Uuid, Problem> {
        let next = self.ids.pop_front();
        next.ok_or_else(|| self.subject.problem("it needs more ids than were foreseen"))
    }

    /// What each phase that carries has used up: what its last bill left; where drafts are made anew, what the
    /// first of them found.
    fn take_over_carried(&mut self) {
        for phase in self.plan.carrying() {
            let bills = self.papers.carried.get(&phase);
            let bills = bills.map(Vec::as_slice).unwrap_or_default();
            let freed = bills
                .iter()
                .find(|bill| self.plan.freed.contains(&bill.part));
            let carried = match freed {
                Some(first) => Some(first.carried_in.clone()),
                None => bills.last().map(|last| last.carried_out.clone()),
            };
            self.carried.insert(phase, carried.unwrap_or_default());
        }
    }

    /// The terms of a phase with the taxes of a day.
    pub(super) fn phase(&mut self, id: Uuid, day: Date) -> Result<PhaseBilling, Problem> {
        let subject = self.subject;
        let phases = if subject.is_taxed() {
            if let std::collections::hash_map::Entry::Vacant(unknown) = self.phases.entry(day) {
                unknown.insert(subject.terms(day)?);
            }
            self.phases.get(&day)
        } else {
            Some(&self.plan.phases)
        };
        let mut phases = phases.into_iter().flatten();
        let found = phases.find(|phase| phase.phase_id == id);
        found
            .cloned()
            .ok_or_else(|| subject.problem("its bill names a phase that it does not have"))
    }

    /// Rates charges of a phase after what was carried into it, with balances of entitlements.
    pub(super) fn rate(
        &mut self,
        phase: &PhaseBilling,
        day: Date,
        charges: &[Charge],
        (before, balances): (&Carried, &[Balance]),
    ) -> Result<rating::Rated, Problem> {
        let context = self
            .formula
            .as_ref()
            .map_or(Context::EMPTY, |values| Context {
                customer: &values.customer,
                contract: &values.contract,
            });
        let bill = Bill {
            bill_for_date: day,
            charges,
            balances,
            carried: before,
            context,
        };
        rate(&phase.terms, &bill).map_err(|error| self.subject.problem(error))
    }

    fn rate_bill(&mut self, bill: &BillDue) -> Result<Vec<Rated>, Problem> {
        let mut parts = Vec::with_capacity(bill.parts.len());
        for due in &bill.parts {
            parts.extend(self.rate_part(due, bill.bill_for_date)?);
        }
        Ok(parts)
    }

    fn rate_part(&mut self, due: &PartDue, day: Date) -> Result<Option<Rated>, Problem> {
        let phase = self.phase(due.phase_id, day)?;
        let before = self.carried.get(&due.phase_id).cloned().unwrap_or_default();
        let mut charges = Vec::with_capacity(due.charges.len());
        let mut digests = Vec::with_capacity(due.charges.len());
        for charge in &due.charges {
            let counted = self.counter.counted(self.subject, charge)?;
            digests.push(digest(&counted));
            charges.push(charge.with_usage(counted));
        }
        let (rated, claimed) = self.rate_entitled((&phase, due), day, &charges, &before)?;
        self.carried.insert(due.phase_id, rated.carried.clone());
        if rated.draft.lines.is_empty() && due.charges.is_empty() {
            // A minimum that is met asks for no bill.
            return Ok(None);
        }
        let id = match self.reused(due, day) {
            Some(id) => id,
            None => self.next_id()?,
        };
        self.reused.insert(id);
        self.counts |= digests.iter().any(Option::is_some);
        let billed = due
            .charges
            .iter()
            .zip(digests)
            .map(|(charge, usage_digest)| Billed {
                period: charge.billed(due.phase_id, id),
                contract_id: self.subject.contract.id(),
                contract_version: self.subject.contract.version(),
                // The document is known later.
                invoice_id: Uuid::nil(),
                usage_digest,
            });
        let billed = billed.collect();
        let part = self.part(id, due.phase_id, rated.draft, (before, rated.carried));
        Ok(Some(Rated {
            part,
            billed,
            adjusted: Vec::new(),
            claim: self.claim(id, claimed),
        }))
    }

    fn part(
        &self,
        id: Uuid,
        phase_id: Uuid,
        rated: rating::Draft,
        (carried_in, carried_out): (Carried, Carried),
    ) -> Part {
        let contract = &self.subject.contract;
        let lines = rated.lines.iter().filter_map(|line| match line.kind {
            rating::LineKind::Charge(id) => self.subject.lines.get(&id),
            _ => None,
        });
        let mut labels: Vec<_> = lines.map(|facts| facts.label.clone()).collect();
        labels.dedup();
        Part {
            id,
            source: Source::Contract {
                contract_id: contract.id(),
                version: contract.version(),
                phase_id,
            },
            customer_id: self.subject.customer.id,
            rated,
            adjustments: Vec::new(),
            labels,
            carried_in,
            carried_out,
        }
    }

    /// A part that only adjusts.
    fn adjusting_part(&mut self, phase_id: Uuid, day: Date) -> Result<Rated, Problem> {
        let zero = Money::zero(self.subject.contract.header().currency);
        let nothing = rating::Draft {
            bill_for_date: day,
            lines: Vec::new(),
            features: Vec::new(),
            taxes: Vec::new(),
            net: zero,
            tax: zero,
            total: zero,
            credit: zero,
        };
        let carried = self.carried.get(&phase_id).cloned().unwrap_or_default();
        let id = self.next_id()?;
        let part = self.part(id, phase_id, nothing, (carried.clone(), carried));
        Ok(Rated {
            part,
            billed: Vec::new(),
            adjusted: Vec::new(),
            claim: None,
        })
    }

    /// The id of the freed part that had the same phase and day; of several the one that had a line of these.
    fn reused(&self, due: &PartDue, day: Date) -> Option<Uuid> {
        let revisions = self.subject.revisions.iter().map(|billed| billed.period);
        let same = revisions.filter(|period| {
            let is_own = period.part == period.bill && period.phase_id == due.phase_id;
            let is_free = self.plan.freed.contains(&period.part);
            is_own && is_free && period.bill_for_date == day && !self.reused.contains(&period.part)
        });
        let is_of_line = |line| due.charges.iter().any(|charge| charge.line == line);
        let best = same.max_by_key(|period| is_of_line(period.line));
        let mut settling = self.settling.iter();
        let settling = settling.find(|one| {
            let is_new = !self.reused.contains(&one.part);
            is_new && due.charges.is_empty() && one.phase_id == due.phase_id
        });
        let best = best.map(|period| period.part);
        best.or_else(|| settling.map(|one| one.part))
    }

    /// Puts adjustments on the first bill; where there is none and will be none, on one of their own. Answers
    /// whether they wait for the next bill.
    fn place(
        &mut self,
        ask: &Ask,
        pending: &mut Vec<Pending>,
        bills: &mut Vec<(Date, Vec<Rated>)>,
    ) -> Result<bool, Problem> {
        if pending.is_empty() {
            return Ok(false);
        }
        if bills.is_empty() {
            let is_asked_for = matches!(ask, Ask::Parts(_) | Ask::Now(_));
            let is_last = matches!(ask, Ask::Due(_)) && self.plan.next_bill_day.is_none();
            if !is_asked_for && !is_last {
                pending.clear();
                return Ok(true);
            }
            bills.push((self.making.today, Vec::new()));
        }
        for one in pending.drain(..) {
            let rated = self.part_for(&one, bills)?;
            add(rated, one, &self.subject.lines);
        }
        Ok(false)
    }

    /// The part that bears adjustments: the one that bore them before, else that of their phase on the first bill.
    fn part_for<'b>(
        &mut self,
        pending: &Pending,
        bills: &'b mut [(Date, Vec<Rated>)],
    ) -> Result<&'b mut Rated, Problem> {
        let before = self
            .papers
            .adjusted
            .iter()
            .find(|one| one.bill == pending.bill && self.plan.freed.contains(&one.part));
        let before = before.map(|one| one.part);
        let kept = bills.iter().position(|(_, parts)| {
            let mut parts = parts.iter();
            parts.any(|rated| Some(rated.part.id) == before)
        });
        let (day, parts) = &mut bills[kept.unwrap_or(0)];
        let is_same = |rated: &Rated| match (kept, rated.part.source) {
            (Some(_), _) => Some(rated.part.id) == before,
            (None, Source::Contract { phase_id, .. }) => phase_id == pending.phase_id,
            (None, Source::OneOff) => false,
        };
        let place = match parts.iter().position(is_same) {
            Some(place) => place,
            None => {
                parts.push(self.adjusting_part(pending.phase_id, *day)?);
                parts.len() - 1
            }
        };
        Ok(&mut parts[place])
    }
}

/// Adds adjustments to a part.
fn add(
    rated: &mut Rated,
    pending: Pending,
    lines: &HashMap<florin_core::id::LineId, super::subject::LineFacts>,
) {
    let part = &mut rated.part;
    rated.adjusted.push(AdjustmentsOf {
        part: part.id,
        bill: pending.bill,
        position: part.adjustments.len(),
        count: pending.adjustments.len(),
    });
    for adjustment in &pending.adjustments {
        if let florin_core::billing::LineKey::Charge { line, .. } = adjustment.key
            && !part.labels.iter().any(|label| label.line == line)
            && let Some(facts) = lines.get(&line)
        {
            part.labels.push(facts.label.clone());
        }
    }
    part.adjustments.extend(pending.adjustments);
    let revised = pending.revised.into_iter();
    rated.billed.extend(revised.map(|mut billed| {
        billed.period.part = part.id;
        billed
    }));
}
