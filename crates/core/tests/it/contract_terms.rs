//! Documents of prices as terms of a contract: every modifier, dated by the contract.

use expect_test::{Expect, expect};
use florin_core::contract::Taxation;
use florin_core::id::FeatureId;
use florin_core::tax::Tax;
use florin_core::terms::{LineTerms, PhaseTerms};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{contract, fee, metered, of};
use crate::build::{day, decimal};

fn phase_of(body: &Json) -> PhaseTerms {
    let billings = contract(body).terms(&Taxation::default()).unwrap();
    billings[0].terms.phase().clone()
}

fn line_of(price: Json) -> LineTerms {
    phase_of(&json!({ "phases": [of(&[price])] }))
        .lines
        .remove(0)
}

/// Debug text on one line, without ids, which are digests.
fn check(value: &impl std::fmt::Debug, expected: Expect) {
    let text = format!("{value:#?}");
    let lines = text.lines().map(str::trim);
    let kept: Vec<&str> = lines
        .filter(|line| !line.contains("-0000-") && !line.contains("00000000-"))
        .collect();
    let mut text = kept.join(" ");
    while let Some(start) = text.find("id: FeatureId( ") {
        let end = text[start..]
            .find("), ")
            .map_or(text.len(), |end| start + end + 3);
        text.replace_range(start..end, "");
    }
    for (long, short) in [
        (" }", "}"),
        ("{ ", "{"),
        ("( ", "("),
        (", )", ")"),
        (",}", "}"),
    ] {
        text = text.replace(long, short);
    }
    expected.assert_eq(&text);
}

#[test]
fn discounts_of_money_and_of_units_are_told_apart() {
    let mut price = metered("1");
    price["discounts"] = json!([
        { "type": "fixed", "unit_amount": 10, "pricing_period": { "cadence": "P1M" }, "priority": 2 },
        { "type": "percent", "value": 20, "max_per_period": 500, "max_lifetime": 5000, "cadence": "P3M",
          "order": 1, "priority": 1 },
        { "type": "quantity", "value": 1000, "cadence": "P1W", "prorate_stub": true, "rounding": "ceil" },
    ]);
    let line = line_of(price);
    check(
        &line.discounts,
        expect![
            "[ Discount {rule: Fixed(10), max_per_period: None, max_lifetime: None, cadence: None, order: None}, Discount {rule: Percent(20), max_per_period: Some(500), max_lifetime: Some(5000), cadence: Some(Schedule {anchor: 2024-01-01, cadence: Months(3)}), order: Some(1)}, ]"
        ],
    );
    check(
        &line.quantity_discounts,
        expect![
            "[ Pool {units: 1000, window: Every(Schedule {anchor: 2024-01-01, cadence: Days(7)}), max_per_period: None, max_lifetime: None, prorate_stub: Some(Ceil)}, ]"
        ],
    );
}

#[test]
fn free_units_grants_and_consumptions_have_their_expiry() {
    let mut price = metered("1");
    price["free_units"] = json!([
        { "unit_amount": 1 },
        { "unit_amount": 2, "expires_at": "never" },
        { "unit_amount": 3, "expires_at": "end_of_contract_billing_period" },
    ]);
    let entitlement = Uuid::from_u128(7 << 100);
    price["grants"] = json!([
        { "entitlement_id": entitlement, "type": "Credits", "unit_amount": 50,
          "trigger_event": "payment_success", "expires_at": "end_of_product_billing_period",
          "grant_frequency_same_as_product": true },
        { "entitlement_id": entitlement, "type": "Quantity", "unit_amount": 5, "expiry_period": "P30D",
          "period": { "cadence": "P1W" } },
        { "entitlement_id": entitlement, "type": "Feature" },
    ]);
    price["consumptions"] = json!([
        { "entitlement": entitlement, "type": "Quantity", "trigger_event": "monitoring" }]);
    let line = line_of(price);
    let windows: Vec<_> = line
        .free_units
        .iter()
        .map(|pool| (pool.units, pool.window))
        .collect();
    check(
        &windows,
        expect![
            "[ (1, BillingPeriod), (2, Life), (3, Every(Schedule {anchor: 2024-01-01, cadence: Months(1)})), ]"
        ],
    );
    let grants = line.grants.iter();
    let grants: Vec<_> = grants
        .map(|grant| {
            (
                grant.kind,
                grant.amount,
                grant.trigger_event,
                grant.frequency,
                grant.expiry,
            )
        })
        .collect();
    check(
        &grants,
        expect![
            "[ (Credits, 50, PaymentSuccess, BillingPeriod, BillingPeriod), (Quantity, 5, InvoiceApproval, Every(Schedule {anchor: 2024-01-01, cadence: Days(7)}), After(Delay {months: 0, days: 30})), (Feature, 0, InvoiceApproval, Once, Never), ]"
        ],
    );
    let draws = line
        .consumptions
        .iter()
        .map(|draw| (draw.kind, draw.trigger_event));
    check(
        &draws.collect::<Vec<_>>(),
        expect!["[ (Quantity, Monitoring), ]"],
    );
}

