//! The server ends at named points while events are corrected and backfilled: a correction that was acknowledged
//! is made, one that was not is made whole or not at all, and none is made twice.

use std::{collections::BTreeMap, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{Client, Signature},
    installation::Installation,
};

/// Where the process ends, and at which of its passes.
const POINTS: [&str; 10] = [
    "correction_before_commit:2",
    "correction_after_commit:2",
    "flush_before_log:2",
    "flush_after_log:2",
    "flush_noted:2",
    "backfill_before_commit:1",
    "backfill_after_commit:1",
    "exchange_file_written:1",
    "exchange_before_log:1",
    "exchange_after_log:1",
];
const GROUPS: u64 = 4;
const GROUP_EVENTS: u64 = 6;
const PATIENCE: usize = 3_000;
const HASTY: (&str, &str) = ("FLORIN_TEST_USAGE_PACE", "hasty");

/// Counts and sums by group, which a correction changes as a whole.
type Groups = BTreeMap<String, (u64, u64)>;

#[test]
fn a_server_that_ends_anywhere_corrects_once_or_not_on_sqlite() {
    end_at(&Installation::new(), &POINTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_ends_anywhere_corrects_once_or_not_on_postgres() {
    let url = florin_testkit::postgres::new_database().await;
    let points = [
        "correction_after_commit:1",
        "exchange_before_log:1",
        "exchange_after_log:1",
    ];
    let ended = thread::spawn(move || end_at(&Installation::on(url), &points));
    ended.join().unwrap();
}

fn end_at(florin: &Installation, points: &[&str]) {
    let signature = florin.organisation();
    for (round, point) in points.iter().enumerate() {
        let story = Story::begin(florin, &signature, &format!("round{round}"));
        let server = florin.serve_with(&[("FLORIN_TEST_KILL_AT", point), HASTY]);
        let acknowledged = story.tell(&mut server.connect(&signature));
        assert!(!server.ended().0, "{point} was not passed");
        let server = florin.serve_with(&[HASTY]);
        let mut client = server.connect(&signature);
        story.check(&mut client, acknowledged, point);
        // The same again, under the same keys: what was done is not done again.
        assert_eq!(story.tell(&mut client), Story::STEPS, "{point}");
        story.check(&mut client, Story::STEPS, point);
        settle(&mut client);
        story.check(&mut client, Story::STEPS, point);
    }
}

/// A raw metric whose events are corrected step by step.
struct Story {
    metric: String,
    slug: String,
    /// A backfill of the last group's window.
    backfill: String,
    /// Metrics that count and sum.
    metrics: [String; 2],
}

impl Story {
    /// Each group but the last is corrected, and the last one's window exchanged.
    const STEPS: u64 = GROUPS;

    fn begin(florin: &Installation, signature: &Signature, slug: &str) -> Self {
        let server = florin.serve_with(&[HASTY]);
        let mut client = server.connect(signature);
        let customer = json!({ "customer_name": "A", "external_id": "a" });
        let _ = client.post("/customers", &customer);
        let schema = json!({ "name": slug, "api_slug": slug,
            "dataschema": { "data": { "group": "String", "n": "Int64" } } });
        let metric = client.post("/rawmetric", &schema).unwrap().id().to_owned();
        let operations = [
            json!({ "type": "COUNT" }),
            json!({ "type": "SUM", "column": "data.n" }),
        ];
        let metrics = operations.map(|operation| {
            let body = json!({ "name": slug, "visual_query_builder": { "table_name": slug,
                "aggregate_operation": operation, "group_by": ["data.group"] } });
            client.post("/aggregates", &body).unwrap().id().to_owned()
        });
        for group in 0..GROUPS {
            let events = (0..GROUP_EVENTS).map(|n| event(group, n));
            let answer = client.post(&format!("/usage/{slug}"), &events.collect());
            assert_eq!(answer.unwrap().status, 200);
        }
        let window = json!({ "start": day(GROUPS - 1), "end": day(GROUPS), "reason": "r" });
        let path = format!("/rawmetric/{metric}/backfills");
        let backfill = client.post(&path, &window).unwrap().id().to_owned();
        let events = (0..2 * GROUP_EVENTS).map(|n| event(GROUPS - 1, 100 * n));
        let path = format!("/usage_backfills/{backfill}/events");
        assert_eq!(client.post(&path, &events.collect()).unwrap().status, 200);
        settle(&mut client);
        Self {
            metric,
            slug: slug.to_owned(),
            backfill,
            metrics,
        }
    }

    /// Corrects until the server ends; answers how many steps were acknowledged.
    fn tell(&self, client: &mut Client) -> u64 {
        for group in 0..GROUPS - 1 {
            let path = format!("/rawmetric/{}/corrections", self.metric);
            let key = format!("{}-{group}", self.slug);
            let answer = client.post_under(Some(&key), &path, &correction(group));
            let Ok(answer) = answer else { return group };
            assert_eq!(answer.status, 200, "{answer:?}");
            // So that some of it is flushed before the next.
            thread::sleep(Duration::from_millis(60));
        }
        let path = format!("/usage_backfills/{}/commit", self.backfill);
        match client.post(&path, &json!({})) {
            Err(_) => GROUPS - 1,
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{answer:?}");
                // Its exchange in files may end the server.
                for _ in 0..20 {
                    thread::sleep(Duration::from_millis(50));
                    if client.get("/health").is_err() {
                        break;
                    }
                }
                GROUPS
            }
        }
    }

    fn check(&self, client: &mut Client, acknowledged: u64, point: &str) {
        let groups = self.groups(client);
        for group in 0..GROUPS {
            let found = groups.get(&name(group)).copied().unwrap_or_default();
            let (before, after) = expected(group);
            let is_known = match group < acknowledged {
                true => found == after,
                // One step may have been made and not acknowledged.
                false if group == acknowledged => found == before || found == after,
                false => found == before,
            };
            assert!(
                is_known,
                "{point}: group {group} of {groups:?}, {acknowledged} acknowledged"
            );
        }
    }

    fn groups(&self, client: &mut Client) -> Groups {
        let [counts, sums] = [&self.metrics[0], &self.metrics[1]].map(|metric| {
            let path = format!(
                "/aggregates/estimates?aggregate_id={metric}&customer_id=a&start_date=2025-01-01\
                 &end_date=2025-01-31"
            );
            let answer = client.get(&path).unwrap();
            let fields = answer.body["value"]["fields"].as_array().unwrap().clone();
            let fields = fields.into_iter().map(|field| {
                let group = field["dimension"]["group"].as_str().unwrap().to_owned();
                (group, field["quantity"].as_u64().unwrap())
            });
            fields.collect::<BTreeMap<String, u64>>()
        });
        let groups = counts.into_iter().map(|(group, count)| {
            let sum = sums[&group];
            (group, (count, sum))
        });
        groups.collect()
    }
}

fn name(group: u64) -> String {
    format!("g{group}")
}

fn day(group: u64) -> String {
    format!("2025-01-{:02}", group + 1)
}

fn event(group: u64, n: u64) -> Value {
    json!({ "customer_id": "a", "timestamp": day(group), "data": { "group": name(group), "n": n } })
}

/// The even groups get other numbers, the odd ones lose theirs.
fn correction(group: u64) -> Value {
    let events = json!({ "visual_query": { "groups": [{ "filters": [
        { "column": "data.group", "operator": "=", "value": name(group) }] }] } });
    match group % 2 {
        0 => json!({ "action": "amend", "reason": "r", "events": events,
            "changes": { "data": { "n": 1000 } } }),
        _ => json!({ "action": "delete", "reason": "r", "events": events }),
    }
}

/// Count and sum of a group before and after its step.
fn expected(group: u64) -> ((u64, u64), (u64, u64)) {
    let before = (GROUP_EVENTS, (0..GROUP_EVENTS).sum());
    let after = match group {
        _ if group == GROUPS - 1 => {
            let count = 2 * GROUP_EVENTS;
            (count, (0..count).map(|n| 100 * n).sum())
        }
        _ if group.is_multiple_of(2) => (GROUP_EVENTS, 1000 * GROUP_EVENTS),
        _ => (0, 0),
    };
    (before, after)
}

/// Waits until nothing waits for its table file.
fn settle(client: &mut Client) {
    for _ in 0..PATIENCE {
        let metrics = client.get("/metrics").unwrap().body.to_string();
        if metrics.contains("florin_usage_backlog_events 0") {
            // Rows that only take events out are no backlog.
            thread::sleep(Duration::from_millis(300));
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the backlog does not go");
}

#[test]
fn a_panic_in_ingestion_refuses_its_group_and_no_later_one() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve_with(&[
        ("FLORIN_TEST_KILL_AT", "panic@ingest_before_commit:2"),
        HASTY,
    ]);
    let mut client = server.connect(&signature);
    let schema =
        json!({ "name": "Calls", "dataschema": { "data": { "group": "String", "n": "Int64" } } });
    let id = client.post("/rawmetric", &schema).unwrap().id().to_owned();
    let statuses = [0, 1, 2].map(|n| client.post("/usage/calls", &event(0, n)).unwrap().status);
    assert_eq!(statuses, [200, 503, 200]);
    let rows = client.get(&format!("/rawmetric/{id}/logs")).unwrap().body;
    let kept: Vec<u64> = rows["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["data.n"].as_u64().unwrap())
        .collect();
    assert_eq!(kept, [2, 0]);
}

#[test]
fn a_panic_in_a_flush_is_tried_again() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve_with(&[("FLORIN_TEST_KILL_AT", "panic@flush_before_log:1"), HASTY]);
    let mut client = server.connect(&signature);
    let schema =
        json!({ "name": "Calls", "dataschema": { "data": { "group": "String", "n": "Int64" } } });
    client.post("/rawmetric", &schema).unwrap();
    assert_eq!(
        client.post("/usage/calls", &event(0, 1)).unwrap().status,
        200
    );
    settle(&mut client);
}
