//! `/payments/invoice/{invoice_id}/charge`, and what becomes of a charge afterwards.

use std::sync::Arc;

use florin_app::{App, charge};
use florin_testkit::{Answer, StoppingGateway, TestApp, both, cents};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};

/// A customer at the gateway with these cards, the first of which is the default.
pub(crate) async fn payer(app: &TestApp, cards: &[&str]) -> String {
    let connector = json!({ "name": "stripe", "api_key": "sk_live_51NabcdefXYZ9", "webhook_secret": "whsec_1" });
    app.post("/connectors", connector).await;
    let link = json!({ "name": "stripe", "reference_id": "cus_1" });
    let body = json!({ "customer_name": "Northwind", "connector": link });
    let customer = app.post("/customers", body).await.ok().id();
    for card in cards {
        attach(app, &customer, card, false).await;
    }
    customer
}

async fn attach(app: &TestApp, customer: &str, card: &str, is_default: bool) {
    let mut body = json!({ "payment_method_id": card });
    if is_default {
        body["set_as_default"] = json!(true);
    }
    let path = format!("/customers/{customer}/payment_methods/attach");
    app.post(&path, body).await.ok();
}

async fn try_charge(app: &TestApp, invoice: &str) -> Answer {
    let body = json!({ "skip_invoice_due_date_check": true });
    app.post(&format!("/payments/invoice/{invoice}/charge"), body)
        .await
}

async fn charged(app: &TestApp, invoice: &str) -> Answer {
    try_charge(app, invoice).await.ok()
}

