//! Phases and lines of a checked contract. Owns their shape: bounds are known, ids are given.

use jiff::civil::Date;
use uuid::Uuid;

use super::{End, LineDetails, LineHead, PhaseDetails, PhaseHead, Start};
use crate::calendar::{Error, Life};
use crate::id::LineId;

/// A phase of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its id; survives a replacement of the contract.
    pub id: Uuid,
    /// First day.
    pub start: Start,
    /// Last day; open-ended only where the contract is.
    pub end: Option<End>,
    /// What does not depend on dates.
    pub head: PhaseHead,
    /// What is sold in it.
    pub lines: Vec<Line>,
}

/// A line of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its lineage: what was billed is kept under it, so it survives every change of the contract.
    pub id: LineId,
    /// First day.
    pub start: Start,
    /// Last day, where that is not the phase's.
    pub end: Option<End>,
    /// What does not depend on the phase.
    pub head: LineHead,
}

impl Phase {
    /// Days in force.
    ///
    /// # Errors
    /// [`Error::PeriodEmpty`], which a checked contract never has.
    pub fn life(&self) -> Result<Life, Error> {
        Life::new(self.start.day(), self.end.map(End::day))
    }

    /// Whether the phase covers a day.
    pub fn covers(&self, day: Date) -> bool {
        self.start.day() <= day && self.end.is_none_or(|end| day < end.day())
    }

    /// The phase as a caller would send it to keep it.
    pub fn to_details(&self) -> PhaseDetails {
        PhaseDetails {
            id: Some(self.id),
            start: Some(self.start),
            end: self.end,
            head: self.head.clone(),
            lines: self.lines.iter().map(Line::to_details).collect(),
        }
    }
}

impl Line {
    /// The end of the line in a phase: its own, but not after the phase's.
    pub fn end_in(&self, phase: &Phase) -> Option<End> {
        match (self.end, phase.end) {
            (Some(own), Some(other)) => Some(own.earlier(other)),
            (own, other) => own.or(other),
        }
    }

    /// The line as a caller would send it to keep it.
    pub fn to_details(&self) -> LineDetails {
        LineDetails {
            id: Some(self.id),
            start: Some(self.start),
            end: self.end,
            head: self.head.clone(),
        }
    }
}
