//! The fast reading of bodies reads what the core reads, or leaves it to the core.

use arrow::array::RecordBatch;
use florin_app::usage::{Format, UsageError};
use florin_core::usage::Schema;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::decode;

fn schema() -> Schema {
    let fields = [
        ("id", "UUID"),
        ("region", "String"),
        ("gb", "Float64"),
        ("price", "Decimal"),
        ("n", "Int64"),
        ("day", "Date32"),
        ("at", "DateTime64"),
        ("on", "Bool"),
        ("tags", "Array(String)"),
    ];
    Schema::new(fields, &[]).unwrap()
}

/// What the core reads, as columns.
fn by_core(events: &Json) -> Option<RecordBatch> {
    let schema = schema();
    let events = match events {
        Json::Array(events) => events.clone(),
        event => vec![event.clone()],
    };
    let events = schema.read(events).ok()?;
    Some(decode::events_batch(&schema, &events).unwrap())
}

fn check(body: &str, expected: Option<&Json>) {
    let read = decode::body(&schema(), Format::Json, body.as_bytes()).ok();
    let expected = expected.and_then(by_core);
    assert_eq!(read, expected, "{body}");
}

#[test]
fn bodies_are_read_as_the_core_reads_them() {
    let good = json!({"customer_id": "c", "timestamp": "2026-01-02 03:04:05.678", "data": {}});
    let full = json!({
        "data": {
            "gb": 0.1, "id": "67E55044-10B1-426F-9247-BB680E5FE0C8", "region": "né\"\n", "n": -5,
            "price": "12.50", "day": "2026-02-28", "at": "2026-02-28T10:00:00Z", "on": true,
            "tags": ["a", null]
        },
        "other": {"ignored": [1, 2]},
        "timestamp": "2026-01-02T03:04:05Z", "customer_id": "\u{1F600}"
    });
    for data in [
        json!({"gb": 1e3}),
        json!({"gb": -0.000000000001}),
        json!({"gb": 12345678901234567890123456.123456789012_f64}),
        json!({"gb": null, "region": null, "id": null, "n": null, "day": null, "at": null, "on": null}),
        json!({"n": 5.0}),
        json!({"n": "5"}),
        json!({"n": 99999999999999999999_u128}),
        json!({"gb": "5"}),
        json!({"region": 5}),
        json!({"nope": 5}),
        json!({"on": 1}),
        json!({"day": "2026-02-30"}),
        json!({"tags": []}),
        json!([]),
    ] {
        let event = json!({"customer_id": "c", "timestamp": "2026-01-02 03:04:05", "data": data});
        check(&event.to_string(), Some(&event));
        let batch = json!([good, event, full]);
        check(&batch.to_string(), Some(&batch));
    }
    for event in [
        json!({"customer_id": "", "timestamp": "2026-01-02 03:04:05", "data": {}}),
        json!({"customer_id": "c", "timestamp": "yesterday", "data": {}}),
        json!({"customer_id": "c", "data": {}}),
        json!({"customer_id": null, "timestamp": "2026-01-02", "data": {}}),
        json!([[]]),
        json!([]),
        json!(5),
        full,
    ] {
        check(&event.to_string(), Some(&event));
    }
}

#[test]
fn a_key_that_stands_twice_means_what_it_means_to_the_core() {
    let body = r#"{"customer_id": "a", "customer_id": "b", "timestamp": "2026-01-02", "data": {"n": 1, "n": 2}}"#;
    let same: Json = serde_json::from_str(body).unwrap();
    check(body, Some(&same));
}

#[test]
fn anything_that_is_not_json_is_unreadable() {
    for body in ["", "{", "[{}", "{} {}", "[] x", "nul", "{\"a\": 1,}"] {
        let read = decode::body(&schema(), Format::Json, body.as_bytes());
        assert!(matches!(read, Err(UsageError::Unreadable { .. })), "{body}");
    }
}

#[test]
fn lines_are_events_and_blank_lines_are_passed_over() {
    let event = r#"{"customer_id": "c", "timestamp": "2026-01-02", "data": {"n": 1}}"#;
    let read = |body: &str| decode::body(&schema(), Format::JsonLines, body.as_bytes());
    assert_eq!(
        read(&format!("{event}\n\r\n{event}\n")).unwrap().num_rows(),
        2
    );
    assert_eq!(read("").unwrap().num_rows(), 0);
    let two_on_a_line = read(&format!("{event}\n{event} {event}"));
    let message = two_on_a_line.unwrap_err().to_string();
    assert!(message.starts_with("line 2:"), "{message}");
    assert!(matches!(
        read("{\"customer_id\": 1}"),
        Err(UsageError::Events(_))
    ));
}

#[test]
fn a_batch_has_ten_thousand_events_at_most() {
    let event = r#"{"customer_id":"c","timestamp":"2026-01-02","data":{}}"#;
    let body = |events: usize| format!("[{}]", vec![event; events].join(","));
    let read = |events| decode::body(&schema(), Format::Json, body(events).as_bytes());
    assert_eq!(read(10_000).unwrap().num_rows(), 10_000);
    assert!(matches!(read(10_001), Err(UsageError::TooManyEvents)));
}

fn values() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        "[a-z0-9 .:T-]{0,24}",
        Just("2026-01-02 03:04:05.123456".to_owned()),
        Just("2026-01-02".to_owned()),
        Just("67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned()),
        any::<String>(),
    ];
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        (any::<i64>(), 0_u32..14).prop_map(|(number, places)| {
            let text = format!("{}e-{places}", number % 1_000_000_000);
            serde_json::from_str(&text).unwrap()
        }),
        (-1_000_000_000_i64..1_000_000_000, 0_u32..1_000_000).prop_map(|(whole, places)| {
            serde_json::from_str(&format!("{whole}.{places}")).unwrap()
        }),
        text.prop_map(Json::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_is_read_as_the_core_reads_it(
        events in prop::collection::vec(
            (values(), values(), prop::collection::vec((0_usize..10, values()), 0..6)), 0..4
        )
    ) {
        let names = ["id", "region", "gb", "price", "n", "day", "at", "on", "tags", "nope"];
        let events: Vec<Json> = events
            .into_iter()
            .map(|(id, at, fields)| {
                let fields = fields.into_iter().map(|(name, value)| (names[name].to_owned(), value));
                let data: serde_json::Map<String, Json> = fields.collect();
                json!({"customer_id": id, "timestamp": at, "data": data})
            })
            .collect();
        let batch = Json::Array(events);
        check(&batch.to_string(), Some(&batch));
    }

    #[test]
    fn good_events_are_read_whole(numbers in prop::collection::vec((any::<i64>(), 0_u32..=12), 1..50)) {
        let events = numbers.into_iter().map(|(number, places)| {
            let gb = rust_decimal::Decimal::from_i128_with_scale(i128::from(number), places);
            let gb: Json = serde_json::from_str(&gb.to_string()).unwrap();
            let data = json!({"n": number, "gb": gb, "region": "eu"});
            json!({"customer_id": "c", "timestamp": "2026-01-02 03:04:05", "data": data})
        });
        let batch = Json::Array(events.collect());
        prop_assert!(by_core(&batch).is_some());
        check(&batch.to_string(), Some(&batch));
    }
}
