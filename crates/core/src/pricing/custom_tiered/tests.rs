use rust_decimal::Decimal;

use super::{CustomTiered, TierType};
use crate::pricing::{Context, InvalidModel, Model, ModelError, StepRule, Tiers, Usage, price};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn decs(values: &[&str]) -> Vec<Decimal> {
    values.iter().map(|value| dec(value)).collect()
}

fn custom_tiered(types: &[TierType], sizes: &[&str]) -> Result<CustomTiered, InvalidModel> {
    let up_to = [Some(dec("100")), Some(dec("500")), Some(dec("1000"))];
    let tiers = Tiers::new(&up_to, &decs(&["5", "4", "3"]), &decs(&["0", "50", "100"])).unwrap();
    CustomTiered::new(tiers, types, &decs(sizes))
}

#[test]
fn each_tier_prices_the_units_inside_it_by_its_own_type() {
    let types = [TierType::PerUnit, TierType::Package, TierType::Package];
    let model = Model::CustomTiered(custom_tiered(&types, &["1", "10", "50"]).unwrap());
    let cases = [
        ("0", "0"),
        ("100", "500"),
        ("101", "554"),   // 500 + one package of 4 + fee 50
        ("495", "710"),   // 500 + 40 packages of 4 + 50
        ("551", "816"),   // 500 + 160 + 50 + two packages of 3 + 100
        ("2000", "900"),  // 500 + 160 + 50 + 30 packages of 3 + 100: the last bound is no end
        ("-101", "-554"), // a correction
    ];
    for (quantity, amount) in cases {
        let usage = Usage::Quantity(dec(quantity));
        let priced = price(&model, &usage, &Context::EMPTY).unwrap();
        assert_eq!(priced.amount, dec(amount), "{quantity}");
    }
}

#[test]
fn steps_say_whether_units_or_packages_were_counted() {
    let types = [TierType::PerUnit, TierType::Package, TierType::PerUnit];
    let model = Model::CustomTiered(custom_tiered(&types, &["0", "10", "0"]).unwrap());
    let priced = price(&model, &Usage::Quantity(dec("101")), &Context::EMPTY).unwrap();

    let steps: Vec<_> = priced
        .steps
        .iter()
        .map(|step| (step.rule, step.units))
        .collect();
    let packages = StepRule::TierPackages { tier: 1 };
    assert_eq!(
        steps,
        [
            (StepRule::Tier { tier: 0 }, dec("100")),
            (packages, dec("1"))
        ]
    );
}

#[test]
fn package_sizes_are_needed_only_for_packages() {
    assert!(custom_tiered(&[TierType::PerUnit; 3], &[]).is_ok());

    let missing = custom_tiered(&[TierType::Package; 3], &[]).unwrap_err();
    let length = ModelError::LengthMismatch {
        field: "package_sizes",
        expected: 3,
        found: 0,
    };
    assert_eq!(missing.errors(), [length]);

    let types = [TierType::PerUnit, TierType::Package, TierType::Package];
    let zero = custom_tiered(&types, &["0", "-1", "0"]).unwrap_err();
    let at = |index| ModelError::NotPositive {
        field: "package_sizes",
        index: Some(index),
    };
    assert_eq!(zero.errors(), [at(1), at(2)]);

    let types = custom_tiered(&[TierType::PerUnit], &[]).unwrap_err();
    let length = ModelError::LengthMismatch {
        field: "tier_type",
        expected: 3,
        found: 1,
    };
    assert_eq!(types.errors(), [length]);
}
