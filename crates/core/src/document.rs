//! Documents: what a page for people says, as one plain value.
//!
//! Owns which facts are on a document, their order and their wording, so that every template of every
//! format gets the same. Does not own how a page looks (templates), nor what an invoice comes to
//! ([`crate::invoice`]): every number here was computed there.

mod day;
mod invoice;
mod party;
mod quote;
mod sample;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::invoice::Shown;

pub use day::{Day, Days};
pub use invoice::{Billed, Sources, invoice};
pub use party::{Parties, Party, TaxNumber};
pub use quote::{QuotedInvoice, quoted_invoice};
pub use sample::sample;

/// Types of documents, with the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// An invoice, from its draft on.
    Invoice,
}

impl DocumentType {
    /// All, with the API's words.
    pub const WORDS: [(Self, &'static str); 1] = [(Self::Invoice, "invoice")];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
        }
    }

    /// The type of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        words.find(|(_, other)| *other == word).map(|row| row.0)
    }
}

/// What a template is written in, and with it what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateFormat {
    /// Typst markup: a PDF.
    Typst,
    /// HTML with Jinja: a page.
    Html,
}

impl TemplateFormat {
    /// All, with the API's words.
    pub const WORDS: [(Self, &'static str); 2] = [(Self::Typst, "typst"), (Self::Html, "html")];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Typst => "typst",
            Self::Html => "html",
        }
    }

    /// The format of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        words.find(|(_, other)| *other == word).map(|row| row.0)
    }
}

/// An invoice as documents show it. Templates get it as JSON; the names of the fields are theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceDocument {
    /// `invoice`.
    pub document_type: DocumentType,
    /// Who bills.
    pub seller: Party,
    /// Who pays.
    pub customer: Party,
    /// Numbers, dates and totals.
    pub invoice_data: InvoiceData,
    /// The lines: one section, or one for each customer served by a consolidated invoice.
    pub sections: Vec<Section>,
    /// Taxes, one for each rate.
    pub taxes: Vec<TaxRow>,
}

/// What an invoice says besides its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceData {
    /// Its id.
    pub id: String,
    /// Its number; none before approval.
    pub invoice_number: Option<String>,
    /// `draft`, `approved`, `paid`…
    pub status: &'static str,
    /// Whether it can still change.
    pub is_draft: bool,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// The date on the document.
    pub invoice_date: Day,
    /// When it is due; none before approval.
    pub due_by: Option<Day>,
    /// Days served.
    pub period: Option<Days>,
    /// The terms in words, where the invoice has its own.
    pub payment_terms: Option<String>,
    /// A text on the document.
    pub notes: Option<String>,
    /// Free data.
    pub custom_data: Json,
    /// Where it can be paid.
    pub payment_link: Option<String>,
    /// Before tax.
    pub net: Shown,
    /// Sum of the taxes.
    pub tax: Shown,
    /// What is asked.
    pub total: Shown,
    /// What the customer gets back, where the invoice is below zero.
    pub credit: Option<Shown>,
    /// Set off against the wallet.
    pub applied_balance: Option<Shown>,
    /// Paid and not given back.
    pub paid: Option<Shown>,
    /// Credited by credit notes and not owed any more.
    pub credited: Option<Shown>,
    /// Given up.
    pub written_off: Option<Shown>,
    /// Still to be paid.
    pub amount_due: Shown,
}

/// Lines of one customer served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Who was served, where the invoice has several customers.
    pub title: Option<String>,
    /// The lines.
    pub lines: Vec<LineRow>,
    /// What applies to the lines together: discounts, maxima, credits.
    pub features: Vec<DetailRow>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineRow {
    /// `charge`, `commitment`, `service_fee`, `adjustment`.
    pub line_item_type: &'static str,
    /// The product's name, or the modifier's.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Days served.
    pub period: Days,
    /// Units; none for a fixed fee.
    pub quantity: Option<Shown>,
    /// Price of a unit, where all have the same.
    pub price: Option<Shown>,
    /// Amount before tax and before what applies to all lines.
    pub amount: Shown,
    /// `per-unit-pricing`…; empty where nothing was priced.
    pub pricing_model: String,
    /// How the amount came about; nothing where quantity and price say it already.
    pub details: Vec<DetailRow>,
}

/// A row below a line or below all of them, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DetailRow {
    /// `tiered-pricing`, `discount`, `free-units`…
    pub feature: &'static str,
    /// What it is.
    pub name: String,
    /// Units, or nothing.
    pub quantity: String,
    /// Price of a unit, or nothing.
    pub price: String,
    /// Amount.
    pub amount: String,
}

/// A tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaxRow {
    /// `Sales Tax 8.875 %`.
    pub name: String,
    /// What it is charged on; none for taxes of adjustments.
    pub base: Option<Shown>,
    /// The tax.
    pub amount: Shown,
}

/// A template that an organisation wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub id: Uuid,
    /// The documents that it shows.
    pub document_type: DocumentType,
    /// What it is written in.
    pub format: TemplateFormat,
    /// Its text.
    pub source: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
