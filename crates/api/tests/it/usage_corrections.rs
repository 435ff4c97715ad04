//! `/rawmetric/{raw_metric_id}/corrections` and `/usage_corrections`.

use axum::{body::Body, http::Method};
use expect_test::expect;
use florin_app::usage::UsageError;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

async fn storage(app: &TestApp) -> String {
    let body = json!({ "name": "Storage", "dataschema": {
        "data": { "id": "String", "gb": "Float64" },
    } });
    let id = app.post("/rawmetric", body).await.ok().id();
    let event = |customer: &str, day: u32, id: &str, gb: f64| {
        json!({ "customer_id": customer, "timestamp": format!("2026-01-0{day}"),
            "data": { "id": id, "gb": gb } })
    };
    let events = [
        event("a", 1, "x", 1.5),
        event("b", 2, "y", 2.0),
        event("a", 3, "z", 3.0),
    ];
    app.post("/usage/storage", json!(events)).await.ok();
    id
}

async fn correct(app: &TestApp, id: &str, body: Value) -> Answer {
    app.post(&format!("/rawmetric/{id}/corrections"), body)
        .await
}

/// Customer, id and gigabytes of every event, what was received first before.
async fn events(app: &TestApp, id: &str) -> Vec<String> {
    let rows = app.get(&format!("/rawmetric/{id}/logs?order=_seq")).await;
    let rows = match rows.status {
        200 => rows,
        _ => app.get(&format!("/rawmetric/{id}/logs")).await.ok(),
    };
    let shown = rows.at("/results").as_array().unwrap().iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{}:{}:{}",
            text("customer_id"),
            text("data.id"),
            row["data.gb"]
        )
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown
}

