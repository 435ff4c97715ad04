//! `/rawmetric/{raw_metric_id}/uploads` and `/usage_uploads`.

use std::io::Write;

use axum::{body::Body, http::Method};
use expect_test::expect;
use flate2::{Compression, write::GzEncoder};
use florin_app::{usage::UsageError, usage_upload};
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

const FILE: &str = "\u{feff}Customer,timestamp,gb,Note\nCRM-771,2026-01-04 06:45:52,12.5,x\nCRM-772,2026-01-05,,\n";
const MAPPING: &str = r#"{"Customer": "customer_id", "Note": null}"#;

async fn storage(app: &TestApp) -> String {
    let body = json!({ "name": "Storage", "dataschema": { "data": { "gb": "Float64" } } });
    app.post("/rawmetric", body).await.ok().id()
}

/// Sends a file as the body itself.
async fn upload(app: &TestApp, id: &str, words: &[(&str, &str)], file: impl Into<Body>) -> Answer {
    let words = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(words)
        .finish();
    let request = app.signed(Method::POST, &format!("/rawmetric/{id}/uploads?{words}"));
    let request = request.header("content-type", "text/csv");
    app.request(request.body(file.into()).unwrap()).await
}

/// Does what a server does beside answering.
async fn work(app: &TestApp) {
    while usage_upload::work(&app.app, Uuid::nil()).await.unwrap() {}
}

async fn read(app: &TestApp, upload: &str) -> Answer {
    app.get(&format!("/usage_uploads/{upload}")).await.ok()
}

