//! `/rawmetric`

use expect_test::expect;
use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn storage() -> Value {
    json!({
        "name": "Storage", "api_slug": "storage_event", "connector": "push_to_zenskar",
        "api_type": "PUSH", "column_order": ["timestamp"], "unique_by": ["data.id"],
        "dataschema": {
            "customer_id": "String", "timestamp": "DateTime64",
            "data": { "region": "string", "gb": "double", "id": "UUID", "ok": "Boolean" },
        },
    })
}

fn named(name: &str) -> Value {
    json!({ "name": name, "dataschema": { "data": { "gb": "Float64" } } })
}

async fn created(app: &TestApp, body: Value) -> String {
    app.post("/rawmetric", body).await.ok().id()
}

both! {
    async fn a_schema_is_echoed_with_the_names_of_types(app) {
        let answer = app.post("/rawmetric", storage()).await;
        expect![[r#"
            200
            {
              "api_slug": "storage_event",
              "api_type": "PUSH",
              "column_order": [
                "timestamp"
              ],
              "connector": "push_to_zenskar",
              "created_at": "2026-01-05T10:00:00Z",
              "dataschema": {
                "customer_id": "String",
                "data": {
                  "gb": "Float64",
                  "id": "UUID",
                  "ok": "Bool",
                  "region": "String"
                },
                "timestamp": "DateTime64"
              },
              "id": "00000000-0000-7000-8000-000000000005",
              "name": "Storage",
              "unique_by": [
                "data.id"
              ],
              "updated_at": "2026-01-05T10:00:00Z",
              "usage_upload_enabled": true
            }"#]].assert_eq(&answer.to_string());
        let read = app.get(&format!("/rawmetric/{}", answer.id())).await;
        assert_eq!(read.body, answer.body);
    }

    async fn the_slug_is_made_from_the_name(app) {
        let answer = app.post("/rawmetric", named("a raw metric")).await.ok();
        assert_eq!(answer.text("/api_slug"), "a_raw_metric");
        let unnamed = app.post("/rawmetric", named("用量")).await;
        assert_eq!((unnamed.status, unnamed.at("/detail/0/loc")), (422, &json!(["body", "api_slug"])));
    }

    async fn every_bad_field_is_named(app) {
        let answer = app.post("/rawmetric", json!({
            "api_slug": "no slug", "unique_by": [7], "connector": "",
            "dataschema": { "customer_id": "Int64", "timestamp": "String", "data": { "gb": 1 } },
        })).await;
        let places: Vec<String> = answer.at("/detail").as_array().unwrap().iter()
            .map(|bad| format!("{} {}", bad["loc"], bad["msg"])).collect();
        expect![[r#"
            ["body","name"] "field required"
            ["body","api_slug"] "text of the form ^[A-Za-z0-9_-]+$"
            ["body","connector"] "at least 1 characters"
            ["body","dataschema","customer_id"] "text of the form ^[Ss]tring$"
            ["body","dataschema","data","gb"] "value is not a string"
            ["body","dataschema","timestamp"] "text of the form ^[Dd]ate[Tt]ime(64)?$"
            ["body","unique_by",0] "value is not a string""#]].assert_eq(&places.join("\n"));
    }

    async fn every_bad_part_of_a_schema_is_named(app) {
        let answer = app.post("/rawmetric", json!({
            "name": "x", "unique_by": ["data.nope"], "column_order": ["timestamp"],
            "dataschema": { "data": { "a b": "Int64", "gb": "Map", "Id": "UUID", "id": "UUID" } },
        })).await;
        let places: Vec<String> = answer.at("/detail").as_array().unwrap().iter()
            .map(|bad| format!("{} {}", bad["loc"], bad["msg"])).collect();
        expect![[r#"
            ["body","dataschema","data","a b"] "a field's name is a letter or `_`, then letters, digits, `_` or `-`; 100 characters at most"
            ["body","dataschema","data","gb"] "a type is one of String, Int64, Float64, Decimal, Date32, DateTime64, UUID, Bool, or Array(…) of one of them"
            ["body","dataschema","data","id"] "`id` and `Id` differ only in upper and lower case"
            ["body","unique_by"] "`data.nope` is none of customer_id, timestamp and the fields as data.<field>""#]].assert_eq(&places.join("\n"));
        let order = json!({ "name": "x", "column_order": ["gb"], "dataschema": { "data": {} } });
        let order = app.post("/rawmetric", order).await;
        assert_eq!((order.status, order.at("/detail/0/loc")), (422, &json!(["body", "column_order"])));
    }

    async fn a_slug_is_taken_once_in_an_organisation(app) {
        created(&app, storage()).await;
        let mut other = storage();
        other["api_slug"] = json!("Storage_Event");
        let answer = app.post("/rawmetric", other.clone()).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "RAW_METRIC_SLUG_TAKEN"));
        app.other_organisation().await.post("/rawmetric", other).await.ok();
    }

    async fn a_raw_metric_is_found_by_its_slug(app) {
        let id = created(&app, storage()).await;
        assert_eq!(app.get("/rawmetric/slug/storage_event").await.ok().id(), id);
        let elsewhere = app.other_organisation().await;
        assert_eq!(elsewhere.get("/rawmetric/slug/storage_event").await.ok().body, json!(null));
        for unknown in ["nothing", "STORAGE_EVENT", "a%20b", "%00", &"x".repeat(2000)] {
            let answer = app.get(&format!("/rawmetric/slug/{unknown}")).await;
            assert_eq!((answer.status, answer.body), (200, json!(null)), "{unknown}");
        }
    }

    async fn a_patch_adds_fields_and_keeps_the_rest(app) {
        let id = created(&app, storage()).await;
        app.clock.advance(SignedDuration::from_secs(60));
        let path = format!("/rawmetric/{id}");
        let data = json!({ "region": "String", "gb": "Float64", "id": "UUID", "ok": "Bool",
            "tags": "Array(String)" });
        let answer = app.patch(&path, json!({
            "name": "Disk", "usage_upload_enabled": false, "unique_by": [],
            "dataschema": { "data": data },
        })).await.ok();
        assert_eq!(answer.at("/dataschema/data"), &data);
        assert_eq!((answer.text("/name"), answer.text("/api_slug")), ("Disk", "storage_event"));
        assert_eq!((answer.at("/usage_upload_enabled"), answer.at("/unique_by")), (&json!(false), &json!([])));
        assert_eq!(answer.text("/updated_at"), "2026-01-05T10:01:00Z");
        assert_eq!(app.get(&path).await.body, answer.body);
        assert_eq!(app.patch(&path, json!({})).await.ok().body, answer.body);
    }

    async fn a_patch_neither_removes_nor_retypes_a_field_nor_moves_the_slug(app) {
        let path = format!("/rawmetric/{}", created(&app, storage()).await);
        let less = json!({ "unique_by": [], "dataschema": { "data": { "region": "String" } } });
        let other = json!({ "region": "Int64", "gb": "Float64", "id": "UUID", "ok": "Bool" });
        for (body, code) in [
            (less, "RAW_METRIC_FIELD_REMOVED"),
            (json!({ "dataschema": { "data": other } }), "RAW_METRIC_FIELD_RETYPED"),
            (json!({ "api_slug": "disk" }), "RAW_METRIC_SLUG_FIXED"),
        ] {
            let answer = app.patch(&path, body).await;
            assert_eq!((answer.status, answer.text("/code")), (400, code));
        }
        let dangling = json!({ "dataschema": { "data": { "region": "String" } } });
        assert_eq!(app.patch(&path, dangling).await.status, 422);
        let unnamed = app.patch(&path, json!({ "dataschema": null, "name": " " })).await;
        assert_eq!(unnamed.status, 422);
        assert_eq!(app.get(&path).await.text("/name"), "Storage");
    }

    async fn the_list_filters_sorts_and_pages(app) {
        for name in ["Storage", "API calls", "Messages"] {
            created(&app, named(name)).await;
            app.clock.advance(SignedDuration::from_secs(1));
        }
        let names = async |query: &str| -> Vec<String> {
            let answer = app.get(&format!("/rawmetric?{query}")).await.ok();
            let rows = answer.at("/results").as_array().unwrap().iter();
            rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("order=-created_at&search=").await, ["Messages", "API calls", "Storage"]);
        assert_eq!(names("sort_key=name&sort_type=ASC").await, ["API calls", "Messages", "Storage"]);
        assert_eq!(names("name__ilike=STOR").await, ["Storage"]);
        assert_eq!(names("api_slug__ilike=api_").await, ["API calls"]);
        assert_eq!(names("search=name=mess").await, ["Messages"]);
        let first = app.get("/rawmetric?limit=2").await.ok();
        assert_eq!(first.at("/total_count"), 3);
        let next = format!("limit=2&cursor={}", first.text("/next"));
        assert_eq!(names(&next).await, ["Storage"]);
        let id = first.text("/results/0/id");
        assert_eq!(names(&format!("id={id}")).await, ["Messages"]);
        assert!(app.other_organisation().await.get("/rawmetric").await.at("/results") == &json!([]));
    }

    async fn another_organisation_sees_nothing(app) {
        let path = format!("/rawmetric/{}", created(&app, storage()).await);
        let other = app.other_organisation().await;
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(other.patch(&path, json!({ "name": "Mine" })).await.status, 404);
        assert_eq!(app.get(&path).await.ok().text("/name"), "Storage");
    }

    async fn the_older_paths_serve_the_same(app) {
        let id = app.post("/rawmetrics", storage()).await.ok().id();
        let path = format!("/rawmetrics/{id}");
        app.patch(&path, json!({ "name": "Disk" })).await.ok();
        assert_eq!(app.get(&path).await.ok().text("/name"), "Disk");
        assert_eq!(app.get("/rawmetrics/slug/storage_event").await.ok().id(), id);
        assert_eq!(app.get("/rawmetrics").await.ok().at("/total_count"), 1);
    }

    async fn what_no_database_keeps_is_refused(app) {
        for body in [
            json!({ "name": "a\0b", "dataschema": { "data": {} } }),
            json!({ "name": "x".repeat(256), "dataschema": { "data": {} } }),
            json!({ "name": "x", "dataschema": { "data": { "a\0b": "Int64" } } }),
            json!({ "name": "x", "dataschema": { "data": { "a": "x".repeat(100_000) } } }),
            json!({ "name": "x", "unique_by": ["data.\0"], "dataschema": { "data": {} } }),
        ] {
            assert_eq!(app.post("/rawmetric", body.clone()).await.status, 422);
        }
    }
}