fn refused(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

/// Statuses of all payments, oldest first.
pub(crate) async fn payments(app: &TestApp) -> Vec<String> {
    let answer = app.get("/payments?order=id&limit=100").await.ok();
    let rows = answer.at("/results").as_array().unwrap().clone();
    let word = |row: &Value| row["status"].as_str().unwrap().to_owned();
    rows.iter().map(word).collect()
}

/// Time passes until everything that is open is asked about, and it is.
pub(crate) async fn reconcile(app: &TestApp) -> usize {
    app.clock.advance(SignedDuration::from_hours(1));
    charge::reconcile(&app.app).await.unwrap()
}

/// A request that ends with the process, at the gateway: before it got the question, or before its answer came.
pub(crate) async fn killed(app: &TestApp, is_asked: bool, path: &str, body: Value) {
    let reached = Arc::new(Notify::new());
    let stopping = StoppingGateway::new(app.gateway.clone(), is_asked, reached.clone());
    let dying = app.with(App {
        gateways: app.app.gateways.clone().with("stripe", Arc::new(stopping)),
        ..app.app.clone()
    });
    tokio::select! {
        answer = dying.post(path, body) => panic!("it was not stopped: {answer}"),
        () = reached.notified() => {}
    }
}

both! {
    async fn what_is_due_is_charged_once(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let path = format!("/payments/invoice/{invoice}/charge");
        let early = app.post(&path, json!({})).await;
        assert_eq!(refused(&early), (400, "INVOICE_NOT_DUE"));
        let payment = charged(&app, &invoice).await;
        let said = ["/status", "/amount", "/payment_method", "/connector_name", "/autocharge"].map(|field| payment.at(field).clone());
        assert_eq!(said, [json!("success"), json!("10000"), json!("card"), json!("stripe"), json!(false)]);
        assert_eq!(payment.text("/external_id"), format!("ch_test_{}", payment.id()));
        assert_eq!(app.standing(&invoice).await, "paid 0");
        assert_eq!(refused(&try_charge(&app, &invoice).await), (400, "INVOICE_NOT_CHARGEABLE"));
        assert_eq!(app.gateway.requests(), 1);
    }

    async fn it_is_charged_unasked_once_it_is_due(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        app.clock.advance(SignedDuration::from_hours(30 * 24));
        let path = format!("/payments/invoice/{invoice}/charge");
        assert_eq!(app.post(&path, json!({})).await.ok().at("/status"), "success");
    }

    async fn a_declined_default_is_followed_by_another_card(app) {
        let customer = payer(&app, &["pm_card_declined", "pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "success");
        assert_eq!(payments(&app).await, ["failed", "success"]);
        assert_eq!(app.standing(&invoice).await, "paid 0");
    }

    async fn nothing_is_paid_where_every_card_is_declined(app) {
        let customer = payer(&app, &["pm_card_declined", "pm_card_insufficient_funds"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(refused(&try_charge(&app, &invoice).await), (402, "PAYMENT_DECLINED"));
        assert_eq!(payments(&app).await, ["failed", "failed"]);
        assert_eq!(app.standing(&invoice).await, "approved 10000");
        // The way is free for another card.
        attach(&app, &customer, "pm_card_visa", true).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "success");
    }

    async fn methods_that_only_the_gateway_knows_are_charged_too(app) {
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(refused(&try_charge(&app, &invoice).await), (400, "NO_PAYMENT_METHOD"));
        let credentials = florin_app::gateway::Credentials {
            api_key: florin_app::vault::Secret::new(String::new()),
            webhook_secret: None,
        };
        let gateway = &*app.gateway;
        florin_app::gateway::Gateway::attach(gateway, &credentials, "cus_1", "pm_card_visa").await.unwrap();
        assert_eq!(charged(&app, &invoice).await.at("/status"), "success");
        let path = format!("/payments/invoice/{invoice}/charge");
        let direct = json!({ "payment_method_types": ["direct_debit"], "skip_invoice_due_date_check": true });
        let other = app.issued(&customer, &[cents(500)]).await;
        let answer = app.post(&path.replace(&invoice, &other), direct).await;
        assert_eq!(refused(&answer), (400, "NO_PAYMENT_METHOD"));
    }

    async fn fifty_charges_at_once_are_one(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let app = Arc::new(app);
        let mut tasks = JoinSet::new();
        for _ in 0..50 {
            let (app, invoice) = (app.clone(), invoice.clone());
            tasks.spawn(async move { try_charge(&app, &invoice).await });
        }
        let answers = tasks.join_all().await;
        let ok = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(ok, 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let code = answer.text("/code");
            assert!(["CHARGE_IN_PROGRESS", "INVOICE_NOT_CHARGEABLE", "DATABASE_BUSY"].contains(&code), "{answer}");
        }
        assert_eq!((app.gateway.requests(), app.gateway.charges().len()), (1, 1));
        assert_eq!(payments(&app).await, ["success"]);
        assert_eq!(app.standing(&invoice).await, "paid 0");
    }

    async fn a_charge_that_died_on_either_side_of_the_gateway_is_finished(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        for is_asked in [false, true] {
            let invoice = app.issued(&customer, &[cents(10_000)]).await;
            let before = app.gateway.charges().len();
            let body = json!({ "skip_invoice_due_date_check": true });
            killed(&app, is_asked, &format!("/payments/invoice/{invoice}/charge"), body).await;
            assert_eq!(app.gateway.charges().len() - before, usize::from(is_asked));
            assert_eq!(app.standing(&invoice).await, "approved 10000");
            assert_eq!(refused(&try_charge(&app, &invoice).await).1, "CHARGE_IN_PROGRESS");
            assert_eq!(charge::reconcile(&app.app).await.unwrap(), 0, "it may be on its way");
            assert_eq!(reconcile(&app).await, 1);
            assert_eq!(app.standing(&invoice).await, "paid 0");
            assert_eq!(app.gateway.charges().len() - before, 1);
            assert_eq!(reconcile(&app).await, 0);
        }
        assert_eq!(payments(&app).await, ["success", "success"]);
    }

    async fn whoever_asks_again_after_a_lost_answer_is_not_charged_twice(app) {
        let customer = payer(&app, &["pm_card_answer_lost"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "in_progress");
        assert_eq!(refused(&try_charge(&app, &invoice).await), (400, "CHARGE_IN_PROGRESS"));
        app.clock.advance(SignedDuration::from_mins(3));
        assert_eq!(refused(&try_charge(&app, &invoice).await), (400, "INVOICE_NOT_CHARGEABLE"));
        assert_eq!((app.gateway.requests(), app.standing(&invoice).await), (1, "paid 0".to_owned()));
    }

    async fn what_nobody_answers_is_given_up_after_a_day(app) {
        let customer = payer(&app, &["pm_card_no_answer"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "in_progress");
        for _ in 0..22 {
            assert_eq!(reconcile(&app).await, 1);
        }
        assert_eq!(payments(&app).await, ["in_progress"]);
        reconcile(&app).await;
        reconcile(&app).await;
        assert_eq!((payments(&app).await, reconcile(&app).await), (vec!["canceled".to_owned()], 0));
        assert_eq!(app.gateway.charges(), []);
        attach(&app, &customer, "pm_card_visa", true).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "success");
    }

    async fn a_charge_is_not_sent_again_when_the_invoice_was_paid_otherwise(app) {
        let customer = payer(&app, &["pm_card_no_answer"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        charged(&app, &invoice).await;
        let body = json!({ "customer_id": customer, "amount": 10_000, "currency_code": "USD",
            "payment_parts": [{ "invoice_id": invoice, "amount": 10_000 }] });
        app.post("/payments", body).await.ok();
        let requests = app.gateway.requests();
        assert_eq!(reconcile(&app).await, 1);
        assert_eq!((payments(&app).await, app.gateway.requests()), (vec!["canceled".to_owned(), "success".to_owned()], requests));
    }

    async fn what_the_customer_must_confirm_waits_or_is_taken_back(app) {
        let customer = payer(&app, &["pm_card_authentication_required"]).await;
        let [one, two] = [app.issued(&customer, &[cents(10_000)]).await, app.issued(&customer, &[cents(500)]).await];
        let waiting = charged(&app, &one).await;
        assert_eq!(waiting.at("/status"), "requires_action");
        assert_eq!(reconcile(&app).await, 1);
        assert_eq!(app.standing(&one).await, "approved 10000");
        app.gateway.act(&waiting.id(), true).unwrap();
        reconcile(&app).await;
        assert_eq!(app.standing(&one).await, "paid 0");
        let waiting = charged(&app, &two).await.id();
        attach(&app, &customer, "pm_card_visa", true).await;
        assert_eq!(charged(&app, &two).await.at("/status"), "success");
        assert_eq!(app.get(&format!("/payments/{waiting}")).await.ok().at("/status"), "canceled");
        assert_eq!(payments(&app).await, ["success", "canceled", "success"]);
    }

    async fn a_payment_that_takes_a_while_is_asked_about(app) {
        let customer = payer(&app, &["pm_card_processing"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(charged(&app, &invoice).await.at("/status"), "in_progress");
        assert_eq!(reconcile(&app).await, 1);
        assert_eq!(app.standing(&invoice).await, "paid 0");
    }

    async fn a_gateway_without_an_account_is_said(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let path = format!("/payments/invoice/{invoice}/charge");
        for (connector, code) in [(json!("test"), "CONNECTOR_NOT_LINKED"), (json!({ "name": "stripe", "reference_id": "cus_2" }), "CONNECTOR_NOT_LINKED")] {
            let body = json!({ "connector": connector, "skip_invoice_due_date_check": true });
            assert_eq!(refused(&app.post(&path, body).await), (400, code));
        }
        let body = json!({ "connector": "stripe", "skip_invoice_due_date_check": true });
        assert_eq!(app.post(&path, body).await.ok().at("/status"), "success");
        let draft = "/payments/invoice/00000000-0000-7000-8000-00000000ffff/charge";
        assert_eq!(app.post(draft, json!({})).await.status, 404);
    }

    async fn due_invoices_are_charged_automatically(app) {
        let customer = payer(&app, &["pm_card_declined"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 0, "not due yet");
        app.clock.advance(SignedDuration::from_hours(30 * 24));
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 1);
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 0, "a pause of three days");
        app.clock.advance(SignedDuration::from_hours(3 * 24 + 1));
        let path = format!("/customers/{customer}");
        app.patch(&path, json!({ "auto_charge_enabled": false })).await.ok();
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 0, "the customer does not want it");
        app.patch(&path, json!({ "auto_charge_enabled": true })).await.ok();
        attach(&app, &customer, "pm_card_visa", true).await;
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 1);
        assert_eq!(charge::charge_due(&app.app).await.unwrap(), 0);
        assert_eq!((payments(&app).await, app.standing(&invoice).await), (vec!["failed".to_owned(), "success".to_owned()], "paid 0".to_owned()));
        let all = app.get("/payments?autocharge=true").await.ok();
        assert_eq!(all.at("/total_count"), 2);
    }

    async fn money_goes_back_through_the_gateway(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let payment = charged(&app, &invoice).await.id();
        let path = format!("/payments/{payment}/refund");
        let body = |amount: i64| json!({ "refund_destination": "original_payment_method", "writeoff_invoices": false, "refund_amount": amount });
        let refund = app.post(&path, body(4_000)).await.ok();
        assert_eq!(refund.at("/status"), "success");
        assert_eq!(app.standing(&invoice).await, "partially_paid 4000");
        for is_asked in [false, true] {
            killed(&app, is_asked, &path, body(1_000)).await;
            assert_eq!(reconcile(&app).await, 1);
            assert_eq!(reconcile(&app).await, 0);
        }
        assert_eq!(app.standing(&invoice).await, "partially_paid 6000");
        let back: i64 = app.gateway.refunds().iter().map(|refund| refund.amount.minor()).sum();
        assert_eq!((back, app.gateway.refunds().len()), (6_000, 3));
    }
}
