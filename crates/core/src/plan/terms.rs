//! What a contract made from a plan says: durations become dates. Owns how long phases and lines are in a term that may
//! be shorter or longer than the plan's.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::schedule::Span;
use super::{CycleAnchor, Line, Offer, Phase, Plan, Trial};
use crate::calendar::Error;
use crate::contract::{
    self, Contract, Details, End, Header, LineDetails, PhaseDetails, PhaseHead, PhaseType, Start,
    Status,
};

/// The days of a term.
#[derive(Clone, Copy, Debug)]
struct Term<'z> {
    start: Date,
    /// The first day after it.
    end: Option<Date>,
    /// Whether trials come before it. A renewal repeats none.
    tries: bool,
    /// Whether charges are made once in it. A renewal repeats none.
    has_once: bool,
    zone: &'z TimeZone,
}

/// A phase of a plan as a contract has it: its own, or that of a trial before it.
struct Planned<'p> {
    id: Option<uuid::Uuid>,
    schedule: super::Schedule,
    head: PhaseHead,
    lines: Vec<&'p Line>,
}

impl Plan {
    /// What a contract made from the plan says. What the header leaves open follows from the plan: its end, the day that
    /// cycles align to, what happens at the end.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a term that leaves the calendar.
    pub fn agreement(
        &self,
        header: Header,
        status: Status,
        zone: &TimeZone,
    ) -> Result<Details, Error> {
        let start = header.start.day();
        let end = match header.end {
            Some(end) => Some(end),
            None => self
                .end_from(start)?
                .map(|end| last_day(end, zone))
                .transpose()?,
        };
        let offer = self.details.offer.as_ref();
        let renewal_policy = offer.and_then(|offer| offer.renewal_policy);
        let anchor = match header.anchor {
            Some(anchor) => Some(anchor),
            None => {
                let day = self.anchor_from(start)?.filter(|day| *day != start);
                day.map(|day| Start::on(day, zone)).transpose()?
            }
        };
        let ends_months = offer.is_some_and(ends_months);
        let header = Header {
            end,
            anchor,
            is_last_day_of_month: header.is_last_day_of_month || ends_months,
            renewal_policy: header.renewal_policy.or(renewal_policy),
            plan: Some(self.version()),
            ..header
        };
        let term = Term {
            start,
            end: end.map(End::day),
            tries: true,
            has_once: true,
            zone,
        };
        let phases = self.phases(term)?;
        Ok(Details {
            header,
            status,
            phases,
        })
    }

    /// The term of a contract again, from its end, with what this plan sells. Trials and charges made once are not
    /// repeated.
    ///
    /// # Errors
    /// As [`contract::renewed_from_plan`].
    pub fn renewal(&self, of: &Contract) -> Result<Details, contract::Refusal> {
        let details = contract::renewed_from_plan(of, self.version(), Vec::new())?;
        let term = Term {
            start: details.header.start.day(),
            end: details.header.end.map(End::day),
            tries: false,
            has_once: false,
            zone: of.zone(),
        };
        let phases = self.phases(term)?;
        Ok(Details { phases, ..details })
    }

