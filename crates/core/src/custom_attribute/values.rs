//! Values of custom attributes against their definitions.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::{DataType, Definition};

/// A value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The attribute's key.
    pub key: String,
    /// What should stand there.
    pub expected: Expected,
}

/// What should stand where a value does not fit. Its text says what to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Expected {
    /// Any value.
    #[error("field required")]
    Value,
    /// A value of the type.
    #[error("{}", sentence(*.0))]
    OfType(DataType),
    /// One of the choices.
    #[error("value is not one of: {}", .0.join(", "))]
    OneOf(Vec<String>),
}

fn sentence(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String => "value is not a string",
        DataType::Integer => "value is not an integer",
        DataType::Float => "value is not a number",
        DataType::Boolean => "value is not a boolean",
        DataType::ListString => "value is not a list of strings",
        DataType::Enum => "value is not one of the choices",
        DataType::Json => "value is not JSON",
        DataType::Date => "write a date as 2026-01-31",
    }
}

/// The values of a thing, checked against the definitions that hold for it. Defaults fill the keys that
/// a new thing does not name. A null counts as no value.
///
/// # Errors
/// Every [`Violation`], in the order of the definitions.
pub fn check(
    definitions: &[Definition],
    values: Json,
    is_new: bool,
) -> Result<Json, Vec<Violation>> {
    let Json::Object(mut values) = values else {
        return Ok(values);
    };
    let mut violations = Vec::new();
    for definition in definitions {
        let key = &definition.subject.attribute_key_name;
        let default = definition.details.default_value.as_ref();
        if let Some(default) = default.filter(|_| is_new && !values.contains_key(key)) {
            values.insert(key.clone(), default.clone());
        }
        if let Err(expected) = fits(definition, values.get(key)) {
            let key = key.clone();
            violations.push(Violation { key, expected });
        }
    }
    if violations.is_empty() {
        Ok(Json::Object(values))
    } else {
        Err(violations)
    }
}

fn fits(definition: &Definition, value: Option<&Json>) -> Result<(), Expected> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return if definition.details.is_required {
            Err(Expected::Value)
        } else {
            Ok(())
        };
    };
    let data_type = definition.subject.data_type;
    let choices = &definition.details.enum_choices;
    match (is_of_type(data_type, choices, value), data_type) {
        (true, _) => Ok(()),
        (false, DataType::Enum) => Err(Expected::OneOf(choices.clone())),
        (false, _) => Err(Expected::OfType(data_type)),
    }
}

fn is_of_type(data_type: DataType, choices: &[String], value: &Json) -> bool {
    match (data_type, value) {
        (DataType::String, Json::String(_))
        | (DataType::Float, Json::Number(_))
        | (DataType::Boolean, Json::Bool(_))
        | (DataType::Json, _) => true,
        (DataType::Integer, Json::Number(number)) => number.is_i64(),
        (DataType::ListString, Json::Array(items)) => items.iter().all(Json::is_string),
        (DataType::Enum, Json::String(text)) => choices.contains(text),
        (DataType::Date, Json::String(text)) => is_date(text),
        _ => false,
    }
}

fn is_date(text: &str) -> bool {
    let date = text.parse::<Date>();
    date.is_ok_and(|date| date.to_string() == text)
}

/// The default value as one of the type. Clients send every default as text: one that does not fit as it
/// is stands for the JSON that it spells (`"5"`, `"true"`, `"[\"a\"]"`), where that is a value which a
/// caller could have sent: a number of a decimal's size, a text without U+0000.
pub(super) fn read_default(data_type: DataType, choices: &[String], value: Json) -> Option<Json> {
    if is_of_type(data_type, choices, &value) {
        return Some(value);
    }
    let text = value.as_str()?;
    let spelled: Json = serde_json::from_str(text).ok()?;
    let is_storable = match &spelled {
        Json::Number(number) => number.as_str().parse::<Decimal>().is_ok(),
        _ => !text.contains("\\u0000"),
    };
    (is_storable && is_of_type(data_type, choices, &spelled)).then_some(spelled)
}
