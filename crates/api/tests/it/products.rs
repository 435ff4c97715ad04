//! `/products`

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

async fn product(app: &TestApp, name: &str) -> Answer {
    app.post("/products", json!({ "name": name, "type": "product" }))
        .await
        .ok()
}

fn names(answer: &Answer) -> Vec<&str> {
    let rows = answer.at("/results").as_array().unwrap();
    rows.iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

/// Where each flaw is and of what kind it is.
fn flaws(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{answer}");
    let detail = answer.at("/detail").as_array().unwrap();
    let line = |flaw: &Value| format!("{} {}", flaw["loc"], flaw["type"].as_str().unwrap());
    detail.iter().map(line).collect()
}

both! {
    async fn name_and_type_are_enough(app) {
        let answer = product(&app, "Platform fee").await;
        expect![[r#"
            200
            {
              "created_at": "2026-01-05T10:00:00Z",
              "custom_attributes": {},
              "default_pricing_id": null,
              "description": null,
              "entitlements": [],
              "enum_values": [],
              "id": "00000000-0000-7000-8000-000000000005",
              "is_active": true,
              "name": "Platform fee",
              "parent_link_id": null,
              "product_category": null,
              "product_sub_type": null,
              "product_type": null,
              "sku": null,
              "tags": [],
              "tax_codes": {},
              "track_usage": false,
              "type": "product",
              "unit": null,
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let again = app.get(&format!("/products/{}", answer.id())).await.ok();
        assert_eq!(again.body, answer.body);
    }

    async fn every_bad_field_of_a_product_is_named(app) {
        let answer = app.post("/products", json!({
            "type": "service", "sku": 7, "tags": {}, "tax_codes": [{ "provider": "avalara" }],
            "parent_link_id": "x", "enum_values": [""],
        })).await;
        expect![[r#"
            ["body","name"] value_error.missing
            ["body","enum_values",0] value_error.any_str.min_length
            ["body","parent_link_id"] value_error.format
            ["body","sku"] type_error.string
            ["body","tags"] type_error.list
            ["body","tax_codes",0,"code"] value_error.missing
            ["body","type"] type_error.enum"#]].assert_eq(&flaws(&answer).join("\n"));
        let blank = app.post("/products", json!({ "name": " ", "type": "product" })).await;
        expect![[r#"["body","name"] value_error.blank"#]].assert_eq(&flaws(&blank).join("\n"));
        let nul = app.post("/products", json!({ "name": "a\0", "type": "product" })).await;
        expect![[r#"["body","name"] value_error.any_str.nul"#]].assert_eq(&flaws(&nul).join("\n"));
    }

    async fn tax_codes_are_read_in_three_forms_and_shown_in_one(app) {
        for (sent, shown) in [
            (json!({ "avalara": "PS081282" }), json!({ "avalara": "PS081282" })),
            (json!([{ "provider": "anrok", "code": "A1" }]), json!({ "anrok": "A1" })),
            (json!(["PS081282"]), json!({ "avalara": "PS081282" })),
            (json!(null), json!({})),
        ] {
            let body = json!({ "name": "n", "type": "product", "tax_codes": sent });
            assert_eq!(*app.post("/products", body).await.ok().at("/tax_codes"), shown);
        }
    }

    async fn lists_filter_sort_and_page(app) {
        product(&app, "Alpha").await;
        app.post("/products", json!({
            "name": "Beta", "type": "group", "sku": "B-1", "is_active": false
        })).await.ok();
        product(&app, "Gamma").await;
        for (query, expected) in [
            ("", vec!["Gamma", "Beta", "Alpha"]),
            ("?order=name", vec!["Alpha", "Beta", "Gamma"]),
            ("?type=group", vec!["Beta"]),
            ("?product_category__isnull=true", vec!["Gamma", "Alpha"]),
            ("?product_category__isnull=false", vec!["Beta"]),
            ("?product_type__isnull=false", vec![]),
            ("?is_active=true", vec!["Gamma", "Alpha"]),
            ("?sku=B-1", vec!["Beta"]),
            ("?sku__isnull=true", vec!["Gamma", "Alpha"]),
            ("?name__ilike=ALP", vec!["Alpha"]),
            ("?search=name=amm", vec!["Gamma"]),
            ("?limit=1&offset=1", vec!["Beta"]),
        ] {
            let answer = app.get(&format!("/products{query}")).await.ok();
            assert_eq!(names(&answer), expected, "{query}");
        }
        let first = app.get("/products?limit=2").await.ok();
        let next = app.get(&format!("/products?limit=2&cursor={}", first.text("/next"))).await.ok();
        assert_eq!((names(&next), first.at("/total_count")), (vec!["Alpha"], &json!(3)));
        let bad = app.get("/products?type=thing&limit=0").await;
        expect![[r#"
            ["query","type"] type_error.enum
            ["query","limit"] value_error.number"#]].assert_eq(&flaws(&bad).join("\n"));
    }

    async fn a_patch_replaces_what_it_names(app) {
        let body = json!({ "name": "Seats", "type": "product", "sku": "S", "unit": "seat" });
        let path = format!("/products/{}", app.post("/products", body).await.ok().id());
        let answer = app.patch(&path, json!({ "sku": null, "is_active": false, "tags": ["a"] })).await;
        let answer = answer.ok();
        assert_eq!(*answer.at("/sku"), Value::Null);
        assert_eq!(*answer.at("/is_active"), false);
        assert_eq!(*answer.at("/tags"), json!(["a"]));
        assert_eq!((answer.text("/name"), answer.text("/unit")), ("Seats", "seat"));
        assert_eq!(app.get(&path).await.body, answer.body);
        let fixed = app.patch(&path, json!({ "type": "group" })).await;
        assert_eq!(refusal(&fixed), (400, "PRODUCT_TYPE_FIXED"));
    }

    async fn a_sku_is_taken_until_its_product_is_deleted(app) {
        let body = json!({ "name": "Seats", "type": "product", "sku": "S" });
        let first = app.post("/products", body.clone()).await.ok().id();
        assert_eq!(refusal(&app.post("/products", body.clone()).await), (400, "PRODUCT_SKU_TAKEN"));
        let other = product(&app, "Other").await.id();
        let taken = app.patch(&format!("/products/{other}"), json!({ "sku": "S" })).await;
        assert_eq!(refusal(&taken), (400, "PRODUCT_SKU_TAKEN"));
        app.delete(&format!("/products/{first}")).await.ok();
        app.post("/products", body).await.ok();
    }

    async fn a_deleted_product_is_gone_with_its_prices(app) {
        let path = format!("/products/{}", product(&app, "Seats").await.id());
        let price = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1 } });
        let price = app.post(&format!("{path}/pricing"), price).await.ok().id();
        assert_eq!(app.delete(&path).await.ok().text("/name"), "Seats");
        assert_eq!(*app.get("/products").await.at("/total_count"), 0);
        for gone in [path.clone(), format!("{path}/pricing"), format!("{path}/pricing/{price}")] {
            assert_eq!(refusal(&app.get(&gone).await), (404, "NOT_FOUND"), "{gone}");
        }
        assert_eq!(app.delete(&path).await.status, 404);
    }

    async fn sub_products_keep_their_parent_and_its_price_apart(app) {
        let parent = product(&app, "Suite").await.id();
        let part = json!({ "name": "Chat", "type": "product", "parent_link_id": parent });
        let part = app.post("/products", part).await.ok();
        assert_eq!(part.text("/parent_link_id"), parent);
        let found = app.get(&format!("/products?parent_link_id={parent}")).await.ok();
        assert_eq!(names(&found), ["Chat"]);

        let path = format!("/products/{parent}");
        let refused = app.delete(&path).await;
        assert_eq!(refusal(&refused), (400, "PRODUCT_HAS_SUB_PRODUCTS"));
        let price = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1 } });
        let refused = app.post(&format!("{path}/pricing"), price.clone()).await;
        assert_eq!(refusal(&refused), (400, "PRODUCT_HAS_SUB_PRODUCTS"));
        let carrier = json!({ "pricing_data": { "pricing_type": "features" } });
        app.post(&format!("{path}/pricing"), carrier).await.ok();

        let part = format!("/products/{}", part.id());
        app.post(&format!("{part}/pricing"), price).await.ok();
        let below = json!({ "name": "Bot", "type": "product", "parent_link_id": &part[10..] });
        assert_eq!(refusal(&app.post("/products", below).await), (400, "PRODUCT_HAS_PRICING"));
        let around = app.patch(&path, json!({ "parent_link_id": &part[10..] })).await;
        assert_eq!(flaws(&around), [r#"["body","parent_link_id"] value_error.ancestor"#]);
        let unknown = json!({ "parent_link_id": "00000000-0000-0000-0000-0000000000ff" });
        let unknown = app.patch(&path, unknown).await;
        assert_eq!(flaws(&unknown), [r#"["body","parent_link_id"] value_error.unknown_id"#]);
    }

    async fn the_default_price_is_one_of_the_product(app) {
        let path = format!("/products/{}", product(&app, "Seats").await.id());
        let other = format!("/products/{}", product(&app, "Other").await.id());
        let price = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 1 } });
        let price = app.post(&format!("{path}/pricing"), price).await.ok().id();
        let named = json!({ "default_pricing_id": price });
        assert_eq!(*app.patch(&path, named.clone()).await.ok().at("/default_pricing_id"), price);
        let foreign = app.patch(&other, named).await;
        assert_eq!(flaws(&foreign), [r#"["body","default_pricing_id"] value_error.unknown_id"#]);
        app.delete(&format!("{path}/pricing/{price}")).await.ok();
        assert_eq!(*app.get(&path).await.at("/default_pricing_id"), Value::Null);
    }

    async fn custom_attributes_follow_their_definitions(app) {
        let old = product(&app, "Before").await;
        app.post("/custom_attributes", json!({
            "attribute_key_name": "tier", "display_name": "Tier", "module": "products",
            "data_type": "STRING", "default_value": "basic",
        })).await.ok();
        let answer = product(&app, "After").await;
        assert_eq!(*answer.at("/custom_attributes"), json!({ "tier": "basic" }));
        let path = format!("/products/{}", answer.id());
        let wrong = app.patch(&path, json!({ "custom_attributes": { "tier": 7 } })).await;
        assert_eq!(flaws(&wrong).len(), 1);
        let path = format!("/v3/products/{}", old.id());
        let typed = json!({ "type": "point_in_time", "subtype": "quantity" });
        assert_eq!(*app.patch(&path, typed).await.ok().at("/custom_attributes"), json!({}));
    }

    async fn another_organisation_does_not_see_a_product(app) {
        let id = product(&app, "Seats").await.id();
        let other = app.other_organisation().await;
        let path = format!("/products/{id}");
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(other.patch(&path, json!({ "name": "x" })).await.status, 404);
        assert_eq!(other.delete(&path).await.status, 404);
        assert_eq!(other.get(&format!("{path}/pricing")).await.status, 404);
        assert_eq!(other.get(&format!("/v3/products/{id}")).await.status, 404);
        assert_eq!(*other.get("/products").await.at("/total_count"), 0);
    }
}
