//! Values as JSON writes them.

use florin_core::instant;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type},
    },
};

/// An instant. Written in UTC with `Z`; read in every form of [`instant::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        instant::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-01-31T10:00:00Z"]);
        object.build().into()
    }
}

impl ToSchema for Instant {}

/// An instant that clients write as a date-time or as seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnyInstant(pub(crate) Timestamp);

impl Serialize for AnyInstant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AnyInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        instant::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for AnyInstant {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Integer]))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .minimum(Some(0))
            .maximum(Some(SECONDS_MAX))
            .examples(["2026-01-31T10:00:00Z"]);
        object.build().into()
    }
}

impl ToSchema for AnyInstant {}

/// Seconds to the end of the year 9998, the last that any time zone can show.
const SECONDS_MAX: i64 = 253_370_764_799;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .examples(["2026-01-31"]);
        object.build().into()
    }
}

impl ToSchema for Day {}

/// The first instant of a calendar day, as the API's date-times say it: without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayStart(pub(crate) Date);

impl Serialize for DayStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}T00:00:00", self.0))
    }
}

impl PartialSchema for DayStart {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00$"))
            .examples(["2026-01-31T00:00:00"]);
        object.build().into()
    }
}

impl ToSchema for DayStart {}

/// A day in any form in which the API says one: a date, or a date-time whose date counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnyDay(pub(crate) Date);

impl Serialize for AnyDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AnyDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = text.split(['T', ' ']).next().unwrap_or_default();
        date.parse().map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for AnyDay {
    fn schema() -> RefOr<Schema> {
        // The days that each month can have, so that what fulfils the schema can be read.
        const DAY: &str = "^[0-9]{4}-(((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01]))\
            |((0[469]|11)-(0[1-9]|[12][0-9]|30))|(02-(0[1-9]|[12][0-9])))([T ].*)?$";
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(DAY))
            .max_length(Some(40))
            .examples(["2026-01-31"]);
        object.build().into()
    }
}

impl ToSchema for AnyDay {}

/// Writes a number with every digit, and without needless zeros.
fn write_number<S: Serializer>(number: Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let text = number.normalize().to_string();
    let number: serde_json::Number = text.parse().map_err(S::Error::custom)?;
    number.serialize(serializer)
}

/// Reads a number with every digit, also where it is sent as a text of digits.
fn read_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_str().to_owned(),
        serde_json::Value::String(text) => text,
        _ => return Err(D::Error::custom("value is not a number")),
    };
    let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    exact.map_err(D::Error::custom)
}

/// An exact amount in major units of a currency, or an exact number of units: a number in JSON. A text of
/// digits is read as the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_number(deserializer).map(Self)
    }
}

impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .pattern(Some(r"^-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?$"))
            .minimum(Some(-100_000_000_000_000_000_i64))
            .maximum(Some(100_000_000_000_000_000_i64))
            .examples([serde_json::json!(12.5)]);
        object.build().into()
    }
}

impl ToSchema for Number {}

/// An exact number of units, not below zero: a number in JSON. A text of digits is read as the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Units(pub(crate) Decimal);

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Number(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer).map(|Number(units)| Self(units))
    }
}

impl PartialSchema for Units {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .pattern(Some(r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?$"))
            .minimum(Some(0))
            .maximum(Some(100_000_000_000_000_i64))
            .examples([serde_json::json!(5)]);
        object.build().into()
    }
}

impl ToSchema for Units {}

/// A percentage, an exact number: 6.25 is 6.25 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) Decimal);

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.as_str();
        let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        exact.map(Self).map_err(D::Error::custom)
    }
}

impl PartialSchema for Percent {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(0))
            .maximum(Some(100))
            .examples([serde_json::json!(6.25)]);
        object.build().into()
    }
}

impl ToSchema for Percent {}

/// An exact amount in major units of a currency, or an exact number of units: a number in JSON. A text of
/// digits is read as the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_number(deserializer).map(Self)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .pattern(Some(r"^-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?$"))
            .minimum(Some(-100_000_000_000_000_i64))
            .maximum(Some(100_000_000_000_000_i64))
            .examples([serde_json::json!(12.5)]);
        object.build().into()
    }
}

impl ToSchema for Amount {}
