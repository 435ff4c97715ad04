//! Pauses: days on which nothing accrues, and what they do to the end of the contract.
//!
//! Owns the making, changing and ending of pauses (DESIGN §8). Does not own what paused days mean for an
//! amount (`proration`). Invariant: extensions are applied in the order of the pauses, each moves what
//! begins after its pause by the pause's own days, so that taking one back restores the dates exactly.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::{Contract, End, Phase, Record, Refusal, Start, Status};
use crate::calendar::{Error, Period};

/// What a pause does to the contract's end: `unpause_extension_policy` of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionPolicy {
    /// Moves the end and later phases by the pause's days.
    Extend,
    /// Leaves them.
    Overlap,
}

/// A pause of a contract; readers see it as a phase of type `pause`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Its id.
    pub id: Uuid,
    /// First day on which nothing accrues.
    pub start: Start,
    /// Its end; until somebody resumes the contract without it.
    pub end: Option<End>,
    /// What it does to the contract's end.
    pub policy: ExtensionPolicy,
    /// Days by which it has moved the contract's end and later phases.
    pub extended_days: i64,
}

/// A pause to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PauseRequest {
    /// First day.
    pub start: Start,
    /// Last day; until resumed without it.
    pub end: Option<End>,
    /// What it does to the contract's end.
    pub policy: ExtensionPolicy,
}

/// A change of a pause: what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PauseEdit {
    /// Which pause, where there are several that have not ended.
    pub pause_phase_id: Option<Uuid>,
    /// First day.
    pub start: Option<Start>,
    /// Last day.
    pub end: Option<End>,
    /// What it does to the contract's end.
    pub policy: Option<ExtensionPolicy>,
}

impl ExtensionPolicy {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extend => "extend",
            Self::Overlap => "overlap",
        }
    }

    /// The policy of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Extend, Self::Overlap]
            .into_iter()
            .find(|policy| policy.as_str() == word)
    }
}

impl Pause {
    /// The days of the pause, open-ended ones to the end of the calendar; none for a pause that was
    /// resumed on its first day.
    pub fn period(&self) -> Option<Period> {
        let end = self.end.map_or(Date::MAX, End::day);
        Period::new(self.start.day(), end).ok()
    }

    /// Whether the pause covers a day.
    pub fn covers(&self, day: Date) -> bool {
        self.period().is_some_and(|period| period.contains(day))
    }

    /// Days that the pause will have moved the contract's end by. An open pause moves nothing yet.
    fn extension_days(&self) -> i64 {
        match (self.policy, self.end, self.period()) {
            (ExtensionPolicy::Extend, Some(_), Some(period)) => period.days(),
            _ => 0,
        }
    }
}

impl Contract {
    /// Pauses the contract, at once or from a day to come. `id` is that of the new pause.
    ///
    /// # Errors
    /// [`Refusal::NotInForce`] unless the contract is active or paused; [`Refusal::PauseEndNotAfterStart`],
    /// [`Refusal::PauseOutsideContract`], [`Refusal::PausesOverlap`].
    pub fn pause(&self, request: PauseRequest, id: Uuid, at: Timestamp) -> Result<Self, Refusal> {
        self.require_in_force()?;
        let PauseRequest { start, end, policy } = request;
        self.with_pauses(at, |pauses| {
            pauses.push(Pause {
                id,
                start,
                end,
                policy,
                extended_days: 0,
            });
            Ok(())
        })
    }

    /// Changes a pause, also one that has begun.
    ///
    /// # Errors
    /// As [`Contract::pause`]; [`Refusal::PauseNotFound`], [`Refusal::PauseAmbiguous`].
    pub fn edit_pause(&self, edit: PauseEdit, at: Timestamp) -> Result<Self, Refusal> {
        self.require_in_force()?;
        let id = self.pause_meant(edit.pause_phase_id, self.day_of(at))?;
        self.with_pauses(at, |pauses| {
            let pause = pauses.iter_mut().find(|pause| pause.id == id);
            let pause = pause.ok_or(Refusal::PauseNotFound)?;
            pause.start = edit.start.unwrap_or(pause.start);
            pause.end = edit.end.or(pause.end);
            pause.policy = edit.policy.unwrap_or(pause.policy);
            Ok(())
        })
    }

