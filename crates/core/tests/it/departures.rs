//! The departures of January 2013: real events, and the quantities that metrics must give for them.

use std::{collections::BTreeMap, io::Read};

use florin_core::usage::{
    Aggregation, CustomerAttribute, CustomerKeys, Filter, FilterGroup, Filters, Logic, Metric,
    Operator, Recorded, Schema, UsageCustomer, UsageQuery, evaluate,
};
use florin_core::{Timestamp, pricing::Usage};
use serde_json::{Value, json};
use uuid::Uuid;

const EVENTS: &[u8] = include_bytes!("../../../../examples/departures-2013-01.csv.gz");
const GOLDEN: &str = include_str!("../golden/departures-2013-01.json");

const NUMBERS: [&str; 3] = ["flight", "distance", "dep_delay"];
const TEXTS: [&str; 3] = ["tailnum", "origin", "dest"];

fn schema() -> Schema {
    let numbers = NUMBERS.map(|name| (name, "Int64"));
    Schema::new(
        numbers
            .into_iter()
            .chain(TEXTS.map(|name| (name, "String"))),
        &[],
    )
    .unwrap()
}

/// Every row of the file as an event, empty cells as nulls.
fn file() -> Vec<Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(EVENTS)
        .read_to_string(&mut text)
        .unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| event(&row.unwrap())).collect()
}

fn event(row: &BTreeMap<String, String>) -> Value {
    let cell = |name: &str| Some(row[name].as_str()).filter(|cell| !cell.is_empty());
    let number = |name: &str| cell(name).map(|cell| cell.parse::<i64>().unwrap());
    let numbers = NUMBERS.map(|name| (name.to_owned(), json!(number(name))));
    let texts = TEXTS.map(|name| (name.to_owned(), json!(cell(name))));
    let data: serde_json::Map<String, Value> = numbers.into_iter().chain(texts).collect();
    json!({ "customer_id": row["customer_id"], "timestamp": row["timestamp"], "data": data })
}

/// The events just outside January: in the last second before it, and in its end.
fn neighbours(carrier: &str) -> impl Iterator<Item = Value> {
    let data = json!({ "flight": 1, "distance": 1000, "dep_delay": 99, "tailnum": "N-NEW",
        "origin": "JFK", "dest": "LAX" });
    ["2012-12-31 23:59:59", "2013-02-01 00:00:00"]
        .into_iter()
        .map(move |at| json!({ "customer_id": carrier, "timestamp": at, "data": data }))
}

fn metric(aggregation: Aggregation, column: Option<&str>) -> Metric {
    Metric {
        aggregation,
        column: column.map(str::to_owned),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    }
}

/// The metrics of the golden file, by the name that it gives them.
fn metrics() -> [(&'static str, Metric); 5] {
    let count = metric(Aggregation::Count, None);
    let late = Filter {
        column: "data.dep_delay".to_owned(),
        operator: Operator::Greater,
        value: json!(15),
    };
    let late = FilterGroup {
        logic: Logic::And,
        filters: vec![late],
    };
    let lateness = Metric {
        filters: Filters {
            logic: Logic::And,
            groups: vec![late],
        },
        ..count.clone()
    };
    let gates = Metric {
        dimensions: vec!["data.origin".to_owned()],
        ..count.clone()
    };
    [
        ("departures", count),
        ("distance", metric(Aggregation::Sum, Some("data.distance"))),
        (
            "aircraft",
            metric(Aggregation::UniqueCount, Some("data.tailnum")),
        ),
        ("gates", gates),
        ("lateness", lateness),
    ]
}

fn customers(golden: &Value) -> Vec<UsageCustomer> {
    let carriers = golden["customers"].as_array().unwrap().iter();
    let numbered = (1..).zip(carriers);
    let customer = |(id, carrier): (u128, &Value)| UsageCustomer {
        id: Uuid::from_u128(id),
        external_ids: vec![carrier.as_str().unwrap().to_owned()],
        custom_data: Value::Null,
    };
    numbered.map(customer).collect()
}

fn document(usage: &Usage) -> Value {
    let number = |quantity: &rust_decimal::Decimal| -> Value {
        serde_json::from_str(&quantity.to_string()).unwrap()
    };
    match usage {
        Usage::Quantity(quantity) => number(quantity),
        Usage::Rows(rows) => {
            let rows = rows.rows().iter();
            rows.map(|row| (row.dimensions[0].clone(), number(&row.quantity)))
                .collect()
        }
    }
}

#[test]
fn every_carrier_has_its_golden_quantities() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (schema, customers) = (schema(), customers(&golden));
    let mut events = file();
    assert_eq!(json!(events.len()), golden["events"]);
    events.extend(
        customers
            .iter()
            .flat_map(|customer| neighbours(&customer.external_ids[0])),
    );
    let read = schema.read(events).unwrap().into_iter();
    let events: Vec<Recorded> = (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect();
    let january: [Timestamp; 2] =
        ["2013-01-01T00:00:00Z", "2013-02-01T00:00:00Z"].map(|at| at.parse().unwrap());
    let january = january[0]..january[1];

    for (name, metric) in metrics() {
        let query = UsageQuery::new(&metric, &schema).unwrap();
        let keys = CustomerKeys::new(&metric.customer_attribute, &customers);
        let usage = evaluate(&query, &january, &keys, &events).unwrap();
        assert_eq!(usage.len(), customers.len());
        for (customer, usage) in customers.iter().zip(usage) {
            let carrier = &customer.external_ids[0];
            let invoices = golden["invoices"].as_array().unwrap();
            let invoice = invoices
                .iter()
                .find(|one| one["customer"] == json!(carrier))
                .unwrap();
            let expected = &invoice["quantities"][name];
            assert_eq!(&document(&usage.usage), expected, "{carrier} {name}");
        }
    }
}
