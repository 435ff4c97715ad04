//! Which terms are valid. Owns the bounds of every number of a phase; a price's own terms are checked
//! where a price is made.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{LineTerms, PhaseTerms, Quantity};
use crate::commitment::Commitment;
use crate::discount::{Discount, DiscountRule};
use crate::id::LineId;
use crate::pool::Pool;
use crate::service_fee::ServiceFeeRule;
use crate::tax::Tax;

/// Everything that is wrong with terms; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid terms: {0:?}")]
pub struct InvalidTerms(pub Vec<(Place, Finding)>);

/// Where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the phase.
    Phase,
    /// On a line.
    Line(LineId),
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Two lines have one id.
    #[error("line occurs twice")]
    LineTwice,
    /// No price or no quantity is in force on the line's first day.
    #[error("{0} leave the first days without a value")]
    Gap(&'static str),
    /// Entries are not in ascending order of their first day, or two begin on one day.
    #[error("{0} are not ascending")]
    NotAscending(&'static str),
    /// A percentage outside 0 to 100.
    #[error("{0} is not between 0 and 100")]
    NotAPercentage(&'static str),
    /// A number below zero.
    #[error("{0} is negative")]
    Negative(&'static str),
    /// A commitment of a phase has no period of its own.
    #[error("commitment of a phase needs a cadence")]
    CommitmentWithoutCadence,
    /// Only usage builds up.
    #[error("a tier reset needs a metered quantity")]
    TierResetOnFixed,
}

pub(super) fn check(phase: &PhaseTerms) -> Result<(), InvalidTerms> {
    let mut findings = Findings(Vec::new());
    findings.check_phase(phase);
    let mut ids: Vec<LineId> = phase.lines.iter().map(|line| line.id).collect();
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
        findings.0.push((Place::Line(pair[0]), Finding::LineTwice));
    }
    for line in &phase.lines {
        findings.check_line(line);
    }
    if findings.0.is_empty() {
        Ok(())
    } else {
        Err(InvalidTerms(findings.0))
    }
}

struct Findings(Vec<(Place, Finding)>);

impl Findings {
    fn require(&mut self, place: Place, is_met: bool, finding: Finding) {
        if !is_met {
            self.0.push((place, finding));
        }
    }

    fn check_phase(&mut self, phase: &PhaseTerms) {
        let place = Place::Phase;
        let pauses = &phase.pauses;
        let are_apart = pauses
            .windows(2)
            .all(|pair| pair[0].end() <= pair[1].start());
        self.require(place, are_apart, Finding::NotAscending("pauses"));
        phase
            .discounts
            .iter()
            .for_each(|discount| self.check_discount(place, &discount.discount));
        for commitment in &phase.commitments {
            self.check_commitment(place, commitment);
            let has_cadence = commitment.cadence.is_some();
            self.require(place, has_cadence, Finding::CommitmentWithoutCadence);
        }
        for fee in &phase.service_fees {
            match fee.rule {
                ServiceFeeRule::Fixed(amount) => self.not_negative(place, "service fee", amount),
                ServiceFeeRule::Percentage(rate) => self.percentage(place, "service fee", rate),
            }
        }
        phase
            .taxes
            .iter()
            .for_each(|tax| self.check_tax(place, tax));
    }

    fn check_line(&mut self, line: &LineTerms) {
        let place = Place::Line(line.id);
        let start = line.schedule.life.start();
        self.dated(
            place,
            "prices",
            line.prices.iter().map(|v| v.effective_from),
            Some(start),
        );
        if let Quantity::Fixed(entries) = &line.quantity {
            let dates = entries.iter().map(|entry| entry.effective_from);
            self.dated(place, "quantity entries", dates, Some(start));
        }
        let switches = line.is_enabled.iter().map(|entry| entry.effective_from);
        self.dated(place, "is_enabled entries", switches, None);
        let pools = line.free_units.iter().chain(&line.quantity_discounts);
        pools.for_each(|pool| self.check_pool(place, pool));
        let builds_up = line.tier_reset.is_none() || line.is_metered();
        self.require(place, builds_up, Finding::TierResetOnFixed);
        line.grants
            .iter()
            .for_each(|grant| self.not_negative(place, "grant", grant.amount));
        line.discounts
            .iter()
            .for_each(|discount| self.check_discount(place, discount));
        line.commitments
            .iter()
            .for_each(|commitment| self.check_commitment(place, commitment));
        line.taxes.iter().for_each(|tax| self.check_tax(place, tax));
    }

    /// Dated entries ascend; where `start` is given, the first is in force by then.
    fn dated(
        &mut self,
        place: Place,
        name: &'static str,
        dates: impl Iterator<Item = Date>,
        start: Option<Date>,
    ) {
        let dates: Vec<Date> = dates.collect();
        let ascend = dates.windows(2).all(|pair| pair[0] < pair[1]);
        self.require(place, ascend, Finding::NotAscending(name));
        if let Some(start) = start {
            let covers = dates.first().is_some_and(|first| *first <= start);
            self.require(place, covers, Finding::Gap(name));
        }
    }

    fn check_pool(&mut self, place: Place, pool: &Pool) {
        self.not_negative(place, "units at no charge", pool.units);
        self.caps(place, pool.max_per_period, pool.max_lifetime);
    }

    fn check_discount(&mut self, place: Place, discount: &Discount) {
        match discount.rule {
            DiscountRule::Percent(rate) => self.percentage(place, "discount", rate),
            DiscountRule::Fixed(amount) => self.not_negative(place, "discount", amount),
        }
        self.caps(place, discount.max_per_period, discount.max_lifetime);
    }

    fn check_commitment(&mut self, place: Place, commitment: &Commitment) {
        self.not_negative(place, "commitment", commitment.amount);
    }

    fn check_tax(&mut self, place: Place, tax: &Tax) {
        self.percentage(place, "tax rate", tax.rate);
    }

    fn caps(&mut self, place: Place, period: Option<Decimal>, lifetime: Option<Decimal>) {
        period
            .into_iter()
            .for_each(|cap| self.not_negative(place, "max_per_period", cap));
        lifetime
            .into_iter()
            .for_each(|cap| self.not_negative(place, "max_lifetime", cap));
    }

    fn not_negative(&mut self, place: Place, name: &'static str, value: Decimal) {
        self.require(place, value >= Decimal::ZERO, Finding::Negative(name));
    }

    fn percentage(&mut self, place: Place, name: &'static str, value: Decimal) {
        let is_percentage = Decimal::ZERO <= value && value <= Decimal::ONE_HUNDRED;
        self.require(place, is_percentage, Finding::NotAPercentage(name));
    }
}
