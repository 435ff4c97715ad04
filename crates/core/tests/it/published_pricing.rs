//! Published cases of the pricing models, run from the file's own inputs.

use florin_core::pricing::{
    Context, Dimension, Matrix, Model, Package, Priced, Step, StepRule, Tiers, Usage, UsageRow,
    UsageRows, price, price_overage,
};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::published::{Unrun, case, number, numbers};

/// Cases run here.
pub(crate) const RUN: &[usize] = &[
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 44, 45, 46, 47, 49,
    50, 53, 65, 66, 67, 68,
];

/// Cases that lack inputs; none is invented.
pub(crate) const UNRUN: &[Unrun] = &[
    (
        21,
        "price cliff: the rate that applied is given, the brackets are not",
    ),
    (
        22,
        "price cliff: the rate that applied is given, the brackets are not",
    ),
    (48, "a grid of rates, but neither quantity nor amount"),
    (
        52,
        "a sentence about fixed quantities, without a pricing model",
    ),
    (
        62,
        "one band and its rate; the brackets around it are not given",
    ),
    (64, "the rate that applied is given, the brackets are not"),
];

/// The cases with a shape of their own, which have a test of their own.
const SEPARATE: [usize; 2] = [53, 68];

#[test]
fn published_prices_come_out() {
    for index in RUN
        .iter()
        .copied()
        .filter(|index| !SEPARATE.contains(index))
    {
        let case = case(index);
        let inputs = &case["inputs"];
        let priced = price(&model(case), &usage(inputs), &Context::EMPTY).unwrap();
        for (key, expected) in case["expected"].as_object().unwrap() {
            assert_eq!(
                found(key, &priced, expected),
                *expected,
                "case {index}: {key}"
            );
        }
    }
}

#[test]
fn a_prepaid_subscription_and_its_overage_have_one_unit_price() {
    let (inputs, expected) = (&case(53)["inputs"], &case(53)["expected"]);
    let model = Model::PerUnit {
        unit_amount: number(&inputs["unit_price"]).unwrap(),
    };
    let included = number(&inputs["included"]).unwrap();

    let prepaid = price(&model, &Usage::Quantity(included), &Context::EMPTY).unwrap();
    assert_eq!(Some(prepaid.amount), number(&expected["prepaid_monthly"]));

    let one_more = Usage::Quantity(included + Decimal::ONE);
    let overage = price_overage(&model, included, &one_more, &Context::EMPTY).unwrap();
    assert_eq!(
        Some(overage.amount),
        number(&expected["overage_unit_price"])
    );
}

#[test]
fn lines_of_an_estimate_cost_quantity_by_unit_price() {
    let lines = case(68)["inputs"]["lines"].as_array().unwrap().iter();
    let amount = |line: &Value| {
        let model = Model::PerUnit {
            unit_amount: number(&line["unit_price"]).unwrap(),
        };
        let usage = Usage::Quantity(number(&line["quantity"]).unwrap());
        Some(price(&model, &usage, &Context::EMPTY).unwrap().amount)
    };
    let amounts: Vec<_> = lines.map(amount).collect();
    assert_eq!(amounts, numbers(&case(68)["expected"]["line_amounts"]));
}

fn model(case: &Value) -> Model {
    let inputs = &case["inputs"];
    let unit_amount = || number(&inputs["unit_amount"]).unwrap();
    match case["model"].as_str().unwrap() {
        "flat_fee" => Model::FlatFee {
            unit_amount: unit_amount(),
        },
        "per_unit" => Model::PerUnit {
            unit_amount: unit_amount(),
        },
        "percent" => Model::Percent {
            percentage: number(&inputs["percentage"]).unwrap(),
        },
        "package" => {
            let size = number(&inputs["package_size"]).unwrap();
            Model::Package(Package::new(size, unit_amount()).unwrap())
        }
        "tiered" => Model::Tiered(tiers(inputs)),
        "volume" => Model::Volume(tiers(inputs)),
        "step" => Model::Step(tiers(inputs)),
        "tiered_with_flat_fee" => Model::TieredWithFlatFee(tiers(inputs)),
        "volume_with_flat_fee" => Model::VolumeWithFlatFee(tiers(inputs)),
        "matrix" => Model::Matrix(matrix(inputs)),
        other => panic!("no such model: {other}"),
    }
}

