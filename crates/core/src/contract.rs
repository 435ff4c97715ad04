//! Contracts: what was agreed with a customer, from when to when, at which prices.
//!
//! Owns the contract's invariants, its status, its changes and what they mean for its terms. Does not
//! own what is due under it ([`crate::billing`]), the catalogue's prices ([`crate::product_pricing`]) nor
//! the arithmetic of amounts ([`crate::rating`]).
//!
//! Invariants of a [`Contract`]:
//! - at least one phase, except in a draft; phases are in order, inside the contract and apart from each other;
//! - lines lie inside their phase, have a price in the contract's currency and terms that rating takes;
//! - pauses are in order and apart, inside the contract; only the last may be open-ended;
//! - a line keeps its id through every change, for what was billed is kept under it;
//! - every change that is one makes the next version, and no other does.

mod amendment;
mod check;
mod date;
mod details;
mod document;
mod expiry;
mod features;
mod finding;
mod kept;
mod pause;
mod phase;
mod renewal;
mod resolve;
mod status;
mod terms;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::calendar;
use crate::id::LineId;

pub use amendment::{Amendment, amendment};
pub use date::{End, Start};
pub(crate) use date::{add_days, days_between};
pub use details::{
    ContractType, Details, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, PhaseType,
    PlanVersion, RenewalPolicy,
};
pub use finding::{Finding, Findings, Rule};
pub(crate) use kept::Fields;
pub use kept::{Kept, Unreadable};
pub use pause::{ExtensionPolicy, Pause, PauseEdit, PauseRequest};
pub use phase::{Line, Phase};
pub use renewal::{Renewal, renewal_due, renewed_from_plan, renewed_with_existing};
pub use status::{Status, TRANSITIONS};
pub use terms::{PhaseBilling, Taxation};

/// Phases of a contract at most: a phase for each week of a few years.
pub const PHASES_MAX: usize = 200;
/// Lines of a phase at most: more do not fit one invoice that a person reads.
pub const LINES_MAX: usize = 1_000;
/// First year of a contract's dates.
pub const YEAR_MIN: i16 = 1900;
/// Last year of a contract's dates; longer terms are open-ended ones.
pub const YEAR_MAX: i16 = 2999;

/// A contract at one of its versions. Its parts are read through functions, so that no value without
/// the invariants can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract(Record);

/// All parts of a contract, as the store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// 1, then one more with each change.
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// What is said about it as a whole.
    pub header: Header,
    /// Its phases, in order.
    pub phases: Vec<Phase>,
    /// Its pauses, in order.
    pub pauses: Vec<Pause>,
    /// The zone of its dates: the organisation's when the contract was made. It never changes, or days
    /// would move.
    pub zone: TimeZone,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What a new contract needs to know of the world.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The organisation's zone.
    pub zone: TimeZone,
    /// The customer's parent, if it has one.
    pub parent_customer_id: Option<Uuid>,
}

