//! The life of contracts: pauses, expiry, renewal.

use expect_test::expect;
use florin_core::contract::{
    ExtensionPolicy, Kept, PauseEdit, PauseRequest, Refusal, Renewal, RenewalPolicy, Start, Status,
    renewal_due, renewed_with_existing,
};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{at, contract, details, ids, metered, once, phase, seats};
use crate::build::day;
use crate::contract::{check, year};

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
fn a_replacement_keeps_the_pauses() {
    let agreed = contract(&year());
    let pause = request("2024-08-01", Some("2024-08-31"), ExtensionPolicy::Overlap);
    let now = at("2024-02-01");
    let paused = agreed.pause(pause, Uuid::from_u128(90), now).unwrap();
    let mut body = details(&year());
    let again = paused
        .replace(body.clone(), None, &mut ids(50), now)
        .unwrap();
    assert_eq!(again, paused);
    // A reader sends the pause back among the phases.
    let mut sent = phase(&json!({ "phase_type": "pause" }), &TimeZone::UTC);
    sent.id = Some(Uuid::from_u128(90));
    body.phases.insert(1, sent);
    let again = paused
        .replace(body.clone(), None, &mut ids(50), now)
        .unwrap();
    assert_eq!(again, paused);
    body.phases.truncate(1);
    let end = florin_core::contract::End::read("2024-06-30", &TimeZone::UTC).unwrap();
    body.header.end = Some(end);
    let found = paused.replace(body, None, &mut ids(50), now).unwrap_err();
    assert_eq!(
        found.to_string(),
        "end_date: a pause of the contract would begin outside it"
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

#[test]
fn the_calendar_says_when_the_status_changes_next() {
    use ExtensionPolicy::Overlap;
    let mut agreed = contract(&year());
    for (number, (start, end)) in [("2024-03-01", "2024-03-31"), ("2024-04-01", "2024-04-30")]
        .into_iter()
        .enumerate()
    {
        let pause = request(start, Some(end), Overlap);
        let id = Uuid::from_u128(90 + number as u128);
        agreed = agreed.pause(pause, id, at("2024-01-01")).unwrap();
    }
    let mut days = vec![day("2024-01-01")];
    while let Some(next) = agreed.next_status_day(*days.last().unwrap()) {
        agreed = agreed.on(next);
        days.push(next);
    }
    // A pause that follows on another one changes nothing on its first day.
    assert_eq!(
        days,
        ["2024-01-01", "2024-03-01", "2024-05-01", "2025-01-01"].map(day)
    );
    assert_eq!(agreed.status(), Status::Expired);
    assert_eq!(agreed.renewal_day(), Some(day("2025-01-01")));
}

#[test]
fn a_draft_may_be_without_phases_and_gets_its_first() {
    let draft = contract(&json!({ "status": "draft", "phases": [] }));
    assert_eq!(
        (
            draft.next_status_day(day("2024-01-01")),
            draft.renewal_day()
        ),
        (None, None)
    );
    let first = phase(&json!({ "name": "First" }), &TimeZone::UTC);
    let written = draft
        .add_phase(first, &mut ids(50), at("2024-01-01"))
        .unwrap();
    check(
        &written,
        expect![[r#"
            v2 draft 2024-01-01 .. open
              First 2024-01-01 .. open"#]],
    );
}

#[test]
fn a_document_of_another_hand_is_refused_with_its_field() {
    let agreed = contract(&year());
    let refused = |change: &dyn Fn(&mut Json)| {
        let mut document = agreed.document();
        change(&mut document);
        let kept = Kept {
            id: agreed.id(),
            version: 1,
            status: None,
            zone: TimeZone::UTC,
            created_at: at("2024-01-01"),
            updated_at: at("2024-01-01"),
            deleted_at: None,
        };
        let read = florin_core::contract::Contract::from_document(document, kept);
        read.unwrap_err().to_string()
    };
    for (refusal, expected) in [
        (
            refused(&|document| document["currency"] = json!("XYZ")),
            "currency of a contract is not what was written there",
        ),
        (
            refused(&|document| document["phases"][0]["pricings"][0]["pricing"] = Json::Null),
            "pricing of a pricing of a phase is not what was written there",
        ),
        (
            refused(&|document| document["end_date"] = json!("2020-01-01T00:00:00Z")),
            "end_date: the end is not after the start",
        ),
    ] {
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}