/// Bounds and rates under the names that the pages use.
fn tiers(inputs: &Value) -> Tiers {
    let up_to = match inputs["ranges"].as_array() {
        Some(ranges) => ranges.iter().map(upper_end).collect(),
        None => numbers(one_of(inputs, &["up_to", "brackets"])),
    };
    let rates = one_of(inputs, &["unit_amount", "rates", "flat_fees"]);
    let fees = inputs.get("flat_fee").map(numbers).unwrap_or_default();
    Tiers::new(&up_to, &all(numbers(rates)), &all(fees)).unwrap()
}

/// The end of a range such as `101-1000` or `1000-inf`.
fn upper_end(range: &Value) -> Option<Decimal> {
    let (_, end) = range.as_str().unwrap().split_once('-').unwrap();
    (end != "inf").then(|| end.parse().unwrap())
}

fn matrix(inputs: &Value) -> Matrix {
    let (regions, rates): (Vec<String>, Vec<&Value>) = inputs["prices"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, rates)| (key.clone(), rates))
        .unzip();
    let name = inputs["dimension"].as_str().unwrap().to_owned();
    let prices = rates.into_iter().map(|rates| all(numbers(rates))).collect();
    let dimension = Dimension {
        column_name: name.clone(),
        name,
    };
    Matrix::new(dimension, numbers(&inputs["up_to"]), regions, prices).unwrap()
}

fn usage(inputs: &Value) -> Usage {
    let names = [
        "quantity",
        "usage_gb",
        "metered_value",
        "fixed_value",
        "billable_metric_units",
    ];
    let quantity = number(one_of(inputs, &names)).unwrap();
    let Some(column) = inputs["dimension"].as_str() else {
        return Usage::Quantity(quantity);
    };
    let value = inputs[column].as_str().unwrap().to_owned();
    let row = UsageRow {
        dimensions: vec![value],
        quantity,
    };
    Usage::Rows(UsageRows::new(vec![column.to_owned()], vec![row]).unwrap())
}

/// What the answer has under an expected key, in the file's own form.
fn found(key: &str, priced: &Priced, expected: &Value) -> Value {
    match key {
        "amount" => same(expected, priced.amount),
        "packages" => same(expected, only(priced).units),
        "applied_rate" => same(expected, only(priced).rate),
        "bracket" => match only(priced).rule {
            StepRule::Tier { tier } => (tier + 1).into(),
            other => panic!("{other:?} is no bracket"),
        },
        "tier_amounts" => tier_amounts(priced, expected.as_array().unwrap()),
        other => panic!("nothing to compare `{other}` with"),
    }
}

/// Pages list every tier; those not reached have no step and cost nothing.
fn tier_amounts(priced: &Priced, expected: &[Value]) -> Value {
    assert!(priced.steps.len() <= expected.len());
    let reached = priced.steps.iter().map(|step| step.amount);
    let amounts = reached.chain(std::iter::repeat(Decimal::ZERO));
    expected
        .iter()
        .zip(amounts)
        .map(|(expected, amount)| same(expected, amount))
        .collect()
}

/// The expected number when the amount equals it, so that 500 and 500.0 do; else the amount.
fn same(expected: &Value, found: Decimal) -> Value {
    if number(expected) == Some(found) {
        expected.clone()
    } else {
        found.to_string().into()
    }
}

fn only(priced: &Priced) -> &Step {
    assert_eq!(priced.steps.len(), 1);
    &priced.steps[0]
}

fn all(numbers: Vec<Option<Decimal>>) -> Vec<Decimal> {
    numbers.into_iter().map(Option::unwrap).collect()
}

fn one_of<'a>(inputs: &'a Value, names: &[&str]) -> &'a Value {
    names
        .iter()
        .find_map(|name| inputs.get(name))
        .expect("one of the names")
}