    /// What a contract sells from a day on that changes to this plan: without trials.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn phases_from(
        &self,
        start: Date,
        end: Option<End>,
        zone: &TimeZone,
    ) -> Result<Vec<PhaseDetails>, Error> {
        self.phases(Term {
            start,
            end: end.map(End::day),
            tries: false,
            has_once: true,
            zone,
        })
    }

    /// The first day after a term that begins on a day; none for an open-ended plan.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn end_from(&self, start: Date) -> Result<Option<Date>, Error> {
        let schedule = &self.details.schedule;
        let Some(length) = schedule.length() else {
            return Ok(None);
        };
        let span = Span::from(start).and(schedule.offset())?.and(length)?;
        Ok(Some(span.and(self.trial_length(true))?.day()?))
    }

    /// The day that billing cycles align to, where that is not the first day of the contract.
    fn anchor_from(&self, start: Date) -> Result<Option<Date>, Error> {
        let anchor = self.details.offer.as_ref().map(|offer| offer.cycle_anchor);
        if anchor == Some(CycleAnchor::FirstDayOfMonth) {
            return Ok(Some(start.first_of_month()));
        }
        let mut begin = Span::from(start).and(self.details.schedule.offset())?;
        for phase in self.planned(true, true) {
            begin = begin.and(phase.schedule.offset())?;
            if phase.head.phase_type != PhaseType::Trial {
                return Ok(Some(begin.day()?));
            }
            begin = begin.and(phase.schedule.length().unwrap_or_default())?;
        }
        Ok(None)
    }

    /// The trial of an offer is before the term, not a part of it.
    fn trial_length(&self, tries: bool) -> crate::calendar::Delay {
        let trial = self.trial().filter(|_| tries);
        let length = trial.and_then(|trial| trial.schedule().length());
        length.unwrap_or_default()
    }

    pub(super) fn trial(&self) -> Option<&Trial> {
        self.details.offer.as_ref()?.trial.as_ref()
    }

    fn planned(&self, tries: bool, has_once: bool) -> Vec<Planned<'_>> {
        let own = self.details.phases.iter();
        let own = own.filter(|phase| tries || phase.head.phase_type != PhaseType::Trial);
        let own = own.map(|phase| Planned {
            id: Some(phase.id),
            schedule: phase.schedule.clone(),
            head: phase.head.clone(),
            lines: kept_lines(phase, has_once),
        });
        let trial = self.trial().filter(|_| tries);
        let trial = trial.map(|trial| {
            let lines = self.lines().filter(|line| is_recurring(line));
            Planned {
                id: None,
                schedule: trial.schedule(),
                head: trial.head(),
                lines: if trial.is_free() {
                    Vec::new()
                } else {
                    lines.collect()
                },
            }
        });
        trial.into_iter().chain(own).collect()
    }

    /// The phases of a term. The one that reaches the plan's end reaches the term's; what begins after that is left
    /// out.
    fn phases(&self, term: Term<'_>) -> Result<Vec<PhaseDetails>, Error> {
        let plan = &self.details.schedule;
        let mut begin = Span::from(term.start).and(plan.offset())?;
        let plan_end = match plan.length() {
            Some(length) => {
                let trial = self.trial_length(term.tries);
                Some(begin.and(trial)?.and(length)?.day()?)
            }
            None => None,
        };
        let is_before = |end: Date| plan_end.is_none_or(|last| end < last);
        let mut phases = Vec::new();
        for phase in self.planned(term.tries, term.has_once) {
            begin = begin.and(phase.schedule.offset())?;
            let start = begin.day()?;
            if term.end.is_some_and(|end| end <= start) {
                break;
            }
            let own_end = match phase.schedule.length() {
                Some(length) => {
                    begin = begin.and(length)?;
                    Some(begin.day()?)
                }
                None => None,
            };
            let inner = own_end.filter(|end| is_before(*end));
            let inner = inner.filter(|end| term.end.is_none_or(|last| *end < last));
            let end = inner.or(term.end);
            phases.push(self.phase(phase, (start, end), &term)?);
        }
        Ok(phases)
    }

    fn phase(
        &self,
        phase: Planned<'_>,
        (start, end): (Date, Option<Date>),
        term: &Term<'_>,
    ) -> Result<PhaseDetails, Error> {
        let mut lines = Vec::with_capacity(phase.lines.len());
        for line in phase.lines {
            lines.extend(self.line(line, (start, end), term)?);
        }
        let head = PhaseHead {
            source_plan_phase_id: phase.id,
            ..phase.head
        };
        Ok(PhaseDetails {
            id: None,
            start: Some(Start::on(start, term.zone)?),
            end: end.map(|end| last_day(end, term.zone)).transpose()?,
            head,
            lines,
        })
    }

    /// A line in its phase; none where the phase has ended by then.
    fn line(
        &self,
        line: &Line,
        (phase_start, phase_end): (Date, Option<Date>),
        term: &Term<'_>,
    ) -> Result<Option<LineDetails>, Error> {
        let begin = Span::from(phase_start).and(line.schedule.offset())?;
        let start = begin.day()?;
        if phase_end.is_some_and(|end| end <= start) {
            return Ok(None);
        }
        let end = match line.schedule.length() {
            Some(length) => Some(begin.and(length)?.day()?),
            None => None,
        };
        let end = end.filter(|end| phase_end.is_none_or(|last| *end < last));
        let mut head = line.head.clone();
        head.plan_id = Some(self.id);
        let own_start = (start != phase_start).then_some(start);
        let own_start = own_start.map(|day| Start::on(day, term.zone)).transpose()?;
        Ok(Some(LineDetails {
            id: None,
            start: own_start,
            end: end.map(|end| last_day(end, term.zone)).transpose()?,
            head,
        }))
    }
}

fn kept_lines(phase: &Phase, has_once: bool) -> Vec<&Line> {
    let lines = phase.lines.iter();
    lines
        .filter(|line| has_once || is_recurring(line))
        .collect()
}

fn is_recurring(line: &Line) -> bool {
    line.head.pricing.price().is_recurring
}

fn ends_months(offer: &Offer) -> bool {
    offer.cycle_anchor == CycleAnchor::LastDayOfMonth
}

/// The end whose first day after it is `end`.
fn last_day(end: Date, zone: &TimeZone) -> Result<End, Error> {
    let day = end.yesterday().map_err(|_| Error::OutOfRange)?;
    End::with_day(day, zone)
}
