//! Billing: what is due under a contract, and what was billed that no longer is.
//!
//! Owns the choice of periods. Does not own their amounts ([`crate::rating`]) nor documents
//! ([`crate::invoice`]). Time is a day of the contract's zone.
//!
//! Invariants:
//! - a period of a line is due once: what was billed is keyed by the line's lineage, the whole period of
//!   the grid and a revision, so that any repeat of [`due`] finds nothing;
//! - what was billed and is billed again is the delta between both, so that all bills of a period sum to
//!   what its terms say in the end.
//!
//! The way of a run: load the contract and its [`BilledPeriod`]s, take [`crate::contract::Contract::terms`],
//! ask [`due`]; count usage for [`ChargeDue::usage_windows`]; rate each [`PartDue`]; keep a
//! [`BilledPeriod`] for each charge. After an amendment, a pause, an expiry or late usage: ask
//! [`affected`], rate the [`Rebill`]s again and take [`adjustments`].

mod adjustment;
mod cycles;
mod due;
mod effect;

use jiff::civil::Date;
use uuid::Uuid;

use crate::calendar::{self, Cycle, Period};
use crate::contract::PhaseBilling;
use crate::id::LineId;
use crate::terms::LineTerms;

pub use adjustment::{
    Adjustment, AdjustmentReason, BilledLine, LineKey, adjustments, billed_lines, with_adjustments,
};
pub use cycles::{BillingCycle, billing_cycles, next_bill_day};
pub use due::{BillDue, ChargeDue, Generation, GenerationRequest, PartDue, due, generation};
pub use effect::{Effect, Rebill, Redraft, affected, rebills, redraft};

/// A period of a line that is on a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BilledPeriod {
    /// The line.
    pub line: LineId,
    /// The whole period of the grid.
    pub full: Period,
    /// The days of it that were billed.
    pub service: Period,
    /// How often the period was billed anew, from 0. Unique together with line and period.
    pub revision: u32,
    /// The phase under whose terms it was rated.
    pub phase_id: Uuid,
    /// The bill that it is rated with: the part of an invoice that it was first on.
    pub bill: Uuid,
    /// The part that its last revision is on: the bill itself, or a later one that adjusts it.
    pub part: Uuid,
    /// The day that the bill is for.
    pub bill_for_date: Date,
    /// Whether that part is on a draft, which is made anew where an approved one is adjusted.
    pub is_draft: bool,
    /// Whether the last revision took it back, so that the period can be billed again.
    pub is_withdrawn: bool,
}

/// What was billed under a contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct History<'a> {
    /// The periods, each with its last revision.
    pub periods: &'a [BilledPeriod],
    /// For each phase with a bill, the day that its last bill is for.
    pub last_bills: &'a [(Uuid, Date)],
    /// Cycles that are billed before this day are not looked at, and their periods need not be loaded: a
    /// run passes the day of the last one, unless the contract was changed since. Without it, all are.
    pub since: Option<Date>,
}

/// Why it cannot be said what is due.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Days of a line are on two bills: somebody changed what is kept.
    #[error("line {line:?} was billed for both {first} and {second}")]
    Overlap {
        /// The line.
        line: LineId,
        /// One period.
        first: Period,
        /// The other.
        second: Period,
    },
    /// A date does not fit.
    #[error(transparent)]
    Calendar(#[from] calendar::Error),
}

/// A line in its phase.
#[derive(Clone, Copy, Debug)]
struct Placed<'p> {
    phase: &'p PhaseBilling,
    position: usize,
    terms: &'p LineTerms,
}

fn placed(phases: &[PhaseBilling]) -> impl Iterator<Item = Placed<'_>> {
    phases.iter().flat_map(|phase| {
        let lines = phase.terms.phase().lines.iter().enumerate();
        lines.map(move |(position, terms)| Placed {
            phase,
            position,
            terms,
        })
    })
}

fn find(phases: &[PhaseBilling], line: LineId) -> Option<Placed<'_>> {
    placed(phases).find(|placed| placed.terms.id == line)
}

/// The cycle that a line has for a period that was billed; none where its grid or life no longer has it,
/// or nothing of it is charged.
fn standing(placed: Placed<'_>, full: Period) -> Result<Option<Cycle>, Error> {
    let cycle = placed.terms.schedule.cycle_from(full.start())?;
    let same = cycle.filter(|cycle| cycle.full.start() == full.start());
    let Some(cycle) = same.filter(|cycle| is_same_period(placed, cycle.full, full)) else {
        return Ok(None);
    };
    Ok(is_charged(placed, &cycle)?.then_some(cycle))
}

/// A charge made once is one period, however long its line lives.
fn is_same_period(placed: Placed<'_>, one: Period, other: Period) -> bool {
    let is_once = placed.terms.schedule.recurrence == calendar::Recurrence::OneTime;
    is_once || one == other
}

/// Whether a cycle has a day that is charged: not paused, switched on.
fn is_charged(placed: Placed<'_>, cycle: &Cycle) -> Result<bool, Error> {
    let pauses = placed.phase.pauses();
    Ok(!crate::proration::pieces(placed.terms, pauses, cycle)?.is_empty())
}
