//! First and last moments of contracts, phases and lines. Owns the pair of what was written and which
//! day it means; the reading of days is [`crate::calendar`]'s.
//!
//! Invariant: the day follows from the instant and the contract's zone, so that one of them is enough
//! to be kept.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;

use crate::calendar::{self, Delay, Error, parse_end, parse_start};
use crate::instant::to_microseconds;

/// The last microsecond of a day, as an end by date is answered (DESIGN §6).
const DAY_LAST: Time = Time::constant(23, 59, 59, 999_999_000);

/// The start of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    day: Date,
    written: Timestamp,
}

/// The end of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    day: Date,
    written: Timestamp,
}

impl Start {
    /// Reads a date or date-time; without zone it is in `zone`.
    ///
    /// # Errors
    /// [`Error::DateMalformed`], [`Error::OutOfRange`].
    pub fn read(text: &str, zone: &TimeZone) -> Result<Self, Error> {
        Self::at(instant(text, zone, Time::midnight())?, zone)
    }

    /// The start that was written as this instant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn at(written: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        let day = parse_start(&zone.to_datetime(written).to_string(), zone)?;
        Ok(Self { day, written })
    }

    /// The start of a day.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn on(day: Date, zone: &TimeZone) -> Result<Self, Error> {
        Self::read(&day.to_string(), zone)
    }

    /// First day.
    pub const fn day(self) -> Date {
        self.day
    }

    /// The instant as it was written: to be kept and shown.
    pub const fn written(self) -> Timestamp {
        self.written
    }

    /// The same time of day, so many days later (earlier, below zero).
    pub(super) fn moved(self, days: i64, zone: &TimeZone) -> Result<Self, Error> {
        Self::at(moved(self.written, days, zone)?, zone)
    }
}

impl End {
    /// Reads a date (which is included: its last microsecond) or a date-time; without zone it is in
    /// `zone`.
    ///
    /// # Errors
    /// [`Error::DateMalformed`], [`Error::OutOfRange`].
    pub fn read(text: &str, zone: &TimeZone) -> Result<Self, Error> {
        Self::at(instant(text, zone, DAY_LAST)?, zone)
    }

    /// The end that was written as this instant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn at(written: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        let day = parse_end(&zone.to_datetime(written).to_string(), zone)?;
        Ok(Self { day, written })
    }

    /// The end with the last microsecond of a day.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn with_day(last_day: Date, zone: &TimeZone) -> Result<Self, Error> {
        Self::read(&last_day.to_string(), zone)
    }

    /// The end at the start of a day: the day is not included.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn before(day: Date, zone: &TimeZone) -> Result<Self, Error> {
        Self::at(Start::on(day, zone)?.written, zone)
    }

    /// First day after the terms.
    pub const fn day(self) -> Date {
        self.day
    }

    /// The instant as it was written: to be kept and shown.
    pub const fn written(self) -> Timestamp {
        self.written
    }

    /// The earlier of two ends.
    pub(super) fn earlier(self, other: Self) -> Self {
        if other.day < self.day { other } else { self }
    }

    /// The same time of day, so many days later (earlier, below zero).
    pub(super) fn moved(self, days: i64, zone: &TimeZone) -> Result<Self, Error> {
        Self::at(moved(self.written, days, zone)?, zone)
    }
}

fn instant(text: &str, zone: &TimeZone, time_of_date: Time) -> Result<Timestamp, Error> {
    let pieces = Pieces::parse(text).map_err(|_| Error::DateMalformed(text.to_owned()))?;
    let civil = pieces
        .date()
        .to_datetime(pieces.time().unwrap_or(time_of_date));
    let instant = match pieces.to_numeric_offset() {
        Some(offset) if pieces.time().is_some() => offset.to_timestamp(civil),
        _ => zone
            .to_ambiguous_zoned(civil)
            .compatible()
            .map(|zoned| zoned.timestamp()),
    };
    let instant = instant.map_err(|_| Error::OutOfRange)?;
    Ok(to_microseconds(instant))
}

