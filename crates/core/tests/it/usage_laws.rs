//! Laws of metrics that hold for all events.

use std::ops::Range;

use florin_core::usage::{
    Aggregation, CustomerAttribute, CustomerKeys, CustomerUsage, Filters, Logic, Metric, Recorded,
    Schema, UsageCustomer, UsageQuery, evaluate,
};
use florin_core::{Timestamp, pricing::Usage};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

const CARRIERS: [&str; 3] = ["AA", "B6", "nobody"];
/// The period is [0 s, 1000 s); events lie on both sides of it.
const PERIOD: (i64, i64) = (0, 1000);

fn schema(unique_by: &[&str]) -> Schema {
    let unique_by: Vec<String> = unique_by.iter().map(|path| (*path).to_owned()).collect();
    Schema::new(
        [("n", "Float64"), ("origin", "String"), ("id", "Int64")],
        &unique_by,
    )
    .unwrap()
}

prop_compose! {
    /// An event with a small number of two decimal places, or none.
    fn event()(
        carrier in 0..CARRIERS.len(),
        second in -200_i64..1200,
        n in prop::option::weighted(0.9, -5000_i64..5000),
        origin in prop::option::of("[A-C]"),
        id in 0_i64..20,
    ) -> Value {
        let n: Option<Value> = n.map(|n| {
            serde_json::from_str(&Decimal::new(n, 2).to_string()).unwrap()
        });
        let timestamp = Timestamp::from_second(second).unwrap().to_string();
        json!({ "customer_id": CARRIERS[carrier], "timestamp": timestamp,
            "data": { "n": n, "origin": origin, "id": id } })
    }
}

fn recorded(schema: &Schema, events: &[Value]) -> Vec<Recorded> {
    let read = schema.read(events.iter().cloned()).unwrap().into_iter();
    (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect()
}

fn metric(aggregation: Aggregation, dimensions: &[&str]) -> Metric {
    Metric {
        aggregation,
        column: Some("data.n".to_owned()),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: dimensions.iter().map(|path| (*path).to_owned()).collect(),
    }
}

fn seconds(from: i64, to: i64) -> Range<Timestamp> {
    let [from, to] = [from, to].map(|second| Timestamp::from_second(second).unwrap());
    from..to
}

fn answer(
    metric: &Metric,
    schema: &Schema,
    period: &Range<Timestamp>,
    events: &[Recorded],
) -> Vec<CustomerUsage> {
    let customer = |(id, carrier): (u128, &&str)| UsageCustomer {
        id: Uuid::from_u128(id),
        external_ids: vec![(*carrier).to_owned()],
        custom_data: Value::Null,
    };
    let customers: Vec<UsageCustomer> = (1..).zip(&CARRIERS[..2]).map(customer).collect();
    let keys = CustomerKeys::new(&metric.customer_attribute, &customers);
    evaluate(
        &UsageQuery::new(metric, schema).unwrap(),
        period,
        &keys,
        events,
    )
    .unwrap()
}

fn quantities(usage: &[CustomerUsage]) -> Vec<Decimal> {
    usage
        .iter()
        .map(|of| of.usage.quantity().unwrap())
        .collect()
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(event(), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_events_never_changes_an_answer(
        (given, shuffled) in events()
            .prop_map(|events| recorded(&schema(&["data.id"]), &events))
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        let schema = schema(&["data.id"]);
        let period = seconds(PERIOD.0, PERIOD.1);
        for aggregation in Aggregation::ALL {
            let metric = metric(aggregation, &["data.origin"]);
            prop_assert_eq!(
                answer(&metric, &schema, &period, &given),
                answer(&metric, &schema, &period, &shuffled),
                "{}", aggregation
            );
        }
    }

    #[test]
    fn parts_of_a_period_add_up_to_it(events in events(), cut in PERIOD.0..PERIOD.1) {
        let schema = schema(&[]);
        let events = recorded(&schema, &events);
        for aggregation in [Aggregation::Count, Aggregation::Sum] {
            let metric = metric(aggregation, &[]);
            let of = |from, to| quantities(&answer(&metric, &schema, &seconds(from, to), &events));
            let parts = of(PERIOD.0, cut).into_iter().zip(of(cut, PERIOD.1));
            let sums: Vec<Decimal> = parts.map(|(one, other)| one + other).collect();
            prop_assert_eq!(of(PERIOD.0, PERIOD.1), sums, "{}", aggregation);
        }
    }

    #[test]
    fn dimensions_add_up_to_the_whole(events in events()) {
        let schema = schema(&[]);
        let events = recorded(&schema, &events);
        let period = seconds(PERIOD.0, PERIOD.1);
        for aggregation in [Aggregation::Count, Aggregation::Sum] {
            let whole = answer(&metric(aggregation, &[]), &schema, &period, &events);
            let split = answer(&metric(aggregation, &["data.origin"]), &schema, &period, &events);
            prop_assert_eq!(quantities(&whole), quantities(&split), "{}", aggregation);
        }
    }

    #[test]
    fn sending_events_again_changes_nothing(events in events()) {
        let schema = schema(&["data.id"]);
        let once = recorded(&schema, &events);
        let twice = recorded(&schema, &[events.clone(), events].concat());
        let period = seconds(PERIOD.0, PERIOD.1);
        for aggregation in Aggregation::ALL {
            let metric = metric(aggregation, &["data.origin"]);
            prop_assert_eq!(
                answer(&metric, &schema, &period, &once),
                answer(&metric, &schema, &period, &twice),
                "{}", aggregation
            );
        }
    }

    #[test]
    fn extremes_and_averages_lie_among_the_values(events in events()) {
        let schema = schema(&[]);
        let events = recorded(&schema, &events);
        let period = seconds(PERIOD.0, PERIOD.1);
        let of = |aggregation| answer(&metric(aggregation, &["data.origin"]), &schema, &period, &events);
        let (least, most) = (of(Aggregation::Min), of(Aggregation::Max));
        for aggregation in [Aggregation::Avg, Aggregation::Latest] {
            for ((least, most), middle) in least.iter().zip(&most).zip(of(aggregation)) {
                let [Usage::Rows(least), Usage::Rows(most), Usage::Rows(middle)] =
                    [&least.usage, &most.usage, &middle.usage]
                else {
                    panic!("a metric with dimensions answers rows")
                };
                let bounds = least.rows().iter().zip(most.rows());
                for ((least, most), middle) in bounds.zip(middle.rows()) {
                    prop_assert!(least.quantity <= middle.quantity);
                    prop_assert!(middle.quantity <= most.quantity);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_reading_fail_otherwise_than_by_refusing(text in ".{0,40}") {
        let event = json!({ "customer_id": text, "timestamp": text, "data": { "n": text } });
        let problems = schema(&[]).read([event]).unwrap_err();
        prop_assert!(problems.iter().all(|problem| problem.event == 0));
    }
}
