//! Approved bills rated again: what they came to, what is due of them now, and the difference. Owns the comparison of
//! documents; the difference itself is [`florin_core::billing::adjustments`]'.

use std::collections::HashMap;

use florin_core::{
    billing::{
        Adjustment, AdjustmentReason, BilledLine, Rebill, adjustments, billed_lines,
        with_adjustments,
    },
    calendar::Cycle,
    carried::Carried,
    id::LineId,
    invoice::Part,
    rating::{self, LineKind},
};
use florin_store::billed_period::Billed;
use uuid::Uuid;

use super::{Problem, counted::digest, entitled::as_billed, make::Maker, plan::Again};

/// Adjustments that have no part yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// The bill that they correct.
    pub(super) bill: Uuid,
    /// Its phase.
    pub(super) phase_id: Uuid,
    /// What is charged or given back.
    pub(super) adjustments: Vec<Adjustment>,
    /// Its periods as they are once the adjustments are on a part.
    pub(super) revised: Vec<Billed>,
}

impl Maker<'_> {
    /// Rates approved bills again, the earliest first, each with what the one before it left.
    pub(super) fn rate_again(&mut self) -> Result<Vec<Pending>, Problem> {
        let plan = self.plan;
        let mut left: HashMap<Uuid, Carried> = HashMap::new();
        let mut pending = Vec::new();
        for again in &plan.again {
            let phase_id = again.rebill.phase_id;
            let part = self.billed_part(again.rebill.bill)?;
            let before = left.remove(&phase_id);
            let before = before.unwrap_or_else(|| part.carried_in.clone());
            let (found, after) = self.rate_bill_again(again, &part, before)?;
            left.insert(phase_id, after);
            pending.extend(found);
        }
        self.carried.extend(left);
        Ok(pending)
    }

    fn rate_bill_again(
        &mut self,
        again: &Again,
        part: &Part,
        before: Carried,
    ) -> Result<(Option<Pending>, Carried), Problem> {
        let rebill = &again.rebill;
        let mut charges = Vec::with_capacity(rebill.charges.len());
        let mut revised = Vec::with_capacity(rebill.charges.len());
        for charge in &rebill.charges {
            let counted = self.counter.counted(self.subject, charge)?;
            let usage_digest = digest(&counted);
            let last = self.last_revision(rebill, charge.line, charge.cycle);
            let service = Some(charge.cycle.service);
            revised.extend(last.map(|last| {
                let next = self.revised(last, service, usage_digest);
                (next, last.usage_digest != usage_digest)
            }));
            charges.push(charge.with_usage(counted));
        }
        let gone = rebill.withdrawn.iter().filter_map(|period| {
            let mut known = self.plan.history.iter();
            let last = known.find(|one| one.period == *period)?;
            Some((self.revised(last, None, None), true))
        });
        revised.extend(gone);
        let carries = self.carried.contains_key(&rebill.phase_id);
        let is_late = revised.iter().any(|(_, is_other)| *is_other);
        if !again.is_changed && !is_late && !carries {
            return Ok((None, before));
        }
        let (due, after) = if charges.is_empty() {
            (Vec::new(), before)
        } else {
            let day = rebill.bill_for_date;
            let phase = self.phase(rebill.phase_id, day)?;
            let balances = as_billed(&part.rated);
            let rated = self.rate(&phase, day, &charges, (&before, &balances))?;
            let keys = rebill.charges.iter().map(|one| (one.line, one.cycle));
            let keys: Vec<(LineId, Cycle)> = keys.collect();
            (billed_lines(&keys, &rated.draft), rated.carried)
        };
        let reason = match again.is_changed {
            true => AdjustmentReason::Amendment,
            false => AdjustmentReason::LateUsage,
        };
        let billed = self.billed_lines(rebill.bill, part)?;
        let found = adjustments(&billed, &due, reason);
        let found = found.map_err(|error| self.subject.problem(error))?;
        let revised = revised.into_iter().map(|(next, _)| next).collect();
        let pending = (!found.is_empty()).then_some(Pending {
            bill: rebill.bill,
            phase_id: rebill.phase_id,
            adjustments: found,
            revised,
        });
        Ok((pending, after))
    }

    fn last_revision(&self, rebill: &Rebill, line: LineId, cycle: Cycle) -> Option<&'_ Billed> {
        let mut history = self.plan.history.iter();
        history.find(|one| {
            let period = &one.period;
            period.bill == rebill.bill
                && period.line == line
                && period.full.start() == cycle.full.start()
        })
    }

    fn revised(
        &self,
        last: &Billed,
        service: Option<florin_core::calendar::Period>,
        usage_digest: Option<i64>,
    ) -> Billed {
        Billed {
            // The part is known later.
            period: last.period.revised(service, Uuid::nil()),
            contract_version: self.subject.contract.version(),
            usage_digest,
            ..*last
        }
    }

    /// The part of an invoice that a bill is.
    fn billed_part(&self, bill: Uuid) -> Result<Part, Problem> {
        let found = self.part_with(bill).cloned();
        found.ok_or_else(|| {
            self.subject
                .problem(format!("the bill {bill} is on no invoice"))
        })
    }

    fn part_with(&self, id: Uuid) -> Option<&Part> {
        let invoices = self.papers.invoices.values();
        let mut parts = invoices.flat_map(|invoice| invoice.parts());
        parts.find(|part| part.id == id)
    }

    /// What a bill came to with all adjustments since that are not made anew.
    fn billed_lines(&self, bill: Uuid, part: &Part) -> Result<Vec<BilledLine>, Problem> {
        let charges = self.charges_of(bill, &part.rated);
        let mut lines = billed_lines(&charges, &part.rated);
        for of in &self.papers.adjusted {
            if of.bill != bill || self.plan.freed.contains(&of.part) {
                continue;
            }
            let adjusting = self.part_with(of.part).map(|part| &part.adjustments);
            let found = adjusting.and_then(|all| all.get(of.position..of.position + of.count));
            let found = found.ok_or_else(|| {
                let bill = of.part;
                self.subject
                    .problem(format!("adjustments of part {bill} are missing"))
            })?;
            lines = with_adjustments(lines, found).map_err(|e| self.subject.problem(e))?;
        }
        Ok(lines)
    }

    /// The periods of a bill in the order of its lines.
    fn charges_of(&self, bill: Uuid, rated: &rating::Draft) -> Vec<(LineId, Cycle)> {
        let own = self.subject.revisions.iter().map(|billed| billed.period);
        let mut own: Vec<_> = own
            .filter(|period| period.bill == bill && period.part == bill)
            .collect();
        let lines = rated.lines.iter().filter_map(|line| match line.kind {
            LineKind::Charge(id) => Some((id, line.service)),
            _ => None,
        });
        let charges = lines.filter_map(|(id, service)| {
            let same = |period: &florin_core::billing::BilledPeriod| {
                period.line == id && period.service == service
            };
            let place = own.iter().position(same)?;
            let period = own.remove(place);
            let cycle = Cycle {
                full: period.full,
                service: period.service,
                bill_for_date: period.bill_for_date,
            };
            Some((id, cycle))
        });
        charges.collect()
    }
}
