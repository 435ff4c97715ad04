//! Discounts of money: a percentage or a fixed amount off (semantics §3.3, §4).
//!
//! Owns caps, windows and the order of discounts on a line. Does not own quantity discounts, which
//! act before pricing (`pool`). A discount never exceeds a positive amount it is taken from; a
//! percentage of a negative amount (a correction) is given back in full.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{Period, Schedule};
use crate::currency::Currency;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};

/// A discount on the amount of a line or a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// The feature.
    pub id: FeatureId,
    /// What is taken off.
    pub rule: DiscountRule,
    /// Most to take off in one window, in major units.
    pub max_per_period: Option<Decimal>,
    /// Most to take off ever, in major units.
    pub max_lifetime: Option<Decimal>,
    /// The windows of `max_per_period`, and of a fixed discount's pool; without it each billing
    /// period is a window.
    pub cadence: Option<Schedule>,
    /// Position among discounts of the same rule.
    pub order: Option<u32>,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscountRule {
    /// A share of the amount: 20 is 20 %.
    Percent(Decimal),
    /// Major units of currency in each window.
    Fixed(Decimal),
}

impl Discount {
    /// A percentage off, without caps.
    pub fn percent(id: FeatureId, percentage: Decimal) -> Discount {
        Discount::plain(id, DiscountRule::Percent(percentage))
    }

    /// An amount off each billing period, in major units.
    pub fn fixed(id: FeatureId, amount: Decimal) -> Discount {
        Discount::plain(id, DiscountRule::Fixed(amount))
    }

    fn plain(id: FeatureId, rule: DiscountRule) -> Discount {
        let (max_per_period, max_lifetime) = (None, None);
        Discount {
            id,
            rule,
            max_per_period,
            max_lifetime,
            cadence: None,
            order: None,
        }
    }

    /// Whether the discount has what only the newer engine knows: caps, cadence or order. One such
    /// discount puts its line into the v3 order (DESIGN §7).
    pub fn is_v3(&self) -> bool {
        self.needs_carrying() || self.cadence.is_some() || self.order.is_some()
    }

    /// Whether later bills must know what this one took.
    pub(crate) fn needs_carrying(&self) -> bool {
        self.max_per_period.is_some() || self.max_lifetime.is_some() || self.cadence.is_some()
    }
}

/// The v3 order: fixed, then percent, each by `order` (semantics §4.1).
pub fn sort_v3(discounts: &mut [Discount]) {
    discounts.sort_by_key(|discount| {
        let is_percent = matches!(discount.rule, DiscountRule::Percent(_));
        (is_percent, discount.order.unwrap_or(u32::MAX))
    });
}

/// A discount as it was applied, with all that its amount follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountApplied {
    /// The discount.
    pub feature: FeatureId,
    /// Its rule.
    pub rule: DiscountRule,
    /// Its cap on each window.
    pub max_per_period: Option<Decimal>,
    /// What its cap on the lifetime left before this bill.
    pub lifetime_left: Option<Decimal>,
    /// The windows that the bill reaches into.
    pub windows: Vec<DiscountWindow>,
    /// Unrounded amount off, in major units.
    pub exact: Decimal,
    /// Amount off as the invoice shows it.
    pub amount: Money,
}

/// One window of a discount on one bill. Amounts are in major units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountWindow {
    /// The window.
    pub window: Period,
    /// What this bill charges in it before the discount.
    pub base: Decimal,
    /// What earlier bills charged in it.
    pub base_before: Decimal,
    /// What earlier bills took off in it.
    pub used_before: Decimal,
    /// Whether this is the window's last bill, which settles the cents that rounding left over.
    pub is_last_bill: bool,
    /// Taken off now.
    pub used: Decimal,
}

impl DiscountApplied {
    /// The same discount on `whole`: the last window has what the others leave of it.
    pub(crate) fn on(mut self, whole: Decimal) -> Result<DiscountApplied, MoneyError> {
        if let Some((last, others)) = self.windows.split_last_mut() {
            let others = others.iter().map(|window| window.base);
            last.base = others.into_iter().try_fold(whole, exact::sub)?;
        }
        Ok(self)
    }

    /// The discount with every amount computed from the operands.
    pub(crate) fn computed(mut self, currency: Currency) -> Result<DiscountApplied, MoneyError> {
        let mut lifetime_left = self.lifetime_left;
        for window in &mut self.windows {
            window.used = window.taken(self.rule, self.max_per_period, lifetime_left)?;
            lifetime_left = match lifetime_left {
                Some(left) => Some(exact::sub(left, window.used)?),
                None => None,
            };
        }
        self.exact = exact::sum(self.windows.iter().map(|window| window.used))?;
        self.amount = Money::round(self.exact, currency)?;
        // What later bills are told is what the invoice shows.
        if let [window] = self.windows.as_mut_slice() {
            window.used = self.amount.to_major();
        }
        Ok(self)
    }
}

impl DiscountWindow {
    fn taken(
        &self,
        rule: DiscountRule,
        max_per_period: Option<Decimal>,
        lifetime_left: Option<Decimal>,
    ) -> Result<Decimal, MoneyError> {
        let wanted = match rule {
            DiscountRule::Percent(percentage) if self.base <= Decimal::ZERO => {
                return exact::percent_of(percentage, self.base);
            }
            DiscountRule::Percent(percentage) => self.percent_wanted(percentage)?,
            DiscountRule::Fixed(amount) => exact::sub(amount, self.used_before)?,
        };
        let window_left = match max_per_period {
            Some(cap) => exact::sub(cap, self.used_before)?,
            None => self.base,
        };
        let capped = wanted
            .min(window_left)
            .min(lifetime_left.unwrap_or(self.base));
        Ok(capped.min(self.base).max(Decimal::ZERO))
    }

    /// The percentage of this bill; on the last bill of a window of several, what is missing to the
    /// percentage of all of them (semantics §4.2).
    fn percent_wanted(&self, percentage: Decimal) -> Result<Decimal, MoneyError> {
        if !self.is_last_bill || self.base_before.is_zero() {
            return exact::percent_of(percentage, self.base);
        }
        let whole = exact::percent_of(percentage, exact::add(self.base_before, self.base)?)?;
        exact::sub(whole, self.used_before)
    }
}
