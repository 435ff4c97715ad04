//! The billing cycles of a contract (semantics §31): the list from which a bill is asked for.

use jiff::civil::Date;

use crate::calendar::{self, InvoiceCycle, LineSchedule, contract_cycles};
use crate::contract::PhaseBilling;

/// One entry of a contract's list of billing cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingCycle {
    /// The name of its phase.
    pub name: String,
    /// Service days, the day billed, and the day of the month on which the whole period starts.
    pub cycle: InvoiceCycle,
}

/// The billing cycles of all phases whose service ends after `from`, by the day billed, `limit` at most.
/// Lines with the same dates share an entry.
///
/// # Errors
/// [`calendar::Error::OutOfRange`].
pub fn billing_cycles(
    phases: &[PhaseBilling],
    from: Date,
    limit: usize,
) -> Result<Vec<BillingCycle>, calendar::Error> {
    let mut listed = Vec::new();
    for phase in phases {
        let lines = phase.terms.phase().lines.iter();
        let schedules: Vec<LineSchedule> = lines.map(|line| line.schedule).collect();
        for cycle in contract_cycles(&schedules, from).take(limit) {
            let (name, cycle) = (phase.name.clone(), cycle?);
            listed.push(BillingCycle { name, cycle });
        }
    }
    listed.sort_by_key(|entry| entry.cycle);
    listed.truncate(limit);
    Ok(listed)
}

/// The next day after `after` on which something is billed or a minimum is settled: that of the upcoming invoice.
/// None when nothing is to come. What is due on it says [`super::due`], asked for that day.
///
/// # Errors
/// [`calendar::Error::OutOfRange`].
pub fn next_bill_day(
    phases: &[PhaseBilling],
    after: Date,
) -> Result<Option<Date>, calendar::Error> {
    let mut next: Option<Date> = None;
    for phase in phases {
        for line in &phase.terms.phase().lines {
            let day = next_bill_day_of(&line.schedule, after)?;
            next = next.into_iter().chain(day).min();
        }
        let settled = phase.settles_on().filter(|day| *day > after);
        next = next.into_iter().chain(settled).min();
    }
    Ok(next)
}

pub(super) fn next_bill_day_of(
    line: &LineSchedule,
    after: Date,
) -> Result<Option<Date>, calendar::Error> {
    // A cycle in service on the day may have been billed before, or is billed after its end: the first
    // bills after the day are those of cycles around it.
    let mut from = line.life.start();
    if let calendar::Recurrence::Every(schedule) = line.recurrence
        && from < after
    {
        let months_back = i64::from(line.offset.delay.months) + 1;
        let days_back = i64::from(line.offset.delay.days) + 4;
        let length = schedule.period_at(after)?.days();
        let back = jiff::Span::new().days(days_back + months_back * 31 + length);
        from = from.max(after.saturating_sub(back));
    }
    for cycle in line.cycles_from(from) {
        let cycle = cycle?;
        if cycle.bill_for_date > after {
            return Ok(Some(cycle.bill_for_date));
        }
    }
    Ok(None)
}
