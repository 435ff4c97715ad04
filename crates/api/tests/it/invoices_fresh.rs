//! Drafts that something came after: an approval sees every event that was acknowledged before it, at the payer's
//! time, and keeps what people wrote.

use florin_app::usage::UsageError;
use florin_testkit::{Answer, TestApp, both};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    billing::{
        Agreement, bill, customer, fee, gigabytes, metered, product, shown, store_gigabytes,
    },
    invoices::{approve, draft},
};

fn at(app: &TestApp, day: &str) {
    let at: Timestamp = format!("{day}T06:00:00Z").parse().unwrap();
    app.clock.set(at);
}

/// Drafts of January at 2 a gigabyte, 10 of them each, one for each customer.
async fn january(app: &TestApp, customers: &[&str]) -> Vec<String> {
    let (storage, gb) = (product(app, "Storage").await, gigabytes(app).await);
    for name in customers {
        let customer = customer(app, name).await;
        let agreement = Agreement::new(customer, storage, vec![metered(gb, 2)]);
        agreement.sign(app).await;
        store_gigabytes(app, name, "2026-01-10T00:00:00Z", 10).await;
    }
    at(app, "2026-02-01");
    bill(app, "2026-02-01").await;
    let mut drafts = Vec::new();
    for name in customers {
        let path = format!("/invoices?status=draft&customer__external_id={name}");
        drafts.push(app.get(&path).await.ok().text("/results/0/id").to_owned());
    }
    drafts
}

async fn total(app: &TestApp, invoice: &str) -> i64 {
    let invoice = app.get(&format!("/invoices/{invoice}")).await.ok();
    invoice.at("/invoice_total").as_i64().unwrap()
}

async fn approve_many(app: &TestApp, ids: &[String]) -> Answer {
    let body = json!({ "invoice_ids": ids });
    app.patch("/invoices/approve", body).await
}

/// A customer of a new clock that stands at noon of a day.
async fn living_by_a_clock(app: &TestApp, day: &str) -> String {
    let customer = crate::invoices::customer(app, day).await;
    let clock = app.post("/test_clocks", json!({ "now": format!("{day}T12:00:00Z") }));
    let path = format!("/test_clocks/{}/customers", clock.await.ok().id());
    app.post(&path, json!({ "customer_id": customer }))
        .await
        .ok();
    customer
}

