//! `/connectors`.

use expect_test::expect;
use florin_app::vault::Vault;
use florin_testkit::{Backend, TestApp, both};
use serde_json::json;

const API_KEY: &str = "sk_live_51NabcdefXYZ9";

async fn stripe(app: &TestApp) -> String {
    let body = json!({ "name": "stripe", "api_key": API_KEY });
    app.post("/connectors", body).await.ok().id()
}

/// The app under another master key.
fn under(app: &TestApp, master_key: &str) -> TestApp {
    app.with(florin_app::App {
        vault: std::sync::Arc::new(Vault::new(master_key).unwrap()),
        ..app.app.clone()
    })
}

both! {
    async fn a_connector_is_created_changed_and_deleted(app) {
        let body = json!({ "name": "stripe", "api_key": API_KEY });
        let created = app.post("/connectors", body).await;
        expect![[r#"
            200
            {
              "api_key_end": "XYZ9",
              "created_at": "2026-01-05T10:00:00Z",
              "has_webhook_secret": false,
              "id": "00000000-0000-7000-8000-000000000005",
              "name": "stripe",
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "updated_at": "2026-01-05T10:00:00Z",
              "webhook_path": "/webhooks/00000000-0000-7000-8000-000000000001/stripe"
            }"#]].assert_eq(&created.to_string());
        let path = format!("/connectors/{}", created.id());
        assert_eq!(app.get(&path).await.ok().body, created.body);
        let secret = json!({ "webhook_secret": "whsec_1" });
        let changed = app.patch(&path, secret).await.ok();
        assert_eq!(changed.at("/has_webhook_secret"), true);
        assert_eq!(changed.at("/api_key_end"), "XYZ9", "the key stays");
        let listed = app.get("/connectors").await.ok();
        assert_eq!(listed.at("/results/0"), &changed.body);
        assert_eq!(app.delete(&path).await.ok().body, changed.body);
        assert_eq!(app.get(&path).await.status, 404);
        assert_eq!(app.delete(&path).await.status, 404);
        assert_eq!(app.patch(&path, json!({})).await.status, 404);
    }

    async fn an_organisation_has_one_account_at_a_gateway(app) {
        stripe(&app).await;
        let body = json!({ "name": "stripe", "api_key": "sk_live_another_one_1" });
        let answer = app.post("/connectors", body).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CONNECTOR_EXISTS"));
        stripe(&app.other_organisation().await).await;
    }

    async fn the_test_gateway_is_for_sandboxes(app) {
        let body = json!({ "name": "test" });
        let answer = app.post("/connectors", body.clone()).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "TEST_GATEWAY_NOT_ALLOWED"));
        let created = app.sandbox().await.post("/connectors", body).await.ok();
        assert_eq!(created.at("/api_key_end"), &json!(null));
    }

    async fn what_is_missing_or_unknown_is_named(app) {
        for (body, field) in [
            (json!({ "api_key": API_KEY }), "name"),
            (json!({ "name": "adyen", "api_key": API_KEY }), "name"),
            (json!({ "name": "stripe" }), "api_key"),
            (json!({ "name": "stripe", "api_key": "" }), "api_key"),
            (json!({ "name": "stripe", "api_key": API_KEY, "webhook_secret": 7 }), "webhook_secret"),
        ] {
            let answer = app.post("/connectors", body).await;
            assert_eq!((answer.status, answer.at("/detail/0/loc/1")), (422, &json!(field)));
        }
        assert_eq!(app.get("/connectors").await.ok().at("/total_count"), 0);
    }

    async fn secrets_are_sealed_and_not_shown(app) {
        stripe(&app).await;
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let (_, sealed) = florin_store::connector::named(&mut tx, "stripe").await.unwrap().unwrap();
        let sealed = sealed.unwrap();
        assert!(!sealed.windows(8).any(|bytes| API_KEY.as_bytes().windows(8).any(|part| part == bytes)));
        let mut audit = tx.select("audit_log");
        audit.column("after");
        let rows = tx.fetch_all(&audit).await.unwrap();
        let shown = rows.iter().filter_map(|row| row.optional::<serde_json::Value>("after").unwrap());
        assert!(shown.clone().any(|after| after["sealed"] == "***"));
        assert!(!shown.map(|after| after.to_string()).any(|after| after.contains("sk_live")));
    }
}

#[tokio::test]
async fn a_server_without_a_master_key_keeps_no_secret() {
    let app = TestApp::start(Backend::Sqlite).await;
    let id = stripe(&app).await;
    let other_key = "/////wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (master_key, says) in [("", "FLORIN_MASTER_KEY"), (other_key, "another master key")] {
        let app = under(&app, master_key);
        let path = format!("/connectors/{id}");
        let answer = app
            .patch(&path, json!({ "webhook_secret": "whsec_1" }))
            .await;
        assert_eq!(
            (answer.status, answer.text("/code")),
            (400, "SECRET_NOT_AVAILABLE")
        );
        assert!(answer.text("/detail").contains(says), "{answer}");
    }
    let sandbox = under(&app.sandbox().await, "");
    sandbox
        .post("/connectors", json!({ "name": "test" }))
        .await
        .ok();
    let answer = sandbox
        .post(
            "/connectors",
            json!({ "name": "stripe", "api_key": API_KEY }),
        )
        .await;
    assert_eq!(
        (answer.status, answer.text("/code")),
        (400, "SECRET_NOT_AVAILABLE")
    );
}
