//! Quotes: what is offered to a customer, version by version, until one is accepted as a contract.
//!
//! Owns what a version offers ([`Offer`]), the life of a quote and how modifiers of the whole reach the contract
//! ([`with_modifiers`]). Does not own the contract that a version would make ([`crate::contract`]) nor what that comes to
//! ([`crate::rating`]).
//!
//! Invariants: a version that was sent never changes; a quote is accepted at most once, and never after its validity.

mod kept;
mod line_item;
mod modifiers;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::contract::Contract;
use crate::document::Parties;
use crate::invoice::NumberFormat;
use crate::plan::Provisioning;
use crate::words::words;

pub use line_item::{LineItem, Merge, merged};
pub use modifiers::with_modifiers;

/// Line items of a version at most: a phase of a contract takes no more.
pub const LINE_ITEMS_MAX: usize = crate::contract::LINES_MAX;

/// A quote with its current version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its id.
    pub id: Uuid,
    /// Its number, which no other quote of the organisation has: `Q-0001`.
    pub number: String,
    /// Who would buy. It never changes.
    pub customer_id: Uuid,
    /// Who sells, where that was said.
    pub business_entity_id: Option<Uuid>,
    /// Free data.
    pub custom_data: Json,
    /// The version that counts.
    pub current: Version,
    /// Who wrote it.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A version of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: Uuid,
    /// 1, then one more with each version.
    pub number: u32,
    /// Where it stands.
    pub state: State,
    /// What it offers.
    pub offer: Offer,
    /// What that means and comes to.
    pub priced: Priced,
    /// Who sells and who buys, as they were when it was sent.
    pub parties: Option<Parties>,
    /// Who wrote it.
    pub created_by: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a version means, as it was when it was last written. Prices are copies: a change of the catalogue does not reach
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The contract that it would make, with the id that this would have.
    pub contract: Contract,
    /// What the first and the next invoices come to: `current_invoice` and `next_invoice`.
    pub estimate: Json,
    /// The same invoices line by line, as documents show them.
    pub invoices: Json,
}

/// What a version offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name, and that of the contract.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Currency of all amounts: ISO 4217.
    pub currency: String,
    /// First day of the contract.
    pub start_date: Date,
    /// Last day of the contract; open-ended, or that of the plan, without it.
    pub end_date: Option<Date>,
    /// First day on which it can be accepted.
    pub valid_from: Date,
    /// Last day on which it can be accepted.
    pub valid_until: Option<Date>,
    /// The plan that it is made from.
    pub plan_id: Option<Uuid>,
    /// What is sold for the whole term.
    pub line_items: Vec<LineItem>,
    /// Phases as they were sent, where what is sold differs in time.
    pub phases: Json,
    /// Discounts on the whole.
    pub discounts: Json,
    /// Taxes on the whole.
    pub taxes: Json,
    /// What the contract needs to come into force.
    pub provisioning: Provisioning,
    /// Values of the custom attributes of the contract.
    pub custom_attributes: Json,
    /// Free data about the version.
    pub version_metadata: Json,
}

/// Where a version stands. Whether its validity is over is not a state but a matter of the day: [`Version::status_on`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being written: it changes in place.
    Draft,
    /// The customer has it.
    Sent {
        /// Since when.
        at: Timestamp,
    },
    /// It became a contract.
    Accepted {
        /// Since when.
        at: Timestamp,
        /// The contract.
        contract_id: Uuid,
        /// The payment method that was named.
        payment_method_id: Option<Uuid>,
    },
    /// The customer does not want it.
    Rejected {
        /// Since when.
        at: Timestamp,
    },
}

words! {
    /// Where a version stands on a day.
    Status {
        /// Being written.
        Draft = "draft",
        /// The customer has it.
        Sent = "sent",
        /// It became a contract.
        Accepted = "accepted",
        /// The customer does not want it.
        Rejected = "rejected",
        /// It was neither accepted nor rejected in time.
        Expired = "expired",
    }
}

