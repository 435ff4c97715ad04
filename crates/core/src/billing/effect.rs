//! What a change of terms does to what is billed already (DESIGN §8): which drafts are made anew and
//! which approved bills are rated again.
//!
//! Owns the choice; it may name a bill too many, never one too few: rated again without a difference it
//! gives no adjustment.

use std::collections::BTreeMap;

use jiff::civil::Date;
use uuid::Uuid;

use super::{BilledPeriod, ChargeDue, Error, Placed, find, standing};
use crate::calendar::{Cycle, Period};
use crate::contract::PhaseBilling;
use crate::discount::Discount;
use crate::pool::{Pool, PoolWindow};
use crate::proration::{Piece, pieces, usage_windows};
use crate::terms::{LineTerms, PhaseTerms};

/// What a change of terms does to what is billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Parts on drafts that are to be made anew, those that adjust a touched bill among them.
    pub drafts: Vec<Uuid>,
    /// Periods on approved parts whose terms differ, or that are no longer due at all.
    pub periods: Vec<BilledPeriod>,
}

/// An approved bill to be rated again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebill {
    /// The bill.
    pub bill: Uuid,
    /// The phase under whose terms its charges stand now; as before where none does.
    pub phase_id: Uuid,
    /// The day that the bill is for.
    pub bill_for_date: Date,
    /// Its charges that still stand, with their days as they are now. Without any, all of the bill is
    /// taken back.
    pub charges: Vec<ChargeDue>,
    /// Its periods that stand no longer: they are withdrawn.
    pub withdrawn: Vec<BilledPeriod>,
}

/// What differs for billed periods between the terms before and after a change.
///
/// # Errors
/// [`Error::Calendar`].
pub fn affected(
    before: &[PhaseBilling],
    after: &[PhaseBilling],
    billed: &[BilledPeriod],
) -> Result<Effect, Error> {
    let mut effect = Effect::default();
    for period in billed.iter().filter(|period| !period.is_withdrawn) {
        if is_untouched(before, after, period)? {
            continue;
        }
        if period.is_draft {
            effect.drafts.push(period.part);
        } else {
            effect.periods.push(*period);
        }
    }
    let adjusting = billed.iter().filter(|period| {
        let mut touched = effect.periods.iter();
        period.is_draft && touched.any(|other| other.bill == period.bill)
    });
    let adjusting: Vec<Uuid> = adjusting.map(|period| period.part).collect();
    effect.drafts.extend(adjusting);
    effect.drafts.sort_unstable();
    effect.drafts.dedup();
    Ok(effect)
}

fn is_untouched(
    before: &[PhaseBilling],
    after: &[PhaseBilling],
    period: &BilledPeriod,
) -> Result<bool, Error> {
    let (Some(old), Some(new)) = (find(before, period.line), find(after, period.line)) else {
        return Ok(false);
    };
    let Some(cycle) = standing(new, period.full)? else {
        return Ok(false);
    };
    let is_same_phase = same_modifiers(old.phase.terms.phase(), new.phase.terms.phase());
    let is_same_line = same_line(old.terms, new.terms);
    let was = standing(old, period.full)?;
    let is_same_days = match was {
        Some(was) => was == cycle && cut(old, &was)? == cut(new, &cycle)?,
        None => false,
    };
    Ok(is_same_phase && is_same_line && is_same_days && cycle.service == period.service)
}

/// The pieces of a cycle with the price and quantity of each, whatever position they have.
fn cut(placed: Placed<'_>, cycle: &Cycle) -> Result<Vec<(Piece, crate::pricing::Model)>, Error> {
    let pieces = pieces(placed.terms, placed.phase.pauses(), cycle)?;
    let priced = pieces.into_iter().map(|piece| {
        let model = placed.terms.prices[piece.price].model.as_ref().clone();
        (Piece { price: 0, ..piece }, model)
    });
    Ok(priced.collect())
}

/// Whether what modifies the lines of a phase is the same; lives, lines and pauses aside.
fn same_modifiers(one: &PhaseTerms, other: &PhaseTerms) -> bool {
    let has_periods = !one.commitments.is_empty();
    one.currency == other.currency
        && one.discounts == other.discounts
        && one.commitments == other.commitments
        && one.service_fees == other.service_fees
        && one.consumptions == other.consumptions
        && one.taxes == other.taxes
        // A commitment of the phase looks at all of its days.
        && (!has_periods || (one.life == other.life && one.pauses == other.pauses))
}

/// Whether what modifies a line is the same; prices, quantities, switches and life are compared period
/// by period.
fn same_line(one: &LineTerms, other: &LineTerms) -> bool {
    one.schedule.recurrence == other.schedule.recurrence
        && one.schedule.offset == other.schedule.offset
        && one.is_metered() == other.is_metered()
        && one.proration == other.proration
        && one.pricing_period == other.pricing_period
        && one.tier_reset == other.tier_reset
        && one.free_units == other.free_units
        && one.quantity_discounts == other.quantity_discounts
        && one.grants == other.grants
        && one.consumptions == other.consumptions
        && one.overage_pricing == other.overage_pricing
        && one.discounts == other.discounts
        && one.commitments == other.commitments
        && one.taxes == other.taxes
        && (one.commitments.is_empty() || one.schedule.life == other.schedule.life)
}

