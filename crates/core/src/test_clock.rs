//! Test clocks: a time that moves only when told to, for customers of a sandbox (DESIGN §8).
//!
//! Owns which moves are allowed. Does not own what time does to contracts and invoices.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Customers of a clock at most: one advance walks through the days of all of them.
pub const CUSTOMERS_MAX: usize = 100;

/// How far one advance goes at most: five years.
pub const ADVANCE_MAX: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

/// Longest name, in characters.
pub const NAME_LENGTH_MAX: usize = 255;

/// A clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestClock {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: Option<String>,
    /// What time it is for its customers.
    pub now: Timestamp,
    /// Where it is going.
    pub state: State,
    /// When it was created, in real time.
    pub created_at: Timestamp,
    /// When it was changed, in real time.
    pub updated_at: Timestamp,
}

/// Whether a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It stands.
    Ready,
    /// It is on its way, day by day.
    Advancing(Advance),
}

/// A move of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Where it goes.
    pub to: Timestamp,
    /// Whether drafts are approved on the day they are made.
    pub approves: bool,
    /// The job that counts its steps.
    pub job_id: Uuid,
}

/// Why a clock is not made or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A name is too long.
    #[error("a name has at most {NAME_LENGTH_MAX} characters")]
    NameTooLong,
    /// Time does not go back, nor stand still.
    #[error("the clock stands at {now}: it moves to a later time")]
    NotLater {
        /// Where it stands.
        now: Timestamp,
    },
    /// One advance goes too far.
    #[error("one advance goes at most five years: advance several times")]
    TooFar,
    /// It is on its way.
    #[error("the clock is advancing to {to}: wait for its job")]
    Advancing {
        /// Where it goes.
        to: Timestamp,
    },
}

/// Makes a clock that stands at `now`.
///
/// # Errors
/// [`Refusal::NameTooLong`].
pub fn create(
    id: Uuid,
    name: Option<String>,
    now: Timestamp,
    at: Timestamp,
) -> Result<TestClock, Refusal> {
    let name = name.map(|name| name.trim().to_owned());
    let name = name.filter(|name| !name.is_empty());
    let length = name.as_deref().map_or(0, |name| name.chars().count());
    if length > NAME_LENGTH_MAX {
        return Err(Refusal::NameTooLong);
    }
    Ok(TestClock {
        id,
        name,
        now,
        state: State::Ready,
        created_at: at,
        updated_at: at,
    })
}

impl TestClock {
    /// The clock on its way.
    ///
    /// # Errors
    /// [`Refusal::Advancing`], [`Refusal::NotLater`], [`Refusal::TooFar`].
    pub fn advance(mut self, advance: Advance, at: Timestamp) -> Result<Self, Refusal> {
        self.require_ready()?;
        if advance.to <= self.now {
            return Err(Refusal::NotLater { now: self.now });
        }
        if advance.to.duration_since(self.now) > ADVANCE_MAX {
            return Err(Refusal::TooFar);
        }
        self.state = State::Advancing(advance);
        self.updated_at = at;
        Ok(self)
    }

    /// The clock after a step. It stands when it has arrived.
    #[must_use]
    pub fn stepped(mut self, now: Timestamp, at: Timestamp) -> Self {
        self.now = now.max(self.now);
        self.updated_at = at;
        if let State::Advancing(advance) = self.state
            && self.now >= advance.to
        {
            self.state = State::Ready;
        }
        self
    }

    /// Refuses while the clock is on its way.
    ///
    /// # Errors
    /// [`Refusal::Advancing`].
    pub const fn require_ready(&self) -> Result<(), Refusal> {
        match self.state {
            State::Ready => Ok(()),
            State::Advancing(advance) => Err(Refusal::Advancing { to: advance.to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn clock() -> TestClock {
        let (now, at) = (at("2026-01-01T00:00:00Z"), at("2026-06-01T00:00:00Z"));
        create(Uuid::nil(), Some(" A year ".to_owned()), now, at).unwrap()
    }

    fn advance(to: &str) -> Result<TestClock, Refusal> {
        let advance = Advance {
            to: at(to),
            approves: false,
            job_id: Uuid::nil(),
        };
        clock().advance(advance, at("2026-06-01T00:00:00Z"))
    }

    #[test]
    fn a_clock_walks_to_where_it_is_sent_and_stands_there() {
        let clock = advance("2026-03-01T00:00:00Z").unwrap();
        assert!(clock.require_ready().is_err());
        let written = at("2026-06-01T00:00:01Z");
        let clock = clock.stepped(at("2026-02-01T00:00:00Z"), written);
        assert!(clock.require_ready().is_err(), "it is on its way");
        let clock = clock.stepped(at("2026-03-01T00:00:00Z"), written);
        assert_eq!(
            (clock.require_ready(), clock.now),
            (Ok(()), at("2026-03-01T00:00:00Z"))
        );
        assert_eq!(clock.name.as_deref(), Some("A year"));
    }

    #[test]
    fn time_does_not_go_back_nor_too_far() {
        let now = at("2026-01-01T00:00:00Z");
        let back = Err(Refusal::NotLater { now });
        assert_eq!(advance("2026-01-01T00:00:00Z"), back);
        assert_eq!(advance("2025-01-01T00:00:00Z"), back);
        assert_eq!(advance("2032-01-01T00:00:00Z"), Err(Refusal::TooFar));
    }

    #[test]
    fn a_clock_on_its_way_is_not_sent_elsewhere() {
        let clock = advance("2026-03-01T00:00:00Z").unwrap();
        let again = Advance {
            to: at("2026-04-01T00:00:00Z"),
            approves: true,
            job_id: Uuid::nil(),
        };
        let to = at("2026-03-01T00:00:00Z");
        let refused = clock.advance(again, at("2026-06-01T00:00:00Z"));
        assert_eq!(refused, Err(Refusal::Advancing { to }));
    }
}