#[test]
fn the_phase_has_its_own_modifiers() {
    let features = json!({ "pricing_data": { "pricing_type": "features" },
        "discounts": [{ "type": "percent", "unit_amount": 25 }],
        "commitments": [{ "type": "maximum_spend", "unit_amount": 900, "cadence": "P1Y",
            "charge_full_amount": false, "skip_zero_amount": true }],
        "service_fees": [{ "type": "percentage", "unit_amount": 5 }, { "type": "fixed", "unit_amount": 3 }],
        "taxes": [{ "type": "manual", "unit_amount": 10, "is_compound": true },
            { "type": "avalara", "code": "P1" }],
        "payment_terms": [{ "payment_term_type": "on_creation", "due_days": 15,
            "payment_term_mode": "absolute", "last_day_of_month": true }],
    });
    let mut body = json!({ "phases": [of(&[fee("P1M", "prepaid", 1)])] });
    body["phases"][0]["features"] = features;
    let phase = phase_of(&body);
    check(
        &phase.discounts,
        expect![
            "[ PhaseDiscount {discount: Discount {rule: Percent(25), max_per_period: None, max_lifetime: None, cadence: None, order: None}, line: None}, ]"
        ],
    );
    check(
        &phase.commitments,
        expect![
            "[ Commitment {kind: MaximumSpend, amount: 900, cadence: Some(Schedule {anchor: 2024-01-01, cadence: Months(12)}), charge_full_amount: false, skip_zero_amount: true}, ]"
        ],
    );
    check(
        &phase.service_fees,
        expect!["[ ServiceFee {rule: Percentage(5)}, ServiceFee {rule: Fixed(3)}, ]"],
    );
    check(
        &phase.taxes,
        expect!["[ Tax {rate: 10, is_compound: true}, ]"],
    );
    check(
        &phase.payment_terms,
        expect![
            "Some(PaymentTerms {term_type: OnCreation, mode: Absolute, due_days: 15, last_day_of_month: true})"
        ],
    );
}

#[test]
fn a_price_says_when_it_is_billed_and_what_a_started_period_costs() {
    let mut quarterly = fee("P3M", "P5D", 300);
    quarterly["pricing_data"]["pricing_period"] = json!({ "cadence": "P1M" });
    quarterly["pricing_data"]["proration_type"] = json!("cadence_based");
    quarterly["overage_pricing"] =
        json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": 9 } });
    let body = json!({ "start_date": "2024-01-15", "is_last_day_of_month": true,
        "phases": [of(&[quarterly])] });
    let line = phase_of(&body).lines.remove(0);
    check(
        &(
            line.schedule,
            line.proration,
            line.pricing_period,
            line.overage_pricing,
        ),
        expect![
            "(LineSchedule {life: Life {start: 2024-01-15, end: None}, recurrence: Every(Schedule {anchor: 2024-02-01, cadence: Months(3)}), offset: Offset {timing: Postpaid, delay: Delay {months: 0, days: 5}}}, CadenceBased, Some(Schedule {anchor: 2024-02-01, cadence: Months(1)}), Some(PerUnit {unit_amount: 9}))"
        ],
    );
}

#[test]
fn an_anchor_of_the_line_goes_before_that_of_the_contract() {
    let first = |line: Json| {
        let body = json!({ "start_date": "2024-01-10", "anchor_date": "2024-01-15",
            "phases": [{ "pricings": [line] }] });
        let line = phase_of(&body).lines.remove(0);
        line.schedule
            .cycle_from(day("2024-01-10"))
            .unwrap()
            .unwrap()
            .service
            .end()
    };
    let price = fee("P1M", "prepaid", 1);
    assert_eq!(first(json!({ "pricing": price })), day("2024-01-15"));
    assert_eq!(
        first(json!({ "pricing": price, "anchor_date": "2024-01-20" })),
        day("2024-01-20")
    );
}

#[test]
fn features_keep_their_ids_from_version_to_version() {
    let ids = |discounts: Json| {
        let mut price = fee("P1M", "prepaid", 1);
        price["discounts"] = discounts;
        let line = line_of(price);
        line.discounts
            .iter()
            .map(|discount| discount.id)
            .collect::<Vec<FeatureId>>()
    };
    let (a, b) = (
        json!({ "type": "fixed", "unit_amount": 1, "identifier": "a" }),
        json!({ "type": "fixed", "unit_amount": 2, "identifier": "b" }),
    );
    let before = ids(json!([a, b]));
    let after = ids(json!([b, a]));
    assert_eq!((before[0], before[1]), (after[1], after[0]));
    assert_ne!(before[0], before[1]);
    let own = Uuid::from_u128(77 << 80);
    let named = ids(json!([{ "type": "fixed", "unit_amount": 1, "id": own }]));
    assert_eq!(named, [FeatureId(own)]);
    let plain =
        json!([{ "type": "fixed", "unit_amount": 1 }, { "type": "fixed", "unit_amount": 1 }]);
    assert_eq!(ids(plain.clone()), ids(plain));
}

#[test]
fn taxes_that_the_engine_resolves_join_those_of_the_price() {
    let mut price = fee("P1M", "prepaid", 100);
    price["taxes"] = json!([{ "type": "manual", "unit_amount": 5 }]);
    let agreed = contract(&json!({ "phases": [of(&[price])] }));
    let line = agreed.phases()[0].lines[0].id;
    let resolved = Tax {
        id: FeatureId(Uuid::nil()),
        rate: decimal("8"),
        is_compound: false,
    };
    let rates = |is_exempt| {
        let line_taxes = vec![(line, resolved)];
        let terms = agreed
            .terms(&Taxation {
                is_exempt,
                line_taxes,
            })
            .unwrap();
        let line = &terms[0].terms.phase().lines[0];
        line.taxes
            .iter()
            .map(|tax| tax.rate.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(rates(false), ["5", "8"]);
    assert!(rates(true).is_empty());
}
