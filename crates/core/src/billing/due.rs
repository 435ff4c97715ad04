//! What is due on a day. Owns the grouping into bills: one for all lines of a contract that are billed
//! for the same day.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use uuid::Uuid;

use super::cycles::next_bill_day_of;
use super::{BilledPeriod, Error, History, Placed, is_charged, placed, standing};
use crate::calendar::{Cycle, Period, Recurrence};
use crate::commitment::CommitmentKind;
use crate::contract::{PhaseBilling, add_days};
use crate::id::LineId;
use crate::proration::usage_windows;
use crate::rating::{Charge, CountedUsage};

/// A bill that is due: one invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillDue {
    /// The day that it is for.
    pub bill_for_date: Date,
    /// What each phase has on it, in the order of the phases.
    pub parts: Vec<PartDue>,
}

/// What a phase has on a bill: rated by one call of [`crate::rating::rate`] under the phase's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartDue {
    /// The phase.
    pub phase_id: Uuid,
    /// Periods of lines. None where only a commitment of the phase is to be settled.
    pub charges: Vec<ChargeDue>,
}

/// A period of a line that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeDue {
    /// The line.
    pub line: LineId,
    /// Its position in the phase.
    pub position: usize,
    /// The period.
    pub cycle: Cycle,
    /// 0, or one more than the revision that took the period back.
    pub revision: u32,
    /// Days over which usage is to be counted, for a metered line.
    pub usage_windows: Vec<Period>,
}

/// A bill that somebody asks for (api reference §16.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationRequest {
    /// Service days to bill.
    pub window: Period,
    /// The day billed, as a billing cycle has it.
    pub bill_for_date: Date,
    /// The day of the month on which the whole period starts; any unless told.
    pub billing_cycle_start_day: Option<i8>,
}

/// What comes of asking for a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generation {
    /// No cycle of the contract is billed on that day.
    NoSuchCycle,
    /// All of it is on approved bills.
    AlreadyBilled,
    /// These drafts have it: they are to be made anew.
    InDrafts(Vec<Uuid>),
    /// This is to be billed.
    Due(BillDue),
}

impl ChargeDue {
    /// The charge with what was counted for each of its windows, for rating.
    pub fn with_usage(&self, usage: Vec<CountedUsage>) -> Charge {
        Charge {
            line: self.position,
            cycle: self.cycle,
            usage,
        }
    }

    /// What is to be kept once the charge is on a bill.
    pub fn billed(&self, phase_id: Uuid, bill: Uuid) -> BilledPeriod {
        BilledPeriod {
            line: self.line,
            full: self.cycle.full,
            service: self.cycle.service,
            revision: self.revision,
            phase_id,
            bill,
            part: bill,
            bill_for_date: self.cycle.bill_for_date,
            is_draft: true,
            is_withdrawn: false,
        }
    }
}

/// Everything that is due on a day or before and on no bill yet, oldest first: after a downtime one bill
/// for each day missed. A period of which no day is charged (paused, switched off) is not due; should
/// that change, it is. Ask only for contracts whose status [is billed](crate::contract::Status::is_billed),
/// and adjust what was billed first ([`super::affected`]).
///
/// # Errors
/// [`Error::Overlap`] when two periods were billed that share a day.
pub fn due(phases: &[PhaseBilling], history: History<'_>, on: Date) -> Result<Vec<BillDue>, Error> {
    let billed = Billed::new(phases, history.periods)?;
    let mut bills = Bills::default();
    let (since, until) = (history.since.unwrap_or(Date::MIN), add_days(on, 1)?);
    for placed in placed(phases) {
        for cycle in placed.terms.schedule.cycles_billed(since, until)? {
            if let Some(charge) = billed.charge(placed, cycle)? {
                bills.add(placed.phase.phase_id, charge);
            }
        }
    }
    settle_commitments(phases, history, on, &mut bills)?;
    Ok(bills.in_order(phases))
}

/// The bill for a cycle that somebody names, whether its day has come or not.
///
/// # Errors
/// As [`due`].
pub fn generation(
    phases: &[PhaseBilling],
    history: History<'_>,
    request: GenerationRequest,
) -> Result<Generation, Error> {
    let billed = Billed::new(phases, history.periods)?;
    let mut bills = Bills::default();
    let (mut is_known, mut drafts) = (false, Vec::new());
    let GenerationRequest {
        window,
        bill_for_date: day,
        billing_cycle_start_day: start_day,
    } = request;
    let until = add_days(day, 1)?;
    for placed in placed(phases) {
        for cycle in placed.terms.schedule.cycles_billed(day, until)? {
            let is_meant = cycle.service.intersection(window).is_some()
                && start_day.is_none_or(|start_day| cycle.full.start().day() == start_day);
            if !is_meant {
                continue;
            }
            is_known = true;
            match billed.of(placed, cycle.full) {
                Some(before) if before.is_draft => drafts.push(before.part),
                _ => {}
            }
            if let Some(charge) = billed.charge(placed, cycle)? {
                bills.add(placed.phase.phase_id, charge);
            }
        }
    }
    drafts.sort_unstable();
    drafts.dedup();
    Ok(match bills.in_order(phases).pop() {
        Some(bill) => Generation::Due(bill),
        None if !drafts.is_empty() => Generation::InDrafts(drafts),
        None if is_known => Generation::AlreadyBilled,
        None => Generation::NoSuchCycle,
    })
}

/// What was billed, by line and period: of each the last revision.
struct Billed<'a>(HashMap<LineId, BTreeMap<Period, &'a BilledPeriod>>);

