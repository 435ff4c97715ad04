//! Applying a discount or a commitment to one bill. Owns the windows of a bill and what is carried from
//! one bill to the next; the arithmetic stands with the features.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::Error;
use crate::calendar::{Life, Period, Schedule};
use crate::carried::{Carried, Key, Use, WindowUse};
use crate::commitment::{Commitment, CommitmentApplied, CommitmentKind, CommitmentWindow};
use crate::currency::Currency;
use crate::discount::{Discount, DiscountApplied, DiscountWindow};
use crate::money::{Money, MoneyError, exact};

/// The part of a bill that falls into one window of a feature. Amounts are in major units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) window: Period,
    pub(super) amount: Decimal,
    /// Whether no later bill reaches into the window.
    pub(super) is_last_bill: bool,
}

/// What an amount was charged for, to find the windows it falls into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served<'a> {
    pub(super) full: Period,
    pub(super) service: Period,
    pub(super) life: Life,
    /// Days and what weight they have in the amount.
    pub(super) weights: &'a [(Period, Decimal)],
}

impl Served<'_> {
    /// Cuts an amount by the windows of a feature: by usage where it is known day by day, else by days.
    pub(super) fn slices(
        &self,
        cadence: Option<Schedule>,
        amount: Decimal,
    ) -> Result<Vec<Slice>, Error> {
        let Some(schedule) = cadence else {
            return Ok(vec![Slice {
                window: self.full,
                amount,
                is_last_bill: true,
            }]);
        };
        let pieces = schedule.split(self.service)?;
        let weights = self.window_weights(&pieces);
        let sum = exact::sum(weights.iter().copied())?;
        let mut slices = Vec::with_capacity(pieces.len());
        let mut left = amount;
        for (index, (piece, weight)) in pieces.iter().zip(weights).enumerate() {
            let window = schedule.period_at(piece.start())?;
            // The last takes what is left, so that the slices sum to the amount exactly.
            let is_last = index + 1 == pieces.len();
            let amount = if is_last {
                left
            } else {
                exact::mul_div(amount, weight, sum)?
            };
            left = exact::sub(left, amount)?;
            let is_last_bill = self.is_last_bill(window);
            slices.push(Slice {
                window,
                amount,
                is_last_bill,
            });
        }
        Ok(slices)
    }

    fn window_weights(&self, pieces: &[Period]) -> Vec<Decimal> {
        let weight_in = |piece: &Period| -> Decimal {
            let inside = self
                .weights
                .iter()
                .filter(|(days, _)| piece.contains(days.start()));
            inside
                .map(|(_, weight)| weight.abs())
                .fold(Decimal::ZERO, Decimal::saturating_add)
        };
        let weights: Vec<Decimal> = pieces.iter().map(weight_in).collect();
        if weights.iter().all(Decimal::is_zero) {
            return pieces
                .iter()
                .map(|piece| Decimal::from(piece.days()))
                .collect();
        }
        weights
    }

    fn is_last_bill(&self, window: Period) -> bool {
        let end = self
            .life
            .end()
            .map_or(window.end(), |end| end.min(window.end()));
        end <= self.service.end()
    }
}

/// Where a feature's use is kept, and from which day on it still matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) key: Key,
    pub(super) from: Date,
    pub(super) currency: Currency,
}

pub(super) fn apply_discount(
    discount: &Discount,
    slices: &[Slice],
    carried: &mut Carried,
    keeping: Keeping,
) -> Result<DiscountApplied, Error> {
    let used = carried.find(keeping.key);
    let lifetime = used.map_or(Decimal::ZERO, |used| used.lifetime);
    let windows = slices.iter().map(|slice| {
        let before = window_before(used, slice.window);
        DiscountWindow {
            window: slice.window,
            base: slice.amount,
            base_before: before.base,
            used_before: before.used,
            is_last_bill: slice.is_last_bill,
            used: Decimal::ZERO,
        }
    });
    let lifetime_left = discount
        .max_lifetime
        .map(|cap| exact::sub(cap, lifetime))
        .transpose()?;
    let applied = DiscountApplied {
        feature: discount.id,
        rule: discount.rule,
        max_per_period: discount.max_per_period,
        lifetime_left,
        windows: windows.collect(),
        exact: Decimal::ZERO,
        amount: Money::zero(keeping.currency),
    }
    .computed(keeping.currency)?;
    if discount.needs_carrying() {
        keep_discount(&applied, carried.entry(keeping.key), keeping.from)?;
    }
    Ok(applied)
}

fn keep_discount(applied: &DiscountApplied, used: &mut Use, from: Date) -> Result<(), MoneyError> {
    used.lifetime = exact::add(used.lifetime, applied.amount.to_major())?;
    for window in &applied.windows {
        let kept = WindowUse {
            window: window.window,
            used: exact::add(window.used_before, window.used)?,
            base: exact::add(window.base_before, window.base)?,
        };
        used.set_window(kept, from);
    }
    Ok(())
}

pub(super) fn apply_commitment(
    commitment: &Commitment,
    days_in_force: impl Fn(Period) -> i64,
    slices: &[Slice],
    carried: &mut Carried,
    keeping: Keeping,
) -> Result<CommitmentApplied, Error> {
    let used = carried.find(keeping.key);
    let zero = Money::zero(keeping.currency);
    let committed = |window| commitment.committed(window, days_in_force(window), keeping.currency);
    let windows = slices.iter().map(|slice| {
        Ok(CommitmentWindow {
            window: slice.window,
            committed: committed(slice.window)?,
            billed_before: window_before(used, slice.window).used,
            billed: slice.amount,
            is_last_bill: slice.is_last_bill,
            amount: zero,
        })
    });
    let applied = CommitmentApplied {
        feature: commitment.id,
        kind: commitment.kind,
        skip_zero_amount: commitment.skip_zero_amount,
        windows: windows.collect::<Result<_, MoneyError>>()?,
        amount: zero,
    }
    .computed(keeping.currency)?;
    if commitment.cadence.is_some() {
        keep_commitment(&applied, carried.entry(keeping.key), keeping.from)?;
    }
    Ok(applied)
}

fn keep_commitment(
    applied: &CommitmentApplied,
    used: &mut Use,
    from: Date,
) -> Result<(), MoneyError> {
    for window in &applied.windows {
        let billed = exact::add(window.billed_before, window.billed)?;
        let billed = match applied.kind {
            CommitmentKind::MinimumSpend => billed,
            CommitmentKind::MaximumSpend => exact::add(billed, window.amount.to_major())?,
        };
        let kept = WindowUse {
            window: window.window,
            used: billed,
            base: Decimal::ZERO,
        };
        used.set_window(kept, from);
    }
    Ok(())
}

fn window_before(used: Option<&Use>, window: Period) -> WindowUse {
    used.map_or(WindowUse::new(window), |used| used.window(window))
}
