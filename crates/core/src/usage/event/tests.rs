use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

const FIELDS: [(&str, &str); 9] = [
    ("region", "String"),
    ("calls", "Int64"),
    ("gb", "Float64"),
    ("fee", "Decimal"),
    ("day", "Date32"),
    ("at", "DateTime64"),
    ("id", "UUID"),
    ("ok", "Bool"),
    ("tags", "Array(Int64)"),
];

fn schema(unique_by: &[&str]) -> Schema {
    let unique_by: Vec<String> = unique_by.iter().map(|path| (*path).to_owned()).collect();
    Schema::new(FIELDS, &unique_by).unwrap()
}

fn with_data(data: Json) -> Json {
    json!({ "customer_id": "c1", "timestamp": "2026-02-01 06:45:52", "data": data })
}

fn check(events: Json, expected: Expect) {
    let Json::Array(events) = events else {
        panic!("a batch is a list")
    };
    let shown = match schema(&[]).read(events) {
        Ok(events) => format!("{events:?}"),
        Err(problems) => {
            let lines = problems
                .iter()
                .map(|problem| format!("{} {}: {problem}", problem.event, problem.path.join("/")));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn every_type_is_read() {
    let read = schema(&[])
        .read([with_data(json!({
            "region": "us-1", "calls": -3, "gb": 12.5, "fee": "0.10", "day": "2026-02-01",
            "at": "2026-02-01T06:45:52.000001Z", "id": "00000000-0000-0000-0000-000000000007",
            "ok": false, "tags": [1, null, 3],
        }))])
        .unwrap();
    let texts: Vec<String> = read[0].data.iter().map(Value::text).collect();
    assert_eq!(
        texts,
        [
            "us-1",
            "-3",
            "12.5",
            "0.1",
            "2026-02-01",
            "2026-02-01T06:45:52.000001Z",
            "00000000-0000-0000-0000-000000000007",
            "false",
            "1,,3",
        ]
    );
}

#[test]
fn missing_fields_and_nulls_are_null() {
    let read = schema(&[])
        .read([with_data(json!({})), with_data(json!({ "gb": null }))])
        .unwrap();
    assert!(
        read.iter()
            .all(|event| event.data == vec![Value::Null; FIELDS.len()])
    );
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
    for (given, whole) in [
        ("5.0", 5),
        ("5e3", 5000),
        ("-9223372036854775808", i64::MIN),
    ] {
        let given: Json = serde_json::from_str(given).unwrap();
        let read = schema(&[])
            .read([with_data(json!({ "calls": given }))])
            .unwrap();
        assert_eq!(read[0].data[1], Value::Int64(whole));
    }
}

#[test]
fn every_bad_place_of_every_event_is_named() {
    let huge: Json = serde_json::from_str("1e400").unwrap();
    let long = "x".repeat(CUSTOMER_ID_LENGTH_MAX + 1);
    check(
        json!([
            { "customer_id": 7, "timestamp": "yesterday", "data": { "gb": "12", "nope": 1 } },
            with_data(json!({ "gb": 1 })),
            7,
            {},
            { "customer_id": "", "timestamp": null, "data": [] },
            { "customer_id": long, "timestamp": 1684661438, "data": {} },
            with_data(json!({ "region": "a\0b", "calls": 1.5, "gb": huge, "fee": 0.1234567890123_f64,
                "day": "2026-02-30", "at": "06:45", "id": "x", "ok": 1, "tags": [1, "b", 2.5] })),
        ]),
        expect![[r#"
            0 customer_id: Invalid type for key: customer_id. Expected String, got integer
            0 timestamp: Invalid type for key: timestamp. Expected Date32/DateTime64, got string
            0 data/gb: Invalid type for key: data.gb. Expected Float64, got string
            0 data/nope: the schema has no field data.nope: add it to the schema first
            2 : an event is an object, got integer
            3 customer_id: field required
            3 timestamp: field required
            3 data: field required
            4 customer_id: customer_id is empty
            4 timestamp: field required
            4 data: Invalid type for key: data. Expected object, got array
            5 customer_id: customer_id is longer than 255
            5 timestamp: Invalid type for key: timestamp. Expected Date32/DateTime64, got integer
            6 data/at: Invalid type for key: data.at. Expected DateTime64, got string
            6 data/calls: Invalid type for key: data.calls. Expected Int64, got number
            6 data/day: Invalid type for key: data.day. Expected Date32, got string
            6 data/fee: data.fee does not fit Decimal: 26 digits before the point and 12 after it
            6 data/gb: data.gb does not fit Float64: 26 digits before the point
            6 data/id: Invalid type for key: data.id. Expected UUID, got string
            6 data/ok: Invalid type for key: data.ok. Expected Bool, got integer
            6 data/region: data.region contains the character U+0000
            6 data/tags/1: Invalid type for key: data.tags.1. Expected Int64, got string
            6 data/tags/2: Invalid type for key: data.tags.2. Expected Int64, got number"#]],
    );
}

#[test]
fn limits_of_texts_and_lists_are_kept() {
    let long = "x".repeat(TEXT_LENGTH_MAX + 1);
    let many = vec![1; ITEMS_MAX + 1];
    let beyond: Json = serde_json::from_str("9223372036854775808").unwrap();
    check(
        json!([with_data(
            json!({ "region": long, "tags": many, "calls": beyond })
        )]),
        expect![[r#"
            0 data/calls: data.calls does not fit Int64
            0 data/region: data.region is longer than 32768
            0 data/tags: data.tags is longer than 1000"#]],
    );
}

#[test]
fn other_keys_beside_the_three_are_ignored() {
    let mut event = with_data(json!({}));
    event["source"] = json!("gateway");
    assert!(schema(&[]).read([event]).is_ok());
}

fn recorded(sequence: u64, calls: Option<i64>, gb: i64) -> Recorded {
    let event = with_data(json!({ "calls": calls, "gb": gb }));
    let event = schema(&[]).read([event]).unwrap().remove(0);
    Recorded { sequence, event }
}

#[test]
fn the_event_that_came_last_replaces_those_with_its_key() {
    let events = [
        recorded(3, Some(1), 30),
        recorded(1, Some(1), 10),
        recorded(2, Some(2), 20),
        recorded(4, None, 40),
        recorded(5, None, 50),
    ];
    let sequences = |schema: &Schema| {
        let mut sequences: Vec<u64> = schema.current(&events).iter().map(|e| e.sequence).collect();
        sequences.sort_unstable();
        sequences
    };
    assert_eq!(sequences(&schema(&["data.calls"])), [2, 3, 4, 5]);
    assert_eq!(sequences(&schema(&["customer_id", "timestamp"])), [5]);
    assert_eq!(sequences(&schema(&[])), [1, 2, 3, 4, 5]);
}

#[test]
fn an_event_of_an_earlier_schema_has_nulls_for_later_fields() {
    let mut event = recorded(1, Some(1), 1).event;
    event.data.truncate(2);
    assert_eq!(event.value(Column::Data(2)), Value::Null);
}

#[test]
fn a_thousand_bad_places_are_named() {
    let schema = Schema::new([], &[]).unwrap();
    let refused = schema.read(vec![serde_json::json!({}); 400]).unwrap_err();
    assert_eq!(refused.len(), PROBLEMS_MAX);
    assert_eq!(refused[999].event, 333);
}
