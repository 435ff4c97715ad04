//! Rating: from terms and quantities to a draft invoice that shows how every amount came about.
//!
//! Owns the order in which features apply (DESIGN §7): on a line free units, quantity discounts,
//! quantity balances, price, discounts and commitments (v3: commitments and discounts), credit
//! balances; then on the phase discounts, commitments, service fees, credit balances, taxes. Does not
//! own the features' own arithmetic, which lines are due, or the wallet.
//!
//! Invariants:
//! - a total is the sum of its rounded parts, and an amount is rounded once (DESIGN §6);
//! - the same arguments give the same draft, byte for byte;
//! - [`replay()`] computes every amount of a draft again from the operands in the draft.

mod amount;
mod draft;
mod line;
mod phase;
mod quantity;
mod replay;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::calendar::{self, Cycle, Period};
use crate::carried::Carried;
use crate::grant::{Balance, BalanceDraw, Consumption, GrantDue};
use crate::id::LineId;
use crate::money::MoneyError;
use crate::pricing::{Context, PricingError, Usage};
use crate::terms::{PhaseTerms, Terms};

pub use draft::{Draft, InvoiceFeature, Line, LineFeature, LineKind, Priced, Share, UnitsTaken};
pub use replay::{ReplayError, replay};

/// What is billed on one invoice, besides the terms.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a> {
    /// The day the invoice is for.
    pub bill_for_date: Date,
    /// The billing periods that are billed, in the order in which the invoice shows them.
    pub charges: &'a [Charge],
    /// What entitlements have.
    pub balances: &'a [Balance],
    /// What earlier invoices of the phase used up.
    pub carried: &'a Carried,
    /// Customer and contract, for formulas.
    pub context: Context<'a>,
}

/// A billing period of a line, to be billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Position of the line in its phase.
    pub line: usize,
    /// The billing period.
    pub cycle: Cycle,
    /// Usage for each of [`crate::proration::usage_windows`], in that order.
    pub usage: Vec<CountedUsage>,
}

/// What a metric counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedUsage {
    /// The days.
    pub window: Period,
    /// The count.
    pub usage: Usage,
}

/// A draft, and what it means for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The invoice.
    pub draft: Draft,
    /// What is used up after it.
    pub carried: Carried,
    /// What it grants.
    pub grants: Vec<GrantDue>,
}

impl Draft {
    /// Every draw on an entitlement's balance, in the order in which they were made.
    pub fn draws(&self) -> impl Iterator<Item = &BalanceDraw> {
        let of_lines = self.lines.iter().flat_map(|line| &line.features);
        let of_lines = of_lines.filter_map(|feature| match feature {
            LineFeature::QuantityDraw { draw, .. } | LineFeature::CreditDraw(draw) => Some(draw),
            _ => None,
        });
        let of_phase = self.features.iter().filter_map(|feature| match feature {
            InvoiceFeature::CreditDraw { draw, .. } => Some(draw),
            _ => None,
        });
        of_lines.chain(of_phase)
    }
}

/// Why an invoice cannot be calculated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A charge names a line that the terms do not have.
    #[error("terms have no line {0}")]
    LineUnknown(usize),
    /// The usage given is not counted over the days that rating asks for.
    #[error("usage of line {line:?} is not counted over the {expected:?}")]
    UsageWindows {
        /// The line.
        line: LineId,
        /// The days.
        expected: Vec<Period>,
    },
    /// A line has no price for its usage.
    #[error("line {line:?}: {cause}")]
    Pricing {
        /// The line.
        line: LineId,
        /// Why not.
        cause: PricingError,
    },
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A date does not fit.
    #[error(transparent)]
    Calendar(#[from] calendar::Error),
}

/// Calculates the draft invoice of a phase.
///
/// # Errors
/// [`Error`], the first one met.
pub fn rate(terms: &Terms, bill: &Bill<'_>) -> Result<Rated, Error> {
    let mut run = Run {
        terms: terms.phase(),
        bill: *bill,
        balances: bill.balances.to_vec(),
        carried: bill.carried.clone(),
        grants: Vec::new(),
    };
    let lines = bill
        .charges
        .iter()
        .map(|charge| run.rate_line(charge))
        .collect::<Result<_, _>>()?;
    let draft = run.rate_phase(lines)?;
    Ok(Rated {
        draft,
        carried: run.carried,
        grants: run.grants,
    })
}

/// One calculation in progress.
struct Run<'a> {
    terms: &'a PhaseTerms,
    bill: Bill<'a>,
    balances: Vec<Balance>,
    carried: Carried,
    grants: Vec<GrantDue>,
}

impl Run<'_> {
    /// The draw that a consumption would make; nothing, if the entitlement has no balance.
    fn draw(&self, consumption: &Consumption, wanted: Decimal) -> Option<BalanceDraw> {
        let Consumption {
            id: feature,
            entitlement,
            trigger_event,
            ..
        } = *consumption;
        let balance = self
            .balances
            .iter()
            .find(|balance| balance.entitlement == entitlement)?;
        let (available, used) = (balance.available, Decimal::ZERO);
        Some(BalanceDraw {
            feature,
            entitlement,
            trigger_event,
            available,
            wanted,
            used,
        })
    }

    /// Takes what was drawn off the balance.
    fn take(&mut self, draw: &BalanceDraw) {
        for balance in &mut self.balances {
            if balance.entitlement == draw.entitlement {
                balance.available = draw.remaining();
            }
        }
    }
}
