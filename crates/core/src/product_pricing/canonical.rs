//! One text for equal documents. Owns what counts as equal: the order of keys, absent and null, and the
//! spelling of numbers do not matter.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::reader::decimal;

pub(super) fn text(document: &Json) -> String {
    let mut text = String::new();
    write(document, &mut text);
    text
}

/// The text of what a document tells besides defaults: empty lists and objects count as absent, and
/// `is_recurring` is compared where it is understood.
pub(super) fn told(document: &Json) -> String {
    text(&without_empty(document))
}

/// What a document tells besides defaults.
pub(super) fn without_empty(value: &Json) -> Json {
    let is_empty = |value: &Json| match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => false,
    };
    match value {
        Json::Array(items) => items.iter().map(without_empty).collect(),
        Json::Object(members) => {
            let members = members.iter().filter(|(key, _)| *key != "is_recurring");
            let told = members.map(|(key, member)| (key.clone(), without_empty(member)));
            told.filter(|(_, member)| !is_empty(member)).collect()
        }
        other => other.clone(),
    }
}

fn write(value: &Json, text: &mut String) {
    match value {
        Json::Number(number) => {
            let plain = decimal(number.as_str()).map(|number: Decimal| number.normalize());
            text.push_str(&plain.map_or_else(|| number.to_string(), |number| number.to_string()));
        }
        Json::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, member) in members {
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push(':');
                write(member, text);
                text.push(',');
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}
