//! `/payments`: recording, allocating, changing and deleting what people tell.

use expect_test::expect;
use florin_core::{currency::Currency, money::Money};
use florin_testkit::{TestApp, both, cents};
use serde_json::{Value, json};

/// A customer.
pub(crate) async fn customer(app: &TestApp) -> String {
    let body = json!({ "customer_name": "Northwind", "email": null });
    app.post("/customers", body).await.ok().id()
}

/// The body of a payment of a customer over some invoices.
pub(crate) fn payment(customer: &str, amount: i64, parts: &[(&str, i64)]) -> Value {
    let parts = parts
        .iter()
        .map(|(invoice, amount)| json!({ "invoice_id": invoice, "amount": amount }));
    json!({ "customer_id": customer, "amount": amount, "currency_code": "USD",
        "payment_parts": parts.collect::<Vec<_>>() })
}

/// Records such a payment; answers its id.
pub(crate) async fn paid(
    app: &TestApp,
    customer: &str,
    amount: i64,
    parts: &[(&str, i64)],
) -> String {
    let body = payment(customer, amount, parts);
    app.post("/payments", body).await.ok().id()
}

/// What a customer has in US cents.
pub(crate) async fn wallet(app: &TestApp, customer: &str) -> i64 {
    let wallets = app
        .get(&format!("/customers/{customer}/wallets"))
        .await
        .ok();
    let rows = wallets.at("/results").as_array().unwrap();
    let dollars = rows.iter().find(|row| row["currency"] == "USD");
    dollars.map_or(0, |row| row["balance"].as_i64().unwrap())
}

/// Fields and kinds of a 422.
pub(crate) fn bad_fields(answer: &florin_testkit::Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{answer}");
    let bad = answer.at("/detail").as_array().unwrap().iter();
    let shown = bad.map(|bad| {
        let path = bad["loc"].as_array().unwrap().iter().skip(1);
        let path: Vec<String> = path
            .map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned))
            .collect();
        format!("{}: {}", path.join("."), bad["msg"].as_str().unwrap())
    });
    shown.collect()
}

