//! How long a product waits for the answer whether a customer may go on, and a checkout for its preview, while
//! usage events come in.
//!
//! `cargo bench -p florin --bench access [-- --seconds 30 --checks 2000 --events 20000 --previews 50]`
//!
//! Requests are sent at the pace that is asked for, whatever the server does, and a latency counts from the moment at
//! which a request was due. Server and load generator share the machine's cores. The yardstick beside it is `/health`
//! at the pace of the checks, while the same events come in: what a request costs that asks nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "../usage/events.rs"]
mod events;
#[path = "../load/mod.rs"]
mod load;
#[path = "../usage/server.rs"]
#[allow(dead_code, reason = "another benchmark needs the rest")]
mod server;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    events::batch,
    load::{Measured, number, paced, runtime},
    server::Server,
};

const CUSTOMERS: usize = 1_000;
/// Events of a request.
const BATCH: usize = 100;
/// Bodies that are made beforehand.
const BODIES: usize = 500;
const CHECK_CONNECTIONS: usize = 32;
const EVENT_CONNECTIONS: usize = 8;
const PREVIEW_CONNECTIONS: usize = 4;

fn main() {
    let seconds = Duration::from_secs(number("--seconds", 30) as u64);
    let (checks, events) = (number("--checks", 2_000), number("--events", 20_000));
    let previews = number("--previews", 50);
    runtime().block_on(async {
        let mut bench = Bench::prepare(seconds).await;
        println!("{CUSTOMERS} customers, {seconds:?} each, SQLite, durable");
        bench.alone("health", bench.health(), checks).await;
        bench.alone("check", bench.checks.clone(), checks).await;
        let health = bench
            .beside("health", bench.health(), (checks, events))
            .await;
        let check = bench
            .beside("check", bench.checks.clone(), (checks, events))
            .await;
        println!("ratio of the p99: {:.2}", check / health);
        bench.previews(previews).await;
        bench.counted().await;
    });
}

struct Bench {
    server: Server,
    seconds: Duration,
    /// One for each customer.
    checks: Vec<Arc<[u8]>>,
    events: Vec<Arc<[u8]>>,
    preview: Arc<[u8]>,
    /// What all events so far come to.
    drawn: u64,
    amounts: Vec<u64>,
}

impl Bench {
    async fn prepare(seconds: Duration) -> Self {
        let mut server = Server::start().await;
        let entitlement = entitlement(&mut server).await;
        let mut customers = Vec::with_capacity(CUSTOMERS);
        for number in 0..CUSTOMERS {
            let name = format!("c-{number}");
            let body = json!({ "customer_name": name, "external_id": name });
            let customer = id(&server.post("/customers", &body).await);
            // January 2026, when the events happen, is long over: the grant has no end.
            let grant = json!({ "customer": customer, "quantity": 1_000_000_000_000_u64, "active_from": "2026-01-01" });
            let path = format!("/entitlements/{entitlement}/customer");
            server.post(&path, &grant).await;
            customers.push(customer);
        }
        let path = |customer: &String| {
            format!("/entitlements/customer/{customer}/check?entitlement=Calls&quantity=1")
        };
        let checks = customers
            .iter()
            .map(|one| server.request("GET", &path(one), ""));
        let checks = checks.collect();
        let batches: Vec<_> = (0..BODIES)
            .map(|n| batch(n, BATCH, CUSTOMERS as u64))
            .collect();
        let events = batches
            .iter()
            .map(|batch| server.events(&batch.body))
            .collect();
        let preview = json!({ "plan_id": plan(&mut server).await, "customer_id": customers[0] });
        Self {
            preview: server.request("POST", "/checkouts/preview", &preview.to_string()),
            amounts: batches.iter().map(|batch| batch.amount).collect(),
            drawn: 0,
            server,
            seconds,
            checks,
            events,
        }
    }

    fn health(&self) -> Vec<Arc<[u8]>> {
        vec![self.server.request("GET", "/health", "")]
    }

