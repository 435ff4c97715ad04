//! `/contract_v2/{contract_id}/preview` and `/upcoming_invoices`: invoices as they would be.

use florin_app::usage::UsageError;
use florin_testkit::{Answer, TestApp, both};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::billing::{
    Agreement, bill, customer, fee, gigabytes, metered, product, store_gigabytes,
};

fn at(app: &TestApp, day: &str) {
    let at: Timestamp = format!("{day}T06:00:00Z").parse().unwrap();
    app.clock.set(at);
}

/// The path of a contract of 31 a month in advance.
async fn signed(app: &TestApp) -> String {
    let (acme, seats) = (customer(app, "ACME").await, product(app, "Seats").await);
    let agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
    format!("/contract_v2/{}", agreement.sign(app).await.id())
}

/// The contract as it is read, at another price.
async fn at_price(app: &TestApp, path: &str, amount: i64) -> Value {
    let mut body = app.get(path).await.ok().body;
    body["phases"][0]["pricings"][0]["pricing"] = fee("P1M", "prepaid", amount);
    body
}

async fn preview(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.post(&format!("{path}/preview"), body.clone())
        .await
        .ok()
}

/// Estimates as people read them.
fn shown(estimates: &Value) -> Vec<String> {
    let estimates = estimates.as_array().unwrap().iter();
    estimates.map(estimate).collect()
}

fn estimate(estimate: &Value) -> String {
    let lines = estimate["line_items"]["lines"].as_array().unwrap().iter();
    let lines = lines.map(|line| {
        let (name, kind) = (&line["name"], &line["line_item_type"]);
        let start = &line["service_start_date"].as_str().unwrap()[..10];
        format!("; {kind} {name} {start} {}", line["subtotal"]["value"]).replace('"', "")
    });
    let day = &estimate["bill_for_date"].as_str().unwrap()[..10];
    let lines: String = lines.collect();
    format!("{day} {}{lines}", estimate["total"])
}

async fn count(app: &TestApp) -> Value {
    app.get("/invoices").await.ok().at("/total_count").clone()
}

async fn approve_all(app: &TestApp) {
    for draft in app
        .get("/invoices?status=draft")
        .await
        .ok()
        .at("/results")
        .as_array()
        .unwrap()
    {
        let path = format!("/invoices/{}/approve", draft["id"].as_str().unwrap());
        app.patch(&path, json!({})).await.ok();
    }
}

