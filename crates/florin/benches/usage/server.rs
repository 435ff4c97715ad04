//! A server on an empty folder with one stream of events, and what is asked of it.

use std::{
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    events::batch,
    load::{Connection, Served, request, start_server},
};

/// Events of a request and connections when a stream is filled.
const FILL_BATCH: usize = 10_000;
const FILL_CONNECTIONS: usize = 4;
/// How long a flush may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Server {
    folder: TempDir,
    pub(crate) served: Served,
    pub(crate) organisation: String,
    headers: String,
    raw_metric: String,
    connection: Connection,
}

impl Server {
    /// With a raw metric `calls`.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("florin.db").display());
        Self::start_on(folder, &url).await
    }

    /// The same on a database.
    pub(crate) async fn start_on(folder: TempDir, url: &str) -> Self {
        let created = Command::new(env!("CARGO_BIN_EXE_florin"))
            .args(["org", "create", "Bench", "--json", "--database-url", url])
            .arg("--data-dir")
            .arg(folder.path())
            .output()
            .unwrap();
        let created: Value = serde_json::from_slice(&created.stdout).unwrap();
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        let headers = format!(
            "x-api-key: {}\r\norganisation: {}\r\n",
            text("api_key"),
            text("organisation")
        );
        let served = start_server(folder.path(), url);
        let mut server = Self {
            connection: Connection::open(served.address).await,
            organisation: text("organisation"),
            raw_metric: String::new(),
            folder,
            served,
            headers,
        };
        let schema = json!({ "data": { "region": "String", "amount": "Int64" } });
        let raw_metric = json!({ "name": "Calls", "dataschema": schema });
        let raw_metric = server.post("/rawmetric", &raw_metric).await;
        server.raw_metric = raw_metric["id"].as_str().unwrap().to_owned();
        server
    }

    /// The customer `c-0`, whom metrics are asked about.
    pub(crate) async fn customer(&mut self) {
        let customer = json!({ "customer_name": "Zero", "external_id": "c-0" });
        self.post("/customers", &customer).await;
    }

    /// A request with events.
    pub(crate) fn events(&self, body: &str) -> Arc<[u8]> {
        self.request("POST", "/usage/calls", body)
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Value {
        let request = self.request("POST", path, &body.to_string());
        self.ask(&request).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        let request = self.request("GET", path, "");
        self.ask(&request).await
    }

    /// The bytes of a request of the organisation; a body is JSON.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Arc<[u8]> {
        request(method, path, &self.headers, body.as_bytes())
    }

    /// Sends a request, which must succeed.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Value {
        let answer = self.connection.ask(request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Sends millions of events; answers the sum of their amounts.
    pub(crate) async fn fill(&mut self, millions: usize, customers: u64) -> u64 {
        let begun = Instant::now();
        let batches = millions * 1_000_000 / FILL_BATCH;
        let client = |client: usize| {
            let server = &*self;
            async move {
                let mut connection = Connection::open(server.served.address).await;
                let mut amount = 0;
                for n in (client..batches).step_by(FILL_CONNECTIONS) {
                    let made = batch(n, FILL_BATCH, customers);
                    amount += made.amount;
                    connection.ask_patiently(&server.events(&made.body)).await;
                }
                amount
            }
        };
        let amounts = futures_util::future::join_all((0..FILL_CONNECTIONS).map(client)).await;
        let sent = begun.elapsed();
        let flushed = self.flushed().await;
        println!("{millions} million events sent in {sent:.1?}, flushed {flushed:.1?} later");
        amounts.into_iter().sum()
    }

    /// Waits until every event stands in a table file; answers how long that took.
    pub(crate) async fn flushed(&mut self) -> Duration {
        let begun = Instant::now();
        let request = self.request("GET", "/metrics", "");
        loop {
            let metrics = self.connection.ask(&request).await;
            let is_empty = |line: &str| line == "florin_usage_backlog_events 0";
            if metrics.lines().any(is_empty) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "events are not flushed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until no compaction has written for two of its looks.
    pub(crate) async fn compacted(&self) -> Duration {
        let begun = Instant::now();
        let log = self.table().join("_delta_log");
        let entries = || std::fs::read_dir(&log).unwrap().count();
        let (mut known, mut since) = (entries(), Instant::now());
        while since.elapsed() < Duration::from_secs(25) {
            assert!(begun.elapsed() < PATIENCE, "compaction does not end");
            tokio::time::sleep(Duration::from_millis(500)).await;
            if entries() != known {
                (known, since) = (entries(), Instant::now());
            }
        }
        begun.elapsed().saturating_sub(since.elapsed())
    }

    /// The folder of the Delta table.
    pub(crate) fn table(&self) -> PathBuf {
        let usage = self.folder.path().join("usage");
        usage.join(&self.organisation).join(&self.raw_metric)
    }

    /// A new billable metric's id.
    pub(crate) async fn aggregate(&mut self, body: &Value) -> String {
        let created = self.post("/aggregates", body).await;
        created["id"].as_str().unwrap().to_owned()
    }

    /// What a metric answers for `c-0` and January: quantities with their dimensions.
    pub(crate) async fn january(&mut self, aggregate: &str) -> Value {
        let path = format!(
            "/aggregates/estimates?aggregate_id={aggregate}&customer_id=c-0\
             &start_date=2026-01-01&end_date=2026-01-31"
        );
        self.get(&path).await
    }

    /// Ends the server; what it kept stays.
    pub(crate) fn stop(self) -> TempDir {
        let Self { folder, served, .. } = self;
        drop(served);
        folder
    }

    /// The most memory that the server has had, in MiB.
    pub(crate) fn memory_max(&self) -> u64 {
        let status = format!("/proc/{}/status", self.served.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() / 1024
    }
}
