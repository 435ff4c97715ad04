//! `/customers`

use expect_test::expect;
use florin_testkit::both;
use serde_json::json;

both! {
    async fn only_the_name_is_needed(app) {
        let answer = app.post("/customers", json!({ "customer_name": "Northwind Labs" })).await;
        expect![[r#"
            200
            {
              "address": null,
              "auto_charge_enabled": true,
              "business_entity_id": "00000000-0000-7000-8000-000000000001",
              "communications_enabled": true,
              "created_at": "2026-01-05T10:00:00Z",
              "custom_attributes": {},
              "custom_data": {},
              "customer_name": "Northwind Labs",
              "email": null,
              "external_id": null,
              "id": "00000000-0000-7000-8000-000000000005",
              "phone_number": null,
              "ship_to_address": null,
              "tax_info": [],
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
    }

    async fn every_bad_field_is_named(app) {
        let answer = app.post("/customers", json!({ "email": "nobody", "tax_info": [{}] })).await;
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
            }"#]].assert_eq(&answer.to_string());
    }

    async fn a_customer_belongs_to_the_default_entity_unless_told(app) {
        let entity = app.post("/business_entities", json!({ "name": "Berlin", "is_default": true })).await;
        let customer = app.post("/customers", json!({ "customer_name": "A" })).await.ok();
        assert_eq!(customer.text("/business_entity_id"), entity.id());
        let first = app.organisation.to_string();
        let told = app.post("/customers", json!({ "customer_name": "B", "business_entity_id": first })).await;
        assert_eq!(told.ok().text("/business_entity_id"), first);
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
