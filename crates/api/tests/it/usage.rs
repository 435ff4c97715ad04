//! `/usage/{api_slug}`: sending events, and reading them again under `/rawmetric/{raw_metric_id}/logs`.

use std::io::Write;

use axum::{body::Body, http::Method};
use expect_test::expect;
use flate2::{Compression, write::GzEncoder};
use florin_app::{
    usage::{Batch, Format, UsageError},
    usage_event,
};
use florin_store::Actor;
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

async fn storage(app: &TestApp) -> String {
    let body = json!({ "name": "Storage", "dataschema": {
        "data": { "region": "String", "gb": "Float64", "at": "DateTime64" },
    } });
    app.post("/rawmetric", body).await.ok().id()
}

fn event(gb: Value) -> Value {
    json!({ "customer_id": "CRM-771", "timestamp": "2026-01-04 06:45:52", "data": { "gb": gb } })
}

/// Sends a body as it is.
async fn send(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let request = app.signed(Method::POST, "/usage/storage");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    app.request(request.body(body.into()).unwrap()).await
}

async fn kept(app: &TestApp, id: &str) -> usize {
    let rows = app
        .get(&format!("/rawmetric/{id}/logs?limit=1000"))
        .await
        .ok();
    rows.at("/results").as_array().unwrap().len()
}

