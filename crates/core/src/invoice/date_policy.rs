//! The date on an invoice: an organisation's policy of a reference, months and days away from it, and a day
//! of the month (semantics §6.2). Owns the arithmetic; where the policy is kept is the store's business.

use std::num::NonZeroU32;

use jiff::civil::Date;

use crate::calendar::{Cadence, Error, Period, Schedule};

/// How the date on an invoice follows from its bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvoiceDatePolicy {
    /// The day that is counted from.
    pub reference: DateReference,
    /// Calendar months after it; before it, below zero.
    pub months: i16,
    /// Days after that; before it, below zero.
    pub days: i16,
    /// Pins the result to a day of its month; a month without it has its last day.
    pub day_of_month: Option<i8>,
}

/// The day that the date of an invoice is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateReference {
    /// The day that the bill is for.
    #[default]
    BillForDate,
    /// The day that the draft was made.
    CreationDate,
    /// The first day served.
    PeriodStart,
    /// The last day served.
    PeriodEnd,
}

impl InvoiceDatePolicy {
    /// The date of an invoice.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn date(
        self,
        bill_for_date: Date,
        created_on: Date,
        served: Period,
    ) -> Result<Date, Error> {
        let from = match self.reference {
            DateReference::BillForDate => bill_for_date,
            DateReference::CreationDate => created_on,
            DateReference::PeriodStart => served.start(),
            DateReference::PeriodEnd => served.last_day(),
        };
        let one = NonZeroU32::MIN;
        let moved = Schedule::new(from, Cadence::Months(one)).boundary(self.months.into())?;
        let moved = Schedule::new(moved, Cadence::Days(one)).boundary(self.days.into())?;
        let Some(day) = self.day_of_month else {
            return Ok(moved);
        };
        let day = day.clamp(1, moved.days_in_month());
        Date::new(moved.year(), moved.month(), day).map_err(|_| Error::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_counted_and_pinned() {
        use DateReference::{BillForDate, CreationDate, PeriodEnd, PeriodStart};
        let day = |text: &str| -> Date { text.parse().unwrap() };
        let served = Period::new(day("2024-01-01"), day("2024-02-01")).unwrap();
        for (reference, months, days, day_of_month, expected) in [
            (BillForDate, 0, 0, None, "2024-02-01"),
            (CreationDate, 0, 0, None, "2024-02-03"),
            (PeriodStart, 0, 14, None, "2024-01-15"),
            (PeriodEnd, 1, 0, None, "2024-02-29"),
            (PeriodEnd, -1, 0, Some(15), "2023-12-15"),
            (BillForDate, 0, -1, Some(31), "2024-01-31"),
            (BillForDate, 0, 0, Some(31), "2024-02-29"),
        ] {
            let policy = InvoiceDatePolicy {
                reference,
                months,
                days,
                day_of_month,
            };
            let date = policy.date(day("2024-02-01"), day("2024-02-03"), served);
            assert_eq!(date, Ok(day(expected)), "{policy:?}");
        }
    }
}
