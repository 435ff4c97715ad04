//! `/plans`: phases, versions, what is fixed once a plan is published.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

use crate::contracts::{Catalogue, catalogue, fee, findings, refusal};

/// A year: three months at a half of the price, the rest at all of it.
pub(crate) fn ramp(catalogue: &Catalogue, amount: i64) -> Value {
    let line = |amount: i64| json!([{ "product_id": catalogue.product, "pricing": fee(amount) }]);
    json!({ "name": "Growth", "schedule": { "duration": "P1Y" }, "phases": [
        { "name": "Ramp", "schedule": { "duration": "P3M" }, "pricings": line(amount / 2) },
        { "name": "Full", "pricings": line(amount) },
    ]})
}

/// A published plan with this body.
pub(crate) async fn published(app: &TestApp, mut body: Value) -> Answer {
    body["status"] = json!("active");
    app.post("/plans", body).await.ok()
}

fn path(plan: &Answer) -> String {
    format!("/plans/{}", plan.id())
}

/// Phases with their schedules and prices.
fn phases(plan: &Answer) -> String {
    let phases = plan.at("/phases").as_array().unwrap().iter();
    let lines = phases.map(|phase| {
        let prices = phase["pricings"].as_array().unwrap().iter();
        let prices: Vec<String> = prices
            .map(|line| line["pricing"]["pricing_data"]["unit_amount"].to_string())
            .collect();
        let schedule = &phase["schedule"];
        format!(
            "{} {} {} + {}: {}",
            phase["order"],
            phase["name"],
            schedule["start_offset"],
            schedule["duration"],
            prices.join(" ")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

both! {
    async fn a_plan_is_shown_as_it_was_sent(app) {
        let catalogue = catalogue(&app).await;
        let made = app.post("/plans", ramp(&catalogue, 1000)).await.ok();
        assert_eq!(app.get(&path(&made)).await.ok().body, made.body);
        expect![[r#"
            0 "Ramp" "P0D" + "P3M": 500
            1 "Full" "P0D" + null: 1000"#]].assert_eq(&phases(&made));
        let mut shown = made.body.clone();
        let members = shown.as_object_mut().unwrap();
        members.remove("phases");
        expect![[r#"
            {
              "created_at": "2026-01-05T10:00:00Z",
              "currency": "USD",
              "description": null,
              "id": "00000000-0000-7000-8000-00000000000b",
              "name": "Growth",
              "plan_version": {
                "diff": {
                  "additions": [],
                  "deletions": [],
                  "updates": []
                },
                "id": "00000000-0000-7000-8000-00000000000b",
                "is_latest_version": true,
                "new_plan_id": "00000000-0000-7000-8000-00000000000b",
                "old_plan_id": null,
                "parent_plan_id": "00000000-0000-7000-8000-00000000000b",
                "version_number": 1
              },
              "schedule": {
                "duration": "P1Y",
                "start_offset": "P0D",
                "trigger_type": "time_based"
              },
              "status": "draft",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&format!("{shown:#}"));
        let line = made.at("/phases/0/pricings/0");
        assert_eq!(line["product"]["name"], "Platform fee");
        // What was read can be sent back: phases and pricings keep their ids.
        let again = app.put(&path(&made), made.body.clone()).await.ok();
        assert_eq!(again.body, made.body);
    }

    async fn everything_that_is_wrong_with_a_plan_is_named_at_its_field(app) {
        let catalogue = catalogue(&app).await;
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let unreadable = app.post("/plans", json!({ "name": "Bad", "status": "active",
            "schedule": { "duration": "P1H" },
            "phases": [
                { "name": "A", "schedule": { "duration": "a year" }, "pricings": [
                    { "product_id": nobody, "pricing": fee(1) },
                    { "product_id": catalogue.product },
                    { "product_id": catalogue.product, "pricing": { "pricing_data":
                        { "pricing_type": "per_unit", "unit_amount": 1, "currency": "XXX" } } },
                ]},
            ]})).await;
        expect![[r#"
            phases.0.pricings.1.pricing_id: name a price of the catalogue by pricing_id, or write one as pricing ("value_error.missing")
            phases.0.pricings.2.pricing.pricing_data.currency: value is not a currency of ISO 4217 ("value_error.currency")
            phases.0.pricings.0.product_id: there is no product with this id ("value_error.unknown_id")
            schedule.duration: `P1H` is not an ISO 8601 duration in years, months, weeks or days ("value_error.duration")
            phases.0.schedule.duration: `a year` is not an ISO 8601 duration in years, months, weeks or days ("value_error.duration")"#]].assert_eq(&findings(&unreadable));
        let line = |price: Value| json!([{ "product_id": catalogue.product, "pricing": price }]);
        let euros = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1, "currency": "EUR" },
            "billing_period": { "cadence": "P1M" } });
        let without_cadence = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1 },
            "is_recurring": true });
        let wrong = app.post("/plans", json!({ "name": " ", "schedule": { "duration": "P1Y" }, "phases": [
            { "name": "Second", "order": 1, "schedule": { "duration": "P9M" }, "pricings": line(euros) },
            { "name": "First", "order": 0, "schedule": { "duration": "P3M" }, "pricings":
                [line(fee(1))[0], line(without_cadence)[0]] },
        ]})).await;
        expect![[r#"
            phases.1.pricings.1.pricing.billing_period.cadence: a recurring price needs a billing period with a cadence ("value_error.missing")
            phases.0.pricings.0.pricing.pricing_data.currency: the price is in EUR, the contract in USD ("value_error.currency")
            name: a name that is not blank is needed ("value_error.missing")"#]].assert_eq(&findings(&wrong));
        let lengths = app.post("/plans", json!({ "name": "Long", "schedule": { "duration": "P0D" }, "phases": [
            { "name": "First", "pricings": line(fee(1)) },
            { "name": "Empty", "order": 0, "schedule": { "duration": "P0M" } },
            { "name": "Pause", "order": 2, "phase_type": "pause", "pricings": line(fee(1)) },
        ]})).await;
        expect![[r#"
            phases.1.order: another phase has this order ("value_error.duplicate")
            schedule.duration: a duration is longer than P0D ("value_error.duration")
            phases.0.schedule.duration: only the last phase may be without a duration ("value_error.missing")
            phases.1: a phase needs features or at least one pricing ("value_error.missing")
            phases.1.schedule.duration: a duration is longer than P0D ("value_error.duration")
            phases.2.phase_type: a pause is made and changed by /pause and /resume ("value_error")"#]].assert_eq(&findings(&lengths));
        let long = app.post("/plans", json!({ "name": "Long", "schedule": { "duration": "P1Y" }, "phases": [
            { "name": "First", "schedule": { "duration": "P1Y1D" }, "pricings": line(fee(1)) },
        ]})).await;
        expect![[r#"phases: the phases last longer than the plan ("value_error.duration")"#]].assert_eq(&findings(&long));
        let nothing = json!({ "name": "Empty", "status": "active", "schedule": {} });
        expect![[r#"phases: a published plan needs at least one phase ("value_error.missing")"#]].assert_eq(&findings(&app.post("/plans", nothing).await));
        let archived = json!({ "name": "Old", "status": "archived", "schedule": {} });
        expect![[r#"status: a plan is created as draft or active ("value_error.status")"#]].assert_eq(&findings(&app.post("/plans", archived).await));
        assert_eq!(app.get("/plans").await.ok().at("/total_count"), 0);
    }

    async fn what_is_published_is_fixed_and_is_archived(app) {
        let catalogue = catalogue(&app).await;
        let made = app.post("/plans", ramp(&catalogue, 1000)).await.ok();
        let path = path(&made);
        assert_eq!(refusal(&app.post(&format!("{path}/archive"), json!({})).await), (400, "PLAN_STATUS_NOT_ALLOWED"));
        let active = app.post(&format!("{path}/publish"), json!({})).await.ok();
        assert_eq!(active.text("/status"), "active");
        let mut body = active.body.clone();
        body["phases"][1]["pricings"][0]["pricing"]["pricing_data"]["unit_amount"] = json!(900);
        assert_eq!(refusal(&app.put(&path, body).await), (400, "PLAN_PUBLISHED"));
        let phase = format!("{path}/phases/{}", made.text("/phases/0/id"));
        assert_eq!(refusal(&app.delete(&phase).await), (400, "PLAN_PUBLISHED"));
        let line = json!({ "product_id": catalogue.product, "pricing": fee(1) });
        assert_eq!(refusal(&app.post(&format!("{phase}/pricing"), line).await), (400, "PLAN_PUBLISHED"));
        let mut renamed = active.body.clone();
        renamed["name"] = json!("Growth 2026");
        assert_eq!(app.put(&path, renamed).await.ok().text("/name"), "Growth 2026");
        assert_eq!(refusal(&app.delete(&path).await), (400, "PLAN_NOT_A_DRAFT"));
        let back = json!({ "name": "Growth", "status": "draft", "schedule": { "duration": "P1Y" } });
        assert_eq!(refusal(&app.put(&path, back).await), (400, "PLAN_STATUS_NOT_ALLOWED"));
        let archived = app.post(&format!("{path}/archive"), json!({})).await.ok();
        assert_eq!(archived.text("/status"), "archived");
        assert_eq!(app.post(&format!("{path}/publish"), json!({})).await.ok().text("/status"), "active");
    }

    async fn a_version_says_what_differs_from_the_one_before(app) {
        let catalogue = catalogue(&app).await;
        let first = published(&app, ramp(&catalogue, 1000)).await;
        let path = path(&first);
        let second = app.post(&format!("{path}/new_version"), json!({})).await.ok();
        assert_eq!(second.at("/plan_version/diff/updates"), &json!([]));
        assert_eq!(second.at("/plan_version/old_plan_id"), first.at("/id"));
        assert_eq!(second.at("/plan_version/parent_plan_id"), first.at("/id"));
        assert_eq!((second.text("/status"), second.at("/plan_version/version_number")), ("draft", &json!(2)));
        let again = app.post(&format!("{path}/new_version"), json!({})).await;
        assert_eq!(refusal(&again), (400, "PLAN_VERSION_OPEN"));
        let mut body = second.body.clone();
        body["phases"][1]["pricings"][0]["pricing"]["pricing_data"]["unit_amount"] = json!(1200);
        body["phases"].as_array_mut().unwrap().remove(0);
        body["description"] = json!("Dearer");
        let changed = app.put(&format!("/plans/{}", second.id()), body).await.ok();
        let (ramp, full) = (first.text("/phases/0/id"), first.text("/phases/1/id"));
        let line = first.text("/phases/1/pricings/0/id");
        let diff = changed.at("/plan_version/diff");
        assert_eq!(diff["additions"], json!([{ "path": ["description"], "old": null, "new": "Dearer" }]));
        assert_eq!(diff["deletions"][0]["path"], json!(["phases", ramp]));
        assert_eq!(diff["updates"], json!([{ "old": 1000, "new": 1200, "path": ["phases", full, "pricings", line,
            "pricing", "pricing_data", "unit_amount"] }]));
        let latest = || app.get("/plans?is_latest_version=true");
        assert_eq!(latest().await.ok().at("/results/0/id"), changed.at("/id"));
        assert_eq!(latest().await.ok().at("/total_count"), 1);
        app.delete(&format!("/plans/{}", second.id())).await.ok();
        assert_eq!(latest().await.ok().at("/results/0/id"), first.at("/id"));
        assert_eq!(app.get(&format!("/plans/{}", second.id())).await.status, 404);
        let next = app.post(&format!("{path}/new_version"), json!({})).await.ok();
        assert_eq!(next.at("/plan_version/version_number"), 2);
    }

    async fn phases_and_pricings_of_a_draft_are_changed_one_by_one(app) {
        let catalogue = catalogue(&app).await;
        let made = app.post("/plans", ramp(&catalogue, 1000)).await.ok();
        let path = path(&made);
        let line = |amount| json!({ "product_id": catalogue.product, "pricing": fee(amount) });
        let first = json!({ "name": "Trial", "phase_type": "trial", "order": 0,
            "schedule": { "duration": "P1M" } });
        let with_trial = app.post(&format!("{path}/phases"), first).await.ok();
        let trial = format!("{path}/phases/{}", with_trial.text("/phases/0/id"));
        let last = json!({ "name": "Last", "pricings": [line(2000)] });
        expect![[r#": only the last phase may be without a duration ("value_error.missing")"#]].assert_eq(&findings(&app.post(&format!("{path}/phases"), last).await));
        let bad = json!({ "product_id": catalogue.product, "pricing": { "pricing_data":
            { "pricing_type": "per_unit", "unit_amount": 1 }, "billing_period": { "cadence": "P1M" } } });
        expect![[r#"pricing.quantity: the price needs a quantity ("value_error.missing")"#]].assert_eq(&findings(&app.post(&format!("{trial}/pricing"), bad).await));
        let added = app.post(&format!("{trial}/pricing"), line(1)).await.ok();
        assert_eq!(added.at("/pricing/pricing_data/unit_amount"), 1);
        let price = format!("{trial}/pricing/{}", added.id());
        let replaced = app.put(&price, line(2)).await.ok();
        assert_eq!(replaced.at("/phases/0/pricings/0/id"), added.at("/id"));
        expect![[r#"
            0 "Trial" "P0D" + "P1M": 2
            1 "Ramp" "P0D" + "P3M": 500
            2 "Full" "P0D" + null: 1000"#]].assert_eq(&phases(&replaced));
        let without = app.delete(&price).await.ok();
        assert_eq!(without.at("/phases/0/pricings"), &json!([]));
        assert_eq!(app.delete(&price).await.status, 404);
        let moved = json!({ "name": "Second", "order": 1, "schedule": { "duration": "P2M" },
            "pricings": [line(3)] });
        let moved = app.put(&trial, moved).await.ok();
        assert_eq!(moved.at("/phases/1/id"), with_trial.at("/phases/0/id"));
        expect![[r#"
            0 "Ramp" "P0D" + "P3M": 500
            1 "Second" "P0D" + "P2M": 3
            2 "Full" "P0D" + null: 1000"#]].assert_eq(&phases(&moved));
        let left = app.delete(&trial).await.ok();
        expect![[r#"
            0 "Ramp" "P0D" + "P3M": 500
            1 "Full" "P0D" + null: 1000"#]].assert_eq(&phases(&left));
        assert_eq!(app.delete(&trial).await.status, 404);
    }

    async fn plans_are_listed_and_filtered(app) {
        let catalogue = catalogue(&app).await;
        for name in ["Small", "Medium", "Large"] {
            let mut body = ramp(&catalogue, 100);
            body["name"] = json!(name);
            app.post("/plans", body).await.ok();
        }
        let names = |answer: Answer| -> String {
            let results = answer.ok();
            let results = results.at("/results").as_array().unwrap().iter();
            results.map(|plan| plan["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(app.get("/plans?order=name").await), "Large Medium Small");
        assert_eq!(names(app.get("/plans?name__ilike=m&order=-name").await), "Small Medium");
        assert_eq!(names(app.get("/plans?status=active").await), "");
        let page = app.get("/plans?limit=2&order=name").await.ok();
        assert_eq!(page.at("/total_count"), 3);
        let next = format!("/plans?limit=2&order=name&cursor={}", page.text("/next"));
        assert_eq!(names(app.get(&next).await), "Small");
        assert_eq!(app.get("/templates/plan").await.ok().at("/total_count"), 0);
    }
}
