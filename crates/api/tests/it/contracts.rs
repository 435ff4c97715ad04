//! `/contract_v2`: making, reading, replacing and deleting.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A customer, a product and a monthly price of the catalogue.
pub(crate) struct Catalogue {
    pub(crate) customer: String,
    pub(crate) product: String,
    pub(crate) pricing: String,
}

pub(crate) fn fee(amount: i64) -> Value {
    json!({
        "pricing_data": { "pricing_type": "flat_fee", "currency": "USD", "unit_amount": amount },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" },
    })
}

pub(crate) async fn catalogue(app: &TestApp) -> Catalogue {
    let customer = app
        .post("/customers", json!({ "customer_name": "Northwind" }))
        .await
        .ok()
        .id();
    let product = json!({ "name": "Platform fee", "type": "product" });
    let product = app.post("/products", product).await.ok().id();
    let path = format!("/products/{product}/pricing");
    let pricing = app.post(&path, fee(1000)).await.ok().id();
    Catalogue {
        customer,
        product,
        pricing,
    }
}

impl Catalogue {
    /// A contract of the year 2026 with one line at the catalogue's price.
    pub(crate) fn body(&self) -> Value {
        json!({
            "name": "Northwind 2026", "status": "active", "currency": "USD",
            "customer_id": self.customer,
            "start_date": "2026-01-01T00:00:00", "end_date": "2026-12-31T23:59:59.999999",
            "phases": [{ "name": "Year 1", "pricings": [
                { "product_id": self.product, "pricing_id": self.pricing }
            ]}],
        })
    }

    pub(crate) async fn contract(&self, app: &TestApp) -> Answer {
        app.post("/contract_v2", self.body()).await.ok()
    }
}

/// What a 422 says, a line for each field.
pub(crate) fn findings(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{answer}");
    let fields = answer.at("/detail").as_array().unwrap().iter();
    let line = |field: &Value| {
        let place = field["loc"].as_array().unwrap().iter().skip(1);
        let place: Vec<String> = place
            .map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned))
            .collect();
        format!(
            "{}: {} ({})",
            place.join("."),
            field["msg"].as_str().unwrap(),
            field["type"]
        )
    };
    fields.map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

