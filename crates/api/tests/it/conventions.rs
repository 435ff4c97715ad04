//! What holds for every endpoint: authentication, errors, idempotency.

use axum::{
    body::Body,
    http::{Method, Request},
};
use expect_test::expect;
use florin_app::{App, api_key};
use florin_store::{Actor, Error};
use florin_testkit::{Backend, TestApp, both};
use serde_json::json;

both! {
    async fn a_request_without_a_key_is_refused(app) {
        let request = Request::get("/customers").body(Body::empty()).unwrap();
        expect![[r#"
            401
            {
              "code": "UNAUTHORISED",
              "detail": "send your API key in the header x-api-key"
            }"#]].assert_eq(&app.request(request).await.to_string());
    }

    async fn a_bearer_token_serves_as_a_key(app) {
        let request = Request::get("/customers")
            .header("authorization", format!("Bearer {}", app.key))
            .header("organisation", app.organisation.to_string());
        assert_eq!(app.request(request.body(Body::empty()).unwrap()).await.status, 200);
    }

    async fn a_key_of_another_organisation_is_refused(app) {
        let other = app.other_organisation().await;
        let request = Request::get("/customers")
            .header("x-api-key", &other.key)
            .header("organisation", app.organisation.to_string());
        assert_eq!(app.request(request.body(Body::empty()).unwrap()).await.status, 401);
    }

    async fn a_revoked_key_is_refused_at_once(app) {
        let key = app.post("/api_keys", json!({ "name": "second" })).await.ok();
        let mut second = app.other_organisation().await;
        second.organisation = app.organisation;
        second.key = key.text("/api_key").to_owned();
        second.get("/customers").await.ok();
        app.delete(&format!("/api_keys/{}", key.id())).await.ok();
        assert_eq!(second.get("/customers").await.status, 401);
    }

    async fn a_key_revoked_by_another_process_is_refused_a_second_later(app) {
        let key = app.post("/api_keys", json!({ "name": "second" })).await.ok();
        let mut second = app.other_organisation().await;
        second.organisation = app.organisation;
        second.key = key.text("/api_key").to_owned();
        second.get("/customers").await.ok();
        let other_process = App::new(app.app.db.clone(), app.app.usage.clone());
        let mut tx = other_process.begin(app.organisation, Actor::CommandLine, "").await.unwrap();
        let id = key.id().parse().unwrap();
        api_key::revoke(&other_process, &mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        app.clock.advance(api_key::RECOGNISED_FOR);
        assert_eq!(second.get("/customers").await.status, 401);
    }

    async fn a_key_recognised_a_moment_ago_is_not_looked_up_again(app) {
        app.get("/customers").await.ok();
        let mut all_connections = Vec::new();
        for _ in 0..TestApp::CONNECTIONS_MAX {
            all_connections.push(app.app.db.read(app.organisation).await.unwrap());
        }
        let answer = app.get("/customers/not-an-id").await;
        assert_eq!(answer.status, 422, "refused behind the key, without a connection");
    }

    async fn a_repeated_key_repeats_the_answer_and_not_the_effect(app) {
        let send = |body: &'static str| {
            let request = app.signed(Method::POST, "/customers").header("idempotency-key", "k-1");
            app.request(request.body(Body::from(body)).unwrap())
        };
        let first = send(r#"{"customer_name": "Northwind"}"#).await.ok();
        let again = send(r#"{"customer_name": "Northwind"}"#).await.ok();
        assert_eq!(first.body, again.body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(app.get("/customers").await.at("/total_count"), 1);
        let other = send(r#"{"customer_name": "Southwind"}"#).await;
        assert_eq!((other.status, other.text("/code")), (409, "IDEMPOTENCY_KEY_REUSED"));
    }

    async fn an_idempotency_key_is_visible_ascii(app) {
        for key in ["two words", "", &"k".repeat(256)] {
            let request = app.signed(Method::POST, "/customers").header("idempotency-key", key);
            let body = Body::from(r#"{"customer_name": "Northwind"}"#);
            let answer = app.request(request.body(body).unwrap()).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, "idempotency-key"));
        }
    }

    async fn malformed_json_says_where(app) {
        let request = app.signed(Method::POST, "/customers").body(Body::from("{\"a\":")).unwrap();
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body"
                  ],
                  "msg": "EOF while parsing a value at line 1 column 5",
                  "type": "value_error.jsondecode"
                }
              ]
            }"#]].assert_eq(&app.request(request).await.to_string());
    }

    async fn a_body_over_the_limit_is_refused(app) {
        let body = json!({ "customer_name": "x".repeat(2 * 1024 * 1024) });
        let answer = app.post("/customers", body).await;
        assert_eq!((answer.status, answer.text("/code")), (413, "BODY_TOO_LARGE"));
    }

    async fn a_list_refuses_what_a_database_would_choke_on(app) {
        let cursor = |document: &str| {
            let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, document);
            format!("order=customer_name&cursor={text}")
        };
        let id = app.organisation;
        for query in [
            "customer_name=a&".repeat(1500),
            format!("search={}", "customer_name=a,".repeat(1500)),
            format!("search=customer_name={}", "a".repeat(60_000)),
            format!("search_name_external_id={}", "a".repeat(60_000)),
            format!("search=custom_data{}=x", ".a".repeat(150)),
            cursor(&format!(r#"[false,"customer_name",false,"a\u0000","{id}"]"#)),
            "created_at__gte=-009999-01-01T00:00:00Z".to_owned(),
            "created_at__gte=-377705116799".to_owned(),
        ] {
            let answer = app.get(&format!("/customers?{query}")).await;
            assert_eq!(answer.status, 422, "{}: {answer}", &query[..40.min(query.len())]);
        }
    }

    async fn a_search_finds_a_part_of_an_id(app) {
        let customer = app.post("/customers", json!({ "customer_name": "Northwind" })).await.ok();
        app.post("/customers", json!({ "customer_name": "Southwind" })).await.ok();
        let id = customer.id();
        for part in [id.as_str(), &id[4..]] {
            let page = app.get(&format!("/customers?search=id={part}")).await.ok();
            assert_eq!(page.at("/total_count"), 1, "{part}");
            assert_eq!(page.text("/results/0/id"), id);
        }
    }

    async fn a_search_finds_true_and_false_in_a_document(app) {
        for flag in [true, false] {
            let body = json!({ "customer_name": "N", "custom_data": { "flag": flag } });
            app.post("/customers", body).await.ok();
            let page = app.get(&format!("/customers?search=custom_data.flag={flag}")).await.ok();
            assert_eq!(page.at("/results/0/custom_data/flag"), flag);
            assert_eq!(page.at("/total_count"), 1);
        }
    }

    async fn a_number_that_no_machine_can_expand_is_refused(app) {
        for number in ["1e2147483647", "1e-2147483648", "1e-99999999999", "1e100", "1e-100"] {
            let body = format!(r#"{{ "customer_name": "N", "custom_data": {{ "n": {number} }} }}"#);
            let request = app.signed(Method::POST, "/customers").body(Body::from(body)).unwrap();
            assert_eq!(app.request(request).await.status, 422, "{number}");
        }
    }
}

/// Only on PostgreSQL: SQLite has one writer, so nobody waits for another.
#[tokio::test]
async fn one_of_two_transactions_that_wait_for_each_other_is_told_to_try_again() {
    let app = TestApp::start(Backend::Postgres).await;
    let mut ids = Vec::new();
    for name in ["Northwind", "Southwind"] {
        let customer = app
            .post("/customers", json!({ "customer_name": name }))
            .await
            .ok();
        ids.push(customer.id().parse().unwrap());
    }
    let begin = || app.app.begin(app.organisation, Actor::System, "");
    let (mut one, mut two) = (begin().await.unwrap(), begin().await.unwrap());
    florin_store::customer::find(&mut one, ids[0])
        .await
        .unwrap();
    florin_store::customer::find(&mut two, ids[1])
        .await
        .unwrap();
    let (one, two) = tokio::join!(
        florin_store::customer::find(&mut one, ids[1]),
        florin_store::customer::find(&mut two, ids[0]),
    );
    let refused: Vec<Error> = [one.err(), two.err()].into_iter().flatten().collect();
    assert!(matches!(refused.as_slice(), [Error::Busy]), "{refused:?}");
}
