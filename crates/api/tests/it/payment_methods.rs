//! `/customers/{customer_id}/payment_methods`.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A customer that is linked to Stripe, where the organisation has an account.
async fn linked(app: &TestApp) -> String {
    app.post(
        "/connectors",
        json!({ "name": "stripe", "api_key": "sk_live_51NabcdefXYZ9" }),
    )
    .await;
    let link = json!({ "name": "stripe", "reference_id": "cus_1" });
    let body = json!({ "customer_name": "Northwind", "connector": link });
    app.post("/customers", body).await.ok().id()
}

async fn attach(app: &TestApp, customer: &str, body: Value) -> Answer {
    app.post(
        &format!("/customers/{customer}/payment_methods/attach"),
        body,
    )
    .await
}

async fn card(app: &TestApp, customer: &str, name: &str) -> String {
    attach(app, customer, json!({ "payment_method_id": name }))
        .await
        .ok()
        .id()
}

/// The methods' external ids, oldest first, `*` at the default.
async fn methods(app: &TestApp, customer: &str) -> String {
    let path = format!("/customers/{customer}/payment_methods?order=created_at");
    let answer = app.get(&path).await.ok();
    let rows = answer.at("/results").as_array().unwrap().clone();
    let row = |row: &Value| {
        let star = if row["is_default"] == true { "*" } else { "" };
        let id = row["external_id"]
            .as_str()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        format!("{id}{star}")
    };
    rows.iter().map(row).collect::<Vec<_>>().join(" ")
}

