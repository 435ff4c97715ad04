//! Contracts: what is refused and where, defaults of dates, status, pauses, expiry, replacement, renewal.

use expect_test::{Expect, expect};
use florin_core::contract::{
    Contract, ExtensionPolicy, Findings, PauseEdit, PauseRequest, Refusal, Renewal, RenewalPolicy,
    Start, Status, TRANSITIONS, amendment, renewal_due, renewed_with_existing,
};
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

fn check(contract: &Contract, expected: Expect) {
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

fn year() -> Json {
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

fn request(start: &str, end: Option<&str>, policy: ExtensionPolicy) -> PauseRequest {
    let zone = TimeZone::UTC;
    let end = end.map(|end| florin_core::contract::End::read(end, &zone).unwrap());
    PauseRequest {
        start: Start::read(start, &zone).unwrap(),
        end,
        policy,
    }
}

#[test]
fn an_extending_pause_moves_the_end_and_later_phases() {
    use ExtensionPolicy::{Extend, Overlap};
    let agreed = contract(&year());
    let pause = request("2024-04-01", Some("2024-04-30"), Extend);
    let paused = agreed
        .pause(pause, Uuid::from_u128(90), at("2024-03-15"))
        .unwrap();
    check(
        &paused,
        expect![[r#"
            v2 active 2024-01-01 .. 2025-01-30T23:59:59.999999Z
              A 2024-01-01 .. 2024-07-30T23:59:59.999999Z
                2: 2024-01-01 .. open
              B 2024-07-31 .. 2025-01-30T23:59:59.999999Z
                4: 2024-07-31 .. open
                5: 2024-07-31 .. 2024-10-30T23:59:59.999999Z
              pause 2024-04-01 .. 2024-04-30T23:59:59.999999Z +30"#]],
    );
    assert_eq!(
        paused.clone().on(day("2024-04-01")).status(),
        Status::Paused
    );
    assert_eq!(
        paused.clone().on(day("2024-05-01")).status(),
        Status::Active
    );
    let second = request("2024-06-01", Some("2024-06-10"), Overlap);
    let twice = paused
        .pause(second, Uuid::from_u128(91), at("2024-03-15"))
        .unwrap();
    let edit = PauseEdit {
        pause_phase_id: Some(Uuid::from_u128(90)),
        policy: Some(Overlap),
        ..PauseEdit::default()
    };
    check(
        &twice.edit_pause(edit, at("2024-03-16")).unwrap(),
        expect![[r#"
            v4 active 2024-01-01 .. 2024-12-31T23:59:59.999999Z
              A 2024-01-01 .. 2024-06-30T23:59:59.999999Z
                2: 2024-01-01 .. open
              B 2024-07-01 .. 2024-12-31T23:59:59.999999Z
                4: 2024-07-01 .. open
                5: 2024-07-01 .. 2024-09-30T23:59:59.999999Z
              pause 2024-04-01 .. 2024-04-30T23:59:59.999999Z +0
              pause 2024-06-01 .. 2024-06-10T23:59:59.999999Z +0"#]],
    );
    let unnamed = PauseEdit::default();
    assert_eq!(
        twice.edit_pause(unnamed, at("2024-03-16")),
        Err(Refusal::PauseAmbiguous)
    );
}

#[test]
fn an_open_pause_ends_on_the_day_of_resumption() {
    let agreed = contract(&year());
    let pause = request("2024-03-10", None, ExtensionPolicy::Extend);
    let paused = agreed
        .pause(pause, Uuid::from_u128(90), at("2024-03-10T08:00:00Z"))
        .unwrap();
    assert_eq!((paused.status(), paused.version()), (Status::Paused, 2));
    check(
        &paused.resume(at("2024-03-20T15:00:00Z")).unwrap(),
        expect![[r#"
            v3 active 2024-01-01 .. 2025-01-10T23:59:59.999999Z
              A 2024-01-01 .. 2024-07-10T23:59:59.999999Z
                2: 2024-01-01 .. open
              B 2024-07-11 .. 2025-01-10T23:59:59.999999Z
                4: 2024-07-11 .. open
                5: 2024-07-11 .. 2024-10-10T23:59:59.999999Z
              pause 2024-03-10 .. 2024-03-20T00:00:00Z +10"#]],
    );
    // Resumed on its first day, the pause never was.
    let at_once = paused.resume(at("2024-03-10T15:00:00Z")).unwrap();
    assert_eq!(at_once.pauses()[0].period(), None);
    assert_eq!(at_once.header().end, agreed.header().end);
}

#[test]
fn pauses_that_cannot_be_are_refused() {
    use ExtensionPolicy::Overlap;
    let agreed = contract(&year());
    let now = at("2024-02-01");
    let id = Uuid::from_u128(90);
    for (start, end, refusal) in [
        (
            "2024-05-01",
            Some("2024-04-01"),
            Refusal::PauseEndNotAfterStart,
        ),
        ("2023-12-31", None, Refusal::PauseOutsideContract),
        ("2025-01-01", None, Refusal::PauseOutsideContract),
    ] {
        assert_eq!(
            agreed.pause(request(start, end, Overlap), id, now),
            Err(refusal),
            "{start}"
        );
    }
    let paused = agreed
        .pause(request("2024-05-01", None, Overlap), id, now)
        .unwrap();
    let other = request("2024-06-01", Some("2024-06-30"), Overlap);
    assert_eq!(paused.pause(other, id, now), Err(Refusal::PausesOverlap));
    // A pause to come is edited, not resumed.
    assert_eq!(paused.resume(now), Err(Refusal::PauseNotFound));
    assert_eq!(agreed.resume(now), Err(Refusal::PauseNotFound));
    assert_eq!(
        agreed.edit_pause(PauseEdit::default(), now),
        Err(Refusal::PauseNotFound)
    );
    let mut draft = year();
    draft["status"] = json!("draft");
    let pause = request("2024-05-01", None, Overlap);
    assert_eq!(
        contract(&draft).pause(pause, id, now),
        Err(Refusal::NotInForce(Status::Draft))
    );
}

#[test]
fn an_expiry_trims_what_reaches_over_it() {
    let agreed = contract(&year());
    let now = at("2024-03-15T10:00:00Z");
    let pause = request("2024-08-01", None, ExtensionPolicy::Overlap);
    let agreed = agreed.pause(pause, Uuid::from_u128(90), now).unwrap();
    check(
        &agreed.expire(Some(day("2024-08-31")), now).unwrap(),
        expect![[r#"
            v3 active 2024-01-01 .. 2024-08-31T23:59:59.999999Z
              A 2024-01-01 .. 2024-06-30T23:59:59.999999Z
                2: 2024-01-01 .. open
              B 2024-07-01 .. 2024-08-31T23:59:59.999999Z
                4: 2024-07-01 .. open
                5: 2024-07-01 .. 2024-08-31T23:59:59.999999Z
              pause 2024-08-01 .. 2024-08-31T23:59:59.999999Z +0"#]],
    );
    let expired = agreed.expire(None, now).unwrap();
    check(
        &expired,
        expect![[r#"
            v3 expired 2024-01-01 .. 2024-03-15T23:59:59.999999Z
              A 2024-01-01 .. 2024-03-15T23:59:59.999999Z
                2: 2024-01-01 .. open"#]],
    );
    assert_eq!(expired.expire(None, now), Err(Refusal::AlreadyExpired));
    assert_eq!(
        agreed.expire(Some(day("2023-12-31")), now),
        Err(Refusal::ExpiryBeforeStart)
    );
    assert_eq!(
        agreed.expire(Some(day("2025-01-01")), now),
        Err(Refusal::ExpiryAfterEnd)
    );
    // Kept as it is, it stays expired through the day.
    let kept = expired
        .replace(expired.to_details(), None, &mut ids(50), now)
        .unwrap();
    assert_eq!(kept, expired);
}

#[test]
fn renewal_follows_the_contract_then_the_organisation() {
    use RenewalPolicy::{DoNotRenew, WithDefaultContract, WithExisting};
    let check = |own: Json, organisation: Option<RenewalPolicy>, today: &str, expected: Renewal| {
        let mut body = year();
        body["renewal_policy"] = own;
        let agreed = contract(&body).on(day(today));
        assert_eq!(renewal_due(&agreed, organisation, day(today)), expected);
    };
    check(Json::Null, None, "2025-01-01", Renewal::None);
    check(
        Json::Null,
        Some(WithExisting),
        "2024-12-31",
        Renewal::NotYet,
    );
    check(
        Json::Null,
        Some(WithExisting),
        "2025-01-01",
        Renewal::WithExisting,
    );
    check(
        json!("do_not_renew"),
        Some(WithExisting),
        "2025-01-01",
        Renewal::None,
    );
    check(
        json!("renew_with_existing"),
        Some(DoNotRenew),
        "2025-01-01",
        Renewal::WithExisting,
    );
    check(
        json!("renew_with_default_contract"),
        None,
        "2025-01-01",
        Renewal::None,
    );
    let mut body = year();
    body["include_in_renewal"] = json!(false);
    assert_eq!(
        renewal_due(
            &contract(&body),
            Some(WithDefaultContract),
            day("2025-01-01")
        ),
        Renewal::None
    );
    // Whoever ends a contract by hand does not want it again.
    let expired = contract(&year())
        .expire(Some(day("2024-05-31")), at("2024-03-01"))
        .unwrap();
    assert_eq!(
        renewal_due(&expired, Some(WithExisting), day("2024-06-01")),
        Renewal::None
    );
}

#[test]
fn a_renewed_term_repeats_prices_but_not_trials_and_charges_made_once() {
    let old = contract(
        &json!({ "start_date": "2024-01-31", "end_date": "2025-01-30", "phases": [
            { "name": "Trial", "phase_type": "trial", "end_date": "2024-02-28" },
            { "name": "Ramp", "end_date": "2024-08-30", "pricings": [
                { "pricing": seats(10, &[("2024-05-01", 15)]) }, { "pricing": once(500) } ] },
            { "name": "Full", "pricings": [{ "pricing": metered("1"), "end_date": "2024-12-30" }] },
        ]}),
    );
    let details = renewed_with_existing(&old).unwrap();
    assert_eq!(details.header.renewed_from, Some(old.id()));
    let surroundings = florin_core::contract::Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let new = florin_core::contract::create(
        Uuid::from_u128(0xA1),
        details,
        &surroundings,
        &mut ids(50),
        at("2025-01-31"),
    );
    check(
        &new.unwrap(),
        expect![[r#"
            v1 active 2025-01-31 .. 2026-01-30T23:59:59.999999Z
              Ramp 2025-01-31 .. 2025-08-30T23:59:59.999999Z
                51: 2025-01-31 .. open
              Full 2025-08-31 .. 2026-01-30T23:59:59.999999Z
                53: 2025-08-31 .. 2025-12-30T23:59:59.999999Z"#]],
    );
}
