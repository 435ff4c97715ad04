//! `/v3/products`

use expect_test::expect;
use florin_testkit::{Answer, both};
use serde_json::{Value, json};

fn seats() -> Value {
    json!({
        "name": "Seats", "type": "period_of_time", "subtype": "quantity", "sku": "SEAT",
        "slug": "seats", "unit": { "singular": "seat", "plural": "seats" },
        "tax_category": "ZEN_TAX_00001", "description": "  People  ",
    })
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

both! {
    async fn every_field_comes_back(app) {
        let answer = app.post("/v3/products", seats()).await;
        expect![[r#"
            200
            {
              "created_at": "2026-01-05T10:00:00Z",
              "custom_attributes": {},
              "description": "People",
              "id": "00000000-0000-7000-8000-000000000005",
              "name": "Seats",
              "sku": "SEAT",
              "slug": "seats",
              "status": "active",
              "subtype": "quantity",
              "tax_category": "ZEN_TAX_00001",
              "type": "period_of_time",
              "unit": {
                "plural": "seats",
                "singular": "seat"
              },
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let again = app.get(&format!("/v3/products/{}", answer.id())).await.ok();
        assert_eq!(again.body, answer.body);
    }

    async fn a_blank_description_is_null(app) {
        let answer = app.post("/v3/products", with(seats(), "description", json!("  "))).await.ok();
        assert_eq!(*answer.at("/description"), Value::Null);
    }

    async fn each_rule_has_its_code(app) {
        app.post("/v3/products", seats()).await.ok();
        let free = with(with(seats(), "sku", json!(null)), "slug", json!(null));
        for (body, code) in [
            (with(free.clone(), "status", json!("archived")), "PRODUCT_CREATED_AS_ARCHIVED"),
            (with(free.clone(), "subtype", json!("credits")), "PRODUCT_TYPE_SUBTYPE_INCOMPATIBLE"),
            (with(free.clone(), "sku", json!("SEAT")), "PRODUCT_SKU_TAKEN"),
            (with(free, "slug", json!("seats")), "PRODUCT_SLUG_TAKEN"),
        ] {
            assert_eq!(refusal(&app.post("/v3/products", body).await), (400, code));
        }
    }

    async fn bad_fields_are_named(app) {
        let body = json!({ "type": "now", "slug": "No Spaces", "unit": {}, "status": "gone" });
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "name"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "subtype"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "slug"
                  ],
                  "msg": "text of the form ^[a-z0-9]+([_-][a-z0-9]+)*$",
                  "type": "value_error.str.regex"
                },
                {
                  "loc": [
                    "body",
                    "status"
                  ],
                  "msg": "value is not one of [\"active\",\"inactive\",\"archived\"]",
                  "type": "type_error.enum"
                },
                {
                  "loc": [
                    "body",
                    "type"
                  ],
                  "msg": "value is not one of [\"point_in_time\",\"period_of_time\"]",
                  "type": "type_error.enum"
                },
                {
                  "loc": [
                    "body",
                    "unit",
                    "singular"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                }
              ]
            }"#]].assert_eq(&app.post("/v3/products", body).await.to_string());
    }

    async fn lists_filter_by_the_newer_names(app) {
        app.post("/v3/products", seats()).await.ok();
        app.post("/v3/products", json!({
            "name": "Credits", "type": "point_in_time", "subtype": "credits", "status": "inactive"
        })).await.ok();
        for (query, count) in [
            ("", 2), ("?type=point_in_time", 1), ("?subtype=quantity", 1), ("?status=inactive", 1),
            ("?status__neq=inactive", 1), ("?sku=SEAT", 1), ("?slug=seats", 1),
            ("?tax_category=ZEN_TAX_00001", 1), ("?name__ilike=cred", 1),
        ] {
            let answer = app.get(&format!("/v3/products{query}")).await.ok();
            assert_eq!(*answer.at("/total_count"), count, "{query}");
        }
        assert_eq!(app.get("/v3/products?type=product").await.status, 422);
    }

    async fn both_forms_show_one_product(app) {
        let id = app.post("/v3/products", seats()).await.ok().id();
        let (v2, v3) = (format!("/products/{id}"), format!("/v3/products/{id}"));
        let older = app.get(&v2).await.ok();
        assert_eq!(older.text("/product_type"), "time_dependent");
        assert_eq!(older.text("/product_sub_type"), "quantity");
        assert_eq!(older.text("/unit"), "seat");

        app.patch(&v3, json!({ "status": "archived" })).await.ok();
        assert_eq!(*app.get(&v2).await.at("/is_active"), false);
        app.patch(&v2, json!({ "name": "Places", "tax_codes": { "avalara": "P1" } })).await.ok();
        let newer = app.get(&v3).await.ok();
        assert_eq!((newer.text("/name"), newer.text("/status")), ("Places", "archived"));
        assert_eq!(newer.text("/unit/plural"), "seats");
        app.patch(&v3, json!({ "slug": "places" })).await.ok();
        assert_eq!(app.get(&v2).await.text("/tax_codes/avalara"), "P1");
        assert_eq!(app.delete(&v3).await.ok().text("/slug"), "places");
        assert_eq!(app.get(&v2).await.status, 404);
    }

    async fn a_product_of_the_older_form_gets_its_type_with_its_first_change(app) {
        let body = json!({ "name": "Old", "type": "product" });
        let path = format!("/v3/products/{}", app.post("/products", body).await.ok().id());
        assert_eq!(*app.get(&path).await.ok().at("/type"), Value::Null);
        assert_eq!(app.patch(&path, json!({ "name": "New" })).await.status, 422);
        let typed = json!({ "type": "point_in_time", "subtype": "quantity" });
        assert_eq!(app.patch(&path, typed).await.ok().text("/subtype"), "quantity");
        let wrong = app.patch(&path, json!({ "subtype": "feature" })).await;
        assert_eq!(refusal(&wrong), (400, "PRODUCT_TYPE_SUBTYPE_INCOMPATIBLE"));
    }

    async fn prices_are_nested_in_the_search(app) {
        let id = app.post("/v3/products", seats()).await.ok().id();
        app.post("/v3/products", json!({
            "name": "Other", "type": "point_in_time", "subtype": "quantity"
        })).await.ok();
        for amount in [5, 7] {
            let price = json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": amount } });
            app.post(&format!("/products/{id}/pricing"), price).await.ok();
        }
        let answer = app.get("/v3/products/pricings?order=name").await.ok();
        assert_eq!(*answer.at("/total_count"), 2);
        assert_eq!(*answer.at("/results/0/pricings"), json!([]));
        assert_eq!(*answer.at("/results/1/pricings/0/pricing_data/unit_amount"), 5);
        assert_eq!(*answer.at("/results/1/pricings/1/pricing_data/unit_amount"), 7);
        let one = app.get("/v3/products/pricings?sku=SEAT").await.ok();
        assert_eq!(*one.at("/total_count"), 1);
    }
}
