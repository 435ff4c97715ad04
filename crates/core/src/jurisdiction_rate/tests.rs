use expect_test::{Expect, expect};

use super::*;

/// `country/state/city/zip-zip`, an empty level left empty.
fn place(text: &str) -> Place {
    let mut levels = text.split('/').map(str::to_owned);
    let mut next = || levels.next().filter(|level| !level.is_empty());
    let (country_code, state_code, city, zip) = (next().unwrap(), next(), next(), next());
    let (zip_code_start, zip_code_end) = match zip.as_deref().map(|zip| zip.split_once('-')) {
        Some(Some((start, end))) => (Some(start.to_owned()), Some(end.to_owned())),
        Some(None) => (zip.clone(), None),
        None => (None, None),
    };
    Place::new(Place {
        country_code,
        state_code,
        city,
        zip_code_start: zip_code_start.filter(|zip| !zip.is_empty()),
        zip_code_end: zip_code_end.filter(|zip| !zip.is_empty()),
    })
}

fn row(id: u128, at: &str, from: &str, to: Option<&str>) -> JurisdictionRate {
    JurisdictionRate {
        id: Uuid::from_u128(id),
        business_entity_id: Uuid::nil(),
        details: Details {
            place: place(at),
            tax_category_id: Uuid::nil(),
            effective_from: from.parse().unwrap(),
            effective_to: to.map(|day| day.parse().unwrap()),
            is_active: true,
            name: None,
        },
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn destination(at: &str, day: &str) -> Destination {
    let mut levels = at.split('/').map(str::to_owned);
    let mut next = || levels.next().filter(|level| !level.is_empty());
    let wanted = Destination {
        tax_category_id: Uuid::nil(),
        effective_date: day.parse().unwrap(),
        country_code: next().unwrap(),
        state_code: next(),
        city: next(),
        zip_code: next(),
    };
    wanted.canonical()
}

fn found(rows: &[JurisdictionRate], at: &str, day: &str) -> String {
    match applicable(rows, &destination(at, day)) {
        Ok(row) => row.id.as_u128().to_string(),
        Err(Unresolved::NoRow { .. }) => "none".to_owned(),
        Err(Unresolved::SeveralRows { rows }) => {
            let ids: Vec<_> = rows.iter().map(|id| id.as_u128().to_string()).collect();
            format!("several: {}", ids.join(" "))
        }
    }
}

#[test]
fn each_level_must_be_equal_or_empty_on_both_sides() {
    let rows = [
        row(1, "US", "2026-01-01", None),
        row(2, "US/TX", "2026-01-01", None),
        row(3, "US/TX/Austin", "2026-01-01", None),
        row(4, "US/TX/Austin/78700-78799", "2026-01-01", None),
        row(5, "US/TX//78700-78799", "2026-01-01", None),
        row(6, "gb///SW1A 1AA-SW1A 2ZZ", "2026-01-01", None),
    ];
    for (at, expected) in [
        ("US", "1"),
        ("us", "1"),
        ("US/TX", "2"),
        ("us/ tx ", "2"),
        ("US/CA", "none"),
        ("US/TX/AUSTIN", "3"),
        ("US/TX/Dallas", "none"),
        ("US//Austin", "none"),
        ("US/TX/Austin/78700", "4"),
        ("US/TX/Austin/78799", "4"),
        ("US/TX/Austin/78800", "none"),
        ("US/TX/Austin/7870", "none"),
        ("US/TX/Austin/78700-1234", "none"),
        ("US/TX//78750", "5"),
        ("US///78750", "none"),
        ("GB", "none"),
        ("GB///sw1a 1zz", "6"),
        ("DE", "none"),
    ] {
        assert_eq!(found(&rows, at, "2026-06-01"), expected, "{at}");
    }
}

#[test]
fn a_row_holds_from_its_first_day_to_the_end_of_its_last() {
    let rows = [
        row(1, "US", "2026-01-01", Some("2026-06-30")),
        row(2, "US", "2026-07-01", Some("2026-12-31")),
        row(3, "US", "2026-12-31", None),
    ];
    for (day, expected) in [
        ("2025-12-31", "none"),
        ("2026-01-01", "1"),
        ("2026-06-30", "1"),
        ("2026-07-01", "2"),
        ("2026-12-30", "2"),
        ("2026-12-31", "several: 2 3"),
        ("2027-01-01", "3"),
    ] {
        assert_eq!(found(&rows, "US", day), expected, "{day}");
    }
}

#[test]
fn a_deactivated_row_and_one_of_another_category_are_passed_over() {
    let mut inactive = row(1, "US", "2026-01-01", None);
    inactive.details.is_active = false;
    let mut other = row(2, "US", "2026-01-01", None);
    other.details.tax_category_id = Uuid::from_u128(9);
    assert_eq!(found(&[inactive, other], "US", "2026-06-01"), "none");
}

#[test]
fn the_refusal_names_the_rows_that_compete() {
    let rows = [
        row(1, "US", "2026-01-01", None),
        row(2, "US", "2026-01-01", None),
    ];
    let refusal = applicable(&rows, &destination("US", "2026-06-01")).unwrap_err();
    expect![[r#"2 jurisdiction rates match: 00000000-0000-0000-0000-000000000001, 00000000-0000-0000-0000-000000000002; end all but one by its effective_to, or deactivate them"#]]
        .assert_eq(&refusal.to_string());
}

fn tax(id: u128, name: &str, percent: &str, compound: Option<i64>) -> TaxRate {
    TaxRate {
        id: Uuid::from_u128(id),
        jurisdiction_rate_id: Uuid::nil(),
        details: RateDetails {
            tax_name: name.to_owned(),
            rate_percent: percent.parse().unwrap(),
            is_compound: compound.is_some(),
            compound_order: compound.unwrap_or(0),
            jurisdiction_level: Some("state".to_owned()),
            jurisdiction_code: None,
        },
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn check_text(rates: Vec<TaxRate>, expected: Expect) {
    expected.assert_eq(&fingerprint_text(&breakdown(rates)));
}

#[test]
fn taxes_on_the_net_come_first_then_compound_ones_by_their_order() {
    let rates = vec![
        tax(1, "QST", "9.975", Some(2)),
        tax(2, "Levy", "1", Some(1)),
        tax(3, "GST", "5.00", None),
        tax(4, "Eco", "0", None),
    ];
    check_text(
        rates,
        expect![[
            r#"[["GST","5",false,0,"state",null],["Eco","0",false,0,"state",null],["Levy","1",true,1,"state",null],["QST","9.975",true,2,"state",null]]"#
        ]],
    );
}

#[test]
fn the_fingerprint_sees_the_tax_and_not_the_row() {
    let text = |rates| fingerprint_text(&breakdown(rates));
    let known = text(vec![tax(1, "State", "6.25", None)]);
    assert_eq!(text(vec![tax(2, "State", "6.250", None)]), known);
    assert_ne!(text(vec![tax(1, "State", "6.26", None)]), known);
    assert_ne!(text(vec![tax(1, "State", "6.25", Some(0))]), known);
    let quoted = text(vec![tax(1, "A\",\"B", "1", None)]);
    assert_eq!(quoted, r#"[["A\",\"B","1",false,0,"state",null]]"#);
}

#[test]
fn rules_of_a_row() {
    for (at, from, to, expected) in [
        ("US", "2026-01-01", None, vec![]),
        ("US///10000-10000", "2026-01-01", Some("2026-01-02"), vec![]),
        (
            "US///10000",
            "2026-01-01",
            None,
            vec![Refusal::ZipRangeOpen],
        ),
        (
            "US///-10000",
            "2026-01-01",
            None,
            vec![Refusal::ZipRangeOpen],
        ),
        (
            "US///1-10",
            "2026-01-01",
            None,
            vec![Refusal::ZipLengthsDiffer],
        ),
        (
            "US///9-1",
            "2026-01-01",
            None,
            vec![Refusal::ZipRangeReversed],
        ),
        (
            "US///9-1",
            "2026-01-01",
            Some("2026-01-01"),
            vec![Refusal::ZipRangeReversed],
        ),
        (
            "US///9-1",
            "2026-01-01",
            Some("2025-12-31"),
            vec![Refusal::ZipRangeReversed, Refusal::EffectiveToEarlier],
        ),
    ] {
        assert_eq!(refusals(&row(1, at, from, to).details), expected, "{at}");
    }
}

#[test]
fn rules_of_a_tax() {
    for (name, percent, expected) in [
        ("State", "0", vec![]),
        ("State", "100", vec![]),
        ("State", "6.2500000000000", vec![]),
        ("State", "100.01", vec![RateRefusal::PercentOutOfRange]),
        ("State", "-0.01", vec![RateRefusal::PercentOutOfRange]),
        ("State", "0.00000000001", vec![RateRefusal::PercentTooFine]),
        (
            " ",
            "101",
            vec![RateRefusal::TaxNameBlank, RateRefusal::PercentOutOfRange],
        ),
    ] {
        assert_eq!(
            rate_refusals(&tax(1, name, percent, None).details),
            expected
        );
    }
}
