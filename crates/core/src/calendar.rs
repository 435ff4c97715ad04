//! Days, cadences and billing periods: which days a charge covers and on which day it is billed.
//!
//! Owns the arithmetic of periods and the reading of contract dates. Does not own money: how much of
//! a period is charged is `proration`'s business.
//!
//! Invariants: a period is half-open and never empty; period k of a schedule is counted from the
//! anchor itself, never from period k-1 (DESIGN §6); a day is a calendar day of the organisation's
//! zone, so nothing here needs a zone except [`Period::instants`] and the reading of dates.

mod cadence;
mod cycle;
mod input;
mod period;
mod schedule;

#[cfg(test)]
mod tests;

pub use cadence::{Cadence, Delay};
pub use cycle::{
    Cycle, Cycles, InvoiceCycle, Life, LineSchedule, Offset, Recurrence, Timing, contract_cycles,
};
pub use input::{parse_end, parse_start};
pub use period::Period;
pub use schedule::Schedule;

use jiff::civil::Date;

/// What can be wrong with a date, a duration or a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no ISO 8601 date or date-time.
    #[error("`{0}` is not an ISO 8601 date or date-time")]
    DateMalformed(String),
    /// The text is no ISO 8601 duration of years, months, weeks and days.
    #[error("`{0}` is not an ISO 8601 duration in years, months, weeks or days")]
    DurationMalformed(String),
    /// A cadence mixes months and days, so that its periods would have no fixed grid.
    #[error("cadence `{0}` mixes months and days")]
    CadenceMixed(String),
    /// A cadence or delay above [`Cadence::DAYS_MAX`] or [`Cadence::MONTHS_MAX`].
    #[error("duration `{0}` is longer than a century")]
    DurationTooLong(String),
    /// `offset` is neither `prepaid`, `postpaid` nor a duration.
    #[error("offset `{0}` is neither `prepaid`, `postpaid` nor an ISO 8601 duration")]
    OffsetUnknown(String),
    /// A period must hold at least one day.
    #[error("period ends on {end}, which is not after its start {start}")]
    PeriodEmpty {
        /// First day.
        start: Date,
        /// First day after.
        end: Date,
    },
    /// The arithmetic left the calendar (years -9999 to 9999).
    #[error("date arithmetic leaves the calendar")]
    OutOfRange,
}
