//! A file that is uploaded while servers end counts once.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{http::Client, installation::Installation};

const ROWS: u64 = 40_000;
const PATIENCE: usize = 600;

fn upload(client: &mut Client, metric: &str, file: &str) -> Value {
    let headers = format!(
        "content-length: {}\r\ncontent-type: text/csv\r\nidempotency-key: january\r\n",
        file.len()
    );
    let path = format!("/rawmetric/{metric}/uploads?confirm=true");
    let head = client.head("POST", &path, &headers);
    client.write(&format!("{head}{file}")).unwrap();
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Waits for the upload's end; an answer that does not come is the server's end.
fn wait(client: &mut Client, id: &str) -> Option<Value> {
    for _ in 0..PATIENCE {
        let upload = client.get(&format!("/usage_uploads/{id}")).ok()?.body;
        if upload["state"] == "completed" {
            return Some(upload);
        }
        assert!(
            ["checking", "sending"].contains(&upload["state"].as_str()?),
            "{upload}"
        );
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the upload does not end");
}

#[test]
fn an_upload_goes_on_where_a_server_ended_and_counts_once() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let rows: String = (0..ROWS).map(|n| format!("a,2026-01-02,{n}\n")).collect();
    let file = format!("customer_id,timestamp,n\n{rows}");
    let (metric, sent) = {
        let server = florin.serve_with(&[("FLORIN_TEST_KILL_AT", "ingest_after_commit:3")]);
        let mut client = server.connect(&signature);
        let schema = json!({ "name": "Calls", "dataschema": { "data": { "n": "Int64" } } });
        let metric = client.post("/rawmetric", &schema).unwrap().id().to_owned();
        let sent = upload(&mut client, &metric, &file);
        assert_eq!(
            wait(&mut client, sent["id"].as_str().unwrap()),
            None,
            "the server has not ended"
        );
        (metric, sent)
    };
    // The claim of the server that ended has to run out.
    let server = florin.serve();
    let mut client = server.connect(&signature);
    assert_eq!(
        upload(&mut client, &metric, &file)["id"],
        sent["id"],
        "the key stands for one upload"
    );
    let done = wait(&mut client, sent["id"].as_str().unwrap()).unwrap();
    let counts = ["accepted", "repeated"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), ROWS, "{done}");
    assert!(
        counts[1] >= 15_000,
        "what was kept before is not kept again: {done}"
    );
    let customer = json!({ "customer_name": "A", "external_id": "a" });
    client.post("/customers", &customer).unwrap();
    let count = json!({ "name": "calls", "visual_query_builder": {
        "table_name": "calls", "aggregate_operation": { "type": "COUNT" } } });
    let count = client.post("/aggregates", &count).unwrap().id().to_owned();
    let path = format!(
        "/aggregates/estimates?aggregate_id={count}&customer_id=a&start_date=2026-01-01&end_date=2026-01-31"
    );
    let answer = client.get(&path).unwrap().body;
    assert_eq!(answer["value"]["fields"][0]["quantity"], ROWS, "{answer}");
}
