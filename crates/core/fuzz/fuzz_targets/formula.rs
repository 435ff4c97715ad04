//! Compiles and evaluates any text as a formula.

#![no_main]

use std::collections::BTreeMap;

use florin_core::pricing::{Context, ContextValue, Formula, Model, Usage, price};
use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;

fuzz_target!(|input: (i64, &str)| {
    let (quantity, text) = input;
    let Ok(formula) = Formula::new(text) else {
        return;
    };
    let customer = ContextValue::Object(BTreeMap::from([
        ("tier".to_owned(), ContextValue::Text("gold".to_owned())),
        ("seats".to_owned(), ContextValue::Number(Decimal::from(12))),
        (
            "tags".to_owned(),
            ContextValue::List(vec![ContextValue::Bool(true)]),
        ),
    ]));
    let context = Context {
        customer: &customer,
        contract: &ContextValue::Null,
    };
    let usage = Usage::Quantity(Decimal::new(quantity, 4));
    let model = Model::CustomPricing(formula);
    let answer = price(&model, &usage, &context);
    let again = price(&model, &usage, &context);
    assert_eq!(format!("{answer:?}"), format!("{again:?}"));
});
