//! Prices of the catalogue: what a product costs, before any contract.
//!
//! Owns reading the document of a price ([`Content`]): what was sent, checked whole, with every flaw at
//! its place. Does not own the arithmetic ([`crate::pricing`]) nor what a contract makes of a price:
//! anchors, phases and overrides.
//!
//! The document is the record: it is kept and shown as it was sent, numbers digit for digit, and what
//! billing needs is read from it. Its modifiers (discounts, taxes, …) are checked here and become
//! terms when a contract gives them dates. Invariant: a [`Content`] has no flaw.

mod canonical;
mod features;
mod model;
mod quantity;
mod reader;

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::calendar::{Cadence, Delay};
use crate::currency::Currency;
use crate::pricing::Model;
use reader::{Node, Reader};

pub use quantity::{Quantity, QuantityEntry};
pub use reader::{Flaw, Flaws, Rule};

/// A price of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductPricing {
    /// Its id.
    pub id: Uuid,
    /// The product.
    pub product_id: Uuid,
    /// What it says.
    pub content: Content,
    /// Digest of the content's canonical text: equal prices have equal digests.
    pub content_hash: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The document of a price and what billing reads from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    document: Json,
    price: Price,
}

/// What billing reads from the document of a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The model with its terms.
    pub model: Model,
    /// The currency; without it, that of the contract.
    pub currency: Option<Currency>,
    /// Where the quantity comes from; without it, the contract says.
    pub quantity: Option<Quantity>,
    /// When it is billed; without it, the contract says.
    pub billing_period: Option<BillingPeriod>,
    /// Whether it is charged again in each period.
    pub is_recurring: bool,
    /// The price of what is not included.
    pub overage: Option<Box<Price>>,
}

/// When a price is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillingPeriod {
    /// How long a period is; `None` is one-time.
    pub cadence: Option<Cadence>,
    /// When in the period the bill comes.
    pub offset: Option<Offset>,
}

/// When the bill of a period comes (api reference §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// At its start.
    Prepaid,
    /// At its end.
    Postpaid,
    /// So long after its end.
    After(Delay),
}

impl Content {
    /// Reads the document of a price.
    ///
    /// # Errors
    /// All flaws, each at its place.
    pub fn read(document: Json) -> Result<Self, Flaws> {
        let mut reader = Reader::default();
        let price = price(&mut reader, &Node::root(&document));
        reader.finish()?;
        let price = price.ok_or_else(Flaws::unexplained)?;
        Ok(Self { document, price })
    }

    /// The document.
    pub const fn document(&self) -> &Json {
        &self.document
    }

    /// What billing reads from it.
    pub const fn price(&self) -> &Price {
        &self.price
    }

    /// What people call the price.
    pub fn name(&self) -> Option<&str> {
        self.document["name"].as_str()
    }

    /// Whether another document says the same: what is empty counts as absent, and a default as told. A
    /// caller that sends back what it read says the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.price == other.price
            && canonical::told(&self.document) == canonical::told(&other.document)
    }

    /// What the document tells besides defaults and what is empty.
    pub(crate) fn told(&self) -> Json {
        canonical::without_empty(&self.document)
    }

    /// A text that is the same for equal documents: keys in order, nulls left out, numbers without
    /// trailing zeros.
    pub fn canonical(&self) -> String {
        canonical::text(&self.document)
    }
}

impl Price {
    /// How long a billing period is.
    pub fn cadence(&self) -> Option<Cadence> {
        self.billing_period.and_then(|period| period.cadence)
    }

    /// Products that a bundle's price covers; none for other models.
    pub fn bundled_products(&self) -> Vec<Uuid> {
        let Model::Bundle(bundle) = &self.model else {
            return Vec::new();
        };
        let members = bundle.members().iter();
        members.map(|member| member.product_id.0).collect()
    }

    /// Metrics that count its quantity and that of what is not included, each once.
    pub fn aggregates(&self) -> BTreeSet<Uuid> {
        let of_overage = self.overage.as_deref().map(Self::aggregates);
        let own = match self.quantity {
            Some(Quantity::Metered { aggregate_id }) => aggregate_id,
            _ => None,
        };
        own.into_iter()
            .chain(of_overage.into_iter().flatten())
            .collect()
    }

    /// Whether it puts a price on its product: a `features` price only carries modifiers.
    pub const fn is_charge(&self) -> bool {
        !matches!(self.model, Model::Features)
    }
}

/// A number of a checked document; none where none was given.
pub(crate) fn number(value: &Json) -> Option<Decimal> {
    match value {
        Json::Number(number) => reader::decimal(number.as_str()),
        Json::String(text) => reader::decimal(text),
        _ => None,
    }
}

fn price(reader: &mut Reader, node: &Node<'_>) -> Option<Price> {
    let data = node.field("pricing_data");
    let model = model::read(reader, &data);
    let currency = currency(reader, &data.field("currency"));
    reader.cadence(&data.field("pricing_period").field("cadence"));
    let quantity = quantity::read(reader, &node.field("quantity"));
    let billing_period = billing_period(reader, &node.field("billing_period"));
    let cadence = billing_period.and_then(|period| period.cadence);
    let is_recurring = node.field("is_recurring").flag();
    features::check(reader, node, cadence);
    let overage = node.field("overage_pricing");
    let overage = overage.given().then(|| price(reader, &overage)).flatten();
    Some(Price {
        model: model?,
        currency,
        quantity,
        billing_period,
        is_recurring: is_recurring.unwrap_or(cadence.is_some()),
        overage: overage.map(Box::new),
    })
}

fn currency(reader: &mut Reader, node: &Node<'_>) -> Option<Currency> {
    let code = node.text()?;
    let currency = Currency::iso(code);
    reader.note(node, currency.map_err(|_| Rule::CurrencyUnknown))
}

fn billing_period(reader: &mut Reader, node: &Node<'_>) -> Option<BillingPeriod> {
    if !node.given() {
        return None;
    }
    Some(BillingPeriod {
        cadence: reader.cadence(&node.field("cadence")),
        offset: offset(reader, &node.field("offset")),
    })
}

fn offset(reader: &mut Reader, node: &Node<'_>) -> Option<Offset> {
    match node.text()? {
        "prepaid" => Some(Offset::Prepaid),
        "postpaid" => Some(Offset::Postpaid),
        duration => {
            let delay = Delay::parse(duration).map_err(|_| Rule::OffsetMalformed);
            reader.note(node, delay).map(Offset::After)
        }
    }
}

#[cfg(test)]
mod tests;
