//! What a phase of a contract says about money, in the form that rating reads.
//!
//! Owns the shape of terms and their validity. Does not own contracts, their versions or status.
//! Terms hold no state and are shared by every invoice that is rated under them; prices are shared
//! between contracts.

mod check;

use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::calendar::{self, Cycle, Life, LineSchedule, Period, Schedule};
use crate::commitment::Commitment;
use crate::currency::Currency;
use crate::discount::{Discount, sort_v3};
use crate::grant::{Consumption, Grant};
use crate::id::LineId;
use crate::payment_terms::PaymentTerms;
use crate::pool::Pool;
use crate::pricing::Model;
use crate::service_fee::ServiceFee;
use crate::tax::Tax;

pub use check::{Finding, InvalidTerms, Place};

/// Terms that were found valid. Share them: rating only reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(PhaseTerms);

/// The terms of a phase as they were agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseTerms {
    /// Currency of all amounts.
    pub currency: Currency,
    /// Days in force.
    pub life: Life,
    /// Days on which nothing is charged, in order and apart from each other.
    pub pauses: Vec<Period>,
    /// What is sold.
    pub lines: Vec<LineTerms>,
    /// Discounts on the lines together, in this order.
    pub discounts: Vec<PhaseDiscount>,
    /// Commitments on the lines together; each needs a cadence.
    pub commitments: Vec<Commitment>,
    /// Fees on top.
    pub service_fees: Vec<ServiceFee>,
    /// Credits that pay for what is left.
    pub consumptions: Vec<Consumption>,
    /// Taxes on everything, in this order, after those of the lines.
    pub taxes: Vec<Tax>,
    /// When invoices are due.
    pub payment_terms: Option<PaymentTerms>,
}

/// A discount of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseDiscount {
    /// The discount.
    pub discount: Discount,
    /// The one line that it is taken from; without it, all.
    pub line: Option<LineId>,
}

/// A line of a contract: one product at its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTerms {
    /// Lineage of the line.
    pub id: LineId,
    /// Days in force and when they are billed.
    pub schedule: LineSchedule,
    /// Prices by their first day, ascending; the first is in force from the line's start.
    pub prices: Vec<PriceVersion>,
    /// Typed or counted.
    pub quantity: Quantity,
    /// On and off by first day, ascending; on before the first.
    pub is_enabled: Vec<EnabledFrom>,
    /// What a started period costs.
    pub proration: Proration,
    /// The period that a fixed price is for, where it is not the billing period: a monthly price
    /// that is billed each quarter.
    pub pricing_period: Option<Schedule>,
    /// How long metered usage builds up before the tiers begin again, where it is not the billing
    /// period (semantics §2.5).
    pub tier_reset: Option<Schedule>,
    /// Units at no charge.
    pub free_units: Vec<Pool>,
    /// Units at no charge, after the free ones.
    pub quantity_discounts: Vec<Pool>,
    /// What the line provisions; a metered line draws from it too.
    pub grants: Vec<Grant>,
    /// What the line draws from.
    pub consumptions: Vec<Consumption>,
    /// The price of what quantity balances do not cover, where it is another one.
    pub overage_pricing: Option<Arc<Model>>,
    /// Discounts of money. One with caps, cadence or order puts all into the v3 order.
    pub discounts: Vec<Discount>,
    /// Least and most.
    pub commitments: Vec<Commitment>,
    /// Taxes on this line, in this order.
    pub taxes: Vec<Tax>,
}

/// A price from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceVersion {
    /// First day.
    pub effective_from: Date,
    /// The price.
    pub model: Arc<Model>,
}

/// Where a line's quantity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Counted by a billable metric.
    Metered,
    /// Typed, by first day, ascending; the first is in force from the line's start.
    Fixed(Vec<QuantityEntry>),
}

/// A typed quantity from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantityEntry {
    /// First day.
    pub effective_from: Date,
    /// Units.
    pub value: Decimal,
}

/// A line's switch from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnabledFrom {
    /// First day.
    pub effective_from: Date,
    /// On or off.
    pub value: bool,
}

/// What a recurring fixed price costs when only some days of its period are in service (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proration {
    /// Its share of calendar days.
    DayBased,
    /// The whole (`cadence_based`, `charge_full_amount`); the highest price of the period's days.
    CadenceBased,
}

