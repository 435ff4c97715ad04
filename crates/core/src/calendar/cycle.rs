//! The billing cycles of a line and of a contract: what is billed on which day.

use std::iter::Peekable;

use jiff::civil::Date;

use super::cadence::{add_days, add_months};
use super::{Delay, Error, Period, Schedule};

/// The days on which a line or a phase is in force: from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    start: Date,
    end: Option<Date>,
}

impl Life {
    /// In force from `start`, open-ended without `end`.
    ///
    /// # Errors
    /// [`Error::PeriodEmpty`] unless `start < end`.
    pub fn new(start: Date, end: Option<Date>) -> Result<Life, Error> {
        match end {
            Some(end) if end <= start => Err(Error::PeriodEmpty { start, end }),
            _ => Ok(Life { start, end }),
        }
    }

    /// First day.
    pub fn start(self) -> Date {
        self.start
    }

    /// First day after, if the end is known.
    pub fn end(self) -> Option<Date> {
        self.end
    }

    /// The part of `period` that lies in this life.
    pub fn intersection(self, period: Period) -> Option<Period> {
        let end = self.end.map_or(period.end(), |end| end.min(period.end()));
        Period::new(self.start.max(period.start()), end).ok()
    }
}

/// Whether a line bills once or again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// Billed once for its whole life; for its first day when the life has no end.
    OneTime,
    /// Billed for every period of the grid.
    Every(Schedule),
}

/// Whether the bill comes before or after the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Billed on the first day of the service.
    Prepaid,
    /// Billed on the first day after the service.
    Postpaid,
}

/// When a cycle is billed: `billing_period.offset` of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The end of the service from which the delay counts.
    pub timing: Timing,
    /// Wait after that day.
    pub delay: Delay,
}

impl Offset {
    /// Billed on the first day of the service.
    pub const PREPAID: Offset = Offset {
        timing: Timing::Prepaid,
        delay: Delay { months: 0, days: 0 },
    };
    /// Billed on the first day after the service.
    pub const POSTPAID: Offset = Offset {
        timing: Timing::Postpaid,
        delay: Delay { months: 0, days: 0 },
    };

    /// Reads `prepaid`, `postpaid` or an ISO 8601 duration. A bare duration counts from the end of
    /// the service: charging before it needs the word (API §7.2, DESIGN §6).
    ///
    /// # Errors
    /// [`Error::OffsetUnknown`], [`Error::DurationTooLong`].
    pub fn parse(text: &str) -> Result<Offset, Error> {
        match text {
            "prepaid" => Ok(Offset::PREPAID),
            "postpaid" => Ok(Offset::POSTPAID),
            duration => match Delay::parse(duration) {
                Ok(delay) => Ok(Offset {
                    timing: Timing::Postpaid,
                    delay,
                }),
                Err(Error::DurationTooLong(text)) => Err(Error::DurationTooLong(text)),
                Err(_) => Err(Error::OffsetUnknown(text.to_owned())),
            },
        }
    }

    fn bill_for_date(self, service: Period) -> Result<Date, Error> {
        self.delay.after(match self.timing {
            Timing::Prepaid => service.start(),
            Timing::Postpaid => service.end(),
        })
    }
}

/// One billing period of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The whole period of the grid.
    pub full: Period,
    /// The days of it on which the line is in force; shorter than `full` for a stub.
    pub service: Period,
    /// The day the cycle is billed.
    pub bill_for_date: Date,
}

impl Cycle {
    /// Whether the line is in force on only some days of the period.
    pub fn is_stub(self) -> bool {
        self.full != self.service
    }
}

/// When a line is in force and how it is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSchedule {
    /// Days in force.
    pub life: Life,
    /// Once or periodically.
    pub recurrence: Recurrence,
    /// Before or after the service.
    pub offset: Offset,
}

