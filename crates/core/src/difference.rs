//! The field-by-field difference of two JSON documents: amendments of contracts, versions of plans.
//!
//! Owns the comparison. Entries of an array that have an `id` are told apart by it, others by position;
//! a number is its value, not its spelling.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Keys from the root; entries of an array by their `id`, else by position.
    pub path: Vec<String>,
    /// The value before; null where there was none.
    pub old: Json,
    /// The value after; null where there is none.
    pub new: Json,
}

/// All fields that differ, in the order of their keys.
pub fn difference(old: &Json, new: &Json) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut Vec::new(), old, new, &mut changes);
    changes
}

fn compare(path: &mut Vec<String>, old: &Json, new: &Json, changes: &mut Vec<Change>) {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => compare_members(path, old, new, changes),
        (Json::Array(old), Json::Array(new)) => {
            compare_members(path, &by_identity(old), &by_identity(new), changes)
        }
        _ if is_same(old, new) => {}
        _ => changes.push(Change {
            path: path.clone(),
            old: old.clone(),
            new: new.clone(),
        }),
    }
}

fn compare_members(
    path: &mut Vec<String>,
    old: &Map<String, Json>,
    new: &Map<String, Json>,
    changes: &mut Vec<Change>,
) {
    // Maps keep their order in some builds and sort in others: the answer must not depend on it.
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let before = old.get(key).unwrap_or(&Json::Null);
        let after = new.get(key).unwrap_or(&Json::Null);
        path.push(key.clone());
        compare(path, before, after, changes);
        path.pop();
    }
}

/// The entries of an array under their ids, else under their positions.
fn by_identity(entries: &[Json]) -> Map<String, Json> {
    let named = entries.iter().enumerate().map(|(position, entry)| {
        let id = entry["id"].as_str();
        (
            id.map_or_else(|| position.to_string(), str::to_owned),
            entry.clone(),
        )
    });
    named.collect()
}

fn is_same(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Number(old), Json::Number(new)) => {
            let value = |number: &serde_json::Number| Decimal::from_str_exact(number.as_str()).ok();
            old == new || value(old).is_some_and(|old| Some(old) == value(new))
        }
        _ => old == new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(old: Json, new: Json, expected: &[(&str, Json, Json)]) {
        let found = difference(&old, &new);
        let found: Vec<(String, Json, Json)> = found
            .into_iter()
            .map(|change| (change.path.join("."), change.old, change.new))
            .collect();
        let expected: Vec<(String, Json, Json)> = expected
            .iter()
            .map(|(path, old, new)| ((*path).to_owned(), old.clone(), new.clone()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        check(
            json!({ "name": "a", "end": null, "tags": ["x", "y"], "rate": 1.50 }),
            json!({ "name": "b", "end": "2026", "tags": ["x"], "rate": 1.5 }),
            &[
                ("end", json!(null), json!("2026")),
                ("name", json!("a"), json!("b")),
                ("tags.1", json!("y"), json!(null)),
            ],
        );
    }

    #[test]
    fn entries_with_an_id_may_change_places() {
        let (one, two) = (json!({"id": "1", "n": 1}), json!({"id": "2", "n": 2}));
        let moved = json!({"id": "1", "n": 3});
        check(json!([one, two]), json!([two, one]), &[]);
        check(
            json!([one]),
            json!([two, moved]),
            &[("1.n", json!(1), json!(3)), ("2", json!(null), two.clone())],
        );
    }
}
