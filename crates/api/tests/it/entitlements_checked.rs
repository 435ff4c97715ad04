//! `/entitlements/customer/{customer_id}/check` and `…/reservations`.

use std::collections::BTreeMap;

use expect_test::expect;
use florin_app::entitlement::meter;
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::entitlements::{calls, customer, grant};

/// A definition that is drawn by the sum of `data.n` of the stream `calls`.
async fn metered(app: &TestApp) -> String {
    let body =
        json!({ "name": "calls", "dataschema": { "data": { "n": "Int64", "kind": "String" } } });
    app.post("/rawmetric", body).await.ok();
    let visual = json!({ "table_name": "calls",
        "visual_query": { "logic": "AND", "groups": [{ "logic": "AND", "filters": [
            { "column": "data.kind", "operator": "=", "value": "api" }] }] },
        "aggregate_operation": { "type": "SUM", "column": "data.n" } });
    let body = json!({ "name": "Calls", "visual_query_builder": visual });
    let aggregate = app.post("/aggregates", body).await.ok().id();
    let body = json!({ "name": "API calls", "aggregate_id": aggregate });
    app.post("/entitlements", body).await.ok().id()
}

async fn call(app: &TestApp, customer: &str, at: &str, n: i64) {
    let event =
        json!({ "customer_id": customer, "timestamp": at, "data": { "n": n, "kind": "api" } });
    app.post("/usage/calls", event).await.ok();
}

async fn check(app: &TestApp, customer: &str, query: &str) -> Answer {
    app.get(&format!("/entitlements/customer/{customer}/check?{query}"))
        .await
}

/// What is available.
async fn available(app: &TestApp, customer: &str) -> String {
    let answer = check(app, customer, "entitlement=API%20calls").await.ok();
    answer.at("/quantity_available").to_string()
}

async fn reserve(app: &TestApp, customer: &str, quantity: impl Into<Value>) -> Answer {
    let body = json!({ "entitlement": "API calls", "quantity": quantity.into() });
    app.post(
        &format!("/entitlements/customer/{customer}/reservations"),
        body,
    )
    .await
}

async fn end(app: &TestApp, customer: &str, id: &str, how: &str, body: Value) -> Answer {
    app.post(
        &format!("/entitlements/customer/{customer}/reservations/{id}/{how}"),
        body,
    )
    .await
}

async fn settle(app: &TestApp) {
    meter::settle_all(&app.app, app.organisation).await.unwrap();
}

/// What is used of each grant, the earliest expiry first.
async fn used(app: &TestApp, customer: &str) -> String {
    let path = format!("/entitlements/customer/{customer}?sort_key=expiry_at&sort_type=asc");
    let answer = app.get(&path).await.ok();
    let rows = answer.at("/results").as_array().unwrap().iter();
    let shown: Vec<String> = rows.map(|row| row["quantity_used"].to_string()).collect();
    shown.join(" ")
}