impl<'a> Billed<'a> {
    fn new(phases: &[PhaseBilling], periods: &'a [BilledPeriod]) -> Result<Self, Error> {
        let mut by_line: HashMap<LineId, BTreeMap<Period, &BilledPeriod>> = HashMap::new();
        for period in periods {
            let known = by_line.entry(period.line).or_default();
            let last = known.entry(period.full).or_insert(period);
            if last.revision < period.revision {
                *last = period;
            }
        }
        let billed = Self(by_line);
        for placed in placed(phases) {
            billed.check_apart(placed)?;
        }
        Ok(billed)
    }

    /// Periods that the terms still have must be apart; those that they no longer have are to be
    /// withdrawn and stand in no one's way. What they have is looked up only where periods do meet.
    fn check_apart(&self, placed: Placed<'_>) -> Result<(), Error> {
        let known = self.0.get(&placed.terms.id);
        let periods = known.into_iter().flat_map(BTreeMap::values);
        let in_force = periods.filter(|period| !period.is_withdrawn);
        let all: Vec<Period> = in_force.map(|period| period.full).collect();
        if are_apart(&all) {
            return Ok(());
        }
        let mut standing_periods = Vec::with_capacity(all.len());
        for full in all {
            if standing(placed, full)?.is_some() {
                standing_periods.push(full);
            }
        }
        match standing_periods.windows(2).find(|pair| !are_apart(pair)) {
            None => Ok(()),
            Some(pair) => Err(Error::Overlap {
                line: placed.terms.id,
                first: pair[0],
                second: pair[1],
            }),
        }
    }

    /// The bill of a period: the one in force, else the last that was taken back.
    fn of(&self, placed: Placed<'_>, full: Period) -> Option<&BilledPeriod> {
        let known = self.0.get(&placed.terms.id)?;
        if placed.terms.schedule.recurrence != Recurrence::OneTime {
            return known.get(&full).copied();
        }
        let all = known.values().copied();
        all.max_by_key(|period| (!period.is_withdrawn, period.revision))
    }

    /// The charge of a cycle, unless it is billed or nothing of it is charged.
    fn charge(&self, placed: Placed<'_>, cycle: Cycle) -> Result<Option<ChargeDue>, Error> {
        let before = self.of(placed, cycle.full);
        let is_billed = before.is_some_and(|before| !before.is_withdrawn);
        if is_billed || !is_charged(placed, &cycle)? {
            return Ok(None);
        }
        Ok(Some(ChargeDue {
            line: placed.terms.id,
            position: placed.position,
            cycle,
            revision: before.map_or(0, |before| before.revision + 1),
            usage_windows: usage_windows(placed.terms, placed.phase.pauses(), &cycle)?,
        }))
    }
}

/// Whether periods in order share no day.
fn are_apart(periods: &[Period]) -> bool {
    periods
        .windows(2)
        .all(|pair| pair[0].end() <= pair[1].start())
}

/// Charges by day and phase.
#[derive(Default)]
struct Bills(BTreeMap<Date, HashMap<Uuid, Vec<ChargeDue>>>);

impl Bills {
    fn add(&mut self, phase: Uuid, charge: ChargeDue) {
        let day = charge.cycle.bill_for_date;
        let parts = self.0.entry(day).or_default();
        parts.entry(phase).or_default().push(charge);
    }

    fn in_order(mut self, phases: &[PhaseBilling]) -> Vec<BillDue> {
        let mut bills = Vec::with_capacity(self.0.len());
        for (bill_for_date, by_phase) in &mut self.0 {
            let parts = phases.iter().filter_map(|phase| {
                let phase_id = phase.phase_id;
                let charges = by_phase.remove(&phase_id)?;
                Some(PartDue { phase_id, charges })
            });
            bills.push(BillDue {
                bill_for_date: *bill_for_date,
                parts: parts.collect(),
            });
        }
        bills
    }
}

/// A phase that has ended with a minimum still settles it where no later bill of its lines does: when
/// all of them were billed beforehand.
fn settle_commitments(
    phases: &[PhaseBilling],
    history: History<'_>,
    on: Date,
    bills: &mut Bills,
) -> Result<(), Error> {
    for phase in phases {
        let Some(end) = phase.settled_on(on)? else {
            continue;
        };
        let mut last_bills = history.last_bills.iter();
        let was_settled = last_bills.any(|(id, day)| *id == phase.phase_id && *day >= end);
        let mut later = bills.0.range(end..);
        let is_settled = later.any(|(_, parts)| parts.contains_key(&phase.phase_id));
        if !was_settled && !is_settled {
            let parts = bills.0.entry(end).or_default();
            parts.entry(phase.phase_id).or_default();
        }
    }
    Ok(())
}

impl PhaseBilling {
    /// The day on which a phase with a minimum settles it, unless a bill of its lines does: that on which it ends.
    pub(super) fn settles_on(&self) -> Option<Date> {
        let terms = self.terms.phase();
        let mut minima = terms.commitments.iter();
        let has_minimum = minima.any(|commitment| commitment.kind == CommitmentKind::MinimumSpend);
        terms.life.end().filter(|_| has_minimum)
    }

    /// The same, where that day is `on` or before and no bill of its lines comes after: such a one settles it.
    ///
    /// # Errors
    /// [`Error::Calendar`].
    pub fn settled_on(&self, on: Date) -> Result<Option<Date>, Error> {
        let Some(end) = self.settles_on().filter(|end| *end <= on) else {
            return Ok(None);
        };
        for line in &self.terms.phase().lines {
            if next_bill_day_of(&line.schedule, on)?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(end))
    }
}