    /// Requests at a pace, and nothing else.
    async fn alone(&self, what: &str, requests: Vec<Arc<[u8]>>, per_second: usize) {
        let measured = self.ask(&requests, per_second, CHECK_CONNECTIONS).await;
        print(&format!("{what} alone"), &measured);
    }

    /// Requests at a pace while events come in; the 99th percentile in milliseconds.
    async fn beside(
        &mut self,
        what: &str,
        requests: Vec<Arc<[u8]>>,
        (per_second, events): (usize, usize),
    ) -> f64 {
        let (asked, sent) = tokio::join!(
            self.ask(&requests, per_second, CHECK_CONNECTIONS),
            self.ask(&self.events, events / BATCH, EVENT_CONNECTIONS),
        );
        print(&format!("{what} beside events"), &asked);
        print(&format!("  {BATCH} events"), &sent);
        let amounts = (0..sent.requests).map(|n| self.amounts[n % BODIES]);
        self.drawn += amounts.sum::<u64>();
        asked.p99_ms
    }

    async fn previews(&self, per_second: usize) {
        let preview = [self.preview.clone()];
        let measured = self.ask(&preview, per_second, PREVIEW_CONNECTIONS).await;
        print("preview of three lines", &measured);
    }

    async fn ask(&self, requests: &[Arc<[u8]>], per_second: usize, clients: usize) -> Measured {
        let pace = (per_second, self.seconds);
        let make = |n: usize| requests[n % requests.len()].clone();
        paced(self.server.served.address, clients, pace, make).await
    }

    /// Every event that was acknowledged is counted by the checks.
    async fn counted(&mut self) {
        let mut used = 0;
        for check in &self.checks {
            let answer = self.server.ask(check).await;
            let left = answer["quantity_available"].to_string();
            used += 1_000_000_000_000 - left.parse::<u64>().unwrap();
        }
        assert_eq!(used, self.drawn);
        println!("the checks count {used}, all that was sent");
        println!("server's memory at most {} MiB", self.server.memory_max());
    }
}

fn print(what: &str, measured: &Measured) {
    println!(
        "{what:>24}: {:>6.0} a second, p50 {:.2} ms, p99 {:.2} ms",
        measured.per_second, measured.p50_ms, measured.p99_ms
    );
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

/// Drawn by the sum of `data.amount`.
async fn entitlement(server: &mut Server) -> String {
    let visual = json!({ "table_name": "calls", "visual_query": {},
        "aggregate_operation": { "type": "SUM", "column": "data.amount" } });
    let body = json!({ "name": "Calls", "visual_query_builder": visual });
    let aggregate = server.aggregate(&body).await;
    let body = json!({ "name": "Calls", "aggregate_id": aggregate });
    id(&server.post("/entitlements", &body).await)
}

/// A published plan of a fee, seats in tiers and packages, all beforehand.
async fn plan(server: &mut Server) -> String {
    let product = json!({ "name": "Platform", "type": "product" });
    let product = id(&server.post("/products", &product).await);
    let monthly = json!({ "cadence": "P1M", "offset": "prepaid" });
    let fixed = |quantity: u64| json!({ "type": "fixed", "quantity": quantity });
    let prices = [
        json!({ "pricing_data": { "pricing_type": "flat_fee", "currency": "USD", "unit_amount": 100 },
            "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "tiered", "currency": "USD", "unit_amount": [3, 2, 1],
            "up_to": [10, 100, null] }, "quantity": fixed(120), "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "package", "currency": "USD", "package_size": 100,
            "unit_amount": 8 }, "quantity": fixed(950), "billing_period": monthly }),
    ];
    let pricings = prices.map(|price| json!({ "product_id": product, "pricing": price }));
    let body = json!({ "name": "Team", "status": "active", "schedule": { "duration": "P1Y" },
        "phases": [{ "name": "Year", "pricings": pricings }] });
    let plan = id(&server.post("/plans", &body).await);
    server
        .post(&format!("/plans/{plan}/publish"), &json!({}))
        .await;
    plan
}
