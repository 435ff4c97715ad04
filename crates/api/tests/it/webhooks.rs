//! `/webhooks`.

use axum::{body::Body, http::Request};
use florin_app::{gateway::signature, vault::Secret};
use florin_testkit::{Answer, TestApp, both, cents};
use serde_json::{Value, json};

const SECRET: &str = "whsec_1";

/// A sandbox with the test gateway, and a customer that the gateway calls `cus_1`.
async fn sandbox(app: &TestApp) -> (TestApp, String) {
    let app = app.sandbox().await;
    app.post(
        "/connectors",
        json!({ "name": "test", "webhook_secret": SECRET }),
    )
    .await
    .ok();
    let link = json!({ "name": "test", "reference_id": "cus_1" });
    let body = json!({ "customer_name": "Northwind", "connector": link });
    let customer = app.post("/customers", body).await.ok().id();
    (app, customer)
}

/// What the gateway tells, signed with this secret.
async fn tell_with(app: &TestApp, secret: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let now = app.app.clock.now();
    let signature = signature::sign(body.as_bytes(), &Secret::new(secret.to_owned()), now);
    let request = Request::post(format!("/webhooks/{}/test", app.organisation));
    let request = request.header("x-test-signature", signature);
    app.request(request.body(Body::from(body)).unwrap()).await
}

async fn tell(app: &TestApp, body: Value) {
    let answer = tell_with(app, SECRET, &body).await.ok();
    assert_eq!(answer.at("/received"), true);
}

async fn methods(app: &TestApp, customer: &str) -> Value {
    let path = format!("/customers/{customer}/payment_methods");
    app.get(&path).await.ok().at("/total_count").clone()
}

both! {
    async fn a_method_that_the_gateway_tells_of_is_kept_once(app) {
        let (app, customer) = sandbox(&app).await;
        let given = json!({ "customer": "cus_1", "payment_method": "pm_card_visa" });
        tell(&app, given.clone()).await;
        tell(&app, given).await;
        assert_eq!(methods(&app, &customer).await, 1);
        let gone = json!({ "payment_method_gone": "pm_card_visa.cus_1" });
        tell(&app, gone.clone()).await;
        tell(&app, gone).await;
        assert_eq!(methods(&app, &customer).await, 0);
    }

    async fn what_does_not_concern_us_is_received(app) {
        let (app, customer) = sandbox(&app).await;
        for body in [
            json!({}),
            json!({ "customer": "cus_nobodys", "payment_method": "pm_card_visa" }),
            json!({ "payment_method_gone": "pm_nobodys" }),
        ] {
            tell(&app, body).await;
        }
        assert_eq!(methods(&app, &customer).await, 0);
    }

    async fn only_the_gateway_is_believed(app) {
        let (app, customer) = sandbox(&app).await;
        let given = json!({ "customer": "cus_1", "payment_method": "pm_card_visa" });
        let forged = tell_with(&app, "whsec_2", &given).await;
        let path = format!("/webhooks/{}/test", app.organisation);
        let unsigned = app.post(&path, given.clone()).await;
        let strange = app.post(&format!("/webhooks/{customer}/test"), given.clone()).await;
        let unknown = app.post(&format!("/webhooks/{}/adyen", app.organisation), given).await;
        for answer in [forged, unsigned, strange, unknown] {
            assert_eq!((answer.status, answer.text("/code")), (400, "WEBHOOK_NOT_VERIFIED"));
        }
        assert_eq!(app.post("/webhooks/x/test", json!({})).await.status, 422);
        assert_eq!(methods(&app, &customer).await, 0);
    }

    async fn an_old_signature_is_refused(app) {
        let (app, _) = sandbox(&app).await;
        let body = json!({}).to_string();
        let secret = Secret::new(SECRET.to_owned());
        let signature = signature::sign(body.as_bytes(), &secret, app.app.clock.now());
        app.clock.advance(signature::TOLERANCE + jiff::SignedDuration::from_secs(1));
        let request = Request::post(format!("/webhooks/{}/test", app.organisation));
        let request = request.header("x-test-signature", signature);
        let answer = app.request(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "WEBHOOK_NOT_VERIFIED"));
    }
}

/// A sandbox, an invoice of 10,000 cents and the waiting charge of it.
async fn waiting(app: &TestApp) -> (TestApp, String, String) {
    let (app, customer) = sandbox(app).await;
    let card = json!({ "payment_method_id": "pm_card_authentication_required" });
    app.post(
        &format!("/customers/{customer}/payment_methods/attach"),
        card,
    )
    .await
    .ok();
    let invoice = app.issued(&customer, &[cents(10_000)]).await;
    let path = format!("/payments/invoice/{invoice}/charge");
    let body = json!({ "skip_invoice_due_date_check": true });
    let payment = app.post(&path, body).await.ok().id();
    (app, invoice, payment)
}

async fn status(app: &TestApp, payment: &str) -> String {
    let payment = app.get(&format!("/payments/{payment}")).await.ok();
    payment.text("/status").to_owned()
}

both! {
    async fn a_charge_that_the_gateway_tells_of_is_settled_once(app) {
        let (app, invoice, payment) = waiting(&app).await;
        for _ in 0..3 {
            tell(&app, json!({ "charge": payment, "state": "succeeded" })).await;
        }
        // Late news of an earlier state changes nothing.
        tell(&app, json!({ "charge": payment, "state": "failed" })).await;
        tell(&app, json!({ "charge": payment, "state": "canceled" })).await;
        assert_eq!(status(&app, &payment).await, "success");
        assert_eq!(app.standing(&invoice).await, "paid 0");
        let all = app.get("/payments").await.ok();
        assert_eq!(all.at("/total_count"), 1);
    }

    async fn money_that_comes_after_all_is_not_lost(app) {
        let (app, invoice, payment) = waiting(&app).await;
        tell(&app, json!({ "charge": payment, "state": "failed" })).await;
        assert_eq!(status(&app, &payment).await, "failed");
        assert_eq!(app.standing(&invoice).await, "approved 10000");
        tell(&app, json!({ "charge": payment, "state": "succeeded" })).await;
        assert_eq!(status(&app, &payment).await, "success");
        assert_eq!(app.standing(&invoice).await, "paid 0");
    }

    async fn a_charge_of_nobody_is_received(app) {
        let (app, _, payment) = waiting(&app).await;
        for charge in ["00000000-0000-7000-8000-00000000ffff", "x"] {
            tell(&app, json!({ "charge": charge, "state": "succeeded" })).await;
        }
        assert_eq!(status(&app, &payment).await, "requires_action");
    }
}