both! {
    async fn a_method_is_attached_listed_and_deleted(app) {
        let customer = linked(&app).await;
        let attached = attach(&app, &customer, json!({ "payment_method_id": "pm_card_visa" })).await;
        expect![[r#"
            200
            {
              "customer_id": "00000000-0000-7000-8000-000000000009",
              "external_id": "cus_1",
              "id": "00000000-0000-7000-8000-00000000000c",
              "payment_method_id": "pm_card_visa.cus_1",
              "raw_data": {
                "card": {
                  "brand": "visa",
                  "exp_month": 12,
                  "exp_year": 2099,
                  "last4": "4242"
                },
                "customer": "cus_1",
                "id": "pm_card_visa.cus_1"
              },
              "set_as_default": true
            }"#]].assert_eq(&attached.to_string());
        let listed = app.get(&format!("/customers/{customer}/payment_methods")).await;
        expect![[r#"
            200
            {
              "next": null,
              "previous": null,
              "results": [
                {
                  "connector_id": "00000000-0000-7000-8000-000000000005",
                  "connector_name": "stripe",
                  "country": "US",
                  "created_at": "2026-01-05T10:00:00Z",
                  "customer_id": "00000000-0000-7000-8000-000000000009",
                  "details": {
                    "brand": "visa",
                    "exp_month": 12,
                    "exp_year": 2099,
                    "last4": "4242"
                  },
                  "external_id": "pm_card_visa.cus_1",
                  "id": "00000000-0000-7000-8000-00000000000c",
                  "is_default": true,
                  "organisation_id": "00000000-0000-7000-8000-000000000001",
                  "status": "active",
                  "type": "card",
                  "updated_at": "2026-01-05T10:00:00Z"
                }
              ],
              "total_count": 1
            }"#]].assert_eq(&listed.to_string());
        let path = format!("/customers/{customer}/payment_methods/{}", attached.id());
        assert_eq!(&app.delete(&path).await.ok().body, listed.at("/results/0"));
        assert_eq!(app.delete(&path).await.status, 404);
        assert_eq!(methods(&app, &customer).await, "");
    }

    async fn one_method_is_the_default(app) {
        let customer = linked(&app).await;
        let visa = card(&app, &customer, "pm_card_visa").await;
        card(&app, &customer, "pm_card_mastercard").await;
        assert_eq!(methods(&app, &customer).await, "pm_card_visa* pm_card_mastercard");
        let body = json!({ "payment_method_id": "pm_card_declined", "set_as_default": true });
        let declined = attach(&app, &customer, body.clone()).await.ok().id();
        assert_eq!(
            methods(&app, &customer).await,
            "pm_card_visa pm_card_mastercard pm_card_declined*"
        );
        assert_eq!(attach(&app, &customer, body).await.ok().id(), declined, "the same one");
        app.delete(&format!("/customers/{customer}/payment_methods/{declined}")).await.ok();
        assert_eq!(methods(&app, &customer).await, "pm_card_visa* pm_card_mastercard");
        let body = json!({ "payment_method_id": "pm_card_visa", "set_as_default": false });
        assert_eq!(attach(&app, &customer, body).await.ok().id(), visa);
        assert_eq!(methods(&app, &customer).await, "pm_card_visa pm_card_mastercard");
    }

    async fn the_connector_is_found_or_named(app) {
        let customer = linked(&app).await;
        let body = |connector: Value| json!({ "payment_method_id": "pm_card_visa", "connector": connector });
        for connector in [
            json!("stripe"),
            json!({ "name": "stripe" }),
            json!({ "name": "stripe", "reference_id": "cus_1" }),
            json!(null),
        ] {
            attach(&app, &customer, body(connector)).await.ok();
        }
        let free = app.post("/customers", json!({ "customer_name": "Free" })).await.ok().id();
        for (customer, connector, code) in [
            (&free, json!(null), "CONNECTOR_NOT_LINKED"),
            (&free, json!("stripe"), "CONNECTOR_NOT_LINKED"),
            (&customer, json!("test"), "CONNECTOR_NOT_LINKED"),
            (&customer, json!({ "name": "stripe", "reference_id": "cus_2" }), "CONNECTOR_NOT_LINKED"),
            (&free, json!({ "name": "test", "reference_id": "cus_2" }), "CONNECTOR_NOT_CONFIGURED"),
        ] {
            let answer = attach(&app, customer, body(connector.clone())).await;
            assert_eq!((answer.status, answer.text("/code")), (400, code), "{connector}");
        }
        let link = json!({ "name": "test", "reference_id": "cus_t" });
        app.patch(&format!("/customers/{customer}/connector"), link).await.ok();
        let answer = attach(&app, &customer, body(json!(null))).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CONNECTOR_AMBIGUOUS"));
        // A link that is told with the request is kept.
        let told = json!({ "name": "stripe", "reference_id": "cus_9" });
        attach(&app, &free, body(told)).await.ok();
        let link = app.get(&format!("/customers/{free}/connector/stripe")).await.ok();
        assert_eq!(link.at("/reference_id"), "cus_9");
    }

    async fn what_the_gateway_does_not_take_is_not_kept(app) {
        let customer = linked(&app).await;
        for (method, status, code) in [
            ("pm_nobodys", 400, "GATEWAY_REFUSED"),
            ("pm_card_not_attachable", 402, "PAYMENT_DECLINED"),
            ("pm_card_gateway_down", 503, "GATEWAY_UNAVAILABLE"),
        ] {
            let answer = attach(&app, &customer, json!({ "payment_method_id": method })).await;
            assert_eq!((answer.status, answer.text("/code")), (status, code));
        }
        let connector = app.get("/connectors").await.ok().text("/results/0/id").to_owned();
        let key = json!({ "api_key": "sk_test_refused" });
        app.patch(&format!("/connectors/{connector}"), key).await.ok();
        let answer = attach(&app, &customer, json!({ "payment_method_id": "pm_card_visa" })).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "GATEWAY_KEY_REFUSED"));
        for body in [json!({}), json!({ "payment_method_id": "" })] {
            let answer = attach(&app, &customer, body).await;
            assert_eq!((answer.status, answer.at("/detail/0/loc/1")), (422, &json!("payment_method_id")));
        }
        let body = json!({ "payment_method_id": "pm_card_visa", "connector": "adyen" });
        assert_eq!(attach(&app, &customer, body).await.status, 422);
        assert_eq!(methods(&app, &customer).await, "");
    }

    async fn a_method_belongs_to_one_customer(app) {
        let one = linked(&app).await;
        let link = json!({ "name": "stripe", "reference_id": "cus_1" });
        let body = json!({ "customer_name": "Twin", "connector": link });
        let twin = app.post("/customers", body).await.ok().id();
        let visa = card(&app, &one, "pm_card_visa").await;
        let answer = attach(&app, &twin, json!({ "payment_method_id": "pm_card_visa" })).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "PAYMENT_METHOD_TAKEN"));
        let path = format!("/customers/{twin}/payment_methods/{visa}");
        assert_eq!(app.delete(&path).await.status, 404);
        let missing = "/customers/00000000-0000-7000-8000-00000000ffff/payment_methods";
        assert_eq!(app.get(missing).await.status, 404);
    }

    async fn a_set_up_makes_the_customer_known_to_the_gateway(app) {
        let sandbox = app.sandbox().await;
        let customer = sandbox.post("/customers", json!({ "customer_name": "N" })).await.ok().id();
        let path = format!("/customers/{customer}/payment_methods");
        let answer = sandbox.post(&path, json!({})).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CONNECTOR_NOT_CONFIGURED"));
        let connector = sandbox.post("/connectors", json!({ "name": "test" })).await.ok().id();
        let begun = sandbox.post(&path, json!({})).await.ok();
        assert_eq!(begun.text("/connector_id"), connector);
        assert!(begun.text("/client_secret").starts_with(begun.text("/setup_id")));
        let link = sandbox.get(&format!("/customers/{customer}/connector/test")).await.ok();
        assert_eq!(link.at("/reference_id"), begun.at("/external_id"));
        let secret = json!({ "name": "stripe", "api_key": "sk_live_51NabcdefXYZ9" });
        sandbox.post("/connectors", secret).await.ok();
        sandbox.post(&path, json!({})).await.ok();
        let other = sandbox.post("/customers", json!({ "customer_name": "O" })).await.ok().id();
        let path = format!("/customers/{other}/payment_methods");
        let answer = sandbox.post(&path, json!({})).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CONNECTOR_AMBIGUOUS"));
        let named = sandbox.post(&path, json!({ "connector": "stripe" })).await.ok();
        assert_eq!(named.at("/connector_name"), "stripe");
    }

    async fn a_repeated_request_attaches_once(app) {
        let customer = linked(&app).await;
        let path = format!("/customers/{customer}/payment_methods/attach");
        let body = json!({ "payment_method_id": "pm_card_visa" }).to_string();
        let mut answers = Vec::new();
        for _ in 0..2 {
            let request = app.signed(axum::http::Method::POST, &path).header("idempotency-key", "k");
            let request = request.body(axum::body::Body::from(body.clone())).unwrap();
            answers.push(app.request(request).await.ok());
        }
        assert_eq!(answers[0].body, answers[1].body);
        assert_eq!(answers[1].header("idempotent-replayed"), Some("true"));
    }

    async fn filters_of_the_list(app) {
        let customer = linked(&app).await;
        card(&app, &customer, "pm_card_visa").await;
        card(&app, &customer, "pm_card_mastercard").await;
        for (query, count) in [
            ("connector_name=stripe", 2),
            ("connector_name__neq=stripe", 0),
            ("connector_name__ilike=STR&order=-created_at", 2),
            ("external_id__ilike=visa", 1),
            ("external_id__in=pm_card_visa.cus_1,x", 1),
            ("is_default=false", 1),
            ("id__isnull=true", 0),
            ("status=expired", 0),
        ] {
            let path = format!("/customers/{customer}/payment_methods?{query}");
            assert_eq!(app.get(&path).await.ok().at("/total_count"), count, "{query}");
        }
    }

    async fn a_connector_with_methods_stays(app) {
        let customer = linked(&app).await;
        let visa = card(&app, &customer, "pm_card_visa").await;
        let connector = app.get("/connectors").await.ok().text("/results/0/id").to_owned();
        let path = format!("/connectors/{connector}");
        let answer = app.delete(&path).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CONNECTOR_IN_USE"));
        app.delete(&format!("/customers/{customer}/payment_methods/{visa}")).await.ok();
        app.delete(&path).await.ok();
    }
}
