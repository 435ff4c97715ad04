//! `/custom_attributes`, and the values that customers carry

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A definition for customers with some fields replaced.
fn definition(key: &str, data_type: &str, fields: Value) -> Value {
    let mut body = json!({
        "attribute_key_name": key, "display_name": key.to_uppercase(), "module": "customers",
        "data_type": data_type,
    });
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

async fn define(app: &TestApp, key: &str, data_type: &str, fields: Value) -> Answer {
    app.post("/custom_attributes", definition(key, data_type, fields))
        .await
}

async fn customer(app: &TestApp, custom_attributes: Value) -> Answer {
    let body = json!({ "customer_name": "Northwind", "custom_attributes": custom_attributes });
    app.post("/customers", body).await
}

/// Key and entity of each definition of a list.
async fn keys(app: &TestApp, query: &str) -> Vec<String> {
    let list = app.get(&format!("/custom_attributes?{query}")).await.ok();
    let rows = list.at("/results").as_array().unwrap().iter();
    rows.map(|row| {
        let key = row["attribute_key_name"].as_str().unwrap();
        match row["business_entity"]["name"].as_str() {
            Some(entity) => format!("{key} of {entity}"),
            None => key.to_owned(),
        }
    })
    .collect()
}

/// Status, then place, kind and sentence of each bad field.
fn refused(answer: &Answer) -> String {
    let fields = answer.at("/detail").as_array().unwrap().iter();
    let line = |field: &Value| format!("{} {} {}", field["loc"], field["type"], field["msg"]);
    let lines: Vec<String> = fields.map(line).collect();
    format!("{}\n{}", answer.status, lines.join("\n"))
}

both! {
    async fn a_whole_number_is_an_integer_however_it_is_written(app) {
        for (key, written, read) in [("a", "2.0", Some("2")), ("b", "-3e1", Some("-30")), ("c", "1.5", None)] {
            let sort_order: serde_json::Number = written.parse().unwrap();
            let answer = define(&app, key, "STRING", json!({ "sort_order": sort_order })).await;
            match read {
                Some(read) => assert_eq!(answer.ok().at("/sort_order").to_string(), read),
                None => assert_eq!(
                    refused(&answer),
                    "422\n[\"body\",\"sort_order\"] \"type_error.integer\" \"value is not an integer\""
                ),
            }
        }
    }

    async fn four_fields_are_enough(app) {
        let answer = define(&app, "po_number", "STRING", json!({})).await.ok();
        expect![[r#"
            200
            {
              "attribute_key_name": "po_number",
              "business_entity": null,
              "business_entity_id": null,
              "created_at": "2026-01-05T10:00:00Z",
              "data_type": "STRING",
              "default_value": null,
              "description": null,
              "display_name": "PO_NUMBER",
              "enum_choices": [],
              "id": "00000000-0000-7000-8000-000000000005",
              "is_enabled": true,
              "is_required": false,
              "is_tag": false,
              "module": "customers",
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "sort_order": 0,
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let path = format!("/custom_attributes/{}", answer.id());
        assert_eq!(app.get(&path).await.body, answer.body);
    }

    async fn every_module_and_type_can_be_defined(app) {
        for module in ["customers", "products", "contracts", "plans", "invoices", "payments"] {
            for (data_type, default) in [
                ("STRING", json!("a")), ("INTEGER", json!("5")), ("FLOAT", json!(1.5)),
                ("BOOLEAN", json!("true")), ("LIST_STRING", json!(["a"])), ("ENUM", json!("EU")),
                ("JSON", json!({ "a": 1 })), ("DATE", json!("2026-01-31")),
            ] {
                let choices = if data_type == "ENUM" { json!(["NA", "EU"]) } else { json!([]) };
                let fields = json!({ "module": module, "default_value": default, "enum_choices": choices });
                define(&app, &data_type.to_lowercase(), data_type, fields).await.ok();
            }
        }
        let integers = app.get("/custom_attributes?data_type=INTEGER&module=plans").await.ok();
        assert_eq!(integers.at("/results/0/default_value"), 5);
        assert_eq!(app.get("/custom_attributes?limit=9999").await.ok().at("/total_count"), 48);
    }

    async fn every_broken_rule_is_named(app) {
        let answer = define(&app, "region", "STRING", json!({
            "is_tag": true, "enum_choices": ["EU", "EU"], "default_value": 5, "display_name": " ",
            "business_entity_id": "00000000-0000-7000-8000-0000000000ff",
        })).await;
        expect![[r#"
            422
            ["body","business_entity_id"] "value_error.unknown" "there is no business entity with this id"
            ["body","display_name"] "value_error.blank" "a custom attribute needs a display name that is not blank"
            ["body","enum_choices"] "value_error.enum_choices" "only an ENUM has choices"
            ["body","enum_choices"] "value_error.duplicate" "the choices of an ENUM differ from each other and are not blank"
            ["body","is_tag"] "value_error.is_tag" "only an ENUM can be a tag"
            ["body","default_value"] "type_error" "the default value is not of the attribute's data type, or not one of its choices""#]].assert_eq(&refused(&answer));
        let answer = app.post("/custom_attributes", json!({ "module": "orders", "data_type": "enum" })).await;
        expect![[r#"
            422
            ["body","attribute_key_name"] "value_error.missing" "field required"
            ["body","display_name"] "value_error.missing" "field required"
            ["body","data_type"] "type_error.enum" "value is not one of [\"STRING\",\"INTEGER\",\"FLOAT\",\"BOOLEAN\",\"LIST_STRING\",\"ENUM\",\"JSON\",\"DATE\"]"
            ["body","module"] "type_error.enum" "value is not one of [\"customers\",\"products\",\"contracts\",\"plans\",\"invoices\",\"payments\"]""#]].assert_eq(&refused(&answer));
        let answer = define(&app, "region", "ENUM", json!({ "default_value": "EU" })).await;
        expect![[r#"
            422
            ["body","enum_choices"] "value_error.missing" "an ENUM needs at least one choice"
            ["body","default_value"] "type_error" "the default value is not of the attribute's data type, or not one of its choices""#]].assert_eq(&refused(&answer));
        let answer = define(&app, "a\0", "STRING", json!({ "sort_order": 1e99 })).await;
        assert_eq!(answer.status, 422);
    }

    async fn a_key_is_unique_for_module_and_entity(app) {
        define(&app, "region", "STRING", json!({})).await.ok();
        let again = define(&app, "region", "STRING", json!({})).await;
        assert_eq!((again.status, again.text("/code")), (400, "CUSTOM_ATTRIBUTE_EXISTS"));
        define(&app, "region", "STRING", json!({ "module": "plans" })).await.ok();
        let own = json!({ "business_entity_id": app.organisation.to_string() });
        define(&app, "region", "STRING", own.clone()).await.ok();
        let again = define(&app, "region", "STRING", own.clone()).await;
        assert_eq!((again.status, again.text("/code")), (400, "CUSTOM_ATTRIBUTE_EXISTS"));
        let other_type = define(&app, "region", "DATE", own).await;
        assert_eq!((other_type.status, other_type.at("/detail/0/loc")), (422, &json!(["body", "data_type"])));
    }

    async fn equal_definitions_made_at_once_leave_one(app) {
        let create = || define(&app, "region", "STRING", json!({}));
        let (a, b) = tokio::join!(create(), create());
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
    }

    async fn key_type_module_and_entity_are_fixed(app) {
        let path = format!("/custom_attributes/{}", define(&app, "a", "STRING", json!({})).await.ok().id());
        for change in [
            json!({ "attribute_key_name": "b" }),
            json!({ "data_type": "DATE" }),
            json!({ "module": "plans" }),
            json!({ "business_entity_id": app.organisation.to_string() }),
        ] {
            let answer = app.patch(&path, change).await;
            assert_eq!((answer.status, answer.text("/code")), (400, "CUSTOM_ATTRIBUTE_FIXED"));
        }
        let same = json!({ "data_type": "STRING", "display_name": "New", "sort_order": 3, "is_enabled": false });
        let changed = app.patch(&path, same).await.ok();
        assert_eq!((changed.text("/display_name"), changed.at("/sort_order")), ("New", &json!(3)));
        assert_eq!(app.patch(&path, json!({ "is_tag": true })).await.status, 422);
        assert_eq!(app.patch(&path, json!({ "display_name": null })).await.status, 422);
    }

    async fn a_deleted_definition_is_answered_and_gone(app) {
        let defined = define(&app, "a", "INTEGER", json!({ "is_required": true })).await.ok();
        let path = format!("/custom_attributes/{}", defined.id());
        assert_eq!(app.delete(&path).await.ok().body, defined.body);
        assert_eq!(app.get(&path).await.status, 404);
        customer(&app, json!({ "a": "free" })).await.ok();
    }

    async fn a_list_is_filtered_searched_and_ordered(app) {
        define(&app, "john", "STRING", json!({ "sort_order": 2 })).await.ok();
        define(&app, "mary", "ENUM", json!({ "is_tag": true, "enum_choices": ["a"], "sort_order": 1 })).await.ok();
        define(&app, "paul", "DATE", json!({ "is_enabled": false, "is_required": true, "module": "plans" })).await.ok();
        for (query, found) in [
            ("order=attribute_key_name", vec!["john", "mary", "paul"]),
            ("order=%2Bsort_order", vec!["paul", "mary", "john"]),
            ("order=+sort_order", vec!["paul", "mary", "john"]),
            ("order=-data_type", vec!["john", "mary", "paul"]),
            ("order=-is_tag&limit=1", vec!["mary"]),
            ("search=name=john", vec!["john"]),
            ("module=customers&is_tag=false", vec!["john"]),
            ("data_type=DATE", vec!["paul"]),
            ("is_enabled=false", vec!["paul"]),
            ("is_required=true", vec!["paul"]),
            ("attribute_key_name=mary", vec!["mary"]),
            ("display_name__ilike=ohn", vec!["john"]),
        ] {
            assert_eq!(keys(&app, query).await, found, "{query}");
        }
        for order in ["id", "display_name", "is_enabled", "is_required", "created_at", "updated_at"] {
            let first = app.get(&format!("/custom_attributes?order={order}&limit=2")).await.ok();
            let rest = keys(&app, &format!("order={order}&cursor={}", first.text("/next"))).await;
            assert_eq!(rest.len(), 1, "{order}");
        }
        for query in ["limit=10000", "order=description", "module=orders", "data_type=TEXT"] {
            assert_eq!(app.get(&format!("/custom_attributes?{query}")).await.status, 422, "{query}");
        }
    }

    async fn an_entity_sees_its_overrides_merged_over_the_organisation(app) {
        let entity = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        define(&app, "region", "STRING", json!({})).await.ok();
        define(&app, "segment", "STRING", json!({})).await.ok();
        define(&app, "region", "STRING", json!({ "module": "plans" })).await.ok();
        define(&app, "region", "STRING", json!({ "business_entity_id": entity })).await.ok();
        define(&app, "vat", "STRING", json!({ "business_entity_id": entity })).await.ok();
        let of = |query: String| { let app = &app; async move { keys(app, &query).await } };
        assert_eq!(of("order=attribute_key_name&module=customers".to_owned()).await, ["region", "segment"]);
        assert_eq!(
            of(format!("order=attribute_key_name&module=customers&business_entity_id={entity}")).await,
            ["region of Berlin", "segment", "vat of Berlin"]
        );
        assert_eq!(of(format!("module=plans&business_entity_id={entity}")).await, ["region"]);
        let other = format!("module=customers&order=id&business_entity_id={}", app.organisation);
        assert_eq!(of(other).await, ["region", "segment"]);
        let all = "order=id&business_entity_id__isnull=false".to_owned();
        assert_eq!(of(all).await, ["region of Berlin", "vat of Berlin"]);
        let page = app.get(&format!("/custom_attributes?limit=2&business_entity_id={entity}")).await.ok();
        assert_eq!((page.at("/total_count"), page.at("/results").as_array().unwrap().len()), (&json!(4), 2));
    }

    async fn values_of_a_customer_fit_their_definitions(app) {
        define(&app, "tier", "INTEGER", json!({ "is_required": true, "sort_order": 1 })).await.ok();
        define(&app, "region", "ENUM", json!({ "enum_choices": ["NA", "EU"], "sort_order": 2 })).await.ok();
        define(&app, "since", "DATE", json!({ "sort_order": 3 })).await.ok();
        define(&app, "plan", "STRING", json!({ "module": "plans", "is_required": true })).await.ok();
        let answer = app.post("/customers", json!({
            "customer_name": " ", "custom_attributes": { "region": "APAC", "since": "today" },
            "business_entity_id": "00000000-0000-7000-8000-0000000000ff",
        })).await;
        expect![[r#"
            422
            ["body","business_entity_id"] "value_error.unknown" "there is no business entity with this id"
            ["body","custom_attributes","tier"] "value_error.missing" "field required"
            ["body","custom_attributes","region"] "type_error.enum" "value is not one of: NA, EU"
            ["body","custom_attributes","since"] "type_error" "write a date as 2026-01-31"
            ["body","customer_name"] "value_error.blank" "a customer needs a name that is not blank""#]].assert_eq(&refused(&answer));
        let good = json!({ "tier": 2, "region": "EU", "since": "2026-01-31", "free": [1.50] });
        let kept = customer(&app, good.clone()).await.ok();
        assert_eq!(kept.at("/custom_attributes"), &good);
    }

    async fn a_change_is_checked_only_where_it_touches_custom_attributes(app) {
        let early = customer(&app, json!({})).await.ok();
        define(&app, "tier", "INTEGER", json!({ "is_required": true, "default_value": 1 })).await.ok();
        let path = format!("/customers/{}", early.id());
        let renamed = app.patch(&path, json!({ "customer_name": "New" })).await.ok();
        assert_eq!(renamed.at("/custom_attributes"), &json!({}));
        let missing = app.patch(&path, json!({ "custom_attributes": { "free": 1 } })).await;
        expect![[r#"
            422
            ["body","custom_attributes","tier"] "value_error.missing" "field required""#]].assert_eq(&refused(&missing));
        let given = app.patch(&path, json!({ "custom_attributes": { "tier": 2 } })).await.ok();
        assert_eq!(given.at("/custom_attributes"), &json!({ "tier": 2 }));
        let filled = customer(&app, json!({})).await.ok();
        assert_eq!(filled.at("/custom_attributes"), &json!({ "tier": 1 }));
    }

    async fn values_follow_the_definitions_of_the_customers_entity(app) {
        let entity = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        define(&app, "region", "ENUM", json!({ "enum_choices": ["NA"], "is_required": true })).await.ok();
        define(&app, "vat", "STRING", json!({ "is_required": true })).await.ok();
        define(&app, "region", "ENUM", json!({ "enum_choices": ["EU"], "business_entity_id": entity })).await.ok();
        define(&app, "vat", "STRING", json!({ "is_enabled": false, "business_entity_id": entity })).await.ok();
        let create = |attributes: Value| app.post("/customers", json!({
            "customer_name": "N", "business_entity_id": entity, "custom_attributes": attributes,
        }));
        create(json!({ "region": "EU" })).await.ok();
        create(json!({})).await.ok();
        assert_eq!(create(json!({ "region": "NA" })).await.status, 422);
        customer(&app, json!({ "region": "NA", "vat": "1" })).await.ok();
    }

    async fn other_organisations_see_nothing(app) {
        let path = format!("/custom_attributes/{}", define(&app, "a", "STRING", json!({ "is_required": true })).await.ok().id());
        let other = app.other_organisation().await;
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(other.patch(&path, json!({})).await.status, 404);
        assert_eq!(other.delete(&path).await.status, 404);
        assert_eq!(other.get("/custom_attributes").await.ok().at("/total_count"), 0);
        customer(&other, json!({})).await.ok();
        let foreign = json!({ "business_entity_id": app.organisation.to_string() });
        let answer = define(&other, "a", "STRING", foreign).await;
        assert_eq!((answer.status, answer.at("/detail/0/loc")), (422, &json!(["body", "business_entity_id"])));
    }
}
