//! `/test_clocks`: a time that moves only when told to.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::json;

async fn clock(app: &TestApp) -> Answer {
    let body = json!({ "name": "A year", "now": "2026-01-01T00:00:00Z" });
    app.post("/test_clocks", body).await.ok()
}

async fn customer(app: &TestApp) -> String {
    let body = json!({ "customer_name": "Northwind" });
    app.post("/customers", body).await.ok().id()
}

async fn attach(app: &TestApp, clock: &str, customer: &str) -> Answer {
    let path = format!("/test_clocks/{clock}/customers");
    app.post(&path, json!({ "customer_id": customer })).await
}

async fn advance(app: &TestApp, clock: &str, to: &str) -> Answer {
    let path = format!("/test_clocks/{clock}/advance");
    app.post(&path, json!({ "to": to, "approve": true })).await
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

/// A monthly fee of 100 in advance, for the year 2026.
async fn contract(app: &TestApp, customer: &str) -> Answer {
    let product = app
        .post(
            "/products",
            json!({ "name": "Platform", "type": "product" }),
        )
        .await;
    let pricing = json!({
        "pricing_data": { "pricing_type": "flat_fee", "currency": "USD", "unit_amount": 100 },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" }, "is_recurring": true,
    });
    let lines = json!([{ "product_id": product.ok().id(), "pricing": pricing }]);
    let body = json!({
        "name": "Year", "status": "active", "currency": "USD", "customer_id": customer,
        "start_date": "2026-01-01", "end_date": "2026-12-31",
        "phases": [{ "name": "All", "pricings": lines }],
    });
    app.post("/contract_v2", body).await.ok()
}

async fn invoices(app: &TestApp, customer: &str) -> Vec<(String, String)> {
    let path = format!("/invoices?customer_id={customer}&order=bill_for_date&limit=100");
    let answer = app.get(&path).await.ok();
    let invoices = answer.at("/results").as_array().unwrap().iter();
    let shown = invoices.map(|invoice| {
        let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
        let text = |key: &str| day(invoice[key].as_str().unwrap_or("none"));
        (text("bill_for_date"), text("approved_at"))
    });
    shown.collect()
}

both! {
    async fn a_clock_is_made_read_listed_and_deleted(app) {
        let app = app.sandbox().await;
        let made = clock(&app).await;
        let mut shown = made.clone();
        shown.body["id"] = json!("its id");
        expect![[r#"
            200
            {
              "advances_to": null,
              "created_at": "2026-01-05T10:00:00Z",
              "customer_ids": [],
              "id": "its id",
              "name": "A year",
              "now": "2026-01-01T00:00:00Z",
              "status": "ready",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&shown.to_string());
        let path = format!("/test_clocks/{}", made.id());
        assert_eq!(app.get(&path).await.ok().body, made.body);
        assert_eq!(app.get("/test_clocks").await.ok().at("/results/0"), &made.body);
        assert_eq!(app.delete(&path).await.ok().body, made.body);
        assert_eq!(refusal(&app.get(&path).await), (404, "NOT_FOUND"));
        assert_eq!(app.get("/test_clocks").await.ok().at("/results"), &json!([]));
    }

    async fn an_organisation_that_is_no_sandbox_has_no_clocks(app) {
        let refused = app.post("/test_clocks", json!({ "now": "2026-01-01T00:00:00Z" })).await;
        assert_eq!(refusal(&refused), (400, "TEST_CLOCK_NEEDS_SANDBOX"));
    }

    async fn only_a_new_customer_is_attached(app) {
        let app = app.sandbox().await;
        let (one, other) = (clock(&app).await.id(), clock(&app).await.id());
        let new = customer(&app).await;
        let attached = attach(&app, &one, &new).await.ok();
        assert_eq!(attached.at("/customer_ids"), &json!([new]));
        assert_eq!(attach(&app, &one, &new).await.ok().body, attached.body);
        assert_eq!(refusal(&attach(&app, &other, &new).await), (400, "TEST_CLOCK_CUSTOMER_IN_USE"));
        let busy = customer(&app).await;
        contract(&app, &busy).await;
        assert_eq!(refusal(&attach(&app, &one, &busy).await), (400, "TEST_CLOCK_CUSTOMER_IN_USE"));
        let unknown = attach(&app, &one, "00000000-0000-7000-8000-00000000ffff").await;
        assert_eq!(unknown.status, 422, "{unknown}");
    }

    async fn a_clock_has_a_hundred_customers(app) {
        let app = app.sandbox().await;
        let id = clock(&app).await.id();
        for _ in 0..100 {
            attach(&app, &id, &customer(&app).await).await.ok();
        }
        let refused = attach(&app, &id, &customer(&app).await).await;
        assert_eq!(refusal(&refused), (400, "TEST_CLOCK_FULL"));
    }

    async fn time_goes_forward_and_not_too_far(app) {
        let app = app.sandbox().await;
        let id = clock(&app).await.id();
        for to in ["2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2040-01-01T00:00:00Z"] {
            let refused = advance(&app, &id, to).await;
            assert_eq!((refused.status, refused.at("/detail/0/loc/1")), (422, &json!("to")));
        }
    }

    async fn a_clock_on_its_way_is_left_alone(app) {
        let app = app.sandbox().await;
        let id = clock(&app).await.id();
        let mut tx = app.app.begin(app.organisation, florin_store::Actor::System, "").await.unwrap();
        let to = "2026-02-01T00:00:00Z".parse().unwrap();
        let uuid = id.parse().unwrap();
        florin_app::test_clock::begin(&app.app, &mut tx, uuid, (to, false)).await.unwrap();
        tx.commit().await.unwrap();
        let path = format!("/test_clocks/{id}");
        assert_eq!(app.get(&path).await.ok().text("/status"), "advancing");
        let again = advance(&app, &id, "2026-03-01T00:00:00Z").await;
        assert_eq!(refusal(&again), (400, "TEST_CLOCK_ADVANCING"));
        assert_eq!(refusal(&app.delete(&path).await), (400, "TEST_CLOCK_ADVANCING"));
        // Whoever began is gone: others go on with it.
        app.clock.advance(jiff::SignedDuration::from_mins(11));
        florin_app::test_clock::resume_all(&app.app).await.unwrap();
        let shown = app.get(&path).await.ok();
        assert_eq!((shown.text("/status"), shown.text("/now")), ("ready", "2026-02-01T00:00:00Z"));
    }

    async fn a_year_passes_for_its_customers_and_for_nobody_else(app) {
        let app = app.sandbox().await;
        let id = clock(&app).await.id();
        let (here, elsewhere) = (customer(&app).await, customer(&app).await);
        attach(&app, &id, &here).await.ok();
        let deal = contract(&app, &here).await.id();
        contract(&app, &elsewhere).await;
        let arrived = advance(&app, &id, "2027-01-02T00:00:00Z").await.ok();
        assert_eq!(arrived.text("/test_clock/now"), "2027-01-02T00:00:00Z");
        assert_eq!(arrived.text("/test_clock/status"), "ready");
        let job = app.get(&format!("/jobs/{}", arrived.text("/job_id"))).await.ok();
        assert_eq!(job.text("/status"), "completed", "{job}");
        let made = invoices(&app, &here).await;
        let days: Vec<String> = (1..=12).map(|month| format!("2026-{month:02}-01")).collect();
        let expected: Vec<_> = days.iter().map(|day| (day.clone(), day.clone())).collect();
        assert_eq!(made, expected, "each is approved on its day");
        let deal = app.get(&format!("/contract_v2/{deal}")).await.ok();
        assert_eq!(deal.text("/status"), "expired");
        assert_eq!(invoices(&app, &elsewhere).await, [], "it is not billed by the clock");
        florin_app::billing::tick(&app.app).await.unwrap();
        assert_eq!(invoices(&app, &elsewhere).await.len(), 1, "real time stands at 5 January");
        assert_eq!(invoices(&app, &here).await.len(), 12, "real time passes over it");
    }
}