/// Which status may follow which by a request; what is not here is refused. A draft can be accepted without having been
/// sent: whoever asked for it has seen it.
pub const TRANSITIONS: [(Status, Status); 4] = [
    (Status::Draft, Status::Sent),
    (Status::Draft, Status::Accepted),
    (Status::Sent, Status::Accepted),
    (Status::Sent, Status::Rejected),
];

/// Which rule a version breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It sells nothing.
    #[error("say what is sold: line_items, phases or a plan by plan_id")]
    NothingSold,
    /// It says twice what is sold.
    #[error("send line_items or phases, not both")]
    SoldTwice,
    /// Its validity ends before it begins.
    #[error("the validity ends before it begins")]
    ValidityEmpty,
    /// Two line items with one id.
    #[error("another line item has this id")]
    LineItemTwice,
    /// A line item to be taken off that is not there.
    #[error("the quote has no line item with this id")]
    LineItemUnknown,
}

/// A broken rule and its place.
pub type Misfit = (Vec<String>, Flaw);

/// Why a quote does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It became a contract.
    #[error("the quote is accepted: change its contract instead")]
    Accepted,
    /// The customer does not want it.
    #[error("the quote is rejected: change it, which makes a new version")]
    Rejected,
    /// The customer has never had it.
    #[error("the quote is a draft: only what was sent is rejected")]
    NotSent,
    /// It has been more than a draft.
    #[error("only a quote that was never sent is deleted")]
    NotADraft,
    /// Its validity is over.
    #[error("the quote was valid until {0}: change valid_until")]
    Expired(Date),
    /// Its validity has not begun.
    #[error("the quote can be accepted from {0} on")]
    NotYetValid(Date),
}

/// How quotes are numbered.
pub fn number_format() -> NumberFormat {
    NumberFormat {
        prefix: "Q-".to_owned(),
        digits: 4,
    }
}

impl Offer {
    /// That it says what is sold, once, and can be accepted on some day.
    ///
    /// # Errors
    /// Everything that is wrong, each thing at its place.
    pub fn check(&self) -> Result<(), Vec<Misfit>> {
        let mut found: Vec<Misfit> = Vec::new();
        let at = |field: &str| vec![field.to_owned()];
        let has_phases = self
            .phases
            .as_array()
            .is_some_and(|phases| !phases.is_empty());
        match (self.line_items.is_empty(), has_phases) {
            (true, false) if self.plan_id.is_none() => {
                found.push((at("line_items"), Flaw::NothingSold));
            }
            (false, true) => found.push((at("phases"), Flaw::SoldTwice)),
            _ => {}
        }
        if self
            .valid_until
            .is_some_and(|until| until < self.valid_from)
        {
            found.push((at("valid_until"), Flaw::ValidityEmpty));
        }
        match found.is_empty() {
            true => Ok(()),
            false => Err(found),
        }
    }
}

impl State {
    /// Its status, whatever the day.
    pub const fn status(&self) -> Status {
        match self {
            Self::Draft => Status::Draft,
            Self::Sent { .. } => Status::Sent,
            Self::Accepted { .. } => Status::Accepted,
            Self::Rejected { .. } => Status::Rejected,
        }
    }

    /// Since when it stands there; a draft stands there since it was created.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Draft => None,
            Self::Sent { at } | Self::Accepted { at, .. } | Self::Rejected { at } => Some(*at),
        }
    }

    /// The contract that it became.
    pub const fn contract_id(&self) -> Option<Uuid> {
        match self {
            Self::Accepted { contract_id, .. } => Some(*contract_id),
            _ => None,
        }
    }

    /// The payment method that was named with the acceptance.
    pub const fn payment_method_id(&self) -> Option<Uuid> {
        match self {
            Self::Accepted {
                payment_method_id, ..
            } => *payment_method_id,
            _ => None,
        }
    }
}