both! {
    async fn events_are_deleted_and_what_they_were_is_kept(app) {
        let id = storage(&app).await;
        let body = json!({ "action": "delete", "reason": "counted twice",
            "events": { "customer_id": "a" } });
        let answer = correct(&app, &id, body).await.ok();
        assert_eq!((answer.at("/event_count"), answer.at("/dry_run")), (&json!(2), &json!(false)));
        assert_eq!(answer.at("/sample/0/before/data.gb"), 1.5);
        assert_eq!(answer.at("/sample/0/after"), &Value::Null);
        assert_eq!(events(&app, &id).await, ["b:y:2"]);
        let made = answer.id();
        let shown = app.get(&format!("/usage_corrections/{made}")).await.ok();
        assert_eq!(shown.text("/reason"), "counted twice");
        assert_eq!(shown.at("/request"), &json!({ "action": "delete",
            "events": { "customer_id": "a" } }));
        assert!(shown.text("/created_by").starts_with("key:"));
        let kept = app.get(&format!("/usage_corrections/{made}/events?offset=1&limit=1")).await.ok();
        assert_eq!(kept.at("/results/0/before/data.id"), "z");
        assert_eq!(kept.at("/results").as_array().unwrap().len(), 1);
    }

    async fn events_are_amended(app) {
        let id = storage(&app).await;
        let body = json!({ "action": "amend", "reason": "wrong customer",
            "events": { "keys": [{ "data.id": "x" }, { "data.id": "z", "data.gb": 3 }] },
            "changes": { "customer_id": "b", "data": { "gb": null } } });
        let answer = correct(&app, &id, body).await.ok();
        assert_eq!(answer.at("/event_count"), 2);
        assert_eq!(answer.at("/sample/0/after/customer_id"), "b");
        assert_eq!(events(&app, &id).await, ["b:x:null", "b:y:2", "b:z:null"]);
    }

    async fn events_are_named_by_sequence_time_and_filters(app) {
        let id = storage(&app).await;
        let filters = json!({ "groups": [{ "filters": [
            { "column": "data.gb", "operator": ">", "value": 1 }] }] });
        for (events, count) in [
            (json!({ "sequences": [1, 3, 99] }), 2),
            (json!({ "start": "2026-01-02T00:00:00Z" }), 2),
            (json!({ "start": "2026-01-02", "end": "2026-01-03" }), 1),
            (json!({ "visual_query": filters }), 3),
            (json!({ "visual_query": filters, "customer_id": "b", "sequences": [1, 2] }), 1),
            (json!({ "customer_id": "nobody" }), 0),
        ] {
            let body = json!({ "action": "delete", "reason": "r", "events": events, "dry_run": true });
            let answer = correct(&app, &id, body).await.ok();
            assert_eq!(answer.at("/event_count"), count, "{events}");
            assert_eq!(answer.at("/id"), &Value::Null);
        }
        assert_eq!(events(&app, &id).await.len(), 3);
    }

    async fn a_dry_run_shows_what_would_become_of_events(app) {
        let id = storage(&app).await;
        let body = json!({ "action": "amend", "reason": "r", "events": { "sequences": [2] },
            "changes": { "timestamp": "2026-02-01 10:00:00" }, "dry_run": true });
        let answer = correct(&app, &id, body).await;
        expect![[r#"
            {
              "_received_at": null,
              "_seq": null,
              "customer_id": "b",
              "data.gb": 2,
              "data.id": "y",
              "timestamp": "2026-02-01T10:00:00Z"
            }"#]].assert_eq(&format!("{:#}", answer.at("/sample/0/after")));
    }

    async fn a_correction_is_made_once_under_a_key(app) {
        let id = storage(&app).await;
        let body = |gb: u32| json!({ "action": "amend", "reason": "r",
            "events": { "customer_id": "a" }, "changes": { "data": { "gb": gb } } });
        let send = async |gb: u32| {
            let path = format!("/rawmetric/{id}/corrections");
            let request = app.signed(Method::POST, &path).header("idempotency-key", "k");
            app.request(request.body(Body::from(body(gb).to_string())).unwrap()).await
        };
        let first = send(5).await.ok();
        let again = send(5).await.ok();
        assert_eq!(first.body, again.body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let other = send(6).await;
        assert_eq!((other.status, other.text("/code")), (409, "IDEMPOTENCY_KEY_REUSED"));
        let list = app.get(&format!("/rawmetric/{id}/corrections?action=amend")).await.ok();
        assert_eq!(list.at("/total_count"), 1);
    }

    async fn a_correction_of_nothing_is_refused(app) {
        let id = storage(&app).await;
        let body = json!({ "action": "delete", "reason": "r", "events": { "customer_id": "nobody" } });
        let answer = correct(&app, &id, body).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "USAGE_CORRECTION_EMPTY"));
        let list = app.get(&format!("/rawmetric/{id}/corrections")).await.ok();
        assert_eq!(list.at("/total_count"), 0);
    }

    async fn what_the_engine_refuses_has_its_code(app) {
        let id = storage(&app).await;
        for (error, status, code) in [
            (UsageError::TooManySelected, 400, "USAGE_CORRECTION_TOO_LARGE"),
            (UsageError::Contended, 409, "USAGE_CONTENDED"),
        ] {
            app.usage.refuse_next(error);
            let body = json!({ "action": "delete", "reason": "r", "events": { "sequences": [1] } });
            let answer = correct(&app, &id, body).await;
            assert_eq!((answer.status, answer.text("/code")), (status, code));
        }
        assert_eq!(events(&app, &id).await.len(), 3);
    }

    async fn every_bad_place_is_named(app) {
        let id = storage(&app).await;
        let places = async |body: Value| {
            let answer = correct(&app, &id, body).await;
            assert_eq!(answer.status, 422, "{answer}");
            let places = answer.at("/detail").as_array().unwrap().iter();
            places.map(|bad| bad["loc"].to_string()).collect::<Vec<_>>().join(" ")
        };
        let filters = json!({ "groups": [{ "filters": [
            { "column": "data.tb", "operator": "=", "value": 1 }] }] });
        let bad = json!({ "action": "amend", "reason": "r",
            "events": { "keys": [{}, { "data.tb": 1 }], "visual_query": filters },
            "changes": { "customer_id": "b", "data": { "gb": "x", "tb": 1 } } });
        expect![[r#"["body","events","keys",0] ["body","events","keys",1] ["body","events","visual_query","groups",0,"filters",0,"column"] ["body","changes","data","gb"] ["body","changes","data","tb"]"#]]
            .assert_eq(&places(bad).await);
        let nothing = json!({ "action": "amend", "reason": " ", "events": {}, "changes": { "data": {} } });
        expect![[r#"["body","reason"] ["body","events"] ["body","changes"]"#]]
            .assert_eq(&places(nothing).await);
        let both = json!({ "action": "delete", "reason": "r", "events": { "sequences": [1] },
            "changes": {} });
        expect![[r#"["body","changes"]"#]].assert_eq(&places(both).await);
    }
}
