use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn backfill() -> Backfill {
    Backfill {
        id: Uuid::from_u128(1),
        raw_metric_id: Uuid::from_u128(2),
        window: at("2026-01-01")..at("2026-02-01"),
        replaces_up_to: 2,
        reason: "a sender counted twice".to_owned(),
        state: State::Open,
        created_by: "key:1".to_owned(),
        created_at: at("2026-02-05"),
    }
}

fn closed() -> Closed {
    Closed {
        by: "key:1".to_owned(),
        at: at("2026-02-06"),
    }
}

#[test]
fn a_backfill_is_closed_once() {
    let committed = backfill().commit(9, 3, closed()).unwrap();
    assert_eq!(committed.state.word(), "committed");
    assert_eq!(committed.clone().revert(closed()), Err(Refusal::Committed));
    assert_eq!(committed.commit(9, 3, closed()), Err(Refusal::Committed));
    let reverted = backfill().revert(closed()).unwrap();
    assert_eq!(reverted.opened(), Err(Refusal::Reverted));
}

#[test]
fn a_window_is_over_and_a_reason_is_given() {
    let now = at("2026-02-05");
    let check = |start: &str, end: &str| check_window(&(at(start)..at(end)), now);
    assert_eq!(check("2026-02-01", "2026-02-05"), Ok(()));
    assert_eq!(check("2026-02-01", "2026-02-06"), Err(Refusal::WindowOpen));
    assert_eq!(check("2026-02-01", "2026-02-01"), Err(Refusal::WindowEmpty));
    assert_eq!(check_reason(" \n"), Err(Refusal::ReasonBlank));
    assert_eq!(check_reason(&"x".repeat(1001)), Err(Refusal::ReasonTooLong));
    assert!(backfill().overlaps(&(at("2026-01-31")..at("2026-03-01"))));
    assert!(!backfill().overlaps(&(at("2026-02-01")..at("2026-03-01"))));
}

#[test]
fn the_windows_events_are_exchanged_and_later_ones_stay() {
    let schema = Schema::new([("id", "String")], &["data.id".to_owned()]).unwrap();
    let recorded = |events: &[(u64, &str, &str)]| -> Vec<Recorded> {
        let read = events.iter().map(|(sequence, day, id)| {
            let event = json!({ "customer_id": "a", "timestamp": day, "data": { "id": id } });
            let event = schema.read([event]).unwrap().remove(0);
            let sequence = *sequence;
            Recorded { sequence, event }
        });
        read.collect()
    };
    let events = recorded(&[
        (1, "2026-01-01", "old"),
        (2, "2026-02-01", "outside"),
        (3, "2026-01-31", "late"),
        (4, "2025-12-31", "again"),
    ]);
    let staged = recorded(&[(1, "2026-01-05", "new"), (2, "2026-01-05", "again")]);
    let Backfill {
        window,
        replaces_up_to,
        ..
    } = backfill();
    let after = replaced(&schema, &events, (&window, replaces_up_to), (5, &staged));
    let mut shown: Vec<(u64, String)> = schema
        .current(&after)
        .iter()
        .map(|one| (one.sequence, one.event.data[0].text()))
        .collect();
    shown.sort();
    let expected = [(2, "outside"), (3, "late"), (6, "new"), (7, "again")];
    assert_eq!(
        shown,
        expected.map(|(sequence, id)| (sequence, id.to_owned()))
    );
}
