//! Pieces of a billing period: where terms change inside it, and what share of its price each piece
//! costs.
//!
//! Owns the cutting and the day count. Does not own prices. Invariants: pieces are in order, do not
//! overlap and cover exactly the days on which the line is in force, switched on and not paused;
//! usage is never prorated, it is counted where it happened (DESIGN §6).

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{Cycle, Error, Period, Recurrence, Schedule};
use crate::money::{MoneyError, exact};
use crate::pool::{Pool, PoolWindow};
use crate::pricing::{PricingType, Step};
use crate::terms::{LineTerms, Proration, Quantity};

/// Days of a billing period in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The days.
    pub period: Period,
    /// The period that a fixed price is for.
    pub full: Period,
    /// The window in which the tiers build up, where it is not the billing period.
    pub tiers: Option<Period>,
    /// Position of the price in force.
    pub price: usize,
    /// The typed quantity in force; none for metered lines.
    pub quantity: Option<Decimal>,
}

/// A part of a charge: a quantity at one price, over some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// First and last of its days; days between pieces of the same price may be missing.
    pub period: Period,
    /// Days in service.
    pub days: i64,
    /// Days of the period that the price is for: the fraction is `days / full_days`.
    pub full_days: i64,
    /// First day of the period that the price is for.
    pub full_start: Date,
    /// The model that priced it.
    pub pricing_type: PricingType,
    /// The quantity before free units, discounts and entitlements.
    pub quantity: Decimal,
    /// The quantity that was priced.
    pub billable: Decimal,
    /// How the price came about.
    pub steps: Vec<Step>,
    /// The price, for whole periods, in major units.
    pub amount: Decimal,
}

/// How parts make the amount of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The sum: usage, and charges made once.
    Counted,
    /// Each part by its share of days.
    DayBased,
    /// The highest part of each period.
    CadenceBased,
}

impl Basis {
    /// The basis of a line.
    pub fn of(line: &LineTerms) -> Basis {
        match (&line.quantity, line.schedule.recurrence, line.proration) {
            (Quantity::Metered, _, _) | (_, Recurrence::OneTime, _) => Basis::Counted,
            (_, _, Proration::DayBased) => Basis::DayBased,
            (_, _, Proration::CadenceBased) => Basis::CadenceBased,
        }
    }

    /// The amount of a charge, in major units and not rounded.
    pub(crate) fn amount(self, parts: &[Part]) -> Result<Decimal, MoneyError> {
        let amounts = parts.iter().map(|part| part.amount);
        match self {
            Basis::Counted => exact::sum(amounts),
            Basis::DayBased => by_days(parts),
            Basis::CadenceBased => highest_of_each_period(parts),
        }
    }
}

/// Numerators of one denominator are summed before they are divided, so that parts of the same price
/// which fill the period cost the whole of it.
fn by_days(parts: &[Part]) -> Result<Decimal, MoneyError> {
    let mut amount = Decimal::ZERO;
    for run in parts.chunk_by(|left, right| left.full_days == right.full_days) {
        let numerator = run.iter().try_fold(Decimal::ZERO, |sum, part| {
            exact::add(sum, exact::mul(part.amount, part.days.into())?)
        })?;
        let full_days = Decimal::from(run[0].full_days);
        let share = numerator
            .checked_div(full_days)
            .ok_or(MoneyError::Overflow)?;
        amount = exact::add(amount, share)?;
    }
    Ok(amount)
}

fn highest_of_each_period(parts: &[Part]) -> Result<Decimal, MoneyError> {
    let periods = parts.chunk_by(|left, right| left.full_start == right.full_start);
    let highest = periods.filter_map(|run| run.iter().map(|part| part.amount).max());
    exact::sum(highest)
}

/// The pieces of a billing period of a line. A fixed charge made once is not cut: it is what it is on
/// its first day.
///
/// # Errors
/// [`Error::OutOfRange`].
pub fn pieces(line: &LineTerms, pauses: &[Period], cycle: &Cycle) -> Result<Vec<Piece>, Error> {
    let service = cycle.service;
    let mut cuts = Vec::new();
    if line.is_metered() || line.schedule.recurrence != Recurrence::OneTime {
        cut_at_changes(line, pauses, service, &mut cuts);
        cut_at_grids(line, service, &mut cuts)?;
        cuts.sort_unstable();
        cuts.dedup();
    }
    let mut pieces = Vec::with_capacity(cuts.len() + 1);
    let mut start = service.start();
    for end in cuts.into_iter().chain([service.end()]) {
        if is_charged(line, pauses, start) {
            pieces.push(piece(line, cycle, Period::new(start, end)?)?);
        }
        start = end;
    }
    Ok(pieces)
}

