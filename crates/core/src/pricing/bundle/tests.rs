use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Bundle, BundleMember};
use crate::currency::Currency;
use crate::id::ProductId;
use crate::money::Money;
use crate::pricing::{Context, Model, ModelError, Usage, price};

fn member(id: u128, stand_alone_price: i64) -> BundleMember {
    let product_id = ProductId(Uuid::from_u128(id));
    BundleMember {
        product_id,
        stand_alone_price: stand_alone_price.into(),
    }
}

#[test]
fn a_bundle_has_one_price_whatever_its_members_cost_alone() {
    let bundle = Bundle::new(100.into(), vec![member(1, 90), member(2, 60)]).unwrap();
    let usage = Usage::Quantity(3.into());
    let priced = price(&Model::Bundle(bundle), &usage, &Context::EMPTY).unwrap();
    assert_eq!(priced.amount, Decimal::from(300));
}

#[test]
fn what_was_charged_is_split_by_stand_alone_price_without_losing_a_cent() {
    let bundle = Bundle::new(100.into(), vec![member(1, 1), member(2, 1), member(3, 1)]).unwrap();
    let parts = bundle
        .split(Money::from_minor(10_000, Currency::USD))
        .unwrap();

    let cents: Vec<i64> = parts.iter().map(|(_, part)| part.minor()).collect();
    assert_eq!(cents, [3334, 3333, 3333]);
    assert_eq!(parts[1].0, ProductId(Uuid::from_u128(2)));
}

#[test]
fn every_fault_of_the_members_is_named() {
    let empty = Bundle::new(1.into(), Vec::new()).unwrap_err();
    assert_eq!(empty.errors()[0], ModelError::Empty { field: "members" });

    let faulty = Bundle::new(1.into(), vec![member(1, -1), member(1, 1)]).unwrap_err();
    let negative = ModelError::Negative {
        field: "stand_alone_price",
        index: Some(0),
    };
    assert_eq!(
        faulty.errors(),
        [
            negative,
            ModelError::Duplicate {
                field: "members",
                index: 1
            }
        ]
    );

    let free = Bundle::new(1.into(), vec![member(1, 0)]).unwrap_err();
    let zero = ModelError::NotPositive {
        field: "stand_alone_price",
        index: None,
    };
    assert_eq!(free.errors(), [zero]);
}
