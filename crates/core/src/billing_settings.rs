//! How an organisation wants its bills. Owns the choices and what holds where none was made; who follows them is
//! billing's and the contracts' business.

use crate::contract::RenewalPolicy;
use crate::invoice::InvoiceDatePolicy;

/// Months and days that the date of an invoice may be away from its reference: two years.
pub const MONTHS_MAX: i16 = 24;
/// The same in days.
pub const DAYS_MAX: i16 = 731;

/// The choices of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingSettings {
    /// Whether what is due is billed without being asked for.
    pub bills_automatically: bool,
    /// How the date on an invoice follows from its bill.
    pub invoice_date: InvoiceDatePolicy,
    /// What happens at the end of a contract that does not say.
    pub renewal_policy: Option<RenewalPolicy>,
}

/// Which choice cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The date would be too far away.
    #[error("from -{MONTHS_MAX} to {MONTHS_MAX} months")]
    MonthsOutOfRange,
    /// The date would be too far away.
    #[error("from -{DAYS_MAX} to {DAYS_MAX} days")]
    DaysOutOfRange,
    /// No month has the day.
    #[error("a day of the month is from 1 to 31")]
    DayOfMonthOutOfRange,
}

impl Default for BillingSettings {
    fn default() -> Self {
        Self {
            bills_automatically: true,
            invoice_date: InvoiceDatePolicy::default(),
            renewal_policy: None,
        }
    }
}

impl BillingSettings {
    /// The choices that cannot be kept.
    pub fn refusals(&self) -> Vec<Refusal> {
        let InvoiceDatePolicy {
            reference: _,
            months,
            days,
            day_of_month,
        } = self.invoice_date;
        let is_day = day_of_month.is_none_or(|day| (1..=31).contains(&day));
        let broken = [
            (months.abs() > MONTHS_MAX, Refusal::MonthsOutOfRange),
            (days.abs() > DAYS_MAX, Refusal::DaysOutOfRange),
            (!is_day, Refusal::DayOfMonthOutOfRange),
        ];
        let broken = broken.into_iter().filter(|(is_broken, _)| *is_broken);
        broken.map(|(_, refusal)| refusal).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_that_cannot_be_kept_is_named() {
        let mut settings = BillingSettings::default();
        assert_eq!(settings.refusals(), []);
        settings.invoice_date = InvoiceDatePolicy {
            months: 25,
            days: -732,
            day_of_month: Some(32),
            ..InvoiceDatePolicy::default()
        };
        let all = [
            Refusal::MonthsOutOfRange,
            Refusal::DaysOutOfRange,
            Refusal::DayOfMonthOutOfRange,
        ];
        assert_eq!(settings.refusals(), all);
    }
}
