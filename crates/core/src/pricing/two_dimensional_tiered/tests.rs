use rust_decimal::Decimal;

use super::TwoDimensionalTiered;
use crate::pricing::{
    Context, Dimension, Model, ModelError, Priced, PricingError, StepRule, Usage, UsageRow,
    UsageRows, price,
};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn unit_price() -> Dimension {
    Dimension {
        name: "Unit price".into(),
        column_name: "unit_price".into(),
    }
}

/// Commission per unit: up to 50,000 and beyond, for unit prices up to 100 and beyond.
fn commission() -> Model {
    let up_to = vec![Some(dec("50000")), None];
    let dimension_up_to = vec![Some(dec("100")), None];
    let prices = vec![
        vec![dec("0.01"), dec("0.02")],
        vec![dec("0.005"), dec("0.01")],
    ];
    let terms = TwoDimensionalTiered::new(unit_price(), up_to, dimension_up_to, prices);
    Model::TwoDimensionalTiered(terms.unwrap())
}

fn priced(rows: &[(&str, &str)]) -> Result<Priced, PricingError> {
    let row = |(unit_price, quantity): &(&str, &str)| UsageRow {
        dimensions: vec![(*unit_price).into()],
        quantity: dec(quantity),
    };
    let rows = UsageRows::new(vec!["unit_price".into()], rows.iter().map(row).collect());
    price(&commission(), &Usage::Rows(rows.unwrap()), &Context::EMPTY)
}

#[test]
fn the_cell_of_both_tiers_applies_to_the_whole_quantity() {
    let cases = [
        (("100", "50000"), "500"), // first row, first column: bounds are inclusive
        (("100.01", "50000"), "1000"), // second column
        (("0", "50001"), "250.005"), // second row
        (("250", "60000"), "600"),
        (("250", "-60000"), "-600"),
    ];
    for (row, amount) in cases {
        assert_eq!(priced(&[row]).unwrap().amount, dec(amount), "{row:?}");
    }
}

#[test]
fn rows_of_one_tier_count_together() {
    let answer = priced(&[("20", "30000"), ("500", "10"), ("80.5", "30000")]).unwrap();

    assert_eq!(answer.amount, dec("300.2")); // 60,000 × 0.005 + 10 × 0.02
    let rules: Vec<StepRule> = answer.steps.iter().map(|step| step.rule).collect();
    assert_eq!(
        rules,
        [
            StepRule::Cell { row: 1, column: 0 },
            StepRule::Cell { row: 0, column: 1 }
        ]
    );
}

#[test]
fn a_dimension_value_is_a_number_from_zero_up() {
    for value in ["gold", "-1", ""] {
        let column = "unit_price".to_owned();
        let expected = PricingError::DimensionNotATier {
            column,
            value: value.into(),
        };
        assert_eq!(priced(&[(value, "1")]), Err(expected));
    }
}

#[test]
fn every_fault_of_the_terms_is_named() {
    let up_to = vec![None, Some(dec("1"))];
    let prices = vec![vec![dec("1")]];
    let errors = TwoDimensionalTiered::new(unit_price(), up_to, Vec::new(), prices).unwrap_err();
    let expected = [
        ModelError::OpenBeforeLast {
            field: "up_to",
            index: 0,
        },
        ModelError::Empty {
            field: "dimension_up_to",
        },
        ModelError::LengthMismatch {
            field: "prices",
            expected: 2,
            found: 1,
        },
        ModelError::RowLengthMismatch {
            field: "prices",
            index: 0,
            expected: 0,
            found: 1,
        },
    ];
    assert_eq!(errors.errors(), expected);
}
