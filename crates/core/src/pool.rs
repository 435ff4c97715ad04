//! Pools of units that cost nothing: free units and quantity discounts (semantics §3.7, §4.3).
//!
//! Owns how many units a window has and how they deplete. Does not own the price of the rest. A pool
//! depletes in the order of time and what is left when its window ends is lost.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::calendar::{self, Cycle, Life, Period, Schedule};
use crate::id::FeatureId;
use crate::money::{MoneyError, exact};

/// A number of units at no charge in each window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The feature.
    pub id: FeatureId,
    /// Units in each window, zero or more.
    pub units: Decimal,
    /// When the pool is filled again.
    pub window: PoolWindow,
    /// Most units to give in one window.
    pub max_per_period: Option<Decimal>,
    /// Most units to give over the life of the line; units lost do not count.
    pub max_lifetime: Option<Decimal>,
    /// Fills a window that is only partly in the line's life by its share of days, rounded like
    /// this. A pool of each billing period is never prorated (semantics §4.3).
    pub prorate_stub: Option<UnitRounding>,
}

/// When a pool is filled again, and its rest lost: the expiry of free units (semantics §3.7), the
/// cadence of a quantity discount (§4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolWindow {
    /// With each billing period of the line.
    BillingPeriod,
    /// On a grid of its own, such as the contract's billing periods.
    Every(Schedule),
    /// Never: one pool for the line's life.
    Life,
}

/// How a prorated pool becomes whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitRounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// To the nearest, half up.
    HalfUp,
}

/// Units taken from one window of a pool for the quantity of one piece of a billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolDraw {
    /// Days of the quantity.
    pub period: Period,
    /// The window of the pool.
    pub window: Period,
    /// Units that the window has.
    pub granted: Decimal,
    /// Units of it used before.
    pub used_before: Decimal,
    /// Units that the pool may still give in the line's life.
    pub lifetime_left: Option<Decimal>,
    /// Units wanted.
    pub quantity: Decimal,
    /// Units given: the least of the above, never below zero.
    pub used: Decimal,
}

impl PoolDraw {
    /// The draw with `used` computed from the rest.
    pub(crate) fn taken(self) -> Result<PoolDraw, MoneyError> {
        let left = exact::sub(self.granted, self.used_before)?;
        let left = self
            .lifetime_left
            .map_or(left, |lifetime| lifetime.min(left));
        let used = self.quantity.min(left).max(Decimal::ZERO);
        Ok(PoolDraw { used, ..self })
    }

    /// Units left in the window after the draw.
    pub fn remaining(&self) -> Decimal {
        self.granted - self.used_before - self.used
    }
}

impl Pool {
    /// Free units: no caps, no proration.
    pub fn free_units(id: FeatureId, units: Decimal, window: PoolWindow) -> Pool {
        Pool {
            id,
            units,
            window,
            max_per_period: None,
            max_lifetime: None,
            prorate_stub: None,
        }
    }

    /// The window in which a day of the cycle lies.
    pub(crate) fn window_at(
        &self,
        day: Date,
        cycle: &Cycle,
        life: Life,
    ) -> Result<Period, calendar::Error> {
        match self.window {
            PoolWindow::BillingPeriod => Ok(cycle.full),
            PoolWindow::Every(schedule) => schedule.period_at(day),
            PoolWindow::Life => Period::new(life.start(), life.end().unwrap_or(Date::MAX)),
        }
    }

    /// Units that a window has.
    pub(crate) fn granted(&self, window: Period, life: Life) -> Result<Decimal, MoneyError> {
        let units = self
            .max_per_period
            .map_or(self.units, |cap| cap.min(self.units));
        let (Some(rounding), PoolWindow::Every(_)) = (self.prorate_stub, self.window) else {
            return Ok(units);
        };
        let days = life.intersection(window).map_or(0, Period::days);
        if days == window.days() {
            return Ok(units);
        }
        let share = exact::mul_div(units, Decimal::from(days), Decimal::from(window.days()))?;
        // Rounding up may not give more than the whole window has.
        Ok(rounding.round(share).min(units))
    }
}

impl UnitRounding {
    fn round(self, units: Decimal) -> Decimal {
        match self {
            UnitRounding::Floor => units.floor(),
            UnitRounding::Ceil => units.ceil(),
            UnitRounding::HalfUp => {
                units.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
            }
        }
    }
}
