//! Billing runs: everything that is due, once, whoever asks and however often.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    io::Read,
    pin::pin,
    task::Poll,
};

use expect_test::expect;
use florin_app::{billing, usage::UsageError};
use florin_core::Timestamp;
use florin_store as store;
use florin_testkit::{TestApp, both};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::billing::{
    Agreement, bill, customer, fee, gigabytes, header, id, invoices, metered, product, shown,
    store_gigabytes, totals,
};

/// Contracts with a prepaid fee of their own each.
async fn fees(app: &TestApp, count: usize) {
    let (customer, product) = (customer(app, "ACME").await, product(app, "Seats").await);
    let mut tx = crate::billing::begin(app).await;
    for number in 1..=count {
        let amount = i64::try_from(number).unwrap();
        let prices = vec![fee("P1M", "prepaid", amount), fee("P1Y", "prepaid", 1)];
        let contract = Agreement::new(customer, product, prices).contract(app);
        store::contract::insert(&mut tx, &contract).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The amounts of all invoices, in minor units, with how often each occurs.
async fn amounts(app: &TestApp) -> BTreeMap<i64, usize> {
    let mut amounts = BTreeMap::new();
    for invoice in invoices(app).await {
        *amounts.entry(totals(&invoice).total.minor()).or_insert(0) += 1;
    }
    amounts
}

async fn jobs(app: &TestApp) -> Vec<florin_core::job::Job> {
    let mut tx = app.app.db.read(app.organisation).await.unwrap();
    let query = store::list::parse(&store::job::LIST, &[]).unwrap();
    store::job::page(&mut tx, &query, None)
        .await
        .unwrap()
        .results
}

/// Lets a future go on until it has waited so many times, then drops it.
async fn abandoned(future: impl Future, waits_max: usize) -> bool {
    let mut future = pin!(future);
    let mut waits = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if waits == waits_max => Poll::Ready(false),
        Poll::Pending => {
            waits += 1;
            Poll::Pending
        }
    })
    .await
}

/// The prices of the golden file as documents, in the order of its lines.
fn golden_prices(golden: &Value, metrics: &BTreeMap<&str, Uuid>) -> Vec<Value> {
    let names = [
        "terminal",
        "departures",
        "distance",
        "aircraft",
        "gates",
        "lateness",
    ];
    let price = |name: &str| {
        let mut data = golden["prices"][name].clone();
        let members = data.as_object_mut().unwrap();
        members.remove("metric");
        if let Some(column) = members.remove("dimension") {
            let rows = data["prices"].as_object().unwrap().clone();
            data["dimensions"] = json!([{ "name": "Origin", "column_name": column }]);
            data["display_alias"] = rows.keys().cloned().collect();
            data["prices"] = rows.values().cloned().collect();
        }
        let mut document = json!({ "pricing_data": data,
            "billing_period": { "cadence": "P1M", "offset": "postpaid" } });
        if let Some(id) = metrics.get(name) {
            document["quantity"] = json!({ "type": "metered", "aggregate_id": id });
        }
        if name == "departures" {
            let percent = &golden["discount_percent"];
            document["discounts"] = json!([{ "type": "percent", "unit_amount": percent }]);
        }
        document
    };
    names.map(price).to_vec()
}

/// The departures of January 2013 as events, and the metrics over them.
async fn departures(app: &TestApp) -> BTreeMap<&'static str, Uuid> {
    let fields = json!({ "flight": "Int64", "tailnum": "String", "origin": "String",
        "dest": "String", "distance": "Int64", "dep_delay": "Int64" });
    let body = json!({ "name": "Departures", "dataschema": { "data": fields } });
    app.post("/rawmetric", body).await.ok();
    let file: &[u8] = include_bytes!("../../../../examples/departures-2013-01.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let events: Vec<Value> = lines.map(|line| event(&names, line)).collect();
    for events in events.chunks(9_000) {
        app.post("/usage/departures", json!(events)).await.ok();
    }
    let late = json!({ "logic": "AND", "groups": [{ "logic": "AND", "filters": [
        { "column": "data.dep_delay", "operator": ">", "value": 15 }] }] });
    let mut metrics = BTreeMap::new();
    for (name, operation, query, group_by) in [
        (
            "departures",
            json!({ "type": "COUNT" }),
            json!({}),
            json!([]),
        ),
        (
            "distance",
            json!({ "type": "SUM", "column": "data.distance" }),
            json!({}),
            json!([]),
        ),
        (
            "aircraft",
            json!({ "type": "UNIQUE COUNT", "column": "data.tailnum" }),
            json!({}),
            json!([]),
        ),
        (
            "gates",
            json!({ "type": "COUNT" }),
            json!({}),
            json!(["data.origin"]),
        ),
        ("lateness", json!({ "type": "COUNT" }), late, json!([])),
    ] {
        let visual = json!({ "table_name": "raw_metric_departures", "visual_query": query,
            "aggregate_operation": operation, "group_by": group_by });
        let body = json!({ "name": name, "visual_query_builder": visual });
        metrics.insert(name, id(app.post("/aggregates", body).await.ok().at("/id")));
    }
    metrics
}

fn event(names: &[&str], line: &str) -> Value {
    let cells: BTreeMap<&str, &str> = names.iter().copied().zip(line.split(',')).collect();
    let mut data = json!({});
    for (name, cell) in &cells {
        if matches!(*name, "customer_id" | "timestamp") || cell.is_empty() {
            continue;
        }
        let is_number = matches!(*name, "flight" | "distance" | "dep_delay");
        data[*name] = if is_number {
            cell.parse().unwrap()
        } else {
            json!(cell)
        };
    }
    json!({ "customer_id": cells["customer_id"], "timestamp": cells["timestamp"], "data": data })
}

