//! An invoice that is not kept, as JSON writes it.

use florin_core::invoice::Draft;
use florin_store::invoice::Invoice;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    line_items::LineItemsResponse,
    wire::{ServicePeriodBody, amount, period},
};
use crate::{
    error::Result,
    value::{DayStart, Number},
};

/// An invoice as it would be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceEstimate {
    /// The day that it is for.
    bill_for_date: DayStart,
    /// The date on the document.
    invoice_date: DayStart,
    /// Days served: from the first to the last of its lines.
    invoice_period: Option<ServicePeriodBody>,
    /// Currency of all amounts, ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// Sum of all lines and adjustments before tax; may be below zero.
    net_total: Number,
    /// Sum of their taxes; may be below zero.
    tax_total: Number,
    /// Net and tax, not below zero.
    total: Number,
    /// What the customer would get back, as far as net and tax are below zero.
    credit_total: Number,
    /// Its lines, then adjustments of earlier invoices.
    line_items: LineItemsResponse,
}

impl InvoiceEstimate {
    pub(crate) fn of(draft: Draft) -> Result<Self> {
        let (header, totals) = (draft.header(), draft.totals());
        let (bill_for_date, invoice_date) = (header.bill_for_date, header.invoice_date);
        let (invoice_period, currency) = (header.period, header.currency);
        Ok(Self {
            bill_for_date: DayStart(bill_for_date),
            invoice_date: DayStart(invoice_date),
            invoice_period: invoice_period.map(period),
            currency: currency.code().to_owned(),
            net_total: amount(totals.net),
            tax_total: amount(totals.tax),
            total: amount(totals.total),
            credit_total: amount(totals.credit),
            line_items: LineItemsResponse::of(&Invoice::Draft(draft))?,
        })
    }
}