async fn kept(app: &TestApp, id: &str) -> usize {
    let rows = app
        .get(&format!("/rawmetric/{id}/logs?limit=1000"))
        .await
        .ok();
    rows.at("/results").as_array().unwrap().len()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

both! {
    async fn a_file_is_checked_confirmed_and_kept(app) {
        let id = storage(&app).await;
        let sent = upload(&app, &id, &[("mapping", MAPPING), ("file_name", "january.csv")], FILE).await.ok();
        assert_eq!((sent.text("/state"), sent.text("/file_name")), ("checking", "january.csv"));
        assert_eq!(sent.at("/byte_count"), FILE.len());
        let upload = sent.id();
        work(&app).await;
        let checked = read(&app, &upload).await;
        assert_eq!((checked.text("/state"), checked.at("/rows")), ("checked", &json!(2)));
        assert_eq!(kept(&app, &id).await, 0, "nothing counts before it is confirmed");
        let path = format!("/usage_uploads/{upload}/confirm");
        assert_eq!(app.post(&path, json!({})).await.ok().text("/state"), "sending");
        work(&app).await;
        let done = read(&app, &upload).await;
        assert_eq!((done.text("/state"), done.at("/accepted")), ("completed", &json!(2)));
        let rows = app.get(&format!("/rawmetric/{id}/logs")).await.ok();
        assert_eq!(rows.at("/results/0/data.gb"), &Value::Null, "an empty cell is null");
        assert_eq!(app.post(&path, json!({})).await.ok().text("/state"), "completed");
    }

    async fn a_form_with_a_packed_file_may_be_confirmed_at_once(app) {
        let id = storage(&app).await;
        let mut body = Vec::new();
        for (name, value) in [("mapping", MAPPING), ("confirm", "true")] {
            write!(body, "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
        }
        write!(body, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"j.csv.gz\"\r\n\r\n").unwrap();
        body.extend(gzip(FILE));
        write!(body, "\r\n--b--\r\n").unwrap();
        let send = async |key: &str| {
            let request = app.signed(Method::POST, &format!("/rawmetric/{id}/uploads"));
            let request = request.header("content-type", "multipart/form-data; boundary=b");
            let request = request.header("idempotency-key", key);
            app.request(request.body(Body::from(body.clone())).unwrap()).await
        };
        let sent = send("k").await.ok();
        assert_eq!(send("k").await.ok().id(), sent.id(), "a key stands for one upload");
        work(&app).await;
        let done = read(&app, &sent.id()).await;
        assert_eq!((done.text("/state"), done.text("/file_name")), ("completed", "j.csv.gz"));
        let again = send("other").await.ok().id();
        work(&app).await;
        let again = read(&app, &again).await;
        assert_eq!((again.at("/accepted"), again.at("/repeated")), (&json!(0), &json!(2)));
        assert_eq!(kept(&app, &id).await, 2);
    }

    async fn bad_rows_are_named_and_another_mapping_helps(app) {
        let id = storage(&app).await;
        let file = "customer_id,timestamp,gb,note\na,2026-01-01,1,x\nb,yesterday,two,3\n";
        let upload = upload(&app, &id, &[("mapping", r#"{"note": ""}"#)], file).await.ok().id();
        work(&app).await;
        let rejected = read(&app, &upload).await;
        assert_eq!((rejected.text("/state"), rejected.at("/rejected")), ("rejected", &json!(1)));
        expect![[r#"
            [
              {
                "column": "timestamp",
                "line": 3,
                "message": "Invalid type for key: timestamp. Expected Date32/DateTime64, got string"
              },
              {
                "column": "data.gb",
                "line": 3,
                "message": "Invalid type for key: data.gb. Expected Float64, got string"
              }
            ]"#]].assert_eq(&format!("{:#}", rejected.at("/bad_rows")));
        let confirm = app.post(&format!("/usage_uploads/{upload}/confirm"), json!({})).await;
        assert_eq!((confirm.status, confirm.text("/code")), (409, "USAGE_UPLOAD_STATE"));
        let mapping = json!({ "mapping": { "gb": "", "note": "gb" } });
        let remapped = app.patch(&format!("/usage_uploads/{upload}"), mapping).await.ok();
        assert_eq!((remapped.text("/state"), remapped.at("/rejected")), ("checking", &json!(0)));
        work(&app).await;
        assert_eq!(read(&app, &upload).await.at("/rejected"), 2);
    }

    async fn a_file_that_is_none_fails_and_says_why(app) {
        let id = storage(&app).await;
        for (file, said) in [
            (b"name,timestamp\n".to_vec(), "`name`"),
            (Vec::new(), "no column of the file goes to `customer_id`"),
            ([&gzip(FILE)[..20], b"broken"].concat(), "cannot be read"),
        ] {
            let upload = upload(&app, &id, &[], file).await.ok().id();
            work(&app).await;
            let failed = read(&app, &upload).await;
            assert_eq!(failed.text("/state"), "failed");
            assert!(failed.text("/failure").contains(said), "{failed}");
        }
    }

    async fn an_upload_is_discarded_or_forgotten(app) {
        let id = storage(&app).await;
        let sent = upload(&app, &id, &[("mapping", MAPPING), ("confirm", "true")], FILE).await.ok().id();
        let gone = app.delete(&format!("/usage_uploads/{sent}")).await.ok();
        assert_eq!(gone.text("/state"), "discarded");
        work(&app).await;
        assert_eq!((read(&app, &sent).await.text("/state"), kept(&app, &id).await), ("discarded", 0));
        let remap = app.patch(&format!("/usage_uploads/{sent}"), json!({ "mapping": {} })).await;
        assert_eq!((remap.status, remap.text("/code")), (409, "USAGE_UPLOAD_STATE"));
        let stopped = Body::from_stream(futures_util::stream::iter([
            Ok(vec![b'x'; 3_000_000]),
            Err(std::io::Error::other("the client is gone")),
        ]));
        assert_eq!(upload(&app, &id, &[], stopped).await.status, 422);
        let list = app.get(&format!("/rawmetric/{id}/uploads?state=discarded")).await.ok();
        assert_eq!(list.at("/total_count"), 2);
    }

    async fn an_upload_that_was_interrupted_is_sent_once(app) {
        let id = storage(&app).await;
        let rows: String = (0..12_000).map(|n| format!("a,2026-01-01,{n}\n")).collect();
        let file = format!("customer_id,timestamp,gb\n{rows}");
        let sent = upload(&app, &id, &[("confirm", "true")], file).await.ok().id();
        assert!(usage_upload::work(&app.app, Uuid::nil()).await.unwrap(), "checked");
        app.usage.refuse_after(2, UsageError::Unavailable("gone".to_owned()));
        assert!(usage_upload::work(&app.app, Uuid::nil()).await.is_err());
        let halfway = read(&app, &sent).await;
        assert_eq!((halfway.text("/state"), halfway.at("/accepted")), ("sending", &json!(10_000)));
        work(&app).await;
        assert_eq!(read(&app, &sent).await.text("/state"), "sending", "another process may be at it");
        app.clock.advance(SignedDuration::from_secs(61));
        work(&app).await;
        let done = read(&app, &sent).await;
        assert_eq!((done.at("/accepted"), done.at("/repeated")), (&json!(2_000), &json!(10_000)));
        assert_eq!(done.text("/state"), "completed");
    }

    async fn what_is_said_of_a_file_is_checked(app) {
        let id = storage(&app).await;
        let words = [("mapping", "[]"), ("confirm", "perhaps"), ("backfill_id", "x")];
        let answer = upload(&app, &id, &words, FILE).await;
        let places: Vec<String> = answer.at("/detail").as_array().unwrap().iter()
            .map(|bad| bad["loc"].to_string()).collect();
        expect![[r#"["query","mapping"] ["query","confirm"] ["query","backfill_id"]"#]]
            .assert_eq(&places.join(" "));
        let stranger = [("backfill_id", "00000000-0000-7000-8000-00000000ffff")];
        assert_eq!(upload(&app, &id, &stranger, FILE).await.status, 404);
        app.patch(&format!("/rawmetric/{id}"), json!({ "usage_upload_enabled": false })).await.ok();
        let answer = upload(&app, &id, &[], FILE).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "USAGE_UPLOAD_DISABLED"));
        let list = app.get(&format!("/rawmetric/{id}/uploads")).await.ok();
        assert_eq!(list.at("/total_count"), 0);
    }

    async fn a_file_may_be_for_a_backfill(app) {
        let id = storage(&app).await;
        let window = json!({ "start": "2026-01-04", "end": "2026-01-05", "reason": "r" });
        let backfill = app.post(&format!("/rawmetric/{id}/backfills"), window).await.ok().id();
        let words = [("backfill_id", backfill.as_str()), ("confirm", "true"), ("mapping", MAPPING)];
        let file = "Customer,timestamp,gb,Note\nCRM-771,2026-01-04 06:45:52,12.5,x\n";
        let sent = upload(&app, &id, &words, file).await.ok().id();
        work(&app).await;
        assert_eq!(read(&app, &sent).await.text("/state"), "completed");
        assert_eq!(kept(&app, &id).await, 0);
        app.post(&format!("/usage_backfills/{backfill}/commit"), json!({})).await.ok();
        assert_eq!(kept(&app, &id).await, 1);
    }
}
