use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Package, packages};
use crate::pricing::error::ModelError;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_started_package_counts_whole() {
    let cases = [
        ("0", "100", "0"),
        ("100", "100", "1"),
        ("100.0000000001", "100", "2"),
        ("0.3", "0.1", "3"),
        ("749305", "1000", "750"),
    ];
    for (quantity, size, expected) in cases {
        assert_eq!(
            packages(dec(quantity), dec(size)),
            Ok(dec(expected)),
            "{quantity} / {size}"
        );
    }
}

#[test]
fn a_quotient_that_a_decimal_rounds_to_a_whole_does_not_hide_a_package() {
    let just_above_three = dec("3.0000000000000000000000000001");
    let size = dec("1000000000000");
    assert_eq!(packages(just_above_three * size, size), Ok(dec("4")));
    assert_eq!(
        packages(
            dec("30000000000000000000000000001"),
            dec("10000000000000000000000000000")
        ),
        Ok(dec("4"))
    );
    assert_eq!(
        packages(
            dec("29999999999999999999999999999"),
            dec("10000000000000000000000000000")
        ),
        Ok(dec("3"))
    );
}

#[test]
fn a_package_has_a_size() {
    for size in [Decimal::ZERO, Decimal::NEGATIVE_ONE] {
        let errors = Package::new(size, Decimal::ONE).unwrap_err();
        let expected = ModelError::NotPositive {
            field: "package_size",
            index: None,
        };
        assert_eq!(errors.errors(), [expected]);
    }
}

proptest! {
    /// Compared with whole-number arithmetic at the larger scale.
    #[test]
    fn packages_are_the_exact_ceiling(
        quantity in 0_i64.., quantity_scale in 0_u32..9, size in 1_i64.., size_scale in 0_u32..9,
    ) {
        let scale = quantity_scale.max(size_scale);
        let whole = |number: i64, own: u32| i128::from(number) * 10_i128.pow(scale - own);
        let expected =
            { let (q, s) = (whole(quantity, quantity_scale), whole(size, size_scale)); (q + s - 1) / s };
        let found =
            packages(Decimal::new(quantity, quantity_scale), Decimal::new(size, size_scale));
        prop_assert_eq!(found, Ok(Decimal::from_i128_with_scale(expected, 0)));
    }
}
