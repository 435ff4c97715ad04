//! Cadences (how long a billing period is) and delays (how long after it the bill comes).

use std::fmt;
use std::num::NonZeroU32;

use jiff::civil::Date;

use super::Error;

/// Length of a recurring period. Weeks are seven days, years twelve months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cadence {
    /// Every so many calendar days.
    Days(NonZeroU32),
    /// Every so many calendar months.
    Months(NonZeroU32),
}

impl Cadence {
    /// A century: longer periods are typing errors and would only cost range checks elsewhere.
    pub const DAYS_MAX: u32 = 36_525;
    /// A century in months.
    pub const MONTHS_MAX: u32 = 1_200;

    /// Reads `P1D`, `P2W`, `P1M`, `P3M`, `P1Y` and the words older clients send (`monthly`,
    /// `quarterly`, `yearly`; API §1.10). `P0`, `P0D` and the like mean one-time: `None`.
    ///
    /// # Errors
    /// [`Error::DurationMalformed`], [`Error::CadenceMixed`] for `P1M15D`, [`Error::DurationTooLong`].
    pub fn parse(text: &str) -> Result<Option<Cadence>, Error> {
        let Delay { months, days } = Delay::parse(word_to_duration(text))?;
        match (NonZeroU32::new(months), NonZeroU32::new(days)) {
            (None, None) => Ok(None),
            (Some(months), None) => Ok(Some(Cadence::Months(months))),
            (None, Some(days)) => Ok(Some(Cadence::Days(days))),
            (Some(_), Some(_)) => Err(Error::CadenceMixed(text.to_owned())),
        }
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cadence::Days(days) => write!(formatter, "P{days}D"),
            Cadence::Months(months) => write!(formatter, "P{months}M"),
        }
    }
}

/// A wait in calendar months and days, months first. Zero is no wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// Calendar months, at most [`Cadence::MONTHS_MAX`].
    pub months: u32,
    /// Calendar days, at most [`Cadence::DAYS_MAX`].
    pub days: u32,
}

impl Delay {
    /// Reads an ISO 8601 duration of years, months, weeks and days. `P0` is zero (seen in clients).
    ///
    /// # Errors
    /// [`Error::DurationMalformed`], also for hours and fractions; [`Error::DurationTooLong`].
    pub fn parse(text: &str) -> Result<Delay, Error> {
        let malformed = || Error::DurationMalformed(text.to_owned());
        let mut rest = text.strip_prefix('P').ok_or_else(malformed)?;
        if rest.is_empty() {
            return Err(malformed());
        }
        if rest == "0" {
            return Ok(Delay::default());
        }
        let (mut months, mut days) = (0_u64, 0_u64);
        let mut units = "YMWD";
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let count: u32 = rest[..digits].parse().map_err(|_| malformed())?;
            let unit = rest[digits..].chars().next().ok_or_else(malformed)?;
            // Units come at most once each and in this order.
            let position = units.find(unit).ok_or_else(malformed)?;
            units = &units[position + 1..];
            rest = &rest[digits + 1..];
            match unit {
                'Y' => months += u64::from(count) * 12,
                'M' => months += u64::from(count),
                'W' => days += u64::from(count) * 7,
                _ => days += u64::from(count),
            }
        }
        let too_long = |_| Error::DurationTooLong(text.to_owned());
        let (months, days) = (
            u32::try_from(months).map_err(too_long)?,
            u32::try_from(days).map_err(too_long)?,
        );
        if months > Cadence::MONTHS_MAX || days > Cadence::DAYS_MAX {
            return Err(Error::DurationTooLong(text.to_owned()));
        }
        Ok(Delay { months, days })
    }

    /// The day this long after `date`; a day that the month lacks becomes its last day.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn after(self, date: Date) -> Result<Date, Error> {
        add_days(
            add_months(date, i64::from(self.months))?,
            i64::from(self.days),
        )
    }
}

fn word_to_duration(text: &str) -> &str {
    match text {
        "daily" => "P1D",
        "weekly" => "P1W",
        "monthly" => "P1M",
        "quarterly" => "P3M",
        "yearly" | "annually" => "P1Y",
        "one_time" => "P0D",
        other => other,
    }
}

/// `date` moved by whole months; the 31st of a shorter month is its last day.
pub(super) fn add_months(date: Date, months: i64) -> Result<Date, Error> {
    let month_number = month_number(date)
        .checked_add(months)
        .ok_or(Error::OutOfRange)?;
    let year = i16::try_from(month_number.div_euclid(12)).map_err(|_| Error::OutOfRange)?;
    let month = i8::try_from(month_number.rem_euclid(12) + 1).map_err(|_| Error::OutOfRange)?;
    let first = Date::new(year, month, 1).map_err(|_| Error::OutOfRange)?;
    let day = date.day().min(first.days_in_month());
    Date::new(year, month, day).map_err(|_| Error::OutOfRange)
}

/// Months since year 0, January being 0: the difference of two is the months between their firsts.
pub(super) fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// `date` moved by whole days.
pub(super) fn add_days(date: Date, days: i64) -> Result<Date, Error> {
    let span = jiff::Span::new()
        .try_days(days)
        .map_err(|_| Error::OutOfRange)?;
    date.checked_add(span).map_err(|_| Error::OutOfRange)
}

/// Calendar days from `start` to `end`; negative when `end` is earlier.
pub(super) fn days_between(start: Date, end: Date) -> i64 {
    day_number(end) - day_number(start)
}

/// Days since 1 March of year 0 in the proleptic Gregorian calendar.
fn day_number(date: Date) -> i64 {
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    let year_from_march = year - i64::from(month <= 2);
    let era = year_from_march.div_euclid(400);
    let year_of_era = year_from_march.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(date.day()) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
}