/// Why a contract does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was sent breaks rules.
    #[error(transparent)]
    Findings(#[from] Findings),
    /// It is not in force.
    #[error("the contract is {0}, not in force")]
    NotInForce(Status),
    /// It has expired, for good.
    #[error("the contract has expired")]
    AlreadyExpired,
    /// Only drafts can be deleted.
    #[error("the contract is {0}: only drafts can be deleted")]
    NotADraft(Status),
    /// The contract has no such phase.
    #[error("the contract has no such phase")]
    PhaseNotFound,
    /// There is no pause to change, or none that has begun.
    #[error("pause phase not found")]
    PauseNotFound,
    /// Several pauses could be meant.
    #[error("the contract has several pauses: name one by pause_phase_id")]
    PauseAmbiguous,
    /// The pause ends before it begins.
    #[error("the end of the pause is not after its start")]
    PauseEndNotAfterStart,
    /// The pause reaches over the contract.
    #[error("the pause is not inside its contract")]
    PauseOutsideContract,
    /// The pause meets another one.
    #[error("the pause overlaps another one")]
    PausesOverlap,
    /// The expiry lies before the contract.
    #[error("the expiry is before the contract's start")]
    ExpiryBeforeStart,
    /// The expiry would make the contract longer.
    #[error("the expiry is after the contract's end")]
    ExpiryAfterEnd,
    /// A date does not fit.
    #[error(transparent)]
    Calendar(#[from] calendar::Error),
}

/// A new contract. Ids of phases and lines that were sent are not taken over: `ids` gives new ones.
///
/// # Errors
/// Everything that is wrong, each thing at its field.
pub fn create(
    id: Uuid,
    details: Details,
    surroundings: &Surroundings,
    ids: &mut dyn FnMut() -> Uuid,
    at: Timestamp,
) -> Result<Contract, Findings> {
    let zone = surroundings.zone.clone();
    let today = zone.to_datetime(at).date();
    let resolved = resolve::resolve(details, None, &zone, ids)?;
    let record = Record {
        id,
        version: 1,
        status: resolved.status,
        header: resolved.header,
        phases: resolved.phases,
        pauses: Vec::new(),
        zone,
        created_at: at,
        updated_at: at,
        deleted_at: None,
    };
    check::check(&record).map_err(|found| resolve::as_sent(found, &resolved.order))?;
    check::payer(&record.header, surroundings.parent_customer_id)?;
    Ok(Contract(record).on(today))
}

impl Contract {
    /// A contract as the store keeps it.
    ///
    /// # Errors
    /// The invariants that the record breaks.
    pub fn restore(record: Record) -> Result<Self, Findings> {
        check::check(&record)?;
        Ok(Self(record))
    }

    /// Its parts, to be kept.
    pub const fn record(&self) -> &Record {
        &self.0
    }

    /// Its id.
    pub const fn id(&self) -> Uuid {
        self.0.id
    }

    /// Its version, from 1.
    pub const fn version(&self) -> u32 {
        self.0.version
    }

    /// Where it stands, as of the last look ([`Contract::on`]).
    pub const fn status(&self) -> Status {
        self.0.status
    }

    /// What is said about it as a whole.
    pub const fn header(&self) -> &Header {
        &self.0.header
    }

    /// Its phases, in order.
    pub fn phases(&self) -> &[Phase] {
        &self.0.phases
    }

    /// Its pauses, in order.
    pub fn pauses(&self) -> &[Pause] {
        &self.0.pauses
    }

    /// The zone of its dates.
    pub const fn zone(&self) -> &TimeZone {
        &self.0.zone
    }

    /// The phase that covers a day: `current_phase` of the API.
    pub fn phase_on(&self, day: Date) -> Option<&Phase> {
        self.0.phases.iter().find(|phase| phase.covers(day))
    }

    /// A line and its phase.
    pub fn line(&self, id: LineId) -> Option<(&Phase, &Line)> {
        let mut lines = self.0.phases.iter().flat_map(|phase| {
            let lines = phase.lines.iter();
            lines.map(move |line| (phase, line))
        });
        lines.find(|(_, line)| line.id == id)
    }

    /// Who pays, given the customer's parent.
    pub fn payer(&self, parent_customer_id: Option<Uuid>) -> Uuid {
        let header = &self.0.header;
        let parent = parent_customer_id.filter(|_| header.bill_parent_customer);
        let other = header.invoice_payer_customer_id.or(parent);
        other.unwrap_or(header.customer_id)
    }

    /// The terms of each phase, for rating. Needs what the tax engine says for the customer.
    ///
    /// # Errors
    /// None for a checked contract without resolved taxes; a resolved tax outside 0 to 100.
    pub fn terms(&self, taxation: &Taxation) -> Result<Vec<PhaseBilling>, Findings> {
        terms::contract_terms(self, taxation)
    }

    /// The contract as a caller would send it to keep it.
    pub fn to_details(&self) -> Details {
        Details {
            header: self.0.header.clone(),
            status: self.0.status,
            phases: self.0.phases.iter().map(Phase::to_details).collect(),
        }
    }

    /// The day of an instant in the contract's zone.
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.0.zone.to_datetime(at).date()
    }

    /// The contract with the status that it has on a day. No new version: the calendar made it so.
    #[must_use]
    pub fn on(mut self, day: Date) -> Self {
        self.0.status = match self.0.status {
            kept @ (Status::Draft | Status::Disputed | Status::Expired) => kept,
            Status::Active | Status::Paused => self.status_in_force(day),
        };
        self
    }

    /// A draft as it would be in force on a day: what its first bill is made of before it is.
    #[must_use]
    pub fn in_force_on(mut self, day: Date) -> Self {
        if self.0.status == Status::Draft {
            self.0.status = self.status_in_force(day);
        }
        self
    }

    fn status_in_force(&self, day: Date) -> Status {
        let record = &self.0;
        if record.header.end.is_some_and(|end| end.day() <= day) {
            Status::Expired
        } else if record.pauses.iter().any(|pause| pause.covers(day)) {
            Status::Paused
        } else {
            Status::Active
        }
    }

    /// Replaces the contract whole (PUT). Phases and lines are recognised by id; those without an id by
    /// what they are (their start or name; external id, else product and price), so that lines keep
    /// their lineage. Pauses stay: they have endpoints of their own, and the phases of type `pause`
    /// that a reader sends back are passed over. The same content is no new version.
    ///
    /// # Errors
    /// Everything that is wrong, each thing at its field; the contract stays as it is.
    pub fn replace(
        &self,
        details: Details,
        parent_customer_id: Option<Uuid>,
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Findings> {
        let resolved = resolve::resolve(details, Some(self), &self.0.zone, ids)?;
        let is_expired = self.0.status == Status::Expired;
        let record = Record {
            status: if is_expired {
                Status::Expired
            } else {
                resolved.status
            },
            header: resolved.header,
            phases: resolved.phases,
            ..self.0.clone()
        };
        check::check(&record).map_err(|found| resolve::as_sent(found, &resolved.order))?;
        check::payer(&record.header, parent_customer_id)?;
        let next = self.next(record, at);
        check::succession(self, &next, self.day_of(at))?;
        Ok(next)
    }

    /// Adds a phase. Without a start it follows the last phase.
    ///
    /// # Errors
    /// [`Refusal::AlreadyExpired`]; findings with paths in the phase.
    pub fn add_phase(
        &self,
        phase: PhaseDetails,
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        self.require_open()?;
        let mut details = self.to_details();
        let later = |other: &PhaseDetails| match (other.start, phase.start) {
            (Some(other), Some(own)) => other.day() > own.day(),
            _ => false,
        };
        let position = details.phases.iter().position(later);
        let position = position.unwrap_or(details.phases.len());
        details.phases.insert(position, phase);
        self.replace_part(details, &["phases", &position.to_string()], ids, at)
    }

    /// Adds a line to a phase.
    ///
    /// # Errors
    /// [`Refusal::AlreadyExpired`], [`Refusal::PhaseNotFound`]; findings with paths in the line.
    pub fn add_line(
        &self,
        phase: Uuid,
        line: LineDetails,
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        self.require_open()?;
        let mut details = self.to_details();
        let position = self.0.phases.iter().position(|other| other.id == phase);
        let position = position.ok_or(Refusal::PhaseNotFound)?;
        let lines = &mut details.phases[position].lines;
        lines.push(line);
        let (phase, line) = (position.to_string(), (lines.len() - 1).to_string());
        self.replace_part(details, &["phases", &phase, "pricings", &line], ids, at)
    }

    fn require_open(&self) -> Result<(), Refusal> {
        match self.0.status {
            Status::Expired => Err(Refusal::AlreadyExpired),
            _ => Ok(()),
        }
    }

    /// Replaces the contract after a change of one part, whose findings lose the path to the part.
    fn replace_part(
        &self,
        details: Details,
        place: &[&str],
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let resolved = resolve::resolve(details, Some(self), &self.0.zone, ids);
        let built = resolved.and_then(|resolved| {
            let record = Record {
                header: resolved.header,
                phases: resolved.phases,
                ..self.0.clone()
            };
            check::check(&record).map_err(|found| resolve::as_sent(found, &resolved.order))?;
            Ok(self.next(record, at))
        });
        Ok(built.map_err(|found| resolve::within(found, place))?)
    }

    /// Deletes a draft.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn delete(mut self, at: Timestamp) -> Result<Self, Refusal> {
        if self.0.status != Status::Draft {
            return Err(Refusal::NotADraft(self.0.status));
        }
        self.0.deleted_at = Some(at);
        self.0.updated_at = at;
        Ok(self)
    }

    /// The next version, or this one where nothing differs.
    fn next(&self, mut record: Record, at: Timestamp) -> Self {
        record.version = self.0.version;
        record.updated_at = self.0.updated_at;
        let next = Self(record).on(self.day_of(at));
        if next == *self {
            return next;
        }
        let Self(mut record) = next;
        record.version += 1;
        record.updated_at = at;
        Self(record)
    }

    /// The next version, if it is a valid one.
    fn next_checked(&self, record: Record, at: Timestamp) -> Result<Self, Refusal> {
        check::check(&record)?;
        Ok(self.next(record, at))
    }
}
