//! What is due: bills by day, cycles, drafts, pauses, amendments, late usage. Numbers are worked out in the
//! comments.

use expect_test::expect;
use florin_core::billing::{
    AdjustmentReason, BilledPeriod, Error, Generation, GenerationRequest, History, Redraft,
    affected, billing_cycles, due, generation, next_bill_day, redraft,
};
use florin_core::calendar::Period;
use florin_core::contract::{Contract, End, ExtensionPolicy, PauseRequest, Start, Taxation};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{at, contract, details, fee, ids, metered, of, once, seats};
use crate::books::Books;
use crate::build::day;

fn period(start: &str, end: &str) -> Period {
    Period::new(day(start), day(end)).unwrap()
}

fn replaced(contract: &Contract, body: &Json, now: &str) -> Contract {
    contract
        .replace(details(body), None, &mut ids(500), at(now))
        .unwrap()
}

fn paused(contract: &Contract, start: &str, end: &str, policy: ExtensionPolicy) -> Contract {
    let zone = TimeZone::UTC;
    let request = PauseRequest {
        start: Start::read(start, &zone).unwrap(),
        end: Some(End::read(end, &zone).unwrap()),
        policy,
    };
    contract
        .pause(request, Uuid::from_u128(90), at("2024-01-02"))
        .unwrap()
}

