//! `/templates/plan`: products, trials and how a plan is offered.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

use crate::contracts::{Catalogue, catalogue, fee, findings, refusal};

/// A plan of one product for a year, at 1000 dollars a month.
pub(crate) fn yearly(catalogue: &Catalogue) -> Value {
    json!({ "name": "Growth", "currency": "USD", "duration": "P1Y", "status": "active",
        "products": [{ "product_id": catalogue.product, "pricing_id": catalogue.pricing }] })
}

async fn sold(app: &TestApp, catalogue: &Catalogue, plan: &Answer) -> Answer {
    let body = json!({ "name": "Northwind", "status": "active", "currency": "USD",
        "customer_id": catalogue.customer, "start_date": "2026-01-10", "plan_id": plan.id() });
    app.post("/contract_v2", body).await.ok()
}

/// Phases of a contract with their days and prices.
pub(crate) fn phases(contract: &Answer) -> String {
    let phases = contract.at("/phases").as_array().unwrap().iter();
    let day = |value: &Value| value.as_str().map_or("open", |text| &text[..10]).to_owned();
    let lines = phases.map(|phase| {
        let prices = phase["pricings"].as_array().unwrap().iter();
        let prices: Vec<String> = prices
            .map(|line| line["pricing"]["pricing_data"]["unit_amount"].to_string())
            .collect();
        let (start, end) = (day(&phase["start_date"]), day(&phase["end_date"]));
        let (name, kind) = (&phase["name"], &phase["phase_type"]);
        format!("{name} {kind} {start}..{end}: {}", prices.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

both! {
    async fn a_plan_of_products_is_shown_with_how_it_is_offered(app) {
        let catalogue = catalogue(&app).await;
        let mut body = yearly(&catalogue);
        body["id"] = json!("9f0e8c7a-0000-4000-8000-000000000001");
        body["display_config"] = json!({ "name": "Growth!", "features": ["Support"] });
        body["provisioning_config"] = json!("charge_when_due");
        body["renewal_config"] = json!({ "renewal_policy": "renew_with_default_contract" });
        body["custom_attributes"] = json!({ "tier": 2 });
        let made = app.post("/templates/plan", body.clone()).await.ok();
        assert_eq!(app.get(&format!("/templates/plan/{}", made.id())).await.ok().body, made.body);
        let mut shown = made.body.clone();
        for field in ["products", "organization_id", "created_at", "updated_at"] {
            shown.as_object_mut().unwrap().remove(field);
        }
        expect![[r#"
            {
              "billing_config": {
                "cycle_anchor": "start_date"
              },
              "business_entity_id": null,
              "commitments": [],
              "currency": "USD",
              "custom_attributes": {
                "tier": 2
              },
              "description": null,
              "discounts": [],
              "display_config": {
                "custom_fields": null,
                "description": null,
                "features": [
                  "Support"
                ],
                "name": "Growth!"
              },
              "duration": "P1Y",
              "id": "9f0e8c7a-0000-4000-8000-000000000001",
              "is_latest_version": true,
              "name": "Growth",
              "parent_plan_id": "9f0e8c7a-0000-4000-8000-000000000001",
              "payment_config": {},
              "provisioning_config": "charge_when_due",
              "renewal_config": {
                "renewal_policy": "renew_with_default_contract"
              },
              "status": "active",
              "taxes": [],
              "trial_config": null,
              "version": 1
            }"#]].assert_eq(&format!("{shown:#}"));
        assert_eq!(made.at("/products/0/pricing/pricing_data/unit_amount"), 1000);
        assert_eq!(refusal(&app.post("/templates/plan", body).await), (400, "PLAN_ID_TAKEN"));
        let listed = app.get("/templates/plan?currency=USD&is_latest_version=true").await.ok();
        assert_eq!(listed.at("/results/0"), &made.body);
        assert_eq!(app.get("/plans").await.ok().at("/total_count"), 0);
        assert_eq!(app.get(&format!("/plans/{}", made.id())).await.status, 404);
        let contract = sold(&app, &catalogue, &made).await;
        assert_eq!(contract.text("/renewal_policy"), "renew_with_default_contract");
    }

    // The trial is before the term: 14 days from 10 January, then a year; cycles align to its end.
    async fn a_free_trial_comes_before_the_term(app) {
        let catalogue = catalogue(&app).await;
        let mut body = yearly(&catalogue);
        body["trial_config"] = json!({ "duration": "P14D" });
        let plan = app.post("/templates/plan", body).await.ok();
        let contract = sold(&app, &catalogue, &plan).await;
        expect![[r#"
            "Trial" "trial" 2026-01-10..2026-01-23: 
            "Standard Phase" "active" 2026-01-24..2027-01-23: 1000"#]].assert_eq(&phases(&contract));
        assert_eq!(contract.text("/anchor_date"), "2026-01-24T00:00:00Z");
        assert_eq!(contract.text("/end_date"), "2027-01-23T23:59:59.999999Z");
        assert_eq!(contract.at("/plan_id"), plan.at("/id"));
    }

    // Half of the price in the trial; the plan's own discount of 10 % holds in both.
    async fn a_trial_may_have_a_price_and_the_whole_a_discount(app) {
        let catalogue = catalogue(&app).await;
        let mut body = yearly(&catalogue);
        body["trial_config"] = json!({ "duration": "P1M", "discount_percent": 50 });
        body["discounts"] = json!([{ "type": "percent", "unit_amount": 10 }]);
        let once = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 30 },
            "billing_period": { "cadence": "P0D", "offset": "prepaid" } });
        body["products"].as_array_mut().unwrap()
            .push(json!({ "product_id": catalogue.product, "pricing": once }));
        let plan = app.post("/templates/plan", body).await.ok();
        let contract = sold(&app, &catalogue, &plan).await;
        expect![[r#"
            "Trial" "trial" 2026-01-10..2026-02-09: 1000
            "Standard Phase" "active" 2026-02-10..2027-02-09: 1000 30"#]].assert_eq(&phases(&contract));
        let percents = |phase: usize| {
            let discounts = contract.at(&format!("/phases/{phase}/features/discounts"));
            let discounts = discounts.as_array().unwrap().iter();
            discounts.map(|one| one["unit_amount"].to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((percents(0), percents(1)), ("50 10".to_owned(), "10".to_owned()));
    }

    // Half of 1000 dollars in the trial, all of them after it; a free trial of two weeks has its first bill after it.
    async fn a_preview_considers_the_trial_of_a_draft_and_writes_nothing(app) {
        let catalogue = catalogue(&app).await;
        let mut body = yearly(&catalogue);
        body["status"] = json!("draft");
        body["trial_config"] = json!({ "duration": "P1M", "discount_percent": 50 });
        let half = app.post("/templates/plan", body.clone()).await.ok();
        body["trial_config"] = json!({ "duration": "P14D" });
        let free = app.post("/templates/plan", body).await.ok();
        let before = app.contents().await;
        let preview = async |plan: &Answer, request: Value| {
            let path = format!("/templates/plan/{}/preview", plan.id());
            let shown = app.post(&path, request).await.ok();
            let (current, next) = (shown.at("/estimates/current_invoice"), shown.at("/estimates/next_invoice"));
            format!("{} {} {} {}", current["bill_for_date"], current["total"], next["bill_for_date"], next["total"])
        };
        let request = json!({ "start_date": "2026-03-10" });
        assert_eq!(preview(&half, request.clone()).await, r#""2026-03-10" 500 "2026-04-10" 1000"#);
        assert_eq!(preview(&free, request).await, r#""2026-03-10" 0 "2026-03-24" 1000"#);
        let of_customer = json!({ "start_date": "2026-03-10", "end_date": "2026-04-09", "customer_id": catalogue.customer });
        assert_eq!(preview(&half, of_customer).await, r#""2026-03-10" 500 null null"#);
        assert_eq!(app.contents().await, before);
    }

    async fn what_is_wrong_with_a_plan_of_products_is_named_at_its_field(app) {
        let catalogue = catalogue(&app).await;
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let mut body = yearly(&catalogue);
        body["currency"] = json!("XXX");
        body["business_entity_id"] = json!(nobody);
        body["duration"] = json!("P1X");
        body["trial_config"] = json!({ "duration": "soon" });
        body["products"][0]["product_id"] = json!(nobody);
        expect![[r#"
            business_entity_id: there is no business entity with this id ("value_error.unknown_id")
            products.0.product_id: there is no product with this id ("value_error.unknown_id")
            duration: `P1X` is not an ISO 8601 duration in years, months, weeks or days ("value_error.duration")
            currency: `XXX` has no minor unit, so amounts cannot be stated in it ("value_error.currency")
            trial_config.duration: `soon` is not an ISO 8601 duration in years, months, weeks or days ("value_error.duration")"#]].assert_eq(&findings(&app.post("/templates/plan", body).await));
        let mut body = yearly(&catalogue);
        body["discounts"] = json!([{ "type": "percent", "unit_amount": 120 }]);
        expect![[r#"discounts.0.unit_amount: a percentage is 0 to 100 ("value_error.percentage")"#]].assert_eq(&findings(&app.post("/templates/plan", body).await));
        let mut body = yearly(&catalogue);
        body["trial_config"] = json!({ "duration": "P0D" });
        body["products"] = json!([{ "product_id": catalogue.product, "pricing": { "pricing_data":
            { "pricing_type": "per_unit", "unit_amount": 1 }, "billing_period": { "cadence": "P1M" } } }]);
        let without_trial = app.post("/templates/plan", body.clone()).await;
        expect![[r#"trial_config.duration: a duration is longer than P0D ("value_error.duration")"#]].assert_eq(&findings(&without_trial));
        body["trial_config"] = json!({ "duration": "P1M" });
        expect![[r#"products.0.pricing.quantity: the price needs a quantity ("value_error.missing")"#]].assert_eq(&findings(&app.post("/templates/plan", body).await));
        let empty = json!({ "name": "Empty", "currency": "USD", "status": "active" });
        expect![[r#"products: a published plan needs at least one phase ("value_error.missing")"#]].assert_eq(&findings(&app.post("/templates/plan", empty).await));
    }

    async fn products_are_added_to_a_draft_and_a_version_is_published(app) {
        let catalogue = catalogue(&app).await;
        let draft = json!({ "name": "Growth", "currency": "USD" });
        let made = app.post("/templates/plan", draft).await.ok();
        let path = format!("/templates/plan/{}", made.id());
        let products = json!({ "products": [
            { "product_id": catalogue.product, "pricing_id": catalogue.pricing },
            { "product_id": catalogue.product, "pricing": fee(5) },
        ]});
        let added = app.post(&format!("{path}/products"), products).await.ok();
        assert_eq!(added.at("/products/1/pricing/pricing_data/unit_amount"), 5);
        let bad = json!({ "products": [{ "product_id": catalogue.product, "pricing": { "pricing_data":
            { "pricing_type": "per_unit", "unit_amount": 1 }, "billing_period": { "cadence": "P1M" } } }] });
        expect![[r#"products.0.pricing.quantity: the price needs a quantity ("value_error.missing")"#]].assert_eq(&findings(&app.post(&format!("{path}/products"), bad.clone()).await));
        app.post(&format!("{path}/publish"), json!({})).await.ok();
        assert_eq!(refusal(&app.post(&format!("{path}/products"), json!({ "products": [
            { "product_id": catalogue.product, "pricing": fee(6) }] })).await), (400, "PLAN_PUBLISHED"));
        assert_eq!(refusal(&app.delete(&path).await), (400, "PLAN_NOT_A_DRAFT"));
        let next = app.post(&format!("{path}/new_version"), json!({})).await.ok();
        assert_eq!((next.at("/version"), next.at("/is_latest_version")), (&json!(2), &json!(true)));
        assert_eq!(app.get(&path).await.ok().at("/is_latest_version"), false);
        let of_next = format!("/templates/plan/{}", next.id());
        let mut body = next.body.clone();
        body["duration"] = json!("P6M");
        body["status"] = json!("active");
        let published = app.put(&of_next, body).await.ok();
        assert_eq!((published.text("/duration"), published.text("/status")), ("P6M", "active"));
        assert_eq!(app.post(&format!("{path}/archive"), json!({})).await.ok().text("/status"), "archived");
        let draft = app.post(&format!("{of_next}/new_version"), json!({})).await.ok();
        app.delete(&format!("/templates/plan/{}", draft.id())).await.ok();
        assert_eq!(app.get(&of_next).await.ok().at("/is_latest_version"), true);
    }
}
