//! `/customers`

use expect_test::expect;
use florin_store::Row;
use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

/// How many events say that the customer was updated.
async fn updates(app: &TestApp, customer: &str) -> usize {
    let mut tx = app.app.db.read(app.organisation).await.unwrap();
    let mut select = tx.select("outbox_event");
    select.column("event").column("resource_id");
    let rows = tx.fetch_all(&select).await.unwrap();
    let is_update = |row: &&Row| {
        let of: Uuid = row.get("resource_id").unwrap();
        row.get::<String>("event").unwrap() == "customer.updated" && of.to_string() == customer
    };
    rows.iter().filter(is_update).count()
}

both! {
    async fn a_change_around_a_customer_is_one_change_of_the_customer(app) {
        let parent = app.post("/customers", json!({ "customer_name": "Parent" })).await.ok().id();
        let child = app.post("/customers", json!({ "customer_name": "Child" })).await.ok().id();
        let path = format!("/customers/{child}");
        let address = json!({ "line1": "9 Pine St", "country_code": "US" });
        let connector = json!({ "name": "stripe", "reference_id": "C-1" });
        let mut changes = 0;
        for (body, is_change) in [
            (json!({ "address": address }), true),
            (json!({ "address": address }), false),
            (json!({ "address": null }), true),
            (json!({ "customer_name": "Renamed", "address": address }), true),
            (json!({ "connector": connector }), true),
            (json!({ "connector": connector }), false),
            (json!({ "custom_data": { "parent_customer_id": parent } }), true),
        ] {
            app.clock.advance(SignedDuration::from_secs(1));
            let before = app.get(&path).await.ok().text("/updated_at").to_owned();
            let answer = app.patch(&path, body.clone()).await.ok();
            changes += usize::from(is_change);
            assert_eq!(answer.text("/updated_at") != before, is_change, "{body}");
            assert_eq!(updates(&app, &child).await, changes, "{body}");
        }
    }

    async fn a_change_through_its_own_path_is_a_change_of_the_customer_too(app) {
        let parent = app.post("/customers", json!({ "customer_name": "Parent" })).await.ok().id();
        let child = app.post("/customers", json!({ "customer_name": "Child" })).await.ok().id();
        let book = format!("/customers/{child}/addresses");
        let address = app.post(&book, json!({ "line1": "9 Pine St" })).await.ok().id();
        assert_eq!(updates(&app, &child).await, 1);
        let address = format!("{book}/{address}");
        app.patch(&address, json!({ "line1": "8 Pine St" })).await.ok();
        app.patch(&address, json!({ "line1": "8 Pine St" })).await.ok();
        assert_eq!(updates(&app, &child).await, 2);
        app.delete(&address).await.ok();
        assert_eq!(updates(&app, &child).await, 3);
        let body = json!({ "parent_customer_id": parent, "child_customer_id": child });
        let made = app.post("/customers/relationships", body).await.ok().id();
        assert_eq!(updates(&app, &child).await, 4);
        app.delete(&format!("/customers/relationships/{made}")).await.ok();
        assert_eq!((updates(&app, &child).await, updates(&app, &parent).await), (5, 0));
    }

    async fn only_the_name_is_needed(app) {
        let answer = app
            .post("/customers", json!({ "customer_name": "Northwind Labs" }))
            .await;
        expect![[r#"
            200
            {
              "address": null,
              "auto_charge_enabled": true,
              "business_entity": {
                "id": "00000000-0000-7000-8000-000000000001",
                "name": "Test"
              },
              "business_entity_id": "00000000-0000-7000-8000-000000000001",
              "communications_enabled": true,
              "connectors": [],
              "contacts": [],
              "created_at": "2026-01-05T10:00:00Z",
              "custom_attributes": {},
              "custom_data": {},
              "customer_name": "Northwind Labs",
              "default_payment_method": null,
              "email": null,
              "external_id": null,
              "id": "00000000-0000-7000-8000-000000000005",
              "invoice_details": null,
              "parent_customer_id": null,
              "phone_number": null,
              "ship_to_address": null,
              "tax_info": [],
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]]
        .assert_eq(&answer.to_string());
    }

    async fn every_bad_field_is_named(app) {
        let answer = app
            .post("/customers", json!({ "email": "nobody", "tax_info": [{}] }))
            .await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "customer_name"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "email"
                  ],
                  "msg": "value is not a valid e-mail address",
                  "type": "value_error.format"
                },
                {
                  "loc": [
                    "body",
                    "tax_info",
                    0,
                    "country_code"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "tax_info",
                    0,
                    "tax_code"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "tax_info",
                    0,
                    "tax_id"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                }
              ]
            }"#]]
        .assert_eq(&answer.to_string());
    }

    async fn one_customer_is_read_and_deleted(app) {
        let body = json!({ "customer_name": "N", "email": "n@n.example", "tax_info": [
            { "country_code": "USA", "tax_code": "TIN", "tax_id": "12-3456789" }] });
        let created = app.post("/customer", body).await.ok();
        let path = format!("/customers/{}", created.id());
        assert_eq!(app.get(&path).await.ok().body, created.body);
        assert_eq!(app.delete(&path).await.ok().body, created.body);
        for answer in [
            app.get(&path).await,
            app.delete(&path).await,
            app.patch(&path, json!({})).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
        }
    }

    async fn a_patch_changes_what_it_names_and_null_clears(app) {
        let body = json!({ "customer_name": "N", "email": "n@n.example",
            "phone_number": "+1-555-0142",
            "custom_data": { "a": 1 }, "communications_enabled": false });
        let created = app.post("/customers", body).await.ok();
        let path = format!("/customers/{}", created.id());
        app.clock.advance(jiff::SignedDuration::from_hours(1));
        assert_eq!(app.patch(&path, json!({})).await.ok().body, created.body);
        let exact: serde_json::Number = "1.50".parse().unwrap();
        let patch = json!({ "email": null, "custom_data": { "b": exact }, "tax_info": null });
        let changed = app.patch(&path, patch).await.ok();
        let mut expected = created.body.clone();
        expected["email"] = json!(null);
        expected["custom_data"] = changed.at("/custom_data").clone();
        expected["updated_at"] = json!("2026-01-05T11:00:00Z");
        assert_eq!(changed.body, expected);
        assert_eq!(changed.at("/custom_data").to_string(), r#"{"b":1.50}"#);
        let refused = app
            .patch(&path, json!({ "customer_name": null, "email": 7 }))
            .await;
        assert_eq!(
            (
                refused.status,
                refused.at("/detail").as_array().unwrap().len()
            ),
            (422, 2)
        );
        assert_eq!(app.get(&path).await.ok().body, expected);
    }

    async fn an_address_of_null_leaves_it_in_the_book(app) {
        let body = json!({ "customer_name": "N",
            "address": { "line1": "9 Pine St", "zip_code": "78701" },
            "ship_to_address": { "line1": "Dock 4" } });
        let created = app.post("/customers", body).await.ok();
        assert_eq!(created.at("/address/zipCode"), "78701");
        let path = format!("/customers/{}", created.id());
        let cleared = app.patch(&path, json!({ "address": null })).await.ok();
        assert_eq!(
            (cleared.at("/address"), cleared.at("/ship_to_address/line1")),
            (&json!(null), &json!("Dock 4"))
        );
        let cleared = app
            .patch(&path, json!({ "ship_to_address": null }))
            .await
            .ok();
        assert_eq!(cleared.at("/ship_to_address"), &json!(null));
        let book = app.get(&format!("{path}/addresses")).await.ok();
        assert_eq!(book.at("/total_count"), 2);
        let again = app
            .patch(
                &path,
                json!({ "address": { "line1": "9 PINE ST", "zipCode": "78701" } }),
            )
            .await;
        assert_eq!(again.ok().at("/address/line1"), "9 PINE ST");
        assert_eq!(
            app.get(&format!("{path}/addresses"))
                .await
                .ok()
                .at("/total_count"),
            2
        );
    }

    async fn email_and_external_id_are_unique(app) {
        let first = json!({ "customer_name": "N", "email": "N@n.example", "external_id": "X" });
        app.post("/customers", first).await.ok();
        let second = app
            .post("/customers", json!({ "customer_name": "S" }))
            .await
            .ok();
        let path = format!("/customers/{}", second.id());
        for (fields, code) in [
            (
                json!({ "customer_name": "S", "email": "n@N.example" }),
                "CUSTOMER_EMAIL_TAKEN",
            ),
            (
                json!({ "customer_name": "S", "external_id": "X" }),
                "CUSTOMER_EXTERNAL_ID_TAKEN",
            ),
            (
                json!({ "customer_name": "S", "external_id": second.id() }),
                "CUSTOMER_EXTERNAL_ID_TAKEN",
            ),
        ] {
            let created = app.post("/customers", fields.clone()).await;
            assert_eq!((created.status, created.text("/code")), (400, code));
            if fields["external_id"] != json!(second.id()) {
                let changed = app.patch(&path, fields).await;
                assert_eq!((changed.status, changed.text("/code")), (400, code));
            }
        }
        let none = json!({ "customer_name": "T", "email": null, "external_id": "" });
        app.post("/customers", none.clone()).await.ok();
        app.post("/customers", none).await.ok();
        let other = app.other_organisation().await;
        other
            .post(
                "/customers",
                json!({ "customer_name": "N", "external_id": "X" }),
            )
            .await
            .ok();
    }

    async fn a_uuid_as_external_id_is_the_id_but_only_at_first(app) {
        let [first, later] = [
            "8a2f6f2c-3a55-4b53-9f3e-0d2a6d3f1c11",
            "8a2f6f2c-3a55-4b53-9f3e-0d2a6d3f1c12",
        ];
        let created = app
            .post(
                "/customers",
                json!({ "customer_name": "N", "external_id": first }),
            )
            .await
            .ok();
        assert_eq!(created.id(), first);
        let path = format!("/customers/{first}");
        let changed = app.patch(&path, json!({ "external_id": later })).await.ok();
        assert_eq!(
            (changed.text("/id"), changed.text("/external_id")),
            (first, later)
        );
        assert_eq!(app.get(&format!("/customers/{later}")).await.status, 404);
        let shaped = app
            .post(
                "/customers",
                json!({ "customer_name": "S",
            "external_id": "8a2f6f2c3a554b539f3e0d2a6d3f1c13" }),
            )
            .await
            .ok();
        assert_ne!(shaped.id(), "8a2f6f2c-3a55-4b53-9f3e-0d2a6d3f1c13");
    }

    async fn another_organisation_sees_no_customer(app) {
        let created = app
            .post("/customers", json!({ "customer_name": "N" }))
            .await
            .ok();
        let path = format!("/customers/{}", created.id());
        let other = app.other_organisation().await;
        for answer in [
            other.get(&path).await,
            other.patch(&path, json!({ "customer_name": "M" })).await,
            other.delete(&path).await,
            other.get(&format!("{path}/addresses")).await,
        ] {
            assert_eq!(answer.status, 404);
        }
        assert_eq!(app.get(&path).await.ok().at("/customer_name"), "N");
    }

    async fn duplicates_sent_at_once_are_refused_and_not_faults(app) {
        let body = json!({ "customer_name": "N", "email": "n@n.example" });
        let send = || app.post("/customers", body.clone());
        let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
        let mut statuses = [a.status, b.status, c.status, d.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400, 400]);
    }

    async fn a_customer_belongs_to_the_default_entity_unless_told(app) {
        let entity = app.post("/business_entities", json!({ "name": "Berlin", "is_default": true })).await;
        let customer = app.post("/customers", json!({ "customer_name": "A" })).await.ok();
        assert_eq!(customer.text("/business_entity_id"), entity.id());
        let first = app.organisation.to_string();
        let told = app.post("/customers", json!({ "customer_name": "B", "business_entity_id": first })).await;
        assert_eq!(told.ok().text("/business_entity_id"), first);
    }

    async fn the_business_entity_of_a_customer_is_shown_by_name_wherever_the_customer_is(app) {
        let branch = app.post("/business_entities", json!({ "name": "Branch" })).await.ok().id();
        let body = json!({ "customer_name": "A", "business_entity_id": branch });
        let created = app.post("/customers", body).await.ok();
        let path = format!("/customers/{}", created.id());
        app.post("/customers", json!({ "customer_name": "B" })).await.ok();
        let named = json!({ "id": branch, "name": "Branch" });
        assert_eq!(created.at("/business_entity"), &named);
        assert_eq!(app.get(&path).await.ok().at("/business_entity"), &named);
        let changed = app.patch(&path, json!({ "customer_name": "C" })).await.ok();
        assert_eq!(changed.at("/business_entity"), &named);
        let list = app.get("/customers?order=created_at").await.ok();
        assert_eq!(list.at("/results/0/business_entity"), &named);
        assert_eq!(list.text("/results/1/business_entity/name"), "Test");
    }

    async fn the_business_entity_of_a_customer_is_set_once(app) {
        let entity = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        let customer = app.post("/customers", json!({ "customer_name": "A" })).await.ok();
        let path = format!("/customers/{}", customer.id());
        let refused = app.patch(&path, json!({ "business_entity_id": entity })).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "BUSINESS_ENTITY_FIXED"));
        let own = customer.at("/business_entity_id");
        for entity in [own.clone(), json!(null)] {
            let same = app.patch(&path, json!({ "business_entity_id": entity })).await.ok();
            assert_eq!(same.at("/business_entity_id"), own);
        }
    }

    async fn an_unknown_business_entity_is_a_bad_field(app) {
        let other = app.other_organisation().await.organisation.to_string();
        let body = json!({ "customer_name": "A", "business_entity_id": other });
        let answer = app.post("/customers", body).await;
        assert_eq!((answer.status, answer.at("/detail/0/loc")), (422, &json!(["body", "business_entity_id"])));
    }
}
