//! Which document each rated part goes on: the draft that it is on already, another that is made anew, or a new one. Owns
//! what becomes of drafts whose parts go away. Does not own the parts ([`super::make`]).

use std::collections::HashSet;

use florin_core::{
    calendar::Period,
    invoice::{Draft, Freshness, Header, Part, Source},
};
use florin_store::{billed_period::Billed, invoice::Invoice};
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Problem,
    make::{Made, Maker, Rated},
    plan::Ask,
};
use crate::entitlement::billed::Claim;

impl Maker<'_> {
    /// Puts the parts on documents: what keeps its id stays on its draft, the rest goes on a draft of the day.
    pub(super) fn documents(
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