impl Terms {
    /// Checks terms.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(mut phase: PhaseTerms) -> Result<Terms, InvalidTerms> {
        check::check(&phase)?;
        for line in &mut phase.lines {
            if line.is_v3() {
                sort_v3(&mut line.discounts);
            }
        }
        Ok(Terms(phase))
    }

    /// The terms.
    pub fn phase(&self) -> &PhaseTerms {
        &self.0
    }

    /// The billing periods of all lines that are billed on a day in `[from, until)`, each with the
    /// position of its line.
    ///
    /// # Errors
    /// [`calendar::Error::OutOfRange`].
    pub fn cycles_billed(
        &self,
        from: Date,
        until: Date,
    ) -> Result<Vec<(usize, Cycle)>, calendar::Error> {
        let mut billed = Vec::with_capacity(self.0.lines.len());
        for (position, line) in self.0.lines.iter().enumerate() {
            let cycles = line.schedule.cycles_billed(from, until)?;
            billed.extend(cycles.into_iter().map(|cycle| (position, cycle)));
        }
        Ok(billed)
    }

    /// Position of a line.
    pub fn position(&self, line: LineId) -> Option<usize> {
        self.0.lines.iter().position(|terms| terms.id == line)
    }
}

impl PhaseTerms {
    /// A phase without modifiers.
    pub fn new(currency: Currency, life: Life, lines: Vec<LineTerms>) -> PhaseTerms {
        PhaseTerms {
            currency,
            life,
            pauses: Vec::new(),
            lines,
            discounts: Vec::new(),
            commitments: Vec::new(),
            service_fees: Vec::new(),
            consumptions: Vec::new(),
            taxes: Vec::new(),
            payment_terms: None,
        }
    }
}

impl PhaseTerms {
    /// Days of a window that lie in the phase's life and in no pause.
    pub(crate) fn days_in_force(&self, window: Period) -> i64 {
        let Some(inside) = self.life.intersection(window) else {
            return 0;
        };
        let paused = self
            .pauses
            .iter()
            .filter_map(|pause| pause.intersection(inside));
        inside.days() - paused.map(Period::days).sum::<i64>()
    }
}

impl LineTerms {
    /// A line at one price, without modifiers, prorated by days.
    pub fn new(
        id: LineId,
        schedule: LineSchedule,
        model: Arc<Model>,
        quantity: Quantity,
    ) -> LineTerms {
        LineTerms {
            id,
            schedule,
            prices: vec![PriceVersion {
                effective_from: schedule.life.start(),
                model,
            }],
            quantity,
            is_enabled: Vec::new(),
            proration: Proration::DayBased,
            pricing_period: None,
            tier_reset: None,
            free_units: Vec::new(),
            quantity_discounts: Vec::new(),
            grants: Vec::new(),
            consumptions: Vec::new(),
            overage_pricing: None,
            discounts: Vec::new(),
            commitments: Vec::new(),
            taxes: Vec::new(),
        }
    }

    /// Whether the line's features follow the v3 order (DESIGN §7).
    pub fn is_v3(&self) -> bool {
        self.discounts.iter().any(Discount::is_v3)
    }

    /// Whether the quantity is counted by a metric.
    pub fn is_metered(&self) -> bool {
        matches!(self.quantity, Quantity::Metered)
    }

    /// Position of the price in force on `date`.
    pub(crate) fn price_at(&self, date: Date) -> usize {
        let later = self
            .prices
            .partition_point(|version| version.effective_from <= date);
        later.saturating_sub(1)
    }

    /// The typed quantity in force on `date`; none for metered lines.
    pub(crate) fn quantity_at(&self, date: Date) -> Option<Decimal> {
        let Quantity::Fixed(entries) = &self.quantity else {
            return None;
        };
        let later = entries.partition_point(|entry| entry.effective_from <= date);
        entries
            .get(later.saturating_sub(1))
            .map(|entry| entry.value)
    }

    /// Whether the line is switched on on `date`.
    pub(crate) fn is_enabled_at(&self, date: Date) -> bool {
        let later = self
            .is_enabled
            .partition_point(|entry| entry.effective_from <= date);
        later == 0 || self.is_enabled[later - 1].value
    }

    /// All draws of the line: its consumptions, then those that its grants imply. A grant on a metered
    /// line covers that line's own usage (semantics §3.5); what a typed line grants is sold to be used
    /// elsewhere, or a prepaid purchase of credits would pay for itself.
    pub fn draws(&self) -> impl Iterator<Item = Consumption> + '_ {
        let implied = self.grants.iter().filter(|_| self.is_metered());
        self.consumptions
            .iter()
            .copied()
            .chain(implied.map(Grant::consumption))
    }

    /// How many features a line of an invoice shows at most: the price and one for each term.
    pub(crate) fn features_max(&self) -> usize {
        let units = self.free_units.len() + self.quantity_discounts.len();
        let draws = self.consumptions.len() + self.grants.len();
        1 + units + draws + self.discounts.len() + self.commitments.len()
    }
}
