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
              "business_entity_id": null,
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
}
