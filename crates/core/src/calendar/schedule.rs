//! The endless grid of periods that an anchor and a cadence make.

use jiff::civil::Date;

use super::cadence::{add_days, add_months, days_between, month_number};
use super::{Cadence, Error, Period};

/// Period k is `[anchor + k·cadence, anchor + (k+1)·cadence)`, for every whole k (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    anchor: Date,
    cadence: Cadence,
}

impl Schedule {
    /// The grid through `anchor`. On an anchor of the 31st shorter months end the period on their
    /// last day: 31 Jan, 28 Feb, 31 Mar.
    pub fn new(anchor: Date, cadence: Cadence) -> Schedule {
        Schedule { anchor, cadence }
    }

    /// The grid whose periods end with the last day of a month (`is_last_day_of_month`, semantics
    /// §5.1): half-open, every boundary is a first of the month. Cadences in days stay as they are.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn ending_with_month(anchor: Date, cadence: Cadence) -> Result<Schedule, Error> {
        let anchor = match cadence {
            Cadence::Months(_) if anchor.day() != 1 => add_days(anchor.last_of_month(), 1)?,
            Cadence::Months(_) | Cadence::Days(_) => anchor,
        };
        Ok(Schedule { anchor, cadence })
    }

    /// The day from which periods are counted.
    pub fn anchor(self) -> Date {
        self.anchor
    }

    /// The length of a period.
    pub fn cadence(self) -> Cadence {
        self.cadence
    }

    /// First day of period `index`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn boundary(self, index: i64) -> Result<Date, Error> {
        let times = |count: u32| index.checked_mul(i64::from(count)).ok_or(Error::OutOfRange);
        match self.cadence {
            Cadence::Days(days) => add_days(self.anchor, times(days.get())?),
            Cadence::Months(months) => add_months(self.anchor, times(months.get())?),
        }
    }

    /// Period `index`; negative before the anchor.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn period(self, index: i64) -> Result<Period, Error> {
        Period::new(self.boundary(index)?, self.boundary(index + 1)?)
    }

    /// Which period `date` lies in, in constant time.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn index_at(self, date: Date) -> Result<i64, Error> {
        match self.cadence {
            Cadence::Days(days) => {
                Ok(days_between(self.anchor, date).div_euclid(i64::from(days.get())))
            }
            Cadence::Months(months) => {
                let months_apart = month_number(date) - month_number(self.anchor);
                let index = months_apart.div_euclid(i64::from(months.get()));
                // In the anchor's month of its period but before its day: still the period before.
                Ok(if self.boundary(index)? > date {
                    index - 1
                } else {
                    index
                })
            }
        }
    }

    /// The period that `date` lies in.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn period_at(self, date: Date) -> Result<Period, Error> {
        self.period(self.index_at(date)?)
    }

    /// Whether a period begins on `date`.
    pub fn starts_on(self, date: Date) -> bool {
        self.period_at(date)
            .is_ok_and(|period| period.start() == date)
    }

    /// The pieces into which the grid cuts `period`, in order.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn split(self, period: Period) -> Result<Vec<Period>, Error> {
        let mut pieces = Vec::new();
        let mut index = self.index_at(period.start())?;
        loop {
            let window = self.period(index)?;
            pieces.extend(window.intersection(period));
            if window.end() >= period.end() {
                return Ok(pieces);
            }
            index += 1;
        }
    }
}