/// The approved bills that the periods `touched` are on, oldest first, with what stands of them under
/// `phases`. `billed` is all that was billed. Where a phase carries from one bill to the next (caps,
/// pools, commitments), its later bills are rated again too: rate them in this order, each with what the
/// one before it carried.
///
/// `touched` are the periods of [`Effect::periods`], those for which usage came late, and those that a
/// draft adjusts which is made anew ([`Redraft::adjusted`]): the draft's own revisions are deleted first, so
/// that what is given here is on approved parts only.
///
/// # Errors
/// [`Error::Calendar`].
pub fn rebills(
    phases: &[PhaseBilling],
    billed: &[BilledPeriod],
    touched: &[BilledPeriod],
) -> Result<Vec<Rebill>, Error> {
    let mut first_day: BTreeMap<Uuid, Date> = BTreeMap::new();
    for period in touched {
        let day = first_day.entry(period.phase_id).or_insert(Date::MAX);
        *day = (*day).min(period.bill_for_date);
    }
    let is_meant = |period: &BilledPeriod| {
        let is_touched = touched.iter().any(|other| other.bill == period.bill);
        let follows = first_day
            .get(&period.phase_id)
            .is_some_and(|day| *day < period.bill_for_date && carries(phases, period.phase_id));
        let is_approved = !period.is_draft || period.part != period.bill;
        is_approved && (is_touched || follows)
    };
    // After an amendment a period may have another day than the bill that it is on: the bill is one all the same.
    let mut days: BTreeMap<Uuid, Date> = BTreeMap::new();
    for period in billed.iter().filter(|period| is_meant(period)) {
        let day = days.entry(period.bill).or_insert(period.bill_for_date);
        *day = (*day).min(period.bill_for_date);
    }
    let mut by_bill: BTreeMap<(Date, Uuid), Rebill> = BTreeMap::new();
    for period in billed.iter().filter(|period| is_meant(period)) {
        let day = days.get(&period.bill);
        let bill_for_date = day.copied().unwrap_or(period.bill_for_date);
        let rebill = by_bill
            .entry((bill_for_date, period.bill))
            .or_insert_with(|| Rebill {
                bill_for_date,
                ..Rebill::of(period)
            });
        sort_in(phases, period, period.revision + 1, rebill)?;
    }
    Ok(by_bill.into_values().collect())
}

/// What a part of a draft is made anew from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redraft {
    /// Its own charges as they stand now; none where it only adjusts.
    pub own: Option<Rebill>,
    /// Periods of approved bills that it adjusts.
    pub adjusted: Vec<BilledPeriod>,
}

/// What a part of a draft is made anew from: after a change of the contract, for usage that came since, or
/// because somebody asks. What stands no longer is free; what else is due since then says
/// [`super::due`].
///
/// # Errors
/// [`Error::Calendar`].
pub fn redraft(
    phases: &[PhaseBilling],
    billed: &[BilledPeriod],
    part: Uuid,
) -> Result<Redraft, Error> {
    let mut redraft = Redraft::default();
    let is_meant = |period: &&BilledPeriod| period.part == part && period.is_draft;
    for period in billed.iter().filter(is_meant) {
        if period.bill == part {
            let own = redraft.own.get_or_insert_with(|| Rebill::of(period));
            sort_in(phases, period, period.revision, own)?;
        } else {
            redraft.adjusted.push(*period);
        }
    }
    Ok(redraft)
}

impl Rebill {
    const fn of(period: &BilledPeriod) -> Self {
        Self {
            bill: period.bill,
            phase_id: period.phase_id,
            bill_for_date: period.bill_for_date,
            charges: Vec::new(),
            withdrawn: Vec::new(),
        }
    }
}

fn sort_in(
    phases: &[PhaseBilling],
    period: &BilledPeriod,
    revision: u32,
    rebill: &mut Rebill,
) -> Result<(), Error> {
    let placed = find(phases, period.line);
    let placed = placed.filter(|placed| placed.phase.phase_id == period.phase_id);
    let cycle = placed
        .map(|placed| standing(placed, period.full))
        .transpose()?;
    match placed.zip(cycle.flatten()) {
        Some((placed, cycle)) if !period.is_withdrawn => rebill.charges.push(ChargeDue {
            line: period.line,
            position: placed.position,
            cycle,
            revision,
            usage_windows: usage_windows(placed.terms, placed.phase.pauses(), &cycle)?,
        }),
        _ if !period.is_withdrawn => rebill.withdrawn.push(*period),
        _ => {}
    }
    Ok(())
}

fn carries(phases: &[PhaseBilling], phase_id: Uuid) -> bool {
    let mut phases = phases.iter();
    let phase = phases.find(|phase| phase.phase_id == phase_id);
    phase.is_some_and(PhaseBilling::carries)
}

impl PhaseBilling {
    /// Whether a bill of the phase depends on the bills before it.
    pub fn carries(&self) -> bool {
        let terms = self.terms.phase();
        let mut discounts = terms.discounts.iter().map(|discount| &discount.discount);
        !terms.commitments.is_empty()
            || discounts.any(Discount::needs_carrying)
            || terms.lines.iter().any(line_carries)
    }
}

fn line_carries(line: &LineTerms) -> bool {
    let is_carried =
        |pool: &Pool| pool.max_lifetime.is_some() || pool.window != PoolWindow::BillingPeriod;
    line.tier_reset.is_some()
        || line.free_units.iter().any(is_carried)
        || line.quantity_discounts.iter().any(is_carried)
        || line.discounts.iter().any(Discount::needs_carrying)
        || line.commitments.iter().any(|own| own.cadence.is_some())
}

impl BilledPeriod {
    /// The period after a revision on a later part, which is on a draft: with its new days, or withdrawn
    /// without any.
    pub fn revised(self, service: Option<Period>, part: Uuid) -> Self {
        Self {
            service: service.unwrap_or(self.service),
            revision: self.revision + 1,
            part,
            is_draft: true,
            is_withdrawn: service.is_none(),
            ..self
        }
    }
}
