//! `/entitlements/{entitlement_id}/alerts`.

use florin_testkit::{TestApp, both};
use serde_json::{Value, json};

use crate::entitlements::{calls, customer, grant};

/// Commits the use of so many units.
async fn consume(app: &TestApp, customer: &str, quantity: i64) {
    let path = format!("/entitlements/customer/{customer}/reservations");
    let body = json!({ "entitlement": "API calls", "quantity": quantity });
    let id = app.post(&path, body).await.ok().id();
    app.post(&format!("{path}/{id}/commit"), json!({}))
        .await
        .ok();
}

/// Threshold, use and grant of each alert that was sent, the first one first.
async fn sent(app: &TestApp, entitlement: &str) -> Value {
    let path = format!("/entitlements/{entitlement}/alerts/sent?order=id");
    let answer = app.get(&path).await.ok();
    let rows = answer.at("/results").as_array().unwrap().iter();
    rows.map(|row| {
        json!([
            row["threshold_type"],
            row["threshold"],
            row["quantity_used"],
            row["quantity"]
        ])
    })
    .collect()
}

/// How many events told subscribers of a threshold.
async fn announced(app: &TestApp) -> usize {
    let mut tx = app.read().await;
    let mut select = tx.select("outbox_event");
    select.column("event");
    let rows = tx.fetch_all(&select).await.unwrap();
    let events = rows.iter().map(|row| row.get::<String>("event").unwrap());
    events
        .filter(|event| event == "entitlement.threshold_reached")
        .count()
}

both! {
    async fn an_alert_is_sent_once_in_a_period(app) {
        let (entitlement, northwind) = (calls(&app).await, customer(&app, "northwind").await);
        let alerts = format!("/entitlements/{entitlement}/alerts");
        app.post(&alerts, json!({ "threshold_type": "percent", "threshold": 80 })).await.ok();
        app.post(&alerts, json!({ "threshold_type": "units", "threshold": 30, "customer": northwind })).await.ok();
        let other = customer(&app, "other").await;
        app.post(&alerts, json!({ "threshold_type": "units", "threshold": 1, "customer": other })).await.ok();
        grant(&app, &entitlement, &northwind, json!({ "quantity": 50 })).await.ok();
        consume(&app, &northwind, 29).await;
        assert_eq!(sent(&app, &entitlement).await, json!([]));
        consume(&app, &northwind, 1).await;
        assert_eq!(sent(&app, &entitlement).await, json!([["units", 30, 30, 50]]));
        // 80 % of 50 are 40.
        consume(&app, &northwind, 11).await;
        consume(&app, &northwind, 1).await;
        let expected = json!([["units", 30, 30, 50], ["percent", 80, 41, 50]]);
        assert_eq!(sent(&app, &entitlement).await, expected);
        // A new grant is a new period: 80 % of 100 are 80.
        app.clock.advance(jiff::SignedDuration::from_secs(1));
        grant(&app, &entitlement, &northwind, json!({ "quantity": 50 })).await.ok();
        consume(&app, &northwind, 38).await;
        let expected = json!([["units", 30, 30, 50], ["percent", 80, 41, 50],
            ["percent", 80, 80, 100], ["units", 30, 80, 100]]);
        assert_eq!(sent(&app, &entitlement).await, expected);
        assert_eq!(announced(&app).await, 4);
    }

    async fn alerts_are_listed_and_deleted(app) {
        let entitlement = calls(&app).await;
        let alerts = format!("/entitlements/{entitlement}/alerts");
        let made = app.post(&alerts, json!({ "threshold_type": "percent", "threshold": 80 })).await.ok();
        assert_eq!(made.body, json!({ "id": made.id(), "entitlement": entitlement, "customer": null,
            "threshold_type": "percent", "threshold": 80, "created_at": "2026-01-05T10:00:00Z" }));
        assert_eq!(app.get(&alerts).await.ok().at("/results/0"), &made.body);
        app.delete(&format!("{alerts}/{}", made.id())).await.ok();
        assert_eq!(app.get(&alerts).await.ok().at("/total_count"), 0);
        assert_eq!(app.delete(&format!("{alerts}/{}", made.id())).await.status, 404);
        for (body, field) in [
            (json!({ "threshold_type": "percent", "threshold": 101 }), "threshold"),
            (json!({ "threshold_type": "units", "threshold": 0 }), "threshold"),
            (json!({ "threshold_type": "share", "threshold": 1 }), "threshold_type"),
            (json!({ "threshold_type": "units", "threshold": 1,
                "customer": "00000000-0000-7000-8000-00000000ffff" }), "customer"),
        ] {
            let answer = app.post(&alerts, body).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, field));
        }
        for _ in 0..100 {
            app.post(&alerts, json!({ "threshold_type": "units", "threshold": 1 })).await.ok();
        }
        let refused = app.post(&alerts, json!({ "threshold_type": "units", "threshold": 1 })).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_ALERTS_FULL"));
    }
}
