use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Package, packages};
use crate::pricing::error::{ModelError, PricingError};

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
fn a_quotient_that_a_decimal_rounds_to_a_whole_does_not_invent_a_package() {
    // The quotient ends in …555.5, for which a decimal has no digit left.
    let (quantity, size) = (dec("727366351712277592194615813.33"), dec("0.06"));
    assert_eq!(
        packages(quantity, size),
        Ok(dec("12122772528537959869910263556"))
    );
}

#[test]
fn sizes_at_the_ends_of_a_decimal() {
    let tiny = dec("0.0000000000000000000000000001");
    assert_eq!(packages(tiny, Decimal::MAX), Ok(Decimal::ONE));
    assert_eq!(packages(Decimal::ZERO, Decimal::MAX), Ok(Decimal::ZERO));
    assert_eq!(packages(Decimal::MAX, Decimal::ONE), Ok(Decimal::MAX));
    assert_eq!(packages(Decimal::MAX, tiny), Err(PricingError::Overflow));
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
    /// Compared with whole-number arithmetic at the larger scale, up to the largest decimals.
    #[test]
    fn packages_are_the_exact_ceiling(
        quantity in 0_i128..1 << 96, quantity_scale in 0_u32..9,
        size in prop_oneof![1_i128..1000, 1_i128..1 << 60, 1_i128..1 << 96], size_scale in 0_u32..9,
    ) {
        let scale = quantity_scale.max(size_scale);
        let whole = |number: i128, own: u32| (number * 10_i128.pow(scale - own)).unsigned_abs();
        let expected = whole(quantity, quantity_scale).div_ceil(whole(size, size_scale));
        let quantity = Decimal::from_i128_with_scale(quantity, quantity_scale);
        match packages(quantity, Decimal::from_i128_with_scale(size, size_scale)) {
            Ok(found) => prop_assert_eq!(found.to_string(), expected.to_string()),
            Err(_) => prop_assert!(expected > (1 << 96) - 1),
        }
    }
}