both! {
    async fn an_approval_sees_usage_that_came_after_the_draft(app) {
        let drafts = january(&app, &["ACME"]).await;
        // 10 at 2.
        assert_eq!(total(&app, &drafts[0]).await, 20);
        store_gigabytes(&app, "ACME", "2026-01-31T23:59:59Z", 5).await;
        // 10 + 5 at 2. February's is not January's.
        store_gigabytes(&app, "ACME", "2026-02-01T00:00:00Z", 100).await;
        let approved = approve(&app, &drafts[0]).await.ok();
        assert_eq!((approved.at("/invoice_total"), approved.text("/invoice_number")), (&json!(30), "INV-0001"));
        // What comes afterwards is the next invoice's; a repetition changes nothing.
        store_gigabytes(&app, "ACME", "2026-01-31T23:59:59Z", 1).await;
        assert_eq!(approve(&app, &drafts[0]).await.ok().body, approved.body);
    }

    async fn approvals_of_many_see_it_too(app) {
        let drafts = january(&app, &["ACME", "Globex", "Initech"]).await;
        for (name, gb) in [("ACME", 1), ("Initech", 3)] {
            store_gigabytes(&app, name, "2026-01-20T00:00:00Z", gb).await;
        }
        let answer = approve_many(&app, &drafts).await.ok();
        assert_eq!((answer.at("/approved"), answer.at("/refused")), (&json!(3), &json!(0)));
        // (10 + 1) at 2, 10 at 2, (10 + 3) at 2.
        for (draft, amount) in drafts.iter().zip([22, 20, 26]) {
            assert_eq!(total(&app, draft).await, amount);
        }
    }

    async fn events_and_approvals_at_the_same_time_lose_nothing(app) {
        let drafts = january(&app, &["ACME"]).await;
        let (ids, path) = ([drafts[0].clone()], format!("/invoices/{}/approve", drafts[0]));
        let events = (0..10).map(|_| store_gigabytes(&app, "ACME", "2026-01-20T00:00:00Z", 1));
        let approvals = (0..4).map(|_| app.patch(&path, json!({})));
        let bulk = approve_many(&app, &ids);
        let (_, approvals, bulk) = tokio::join!(
            futures_util::future::join_all(events),
            futures_util::future::join_all(approvals),
            bulk
        );
        for answer in &approvals {
            assert_eq!(answer.clone().ok().text("/invoice_number"), "INV-0001");
        }
        assert_eq!(bulk.ok().at("/refused"), 0);
        // What the approval did not see, the next invoice charges: 20 gigabytes in all, at 2.
        at(&app, "2026-03-01");
        florin_app::billing::catch_up(&app.app, app.organisation).await.unwrap();
        let invoices = app.get("/invoices?order=bill_for_date").await.ok();
        let totals = invoices.at("/results").as_array().unwrap().iter();
        let sum: i64 = totals.map(|one| one["invoice_total"].as_i64().unwrap()).sum();
        assert_eq!(sum, 40);
    }

    async fn a_draft_follows_its_contract_when_it_is_approved(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "postpaid", 31)]);
        let contract = agreement.sign(&app).await;
        at(&app, "2026-02-01");
        bill(&app, "2026-02-01").await;
        agreement.prices = vec![fee("P1M", "postpaid", 62)];
        agreement.amend(&app, &contract).await;
        let draft = app.get("/invoices").await.ok();
        let approved = approve(&app, draft.text("/results/0/id")).await.ok();
        assert_eq!(approved.at("/invoice_total"), 62);
    }

    async fn lines_written_by_hand_stay_when_the_rest_is_made_anew(app) {
        let drafts = january(&app, &["ACME"]).await;
        let path = format!("/invoices/{}", drafts[0]);
        let lines = json!({ "lines": [{ "name": "Set-up", "unit_amount": 7 }], "notes": "Welcome" });
        // 10 at 2, and 7.
        assert_eq!(app.patch(&path, lines).await.ok().at("/invoice_total"), 27);
        store_gigabytes(&app, "ACME", "2026-01-20T00:00:00Z", 5).await;
        app.post(&format!("{path}/regenerate"), json!({})).await.ok();
        assert_eq!(total(&app, &drafts[0]).await, 37);
        store_gigabytes(&app, "ACME", "2026-01-20T00:00:00Z", 1).await;
        let approved = approve(&app, &drafts[0]).await.ok();
        assert_eq!((approved.at("/invoice_total"), approved.text("/notes")), (&json!(39), "Welcome"));
        expect_test::expect![[r#"
            2026-02-01 approved 39.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 32.00 USD tax 0.00 USD
              v0 Set-up [2026-02-01, 2026-02-02) 7.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_draft_of_lines_by_hand_alone_is_approved_whatever_becomes_of_its_contract(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
        let mut contract = agreement.sign(&app).await;
        at(&app, "2026-01-02");
        bill(&app, "2026-01-02").await;
        let id = app.get("/invoices").await.ok().text("/results/0/id").to_owned();
        let path = format!("/invoices/{id}");
        let lines = json!({ "lines": [{ "name": "Set-up", "unit_amount": 7 }] });
        assert_eq!(app.patch(&path, lines).await.ok().at("/invoice_total"), 38);
        // January is to be paid in February now: what is left of the draft is what was written on it.
        for (day, amount) in [("2026-01-03", 31), ("2026-01-04", 62)] {
            agreement.prices = vec![fee("P1M", "postpaid", amount)];
            contract = agreement.amend(&app, &contract).await;
            at(&app, day);
            bill(&app, day).await;
            assert_eq!(total(&app, &id).await, 7);
        }
        let regenerated = app.post(&format!("{path}/regenerate"), json!({})).await.ok();
        assert_eq!(regenerated.at("/status"), "draft");
        let approved = approve(&app, &id).await.ok();
        assert_eq!((approved.at("/invoice_total"), approved.text("/invoice_number")), (&json!(7), "INV-0001"));
        at(&app, "2026-02-01");
        bill(&app, "2026-02-01").await;
        expect_test::expect![[r#"
            2026-01-01 approved 7.00 USD
              v0 Set-up [2026-01-01, 2026-01-02) 7.00 USD tax 0.00 USD
            2026-02-01 draft 62.00 USD
              v3 Seats [2026-01-01, 2026-02-01) 62.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_draft_that_only_settles_a_minimum_is_made_anew(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let minimum = |amount: i64| Some(json!({ "pricing_data": { "pricing_type": "features" },
            "commitments": [{ "type": "minimum_spend", "unit_amount": amount, "cadence": "P3M" }] }));
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 10)]);
        agreement.end = Some("2026-03-31");
        agreement.features = minimum(100);
        let contract = agreement.sign(&app).await;
        for day in ["2026-01-01", "2026-02-01", "2026-03-01"] {
            at(&app, day);
            bill(&app, day).await;
            let draft = app.get("/invoices?status=draft").await.ok();
            approve(&app, draft.text("/results/0/id")).await.ok();
        }
        at(&app, "2026-04-01");
        bill(&app, "2026-04-01").await;
        // 70 are missing of 100; the line by hand comes on top.
        let id = app.get("/invoices?status=draft").await.ok().text("/results/0/id").to_owned();
        let path = format!("/invoices/{id}");
        let lines = json!({ "lines": [{ "name": "Farewell", "unit_amount": 5 }] });
        assert_eq!(app.patch(&path, lines).await.ok().at("/invoice_total"), 75);
        for _ in 0..2 {
            app.post(&format!("{path}/regenerate"), json!({})).await.ok();
            assert_eq!(total(&app, &id).await, 75);
        }
        agreement.features = minimum(130);
        agreement.amend(&app, &contract).await;
        assert_eq!(approve(&app, &id).await.ok().at("/invoice_total"), 105);
        bill(&app, "2026-04-02").await;
        let all = shown(&app).await;
        let settled: Vec<&str> = all.lines().filter(|line| line.contains("top-up")).collect();
        assert_eq!(settled, ["  v2 top-up [2026-01-01, 2026-04-01) 100.00 USD tax 0.00 USD"], "{all}");
    }

    async fn a_draft_that_cannot_be_counted_is_not_approved(app) {
        let drafts = january(&app, &["ACME", "Globex"]).await;
        store_gigabytes(&app, "ACME", "2026-01-20T00:00:00Z", 5).await;
        let broken = || UsageError::Query { message: "the template is broken".to_owned(), position: None };
        // The first question is how much was accepted, the second is the metric's.
        app.usage.refuse_after(1, broken());
        let refused = approve(&app, &drafts[0]).await;
        assert_eq!(refused.status, 400, "{refused}");
        let mine = draft(&app, &crate::invoices::customer(&app, "Hooli").await, 5).await.id();
        app.usage.refuse_after(1, broken());
        let answer = approve_many(&app, &[drafts[0].clone(), mine]).await.ok();
        assert_eq!((answer.text("/results/0/outcome"), answer.text("/results/1/outcome")), ("refused", "approved"));
        assert_eq!(total(&app, &drafts[0]).await, 20, "it stays as it was");
    }

    async fn drafts_of_test_clocks_are_approved_at_their_time(app) {
        let app = app.sandbox().await;
        let mut ids = Vec::new();
        for day in ["2026-03-01", "2026-07-01"] {
            let customer = living_by_a_clock(&app, day).await;
            ids.push(draft(&app, &customer, 5).await.id());
        }
        let customer = crate::invoices::customer(&app, "Real").await;
        ids.push(draft(&app, &customer, 5).await.id());
        let answer = approve_many(&app, &ids).await.ok();
        assert_eq!(answer.at("/approved"), 3);
        let mut times = Vec::new();
        for id in &ids {
            let invoice = app.get(&format!("/invoices/{id}")).await.ok();
            // Due 30 days later.
            times.push([invoice.text("/approved_at"), invoice.text("/due_date")].join(" "));
        }
        assert_eq!(times, [
            "2026-03-01T12:00:00Z 2026-03-31T00:00:00",
            "2026-07-01T12:00:00Z 2026-07-31T00:00:00",
            "2026-01-05T10:00:00Z 2026-02-04T00:00:00",
        ]);
    }

    async fn a_clock_that_approves_sees_usage_that_came_after_its_drafts(app) {
        let app = app.sandbox().await;
        let acme = customer(&app, "ACME").await;
        let clock = app.post("/test_clocks", json!({ "now": "2026-01-01T00:00:00Z" })).await.ok().id();
        app.post(&format!("/test_clocks/{clock}/customers"), json!({ "customer_id": acme })).await.ok();
        let (storage, gb) = (product(&app, "Storage").await, gigabytes(&app).await);
        Agreement::new(acme, storage, vec![metered(gb, 2)]).sign(&app).await;
        store_gigabytes(&app, "ACME", "2026-01-10T00:00:00Z", 10).await;
        let advance = format!("/test_clocks/{clock}/advance");
        app.post(&advance, json!({ "to": "2026-02-01T12:00:00Z" })).await.ok();
        store_gigabytes(&app, "ACME", "2026-01-10T00:00:00Z", 5).await;
        app.post(&advance, json!({ "to": "2026-02-02T00:00:00Z", "approve": true })).await.ok();
        // 15 at 2.
        let invoice = app.get("/invoices").await.ok();
        assert_eq!((invoice.text("/results/0/status"), invoice.at("/results/0/invoice_total")), ("approved", &json!(30)));
    }
}
