//! Contracts: what is refused and where, defaults of dates, status, replacement.

use expect_test::{Expect, expect};
use florin_core::contract::{Contract, Findings, Refusal, Status, TRANSITIONS, amendment};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{
    PARENT, at, contract, details, fee, ids, line, metered, of, once, phase, seats, try_create,
    try_create_in,
};
use crate::build::day;

fn shown(contract: &Contract) -> String {
    let end = |end: Option<florin_core::contract::End>| {
        end.map_or("open".to_owned(), |end| end.written().to_string())
    };
    let header = contract.header();
    let mut text = format!(
        "v{} {} {} .. {}",
        contract.version(),
        contract.status(),
        header.start.day(),
        end(header.end)
    );
    for phase in contract.phases() {
        let name = &phase.head.name;
        text += &format!("\n  {} {} .. {}", name, phase.start.day(), end(phase.end));
        for line in &phase.lines {
            let id = line.id.0.as_u128();
            text += &format!("\n    {id}: {} .. {}", line.start.day(), end(line.end));
        }
    }
    for pause in contract.pauses() {
        let (start, extended) = (pause.start.day(), pause.extended_days);
        text += &format!("\n  pause {start} .. {} +{extended}", end(pause.end));
    }
    text
}

pub(crate) fn check(contract: &Contract, expected: Expect) {
    expected.assert_eq(&shown(contract));
}

fn refused(body: &Json, expected: Expect) {
    let found = try_create(body).expect_err("findings");
    expected.assert_eq(&found.to_string().replace("; ", "\n"));
}

