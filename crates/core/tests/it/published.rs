//! The published cases: worked numbers from public documentation, kept as data.
//!
//! Owns the file and the check that every case in it is claimed exactly once: run by a module, or
//! listed with the reason why it is not.

use std::sync::LazyLock;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::{published_features, published_metering, published_pricing};

/// A case that no test of this crate runs, by its position in the file, and why.
pub(crate) type Unrun = (usize, &'static str);

static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../golden/published-cases.json")).expect("a list of cases")
});

/// Cases of other parts of the platform.
const ELSEWHERE: &[Unrun] = &[
    (
        54,
        "revenue by days: DESIGN §10 uses the true daily rate, the page a third for each month",
    ),
    (55, "revenue recognition"),
    (56, "revenue recognition"),
    (59, "contracts"),
    (60, "analytics"),
    (61, "analytics"),
    (69, "checkout; the plan behind the numbers is not shown"),
    (70, "entitlements"),
    (71, "entitlements"),
    (72, "revenue recognition"),
    (73, "revenue recognition"),
    (74, "analytics"),
    (75, "usage events"),
    (76, "usage events"),
    (77, "contracts"),
    (78, "tax rates by jurisdiction"),
    (79, "tax rates by jurisdiction"),
    (80, "synchronisation of journals"),
];

#[test]
fn every_published_case_is_claimed_exactly_once() {
    let unrun = [
        ELSEWHERE,
        published_pricing::UNRUN,
        published_features::UNRUN,
    ]
    .concat();
    let unrun = unrun.iter().map(|(index, _)| *index);
    let run = [
        published_pricing::RUN,
        published_features::RUN,
        published_metering::RUN,
    ]
    .concat();
    let run = run.into_iter();
    let mut claimed: Vec<usize> = run.chain(unrun).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, (0..CASES.len()).collect::<Vec<_>>());
}

/// The case at a position of the file.
pub(crate) fn case(index: usize) -> &'static Value {
    &CASES[index]
}

/// A JSON number as it is written; `null` and texts are none.
pub(crate) fn number(value: &Value) -> Option<Decimal> {
    value
        .as_number()
        .map(|number| number.to_string().parse().expect("a decimal number"))
}

/// The numbers of a JSON list; entries that are none stay open.
pub(crate) fn numbers(value: &Value) -> Vec<Option<Decimal>> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect()
}
