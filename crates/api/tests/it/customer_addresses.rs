//! `/customers/{customer_id}/addresses`

use expect_test::expect;
use florin_testkit::{TestApp, both};
use serde_json::json;

async fn book(app: &TestApp) -> String {
    let customer = app
        .post("/customers", json!({ "customer_name": "Northwind" }))
        .await
        .ok();
    format!("/customers/{}/addresses", customer.id())
}

/// Line and flags of every address, oldest first.
async fn shown(app: &TestApp, book: &str, query: &str) -> String {
    let answer = app.get(&format!("{book}?order=id&{query}")).await.ok();
    let rows = answer.at("/results").as_array().unwrap();
    let flag = |set: &serde_json::Value, word: &str| {
        if set == true {
            format!(" {word}")
        } else {
            String::new()
        }
    };
    let row = |row: &serde_json::Value| {
        format!(
            "{}{}{}",
            row["line1"].as_str().unwrap(),
            flag(&row["is_default_billing"], "billing"),
            flag(&row["is_default_shipping"], "shipping")
        )
    };
    rows.iter().map(row).collect::<Vec<_>>().join(", ")
}

both! {
    async fn an_address_is_shown_with_both_spellings_of_its_postal_code(app) {
        let book = book(&app).await;
        let body = json!({ "line1": "9 Pine St", "city": "Austin", "zipCode": "78701",
            "country_code": "US" });
        let answer = app.post(&book, body).await;
        expect![[r#"
            200
            {
              "city": "Austin",
              "connector_validation": {},
              "country": null,
              "country_code": "US",
              "created_at": "2026-01-05T10:00:00Z",
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "id": "00000000-0000-7000-8000-000000000007",
              "is_default_billing": false,
              "is_default_shipping": false,
              "line1": "9 Pine St",
              "line2": null,
              "line3": null,
              "state": null,
              "updated_at": "2026-01-05T10:00:00Z",
              "validation_status": "pending",
              "zipCode": "78701",
              "zip_code": "78701"
            }"#]]
        .assert_eq(&answer.to_string());
        let path = format!("{book}/{}", answer.id());
        assert_eq!(app.get(&path).await.ok().body, answer.body);
    }

    async fn an_equal_address_takes_the_flags_instead_of_being_doubled(app) {
        let book = book(&app).await;
        let first = app
            .post(
                &book,
                json!({ "line1": "9 Pine St", "zip_code": "78701", "is_default_shipping": true }),
            )
            .await
            .ok();
        let again = app
            .post(
                &book,
                json!({ "line1": " 9 PINE ST", "zipCode": "78701", "is_default_billing": true }),
            )
            .await
            .ok();
        assert_eq!(again.id(), first.id());
        assert_eq!(shown(&app, &book, "").await, " 9 PINE ST billing shipping");
    }

    async fn a_default_is_exclusive_and_is_the_customers_address(app) {
        let book = book(&app).await;
        app.post(
            &book,
            json!({ "line1": "a", "is_default_billing": true, "is_default_shipping": true }),
        )
        .await
        .ok();
        app.post(&book, json!({ "line1": "b", "is_default_billing": true }))
            .await
            .ok();
        let third = app.post(&book, json!({ "line1": "c" })).await.ok();
        assert_eq!(shown(&app, &book, "").await, "a shipping, b billing, c");
        assert_eq!(
            shown(&app, &book, "address_type=billing").await,
            "b billing"
        );
        assert_eq!(
            shown(&app, &book, "address_type=shipping").await,
            "a shipping"
        );
        app.patch(
            &format!("{book}/{}", third.id()),
            json!({ "is_default_billing": true }),
        )
        .await
        .ok();
        assert_eq!(shown(&app, &book, "").await, "a shipping, b, c billing");
        let customer = app.get(book.trim_end_matches("/addresses")).await.ok();
        assert_eq!(customer.at("/address/line1"), "c");
        assert_eq!(customer.at("/ship_to_address/line1"), "a");
        let refused = app.get(&format!("{book}?address_type=home")).await;
        assert_eq!(
            (refused.status, refused.at("/detail/0/loc")),
            (422, &json!(["query", "address_type"]))
        );
    }

    async fn a_patch_changes_what_it_names_and_never_doubles(app) {
        let book = book(&app).await;
        let known = json!({ "line1": "a", "zipCode": "1", "validation_status": "valid",
            "connector_validation": { "score": 0.90 }, "is_default_billing": true });
        let first = app.post(&book, known).await.ok();
        let second = app
            .post(&book, json!({ "line1": "b", "zipCode": "1" }))
            .await
            .ok();
        let [first, second] = [first, second].map(|address| format!("{book}/{}", address.id()));
        let duplicate = app.patch(&second, json!({ "line1": "A " })).await;
        assert_eq!(
            (duplicate.status, duplicate.text("/code")),
            (400, "DUPLICATE_ADDRESS")
        );
        let kept = app.patch(&first, json!({ "line1": "A" })).await.ok();
        assert_eq!(
            (kept.at("/line1"), kept.at("/validation_status")),
            (&json!("A"), &json!("valid"))
        );
        for (patch, zip_code) in [
            (json!({ "zip_code": "2" }), json!("2")),
            (json!({ "zip_code": "3", "zipCode": "3" }), json!("3")),
            (json!({ "zip_code": null }), json!(null)),
        ] {
            let changed = app.patch(&first, patch).await.ok();
            assert_eq!(
                (changed.at("/zip_code"), changed.at("/zipCode")),
                (&zip_code, &zip_code)
            );
            assert_eq!(changed.at("/validation_status"), "pending");
        }
        let cleared = app
            .patch(&first, json!({ "is_default_billing": false }))
            .await
            .ok();
        assert_eq!(cleared.at("/is_default_billing"), false);
    }

    async fn a_deleted_address_is_gone_and_can_be_added_again(app) {
        let book = book(&app).await;
        let first = app
            .post(&book, json!({ "line1": "a", "is_default_billing": true }))
            .await
            .ok();
        let path = format!("{book}/{}", first.id());
        assert_eq!(app.delete(&path).await.ok().body, first.body);
        for answer in [
            app.get(&path).await,
            app.delete(&path).await,
            app.patch(&path, json!({})).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
        }
        assert_eq!(app.get(&book).await.ok().at("/total_count"), 0);
        let again = app
            .post(&book, json!({ "line1": "a", "is_default_billing": true }))
            .await
            .ok();
        assert_ne!(again.id(), first.id());
    }

    async fn addresses_of_other_customers_are_unknown(app) {
        let [mine, foreign] = [book(&app).await, book(&app).await];
        let address = app.post(&mine, json!({ "line1": "a" })).await.ok();
        let path = format!("{foreign}/{}", address.id());
        for answer in [
            app.get(&path).await,
            app.delete(&path).await,
            app.patch(&path, json!({})).await,
        ] {
            assert_eq!(answer.status, 404);
        }
        let other = app.other_organisation().await;
        for answer in [
            other.get(&mine).await,
            other.post(&mine, json!({ "line1": "b" })).await,
            other.get(&format!("{mine}/{}", address.id())).await,
        ] {
            assert_eq!(answer.status, 404);
        }
    }

    async fn pages_and_filters(app) {
        let book = book(&app).await;
        for number in 0..5 {
            app.post(
                &book,
                json!({ "line1": number.to_string(), "city": format!("C{}", number % 2) }),
            )
            .await
            .ok();
        }
        assert_eq!(shown(&app, &book, "city=C1").await, "1, 3");
        assert_eq!(shown(&app, &book, "country_code__isnull=false").await, "");
        let first = app.get(&format!("{book}?order=id&limit=2")).await.ok();
        assert_eq!(first.at("/total_count"), 5);
        let next = format!("limit=2&cursor={}", first.text("/next"));
        assert_eq!(shown(&app, &book, &next).await, "2, 3");
    }

    async fn long_and_odd_texts_are_kept_or_refused_and_never_faults(app) {
        let book = book(&app).await;
        let long: String = (0..255_u32)
            .map(|n| char::from_u32(0x1_0000 + n * 7).unwrap())
            .collect();
        let fields = ["line1", "line2", "line3", "city", "state", "country"];
        let body: serde_json::Map<_, _> = fields
            .iter()
            .map(|f| ((*f).to_owned(), json!(long)))
            .collect();
        let kept = app.post(&book, json!(body)).await.ok();
        assert_eq!(kept.text("/line3"), long);
        app.post(&book, json!({})).await.ok();
        let bad = json!({ "line1": "x".repeat(256), "city": 7, "zipCode": "x".repeat(33),
            "state": "a\u{0}" });
        let refused = app.post(&book, bad).await;
        assert_eq!(
            (
                refused.status,
                refused.at("/detail").as_array().unwrap().len()
            ),
            (422, 4),
            "{refused}"
        );
    }

    async fn equal_addresses_sent_at_once_are_one(app) {
        let book = book(&app).await;
        let send = || app.post(&book, json!({ "line1": "a", "is_default_billing": true }));
        let answers = tokio::join!(send(), send(), send());
        let ids = [
            answers.0.ok().id(),
            answers.1.ok().id(),
            answers.2.ok().id(),
        ];
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(shown(&app, &book, "").await, "a billing");
    }
}
