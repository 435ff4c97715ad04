//! `GET /checkouts`, and guests of whom little is known.

use florin_testkit::{Answer, both};
use serde_json::{Value, json};

use crate::checkouts::{at, invoices, plan_at, seats, totals};
use crate::contracts::{catalogue, findings, refusal};

/// Statuses of the rows, newest first.
fn statuses(listed: &Answer) -> Vec<&str> {
    let rows = listed.at("/results").as_array().unwrap().iter();
    let word = |row: &'_ Value| row["checkout_status"].as_str().map(str::to_owned);
    let words: Vec<String> = rows.filter_map(word).collect();
    let known = [
        "pending",
        "processing",
        "payment_failed",
        "contract_created",
        "expired",
        "cancelled",
    ];
    let known = |shown: String| known.into_iter().find(|word| *word == shown).unwrap();
    words.into_iter().map(known).collect()
}

both! {
    async fn checkouts_are_listed_by_status_customer_and_plan(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let other = plan_at(&app, &catalogue, seats(20, 5)).await;
        let body = |plan: &Answer| json!({ "plan_id": plan.id(), "customer_id": catalogue.customer });
        let pending = app.post("/checkouts", body(&plan)).await.ok();
        let done = app.post("/checkouts", body(&other)).await.ok();
        app.post(&format!("/checkouts/{}/confirm", done.id()), json!({})).await.ok();
        let cancelled = app.post("/checkouts", body(&plan)).await.ok();
        let cancel = format!("/checkouts/{}/cancel", cancelled.id());
        assert_eq!(app.post(&cancel, json!({})).await.ok().text("/checkout_status"), "cancelled");
        assert_eq!(app.post(&cancel, json!({})).await.ok().text("/checkout_status"), "cancelled");
        let all = app.get("/checkouts").await.ok();
        assert_eq!((all.at("/total_count"), statuses(&all)), (&json!(3), vec!["cancelled", "contract_created", "pending"]));
        let read = app.get(&format!("/checkouts/{}", pending.id())).await.ok();
        assert_eq!(all.at("/results/2"), &read.body);
        let count = async |query: String| app.get(&format!("/checkouts?{query}")).await.ok().at("/total_count").clone();
        assert_eq!(count("status=pending".to_owned()).await, 1);
        assert_eq!(count("status__in=pending,cancelled".to_owned()).await, 2);
        assert_eq!(count("status__neq=pending".to_owned()).await, 2);
        assert_eq!(count(format!("plan_id={}", other.id())).await, 1);
        assert_eq!(count(format!("customer_id={}", catalogue.customer)).await, 3);
        assert_eq!(count(format!("customer_id={}", plan.id())).await, 0);
        assert_eq!(app.get("/checkouts?status=open").await.status, 422);
        let first = app.get("/checkouts?limit=2").await.ok();
        let second = app.get(&format!("/checkouts?limit=2&cursor={}", first.text("/next"))).await.ok();
        assert_eq!((statuses(&second), second.at("/next")), (vec!["pending"], &Value::Null));
        at(&app, "2026-01-06T10:00:00Z");
        assert_eq!(statuses(&app.get("/checkouts?status=expired").await.ok()), ["expired"]);
        assert_eq!(count("status=pending".to_owned()).await, 0);
        assert_eq!(count("search=status%3Dexpir".to_owned()).await, 1);
        let stranger = app.other_organisation().await;
        assert_eq!(stranger.get("/checkouts").await.ok().at("/total_count"), 0);
    }

    // The checkout of a clock's customer expires by the clock, whatever the time is elsewhere.
    async fn a_list_knows_the_time_of_test_clocks(app) {
        let app = app.sandbox().await;
        let catalogue = catalogue(&app).await;
        let clock = app.post("/test_clocks", json!({ "now": "2027-01-01T00:00:00Z" })).await.ok().id();
        let customers = format!("/test_clocks/{clock}/customers");
        app.post(&customers, json!({ "customer_id": catalogue.customer })).await.ok();
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        app.post("/checkouts", json!({ "plan_id": plan.id(), "customer_id": catalogue.customer,
            "expires_at": "2026-01-20T00:00:00Z" })).await.ok();
        let body = json!({ "plan_id": plan.id(), "business_entity_id": app.organisation.0 });
        app.post("/checkouts", body).await.ok();
        let listed = app.get("/checkouts?status=expired").await.ok();
        assert_eq!((listed.at("/total_count"), statuses(&listed)), (&json!(1), vec!["expired"]));
        assert_eq!(listed.at("/results/0/customer_id"), &json!(catalogue.customer));
        assert_eq!(statuses(&app.get("/checkouts?status=pending").await.ok()), ["pending"]);
    }

    async fn a_guest_without_any_address_is_billed(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let body = json!({ "plan_id": plan.id(), "business_entity_id": app.organisation.0,
            "customer_data": { "customer_name": "Ann" } });
        let made = app.post("/checkouts", body).await.ok();
        let confirmed = app.post(&format!("/checkouts/{}/confirm", made.id()), json!({})).await.ok();
        let contract = confirmed.text("/contract_id");
        assert_eq!(invoices(&app, contract).await, "draft 50");
        let invoice = app.get(&format!("/invoices?contract_id={contract}")).await.ok().text("/results/0/id").to_owned();
        app.patch(&format!("/invoices/{invoice}/approve"), json!({})).await.ok();
        assert_eq!(app.get(&format!("/invoices/{invoice}/html")).await.status, 200);
    }

    // 8.25 % in Texas: 50 become 54.13. What a guest says of himself with the confirmation counts.
    async fn a_guest_who_says_where_he_lives_is_taxed_there(app) {
        let mut catalogue = catalogue(&app).await;
        let entity = app.get("/business_entities").await.ok().text("/results/0/id").to_owned();
        let category = app.post("/tax/categories", json!({ "name": "Software" })).await.ok();
        let rate = json!({ "country_code": "US", "state_code": "TX", "tax_category_id": category.id(),
            "effective_from": "2026-01-01", "rates": [{ "tax_name": "State", "rate_percent": 8.25 }] });
        app.post(&format!("/tax/business_entities/{entity}/jurisdiction_rates"), rate).await.ok();
        let software = json!({ "name": "Software", "type": "period_of_time", "subtype": "quantity", "sku": "S", "slug": "s",
            "unit": { "singular": "seat", "plural": "seats" }, "tax_category": category.text("/code") });
        catalogue.product = app.post("/v3/products", software).await.ok().id();
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let ann = json!({ "customer_name": "Ann", "address": { "line1": "9 Pine St", "city": "Austin", "state": "TX", "country_code": "US" } });
        let body = json!({ "plan_id": plan.id(), "business_entity_id": entity, "customer_data": ann });
        let preview = app.post("/checkouts/preview", body).await;
        assert_eq!(totals(&preview), "54.13 USD then 54.13 USD");
        let made = app.post("/checkouts", json!({ "plan_id": plan.id(), "business_entity_id": entity })).await.ok();
        assert_eq!(totals(&made), "50 USD then 50 USD");
        let confirmed = app.post(&format!("/checkouts/{}/confirm", made.id()), json!({ "customer_data": ann })).await.ok();
        assert_eq!(invoices(&app, confirmed.text("/contract_id")).await, "draft 54.13");
        let read = app.get(&format!("/checkouts/{}", made.id())).await.ok();
        let customer = app.get(&format!("/customers/{}", read.text("/customer_id"))).await.ok();
        assert_eq!((customer.text("/address/city"), customer.text("/address/state")), ("Austin", "TX"));
    }

    async fn a_guest_whose_mail_address_is_taken_is_told(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        app.post("/customers", json!({ "customer_name": "Ann", "email": "ann@example.com" })).await.ok();
        let body = json!({ "plan_id": plan.id(), "business_entity_id": app.organisation.0 });
        let made = app.post("/checkouts", body).await.ok();
        let confirm = format!("/checkouts/{}/confirm", made.id());
        let before = app.contents().await;
        let same = json!({ "customer_data": { "customer_name": "Ann", "email": "ann@example.com" } });
        assert_eq!(refusal(&app.post(&confirm, same).await), (400, "CUSTOMER_EMAIL_TAKEN"));
        let wrong = json!({ "customer_data": { "customer_name": "Ann", "email": "ann" } });
        assert_eq!(findings(&app.post(&confirm, wrong).await).split(':').next(), Some("customer_data.email"));
        assert_eq!(app.contents().await, before);
    }
}
