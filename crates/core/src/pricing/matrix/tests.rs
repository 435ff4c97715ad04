use rust_decimal::Decimal;

use super::Matrix;
use crate::pricing::dimension::Dimension;
use crate::pricing::error::{ModelError, PricingError};
use crate::pricing::model::{Model, price};
use crate::pricing::{Context, Priced, StepRule, Usage, UsageRow, UsageRows};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn origin() -> Dimension {
    Dimension {
        name: "Origin".into(),
        column_name: "origin".into(),
    }
}

fn grid(rows: &[&[&str]]) -> Vec<Vec<Decimal>> {
    rows.iter()
        .map(|row| row.iter().map(|rate| dec(rate)).collect())
        .collect()
}

/// JFK before EWR, so that the order of rows and of values differ.
fn gates() -> Model {
    let names = ["JFK", "EWR"].map(String::from).to_vec();
    let prices = grid(&[&["1.45", "1.20"], &["1.10", "0.85"]]);
    Model::Matrix(Matrix::new(origin(), vec![Some(dec("1000")), None], names, prices).unwrap())
}

fn rows(rows: &[(&str, &str)]) -> Usage {
    let row = |(origin, quantity): &(&str, &str)| UsageRow {
        dimensions: vec![(*origin).into()],
        quantity: dec(quantity),
    };
    Usage::Rows(UsageRows::new(vec!["origin".into()], rows.iter().map(row).collect()).unwrap())
}

fn priced(usage: &Usage) -> Result<Priced, PricingError> {
    price(&gates(), usage, &Context::EMPTY)
}

#[test]
fn each_value_is_priced_whole_at_its_bracket_and_rows_of_a_value_count_together() {
    let answer = priced(&rows(&[("EWR", "82"), ("JFK", "1000"), ("JFK", "419")])).unwrap();

    assert_eq!(answer.amount, dec("1793.00")); // 1419 × 1.20 + 82 × 1.10
    let rules: Vec<StepRule> = answer.steps.iter().map(|step| step.rule).collect();
    assert_eq!(
        rules,
        [
            StepRule::Cell { row: 0, column: 1 },
            StepRule::Cell { row: 1, column: 0 }
        ]
    );
}

#[test]
fn a_bracket_includes_its_bound_and_a_correction_is_priced_by_its_size() {
    assert_eq!(
        priced(&rows(&[("JFK", "1000")])).unwrap().amount,
        dec("1450")
    );
    assert_eq!(
        priced(&rows(&[("JFK", "1000.5")])).unwrap().amount,
        dec("1200.6")
    );
    assert_eq!(
        priced(&rows(&[("JFK", "-1000.5")])).unwrap().amount,
        dec("-1200.6")
    );
}

#[test]
fn a_value_without_a_row_is_an_error() {
    let expected = PricingError::AttributeWithoutPrice {
        column: "origin".into(),
        value: "LGA".into(),
    };
    assert_eq!(priced(&rows(&[("LGA", "0")])), Err(expected));
}

#[test]
fn usage_without_the_dimension_is_an_error_unless_there_is_none() {
    let missing = PricingError::DimensionMissing {
        column: "origin".into(),
    };
    assert_eq!(priced(&Usage::Quantity(dec("5"))), Err(missing));
    assert_eq!(priced(&Usage::Quantity(dec("0"))).unwrap().amount, dec("0"));
    assert_eq!(priced(&rows(&[])).unwrap().steps, []);
}

#[test]
fn without_brackets_each_value_has_one_rate() {
    let prices = grid(&[&["2"], &["3"]]);
    let names = ["JFK", "EWR"].map(String::from).to_vec();
    let flat = Model::Matrix(Matrix::new(origin(), Vec::new(), names, prices).unwrap());
    let usage = rows(&[("EWR", "5000")]);
    assert_eq!(
        price(&flat, &usage, &Context::EMPTY).unwrap().amount,
        dec("15000")
    );
}

#[test]
fn every_fault_of_the_grid_is_named() {
    let names = ["JFK", "JFK"].map(String::from).to_vec();
    let prices = grid(&[&["1"], &["1", "2"], &["1", "2"]]);
    let errors = Matrix::new(origin(), vec![Some(dec("9")), None], names, prices).unwrap_err();
    let expected = [
        ModelError::LengthMismatch {
            field: "prices",
            expected: 2,
            found: 3,
        },
        ModelError::RowLengthMismatch {
            field: "prices",
            index: 0,
            expected: 2,
            found: 1,
        },
        ModelError::Duplicate {
            field: "display_alias",
            index: 1,
        },
    ];
    assert_eq!(errors.errors(), expected);
    assert_eq!(errors.errors()[1].field(), "prices");
    assert_eq!(errors.errors()[1].index(), Some(0));
}
