use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Money, MoneyError};
use crate::currency::Currency;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn rounding_is_half_away_from_zero_to_the_minor_digits() {
    let jpy = Currency::iso("JPY").unwrap();
    let kwd = Currency::iso("KWD").unwrap();
    let cases = [
        ("0.005", Currency::USD, 1),
        ("-0.005", Currency::USD, -1),
        ("0.0049999999999999999999999999", Currency::USD, 0),
        ("2.675", Currency::USD, 268),
        ("1000", Currency::USD, 100_000),
        ("0.5", jpy, 1),
        ("-1.5", jpy, -2),
        ("1.2345", kwd, 1235),
    ];
    for (amount, currency, minor) in cases {
        assert_eq!(
            Money::round(dec(amount), currency).unwrap().minor(),
            minor,
            "{amount}"
        );
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let largest = usd(i64::MAX);
    assert_eq!(largest.checked_add(usd(1)), Err(MoneyError::Overflow));
    assert_eq!(usd(i64::MIN).checked_sub(usd(1)), Err(MoneyError::Overflow));
    assert_eq!(usd(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
    assert_eq!(
        Money::round(Decimal::MAX, Currency::USD),
        Err(MoneyError::Overflow)
    );
    assert_eq!(Money::round(largest.to_major(), Currency::USD), Ok(largest));
}

#[test]
fn currencies_do_not_mix() {
    let euro = Money::from_minor(1, Currency::EUR);
    let mismatch = MoneyError::CurrencyMismatch {
        expected: Currency::USD,
        found: Currency::EUR,
    };
    assert_eq!(usd(1).checked_add(euro), Err(mismatch.clone()));
    assert_eq!(usd(1).checked_sub(euro), Err(mismatch.clone()));
    assert_eq!(Money::sum([usd(1), euro], Currency::USD), Err(mismatch));
    assert_eq!(usd(1).partial_cmp(&euro), None);
    assert!(usd(1) < usd(2));
}

#[test]
fn an_amount_reads_with_its_currency() {
    assert_eq!(usd(-1050).to_string(), "-10.50 USD");
    assert_eq!(
        Money::from_minor(7, Currency::iso("JPY").unwrap()).to_string(),
        "7 JPY"
    );
}

fn parts(total: i64, weights: &[&str]) -> Vec<i64> {
    let weights: Vec<Decimal> = weights.iter().map(|weight| dec(weight)).collect();
    usd(total)
        .allocate(&weights)
        .unwrap()
        .into_iter()
        .map(Money::minor)
        .collect()
}

#[test]
fn left_over_units_go_to_the_largest_remainder_and_ties_to_the_earliest() {
    assert_eq!(parts(100, &["1", "1", "1"]), [34, 33, 33]);
    assert_eq!(parts(-100, &["1", "1", "1"]), [-34, -33, -33]);
    assert_eq!(parts(100, &["0.2", "0.3", "0.5"]), [20, 30, 50]);
    assert_eq!(parts(10, &["1", "0", "2"]), [3, 0, 7]);
    assert_eq!(parts(5, &["3", "1", "1"]), [3, 1, 1]);
    assert_eq!(parts(1, &["1", "1.5"]), [0, 1]);
    assert_eq!(parts(0, &["1", "1"]), [0, 0]);
}

#[test]
fn an_allocation_needs_weights_that_are_not_negative() {
    assert_eq!(usd(1).allocate(&[]), Err(MoneyError::NoWeights));
    assert_eq!(
        usd(1).allocate(&[Decimal::ZERO]),
        Err(MoneyError::NoWeights)
    );
    let negative = usd(1).allocate(&[Decimal::ONE, Decimal::NEGATIVE_ONE]);
    assert_eq!(negative, Err(MoneyError::NegativeWeight { index: 1 }));
    assert_eq!(usd(1).split(0), Err(MoneyError::NoWeights));
    let tiny = dec("0.0000000000000000000000000001");
    assert_eq!(
        usd(1).allocate(&[tiny, Decimal::MAX]),
        Err(MoneyError::Overflow)
    );
}

#[test]
fn the_extremes_can_be_split() {
    for total in [i64::MIN, i64::MAX] {
        let parts = usd(total)
            .allocate(&[Decimal::MAX, dec("0.1"), Decimal::MAX])
            .unwrap();
        assert_eq!(Money::sum(parts, Currency::USD), Ok(usd(total)));
    }
}

fn weight() -> impl Strategy<Value = Decimal> {
    (0_u32..1_000_000, 0_u32..8).prop_map(|(number, scale)| Decimal::new(number.into(), scale))
}

proptest! {
    #[test]
    fn parts_sum_to_the_whole(total: i64, weights in prop::collection::vec(weight(), 1..20)) {
        prop_assume!(weights.iter().any(|weight| !weight.is_zero()));
        let parts = usd(total).allocate(&weights).unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(Money::sum(parts, Currency::USD), Ok(usd(total)));
    }

    /// Each part is its exact share rounded down or up, never further away.
    #[test]
    fn parts_are_within_one_unit_of_their_share(
        total in 0_i64..1_000_000_000,
        weights in prop::collection::vec(1_i64..1_000_000, 1..20),
    ) {
        let sum: i64 = weights.iter().sum();
        let decimals: Vec<Decimal> = weights.iter().map(|weight| Decimal::from(*weight)).collect();
        let parts = usd(total).allocate(&decimals).unwrap();
        for (part, weight) in parts.iter().zip(&weights) {
            let floor = i128::from(total) * i128::from(*weight) / i128::from(sum);
            let part = i128::from(part.minor());
            prop_assert!(part == floor || part == floor + 1);
        }
    }

    /// Both ways of dividing agree, so the wide one may be trusted where the narrow one ends.
    #[test]
    fn wide_and_narrow_division_agree(total: u64, weight in 0_u64.., more in 1_u64..) {
        let (weight, sum) = (u128::from(weight), u128::from(weight) + u128::from(more));
        let product = u128::from(total) * weight;
        let narrow = (u64::try_from(product / sum).unwrap(), product % sum);
        prop_assert_eq!(super::allocation::long_division(total, weight, sum), narrow);
    }

    #[test]
    fn rounding_moves_an_amount_by_half_a_unit_at_most(mantissa: i64, scale in 0_u32..12) {
        let amount = Decimal::new(mantissa, scale);
        if let Ok(money) = Money::round(amount, Currency::USD) {
            prop_assert!((money.to_major() - amount).abs() <= Decimal::new(5, 3));
        }
    }
}
