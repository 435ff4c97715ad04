//! Values of event fields. Owns their order, their number and their text; reading them from JSON is
//! [`super::event`]'s.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use rust_decimal::Decimal;
use serde_json::{Number, Value as Json};
use uuid::Uuid;

/// The value of a field. Its type is the schema's; no field holds values of two types, but null.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// No value: passed over by every aggregation.
    Null,
    /// Of type `Bool`.
    Bool(bool),
    /// Of type `Int64`.
    Int64(i64),
    /// Of type `Float64`: the number that was sent, rounded to twelve decimal places.
    Float64(Decimal),
    /// Of type `Decimal`.
    Decimal(Decimal),
    /// Of type `Date32`.
    Date32(Date),
    /// Of type `DateTime64`.
    DateTime64(Timestamp),
    /// Of type `UUID`.
    Uuid(Uuid),
    /// Of type `String`.
    String(String),
    /// Of type `Array`.
    Array(Vec<Value>),
}

impl Value {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as a number; `None` for null and for types that are no numbers.
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Int64(number) => Some(Decimal::from(*number)),
            Self::Float64(number) | Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The value as an instant; a day is its midnight, UTC. `None` for null and other types.
    pub fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::DateTime64(instant) => Some(*instant),
            Self::Date32(date) => TimeZone::UTC
                .to_timestamp(date.to_datetime(Time::midnight()))
                .ok(),
            _ => None,
        }
    }

    /// The value as people see it in JSON: a number with every digit, instants and days as text.
    pub fn shown(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int64(number) => Json::from(*number),
            Self::Float64(_) | Self::Decimal(_) => {
                let number: Option<Number> = self.text().parse().ok();
                number.map_or(Json::Null, Json::Number)
            }
            Self::Array(items) => Json::Array(items.iter().map(Self::shown).collect()),
            other => Json::String(other.text()),
        }
    }

    /// The value as a dimension of a quantity: null is the empty text, a number has no needless zeros.
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int64(value) => value.to_string(),
            Self::Float64(value) | Self::Decimal(value) => value.normalize().to_string(),
            Self::Date32(value) => value.to_string(),
            Self::DateTime64(value) => value.to_string(),
            Self::Uuid(value) => value.to_string(),
            Self::String(value) => value.clone(),
            Self::Array(values) => {
                let texts: Vec<String> = values.iter().map(Self::text).collect();
                texts.join(",")
            }
        }
    }
}
