//! `/invoices/{invoice_id}/payment_link` and `/invoices/pay/{payload}`.

use axum::{body::Body, http::Request};
use florin_app::charge;
use florin_testkit::{Answer, TestApp, both, cents};
use jiff::SignedDuration;
use serde_json::json;

use crate::charges::payer;

async fn link(app: &TestApp, invoice: &str, query: &str) -> Answer {
    app.get(&format!("/invoices/{invoice}/payment_link{query}"))
        .await
}

/// Opens a link as a client that is no browser, and has no key.
async fn open(app: &TestApp, payload: &str) -> Answer {
    let request = Request::get(format!("/invoices/pay/{payload}"));
    app.request(request.body(Body::empty()).unwrap()).await
}

async fn reconcile(app: &TestApp) {
    app.clock.advance(SignedDuration::from_hours(1));
    charge::reconcile(&app.app).await.unwrap();
}

both! {
    async fn a_link_leads_to_a_page_on_which_the_invoice_is_paid(app) {
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let made = link(&app, &invoice, "").await.ok();
        assert_eq!((made.at("/amount"), made.at("/currency_code")), (&json!(10_000), &json!("USD")));
        let payload = made.text("/payload");
        assert!(made.text("/payment_link").ends_with(&format!("/invoices/pay/{payload}")));
        assert_eq!(app.gateway.charges(), [], "making a link asks nobody");
        let opened = open(&app, payload).await.ok();
        assert_eq!(opened.at("/amount"), 10_000);
        assert_eq!(open(&app, payload).await.ok().body, opened.body, "the same page");
        assert_eq!(app.standing(&invoice).await, "approved 10000");
        let payment = opened.text("/payment_id");
        app.gateway.act(payment, true).unwrap();
        reconcile(&app).await;
        assert_eq!(app.standing(&invoice).await, "paid 0");
        let answer = open(&app, payload).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "INVOICE_NOT_CHARGEABLE"));
        let answer = link(&app, &invoice, "").await;
        assert_eq!((answer.status, answer.text("/code")), (400, "INVOICE_NOT_CHARGEABLE"));
    }

    async fn an_invoice_says_where_it_is_and_where_it_is_paid(app) {
        let customer = crate::invoices::customer(&app, "Northwind").await;
        let draft = crate::invoices::draft(&app, &customer, 5).await;
        let id = draft.id();
        assert_eq!(draft.at("/payment_url"), &json!(null), "nothing is due yet");
        for (name, kind) in [("/invoice_pdf", "application/pdf"), ("/invoice_url", "text/html")] {
            let page = app.get(draft.text(name)).await.ok();
            assert!(page.header("content-type").unwrap().starts_with(kind), "{name}");
        }
        let approved = crate::invoices::approve(&app, &id).await.ok();
        assert_eq!(approved.at("/payment_url"), &json!(null), "there is no gateway");
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let path = format!("/invoices/{invoice}");
        let shown = app.get(&path).await.ok();
        let url = shown.text("/payment_url").to_owned();
        let listed = app.get(&format!("/invoices?customer_id={customer}")).await.ok();
        assert_eq!(listed.text("/results/0/payment_url"), url);
        let downloaded = app.get(&format!("{path}/download_invoice")).await.ok();
        assert_eq!(downloaded.text("/invoice_data/payment_link"), url);
        let page = app.get(&format!("{path}/html")).await.ok();
        assert!(page.body.as_str().unwrap().contains(&url), "the document says it, too");
        let opened = open(&app, url.rsplit('/').next().unwrap()).await.ok();
        assert_eq!(opened.at("/amount"), 10_000);
        app.gateway.act(opened.text("/payment_id"), true).unwrap();
        reconcile(&app).await;
        assert_eq!(app.get(&path).await.ok().at("/payment_url"), &json!(null), "nothing is due any more");
    }

    async fn a_browser_is_led_there(app) {
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let payload = link(&app, &invoice, "").await.ok().text("/payload").to_owned();
        let request = Request::get(format!("/invoices/pay/{payload}")).header("accept", "text/html,*/*");
        let answer = app.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 303);
        // The test gateway has no pages: it leads back to where the payer goes afterwards.
        assert_eq!(answer.header("location"), Some("/paid"));
        assert_eq!(app.get("/paid").await.status, 200);
    }

    async fn a_part_can_be_paid(app) {
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        for (query, status) in [("?amount=0", 422), ("?amount=x", 422), ("?amount=10001", 400)] {
            assert_eq!(link(&app, &invoice, query).await.status, status, "{query}");
        }
        let payload = link(&app, &invoice, "?amount=4000").await.ok().text("/payload").to_owned();
        let payment = open(&app, &payload).await.ok().text("/payment_id").to_owned();
        app.gateway.act(&payment, true).unwrap();
        reconcile(&app).await;
        assert_eq!(app.standing(&invoice).await, "partially_paid 6000");
    }

    async fn a_changed_link_is_refused(app) {
        let customer = payer(&app, &[]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let payload = link(&app, &invoice, "").await.ok().text("/payload").to_owned();
        let mut changed: Vec<String> = (0..payload.len()).step_by(9).map(|at| {
            let other = if payload.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &payload[..at], &payload[at + 1..])
        }).collect();
        changed.extend(["x".to_owned(), payload[..payload.len() - 2].to_owned(), format!("{payload}AA")]);
        for payload in changed {
            let answer = open(&app, &payload).await;
            assert_eq!((answer.status, answer.at("/detail/0/loc/1")), (422, &json!("payload")), "{payload}");
        }
        assert_eq!(app.gateway.charges(), []);
    }

    async fn a_page_that_is_not_used_ends_after_a_day(app) {
        let customer = payer(&app, &["pm_card_visa"]).await;
        let invoice = app.issued(&customer, &[cents(10_000)]).await;
        let payload = link(&app, &invoice, "").await.ok().text("/payload").to_owned();
        let first = open(&app, &payload).await.ok();
        for _ in 0..30 {
            reconcile(&app).await;
        }
        let payment = app.get(&format!("/payments/{}", first.text("/payment_id"))).await.ok();
        assert_eq!(payment.at("/status"), "canceled");
        let second = open(&app, &payload).await.ok();
        assert_ne!(second.at("/payment_id"), first.at("/payment_id"));
        // Charging takes the page back.
        let path = format!("/payments/invoice/{invoice}/charge");
        let body = json!({ "skip_invoice_due_date_check": true });
        assert_eq!(app.post(&path, body).await.ok().at("/status"), "success");
        let states: Vec<&str> = app.gateway.charges().iter().map(|charged| charged.state.as_str()).collect();
        assert_eq!(states, ["canceled", "canceled", "succeeded"]);
    }
}