fn piece(line: &LineTerms, cycle: &Cycle, period: Period) -> Result<Piece, Error> {
    let start = period.start();
    let window = |schedule: Schedule| schedule.period_at(start);
    Ok(Piece {
        period,
        full: line.pricing_period.map_or(Ok(cycle.full), window)?,
        tiers: line.tier_reset.map(window).transpose()?,
        price: line.price_at(start),
        quantity: line.quantity_at(start),
    })
}

fn is_charged(line: &LineTerms, pauses: &[Period], date: Date) -> bool {
    line.is_enabled_at(date) && !pauses.iter().any(|pause| pause.contains(date))
}

fn cut_at_changes(line: &LineTerms, pauses: &[Period], service: Period, cuts: &mut Vec<Date>) {
    let mut cut = |date: Date| {
        if service.start() < date && date < service.end() {
            cuts.push(date);
        }
    };
    line.prices
        .iter()
        .for_each(|version| cut(version.effective_from));
    line.is_enabled
        .iter()
        .for_each(|entry| cut(entry.effective_from));
    if let Quantity::Fixed(entries) = &line.quantity {
        entries.iter().for_each(|entry| cut(entry.effective_from));
    }
    for pause in pauses {
        cut(pause.start());
        cut(pause.end());
    }
}

/// Cuts where a window of a pool, cap, commitment or price begins inside the service.
fn cut_at_grids(line: &LineTerms, service: Period, cuts: &mut Vec<Date>) -> Result<(), Error> {
    let pools = line
        .free_units
        .iter()
        .chain(&line.quantity_discounts)
        .filter_map(Pool::schedule);
    let discounts = line
        .discounts
        .iter()
        .filter_map(|discount| discount.cadence);
    let commitments = line
        .commitments
        .iter()
        .filter_map(|commitment| commitment.cadence);
    let prices = line.pricing_period.into_iter().chain(line.tier_reset);
    for schedule in pools.chain(discounts).chain(commitments).chain(prices) {
        cut_at_grid(schedule, service, cuts)?;
    }
    Ok(())
}

fn cut_at_grid(schedule: Schedule, service: Period, cuts: &mut Vec<Date>) -> Result<(), Error> {
    let windows = schedule.split(service)?;
    cuts.extend(windows.iter().skip(1).map(|window| window.start()));
    Ok(())
}

impl Pool {
    fn schedule(&self) -> Option<Schedule> {
        match self.window {
            PoolWindow::Every(schedule) => Some(schedule),
            PoolWindow::BillingPeriod | PoolWindow::Life => None,
        }
    }
}

/// Days of a window on which a line is in force, switched on and not paused.
pub(crate) fn days_charged(line: &LineTerms, pauses: &[Period], window: Period) -> i64 {
    let Some(inside) = line.schedule.life.intersection(window) else {
        return 0;
    };
    if pauses.is_empty() && line.is_enabled.is_empty() {
        return inside.days();
    }
    let mut bounds = vec![inside.start(), inside.end()];
    cut_at_changes(line, pauses, inside, &mut bounds);
    bounds.sort_unstable();
    bounds.dedup();
    let runs = bounds
        .windows(2)
        .filter(|run| is_charged(line, pauses, run[0]));
    runs.filter_map(|run| Period::new(run[0], run[1]).ok())
        .map(Period::days)
        .sum()
}

/// The days over which usage must be counted for a billing period of a metered line, in the order in
/// which rating expects the answers. Empty for fixed lines and for a period without charged days.
///
/// # Errors
/// [`Error::OutOfRange`].
pub fn usage_windows(
    line: &LineTerms,
    pauses: &[Period],
    cycle: &Cycle,
) -> Result<Vec<Period>, Error> {
    if !line.is_metered() {
        return Ok(Vec::new());
    }
    let pieces = pieces(line, pauses, cycle)?;
    Ok(pieces.iter().map(|piece| piece.period).collect())
}
