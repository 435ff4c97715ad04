use rust_decimal::Decimal;

use super::{Model, price};
use crate::pricing::{Context, Package, Priced, PricingError, StepRule, Tiers, Usage};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn decs(values: &[&str]) -> Vec<Decimal> {
    values.iter().map(|value| dec(value)).collect()
}

fn priced(model: &Model, quantity: &str) -> Priced {
    price(model, &Usage::Quantity(dec(quantity)), &Context::EMPTY).unwrap()
}

/// Amounts as text, so that a sign on zero would show.
fn amounts<const N: usize>(model: &Model, quantities: [&str; N]) -> [String; N] {
    quantities.map(|quantity| priced(model, quantity).amount.normalize().to_string())
}

/// 0–10, 10–20 and beyond, at 5, 4 and 3, with fees of 100, 50 and 25.
fn tiers(flat_fee: &[&str]) -> Tiers {
    let up_to = [Some(dec("10")), Some(dec("20")), Some(dec("30"))];
    Tiers::new(&up_to, &decs(&["5", "4", "3"]), &decs(flat_fee)).unwrap()
}

const QUANTITIES: [&str; 8] = ["0", "10", "10.5", "20", "20.01", "31", "-10.5", "-0"];

#[test]
fn a_flat_fee_does_not_look_at_the_quantity() {
    let model = Model::FlatFee {
        unit_amount: dec("500"),
    };
    assert_eq!(amounts(&model, QUANTITIES), ["500"; 8]);
    assert_eq!(priced(&model, "7").steps[0].units, Decimal::ZERO);
}

#[test]
fn units_and_percentages_are_proportional() {
    let expected = ["0", "1", "1.05", "2", "2.001", "3.1", "-1.05", "0"];
    assert_eq!(
        amounts(
            &Model::PerUnit {
                unit_amount: dec("0.1")
            },
            QUANTITIES
        ),
        expected
    );
    assert_eq!(
        amounts(
            &Model::Percent {
                percentage: dec("10")
            },
            QUANTITIES
        ),
        expected
    );
}

#[test]
fn started_packages_count_whole_in_both_directions() {
    let model = Model::Package(Package::new(dec("10"), dec("8")).unwrap());
    let expected = ["0", "8", "16", "16", "24", "32", "-16", "0"];
    assert_eq!(amounts(&model, QUANTITIES), expected);
}

#[test]
fn tiered_spills_over_and_the_last_tier_has_no_end() {
    let expected = ["0", "50", "52", "90", "90.03", "123", "-52", "0"];
    assert_eq!(amounts(&Model::Tiered(tiers(&[])), QUANTITIES), expected);
}

#[test]
fn tiered_with_flat_fee_adds_the_fee_of_every_tier_reached_and_the_first_always() {
    let expected = ["100", "150", "202", "240", "265.03", "298", "-202", "100"];
    let model = Model::TieredWithFlatFee(tiers(&["100", "50", "25"]));
    assert_eq!(amounts(&model, QUANTITIES), expected);
}

#[test]
fn volume_prices_all_units_at_the_tier_reached() {
    let expected = ["0", "50", "42", "80", "60.03", "93", "-42", "0"];
    assert_eq!(amounts(&Model::Volume(tiers(&[])), QUANTITIES), expected);
}

#[test]
fn volume_with_flat_fee_adds_only_the_fee_of_the_tier_reached() {
    let expected = ["100", "150", "92", "130", "85.03", "118", "-92", "100"];
    let model = Model::VolumeWithFlatFee(tiers(&["100", "50", "25"]));
    assert_eq!(amounts(&model, QUANTITIES), expected);
}

#[test]
fn a_step_costs_the_same_all_along() {
    let expected = ["5", "5", "4", "4", "3", "3", "-4", "5"];
    assert_eq!(amounts(&Model::Step(tiers(&[])), QUANTITIES), expected);
}

#[test]
fn features_cost_nothing() {
    assert_eq!(
        priced(&Model::Features, "7"),
        Priced {
            amount: Decimal::ZERO,
            steps: Vec::new()
        }
    );
}

#[test]
fn steps_tell_units_rate_fee_and_amount_of_each_tier() {
    let model = Model::TieredWithFlatFee(tiers(&["100", "50", "25"]));
    let steps = priced(&model, "10.5").steps;
    let told: Vec<_> = steps
        .iter()
        .map(|step| (step.rule, step.units, step.rate, step.fee, step.amount))
        .collect();
    let tier = |tier, numbers: [&str; 4]| {
        let [units, rate, fee, amount] = numbers.map(dec);
        (StepRule::Tier { tier }, units, rate, fee, amount)
    };
    let expected = [
        tier(0, ["10", "5", "100", "150"]),
        tier(1, ["0.5", "4", "50", "52"]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn no_part_of_a_correction_is_a_negative_zero() {
    let free = Model::PerUnit {
        unit_amount: Decimal::ZERO,
    };
    for step in [
        priced(&Model::Tiered(tiers(&[])), "-31").steps,
        priced(&free, "-7").steps,
    ]
    .concat()
    {
        for number in [step.units, step.rate, step.fee, step.amount] {
            assert!(!number.is_zero() || number.is_sign_positive(), "{step:?}");
        }
    }
}

#[test]
fn an_amount_that_does_not_fit_is_an_error() {
    let model = Model::PerUnit {
        unit_amount: dec("2"),
    };
    let answer = price(&model, &Usage::Quantity(Decimal::MAX), &Context::EMPTY);
    assert_eq!(answer, Err(PricingError::Overflow));
}
