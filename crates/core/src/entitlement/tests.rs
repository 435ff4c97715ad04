use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

fn at(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

fn source(id: u128, from: i64, expiry: Option<i64>, available: i64) -> Source {
    Source {
        grant: Uuid::from_u128(id),
        active_from: at(from),
        expiry_at: expiry.map(at),
        available: available.into(),
    }
}

/// Draws as `grant:quantity`.
fn shown(drawn: &[Drawn]) -> String {
    let each = drawn
        .iter()
        .map(|one| format!("{}:{}", one.grant.as_u128(), one.quantity));
    each.collect::<Vec<_>>().join(" ")
}

fn details(quantity: i64, used: i64) -> GrantDetails {
    GrantDetails {
        status: GrantStatus::Active,
        active_from: at(1),
        expiry_at: Some(at(3)),
        quantity: quantity.into(),
        quantity_used: used.into(),
        source_type: "Grant".to_owned(),
        source_id: None,
        event: "manual".to_owned(),
        contract_id: None,
        invoice_id: None,
        block_amount: None,
        numeric_value: None,
        feature_option_value: None,
    }
}

#[test]
fn what_expires_first_is_used_first() {
    let mut sources = [
        source(1, 0, None, 10),
        source(2, 0, Some(30), 10),
        source(4, 5, Some(20), 10),
        source(3, 2, Some(20), 10),
    ];
    // 25: all of grant 3 (day 20, began first), all of 4, half of 2; what never expires stays.
    assert_eq!(shown(&spread(&mut sources, 25.into())), "3:10 4:10 2:5");
    assert_eq!(available(&sources), 15.into());
    // 5 of grant 2 are left and 10 of grant 1; nothing beyond them is taken.
    assert_eq!(shown(&spread(&mut sources, 100.into())), "2:5 1:10");
    assert_eq!(available(&sources), 0.into());
    assert_eq!(shown(&spread(&mut sources, 1.into())), "");
}

#[test]
fn what_is_given_back_was_taken_last() {
    let mut sources = [source(1, 0, Some(9), 10), source(2, 0, Some(10), 10)];
    let mut earlier = spread(&mut sources, 15.into());
    assert_eq!(shown(&take_back(&mut earlier, 7.into())), "2:5 1:2");
    assert_eq!(shown(&earlier), "1:8");
    assert_eq!(shown(&take_back(&mut earlier, 100.into())), "1:8");
    assert!(earlier.is_empty());
}

#[test]
fn a_grant_is_never_smaller_than_its_use() {
    let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
    let made = grant(Uuid::from_u128(3), ids, details(100, 40), at(1)).unwrap();
    let held = CustomerGrant {
        quantity_held: 20.into(),
        ..made
    };
    assert_eq!(held.available(), 40.into());
    assert_eq!(held.quantity_remaining(), 60.into());
    assert!(regrant(&held, details(60, 40), at(2)).is_ok());
    let taken = 60.into();
    assert_eq!(
        regrant(&held, details(59, 40), at(2)),
        Err(vec![GrantRefusal::BelowUse { taken }])
    );
}

#[test]
fn every_bad_number_of_a_grant_is_named() {
    let bad = GrantDetails {
        expiry_at: Some(at(1)),
        quantity: Decimal::NEGATIVE_ONE,
        quantity_used: Decimal::new(1, 13),
        block_amount: Some(Decimal::from(QUANTITY_MAX + 1)),
        ..details(0, 0)
    };
    let refused = grant(Uuid::nil(), (Uuid::nil(), Uuid::nil()), bad, at(1)).unwrap_err();
    assert_eq!(
        refused,
        [
            GrantRefusal::EndsBeforeStart,
            GrantRefusal::NotAQuantity { field: "quantity" },
            GrantRefusal::NotAQuantity {
                field: "quantity_used"
            },
            GrantRefusal::NotAQuantity {
                field: "block_amount"
            },
        ]
    );
}

#[test]
fn expiry_is_a_matter_of_time() {
    let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
    let made = grant(Uuid::from_u128(3), ids, details(1, 0), at(0)).unwrap();
    let is_in_force: Vec<bool> = (0..4).map(|day| made.is_in_force(at(day))).collect();
    assert_eq!(is_in_force, [false, true, true, false]);
    assert_eq!(
        [made.status_at(at(2)), made.status_at(at(3))],
        ["active", "expired"]
    );
}

#[test]
fn a_reservation_is_closed_once() {
    let open = Reservation {
        id: Uuid::from_u128(1),
        entitlement_id: Uuid::from_u128(2),
        customer_id: Uuid::from_u128(3),
        quantity: 5.into(),
        quantity_committed: Decimal::ZERO,
        status: ReservationStatus::Open,
        expires_at: at(2),
        created_at: at(1),
        updated_at: at(1),
    };
    let reserved = 5.into();
    assert_eq!(
        open.clone().commit(Some(6.into()), at(1)),
        Err(ReservationRefusal::AboveReserved { reserved })
    );
    let committed = open.clone().commit(Some(4.into()), at(1)).unwrap();
    assert_eq!(committed.quantity_committed, 4.into());
    let closed = |status| Err(ReservationRefusal::Closed { status });
    assert_eq!(committed.release(at(1)), closed("committed"));
    assert_eq!(open.clone().commit(None, at(2)), closed("expired"));
    let released = open.release(at(1)).unwrap();
    assert_eq!(released.commit(None, at(1)), closed("released"));
}

#[test]
fn a_threshold_is_reached_by_use() {
    let eighty = Threshold::Percent(80.into());
    // 80 % of 50 are 40.
    assert!(!eighty.is_reached(Decimal::new(3999, 2), 50.into()));
    assert!(eighty.is_reached(40.into(), 50.into()));
    assert!(!eighty.is_reached(40.into(), Decimal::ZERO));
    assert!(Threshold::Units(40.into()).is_reached(40.into(), Decimal::ZERO));
    let (word, number) = eighty.parts();
    assert_eq!(Threshold::restore(word, number), Some(eighty));
}

#[test]
fn the_type_of_an_entitlement_is_fixed() {
    let named = |name: &str, entitlement_type, aggregate_id| Details {
        name: name.to_owned(),
        description: None,
        entitlement_type,
        units: None,
        is_active: true,
        product_id: None,
        aggregate_id,
    };
    let quantity = named(" Calls ", EntitlementKind::Quantity, None);
    let made = create(Uuid::from_u128(1), quantity, at(0)).unwrap();
    assert_eq!(made.details.name, "Calls");
    let credits = named("Calls", EntitlementKind::Credits, None);
    assert_eq!(amend(&made, credits, at(1)), Err(Refusal::TypeFixed));
    let blank = named(" ", EntitlementKind::Quantity, None);
    assert_eq!(amend(&made, blank, at(1)), Err(Refusal::NameBlank));
    let counted = named("Gold", EntitlementKind::Feature, Some(Uuid::nil()));
    assert_eq!(
        create(Uuid::nil(), counted, at(0)),
        Err(Refusal::FeatureMetered)
    );
}
