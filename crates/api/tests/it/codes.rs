//! Every error code is provoked by a test; here are those that belong to no resource.

use std::{fs, num::NonZeroU32, path::Path};

use florin_api::{CODES, Settings};
use florin_testkit::{Backend, TestApp, both};
use serde_json::json;

both! {
    async fn an_unknown_route_is_not_found(app) {
        let answer = app.get("/no/such/route").await;
        assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
    }

    async fn an_unknown_id_is_not_found(app) {
        let answer = app.get("/customers/00000000-0000-7000-8000-00000000ffff").await;
        assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
    }

    async fn a_method_that_a_route_lacks_is_refused(app) {
        let answer = app.put("/customers", json!({})).await;
        assert_eq!((answer.status, answer.text("/code")), (405, "METHOD_NOT_ALLOWED"));
    }

    async fn an_email_belongs_to_one_customer(app) {
        let body = json!({ "customer_name": "Northwind", "email": "ap@northwind.example" });
        app.post("/customers", body.clone()).await.ok();
        let answer = app.post("/customers", body).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CUSTOMER_EMAIL_TAKEN"));
    }

    async fn an_external_id_belongs_to_one_customer(app) {
        let body = json!({ "customer_name": "Northwind", "external_id": "CRM-771" });
        app.post("/customers", body.clone()).await.ok();
        let answer = app.post("/customers", body).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CUSTOMER_EXTERNAL_ID_TAKEN"));
    }

    async fn a_business_entity_is_set_once(app) {
        let id = app.post("/customers", json!({ "customer_name": "N" })).await.ok().id();
        let other = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        let change = json!({ "business_entity_id": other });
        let answer = app.patch(&format!("/customers/{id}"), change).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "BUSINESS_ENTITY_FIXED"));
    }
}

#[tokio::test]
async fn a_key_that_sends_too_much_is_told_to_wait() {
    let settings = Settings {
        rate_limit: NonZeroU32::new(1),
        ..Settings::default()
    };
    let app = TestApp::with_settings(Backend::Sqlite, settings).await;
    app.get("/customers").await.ok();
    let answer = app.get("/customers").await;
    assert_eq!((answer.status, answer.text("/code")), (429, "RATE_LIMITED"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(
        app.get("/health").await.status,
        200,
        "what needs no key has no limit"
    );
}

#[test]
fn every_code_is_provoked_by_a_test() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = String::new();
    read(&crate_folder.join("tests"), &mut |_| true, &mut tests);
    read(
        &crate_folder.join("src"),
        &mut |name| name == "tests.rs",
        &mut tests,
    );
    let silent: Vec<&str> = CODES
        .iter()
        .map(|row| row.code)
        .filter(|code| !tests.contains(&format!("\"{code}\"")))
        .collect();
    assert!(
        silent.is_empty(),
        "no test of this crate provokes {silent:?}"
    );
}

fn read(folder: &Path, wanted: &mut impl FnMut(&str) -> bool, text: &mut String) {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            read(&path, wanted, text);
        } else if name.ends_with(".rs") && wanted(&name) {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
