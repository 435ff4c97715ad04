//! Payment terms: when an invoice is due (semantics §3.10).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::calendar::{Delay, Error};

/// When an invoice of a phase is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTerms {
    /// The day that the terms count from.
    pub term_type: PaymentTermType,
    /// How the due day follows from it.
    pub mode: PaymentTermMode,
    /// Days, at least 1: see the mode.
    pub due_days: u16,
    /// Moves the due day to the last day of its month.
    pub last_day_of_month: bool,
}

/// The day that payment terms count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentTermType {
    /// The day of the approval.
    OnApproval,
    /// The day the invoice was made.
    OnCreation,
}

/// How the due day is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentTermMode {
    /// So many days after the day counted from.
    Relative,
    /// On that day of the month, the first one that is not before the day counted from; a month
    /// without it has its last day.
    Absolute,
}

impl PaymentTerms {
    /// What holds where nobody said anything: 30 days after the approval.
    pub const DEFAULT: Self = Self {
        term_type: PaymentTermType::OnApproval,
        mode: PaymentTermMode::Relative,
        due_days: 30,
        last_day_of_month: false,
    };

    /// So many days after the date on the invoice.
    pub const fn days_after_invoice_date(due_days: u16) -> Self {
        Self {
            term_type: PaymentTermType::OnCreation,
            due_days,
            ..Self::DEFAULT
        }
    }

    /// The due day of an invoice made or approved (see [`PaymentTermType`]) on `from`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn due_date(&self, from: Date) -> Result<Date, Error> {
        let due = match self.mode {
            PaymentTermMode::Relative => Delay {
                months: 0,
                days: u32::from(self.due_days),
            }
            .after(from)?,
            PaymentTermMode::Absolute => self.day_of_month_from(from)?,
        };
        Ok(if self.last_day_of_month {
            due.last_of_month()
        } else {
            due
        })
    }

    fn day_of_month_from(&self, from: Date) -> Result<Date, Error> {
        let this_month = self.day_in_month_of(from)?;
        if this_month >= from {
            return Ok(this_month);
        }
        self.day_in_month_of(Delay { months: 1, days: 0 }.after(from.first_of_month())?)
    }

    fn day_in_month_of(&self, date: Date) -> Result<Date, Error> {
        let last = date.days_in_month();
        let day = i8::try_from(self.due_days).unwrap_or(last).clamp(1, last);
        Date::new(date.year(), date.month(), day).map_err(|_| Error::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_due_by_its_terms() {
        use PaymentTermMode::{Absolute, Relative};
        for (mode, due_days, last_day_of_month, from, due) in [
            (Relative, 30, false, "2024-03-01", "2024-03-31"),
            (Relative, 30, false, "2024-01-31", "2024-03-01"),
            (Relative, 10, true, "2024-02-01", "2024-02-29"),
            (Absolute, 15, false, "2024-03-01", "2024-03-15"),
            (Absolute, 15, false, "2024-03-15", "2024-03-15"),
            (Absolute, 15, false, "2024-03-16", "2024-04-15"),
            (Absolute, 31, false, "2024-02-10", "2024-02-29"),
            (Absolute, 5, true, "2024-12-10", "2025-01-31"),
        ] {
            let term_type = PaymentTermType::OnCreation;
            let terms = PaymentTerms {
                term_type,
                mode,
                due_days,
                last_day_of_month,
            };
            let from: Date = from.parse().unwrap();
            assert_eq!(
                terms.due_date(from),
                Ok(due.parse().unwrap()),
                "{mode:?} from {from}"
            );
        }
    }
}
