//! Addresses that answers name: documents of invoices, pages of payment and of checkouts. Every one of them is a route of this
//! server, under the address at which it is reached from outside.

use std::sync::Arc;

use uuid::Uuid;

/// Where this server is reached from outside.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    public_url: Arc<str>,
}

impl Links {
    pub(crate) fn at(public_url: &str) -> Self {
        Self {
            public_url: public_url.into(),
        }
    }

    /// The document of an invoice as PDF.
    pub(crate) fn invoice_pdf(&self, id: Uuid) -> String {
        format!("{}/invoices/{id}/pdf", self.public_url)
    }

    /// The same as a page.
    pub(crate) fn invoice_html(&self, id: Uuid) -> String {
        format!("{}/invoices/{id}/html", self.public_url)
    }

    /// Where a person completes a checkout.
    pub(crate) fn checkout(&self, token: &str) -> String {
        format!("{}/checkout_pages/{token}", self.public_url)
    }

    /// Where an invoice is paid.
    pub(crate) fn payment(&self, payload: &str) -> String {
        format!("{}/invoices/pay/{payload}", self.public_url)
    }
}