#[test]
fn bounds_that_are_not_told_follow_from_the_neighbours() {
    check(
        &contract(&json!({ "end_date": "2024-12-31", "phases": [
            { "name": "Trial", "phase_type": "trial", "end_date": "2024-01-31" },
            { "name": "Year", "pricings": [{ "pricing": fee("P1M", "prepaid", 10) }] },
            { "name": "Rest", "start_date": "2024-07-01" },
        ]})),
        expect![[r#"
            v1 active 2024-01-01 .. 2024-12-31T23:59:59.999999Z
              Trial 2024-01-01 .. 2024-01-31T23:59:59.999999Z
              Year 2024-02-01 .. 2024-07-01T00:00:00Z
                3: 2024-02-01 .. open
              Rest 2024-07-01 .. 2024-12-31T23:59:59.999999Z"#]],
    );
}

#[test]
fn all_that_is_wrong_is_named_at_its_place() {
    refused(
        &json!({ "name": " ", "start_date": "2024-01-01", "end_date": "2023-12-31",
            "bill_parent_customer": true, "invoice_payer_customer_id": 7,
            "phases": [
                { "end_date": "2024-06-30", "name": "" },
                { "start_date": "2024-06-01", "end_date": "2025-01-31" },
                { "phase_type": "pause" },
            ] }),
        expect!["phases.2.phase_type: a pause is made and changed by /pause and /resume"],
    );
    refused(
        &json!({ "name": " ", "start_date": "2024-01-01", "end_date": "2023-12-31",
            "bill_parent_customer": true, "invoice_payer_customer_id": 7,
            "phases": [
                { "end_date": "2024-06-30", "name": "" },
                { "start_date": "2024-06-01", "end_date": "2025-01-31", "pricings": [
                    { "pricing": once(1), "start_date": "2024-05-31", "end_date": "2025-02-01" },
                    { "pricing": once(1), "start_date": "3001-01-01" },
                ] },
            ] }),
        expect![[r#"
            name: a name that is not blank is needed
            end_date: the end is not after the start
            invoice_payer_customer_id: choose the parent or another payer, not both
            phases.1.start_date: the phase overlaps another one
            phases.0.name: a name that is not blank is needed
            phases.0.end_date: the phase is not inside its contract
            phases.1.end_date: the phase is not inside its contract
            phases.1.pricings.0.start_date: the pricing is not inside its phase
            phases.1.pricings.0.end_date: the pricing is not inside its phase
            phases.1.pricings.1.start_date: the year is not between 1900 and 2999
            phases.1.pricings.1.start_date: the pricing is not inside its phase"#]],
    );
    refused(
        &json!({ "phases": [] }),
        expect!["phases: a contract needs at least one phase"],
    );
    refused(
        &json!({ "phases": [{ "name": "a" }, { "name": "b" }], "status": "paused" }),
        expect![[r#"
            status: a contract cannot be made paused: use its endpoint
            phases.0.end_date: tell the end of this phase or the start of the next"#]],
    );
    refused(
        &json!({ "phases": [of(&[once(1)])], "bill_parent_customer": true }),
        expect!["bill_parent_customer: the customer has no parent"],
    );
}

#[test]
fn every_price_needs_what_billing_needs() {
    let no_cadence = json!({ "is_recurring": true,
        "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1 } });
    let no_quantity = json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": 1 } });
    let euros = json!({ "pricing_data":
        { "pricing_type": "flat_fee", "unit_amount": 1, "currency": "EUR" } });
    let mut prepaid = metered("1");
    prepaid["billing_period"]["offset"] = json!("prepaid");
    prepaid["quantity"]["aggregate_id"] = Json::Null;
    let mut late = seats(1, &[("2024-03-01", 2)]);
    late["quantity"]["quantity"] = Json::Null;
    let features = json!({ "pricing_data": { "pricing_type": "features" } });
    let mut body =
        json!({ "phases": [of(&[no_cadence, no_quantity, euros, prepaid, late, features])] });
    body["phases"][0]["features"] = once(1);
    refused(
        &body,
        expect![[r#"
            phases.0.pricings.0.pricing.billing_period.cadence: a recurring price needs a billing period with a cadence
            phases.0.pricings.1.pricing.quantity: the price needs a quantity
            phases.0.pricings.2.pricing.pricing_data.currency: the price is in EUR, the contract in USD
            phases.0.pricings.3.pricing.quantity.aggregate_id: a metered price needs the metric that counts
            phases.0.pricings.3.pricing.billing_period.offset: a metered price is billed after its period: write postpaid
            phases.0.pricings.4.pricing.quantity.quantity_entries: the first quantity begins after the first day
            phases.0.pricings.5.pricing: a price of type features belongs to the phase, not to a product
            phases.0.features: features of a phase are a price of type features"#]],
    );
    let switches = json!([{ "effective_from": "2024-02-01", "value": false },
        { "effective_from": "2024-02-01", "value": true }]);
    let minimum = json!({ "pricing_data": { "pricing_type": "features" },
        "commitments": [{ "type": "minimum_spend", "unit_amount": 5 }] });
    refused(
        &json!({ "contract_type": "event_based", "phases": [{ "features": minimum, "pricings": [
            { "pricing": fee("P1M", "postpaid", 1), "is_enabled": switches },
            { "pricing": fee("P1D", "prepaid", 1) },
        ] }] }),
        expect![[r#"
            phases.0.pricings.0.pricing.billing_period: an event_based contract needs prices with cadence P1D and offset postpaid
            phases.0.pricings.0.is_enabled: each entry begins on a later day than the one before it
            phases.0.pricings.1.pricing.billing_period: an event_based contract needs prices with cadence P1D and offset postpaid
            phases.0.features.commitments.0.cadence: a commitment of a phase needs a cadence"#]],
    );
}

#[test]
fn an_event_based_contract_bills_daily() {
    let body =
        json!({ "contract_type": "event_based", "phases": [of(&[fee("P1D", "postpaid", 1)])] });
    assert!(try_create(&body).is_ok());
}

#[test]
fn dates_are_days_of_the_organisation() {
    let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let body = json!({ "start_date": "2024-03-10", "end_date": "2024-03-10T23:59:59",
        "phases": [of(&[once(1)])] });
    let agreed = try_create_in(&body, zone).unwrap();
    assert_eq!(agreed.header().start.written(), at("2024-03-10T05:00:00Z"));
    assert_eq!(agreed.header().end.unwrap().day(), day("2024-03-11"));
    // The day of 23 hours is over at 04:00 UTC.
    assert_eq!(agreed.day_of(at("2024-03-11T03:59:59Z")), day("2024-03-10"));
    assert_eq!(
        agreed.clone().on(day("2024-03-10")).status(),
        Status::Active
    );
    assert_eq!(agreed.on(day("2024-03-11")).status(), Status::Expired);
}

pub(crate) fn year() -> Json {
    json!({ "end_date": "2024-12-31", "phases": [
        { "name": "A", "end_date": "2024-06-30", "pricings": [{ "pricing": fee("P1M", "prepaid", 10) }] },
        { "name": "B", "pricings": [
            { "pricing": fee("P1M", "prepaid", 20) },
            { "pricing": metered("0.5"), "end_date": "2024-09-30" },
        ] },
    ]})
}

#[test]
fn the_calendar_and_the_owner_move_the_status() {
    let draft = contract(
        &json!({ "status": "draft", "end_date": "2024-01-31", "phases": [of(&[once(1)])] }),
    );
    assert_eq!(draft.clone().on(day("2025-01-01")).status(), Status::Draft);
    let mut body = details(&json!({ "end_date": "2024-01-31", "phases": [of(&[once(1)])] }));
    let now = at("2024-01-05");
    let active = draft
        .replace(body.clone(), None, &mut ids(100), now)
        .unwrap();
    assert_eq!((active.status(), active.version()), (Status::Active, 2));
    body.status = Status::Draft;
    let found = active
        .replace(body.clone(), None, &mut ids(100), now)
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "status: a contract that is active cannot become draft"
    );
    body.status = Status::Disputed;
    let disputed = active
        .replace(body.clone(), None, &mut ids(100), now)
        .unwrap();
    let disputed = disputed.on(day("2024-03-01"));
    assert_eq!(
        (disputed.status(), disputed.status().is_billed()),
        (Status::Disputed, false)
    );
    body.status = Status::Active;
    let expired = disputed
        .replace(body.clone(), None, &mut ids(100), at("2024-03-01"))
        .unwrap();
    assert_eq!(expired.status(), Status::Expired);
    body.header.end = None;
    let found = expired
        .replace(body, None, &mut ids(100), at("2024-03-01"))
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "end_date: an expired contract cannot be in force again"
    );
    assert_eq!(TRANSITIONS.len(), 10);
}

#[test]
fn only_drafts_change_hands_or_disappear() {
    let active = contract(&year());
    assert_eq!(
        active.clone().delete(at("2024-01-02")),
        Err(Refusal::NotADraft(Status::Active))
    );
    let mut body = year();
    body["status"] = json!("draft");
    let draft = contract(&body);
    assert!(
        draft
            .clone()
            .delete(at("2024-01-02"))
            .unwrap()
            .record()
            .deleted_at
            .is_some()
    );
    body["status"] = json!("active");
    body["customer_id"] = json!(9);
    body["currency"] = json!("EUR");
    assert!(
        draft
            .replace(details(&body), None, &mut ids(50), at("2024-01-02"))
            .is_ok()
    );
    let found = active
        .replace(details(&body), None, &mut ids(50), at("2024-01-02"))
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "customer_id: the customer of a contract is fixed once it is active; \
         currency: the currency of a contract is fixed once it is active"
    );
}

#[test]
fn the_payer_is_the_customer_its_parent_or_another() {
    let agreed = contract(&year());
    assert_eq!(agreed.payer(Some(PARENT)), agreed.header().customer_id);
    let mut body = year();
    body["bill_parent_customer"] = json!(true);
    let agreed = agreed.replace(details(&body), Some(PARENT), &mut ids(50), at("2024-01-02"));
    assert_eq!(agreed.unwrap().payer(Some(PARENT)), PARENT);
    body["bill_parent_customer"] = json!(false);
    body["invoice_payer_customer_id"] = json!(77);
    let agreed = contract(&body);
    assert_eq!(agreed.payer(Some(PARENT)), Uuid::from_u128(77));
}

#[test]
fn a_replacement_keeps_the_lineage_of_lines() {
    let agreed = contract(&year());
    let mut body = year();
    body["phases"][1]["pricings"][0]["pricing"] = fee("P1M", "prepaid", 25);
    body["phases"][1]["name"] = json!("B, dearer");
    let next = agreed
        .replace(details(&body), None, &mut ids(50), at("2024-02-01"))
        .unwrap();
    check(
        &next,
        expect![[r#"
            v2 active 2024-01-01 .. 2024-12-31T23:59:59.999999Z
              A 2024-01-01 .. 2024-06-30T23:59:59.999999Z
                2: 2024-01-01 .. open
              B, dearer 2024-07-01 .. 2024-12-31T23:59:59.999999Z
                4: 2024-07-01 .. open
                5: 2024-07-01 .. 2024-09-30T23:59:59.999999Z"#]],
    );
    let changes = amendment(&agreed, &next).changes;
    let changes: Vec<String> = changes
        .iter()
        .map(|change| {
            format!(
                "{}: {} -> {}",
                change.path.join("/"),
                change.old,
                change.new
            )
        })
        .collect();
    let phase = Uuid::from_u128(3);
    let line = Uuid::from_u128(4);
    assert_eq!(
        changes,
        [
            format!("phases/{phase}/name: \"B\" -> \"B, dearer\""),
            format!("phases/{phase}/pricings/{line}/pricing/pricing_data/unit_amount: 20 -> 25"),
        ]
    );
}

#[test]
fn ids_that_are_sent_must_be_the_contracts_and_differ() {
    let agreed = contract(&year());
    let mut body = year();
    body["phases"][0]["id"] = json!(3);
    body["phases"][1]["id"] = json!(3);
    body["phases"][1]["pricings"][0]["id"] = json!(4);
    body["phases"][1]["pricings"][1]["id"] = json!(444);
    let found: Findings = agreed
        .replace(details(&body), None, &mut ids(50), at("2024-02-01"))
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "phases.1.id: the id occurs twice; \
         phases.1.pricings.1.id: the contract has no such id"
    );
}

#[test]
fn phases_and_lines_can_be_added() {
    let agreed = contract(&json!({ "phases": [{ "name": "A", "end_date": "2024-06-30" }] }));
    let zone = TimeZone::UTC;
    let now = at("2024-02-01");
    let more = phase(
        &json!({ "name": "B", "pricings": [{ "pricing": once(5) }] }),
        &zone,
    );
    let agreed = agreed.add_phase(more, &mut ids(50), now).unwrap();
    let first = agreed.phases()[0].id;
    let agreed = agreed
        .add_line(
            first,
            line(&json!({ "pricing": metered("2") }), &zone),
            &mut ids(60),
            now,
        )
        .unwrap();
    check(
        &agreed,
        expect![[r#"
            v3 active 2024-01-01 .. open
              A 2024-01-01 .. 2024-06-30T23:59:59.999999Z
                60: 2024-01-01 .. open
              B 2024-07-01 .. open
                51: 2024-07-01 .. open"#]],
    );
    let overlapping = phase(
        &json!({ "name": "", "start_date": "2024-03-01", "end_date": "2023-01-01" }),
        &zone,
    );
    let refusal = agreed
        .add_phase(overlapping, &mut ids(70), now)
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "start_date: the phase overlaps another one; \
         name: a name that is not blank is needed; end_date: the end is not after the start"
    );
    let euros =
        json!({ "pricing": { "pricing_data": { "pricing_type": "per_unit", "unit_amount": 1 } } });
    let refusal = agreed
        .add_line(first, line(&euros, &zone), &mut ids(70), now)
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "pricing.quantity: the price needs a quantity"
    );
    let refusal = agreed.add_line(Uuid::nil(), line(&euros, &zone), &mut ids(70), now);
    assert_eq!(refusal, Err(Refusal::PhaseNotFound));
}
