use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;

use super::Formula;
use crate::pricing::{
    Context, ContextValue, Model, ModelError, PricingError, Usage, UsageRow, UsageRows, price,
};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn formula(source: &str) -> Model {
    Model::CustomPricing(Formula::new(source).unwrap_or_else(|error| panic!("{source}: {error}")))
}

fn object(values: &[(&str, ContextValue)]) -> ContextValue {
    let values = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    ContextValue::Object(values.collect::<BTreeMap<_, _>>())
}

fn value(source: &str, quantity: &str) -> Result<Decimal, PricingError> {
    let customer = object(&[
        ("tier", ContextValue::Text("gold".into())),
        ("seats", ContextValue::Number(dec("12"))),
        (
            "tags",
            ContextValue::List(vec![ContextValue::Text("eu".into())]),
        ),
    ]);
    let contract = object(&[
        ("is_pilot", ContextValue::Bool(true)),
        ("end", ContextValue::Null),
    ]);
    let context = Context {
        customer: &customer,
        contract: &contract,
    };
    let usage = Usage::Quantity(dec(quantity));
    price(&formula(source), &usage, &context).map(|priced| priced.amount)
}

#[test]
fn a_formula_computes_exactly_over_quantity_customer_and_contract() {
    let cases = [
        ("quantity * 0.05", "3", "0.15"),
        ("0.1 + 0.2", "0", "0.3"),
        ("42", "0", "42"),
        ("quantity * (1 / 2)", "3", "1.5"),
        (
            "let due = 10; if quantity > 100 { due += (quantity - 100) * 0.01; } due",
            "150",
            "10.5",
        ),
        (r#"if customer.tier == "gold" { 1 } else { 2 }"#, "0", "1"),
        ("customer.seats * quantity - quantity / 4", "2", "23.5"),
        ("if contract.is_pilot { 0 } else { quantity }", "9", "0"),
        ("customer.tags.len()", "0", "1"),
        (
            r#"if customer.contains("discount") { customer.discount } else { -1 }"#,
            "0",
            "-1",
        ),
        ("max(quantity, 10) + min(1, quantity)", "3", "11"),
        ("round(quantity / 3, 2)", "0.5", "0.17"),
        ("round(2.345, 2) + floor(1.9) + ceil(1.1)", "0", "5.35"),
        ("-quantity", "5", "-5"),
        ("abs(quantity)", "-5", "5"),
        (
            "let due = 0; for month in 1..=3 { due += month * quantity; } due",
            "2",
            "12",
        ),
        ("quantity", "-5", "-5"),
    ];
    for (source, quantity, expected) in cases {
        assert_eq!(value(source, quantity), Ok(dec(expected)), "{source}");
    }
}

#[test]
fn a_formula_goes_over_the_rows_of_a_usage() {
    let row = |region: &str, quantity: &str| UsageRow {
        dimensions: vec![region.into(), "2".into()],
        quantity: dec(quantity),
    };
    let columns = vec!["region".into(), "weight".into()];
    let rows = UsageRows::new(columns, vec![row("eu", "10"), row("us", "5")]).unwrap();
    let source = r#"
        let due = 0.0;
        for row in dimensions {
            let rate = switch row.region { "eu" => 0.5, "us" => 0.3, _ => 1.0 };
            due += row.quantity * rate * number(row.weight);
        }
        due + quantity
    "#;
    let priced = price(&formula(source), &Usage::Rows(rows), &Context::EMPTY).unwrap();
    assert_eq!(priced.amount, dec("28")); // 10 × 0.5 × 2 + 5 × 0.3 × 2 + 15
}

#[test]
fn what_a_formula_may_not_do_is_no_formula() {
    let forbidden = [
        "eval(\"1\")",
        "print(1)",
        "debug(1)",
        "import \"x\" as x; 1",
        "fn f() { 1 } f()",
        "|x| x",
        "quantity ** 2",
        "unknown + 1",
        "1 +",
    ];
    for source in forbidden {
        let errors = Formula::new(source).expect_err(source);
        assert!(
            matches!(errors.errors(), [ModelError::FormulaMalformed { .. }]),
            "{source}"
        );
    }
}

#[test]
fn functions_that_do_not_exist_fail_when_called() {
    for source in [
        "sleep(1)",
        "timestamp()",
        "rand()",
        "parse_json(\"1\")",
        "exit(1)",
    ] {
        let failed = value(source, "1");
        assert!(
            matches!(failed, Err(PricingError::FormulaFailed { .. })),
            "{source}: {failed:?}"
        );
    }
}

#[test]
fn a_formula_that_fails_says_why() {
    let failing = [
        "1 / 0",
        "quantity / 0",
        "quantity / 0.0",
        "quantity % 0",
        "9223372036854775807 + 1",
        "79228162514264337593543950335.0 * 2",
        "customer.unknown",
        "contract.end + 1",
        "number(\"many\")",
        "throw 1",
        "quantity = 5; quantity",
    ];
    for source in failing {
        let failed = value(source, "1");
        assert!(
            matches!(failed, Err(PricingError::FormulaFailed { .. })),
            "{source}: {failed:?}"
        );
    }
}

#[test]
fn a_formula_gives_a_number() {
    let cases = [
        ("\"text\"", "string"),
        ("true", "bool"),
        ("let x = 1;", "()"),
        ("", "()"),
    ];
    for (source, found) in cases {
        assert_eq!(
            value(source, "1"),
            Err(PricingError::FormulaNotANumber { found }),
            "{source}"
        );
    }
}

#[test]
fn a_formula_has_an_end() {
    let endless = [
        "loop { }",
        "for i in 0..9223372036854775807 { }",
        "let x = 0; while true { x += 1; }",
        "let s = \"ab\"; loop { s += s; }",
        "let a = [1]; loop { a = [a, a]; }",
        "let m = #{}; let i = 0; loop { i += 1; m = #{ m: m, n: m }; }",
    ];
    for source in endless {
        let begun = Instant::now();
        let failed = value(source, "1");
        assert!(
            matches!(failed, Err(PricingError::FormulaTooLarge { .. })),
            "{source}: {failed:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "{source}");
    }
}

#[test]
fn the_text_of_a_formula_is_bounded() {
    let long = "1 + ".repeat(super::FORMULA_LENGTH_MAX / 4) + "1";
    let errors = Formula::new(&long).unwrap_err();
    assert!(matches!(errors.errors(), [ModelError::TooLong { .. }]));

    let parentheses = format!("{}1{}", "(".repeat(500), ")".repeat(500));
    for nested in [parentheses, "-".repeat(900) + "1"] {
        let errors = Formula::new(&nested).unwrap_err();
        assert!(matches!(
            errors.errors(),
            [ModelError::FormulaMalformed { .. }]
        ));
    }
}

#[test]
fn formulas_are_equal_by_their_text() {
    assert_eq!(formula("1 + 1"), formula("1 + 1"));
    assert_ne!(formula("1 + 1"), formula("2"));
}
