//! Reading the dates of contracts, phases and lines as clients write them (DESIGN §6).

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;

use super::Error;
use super::cadence::add_days;

/// From this time of day on, an end means the start of the next day.
const DAY_END: Time = Time::constant(23, 59, 59, 0);

/// First day of the terms that start at `text`: a change inside a day owns that whole day. A text
/// without zone is in `zone`.
///
/// # Errors
/// [`Error::DateMalformed`], [`Error::OutOfRange`].
pub fn parse_start(text: &str, zone: &TimeZone) -> Result<Date, Error> {
    let written = Written::parse(text)?;
    match written.offset {
        None => Ok(written.date),
        Some(offset) => day_in_zone(written.date, written.time.unwrap_or_default(), offset, zone),
    }
}

/// First day after the terms that end at `text`. A date alone includes that day; `23:59:59` and later
/// mean the start of the next day; an end inside a day leaves that day to the terms that follow, as
/// [`parse_start`] gives it to them.
///
/// # Errors
/// [`Error::DateMalformed`], [`Error::OutOfRange`].
pub fn parse_end(text: &str, zone: &TimeZone) -> Result<Date, Error> {
    let written = Written::parse(text)?;
    let (date, time) = match written.time {
        None => return add_days(written.date, 1),
        Some(time) if time >= DAY_END => (add_days(written.date, 1)?, Time::midnight()),
        Some(time) => (written.date, time),
    };
    match written.offset {
        None => Ok(date),
        Some(offset) => day_in_zone(date, time, offset, zone),
    }
}

struct Written {
    date: Date,
    time: Option<Time>,
    offset: Option<jiff::tz::Offset>,
}

impl Written {
    fn parse(text: &str) -> Result<Written, Error> {
        let pieces = Pieces::parse(text).map_err(|_| Error::DateMalformed(text.to_owned()))?;
        Ok(Written {
            date: pieces.date(),
            time: pieces.time(),
            offset: pieces.to_numeric_offset(),
        })
    }
}

fn day_in_zone(
    date: Date,
    time: Time,
    offset: jiff::tz::Offset,
    zone: &TimeZone,
) -> Result<Date, Error> {
    let instant: Timestamp = offset
        .to_timestamp(date.to_datetime(time))
        .map_err(|_| Error::OutOfRange)?;
    Ok(zone.to_datetime(instant).date())
}
