//! Plans: what is sold to everybody, before any customer. A plan is phases of products at prices, as long as its
//! schedule says; a contract made from it copies them.
//!
//! Owns what a valid plan is, its life and its versions, and what a contract made from it says. Does not own the
//! catalogue ([`crate::product_pricing`]) nor contracts ([`crate::contract`]).
//!
//! Invariants of a [`Plan`]:
//! - a contract could be made from it as it stands: what it says breaks no rule of contracts;
//! - the terms of a published version never change, for contracts remember it; another version does;
//! - phases and lines keep their ids through every change and version.

mod document;
mod offer;
mod rule;
mod schedule;
mod terms;
mod written;

use jiff::Timestamp;
use uuid::Uuid;

use crate::contract::{LineHead, PhaseHead, PlanVersion};
use crate::currency::Currency;
use crate::difference::{Change, difference};
use crate::id::LineId;

pub use document::Kept;
pub use offer::{CycleAnchor, Offer, OfferDetails, Provisioning, Trial, TrialDetails, offer};
pub use rule::{Finding, Findings, Rule};
pub use schedule::{Duration, Schedule};
pub use written::{LineDetails, PhaseDetails, Written};

/// A plan at one of its versions: each version has an id of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Id of this version.
    pub id: Uuid,
    /// Id of the first version: the same for all versions of one plan.
    pub parent_plan_id: Uuid,
    /// The version that this one was made from.
    pub old_plan_id: Option<Uuid>,
    /// 1, then one more with each version.
    pub version_number: u32,
    /// Where it stands.
    pub status: Status,
    /// What it says.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a plan says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// How long a contract made from it lasts; without duration it is open-ended.
    pub schedule: Schedule,
    /// Its phases, in order.
    pub phases: Vec<Phase>,
    /// How it is offered, for a plan of products without phases of its own.
    pub offer: Option<Offer>,
}

/// A phase of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its id.
    pub id: Uuid,
    /// How long after the phase before it begins, and how long it lasts.
    pub schedule: Schedule,
    /// What does not depend on dates.
    pub head: PhaseHead,
    /// What is sold in it.
    pub lines: Vec<Line>,
}

/// A line of a plan: a product at a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: LineId,
    /// How long after its phase it begins, and how long it lasts.
    pub schedule: Schedule,
    /// What is sold, at which price.
    pub head: LineHead,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being written.
    Draft,
    /// Published: sold.
    Active,
    /// No longer sold; contracts made from it stay.
    Archived,
}

impl Status {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// The value of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Archived]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Which status may follow which. Drafts that are not wanted are deleted.
pub const TRANSITIONS: &[(Status, Status)] = &[
    (Status::Draft, Status::Active),
    (Status::Active, Status::Archived),
    (Status::Archived, Status::Active),
];

/// Why a plan does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was sent breaks rules.
    #[error(transparent)]
    Findings(#[from] Findings),
    /// The terms of a published version are fixed.
    #[error("the plan is {0}: its terms are fixed, make a new version")]
    Published(Status),
    /// The status cannot follow.
    #[error("a plan that is {from} cannot become {to}")]
    Transition {
        /// It is.
        from: Status,
        /// It should be.
        to: Status,
    },
    /// Only drafts can be deleted.
    #[error("the plan is {0}: archive it, only drafts are deleted")]
    NotADraft(Status),
    /// The plan has a version that is being written.
    #[error("version {0} of the plan is a draft: publish or delete it first")]
    VersionOpen(u32),
    /// The plan has no such phase.
    #[error("the plan has no such phase")]
    PhaseNotFound,
    /// The phase has no such line.
    #[error("the phase has no such pricing")]
    LineNotFound,
}

/// The first version of a plan. Ids of phases and lines that were sent are not taken over.
///
/// # Errors
/// Everything that is wrong, each thing at its field.
pub fn create(
    id: Uuid,
    written: Written,
    ids: &mut dyn FnMut() -> Uuid,
    at: Timestamp,
) -> Result<Plan, Findings> {
    let status = written.status;
    let details = written::resolve(written, None, ids)?;
    Ok(Plan {
        id,
        parent_plan_id: id,
        old_plan_id: None,
        version_number: 1,
        status,
        details,
        created_at: at,
        updated_at: at,
    })
}

impl Plan {
    /// The plan as a caller would write it to keep it.
    pub fn to_written(&self) -> Written {
        written::of(self)
    }

