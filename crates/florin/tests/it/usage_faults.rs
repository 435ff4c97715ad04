//! The server ends at named points while events come in: every acknowledged event is counted once, and
//! no part of a batch that was not acknowledged.

use std::{collections::BTreeMap, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{Client, Signature},
    installation::{Installation, Server},
};

/// Where the process ends, and at which of its passes.
const POINTS: [&str; 14] = [
    "ingest_decoded:20",
    "ingest_before_commit:1",
    "ingest_before_commit:15",
    "ingest_after_commit:15",
    "flush_read:2",
    "flush_file_written:2",
    "flush_before_log:1",
    "flush_before_log:3",
    "flush_after_log:1",
    "flush_noted:2",
    "inbox_removed:3",
    "compaction_files_written:1",
    "compaction_before_log:1",
    "compaction_after_log:1",
];
const CLIENTS: usize = 4;
const BATCH_EVENTS: u64 = 50;
/// Batches of a client at most; the point is passed long before.
const BATCHES_MAX: usize = 3_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// A batch and whether it was acknowledged.
struct Sent {
    name: String,
    is_acknowledged: bool,
}

#[test]
fn a_server_that_ends_anywhere_counts_every_event_once_on_sqlite() {
    end_at(&Installation::new(), &POINTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_ends_anywhere_counts_every_event_once_on_postgres() {
    let url = florin_testkit::postgres::new_database().await;
    let points = [
        "ingest_before_commit:15",
        "flush_before_log:1",
        "flush_after_log:2",
    ];
    let ended = thread::spawn(move || end_at(&Installation::on(url), &points));
    ended.join().unwrap();
}

fn end_at(florin: &Installation, points: &[&str]) {
    let signature = florin.organisation();
    let metric = prepare(florin, &signature);
    let mut sent = Vec::new();
    for (round, point) in points.iter().enumerate() {
        let server = florin.serve_with(&[
            ("FLORIN_TEST_KILL_AT", point),
            ("FLORIN_TEST_USAGE_PACE", "hasty"),
        ]);
        sent.extend(send_until_death(&server, &signature, round));
        let (ended_well, _) = server.ended();
        assert!(!ended_well, "{point} was not passed");
        check(florin, &signature, &metric, &sent, point);
    }
    let acknowledged = sent.iter().filter(|sent| sent.is_acknowledged).count();
    println!("{acknowledged} of {} batches acknowledged", sent.len());
}

/// A stream, a customer, and the metric that counts the events of each batch.
fn prepare(florin: &Installation, signature: &Signature) -> String {
    let server = florin.serve();
    let mut client = server.connect(signature);
    let fields = json!({ "data": { "batch": "String", "n": "Int64" } });
    let bodies = [
        (
            "/rawmetric",
            json!({ "name": "Calls", "dataschema": fields }),
        ),
        (
            "/customers",
            json!({ "customer_name": "A", "external_id": "a" }),
        ),
        (
            "/aggregates",
            json!({ "name": "calls", "visual_query_builder": {
                "table_name": "calls", "aggregate_operation": { "type": "COUNT" },
                "group_by": ["data.batch"] } }),
        ),
    ];
    let answers = bodies.map(|(path, body)| client.post(path, &body).unwrap());
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
    answers[2].id().to_owned()
}

fn send_until_death(server: &Server, signature: &Signature, round: usize) -> Vec<Sent> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let connection = server.connect(signature);
            let name = format!("{round}.{client}");
            thread::spawn(move || send_batches(connection, &name))
        })
        .collect();
    let sent = clients.into_iter().map(|client| client.join().unwrap());
    sent.flatten().collect()
}

fn send_batches(mut connection: Client, name: &str) -> Vec<Sent> {
    let mut sent = Vec::new();
    for number in 0..BATCHES_MAX {
        let name = format!("{name}.{number}");
        // Of two months, so that a flush writes two files.
        let events: Vec<Value> = (0..BATCH_EVENTS)
            .map(|n| {
                let at = format!("2026-0{}-15 10:00:00", n % 2 + 1);
                json!({ "customer_id": "a", "timestamp": at, "data": { "batch": name, "n": n } })
            })
            .collect();
        let answer = connection.post("/usage/calls", &Value::from(events));
        let is_acknowledged = answer.as_ref().is_ok_and(|answer| answer.status == 200);
        sent.push(Sent {
            name,
            is_acknowledged,
        });
        if answer.is_err() {
            break;
        }
    }
    sent
}

/// What every batch counts, before and after what is left is flushed.
fn check(florin: &Installation, signature: &Signature, metric: &str, sent: &[Sent], point: &str) {
    let server = florin.serve_with(&[("FLORIN_TEST_USAGE_PACE", "hasty")]);
    let mut client = server.connect(signature);
    let first = counts(&mut client, metric);
    for Sent {
        name,
        is_acknowledged,
    } in sent
    {
        let count = first.get(name).copied().unwrap_or_default();
        let is_whole = count == BATCH_EVENTS || (count == 0 && !is_acknowledged);
        assert!(is_whole, "{point}: batch {name} counts {count}");
    }
    assert!(
        first.len() <= sent.len(),
        "{point}: a batch that nobody sent"
    );
    let begun = std::time::Instant::now();
    while backlog(&mut client) > 0 {
        assert!(
            begun.elapsed() < PATIENCE,
            "{point}: the backlog does not go"
        );
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        counts(&mut client, metric),
        first,
        "{point}: after the flush"
    );
}

fn counts(client: &mut Client, metric: &str) -> BTreeMap<String, u64> {
    let path = format!(
        "/aggregates/estimates?aggregate_id={metric}&customer_id=a&start_date=2026-01-01\
         &end_date=2026-02-28"
    );
    let answer = client.get(&path).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.body["value"]["fields"].as_array().unwrap();
    let count = |row: &Value| {
        let batch = row["dimension"]["batch"].as_str().unwrap().to_owned();
        (batch, row["quantity"].as_u64().unwrap())
    };
    rows.iter().map(count).collect()
}

/// Events that wait for their table file, as the server's metrics say.
fn backlog(client: &mut Client) -> u64 {
    let metrics = client.get("/metrics").unwrap();
    let text = metrics.body.as_str().unwrap().to_owned();
    let line = text
        .lines()
        .find(|line| line.starts_with("florin_usage_backlog_events "));
    let value = line.and_then(|line| line.split(' ').nth(1));
    value
        .and_then(|value| value.parse::<f64>().ok())
        .map_or(u64::MAX, |value| value as u64)
}
