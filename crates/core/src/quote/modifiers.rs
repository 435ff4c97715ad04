//! Discounts and taxes on the whole of a quote. Owns how they reach the contract: as the last modifiers of each of its
//! phases, so that every invoice has them.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::contract::Details;
use crate::product_pricing::{Content, Flaws};

const KINDS: [&str; 2] = ["discounts", "taxes"];

/// The terms with discounts and taxes on the whole, after those that a phase has of its own.
///
/// # Errors
/// What is wrong with them, each thing at its place in a quote: `discounts.0.value`.
pub fn with_modifiers(
    mut details: Details,
    discounts: &Json,
    taxes: &Json,
) -> Result<Details, Flaws> {
    let lists = [entries(discounts), entries(taxes)];
    if lists.iter().all(Vec::is_empty) {
        return Ok(details);
    }
    let currency = details.header.currency.to_string();
    let bare = json!({ "pricing_data": { "pricing_type": "features", "currency": currency } });
    // By themselves first: their places are the quote's, not those in a phase that has some of its own.
    let alone = Arc::new(Content::read(appended(bare, &lists))?);
    for phase in &mut details.phases {
        phase.head.features = Some(match &phase.head.features {
            None => Arc::clone(&alone),
            Some(own) => Arc::new(Content::read(appended(own.document().clone(), &lists))?),
        });
    }
    Ok(details)
}

fn appended(mut document: Json, lists: &[Vec<Json>; 2]) -> Json {
    for (kind, list) in KINDS.into_iter().zip(lists) {
        let mut all = entries(&document[kind]);
        all.extend(list.iter().cloned());
        if !all.is_empty() {
            document[kind] = Json::Array(all);
        }
    }
    document
}

fn entries(list: &Json) -> Vec<Json> {
    list.as_array().cloned().unwrap_or_default()
}
