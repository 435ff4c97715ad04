//! Whose usage an event is. Owns the step from the value of an event's customer column to customers;
//! which attribute is compared is the metric's choice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use uuid::Uuid;

use super::metric::CustomerAttribute;

/// What metrics know of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageCustomer {
    /// Its id.
    pub id: Uuid,
    /// Every external id that it has or had: usage sent under an earlier one still finds it.
    pub external_ids: Vec<String>,
    /// Its free data.
    pub custom_data: Json,
}

/// Customers by the value that names them in events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerKeys {
    ids: BTreeSet<Uuid>,
    by_key: BTreeMap<String, BTreeSet<Uuid>>,
}

impl CustomerKeys {
    /// The keys of these customers under an attribute. One value may name several customers (two with
    /// the same `custom_data`): each of them has the usage.
    pub fn new<'c>(
        attribute: &CustomerAttribute,
        customers: impl IntoIterator<Item = &'c UsageCustomer>,
    ) -> Self {
        let mut keys = Self::default();
        for customer in customers {
            keys.ids.insert(customer.id);
            for key in named_by(attribute, customer) {
                keys.by_key.entry(key).or_default().insert(customer.id);
            }
        }
        keys
    }

    /// Every customer, with or without a key.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.ids.iter().copied()
    }

    /// Every value that names customers, with them, in the order of the values.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &BTreeSet<Uuid>)> {
        self.by_key.iter().map(|(key, ids)| (key.as_str(), ids))
    }

    /// The customers that this value names.
    pub fn with(&self, key: &str) -> impl Iterator<Item = Uuid> {
        self.by_key.get(key).into_iter().flatten().copied()
    }
}

fn named_by(attribute: &CustomerAttribute, customer: &UsageCustomer) -> Vec<String> {
    match attribute {
        CustomerAttribute::Id => vec![customer.id.to_string()],
        CustomerAttribute::ExternalId => customer.external_ids.clone(),
        CustomerAttribute::CustomData(key) => customer
            .custom_data
            .get(key)
            .and_then(text)
            .into_iter()
            .collect(),
    }
}

/// A text or number of a customer's free data; anything else names nobody.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