both! {
    async fn a_contract_is_shown_with_all_that_it_says(app) {
        let catalogue = catalogue(&app).await;
        let answer = catalogue.contract(&app).await;
        let read = app.get(&format!("/contract_v2/{}", answer.id())).await.ok();
        assert_eq!(read.body, answer.body);
        let mut body = answer.clone();
        for embedded in ["/customer", "/phases/0/pricings/0/product", "/phases/0/pricings/0/pricing"] {
            let known = body.at(&format!("{embedded}/id")).clone();
            *body.body.pointer_mut(embedded).unwrap() = known;
        }
        expect![[r#"
            200
            {
              "anchor_date": "2026-01-01T00:00:00Z",
              "bill_parent_customer": false,
              "contract_link": null,
              "contract_type": "standard",
              "created_at": "2026-01-05T10:00:00Z",
              "currency": "USD",
              "current_phase": {
                "end_date": "2026-12-31T23:59:59.999999Z",
                "id": "00000000-0000-7000-8000-00000000000c",
                "name": "Year 1",
                "phase_metadata": {},
                "phase_type": "active",
                "start_date": "2026-01-01T00:00:00Z"
              },
              "custom_attributes": {},
              "customer": "00000000-0000-7000-8000-000000000005",
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "deleted_at": null,
              "description": null,
              "end_date": "2026-12-31T23:59:59.999999Z",
              "id": "00000000-0000-7000-8000-00000000000b",
              "include_in_renewal": null,
              "invoice_payer_customer": null,
              "invoice_payer_customer_id": null,
              "is_last_day_of_month": false,
              "name": "Northwind 2026",
              "phases": [
                {
                  "description": null,
                  "end_date": "2026-12-31T23:59:59.999999Z",
                  "extended_days": null,
                  "features": null,
                  "id": "00000000-0000-7000-8000-00000000000c",
                  "name": "Year 1",
                  "phase_metadata": {},
                  "phase_type": "active",
                  "pricings": [
                    {
                      "anchor_date": null,
                      "billing_timing": "prepaid",
                      "custom_data": {},
                      "description": null,
                      "end_date": null,
                      "external_id": null,
                      "id": "00000000-0000-7000-8000-00000000000d",
                      "is_enabled": [],
                      "plan_id": null,
                      "pricing": "00000000-0000-7000-8000-000000000009",
                      "pricing_id": "00000000-0000-7000-8000-000000000009",
                      "product": "00000000-0000-7000-8000-000000000007",
                      "product_id": "00000000-0000-7000-8000-000000000007",
                      "start_date": "2026-01-01T00:00:00Z"
                    }
                  ],
                  "source_plan_phase_id": null,
                  "start_date": "2026-01-01T00:00:00Z",
                  "unpause_extension_policy": null
                }
              ],
              "plan_id": null,
              "renewal_policy": null,
              "renewed_from": null,
              "source": {},
              "start_date": "2026-01-01T00:00:00Z",
              "status": "active",
              "tags": [],
              "updated_at": "2026-01-05T10:00:00Z",
              "version": 1
            }"#]].assert_eq(&body.to_string());
        assert_eq!(answer.at("/customer/customer_name"), "Northwind");
        let line = answer.at("/phases/0/pricings/0");
        assert_eq!(line["product"]["name"], "Platform fee");
        assert_eq!(line["pricing"]["pricing_data"]["unit_amount"], 1000);
    }

    async fn what_was_read_can_be_sent_back_and_is_no_new_version(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        let line = json!({ "product_id": catalogue.product, "pricing": fee(7), "external_id": "L",
            "is_enabled": [{ "value": false, "effective_from": "2026-07-01" }] });
        body["phases"][0]["pricings"].as_array_mut().unwrap().push(line);
        let features = json!({ "pricing_data": { "pricing_type": "features", "currency": "USD" },
            "discounts": [{ "type": "percent", "unit_amount": 10 }] });
        body["phases"][0]["features"] = features;
        let made = app.post("/contract_v2", body).await.ok();
        let path = format!("/contract_v2/{}", made.id());
        // The catalogue changes; what is sold keeps its price.
        let price = format!("/products/{}/pricing/{}", catalogue.product, catalogue.pricing);
        app.patch(&price, fee(2000)).await.ok();
        let again = app.put(&path, made.body.clone()).await.ok();
        assert_eq!(again.to_string(), made.to_string());
        let mut by_id = made.body.clone();
        by_id["phases"][0]["pricings"][0].as_object_mut().unwrap().remove("pricing");
        let again = app.put(&path, by_id).await.ok();
        assert_eq!(again.to_string(), made.to_string());
        assert_eq!(app.get(&format!("{path}/amendments")).await.ok().at("/total_count"), 0);
    }

    async fn a_replacement_is_a_version_with_its_differences(app) {
        let catalogue = catalogue(&app).await;
        let made = catalogue.contract(&app).await;
        let path = format!("/contract_v2/{}", made.id());
        let mut body = made.body.clone();
        body["end_date"] = json!("2027-06-30");
        body["phases"][0]["end_date"] = json!("2027-06-30");
        body["phases"][0]["pricings"][0]["pricing"] = fee(1200);
        let preview = app.post(&format!("{path}/preview"), body.clone()).await.ok();
        assert_eq!(app.get(&path).await.ok().body, made.body, "a preview changes nothing");
        let after = app.put(&path, body).await.ok();
        assert_eq!(after.at("/version"), 2);
        assert_eq!(after.at("/phases/0/pricings/0/pricing_id"), &Value::Null);
        assert_eq!(after.at("/phases/0/id"), made.at("/phases/0/id"));
        assert_eq!(after.at("/phases/0/pricings/0/id"), made.at("/phases/0/pricings/0/id"));
        assert_eq!(preview.at("/contract"), &after.body);
        let amendments = app.get(&format!("{path}/amendments")).await.ok();
        assert_eq!(amendments.at("/results/0/changes"), preview.at("/changes"));
        expect![[r#"
            200
            {
              "next": null,
              "previous": null,
              "results": [
                {
                  "changes": [
                    {
                      "new": "2027-06-30T23:59:59.999999Z",
                      "old": "2026-12-31T23:59:59.999999Z",
                      "path": [
                        "end_date"
                      ]
                    },
                    {
                      "new": "2027-06-30T23:59:59.999999Z",
                      "old": "2026-12-31T23:59:59.999999Z",
                      "path": [
                        "phases",
                        "00000000-0000-7000-8000-00000000000c",
                        "end_date"
                      ]
                    },
                    {
                      "new": 1200,
                      "old": 1000,
                      "path": [
                        "phases",
                        "00000000-0000-7000-8000-00000000000c",
                        "pricings",
                        "00000000-0000-7000-8000-00000000000d",
                        "pricing",
                        "pricing_data",
                        "unit_amount"
                      ]
                    },
                    {
                      "new": null,
                      "old": "00000000-0000-7000-8000-000000000009",
                      "path": [
                        "phases",
                        "00000000-0000-7000-8000-00000000000c",
                        "pricings",
                        "00000000-0000-7000-8000-00000000000d",
                        "pricing_id"
                      ]
                    }
                  ],
                  "contract_id": "00000000-0000-7000-8000-00000000000b",
                  "created_at": "2026-01-05T10:00:00Z",
                  "invoices": {
                    "adjusted": [],
                    "drafts": []
                  },
                  "new_plan_id": null,
                  "old_plan_id": null,
                  "old_version": 1,
                  "version_number": 2
                }
              ],
              "total_count": 1
            }"#]].assert_eq(&amendments.to_string());
    }

    async fn a_replacement_without_phases_empties_a_draft_only(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        body["status"] = json!("draft");
        let draft = app.post("/contract_v2", body.clone()).await.ok();
        body.as_object_mut().unwrap().remove("phases");
        let path = format!("/contract_v2/{}", draft.id());
        let emptied = app.put(&path, body.clone()).await.ok();
        assert_eq!(emptied.at("/phases"), &json!([]));
        body["status"] = json!("active");
        let refused = app.put(&path, body).await;
        expect![[r#"phases: a contract needs at least one phase ("value_error.missing")"#]].assert_eq(&findings(&refused));
        let phase = json!({ "name": "First" });
        let answer = app.post(&format!("{path}/phases"), phase).await.ok();
        assert_eq!(answer.at("/phases/0/start_date"), answer.at("/start_date"));
    }

    async fn inline_products_and_prices_are_decided_by_what_is_told(app) {
        let catalogue = catalogue(&app).await;
        let mut kept = fee(30);
        kept["add_to_catalog"] = json!(true);
        let product = json!({ "name": "Seat", "type": "product", "sku": "SEAT" });
        let line = |value: Value| {
            let mut body = catalogue.body();
            body["phases"][0]["pricings"] = json!([value]);
            app.post("/contract_v2", body)
        };
        // Written out beside the reference: the same price keeps it, another one is the contract's own.
        let (of, at) = (&catalogue.product, &catalogue.pricing);
        let same = line(json!({ "product_id": of, "pricing_id": at, "pricing": fee(1000) })).await;
        assert_eq!(same.ok().text("/phases/0/pricings/0/pricing_id"), *at);
        let other = line(json!({ "product_id": of, "pricing_id": at, "pricing": fee(9) })).await.ok();
        assert_eq!(other.at("/phases/0/pricings/0/pricing_id"), &Value::Null);
        assert_eq!(other.at("/phases/0/pricings/0/pricing/pricing_data/unit_amount"), 9);
        // The product follows from the price.
        let by_price = line(json!({ "pricing_id": at })).await.ok();
        assert_eq!(by_price.text("/phases/0/pricings/0/product_id"), *of);
        let inline = line(json!({ "product": product, "pricing": kept })).await.ok();
        let made = inline.at("/phases/0/pricings/0");
        assert_eq!(made["product"]["name"], "Seat");
        let prices = format!("/products/{}/pricing", made["product_id"].as_str().unwrap());
        let prices = app.get(&prices).await.ok();
        assert_eq!(prices.at("/results/0/id"), &made["pricing_id"]);
        let taken = line(json!({ "product": product, "pricing": fee(1) })).await;
        assert_eq!(refusal(&taken), (400, "PRODUCT_SKU_TAKEN"));
    }

    async fn everything_that_is_wrong_is_named_at_its_field(app) {
        let catalogue = catalogue(&app).await;
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let metered = json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": 1 },
            "quantity": { "type": "metered", "aggregate_id": nobody } });
        let mut body = catalogue.body();
        body["customer_id"] = json!(nobody);
        body["invoice_payer_customer_id"] = json!(nobody);
        body["currency"] = json!("XXX");
        body["phases"][0]["pricings"] = json!([
            {},
            { "product_id": nobody, "pricing": fee(1) },
            { "product_id": catalogue.product, "pricing_id": nobody },
            { "product_id": catalogue.product, "pricing": metered },
            { "product": { "name": "  ", "type": "product" }, "pricing": fee(1) },
            { "product_id": catalogue.product, "pricing": { "pricing_data":
                { "pricing_type": "tiered", "unit_amount": [1], "up_to": [10, null] } } },
        ]);
        expect![[r#"
            customer_id: there is no customer with this id ("value_error.unknown_id")
            invoice_payer_customer_id: there is no customer with this id ("value_error.unknown_id")
            phases.0.pricings.0.pricing_id: name a price of the catalogue by pricing_id, or write one as pricing ("value_error.missing")
            phases.0.pricings.4.product.name: a product needs a name that is not blank ("value_error.blank")
            phases.0.pricings.5.pricing.pricing_data.unit_amount: `unit_amount` has 1 entries, expected 2 ("value_error.list.length")
            phases.0.pricings.0.product_id: name a product by product_id, or write one as product ("value_error.missing")
            phases.0.pricings.1.product_id: there is no product with this id ("value_error.unknown_id")
            phases.0.pricings.2.pricing_id: there is no price with this id ("value_error.unknown_id")
            phases.0.pricings.3.pricing.quantity.aggregate_id: there is no billable metric with this id ("value_error.unknown_id")
            currency: `XXX` has no minor unit, so amounts cannot be stated in it ("value_error.currency")"#]].assert_eq(&findings(&app.post("/contract_v2", body).await));
        let mut body = catalogue.body();
        body["end_date"] = json!("2025-12-31");
        body["phases"][0]["end_date"] = json!("2026-06-30");
        body["phases"][0]["pricings"][0]["start_date"] = json!("2026-07-01");
        expect![[r#"
            end_date: the end is not after the start ("value_error.date")
            phases.0.end_date: the phase is not inside its contract ("value_error.date")
            phases.0.pricings.0.start_date: the pricing is not inside its phase ("value_error.date")"#]].assert_eq(&findings(&app.post("/contract_v2", body).await));
        let mut body = catalogue.body();
        body["status"] = json!("paused");
        body["bill_parent_customer"] = json!(true);
        body["contract_type"] = json!("event_based");
        expect![[r#"status: a contract cannot be made paused: use its endpoint ("value_error.status")"#]].assert_eq(&findings(&app.post("/contract_v2", body.clone()).await));
        body["status"] = json!("active");
        expect![[r#"phases.0.pricings.0.pricing.billing_period: an event_based contract needs prices with cadence P1D and offset postpaid ("value_error")"#]].assert_eq(&findings(&app.post("/contract_v2", body.clone()).await));
        body["contract_type"] = json!("standard");
        expect![[r#"bill_parent_customer: the customer has no parent ("value_error.missing")"#]].assert_eq(&findings(&app.post("/contract_v2", body).await));
        let empty = app.post("/contract_v2", json!({ "status": "expire" })).await;
        expect![[r#"
            name: field required ("value_error.missing")
            currency: field required ("value_error.missing")
            customer_id: field required ("value_error.missing")
            start_date: field required ("value_error.missing")
            status: value is not one of ["draft","active","paused","expired","disputed"] ("type_error.enum")"#]].assert_eq(&findings(&empty));
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 0);
    }

    async fn a_parent_or_a_third_party_pays(app) {
        let catalogue = catalogue(&app).await;
        let parent = app.post("/customers", json!({ "customer_name": "Group" })).await.ok().id();
        let body = json!({ "parent_customer_id": parent, "child_customer_id": catalogue.customer });
        let relationship = app.post("/customers/relationships", body).await.ok().id();
        let mut body = catalogue.body();
        body["bill_parent_customer"] = json!(true);
        let made = app.post("/contract_v2", body.clone()).await.ok();
        assert_eq!(made.at("/bill_parent_customer"), true);
        let refused = app.delete(&format!("/customers/relationships/{relationship}")).await;
        assert_eq!(refusal(&refused), (400, "CUSTOMER_PARENT_PAYS"));
        body["invoice_payer_customer_id"] = json!(parent);
        let both = app.post("/contract_v2", body.clone()).await;
        expect![[r#"invoice_payer_customer_id: choose the parent or another payer, not both ("value_error")"#]].assert_eq(&findings(&both));
        body["bill_parent_customer"] = json!(false);
        let made = app.post("/contract_v2", body).await.ok();
        assert_eq!(made.at("/invoice_payer_customer/customer_name"), "Group");
        let refused = app.delete(&format!("/customers/{parent}")).await;
        assert_eq!(refusal(&refused), (400, "CUSTOMER_HAS_CHILDREN"));
    }

    async fn what_contracts_have_is_not_deleted(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        body["status"] = json!("draft");
        let draft = app.post("/contract_v2", body).await.ok().id();
        let customer = format!("/customers/{}", catalogue.customer);
        let product = format!("/products/{}", catalogue.product);
        assert_eq!(refusal(&app.delete(&customer).await), (400, "CUSTOMER_HAS_CONTRACTS"));
        assert_eq!(refusal(&app.delete(&product).await), (400, "PRODUCT_HAS_CONTRACTS"));
        // What is sold keeps its price.
        let price = format!("{product}/pricing/{}", catalogue.pricing);
        app.delete(&price).await.ok();
        let path = format!("/contract_v2/{draft}");
        let read = app.get(&path).await.ok();
        assert_eq!(read.at("/phases/0/pricings/0/pricing/pricing_data/unit_amount"), 1000);
        app.put(&path, read.body.clone()).await.ok();
        let deleted = app.delete(&path).await.ok();
        assert_eq!(deleted.text("/deleted_at"), "2026-01-05T10:00:00Z");
        assert_eq!(refusal(&app.get(&path).await), (404, "NOT_FOUND"));
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 0);
        app.delete(&customer).await.ok();
        app.delete(&product).await.ok();
    }

    async fn a_metric_by_which_a_contract_counts_is_not_deleted(app) {
        let catalogue = catalogue(&app).await;
        app.post("/rawmetric", json!({ "name": "Calls", "dataschema": { "data": {} } })).await.ok();
        let metric = json!({ "name": "Calls", "visual_query_builder":
            { "table_name": "calls", "aggregate_operation": { "type": "COUNT" } } });
        let metric = app.post("/aggregates", metric).await.ok().id();
        let mut body = catalogue.body();
        let price = json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": 0.05 },
            "quantity": { "type": "metered", "aggregate_id": metric },
            "billing_period": { "cadence": "P1M", "offset": "postpaid" } });
        body["phases"][0]["pricings"] =
            json!([{ "product_id": catalogue.product, "pricing": price }]);
        let made = app.post("/contract_v2", body).await.ok();
        let shown = made.at("/phases/0/pricings/0");
        assert_eq!(shown["pricing"]["quantity"]["aggregate"]["name"], "Calls");
        assert_eq!(shown["billing_timing"], "postpaid");
        let refused = app.delete(&format!("/aggregates/{metric}")).await;
        assert_eq!(refusal(&refused), (400, "AGGREGATE_IN_USE"));
    }

    async fn an_id_may_be_chosen_once(app) {
        let catalogue = catalogue(&app).await;
        let mut body = catalogue.body();
        let id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
        body["id"] = json!(id);
        assert_eq!(app.post("/contract_v2", body.clone()).await.ok().id(), id);
        let refused = app.post("/contract_v2", body).await;
        assert_eq!(refusal(&refused), (400, "CONTRACT_ID_TAKEN"));
    }

    async fn custom_attributes_are_those_of_contracts(app) {
        let catalogue = catalogue(&app).await;
        let definition = json!({ "attribute_key_name": "region", "display_name": "Region",
            "module": "contracts", "data_type": "ENUM", "enum_choices": ["NA", "EU"],
            "is_required": true });
        app.post("/custom_attributes", definition).await.ok();
        let mut body = catalogue.body();
        let refused = app.post("/contract_v2", body.clone()).await;
        expect![[r#"custom_attributes.region: field required ("value_error.missing")"#]].assert_eq(&findings(&refused));
        body["custom_attributes"] = json!({ "region": "EU" });
        let made = app.post("/contract_v2", body.clone()).await.ok();
        assert_eq!(made.at("/custom_attributes/region"), "EU");
        body["custom_attributes"]["region"] = json!("Mars");
        let refused = app.put(&format!("/contract_v2/{}", made.id()), body).await;
        expect![[r#"custom_attributes.region: value is not one of: NA, EU ("type_error.enum")"#]].assert_eq(&findings(&refused));
    }

    async fn a_product_that_is_not_sold_any_more_stays_with_contracts_that_have_it(app) {
        let catalogue = catalogue(&app).await;
        let made = catalogue.contract(&app).await;
        let product = format!("/products/{}", catalogue.product);
        app.patch(&product, json!({ "is_active": false })).await.ok();
        let refused = app.post("/contract_v2", catalogue.body()).await;
        expect![[r#"phases.0.pricings.0.product_id: the product is not sold any more: only contracts that have it keep it ("value_error.product")"#]].assert_eq(&findings(&refused));
        let mut body = made.body.clone();
        body["name"] = json!("Renamed");
        app.put(&format!("/contract_v2/{}", made.id()), body).await.ok();
    }

    async fn dates_are_those_of_the_organisations_zone(app) {
        let berlin = app.organisation_in("Europe/Berlin").await;
        let catalogue = catalogue(&berlin).await;
        let made = catalogue.contract(&berlin).await;
        assert_eq!(made.text("/start_date"), "2025-12-31T23:00:00Z");
        assert_eq!(made.text("/end_date"), "2026-12-31T22:59:59.999999Z");
        let cycles = format!("/contracts/{}/billingCycles", made.id());
        let cycles = berlin.get(&format!("{cycles}?limit=2&from=2026-03-15")).await.ok();
        expect![[r#"
            200
            [
              {
                "bill_for_date": "2026-02-28T23:00:00Z",
                "billing_cycle_start_day": 1,
                "end_date": "2026-03-31T22:00:00Z",
                "name": "Year 1",
                "start_date": "2026-02-28T23:00:00Z"
              },
              {
                "bill_for_date": "2026-03-31T22:00:00Z",
                "billing_cycle_start_day": 1,
                "end_date": "2026-04-30T22:00:00Z",
                "name": "Year 1",
                "start_date": "2026-03-31T22:00:00Z"
              }
            ]"#]].assert_eq(&cycles.to_string());
    }

    async fn billing_cycles_are_listed_from_the_first(app) {
        let catalogue = catalogue(&app).await;
        let path = format!("/contracts/{}/billingCycles", catalogue.contract(&app).await.id());
        let cycles = app.get(&path).await.ok();
        assert_eq!(cycles.body.as_array().unwrap().len(), 10);
        assert_eq!(cycles.at("/0/start_date"), "2026-01-01T00:00:00Z");
        let all = app.get(&format!("{path}?limit=100")).await.ok();
        assert_eq!(all.body.as_array().unwrap().len(), 12);
        let refused = app.get(&format!("{path}?limit=0&from=soon")).await;
        expect![[r#"
            from: `soon` is not an ISO 8601 date or date-time ("value_error.date")
            limit: 1 to 1000 ("value_error.number")"#]].assert_eq(&findings(&refused));
    }
}
