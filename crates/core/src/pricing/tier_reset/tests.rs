use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{price_accumulated, price_windows};
use crate::pricing::{Context, Model, PricingError, Tiers, Usage, price};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn tiers(rates: [&str; 3]) -> Tiers {
    let up_to = [Some(dec("100")), Some(dec("200")), None];
    Tiers::new(&up_to, &rates.map(dec), &[]).unwrap()
}

/// Amount and retroactive part of each period of one window.
fn periods(model: &Model, quantities: &[Decimal]) -> Vec<(Decimal, Decimal)> {
    let mut used = None;
    let period = |quantity: &Decimal| {
        let answer = price_accumulated(model, used, *quantity).unwrap();
        used = Some(used.unwrap_or_default() + quantity);
        (answer.priced.amount, answer.retroactive)
    };
    quantities.iter().map(period).collect()
}

#[test]
fn falling_volume_prices_give_back_what_earlier_units_cost_too_much() {
    let model = Model::Volume(tiers(["3", "2.5", "2"]));
    let expected = [("240", "0"), ("110", "-40"), ("170", "-70")];
    // 80 × 3; 140 × 2.5 − 240; 260 × 2 − 350
    let expected = expected.map(|(amount, retroactive)| (dec(amount), dec(retroactive)));
    assert_eq!(periods(&model, &["80", "60", "120"].map(dec)), expected);
}

#[test]
fn rising_volume_prices_charge_earlier_units_again() {
    let model = Model::Volume(tiers(["1", "2", "3"]));
    // 80 × 1; 140 × 2 − 80
    assert_eq!(
        periods(&model, &["80", "60"].map(dec)),
        [(dec("80"), dec("0")), (dec("200"), dec("80"))]
    );
}

#[test]
fn graduated_tiers_and_steps_never_look_back() {
    // 80 × 3; 20 × 3 + 40 × 2.5
    let tiered = Model::Tiered(tiers(["3", "2.5", "2"]));
    let answer = periods(&tiered, &["80", "60"].map(dec));
    assert_eq!(answer, [(dec("240"), dec("0")), (dec("160"), dec("0"))]);

    // The first step is paid with the first period, the second when it is reached.
    let step = Model::Step(tiers(["100", "300", "600"]));
    let answer = amounts(periods(&step, &["0", "80", "60", "10"].map(dec)));
    assert_eq!(answer, ["100", "0", "200", "0"].map(dec));
}

fn amounts(periods: Vec<(Decimal, Decimal)>) -> Vec<Decimal> {
    periods.into_iter().map(|period| period.0).collect()
}

#[test]
fn shorter_windows_are_priced_one_by_one() {
    let model = Model::Tiered(tiers(["3", "2.5", "2"]));
    let weeks = price_windows(&model, &["150", "20", "0", "100"].map(dec)).unwrap();
    let amounts: Vec<Decimal> = weeks.iter().map(|week| week.amount).collect();
    assert_eq!(amounts, ["425", "60", "0", "300"].map(dec));
}

#[test]
fn a_price_without_tiers_has_no_reset() {
    let model = Model::PerUnit {
        unit_amount: Decimal::ONE,
    };
    let refused = PricingError::ResetWithoutTiers;
    assert_eq!(
        price_accumulated(&model, None, Decimal::ONE),
        Err(refused.clone())
    );
    assert_eq!(price_windows(&model, &[]), Err(refused));
}

proptest! {
    /// However a window is cut into periods, they cost what the whole costs.
    #[test]
    fn periods_of_a_window_cost_the_price_of_the_whole(
        quantities in prop::collection::vec(0_i64..200, 1..12),
        rates in [0_i64..1000, 0_i64..1000, 0_i64..1000],
    ) {
        let quantities: Vec<Decimal> = quantities.into_iter().map(Decimal::from).collect();
        let rates = rates.map(|rate| Decimal::new(rate, 2));
        let up_to = [Some(dec("100")), Some(dec("200")), None];
        let fees = [dec("5"), dec("7"), dec("11")];
        let tiers = Tiers::new(&up_to, &rates, &fees).unwrap();
        let models = [
            Model::VolumeWithFlatFee(tiers.clone()),
            Model::TieredWithFlatFee(tiers.clone()),
            Model::Step(tiers),
        ];
        for model in models {
            let billed: Decimal = amounts(periods(&model, &quantities)).iter().sum();
            let whole = Usage::Quantity(quantities.iter().sum());
            prop_assert_eq!(billed, price(&model, &whole, &Context::EMPTY).unwrap().amount);
        }
    }
}
