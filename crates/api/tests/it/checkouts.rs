//! `/checkouts`: what a purchase or a change would come to, and its confirmation.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::contracts::{Catalogue, catalogue, findings, refusal};
use crate::plan_templates::{phases, yearly};
use crate::plans::published;

/// So much for each seat and month, beforehand.
pub(crate) fn seats(amount: i64, quantity: i64) -> Value {
    json!({ "pricing_data": { "pricing_type": "per_unit", "currency": "USD", "unit_amount": amount },
        "quantity": { "type": "fixed", "quantity": quantity },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" } })
}

/// A published plan of a year at one price.
pub(crate) async fn plan_at(app: &TestApp, catalogue: &Catalogue, price: Value) -> Answer {
    let body = json!({ "name": "Team", "schedule": { "duration": "P1Y" }, "phases": [
        { "name": "Year", "pricings": [{ "product_id": catalogue.product, "pricing": price }] }] });
    published(app, body).await
}

/// Total and currency of the current and of the next invoice.
pub(crate) fn totals(answer: &Answer) -> String {
    let estimates = answer.clone().ok();
    let estimates = estimates.at("/estimates");
    let shown = |one: &Value| match one {
        Value::Null => "none".to_owned(),
        one => format!("{} {}", one["total"], one["currency"].as_str().unwrap()),
    };
    let (current, next) = (&estimates["current_invoice"], &estimates["next_invoice"]);
    format!("{} then {}", shown(current), shown(next))
}

/// Invoices of a contract by day, with status and total.
pub(crate) async fn invoices(app: &TestApp, contract: &str) -> String {
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

pub(crate) fn at(app: &TestApp, text: &str) {
    app.clock.set(text.parse::<Timestamp>().unwrap());
}

async fn bought(app: &TestApp, body: Value) -> (Answer, String) {
    let made = app.post("/checkouts", body).await.ok();
    let path = format!("/checkouts/{}/confirm", made.id());
    let confirmed = app.post(&path, json!({})).await.ok();
    let contract = confirmed.text("/contract_id").to_owned();
    (made, contract)
}

/// A contract of five seats at ten dollars from 1 January, whose first invoice is approved.
async fn team(app: &TestApp, catalogue: &Catalogue) -> String {
    let plan = plan_at(app, catalogue, seats(10, 5)).await;
    let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer, "start_date": "2026-01-01" });
    let (_, contract) = bought(app, body).await;
    let listed = app
        .get(&format!("/invoices?contract_id={contract}"))
        .await
        .ok();
    let first = listed.text("/results/0/id").to_owned();
    app.patch(&format!("/invoices/{first}/approve"), json!({}))
        .await
        .ok();
    contract
}

both! {
    // 1000 dollars a month beforehand: one at the start, the next one a month later. Nothing is written.
    async fn a_preview_says_the_first_two_invoices_and_writes_nothing(app) {
        let catalogue = catalogue(&app).await;
        let plan = app.post("/templates/plan", yearly(&catalogue)).await.ok();
        let before = app.contents().await;
        let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer, "start_date": "2026-01-05" });
        let preview = app.post("/checkouts/preview", body).await;
        expect![[r#"
            200
            {
              "estimates": {
                "current_invoice": {
                  "bill_for_date": "2026-01-05",
                  "credit": 0,
                  "currency": "USD",
                  "line_items": [
                    {
                      "amount": 1000,
                      "amount_display": "$1,000.00",
                      "description": null,
                      "end_date": "2026-02-04",
                      "name": "Platform fee",
                      "quantity": null,
                      "quantity_display": null,
                      "start_date": "2026-01-05",
                      "unit": null,
                      "unit_price": null,
                      "unit_price_display": null
                    }
                  ],
                  "subtotal": 1000,
                  "tax": 0,
                  "total": 1000
                },
                "next_invoice": {
                  "bill_for_date": "2026-02-05",
                  "credit": 0,
                  "currency": "USD",
                  "line_items": [
                    {
                      "amount": 1000,
                      "amount_display": "$1,000.00",
                      "description": null,
                      "end_date": "2026-03-04",
                      "name": "Platform fee",
                      "quantity": null,
                      "quantity_display": null,
                      "start_date": "2026-02-05",
                      "unit": null,
                      "unit_price": null,
                      "unit_price_display": null
                    }
                  ],
                  "subtotal": 1000,
                  "tax": 0,
                  "total": 1000
                }
              }
            }"#]].assert_eq(&preview.to_string());
        let guest = json!({ "plan_id": plan.id(), "business_entity_id": app.organisation.0,
            "customer_data": { "customer_name": "Ann" } });
        assert_eq!(totals(&app.post("/checkouts/preview", guest).await), "1000 USD then 1000 USD");
        let contract = json!({ "plan_id": plan.id(), "name": "Direct", "status": "active", "currency": "USD",
            "customer_id": catalogue.customer, "start_date": "2026-01-05" });
        assert_eq!(app.contents().await, before);
        let contract = app.post("/contract_v2", contract).await.ok().id();
        let before = app.contents().await;
        let change = json!({ "contract_id": contract, "product_overrides":
            [{ "product_id": catalogue.product, "is_enabled": false }] });
        app.post("/checkouts/preview", change).await.ok();
        assert_eq!(app.contents().await, before);
    }

    async fn a_confirmation_makes_the_contract_and_its_invoice_once(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let made = app.post("/checkouts", json!({ "plan_id": plan.id(), "customer_id": catalogue.customer,
            "success_url": "https://shop.example/thanks",
            "product_overrides": [{ "product_id": catalogue.product, "quantity": 8 }] })).await.ok();
        assert_eq!(made.text("/checkout_status"), "pending");
        assert_eq!(totals(&made), "80 USD then 80 USD");
        assert_eq!((made.at("/contract_id"), made.at("/guest_checkout")), (&Value::Null, &json!(false)));
        assert_eq!(made.text("/expires_at"), "2026-01-06T10:00:00Z");
        let path = format!("/checkouts/{}", made.id());
        let confirm = format!("{path}/confirm");
        let (one, other) = tokio::join!(app.post(&confirm, json!({})), app.post(&confirm, json!({})));
        let (one, other) = (one.ok(), other.ok());
        assert_eq!(one.body, other.body);
        assert_eq!(one.text("/checkout_status"), "contract_created");
        assert_eq!(app.post(&confirm, json!({})).await.ok().body, one.body);
        let contract = one.text("/contract_id");
        let listed = app.get("/contract_v2").await.ok();
        assert_eq!((listed.at("/total_count"), listed.at("/results/0/id")), (&json!(1), one.at("/contract_id")));
        let contract_shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        expect![[r#""Year" "active" 2026-01-05..2027-01-04: 10"#]].assert_eq(&phases(&contract_shown));
        assert_eq!(contract_shown.at("/plan_id"), plan.at("/id"));
        assert_eq!(contract_shown.at("/phases/0/pricings/0/pricing/quantity/quantity"), 8);
        assert_eq!(invoices(&app, contract).await, "draft 80");
        let read = app.get(&path).await.ok();
        assert_eq!((read.text("/checkout_status"), read.text("/contract_id")), ("contract_created", contract));
        let late = app.patch(&path, json!({ "start_date": "2026-02-01" })).await;
        assert_eq!(refusal(&late), (400, "CHECKOUT_CONFIRMED"));
    }

    async fn a_checkout_is_changed_before_it_is_confirmed_and_expires(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer });
        let made = app.post("/checkouts", body.clone()).await.ok();
        let path = format!("/checkouts/{}", made.id());
        let overrides = json!([{ "product_id": catalogue.product, "quantity": 2.5 }]);
        let changed = app.patch(&path, json!({ "product_overrides": overrides, "start_date": "2026-03-01" })).await.ok();
        assert_eq!(totals(&changed), "25 USD then 25 USD");
        assert_eq!(changed.at("/plan_id"), made.at("/plan_id"));
        assert_eq!(app.get(&path).await.ok().body, changed.body);
        at(&app, "2026-01-06T10:00:00Z");
        assert_eq!(app.get(&path).await.ok().text("/checkout_status"), "expired");
        assert_eq!(refusal(&app.post(&format!("{path}/confirm"), json!({})).await), (400, "CHECKOUT_EXPIRED"));
        assert_eq!(refusal(&app.patch(&path, json!({ "start_date": "2026-02-01" })).await), (400, "CHECKOUT_EXPIRED"));
        let mut past = body.clone();
        past["expires_at"] = json!("2026-01-06T10:00:00Z");
        expect![[r#"expires_at: a checkout ends after now, and within a year ("value_error.datetime")"#]].assert_eq(&findings(&app.post("/checkouts", past).await));
        let mut later = body;
        later["expires_at"] = json!("2026-01-08T00:00:00Z");
        let later = app.post("/checkouts", later).await.ok();
        app.clock.advance(SignedDuration::from_hours(30));
        app.post(&format!("/checkouts/{}/confirm", later.id()), json!({})).await.ok();
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 1);
    }

    // Until 1 March nothing is billed; the usual plan that is paid afterwards has its first bill a month later.
    async fn what_is_billed_later_is_the_next_invoice(app) {
        let catalogue = catalogue(&app).await;
        let mut price = seats(10, 5);
        price["billing_period"]["offset"] = json!("postpaid");
        let plan = plan_at(&app, &catalogue, price).await;
        let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer, "start_date": "2026-03-01" });
        assert_eq!(totals(&app.post("/checkouts/preview", body.clone()).await), "0 USD then 50 USD");
        let once = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 300, "currency": "USD" },
            "billing_period": { "cadence": "P0D", "offset": "prepaid" } });
        let plan = plan_at(&app, &catalogue, once).await;
        let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer, "start_date": "2026-03-01" });
        assert_eq!(totals(&app.post("/checkouts/preview", body.clone()).await), "300 USD then none");
        let (_, contract) = bought(&app, body).await;
        assert_eq!(invoices(&app, &contract).await, "");
    }

    // Three more seats for 16 of January's 31 days: 3 × 10 × 16 ÷ 31 = 15.483…; then eight seats for 80.
    async fn more_seats_are_charged_for_the_rest_of_the_month(app) {
        let catalogue = catalogue(&app).await;
        let contract = team(&app, &catalogue).await;
        at(&app, "2026-01-16T09:00:00Z");
        let body = json!({ "contract_id": contract, "product_overrides":
            [{ "product_id": catalogue.product, "quantity": 8 }] });
        assert_eq!(totals(&app.post("/checkouts/preview", body.clone()).await), "15.48 USD then 80 USD");
        let (made, same) = bought(&app, body).await;
        assert_eq!((made.text("/contract_id"), same.as_str()), (contract.as_str(), contract.as_str()));
        assert_eq!(invoices(&app, &contract).await, "approved 50, draft 15.48");
        let shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        assert_eq!(shown.at("/version"), 2);
        let quantity = shown.at("/phases/0/pricings/0/pricing/quantity");
        assert_eq!((&quantity["quantity"], &quantity["quantity_entries"][0]["value"]), (&json!(5), &json!(8)));
    }

    // Two seats less give 2 × 10 × 16 ÷ 31 = 10.32 back; switched off, 5 × 10 × 16 ÷ 31 = 25.81.
    async fn fewer_seats_give_back_and_a_product_is_switched_off(app) {
        let catalogue = catalogue(&app).await;
        let contract = team(&app, &catalogue).await;
        at(&app, "2026-01-16T09:00:00Z");
        let fewer = json!({ "contract_id": contract, "product_overrides":
            [{ "product_id": catalogue.product, "quantity": 3 }] });
        let preview = app.post("/checkouts/preview", fewer).await;
        assert_eq!(totals(&preview), "0 USD then 30 USD");
        assert_eq!(preview.at("/estimates/current_invoice/credit"), &json!(10.32));
        let off = json!({ "contract_id": contract, "product_overrides":
            [{ "product_id": catalogue.product, "is_enabled": false }] });
        let preview = app.post("/checkouts/preview", off.clone()).await;
        assert_eq!(totals(&preview), "0 USD then 0 USD");
        assert_eq!(preview.at("/estimates/current_invoice/credit"), &json!(25.81));
        bought(&app, off).await;
        let shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        assert_eq!(shown.at("/phases/0/pricings/0/is_enabled"), &json!([{ "value": false, "effective_from": "2026-01-16" }]));
    }

    // 16 days of January at 50 go back (25.81), and as many come at 90 (46.45): 20.64 more.
    async fn a_contract_changes_to_another_plan(app) {
        let catalogue = catalogue(&app).await;
        let contract = team(&app, &catalogue).await;
        at(&app, "2026-01-16T09:00:00Z");
        let dearer = plan_at(&app, &catalogue, seats(18, 5)).await;
        let body = json!({ "contract_id": contract, "plan_id": dearer.id() });
        assert_eq!(totals(&app.post("/checkouts/preview", body.clone()).await), "20.64 USD then 90 USD");
        bought(&app, body).await;
        let shown = app.get(&format!("/contract_v2/{contract}")).await.ok();
        expect![[r#"
            "Year" "active" 2026-01-01..2026-01-15: 10
            "Year" "active" 2026-01-16..2026-12-31: 18"#]].assert_eq(&phases(&shown));
        assert_eq!(shown.at("/plan_id"), dearer.at("/id"));
        assert_eq!(invoices(&app, &contract).await, "approved 50, draft 20.64");
    }

    async fn a_guest_becomes_a_customer(app) {
        let catalogue = catalogue(&app).await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let entity = app.post("/business_entities", json!({ "name": "Berlin" })).await.ok().id();
        let made = app.post("/checkouts", json!({ "plan_id": plan.id(), "business_entity_id": entity })).await.ok();
        assert_eq!((totals(&made).as_str(), made.at("/guest_checkout")), ("50 USD then 50 USD", &json!(true)));
        let confirm = format!("/checkouts/{}/confirm", made.id());
        expect![[r#"customer_data.customer_name: a guest's checkout needs the customer's name ("value_error.missing")"#]].assert_eq(&findings(&app.post(&confirm, json!({})).await));
        let ann = json!({ "customer_data": { "customer_name": "Ann", "email": "ann@example.com" } });
        let confirmed = app.post(&confirm, ann.clone()).await.ok();
        assert_eq!(app.post(&confirm, ann).await.ok().body, confirmed.body);
        let read = app.get(&format!("/checkouts/{}", made.id())).await.ok();
        let customer = app.get(&format!("/customers/{}", read.text("/customer_id"))).await.ok();
        assert_eq!((customer.text("/customer_name"), customer.text("/business_entity_id")), ("Ann", entity.as_str()));
        assert_eq!(app.get("/customers?customer_name=Ann").await.ok().at("/total_count"), 1);
    }

    async fn a_plan_may_want_a_payment_method(app) {
        let app = app.sandbox().await;
        let catalogue = catalogue(&app).await;
        let mut body = yearly(&catalogue);
        body["provisioning_config"] = json!("payment_method_validation");
        let plan = app.post("/templates/plan", body).await.ok();
        let body = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer });
        let made = app.post("/checkouts", body).await.ok();
        let confirm = format!("/checkouts/{}/confirm", made.id());
        assert_eq!(refusal(&app.post(&confirm, json!({})).await), (400, "NO_PAYMENT_METHOD"));
        let unknown = json!({ "payment_method_id": plan.id() });
        expect![[r#"payment_method_id: the customer has no payment method with this id ("value_error.unknown_id")"#]].assert_eq(&findings(&app.post(&confirm, unknown).await));
    }

    async fn what_does_not_fit_is_named_at_its_field(app) {
        let catalogue = catalogue(&app).await;
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let send = |body: Value| app.post("/checkouts/preview", body);
        expect![[r#"plan_id: name a plan by plan_id, or the contract that is changed by contract_id ("value_error")"#]].assert_eq(&findings(&send(json!({})).await));
        let unknown = json!({ "plan_id": nobody, "customer_id": nobody, "business_entity_id": nobody });
        expect![[r#"
            plan_id: there is no plan with this id ("value_error.unknown_id")
            business_entity_id: there is no business entity with this id ("value_error.unknown_id")
            customer_id: there is no customer with this id ("value_error.unknown_id")"#]].assert_eq(&findings(&send(unknown).await));
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let odd = json!({ "plan_id": plan.id(), "start_date": "2026-02-01", "end_date": "2026-01-31", "product_overrides": [
            { "product_id": catalogue.product },
            { "product_id": catalogue.product, "quantity": 1 }] });
        expect![[r#"
            customer_id: name the customer, or the business entity that sells to a guest ("value_error")
            end_date: the end is before the start ("value_error")
            product_overrides.0: send quantity, is_enabled or both ("value_error")
            product_overrides.1: the product has another override ("value_error")"#]].assert_eq(&findings(&send(odd).await));
        let other = app.post("/products", json!({ "name": "Other", "type": "product" })).await.ok().id();
        let not_sold = json!({ "plan_id": plan.id(), "customer_id": catalogue.customer,
            "product_overrides": [{ "product_id": other, "quantity": 1 }] });
        expect![[r#"product_overrides.0.product_id: the product is not sold from that day on ("value_error.override")"#]].assert_eq(&findings(&send(not_sold).await));
        let fee = app.post("/templates/plan", yearly(&catalogue)).await.ok();
        let no_quantity = json!({ "plan_id": fee.id(), "customer_id": catalogue.customer,
            "product_overrides": [{ "product_id": catalogue.product, "quantity": 1 }] });
        expect![[r#"product_overrides.0.quantity: no quantity of the product is typed: it is counted, or its price has none ("value_error.override")"#]].assert_eq(&findings(&send(no_quantity).await));
        let contract = team(&app, &catalogue).await;
        expect![[r#"product_overrides: say what changes: a quantity or is_enabled of at least one product ("value_error")"#]].assert_eq(&findings(&send(json!({ "contract_id": contract })).await));
        let early = json!({ "contract_id": contract, "start_date": "2025-12-31",
            "product_overrides": [{ "product_id": catalogue.product, "quantity": 1 }] });
        expect![[r#"start_date: the change is not inside the contract ("value_error.date")"#]].assert_eq(&findings(&send(early).await));
        app.patch(&format!("/contract_v2/{contract}/expire"), json!({})).await.ok();
        let expired = json!({ "contract_id": contract,
            "product_overrides": [{ "product_id": catalogue.product, "quantity": 1 }] });
        assert_eq!(refusal(&send(expired).await), (400, "CONTRACT_NOT_IN_FORCE"));
    }
}