both! {
    async fn a_payment_pays_its_invoices_and_the_rest_is_in_the_wallet(app) {
        let customer = customer(&app).await;
        let one = app.issued(&customer, &[cents(10_000)]).await;
        let two = app.issued(&customer, &[cents(5_000)]).await;
        let mut body = payment(&customer, 18_000, &[(&one, 10_000), (&two, 3_000)]);
        body["payment_method"] = json!("bank_transfer");
        body["external_id"] = json!("wire-1");
        body["timestamp"] = json!(1_767_000_000);
        let created = app.post("/payments", body).await;
        expect![[r#"
            200
            {
              "amount": "18000",
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
              "description": null,
              "external_id": "wire-1",
              "id": "00000000-0000-7000-8000-000000000011",
              "invoices": [
                {
                  "amount": "10000",
                  "amount_refunded": "0",
                  "created_at": "2026-01-05T10:00:00Z",
                  "currency_code": "USD",
                  "invoice_id": "00000000-0000-7000-8000-000000000008",
                  "invoice_number": "INV-000000000008",
                  "invoice_total": "10000",
                  "payment_id": "00000000-0000-7000-8000-000000000011",
                  "status": "paid"
                },
                {
                  "amount": "3000",
                  "amount_refunded": "0",
                  "created_at": "2026-01-05T10:00:00Z",
                  "currency_code": "USD",
                  "invoice_id": "00000000-0000-7000-8000-00000000000d",
                  "invoice_number": "INV-00000000000d",
                  "invoice_total": "5000",
                  "payment_id": "00000000-0000-7000-8000-000000000011",
                  "status": "partially_paid"
                }
              ],
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "parent_id": null,
              "payment_method": "bank_transfer",
              "payment_method_details": {},
              "receipt_number": null,
              "refund_destination": null,
              "status": "success",
              "timestamp": "2025-12-29T09:20:00Z",
              "transactions": [],
              "type": "payment",
              "updated_at": "2026-01-05T10:00:00Z",
              "wallet_amount": "5000"
            }"#]].assert_eq(&created.to_string());
        assert_eq!(app.standing(&one).await, "paid 0");
        assert_eq!(app.standing(&two).await, "partially_paid 2000");
        assert_eq!(wallet(&app, &customer).await, 5_000);
        let path = format!("/payments/{}", created.id());
        assert_eq!(app.get(&path).await.ok().body, created.body);
    }

    async fn what_is_more_than_due_goes_into_the_wallet_too(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = paid(&app, &customer, 1_500, &[(&invoice, 1_500)]).await;
        let shown = app.get(&format!("/payments/{id}")).await.ok();
        assert_eq!(shown.at("/invoices/0/amount"), "1000");
        assert_eq!(shown.at("/wallet_amount"), "500");
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 500));
    }

    async fn a_payment_that_is_only_told_changes_nothing_until_it_comes(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let mut body = payment(&customer, 1_200, &[(&invoice, 1_000)]);
        body["status"] = json!("created");
        let id = app.post("/payments", body).await.ok().id();
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("approved 1000".to_owned(), 0));
        let path = format!("/payments/manual_payment/{id}");
        for status in ["in_progress", "voided", "refunded"] {
            let bad = bad_fields(&app.patch(&path, json!({ "status": status })).await);
            let expected = "status: a payment that was created comes (success) or does not (failed, canceled)";
            assert_eq!(bad, [expected]);
        }
        let changed = app.patch(&path, json!({ "status": "success" })).await.ok();
        assert_eq!(changed.at("/status"), "success");
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 200));
    }

    async fn withheld_tax_is_for_invoices_and_nothing_else(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let mut body = payment(&customer, 100, &[(&invoice, 100)]);
        body["type"] = json!("tax_withheld");
        let answer = app.post("/payments", body.clone()).await.ok();
        assert_eq!((answer.at("/payment_method"), answer.at("/type")), (&json!(null), &json!("tax_withheld")));
        assert_eq!(app.standing(&invoice).await, "partially_paid 900");
        body["payment_method"] = json!("cash");
        body["amount"] = json!(1_000);
        body["payment_parts"][0]["amount"] = json!(901);
        let bad = bad_fields(&app.post("/payments", body).await);
        expect![[r#"
            payment_parts: withheld tax is for invoices, all of it
            payment_method: withheld tax has no payment method
            payment_parts.0.amount: 9.00 USD of the invoice is to be paid"#]]
        .assert_eq(&bad.join("\n"));
    }

    async fn every_bad_field_is_named_and_nothing_changes(app) {
        let [one, two] = [customer(&app).await, customer(&app).await];
        let own = app.issued(&one, &[cents(1_000)]).await;
        let foreign = app.issued(&two, &[cents(1_000)]).await;
        let euros = app.issued(&one, &[Money::from_minor(1_000, Currency::EUR)]).await;
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        let parts = [(&*own, 10), (&*own, 10), (&*foreign, 10), (&*euros, 10), (unknown, 10)];
        let mut body = payment(&one, 49, &parts);
        body["status"] = json!("failed");
        body["type"] = json!("refund");
        expect![[r#"
            type: a refund cannot be recorded
            status: a payment is recorded as success or created, not failed
            payment_parts: the parts sum to more than the payment
            payment_parts.1.invoice_id: the invoice occurs twice
            payment_parts.2.invoice_id: there is no such invoice of this customer
            payment_parts.3.invoice_id: the invoice is in another currency
            payment_parts.4.invoice_id: there is no such invoice of this customer"#]].assert_eq(&bad_fields(&app.post("/payments", body).await).join("\n"));
        let body = json!({ "amount": 0, "currency_code": "US", "payment_method": "gold", "timestamp": "soon",
            "payment_parts": [{ "invoice_id": "x", "amount": 1.5 }] });
        expect![[r#"
            amount: at least 1
            payment_method: value is not one of ["card","cash","check","charge_back","bank_transfer","direct_debit","amazon_payments","paypal_express_checkout","upi","netbanking_emandates","other","credits","ach_credit_transfer"]
            payment_parts.0.amount: value is not an integer
            payment_parts.0.invoice_id: value is not a valid uuid
            timestamp: write a date and time as 2026-01-31T10:00:00Z; a date alone means its first instant, a time without zone is UTC, a whole number is seconds since 1970"#]].assert_eq(&bad_fields(&app.post("/payments", body).await).join("\n"));
        let body = json!({ "amount": 5, "currency_code": "XYZ" });
        expect![[r#"
            customer_id: field required: it cannot be told from the invoices
            currency_code: `XYZ` is not a currency of ISO 4217"#]].assert_eq(&bad_fields(&app.post("/payments", body).await).join("\n"));
        assert_eq!(app.get("/payments").await.ok().at("/total_count"), 0);
        for invoice in [&own, &foreign, &euros] {
            assert_eq!(app.standing(invoice).await, "approved 1000");
        }
    }

    async fn the_payer_follows_from_the_invoices_if_nobody_says(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let mut body = payment(&customer, 1_000, &[(&invoice, 1_000)]);
        body.as_object_mut().unwrap().remove("customer_id");
        let answer = app.post("/payments", body).await.ok();
        assert_eq!(answer.text("/customer_id"), customer);
    }

    async fn a_payment_moves_from_one_invoice_to_another(app) {
        let customer = customer(&app).await;
        let one = app.issued(&customer, &[cents(1_000)]).await;
        let two = app.issued(&customer, &[cents(1_000)]).await;
        let path = format!("/payments/{}", paid(&app, &customer, 1_500, &[(&one, 1_000)]).await);
        assert_eq!(wallet(&app, &customer).await, 500);
        let parts = json!({ "payment_parts": [{ "invoice_id": two, "amount": 900 }, { "invoice_id": one, "amount": 400 }] });
        let moved = app.patch(&path, parts).await.ok();
        assert_eq!(moved.at("/invoices/0/invoice_id"), &json!(two));
        assert_eq!(app.standing(&one).await, "partially_paid 600");
        assert_eq!(app.standing(&two).await, "partially_paid 100");
        assert_eq!(wallet(&app, &customer).await, 200);
        let none = app.patch(&path, json!({ "payment_parts": [] })).await;
        assert_eq!(bad_fields(&none), ["payment_parts: at least 1 items"]);
    }

    async fn an_over_payment_that_was_used_cannot_be_taken_back(app) {
        let customer = customer(&app).await;
        let id = paid(&app, &customer, 500, &[]).await;
        let invoice = app.issued(&customer, &[cents(300)]).await;
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 200));
        let other = app.issued(&customer, &[cents(1_000)]).await;
        assert_eq!((app.standing(&other).await, wallet(&app, &customer).await), ("partially_paid 800".to_owned(), 0));
        let parts = json!({ "payment_parts": [{ "invoice_id": other, "amount": 100 }] });
        for answer in [
            app.patch(&format!("/payments/{id}"), parts).await,
            app.delete(&format!("/payments/{id}")).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (400, "WALLET_BALANCE_TOO_LOW"));
        }
        assert_eq!((app.standing(&other).await, wallet(&app, &customer).await), ("partially_paid 800".to_owned(), 0));
    }

    async fn a_manual_payment_is_edited(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = paid(&app, &customer, 600, &[(&invoice, 600)]).await;
        let change = json!({ "amount": 1_100, "external_id": "wire-9", "timestamp": "2026-01-03T08:00:00",
            "payment_parts": [{ "invoice_id": invoice, "amount": 1_000 }],
            "payment_method_details": { "check_number": "7" } });
        let path = format!("/payments/manual_payment/{id}");
        let changed = app.patch(&path, change).await.ok();
        assert_eq!(changed.at("/amount"), "1100");
        assert_eq!(changed.at("/external_id"), "wire-9");
        assert_eq!(changed.at("/timestamp"), "2026-01-03T08:00:00Z");
        assert_eq!(changed.at("/payment_method_details/check_number"), "7");
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 100));
        let less = app.patch(&path, json!({ "amount": 500 })).await;
        assert_eq!(bad_fields(&less), ["payment_parts: the parts sum to more than the payment"]);
        assert_eq!(app.patch(&path, json!({})).await.ok().at("/amount"), "1100");
    }

    async fn an_external_id_stands_for_one_payment(app) {
        let customer = customer(&app).await;
        let mut body = payment(&customer, 600, &[]);
        body["external_id"] = json!("wire-1");
        let id = app.post("/payments", body.clone()).await.ok().id();
        let again = app.post("/payments", body.clone()).await;
        assert_eq!((again.status, again.text("/code")), (400, "PAYMENT_EXTERNAL_ID_TAKEN"));
        assert_eq!(wallet(&app, &customer).await, 600);
        app.delete(&format!("/payments/{id}")).await.ok();
        app.post("/payments", body).await.ok();
    }

    async fn a_deleted_payment_is_owed_again_and_gone(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let path = format!("/payments/{}", paid(&app, &customer, 1_200, &[(&invoice, 1_000)]).await);
        assert_eq!(app.delete(&path).await.ok().at("/status"), "voided");
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("approved 1000".to_owned(), 0));
        for answer in [app.get(&path).await, app.delete(&path).await] {
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"));
        }
        assert_eq!(app.get("/payments").await.ok().at("/total_count"), 0);
        assert_eq!(app.get(&format!("/payments/invoice/{invoice}")).await.ok().at("/total_count"), 0);
    }

    async fn the_same_key_records_a_payment_once(app) {
        let customer = customer(&app).await;
        let body = payment(&customer, 600, &[]).to_string();
        let send = || {
            let request = app.signed("POST".parse().unwrap(), "/payments");
            let request = request.header("idempotency-key", "k1");
            app.request(request.body(body.clone().into()).unwrap())
        };
        let [first, second] = [send().await.ok(), send().await.ok()];
        assert_eq!(first.body, second.body);
        assert_eq!(wallet(&app, &customer).await, 600);
    }

    async fn fifty_payments_at_once_never_pay_more_than_is_due(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let body = payment(&customer, 70, &[(&invoice, 70)]);
        let requests = (0..50).map(|_| app.post("/payments", body.clone()));
        let answers = futures_util::future::join_all(requests).await;
        let came = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(came, 50, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        assert_eq!(app.standing(&invoice).await, "paid 0");
        assert_eq!(wallet(&app, &customer).await, 50 * 70 - 1_000);
        let paid = app.get("/payments?limit=100").await.ok();
        let rows = paid.at("/results").as_array().unwrap().iter();
        let parts = rows.flat_map(|row| row["invoices"].as_array().unwrap());
        let amounts = parts.map(|part| part["amount"].as_str().unwrap().parse::<i64>().unwrap());
        assert_eq!(amounts.sum::<i64>(), 1_000);
    }
}
