//! The status of a contract and which changes of it there are (semantics §5.3).

use std::fmt;

use jiff::civil::Date;

use super::{Contract, End};

/// Where a contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Being written: nothing is billed, it can be deleted.
    Draft,
    /// In force.
    Active,
    /// In force, but a pause covers the day.
    Paused,
    /// Its end has passed. What was served is still billed.
    Expired,
    /// Under dispute: nothing is billed until that is settled.
    Disputed,
}

/// All changes of status. The way from and to `Paused` and to `Expired` follows the calendar or an
/// endpoint of its own; the others are written by the contract's owner.
pub const TRANSITIONS: [(Status, Status); 10] = [
    (Status::Draft, Status::Active),
    (Status::Active, Status::Paused),
    (Status::Paused, Status::Active),
    (Status::Active, Status::Expired),
    (Status::Paused, Status::Expired),
    (Status::Active, Status::Disputed),
    (Status::Paused, Status::Disputed),
    (Status::Disputed, Status::Active),
    (Status::Disputed, Status::Paused),
    (Status::Disputed, Status::Expired),
];

impl Status {
    /// All, in the order of the API's list.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Active,
        Self::Paused,
        Self::Expired,
        Self::Disputed,
    ];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Expired => "expired",
            Self::Disputed => "disputed",
        }
    }

    /// The status of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether a contract may go from here to `next`; staying is always allowed.
    pub fn may_become(self, next: Self) -> bool {
        self == next || TRANSITIONS.contains(&(self, next))
    }

    /// Whether what is due under the contract is billed.
    pub const fn is_billed(self) -> bool {
        matches!(self, Self::Active | Self::Paused | Self::Expired)
    }
}

impl Contract {
    /// The first day after `today` on which the calendar changes the status: a pause begins or ends, or the
    /// contract does.
    pub fn next_status_day(&self, today: Date) -> Option<Date> {
        if !matches!(self.status(), Status::Active | Status::Paused) {
            return None;
        }
        let bounds = self.pauses().iter().flat_map(|pause| {
            let end = pause.end.map(End::day);
            [Some(pause.start.day()), end]
        });
        let bounds = bounds.chain([self.header().end.map(End::day)]).flatten();
        let changes = |day: &Date| *day > today && self.status_in_force(*day) != self.status();
        bounds.filter(changes).min()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("cancelled"), None);
    }

    #[test]
    fn nothing_leaves_expired_and_nothing_becomes_a_draft() {
        for other in Status::ALL {
            assert_eq!(
                Status::Expired.may_become(other),
                other == Status::Expired,
                "{other}"
            );
            assert_eq!(
                other.may_become(Status::Draft),
                other == Status::Draft,
                "{other}"
            );
        }
    }
}
