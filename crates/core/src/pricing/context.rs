//! What a formula may know besides the usage. Owns the shape of customer and contract values.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value as Json;

/// Values of the customer and of the contract, for `custom_pricing`. Other models do not read them.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The customer as an object: `id`, `external_id`, `custom_data`…
    pub customer: &'a ContextValue,
    /// The contract as an object.
    pub contract: &'a ContextValue,
}

/// A value as JSON knows it, with exact numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An exact number.
    Number(Decimal),
    /// Text; instants and ids are text too.
    Text(String),
    /// A list.
    List(Vec<ContextValue>),
    /// An object, ordered by key so that iteration is the same everywhere.
    Object(BTreeMap<String, ContextValue>),
}

impl From<&Json> for ContextValue {
    /// A JSON document with its numbers exact; one that has more digits than a decimal is no value.
    fn from(document: &Json) -> Self {
        match document {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                let exact = Decimal::from_str_exact(number.as_str());
                exact.map_or(Self::Null, Self::Number)
            }
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Json::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.into()));
                Self::Object(members.collect())
            }
        }
    }
}

impl Context<'_> {
    /// A context without values.
    pub const EMPTY: Context<'static> = Context {
        customer: &ContextValue::Null,
        contract: &ContextValue::Null,
    };
}

impl Default for Context<'_> {
    fn default() -> Self {
        Context::EMPTY
    }
}
