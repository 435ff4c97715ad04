//! `/invoices/{invoice_id}`: drafts, documents, the way to the amounts.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A customer's id.
pub(crate) async fn customer(app: &TestApp, name: &str) -> String {
    let body = json!({ "customer_name": name });
    app.post("/customers", body).await.ok().id()
}

/// A draft over so many dollars.
pub(crate) async fn draft(app: &TestApp, customer: &str, dollars: i64) -> Answer {
    let lines = json!([{ "name": "Consulting", "unit_amount": dollars }]);
    let body = json!({ "customer_id": customer, "currency": "USD", "lines": lines });
    app.post("/invoices", body).await.ok()
}

pub(crate) async fn approve(app: &TestApp, id: &str) -> Answer {
    app.patch(&format!("/invoices/{id}/approve"), json!({}))
        .await
}

/// The status and code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("/code").to_owned())
}

/// Two days at 80 with a discount of 10 and of 10 %, and a tax of 10 %.
fn consulting(customer: &str) -> Value {
    json!({
        "customer_id": customer, "currency": "usd", "external_id": "ERP-4711", "notes": "Thank you",
        "bill_for_date": "2026-02-01T00:00:00", "tags": ["q1"], "custom_data": { "rate": 0.5 },
        "lines": [{
            "name": "Consulting", "unit": "day", "quantity": 2, "unit_amount": "80",
            "service_start_date": "2026-01-10", "service_end_date": "2026-01-12",
            "discounts": [{ "type": "percent", "unit_amount": 10 }, { "type": "fixed", "unit_amount": 10 }],
            "taxes": [{ "unit_amount": 10 }],
        }],
    })
}

