//! `/rawmetric/{raw_metric_id}/backfills` and `/usage_backfills`.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A raw metric with an event in January and one in February 2025, and a customer of them.
async fn storage(app: &TestApp) -> String {
    let body = json!({ "name": "Storage", "dataschema": { "data": { "gb": "Float64" } } });
    let id = app.post("/rawmetric", body).await.ok().id();
    let customer = json!({ "customer_name": "A", "external_id": "a" });
    app.post("/customers", customer).await.ok();
    let events = [event("2025-01-05", 1), event("2025-02-05", 2)];
    app.post("/usage/storage", json!(events)).await.ok();
    id
}

fn event(day: &str, gb: u32) -> Value {
    json!({ "customer_id": "a", "timestamp": day, "data": { "gb": gb } })
}

async fn open(app: &TestApp, id: &str, start: &str, end: &str) -> Answer {
    let body = json!({ "start": start, "end": end, "reason": "a sender was broken" });
    app.post(&format!("/rawmetric/{id}/backfills"), body).await
}

async fn january(app: &TestApp, id: &str) -> String {
    open(app, id, "2025-01-01", "2025-02-01").await.ok().id()
}

/// Gigabytes of every event that counts.
async fn counted(app: &TestApp, id: &str) -> Vec<u64> {
    let rows = app.get(&format!("/rawmetric/{id}/logs")).await.ok();
    let rows = rows.at("/results").as_array().unwrap().iter();
    let mut counted: Vec<u64> = rows.map(|row| row["data.gb"].as_u64().unwrap()).collect();
    counted.sort();
    counted
}

both! {
    async fn a_window_is_exchanged_in_one_step(app) {
        let id = storage(&app).await;
        let backfill = january(&app, &id).await;
        let path = format!("/usage_backfills/{backfill}");
        let events = json!([event("2025-01-01", 10), event("2025-01-31 23:59:59", 20)]);
        let kept = app.post(&format!("{path}/events"), events).await.ok();
        assert_eq!(kept.at("/count"), 2);
        assert_eq!(counted(&app, &id).await, [1, 2], "nothing counts before the commit");
        app.post("/usage/storage", event("2025-01-07", 5)).await.ok();
        let committed = app.post(&format!("{path}/commit"), json!({})).await.ok();
        assert_eq!((committed.text("/state"), committed.at("/event_count")), ("committed", &json!(2)));
        assert_eq!(counted(&app, &id).await, [2, 5, 10, 20], "what came later stays");
        let again = app.post(&format!("{path}/commit"), json!({})).await.ok();
        assert_eq!(again.body, committed.body);
        let late = app.post(&format!("{path}/events"), event("2025-01-01", 1)).await;
        assert_eq!((late.status, late.text("/code")), (409, "USAGE_BACKFILL_CLOSED"));
        let reverted = app.post(&format!("{path}/revert"), json!({})).await;
        assert_eq!((reverted.status, reverted.text("/code")), (409, "USAGE_BACKFILL_CLOSED"));
    }

    async fn a_review_compares_metrics(app) {
        let id = storage(&app).await;
        let metric = app.post("/aggregates", json!({ "name": "Gigabytes", "visual_query_builder": {
            "table_name": "storage", "aggregate_operation": { "type": "SUM", "column": "data.gb" } } }));
        let metric = metric.await.ok().id();
        let backfill = january(&app, &id).await;
        let path = format!("/usage_backfills/{backfill}");
        let same = app.get(&format!("{path}/review?aggregate_id={metric}")).await.ok();
        assert_eq!(same.at("/metrics/0/changed_count"), 1, "an empty backfill empties its window");
        app.post(&format!("{path}/events"), event("2025-01-09", 10)).await.ok();
        let review = app.get(&format!("{path}/review")).await.ok();
        expect![[r#"
            [
              {
                "after": [
                  {
                    "dimension": null,
                    "quantity": 10
                  }
                ],
                "before": [
                  {
                    "dimension": null,
                    "quantity": 1
                  }
                ],
                "customer_id": "#]].assert_eq(
            format!("{:#}", review.at("/metrics/0/differences")).split_inclusive("\"customer_id\": ").next().unwrap());
        assert_eq!(review.text("/metrics/0/name"), "Gigabytes");
        assert_eq!((review.at("/events_before"), review.at("/events_after")), (&json!(1), &json!(1)));
        let unknown = format!("{path}/review?aggregate_id=00000000-0000-7000-8000-00000000ffff");
        assert_eq!(app.get(&unknown).await.status, 404);
        assert_eq!(app.get(&format!("{path}/review?aggregate_id=x")).await.status, 422);
    }

    async fn a_reverted_backfill_changes_nothing(app) {
        let id = storage(&app).await;
        let backfill = january(&app, &id).await;
        let path = format!("/usage_backfills/{backfill}");
        app.post(&format!("{path}/events"), event("2025-01-09", 10)).await.ok();
        let reverted = app.post(&format!("{path}/revert"), json!({})).await.ok();
        assert_eq!(reverted.text("/state"), "reverted");
        assert_eq!(app.post(&format!("{path}/revert"), json!({})).await.ok().body, reverted.body);
        let commit = app.post(&format!("{path}/commit"), json!({})).await;
        assert_eq!((commit.status, commit.text("/code")), (409, "USAGE_BACKFILL_CLOSED"));
        assert_eq!(counted(&app, &id).await, [1, 2]);
        let list = app.get(&format!("/rawmetric/{id}/backfills?state=reverted")).await.ok();
        assert_eq!(list.at("/total_count"), 1);
        assert_eq!(app.get(&path).await.ok().text("/reason"), "a sender was broken");
    }

    async fn events_of_a_backfill_are_in_its_window(app) {
        let id = storage(&app).await;
        let backfill = january(&app, &id).await;
        let events = json!([event("2025-01-01", 1), event("2025-02-01", 2), event("2024-12-31", 3)]);
        let answer = app.post(&format!("/usage_backfills/{backfill}/events"), events).await;
        assert_eq!(answer.status, 422, "{answer}");
        assert_eq!(answer.at("/detail/0/loc"), &json!(["body", 1, "timestamp"]));
        assert_eq!(answer.at("/detail/1/loc"), &json!(["body", 2, "timestamp"]));
    }

    async fn windows_are_over_and_do_not_overlap(app) {
        let id = storage(&app).await;
        let first = january(&app, &id).await;
        let overlap = open(&app, &id, "2025-01-31", "2025-02-03").await;
        assert_eq!((overlap.status, overlap.text("/code")), (409, "USAGE_BACKFILL_OVERLAPS"));
        open(&app, &id, "2025-02-01", "2025-02-03").await.ok();
        app.post(&format!("/usage_backfills/{first}/revert"), json!({})).await.ok();
        open(&app, &id, "2025-01-01", "2025-02-01").await.ok();
        for (start, end) in [("2025-03-01", "2025-03-01"), ("2025-12-01", "2027-01-01")] {
            let answer = open(&app, &id, start, end).await;
            assert_eq!((answer.status, answer.at("/detail/0/loc")), (422, &json!(["body", "end"])));
        }
    }
}