#[test]
fn lines_that_are_due_on_one_day_share_a_bill() {
    let agreed = contract(&json!({ "phases": [
        of(&[fee("P1M", "prepaid", 100), metered("2"), once(500)])
    ] }));
    let mut books = Books::open(&agreed);
    // 1 January: fee and setup; 1 February: the fee of February, 31 units of January.
    assert_eq!(books.run(day("2024-02-15")), 2);
    expect![[r#"
        2024-01-01
          [2024-01-01, 2024-02-01) 100.00 USD
          [2024-01-01, 2024-01-02) 500.00 USD
        2024-02-01
          [2024-02-01, 2024-03-01) 100.00 USD
          [2024-01-01, 2024-02-01) 62.00 USD"#]]
    .assert_eq(&books.shown());
    assert_eq!(books.run(day("2024-02-15")), 0);
}

#[test]
fn cycles_are_listed_by_phase_and_day() {
    let agreed = contract(&json!({ "start_date": "2024-01-31", "phases": [
        { "name": "A", "end_date": "2024-03-30", "pricings": [
            { "pricing": fee("P1M", "prepaid", 1) }, { "pricing": metered("1") } ] },
        { "name": "B", "pricings": [{ "pricing": fee("P1Y", "prepaid", 1) }] },
    ] }));
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let cycles = billing_cycles(&phases, day("2024-01-31"), 6).unwrap();
    let cycles = cycles.iter().map(|entry| {
        let cycle = entry.cycle;
        format!(
            "{} {} for {} ({})\n",
            entry.name, cycle.service, cycle.bill_for_date, cycle.billing_cycle_start_day
        )
    });
    expect![[r#"
        A [2024-01-31, 2024-02-29) for 2024-01-31 (31)
        A [2024-01-31, 2024-02-29) for 2024-02-29 (31)
        A [2024-02-29, 2024-03-31) for 2024-02-29 (29)
        A [2024-02-29, 2024-03-31) for 2024-03-31 (29)
        B [2024-03-31, 2025-01-31) for 2024-03-31 (31)
        B [2025-01-31, 2026-01-31) for 2025-01-31 (31)
    "#]]
    .assert_eq(&cycles.collect::<String>());
}

#[test]
fn a_bill_is_asked_for_by_its_cycle() {
    let agreed = contract(&json!({ "phases": [of(&[metered("2"), fee("P1M", "prepaid", 10)])] }));
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let january = GenerationRequest {
        window: period("2024-01-01", "2024-02-01"),
        bill_for_date: day("2024-02-01"),
        billing_cycle_start_day: Some(1),
    };
    let ask = |billed: &[BilledPeriod], request| {
        let history = History {
            periods: billed,
            last_bills: &[],
            since: None,
        };
        generation(&phases, history, request).unwrap()
    };
    let Generation::Due(bill) = ask(&[], january) else {
        panic!("January is due");
    };
    // The fee of February is billed on that day too, but was not asked for.
    let charges: Vec<_> = bill.parts.iter().flat_map(|part| &part.charges).collect();
    assert_eq!(charges.len(), 1);
    let id = Uuid::from_u128(5);
    let draft = charges[0].billed(phases[0].phase_id, id);
    assert_eq!(ask(&[draft], january), Generation::InDrafts(vec![id]));
    let approved = BilledPeriod {
        is_draft: false,
        ..draft
    };
    assert_eq!(ask(&[approved], january), Generation::AlreadyBilled);
    let other_day = GenerationRequest {
        bill_for_date: day("2024-02-02"),
        ..january
    };
    assert_eq!(ask(&[], other_day), Generation::NoSuchCycle);
    let other_start = GenerationRequest {
        billing_cycle_start_day: Some(2),
        ..january
    };
    assert_eq!(ask(&[], other_start), Generation::NoSuchCycle);
}

#[test]
fn the_upcoming_bill_has_a_day() {
    let body = json!({ "start_date": "2024-01-10", "end_date": "2024-12-31", "anchor_date": "2024-01-15",
        "phases": [of(&[fee("P1M", "prepaid", 10), fee("P3M", "P20D", 10), once(5)])] });
    let phases = contract(&body).terms(&Taxation::default()).unwrap();
    for (after, next) in [
        ("2023-12-01", Some("2024-01-10")),
        ("2024-01-10", Some("2024-01-15")),
        // 20 days after the stub that ends on 15 January.
        ("2024-01-15", Some("2024-02-04")),
        ("2024-02-04", Some("2024-02-15")),
        ("2024-12-31", Some("2025-01-21")),
        ("2025-01-21", None),
    ] {
        let next: Option<jiff::civil::Date> = next.map(day);
        assert_eq!(next_bill_day(&phases, day(after)), Ok(next), "{after}");
    }
}

#[test]
fn a_run_that_is_sure_of_its_past_looks_at_what_came_since() {
    let agreed = contract(&json!({ "phases": [of(&[fee("P1D", "postpaid", 1)])] }));
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let since = |since| {
        let history = History {
            since,
            ..History::default()
        };
        let bills = due(&phases, history, day("2024-12-31")).unwrap();
        bills.len()
    };
    assert_eq!((since(None), since(Some(day("2024-12-30")))), (365, 2));
}

#[test]
fn what_was_billed_twice_is_found() {
    let agreed = contract(&json!({ "phases": [of(&[fee("P1M", "prepaid", 10)])] }));
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let bills = due(&phases, History::default(), day("2024-01-01")).unwrap();
    let charge = &bills[0].parts[0].charges[0];
    let one = charge.billed(phases[0].phase_id, Uuid::from_u128(1));
    let quarterly = contract(&json!({ "phases": [of(&[once(10)])] }));
    let phases = quarterly.terms(&Taxation::default()).unwrap();
    let other = BilledPeriod {
        full: period("2024-01-01", "2024-01-02"),
        ..one
    };
    let history = History {
        periods: &[one, other],
        last_bills: &[],
        since: None,
    };
    let found = due(&phases, history, day("2024-01-01"));
    assert!(matches!(found, Err(Error::Overlap { .. })), "{found:?}");
}

#[test]
fn a_pause_gives_prepaid_days_back_and_skips_paused_periods() {
    // 310 a month, prepaid: 10 a day in January. Paused from 22 January to 29 February.
    let agreed = contract(
        &json!({ "end_date": "2024-12-31", "phases": [of(&[fee("P1M", "prepaid", 310)])] }),
    );
    let mut books = Books::open(&agreed);
    books.run(day("2024-01-01"));
    books.amend(&paused(
        &agreed,
        "2024-01-22",
        "2024-02-29",
        ExtensionPolicy::Overlap,
    ));
    books.run(day("2024-03-01"));
    // 21 of 31 days of January; nothing for February; March.
    expect![[r#"
        2024-01-01
          [2024-01-01, 2024-02-01) 210.00 USD
        2024-03-01
          [2024-03-01, 2024-04-01) 310.00 USD"#]]
    .assert_eq(&books.shown());
}

#[test]
fn an_expiry_gives_back_what_was_paid_ahead() {
    // 366 for the leap year, prepaid: a dollar a day. Expired after 91 days.
    let agreed = contract(&json!({ "phases": [of(&[fee("P1Y", "prepaid", 366), metered("2")])] }));
    let mut books = Books::open(&agreed);
    books.run(day("2024-03-15"));
    let expired = agreed
        .expire(Some(day("2024-03-31")), at("2024-03-20"))
        .unwrap();
    books.amend(&expired);
    books.run(day("2024-05-01"));
    expect![[r#"
        2024-01-01
          [2024-01-01, 2024-04-01) 91.00 USD
        2024-02-01
          [2024-01-01, 2024-02-01) 62.00 USD
        2024-03-01
          [2024-02-01, 2024-03-01) 58.00 USD
        2024-04-01
          [2024-03-01, 2024-04-01) 62.00 USD"#]]
    .assert_eq(&books.shown());
}

#[test]
fn a_price_that_rises_in_an_approved_month_is_made_up_for() {
    // 31 a month prepaid; from 17 January on 62. January is approved with 31.
    let body = json!({ "phases": [{ "name": "A", "pricings": [{ "pricing": fee("P1M", "prepaid", 31) }] }] });
    let agreed = contract(&body);
    let mut books = Books::open(&agreed);
    books.run(day("2024-01-31"));
    let dearer = json!({ "phases": [
        { "name": "A", "end_date": "2024-01-16", "pricings": [{ "pricing": fee("P1M", "prepaid", 31) }] },
        { "name": "B", "pricings": [{ "pricing": fee("P1M", "prepaid", 62) }] },
    ] });
    books.amend(&replaced(&agreed, &dearer, "2024-01-31"));
    books.run(day("2024-02-01"));
    // 16 days at 1 a day, 15 days at 2 a day; B is anchored to the 1st as the contract is.
    expect![[r#"
        2024-01-01
          [2024-01-01, 2024-01-17) 16.00 USD
        2024-01-17
          [2024-01-17, 2024-02-01) 30.00 USD
        2024-02-01
          [2024-02-01, 2024-03-01) 62.00 USD"#]]
    .assert_eq(&books.shown());
}

#[test]
fn seats_that_change_inside_a_billed_month_are_adjusted() {
    // 10 a seat and month, prepaid. 3 seats; from 17 January 5: two more for 15 of 31 days, 9.68.
    let agreed = contract(&json!({ "phases": [of(&[seats(3, &[])])] }));
    let mut books = Books::open(&agreed);
    books.run(day("2024-01-10"));
    let more = json!({ "phases": [of(&[seats(3, &[("2024-01-17", 5)])])] });
    books.amend(&replaced(&agreed, &more, "2024-01-10"));
    assert_eq!(books.totals().into_values().collect::<Vec<_>>(), [3968]);
}

#[test]
fn a_new_cadence_takes_the_old_periods_back() {
    let monthly = json!({ "phases": [of(&[fee("P1M", "prepaid", 10)])] });
    let agreed = contract(&monthly);
    let mut books = Books::open(&agreed);
    books.run(day("2024-02-10"));
    let quarterly = json!({ "phases": [of(&[fee("P3M", "prepaid", 27)])] });
    let agreed = replaced(&agreed, &quarterly, "2024-02-10");
    books.amend(&agreed);
    books.run(day("2024-02-10"));
    assert_eq!(books.totals().into_values().collect::<Vec<_>>(), [2700]);
    // And back again: the months are billed anew, as the next revision.
    books.amend(&replaced(&agreed, &monthly, "2024-02-11"));
    books.run(day("2024-02-11"));
    assert_eq!(
        books.totals().into_values().collect::<Vec<_>>(),
        [1000, 1000]
    );
}

#[test]
fn a_change_touches_only_what_it_changes() {
    let body = json!({ "phases": [of(&[fee("P1M", "prepaid", 10), fee("P1M", "prepaid", 20)])] });
    let agreed = contract(&body);
    let mut books = Books::open(&agreed);
    books.run(day("2024-02-10"));
    let mut other = body.clone();
    other["phases"][0]["name"] = json!("Another name");
    other["phases"][0]["pricings"][1]["is_enabled"] =
        json!([{ "effective_from": "2024-02-15", "value": false }]);
    let changed = replaced(&agreed, &other, "2024-02-10")
        .terms(&Taxation::default())
        .unwrap();
    let effect = affected(&books.phases, &changed, &books.periods).unwrap();
    let touched: Vec<String> = effect
        .periods
        .iter()
        .map(|period| period.full.to_string())
        .collect();
    assert_eq!(touched, ["[2024-02-01, 2024-03-01)"]);
    // A draft is made anew instead.
    let drafts: Vec<BilledPeriod> = books
        .periods
        .iter()
        .map(|period| BilledPeriod {
            is_draft: true,
            ..*period
        })
        .collect();
    let effect = affected(&books.phases, &changed, &drafts).unwrap();
    assert_eq!((effect.drafts.len(), effect.periods.len()), (1, 0));
}

#[test]
fn a_draft_is_made_anew_with_what_stands_of_it() {
    let body = json!({ "phases": [of(&[fee("P1M", "prepaid", 10), fee("P1M", "prepaid", 20)])] });
    let agreed = contract(&body);
    let mut books = Books::open(&agreed);
    books.run(day("2024-01-01"));
    let mut drafts = books.periods.clone();
    drafts.iter_mut().for_each(|period| period.is_draft = true);
    let mut shorter = agreed.to_details();
    shorter.phases[0].lines.remove(1);
    let now = at("2024-01-02");
    let shorter = agreed.replace(shorter, None, &mut ids(500), now).unwrap();
    let phases = shorter.terms(&Taxation::default()).unwrap();
    let again = redraft(&phases, &drafts, drafts[0].part).unwrap();
    let own = again.own.unwrap();
    let lines: Vec<_> = own
        .charges
        .iter()
        .map(|charge| (charge.line, charge.revision))
        .collect();
    assert_eq!(lines, [(drafts[0].line, 0)]);
    assert_eq!((own.withdrawn, again.adjusted), (vec![drafts[1]], vec![]));
    assert_eq!(
        redraft(&phases, &drafts, Uuid::nil()),
        Ok(Redraft::default())
    );
    // An approved bill is rated again instead.
    assert_eq!(
        redraft(&phases, &books.periods, drafts[0].part),
        Ok(Redraft::default())
    );
}

#[test]
fn a_draft_that_adjusts_is_made_anew_with_what_it_adjusts() {
    let body = json!({ "phases": [of(&[fee("P1M", "prepaid", 10), fee("P1M", "prepaid", 20)])] });
    let agreed = contract(&body);
    let mut books = Books::open(&agreed);
    books.run(day("2024-01-01"));
    let later = Uuid::from_u128(0x77);
    let service = Some(books.periods[0].service);
    let mut periods = books.periods.clone();
    periods[0] = periods[0].revised(service, later);
    let adjusted = redraft(&books.phases, &periods, later).unwrap().adjusted;
    assert_eq!(adjusted, [periods[0]]);
    // The other line of the same bill changes: the draft that adjusts the bill is made anew too.
    let mut other = body;
    other["phases"][0]["pricings"][1]["pricing"] = fee("P1M", "prepaid", 30);
    let changed = replaced(&agreed, &other, "2024-01-10")
        .terms(&Taxation::default())
        .unwrap();
    let effect = affected(&books.phases, &changed, &periods).unwrap();
    assert_eq!(
        (effect.drafts, effect.periods),
        (vec![later], vec![periods[1]])
    );
}

#[test]
fn usage_that_comes_late_is_charged_as_a_difference() {
    let agreed = contract(&json!({ "phases": [of(&[metered("2")])] }));
    let mut books = Books::open(&agreed);
    books.run(day("2024-02-01"));
    assert_eq!(books.totals().into_values().collect::<Vec<_>>(), [6200]);
    books.units_a_day = 2.into();
    let touched = books.periods.clone();
    books.adjust(&touched, AdjustmentReason::LateUsage);
    assert_eq!(books.totals().into_values().collect::<Vec<_>>(), [12400]);
}

#[test]
fn a_minimum_of_prepaid_lines_is_settled_when_the_phase_ends() {
    // 10 a month prepaid, at least 100 a quarter: 70 are missing. No line is billed on 1 April.
    let minimum = json!({ "pricing_data": { "pricing_type": "features" }, "commitments":
        [{ "type": "minimum_spend", "unit_amount": 100, "cadence": "P3M" }] });
    let mut body =
        json!({ "end_date": "2024-03-31", "phases": [of(&[fee("P1M", "prepaid", 10)])] });
    body["phases"][0]["features"] = minimum;
    let mut books = Books::open(&contract(&body));
    books.run_daily(day("2024-01-01"), day("2024-04-10"));
    expect![[r#"
        2024-01-01
          [2024-01-01, 2024-02-01) 10.00 USD
        2024-02-01
          [2024-02-01, 2024-03-01) 10.00 USD
        2024-03-01
          [2024-03-01, 2024-04-01) 10.00 USD
        2024-04-01
          [2024-01-01, 2024-04-01) 70.00 USD"#]]
    .assert_eq(&books.shown());
}

#[test]
fn a_minimum_waits_for_a_bill_of_its_phase_that_is_still_to_come() {
    // 10 a month, billed 20 days after it: the last bill comes after the end, and 70 of 100 are missing on it.
    let minimum = json!({ "pricing_data": { "pricing_type": "features" }, "commitments":
        [{ "type": "minimum_spend", "unit_amount": 100, "cadence": "P3M" }] });
    let mut body = json!({ "end_date": "2024-03-31", "phases": [of(&[fee("P1M", "P20D", 10)])] });
    body["phases"][0]["features"] = minimum;
    let mut books = Books::open(&contract(&body));
    books.run_daily(day("2024-01-01"), day("2024-05-01"));
    expect![[r#"
        2024-02-21
          [2024-01-01, 2024-02-01) 10.00 USD
        2024-03-21
          [2024-02-01, 2024-03-01) 10.00 USD
        2024-04-21
          [2024-03-01, 2024-04-01) 10.00 USD
          [2024-01-01, 2024-04-01) 70.00 USD"#]]
    .assert_eq(&books.shown());
}

#[test]
fn the_day_on_which_a_minimum_is_settled_is_one_to_look_at() {
    let mut body =
        json!({ "end_date": "2024-03-31", "phases": [of(&[fee("P1M", "prepaid", 10)])] });
    let next = |body: &Json, after| {
        let phases = contract(body).terms(&Taxation::default()).unwrap();
        next_bill_day(&phases, day(after)).unwrap()
    };
    assert_eq!(next(&body, "2024-03-01"), None);
    body["phases"][0]["features"] = json!({ "pricing_data": { "pricing_type": "features" },
        "commitments": [{ "type": "minimum_spend", "unit_amount": 100, "cadence": "P3M" }] });
    assert_eq!(next(&body, "2024-03-01"), Some(day("2024-04-01")));
    assert_eq!(next(&body, "2024-04-01"), None);
}
