//! How many invoices a billing run makes in a second, beside a raw insert of the same rows.
//!
//! `cargo bench -p florin-app --bench billing [-- --contracts 10000 --postgres]`
//!
//! Each contract has a monthly fee, tiers and packages; the two metrics are answered by the tests' naive engine, whose
//! time is told apart. Everything shares the machine's cores.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::{sync::Arc, time::Instant};

use florin_app::billing;
use florin_core::{
    Timestamp,
    contract::{
        Details, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, Start, Status,
        Surroundings, create,
    },
    currency::Currency,
    customer,
    invoice::Draft,
    product_pricing::Content,
};
use florin_store::{self as store, Actor, Backend, billed_period::Billed, invoice::Invoice};
use florin_testkit::TestApp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows that one seeding transaction adds.
const SEED_BATCH: usize = 1_000;
/// Invoices of one transaction of the raw insert, as many as a run's chunk has.
const RAW_BATCH: usize = 1_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments
        .iter()
        .position(|argument| argument == "--contracts");
    let contracts = at.and_then(|at| arguments.get(at + 1));
    let contracts = contracts.map_or(10_000, |text| text.parse().unwrap());
    let backend = match arguments.iter().any(|argument| argument == "--postgres") {
        true => Backend::Postgres,
        false => Backend::Sqlite,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(backend, contracts));
}

async fn measure(backend: Backend, contracts: usize) {
    let app = TestApp::start(backend).await;
    seed(&app, contracts).await;
    let at: Timestamp = "2026-02-01T06:00:00Z".parse().unwrap();
    let began = Instant::now();
    let run = billing::run(&app.app, app.organisation, at).await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(run.problems, []);
    assert_eq!(run.invoices, contracts as u64);
    let name = format!("{backend:?}");
    println!(
        "{name}: a run made {contracts} invoices of 3 lines in {seconds:.2} s: {:.0} a second",
        contracts as f64 / seconds
    );
    let (drafts, billed) = made(&app).await;
    let raw = TestApp::start(backend).await;
    let began = Instant::now();
    insert_raw(&raw, &drafts, &billed).await;
    let raw_seconds = began.elapsed().as_secs_f64();
    println!(
        "{name}: the same rows inserted without computing them: {raw_seconds:.2} s, {:.0} a second; the run took \
         {:.2} times as long",
        contracts as f64 / raw_seconds,
        seconds / raw_seconds
    );
    let began = Instant::now();
    let again = billing::run(&app.app, app.organisation, at).await.unwrap();
    assert_eq!(again.invoices, 0);
    println!(
        "{name}: a run that finds nothing: {:.1} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    if let Some(kib) = resident_max_kib() {
        println!(
            "{name}: at most {} MiB resident, the engine's events among them",
            kib / 1024
        );
    }
}

/// The most memory that the process had, where the system tells.
fn resident_max_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn seed(app: &TestApp, contracts: usize) {
    let fields = json!({ "gb": "Int64", "calls": "Int64" });
    let body = json!({ "name": "Use", "dataschema": { "data": fields } });
    app.post("/rawmetric", body).await.ok();
    let mut aggregates = Vec::new();
    for column in ["data.gb", "data.calls"] {
        let visual = json!({ "table_name": "raw_metric_use", "visual_query": {},
            "aggregate_operation": { "type": "SUM", "column": column } });
        let body = json!({ "name": column, "visual_query_builder": visual });
        aggregates.push(app.post("/aggregates", body).await.ok().id());
    }
    let product = app
        .post(
            "/products",
            json!({ "name": "Platform", "type": "product" }),
        )
        .await
        .ok()
        .id();
    let prices = prices(&aggregates[0], &aggregates[1]);
    let prices: Vec<Arc<Content>> = prices
        .into_iter()
        .map(|price| Arc::new(Content::read(price).unwrap()))
        .collect();
    let product: Uuid = product.parse().unwrap();
    for first in (0..contracts).step_by(SEED_BATCH) {
        let numbers = first..contracts.min(first + SEED_BATCH);
        let mut tx = app
            .app
            .begin(app.organisation, Actor::System, "")
            .await
            .unwrap();
        let mut events = Vec::new();
        for number in numbers {
            let name = format!("customer-{number}");
            let customer =
                customer::create(app.app.ids.next(), details(&name), app.app.clock.now());
            let customer = customer.unwrap();
            store::customer::insert(&mut tx, &customer).await.unwrap();
            let contract = contract(app, customer.id, product, &prices);
            store::contract::insert(&mut tx, &contract).await.unwrap();
            events.push(
                json!({ "customer_id": name, "timestamp": "2026-01-10 00:00:00",
                "data": { "gb": number % 3_000, "calls": number % 700 } }),
            );
        }
        tx.commit().await.unwrap();
        app.post("/usage/use", json!(events)).await.ok();
    }
}

