//! `/contract_v2/{contract_id}/…`: phases, pauses, expiry, and what the calendar does.

use expect_test::expect;
use florin_app::contract::{keep_up, renew_due};
use florin_core::{billing_settings::BillingSettings, contract::RenewalPolicy};
use florin_store::{Actor, billing_settings};
use florin_testkit::{Answer, TestApp, both};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::contracts::{Catalogue, catalogue, fee, findings, refusal};
use crate::plans::{published, ramp};

async fn path(catalogue: &Catalogue, app: &TestApp) -> String {
    format!("/contract_v2/{}", catalogue.contract(app).await.id())
}

/// Phases with their days and type.
fn phases(answer: &Answer) -> String {
    let phases = answer.at("/phases").as_array().unwrap().iter();
    let day =
        |value: &serde_json::Value| value.as_str().map_or("open", |text| &text[..10]).to_owned();
    let line = phases.map(|phase| {
        let (start, end) = (day(&phase["start_date"]), day(&phase["end_date"]));
        format!("{} {} {start} {end}", phase["name"], phase["phase_type"])
    });
    line.collect::<Vec<_>>().join("\n")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

both! {
    async fn a_phase_is_added_where_its_days_are(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        body["phases"][0]["end_date"] = json!("2026-06-30");
        let made = app.post("/contract_v2", body).await.ok();
        let path = format!("/contract_v2/{}/phases", made.id());
        let line = json!({ "product_id": catalogue.product, "pricing": fee(1500) });
        let answer = app.post(&path, json!({ "name": "Second half", "pricings": [line] })).await.ok();
        expect![[r#"
            "Year 1" "active" 2026-01-01 2026-06-30
            "Second half" "active" 2026-07-01 2026-12-31"#]].assert_eq(&phases(&answer));
        assert_eq!(answer.at("/version"), 2);
        let overlapping = json!({ "name": "Third", "start_date": "2026-06-01",
            "pricings": [{ "product_id": catalogue.product }] });
        expect![[r#"pricings.0.pricing_id: name a price of the catalogue by pricing_id, or write one as pricing ("value_error.missing")"#]].assert_eq(&findings(&app.post(&path, overlapping.clone()).await));
        let mut overlapping = overlapping;
        overlapping["pricings"][0]["pricing_id"] = json!(catalogue.pricing);
        expect![[r#"start_date: the phase overlaps another one ("value_error.date")"#]].assert_eq(&findings(&app.post(&path, overlapping).await));
    }

    async fn a_pricing_is_added_to_a_phase(app) {
        let catalogue = catalogue(&app).await;
        let made = catalogue.contract(&app).await;
        let path = format!("/contract_v2/{}/phases", made.id());
        let of_phase = format!("{path}/{}/pricing", made.text("/phases/0/id"));
        let line = json!({ "product_id": catalogue.product, "pricing": fee(50),
            "start_date": "2026-03-01T00:00:00", "external_id": "LINE-2" });
        let added = app.post(&of_phase, line.clone()).await.ok();
        assert_eq!(added.at("/pricing/pricing_data/unit_amount"), 50);
        assert_eq!(added.text("/start_date"), "2026-03-01T00:00:00Z");
        let read = app.get(&format!("/contract_v2/{}", made.id())).await.ok();
        assert_eq!(read.at("/phases/0/pricings/1"), &added.body);
        let nowhere = format!("{path}/{}/pricing", made.id());
        assert_eq!(refusal(&app.post(&nowhere, line).await), (404, "NOT_FOUND"));
        let late = json!({ "pricing_id": catalogue.pricing, "start_date": "2027-03-01" });
        expect![[r#"start_date: the pricing is not inside its phase ("value_error.date")"#]].assert_eq(&findings(&app.post(&of_phase, late).await));
    }

    async fn a_pause_moves_the_end_and_is_shown_as_a_phase(app) {
        let path = path(&catalogue(&app).await, &app).await;
        let pause = format!("{path}/pause");
        let request = json!({ "start_date": "2026-02-01T00:00:00", "end_date": "2026-03-01T00:00:00",
            "unpause_extension_policy": "extend" });
        let paused = app.post(&pause, request).await.ok();
        assert_eq!(paused.text("/status"), "active", "the pause is to come");
        expect![[r#"
            "Year 1" "active" 2026-01-01 2027-01-28
            "Pause" "pause" 2026-02-01 2026-03-01"#]].assert_eq(&phases(&paused));
        assert_eq!(paused.text("/end_date"), "2027-01-28T23:59:59.999999Z");
        let edited = json!({ "unpause_extension_policy": "overlap", "start_date": "2026-01-02" });
        let edited = app.patch(&pause, edited).await.ok();
        assert_eq!(edited.text("/status"), "paused");
        assert_eq!(edited.text("/current_phase/phase_type"), "pause");
        assert_eq!(edited.text("/end_date"), "2026-12-31T23:59:59.999999Z");
        let sent_back = app.put(&path, edited.body.clone()).await.ok();
        assert_eq!(sent_back.body, edited.body);
        let resumed = app.patch(&format!("{path}/resume"), json!({})).await.ok();
        assert_eq!(resumed.text("/status"), "active");
        expect![[r#"
            "Year 1" "active" 2026-01-01 2026-12-31
            "Pause" "pause" 2026-01-02 2026-01-05"#]].assert_eq(&phases(&resumed));
    }

    async fn a_pause_that_does_not_fit_is_refused(app) {
        let path = path(&catalogue(&app).await, &app).await;
        let pause = format!("{path}/pause");
        let request = |start: &str, end: &str| json!({ "start_date": start, "end_date": end,
            "unpause_extension_policy": "overlap" });
        let refused = app.post(&pause, request("2026-03-01", "2026-02-01")).await;
        expect![[r#"end_date: the end of the pause is not after its start ("value_error.date")"#]].assert_eq(&findings(&refused));
        let refused = app.post(&pause, request("2027-03-01", "2027-04-01")).await;
        expect![[r#"start_date: the pause is not inside its contract ("value_error.date")"#]].assert_eq(&findings(&refused));
        expect![[r#"
            start_date: field required ("value_error.missing")
            unpause_extension_policy: field required ("value_error.missing")"#]].assert_eq(&findings(&app.post(&pause, json!({})).await));
        app.post(&pause, request("2026-03-01", "2026-03-31")).await.ok();
        app.post(&pause, request("2026-05-01", "2026-05-31")).await.ok();
        let refused = app.post(&pause, request("2026-03-15", "2026-04-15")).await;
        expect![[r#"start_date: the pause overlaps another one ("value_error.date")"#]].assert_eq(&findings(&refused));
        let edit = json!({ "end_date": "2026-06-30" });
        assert_eq!(refusal(&app.patch(&pause, edit.clone()).await), (400, "PAUSE_PHASE_AMBIGUOUS"));
        let shown = app.get(&path).await.ok();
        let mut edit = edit;
        edit["pause_phase_id"] = shown.at("/phases/2/id").clone();
        app.patch(&pause, edit).await.ok();
        let resumed = app.patch(&format!("{path}/resume"), json!({})).await;
        assert_eq!(refusal(&resumed), (400, "PAUSE_PHASE_NOT_FOUND"));
        assert_eq!(resumed.text("/detail"), "pause phase not found");
    }

    async fn an_expired_contract_stays_expired(app) {
        let catalogue = catalogue(&app).await;
        let path = path(&catalogue, &app).await;
        let expire = format!("{path}/expire");
        let refused = app.patch(&expire, json!({ "expiry_date": "2025-12-31" })).await;
        expect![[r#"expiry_date: the expiry is before the contract's start ("value_error.date")"#]].assert_eq(&findings(&refused));
        let refused = app.patch(&expire, json!({ "expiry_date": "2027-12-31" })).await;
        expect![[r#"expiry_date: the expiry is after the contract's end ("value_error.date")"#]].assert_eq(&findings(&refused));
        let to_come = app.patch(&expire, json!({ "expiry_date": "2026-06-30" })).await.ok();
        assert_eq!(to_come.text("/status"), "active");
        assert_eq!(to_come.text("/end_date"), "2026-06-30T23:59:59.999999Z");
        assert_eq!(to_come.text("/renewal_policy"), "do_not_renew");
        let today = app.patch(&expire, json!({})).await.ok();
        assert_eq!(today.text("/status"), "expired");
        assert_eq!(today.text("/end_date"), "2026-01-05T23:59:59.999999Z");
        assert_eq!(refusal(&app.patch(&expire, json!({})).await), (400, "CONTRACT_EXPIRED"));
        let phase = json!({ "name": "More" });
        let refused = app.post(&format!("{path}/phases"), phase).await;
        assert_eq!(refusal(&refused), (400, "CONTRACT_EXPIRED"));
        assert_eq!(refusal(&app.delete(&path).await), (400, "CONTRACT_NOT_A_DRAFT"));
        let refused = app.put(&path, catalogue.body()).await;
        expect![[r#"end_date: an expired contract cannot be in force again ("value_error.status")"#]].assert_eq(&findings(&refused));
    }

    async fn a_draft_is_not_paused(app) {
        let mut body = catalogue(&app).await.body();
        body.as_object_mut().unwrap().remove("status");
        let draft = app.post("/contract_v2", body).await.ok();
        assert_eq!(draft.text("/status"), "draft");
        let request = json!({ "start_date": "2026-03-01", "unpause_extension_policy": "extend" });
        let path = format!("/contract_v2/{}/pause", draft.id());
        assert_eq!(refusal(&app.post(&path, request).await), (400, "CONTRACT_NOT_IN_FORCE"));
    }

    async fn statuses_follow_the_calendar(app) {
        let catalogue = catalogue(&app).await;
        let (path, _) = (path(&catalogue, &app).await, path(&catalogue, &app).await);
        let request = json!({ "start_date": "2026-03-01", "end_date": "2026-03-31",
            "unpause_extension_policy": "overlap" });
        app.post(&format!("{path}/pause"), request).await.ok();
        let mut statuses = Vec::new();
        for (now, due) in [("2026-02-28T23:59:59Z", 0), ("2026-03-01T00:00:00Z", 1),
            ("2026-03-01T00:00:00Z", 0), ("2026-04-01T00:00:00Z", 1), ("2027-05-01T00:00:00Z", 2)] {
            let kept_up = keep_up(&app.app, app.organisation, at(now)).await.unwrap();
            assert_eq!(kept_up, due, "{now}");
            let paused = app.get("/contract_v2?status=paused").await.ok();
            let expired = app.get("/contract_v2?status=expired").await.ok();
            statuses.push([paused, expired].map(|page| page.at("/total_count").to_string()).concat());
        }
        assert_eq!(statuses, ["00", "10", "10", "00", "02"]);
        let amended = app.get(&format!("{path}/amendments")).await.ok();
        assert_eq!(amended.at("/total_count"), 1, "the calendar makes no versions");
    }

    async fn a_contract_is_renewed_once(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        body["renewal_policy"] = json!("renew_with_existing");
        let made = app.post("/contract_v2", body.clone()).await.ok();
        body["renewal_policy"] = json!("renew_with_default_contract");
        let without_plan = app.post("/contract_v2", body.clone()).await.ok();
        let plan = published(&app, ramp(&catalogue, 100)).await;
        body["plan_id"] = json!(plan.id());
        let of_plan = app.post("/contract_v2", body).await.ok();
        app.post(&format!("/plans/{}/archive", plan.id()), json!({})).await.ok();
        catalogue.contract(&app).await;
        let (first, end) = (at("2026-12-31T23:59:59Z"), at("2027-01-01T00:00:00Z"));
        let none = renew_due(&app.app, app.organisation, first).await.unwrap();
        assert_eq!(none, Default::default());
        let renewals = renew_due(&app.app, app.organisation, end).await.unwrap();
        let [(old, new)] = renewals.renewed[..] else { panic!("{renewals:?}") };
        assert_eq!(old.to_string(), made.id());
        let ended: Vec<String> = renewals.ended.iter().map(ToString::to_string).collect();
        assert!(ended.len() == 2 && ended.contains(&without_plan.id()), "{renewals:?}");
        assert_eq!(renewals.waiting[0].0.to_string(), of_plan.id());
        let next = app.get(&format!("/contract_v2/{new}")).await.ok();
        expect![[r#""Year 1" "active" 2027-01-01 2027-12-31"#]].assert_eq(&phases(&next));
        assert_eq!(next.text("/renewed_from"), made.id());
        let mut price = made.at("/phases/0/pricings/0/pricing").clone();
        price["created_at"] = json!("2027-01-01T00:00:00Z");
        price["updated_at"] = json!("2027-01-01T00:00:00Z");
        assert_eq!(next.at("/phases/0/pricings/0/pricing"), &price);
        let again = renew_due(&app.app, app.organisation, end).await.unwrap();
        assert_eq!((again.renewed, again.ended, again.waiting.len()), (vec![], vec![], 1));
    }

    async fn an_organisation_may_renew_by_default(app) {
        let made = catalogue(&app).await.contract(&app).await;
        let settings = BillingSettings {
            renewal_policy: Some(RenewalPolicy::WithExisting),
            ..BillingSettings::default()
        };
        let mut tx = app.app.begin(app.organisation, Actor::System, "").await.unwrap();
        billing_settings::save(&mut tx, &settings).await.unwrap();
        tx.commit().await.unwrap();
        let end = at("2027-01-01T00:00:00Z");
        let renewals = renew_due(&app.app, app.organisation, end).await.unwrap();
        assert_eq!(renewals.renewed[0].0.to_string(), made.id());
        // Whoever ends a contract by hand does not want it again.
        let expire = format!("/contract_v2/{}/expire", renewals.renewed[0].1);
        app.clock.advance(SignedDuration::from_hours(24 * 400));
        app.patch(&expire, json!({ "expiry_date": "2027-06-30" })).await.ok();
        let later = at("2028-01-01T00:00:00Z");
        let none = renew_due(&app.app, app.organisation, later).await.unwrap();
        assert_eq!(none, Default::default());
    }

    async fn contracts_are_found_by_what_they_say(app) {
        let catalogue = catalogue(&app).await;
        let mut ids = Vec::new();
        for (name, status, kind, end) in [
            ("Alder", "active", "standard", json!("2026-12-31")),
            ("Birch", "draft", "standard", json!(null)),
            ("Cedar of Alder", "active", "event_based", json!("2026-06-30")),
        ] {
            let mut body = catalogue.body();
            body["name"] = json!(name);
            body["status"] = json!(status);
            body["contract_type"] = json!(kind);
            body["end_date"] = end;
            if kind == "event_based" {
                let mut price = fee(5);
                price["billing_period"] = json!({ "cadence": "P1D", "offset": "postpaid" });
                body["phases"][0]["pricings"] =
                    json!([{ "product_id": catalogue.product, "pricing": price }]);
            }
            ids.push(app.post("/contract_v2", body).await.ok().id());
            app.clock.advance(SignedDuration::from_hours(1));
        }
        let (all, none) = (ids.join(","), "00000000-0000-7000-8000-00000000ffff");
        for (query, expected) in [
            ("order=created_at".to_owned(), "ABC"),
            ("order=-end_date".to_owned(), "ACB"),
            ("order=name".to_owned(), "ABC"),
            (format!("id={}", ids[1]), "B"),
            (format!("id__in={all}&order=name"), "ABC"),
            ("id__isnull=true".to_owned(), ""),
            (format!("customer_id={none}"), ""),
            (format!("customer_id__in={},{none}&order=name", catalogue.customer), "ABC"),
            ("customer_id__isnull=false&order=name".to_owned(), "ABC"),
            ("name=Alder".to_owned(), "A"),
            ("name__ilike=alder&order=name".to_owned(), "AC"),
            ("name__like=alder".to_owned(), ""),
            ("name__in=Alder,Birch&order=name".to_owned(), "AB"),
            ("name__isnull=true".to_owned(), ""),
            ("start_date=2026-01-01T00:00:00&order=name".to_owned(), "ABC"),
            ("start_date__neq=2026-01-01".to_owned(), ""),
            ("start_date__in=2026-01-01,2026-02-01&order=name".to_owned(), "ABC"),
            ("start_date__isnull=true".to_owned(), ""),
            ("end_date__isnull=true".to_owned(), "B"),
            ("end_date__gt=2026-07-01".to_owned(), "A"),
            ("end_date__lte=2026-07-01".to_owned(), "C"),
            ("created_at__gte=2026-01-05T11:00:00Z&order=name".to_owned(), "BC"),
            ("created_at__lt=2026-01-05T11:00:00Z".to_owned(), "A"),
            ("status=draft".to_owned(), "B"),
            ("status__in=active,paused&order=name".to_owned(), "AC"),
            ("contract_type=event_based".to_owned(), "C"),
            ("contract_type__in=standard,event_based&order=name".to_owned(), "ABC"),
            ("contract_type__isnull=true".to_owned(), ""),
            (format!("product_id={}&order=name", catalogue.product), "ABC"),
            ("customer__customer_name__ilike=north&order=name&limit=2".to_owned(), "AB"),
        ] {
            let answer = app.get(&format!("/contract_v2?{query}")).await.ok();
            let results = answer.at("/results").as_array().unwrap().iter();
            let letters: String = results.map(|row| &row["name"].as_str().unwrap()[..1]).collect();
            assert_eq!(letters, expected, "{query}");
        }
        let refused = app.get("/contract_v2?status=gone&start_date__gt=soon").await;
        assert_eq!(refused.at("/detail").as_array().unwrap().len(), 2, "{refused}");
        let first = app.get("/contract_v2?limit=2").await.ok();
        let next = app.get(&format!("/contract_v2?limit=2&cursor={}", first.text("/next"))).await.ok();
        assert_eq!(next.text("/results/0/name"), "Alder");
    }
}
