//! Invoices: what is asked of a customer, from the draft to the last cent.
//!
//! Owns the state machine (semantics §6.1), totals, numbers and what is still to be paid. Does not own
//! how amounts come about ([`crate::rating`]), what is due ([`crate::billing`]) nor money coming in
//! ([`crate::payment`]).
//!
//! Invariants:
//! - a [`Draft`] may change; an [`Issued`] invoice's parts, totals and number never do;
//! - what is to be paid is the total, less what was set off, paid, credited and written off, and never
//!   below zero;
//! - the status of an issued invoice follows from these amounts.

mod consolidation;
mod date_policy;
mod display;
mod draft;
mod duplicate;
mod issued;
mod line_items;
mod number;
mod one_off;
mod totals;
mod written_line;

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::billing::Adjustment;
use crate::calendar::Period;
use crate::carried::Carried;
use crate::currency::Currency;
use crate::id::LineId;
use crate::payment_terms::PaymentTerms;
use crate::rating;

pub use consolidation::{ConsolidationKey, consolidate};
pub use date_policy::{DateReference, InvoiceDatePolicy};
pub use display::{Shown, shown_money, shown_quantity};
pub use draft::{Draft, DraftEdit, DraftState, Freshness};
pub use duplicate::bills_again;
pub use issued::{Amounts, Approval, Approved, Issued, approve};
pub use line_items::{FeatureItem, FreeUnits, Item, ItemKind, LineItems, Row, line_items};
pub use number::{NumberFormat, Sequence};
pub use one_off::{OneOffLine, one_off};
pub use totals::{Summary, Totals};
pub use written_line::{LineFault, WrittenLine};

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// A preview: it does not exist yet.
    Upcoming,
    /// It can be changed.
    Draft,
    /// A draft that another one has taken the place of.
    Edited,
    /// A draft that was deleted.
    Discarded,
    /// It is owed.
    Approved,
    /// Something was paid.
    PartiallyPaid,
    /// Nothing is to be paid any more.
    Paid,
    /// All of it was credited.
    Void,
}

impl Status {
    /// All, with the API's words.
    pub const WORDS: [(Self, &'static str); 8] = [
        (Self::Upcoming, "upcoming"),
        (Self::Draft, "draft"),
        (Self::Edited, "edited"),
        (Self::Discarded, "discarded"),
        (Self::Approved, "approved"),
        (Self::PartiallyPaid, "partially_paid"),
        (Self::Paid, "paid"),
        (Self::Void, "void"),
    ];

    /// The API's word.
    pub fn as_str(self) -> &'static str {
        let mut words = Self::WORDS.iter();
        let word = words.find(|(status, _)| *status == self);
        word.map_or("", |(_, word)| word)
    }

    /// The status of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        words
            .find(|(_, other)| *other == word)
            .map(|(status, _)| *status)
    }
}

/// What an invoice says besides its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who pays.
    pub customer_id: Uuid,
    /// The contract, where all of it is from one.
    pub contract_id: Option<Uuid>,
    /// The entity that bills: numbers are its own.
    pub business_entity_id: Option<Uuid>,
    /// Currency of all amounts.
    pub currency: Currency,
    /// Days served: from the first to the last of its lines.
    pub period: Option<Period>,
    /// The day that the invoice is for, which is one of the contract's billing cycles.
    pub bill_for_date: Date,
    /// The date on the document.
    pub invoice_date: Date,
    /// When it is due; the organisation's terms unless told.
    pub payment_terms: Option<PaymentTerms>,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// A text on the document.
    pub notes: Option<String>,
    /// Free data.
    pub custom_data: Json,
    /// Labels.
    pub tags: Json,
}

impl Header {
    /// An invoice with nothing but what it needs.
    pub const fn new(customer_id: Uuid, currency: Currency, bill_for_date: Date) -> Self {
        Self {
            customer_id,
            contract_id: None,
            business_entity_id: None,
            currency,
            period: None,
            bill_for_date,
            invoice_date: bill_for_date,
            payment_terms: None,
            external_id: None,
            notes: None,
            custom_data: Json::Null,
            tags: Json::Null,
        }
    }
}

impl Header {
    /// The words that the invoice is marked with, each once: those of [`Header::tags`], a list of texts.
    pub fn tag_names(&self) -> BTreeSet<&str> {
        let tags = self.tags.as_array().into_iter().flatten();
        tags.filter_map(Json::as_str).collect()
    }
}

/// A rated bill on an invoice: one phase of one contract, or lines written by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its id: what was billed is kept under it.
    pub id: Uuid,
    /// Where it comes from.
    pub source: Source,
    /// Who was served: not who pays, where a parent or a third party does.
    pub customer_id: Uuid,
    /// The amounts and how they came about.
    pub rated: rating::Draft,
    /// Corrections of earlier bills.
    pub adjustments: Vec<Adjustment>,
    /// What documents call the lines.
    pub labels: Vec<LineLabel>,
    /// What earlier bills of the phase had used up when this one was rated.
    pub carried_in: Carried,
    /// The same after this one, for the next.
    pub carried_out: Carried,
}

/// Where a part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A phase of a contract, at a version.
    Contract {
        /// The contract.
        contract_id: Uuid,
        /// Its version.
        version: u32,
        /// The phase.
        phase_id: Uuid,
    },
    /// Written by hand.
    OneOff,
}

/// What documents call a line: frozen when the draft is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineLabel {
    /// The line.
    pub line: LineId,
    /// The product's name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What one unit is called.
    pub unit: String,
    /// What several are called; the unit with an s unless told.
    pub units: Option<String>,
}

/// Why an invoice does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no open draft any more.
    #[error("the invoice is {}, not a draft", .0.as_str())]
    NotADraft(Status),
    /// A part in another currency.
    #[error("all parts of an invoice are in one currency")]
    CurrencyMismatch,
    /// Nothing is on it.
    #[error("the invoice has no lines")]
    Empty,
    /// Drafts that do not belong on one invoice.
    #[error("invoices with another payer, entity, currency or day cannot be consolidated")]
    NotConsolidable,
    /// It is not owed in full to the customer.
    #[error("only an invoice that was credited in full can be voided")]
    CannotBeVoided,
    /// More was paid and credited than was asked: somebody changed what is kept.
    #[error("the amounts of the invoice do not fit its total")]
    AmountsBroken,
    /// A line written by hand is not valid.
    #[error("{0}")]
    LineInvalid(String),
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] crate::money::MoneyError),
    /// A date does not fit.
    #[error(transparent)]
    Calendar(#[from] crate::calendar::Error),
    /// Lines cannot be rated.
    #[error(transparent)]
    Rating(#[from] rating::Error),
}

/// Days served by any line of any part.
pub(crate) fn served(parts: &[Part]) -> Option<Period> {
    let lines = parts.iter().flat_map(|part| {
        let lines = part.rated.lines.iter().map(|line| line.service);
        lines.chain(part.adjustments.iter().map(|adjustment| adjustment.service))
    });
    let span = |one: Period, other: Period| {
        Period::new(one.start().min(other.start()), one.end().max(other.end())).unwrap_or(one)
    };
    lines.reduce(span)
}
