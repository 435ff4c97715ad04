//! `/entitlements`: definitions, and what customers were granted.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

pub(crate) async fn customer(app: &TestApp, name: &str) -> String {
    let body = json!({ "customer_name": name, "external_id": name,
        "email": format!("{name}@example.org") });
    app.post("/customers", body).await.ok().id()
}

/// A definition that is counted in units.
pub(crate) async fn calls(app: &TestApp) -> String {
    let body = json!({ "name": "API calls", "entitlement_type": "Quantity", "units": "call" });
    app.post("/entitlements", body).await.ok().id()
}

/// A grant with these other fields.
pub(crate) async fn grant(app: &TestApp, entitlement: &str, customer: &str, more: Value) -> Answer {
    let mut body = json!({ "customer": customer });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.post(&format!("/entitlements/{entitlement}/customer"), body)
        .await
}

/// One field of each row.
fn each(answer: &Answer, field: &str) -> Vec<String> {
    let rows = answer.at("/results").as_array().unwrap().iter();
    let shown = rows.map(|row| match &row[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    shown.collect()
}

/// Places and kinds of a 422.
fn bad_fields(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{answer}");
    let fields = answer.at("/detail").as_array().unwrap().iter();
    let shown: Vec<String> = fields
        .map(|field| format!("{} {}", field["loc"], field["type"]))
        .collect();
    shown.join("\n")
}

both! {
    async fn a_definition_is_created_changed_and_deleted(app) {
        let answer = app.post("/entitlements", json!({ "name": " API calls ", "units": "call" })).await;
        expect![[r#"
            200
            {
              "aggregate_id": null,
              "created_at": "2026-01-05T10:00:00Z",
              "description": null,
              "entitlement_type": "Quantity",
              "id": "00000000-0000-7000-8000-000000000005",
              "is_active": true,
              "name": "API calls",
              "product_id": null,
              "units": "call",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let path = format!("/entitlements/{}", answer.id());
        let changed = app.patch(&path, json!({ "name": "Calls", "is_active": false })).await.ok();
        assert_eq!((changed.text("/name"), changed.at("/is_active")), ("Calls", &json!(false)));
        assert_eq!(changed.text("/units"), "call");
        let refused = app.patch(&path, json!({ "name": "Calls", "entitlement_type": "Credits" })).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_TYPE_FIXED"));
        app.delete(&path).await.ok();
        assert_eq!(app.get(&path).await.status, 404);
        assert_eq!(app.get("/entitlements").await.ok().at("/total_count"), 0);
    }

    async fn every_bad_field_of_a_definition_is_named(app) {
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        let answer = app.post("/entitlements", json!({ "name": "", "entitlement_type": "Access" })).await;
        expect![[r#"
            ["body","entitlement_type"] "type_error.enum"
            ["body","name"] "value_error.any_str.min_length""#]]
        .assert_eq(&bad_fields(&answer));
        for (body, expected) in [
            (json!({ "name": " " }), "name"),
            (json!({ "name": "a", "product_id": unknown }), "product_id"),
            (json!({ "name": "a", "aggregate_id": unknown }), "aggregate_id"),
            (json!({ "name": "a", "entitlement_type": "Feature", "aggregate_id": unknown }), "aggregate_id"),
        ] {
            let answer = app.post("/entitlements", body).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, expected));
        }
    }

    async fn only_a_metric_that_adds_up_draws_an_entitlement(app) {
        app.post("/rawmetric", json!({ "name": "calls", "dataschema": { "data": { "n": "Int64" } } })).await.ok();
        let mut metrics = Vec::new();
        for (operation, column) in [("COUNT", None), ("SUM", Some("data.n")), ("MAX", Some("data.n"))] {
            let visual = json!({ "table_name": "calls",
                "aggregate_operation": { "type": operation, "column": column } });
            let body = json!({ "name": operation, "visual_query_builder": visual });
            metrics.push(app.post("/aggregates", body).await.ok().id());
        }
        for (metric, status) in metrics.iter().zip([200, 200, 422]) {
            let answer = app.post("/entitlements", json!({ "name": "a", "aggregate_id": metric })).await;
            assert_eq!(answer.status, status, "{answer}");
        }
        let refused = app.delete(&format!("/aggregates/{}", metrics[0])).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "AGGREGATE_IN_USE"));
        app.delete(&format!("/aggregates/{}", metrics[2])).await.ok();
    }

    async fn definitions_are_filtered_and_sorted(app) {
        let product = app.post("/products", json!({ "name": "P", "type": "product" })).await.ok().id();
        for (name, kind) in [("Calls", "Quantity"), ("Seats", "Quantity"), ("Gold", "Feature"), ("Coins", "Credits")] {
            let body = json!({ "name": name, "entitlement_type": kind,
                "product_id": (name == "Gold").then_some(&product), "is_active": name != "Seats" });
            app.post("/entitlements", body).await.ok();
        }
        for (query, names) in [
            ("order=name", "Calls Coins Gold Seats".to_owned()),
            ("name__ilike=c&sort_key=name&sort_type=desc", "Coins Calls".to_owned()),
            ("entitlement_type=Quantity&order=created_at", "Calls Seats".to_owned()),
            ("is_active=false", "Seats".to_owned()),
            (&format!("product_id={product}"), "Gold".to_owned()),
            ("search=units=x", String::new()),
            ("limit=1&order=name", "Calls".to_owned()),
        ] {
            let answer = app.get(&format!("/entitlements?{query}")).await.ok();
            assert_eq!(each(&answer, "name").join(" "), names, "{query}");
        }
    }

    async fn products_name_their_entitlements(app) {
        let product = app.post("/products", json!({ "name": "P", "type": "product" })).await.ok().id();
        let path = format!("/products/{product}");
        assert_eq!(app.get(&path).await.ok().at("/entitlements"), &json!([]));
        for name in ["Calls", "Gold"] {
            let body = json!({ "name": name, "product_id": product });
            app.post("/entitlements", body).await.ok();
        }
        for answer in [app.get(&path).await.ok(), app.patch(&path, json!({ "unit": "x" })).await.ok()] {
            assert_eq!(answer.text("/entitlements/0/name"), "Calls");
            assert_eq!(answer.text("/entitlements/1/name"), "Gold");
            assert_eq!(answer.text("/entitlements/1/product_id"), product);
        }
        let list = app.get("/products").await.ok();
        assert_eq!(list.at("/results/0/entitlements").as_array().unwrap().len(), 2);
    }

    async fn a_grant_is_made_changed_and_taken_back(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        let more = json!({ "quantity": 10000, "quantity_used": 2500, "expiry_at": "2027-01-01" });
        let answer = grant(&app, &entitlement, &customer, more).await;
        expect![[r#"
            200
            {
              "active_from": "2026-01-05T10:00:00Z",
              "block_amount": null,
              "contract_id": null,
              "created_at": "2026-01-05T10:00:00Z",
              "customer": "00000000-0000-7000-8000-000000000007",
              "entitlement": "00000000-0000-7000-8000-000000000005",
              "event": "manual",
              "expiry_at": "2027-01-01T23:59:59.999999Z",
              "feature_option_value": null,
              "id": "00000000-0000-7000-8000-000000000009",
              "invoice_id": null,
              "numeric_value": null,
              "quantity": 10000,
              "quantity_held": 0,
              "quantity_remaining": 7500,
              "quantity_used": 2500,
              "source_id": null,
              "source_type": "Grant",
              "status": "active",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let of_customer = format!("/entitlements/{entitlement}/customer/{customer}");
        let path = format!("{of_customer}/{}", answer.id());
        // 100 - 45.2 = 54.8
        let body = json!({ "entitlement": entitlement, "customer": customer,
            "quantity": 100, "quantity_used": 45.2 });
        let changed = app.patch(&path, body).await.ok();
        assert_eq!(changed.at("/quantity_remaining"), 54.8);
        assert_eq!(changed.text("/expiry_at"), "2027-01-01T23:59:59.999999Z");
        assert_eq!(app.get(&path).await.ok().body, changed.body);
        assert_eq!(each(&app.get(&of_customer).await.ok(), "quantity_remaining"), ["54.8"]);
        let refused = app.delete(&format!("/entitlements/{entitlement}")).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_GRANTED"));
        app.delete(&path).await.ok();
        assert_eq!(app.get(&path).await.status, 404);
        assert_eq!(app.get(&of_customer).await.ok().at("/total_count"), 0);
        app.delete(&format!("/entitlements/{entitlement}")).await.ok();
    }

    async fn every_bad_field_of_a_grant_is_named(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        let more = json!({ "quantity": -1, "quantity_used": 1e-13, "block_amount": 1_000_000_000_001_i64,
            "active_from": 200, "expiry_at": 100 });
        let answer = grant(&app, &entitlement, &customer, more).await;
        expect![[r#"
            ["body","expiry_at"] "value_error.date.range"
            ["body","quantity"] "value_error.number"
            ["body","quantity_used"] "value_error.number"
            ["body","block_amount"] "value_error.number""#]]
        .assert_eq(&bad_fields(&answer));
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        for (customer, more, expected) in [
            (customer.as_str(), json!({ "quantity": 1, "quantity_used": 2 }), "quantity"),
            (customer.as_str(), json!({ "entitlement": unknown }), "entitlement"),
            (customer.as_str(), json!({ "status": "expired" }), "status"),
            (unknown, json!({}), "customer"),
        ] {
            let answer = grant(&app, &entitlement, customer, more).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, expected));
        }
        let id = "00000000-0000-7000-8000-0000000000aa";
        let made = grant(&app, &entitlement, &customer, json!({ "id": id })).await.ok();
        assert_eq!(made.id(), id);
        let again = grant(&app, &entitlement, &customer, json!({ "id": id })).await;
        assert_eq!((again.status, again.text("/code")), (400, "ENTITLEMENT_GRANT_ID_TAKEN"));
        let path = format!("/entitlements/{entitlement}/customer/{customer}/{id}");
        for body in [json!({ "id": unknown }), json!({ "customer": unknown }), json!({ "entitlement": unknown })] {
            assert_eq!(app.patch(&path, body).await.status, 422);
        }
        app.patch(&format!("/entitlements/{entitlement}"), json!({ "name": "a", "is_active": false })).await.ok();
        let refused = grant(&app, &entitlement, &customer, json!({})).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_NOT_ACTIVE"));
    }

    async fn a_customers_grants_go_with_the_customer(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        grant(&app, &entitlement, &customer, json!({ "quantity": 5 })).await.ok();
        app.delete(&format!("/customers/{customer}")).await.ok();
        assert_eq!(app.get("/entitlements/balances").await.ok().at("/total_count"), 0);
    }
}
