//! `/contacts`, and contacts in customers.

use expect_test::expect;
use florin_testkit::{TestApp, both};
use serde_json::{Value, json};

async fn customer(app: &TestApp, name: &str) -> String {
    let body = json!({ "customer_name": name, "external_id": name });
    app.post("/customers", body).await.ok().id()
}

async fn contact(app: &TestApp, customer: &str, first_name: Option<&str>) -> String {
    let body = json!({ "customer": customer, "email": "iris@n.example", "first_name": first_name,
        "send_invoice": first_name.is_some() });
    app.post("/contacts", body).await.ok().id()
}

async fn names(app: &TestApp, query: &str) -> String {
    let answer = app.get(&format!("/contacts?{query}")).await.ok();
    let rows = answer.at("/results").as_array().unwrap();
    let name = |row: &Value| row["first_name"].as_str().unwrap_or("-").to_owned();
    rows.iter().map(name).collect::<Vec<_>>().join(" ")
}

both! {
    async fn a_contact_is_created_read_changed_and_deleted(app) {
        let customer = customer(&app, "N").await;
        let body = json!({ "customer": customer, "email": "iris@n.example", "first_name": "Iris" });
        let created = app.post("/contacts", body).await;
        expect![[r#"
            200
            {
              "created_at": "2026-01-05T10:00:00Z",
              "customer": "00000000-0000-7000-8000-000000000005",
              "email": "iris@n.example",
              "first_name": "Iris",
              "id": "00000000-0000-7000-8000-000000000007",
              "last_name": null,
              "send_contract": false,
              "send_invoice": false,
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]]
        .assert_eq(&created.to_string());
        let path = format!("/contacts/{}", created.id());
        assert_eq!(app.get(&path).await.ok().body, created.body);
        let patch = json!({ "first_name": null, "send_contract": true });
        let changed = app.patch(&path, patch).await.ok();
        assert_eq!(
            (changed.at("/first_name"), changed.at("/send_contract")),
            (&json!(null), &json!(true))
        );
        assert_eq!(changed.at("/email"), "iris@n.example");
        assert_eq!(app.delete(&path).await.ok().body, changed.body);
        for answer in [
            app.get(&path).await,
            app.delete(&path).await,
            app.patch(&path, json!({})).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
        }
    }

    async fn every_bad_field_is_named(app) {
        let answer = app
            .post(
                "/contacts",
                json!({ "email": "iris", "send_invoice": "yes" }),
            )
            .await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "customer"
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
                    "send_invoice"
                  ],
                  "msg": "value is not a boolean",
                  "type": "type_error.bool"
                }
              ]
            }"#]]
        .assert_eq(&answer.to_string());
    }

    async fn a_contact_belongs_to_a_customer_of_the_organisation(app) {
        let [one, two] = [customer(&app, "1").await, customer(&app, "2").await];
        let path = format!("/contacts/{}", contact(&app, &one, None).await);
        let other = app.other_organisation().await;
        let foreign = customer(&other, "F").await;
        let body = json!({ "customer": foreign, "email": "iris@n.example" });
        for answer in [
            app.post("/contacts", body.clone()).await,
            app.patch(&path, body).await,
        ] {
            assert_eq!(
                (answer.status, answer.at("/detail/0/loc/1")),
                (422, &json!("customer"))
            );
        }
        let moved = app.patch(&path, json!({ "customer": two })).await.ok();
        assert_eq!(moved.text("/customer"), two);
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(other.get("/contacts").await.ok().at("/total_count"), 0);
    }

    async fn filters_order_and_pages(app) {
        let [one, two] = [customer(&app, "One").await, customer(&app, "Two").await];
        for (customer, name) in [
            (&one, Some("Bo")),
            (&one, None),
            (&two, Some("Al")),
            (&two, Some("Cy")),
        ] {
            contact(&app, customer, name).await;
        }
        for (query, expected) in [
            ("sort_key=first_name&sort_type=asc".to_owned(), "Al Bo Cy -"),
            (
                "sort_key=first_name&sort_type=DESC".to_owned(),
                "Cy Bo Al -",
            ),
            (format!("customer={one}&order=id"), "Bo -"),
            ("customer__external_id=Two&order=id".to_owned(), "Al Cy"),
            (
                "customer__customer_name__ilike=ON&order=id".to_owned(),
                "Bo -",
            ),
            ("send_invoice=false".to_owned(), "-"),
            ("first_name__ilike=B".to_owned(), "Bo"),
            (
                "last_name__isnull=true&email__like=iris&order=id&limit=3".to_owned(),
                "Bo - Al",
            ),
        ] {
            assert_eq!(names(&app, &query).await, expected, "{query}");
        }
        let first = app.get("/contacts?order=first_name&limit=3").await.ok();
        let next = first.text("/next");
        assert_eq!(
            names(&app, &format!("order=first_name&limit=3&cursor={next}")).await,
            "-"
        );
    }

    async fn a_customer_shows_its_contacts_and_a_list_only_when_asked(app) {
        let [one, two] = [customer(&app, "1").await, customer(&app, "2").await];
        contact(&app, &one, Some("Bo")).await;
        contact(&app, &one, Some("Al")).await;
        let shown = app.get(&format!("/customers/{one}")).await.ok();
        assert_eq!(shown.at("/contacts/1/first_name"), "Al");
        assert_eq!(
            app.get(&format!("/customers/{two}"))
                .await
                .ok()
                .at("/contacts"),
            &json!([])
        );
        let listed = app.get("/customers?order=id").await.ok();
        assert_eq!(listed.at("/results/0/contacts"), &json!(null));
        for query in [
            "expand=contacts",
            "expand=other,contacts",
            "expand=other&expand=contacts",
        ] {
            let listed = app.get(&format!("/customers?order=id&{query}")).await.ok();
            assert_eq!(listed.at("/results/0/contacts/0/first_name"), "Bo");
            assert_eq!(listed.at("/results/1/contacts"), &json!([]));
        }
        app.delete(&format!("/customers/{one}")).await.ok();
        assert_eq!(app.get("/contacts").await.ok().at("/total_count"), 0);
    }
}
