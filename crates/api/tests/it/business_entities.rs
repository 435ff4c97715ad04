//! `/business_entities`

use expect_test::expect;
use florin_testkit::{TestApp, both};
use serde_json::{Value, json};

/// Names of the entities of a list, with a star at the default.
async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let list = app
        .get(&format!("/business_entities?order=name{query}"))
        .await
        .ok();
    let rows = list.at("/results").as_array().unwrap();
    let star = |row: &Value| if row["is_default"] == true { "*" } else { "" };
    rows.iter()
        .map(|row| format!("{}{}", row["name"].as_str().unwrap(), star(row)))
        .collect()
}

/// Country, currency, payment terms and id of each config.
fn regions(configs: &Value) -> Vec<String> {
    let rows = configs.as_array().unwrap().iter();
    rows.map(|row| {
        format!(
            "{} {} {}",
            row["country_code"], row["currency"], row["payment_terms_days"]
        )
    })
    .map(|row| row.replace('"', ""))
    .collect()
}

both! {
    async fn an_organisation_begins_with_an_entity_of_its_name(app) {
        expect![[r#"
            200
            {
              "address": null,
              "created_at": "2026-01-05T10:00:00Z",
              "email": null,
              "id": "00000000-0000-7000-8000-000000000001",
              "is_default": true,
              "logo_url": null,
              "name": "Test",
              "phone_number": null,
              "tax_config": {},
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&app.get("/business_entities/default").await.to_string());
        assert_eq!(names(&app, "").await, ["Test*"]);
    }

    async fn every_field_comes_back(app) {
        let answer = app.post("/business_entities", json!({
            "name": " Northwind Billing Inc ", "email": "ar@nw.example", "phone_number": "+15550100",
            "logo_url": "https://nw.example/logo.png", "tax_config": { "rate": 0.10 },
            "address": { "line1": "1 Main", "city": "Dover", "zipCode": "19901" },
        })).await.ok();
        expect![[r#"
            200
            {
              "address": {
                "city": "Dover",
                "connector_validation": {},
                "country": null,
                "country_code": null,
                "line1": "1 Main",
                "line2": null,
                "line3": null,
                "state": null,
                "validation_status": "pending",
                "zipCode": "19901",
                "zip_code": "19901"
              },
              "created_at": "2026-01-05T10:00:00Z",
              "email": "ar@nw.example",
              "id": "00000000-0000-7000-8000-000000000005",
              "is_default": false,
              "logo_url": "https://nw.example/logo.png",
              "name": "Northwind Billing Inc",
              "phone_number": "+15550100",
              "tax_config": {
                "rate": 0.1
              },
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(app.get(&format!("/business_entities/{}", answer.id())).await.body, answer.body);
    }

    async fn every_bad_field_is_named(app) {
        let answer = app.post("/business_entities", json!({
            "email": "x", "logo_url": "javascript:alert(1)", "tax_config": [], "address": { "city": 1 },
        })).await;
        let places: Vec<String> = answer.at("/detail").as_array().unwrap().iter()
            .map(|field| field["loc"].to_string()).collect();
        expect![[r#"
            422
            ["body","name"]
            ["body","address","city"]
            ["body","email"]
            ["body","logo_url"]
            ["body","tax_config"]"#]].assert_eq(&format!("{}\n{}", answer.status, places.join("\n")));
        let blank = app.post("/business_entities", json!({ "name": "  " })).await;
        assert_eq!(blank.at("/detail/0/loc"), &json!(["body", "name"]));
        let phone = app.post("/business_entities", json!({ "name": "A", "phone_number": "12" })).await;
        assert_eq!(phone.at("/detail/0/loc"), &json!(["body", "phone_number"]));
        let nul = app.post("/business_entities", json!({ "name": "a\0b" })).await;
        assert_eq!(nul.status, 422);
    }

    async fn there_is_always_one_default(app) {
        let second = app.post("/business_entities", json!({ "name": "Second" })).await.ok().id();
        assert_eq!(names(&app, "").await, ["Second", "Test*"]);
        app.post("/business_entities", json!({ "name": "Third", "is_default": true })).await.ok();
        assert_eq!(names(&app, "").await, ["Second", "Test", "Third*"]);
        let path = format!("/business_entities/{second}");
        app.patch(&path, json!({ "is_default": true })).await.ok();
        assert_eq!(names(&app, "").await, ["Second*", "Test", "Third"]);
        let refused = app.patch(&path, json!({ "is_default": false })).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "BUSINESS_ENTITY_DEFAULT_NEEDED"));
        assert_eq!(app.get("/business_entities/default").await.id(), second);
    }

    async fn defaults_made_at_once_leave_one(app) {
        let create = |name: &'static str| {
            app.post("/business_entities", json!({ "name": name, "is_default": true }))
        };
        let (a, b, c) = tokio::join!(create("A"), create("B"), create("C"));
        assert_eq!([a.status, b.status, c.status], [200, 200, 200]);
        assert_eq!(names(&app, "&is_default=true").await.len(), 1);
    }

    async fn a_change_leaves_unnamed_fields(app) {
        let entity = app.post("/business_entities", json!({
            "name": "Second", "email": "ar@nw.example", "address": { "city": "Dover" },
        })).await.ok();
        let path = format!("/business_entities/{}", entity.id());
        app.clock.advance(jiff::SignedDuration::from_hours(1));
        let changed = app.patch(&path, json!({ "name": "Renamed" })).await.ok();
        assert_eq!(changed.at("/address/city"), "Dover");
        assert_eq!(changed.at("/updated_at"), "2026-01-05T11:00:00Z");
        let emptied = app.patch(&path, json!({ "address": null, "email": null })).await.ok();
        assert_eq!((emptied.at("/address"), emptied.at("/email")), (&json!(null), &json!(null)));
        assert_eq!(app.patch(&path, json!({ "name": null })).await.status, 422);
    }

    async fn a_list_is_filtered_searched_and_paged(app) {
        for name in ["Alpha", "Beta", "Gamma"] {
            let tax = json!({ "provider": name.to_lowercase() });
            app.post("/business_entities", json!({ "name": name, "tax_config": tax })).await.ok();
        }
        assert_eq!(names(&app, "&name__ilike=A&is_default=false").await, ["Alpha", "Beta", "Gamma"]);
        assert_eq!(names(&app, "&search=name=eta").await, ["Beta"]);
        assert_eq!(names(&app, "&search=tax_config.provider=gam").await, ["Gamma"]);
        let page = app.get("/business_entities?order=name&limit=2").await.ok();
        assert_eq!(page.at("/total_count"), 4);
        let next = format!("&limit=2&cursor={}", page.text("/next"));
        assert_eq!(names(&app, &next).await, ["Gamma", "Test*"]);
        let refused = app.get("/business_entities?order=logo_url&limit=0").await;
        assert_eq!((refused.status, refused.at("/detail").as_array().unwrap().len()), (422, 2));
    }

    async fn other_organisations_see_nothing(app) {
        let entity = app.post("/business_entities", json!({ "name": "Second" })).await.ok().id();
        let other = app.other_organisation().await;
        let path = format!("/business_entities/{entity}");
        for answer in [
            other.get(&path).await,
            other.patch(&path, json!({ "name": "Mine" })).await,
            other.get(&format!("{path}/config")).await,
            other.put(&format!("{path}/config"), json!({ "configs": [] })).await,
            other.put(&format!("{path}/config/US"), json!({})).await,
            other.delete(&format!("{path}/config/US")).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
        }
        assert_eq!(names(&other, "").await, ["Other*"]);
    }

    async fn a_region_has_one_config(app) {
        let path = format!("/business_entities/{}/config", app.organisation);
        let us = app.put(&format!("{path}/us"), json!({ "payment_terms_days": 30 })).await.ok();
        expect![[r#"
            200
            {
              "business_entity_id": "00000000-0000-7000-8000-000000000001",
              "config": {},
              "country_code": "US",
              "created_at": "2026-01-05T10:00:00Z",
              "currency": null,
              "id": "00000000-0000-7000-8000-000000000005",
              "invoice_number_prefix": null,
              "payment_terms_days": 30,
              "tax_id": null,
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&us.to_string());
        let again = app.put(&format!("{path}/US"), json!({ "tax_id": "12-3456789" })).await.ok();
        assert_eq!((again.id(), again.at("/payment_terms_days")), (us.id(), &json!(null)));
        app.put(&format!("{path}/US?currency=USD"), json!({ "payment_terms_days": 15 })).await.ok();
        app.put(&format!("{path}/DE"), json!({ "config": { "iban": "DE02" } })).await.ok();
        let all = app.get(&path).await.ok();
        assert_eq!(regions(all.at("/results")), ["DE null null", "US null null", "US USD 15"]);
        assert_eq!(all.at("/total_count"), 3);
        let us = app.get(&format!("{path}/US")).await.ok();
        assert_eq!(regions(us.at("/results")), ["US null null", "US USD 15"]);
        let dollars = app.get(&format!("{path}/US?currency=usd")).await.ok();
        assert_eq!(regions(dollars.at("/results")), ["US USD 15"]);
        assert_eq!(app.get(&format!("{path}/FR")).await.ok().at("/results"), &json!([]));
    }

    async fn all_configs_are_replaced(app) {
        let path = format!("/business_entities/{}/config", app.organisation);
        let first = app.put(&path, json!({ "configs": [
            { "country_code": "US", "currency": "USD", "payment_terms_days": 30 },
            { "country_code": "DE" },
        ] })).await.ok();
        assert_eq!(regions(first.at("/results")), ["DE null null", "US USD 30"]);
        let second = app.put(&path, json!({ "configs": [
            { "country_code": "US", "currency": "USD", "payment_terms_days": 15 },
            { "country_code": "FR", "config": { "n": serde_json::from_str::<Value>("1.10").unwrap() } },
        ] })).await.ok();
        assert_eq!(regions(second.at("/results")), ["FR null null", "US USD 15"]);
        assert_eq!(second.at("/results/1/id"), first.at("/results/1/id"));
        assert_eq!(second.at("/results/0/config/n").to_string(), "1.10");
        let none = app.put(&path, json!({ "configs": [] })).await.ok();
        assert_eq!(none.at("/total_count"), 0);
        app.put(&format!("{path}/DE"), json!({})).await.ok();
    }

    async fn a_bad_region_is_named(app) {
        let path = format!("/business_entities/{}/config", app.organisation);
        let answer = app.put(&path, json!({ "configs": [
            { "country_code": "US" }, { "country_code": "1!", "currency": "XXY" }, { "country_code": "us" },
        ] })).await;
        assert_eq!((answer.status, answer.at("/detail/1/loc")), (422, &json!(["body", "configs", 1, "currency"])));
        let twice = app.put(&path, json!({ "configs": [{ "country_code": "US" }, { "country_code": "us" }] })).await;
        assert_eq!((twice.status, twice.at("/detail/0/loc")), (422, &json!(["body", "configs", 1, "country_code"])));
        let beyond = app.put(&format!("{path}/US"), json!({ "payment_terms_days": 99999999999999999999_u128 })).await;
        assert_eq!((beyond.status, beyond.at("/detail/0/loc")), (422, &json!(["body", "payment_terms_days"])));
        let answer = app.get(&format!("{path}/USA?currency=dollars")).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "path",
                    "country_code"
                  ],
                  "msg": "write the country as two letters of ISO 3166-1, as US",
                  "type": "value_error.region"
                },
                {
                  "loc": [
                    "query",
                    "currency"
                  ],
                  "msg": "write the currency as a code of ISO 4217, as USD",
                  "type": "value_error.region"
                }
              ]
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(app.get(&format!("{path}/%00")).await.status, 422);
        assert_eq!(app.get(&format!("{path}/US?currency=USD&currency=EUR")).await.status, 200);
    }

    async fn a_deleted_config_is_answered_and_gone(app) {
        let path = format!("/business_entities/{}/config", app.organisation);
        for region in ["US", "US?currency=USD", "US?currency=EUR", "DE"] {
            app.put(&format!("{path}/{region}"), json!({})).await.ok();
        }
        let euros = app.delete(&format!("{path}/US?currency=EUR")).await.ok();
        assert_eq!(regions(euros.at("/results")), ["US EUR null"]);
        let rest = app.delete(&format!("{path}/US")).await.ok();
        assert_eq!(regions(rest.at("/results")), ["US null null", "US USD null"]);
        assert_eq!(app.delete(&format!("{path}/US")).await.status, 404);
        assert_eq!(regions(app.get(&path).await.at("/results")), ["DE null null"]);
        app.put(&format!("{path}/US"), json!({})).await.ok();
    }
}
