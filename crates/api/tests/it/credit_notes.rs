//! `/credit_notes` and `/invoices/{invoice_id}/credit_note`.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both, cents};
use serde_json::{Value, json};

use crate::{
    payments::{bad_fields, customer, paid, wallet},
    payments_charged::{answered, charged},
};

async fn credited(app: &TestApp, invoice: &str, body: Value) -> Answer {
    app.post(&format!("/invoices/{invoice}/credit_note"), body)
        .await
}

fn credit(amount: Value, destination: Option<&str>) -> Value {
    json!({ "credit_note_amount": amount, "reason": "Billing error", "refund_destination": destination })
}

/// A credit note of 25 dollars for a customer at large.
fn at_large(customer: &str, method: &str) -> Value {
    json!({ "amount": 2_500, "currency": "USD", "customer_id": customer, "status": "issued",
        "repayment_method": method, "line_items": { "lines": [] } })
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

both! {
    async fn a_credit_goes_against_what_is_due_and_all_of_it_voids(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(6_000), cents(4_000)]).await;
        let answer = credited(&app, &invoice, credit(json!(25), None)).await;
        expect![[r#"
            200
            {
              "amount": 2500,
              "created_at": "2026-01-05T10:00:00Z",
              "credit_note_number": "CN-0001",
              "credits_returned": 0,
              "currency": "USD",
              "custom_data": {},
              "customer": {
                "email": null,
                "external_id": null,
                "id": "00000000-0000-7000-8000-000000000005",
                "name": "Northwind"
              },
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "external_amount": 0,
              "id": "00000000-0000-7000-8000-00000000000d",
              "invoice": {
                "email": null,
                "external_id": null,
                "id": "00000000-0000-7000-8000-000000000009",
                "name": "INV-000000000009"
              },
              "invoice_adjusted": 2500,
              "invoice_id": "00000000-0000-7000-8000-000000000009",
              "line_items_url": "/credit_notes/00000000-0000-7000-8000-00000000000d/line_items",
              "reason": "Billing error",
              "refund_amount_split": [],
              "repayment_method": "invoice_adjusted",
              "status": "issued",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(app.standing(&invoice).await, "approved 7500");
        let path = format!("/credit_notes/{}", answer.id());
        assert_eq!(app.get(&path).await.ok().body, answer.body);
        let lines = app.get(&format!("{path}/line_items")).await;
        expect![[r#"
            200
            {
              "line_items": {},
              "lines": [
                {
                  "description": null,
                  "name": "Line 1",
                  "subtotal": {
                    "display": "$15.00",
                    "unit": "USD",
                    "value": 15
                  },
                  "tax": {
                    "display": "$0.00",
                    "unit": "USD",
                    "value": 0
                  }
                },
                {
                  "description": null,
                  "name": "Line 2",
                  "subtotal": {
                    "display": "$10.00",
                    "unit": "USD",
                    "value": 10
                  },
                  "tax": {
                    "display": "$0.00",
                    "unit": "USD",
                    "value": 0
                  }
                }
              ],
              "total": 25
            }"#]].assert_eq(&lines.to_string());
        let rest = credited(&app, &invoice, credit(json!("75.00"), None)).await.ok();
        assert_eq!(rest.text("/credit_note_number"), "CN-0002");
        assert_eq!(app.standing(&invoice).await, "void 0");
        let again = credited(&app, &invoice, credit(json!(1), None)).await;
        assert_eq!(refusal(&again), (400, "CREDIT_NOTE_INVOICE_VOID"));
    }

    async fn no_more_is_credited_than_is_left(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        credited(&app, &invoice, credit(json!(4), None)).await.ok();
        let answer = credited(&app, &invoice, credit(json!(6.01), None)).await;
        assert_eq!(refusal(&answer), (400, "CREDIT_NOTE_ABOVE_INVOICE"));
        let requests = (0..20).map(|_| credited(&app, &invoice, credit(json!(1), None)));
        let answers = futures_util::future::join_all(requests).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 6);
        assert_eq!(app.standing(&invoice).await, "void 0");
    }

    async fn paid_money_goes_where_the_note_says(app) {
        for (destination, status, method, in_wallet, outside) in [
            ("credits", "issued", "credits", 500, 0),
            ("external", "issued", "external_payment", 0, 500),
            ("original_payment_method", "paid", "original_payment_method", 0, 0),
        ] {
            let customer = customer(&app).await;
            let invoice = app.issued(&customer, &[cents(1_000)]).await;
            let id = paid(&app, &customer, 800, &[(&invoice, 800)]).await;
            let nowhere = credited(&app, &invoice, credit(json!(7), None)).await;
            assert_eq!(
                bad_fields(&nowhere),
                ["refund_destination: 5.00 USD of it was paid: say where it goes by refund_destination"]
            );
            let answer = credited(&app, &invoice, credit(json!(7), Some(destination))).await.ok();
            assert_eq!((answer.text("/status"), answer.text("/repayment_method")), (status, method));
            assert_eq!(answer.at("/invoice_adjusted"), 200);
            assert_eq!((answer.at("/credits_returned"), answer.at("/external_amount")), (&json!(in_wallet), &json!(outside)));
            assert_eq!(wallet(&app, &customer).await, in_wallet);
            assert_eq!(app.standing(&invoice).await, "paid 0");
            let refunds = app.get(&format!("/payments?parent_id={id}")).await.ok();
            let given: Vec<&str> = refunds.at("/results").as_array().unwrap().iter()
                .map(|row| row["amount"].as_str().unwrap()).collect();
            assert_eq!(given, if destination == "original_payment_method" { vec!["500"] } else { vec![] });
            if status == "paid" {
                assert_eq!(refunds.text("/results/0/credit_note_id"), answer.id());
            }
        }
    }

    async fn payments_give_back_oldest_first_or_as_the_split_says(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let one = paid(&app, &customer, 400, &[(&invoice, 400)]).await;
        app.clock.advance(jiff::SignedDuration::from_secs(60));
        let two = paid(&app, &customer, 600, &[(&invoice, 600)]).await;
        let back = Some("original_payment_method");
        let answer = credited(&app, &invoice, credit(json!(5), back)).await.ok();
        assert_eq!(
            answer.at("/refund_amount_split"),
            &json!([{ "payment_id": one, "amount": 400 }, { "payment_id": two, "amount": 100 }])
        );
        let mut body = credit(json!(3), back);
        body["refund_amount_split"] = json!([{ "payment_id": two, "amount": 2 }]);
        assert_eq!(
            bad_fields(&credited(&app, &invoice, body.clone()).await),
            ["refund_amount_split: the parts of refund_amount_split sum to 2.00 USD, 3.00 USD are refunded"]
        );
        body["refund_amount_split"] = json!([{ "payment_id": two, "amount": 2 }, { "payment_id": one, "amount": 1 }]);
        let answer = credited(&app, &invoice, body.clone()).await;
        assert_eq!(refusal(&answer), (400, "CREDIT_NOTE_PAYMENT_TOO_SMALL"));
        body["refund_amount_split"] = json!([{ "payment_id": two, "amount": 3 }]);
        credited(&app, &invoice, body).await.ok();
        let shown = app.get(&format!("/payments/{two}")).await.ok();
        assert_eq!((shown.text("/status"), shown.text("/amount_refunded")), ("partially_refunded", "400"));
        // What a credit note gave back of the invoice is no longer there to be moved.
        let moved = app.delete(&format!("/payments/{two}")).await;
        assert_eq!(refusal(&moved), (400, "PAYMENT_ALREADY_REFUNDED"));
    }

    async fn what_the_wallet_had_paid_comes_back_to_it(app) {
        let customer = customer(&app).await;
        let body = json!({ "type": "credit", "amount": 600, "currency": "USD" });
        app.post(&format!("/customers/{customer}/wallets/adjustments"), body).await.ok();
        let invoice = app.issued(&customer, &[cents(600)]).await;
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 0));
        let answer = credited(&app, &invoice, credit(json!(6), None)).await.ok();
        assert_eq!((answer.text("/repayment_method"), answer.at("/credits_returned")), ("credits", &json!(600)));
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("void 0".to_owned(), 600));
    }

    async fn a_gateway_pays_back_later_or_the_wallet_does(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let [one, two] = [
            charged(&app, &customer, &invoice, 600).await,
            charged(&app, &customer, &invoice, 400).await,
        ];
        let back = Some("original_payment_method");
        let note = credited(&app, &invoice, credit(json!(10), back)).await.ok();
        assert_eq!(note.text("/status"), "in_progress");
        assert_eq!(app.standing(&invoice).await, "void 0");
        let mut refunds = Vec::new();
        for parent in [one, two] {
            let rows = app.get(&format!("/payments?parent_id={parent}")).await.ok();
            assert_eq!(rows.text("/results/0/status"), "in_progress");
            refunds.push(rows.text("/results/0/id").parse().unwrap());
        }
        answered(&app, refunds[0], true).await;
        let path = format!("/credit_notes/{}", note.id());
        assert_eq!(app.get(&path).await.ok().text("/status"), "in_progress");
        answered(&app, refunds[1], false).await;
        let shown = app.get(&path).await.ok();
        assert_eq!((shown.text("/status"), shown.at("/credits_returned")), ("paid", &json!(400)));
        assert_eq!(shown.at("/refund_amount_split"), &json!([{ "payment_id": one, "amount": 600 }]));
        assert_eq!(wallet(&app, &customer).await, 400);
    }

    async fn a_customer_is_credited_at_large(app) {
        let customer = customer(&app).await;
        let mut body = at_large(&customer, "credits");
        body["custom_data"] = json!({ "ticket": "T-1" });
        body["reason"] = json!("Goodwill");
        let answer = app.post("/credit_notes", body.clone()).await;
        expect![[r#"
            200
            {
              "amount": 2500,
              "created_at": "2026-01-05T10:00:00Z",
              "credit_note_number": "CN-0001",
              "credits_returned": 2500,
              "currency": "USD",
              "custom_data": {
                "ticket": "T-1"
              },
              "customer": {
                "email": null,
                "external_id": null,
                "id": "00000000-0000-7000-8000-000000000005",
                "name": "Northwind"
              },
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "external_amount": 0,
              "id": "00000000-0000-7000-8000-000000000007",
              "invoice": null,
              "invoice_adjusted": 0,
              "invoice_id": null,
              "line_items_url": "/credit_notes/00000000-0000-7000-8000-000000000007/line_items",
              "reason": "Goodwill",
              "refund_amount_split": [],
              "repayment_method": "credits",
              "status": "issued",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
        assert_eq!(wallet(&app, &customer).await, 2_500);
        let mut outside = at_large(&customer, "external_payment");
        outside["credits_returned"] = json!(500);
        outside["refund_amount"] = json!(2_000);
        let answer = app.post("/credit_notes", outside.clone()).await.ok();
        assert_eq!((answer.at("/credits_returned"), answer.at("/external_amount")), (&json!(500), &json!(2_000)));
        assert_eq!(wallet(&app, &customer).await, 3_000);
        body["credit_note_number"] = answer.at("/credit_note_number").clone();
        assert_eq!(refusal(&app.post("/credit_notes", body.clone()).await), (400, "CREDIT_NOTE_NUMBER_TAKEN"));
        // A number that somebody took by hand is passed over.
        body["credit_note_number"] = json!("CN-0003");
        app.post("/credit_notes", body.clone()).await.ok();
        body.as_object_mut().unwrap().remove("credit_note_number");
        assert_eq!(app.post("/credit_notes", body).await.ok().text("/credit_note_number"), "CN-0004");
    }

    async fn every_bad_field_is_named_and_nothing_changes(app) {
        let customer = customer(&app).await;
        let other = crate::payments::customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let bad = credited(&app, &invoice, json!({ "credit_note_amount": "x", "refund_destination": "bank" })).await;
        expect![[r#"
            reason: field required
            credit_note_amount: text of the form ^-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?$
            refund_destination: value is not one of ["credits","original_payment_method","external"]"#]].assert_eq(&bad_fields(&bad).join("\n"));
        for (amount, expected) in [
            (json!(0), "credit_note_amount: a credit note is for more than nothing"),
            (json!(-1), "credit_note_amount: a credit note is for more than nothing"),
            (json!(1.005), "credit_note_amount: at most 2 digits after the point"),
        ] {
            assert_eq!(bad_fields(&credited(&app, &invoice, credit(amount, None)).await), [expected]);
        }
        let mut blank = credit(json!(1), None);
        blank["reason"] = json!(" ");
        assert_eq!(bad_fields(&credited(&app, &invoice, blank).await), ["reason: a credit note needs a reason"]);
        expect![[r#"
            amount: field required
            currency: field required
            customer_id: field required
            status: field required
            repayment_method: field required
            line_items: field required"#]].assert_eq(&bad_fields(&app.post("/credit_notes", json!({})).await).join("\n"));
        let mut foreign = at_large(&other, "invoice_adjusted");
        foreign["invoice_id"] = json!(invoice);
        foreign["currency"] = json!("EUR");
        expect![[r#"
            customer_id: the invoice is another customer's
            currency: the invoice is in USD"#]].assert_eq(&bad_fields(&app.post("/credit_notes", foreign).await).join("\n"));
        let mut wrong = at_large(&customer, "credits");
        wrong["credits_returned"] = json!(1);
        wrong["refund_amount"] = json!(1);
        expect![[r#"
            credits_returned: it is 2500 by what is due and paid
            refund_amount: it is 0 by what is due and paid"#]].assert_eq(&bad_fields(&app.post("/credit_notes", wrong).await).join("\n"));
        let lost = app.post("/credit_notes", at_large(&customer, "invoice_adjusted")).await;
        assert_eq!(bad_fields(&lost), ["repayment_method: without invoice_id: credits or external_payment"]);
        assert_eq!(app.get("/credit_notes").await.ok().at("/total_count"), 0);
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("approved 1000".to_owned(), 0));
        let draft = app.draft(customer.parse().unwrap(), &[cents(5)]);
        let mut tx = app.begin().await;
        florin_store::invoice::insert_drafts(&mut tx, std::slice::from_ref(&draft)).await.unwrap();
        tx.commit().await.unwrap();
        let answer = credited(&app, &draft.id().to_string(), credit(json!(0.01), None)).await;
        assert_eq!(refusal(&answer), (400, "INVOICE_NOT_APPROVED"));
    }

    async fn an_invoice_is_credited_by_either_path(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let mut body = at_large(&customer, "invoice_adjusted");
        body["invoice_id"] = json!(invoice);
        let answer = app.post("/credit_notes", body).await.ok();
        assert_eq!((answer.text("/invoice_id"), answer.at("/amount")), (&*invoice, &json!(2_500)));
        let old = format!("/invoices/{invoice}/create_credit_note");
        app.patch(&old, credit(json!(25), None)).await.ok();
        assert_eq!(app.standing(&invoice).await, "approved 5000");
    }

    async fn only_what_is_said_of_a_note_changes(app) {
        let customer = customer(&app).await;
        let id = app.post("/credit_notes", at_large(&customer, "credits")).await.ok().id();
        let path = format!("/credit_notes/{id}");
        let change = json!({ "custom_data": { "seen": true }, "line_items": { "lines": [{ "name": "Goodwill" }] },
            "amount": 2_500, "currency": "USD", "status": "issued", "repayment_method": "credits" });
        let changed = app.patch(&path, change).await.ok();
        assert_eq!(changed.at("/custom_data/seen"), true);
        let lines = app.get(&format!("{path}/line_items")).await.ok();
        assert_eq!(lines.body, json!({ "lines": [], "line_items": { "lines": [{ "name": "Goodwill" }] }, "total": 25 }));
        for change in [
            json!({ "amount": 2_501 }),
            json!({ "currency": "EUR" }),
            json!({ "status": "void" }),
            json!({ "repayment_method": "external_payment" }),
        ] {
            assert_eq!(refusal(&app.patch(&path, change).await), (400, "CREDIT_NOTE_FIXED"));
        }
    }

    async fn filters(app) {
        let [one, two] = [customer(&app).await, customer(&app).await];
        let invoice = app.issued(&one, &[cents(10_000)]).await;
        credited(&app, &invoice, credit(json!(1), None)).await.ok();
        app.post("/credit_notes", at_large(&two, "credits")).await.ok();
        for (query, expected) in [
            ("order=amount".to_owned(), "100 2500"),
            ("sort_key=amount&sort_type=DESC".to_owned(), "2500 100"),
            (format!("customer_id={two}"), "2500"),
            (format!("invoice_id={invoice}"), "100"),
            ("status=issued&order=amount&limit=1".to_owned(), "100"),
            ("status=void".to_owned(), ""),
            ("search=currency=usd,status=issued&order=amount".to_owned(), "100 2500"),
            ("search=currency=inr,status=issued".to_owned(), ""),
            ("invoice_id__isnull=true".to_owned(), "2500"),
        ] {
            let answer = app.get(&format!("/credit_notes?{query}")).await.ok();
            let rows = answer.at("/results").as_array().unwrap().iter();
            let amounts: Vec<String> = rows.map(|row| row["amount"].to_string()).collect();
            assert_eq!(amounts.join(" "), expected, "{query}");
        }
    }
}
