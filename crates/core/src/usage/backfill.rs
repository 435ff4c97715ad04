//! Backfills: the events of a past window are loaded anew, looked at, and exchanged in one step.
//!
//! Owns the states of a backfill, its rules, and, as the specification, what a stream holds afterwards. Does
//! not own keeping any of it.

use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use super::{correction::REASON_LENGTH_MAX, event::Recorded, schema::Schema};

/// Events of a backfill at most.
pub const STAGED_MAX: u64 = 10_000_000;
/// The same where events have an identity: all identities are compared in one step.
pub const STAGED_UNIQUE_MAX: u64 = 1_000_000;

/// A backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Its id; also that of the stream that holds its events until it is committed.
    pub id: Uuid,
    /// Whose events.
    pub raw_metric_id: Uuid,
    /// The events that are exchanged happened in `[start, end)`.
    pub window: Range<Timestamp>,
    /// Events of the window up to this sequence go; those that came after the backfill was opened stay.
    pub replaces_up_to: u64,
    /// Why.
    pub reason: String,
    /// Where it is.
    pub state: State,
    /// Who opened it.
    pub created_by: String,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// Where a backfill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes events, which count nowhere yet.
    Open,
    /// Its events took the place of the window's.
    Committed {
        /// Sequence of the exchange; its events follow.
        sequence: u64,
        /// How many events it brought, replaced ones included.
        event_count: u64,
        /// Who and when.
        closed: Closed,
    },
    /// Its events are gone; nothing was exchanged.
    Reverted {
        /// Who and when.
        closed: Closed,
    },
}

/// Who closed a backfill, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Which rule forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No reason.
    #[error("say why")]
    ReasonBlank,
    /// A reason that is too long.
    #[error("{REASON_LENGTH_MAX} characters at most")]
    ReasonTooLong,
    /// The window has no instant.
    #[error("the window ends before it begins")]
    WindowEmpty,
    /// The window is not over.
    #[error("the window is not over: events of it still come")]
    WindowOpen,
    /// It was committed before.
    #[error("the backfill is committed")]
    Committed,
    /// It was reverted before.
    #[error("the backfill is reverted")]
    Reverted,
}

/// A reason that can be kept.
///
/// # Errors
/// [`Refusal::ReasonBlank`], [`Refusal::ReasonTooLong`].
pub fn check_reason(reason: &str) -> Result<(), Refusal> {
    match reason.trim().chars().count() {
        0 => Err(Refusal::ReasonBlank),
        1..=REASON_LENGTH_MAX => Ok(()),
        _ => Err(Refusal::ReasonTooLong),
    }
}

/// A window whose events can be exchanged.
///
/// # Errors
/// [`Refusal::WindowEmpty`], [`Refusal::WindowOpen`].
pub fn check_window(window: &Range<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    if window.start >= window.end {
        return Err(Refusal::WindowEmpty);
    }
    match window.end <= now {
        true => Ok(()),
        false => Err(Refusal::WindowOpen),
    }
}

impl State {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Committed { .. } => "committed",
            Self::Reverted { .. } => "reverted",
        }
    }

    /// The words of all states.
    pub const WORDS: [&'static str; 3] = ["open", "committed", "reverted"];
}

impl Backfill {
    /// This backfill, which must be open.
    ///
    /// # Errors
    /// [`Refusal::Committed`], [`Refusal::Reverted`].
    pub fn opened(self) -> Result<Self, Refusal> {
        match self.state {
            State::Open => Ok(self),
            State::Committed { .. } => Err(Refusal::Committed),
            State::Reverted { .. } => Err(Refusal::Reverted),
        }
    }

    /// The exchange is made, at this sequence and with so many events.
    ///
    /// # Errors
    /// As [`Backfill::opened`].
    pub fn commit(self, sequence: u64, event_count: u64, closed: Closed) -> Result<Self, Refusal> {
        let state = State::Committed {
            sequence,
            event_count,
            closed,
        };
        Ok(Self {
            state,
            ..self.opened()?
        })
    }

    /// Its events are thrown away.
    ///
    /// # Errors
    /// As [`Backfill::opened`].
    pub fn revert(self, closed: Closed) -> Result<Self, Refusal> {
        let state = State::Reverted { closed };
        Ok(Self {
            state,
            ..self.opened()?
        })
    }

    /// Whether a window shares an instant with this one's.
    pub fn overlaps(&self, window: &Range<Timestamp>) -> bool {
        self.window.start < window.end && window.start < self.window.end
    }
}

/// The events that count after a backfill was committed at `sequence`: its events follow in their order.
/// In no particular order.
pub fn replaced(
    schema: &Schema,
    events: &[Recorded],
    backfill: (&Range<Timestamp>, u64),
    (sequence, staged): (u64, &[Recorded]),
) -> Vec<Recorded> {
    let (window, up_to) = backfill;
    let goes = |recorded: &Recorded| {
        recorded.sequence <= up_to && window.contains(&recorded.event.timestamp)
    };
    let mut rest = schema.current(events);
    rest.retain(|recorded| !goes(recorded));
    let staged = schema.current(staged).into_iter().map(|staged| Recorded {
        sequence: sequence + staged.sequence,
        event: staged.event.clone(),
    });
    rest.into_iter().cloned().chain(staged).collect()
}

#[cfg(test)]
mod tests;
