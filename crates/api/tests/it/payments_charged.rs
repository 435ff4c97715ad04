//! What a gateway's connector does with payments: intents, answers, refunds. There is no route for it alone.

use florin_app::{
    Error,
    payment::{
        Charge, NewRefund, RefundAnswer, Refusal, Settlement, begin_charge, fail, refund, settle,
        settle_refund,
    },
};
use florin_core::{
    credit_note::RefundDestination,
    payment::{PartRequest, Status},
};
use florin_store::payment::Kept;
use florin_testkit::{TestApp, both, cents};
use serde_json::json;
use uuid::Uuid;

use crate::payments::{customer, wallet};

fn charge(customer: &str, invoice: &str, minor: i64, key: Option<&str>) -> Charge {
    Charge {
        customer_id: customer.parse().unwrap(),
        parts: vec![PartRequest {
            invoice_id: invoice.parse().unwrap(),
            amount: cents(minor),
        }],
        method: None,
        connector_id: None,
        connector_name: Some("stripe".to_owned()),
        payment_method_details: json!({}),
        autocharge: true,
        idempotency_key: key.map(str::to_owned),
    }
}

async fn begun(app: &TestApp, charge: Charge) -> Result<Kept, Error> {
    let mut tx = app.begin().await;
    let kept = begin_charge(&app.app, &mut tx, charge).await?;
    tx.commit().await?;
    Ok(kept)
}

async fn settled(app: &TestApp, id: Uuid, external_id: &str) -> Result<Kept, Error> {
    let mut tx = app.begin().await;
    let settlement = Settlement {
        external_id: Some(external_id.to_owned()),
        method: None,
        payment_method_details: None,
        at: None,
    };
    let kept = settle(&app.app, &mut tx, id, settlement).await?;
    tx.commit().await?;
    Ok(kept)
}

async fn failed(app: &TestApp, id: Uuid) -> Kept {
    let mut tx = app.begin().await;
    let refusal = Refusal {
        status: Status::Failed,
        external_id: None,
        failure: Some("insufficient funds".to_owned()),
    };
    let kept = fail(&mut tx, id, refusal).await.unwrap();
    tx.commit().await.unwrap();
    kept
}

async fn asked_back(app: &TestApp, id: Uuid, minor: i64) -> Kept {
    let mut tx = app.begin().await;
    let new = NewRefund {
        destination: RefundDestination::OriginalPaymentMethod,
        amount: Some(minor),
        parts: Vec::new(),
        writes_off: false,
        description: None,
        at: None,
    };
    let kept = refund(&app.app, &mut tx, id, new).await.unwrap();
    tx.commit().await.unwrap();
    kept
}

pub(crate) async fn answered(app: &TestApp, refund: Uuid, has_succeeded: bool) -> Kept {
    let mut tx = app.begin().await;
    let answer = RefundAnswer {
        has_succeeded,
        external_id: Some(format!("re_{refund}")),
        failure: (!has_succeeded).then(|| "the account is closed".to_owned()),
    };
    let kept = settle_refund(&app.app, &mut tx, refund, answer)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    kept
}

/// A payment of an invoice that came through a gateway.
pub(crate) async fn charged(app: &TestApp, customer: &str, invoice: &str, minor: i64) -> Uuid {
    let kept = begun(app, charge(customer, invoice, minor, None))
        .await
        .unwrap();
    settled(app, kept.payment.id, &format!("pi_{}", kept.payment.id))
        .await
        .unwrap();
    kept.payment.id
}

