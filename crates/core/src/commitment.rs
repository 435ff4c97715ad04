//! Commitments: the least or the most that a line or a phase is billed in a period (semantics §3.4).
//!
//! Owns top-ups and reductions. Does not own where they are shown. A top-up is charged once, with the
//! last bill of the commitment's period; a maximum cuts each bill as soon as it is reached.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{Period, Schedule};
use crate::currency::Currency;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};

/// A commitment on a line or a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The feature.
    pub id: FeatureId,
    /// Least or most.
    pub kind: CommitmentKind,
    /// Major units of currency in each period.
    pub amount: Decimal,
    /// The commitment's own periods; on a line, without it, each billing period.
    pub cadence: Option<Schedule>,
    /// Whether a period that is only partly in force counts whole. Otherwise the amount is its share
    /// of days.
    pub charge_full_amount: bool,
    /// Whether a period in which nothing was billed gets no top-up.
    pub skip_zero_amount: bool,
}

/// Least or most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitmentKind {
    /// What is billed is topped up to the amount.
    MinimumSpend,
    /// What is billed is cut down to the amount.
    MaximumSpend,
}

impl Commitment {
    /// What is committed to for a window of which so many days are in force: nothing, if none is.
    pub(crate) fn committed(
        &self,
        window: Period,
        days_in_force: i64,
        currency: Currency,
    ) -> Result<Money, MoneyError> {
        if days_in_force == 0 {
            return Ok(Money::zero(currency));
        }
        if self.charge_full_amount || days_in_force == window.days() {
            return Money::round(self.amount, currency);
        }
        let (days, full) = (Decimal::from(days_in_force), Decimal::from(window.days()));
        Money::round(exact::mul_div(self.amount, days, full)?, currency)
    }
}

/// A commitment as it was applied, with all that its amount follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitmentApplied {
    /// The commitment.
    pub feature: FeatureId,
    /// Least or most.
    pub kind: CommitmentKind,
    /// See [`Commitment::skip_zero_amount`].
    pub skip_zero_amount: bool,
    /// The commitment's periods that the bill reaches into or settles.
    pub windows: Vec<CommitmentWindow>,
    /// Added to the bill; negative for a maximum.
    pub amount: Money,
}

/// One period of a commitment on one bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitmentWindow {
    /// The period.
    pub window: Period,
    /// What it commits to.
    pub committed: Money,
    /// Major units that earlier bills charged in it.
    pub billed_before: Decimal,
    /// Major units that this bill charges in it.
    pub billed: Decimal,
    /// Whether this is the period's last bill.
    pub is_last_bill: bool,
    /// Added to the bill; negative for a maximum.
    pub amount: Money,
}

impl CommitmentApplied {
    /// The same commitment on a bill of `whole`: the last window has what the others leave of it.
    pub(crate) fn on(mut self, whole: Decimal) -> Result<CommitmentApplied, MoneyError> {
        if let Some((last, others)) = self.windows.split_last_mut() {
            let others = others.iter().map(|window| window.billed);
            last.billed = others.into_iter().try_fold(whole, exact::sub)?;
        }
        Ok(self)
    }

    /// The commitment with every amount computed from the operands.
    pub(crate) fn computed(mut self, currency: Currency) -> Result<CommitmentApplied, MoneyError> {
        for window in &mut self.windows {
            window.amount = match self.kind {
                CommitmentKind::MinimumSpend => window.top_up(self.skip_zero_amount, currency)?,
                CommitmentKind::MaximumSpend => window.reduction(currency)?,
            };
        }
        self.amount = Money::sum(self.windows.iter().map(|window| window.amount), currency)?;
        Ok(self)
    }
}

impl CommitmentWindow {
    fn top_up(&self, skip_zero_amount: bool, currency: Currency) -> Result<Money, MoneyError> {
        let billed = exact::add(self.billed_before, self.billed)?;
        if !self.is_last_bill || (skip_zero_amount && billed.is_zero()) {
            return Ok(Money::zero(currency));
        }
        let missing = exact::sub(self.committed.to_major(), billed)?;
        Money::round(missing.max(Decimal::ZERO), currency)
    }

    fn reduction(&self, currency: Currency) -> Result<Money, MoneyError> {
        let billed = exact::add(self.billed_before, self.billed)?;
        let excess = exact::sub(billed, self.committed.to_major())?;
        let most = self.billed.max(Decimal::ZERO);
        Money::round(-excess.clamp(Decimal::ZERO, most), currency)
    }
}
