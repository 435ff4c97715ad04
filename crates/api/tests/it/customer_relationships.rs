//! `/customers/relationships`, and parents in `custom_data`.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::json;

const PATH: &str = "/customers/relationships";

async fn customers<const N: usize>(app: &TestApp) -> [String; N] {
    let mut ids = std::array::from_fn(|_| String::new());
    for id in &mut ids {
        *id = app
            .post("/customers", json!({ "customer_name": "N" }))
            .await
            .ok()
            .id();
    }
    ids
}

async fn relate(app: &TestApp, parent: &str, child: &str) -> Answer {
    let body = json!({ "parent_customer_id": parent, "child_customer_id": child });
    app.post(PATH, body).await
}

async fn name_parent(app: &TestApp, child: &str, parent: &str) -> Answer {
    let body = json!({ "custom_data": { "parent_customer_id": parent } });
    app.patch(&format!("/customers/{child}"), body).await
}

async fn parent_of(app: &TestApp, child: &str) -> Option<String> {
    let customer = app.get(&format!("/customers/{child}")).await.ok();
    customer
        .at("/parent_customer_id")
        .as_str()
        .map(str::to_owned)
}

both! {
    async fn a_relationship_is_made_listed_and_ended(app) {
        let [a, b, c] = customers(&app).await;
        let made = relate(&app, &a, &b).await;
        expect![[r#"
            200
            {
              "child_customer_id": "00000000-0000-7000-8000-000000000007",
              "created_at": "2026-01-05T10:00:00Z",
              "id": "00000000-0000-7000-8000-00000000000b",
              "parent_customer_id": "00000000-0000-7000-8000-000000000005"
            }"#]]
        .assert_eq(&made.to_string());
        relate(&app, &b, &c).await.ok();
        assert_eq!(parent_of(&app, &b).await, Some(a.clone()));
        for (query, count) in [
            (String::new(), 2),
            (format!("?customer_id={b}"), 2),
            (format!("?customer_id={a}"), 1),
            (format!("?parent_customer_id={b}"), 1),
            (format!("?child_customer_id__in={a},{b}"), 1),
        ] {
            assert_eq!(
                app.get(&format!("{PATH}{query}"))
                    .await
                    .ok()
                    .at("/total_count"),
                count,
                "{query}"
            );
        }
        let path = format!("{PATH}/{}", made.id());
        assert_eq!(app.delete(&path).await.ok().body, made.body);
        assert_eq!(app.delete(&path).await.status, 404);
        assert_eq!(parent_of(&app, &b).await, None);
    }

    async fn nobody_is_above_itself(app) {
        let [a, b, c] = customers(&app).await;
        relate(&app, &a, &b).await.ok();
        relate(&app, &b, &c).await.ok();
        for answer in [
            relate(&app, &a, &a).await,
            relate(&app, &c, &a).await,
            name_parent(&app, &a, &c).await,
            name_parent(&app, &a, &a).await,
        ] {
            assert_eq!(
                (answer.status, answer.text("/code")),
                (400, "CUSTOMER_RELATIONSHIP_CYCLE")
            );
        }
        let second = relate(&app, &a, &c).await;
        assert_eq!(
            (second.status, second.text("/code")),
            (400, "CUSTOMER_HAS_PARENT")
        );
    }

    async fn a_chain_is_bounded(app) {
        let chain: [String; 12] = customers(&app).await;
        for pair in chain[..11].windows(2) {
            relate(&app, &pair[0], &pair[1]).await.ok();
        }
        let deep = relate(&app, &chain[10], &chain[11]).await;
        assert_eq!(
            (deep.status, deep.text("/code")),
            (400, "CUSTOMER_RELATIONSHIP_TOO_DEEP")
        );
    }

    async fn both_customers_must_exist(app) {
        let [mine] = customers(&app).await;
        let other = app.other_organisation().await;
        let [one, two] = customers(&other).await;
        let answer = relate(&app, &one, &two).await;
        assert_eq!(
            (
                answer.status,
                answer.at("/detail").as_array().unwrap().len()
            ),
            (422, 2)
        );
        let answer = relate(&app, &mine, &two).await;
        assert_eq!(
            answer.at("/detail/0/loc"),
            &json!(["body", "child_customer_id"])
        );
        let made = relate(&other, &one, &two).await.ok();
        assert_eq!(
            app.delete(&format!("{PATH}/{}", made.id())).await.status,
            404
        );
        assert_eq!(app.get(PATH).await.ok().at("/total_count"), 0);
    }

    async fn custom_data_names_the_parent(app) {
        let [a, b, child] = customers(&app).await;
        name_parent(&app, &child, &a).await.ok();
        assert_eq!(parent_of(&app, &child).await, Some(a.clone()));
        name_parent(&app, &child, &b).await.ok();
        assert_eq!(parent_of(&app, &child).await, Some(b.clone()));
        name_parent(&app, &child, "ACME").await.ok();
        assert_eq!(parent_of(&app, &child).await, None);
        let unknown = name_parent(&app, &child, "8a2f6f2c-3a55-4b53-9f3e-0d2a6d3f1c11").await;
        assert_eq!(
            (unknown.status, unknown.at("/detail/0/loc")),
            (422, &json!(["body", "custom_data", "parent_customer_id"]))
        );
        let born = app
            .post(
                "/customers",
                json!({ "customer_name": "N",
            "custom_data": { "parent_customer_id": a, "invoice_consolidation_enabled": "true" } }),
            )
            .await
            .ok();
        assert_eq!(born.text("/parent_customer_id"), a);
        let made = app
            .get(&format!("{PATH}?customer_id={}", born.id()))
            .await
            .ok();
        app.delete(&format!("{PATH}/{}", made.text("/results/0/id")))
            .await
            .ok();
        let orphan = app.get(&format!("/customers/{}", born.id())).await.ok();
        assert_eq!(
            orphan.at("/custom_data"),
            &json!({ "invoice_consolidation_enabled": "true" })
        );
    }

    async fn a_relationship_outlives_custom_data_that_does_not_name_it(app) {
        let [a, child] = customers(&app).await;
        relate(&app, &a, &child).await.ok();
        let path = format!("/customers/{child}");
        app.patch(&path, json!({ "custom_data": { "x": 1 } }))
            .await
            .ok();
        assert_eq!(parent_of(&app, &child).await, Some(a));
    }

    async fn a_parent_cannot_be_deleted_but_a_child_can(app) {
        let [a, b] = customers(&app).await;
        relate(&app, &a, &b).await.ok();
        let refused = app.delete(&format!("/customers/{a}")).await;
        assert_eq!(
            (refused.status, refused.text("/code")),
            (400, "CUSTOMER_HAS_CHILDREN")
        );
        app.delete(&format!("/customers/{b}")).await.ok();
        assert_eq!(app.get(PATH).await.ok().at("/total_count"), 0);
        app.delete(&format!("/customers/{a}")).await.ok();
    }

    async fn requests_at_once_make_no_cycle(app) {
        let [a, b, c, d] = customers(&app).await;
        relate(&app, &a, &b).await.ok();
        relate(&app, &c, &d).await.ok();
        let (one, two, three) = tokio::join!(
            relate(&app, &b, &c),
            relate(&app, &d, &a),
            name_parent(&app, &a, &d)
        );
        for answer in [&one, &two, &three] {
            assert!([200, 400, 503].contains(&answer.status), "{answer}");
        }
        assert!(one.status != 200 || (two.status != 200 && three.status != 200));
    }
}
