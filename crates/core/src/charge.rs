//! Charges: attempts to get an invoice paid through a gateway.
//!
//! Owns what an answer of a gateway makes of an attempt, and when it is asked again. Does not own the payment,
//! whose id an attempt has, nor talking to gateways. Invariants:
//! - an attempt has one key for its whole life, under which the gateway charges once;
//! - an attempt that has ended changes only when the gateway tells that the money came after all.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::money::Money;

/// How long a request to a gateway may take, with all its repetitions. An attempt that is younger may still be
/// on its way.
pub const ANSWER_MAX: SignedDuration = SignedDuration::from_mins(2);

/// How long the same key may be sent again: gateways forget keys after a day.
pub const KEY_KEPT: SignedDuration = SignedDuration::from_hours(23);

/// How long a customer may take to do what an attempt needs of it.
pub const ACTION_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Longest time between two questions about one attempt.
const ASKED_AGAIN_MAX: SignedDuration = SignedDuration::from_hours(1);

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The id of its payment, and the key under which the gateway knows it.
    pub id: Uuid,
    /// The invoice that is to be paid.
    pub invoice_id: Uuid,
    /// Who pays.
    pub customer_id: Uuid,
    /// The account at the gateway.
    pub connector_id: Uuid,
    /// Who pays, as the gateway calls it.
    pub customer_reference: String,
    /// What is charged, as the gateway calls it; `None`: the customer chooses on the gateway's page.
    pub method_reference: Option<String>,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: State,
    /// Questions to the gateway about it so far.
    pub asked: u32,
    /// When to ask again; `None` once it has ended.
    pub ask_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No final answer yet; the gateway's id where it told one.
    Open {
        /// The gateway's id.
        reference: Option<String>,
    },
    /// The customer must do something.
    RequiresAction {
        /// The gateway's id.
        reference: String,
        /// Where it can be done, if anywhere.
        url: Option<String>,
    },
    /// The money came.
    Succeeded {
        /// The gateway's id.
        reference: String,
    },
    /// The bank or the gateway refused.
    Failed {
        /// The gateway's id.
        reference: Option<String>,
        /// The gateway's word for why.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// It was given up before money came.
    Canceled {
        /// The gateway's id.
        reference: Option<String>,
    },
}

impl State {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::RequiresAction { .. } => "requires_action",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// Whether money may still come.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::RequiresAction { .. })
    }

    /// The gateway's id for it.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::RequiresAction { reference, .. } | Self::Succeeded { reference } => {
                Some(reference)
            }
            Self::Open { reference }
            | Self::Failed { reference, .. }
            | Self::Canceled { reference } => reference.as_deref(),
        }
    }
}

/// What is to be done about an attempt that nobody answered for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its end is known.
    Nothing,
    /// The gateway never heard of it: send it again under its key.
    SendAgain,
    /// The gateway never heard of it, and it is no longer wanted or its key too old.
    GiveUp,
    /// The customer did not do its part in time: take it back at the gateway.
    TakeBack,
}

impl Charge {
    /// The attempt after the gateway told where it stands; `None` where that says nothing new.
    pub fn told(&self, state: State, at: Timestamp) -> Option<Self> {
        let resurrects = matches!(state, State::Succeeded { .. })
            && !matches!(self.state, State::Succeeded { .. });
        if !self.state.is_open() && !resurrects {
            return None;
        }
        let state = self.remembering(state);
        let ask_at = state.is_open().then(|| at + self.pause());
        (state != self.state).then(|| Self {
            state,
            ask_at,
            updated_at: at,
            ..self.clone()
        })
    }

    /// A state without the gateway's id keeps the one that was known.
    fn remembering(&self, state: State) -> State {
        let known = || self.state.reference().map(str::to_owned);
        match state {
            State::Open { reference: None } => State::Open { reference: known() },
            State::Canceled { reference: None } => State::Canceled { reference: known() },
            State::Failed {
                reference: None,
                code,
                message,
            } => State::Failed {
                reference: known(),
                code,
                message,
            },
            state => state,
        }
    }

    /// The attempt with one more question noted.
    #[must_use]
    pub fn asked_once_more(&self, at: Timestamp) -> Self {
        let asked = self.asked.saturating_add(1);
        let after = Self {
            asked,
            ..self.clone()
        };
        Self {
            ask_at: after.state.is_open().then(|| at + after.pause()),
            updated_at: at,
            ..after
        }
    }

    /// Longer after each question: 2 minutes, 4, 8… up to an hour.
    fn pause(&self) -> SignedDuration {
        let factor = 1_i32.checked_shl(self.asked).unwrap_or(i32::MAX);
        let pause = ANSWER_MAX.checked_mul(factor).unwrap_or(ASKED_AGAIN_MAX);
        pause.min(ASKED_AGAIN_MAX)
    }

    /// Whether a request about it may still be on its way.
    pub fn may_be_on_its_way(&self, at: Timestamp) -> bool {
        matches!(self.state, State::Open { .. }) && at.duration_since(self.updated_at) < ANSWER_MAX
    }

    /// What to do now that the gateway was asked about it and said `told`, or that it never heard of it.
    /// `is_wanted`: the invoice is still owed.
    pub fn step(&self, told: Option<&State>, is_wanted: bool, at: Timestamp) -> Step {
        let age = at.duration_since(self.created_at);
        match told {
            None if is_wanted && self.method_reference.is_some() && age < KEY_KEPT => {
                Step::SendAgain
            }
            None => Step::GiveUp,
            Some(State::RequiresAction { .. }) if !is_wanted || age >= ACTION_MAX => Step::TakeBack,
            Some(_) => Step::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