fn prices(gigabytes: &str, calls: &str) -> [Value; 3] {
    let metered = |aggregate: &str| json!({ "type": "metered", "aggregate_id": aggregate });
    let monthly = json!({ "cadence": "P1M", "offset": "postpaid" });
    [
        json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 100 },
            "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "tiered", "unit_amount": [3, 2, 1],
            "up_to": [500, 2000, null] }, "quantity": metered(gigabytes), "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "package", "package_size": 100, "unit_amount": 8 },
            "quantity": metered(calls), "billing_period": monthly }),
    ]
}

fn details(name: &str) -> customer::Details {
    customer::Details {
        external_id: Some(name.to_owned()),
        customer_name: name.to_owned(),
        email: None,
        phone_number: None,
        tax_info: Vec::new(),
        custom_data: json!({}),
        custom_attributes: json!({}),
        communications_enabled: true,
        auto_charge_enabled: true,
        business_entity_id: None,
    }
}

fn contract(
    app: &TestApp,
    customer: Uuid,
    product: Uuid,
    prices: &[Arc<Content>],
) -> florin_core::contract::Contract {
    let start = Start::read("2026-01-01", &TimeZone::UTC).unwrap();
    let lines = prices.iter().map(|price| LineDetails {
        id: None,
        start: None,
        end: None,
        head: LineHead::new(product, price.clone()),
    });
    let details = Details {
        header: Header::new("Platform", customer, Currency::USD, start),
        status: Status::Active,
        phases: vec![PhaseDetails {
            id: None,
            start: None,
            end: None,
            head: PhaseHead::named("Standard Phase"),
            lines: lines.collect(),
        }],
    };
    let surroundings = Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let mut ids = || app.app.ids.next();
    let id = app.app.ids.next();
    create(id, details, &surroundings, &mut ids, start.written()).unwrap()
}

/// Everything that the run wrote about invoices.
async fn made(app: &TestApp) -> (Vec<Draft>, Vec<Billed>) {
    let mut tx = app.app.db.read(app.organisation).await.unwrap();
    let mut ids = Vec::new();
    let mut parameters = vec![("limit".to_owned(), "1000".to_owned())];
    loop {
        let query = store::list::parse(&store::invoice::LIST, &parameters).unwrap();
        let page = store::invoice::page(&mut tx, &query).await.unwrap();
        ids.extend(page.results.iter().map(|head| head.id));
        let Some(next) = page.next else { break };
        parameters.truncate(1);
        parameters.push(("cursor".to_owned(), next));
    }
    let invoices = store::invoice::of_ids(&mut tx, &ids).await.unwrap();
    let drafts: Vec<Draft> = invoices
        .into_iter()
        .filter_map(|invoice| match invoice {
            Invoice::Draft(draft) => Some(draft),
            Invoice::Issued(_) => None,
        })
        .collect();
    let parts = drafts.iter().flat_map(|draft| draft.parts());
    let parts: Vec<Uuid> = parts.map(|part| part.id).collect();
    let billed = store::billed_period::of_parts(&mut tx, &parts)
        .await
        .unwrap();
    (drafts, billed)
}

async fn insert_raw(app: &TestApp, drafts: &[Draft], billed: &[Billed]) {
    let mut billed = billed.chunks(RAW_BATCH * 3);
    for drafts in drafts.chunks(RAW_BATCH) {
        let mut tx = app
            .app
            .begin(app.organisation, Actor::System, "")
            .await
            .unwrap();
        store::invoice::insert_drafts(&mut tx, drafts)
            .await
            .unwrap();
        if let Some(billed) = billed.next() {
            store::billed_period::insert(&mut tx, billed).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}