both! {
    async fn what_a_preview_says_is_what_happens(app) {
        let path = signed(&app).await;
        bill(&app, "2026-01-05").await;
        approve_all(&app).await;
        let body = at_price(&app, &path, 62).await;
        let preview = preview(&app, &path, &body).await;
        // February at 62, and 62 - 31 for January, which is approved.
        let expected = ["2026-02-01 93; charge Seats 2026-02-01 62; adjustment Seats (adjustment) 2026-01-01 31"];
        assert_eq!(shown(preview.at("/estimates/next_invoices")), expected);
        assert_eq!(preview.at("/estimates/current_invoices"), &json!([]));
        assert_eq!(preview.at("/estimates/drafts"), &json!([]));
        assert_eq!(preview.at("/estimates/problem"), &Value::Null);
        // Nothing was written: January's is the only invoice, and what is upcoming is as before.
        assert_eq!(count(&app).await, 1);
        let upcoming = app.get(&format!("{path}/upcoming_invoices")).await.ok();
        assert_eq!(shown(&upcoming.body), ["2026-02-01 31; charge Seats 2026-02-01 31"]);
        app.put(&path, body).await.ok();
        let upcoming = app.get(&format!("{path}/upcoming_invoices")).await.ok();
        assert_eq!(&upcoming.body, preview.at("/estimates/next_invoices"));
        at(&app, "2026-02-01");
        bill(&app, "2026-02-01").await;
        let made = app.get("/invoices?status=draft").await.ok();
        let lines = app.get(&format!("/invoices/{}/line_items", made.text("/results/0/id"))).await.ok();
        assert_eq!(&lines.body, preview.at("/estimates/next_invoices/0/line_items"));
    }

    async fn a_preview_shows_drafts_before_and_after(app) {
        let path = signed(&app).await;
        bill(&app, "2026-01-05").await;
        let draft = app.get("/invoices").await.ok().text("/results/0/id").to_owned();
        let preview = preview(&app, &path, &at_price(&app, &path, 62).await).await;
        let remade = preview.at("/estimates/drafts/0");
        assert_eq!((&remade["invoice_id"], &remade["total_before"]), (&json!(draft), &json!(31)));
        assert_eq!(estimate(&remade["invoice"]), "2026-01-01 62; charge Seats 2026-01-01 62");
        assert_eq!(shown(preview.at("/estimates/next_invoices")), ["2026-02-01 62; charge Seats 2026-02-01 62"]);
        let kept = app.get(&format!("/invoices/{draft}")).await.ok();
        assert_eq!(kept.at("/invoice_total"), 31);
    }

    async fn an_end_gives_back_on_an_invoice_of_its_own(app) {
        let path = signed(&app).await;
        bill(&app, "2026-01-05").await;
        approve_all(&app).await;
        let mut body = app.get(&path).await.ok().body;
        body["end_date"] = json!("2026-01-15");
        for phase in body["phases"].as_array_mut().unwrap() {
            phase["end_date"] = json!("2026-01-15");
            phase["pricings"][0]["end_date"] = json!("2026-01-15");
        }
        let preview = preview(&app, &path, &body).await;
        // 16 of 31 days at 31 come back; no invoice is to come that could bear them.
        let current = preview.at("/estimates/current_invoices");
        assert_eq!(shown(current), ["2026-01-05 0; adjustment Seats (adjustment) 2026-01-01 -16"]);
        assert_eq!((&current[0]["net_total"], &current[0]["credit_total"]), (&json!(-16), &json!(16)));
        assert_eq!(preview.at("/estimates/next_invoices"), &json!([]));
    }

    async fn upcoming_invoices_have_the_usage_so_far(app) {
        let acme = customer(&app, "ACME").await;
        let (storage, gb) = (product(&app, "Storage").await, gigabytes(&app).await);
        let mut agreement = Agreement::new(acme, storage, vec![metered(gb, 2)]);
        agreement.end = Some("2026-01-31");
        let path = format!("/contract_v2/{}/upcoming_invoices", agreement.sign(&app).await.id());
        store_gigabytes(&app, "ACME", "2026-01-03T00:00:00Z", 10).await;
        assert_eq!(shown(&app.get(&path).await.ok().body), ["2026-02-01 20; charge Storage 2026-01-01 20"]);
        store_gigabytes(&app, "ACME", "2026-01-04T00:00:00Z", 1).await;
        assert_eq!(shown(&app.get(&path).await.ok().body), ["2026-02-01 22; charge Storage 2026-01-01 22"]);
        // Overdue, as nobody has billed it.
        at(&app, "2026-02-03");
        assert_eq!(shown(&app.get(&path).await.ok().body), ["2026-02-01 22; charge Storage 2026-01-01 22"]);
        bill(&app, "2026-02-03").await;
        assert_eq!(app.get(&path).await.ok().body, json!([]));
    }

    async fn a_preview_says_why_there_are_no_amounts(app) {
        let acme = customer(&app, "ACME").await;
        let (storage, gb) = (product(&app, "Storage").await, gigabytes(&app).await);
        let contract = Agreement::new(acme, storage, vec![metered(gb, 2)]).sign(&app).await;
        let path = format!("/contract_v2/{}", contract.id());
        let body = app.get(&path).await.ok().body;
        let broken = || UsageError::Query { message: "the template is broken".to_owned(), position: None };
        // The first question is how much was accepted, the second is the metric's.
        app.usage.refuse_after(1, broken());
        let preview = preview(&app, &path, &body).await;
        assert_eq!(preview.at("/estimates/next_invoices"), &json!([]));
        assert!(preview.text("/estimates/problem/detail").contains("the template is broken"), "{preview}");
        app.usage.refuse_after(1, broken());
        let upcoming = app.get(&format!("{path}/upcoming_invoices")).await;
        assert_eq!(upcoming.status, 400, "{upcoming}");
        assert_eq!(upcoming.at("/code"), preview.at("/estimates/problem/code"));
    }
}
