//! The `quantity` of a price (api reference §7.4): counted by a metric or typed.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::reader::{Node, Reader, Rule};

/// Where a price's quantity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Counted by a billable metric; without one, the contract names it.
    Metered {
        /// The metric.
        aggregate_id: Option<Uuid>,
    },
    /// Typed.
    Fixed {
        /// Units from the first day on.
        quantity: Option<Decimal>,
        /// Units from later days on, ascending.
        entries: Vec<QuantityEntry>,
    },
}

/// A typed quantity from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantityEntry {
    /// First day; `None` is the line's own first day.
    pub effective_from: Option<Date>,
    /// Units.
    pub value: Decimal,
}

pub(super) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Quantity> {
    if !node.given() {
        return None;
    }
    let number = node.field("quantity");
    let quantity = reader.decimal(&number);
    let entries = entries(reader, &node.field("quantity_entries"));
    constraints(reader, node, quantity);
    match node.field("type").text() {
        Some("metered") => {
            let id = node.field("aggregate_id").text();
            let aggregate_id = id.and_then(|id| id.parse().ok());
            Some(Quantity::Metered { aggregate_id })
        }
        _ => {
            let is_told = quantity.is_some() || !entries.is_empty() || number.given();
            reader.require(&number, is_told, Rule::Missing);
            Some(Quantity::Fixed { quantity, entries })
        }
    }
}

fn entries(reader: &mut Reader, node: &Node<'_>) -> Vec<QuantityEntry> {
    let mut entries: Vec<QuantityEntry> = Vec::new();
    for item in node.items() {
        let day = item.field("effective_from");
        let entry = QuantityEntry {
            effective_from: day.text().and_then(|text| text.parse().ok()),
            value: reader.number(&item.field("value")),
        };
        let follows = entries
            .last()
            .is_none_or(|last| last.effective_from < entry.effective_from);
        reader.require(&day, follows, Rule::NotAscending);
        entries.push(entry);
    }
    entries
}

fn constraints(reader: &mut Reader, node: &Node<'_>, quantity: Option<Decimal>) {
    let constraints = node.field("constraints");
    let least = reader.decimal(&constraints.field("min"));
    let most = reader.decimal(&constraints.field("max"));
    let is_range = !matches!((least, most), (Some(least), Some(most)) if least > most);
    reader.require(&constraints, is_range, Rule::RangeEmpty);
    let Some(quantity) = quantity else { return };
    let is_inside =
        least.is_none_or(|least| least <= quantity) && most.is_none_or(|most| quantity <= most);
    reader.require(&node.field("quantity"), is_inside, Rule::QuantityOutside);
}
