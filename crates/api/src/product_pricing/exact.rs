//! Exact numbers as JSON writes them.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Number, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, SchemaType, Type},
    },
};

/// Characters of a number at most; as many as any stored number may have.
const LENGTH_MAX: usize = 64;

/// An exact decimal number, kept and shown digit for digit. A text of digits is read as the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Exact(Number);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match of_text(Value::deserialize(deserializer)?) {
            Value::Number(number) => Ok(Self(number)),
            _ => Err(D::Error::custom("value is not a number")),
        }
    }
}

impl PartialSchema for Exact {
    fn schema() -> RefOr<Schema> {
        number().build().into()
    }
}

impl ToSchema for Exact {}

/// The number that a text of digits stands for; any other value as it is. Lists are searched.
pub(super) fn of_text(value: Value) -> Value {
    match value {
        Value::String(text) => match text.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(of_text).collect(),
        other => other,
    }
}

/// The schema of a number.
pub(super) fn number() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
        .pattern(Some(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"))
        .max_length(Some(LENGTH_MAX))
        .examples([Value::from(12)])
}