fn places(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{answer}");
    let places = answer.at("/detail").as_array().unwrap().iter();
    places
        .map(|bad| {
            format!(
                "{} {} ({})\n",
                bad["loc"],
                bad["msg"],
                bad["type"].as_str().unwrap()
            )
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

both! {
    async fn one_event_is_kept_and_shown(app) {
        let id = storage(&app).await;
        let answer = app.post("/usage/storage", event(json!(12.50))).await;
        expect![[r#"
            200
            {
              "count": 1,
              "status": "ok"
            }"#]].assert_eq(&answer.to_string());
        let rows = app.get(&format!("/rawmetric/{id}/logs")).await;
        expect![[r#"
            200
            {
              "results": [
                {
                  "_received_at": "2026-01-05T10:00:00Z",
                  "_seq": 1,
                  "customer_id": "CRM-771",
                  "data.at": null,
                  "data.gb": 12.5,
                  "data.region": null,
                  "timestamp": "2026-01-04T06:45:52Z"
                }
              ]
            }"#]].assert_eq(&rows.to_string());
    }

    async fn an_array_of_events_is_kept(app) {
        let id = storage(&app).await;
        let answer = app.post("/usage/storage", json!([event(json!(1)), event(json!(2))])).await.ok();
        assert_eq!(answer.body, json!({ "status": "ok", "count": 2 }));
        assert_eq!(app.post("/usage_events/storage", json!([])).await.ok().at("/count"), 0);
        assert_eq!(kept(&app, &id).await, 2);
    }

    async fn one_event_a_line_is_kept(app) {
        let id = storage(&app).await;
        let body = format!("{}\n\n{}\n", event(json!(1)), event(json!(2)));
        for (count, content_type) in [(2, "application/x-ndjson"), (4, "application/jsonl; charset=utf-8")] {
            let answer = send(&app, &[("content-type", content_type)], body.clone()).await.ok();
            assert_eq!(answer.at("/count"), 2);
            assert_eq!(kept(&app, &id).await, count);
        }
    }

    async fn events_may_come_compressed(app) {
        let id = storage(&app).await;
        let body = json!([event(json!(1)), event(json!(2))]).to_string();
        let zstd = zstd::encode_all(body.as_bytes(), 3).unwrap();
        for (encoding, bytes) in [("gzip", gzip(body.as_bytes())), ("ZSTD", zstd), ("identity", body.into())] {
            let answer = send(&app, &[("content-encoding", encoding)], bytes).await.ok();
            assert_eq!(answer.at("/count"), 2, "{encoding}");
        }
        assert_eq!(kept(&app, &id).await, 6);
    }

    async fn what_cannot_be_decompressed_is_refused(app) {
        let id = storage(&app).await;
        let mut cut = gzip(event(json!(1)).to_string().as_bytes());
        cut.truncate(cut.len() - 9);
        for (encoding, bytes) in [("gzip", cut), ("gzip", b"{}".to_vec()), ("zstd", b"{}".to_vec())] {
            let answer = send(&app, &[("content-encoding", encoding)], bytes).await;
            assert_eq!(answer.text("/detail/0/type"), "value_error.compression", "{answer}");
        }
        for encoding in ["br", "deflate", "gzip, gzip", "é"] {
            let answer = send(&app, &[("content-encoding", encoding)], "{}").await;
            assert_eq!((answer.status, answer.text("/code")), (415, "CONTENT_ENCODING_UNKNOWN"));
        }
        assert_eq!(kept(&app, &id).await, 0);
    }

    async fn eight_mebibytes_are_the_most(app) {
        storage(&app).await;
        let padded = |bytes: usize| {
            let event = event(json!(1)).to_string();
            format!("{event}{}", " ".repeat(bytes - event.len()))
        };
        assert_eq!(send(&app, &[], padded(8 * MIB)).await.status, 200);
        let bomb = gzip(&vec![b' '; 200 * MIB]);
        assert!(bomb.len() < MIB);
        let zstd = zstd::encode_all(&*vec![b' '; 9 * MIB], 3).unwrap();
        let plain = padded(8 * MIB + 1);
        for (encoding, bytes) in [("identity", plain.into()), ("gzip", bomb), ("zstd", zstd)] {
            let answer = send(&app, &[("content-encoding", encoding)], bytes).await;
            assert_eq!((answer.status, answer.text("/code")), (413, "BODY_TOO_LARGE"), "{encoding}");
            assert!(answer.text("/detail").contains("8388608"), "{answer}");
        }
        let elsewhere = app.post("/customers", json!({ "customer_name": "x".repeat(2 * MIB) })).await;
        assert_eq!((elsewhere.status, elsewhere.text("/code")), (413, "BODY_TOO_LARGE"));
    }

    async fn ten_thousand_events_are_the_most(app) {
        let id = storage(&app).await;
        let events = vec![event(json!(1)); 10_001];
        app.post("/usage/storage", json!(events[1..])).await.ok();
        let answer = app.post("/usage/storage", json!(events)).await;
        assert_eq!((answer.status, answer.text("/code")), (413, "USAGE_TOO_MANY_EVENTS"));
        assert_eq!(kept(&app, &id).await, 1000, "a page has no more");
    }

    async fn a_batch_is_refused_whole_and_every_bad_place_named(app) {
        let id = storage(&app).await;
        let answer = app.post("/usage/storage", json!([
            event(json!(1)), event(json!("x")), 7,
            { "timestamp": "2026-01-04 06:45:52+0100", "data": { "gib": 1, "at": "noon" } },
            { "customer_id": "", "timestamp": "2026-01-04T06:45:52Z" },
        ])).await;
        expect![[r#"
            ["body",1,"data","gb"] "Invalid type for key: data.gb. Expected Float64, got string" (type_error)
            ["body",2] "an event is an object, got integer" (type_error.dict)
            ["body",3,"customer_id"] "field required" (value_error.missing)
            ["body",3,"timestamp"] "Invalid type for key: timestamp. Expected Date32/DateTime64, got string" (type_error)
            ["body",3,"data","at"] "Invalid type for key: data.at. Expected DateTime64, got string" (type_error)
            ["body",3,"data","gib"] "the schema has no field data.gib: add it to the schema first" (value_error.extra)
            ["body",4,"customer_id"] "customer_id is empty" (value_error.any_str.min_length)
            ["body",4,"data"] "field required" (value_error.missing)
        "#]].assert_eq(&places(&answer));
        assert_eq!(kept(&app, &id).await, 0);
    }

    async fn the_only_event_of_a_body_has_no_index(app) {
        storage(&app).await;
        let answer = app.post("/usage/storage", event(json!("x"))).await;
        expect![[r#"
            ["body","data","gb"] "Invalid type for key: data.gb. Expected Float64, got string" (type_error)
        "#]].assert_eq(&places(&answer));
        let line = send(&app, &[("content-type", "application/x-ndjson")], "{}").await;
        assert_eq!(line.at("/detail/0/loc"), &json!(["body", 0, "customer_id"]));
        let empty = send(&app, &[], "").await;
        assert_eq!(empty.at("/detail/0/loc"), &json!(["body", "customer_id"]));
    }

    async fn a_hundred_bad_places_are_named_and_the_others_counted(app) {
        storage(&app).await;
        let answer = app.post("/usage/storage", json!(vec![json!({}); 10_000])).await;
        let last = answer.text("/detail/100/msg");
        assert_eq!(last, "at least 1000 places cannot be used; the first 100 are named");
        let answer = app.post("/usage/storage", json!(vec![event(json!("x")); 102])).await;
        let detail = answer.at("/detail").as_array().unwrap();
        assert_eq!(detail.len(), 101);
        assert_eq!(detail[100]["msg"], "102 places cannot be used; the first 100 are named");
    }

    async fn what_is_no_json_is_refused(app) {
        storage(&app).await;
        for (content_type, body) in [("application/json", "[{]"), ("application/x-ndjson", "{}\n{")] {
            let answer = send(&app, &[("content-type", content_type)], body).await;
            assert_eq!(answer.at("/detail/0/loc"), &json!(["body"]), "{answer}");
            assert_eq!(answer.text("/detail/0/type"), "value_error.jsondecode");
        }
    }

    async fn a_slug_of_nobody_is_not_found(app) {
        storage(&app).await;
        for slug in ["nothing", "STORAGE", "a%20b", "%00"] {
            let answer = app.post(&format!("/usage/{slug}"), event(json!(1))).await;
            assert_eq!((answer.status, answer.text("/code")), (404, "RAW_METRIC_NOT_FOUND"));
        }
        let elsewhere = app.other_organisation().await;
        assert_eq!(elsewhere.post("/usage/storage", event(json!(1))).await.status, 404);
    }

    async fn a_repeated_key_repeats_the_answer_and_not_the_events(app) {
        let id = storage(&app).await;
        let key = [("idempotency-key", "k-1")];
        for replayed in [None, Some("true")] {
            let answer = send(&app, &key, event(json!(1)).to_string()).await.ok();
            assert_eq!(answer.body, json!({ "status": "ok", "count": 1 }));
            assert_eq!(answer.header("idempotent-replayed"), replayed);
        }
        assert_eq!(kept(&app, &id).await, 1);
        let compressed = [key[0], ("content-encoding", "gzip")];
        let same = gzip(event(json!(1)).to_string().as_bytes());
        assert_eq!(send(&app, &compressed, same).await.status, 200);
        let other = send(&app, &key, event(json!(2)).to_string()).await;
        assert_eq!((other.status, other.text("/code")), (409, "IDEMPOTENCY_KEY_REUSED"));
        let bad = send(&app, &[("idempotency-key", "two words")], "{}").await;
        assert_eq!((bad.status, bad.at("/detail/0/loc")), (422, &json!(["header", "idempotency-key"])));
        assert_eq!(kept(&app, &id).await, 1);
    }

    async fn who_sends_faster_than_events_are_written_is_told_to_wait(app) {
        let id = storage(&app).await;
        app.usage.refuse_next(UsageError::Behind { retry_after_seconds: 3 });
        let answer = app.post("/usage/storage", event(json!(1))).await;
        assert_eq!((answer.status, answer.text("/code")), (429, "USAGE_BEHIND"));
        assert_eq!(answer.header("retry-after"), Some("3"));
        app.post("/usage/storage", event(json!(1))).await.ok();
        assert_eq!(kept(&app, &id).await, 1);
    }

    async fn an_engine_that_does_not_answer_is_no_secret_teller(app) {
        storage(&app).await;
        app.usage.refuse_next(UsageError::Unavailable("disk /dev/sda full".to_owned()));
        let answer = app.post("/usage/storage", event(json!(1))).await;
        assert_eq!((answer.status, answer.text("/code")), (503, "USAGE_UNAVAILABLE"));
        assert!(!answer.to_string().contains("sda"), "{answer}");
    }

    async fn what_the_engine_refuses_is_told(app) {
        let id = storage(&app).await;
        let message = "no function toDay".to_owned();
        let position = Some((2, 7));
        for (error, code, detail) in [
            (UsageError::Query { message: message.clone(), position }, "METRIC_QUERY_REFUSED",
                "line 2, column 7: no function toDay"),
            (UsageError::Query { message: message.clone(), position: None }, "METRIC_QUERY_REFUSED",
                "no function toDay"),
            (UsageError::Limit { message: message.clone() }, "METRIC_LIMIT_EXCEEDED", "no function toDay"),
            (UsageError::Overflow { message }, "METRIC_OVERFLOW", "no function toDay"),
        ] {
            app.usage.refuse_next(error);
            let answer = app.get(&format!("/rawmetric/{id}/logs")).await;
            let told = (answer.status, answer.text("/code"), answer.text("/detail"));
            assert_eq!(told, (400, code, detail));
        }
    }

    async fn a_field_is_accepted_as_soon_as_the_schema_has_it(app) {
        let id = storage(&app).await;
        let mut event = event(json!(1));
        event["data"]["ok"] = json!(true);
        let unknown = app.post("/usage/storage", event.clone()).await;
        assert_eq!(unknown.text("/detail/0/type"), "value_error.extra");
        let fields = json!({ "region": "String", "gb": "Float64", "at": "DateTime64", "ok": "Bool" });
        app.patch(&format!("/rawmetric/{id}"), json!({ "dataschema": { "data": fields } })).await.ok();
        app.post("/usage/storage", event).await.ok();
    }

    async fn a_field_that_another_process_added_is_known_before_it_is_refused(app) {
        let id = storage(&app).await;
        app.post("/usage/storage", event(json!(1))).await.ok();
        let mut tx = app.app.begin(app.organisation, Actor::System, "").await.unwrap();
        let metric = florin_app::raw_metric::find(&mut tx, id.parse().unwrap()).await.unwrap();
        let fields = [("region", "String"), ("gb", "Float64"), ("at", "DateTime64"), ("ok", "Bool")];
        let owned = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
        let written = florin_core::raw_metric::Written {
            name: metric.name.clone(),
            api_slug: None,
            fields: fields.map(owned).to_vec(),
            unique_by: Vec::new(),
            column_order: Vec::new(),
            connector: metric.connector.clone(),
            api_type: metric.api_type.clone(),
            usage_upload_enabled: true,
        };
        florin_app::raw_metric::update(&mut tx, metric.id, written).await.unwrap();
        tx.commit().await.unwrap();
        let mut event = event(json!(1));
        event["data"]["ok"] = json!(true);
        app.post("/usage/storage", event).await.ok();
    }

    async fn a_stream_is_asked_for_once_a_second(app) {
        storage(&app).await;
        let (organisation, streams) = (app.organisation, &app.app.streams);
        let find = || streams.find(&app.app, organisation, "storage");
        let first = find().await.unwrap().unwrap();
        app.clock.advance(SignedDuration::from_millis(999));
        assert!(std::sync::Arc::ptr_eq(&first, &find().await.unwrap().unwrap()));
        app.clock.advance(SignedDuration::from_millis(1));
        assert!(!std::sync::Arc::ptr_eq(&first, &find().await.unwrap().unwrap()));
        let other = app.other_organisation().await;
        assert_eq!(streams.find(&app.app, other.organisation, "storage").await.unwrap(), None);
    }

    async fn sending_to_a_known_stream_asks_no_database(app) {
        storage(&app).await;
        let bytes = event(json!(1)).to_string();
        let send = || {
            let batch = Batch::Body(Format::Json, bytes.as_bytes());
            usage_event::ingest(&app.app, (app.organisation, "storage"), batch, None)
        };
        send().await.unwrap();
        app.app.db.close().await;
        assert_eq!(send().await.unwrap().events, 1);
        app.clock.advance(SignedDuration::from_secs(1));
        assert!(matches!(send().await, Err(florin_app::Error::Store(_))));
    }

    async fn accepted_events_and_requests_are_counted(app) {
        storage(&app).await;
        let recorder = PrometheusBuilder::new().build_recorder();
        let _here = metrics::set_default_local_recorder(&recorder);
        for _ in 0..2 {
            let key = [("idempotency-key", "k-1")];
            send(&app, &key, json!([event(json!(1)), event(json!(2))]).to_string()).await.ok();
        }
        send(&app, &[], event(json!("x")).to_string()).await;
        let counted = recorder.handle().render();
        for line in ["florin_usage_requests_total 2", "florin_usage_events_total 2"] {
            assert!(counted.lines().any(|counted| counted == line), "{line}: {counted}");
        }
    }

    async fn rows_are_filtered_and_ordered(app) {
        let id = storage(&app).await;
        for (gb, region) in [(json!(1), "eu"), (json!(2.5), "us"), (json!(null), "eu"), (json!(10), "asia")] {
            let mut event = event(gb);
            event["data"]["region"] = json!(region);
            app.post("/usage/storage", event).await.ok();
        }
        for (query, expected) in [
            ("", "4321"),
            ("order=_seq", "1234"),
            ("order=-data.gb", "4213"),
            ("order=data.gb", "1243"),
            ("order=data.region,-data.gb", "4132"),
            ("limit=2&offset=1", "32"),
            ("data.gb__gte=2.5", "42"),
            ("data.region__in=eu,us&order=_seq", "123"),
            ("data.gb__isnull=true", "3"),
            ("data.gb__isnull=false&data.region=eu", "1"),
            ("data.region__like=s", "42"),
            ("customer_id=nobody", ""),
            ("timestamp__lt=2026-01-04T06:45:52Z", ""),
            ("timestamp__gte=2026-01-04T06:45:52Z&limit=1", "4"),
            ("unknown=1&data.nope=1", "4321"),
        ] {
            let rows = app.get(&format!("/rawmetric/{id}/logs?{query}")).await.ok();
            let rows = rows.at("/results").as_array().unwrap().clone();
            let found: String = rows.iter().map(|row| row["_seq"].to_string()).collect();
            assert_eq!(found, expected, "{query}");
        }
    }

    async fn every_bad_parameter_of_rows_is_named(app) {
        let id = storage(&app).await;
        let query = "limit=0&offset=-1&order=gb&data.gb__gt=x&timestamp=noon&data.region__isnull=";
        let answer = app.get(&format!("/rawmetric/{id}/logs?{query}")).await;
        expect![[r#"
            ["query","limit"] "a whole number from 1 to 1000" (value_error.number)
            ["query","offset"] "a whole number from 0 to 100000" (value_error.number)
            ["query","order"] "one of _seq, customer_id, timestamp and the fields as data.<field>" (value_error.column)
            ["query","data.gb__gt"] "the value is not a Float64" (value_error)
            ["query","timestamp"] "the value is not a DateTime64" (value_error)
        "#]].assert_eq(&places(&answer));
    }
}
