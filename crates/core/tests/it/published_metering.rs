//! The published cases of billable metrics.

use florin_core::usage::{
    Aggregation, CustomerAttribute, CustomerKeys, Filters, Logic, Metric, Recorded, Schema,
    UsageCustomer, UsageQuery, evaluate,
};
use florin_core::{Timestamp, pricing::Usage};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::published::{case, number};

/// Cases that this module runs.
pub(crate) const RUN: &[usize] = &[57, 58];

/// The events of a case with all that is no timestamp under `data`.
fn events(schema: &Schema, case: &Value) -> Vec<Recorded> {
    let events = case["inputs"]["events"].as_array().unwrap().iter();
    let events = events.map(|event| {
        let mut data = event.clone();
        data.as_object_mut().unwrap().remove("timestamp");
        json!({ "customer_id": "c1", "timestamp": event["timestamp"], "data": data })
    });
    let read = schema.read(events).unwrap().into_iter();
    (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect()
}

fn quantity(schema: &Schema, events: &[Recorded], what: (Aggregation, Option<&str>)) -> Decimal {
    let (aggregation, column) = what;
    let metric = Metric {
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
    };
    let customer = UsageCustomer {
        id: Uuid::nil(),
        external_ids: vec!["c1".to_owned()],
        custom_data: Value::Null,
    };
    let keys = CustomerKeys::new(&metric.customer_attribute, [&customer]);
    let query = UsageQuery::new(&metric, schema).unwrap();
    let always = Timestamp::MIN..Timestamp::MAX;
    let usage = evaluate(&query, &always, &keys, events)
        .unwrap()
        .remove(0)
        .usage;
    let Usage::Quantity(quantity) = usage else {
        panic!("one quantity")
    };
    quantity
}

#[test]
fn a_month_of_telephone_usage_adds_up() {
    let fields = [
        ("sms", "Int64"),
        ("data", "Float64"),
        ("call_minutes", "Float64"),
    ];
    let schema = Schema::new(fields, &[]).unwrap();
    let case = case(57);
    let events = events(&schema, case);
    for (field, _) in fields {
        let path = format!("data.{field}");
        let sum = quantity(&schema, &events, (Aggregation::Sum, Some(&path)));
        assert_eq!(Some(sum), number(&case["expected"][field]), "{field}");
    }
    let count = quantity(&schema, &events, (Aggregation::Count, None));
    assert_eq!(Some(count), number(&case["expected"]["count"]));
}

#[test]
fn premises_used_are_counted() {
    let schema = Schema::new([("Id", "String"), ("Premises_used", "String")], &[]).unwrap();
    let case = case(58);
    let events = events(&schema, case);
    let count = quantity(
        &schema,
        &events,
        (Aggregation::Count, Some("data.Premises_used")),
    );
    assert_eq!(Some(count), number(&case["expected"]["quantity"]));
}