both! {
    async fn sixteen_airlines_are_billed_to_the_cent(app) {
        let golden = include_str!("../../../core/tests/golden/departures-2013-01.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let metrics = departures(&app).await;
        let product = product(&app, "Departure").await;
        let features = json!({ "pricing_data": { "pricing_type": "features" },
            "commitments": [{ "type": "minimum_spend", "unit_amount": golden["commitment"] }],
            "taxes": [{ "type": "manual", "unit_amount": golden["tax_percent"] }] });
        let mut carriers = BTreeMap::new();
        for carrier in golden["customers"].as_array().unwrap() {
            let customer = customer(&app, carrier.as_str().unwrap()).await;
            carriers.insert(customer, carrier.clone());
            let mut agreement = Agreement::new(customer, product, golden_prices(&golden, &metrics));
            agreement.start = "2013-01-01";
            agreement.features = Some(features.clone());
            agreement.sign(&app).await;
        }
        let run = bill(&app, "2013-02-01").await;
        assert_eq!((run.contracts, run.invoices, run.problems), (16, 16, vec![]));
        let made = invoices(&app).await;
        for invoice in &made {
            let carrier = &carriers[&header(invoice).customer_id];
            let mut known = golden["invoices"].as_array().unwrap().iter();
            let expected = known.find(|one| one["customer"] == *carrier).unwrap();
            let total = totals(invoice);
            for (amount, name) in [(total.net, "net"), (total.tax, "tax"), (total.total, "total")] {
                let written = format!("{} USD", expected[name].as_str().unwrap());
                assert_eq!(amount.to_string(), written, "{carrier}: {name}");
            }
        }
        assert_eq!(made.len(), 16);
    }

    async fn what_is_due_is_billed_once(app) {
        fees(&app, 3).await;
        assert_eq!(bill(&app, "2026-01-01").await.invoices, 3);
        assert_eq!(bill(&app, "2026-01-01").await, billing::Run::default());
        assert_eq!(bill(&app, "2026-01-31").await.job_id, None);
        assert_eq!(bill(&app, "2026-02-01").await.invoices, 3);
        // After a downtime each day that was missed has its bill.
        assert_eq!(bill(&app, "2026-04-15").await.invoices, 6);
        let expected = [(100, 3), (200, 4), (300, 4), (400, 1)];
        assert_eq!(amounts(&app).await, expected.into());
    }

    async fn runs_at_the_same_time_bill_once(app) {
        fees(&app, 1_500).await;
        let at: Timestamp = "2026-01-01T06:00:00Z".parse().unwrap();
        let runs = || billing::run(&app.app, app.organisation, at);
        let (one, two, three) = tokio::join!(runs(), runs(), runs());
        let invoices: u64 = [one, two, three].map(|run| run.unwrap().invoices).iter().sum();
        assert_eq!(invoices, 1_500);
        let expected: BTreeMap<i64, usize> = (1..=1_500).map(|n| (n * 100 + 100, 1)).collect();
        assert_eq!(amounts(&app).await, expected);
    }

    async fn a_run_that_dies_is_gone_on_with(app) {
        fees(&app, 2_200).await;
        let at: Timestamp = "2026-01-01T06:00:00Z".parse().unwrap();
        let mut is_done = false;
        for waits in [1, 3, 6, 10, 15, 25, 40, 60] {
            is_done |= abandoned(billing::run(&app.app, app.organisation, at), waits).await;
        }
        assert!(!is_done || jobs(&app).await.len() > 1, "every run was let finish");
        bill(&app, "2026-01-01").await;
        let expected: BTreeMap<i64, usize> = (1..=2_200).map(|n| (n * 100 + 100, 1)).collect();
        assert_eq!(amounts(&app).await, expected);
    }

    async fn a_contract_that_cannot_be_billed_is_an_outcome(app) {
        let (aggregate, product) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        let metered = Agreement::new(acme, product, vec![metered(aggregate, 2)]).sign(&app).await;
        Agreement::new(acme, product, vec![fee("P1M", "postpaid", 10)]).sign(&app).await;
        app.usage.refuse_next(UsageError::Unavailable("asleep".to_owned()));
        // The first question is how much was accepted, the second is the metric's.
        app.usage.refuse_next(UsageError::Unavailable("asleep".to_owned()));
        let run = bill(&app, "2026-02-01").await;
        assert_eq!((run.contracts, run.invoices), (1, 1));
        assert_eq!(run.problems.len(), 1);
        assert_eq!(run.problems[0].contract_id, metered.id());
        assert_eq!(run.problems[0].code, "USAGE_UNAVAILABLE");
        let job = jobs(&app).await.remove(0);
        assert_eq!((job.progress.succeeded, job.progress.failed), (1, 1));
        assert_eq!(job.status.as_str(), "completed_with_errors");
        // It is not lost.
        store_gigabytes(&app, "ACME", "2026-01-10 00:00:00", 7).await;
        assert_eq!(bill(&app, "2026-02-01").await.invoices, 1);
        expect![[r#"
            2026-02-01 draft 10.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
            2026-02-01 draft 14.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 14.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_postpaid_month_is_counted_in_the_organisations_zone(app) {
        let app = app.organisation_in("America/New_York").await;
        let (aggregate, product) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        let mut agreement = Agreement::new(acme, product, vec![metered(aggregate, 1)]);
        agreement.zone = TimeZone::get("America/New_York").unwrap();
        agreement.sign(&app).await;
        // Still 31 January in New York: nothing is due.
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let run_at = |at| billing::run(&app.app, app.organisation, at);
        assert_eq!(run_at(at("2026-02-01T04:59:59Z")).await.unwrap().invoices, 0);
        assert_eq!(run_at(at("2026-02-01T05:00:00Z")).await.unwrap().invoices, 1);
    }
}