both! {
    async fn a_check_says_what_is_left(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        for more in [
            json!({ "quantity": 100, "quantity_used": 40, "expiry_at": "2026-02-01T00:00:00" }),
            json!({ "quantity": 10 }),
            json!({ "quantity": 1000, "status": "draft" }),
            json!({ "quantity": 1000, "active_from": "2026-02-01" }),
            json!({ "quantity": 1000, "active_from": "2025-01-01", "expiry_at": "2026-01-05T10:00:00Z" }),
        ] {
            grant(&app, &entitlement, &customer, more).await.ok();
        }
        // 100 - 40 + 10 = 70: drafts, what begins later and what is over do not count.
        let answer = check(&app, &customer, "entitlement=API%20calls&quantity=70").await;
        expect![[r#"
            200
            {
              "allowed": true,
              "checked_at": "2026-01-05T10:00:00Z",
              "customer": "00000000-0000-7000-8000-000000000007",
              "entitlement": "00000000-0000-7000-8000-000000000005",
              "expiry_at": "2026-02-01T00:00:00Z",
              "feature_option_value": null,
              "name": "API calls",
              "numeric_value": null,
              "quantity": 70,
              "quantity_available": 70,
              "quantity_granted": 110,
              "quantity_held": 0,
              "quantity_reserved": 0,
              "quantity_used": 40,
              "type": "Quantity"
            }"#]].assert_eq(&answer.to_string());
        for (query, allowed) in [
            (format!("entitlement={entitlement}"), true),
            (format!("entitlement={entitlement}&quantity=70.000000000001"), false),
            (format!("entitlement={entitlement}&quantity=0"), true),
        ] {
            assert_eq!(check(&app, &customer, &query).await.ok().at("/allowed"), &json!(allowed), "{query}");
        }
        for (query, status) in [
            ("entitlement=Nothing", 404),
            ("", 422),
            ("entitlement=API%20calls&quantity=-1", 422),
            ("entitlement=API%20calls&quantity=many", 422),
            ("entitlement=00000000-0000-7000-8000-00000000ffff", 404),
        ] {
            assert_eq!(check(&app, &customer, query).await.status, status, "{query}");
        }
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        assert_eq!(check(&app, nobody, "entitlement=API%20calls").await.status, 404);
    }

    async fn a_feature_is_there_or_not(app) {
        let body = json!({ "name": "Gold", "entitlement_type": "Feature" });
        let gold = app.post("/entitlements", body).await.ok().id();
        let customer = customer(&app, "northwind").await;
        assert_eq!(check(&app, &customer, "entitlement=Gold").await.ok().at("/allowed"), false);
        let more = json!({ "feature_option_value": "premium", "numeric_value": 3, "expiry_at": "2026-01-06T00:00:00Z" });
        grant(&app, &gold, &customer, more).await.ok();
        let answer = check(&app, &customer, "entitlement=Gold&quantity=9").await.ok();
        assert_eq!((answer.at("/allowed"), answer.text("/feature_option_value")), (&json!(true), "premium"));
        assert_eq!(answer.at("/numeric_value"), 3);
        let refused = app.post(&format!("/entitlements/customer/{customer}/reservations"),
            json!({ "entitlement": "Gold", "quantity": 1 })).await;
        assert_eq!((refused.status, refused.text("/detail/0/loc/1")), (422, "entitlement"));
        app.patch(&format!("/entitlements/{gold}"), json!({ "name": "Gold", "is_active": false })).await.ok();
        assert_eq!(check(&app, &customer, "entitlement=Gold").await.ok().at("/allowed"), false);
        app.patch(&format!("/entitlements/{gold}"), json!({ "name": "Gold", "is_active": true })).await.ok();
        app.clock.advance(SignedDuration::from_hours(24));
        assert_eq!(check(&app, &customer, "entitlement=Gold").await.ok().at("/allowed"), false);
    }

    async fn concurrent_reservations_never_take_more_than_there_is(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        for quantity in [60, 40] {
            grant(&app, &entitlement, &customer, json!({ "quantity": quantity })).await.ok();
        }
        let path = format!("/entitlements/customer/{customer}/reservations");
        let body = json!({ "entitlement": "API calls", "quantity": 1 });
        let asked = (0..200).map(|_| app.post(&path, body.clone()));
        let mut outcomes: BTreeMap<(u16, String), usize> = BTreeMap::new();
        for answer in futures_util::future::join_all(asked).await {
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            *outcomes.entry((answer.status, code)).or_default() += 1;
        }
        let expected = [((200, String::new()), 100), ((400, "ENTITLEMENT_EXHAUSTED".to_owned()), 100)];
        assert_eq!(outcomes, expected.into());
        assert_eq!(available(&app, &customer).await, "0");
        let open = app.get(&format!("{path}?limit=1")).await.ok();
        assert_eq!(open.at("/total_count"), 100);
    }

    async fn a_reservation_is_committed_released_or_runs_out(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        for more in [json!({ "quantity": 100 }), json!({ "quantity": 10, "expiry_at": "2026-02-01" })] {
            grant(&app, &entitlement, &customer, more).await.ok();
        }
        let first = reserve(&app, &customer, 30).await.ok();
        assert_eq!((first.text("/status"), first.text("/expires_at")), ("open", "2026-01-05T10:01:00Z"));
        let second = reserve(&app, &customer, 50).await.ok();
        // 110 - 30 - 50
        assert_eq!(available(&app, &customer).await, "30");
        let refused = reserve(&app, &customer, 31).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_EXHAUSTED"));
        // 12 of 30 were used: the grant that ends first gives its 10, the other one 2.
        let done = end(&app, &customer, &first.id(), "commit", json!({ "quantity": 12 })).await.ok();
        assert_eq!((done.text("/status"), done.at("/quantity_committed")), ("committed", &json!(12)));
        assert_eq!(used(&app, &customer).await, "10 2");
        // 110 - 12 - 50
        assert_eq!(available(&app, &customer).await, "48");
        end(&app, &customer, &second.id(), "release", json!({})).await.ok();
        assert_eq!(available(&app, &customer).await, "98");
        for (id, how) in [(first.id(), "release"), (second.id(), "commit")] {
            let again = end(&app, &customer, &id, how, json!({})).await;
            assert_eq!((again.status, again.text("/code")), (400, "ENTITLEMENT_RESERVATION_CLOSED"));
        }
        let third = reserve(&app, &customer, "98").await.ok();
        let above = end(&app, &customer, &third.id(), "commit", json!({ "quantity": 98.5 })).await;
        assert_eq!((above.status, above.text("/detail/0/loc/1")), (422, "quantity"));
        app.clock.advance(SignedDuration::from_secs(60));
        assert_eq!(available(&app, &customer).await, "98");
        let path = format!("/entitlements/customer/{customer}/reservations/{}", third.id());
        assert_eq!(app.get(&path).await.ok().text("/status"), "expired");
        let late = end(&app, &customer, &third.id(), "commit", json!({})).await;
        assert_eq!((late.status, late.text("/code")), (400, "ENTITLEMENT_RESERVATION_CLOSED"));
        assert_eq!(app.get("/entitlements/customer/00000000-0000-7000-8000-00000000ffff/reservations").await.status, 404);
        for (body, field) in [
            (json!({ "entitlement": "API calls", "quantity": 0 }), "quantity"),
            (json!({ "entitlement": "Nothing", "quantity": 1 }), "entitlement"),
            (json!({ "entitlement": "API calls", "quantity": 1, "expires_in_seconds": 0 }), "expires_in_seconds"),
        ] {
            let answer = app.post(&format!("/entitlements/customer/{customer}/reservations"), body).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, field));
        }
    }

    async fn a_repeated_reservation_is_one(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        grant(&app, &entitlement, &customer, json!({ "quantity": 10 })).await.ok();
        let path = format!("/entitlements/customer/{customer}/reservations");
        let body = json!({ "entitlement": "API calls", "quantity": 4 }).to_string();
        for _ in 0..2 {
            let request = app.signed(axum::http::Method::POST, &path).header("idempotency-key", "k");
            app.request(request.body(body.clone().into()).unwrap()).await.ok();
        }
        assert_eq!(available(&app, &customer).await, "6");
    }

    async fn usage_counts_as_soon_as_it_is_acknowledged(app) {
        // What came before the entitlement was there is nobody's.
        let entitlement = metered(&app).await;
        let northwind = customer(&app, "northwind").await;
        for more in [json!({ "quantity": 100, "active_from": "2026-01-01" }),
            json!({ "quantity": 10, "active_from": "2026-01-01", "expiry_at": "2026-02-01" })] {
            grant(&app, &entitlement, &northwind, more).await.ok();
        }
        assert_eq!(available(&app, &northwind).await, "110");
        call(&app, "northwind", "2026-01-05T09:00:00Z", 7).await;
        assert_eq!(available(&app, &northwind).await, "103");
        // Another customer's usage, another kind, and usage from before the grants.
        call(&app, "other", "2026-01-05T09:00:00Z", 50).await;
        let other_kind = json!({ "customer_id": "northwind", "timestamp": "2026-01-05", "data": { "n": 9, "kind": "web" } });
        app.post("/usage/calls", other_kind).await.ok();
        call(&app, "northwind", "2025-12-31T23:59:59Z", 1000).await;
        assert_eq!(available(&app, &northwind).await, "103");
        assert_eq!(used(&app, &northwind).await, "0 0");
        settle(&app).await;
        // 7 from the grant that ends first.
        assert_eq!(used(&app, &northwind).await, "7 0");
        assert_eq!(available(&app, &northwind).await, "103");
        call(&app, "northwind", "2026-01-04T09:00:00Z", 8).await;
        assert_eq!(available(&app, &northwind).await, "95");
        settle(&app).await;
        settle(&app).await;
        assert_eq!(used(&app, &northwind).await, "10 5");
        assert_eq!(available(&app, &northwind).await, "95");
        // More than there is: what is beyond is overage, and draws nothing.
        call(&app, "northwind", "2026-01-05T09:30:00Z", 200).await;
        let answer = check(&app, &northwind, "entitlement=API%20calls").await.ok();
        assert_eq!((answer.at("/allowed"), answer.at("/quantity_available")), (&json!(false), &json!(0)));
        settle(&app).await;
        assert_eq!(used(&app, &northwind).await, "10 100");
    }

    async fn usage_is_held_against_reservations(app) {
        let entitlement = metered(&app).await;
        let northwind = customer(&app, "northwind").await;
        grant(&app, &entitlement, &northwind, json!({ "quantity": 10, "active_from": "2026-01-01" })).await.ok();
        let reservation = reserve(&app, &northwind, 6).await.ok();
        call(&app, "northwind", "2026-01-05T09:00:00Z", 3).await;
        let refused = reserve(&app, &northwind, 2).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_EXHAUSTED"));
        // The event draws; committing only ends the reservation.
        call(&app, "northwind", "2026-01-05T09:01:00Z", 6).await;
        end(&app, &northwind, &reservation.id(), "commit", json!({})).await.ok();
        assert_eq!(available(&app, &northwind).await, "1");
        settle(&app).await;
        assert_eq!(used(&app, &northwind).await, "9");
    }

    async fn a_correction_gives_back_what_was_not_used(app) {
        let entitlement = metered(&app).await;
        let northwind = customer(&app, "northwind").await;
        for (quantity, expiry) in [(5, "2026-02-01"), (100, "2026-03-01")] {
            let more = json!({ "quantity": quantity, "active_from": "2026-01-01", "expiry_at": expiry });
            grant(&app, &entitlement, &northwind, more).await.ok();
        }
        call(&app, "northwind", "2026-01-04T09:00:00Z", 8).await;
        call(&app, "northwind", "2026-01-05T09:00:00Z", 4).await;
        settle(&app).await;
        assert_eq!(used(&app, &northwind).await, "5 7");
        let metrics = app.get("/rawmetric").await.ok();
        let path = format!("/rawmetric/{}/corrections", metrics.text("/results/0/id"));
        let body = json!({ "action": "amend", "reason": "counted twice",
            "events": { "keys": [{ "data.n": 8 }] }, "changes": { "data": { "n": 4 } } });
        app.post(&path, body).await.ok();
        // 105 - 4 - 4, without waiting for a settling. What was taken last goes back first.
        assert_eq!(available(&app, &northwind).await, "97");
        assert_eq!(used(&app, &northwind).await, "4 4");
        call(&app, "northwind", "2026-01-05T09:30:00Z", 1).await;
        assert_eq!(available(&app, &northwind).await, "96");
        settle(&app).await;
        assert_eq!(used(&app, &northwind).await, "5 4");
    }

    async fn another_server_counts_what_this_one_accepted(app) {
        let entitlement = metered(&app).await;
        let northwind = customer(&app, "northwind").await;
        grant(&app, &entitlement, &northwind, json!({ "quantity": 100, "active_from": "2026-01-01" })).await.ok();
        call(&app, "northwind", "2026-01-05T09:00:00Z", 7).await;
        assert_eq!(available(&app, &northwind).await, "93");
        // As after a restart: nothing is remembered.
        let restarted = app.with(florin_app::App {
            entitlements: std::sync::Arc::default(),
            ..app.app.clone()
        });
        assert_eq!(available(&restarted, &northwind).await, "93");
        settle(&restarted).await;
        call(&restarted, "northwind", "2026-01-05T09:05:00Z", 3).await;
        for server in [&app, &restarted] {
            assert_eq!(available(server, &northwind).await, "90");
        }
    }
}