    /// Replaces what the plan says, and its status. A published version takes another name and description only.
    ///
    /// # Errors
    /// [`Refusal::Findings`], [`Refusal::Published`], [`Refusal::Transition`].
    pub fn amend(
        &self,
        written: Written,
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let status = written.status;
        let details = written::resolve(written, Some(self), ids)?;
        let next = self.become_status(status, at)?;
        let is_fixed = self.status != Status::Draft;
        if is_fixed && !self.details.has_same_terms(&details) {
            return Err(Refusal::Published(self.status));
        }
        Ok(Self { details, ..next })
    }

    /// Changes a part of a draft, whose findings lose the path to the part.
    ///
    /// # Errors
    /// As [`Plan::amend`].
    pub fn amend_part(
        &self,
        written: Written,
        place: &[String],
        ids: &mut dyn FnMut() -> Uuid,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let amended = self.amend(written, ids, at);
        amended.map_err(|refusal| match refusal {
            Refusal::Findings(found) => Refusal::Findings(found.within(place)),
            other => other,
        })
    }

    /// The plan with another status.
    ///
    /// # Errors
    /// [`Refusal::Transition`]; [`Refusal::Findings`] where nothing is sold.
    pub fn become_status(&self, to: Status, at: Timestamp) -> Result<Self, Refusal> {
        let from = self.status;
        if from != to && !TRANSITIONS.contains(&(from, to)) {
            return Err(Refusal::Transition { from, to });
        }
        Ok(Self {
            status: to,
            updated_at: at,
            ..self.clone()
        })
    }

    /// The plan published: sold from now on.
    ///
    /// # Errors
    /// [`Refusal::Transition`]; [`Refusal::Findings`] for a plan without phases.
    pub fn publish(&self, at: Timestamp) -> Result<Self, Refusal> {
        let published = self.become_status(Status::Active, at)?;
        written::check_published(&published.details)?;
        Ok(published)
    }

    /// A draft of the next version with the same content. `latest` is the newest version that there is.
    ///
    /// # Errors
    /// [`Refusal::VersionOpen`] where that is a draft.
    pub fn next_version(&self, id: Uuid, latest: &Self, at: Timestamp) -> Result<Self, Refusal> {
        if latest.status == Status::Draft {
            return Err(Refusal::VersionOpen(latest.version_number));
        }
        Ok(Self {
            id,
            parent_plan_id: self.parent_plan_id,
            old_plan_id: Some(self.id),
            version_number: latest.version_number + 1,
            status: Status::Draft,
            details: self.details.clone(),
            created_at: at,
            updated_at: at,
        })
    }

    /// That the plan may be deleted.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn require_draft(&self) -> Result<(), Refusal> {
        match self.status {
            Status::Draft => Ok(()),
            other => Err(Refusal::NotADraft(other)),
        }
    }

    /// What contracts remember of it.
    pub const fn version(&self) -> PlanVersion {
        PlanVersion {
            plan_id: self.id,
            version: Some(self.version_number),
        }
    }

    /// The currency of its prices, where they name one. All that name one name the same.
    pub fn currency(&self) -> Option<Currency> {
        self.details.currency()
    }

    /// All of its lines.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.details.phases.iter().flat_map(|phase| &phase.lines)
    }
}

impl Details {
    fn currency(&self) -> Option<Currency> {
        let offered = self.offer.as_ref().map(|offer| offer.currency);
        let lines = self.phases.iter().flat_map(|phase| &phase.lines);
        let mut named = lines.filter_map(|line| line.head.pricing.price().currency);
        offered.or_else(|| named.next())
    }

    fn has_same_terms(&self, other: &Self) -> bool {
        let Self {
            name: _,
            description: _,
            schedule,
            phases,
            offer,
        } = self;
        schedule == &other.schedule && phases == &other.phases && offer == &other.offer
    }
}

/// What differs between two versions of a plan, field by field. Phases and lines are told apart by id; prices by what
/// they tell besides defaults.
pub fn changes(old: &Plan, new: &Plan) -> Vec<Change> {
    difference(&old.told(), &new.told())
}