impl Version {
    /// Where it stands on a day of the organisation.
    pub fn status_on(&self, today: Date) -> Status {
        let is_over = self.offer.valid_until.is_some_and(|until| until < today);
        match self.state.status() {
            Status::Draft | Status::Sent if is_over => Status::Expired,
            status => status,
        }
    }
}

impl Quote {
    /// That the current version may get another status.
    fn require(&self, next: Status, today: Date) -> Result<(), Refusal> {
        let status = self.current.state.status();
        if !TRANSITIONS.contains(&(status, next)) {
            return Err(match status {
                Status::Accepted => Refusal::Accepted,
                Status::Draft => Refusal::NotSent,
                _ => Refusal::Rejected,
            });
        }
        let offer = &self.current.offer;
        if next == Status::Rejected {
            return Ok(());
        }
        match offer.valid_until {
            Some(until) if until < today => Err(Refusal::Expired(until)),
            _ if next == Status::Accepted && today < offer.valid_from => {
                Err(Refusal::NotYetValid(offer.valid_from))
            }
            _ => Ok(()),
        }
    }

    /// That it can be accepted on a day.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn require_acceptable(&self, today: Date) -> Result<(), Refusal> {
        self.require(Status::Accepted, today)
    }

    /// The quote with its current version sent, between these parties. Sent again it stays as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn send(&self, parties: Parties, today: Date, at: Timestamp) -> Result<Self, Refusal> {
        if matches!(self.current.state, State::Sent { .. }) {
            return Ok(self.clone());
        }
        self.require(Status::Sent, today)?;
        let mut sent = self.standing(State::Sent { at }, at);
        sent.current.parties = Some(parties);
        Ok(sent)
    }

    /// The quote with its current version rejected. Rejected again it stays as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn reject(&self, today: Date, at: Timestamp) -> Result<Self, Refusal> {
        if matches!(self.current.state, State::Rejected { .. }) {
            return Ok(self.clone());
        }
        self.require(Status::Rejected, today)?;
        Ok(self.standing(State::Rejected { at }, at))
    }

    /// The quote with its current version accepted between these parties: as they were when it was sent, where it was.
    ///
    /// # Errors
    /// [`Refusal`], also for one that is accepted: its contract is made once.
    pub fn accept(
        &self,
        (contract_id, payment_method_id): (Uuid, Option<Uuid>),
        parties: Parties,
        today: Date,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        self.require_acceptable(today)?;
        let state = State::Accepted {
            at,
            contract_id,
            payment_method_id,
        };
        let mut accepted = self.standing(state, at);
        accepted.current.parties.get_or_insert(parties);
        Ok(accepted)
    }

    fn standing(&self, state: State, at: Timestamp) -> Self {
        let mut quote = self.clone();
        quote.current.state = state;
        quote.current.updated_at = at;
        quote.updated_at = at;
        quote
    }

    /// The quote with another offer: a draft changes in place, what was sent or rejected gets a next version, with this
    /// id and by this author.
    ///
    /// # Errors
    /// [`Refusal::Accepted`].
    pub fn revise(
        &self,
        (id, by): (Uuid, &str),
        (offer, priced): (Offer, Priced),
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut revised = self.clone();
        let current = &mut revised.current;
        match current.state {
            State::Draft => {}
            State::Accepted { .. } => return Err(Refusal::Accepted),
            State::Sent { .. } | State::Rejected { .. } => {
                current.id = id;
                current.number = current.number.saturating_add(1);
                current.state = State::Draft;
                current.parties = None;
                by.clone_into(&mut current.created_by);
                current.created_at = at;
            }
        }
        current.offer = offer;
        current.priced = priced;
        current.updated_at = at;
        revised.updated_at = at;
        Ok(revised)
    }

    /// That it can be deleted: nobody has ever had it.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn require_deletable(&self) -> Result<(), Refusal> {
        match (self.current.state, self.current.number) {
            (State::Draft, 1) => Ok(()),
            _ => Err(Refusal::NotADraft),
        }
    }
}