both! {
    async fn a_one_off_invoice_is_a_draft_of_its_lines(app) {
        let customer = customer(&app, "Northwind").await;
        let created = app.post("/invoices", consulting(&customer)).await.ok();
        expect![[r#"
            200
            {
              "amount_due": 148.5,
              "applied_balance": 0,
              "approved_at": null,
              "bill_for_date": "2026-02-01T00:00:00",
              "business_entity_id": "00000000-0000-7000-8000-000000000001",
              "charged_at": null,
              "contract": null,
              "contract_id": null,
              "created_at": "2026-01-05T10:00:00Z",
              "created_by": "key:00000000-0000-7000-8000-000000000003",
              "currency": "USD",
              "currency_code": "USD",
              "custom_data": {
                "rate": 0.5
              },
              "customer": {
                "customer_name": "Northwind",
                "email": null,
                "external_id": null,
                "id": "00000000-0000-7000-8000-000000000005",
                "name": "Northwind"
              },
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "due_date": null,
              "external_id": "ERP-4711",
              "id": "00000000-0000-7000-8000-00000000000c",
              "invoice_date": "2026-02-01T00:00:00",
              "invoice_id": "00000000-0000-7000-8000-00000000000c",
              "invoice_number": null,
              "invoice_pdf": "/invoices/00000000-0000-7000-8000-00000000000c/pdf",
              "invoice_period": {
                "begin_date": "2026-01-10T00:00:00",
                "end_date_exclusive": "2026-01-12T00:00:00"
              },
              "invoice_total": 148.5,
              "invoice_url": "/invoices/00000000-0000-7000-8000-00000000000c/html",
              "last_updated_at": "2026-01-05T10:00:00Z",
              "line_items": null,
              "net_invoice_total": 148.5,
              "notes": "Thank you",
              "paid_amount": 0,
              "paid_at": null,
              "payment_url": null,
              "promise_due_date": null,
              "sent_at": null,
              "status": "draft",
              "tags": [
                "q1"
              ],
              "updated_at": "2026-01-05T10:00:00Z",
              "voided_at": null
            }"#]].assert_eq(&created.to_string());
        let read = app.get(&format!("/invoices/{}", created.id())).await.ok();
        assert_eq!(read.body, created.body);
        let found = app.get("/invoices/external_id/ERP-4711").await.ok();
        assert_eq!(found.id(), created.id());
    }

    async fn the_lines_show_how_the_amounts_came_about(app) {
        let customer = customer(&app, "Northwind").await;
        let id = app.post("/invoices", consulting(&customer)).await.ok().id();
        let items = app.get(&format!("/invoices/{id}/line_items")).await.ok();
        expect![[r#"
            200
            {
              "currency": "USD",
              "features": [
                {
                  "currency": "USD",
                  "display": [
                    {
                      "name": "Sales Tax 10 %",
                      "price": "",
                      "quantity": "",
                      "total": "$13.50"
                    }
                  ],
                  "name": "Sales Tax 10 %",
                  "price": null,
                  "quantity": null,
                  "quantity_unit": null,
                  "total": {
                    "display": "$13.50",
                    "unit": "USD",
                    "value": 13.5
                  },
                  "type": "sales-tax"
                }
              ],
              "lines": [
                {
                  "adjustment_type": null,
                  "description": null,
                  "features": [
                    {
                      "currency": "USD",
                      "display": [
                        {
                          "name": "Per Unit",
                          "price": "$80.00 per day",
                          "quantity": "2 days",
                          "total": "$160.00"
                        }
                      ],
                      "name": "Per Unit",
                      "price": {
                        "display": "$80.00 per day",
                        "unit": "USD/day",
                        "value": 80
                      },
                      "quantity": {
                        "display": "2 days",
                        "unit": "day",
                        "value": 2
                      },
                      "quantity_unit": "day",
                      "total": {
                        "display": "$160.00",
                        "unit": "USD",
                        "value": 160
                      },
                      "type": "per-unit-pricing"
                    },
                    {
                      "currency": "USD",
                      "display": [
                        {
                          "name": "Discount",
                          "price": "",
                          "quantity": "",
                          "total": "-$10.00"
                        }
                      ],
                      "name": "Discount",
                      "price": null,
                      "quantity": null,
                      "quantity_unit": null,
                      "total": {
                        "display": "-$10.00",
                        "unit": "USD",
                        "value": -10
                      },
                      "type": "discount"
                    },
                    {
                      "currency": "USD",
                      "display": [
                        {
                          "name": "Discount 10 %",
                          "price": "",
                          "quantity": "",
                          "total": "-$15.00"
                        }
                      ],
                      "name": "Discount 10 %",
                      "price": null,
                      "quantity": null,
                      "quantity_unit": null,
                      "total": {
                        "display": "-$15.00",
                        "unit": "USD",
                        "value": -15
                      },
                      "type": "discount"
                    }
                  ],
                  "is_adjustment": false,
                  "is_billed": true,
                  "line_item_type": "charge",
                  "name": "Consulting",
                  "price": {
                    "display": "$80.00 per day",
                    "unit": "USD/day",
                    "value": 80
                  },
                  "pricing_model": "per-unit-pricing",
                  "quantity": {
                    "display": "2 days",
                    "unit": "day",
                    "value": 2
                  },
                  "service_end_date": "2026-01-12T00:00:00",
                  "service_start_date": "2026-01-10T00:00:00",
                  "subtotal": {
                    "display": "$135.00",
                    "unit": "USD",
                    "value": 135
                  }
                }
              ],
              "total": 148.5
            }"#]].assert_eq(&items.to_string());
        let with = app.get(&format!("/invoices/{id}?include_line_items=true")).await.ok();
        assert_eq!(with.at("/line_items"), &items.body);
        let summary = app.get(&format!("/invoices/{id}/summary")).await.ok();
        expect![[r#"
            200
            {
              "amount_due": 148.5,
              "applied_balance": 0,
              "credit_total": 0,
              "credited_amount": 0,
              "currency": "USD",
              "invoice_id": "00000000-0000-7000-8000-00000000000c",
              "invoice_number": null,
              "invoice_total": 148.5,
              "net_invoice_total": 148.5,
              "net_total": 135,
              "paid_amount": 0,
              "status": "draft",
              "tax_total": 13.5,
              "written_off_amount": 0
            }"#]].assert_eq(&summary.to_string());
    }

    async fn every_step_is_there_and_gives_the_same_again(app) {
        let customer = customer(&app, "Northwind").await;
        let id = app.post("/invoices", consulting(&customer)).await.ok().id();
        let actuals = app.get(&format!("/invoices/{id}/contract_json_actuals")).await.ok();
        let part = actuals.at("/parts/0");
        assert_eq!(part["is_reproducible"], true);
        assert_eq!(part["rated"]["total"], "148.50 USD");
        assert_eq!(part["rated"]["lines"][0]["gross"], "160.00 USD");
        let features = part["rated"]["lines"][0]["features"].as_array().unwrap();
        assert_eq!(features.len(), 3, "a price and two discounts: {features:?}");
        assert_eq!(part["labels"][0]["name"], "Consulting");
    }

    async fn an_invoice_is_downloaded_whole_or_in_part(app) {
        let customer = customer(&app, "Northwind").await;
        let id = app.post("/invoices", consulting(&customer)).await.ok().id();
        approve(&app, &id).await.ok();
        let path = format!("/invoices/{id}/download_invoice");
        let whole = app.get(&path).await.ok();
        assert_eq!(whole.text("/customer/name"), "Northwind");
        assert_eq!(whole.text("/invoice_data/invoice_number"), "INV-0001");
        assert_eq!(whole.at("/line_items/total"), 148.5);
        let part = app.get(&format!("{path}?invoice_json_key=summary&customer_id={customer}")).await.ok();
        assert_eq!(part.body, json!({ "summary": whole.at("/summary") }));
        let stranger = crate::invoices::customer(&app, "Other").await;
        let answer = app.get(&format!("{path}?customer_id={stranger}")).await;
        assert_eq!(refusal(&answer), (404, "NOT_FOUND".to_owned()));
        assert_eq!(app.get(&format!("{path}?customer_id=x")).await.status, 422);
    }

    async fn a_draft_is_changed_field_by_field(app) {
        let customer = customer(&app, "Northwind").await;
        let id = app.post("/invoices", consulting(&customer)).await.ok().id();
        let path = format!("/invoices/{id}");
        let terms = json!({ "payment_term_type": "on_creation", "due_days": 14 });
        let body = json!({ "notes": null, "invoice_date": "2026-02-03", "payment_terms": terms, "tags": ["a", "b"] });
        let changed = app.patch(&path, body).await.ok();
        assert_eq!(changed.at("/notes"), &json!(null));
        assert_eq!(changed.text("/external_id"), "ERP-4711");
        assert_eq!(changed.at("/custom_data"), &json!({ "rate": 0.5 }));
        assert_eq!(changed.at("/tags"), &json!(["a", "b"]));
        assert_eq!(app.get("/invoices/tags").await.ok().body, json!(["a", "b"]));
        let lines = json!([{ "name": "Training", "quantity": 0.5, "unit_amount": 99.99 }]);
        let changed = app.patch(&path, json!({ "lines": lines })).await.ok();
        // Half of 99.99 is 49.995.
        assert_eq!(changed.at("/invoice_total"), 50);
        assert_eq!(app.patch(&path, json!({ "lines": [] })).await.status, 422, "an invoice needs a line");
        approve(&app, &id).await.ok();
        let due = app.get(&path).await.ok();
        assert_eq!(due.text("/due_date"), "2026-02-17T00:00:00");
    }

    async fn a_deleted_draft_is_kept_as_discarded(app) {
        let customer = customer(&app, "Northwind").await;
        let id = app.post("/invoices", consulting(&customer)).await.ok().id();
        let path = format!("/invoices/{id}");
        let gone = app.delete(&path).await.ok();
        assert_eq!(gone.text("/status"), "discarded");
        assert_eq!(app.get("/invoices").await.ok().at("/total_count"), 0);
        assert_eq!(app.get("/invoices?status=discarded").await.ok().at("/total_count"), 1);
        let not_a_draft = (400, "INVOICE_NOT_A_DRAFT".to_owned());
        assert_eq!(refusal(&app.delete(&path).await), not_a_draft);
        assert_eq!(refusal(&approve(&app, &id).await), not_a_draft);
        assert_eq!(app.get("/invoices/external_id/ERP-4711").await.status, 404);
        app.post("/invoices", consulting(&customer)).await.ok();
    }

    async fn an_approved_invoice_does_not_change(app) {
        let customer = customer(&app, "Northwind").await;
        let id = draft(&app, &customer, 5).await.id();
        let approved = approve(&app, &id).await.ok();
        let path = format!("/invoices/{id}");
        let not_a_draft = (400, "INVOICE_NOT_A_DRAFT".to_owned());
        assert_eq!(refusal(&app.patch(&path, json!({ "notes": "x" })).await), not_a_draft);
        assert_eq!(refusal(&app.delete(&path).await), not_a_draft);
        let void = app.patch(&format!("{path}/void"), json!({})).await;
        assert_eq!(refusal(&void), (400, "INVOICE_CANNOT_BE_VOIDED".to_owned()));
        assert_eq!(app.get(&path).await.ok().body, approved.body);
    }

    async fn only_what_nothing_stands_of_is_void(app) {
        let customer = customer(&app, "Northwind").await;
        let id = draft(&app, &customer, 0).await.id();
        let path = format!("/invoices/{id}/void");
        let refused = app.patch(&path, json!({})).await;
        assert_eq!(refusal(&refused), (400, "INVOICE_CANNOT_BE_VOIDED".to_owned()), "a draft");
        approve(&app, &id).await.ok();
        let void = app.patch(&path, json!({})).await.ok();
        assert_eq!(void.at("/invoice_total"), 0);
        assert_eq!(void.text("/status"), "void");
        assert_eq!(app.patch(&path, json!({})).await.ok().body, void.body);
    }

    async fn every_bad_field_is_named(app) {
        let customer = customer(&app, "Northwind").await;
        let body = json!({ "customer_id": customer, "currency": "USD", "lines": [
            { "name": "", "unit_amount": "x" }, { "name": "A" }] });
        let answer = app.post("/invoices", body).await;
        assert_eq!((answer.status, answer.at("/detail").as_array().unwrap().len()), (422, 3), "{answer}");
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let line = json!({ "name": "A", "unit_amount": -1, "quantity": 0, "service_start_date": "2026-02-02",
            "service_end_date": "2026-02-02", "discounts": [{ "type": "percent", "unit_amount": 101 }] });
        let body = json!({ "customer_id": nobody, "currency": "USD", "lines": [line] });
        let answer = app.post("/invoices", body).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "customer_id"
                  ],
                  "msg": "there is no customer with this id",
                  "type": "value_error.unknown"
                },
                {
                  "loc": [
                    "body",
                    "lines",
                    0,
                    "quantity"
                  ],
                  "msg": "above zero",
                  "type": "value_error.line"
                },
                {
                  "loc": [
                    "body",
                    "lines",
                    0,
                    "unit_amount"
                  ],
                  "msg": "zero or above: to give something back, issue a credit note",
                  "type": "value_error.line"
                },
                {
                  "loc": [
                    "body",
                    "lines",
                    0,
                    "service_end_date"
                  ],
                  "msg": "a day after service_start_date",
                  "type": "value_error.line"
                },
                {
                  "loc": [
                    "body",
                    "lines",
                    0,
                    "discounts"
                  ],
                  "msg": "a percentage is from 0 to 100",
                  "type": "value_error.line"
                }
              ]
            }"#]].assert_eq(&answer.to_string());
        let lines = json!([{ "name": "A", "unit_amount": 1 }]);
        let body = json!({ "customer_id": customer, "currency": "XXX", "business_entity_id": nobody, "lines": lines });
        let answer = app.post("/invoices", body).await;
        assert_eq!((answer.status, answer.at("/detail").as_array().unwrap().len()), (422, 2), "{answer}");
        assert_eq!(app.get("/invoices").await.ok().at("/total_count"), 0);
        assert_eq!(app.get("/invoices/7").await.status, 422);
    }

    async fn an_external_id_belongs_to_one_invoice(app) {
        let customer = customer(&app, "Northwind").await;
        app.post("/invoices", consulting(&customer)).await.ok();
        let taken = (400, "INVOICE_EXTERNAL_ID_TAKEN".to_owned());
        assert_eq!(refusal(&app.post("/invoices", consulting(&customer)).await), taken);
        let other = draft(&app, &customer, 5).await.id();
        let change = app.patch(&format!("/invoices/{other}"), json!({ "external_id": "ERP-4711" })).await;
        assert_eq!(refusal(&change), taken);
    }

    async fn an_amount_that_cannot_be_kept_is_refused(app) {
        let customer = customer(&app, "Northwind").await;
        let line = json!({ "name": "A", "unit_amount": 90_000_000_000_000_i64, "quantity": 90_000 });
        let body = json!({ "customer_id": customer, "currency": "USD", "lines": [line] });
        let answer = app.post("/invoices", body).await;
        assert_eq!(refusal(&answer), (400, "INVOICE_NOT_COMPUTABLE".to_owned()));
    }

    async fn the_state_of_a_generation_is_told(app) {
        let customer = customer(&app, "Northwind").await;
        let id = draft(&app, &customer, 5).await.id();
        let path = format!("/invoices/invoice_generation_status/{id}");
        let answer = app.get(&path).await.ok();
        assert_eq!((answer.text("/status"), answer.text("/invoice_status")), ("completed", "draft"));
        let other = "00000000-0000-7000-8000-00000000ffff";
        assert_eq!(app.get(&format!("{path}?contract_id={other}")).await.status, 404);
    }

    async fn a_customer_that_owes_something_is_not_deleted(app) {
        let customer = customer(&app, "Northwind").await;
        let id = draft(&app, &customer, 5).await.id();
        let path = format!("/customers/{customer}");
        let refused = (400, "CUSTOMER_HAS_UNPAID_INVOICES".to_owned());
        assert_eq!(refusal(&app.delete(&path).await), refused);
        let drafts = app.get("/customers?invoice__status=draft").await.ok();
        assert_eq!(drafts.text("/results/0/id"), customer);
        assert_eq!(app.get("/customers?invoice__status=paid").await.ok().at("/total_count"), 0);
        let of = app.get(&format!("/customers?invoice__customer_id={customer}")).await.ok();
        assert_eq!(of.at("/total_count"), 1);
        app.delete(&format!("/invoices/{id}")).await.ok();
        app.delete(&path).await.ok();
        let kept = app.get(&format!("/invoices/{id}")).await.ok();
        assert_eq!(kept.at("/customer"), &json!(null));
    }

    async fn an_idempotency_key_makes_one_invoice(app) {
        let customer = customer(&app, "Northwind").await;
        let body = json!({ "customer_id": customer, "currency": "USD",
            "lines": [{ "name": "A", "unit_amount": 1 }] });
        let send = || {
            let request = app.signed(axum::http::Method::POST, "/invoices");
            let request = request.header("idempotency-key", "once");
            app.request(request.body(body.to_string().into()).unwrap())
        };
        let (first, second) = (send().await.ok(), send().await.ok());
        assert_eq!(first.id(), second.id());
        assert_eq!(app.get("/invoices").await.ok().at("/total_count"), 1);
    }
}
