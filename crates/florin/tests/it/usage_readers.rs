//! Table files are open: programs that know nothing of Florin read them and find the same sums, in a
//! folder and in an S3-compatible store.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    http::{Client, Signature},
    installation::Installation,
    python,
};

const REQUIREMENTS: &str = include_str!("../readers/requirements.txt");
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints rows and sum as the two readers find them.
const READ: &str = r#"
import json, sys
import deltalake, duckdb
options = json.loads(sys.argv[2])
table = deltalake.DeltaTable(sys.argv[1], storage_options=options)
rows = table.to_pyarrow_table()
connection = duckdb.connect()
connection.register("events", rows)
by_sql = connection.execute('SELECT count(*), sum("data.gb") FROM events').fetchone()
by_hand = [rows.num_rows, str(sum(rows.column("data.gb").to_pylist()))]
print(json.dumps({"sql": [by_sql[0], str(by_sql[1])], "rows": by_hand, "columns": rows.column_names}))
"#;

fn storage(client: &mut Client) -> String {
    let fields =
        json!({ "data": { "region": "String", "gb": "Float64", "tags": "Array(String)" } });
    let body = json!({ "name": "Storage", "dataschema": fields });
    let metric = client.post("/rawmetric", &body).unwrap();
    for n in 0..3 {
        let events: Vec<Value> = (0..100)
            .map(|gb| {
                let at = format!("2026-0{}-{:02} 01:02:03.000004", n + 1, gb % 28 + 1);
                let data =
                    json!({ "region": "eu", "gb": f64::from(gb) / 10.0, "tags": ["a", null] });
                json!({ "customer_id": format!("c{}", gb % 7), "timestamp": at, "data": data })
            })
            .collect();
        let answer = client.post("/usage/storage", &Value::from(events)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        wait_for_flush(client);
    }
    metric.id().to_owned()
}

fn wait_for_flush(client: &mut Client) {
    let begun = Instant::now();
    loop {
        let metrics = client.get("/metrics").unwrap();
        let text = metrics.body.as_str().unwrap();
        if text
            .lines()
            .any(|line| line == "florin_usage_backlog_events 0")
        {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "events are not flushed: {text}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn check(table: &str, options: &Value) {
    let python = python::environment("readers", REQUIREMENTS).join("python3");
    let mut command = Command::new(python);
    let printed = python::run(command.args(["-c", READ, table, &options.to_string()]));
    let read: Value = serde_json::from_str(&printed).unwrap();
    let (rows, sum) = (300, "1485.000000000000");
    assert_eq!(read["sql"], json!([rows, sum]));
    assert_eq!(read["rows"], json!([rows, sum]));
    let columns = [
        "_seq",
        "_received_at",
        "customer_id",
        "timestamp",
        "data.gb",
        "data.region",
        "data.tags",
    ];
    assert_eq!(read["columns"], json!(columns));
}

fn path(signature: &Signature, metric: &str) -> String {
    format!("{}/{metric}", signature.organisation)
}

#[test]
fn other_programs_read_the_tables_of_a_folder() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve_with(&[("FLORIN_TEST_USAGE_PACE", "hasty")]);
    let metric = storage(&mut server.connect(&signature));
    let table = florin
        .data_dir()
        .join("usage")
        .join(path(&signature, &metric));
    check(table.to_str().unwrap(), &json!({}));
}

/// A server that speaks S3; killed when dropped.
struct Store {
    child: Child,
    endpoint: String,
}

impl Store {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let program = python::environment("readers", REQUIREMENTS).join("moto_server");
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let store = Self {
            child,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        store.make_bucket(port);
        store
    }

    fn make_bucket(&self, port: u16) {
        use std::io::{Read, Write};
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "the store does not start");
            if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
                let request =
                    "PUT /events HTTP/1.0\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                let _ = stream.read_to_string(&mut answer);
                if answer.contains(" 200 ") {
                    return;
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tables_are_in_a_bucket_and_outlive_the_server() {
    let store = Store::start();
    let florin = Installation::new()
        .with("FLORIN_USAGE_PLACE", "s3://events/of/florin")
        .with("FLORIN_S3_ENDPOINT", store.endpoint.clone())
        .with("FLORIN_S3_ACCESS_KEY_ID", "id")
        .with("FLORIN_S3_SECRET_ACCESS_KEY", "secret")
        .with("FLORIN_TEST_USAGE_PACE", "hasty");
    let signature = florin.organisation();
    let server = florin.serve();
    let metric = storage(&mut server.connect(&signature));
    drop(server);
    let options = json!({
        "AWS_ENDPOINT_URL": store.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
    });
    check(
        &format!("s3://events/of/florin/{}", path(&signature, &metric)),
        &options,
    );
    let server = florin.serve();
    let logs = format!("/rawmetric/{metric}/logs?limit=1");
    let rows = server.connect(&signature).get(&logs).unwrap();
    assert_eq!(
        (rows.status, rows.body["results"].as_array().map(Vec::len)),
        (200, Some(1))
    );
}