impl LineSchedule {
    /// The cycle whose service includes `date`, or the next one after it. `None` after the last.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn cycle_from(&self, date: Date) -> Result<Option<Cycle>, Error> {
        let date = date.max(self.life.start);
        if self.life.end.is_some_and(|end| end <= date) {
            return Ok(None);
        }
        let full = match self.recurrence {
            Recurrence::Every(schedule) => schedule.period_at(date)?,
            Recurrence::OneTime => self.one_time_period()?,
        };
        if full.end() <= date {
            return Ok(None);
        }
        self.cycle(full).map(Some)
    }

    /// All cycles from the one that includes `date` (or the next) to the end of the line's life.
    pub fn cycles_from(&self, date: Date) -> Cycles {
        Cycles {
            line: *self,
            next_from: Some(date),
        }
    }

    /// The cycles to be billed on a day in `[from, until)`, in order; finds them without walking
    /// from the line's start.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn cycles_billed(&self, from: Date, until: Date) -> Result<Vec<Cycle>, Error> {
        let mut billed = Vec::new();
        for cycle in self.cycles_from(self.earliest_service_billed_on(from)) {
            let cycle = cycle?;
            if cycle.bill_for_date >= until {
                break;
            }
            if cycle.bill_for_date >= from {
                billed.push(cycle);
            }
        }
        Ok(billed)
    }

    /// No cycle that ends its service on or before this day can be billed on `bill_for_date` or later.
    fn earliest_service_billed_on(&self, bill_for_date: Date) -> Date {
        // Clamping to shorter months moves a date by at most three days.
        let days_back = i64::from(self.offset.delay.days) + 4;
        let months_back = i64::from(self.offset.delay.months);
        add_months(bill_for_date, -months_back)
            .and_then(|date| add_days(date, -days_back))
            .unwrap_or(self.life.start)
    }

    fn cycle(&self, full: Period) -> Result<Cycle, Error> {
        let service = self.life.intersection(full).ok_or(Error::OutOfRange)?;
        Ok(Cycle {
            full,
            service,
            bill_for_date: self.offset.bill_for_date(service)?,
        })
    }

    fn one_time_period(&self) -> Result<Period, Error> {
        match self.life.end {
            Some(end) => Period::new(self.life.start, end),
            None => Period::day(self.life.start),
        }
    }
}

/// Iterator over the cycles of a line; ends with the line's life, or after the first error.
#[derive(Clone, Debug)]
pub struct Cycles {
    line: LineSchedule,
    next_from: Option<Date>,
}

impl Iterator for Cycles {
    type Item = Result<Cycle, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let cycle = self.line.cycle_from(self.next_from.take()?).transpose()?;
        self.next_from = cycle.as_ref().ok().map(|cycle| cycle.service.end());
        Some(cycle)
    }
}

/// One entry of a contract's list of billing cycles: one invoice for all lines billed together
/// (semantics §31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoiceCycle {
    /// The day the invoice is for.
    pub bill_for_date: Date,
    /// Service days billed.
    pub service: Period,
    /// Day of the month on which the full period starts, 1 to 31.
    pub billing_cycle_start_day: i8,
}

/// The billing cycles of a contract or phase with these lines, from the service day `from` on,
/// ordered by the day billed; lines with the same dates share one entry. Endless when a recurring
/// line has no end: take what is needed.
pub fn contract_cycles(
    lines: &[LineSchedule],
    from: Date,
) -> impl Iterator<Item = Result<InvoiceCycle, Error>> + use<> {
    let mut sources: Vec<_> = lines
        .iter()
        .map(|line| line.cycles_from(from).map(to_invoice_cycle).peekable())
        .collect();
    std::iter::from_fn(move || next_of(&mut sources))
}

fn to_invoice_cycle(cycle: Result<Cycle, Error>) -> Result<InvoiceCycle, Error> {
    let Cycle {
        full,
        service,
        bill_for_date,
    } = cycle?;
    let billing_cycle_start_day = full.start().day();
    Ok(InvoiceCycle {
        bill_for_date,
        service,
        billing_cycle_start_day,
    })
}

/// The earliest entry at the head of any source, taken from all sources that have it.
fn next_of<I>(sources: &mut [Peekable<I>]) -> Option<Result<InvoiceCycle, Error>>
where
    I: Iterator<Item = Result<InvoiceCycle, Error>>,
{
    let mut earliest: Option<InvoiceCycle> = None;
    for source in sources.iter_mut() {
        match source.peek() {
            Some(Ok(cycle)) => earliest = Some(earliest.map_or(*cycle, |other| other.min(*cycle))),
            Some(Err(_)) => return source.next(),
            None => {}
        }
    }
    let earliest = earliest?;
    for source in sources.iter_mut() {
        source.next_if(|head| head.as_ref() == Ok(&earliest));
    }
    Some(Ok(earliest))
}