fn code(outcome: &Result<Kept, Error>) -> String {
    match outcome {
        Ok(kept) => kept.payment.status.as_str().to_owned(),
        Err(Error::Refused { code, .. }) => (*code).to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

both! {
    async fn an_intent_changes_nothing_until_the_money_came(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let kept = begun(&app, charge(&customer, &invoice, 1_000, None)).await.unwrap();
        assert_eq!(kept.about.idempotency_key, Some(kept.payment.id.to_string()));
        assert_eq!(app.standing(&invoice).await, "approved 1000");
        settled(&app, kept.payment.id, "pi_1").await.unwrap();
        assert_eq!(app.standing(&invoice).await, "paid 0");
        // The answer comes again, by a webhook.
        let again = settled(&app, kept.payment.id, "pi_1").await.unwrap();
        assert_eq!(again.payment.status, Status::Success);
        assert_eq!(failed(&app, kept.payment.id).await.payment.status, Status::Success);
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 0));
        let shown = app.get(&format!("/payments/{}", kept.payment.id)).await.ok();
        assert_eq!(shown.at("/transactions/0/external_id"), "pi_1");
        assert_eq!(shown.at("/autocharge"), true);
        for answer in [
            app.delete(&format!("/payments/{}", kept.payment.id)).await,
            app.patch(&format!("/payments/manual_payment/{}", kept.payment.id), json!({ "amount": 1 })).await,
        ] {
            assert_eq!((answer.status, answer.text("/code")), (400, "PAYMENT_NOT_MANUAL"));
        }
    }

    async fn an_invoice_is_charged_once_however_many_ask(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let requests = (0..20).map(|_| begun(&app, charge(&customer, &invoice, 1_000, None)));
        let outcomes = futures_util::future::join_all(requests).await;
        let said: Vec<String> = outcomes.iter().map(code).collect();
        assert_eq!(said.iter().filter(|code| *code == "in_progress").count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|code| *code == "CHARGE_IN_PROGRESS").count(), 19, "{said:?}");
        let begun_id = outcomes.iter().find_map(|outcome| outcome.as_ref().ok()).unwrap().payment.id;
        settled(&app, begun_id, "pi_1").await.unwrap();
        let late = begun(&app, charge(&customer, &invoice, 1, None)).await;
        assert_eq!(code(&late), "CHARGE_ABOVE_DUE");
    }

    async fn one_key_is_one_charge(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let requests = (0..20).map(|_| begun(&app, charge(&customer, &invoice, 400, Some("k1"))));
        let outcomes = futures_util::future::join_all(requests).await;
        let ids: Vec<Uuid> = outcomes.into_iter().map(|kept| kept.unwrap().payment.id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        settled(&app, ids[0], "pi_1").await.unwrap();
        let again = begun(&app, charge(&customer, &invoice, 400, Some("k1"))).await.unwrap();
        assert_eq!((again.payment.id, again.payment.status), (ids[0], Status::Success));
        assert_eq!(app.standing(&invoice).await, "partially_paid 600");
    }

    async fn a_charge_that_failed_leaves_the_invoice_free_and_money_that_comes_late_counts(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let first = begun(&app, charge(&customer, &invoice, 1_000, None)).await.unwrap().payment.id;
        let told = failed(&app, first).await;
        assert_eq!((told.payment.status, told.about.failure.as_deref()), (Status::Failed, Some("insufficient funds")));
        let second = begun(&app, charge(&customer, &invoice, 1_000, None)).await.unwrap().payment.id;
        settled(&app, second, "pi_2").await.unwrap();
        settled(&app, first, "pi_1").await.unwrap();
        assert_eq!((app.standing(&invoice).await, wallet(&app, &customer).await), ("paid 0".to_owned(), 1_000));
    }

    async fn a_refund_through_a_gateway_is_set_aside_then_done(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = charged(&app, &customer, &invoice, 1_000).await;
        let back = asked_back(&app, id, 600).await;
        assert_eq!(back.payment.status, Status::InProgress);
        assert_eq!(back.about.idempotency_key, Some(back.payment.id.to_string()));
        assert_eq!(app.standing(&invoice).await, "paid 0");
        let body = json!({ "refund_destination": "external", "writeoff_invoices": false, "refund_amount": 401 });
        let more = app.post(&format!("/payments/{id}/refund"), body).await;
        assert_eq!((more.status, more.text("/code")), (400, "REFUND_ABOVE_PAYMENT"));
        let reversal = app.post(&format!("/payments/{id}/reverse"), json!({})).await;
        assert_eq!((reversal.status, reversal.text("/code")), (400, "PAYMENT_REFUND_IN_PROGRESS"));
        for _ in 0..2 {
            assert_eq!(answered(&app, back.payment.id, true).await.payment.status, Status::Success);
        }
        assert_eq!(app.standing(&invoice).await, "partially_paid 600");
    }

    async fn a_refund_that_the_gateway_refuses_gives_the_money_free(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let id = charged(&app, &customer, &invoice, 1_000).await;
        let back = asked_back(&app, id, 1_000).await.payment.id;
        assert_eq!(answered(&app, back, false).await.payment.status, Status::Failed);
        let shown = app.get(&format!("/payments/{id}")).await.ok();
        assert_eq!((shown.text("/status"), shown.text("/amount_refunded")), ("success", "0"));
        assert_eq!(shown.at("/transactions/1/failure"), "the account is closed");
        assert_eq!(app.standing(&invoice).await, "paid 0");
        asked_back(&app, id, 1_000).await;
    }

    async fn an_intent_without_an_answer_is_found(app) {
        let customer = customer(&app).await;
        let invoice = app.issued(&customer, &[cents(1_000)]).await;
        let kept = begun(&app, charge(&customer, &invoice, 1_000, None)).await.unwrap();
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let now = app.app.clock.now();
        let open = florin_store::payment::unanswered(&mut tx, now, 10).await.unwrap();
        assert_eq!(open, [kept]);
        let earlier = now - jiff::SignedDuration::from_secs(1);
        let none = florin_store::payment::unanswered(&mut tx, earlier, 10).await.unwrap();
        assert_eq!(none, []);
    }
}
