//! `/invoices/generate_invoice`, `/invoices/generate_invoices`, `/invoices/{id}/regenerate`, `/jobs`

use expect_test::expect;
use florin_app::usage::UsageError;
use florin_core::contract::{Contract, Status};
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

use crate::billing::{
    Agreement, approve_all, bill, customer, fee, gigabytes, invoices, metered, product, save,
    shown, store_gigabytes,
};

/// 2026-01-01 and 2026-02-01 in seconds.
const JANUARY: i64 = 1_767_225_600;
const FEBRUARY: i64 = 1_769_904_000;

async fn signed(app: &TestApp) -> Contract {
    let (acme, seats) = (customer(app, "ACME").await, product(app, "Seats").await);
    Agreement::new(acme, seats, vec![fee("P1M", "postpaid", 31)])
        .sign(app)
        .await
}

fn january(contract: &Contract) -> Value {
    json!({ "customer_id": contract.header().customer_id, "contract_id": contract.id(),
        "from_date": JANUARY, "to_date": FEBRUARY, "bill_for_date": FEBRUARY,
        "billing_cycle_start_day": 1 })
}

async fn generate(app: &TestApp, body: &Value) -> Answer {
    app.post("/invoices/generate_invoice", body.clone()).await
}

fn count(answer: &Answer) -> usize {
    assert_eq!(answer.status, 200, "{answer}");
    answer.at("/invoice_ids").as_array().unwrap().len()
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

both! {
    async fn a_cycle_is_billed_before_its_day_and_once(app) {
        let body = january(&signed(&app).await);
        let first = generate(&app, &body).await;
        assert_eq!(count(&first), 1);
        // It is on a draft, which is made anew.
        let again = generate(&app, &body).await;
        assert_eq!(again.at("/invoice_ids"), first.at("/invoice_ids"));
        assert_eq!(bill(&app, "2026-02-01").await.invoices, 0);
        approve_all(&app).await;
        let refused = generate(&app, &body).await;
        assert_eq!(
            (refused.status, refused.text("/code")),
            (400, "InvoiceAlreadyGeneratedForThisBillingPeriod")
        );
        let unchecked = with(body, "check_duplicate_invoice", json!(false));
        assert_eq!(count(&generate(&app, &unchecked).await), 0);
        assert_eq!(invoices(&app).await.len(), 1);
    }

    async fn dates_come_as_seconds_or_text_and_mean_the_contracts_days(app) {
        let body = january(&signed(&app).await);
        for (from, to, bill_for) in [
            (json!("2026-01-01"), json!("2026-01-31"), json!("2026-02-01")),
            (json!("2026-01-01T00:00:00Z"), json!("2026-01-31T23:59:59Z"), json!("2026-02-01T00:00:00")),
            (json!(JANUARY.to_string()), json!(FEBRUARY - 1), json!(FEBRUARY)),
        ] {
            let body = with(with(with(body.clone(), "from_date", from), "to_date", to), "bill_for_date", bill_for);
            assert_eq!(count(&generate(&app, &body).await), 1, "{body}");
        }
        assert_eq!(invoices(&app).await.len(), 1);
    }

    async fn another_cycle_gives_no_invoice_and_none_an_empty_one(app) {
        let body = january(&signed(&app).await);
        for (name, value) in [("bill_for_date", json!(FEBRUARY - 86_400)), ("billing_cycle_start_day", json!(2))] {
            assert_eq!(count(&generate(&app, &with(body.clone(), name, value)).await), 0, "{name}");
        }
        assert_eq!(count(&generate(&app, &with(body, "bill_for_date", json!(null))).await), 1);
        expect![[r#"
            2026-02-01 draft 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn every_bad_date_is_named(app) {
        let body = january(&signed(&app).await);
        let wrong = with(with(body.clone(), "from_date", json!([])), "bill_for_date", json!(1.5));
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "from_date"
                  ],
                  "msg": "send whole seconds since 1970, or an ISO 8601 date or date-time",
                  "type": "value_error.datetime"
                },
                {
                  "loc": [
                    "body",
                    "bill_for_date"
                  ],
                  "msg": "send whole seconds since 1970, or an ISO 8601 date or date-time",
                  "type": "value_error.datetime"
                }
              ]
            }"#]].assert_eq(&generate(&app, &wrong).await.to_string());
        let wrong = with(with(body.clone(), "from_date", json!("noon")), "to_date", json!("never"));
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "from_date"
                  ],
                  "msg": "send seconds since 1970 or an ISO 8601 date or date-time: `noon` is not an ISO 8601 date or date-time",
                  "type": "value_error.datetime"
                },
                {
                  "loc": [
                    "body",
                    "to_date"
                  ],
                  "msg": "send seconds since 1970 or an ISO 8601 date or date-time: `never` is not an ISO 8601 date or date-time",
                  "type": "value_error.datetime"
                }
              ]
            }"#]].assert_eq(&generate(&app, &wrong).await.to_string());
        let wrong = with(body.clone(), "to_date", json!(JANUARY));
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "to_date"
                  ],
                  "msg": "send a moment after from_date",
                  "type": "value_error.date.range"
                }
              ]
            }"#]].assert_eq(&generate(&app, &wrong).await.to_string());
        let other = customer(&app, "Other").await;
        let wrong = with(body, "customer_id", json!(other));
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "customer_id"
                  ],
                  "msg": "the contract is not with this customer",
                  "type": "value_error.mismatch"
                }
              ]
            }"#]].assert_eq(&generate(&app, &wrong).await.to_string());
    }

    async fn a_contract_that_cannot_be_billed_says_why(app) {
        let contract = signed(&app).await;
        let mut details = contract.to_details();
        details.status = Status::Disputed;
        let mut ids = || app.app.ids.next();
        let disputed = contract.replace(details, None, &mut ids, app.app.clock.now()).unwrap();
        save(&app, &contract, &disputed).await;
        let refused = generate(&app, &january(&contract)).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "CONTRACT_NOT_BILLABLE"));
        bill(&app, "2026-02-01").await;
        assert_eq!(invoices(&app).await.len(), 0);
    }

    async fn several_contracts_are_a_job_with_outcomes(app) {
        let contract = signed(&app).await;
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        let body = json!({ "contract_ids": [contract.id(), unknown], "from_date": JANUARY,
            "to_date": FEBRUARY, "bill_for_date": FEBRUARY });
        let job = app.post("/invoices/generate_invoices", body).await.ok();
        assert_eq!(job.text("/status"), "completed_with_errors");
        let id = job.id();
        let read = app.get(&format!("/jobs/{id}")).await.ok();
        assert_eq!(read.at("/progress"), &json!({ "total": 2, "succeeded": 1, "failed": 1 }));
        let outcomes = app.get(&format!("/jobs/{id}/outcomes?order=created_at")).await.ok();
        let outcomes = outcomes.at("/results").as_array().unwrap().clone();
        let shown: Vec<String> = outcomes
            .iter()
            .map(|one| format!("{} {} {}", one["status"], one["resource"], one["code"]))
            .collect();
        let mut shown = shown;
        shown.sort();
        assert_eq!(shown, [r#""failed" "contract" "NOT_FOUND""#, r#""succeeded" "invoice" null"#]);
    }

    async fn jobs_and_outcomes_are_listed_and_filtered(app) {
        let (aggregate, storage) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        Agreement::new(acme, storage, vec![metered(aggregate, 2)]).sign(&app).await;
        for _ in 0..2 {
            // One for the question how much was accepted, one for the metric. The reason is told once.
            for _ in 0..2 {
                let message = "the template is broken".to_owned();
                app.usage.refuse_next(UsageError::Query { message, position: None });
            }
            bill(&app, "2026-02-01").await;
        }
        for (query, expected) in [
            ("", 1),
            ("job_type=billing_run", 1),
            ("status=failed", 1),
            ("status=running", 0),
            ("resource__neq=invoice", 0),
            ("search=resource=invoice", 1),
        ] {
            let page = app.get(&format!("/jobs?{query}")).await.ok();
            assert_eq!(page.at("/total_count"), &json!(expected), "{query}");
        }
        let page = app.get("/jobs").await.ok();
        let id = page.text("/results/0/id").to_owned();
        assert_eq!(app.get(&format!("/jobs/{id}/sub_jobs")).await.ok().at("/total_count"), &json!(0));
        for (query, expected) in [("status=failed", 1), ("status=succeeded", 0), ("code=METRIC_QUERY_REFUSED", 1)] {
            let page = app.get(&format!("/jobs/outcomes?{query}")).await.ok();
            assert_eq!(page.at("/total_count"), &json!(expected), "{query}");
        }
        expect![[r#"
            200
            {
              "next": null,
              "previous": null,
              "results": [
                {
                  "created_at": "2026-01-05T10:00:00Z",
                  "description": "Bills everything that is due",
                  "finished_at": "2026-01-05T10:00:00Z",
                  "id": "00000000-0000-7000-8000-000000000014",
                  "job_type": "billing_run",
                  "name": "Billing run of 2026-02-01",
                  "parent_id": null,
                  "progress": {
                    "failed": 1,
                    "succeeded": 0,
                    "total": 1
                  },
                  "resource": "invoice",
                  "status": "failed",
                  "updated_at": "2026-01-05T10:00:00Z"
                }
              ],
              "total_count": 1
            }"#]].assert_eq(&page.to_string());
    }

    async fn a_draft_is_made_anew_when_somebody_asks(app) {
        let (aggregate, storage) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        Agreement::new(acme, storage, vec![metered(aggregate, 2)]).sign(&app).await;
        bill(&app, "2026-02-01").await;
        store_gigabytes(&app, "ACME", "2026-01-10 00:00:00", 5).await;
        let draft = invoices(&app).await.remove(0).id();
        let answer = app.post(&format!("/invoices/{draft}/regenerate"), json!({})).await.ok();
        assert_eq!(answer.text("/status"), "draft");
        expect![[r#"
            2026-02-01 draft 10.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
        approve_all(&app).await;
        let refused = app.post(&format!("/invoices/{draft}/regenerate"), json!({})).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "INVOICE_NOT_A_DRAFT"));
    }
}
