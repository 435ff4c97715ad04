//! `/customers/{customer_id}/connector` and its relatives.

use expect_test::expect;
use florin_testkit::both;
use serde_json::json;

both! {
    async fn a_link_is_set_on_creation_changed_read_and_removed(app) {
        let body = json!({ "customer_name": "N", "email": "n@n.example",
            "connector": { "name": "stripe", "reference_id": "cus_1" } });
        let customer = app.post("/customers", body).await.ok();
        let path = format!("/customers/{}/connector", customer.id());
        app.patch(&path, json!({ "name": "stripe", "reference_id": "cus_2" }))
            .await
            .ok();
        let linked = app
            .patch(&path, json!({ "name": "xero", "reference_id": "x" }))
            .await
            .ok();
        assert_eq!(
            linked.at("/connectors"),
            &json!([
            { "name": "stripe", "reference_id": "cus_2" }, { "name": "xero", "reference_id": "x" }])
        );
        let read = app.get(&format!("{path}/stripe")).await;
        expect![[r#"
            200
            {
              "customer_name": "N",
              "email": "n@n.example",
              "reference_id": "cus_2"
            }"#]]
        .assert_eq(&read.to_string());
        let unlink = format!("/customers/connector/{}", customer.id());
        let ambiguous = app.delete(&unlink).await;
        assert_eq!(
            (ambiguous.status, ambiguous.text("/code")),
            (400, "CONNECTOR_AMBIGUOUS")
        );
        let removed = app
            .delete(&format!("{unlink}?connector_name=stripe"))
            .await
            .ok();
        assert_eq!(
            removed.body,
            json!({ "name": "stripe", "reference_id": "cus_2" })
        );
        assert_eq!(app.delete(&unlink).await.ok().at("/name"), "xero");
        let none = app.delete(&unlink).await;
        assert_eq!(
            (none.status, none.text("/code")),
            (400, "CONNECTOR_NOT_LINKED")
        );
    }

    async fn a_patch_of_the_customer_links_too(app) {
        let customer = app
            .post("/customers", json!({ "customer_name": "N" }))
            .await
            .ok();
        let path = format!("/customers/{}", customer.id());
        let body = json!({ "connector": { "name": "zoho", "reference_id": "z" } });
        let linked = app.patch(&path, body).await.ok();
        assert_eq!(linked.at("/connectors/0/name"), "zoho");
        let kept = app.patch(&path, json!({ "connector": null })).await.ok();
        assert_eq!(kept.at("/connectors/0/name"), "zoho");
    }

    async fn unknown_systems_customers_and_links_are_refused(app) {
        let customer = app
            .post("/customers", json!({ "customer_name": "N" }))
            .await
            .ok();
        let path = format!("/customers/{}/connector", customer.id());
        let unknown = app
            .patch(&path, json!({ "name": "Stripe", "reference_id": "" }))
            .await;
        assert_eq!(
            (
                unknown.status,
                unknown.at("/detail").as_array().unwrap().len()
            ),
            (422, 2),
            "{unknown}"
        );
        for name in ["stripe", "nobody", "%00"] {
            let none = app.get(&format!("{path}/{name}")).await;
            assert_eq!(
                (none.status, none.text("/code")),
                (400, "CONNECTOR_NOT_LINKED")
            );
        }
        let query = format!(
            "/customers/connector/{}?connector_name=nobody",
            customer.id()
        );
        assert_eq!(app.delete(&query).await.status, 422);
        let other = app.other_organisation().await;
        for answer in [
            other.get(&format!("{path}/stripe")).await,
            other
                .patch(&path, json!({ "name": "stripe", "reference_id": "x" }))
                .await,
            other
                .delete(&format!("/customers/connector/{}", customer.id()))
                .await,
        ] {
            assert_eq!(answer.status, 404);
        }
        assert_eq!(app.get("/customers/7/connector/stripe").await.status, 422);
    }
}
