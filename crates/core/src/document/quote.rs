//! The document of a quote. Owns what is shown of an offer, its prices in words, and of the invoices that it would make.

use std::collections::BTreeMap;

use serde::Serialize;

use super::invoice::{sections, taxes, unless_zero};
use super::{Billed, Day, Parties, Section, Sources, TaxRow};
use crate::id::LineId;
use crate::invoice::{Draft, Shown, shown_money};
use crate::money::MoneyError;

/// An invoice that a quote would make, as its document shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotedInvoice {
    /// The day that it is for.
    pub bill_for_date: Day,
    /// The lines.
    pub sections: Vec<Section>,
    /// Taxes, one for each rate.
    pub taxes: Vec<TaxRow>,
    /// Before tax.
    pub net: Shown,
    /// Sum of the taxes.
    pub tax: Shown,
    /// What is asked.
    pub total: Shown,
    /// What the customer gets back, where it is below zero.
    pub credit: Option<Shown>,
}

/// What a bill that is not kept says. `cells` are what the rows of a matrix are called, line by line.
///
/// # Errors
/// [`MoneyError`] where an amount does not fit.
pub fn quoted_invoice(
    draft: &Draft,
    cells: &BTreeMap<LineId, Vec<String>>,
) -> Result<QuotedInvoice, MoneyError> {
    let sources = Sources {
        invoice: Billed::Draft(draft),
        parties: &Parties::default(),
        served: &[],
        cells,
        payment_link: None,
    };
    let totals = draft.totals();
    Ok(QuotedInvoice {
        bill_for_date: Day::of(draft.header().bill_for_date),
        sections: sections(&sources)?,
        taxes: taxes(draft.parts(), draft.header())?,
        net: shown_money(totals.net),
        tax: shown_money(totals.tax),
        total: shown_money(totals.total),
        credit: unless_zero(totals.credit),
    })
}
