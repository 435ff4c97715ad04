//! Renewal: which policy applies at the end of a contract, and the contract that follows it.
//!
//! Owns the choice and the dates of the next term. Does not own plans: what a plan sells now comes in as
//! phases. Nothing is renewed twice: the next contract names this one in `renewed_from`.

use jiff::civil::Date;

use super::{
    Contract, Details, End, Header, PhaseDetails, PhaseType, PlanVersion, Refusal, RenewalPolicy,
    Start, Status, days_between,
};
use crate::calendar::{Cadence, Delay, Error, Schedule};

/// What happens at the end of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The end has not come.
    NotYet,
    /// Nothing.
    None,
    /// The term again: [`renewed_with_existing`].
    WithExisting,
    /// The current version of this plan: [`renewed_from_plan`].
    FromPlan(PlanVersion),
}

impl Contract {
    /// The day on which [`renewal_due`] decides; none where nothing can follow, whatever the organisation's
    /// policy is.
    pub fn renewal_day(&self) -> Option<Date> {
        let header = self.header();
        let is_kept = self.record().deleted_at.is_none() && self.status().is_billed();
        let is_wanted = header.include_in_renewal != Some(false)
            && header.renewal_policy != Some(RenewalPolicy::DoNotRenew);
        let end = header.end.filter(|_| is_kept && is_wanted);
        end.map(End::day)
    }
}

/// What happens at the end of a contract, by its own policy, else the organisation's, else nothing
/// (semantics §5.4). A contract that is to start again from a plan but has none is not renewed.
pub fn renewal_due(
    contract: &Contract,
    organisation: Option<RenewalPolicy>,
    today: Date,
) -> Renewal {
    let Some(day) = contract.renewal_day() else {
        return Renewal::None;
    };
    if today < day {
        return Renewal::NotYet;
    }
    let header = contract.header();
    match header.renewal_policy.or(organisation) {
        None | Some(RenewalPolicy::DoNotRenew) => Renewal::None,
        Some(RenewalPolicy::WithExisting) => Renewal::WithExisting,
        Some(RenewalPolicy::WithDefaultContract) => {
            header.plan.map_or(Renewal::None, Renewal::FromPlan)
        }
    }
}

/// The term of a contract again, from its end, with its prices. Trials, charges made once and pauses
/// are not repeated; quantities and switches go on as they were last.
///
/// # Errors
/// [`Refusal::NotInForce`] for a contract without end; [`Refusal::Calendar`].
pub fn renewed_with_existing(contract: &Contract) -> Result<Details, Refusal> {
    let term = Term::of(contract)?;
    let mut phases = Vec::new();
    for phase in contract.phases() {
        if phase.head.phase_type != PhaseType::Trial {
            phases.push(term.phase_again(contract, phase.to_details())?);
        }
    }
    // The first phase takes the place of the trials before it.
    if let Some(first) = phases.first_mut() {
        first.start = None;
    }
    Ok(term.details(contract, contract.header().plan, phases))
}

/// A term as long as the last one, from the end of the contract, with what its plan sells now: `phases`
/// begin on the day of [`Contract::header`]'s end.
///
/// # Errors
/// [`Refusal::NotInForce`] for a contract without end; [`Refusal::Calendar`].
pub fn renewed_from_plan(
    contract: &Contract,
    plan: PlanVersion,
    phases: Vec<PhaseDetails>,
) -> Result<Details, Refusal> {
    Ok(Term::of(contract)?.details(contract, Some(plan), phases))
}

/// The next term of a contract.
struct Term {
    start: Start,
    end: End,
    /// Months of the term, where it is whole months on the contract's grid.
    months: Option<i64>,
    days: u32,
    monthly: Schedule,
}

impl Term {
    fn of(contract: &Contract) -> Result<Self, Refusal> {
        let header = contract.header();
        let old_end = header.end.ok_or(Refusal::NotInForce(Status::Active))?;
        let (from, until) = (header.start.day(), old_end.day());
        let months = Cadence::Months(std::num::NonZeroU32::MIN);
        let monthly = Schedule::new(header.anchor_day(), months);
        let is_whole = monthly.starts_on(from) && monthly.starts_on(until);
        let months = if is_whole {
            Some(monthly.index_at(until)? - monthly.index_at(from)?)
        } else {
            None
        };
        let days = u32::try_from(days_between(from, until)).map_err(|_| Error::OutOfRange)?;
        let start = Start::on(until, contract.zone())?;
        let mut term = Self {
            start,
            end: old_end,
            months,
            days,
            monthly,
        };
        let end = term.again(until)?;
        term.end = last_day_before(end, contract)?;
        Ok(term)
    }

    /// A day of the last term in the next.
    fn again(&self, day: Date) -> Result<Date, Error> {
        let Some(months) = self.months else {
            return super::add_days(day, self.days);
        };
        if self.monthly.starts_on(day) {
            return self.monthly.boundary(self.monthly.index_at(day)? + months);
        }
        let months = u32::try_from(months).map_err(|_| Error::OutOfRange)?;
        Delay { months, days: 0 }.after(day)
    }

    fn phase_again(
        &self,
        contract: &Contract,
        phase: PhaseDetails,
    ) -> Result<PhaseDetails, Refusal> {
        let phase_start = phase.start.map(Start::day);
        let start_again = |start: Start| Start::on(self.again(start.day())?, contract.zone());
        let end_again = |end: End| last_day_before(self.again(end.day())?, contract);
        let mut lines = Vec::new();
        for mut line in phase.lines {
            if !line.head.pricing.price().is_recurring {
                continue;
            }
            let own = line.start.filter(|start| Some(start.day()) != phase_start);
            line.start = own.map(start_again).transpose()?;
            line.end = line.end.map(end_again).transpose()?;
            line.id = None;
            for entry in &mut line.head.is_enabled {
                // A switch of the last term is thrown by now; one to come stays on its day.
                entry.effective_from = entry.effective_from.min(self.start.day());
            }
            keep_last(&mut line.head.is_enabled);
            lines.push(line);
        }
        Ok(PhaseDetails {
            id: None,
            start: phase.start.map(start_again).transpose()?,
            end: phase.end.map(end_again).transpose()?,
            head: phase.head,
            lines,
        })
    }

    fn details(
        &self,
        contract: &Contract,
        plan: Option<PlanVersion>,
        phases: Vec<PhaseDetails>,
    ) -> Details {
        let old = contract.header();
        let header = Header {
            start: self.start,
            end: Some(self.end),
            anchor: Some(old.anchor.unwrap_or(old.start)),
            plan,
            renewed_from: Some(contract.id()),
            ..old.clone()
        };
        Details {
            header,
            status: Status::Active,
            phases,
        }
    }
}

fn last_day_before(end: Date, contract: &Contract) -> Result<End, Error> {
    let last_day = end.yesterday().map_err(|_| Error::OutOfRange)?;
    End::with_day(last_day, contract.zone())
}

/// Of switches on one day the last one counts.
fn keep_last(entries: &mut Vec<crate::terms::EnabledFrom>) {
    let mut kept: Vec<crate::terms::EnabledFrom> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        kept.retain(|earlier| earlier.effective_from != entry.effective_from);
        kept.push(entry);
    }
    *entries = kept;
}
