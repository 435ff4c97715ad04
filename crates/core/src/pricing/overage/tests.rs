use rust_decimal::Decimal;

use super::price_overage;
use crate::pricing::{Context, Model, PricingError, StepRule, Tiers, Usage};

fn priced(model: &Model, included: i64, used: i64) -> (Decimal, Vec<(StepRule, Decimal)>) {
    let usage = Usage::Quantity(used.into());
    let priced = price_overage(model, included.into(), &usage, &Context::EMPTY).unwrap();
    let steps = priced
        .steps
        .iter()
        .map(|step| (step.rule, step.units))
        .collect();
    (priced.amount, steps)
}

#[test]
fn only_the_excess_is_priced() {
    let per_unit = Model::PerUnit {
        unit_amount: 34.into(),
    };
    let included = |units: i64| (StepRule::Included, Decimal::from(units));
    assert_eq!(priced(&per_unit, 25, 20), (0.into(), vec![included(20)]));
    assert_eq!(priced(&per_unit, 25, 25), (0.into(), vec![included(25)]));
    let excess = (StepRule::PerUnit, Decimal::from(2));
    assert_eq!(
        priced(&per_unit, 25, 27),
        (68.into(), vec![included(25), excess])
    );
    assert_eq!(priced(&per_unit, 25, -5), (0.into(), vec![included(-5)]));
}

#[test]
fn a_fee_of_the_overage_pricing_is_due_only_with_an_excess() {
    let step = Tiers::new(&[Some(10.into()), None], &[100.into(), 200.into()], &[]).unwrap();
    let model = Model::Step(step);
    assert_eq!(priced(&model, 5, 5).0, 0.into());
    assert_eq!(priced(&model, 5, 15).0, 100.into());
    assert_eq!(priced(&model, 5, 16).0, 200.into());
}

#[test]
fn included_units_are_not_negative() {
    let usage = Usage::Quantity(1.into());
    let answer = price_overage(
        &Model::Features,
        Decimal::NEGATIVE_ONE,
        &usage,
        &Context::EMPTY,
    );
    assert_eq!(answer, Err(PricingError::IncludedNegative));
}