    /// Ends the pause that the contract is in: the day of `at` is the first on which it accrues again.
    ///
    /// # Errors
    /// [`Refusal::PauseNotFound`] unless a pause began before `at` and has not ended.
    pub fn resume(&self, at: Timestamp) -> Result<Self, Refusal> {
        self.require_in_force()?;
        let (today, zone) = (self.day_of(at), self.0.zone.clone());
        let has_begun = |pause: &Pause| pause.start.written() < at;
        let lasts = |pause: &Pause| pause.end.is_none_or(|end| end.day() > today);
        self.with_pauses(at, |pauses| {
            let pause = pauses
                .iter_mut()
                .find(|pause| has_begun(pause) && lasts(pause));
            let pause = pause.ok_or(Refusal::PauseNotFound)?;
            pause.end = Some(End::before(today.max(pause.start.day()), &zone)?);
            Ok(())
        })
    }

    fn require_in_force(&self) -> Result<(), Refusal> {
        match self.0.status {
            Status::Active | Status::Paused => Ok(()),
            Status::Expired => Err(Refusal::AlreadyExpired),
            other => Err(Refusal::NotInForce(other)),
        }
    }

    /// The pause that a caller means: the one named, else the only one that has not ended.
    fn pause_meant(&self, id: Option<Uuid>, today: Date) -> Result<Uuid, Refusal> {
        let lasting = self.0.pauses.iter().filter(|pause| match id {
            Some(id) => pause.id == id,
            None => pause.end.is_none_or(|end| end.day() > today),
        });
        let mut ids = lasting.map(|pause| pause.id);
        match (ids.next(), ids.next()) {
            (Some(_), Some(_)) => Err(Refusal::PauseAmbiguous),
            (Some(one), None) => Ok(one),
            (None, _) => Err(Refusal::PauseNotFound),
        }
    }

    /// The contract with its pauses changed: their extensions are taken back, last first, and given
    /// anew, first first.
    fn with_pauses(
        &self,
        at: Timestamp,
        change: impl FnOnce(&mut Vec<Pause>) -> Result<(), Refusal>,
    ) -> Result<Self, Refusal> {
        let mut record = self.0.clone();
        for pause in record.pauses.clone().iter().rev() {
            move_after(&mut record, pause.start.day(), -pause.extended_days)?;
        }
        change(&mut record.pauses)?;
        record.pauses.sort_by_key(|pause| pause.start.day());
        check_apart(&record.pauses)?;
        for index in 0..record.pauses.len() {
            let days = record.pauses[index].extension_days();
            record.pauses[index].extended_days = days;
            check_inside(&record, index)?;
            let start = record.pauses[index].start.day();
            move_after(&mut record, start, days)?;
        }
        self.next_checked(record, at)
    }
}

fn check_apart(pauses: &[Pause]) -> Result<(), Refusal> {
    let has_days = |pause: &Pause| pause.end.is_none_or(|end| pause.start.day() <= end.day());
    if !pauses.iter().all(has_days) {
        return Err(Refusal::PauseEndNotAfterStart);
    }
    let are_apart = pauses.windows(2).all(|pair| {
        let end = pair[0].end.map_or(Date::MAX, End::day);
        end <= pair[1].start.day()
    });
    if are_apart {
        Ok(())
    } else {
        Err(Refusal::PausesOverlap)
    }
}

fn check_inside(record: &Record, index: usize) -> Result<(), Refusal> {
    let start = record.pauses[index].start.day();
    let has_ended = |end: End| end.day() <= start;
    let is_before = start < record.header.start.day();
    if is_before || record.header.end.is_some_and(has_ended) {
        return Err(Refusal::PauseOutsideContract);
    }
    Ok(())
}

/// Moves what comes after a day by whole days: the contract's end, ends of the phase and lines that the
/// day lies in, and later phases and lines whole.
fn move_after(record: &mut Record, day: Date, days: i64) -> Result<(), Error> {
    if days == 0 {
        return Ok(());
    }
    let zone = record.zone.clone();
    let later = |end: Option<End>| -> Result<Option<End>, Error> {
        match end {
            Some(end) if end.day() > day => end.moved(days, &zone).map(Some),
            other => Ok(other),
        }
    };
    let moved = |start: Start| start.moved(days, &zone);
    record.header.end = later(record.header.end)?;
    for Phase {
        start, end, lines, ..
    } in &mut record.phases
    {
        *end = later(*end)?;
        if start.day() > day {
            *start = moved(*start)?;
        }
        for line in lines {
            line.end = later(line.end)?;
            if line.start.day() > day {
                line.start = moved(line.start)?;
                line.head.anchor = line.head.anchor.map(moved).transpose()?;
            }
        }
    }
    Ok(())
}
