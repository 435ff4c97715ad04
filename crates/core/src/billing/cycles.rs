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
