//! `/products/{product_id}/pricing`

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

async fn product(app: &TestApp, kind: &str) -> String {
    app.post("/products", json!({ "name": "Seats", "type": kind }))
        .await
        .ok()
        .id()
}

async fn prices(app: &TestApp) -> String {
    format!("/products/{}/pricing", product(app, "product").await)
}

fn of(data: Value) -> Value {
    json!({ "pricing_data": data })
}

/// Where each flaw is, its kind and its words.
fn flaws(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{answer}");
    let detail = answer.at("/detail").as_array().unwrap();
    let line = |flaw: &Value| {
        let text = |key: &str| flaw[key].as_str().unwrap().to_owned();
        format!("{} {}: {}", flaw["loc"], text("type"), text("msg"))
    };
    detail.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

/// One price of each type but `bundle`, which needs a group.
fn every_type() -> Vec<Value> {
    let region = json!([{ "name": "Region", "column_name": "region" }]);
    vec![
        json!({ "pricing_type": "flat_fee", "unit_amount": 500 }),
        json!({ "pricing_type": "per_unit", "unit_amount": 0.05, "proration_type": "day_based" }),
        json!({ "pricing_type": "percent", "percentage": 5.0 }),
        json!({ "pricing_type": "tiered", "unit_amount": [10, 8, 6], "up_to": [10, 50, null] }),
        json!({ "pricing_type": "volume", "unit_amount": [3, 2.5], "up_to": [100, null] }),
        json!({ "pricing_type": "step", "unit_amount": [100, 300], "up_to": [500, null] }),
        json!({ "pricing_type": "package", "package_size": 100, "unit_amount": 8 }),
        json!({ "pricing_type": "matrix", "dimensions": region, "display_alias": ["EU", "US"],
            "up_to": [500, null], "prices": [[0.12, 0.1], [0.1, 0.08]] }),
        json!({ "pricing_type": "custom_tiered", "unit_amount": [5, 4], "up_to": [100, null],
            "tier_type": ["per_unit", "package"], "flat_fee": [0, 50], "package_sizes": [1, 10] }),
        json!({ "pricing_type": "two_dimensional_tiered", "dimensions": region,
            "up_to": [50000, null], "dimension_up_to": [100, null],
            "prices": [[0.01, 0.02], [0.005, 0.01]] }),
        json!({ "pricing_type": "tiered_with_flat_fee", "unit_amount": [2, 1],
            "up_to": [10, null], "flat_fee": [5, 0] }),
        json!({ "pricing_type": "volume_with_flat_fee", "unit_amount": [2, 1],
            "up_to": [10, null], "flat_fee": [5, 0] }),
        json!({ "pricing_type": "features", "currency": "USD" }),
        json!({ "pricing_type": "custom_pricing", "formula": "quantity * 2" }),
    ]
}

/// A broken price of each type and what the answer says.
fn broken() -> Vec<Value> {
    let region = json!([{ "name": "Region", "column_name": "region" }]);
    vec![
        json!({ "pricing_type": "flat_fee" }),
        json!({ "pricing_type": "per_unit", "unit_amount": "five", "proration_type": "weekly" }),
        json!({ "pricing_type": "percent", "percentage": null }),
        json!({ "pricing_type": "tiered", "unit_amount": [10, 8, 6], "up_to": [10, 5, null] }),
        json!({ "pricing_type": "volume", "unit_amount": [3], "up_to": [null, 100] }),
        json!({ "pricing_type": "step", "unit_amount": [], "up_to": [] }),
        json!({ "pricing_type": "package", "package_size": 0, "unit_amount": 8 }),
        json!({ "pricing_type": "matrix", "dimensions": region, "display_alias": ["EU", "EU"],
            "up_to": [500, null], "prices": [[0.12, 0.1], [0.1]] }),
        json!({ "pricing_type": "custom_tiered", "unit_amount": [5, 4], "up_to": [100, null],
            "tier_type": ["per_unit", "bulk"], "package_sizes": [1, 0] }),
        json!({ "pricing_type": "two_dimensional_tiered", "dimensions": [{}],
            "up_to": [null], "dimension_up_to": [null], "prices": [[1]] }),
        json!({ "pricing_type": "tiered_with_flat_fee", "unit_amount": [2, 1],
            "up_to": [10, null], "flat_fee": [5] }),
        json!({ "pricing_type": "volume_with_flat_fee", "unit_amount": [2, 1],
            "up_to": [-1, null] , "flat_fee": [5, 0] }),
        json!({ "pricing_type": "features", "currency": "XYZ" }),
        json!({ "pricing_type": "custom_pricing", "formula": "quantity *" }),
        json!({ "pricing_type": "bundle", "unit_amount": 1,
            "members": [{ "product_id": "x", "stand_alone_price": 1 }] }),
    ]
}

both! {
    async fn a_price_shows_every_field(app) {
        let path = prices(&app).await;
        let answer = app.post(&path, json!({
            "name": "Seats monthly",
            "pricing_data": { "pricing_type": "tiered", "currency": "USD", "unit": "seat",
                "unit_amount": [10, 8, 6], "up_to": [10, 50, null] },
            "quantity": { "type": "fixed", "quantity": 25, "unit": "seat" },
            "billing_period": { "cadence": "P1M", "offset": "postpaid" },
            "is_recurring": true,
        })).await;
        let product = path.split('/').nth(2).unwrap();
        assert_eq!(answer.text("/product_id"), product);
        expect![[r#"
            200
            {
              "add_to_catalog": null,
              "billing_period": {
                "cadence": "P1M",
                "offset": "postpaid"
              },
              "commitments": [],
              "consumptions": [],
              "created_at": "2026-01-05T10:00:00Z",
              "custom_data": {},
              "description": null,
              "discounts": [],
              "external_id": null,
              "free_units": [],
              "grants": [],
              "id": "00000000-0000-7000-8000-000000000007",
              "is_recurring": true,
              "name": "Seats monthly",
              "overage_pricing": null,
              "payment_terms": [],
              "pricing_data": {
                "currency": "USD",
                "pricing_type": "tiered",
                "unit": "seat",
                "unit_amount": [
                  10,
                  8,
                  6
                ],
                "up_to": [
                  10,
                  50,
                  null
                ]
              },
              "product_id": "00000000-0000-7000-8000-000000000005",
              "quantity": {
                "aggregate_id": null,
                "allow_mid_cycle_cancellation": null,
                "constraints": null,
                "expires_at": null,
                "expiry_period": null,
                "feature_option_value": null,
                "grant_frequency": null,
                "grant_frequency_same_as_product": null,
                "label": null,
                "numeric_value": null,
                "quantity": 25,
                "quantity_entries": null,
                "trigger_event": null,
                "type": "fixed",
                "unit": "seat"
              },
              "service_fees": [],
              "taxes": [],
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        let again = app.get(&format!("{path}/{}", answer.id())).await.ok();
        assert_eq!(again.body, answer.body);
    }

    async fn every_type_is_accepted_and_echoed(app) {
        let path = prices(&app).await;
        for data in every_type() {
            let answer = app.post(&path, of(data.clone())).await.ok();
            assert_eq!(*answer.at("/pricing_data"), data);
            let again = app.get(&format!("{path}/{}", answer.id())).await.ok();
            assert_eq!(again.body, answer.body);
        }
        assert_eq!(*app.get(&path).await.at("/total_count"), 14);
    }

    async fn every_type_has_its_flaws_at_their_places(app) {
        let path = prices(&app).await;
        let mut lines = Vec::new();
        for data in broken() {
            let answer = app.post(&path, of(data.clone())).await;
            lines.push(format!("{}\n{}", data["pricing_type"].as_str().unwrap(), flaws(&answer)));
        }
        expect![[r#"
            flat_fee
            ["body","pricing_data","unit_amount"] value_error.missing: field required

            per_unit
            ["body","pricing_data","proration_type"] type_error.enum: value is not one of ["day_based","cadence_based",null]
            ["body","pricing_data","unit_amount"] value_error.str.regex: text of the form ^-?(0|[1-9][0-9]*)(\.[0-9]+)?$

            percent
            ["body","pricing_data","percentage"] type_error.none.not_allowed: none is not an allowed value

            tiered
            ["body","pricing_data","up_to",1] value_error.order: `up_to[1]` is not above the bound before it

            volume
            ["body","pricing_data","up_to",0] value_error.order: `up_to[0]` is open, which only the last may be
            ["body","pricing_data","unit_amount"] value_error.list.length: `unit_amount` has 1 entries, expected 2

            step
            ["body","pricing_data","up_to"] value_error.list.min_items: `up_to` is empty

            package
            ["body","pricing_data","package_size"] value_error.number.not_gt: `package_size` is not above zero

            matrix
            ["body","pricing_data","prices",1] value_error.list.length: `prices[1]` has 1 entries, expected 2
            ["body","pricing_data","display_alias",1] value_error.duplicate: `display_alias[1]` is there twice

            custom_tiered
            ["body","pricing_data","tier_type",1] type_error.enum: value is not one of ["per_unit","package"]

            two_dimensional_tiered
            ["body","pricing_data","dimensions",0,"column_name"] value_error.missing: field required

            tiered_with_flat_fee
            ["body","pricing_data","flat_fee"] value_error.list.length: `flat_fee` has 1 entries, expected 2

            volume_with_flat_fee
            ["body","pricing_data","up_to",0] value_error.number.not_ge: `up_to[0]` is negative

            features
            ["body","pricing_data","currency"] value_error.currency: value is not a currency of ISO 4217

            custom_pricing
            ["body","pricing_data","formula"] value_error.formula: `formula` is not a formula: Script is incomplete (line 1, position 11)

            bundle
            ["body","pricing_data","members",0,"product_id"] value_error.format: value is not a valid uuid"#]].assert_eq(&lines.join("\n\n"));
    }

    async fn an_unknown_type_is_told_the_known_ones(app) {
        let path = prices(&app).await;
        let unknown = app.post(&path, of(json!({ "pricing_type": "free", "unit_amount": 1 }))).await;
        expect![[r#"["body","pricing_data","pricing_type"] type_error.enum: value is not one of ["flat_fee","per_unit","percent","tiered","volume","step","package","matrix","custom_tiered","two_dimensional_tiered","tiered_with_flat_fee","volume_with_flat_fee","features","custom_pricing","bundle"]"#]].assert_eq(&flaws(&unknown));
        let missing = app.post(&path, json!({})).await;
        expect![[r#"["body","pricing_data"] value_error.missing: field required"#]].assert_eq(&flaws(&missing));
        let untyped = app.post(&path, of(json!({ "unit_amount": 1 }))).await;
        expect![[r#"["body","pricing_data","pricing_type"] value_error.missing: field required"#]].assert_eq(&flaws(&untyped));
    }

    async fn numbers_come_back_digit_for_digit(app) {
        let path = prices(&app).await;
        for (sent, shown) in [
            ("10.50", "10.50"), ("0.000000000000000000000000001", "0.000000000000000000000000001"),
            ("\"3.10\"", "3.10"), ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("-1", "-1"), ("0.000002", "0.000002"),
        ] {
            let body = format!(r#"{{"pricing_data":{{"pricing_type":"per_unit","unit_amount":{sent}}}}}"#);
            let answer = app.post(&path, body.parse().unwrap()).await.ok();
            let again = app.get(&format!("{path}/{}", answer.id())).await.ok();
            assert_eq!(again.at("/pricing_data/unit_amount").to_string(), shown);
        }
    }

    async fn numbers_that_cannot_be_kept_are_refused(app) {
        let path = prices(&app).await;
        let mut lines = Vec::new();
        for sent in [
            "0.12345678901234567890123456789", "1e99", "1e400", "79228162514264337593543950336",
            "\"1e5\"", "true", "[1]", r#"{"step_name": "a", "output_field": "b"}"#,
        ] {
            let body = format!(r#"{{"pricing_data":{{"pricing_type":"per_unit","unit_amount":{sent}}}}}"#);
            lines.push(flaws(&app.post(&path, body.parse().unwrap()).await));
        }
        expect![[r#"
            ["body","pricing_data","unit_amount"] value_error.number: a number of at most 28 digits
            ["body","pricing_data","unit_amount"] value_error.number: a number of at most 28 digits
            ["body","pricing_data","unit_amount"] value_error.number: a number of at most 64 digits below 1e100
            ["body","pricing_data","unit_amount"] value_error.number: a number of at most 28 digits
            ["body","pricing_data","unit_amount"] value_error.str.regex: text of the form ^-?(0|[1-9][0-9]*)(\.[0-9]+)?$
            ["body","pricing_data","unit_amount"] type_error.decimal: value is not a number
            ["body","pricing_data","unit_amount"] type_error.decimal: value is not a number
            ["body","pricing_data","unit_amount"] value_error.step_reference: a reference to a step of a calculation is not supported: send the number"#]].assert_eq(&lines.join("\n"));
    }

    async fn a_matrix_may_be_flat_and_call_its_prices_values(app) {
        let path = prices(&app).await;
        let data = json!({ "pricing_type": "matrix", "values": [0.1, "0.2"],
            "dimensions": [{ "name": "Units" }, { "name": "Region", "column_name": "region" }],
            "display_alias": ["EU", "US"] });
        let wrong = app.post(&path, of(data.clone())).await;
        expect![[r#"["body","pricing_data","dimensions",0,"column_name"] value_error.missing: field required"#]].assert_eq(&flaws(&wrong));
        let mut data = data;
        data["dimensions"][0]["column_name"] = json!("quantity");
        let answer = app.post(&path, of(data)).await.ok();
        assert_eq!(answer.at("/pricing_data/prices").to_string(), "[0.1,0.2]");
        assert_eq!(answer.at("/pricing_data").get("values"), None);
    }

    async fn every_modifier_is_kept(app) {
        let entitlement = "00000000-0000-0000-0000-0000000000aa";
        let body = json!({
            "pricing_data": { "pricing_type": "per_unit", "unit_amount": 2, "currency": "EUR" },
            "billing_period": { "cadence": "P1M", "offset": "P5D" },
            "discounts": [
                { "type": "percentage", "value": 20, "max_per_period": 500, "max_lifetime": 5000,
                  "order": 1 },
                { "type": "quantity", "value": 1000, "cadence": "P3M", "prorate_stub": true,
                  "rounding": "half_up" },
                { "type": "fixed", "unit_amount": "10.00", "pricing_period": { "cadence": "P1M" } },
            ],
            "taxes": [{ "type": "manual", "unit_amount": 8.875, "is_compound": true },
                { "type": "avalara", "code": "P0000000" }],
            "free_units": [{ "unit_amount": 100, "expires_at": "never" }],
            "commitments": [{ "type": "minimum_spend", "unit_amount": 200 }],
            "grants": [{ "type": "Credits", "unit_amount": 100, "entitlement_id": entitlement,
                "expiry_period": "P30D" }, { "type": "Feature", "entitlement_id": entitlement }],
            "consumptions": [{ "type": "Quantity", "entitlement": entitlement,
                "trigger_event": "monitoring" }],
            "service_fees": [{ "type": "percentage", "unit_amount": 5 }],
            "payment_terms": [{ "payment_term_type": "on_approval", "due_days": 30 }],
            "overage_pricing": { "pricing_data": { "pricing_type": "per_unit", "unit_amount": 3 } },
            "custom_data": { "a": [1, null] }, "external_id": "P-1",
        });
        let path = prices(&app).await;
        let answer = app.post(&path, body.clone()).await.ok();
        assert_eq!(answer.text("/discounts/0/type"), "percent");
        assert_eq!(answer.at("/discounts/2/unit_amount").to_string(), "10.00");
        assert_eq!(*answer.at("/is_recurring"), true);
        for (key, sent) in body.as_object().unwrap() {
            let shown = answer.at(&format!("/{key}"));
            let length = |value: &Value| value.as_array().map(Vec::len);
            assert_eq!(length(shown), length(sent), "{key}");
        }
        assert_eq!(*answer.at("/custom_data"), body["custom_data"]);
        assert_eq!(*answer.at("/overage_pricing/pricing_data/unit_amount"), 3);
    }

    async fn every_modifier_has_its_flaws_at_their_places(app) {
        let path = prices(&app).await;
        let price = json!({ "pricing_type": "per_unit", "unit_amount": 2 });
        let shape = app.post(&path, json!({
            "pricing_data": price,
            "discounts": [{ "type": "half" }], "taxes": [{ "type": "vat" }], "free_units": [{}],
            "commitments": [{ "type": "minimum_spend" }], "grants": [{ "type": "Credits" }],
            "consumptions": [{ "entitlement": "x", "type": "Units" }],
            "service_fees": [{ "type": "percent", "unit_amount": 1 }],
            "payment_terms": [{ "payment_term_type": "on_approval", "due_days": 0 }],
            "overage_pricing": { "pricing_data": { "pricing_type": "flat_fee" } },
            "quantity": { "type": "guessed" }, "billing_period": { "cadence": 1 },
        })).await;
        expect![[r#"
            ["body","billing_period","cadence"] type_error.string: value is not a string
            ["body","commitments",0,"unit_amount"] value_error.missing: field required
            ["body","consumptions",0,"entitlement"] value_error.format: value is not a valid uuid
            ["body","consumptions",0,"type"] type_error.enum: value is not one of ["Feature","Quantity","Credits"]
            ["body","discounts",0,"type"] type_error.enum: value is not one of ["fixed","percent","percentage","quantity"]
            ["body","free_units",0,"unit_amount"] value_error.missing: field required
            ["body","grants",0,"entitlement_id"] value_error.missing: field required
            ["body","overage_pricing","pricing_data","unit_amount"] value_error.missing: field required
            ["body","payment_terms",0,"due_days"] value_error.number.not_ge: at least 1
            ["body","quantity","type"] type_error.enum: value is not one of ["metered","fixed"]
            ["body","service_fees",0,"type"] type_error.enum: value is not one of ["fixed","percentage"]
            ["body","taxes",0,"type"] type_error.enum: value is not one of ["manual","avalara"]"#]].assert_eq(&flaws(&shape));
        let meaning = app.post(&path, json!({
            "pricing_data": price,
            "discounts": [{ "type": "percent", "value": 101 }, { "type": "fixed" },
                { "type": "fixed", "value": -1 }, { "type": "percent", "value": 1, "max_per_period": 5 },
                { "type": "quantity", "value": 1, "cadence": "monthly!" }],
            "taxes": [{ "type": "manual" }, { "type": "manual", "unit_amount": 100.01 },
                { "type": "avalara" }],
            "free_units": [{ "unit_amount": -1 }],
            "commitments": [{ "type": "maximum_spend", "unit_amount": -1 }],
            "grants": [{ "type": "Quantity", "entitlement_id": "00000000-0000-0000-0000-0000000000aa",
                "expiry_period": "soon" }],
            "service_fees": [{ "type": "percentage", "unit_amount": 101 }],
            "overage_pricing": { "pricing_data": { "pricing_type": "package", "package_size": -1,
                "unit_amount": 1 } },
            "quantity": { "type": "fixed", "constraints": { "min": 5, "max": 1 } },
            "billing_period": { "cadence": "P1M15D", "offset": "later" },
        })).await;
        expect![[r#"
            ["body","quantity","constraints"] value_error.range: the least is more than the most
            ["body","quantity","quantity"] value_error.missing: field required
            ["body","billing_period","cadence"] value_error.duration: write the cadence as an ISO 8601 duration of days, weeks, months or years: P1M
            ["body","billing_period","offset"] value_error.duration: write prepaid, postpaid or an ISO 8601 duration: P5D
            ["body","discounts",0,"value"] value_error.percentage: a percentage is 0 to 100
            ["body","discounts",1,"unit_amount"] value_error.missing: field required
            ["body","discounts",2,"value"] value_error.number.not_ge: at least 0
            ["body","discounts",3,"max_per_period"] value_error.cadence: a cap on each period needs a cadence, its own or that of the billing period
            ["body","discounts",4,"cadence"] value_error.duration: write the cadence as an ISO 8601 duration of days, weeks, months or years: P1M
            ["body","taxes",0,"unit_amount"] value_error.missing: field required
            ["body","taxes",1,"unit_amount"] value_error.percentage: a percentage is 0 to 100
            ["body","taxes",2,"code"] value_error.missing: field required
            ["body","free_units",0,"unit_amount"] value_error.number.not_ge: at least 0
            ["body","commitments",0,"unit_amount"] value_error.number.not_ge: at least 0
            ["body","grants",0,"unit_amount"] value_error.missing: field required
            ["body","grants",0,"expiry_period"] value_error.duration: write the duration as ISO 8601: P30D
            ["body","service_fees",0,"unit_amount"] value_error.percentage: a percentage is 0 to 100
            ["body","overage_pricing","pricing_data","package_size"] value_error.number.not_gt: `package_size` is not above zero"#]].assert_eq(&flaws(&meaning));
    }

    async fn quantities_are_counted_or_typed(app) {
        let path = prices(&app).await;
        let price = json!({ "pricing_type": "per_unit", "unit_amount": 2 });
        let form = json!({ "table_name": "calls", "aggregate_operation": { "type": "COUNT" } });
        app.post("/rawmetric", json!({ "name": "Calls", "dataschema": { "data": {} } })).await.ok();
        let metric = app.post("/aggregates", json!({ "name": "Calls", "visual_query_builder": form })).await.ok();
        let metric = metric.id();
        for (quantity, flaw) in [
            (json!({ "type": "metered", "aggregate_id": metric }), ""),
            (json!({ "type": "metered" }), ""),
            (json!({ "type": "fixed", "quantity": 0 }), ""),
            (json!({ "type": "fixed", "quantity_entries": [
                { "value": 1, "effective_from": "2026-01-01" },
                { "value": 2, "effective_from": "2026-02-01" }] }), ""),
            (json!({ "type": "fixed" }),
                r#"["body","quantity","quantity"] value_error.missing: field required"#),
            (json!({ "type": "fixed", "quantity": 9, "constraints": { "max": 5 } }),
                r#"["body","quantity","quantity"] value_error.range: the quantity is outside its constraints"#),
            (json!({ "type": "fixed", "quantity_entries": [
                { "value": 1, "effective_from": "2026-02-01" },
                { "value": 2, "effective_from": "2026-02-01" }] }),
                r#"["body","quantity","quantity_entries",1,"effective_from"] value_error.order: each entry begins on a later day than the one before it"#),
            (json!({ "type": "fixed", "quantity_entries": [{ "value": 1, "effective_from": "May" }] }),
                r#"["body","quantity","quantity_entries",0,"effective_from"] value_error.format: write a date as 2026-01-31"#),
        ] {
            let body = json!({ "pricing_data": price, "quantity": quantity });
            let answer = app.post(&path, body).await;
            if flaw.is_empty() {
                assert_eq!(answer.ok().at("/quantity/type"), &quantity["type"]);
            } else {
                assert_eq!(flaws(&answer), flaw);
            }
        }
    }

    async fn an_equal_price_is_returned_when_asked_for(app) {
        let path = prices(&app).await;
        let first = app.post(&path, of(json!({ "pricing_type": "per_unit", "unit_amount": 2.50 }))).await;
        let first = first.ok().id();
        let reordered = r#"{"pricing_data":{"unit_amount":"2.5","label":null,"pricing_type":"per_unit"}}"#;
        let equal: Value = reordered.parse().unwrap();
        let returning = format!("{path}?return_existing=true");
        assert_eq!(app.post(&returning, equal.clone()).await.ok().id(), first);
        assert_ne!(app.post(&path, equal.clone()).await.ok().id(), first);
        let dearer = of(json!({ "pricing_type": "per_unit", "unit_amount": 2.51 }));
        assert_ne!(app.post(&returning, dearer).await.ok().id(), first);
        app.delete(&format!("{path}/{first}")).await.ok();
        assert_ne!(app.post(&returning, equal.clone()).await.ok().id(), first);
        let unclear = app.post(&format!("{path}?return_existing=maybe"), equal).await;
        assert_eq!(flaws(&unclear), r#"["query","return_existing"] type_error.bool: value is not a boolean"#);
    }

    async fn a_patch_replaces_what_it_names(app) {
        let path = prices(&app).await;
        let body = json!({ "name": "List", "billing_period": { "cadence": "P1M" },
            "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 5, "currency": "USD" } });
        let path = format!("{path}/{}", app.post(&path, body).await.ok().id());
        let answer = app.patch(&path, of(json!({ "pricing_type": "percent", "percentage": 1 }))).await;
        let answer = answer.ok();
        assert_eq!(*answer.at("/pricing_data"), json!({ "pricing_type": "percent", "percentage": 1 }));
        assert_eq!((answer.text("/name"), answer.text("/billing_period/cadence")), ("List", "P1M"));
        assert_eq!(app.get(&path).await.body, answer.body);
        let bad = app.patch(&path, of(json!({ "pricing_type": "flat_fee" }))).await;
        assert_eq!(flaws(&bad), r#"["body","pricing_data","unit_amount"] value_error.missing: field required"#);
        assert_eq!(app.get(&path).await.body, answer.body);
    }

    async fn lists_filter_and_deletes_answer_what_was_deleted(app) {
        let path = prices(&app).await;
        let month = json!({ "name": "Month", "billing_period": { "cadence": "P1M" },
            "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 5, "currency": "USD" } });
        let month = app.post(&path, month).await.ok().id();
        app.post(&path, of(json!({ "pricing_type": "percent", "percentage": 1 }))).await.ok();
        for (query, count) in [
            ("", 2), ("?pricing_type=percent", 1), ("?currency=USD", 1), ("?cadence=P1M", 1),
            ("?is_recurring=false", 1), ("?name__ilike=mon", 1), ("?currency__isnull=true", 1),
        ] {
            let answer = app.get(&format!("{path}{query}")).await.ok();
            assert_eq!(*answer.at("/total_count"), count, "{query}");
        }
        let gone = app.delete(&format!("{path}/{month}")).await.ok();
        assert_eq!(gone.text("/name"), "Month");
        assert_eq!(app.get(&format!("{path}/{month}")).await.status, 404);
        assert_eq!(*app.get(&path).await.at("/total_count"), 1);
    }

    async fn a_price_is_found_only_under_its_product_and_organisation(app) {
        let path = prices(&app).await;
        let price = of(json!({ "pricing_type": "flat_fee", "unit_amount": 5 }));
        let id = app.post(&path, price.clone()).await.ok().id();
        let elsewhere = prices(&app).await;
        assert_eq!(app.get(&format!("{elsewhere}/{id}")).await.status, 404);
        let other = app.other_organisation().await;
        assert_eq!(other.get(&format!("{path}/{id}")).await.status, 404);
        assert_eq!(other.post(&path, price).await.status, 404);
        assert_eq!(other.delete(&format!("{path}/{id}")).await.status, 404);
    }

    async fn a_bundle_is_the_price_of_a_group(app) {
        let [group, one, two] = [
            product(&app, "group").await,
            product(&app, "product").await,
            product(&app, "product").await,
        ];
        let path = format!("/products/bundle/{group}/pricing");
        let body = of(json!({ "pricing_type": "bundle", "unit_amount": 90, "currency": "USD",
            "members": [{ "product_id": one, "stand_alone_price": 60 },
                { "product_id": two, "stand_alone_price": "40.00" }] }));
        let answer = app.post(&path, body.clone()).await.ok();
        assert_eq!(answer.at("/pricing_data/members/1/stand_alone_price").to_string(), "40.00");
        let price = format!("{path}/{}", answer.id());
        assert_eq!(app.get(&price).await.body, answer.body);
        let renamed = app.patch(&price, json!({ "name": "Both" })).await.ok();
        assert_eq!(renamed.text("/name"), "Both");
        assert_eq!(*app.get(&format!("/products/{group}/pricing")).await.at("/total_count"), 1);

        let single = format!("/products/{one}");
        assert_eq!(refusal(&app.delete(&single).await), (400, "PRODUCT_IN_BUNDLE"));
        let refused = app.post(&format!("{single}/pricing"), body.clone()).await;
        assert_eq!(refusal(&refused), (400, "PRODUCT_NOT_A_GROUP"));
        let refused = app.post(&format!("/products/bundle/{one}/pricing"), body).await;
        assert_eq!(refusal(&refused), (400, "PRODUCT_NOT_A_GROUP"));
        app.delete(&format!("/products/{group}")).await.ok();
        app.delete(&single).await.ok();
    }

    async fn the_members_of_a_bundle_are_checked(app) {
        let group = product(&app, "group").await;
        let one = product(&app, "product").await;
        let path = format!("/products/bundle/{group}/pricing");
        let mut lines = Vec::new();
        for data in [
            json!({ "pricing_type": "flat_fee", "unit_amount": 90 }),
            json!({ "pricing_type": "bundle", "unit_amount": 90, "members": [] }),
            json!({ "pricing_type": "bundle", "unit_amount": 90, "members": [
                { "product_id": group, "stand_alone_price": 1 },
                { "product_id": one, "stand_alone_price": 1 },
                { "product_id": "00000000-0000-0000-0000-0000000000aa", "stand_alone_price": 1 }] }),
            json!({ "pricing_type": "bundle", "unit_amount": 90, "members": [
                { "product_id": one, "stand_alone_price": -1 },
                { "product_id": one, "stand_alone_price": 1 }] }),
        ] {
            lines.push(flaws(&app.post(&path, of(data)).await));
        }
        expect![[r#"
            ["body","pricing_data","pricing_type"] value_error.const: the price of a bundle is of type bundle
            ["body","pricing_data","members"] value_error.list.min_items: `members` is empty
            ["body","pricing_data","members"] value_error.number.not_gt: `stand_alone_price` is not above zero
            ["body","pricing_data","members",0,"product_id"] value_error.unknown_id: there is no product of type product with this id
            ["body","pricing_data","members",2,"product_id"] value_error.unknown_id: there is no product of type product with this id
            ["body","pricing_data","members",0,"stand_alone_price"] value_error.number.not_ge: `stand_alone_price[0]` is negative
            ["body","pricing_data","members",1] value_error.duplicate: `members[1]` is there twice"#]].assert_eq(&lines.join("\n"));
    }
}
