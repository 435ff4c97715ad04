use rust_decimal::Decimal;

use super::Tiers;
use crate::pricing::error::ModelError;

fn numbers(values: &[i64]) -> Vec<Decimal> {
    values.iter().map(|value| Decimal::from(*value)).collect()
}

/// Bounds as on the API; `OPEN` stands for null.
fn bounds(values: &[i64]) -> Vec<Option<Decimal>> {
    values
        .iter()
        .map(|value| (*value != i64::MAX).then(|| Decimal::from(*value)))
        .collect()
}

const OPEN: i64 = i64::MAX;

fn faults(up_to: &[i64], unit_amount: &[i64], flat_fee: &[i64]) -> Vec<ModelError> {
    let tiers = Tiers::new(&bounds(up_to), &numbers(unit_amount), &numbers(flat_fee));
    tiers.unwrap_err().errors().to_vec()
}

#[test]
fn arrays_run_in_parallel() {
    let lengths = [
        ModelError::LengthMismatch {
            field: "unit_amount",
            expected: 2,
            found: 1,
        },
        ModelError::LengthMismatch {
            field: "flat_fee",
            expected: 2,
            found: 3,
        },
    ];
    assert_eq!(faults(&[10, OPEN], &[1], &[1, 2, 3]), lengths);
    assert_eq!(
        faults(&[], &[], &[]),
        [ModelError::Empty { field: "up_to" }]
    );
}

#[test]
fn bounds_ascend_from_zero_and_only_the_last_is_open() {
    let not_ascending = [ModelError::NotAscending {
        field: "up_to",
        index: 1,
    }];
    assert_eq!(faults(&[10, 10, OPEN], &[1, 1, 1], &[]), not_ascending);
    assert_eq!(faults(&[10, 9], &[1, 1], &[]), not_ascending);
    let open = ModelError::OpenBeforeLast {
        field: "up_to",
        index: 0,
    };
    assert_eq!(faults(&[OPEN, 9], &[1, 1], &[]), [open]);
    let negative = ModelError::Negative {
        field: "up_to",
        index: Some(0),
    };
    assert_eq!(faults(&[-1, 9], &[1, 1], &[]), [negative]);
}

#[test]
fn bounds_are_inclusive_also_for_fractions_and_the_last_is_open() {
    let tiers = Tiers::new(&bounds(&[10, 20, 30]), &numbers(&[1, 1, 1]), &[]).unwrap();
    let cases = [
        ("0", 0),
        ("10", 0),
        ("10.0001", 1),
        ("20", 1),
        ("20.5", 2),
        ("30", 2),
        ("1000", 2),
    ];
    for (quantity, position) in cases {
        assert_eq!(
            tiers.position(quantity.parse().unwrap()),
            position,
            "{quantity}"
        );
    }
}
