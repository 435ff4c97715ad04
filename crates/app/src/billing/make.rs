//! From what is to be done about a contract to what is written: rated parts, drafts, what they billed and what they
//! adjust. Owns which document each part goes on. Pure: everything that it needs was read and counted before.

use std::collections::{HashMap, HashSet, VecDeque};

use florin_core::{
    billing::{BillDue, PartDue},
    calendar::Period,
    carried::Carried,
    contract::PhaseBilling,
    entitlement::CustomerGrant,
    grant::Balance,
    invoice::{Draft, Freshness, Header, InvoiceDatePolicy, Part, Source},
    money::Money,
    pricing::Context,
    rating::{self, Bill, Charge, rate},
};
use florin_store::{
    billed_period::{AdjustmentsOf, Billed},
    invoice::Invoice,
};
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Problem,
    counted::{Counter, digest},
    formula::FormulaValues,
    plan::{Ask, Plan},
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
    billed: Vec<Billed>,
    adjusted: Vec<AdjustmentsOf>,
    claim: Option<Claim>,
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
    counts: bool,
    /// Parts that are made again under their ids.
    reused: HashSet<Uuid>,
}

impl Maker<'_> {
    fn next_id(&mut self) -> Result<Uuid, Problem> {
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
        best.map(|period| period.part)
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

    /// Puts the parts on documents: what keeps its id stays on its draft, the rest goes on a draft of the day.
    fn documents(
        mut self,
        ask: &Ask,
        bills: Vec<(Date, Vec<Rated>)>,
        is_waiting: bool,
    ) -> Result<Made, Problem> {
        let contract = &self.subject.contract;
        let next_bill_day = match ask {
            Ask::Due(_) | Ask::Now(_) => self
                .plan
                .next_bill_day
                .filter(|_| contract.status().is_billed()),
            Ask::Cycle(_) | Ask::Parts(_) => self.subject.next_bill_day,
        };
        let mut made = Made {
            contract_id: contract.id(),
            version: contract.version(),
            next_bill_day_before: self.subject.next_bill_day,
            next_bill_day,
            drafts: Vec::new(),
            remade: Vec::new(),
            freed: self.plan.freed.clone(),
            billed: Vec::new(),
            adjusted: Vec::new(),
            claims: Vec::new(),
            is_waiting,
            was_noted: self.subject.is_noted,
        };
        let mut open: Vec<(Draft, Vec<Rated>)> = self
            .freed_drafts()
            .into_iter()
            .map(|draft| (draft, Vec::new()))
            .collect();
        for (day, rated) in bills {
            let mut new = Vec::new();
            for one in rated {
                let same = |draft: &Draft| draft.parts().iter().any(|part| part.id == one.part.id);
                match open.iter_mut().find(|(draft, _)| same(draft)) {
                    Some((_, parts)) => parts.push(one),
                    None => new.push(one),
                }
            }
            let mut takers = open.iter_mut();
            match takers.find(|(draft, _)| self.takes(ask, draft, day)) {
                Some((_, parts)) => parts.extend(new),
                None if new.is_empty() => {}
                None => {
                    let draft = self.draft(day, new, &mut made)?;
                    made.drafts.push(draft);
                }
            }
        }
        for (before, rated) in open {
            let after = self.remade(&before, rated, &mut made)?;
            made.remade.push((before, after));
        }
        Ok(made)
    }

    /// Open drafts that have a freed part.
    fn freed_drafts(&self) -> Vec<Draft> {
        let freed: HashSet<Uuid> = self.plan.freed.iter().copied().collect();
        let drafts = self
            .papers
            .invoices
            .values()
            .filter_map(|invoice| match invoice {
                Invoice::Draft(draft) => Some(draft),
                Invoice::Issued(_) => None,
            });
        let has_freed = |draft: &&Draft| draft.parts().iter().any(|part| freed.contains(&part.id));
        let mut drafts: Vec<Draft> = drafts.filter(has_freed).cloned().collect();
        drafts.sort_by_key(|draft| (draft.header().bill_for_date, draft.id()));
        drafts
    }

    fn takes(&self, ask: &Ask, draft: &Draft, day: Date) -> bool {
        matches!(ask, Ask::Parts(_)) || draft.header().bill_for_date == day
    }

    /// The draft with other parts of this contract; discarded where nothing is left on it.
    fn remade(&self, before: &Draft, rated: Vec<Rated>, made: &mut Made) -> Result<Draft, Problem> {
        let mut new = take_parts(rated, before.id(), made);
        let mut parts = Vec::with_capacity(before.parts().len());
        for part in before.parts() {
            if !self.plan.freed.contains(&part.id) {
                parts.push(part.clone());
            } else if let Some(place) = new.iter().position(|other| other.id == part.id) {
                parts.push(new.remove(place));
            }
        }
        parts.extend(new);
        let is_empty = parts.is_empty();
        let after = match is_empty {
            true => before.clone().discard(),
            false => before.clone().regenerate(parts, self.freshness(before)),
        };
        after.map_err(|refusal| self.subject.problem(refusal))
    }

    fn freshness(&self, before: &Draft) -> Freshness {
        let is_counted = self.counts || before.freshness().usage_sequence.is_some();
        Freshness {
            usage_sequence: is_counted.then_some(self.making.usage_sequence),
            contract_version: before
                .header()
                .contract_id
                .map(|_| self.subject.contract.version()),
        }
    }

    fn draft(&mut self, day: Date, rated: Vec<Rated>, made: &mut Made) -> Result<Draft, Problem> {
        let id = self.next_id()?;
        let subject = self.subject;
        let contract = &subject.contract;
        let parts = take_parts(rated, id, made);
        let mut header = Header::new(subject.payer, contract.header().currency, day);
        header.contract_id = Some(contract.id());
        header.business_entity_id = subject.business_entity_id;
        header.payment_terms = self.payment_terms(&parts);
        if let Some(served) = served(&parts) {
            let policy = self.making.invoice_date;
            let date = policy.date(day, self.making.today, served);
            header.invoice_date = date.map_err(|error| subject.problem(error))?;
        }
        let freshness = Freshness {
            usage_sequence: self.counts.then_some(self.making.usage_sequence),
            contract_version: Some(contract.version()),
        };
        let draft = Draft::new(id, header, parts, freshness);
        draft.map_err(|refusal| subject.problem(refusal))
    }

    fn payment_terms(&self, parts: &[Part]) -> Option<florin_core::payment_terms::PaymentTerms> {
        let phases = parts.iter().filter_map(|part| match part.source {
            Source::Contract { phase_id, .. } => Some(phase_id),
            Source::OneOff => None,
        });
        let mut terms = phases.filter_map(|id| {
            let mut phases = self.plan.phases.iter();
            let phase = phases.find(|phase| phase.phase_id == id)?;
            phase.terms.phase().payment_terms
        });
        terms.next()
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

/// The parts, once it is known on which invoice they are.
fn take_parts(rated: Vec<Rated>, invoice_id: Uuid, made: &mut Made) -> Vec<Part> {
    let parts = rated.into_iter().map(|rated| {
        let billed = rated.billed.into_iter();
        made.billed.extend(billed.map(|billed| Billed {
            invoice_id,
            ..billed
        }));
        made.adjusted.extend(rated.adjusted);
        made.claims.extend(rated.claim.map(|claim| Claim {
            invoice_id,
            ..claim
        }));
        rated.part
    });
    parts.collect()
}

/// From the first to the last day that lines serve.
fn served(parts: &[Part]) -> Option<Period> {
    let lines = parts.iter().flat_map(|part| {
        let lines = part.rated.lines.iter().map(|line| line.service);
        lines.chain(part.adjustments.iter().map(|adjustment| adjustment.service))
    });
    lines.reduce(|one, other| {
        let span = Period::new(one.start().min(other.start()), one.end().max(other.end()));
        span.unwrap_or(one)
    })
}
