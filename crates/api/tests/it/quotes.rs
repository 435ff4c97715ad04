//! `/quotes`: what is offered, its versions, and its acceptance.

use expect_test::expect;
use florin_store::Row;
use florin_testkit::{Answer, TestApp, both};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checkouts::seats;
use crate::contracts::{Catalogue, catalogue, findings, refusal};
use crate::plan_templates::{phases, yearly};

/// Ten seats at ten dollars a month beforehand, ten percent off, eight percent tax: 100 − 10 + 7.20.
pub(crate) fn body(catalogue: &Catalogue) -> Value {
    json!({ "name": "Renewal 2026", "currency": "USD", "customer_id": catalogue.customer,
        "start_date": "2026-01-05", "end_date": "2027-01-04",
        "line_items": [{ "product_id": catalogue.product, "pricing_data": seats(10, 10) }],
        "discounts": [{ "type": "percent", "unit_amount": 10, "label": "New customer" }],
        "taxes": [{ "type": "manual", "unit_amount": 8 }] })
}

fn with(mut body: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

async fn quote(app: &TestApp, catalogue: &Catalogue) -> Answer {
    app.post("/quotes", body(catalogue)).await.ok()
}

/// `path/verb` of a quote.
async fn ask(app: &TestApp, quote: &Answer, verb: &str) -> Answer {
    app.post(&format!("/quotes/{}/{verb}", quote.id()), json!({}))
        .await
}

/// Number and status of the current version, with the total of the first invoice.
fn stand(quote: &Answer) -> String {
    let version = quote.at("/current_version");
    format!(
        "{} v{} {} {}",
        quote.text("/quote_number"),
        version["version_number"],
        version["status"].as_str().unwrap(),
        version["estimate"]["current_invoice"]["total"]
    )
}

fn items(quote: &Answer) -> String {
    let items = quote.at("/current_version/line_items").as_array().unwrap();
    let items = items.iter().map(|item| {
        let data = &item["pricing_data"];
        format!(
            "{} × {}",
            data["quantity"]["quantity"], data["pricing_data"]["unit_amount"]
        )
    });
    items.collect::<Vec<_>>().join(", ")
}

/// Invoices of a contract with status and total.
async fn invoices(app: &TestApp, contract: &str) -> String {
    let path = format!("/invoices?contract_id={contract}&order=created_at");
    let listed = app.get(&path).await.ok();
    let rows = listed.at("/results").as_array().unwrap().iter();
    let rows = rows.map(|row| {
        format!(
            "{} {}",
            row["status"].as_str().unwrap(),
            row["invoice_total"]
        )
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// Events of quotes, in order.
async fn events(app: &TestApp) -> Vec<String> {
    let mut tx = app.read().await;
    let mut select = tx.select("outbox_event");
    select.column("event").column("sequence");
    let rows = tx.fetch_all(&select).await.unwrap();
    let event = |row: &Row| {
        (
            row.get::<i64>("sequence").unwrap(),
            row.get("event").unwrap(),
        )
    };
    let mut events: Vec<(i64, String)> = rows.iter().map(event).collect();
    events.sort();
    let events = events.into_iter().map(|(_, event)| event);
    events.filter(|event| event.starts_with("quote")).collect()
}

fn at(app: &TestApp, text: &str) {
    app.clock.set(text.parse::<Timestamp>().unwrap());
}

both! {
    async fn a_quote_has_a_number_a_version_and_an_estimate(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        assert_eq!(app.get(&format!("/quotes/{}", made.id())).await.ok().body, made.body);
        let mut shown = made.body.clone();
        shown["current_version"]["line_items"][0]["pricing_data"] = json!("as it was sent");
        expect![[r#"
            {
              "business_entity_id": null,
              "created_at": "2026-01-05T10:00:00Z",
              "created_by": "key:00000000-0000-7000-8000-000000000003",
              "current_version": {
                "contract_id": null,
                "created_at": "2026-01-05T10:00:00Z",
                "created_by": "key:00000000-0000-7000-8000-000000000003",
                "currency": "USD",
                "custom_attributes": {},
                "description": null,
                "discounts": [
                  {
                    "label": "New customer",
                    "type": "percent",
                    "unit_amount": 10
                  }
                ],
                "end_date": "2027-01-04",
                "estimate": {
                  "current_invoice": {
                    "bill_for_date": "2026-01-05",
                    "credit": 0,
                    "currency": "USD",
                    "line_items": [
                      {
                        "amount": 100,
                        "amount_display": "$100.00",
                        "description": null,
                        "end_date": "2026-02-04",
                        "name": "Platform fee",
                        "quantity": 10,
                        "quantity_display": "10 units",
                        "start_date": "2026-01-05",
                        "unit": "unit",
                        "unit_price": 10,
                        "unit_price_display": "$10.00 per unit"
                      }
                    ],
                    "subtotal": 90,
                    "tax": 7.2,
                    "total": 97.2
                  },
                  "next_invoice": {
                    "bill_for_date": "2026-02-05",
                    "credit": 0,
                    "currency": "USD",
                    "line_items": [
                      {
                        "amount": 100,
                        "amount_display": "$100.00",
                        "description": null,
                        "end_date": "2026-03-04",
                        "name": "Platform fee",
                        "quantity": 10,
                        "quantity_display": "10 units",
                        "start_date": "2026-02-05",
                        "unit": "unit",
                        "unit_price": 10,
                        "unit_price_display": "$10.00 per unit"
                      }
                    ],
                    "subtotal": 90,
                    "tax": 7.2,
                    "total": 97.2
                  }
                },
                "id": "00000000-0000-7000-8000-000000000015",
                "line_items": [
                  {
                    "description": null,
                    "end_date": null,
                    "is_deleted": false,
                    "line_item_id": "00000000-0000-7000-8000-00000000000b",
                    "pricing_data": "as it was sent",
                    "pricing_id": null,
                    "product_id": "00000000-0000-7000-8000-000000000007",
                    "start_date": null
                  }
                ],
                "name": "Renewal 2026",
                "payment_method_id": null,
                "phases": [],
                "plan_id": null,
                "provisioning_config": "immediate",
                "quote_id": "00000000-0000-7000-8000-000000000016",
                "quote_type": "new_business",
                "start_date": "2026-01-05",
                "status": "draft",
                "status_at": null,
                "taxes": [
                  {
                    "type": "manual",
                    "unit_amount": 8
                  }
                ],
                "updated_at": "2026-01-05T10:00:00Z",
                "valid_from": "2026-01-05",
                "valid_until": null,
                "version_metadata": {},
                "version_number": 1
              },
              "current_version_id": "00000000-0000-7000-8000-000000000015",
              "custom_data": {},
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "id": "00000000-0000-7000-8000-000000000016",
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "quote_mode": "approval-based",
              "quote_number": "Q-0001",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&serde_json::to_string_pretty(&shown).unwrap());
        let sent = seats(10, 10);
        let data = made.at("/current_version/line_items/0/pricing_data");
        assert_eq!(data["pricing_data"]["unit_amount"], sent["pricing_data"]["unit_amount"]);
    }

    // Ten percent off a hundred, then eight percent of ninety: 97.20, this month and each next one.
    async fn a_preview_says_the_first_two_invoices_and_writes_nothing(app) {
        let catalogue = catalogue(&app).await;
        let mut asked = body(&catalogue);
        let members = asked.as_object_mut().unwrap();
        members.remove("name");
        let before = app.contents().await;
        let preview = app.post("/quotes/preview", asked.clone()).await.ok();
        expect![[r#"
            {
              "current_invoice": {
                "bill_for_date": "2026-01-05",
                "credit": 0,
                "currency": "USD",
                "line_items": [
                  {
                    "amount": 100,
                    "amount_display": "$100.00",
                    "description": null,
                    "end_date": "2026-02-04",
                    "name": "Platform fee",
                    "quantity": 10,
                    "quantity_display": "10 units",
                    "start_date": "2026-01-05",
                    "unit": "unit",
                    "unit_price": 10,
                    "unit_price_display": "$10.00 per unit"
                  }
                ],
                "subtotal": 90,
                "tax": 7.2,
                "total": 97.2
              },
              "next_invoice": {
                "bill_for_date": "2026-02-05",
                "credit": 0,
                "currency": "USD",
                "line_items": [
                  {
                    "amount": 100,
                    "amount_display": "$100.00",
                    "description": null,
                    "end_date": "2026-03-04",
                    "name": "Platform fee",
                    "quantity": 10,
                    "quantity_display": "10 units",
                    "start_date": "2026-02-05",
                    "unit": "unit",
                    "unit_price": 10,
                    "unit_price_display": "$10.00 per unit"
                  }
                ],
                "subtotal": 90,
                "tax": 7.2,
                "total": 97.2
              }
            }"#]].assert_eq(&serde_json::to_string_pretty(preview.at("/estimate")).unwrap());
        assert_eq!(preview.at("/current_invoices/0/total"), &json!(97.2));
        assert_eq!(preview.at("/next_invoices/0/bill_for_date"), &json!("2026-02-05T00:00:00"));
        asked.as_object_mut().unwrap().remove("customer_id");
        let nobody = app.post("/quotes/preview", asked).await.ok();
        assert_eq!(nobody.at("/estimate"), preview.at("/estimate"));
        assert_eq!(app.contents().await, before);
    }

    async fn numbers_have_no_gaps_and_are_the_organisations_own(app) {
        let catalogue = catalogue(&app).await;
        let mut numbers = Vec::new();
        for turn in 0..3 {
            let refused = with(body(&catalogue), json!({ "currency": "EUR" }));
            assert_eq!(app.post("/quotes", refused).await.status, 422, "{turn}");
            numbers.push(quote(&app, &catalogue).await.text("/quote_number").to_owned());
        }
        assert_eq!(numbers, ["Q-0001", "Q-0002", "Q-0003"]);
        let requests = (0..5).map(|_| app.post("/quotes", body(&catalogue)));
        let racing = futures_util::future::join_all(requests).await;
        let mut racing: Vec<String> = racing.into_iter().map(|made| made.ok().text("/quote_number").to_owned()).collect();
        racing.sort();
        assert_eq!(racing, ["Q-0004", "Q-0005", "Q-0006", "Q-0007", "Q-0008"]);
        let other = app.other_organisation().await;
        let catalogue = crate::contracts::catalogue(&other).await;
        assert_eq!(quote(&other, &catalogue).await.text("/quote_number"), "Q-0001");
    }

    async fn a_draft_changes_in_place_and_what_was_sent_gets_a_next_version(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        let path = format!("/quotes/{}", made.id());
        let first = made.text("/current_version/line_items/0/line_item_id").to_owned();
        let changed = app.patch(&path, json!({ "line_items": [
            { "id": first, "pricing_data": seats(20, 5) }, { "product_id": catalogue.product, "pricing_data": seats(1, 3) }] })).await.ok();
        assert_eq!(items(&changed), "5 × 20, 3 × 1");
        // (100 + 3) × 0.9 = 92.70; × 1.08 = 100.116.
        assert_eq!(stand(&changed), "Q-0001 v1 draft 100.12");
        assert_eq!(changed.at("/current_version_id"), made.at("/current_version_id"));
        let sent = ask(&app, &made, "send").await.ok();
        assert_eq!(stand(&sent), "Q-0001 v1 sent 100.12");
        assert_eq!(ask(&app, &made, "send").await.ok().body, sent.body);
        let next = app.patch(&path, json!({ "line_items": [{ "line_item_id": first, "delete": true }], "description": "Less" })).await.ok();
        assert_eq!((stand(&next).as_str(), items(&next).as_str()), ("Q-0001 v2 draft 2.92", "3 × 1"));
        assert_eq!(next.at("/current_version/discounts"), made.at("/current_version/discounts"));
        let again = app.patch(&path, json!({ "custom_data": { "deal": 7 } })).await.ok();
        assert_eq!((again.at("/current_version_id"), again.at("/custom_data/deal")), (next.at("/current_version_id"), &json!(7)));
        let versions = app.get(&format!("{path}/versions")).await.ok();
        let rows = versions.at("/results").as_array().unwrap().iter();
        let rows: Vec<String> = rows.map(|row| format!("{} {}", row["version_number"], row["status"])).collect();
        assert_eq!(rows, [r#"2 "draft""#, r#"1 "sent""#]);
        assert_eq!(versions.at("/results/1"), sent.at("/current_version"));
        assert_eq!(events(&app).await, ["quote.created", "quote.updated", "quote.sent", "quote.updated", "quote.updated"]);
    }

    async fn an_acceptance_makes_the_contract_whose_first_invoice_is_the_estimate(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        ask(&app, &made, "send").await.ok();
        let requests = (0..20).map(|_| ask(&app, &made, "accept"));
        let answers = futures_util::future::join_all(requests).await;
        let accepted = answers[0].clone().ok();
        for answer in answers {
            assert_eq!(answer.ok().body, accepted.body);
        }
        assert_eq!(stand(&accepted), "Q-0001 v1 accepted 97.2");
        assert_eq!(ask(&app, &made, "accept").await.ok().body, accepted.body);
        let listed = app.get("/contract_v2").await.ok();
        assert_eq!(listed.at("/total_count"), 1);
        let contract = accepted.text("/current_version/contract_id");
        let shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        expect![[r#""Renewal 2026" "active" 2026-01-05..2027-01-04: 10"#]].assert_eq(&phases(&shown));
        assert_eq!((shown.text("/status"), shown.text("/source/quote_number")), ("active", "Q-0001"));
        assert_eq!(shown.at("/phases/0/features/discounts/0/label"), "New customer");
        assert_eq!(invoices(&app, contract).await, "draft 97.2");
        let path = format!("/quotes/{}", made.id());
        assert_eq!(refusal(&app.patch(&path, json!({ "name": "Late" })).await), (400, "QUOTE_ACCEPTED"));
        assert_eq!(refusal(&ask(&app, &made, "reject").await), (400, "QUOTE_ACCEPTED"));
        assert_eq!(refusal(&ask(&app, &made, "send").await), (400, "QUOTE_ACCEPTED"));
        assert_eq!(refusal(&app.delete(&path).await), (400, "QUOTE_NOT_A_DRAFT"));
        assert_eq!(events(&app).await, ["quote.created", "quote.sent", "quote.accepted"]);
    }

    async fn a_rejected_quote_is_changed_and_sent_again(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        assert_eq!(refusal(&ask(&app, &made, "reject").await), (400, "QUOTE_NOT_SENT"));
        ask(&app, &made, "send").await.ok();
        let rejected = ask(&app, &made, "reject").await.ok();
        assert_eq!(stand(&rejected), "Q-0001 v1 rejected 97.2");
        assert_eq!(ask(&app, &made, "reject").await.ok().body, rejected.body);
        assert_eq!(refusal(&ask(&app, &made, "accept").await), (400, "QUOTE_REJECTED"));
        assert_eq!(refusal(&ask(&app, &made, "send").await), (400, "QUOTE_REJECTED"));
        let cheaper = json!({ "discounts": [{ "type": "percent", "unit_amount": 50 }] });
        app.patch(&format!("/quotes/{}", made.id()), cheaper).await.ok();
        assert_eq!(stand(&ask(&app, &made, "send").await.ok()), "Q-0001 v2 sent 54");
        let accepted = ask(&app, &made, "accept").await.ok();
        assert_eq!(invoices(&app, accepted.text("/current_version/contract_id")).await, "draft 54");
    }

    // In Auckland the 6th begins at 11 in the morning of the 5th, UTC.
    async fn a_quote_is_accepted_within_its_validity_only(app) {
        let app = app.organisation_in("Pacific/Auckland").await;
        let catalogue = catalogue(&app).await;
        let valid = json!({ "valid_from": "2026-01-06", "valid_until": "2026-01-06" });
        let made = app.post("/quotes", with(body(&catalogue), valid)).await.ok();
        assert_eq!(refusal(&ask(&app, &made, "accept").await), (400, "QUOTE_NOT_YET_VALID"));
        ask(&app, &made, "send").await.ok();
        at(&app, "2026-01-06T11:00:00Z");
        let path = format!("/quotes/{}", made.id());
        let expired = app.get(&path).await.ok();
        assert_eq!(stand(&expired), "Q-0001 v1 expired 97.2");
        assert_eq!(refusal(&ask(&app, &made, "accept").await), (400, "QUOTE_EXPIRED"));
        let other = quote(&app, &catalogue).await;
        let statuses = |words: &'static str| app.get(words);
        let expired = statuses("/quotes?status=expired").await.ok();
        assert_eq!((expired.at("/total_count"), expired.at("/results/0/id")), (&json!(1), made.at("/id")));
        assert_eq!(statuses("/quotes?status=sent").await.ok().at("/total_count"), 0);
        let open = statuses("/quotes?status=sent,draft").await.ok();
        assert_eq!((open.at("/total_count"), open.at("/results/0/id")), (&json!(1), other.at("/id")));
        assert_eq!(statuses("/quotes?status=open").await.status, 422);
        let longer = app.patch(&path, json!({ "valid_until": "2026-01-07" })).await.ok();
        assert_eq!(stand(&longer), "Q-0001 v2 draft 97.2");
        let expired = app.patch(&path, json!({ "valid_from": "2026-01-01", "valid_until": "2026-01-05" })).await.ok();
        assert_eq!(stand(&expired), "Q-0001 v2 expired 97.2");
        assert_eq!(refusal(&ask(&app, &made, "send").await), (400, "QUOTE_EXPIRED"));
        app.patch(&path, json!({ "valid_until": null })).await.ok();
        assert_eq!(stand(&ask(&app, &made, "accept").await.ok()), "Q-0001 v2 accepted 97.2");
    }

    async fn only_a_quote_that_was_never_sent_is_deleted(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        let path = format!("/quotes/{}", made.id());
        assert_eq!(app.delete(&path).await.ok().body, made.body);
        assert_eq!(refusal(&app.get(&path).await), (404, "NOT_FOUND"));
        assert_eq!(refusal(&ask(&app, &made, "accept").await), (404, "NOT_FOUND"));
        assert_eq!(app.get("/quotes").await.ok().at("/total_count"), 0);
        let other = quote(&app, &catalogue).await;
        assert_eq!(other.text("/quote_number"), "Q-0002");
        ask(&app, &other, "send").await.ok();
        let path = format!("/quotes/{}", other.id());
        app.patch(&path, json!({ "name": "Again" })).await.ok();
        assert_eq!(refusal(&app.delete(&path).await), (400, "QUOTE_NOT_A_DRAFT"));
    }

    async fn prices_are_copied(app) {
        let catalogue = catalogue(&app).await;
        let items = json!({ "line_items": [{ "pricing_id": catalogue.pricing }], "discounts": [], "taxes": [] });
        let made = app.post("/quotes", with(body(&catalogue), items)).await.ok();
        assert_eq!(stand(&made), "Q-0001 v1 draft 1000");
        assert_eq!(made.text("/current_version/line_items/0/product_id"), catalogue.product);
        let price = format!("/products/{}/pricing/{}", catalogue.product, catalogue.pricing);
        app.patch(&price, json!({ "pricing_data": { "pricing_type": "flat_fee", "currency": "USD", "unit_amount": 3000 } })).await.ok();
        let renamed = app.patch(&format!("/quotes/{}", made.id()), json!({ "name": "Same price" })).await.ok();
        assert_eq!(stand(&renamed), "Q-0001 v1 draft 1000");
        let accepted = ask(&app, &made, "accept").await.ok();
        assert_eq!(invoices(&app, accepted.text("/current_version/contract_id")).await, "draft 1000");
    }

    async fn a_plan_or_phases_say_what_is_sold(app) {
        let catalogue = catalogue(&app).await;
        let plan = app.post("/templates/plan", yearly(&catalogue)).await.ok();
        let none = json!({ "line_items": [], "end_date": null, "plan_id": plan.id() });
        let made = app.post("/quotes", with(body(&catalogue), none)).await.ok();
        // 1000 × 0.9 × 1.08.
        assert_eq!(stand(&made), "Q-0001 v1 draft 972");
        let accepted = ask(&app, &made, "accept").await.ok();
        let contract = accepted.text("/current_version/contract_id");
        let shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        assert_eq!(shown.at("/plan_id"), plan.at("/id"));
        assert_eq!(shown.text("/end_date"), "2027-01-04T23:59:59.999999Z");
        assert_eq!(invoices(&app, contract).await, "draft 972");
        let line = |amount: i64| json!([{ "product_id": catalogue.product, "pricing": seats(amount, 1) }]);
        let half = json!({ "pricing_data": { "pricing_type": "features" }, "discounts": [{ "type": "percent", "unit_amount": 50 }] });
        let ramp = json!({ "line_items": [], "phases": [
            { "name": "Ramp", "end_date": "2026-03-04", "features": half, "pricings": line(100) },
            { "name": "Full", "start_date": "2026-03-05", "pricings": line(200) }] });
        let made = app.post("/quotes", with(body(&catalogue), ramp)).await.ok();
        // 100 × 0.5 × 0.9 × 1.08.
        assert_eq!(stand(&made), "Q-0002 v1 draft 48.6");
        let same = app.patch(&format!("/quotes/{}", made.id()), json!({ "name": "Ramp" })).await.ok();
        assert_eq!(stand(&same), "Q-0002 v1 draft 48.6");
        assert_eq!(same.at("/current_version/phases"), made.at("/current_version/phases"));
    }

    async fn a_plan_may_want_a_payment_method(app) {
        let app = app.sandbox().await;
        let catalogue = catalogue(&app).await;
        let mut plan = yearly(&catalogue);
        plan["provisioning_config"] = json!("payment_method_validation");
        let plan = app.post("/templates/plan", plan).await.ok();
        let of_plan = json!({ "line_items": [], "plan_id": plan.id() });
        let made = app.post("/quotes", with(body(&catalogue), of_plan)).await.ok();
        assert_eq!(made.at("/current_version/provisioning_config"), "payment_method_validation");
        assert_eq!(refusal(&ask(&app, &made, "accept").await), (400, "NO_PAYMENT_METHOD"));
        let accept = format!("/quotes/{}/accept", made.id());
        let unknown = json!({ "payment_method_id": plan.id() });
        expect![[r#"payment_method_id: the customer has no payment method with this id ("value_error.unknown_id")"#]].assert_eq(&findings(&app.post(&accept, unknown).await));
        app.patch(&format!("/quotes/{}", made.id()), json!({ "provisioning_config": "immediate" })).await.ok();
        ask(&app, &made, "accept").await.ok();
    }

    async fn a_quote_of_a_deleted_customer_is_not_accepted(app) {
        let catalogue = catalogue(&app).await;
        let made = quote(&app, &catalogue).await;
        app.delete(&format!("/customers/{}", catalogue.customer)).await.ok();
        expect![[r#"customer_id: the customer is deleted ("value_error.unknown_id")"#]].assert_eq(&findings(&ask(&app, &made, "accept").await));
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 0);
    }

    async fn lists_are_filtered_and_paged(app) {
        let catalogue = catalogue(&app).await;
        for number in 1..=3 {
            let named = json!({ "name": format!("Deal {number}"), "valid_until": format!("2026-0{number}-28") });
            app.post("/quotes", with(body(&catalogue), named)).await.ok();
        }
        let names = |answer: &Answer| {
            let rows = answer.at("/results").as_array().unwrap().iter();
            let names = rows.map(|row| row["current_version"]["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>().join(", ")
        };
        let page = app.get("/quotes?order=quote_number&limit=2").await.ok();
        assert_eq!((names(&page).as_str(), page.at("/total_count")), ("Deal 1, Deal 2", &json!(3)));
        let next = page.text("/next");
        let next = app.get(&format!("/quotes?order=quote_number&limit=2&cursor={next}")).await.ok();
        assert_eq!(names(&next), "Deal 3");
        assert_eq!(names(&app.get("/quotes?offset=1&limit=1").await.ok()), "Deal 2");
        for (filter, found) in [
            ("valid_until__gte=2026-02-28&order=valid_until", "Deal 2, Deal 3"),
            ("name__ilike=deal%203", "Deal 3"),
            ("quote_number=Q-0002", "Deal 2"),
            ("customer__customer_name=Northwind&order=-quote_number&limit=1", "Deal 3"),
            ("status=accepted,rejected", ""),
        ] {
            assert_eq!(names(&app.get(&format!("/quotes?{filter}")).await.ok()), found, "{filter}");
        }
    }

    async fn what_does_not_fit_is_named_at_its_field(app) {
        let catalogue = catalogue(&app).await;
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let send = |changes: Value| app.post("/quotes", with(body(&catalogue), changes));
        expect![[r#"line_items: say what is sold: line_items, phases or a plan by plan_id ("value_error")"#]].assert_eq(&findings(&send(json!({ "line_items": [] })).await));
        let odd = json!({ "valid_from": "2026-02-01", "valid_until": "2026-01-31", "phases": [{ "pricings": [] }] });
        expect![[r#"
            phases: send line_items or phases, not both ("value_error")
            valid_until: the validity ends before it begins ("value_error")"#]].assert_eq(&findings(&send(odd).await));
        let unknown = json!({ "customer_id": nobody, "business_entity_id": nobody, "plan_id": nobody });
        expect![[r#"
            plan_id: there is no plan with this id ("value_error.unknown_id")
            customer_id: there is no customer with this id ("value_error.unknown_id")
            business_entity_id: there is no business entity with this id ("value_error.unknown")"#]].assert_eq(&findings(&send(unknown).await));
        let mut euros = seats(1, 1);
        euros["pricing_data"]["currency"] = json!("EUR");
        let mut unpriced = seats(1, 1);
        unpriced["billing_period"] = json!({ "offset": "prepaid" });
        unpriced["is_recurring"] = json!(true);
        let lines = json!({ "line_items": [{ "product_id": catalogue.product }, { "product_id": nobody, "pricing_id": catalogue.pricing },
            { "pricing_data": seats(1, 1) }] });
        expect![[r#"
            line_items.0.pricing_id: name a price of the catalogue by pricing_id, or write one as pricing ("value_error.missing")
            line_items.1.product_id: there is no product with this id ("value_error.unknown_id")
            line_items.2.product_id: name a product by product_id, or write one as product ("value_error.missing")"#]].assert_eq(&findings(&send(lines).await));
        let lines = json!({ "line_items": [{ "product_id": catalogue.product, "pricing_data": euros },
            { "product_id": catalogue.product, "pricing_data": unpriced, "end_date": "2026-01-01" }] });
        expect![[r#"line_items.1.end_date: the end is not after the start ("value_error.date")"#]].assert_eq(&findings(&send(lines).await));
        let modifiers = json!({ "discounts": [{ "type": "percent", "unit_amount": 101 }, { "type": "fixed" }], "taxes": [{ "type": "avalara" }] });
        expect![[r#"
            discounts.0.unit_amount: a percentage is 0 to 100 ("value_error.percentage")
            discounts.1.unit_amount: field required ("value_error.missing")
            taxes.0.code: field required ("value_error.missing")"#]].assert_eq(&findings(&send(modifiers).await));
        expect![[r#"
            end_date: the end is not after the start ("value_error.date")
            line_items: the end is not after the start ("value_error.date")
            line_items.0.start_date: the pricing is not inside its phase ("value_error.date")"#]].assert_eq(&findings(&send(json!({ "end_date": "2026-01-01" })).await));
        let twice = json!({ "line_items": [{ "line_item_id": nobody, "pricing_id": catalogue.pricing },
            { "line_item_id": nobody, "pricing_id": catalogue.pricing }, { "id": catalogue.product, "delete": true }] });
        expect![[r#"
            line_items.1.id: another line item has this id ("value_error")
            line_items.2.id: the quote has no line item with this id ("value_error")"#]].assert_eq(&findings(&send(twice).await));
        let inline = json!({ "line_items": [], "phases": [{ "pricings": [{ "product": { "name": "New", "type": "product" }, "pricing": seats(1, 1) }] }] });
        expect![[r#"phases.0.pricings.0.product: a quote sells products of the catalogue: name one by product_id ("value_error.product")"#]].assert_eq(&findings(&send(inline).await));
        let berlin = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        let answer = send(json!({ "business_entity_id": berlin })).await;
        assert!(findings(&answer).starts_with("business_entity_id: the customer is billed by the entity "), "{answer}");
        let made = quote(&app, &catalogue).await;
        let other = app.post("/customers", json!({ "customer_name": "Other" })).await.ok().id();
        let moved = app.patch(&format!("/quotes/{}", made.id()), json!({ "customer_id": other })).await;
        expect![[r#"customer_id: the customer of a quote does not change: make another quote ("value_error.const")"#]].assert_eq(&findings(&moved));
        assert_eq!(made.text("/quote_number"), "Q-0001");
        assert_eq!(app.get("/quotes").await.ok().at("/total_count"), 1);
    }
}