fn moved(written: Timestamp, days: i64, zone: &TimeZone) -> Result<Timestamp, Error> {
    let span = jiff::Span::new()
        .try_days(days)
        .map_err(|_| Error::OutOfRange)?;
    let civil = zone.to_datetime(written).checked_add(span);
    let civil = civil.map_err(|_| Error::OutOfRange)?;
    let zoned = zone.to_ambiguous_zoned(civil).compatible();
    zoned
        .map(|zoned| zoned.timestamp())
        .map_err(|_| Error::OutOfRange)
}

/// Whole days from one day to another.
pub(crate) fn days_between(from: Date, until: Date) -> i64 {
    match calendar::Period::new(from, until) {
        Ok(period) => period.days(),
        Err(_) => calendar::Period::new(until, from).map_or(0, |period| -period.days()),
    }
}

/// The day this many days later.
pub(crate) fn add_days(day: Date, days: u32) -> Result<Date, Error> {
    Delay { months: 0, days }.after(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_york() -> TimeZone {
        TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap()
    }

    #[test]
    fn an_end_is_echoed_and_means_a_day() {
        for (text, zone, day, written) in [
            // An expiry by date ends with the last microsecond of the day (golden: contract/expire).
            (
                "2025-12-31",
                TimeZone::UTC,
                "2026-01-01",
                "2025-12-31T23:59:59.999999Z",
            ),
            (
                "2025-12-31T23:59:59",
                TimeZone::UTC,
                "2026-01-01",
                "2025-12-31T23:59:59Z",
            ),
            (
                "2025-12-31T23:59:59.999999",
                new_york(),
                "2026-01-01",
                "2026-01-01T04:59:59.999999Z",
            ),
            (
                "2026-01-01T00:00:00",
                new_york(),
                "2026-01-01",
                "2026-01-01T05:00:00Z",
            ),
            (
                "2025-12-31T12:00:00",
                TimeZone::UTC,
                "2025-12-31",
                "2025-12-31T12:00:00Z",
            ),
        ] {
            let end = End::read(text, &zone).unwrap();
            assert_eq!(
                (end.day().to_string(), end.written().to_string()),
                (day.to_owned(), written.to_owned()),
                "{text}"
            );
            assert_eq!(
                End::at(end.written(), &zone),
                Ok(end),
                "{text} read from the store"
            );
        }
    }

    #[test]
    fn a_start_without_zone_is_in_the_organisations() {
        for (text, zone, day, written) in [
            (
                "2026-03-08",
                new_york(),
                "2026-03-08",
                "2026-03-08T05:00:00Z",
            ),
            (
                "2026-03-08T02:30:00",
                new_york(),
                "2026-03-08",
                "2026-03-08T07:30:00Z",
            ),
            (
                "2026-03-09T03:00:00Z",
                new_york(),
                "2026-03-08",
                "2026-03-09T03:00:00Z",
            ),
            (
                "2026-03-08T15:00:00",
                TimeZone::UTC,
                "2026-03-08",
                "2026-03-08T15:00:00Z",
            ),
        ] {
            let start = Start::read(text, &zone).unwrap();
            assert_eq!(
                (start.day().to_string(), start.written().to_string()),
                (day.to_owned(), written.to_owned()),
                "{text}"
            );
        }
        assert!(Start::read("8 March", &TimeZone::UTC).is_err());
    }

    #[test]
    fn moving_keeps_the_time_of_day_over_a_change_of_clocks() {
        let end = End::with_day("2026-03-07".parse().unwrap(), &new_york()).unwrap();
        let later = end.moved(2, &new_york()).unwrap();
        assert_eq!(later.day().to_string(), "2026-03-10");
        assert_eq!(later.moved(-2, &new_york()), Ok(end));
    }
}
