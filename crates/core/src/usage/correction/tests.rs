use serde_json::json;

use super::*;

fn schema(unique_by: &[&str]) -> Schema {
    let unique_by: Vec<String> = unique_by.iter().map(|path| (*path).to_owned()).collect();
    Schema::new([("id", "String"), ("gb", "Float64")], &unique_by).unwrap()
}

fn recorded(schema: &Schema, events: &[(u64, &str, &str, i64)]) -> Vec<Recorded> {
    let read = events.iter().map(|(sequence, customer, id, gb)| {
        let event = json!({ "customer_id": customer, "timestamp": "2026-01-01",
            "data": { "id": id, "gb": gb } });
        let event = schema.read([event]).unwrap().remove(0);
        let sequence = *sequence;
        Recorded { sequence, event }
    });
    read.collect()
}

fn show(schema: &Schema, events: &[Recorded]) -> String {
    let mut current = schema.current(events);
    current.sort_by_key(|recorded| recorded.sequence);
    let shown = current.iter().map(|Recorded { sequence, event }| {
        let [id, gb] = [0, 1].map(|field| event.data[field].text());
        format!("{sequence}:{}:{id}:{gb}", event.customer_id)
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn amendment(schema: &Schema, changes: Json) -> Change {
    let Json::Object(changes) = changes else {
        panic!("an object")
    };
    Change::Amend(Amendment::read(schema, &changes).unwrap())
}

fn of(customer: &str) -> Selection {
    Selection {
        conditions: vec![of_customer(customer)],
        ..Selection::default()
    }
}

#[test]
fn events_go_and_changed_ones_come_again() {
    let schema = schema(&[]);
    let events = recorded(
        &schema,
        &[(1, "a", "x", 1), (2, "b", "y", 2), (3, "a", "z", 3)],
    );
    let after = corrected(&schema, &events, (&of("a"), &Change::Delete), 4);
    assert_eq!(show(&schema, &after), "2:b:y:2");
    let change = amendment(
        &schema,
        json!({ "customer_id": "b", "data": { "gb": null } }),
    );
    let after = corrected(&schema, &events, (&of("a"), &change), 4);
    assert_eq!(show(&schema, &after), "2:b:y:2 5:b:x: 6:b:z:");
    let named = Selection {
        sequences: [1, 2, 9].into(),
        ..of("a")
    };
    let after = corrected(&schema, &events, (&named, &Change::Delete), 4);
    assert_eq!(show(&schema, &after), "2:b:y:2 3:a:z:3");
}

#[test]
fn a_replaced_event_does_not_come_back() {
    let schema = schema(&["data.id"]);
    let events = recorded(&schema, &[(1, "a", "x", 1), (2, "b", "x", 2)]);
    let after = corrected(&schema, &events, (&of("a"), &Change::Delete), 3);
    assert_eq!(show(&schema, &after), "2:b:x:2", "1 does not count");
    let after = corrected(&schema, &events, (&of("b"), &Change::Delete), 3);
    assert_eq!(show(&schema, &after), "");
}

#[test]
fn an_amendment_obeys_the_rules_of_events() {
    let schema = schema(&[]);
    let read = |changes: Json| {
        let Json::Object(changes) = changes else {
            panic!("an object")
        };
        Amendment::read(&schema, &changes)
    };
    for (changes, places) in [
        (json!({}), "data"),
        (json!({ "customer_id": "" }), "customer_id"),
        (json!({ "timestamp": "yesterday" }), "timestamp"),
        (json!({ "timestamp": null }), "timestamp"),
        (
            json!({ "data": { "gb": "x", "region": 1 } }),
            "data.gb data.region",
        ),
    ] {
        let problems = read(changes).unwrap_err();
        let mut found: Vec<String> = problems.iter().map(|one| one.path.join(".")).collect();
        found.sort();
        assert_eq!(found.join(" "), places);
    }
    assert!(read(json!({ "data": {} })).unwrap().is_empty());
    assert_eq!(
        read(json!({ "data": { "gb": 1 } }))
            .unwrap()
            .assignments()
            .len(),
        1
    );
}

#[test]
fn a_selection_without_conditions_is_everything() {
    assert!(Selection::default().is_everything());
    let open = Selection {
        conditions: vec![within(None, None)],
        ..Selection::default()
    };
    assert!(open.is_everything());
    assert!(!of("a").is_everything());
}
