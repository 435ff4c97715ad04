use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::*;
use crate::usage::{Aggregation, CustomerAttribute, Filters, Logic, Metric, Schema, UsageCustomer};

const JANUARY: [&str; 2] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];

fn schema(unique_by: &[&str]) -> Schema {
    let unique_by: Vec<String> = unique_by.iter().map(|path| (*path).to_owned()).collect();
    let fields = [
        ("n", "Float64"),
        ("origin", "String"),
        ("day", "Date32"),
        ("id", "String"),
    ];
    Schema::new(fields, &unique_by).unwrap()
}

fn metric(aggregation: Aggregation, column: &str) -> Metric {
    Metric {
        aggregation,
        column: (!column.is_empty()).then(|| column.to_owned()),
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

fn customers() -> Vec<UsageCustomer> {
    let customer = |id: u128, external_ids: &[&str], account: Json| UsageCustomer {
        id: Uuid::from_u128(id),
        external_ids: external_ids.iter().map(|id| (*id).to_owned()).collect(),
        custom_data: json!({ "account": account }),
    };
    vec![
        customer(1, &["new", "old"], json!("A")),
        customer(2, &["b"], json!("A")),
        customer(3, &[], json!(7)),
    ]
}

/// Events as `(customer, timestamp, data)`, received in this order.
fn recorded(schema: &Schema, events: &[(&str, &str, Json)]) -> Vec<Recorded> {
    let events = events.iter().map(|(customer, timestamp, data)| {
        json!({ "customer_id": customer, "timestamp": timestamp, "data": data })
    });
    let read = schema.read(events).unwrap().into_iter();
    (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect()
}

fn answer(metric: &Metric, schema: &Schema, events: &[Recorded]) -> Vec<CustomerUsage> {
    let query = UsageQuery::new(metric, schema).unwrap();
    let keys = CustomerKeys::new(&metric.customer_attribute, &customers());
    let [start, end] = JANUARY.map(|instant| instant.parse().unwrap());
    evaluate(&query, &(start..end), &keys, events).unwrap()
}

fn show(usage: &[CustomerUsage]) -> String {
    let lines = usage.iter().map(|CustomerUsage { customer, usage }| {
        let quantity = match usage {
            Usage::Quantity(quantity) => quantity.to_string(),
            Usage::Rows(rows) => {
                let rows = rows.rows().iter();
                let rows = rows.map(|row| format!("{}={}", row.dimensions.join("/"), row.quantity));
                format!("{} {}", rows.len(), rows.collect::<Vec<_>>().join(" "))
            }
        };
        format!("{}: {quantity}", customer.as_u128())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check(metric: &Metric, events: &[(&str, &str, Json)], expected: Expect) {
    let schema = schema(&[]);
    expected.assert_eq(&show(&answer(metric, &schema, &recorded(&schema, events))));
}

/// The quantity of one customer whose events have these numbers on these days of January.
fn of_numbers(aggregation: Aggregation, numbers: &[(u8, Json)]) -> String {
    let schema = schema(&[]);
    let days: Vec<String> = numbers
        .iter()
        .map(|(day, _)| format!("2026-01-{day:02}"))
        .collect();
    let events: Vec<(&str, &str, Json)> = days
        .iter()
        .zip(numbers)
        .map(|(day, (_, number))| ("b", day.as_str(), json!({ "n": number })))
        .collect();
    let usage = answer(
        &metric(aggregation, "data.n"),
        &schema,
        &recorded(&schema, &events),
    );
    show(&usage[1..2]).trim_start_matches("2: ").to_owned()
}

#[test]
fn every_aggregation_passes_nulls_over() {
    let numbers = [
        (1, json!(0.1)),
        (3, json!(0.2)),
        (2, json!(null)),
        (4, json!(0.2)),
    ];
    for (aggregation, quantity) in [
        (Aggregation::Count, "3"),
        (Aggregation::Sum, "0.5"),
        (Aggregation::Min, "0.1"),
        (Aggregation::Max, "0.2"),
        (Aggregation::Avg, "0.166666666667"),
        (Aggregation::UniqueCount, "2"),
        (Aggregation::Latest, "0.2"),
    ] {
        assert_eq!(of_numbers(aggregation, &numbers), quantity, "{aggregation}");
    }
}

#[test]
fn without_events_every_aggregation_is_zero() {
    for aggregation in Aggregation::ALL {
        assert_eq!(of_numbers(aggregation, &[]), "0", "{aggregation}");
        assert_eq!(
            of_numbers(aggregation, &[(1, json!(null))]),
            "0",
            "{aggregation}"
        );
    }
}

#[test]
fn weighted_sum_counts_a_value_for_the_time_it_held() {
    for (numbers, quantity) in [
        (vec![(1, json!(10))], "10"),
        (vec![(1, json!(31)), (2, json!(0))], "1"),
        (vec![(31, json!(31))], "1"),
        (
            vec![(1, json!(10)), (11, json!(null)), (21, json!(20))],
            "13.548387096774",
        ),
        (vec![(2, json!(-31)), (3, json!(0))], "-1"),
        (vec![(5, json!(1)), (5, json!(31)), (6, json!(0))], "1"),
    ] {
        assert_eq!(
            of_numbers(Aggregation::WeightedSum, &numbers),
            quantity,
            "{numbers:?}"
        );
    }
}

#[test]
fn latest_takes_the_last_received_of_one_instant() {
    let numbers = [(5, json!(1)), (9, json!(2)), (9, json!(3)), (7, json!(4))];
    assert_eq!(of_numbers(Aggregation::Latest, &numbers), "3");
}

#[test]
fn numbers_are_different_by_value() {
    let numbers: Vec<(u8, Json)> = ["1", "1.0", "1.00", "1e0", "2"]
        .map(|text| (1, serde_json::from_str(text).unwrap()))
        .into();
    assert_eq!(of_numbers(Aggregation::UniqueCount, &numbers), "2");
}

#[test]
fn periods_are_half_open() {
    check(
        &metric(Aggregation::Count, ""),
        &[
            ("b", "2025-12-31 23:59:59.999999", json!({})),
            ("b", "2026-01-01 00:00:00", json!({})),
            ("b", "2026-01-31 23:59:59.999999", json!({})),
            ("b", "2026-02-01 00:00:00", json!({})),
        ],
        expect![[r#"
            1: 0
            2: 2
            3: 0"#]],
    );
}

#[test]
fn a_customer_is_found_under_every_external_id_it_had() {
    check(
        &metric(Aggregation::UniqueCount, "data.n"),
        &[
            ("new", "2026-01-05", json!({ "n": 1 })),
            ("old", "2026-01-06", json!({ "n": 1 })),
            ("nobody", "2026-01-06", json!({ "n": 1 })),
        ],
        expect![[r#"
            1: 1
            2: 0
            3: 0"#]],
    );
}

#[test]
fn customers_may_be_named_by_id_or_by_their_own_data() {
    let id = Uuid::from_u128(3).to_string();
    let events = [
        (id.as_str(), "2026-01-05", json!({ "origin": "A" })),
        ("b", "2026-01-06", json!({ "origin": "7" })),
        ("b", "2026-01-06", json!({ "origin": "7" })),
        ("b", "2026-01-06", json!({ "origin": null })),
    ];
    let by_id = Metric {
        customer_attribute: CustomerAttribute::Id,
        ..metric(Aggregation::Count, "")
    };
    check(
        &by_id,
        &events,
        expect![[r#"
        1: 0
        2: 0
        3: 1"#]],
    );
    let by_account = Metric {
        customer_attribute: CustomerAttribute::CustomData("account".to_owned()),
        customer_column: "data.origin".to_owned(),
        ..metric(Aggregation::Count, "")
    };
    check(
        &by_account,
        &events,
        expect![[r#"
        1: 1
        2: 1
        3: 2"#]],
    );
}

#[test]
fn dimensions_split_the_quantity() {
    let by_origin = Metric {
        dimensions: vec!["data.origin".to_owned(), "data.day".to_owned()],
        ..metric(Aggregation::Sum, "data.n")
    };
    check(
        &by_origin,
        &[
            (
                "b",
                "2026-01-05",
                json!({ "n": 1, "origin": "JFK", "day": "2026-01-05" }),
            ),
            ("b", "2026-01-05", json!({ "n": 2, "origin": "EWR" })),
            ("b", "2026-01-05", json!({ "n": 3.5, "origin": "EWR" })),
            ("b", "2026-01-05", json!({ "origin": "LGA" })),
            ("new", "2026-01-05", json!({ "n": 4 })),
        ],
        expect![[r#"
            1: 1 /=4
            2: 3 EWR/=5.5 JFK/2026-01-05=1 LGA/=0
            3: 0 "#]],
    );
}

#[test]
fn a_date_column_may_be_a_day_of_the_event() {
    let by_day = Metric {
        date_column: "data.day".to_owned(),
        ..metric(Aggregation::Count, "")
    };
    check(
        &by_day,
        &[
            ("b", "2026-01-05", json!({ "day": "2026-02-01" })),
            ("b", "2025-07-05", json!({ "day": "2026-01-31" })),
            ("b", "2026-01-05", json!({})),
        ],
        expect![[r#"
            1: 0
            2: 1
            3: 0"#]],
    );
}

#[test]
fn a_correction_may_move_an_event_out_of_the_period() {
    let schema = schema(&["data.id"]);
    let events = recorded(
        &schema,
        &[
            ("b", "2026-01-05", json!({ "id": "e1", "n": 5 })),
            ("b", "2026-01-06", json!({ "id": "e2", "n": 7 })),
            ("b", "2026-02-05", json!({ "id": "e1", "n": 5 })),
            ("b", "2026-01-06", json!({ "id": "e2", "n": 8 })),
        ],
    );
    let usage = answer(&metric(Aggregation::Sum, "data.n"), &schema, &events);
    assert_eq!(show(&usage[1..2]), "2: 8");
}

#[test]
fn a_quantity_that_does_not_fit_is_an_error_of_its_customer() {
    let schema = schema(&[]);
    let huge: Json = serde_json::from_str("9e25").unwrap();
    let event = ("b", "2026-01-05", json!({ "n": huge }));
    let events = recorded(&schema, &vec![event; 900]);
    let query = UsageQuery::new(&metric(Aggregation::Sum, "data.n"), &schema).unwrap();
    let keys = CustomerKeys::new(&CustomerAttribute::ExternalId, &customers());
    let [start, end] = JANUARY.map(|instant| instant.parse().unwrap());
    let outcome = evaluate(&query, &(start..end), &keys, &events);
    assert_eq!(
        outcome,
        Err(EvaluationError::Overflow {
            customer: Uuid::from_u128(2)
        })
    );
}
