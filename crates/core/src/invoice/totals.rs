//! Totals of an invoice. Owns the sum over parts and the floor at zero (DESIGN §7).

use super::Part;
use crate::currency::Currency;
use crate::money::{Money, MoneyError};

/// What an invoice comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Sum of all lines and adjustments before tax.
    pub net: Money,
    /// Sum of their taxes.
    pub tax: Money,
    /// What is asked: net and tax, or nothing where they are below zero together.
    pub total: Money,
    /// What the customer gets back, as far as net and tax are below zero.
    pub credit: Money,
}

/// The amounts of an invoice in one place: `GET /invoices/{id}/summary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Net, tax, total and credit.
    pub totals: Totals,
    /// Set off against the wallet.
    pub applied_balance: Money,
    /// Total less what was set off.
    pub net_invoice_total: Money,
    /// Paid and not refunded.
    pub paid: Money,
    /// Credited by credit notes.
    pub credited: Money,
    /// Still to be paid.
    pub amount_due: Money,
}

impl Totals {
    /// The totals of parts. The floor is that of the invoice: a part below zero reduces the others.
    ///
    /// # Errors
    /// [`MoneyError`] for another currency or an overflow.
    pub fn of(parts: &[Part], currency: Currency) -> Result<Self, MoneyError> {
        let nets = parts.iter().flat_map(|part| {
            let adjusted = part.adjustments.iter().map(|adjustment| adjustment.net);
            adjusted.chain([part.rated.net])
        });
        let taxes = parts.iter().flat_map(|part| {
            let adjusted = part.adjustments.iter().map(|adjustment| adjustment.tax);
            adjusted.chain([part.rated.tax])
        });
        let (net, tax) = (Money::sum(nets, currency)?, Money::sum(taxes, currency)?);
        let sum = net.checked_add(tax)?;
        let zero = Money::zero(currency);
        let (total, credit) = if sum.is_negative() {
            (zero, sum.checked_neg()?)
        } else {
            (sum, zero)
        };
        Ok(Self {
            net,
            tax,
            total,
            credit,
        })
    }
}
