//! `/payments/{payment_id}/refund` and `/payments/{payment_id}/reverse`, and what can be done with a payment in
//! each of its states.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both, cents};
use serde_json::{Value, json};

use crate::payments::{bad_fields, customer, paid, payment, wallet};

fn refund(destination: &str, amount: i64) -> Value {
    json!({ "refund_destination": destination, "writeoff_invoices": false, "refund_amount": amount })
}

async fn refunded(app: &TestApp, payment: &str, body: Value) -> Answer {
    app.post(&format!("/payments/{payment}/refund"), body).await
}

/// Code of a refusal, or status of the payment that is answered.
fn said(answer: &Answer) -> String {
    match answer.status {
        200 => answer.text("/status").to_owned(),
        400 => answer.text("/code").to_owned(),
        other => other.to_string(),
    }
}

/// A payment of 1000 cents over one invoice, in a state.
async fn in_state(app: &TestApp, customer: &str, state: &str) -> (String, String) {
    let invoice = app.issued(customer, &[cents(1_000)]).await;
    let mut body = payment(customer, 1_000, &[(&invoice, 1_000)]);
    if !matches!(
        state,
        "success" | "partially_refunded" | "refunded" | "voided"
    ) {
        body["status"] = json!("created");
    }
    let id = app.post("/payments", body).await.ok().id();
    let manual = format!("/payments/manual_payment/{id}");
    match state {
        "success" | "created" => {}
        "failed" | "canceled" => drop(app.patch(&manual, json!({ "status": state })).await.ok()),
        "partially_refunded" => drop(refunded(app, &id, refund("external", 400)).await.ok()),
        "refunded" => drop(refunded(app, &id, refund("external", 0)).await.ok()),
        "voided" => drop(
            app.post(&format!("/payments/{id}/reverse"), json!({}))
                .await
                .ok(),
        ),
        other => panic!("{other}"),
    }
    let shown = app.get(&format!("/payments/{id}")).await.ok();
    assert_eq!(shown.text("/status"), state);
    (id, invoice)
}

async fn act(app: &TestApp, action: &str, id: &str, invoice: &str) -> Answer {
    let manual = format!("/payments/manual_payment/{id}");
    match action {
        "allocate" => {
            let parts = json!({ "payment_parts": [{ "invoice_id": invoice, "amount": 900 }] });
            app.patch(&format!("/payments/{id}"), parts).await
        }
        "edit" => app.patch(&manual, json!({ "amount": 1_100 })).await,
        "realise" => app.patch(&manual, json!({ "status": "success" })).await,
        "cancel" => app.patch(&manual, json!({ "status": "canceled" })).await,
        "delete" => app.delete(&format!("/payments/{id}")).await,
        "refund" => refunded(app, id, refund("external", 100)).await,
        "reverse" => {
            app.post(&format!("/payments/{id}/reverse"), json!({}))
                .await
        }
        other => panic!("{other}"),
    }
}

