//! Taxes at a given rate (semantics §3.9).
//!
//! Owns the amount of a tax and its split over the lines. Does not own which rate applies where. A
//! tax is rounded once, on the net of all lines that bear it, and spread by largest remainder, so
//! the lines' taxes always sum to the invoice's (DESIGN §6).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};

/// A tax on a line or a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// The feature.
    pub id: FeatureId,
    /// 8.875 is 8.875 %; 0 to 100.
    pub rate: Decimal,
    /// Whether the taxes before it are part of what it is charged on.
    pub is_compound: bool,
}

impl Tax {
    /// Whether both are one tax of the invoice: lines that take the same rate from different
    /// pricings are taxed together.
    pub(crate) fn is_same_rate(&self, other: &Tax) -> bool {
        self.rate == other.rate && self.is_compound == other.is_compound
    }
}

/// A tax of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxApplied {
    /// The tax.
    pub tax: Tax,
    /// What it is charged on: the sum of the shares' bases.
    pub base: Money,
    /// The tax.
    pub amount: Money,
    /// The lines that bear it, in the order of the invoice.
    pub shares: Vec<TaxShare>,
}

/// A line's part of a tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxShare {
    /// Position of the line on the invoice.
    pub line: usize,
    /// The line's net, and for a compound tax the line's taxes before.
    pub base: Money,
    /// The line's part.
    pub amount: Money,
}

impl TaxApplied {
    /// The tax with base, amount and split computed from the shares' bases.
    pub(crate) fn computed(mut self, currency: Currency) -> Result<TaxApplied, MoneyError> {
        self.base = Money::sum(self.shares.iter().map(|share| share.base), currency)?;
        let exact = exact::percent_of(self.tax.rate, self.base.to_major())?;
        self.amount = Money::round(exact, currency)?;
        let bases: Vec<Money> = self.shares.iter().map(|share| share.base).collect();
        let amounts = spread(self.amount, &bases)?;
        for (share, amount) in self.shares.iter_mut().zip(amounts) {
            share.amount = amount;
        }
        Ok(self)
    }
}

/// Splits an amount over lines in proportion to their own amounts; credits among charges get a part of
/// the other sign. Lines that cancel out share nothing.
pub(crate) fn spread(amount: Money, bases: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let currency = amount.currency();
    if let [_] = bases {
        return Ok(vec![amount]);
    }
    let sum = Money::sum(bases.iter().copied(), currency)?;
    if amount.is_zero() || sum.is_zero() {
        return Ok(vec![Money::zero(currency); bases.len()]);
    }
    let is_credit = |base: &&Money| base.is_negative() != sum.is_negative();
    if !bases.iter().any(|base| is_credit(&base) && !base.is_zero()) {
        return amount.allocate(&weights(bases, |_| true));
    }
    // Mixed signs: charges bear more than the amount, credits give back the difference.
    let charged = weights(bases, |base| !is_credit(&base));
    let sum_of_charges = exact::sum(charged.iter().copied())?;
    let net = Decimal::from(sum.minor().unsigned_abs());
    let charge = exact::mul_div(amount.to_major(), sum_of_charges, net)?;
    let charge = Money::round(charge, currency)?;
    let credit = amount.checked_sub(charge)?;
    let charges = charge.allocate(&charged)?;
    let credits = credit.allocate(&weights(bases, |base| is_credit(&base)))?;
    charges
        .into_iter()
        .zip(credits)
        .map(|(charge, credit)| charge.checked_add(credit))
        .collect()
}

fn weights(bases: &[Money], takes_part: impl Fn(&Money) -> bool) -> Vec<Decimal> {
    let weight = |base: &Money| {
        if takes_part(base) {
            base.minor().unsigned_abs()
        } else {
            0
        }
    };
    bases
        .iter()
        .map(|base| Decimal::from(weight(base)))
        .collect()
}
