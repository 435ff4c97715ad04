//! A run of whole calendar days.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Error;
use super::cadence::{add_days, days_between};

/// Whole days `[start, end)`, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Date, Date)", into = "(Date, Date)")]
pub struct Period {
    start: Date,
    end: Date,
}

impl Period {
    /// The days from `start` up to but not including `end`.
    ///
    /// # Errors
    /// [`Error::PeriodEmpty`] unless `start < end`.
    pub fn new(start: Date, end: Date) -> Result<Period, Error> {
        if start < end {
            Ok(Period { start, end })
        } else {
            Err(Error::PeriodEmpty { start, end })
        }
    }

    /// The single day `date`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] on the calendar's last day.
    pub fn day(date: Date) -> Result<Period, Error> {
        Period::new(date, add_days(date, 1)?)
    }

    /// First day.
    pub fn start(self) -> Date {
        self.start
    }

    /// First day after the period.
    pub fn end(self) -> Date {
        self.end
    }

    /// Last day of the period.
    pub fn last_day(self) -> Date {
        // An end has a predecessor, since the start is before it.
        self.end.yesterday().unwrap_or(self.start)
    }

    /// Calendar days covered, at least 1. A day of 23 or 25 hours is one day.
    pub fn days(self) -> i64 {
        days_between(self.start, self.end)
    }

    /// Whether `date` is one of the period's days.
    pub fn contains(self, date: Date) -> bool {
        self.start <= date && date < self.end
    }

    /// The days that both periods cover, if any.
    pub fn intersection(self, other: Period) -> Option<Period> {
        Period::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }

    /// The first instant of the period and the first instant after it in `zone`. Where midnight does
    /// not exist (a clock put forward), the day begins when the clocks jump; where it comes twice, at
    /// the first.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] at the calendar's ends.
    pub fn instants(self, zone: &TimeZone) -> Result<(Timestamp, Timestamp), Error> {
        Ok((day_start(self.start, zone)?, day_start(self.end, zone)?))
    }
}

impl TryFrom<(Date, Date)> for Period {
    type Error = Error;

    fn try_from((start, end): (Date, Date)) -> Result<Period, Error> {
        Period::new(start, end)
    }
}

impl From<Period> for (Date, Date) {
    fn from(period: Period) -> (Date, Date) {
        (period.start, period.end)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{}, {})", self.start, self.end)
    }
}

fn day_start(date: Date, zone: &TimeZone) -> Result<Timestamp, Error> {
    zone.to_ambiguous_zoned(date.at(0, 0, 0, 0))
        .compatible()
        .map(|zoned| zoned.timestamp())
        .map_err(|_| Error::OutOfRange)
}
