use serde_json::json;

use super::*;

fn details() -> Details {
    Details {
        name: "Seats".to_owned(),
        description: None,
        sku: None,
        slug: None,
        kind: Kind::Product,
        status: Status::Active,
        delivery: None,
        unit: None,
        tax_codes: json!({}),
        tax_category: None,
        parent_link_id: None,
        default_pricing_id: None,
        track_usage: false,
        enum_values: Vec::new(),
        tags: json!([]),
        custom_attributes: json!({}),
    }
}

fn created(details: Details) -> Result<Product, Refusal> {
    create(Uuid::from_u128(1), details, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_blank_name_is_refused() {
    let name = " ".to_owned();
    assert_eq!(
        created(Details { name, ..details() }),
        Err(Refusal::NameBlank)
    );
}

#[test]
fn texts_lose_outer_blanks_and_blank_ones_are_none() {
    let given = Details {
        description: Some("  for teams ".to_owned()),
        sku: Some("  ".to_owned()),
        ..details()
    };
    let kept = created(given).unwrap().details;
    assert_eq!(kept.description.as_deref(), Some("for teams"));
    assert_eq!(kept.sku, None);
}

#[test]
fn types_and_subtypes_fit() {
    for (timing, subtype, fits) in [
        (Timing::PointInTime, Subtype::Quantity, true),
        (Timing::PointInTime, Subtype::Credits, true),
        (Timing::PointInTime, Subtype::Feature, false),
        (Timing::PeriodOfTime, Subtype::Quantity, true),
        (Timing::PeriodOfTime, Subtype::Credits, false),
        (Timing::PeriodOfTime, Subtype::Feature, true),
    ] {
        let delivery = Some(Delivery { timing, subtype });
        let given = Details {
            delivery,
            ..details()
        };
        assert_eq!(created(given).is_ok(), fits, "{timing:?} {subtype:?}");
    }
}

#[test]
fn archived_is_reached_only_by_a_change() {
    let status = Status::Archived;
    let archived = Details {
        status,
        ..details()
    };
    assert_eq!(created(archived.clone()), Err(Refusal::CreatedAsArchived));
    let product = created(details()).unwrap();
    assert!(amend(&product, archived, Timestamp::UNIX_EPOCH).is_ok());
}

#[test]
fn is_active_false_keeps_archived() {
    assert_eq!(Status::Active.with_active(false), Status::Inactive);
    assert_eq!(Status::Archived.with_active(false), Status::Archived);
    assert_eq!(Status::Archived.with_active(true), Status::Active);
}

#[test]
fn a_product_is_never_above_itself() {
    let [me, parent, above] = [1, 2, 3].map(Uuid::from_u128);
    assert_eq!(check_parent(me, &[parent, above], false), Ok(()));
    assert_eq!(
        check_parent(me, &[parent, me], false),
        Err(Refusal::ParentTooDeep)
    );
    assert_eq!(
        check_parent(me, &[parent], true),
        Err(Refusal::ParentHasPricing)
    );
    let deep: Vec<Uuid> = (10..=20).map(Uuid::from_u128).collect();
    assert_eq!(check_parent(me, &deep, false), Err(Refusal::ParentTooDeep));
}