both! {
    async fn what_can_be_done_in_each_state(app) {
        let mut table = String::new();
        for state in ["created", "success", "partially_refunded", "refunded", "voided", "failed", "canceled"] {
            table.push_str(&format!("{state}\n"));
            for action in ["allocate", "edit", "realise", "cancel", "delete", "refund", "reverse"] {
                let customer = customer(&app).await;
                let (id, invoice) = in_state(&app, &customer, state).await;
                let before = app.standing(&invoice).await;
                let answer = act(&app, action, &id, &invoice).await;
                let after = app.standing(&invoice).await;
                assert!(answer.status == 200 || before == after, "{state} {action}: {answer}");
                let line = format!("  {action:8} {:26} {before} -> {after}\n", said(&answer));
                table.push_str(&line);
            }
        }
        expect![[r#"
            created
              allocate created                    approved 1000 -> approved 1000
              edit     created                    approved 1000 -> approved 1000
              realise  success                    approved 1000 -> paid 0
              cancel   canceled                   approved 1000 -> approved 1000
              delete   voided                     approved 1000 -> approved 1000
              refund   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              reverse  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
            success
              allocate success                    paid 0 -> partially_paid 100
              edit     success                    paid 0 -> paid 0
              realise  success                    paid 0 -> paid 0
              cancel   PAYMENT_STATUS_NOT_ALLOWED paid 0 -> paid 0
              delete   voided                     paid 0 -> approved 1000
              refund   success                    paid 0 -> partially_paid 100
              reverse  success                    paid 0 -> approved 1000
            partially_refunded
              allocate PAYMENT_ALREADY_REFUNDED   partially_paid 400 -> partially_paid 400
              edit     PAYMENT_ALREADY_REFUNDED   partially_paid 400 -> partially_paid 400
              realise  PAYMENT_ALREADY_REFUNDED   partially_paid 400 -> partially_paid 400
              cancel   PAYMENT_ALREADY_REFUNDED   partially_paid 400 -> partially_paid 400
              delete   PAYMENT_ALREADY_REFUNDED   partially_paid 400 -> partially_paid 400
              refund   success                    partially_paid 400 -> partially_paid 500
              reverse  success                    partially_paid 400 -> approved 1000
            refunded
              allocate PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
              edit     PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
              realise  PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
              cancel   PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
              delete   PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
              refund   REFUND_ABOVE_PAYMENT       approved 1000 -> approved 1000
              reverse  PAYMENT_ALREADY_REFUNDED   approved 1000 -> approved 1000
            voided
              allocate PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              edit     PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              realise  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              cancel   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              delete   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              refund   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              reverse  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
            failed
              allocate PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              edit     PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              realise  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              cancel   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              delete   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              refund   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              reverse  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
            canceled
              allocate PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              edit     PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              realise  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              cancel   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              delete   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              refund   PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
              reverse  PAYMENT_STATUS_NOT_ALLOWED approved 1000 -> approved 1000
        "#]].assert_eq(&table);
    }

    async fn a_refund_is_owed_again_or_given_up(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = paid(&app, &customer, 1_000, &[(&invoice, 1_000)]).await;
        let mut asked = refund("original_payment_method", 300);
        asked["description"] = json!("Goodwill");
        let answer = refunded(&app, &id, asked).await;
        expect![[r#"
            200
            {
              "amount": "300",
              "amount_refunded": "0",
              "autocharge": false,
              "connector_id": null,
              "connector_name": null,
              "created_at": "2026-01-05T10:00:00Z",
              "credit_note_id": null,
              "currency_code": "USD",
              "customer_email": null,
              "customer_external_id": null,
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "customer_name": "Northwind",
              "description": "Goodwill",
              "external_id": null,
              "id": "00000000-0000-7000-8000-00000000000f",
              "invoices": [
                {
                  "amount": "300",
                  "amount_refunded": "0",
                  "created_at": "2026-01-05T10:00:00Z",
                  "currency_code": "USD",
                  "invoice_id": "00000000-0000-7000-8000-000000000008",
                  "invoice_number": "INV-000000000008",
                  "invoice_total": "1000",
                  "payment_id": "00000000-0000-7000-8000-00000000000f",
                  "status": "partially_paid"
                }
              ],
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "parent_id": "00000000-0000-7000-8000-00000000000c",
              "payment_method": "other",
              "payment_method_details": {},
              "receipt_number": null,
              "refund_destination": "original_payment_method",
              "status": "success",
              "timestamp": "2026-01-05T10:00:00Z",
              "transactions": [],
              "type": "refund",
              "updated_at": "2026-01-05T10:00:00Z",
              "wallet_amount": "0"
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(app.standing(&invoice).await, "partially_paid 300");
        let given_up = json!({ "refund_destination": "external", "writeoff_invoices": true, "refund_amount": 200 });
        refunded(&app, &id, given_up).await.ok();
        assert_eq!(app.standing(&invoice).await, "partially_paid 300");
        let shown = app.get(&format!("/payments/{id}")).await.ok();
        assert_eq!(shown.text("/status"), "partially_refunded");
        assert_eq!((shown.text("/amount_refunded"), shown.text("/invoices/0/amount_refunded")), ("500", "500"));
        let more = refunded(&app, &id, refund("external", 501)).await;
        assert_eq!((more.status, more.text("/code")), (400, "REFUND_ABOVE_PAYMENT"));
        let rest = refunded(&app, &id, refund("external", 0)).await.ok();
        assert_eq!(rest.text("/amount"), "500");
        assert_eq!(app.get(&format!("/payments/{id}")).await.ok().text("/status"), "refunded");
        assert_eq!(app.standing(&invoice).await, "approved 800");
    }

    async fn a_refund_takes_the_over_payment_first_then_of_each_invoice_its_share(app) {
        let customer = customer(&app).await;
        let one = app.issued(&customer, &[cents(1_000)]).await;
        let two = app.issued(&customer, &[cents(500)]).await;
        let id = paid(&app, &customer, 1_800, &[(&one, 1_000), (&two, 500)]).await;
        let answer = refunded(&app, &id, refund("external", 450)).await.ok();
        assert_eq!((answer.text("/wallet_amount"), wallet(&app, &customer).await), ("300", 0));
        assert_eq!((answer.at("/invoices/0/amount"), answer.at("/invoices/1/amount")), (&json!("100"), &json!("50")));
        assert_eq!(app.standing(&one).await, "partially_paid 100");
        assert_eq!(app.standing(&two).await, "partially_paid 50");
    }

    async fn a_refund_names_its_parts(app) {
        let customer = customer(&app).await;
        let one = app.issued(&customer, &[cents(1_000)]).await;
        let two = app.issued(&customer, &[cents(500)]).await;
        let id = paid(&app, &customer, 1_500, &[(&one, 1_000), (&two, 500)]).await;
        let mut asked = refund("credits", 100);
        asked["refund_payment_part_amounts"] = json!([{ "invoice_id": two, "amount": 100 }]);
        refunded(&app, &id, asked.clone()).await.ok();
        assert_eq!((app.standing(&two).await, wallet(&app, &customer).await), ("partially_paid 100".to_owned(), 100));
        asked["refund_amount"] = json!(99);
        assert_eq!(
            bad_fields(&refunded(&app, &id, asked.clone()).await),
            ["refund_amount: the parts sum to 1.00 USD, 0.99 USD are refunded"]
        );
        let stranger = app.issued(&customer, &[cents(5)]).await;
        asked["refund_amount"] = json!(100);
        asked["refund_payment_part_amounts"][0]["invoice_id"] = json!(stranger);
        let bad = bad_fields(&refunded(&app, &id, asked).await);
        assert_eq!(bad, [format!("refund_payment_part_amounts: the payment is not for invoice {stranger}")]);
        let bad = bad_fields(&refunded(&app, &id, json!({ "refund_amount": -1 })).await);
        expect![[r#"
            refund_destination: field required
            writeoff_invoices: field required
            refund_amount: at least 0"#]].assert_eq(&bad.join("\n"));
    }

    async fn an_over_payment_that_was_used_is_not_refunded(app) {
        let customer = customer(&app).await;
        let id = paid(&app, &customer, 500, &[]).await;
        app.issued(&customer, &[cents(400)]).await;
        let answer = refunded(&app, &id, refund("external", 0)).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "WALLET_BALANCE_TOO_LOW"));
        refunded(&app, &id, refund("external", 100)).await.ok();
        assert_eq!(wallet(&app, &customer).await, 0);
    }

    async fn a_reversal_may_leave_the_wallet_below_zero(app) {
        let customer = customer(&app).await;
        let paid_off = app.issued(&customer, &[cents(1_000)]).await;
        let id = paid(&app, &customer, 1_500, &[(&paid_off, 1_000)]).await;
        let other = app.issued(&customer, &[cents(450)]).await;
        assert_eq!((app.standing(&other).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 50));
        refunded(&app, &id, refund("credits", 100)).await.ok();
        let body = json!({ "description": "The check bounced", "timestamp": "2026-01-06T00:00:00" });
        let answer = app.post(&format!("/payments/{id}/reverse"), body).await;
        expect![[r#"
            200
            {
              "amount": "1500",
              "amount_refunded": "0",
              "autocharge": false,
              "connector_id": null,
              "connector_name": null,
              "created_at": "2026-01-05T10:00:00Z",
              "credit_note_id": null,
              "currency_code": "USD",
              "customer_email": null,
              "customer_external_id": null,
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "customer_name": "Northwind",
              "description": "The check bounced",
              "external_id": null,
              "id": "00000000-0000-7000-8000-00000000001b",
              "invoices": [
                {
                  "amount": "900",
                  "amount_refunded": "0",
                  "created_at": "2026-01-05T10:00:00Z",
                  "currency_code": "USD",
                  "invoice_id": "00000000-0000-7000-8000-000000000008",
                  "invoice_number": "INV-000000000008",
                  "invoice_total": "1000",
                  "payment_id": "00000000-0000-7000-8000-00000000001b",
                  "status": "approved"
                }
              ],
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "parent_id": "00000000-0000-7000-8000-00000000000c",
              "payment_method": "other",
              "payment_method_details": {},
              "receipt_number": null,
              "refund_destination": null,
              "status": "success",
              "timestamp": "2026-01-06T00:00:00Z",
              "transactions": [],
              "type": "payment_reversal",
              "updated_at": "2026-01-05T10:00:00Z",
              "wallet_amount": "600"
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(app.standing(&paid_off).await, "approved 1000");
        assert_eq!(wallet(&app, &customer).await, -450);
        let again = app.post(&format!("/payments/{id}/reverse"), json!({})).await;
        assert_eq!((again.status, again.text("/code")), (400, "PAYMENT_STATUS_NOT_ALLOWED"));
    }

    async fn withheld_tax_and_refunds_are_not_refunded(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let mut body = payment(&customer, 100, &[(&invoice, 100)]);
        body["type"] = json!("tax_withheld");
        let withheld = app.post("/payments", body).await.ok().id();
        let id = paid(&app, &customer, 900, &[(&invoice, 900)]).await;
        let back = refunded(&app, &id, refund("external", 100)).await.ok().id();
        for id in [&withheld, &back] {
            let answer = refunded(&app, id, refund("external", 0)).await;
            assert_eq!((answer.status, answer.text("/code")), (400, "PAYMENT_TYPE_NOT_ALLOWED"));
        }
    }

    async fn fifty_refunds_at_once_give_back_no_more_than_came(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = paid(&app, &customer, 1_000, &[(&invoice, 1_000)]).await;
        let requests = (0..50).map(|_| refunded(&app, &id, refund("external", 70)));
        let answers = futures_util::future::join_all(requests).await;
        let mut said: Vec<String> = answers.iter().map(said).collect();
        said.sort();
        assert_eq!(said.iter().filter(|said| *said == "success").count(), 14, "{said:?}");
        assert_eq!(said.iter().filter(|said| *said == "REFUND_ABOVE_PAYMENT").count(), 36, "{said:?}");
        assert_eq!(app.standing(&invoice).await, "partially_paid 980");
    }

    async fn lists_of_an_invoice_and_filters(app) {
        let customer = customer(&app).await;
        let one = app.issued(&customer, &[cents(1_000)]).await;
        let two = app.issued(&customer, &[cents(1_000)]).await;
        let [first, second, third] = [
            paid(&app, &customer, 300, &[(&one, 300)]).await,
            paid(&app, &customer, 200, &[(&one, 100), (&two, 100)]).await,
            paid(&app, &customer, 100, &[]).await,
        ];
        refunded(&app, &first, refund("external", 0)).await.ok();
        refunded(&app, &second, refund("external", 50)).await.ok();
        for (query, expected) in [
            (format!("/payments/invoice/{one}?order=amount"), "200"),
            (format!("/invoices/{one}/payments"), "200"),
            (format!("/payments/invoice/{one}/without_refunds?order=amount"), "200 300"),
            (format!("/payments/invoice/{two}/without_refunds"), "200"),
            ("/payments?order=amount".to_owned(), "50 100 200 300 300"),
            ("/payments?type=refund&order=amount".to_owned(), "50 300"),
            (format!("/payments?parent_id={first}"), "300"),
            (format!("/payments?id={third}"), "100"),
            (format!("/payments?invoice__id={two}&order=amount"), "50 200"),
            ("/payments?amount__gte=100&amount__lte=200&sort_key=amount&sort_type=asc".to_owned(), "100 200"),
            ("/payments?amount_refunded__gte=1&order=amount".to_owned(), "200 300"),
            ("/payments?status=partially_refunded".to_owned(), "200"),
            ("/payments?payment_method=cash".to_owned(), ""),
            ("/payments?currency_code__ilike=us&limit=1&order=-amount".to_owned(), "300"),
            ("/payments?search=currency_code=usd,type=refund&order=-amount".to_owned(), "300 50"),
            ("/payments?timestamp__gte=1767607200&timestamp__lte=1767607201&limit=2&order=amount".to_owned(), "50 100"),
            ("/payments?timestamp__lte=1767607199".to_owned(), ""),
            ("/payments?created_at__gte=2026-01-05&type=refund&order=amount".to_owned(), "50 300"),
            ("/payments?invoice__bill_for_date__gte=2026-01-05&type=payment&order=amount".to_owned(), "200 300"),
            ("/payments?invoice__bill_for_date__lte=2026-01-04".to_owned(), ""),
            ("/payments?invoice__approved_at__gte=2026-01-05T10:00:00&type=payment&order=amount".to_owned(), "200 300"),
            ("/payments?invoice__approved_at__gte=2026-01-05T10:00:01".to_owned(), ""),
            ("/payments?autocharge=true".to_owned(), ""),
            ("/payments?external_id__ilike=wire".to_owned(), ""),
            ("/payments?receipt_number__ilike=R".to_owned(), ""),
            ("/payments?connector_id=00000000-0000-7000-8000-00000000ffff".to_owned(), ""),
            ("/payments?customer__business_entity_id=00000000-0000-7000-8000-00000000ffff".to_owned(), ""),
            (format!("/payments?customer_id={customer}&limit=1&order=amount"), "50"),
        ] {
            let answer = app.get(&query).await.ok();
            let rows = answer.at("/results").as_array().unwrap().iter();
            let amounts: Vec<&str> = rows.map(|row| row["amount"].as_str().unwrap()).collect();
            assert_eq!(amounts.join(" "), expected, "{query}");
        }
        let unknown = "/payments/invoice/00000000-0000-7000-8000-00000000ffff";
        assert_eq!(app.get(unknown).await.status, 404);
    }
}
