//! How long reading events against their schema and the naive evaluator take. Run with
//! `cargo bench -p florin-core --bench usage`.

#![expect(clippy::unwrap_used, reason = "the events of a benchmark are valid")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use florin_core::Timestamp;
use florin_core::usage::{
    Aggregation, CustomerAttribute, CustomerKeys, Filters, Logic, Metric, Recorded, Schema,
    UsageCustomer, UsageQuery, evaluate,
};
use serde_json::{Value, json};
use uuid::Uuid;

const BATCH: usize = 1000;

fn main() {
    divan::main();
}

fn schema() -> Schema {
    Schema::new(
        [("region", "String"), ("gb", "Float64"), ("calls", "Int64")],
        &[],
    )
    .unwrap()
}

fn batch() -> Vec<Value> {
    let event = |number: usize| {
        json!({
            "customer_id": format!("CRM-{}", number % 100),
            "timestamp": format!("2026-02-01 06:45:{:02}.731", number % 60),
            "data": { "region": "us-1", "gb": 12.5, "calls": number },
        })
    };
    (0..BATCH).map(event).collect()
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let schema = schema();
    bencher
        .with_inputs(batch)
        .counter(ItemsCount::new(BATCH))
        .bench_values(|batch| black_box(&schema).read(batch));
}

/// As the ingestion does it: from the bytes of a request.
#[divan::bench]
fn parse_and_read(bencher: Bencher<'_, '_>) {
    let schema = schema();
    let bytes = serde_json::to_vec(&batch()).unwrap();
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        let batch: Vec<Value> = serde_json::from_slice(black_box(&bytes)).unwrap();
        schema.read(batch)
    });
}

#[divan::bench]
fn sum_by_customer(bencher: Bencher<'_, '_>) {
    let schema = schema();
    let metric = Metric {
        aggregation: Aggregation::Sum,
        column: Some("data.gb".to_owned()),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    };
    let customer = |id: usize| UsageCustomer {
        id: Uuid::from_u128(id as u128),
        external_ids: vec![format!("CRM-{id}")],
        custom_data: Value::Null,
    };
    let customers: Vec<UsageCustomer> = (0..100).map(customer).collect();
    let keys = CustomerKeys::new(&metric.customer_attribute, &customers);
    let query = UsageQuery::new(&metric, &schema).unwrap();
    let read = schema.read(batch()).unwrap().into_iter();
    let events: Vec<Recorded> = (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect();
    let always = Timestamp::MIN..Timestamp::MAX;
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench(|| evaluate(black_box(&query), &always, &keys, black_box(&events)));
}
