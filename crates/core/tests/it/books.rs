//! A small billing department for tests: bills what is due day by day, adjusts what was billed when the
//! contract changes, and adds up.

use std::collections::BTreeMap;

use florin_core::billing::{
    AdjustmentReason, BilledLine, BilledPeriod, ChargeDue, History, LineKey, adjustments, affected,
    billed_lines, due, rebills, with_adjustments,
};
use florin_core::carried::Carried;
use florin_core::contract::{Contract, PhaseBilling, Taxation};
use florin_core::pricing::{Context, Usage};
use florin_core::rating::{Bill, Charge, CountedUsage, Draft, rate};
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A bill with its adjustments.
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) day: Date,
    pub(crate) phase: Uuid,
    pub(crate) lines: Vec<BilledLine>,
    /// What the bills before it used up.
    before: Carried,
}

pub(crate) struct Books {
    pub(crate) phases: Vec<PhaseBilling>,
    pub(crate) periods: Vec<BilledPeriod>,
    pub(crate) bills: Vec<Kept>,
    /// Units that are counted on each day.
    pub(crate) units_a_day: Decimal,
    carried: BTreeMap<Uuid, Carried>,
}

fn terms(contract: &Contract) -> Vec<PhaseBilling> {
    contract.terms(&Taxation::default()).unwrap()
}

impl Books {
    pub(crate) fn open(contract: &Contract) -> Books {
        Books {
            phases: terms(contract),
            periods: Vec::new(),
            bills: Vec::new(),
            units_a_day: Decimal::ONE,
            carried: BTreeMap::new(),
        }
    }

    fn last_bills(&self) -> Vec<(Uuid, Date)> {
        self.bills
            .iter()
            .map(|bill| (bill.phase, bill.day))
            .collect()
    }

    /// Bills everything that is due on a day. How many bills were made.
    pub(crate) fn run(&mut self, on: Date) -> usize {
        let last_bills = self.last_bills();
        let history = History {
            periods: &self.periods,
            last_bills: &last_bills,
            since: None,
        };
        let bills = due(&self.phases, history, on).unwrap();
        for bill in &bills {
            for part in &bill.parts {
                let before = self.carried.remove(&part.phase_id).unwrap_or_default();
                let id = Uuid::from_u128(0x1000 + self.bills.len() as u128);
                let (draft, after) =
                    self.rate(part.phase_id, bill.bill_for_date, &part.charges, &before);
                let charges: Vec<_> = part.charges.iter().map(|c| (c.line, c.cycle)).collect();
                self.carried.insert(part.phase_id, after);
                self.periods.extend(part.charges.iter().map(|charge| {
                    let is_draft = false;
                    let billed = charge.billed(part.phase_id, id);
                    BilledPeriod { is_draft, ..billed }
                }));
                let lines = billed_lines(&charges, &draft);
                self.bills.push(Kept {
                    id,
                    day: bill.bill_for_date,
                    phase: part.phase_id,
                    lines,
                    before,
                });
            }
        }
        bills.len()
    }

    pub(crate) fn run_daily(&mut self, from: Date, until: Date) {
        for day in from.series(one_day()) {
            if day >= until {
                break;
            }
            self.run(day);
        }
    }

    fn rate(
        &self,
        phase: Uuid,
        day: Date,
        charges: &[ChargeDue],
        before: &Carried,
    ) -> (Draft, Carried) {
        let phase = self.phases.iter().find(|other| other.phase_id == phase);
        let charges: Vec<Charge> = charges
            .iter()
            .map(|charge| {
                let counted = charge.usage_windows.iter().map(|window| CountedUsage {
                    window: *window,
                    usage: Usage::Quantity(self.units_a_day * Decimal::from(window.days())),
                });
                charge.with_usage(counted.collect())
            })
            .collect();
        let bill = Bill {
            bill_for_date: day,
            charges: &charges,
            balances: &[],
            carried: before,
            context: Context::EMPTY,
        };
        let rated = rate(&phase.unwrap().terms, &bill).unwrap();
        (rated.draft, rated.carried)
    }

    /// Adjusts what was billed to the contract as it is now.
    pub(crate) fn amend(&mut self, contract: &Contract) {
        let after = terms(contract);
        let effect = affected(&self.phases, &after, &self.periods).unwrap();
        assert!(effect.drafts.is_empty(), "all bills are approved");
        self.phases = after;
        self.adjust(&effect.periods, AdjustmentReason::Amendment);
    }

    pub(crate) fn adjust(&mut self, touched: &[BilledPeriod], reason: AdjustmentReason) {
        let mut carried: BTreeMap<Uuid, Carried> = BTreeMap::new();
        for rebill in rebills(&self.phases, &self.periods, touched).unwrap() {
            let position = self
                .bills
                .iter()
                .position(|bill| bill.id == rebill.bill)
                .unwrap();
            let kept = &self.bills[position];
            let before = carried
                .get(&rebill.phase_id)
                .unwrap_or(&kept.before)
                .clone();
            let due_lines = if rebill.charges.is_empty() {
                carried.insert(rebill.phase_id, before);
                Vec::new()
            } else {
                let (draft, after) = self.rate(
                    rebill.phase_id,
                    rebill.bill_for_date,
                    &rebill.charges,
                    &before,
                );
                carried.insert(rebill.phase_id, after);
                let charges: Vec<_> = rebill.charges.iter().map(|c| (c.line, c.cycle)).collect();
                billed_lines(&charges, &draft)
            };
            let kept = &mut self.bills[position];
            let found = adjustments(&kept.lines, &due_lines, reason).unwrap();
            kept.lines = with_adjustments(std::mem::take(&mut kept.lines), &found).unwrap();
            let services = rebill.charges.iter().map(|charge| {
                let service = Some(charge.cycle.service);
                ((charge.line, charge.cycle.full), service)
            });
            let gone = rebill.withdrawn.iter();
            let gone = gone.map(|period| ((period.line, period.full), None));
            for ((line, full), service) in services.chain(gone) {
                let same = |period: &&mut BilledPeriod| {
                    period.line == line
                        && (period.full == full
                            || service.is_some() && period.full.start() == full.start())
                };
                if let Some(period) = self.periods.iter_mut().find(same) {
                    let revised = period.revised(service, period.part);
                    *period = BilledPeriod {
                        is_draft: false,
                        ..revised
                    };
                }
            }
        }
        self.carried.extend(carried);
    }

    /// Minor units before tax of every line, adjustments included; lines of nothing left out.
    pub(crate) fn totals(&self) -> BTreeMap<String, i64> {
        let mut totals = BTreeMap::new();
        for line in self.bills.iter().flat_map(|bill| &bill.lines) {
            let name = match line.key {
                LineKey::Charge { line, from } => format!("{} {from}", line.0.as_u128()),
                other => format!("{other:?}"),
            };
            *totals.entry(name).or_insert(0) += line.net.minor();
        }
        totals.retain(|_, minor| *minor != 0);
        totals
    }

    /// Each bill with its lines, in minor units.
    pub(crate) fn shown(&self) -> String {
        let bills = self.bills.iter().map(|bill| {
            let lines = bill
                .lines
                .iter()
                .map(|line| format!("\n  {} {}", line.service, line.net));
            format!("{}{}", bill.day, lines.collect::<String>())
        });
        bills.collect::<Vec<_>>().join("\n")
    }
}

fn one_day() -> jiff::Span {
    jiff::Span::new().days(1)
}
