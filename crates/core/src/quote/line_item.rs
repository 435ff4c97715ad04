//! What a quote sells, item by item. Owns how a change of some items leaves the others.

use jiff::civil::Date;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Flaw, Misfit};

/// A product at a price, for the whole term unless told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItem {
    /// Its id, which it keeps from version to version.
    pub id: Uuid,
    /// What is sold; the product of the price unless told.
    pub product_id: Option<Uuid>,
    /// A price of the catalogue.
    pub pricing_id: Option<Uuid>,
    /// The document of a price of its own; beside `pricing_id` this counts.
    pub pricing: Option<Json>,
    /// A sentence about it.
    pub description: Option<String>,
    /// First day, where that is not the quote's.
    pub start_date: Option<Date>,
    /// Last day, where that is not the quote's.
    pub end_date: Option<Date>,
}

/// An item as it is sent: another one of the quote by its id, changed or taken off, or a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Which one; a new one gets an id unless it has one.
    pub id: Option<Uuid>,
    /// Whether it is taken off.
    pub is_deleted: bool,
    /// See [`LineItem`]; what is left out stays as it was.
    pub product_id: Option<Uuid>,
    /// See [`LineItem`]; a price that is named or written replaces the one before, however that was told.
    pub pricing_id: Option<Uuid>,
    /// See [`LineItem`].
    pub pricing: Option<Json>,
    /// See [`LineItem`].
    pub description: Option<String>,
    /// See [`LineItem`].
    pub start_date: Option<Date>,
    /// See [`LineItem`].
    pub end_date: Option<Date>,
}

/// The items after some were sent: those that are not named stay as and where they are, new ones come after them.
///
/// # Errors
/// Items that are named twice, and those to be taken off that are not there.
pub fn merged(
    before: &[LineItem],
    sent: Vec<Merge>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Result<Vec<LineItem>, Vec<Misfit>> {
    let mut found = Vec::new();
    let mut named: Vec<Uuid> = Vec::new();
    let mut items = before.to_vec();
    for (position, one) in sent.into_iter().enumerate() {
        let mut misfit = |flaw: Flaw| {
            let path = ["line_items", &position.to_string(), "id"];
            found.push((path.map(str::to_owned).to_vec(), flaw));
        };
        if let Some(id) = one.id {
            if named.contains(&id) {
                misfit(Flaw::LineItemTwice);
                continue;
            }
            named.push(id);
        }
        let known = items.iter().position(|item| Some(item.id) == one.id);
        match (known, one.is_deleted) {
            (Some(index), true) => drop(items.remove(index)),
            (None, true) if one.id.is_some() => misfit(Flaw::LineItemUnknown),
            // Never added: there is nothing to take off.
            (None, true) => {}
            (Some(index), false) => items[index].change(one),
            (None, false) => {
                let id = one.id.unwrap_or_else(&mut *ids);
                items.push(one.into_item(id));
            }
        }
    }
    match found.is_empty() {
        true => Ok(items),
        false => Err(found),
    }
}

impl LineItem {
    fn change(&mut self, sent: Merge) {
        let Merge {
            id: _,
            is_deleted: _,
            product_id,
            pricing_id,
            pricing,
            description,
            start_date,
            end_date,
        } = sent;
        if pricing_id.is_some() || pricing.is_some() {
            self.pricing_id = pricing_id;
            self.pricing = pricing;
        }
        self.product_id = product_id.or(self.product_id);
        self.description = description.or_else(|| self.description.take());
        self.start_date = start_date.or(self.start_date);
        self.end_date = end_date.or(self.end_date);
    }
}

impl Merge {
    fn into_item(self, id: Uuid) -> LineItem {
        let Self {
            id: _,
            is_deleted: _,
            product_id,
            pricing_id,
            pricing,
            description,
            start_date,
            end_date,
        } = self;
        LineItem {
            id,
            product_id,
            pricing_id,
            pricing,
            description,
            start_date,
            end_date,
        }
    }
}
