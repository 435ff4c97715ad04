//! How fast the API answers over HTTP, beside a bare axum handler on the same machine.
//!
//! `cargo bench -p florin --bench api [-- --customers 200000 --seconds 5 --postgres URL]`
//!
//! Server and load generator share the machine's cores, as the goals say. The data is made through the
//! app's own operations before the server starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use florin_app::{App, customer, organisation};
use florin_core::customer::Details;
use florin_store::{Actor, Db, Options};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Rows that one seeding transaction adds.
const SEED_BATCH: usize = 2000;
/// Rows of a page in the list scenarios.
const PAGE_ROWS: usize = 10;

struct Arguments {
    customers: usize,
    seconds: u64,
    postgres: Option<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    if arguments.iter().any(|argument| argument == "--serve-bare") {
        return runtime().block_on(serve_bare());
    }
    let number = |name: &str, default| value(name).map_or(default, |text| text.parse().unwrap());
    let arguments = Arguments {
        customers: number("--customers", 200_000),
        seconds: number("--seconds", 5) as u64,
        postgres: value("--postgres"),
    };
    runtime().block_on(run(arguments));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The yardstick: the least that a handler can do.
async fn serve_bare() {
    let route = axum::routing::get(|| async { axum::Json(json!({ "status": "ok" })) });
    let router = axum::Router::new().route("/", route);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn run(arguments: Arguments) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("florin.db").display());
    let url = arguments.postgres.clone().unwrap_or(sqlite);
    let seeded = seed(&url, arguments.customers).await;
    let bare = start_bare();
    let server = start_server(folder.path(), &url);
    let duration = Duration::from_secs(arguments.seconds);
    println!(
        "{} customers, {duration:?} each; ratio to the bare handler",
        arguments.customers
    );
    println!("{:30} clients     per s    p50 ms    p99 ms   ratio", "");
    let bare_request = request("GET", "/", "", None);
    let yardstick = load(bare.address, 32, duration, |_| bare_request.clone()).await;
    let bench = Bench {
        address: server.address,
        duration,
        yardstick: yardstick.per_second,
    };
    bench.print("bare handler", 32, &yardstick);
    single_rows(&bench, &seeded).await;
    lists(&bench, &seeded.headers).await;
}

struct Bench {
    address: SocketAddr,
    duration: Duration,
    yardstick: f64,
}

impl Bench {
    async fn measure(&self, name: &str, clients: usize, make: impl Fn(usize) -> Arc<[u8]>) {
        let measured = load(self.address, clients, self.duration, make).await;
        self.print(name, clients, &measured);
    }

    fn print(&self, name: &str, clients: usize, measured: &Measured) {
        let Measured {
            per_second,
            p50_ms,
            p99_ms,
        } = measured;
        let ratio = per_second / self.yardstick;
        println!(
            "{name:30} {clients:>7} {per_second:>9.0} {p50_ms:>9.2} {p99_ms:>9.2} {ratio:>7.3}"
        );
    }
}

async fn single_rows(bench: &Bench, Seeded { headers, ids }: &Seeded) {
    let get = |n: usize| {
        let path = format!("/customers/{}", ids[n * 7919 % ids.len()]);
        request("GET", &path, headers, None)
    };
    bench.measure("get by id", 32, get).await;
    let create = |n: usize| {
        let name = format!("Created {n}");
        let body = json!({ "customer_name": name, "external_id": format!("new-{n}") });
        request("POST", "/customers", headers, Some(&body))
    };
    bench.measure("create (durable)", 32, create).await;
    bench
        .measure("create (durable)", 1, |n| create(n + 10_000_000))
        .await;
}

async fn lists(bench: &Bench, headers: &str) {
    let offset = 499 * PAGE_ROWS;
    let cursor = cursor_of_page_500(bench.address, headers).await;
    let pages = [
        ("list page 1", format!("/customers?limit={PAGE_ROWS}")),
        (
            "list page 500 by offset",
            format!("/customers?limit={PAGE_ROWS}&offset={offset}"),
        ),
        (
            "list page 500 by cursor",
            format!("/customers?limit={PAGE_ROWS}&cursor={cursor}"),
        ),
        (
            "list filtered by name",
            "/customers?customer_name__ilike=seed%201234".to_owned(),
        ),
        (
            "list filtered by external_id",
            "/customers?external_id=seed-4711".to_owned(),
        ),
    ];
    for (name, path) in pages {
        let page = request("GET", &path, headers, None);
        for clients in [1, 8] {
            bench.measure(name, clients, |_| page.clone()).await;
        }
    }
}

struct Seeded {
    headers: String,
    ids: Vec<String>,
}

async fn seed(url: &str, customers: usize) -> Seeded {
    let db = Db::open(&Options {
        url: url.to_owned(),
        connections_max: 4,
    })
    .await
    .unwrap();
    let app = App::new(db, std::sync::Arc::new(florin_app::usage::Absent));
    let new = organisation::NewOrganisation {
        name: "Bench".to_owned(),
        is_sandbox: false,
        time_zone: "UTC".to_owned(),
    };
    let (organisation, issued) = organisation::create(&app, new).await.unwrap();
    let mut ids = Vec::with_capacity(customers);
    for first in (0..customers).step_by(SEED_BATCH) {
        let mut tx = app.begin(organisation.id, Actor::System, "").await.unwrap();
        for number in first..(first + SEED_BATCH).min(customers) {
            let created = customer::create(&app, &mut tx, written(number))
                .await
                .unwrap();
            ids.push(created.customer.id.to_string());
        }
        tx.commit().await.unwrap();
    }
    app.db.close().await;
    let headers = format!(
        "x-api-key: {}\r\norganisation: {}\r\n",
        issued.secret, organisation.id
    );
    Seeded { headers, ids }
}

fn written(number: usize) -> customer::Written {
    let details = Details {
        external_id: Some(format!("seed-{number}")),
        customer_name: format!("Seed {number}"),
        email: Some(format!("seed-{number}@example.org")),
        phone_number: None,
        tax_info: Vec::new(),
        custom_data: json!({}),
        custom_attributes: json!({}),
        communications_enabled: true,
        auto_charge_enabled: true,
        business_entity_id: None,
    };
    customer::Written {
        details,
        address: None,
        ship_to_address: None,
        connector: None,
    }
}

/// A process that is stopped when this is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_bare() -> Served {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .arg("--serve-bare")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    Served {
        child,
        address: line.trim().parse().unwrap(),
    }
}

fn start_server(folder: &Path, url: &str) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_florin"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--rate-limit",
            "0",
            "--database-url",
            url,
        ])
        .arg("--data-dir")
        .arg(folder)
        .env("FLORIN_LOG", "warn")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let line = lines.find(|line| line.contains("http://")).unwrap();
    // What the server complains of later is part of the result.
    std::thread::spawn(move || lines.for_each(|line| println!("{line}")));
    let (_, rest) = line.split_once("http://").unwrap();
    let address = rest.split([' ', '/']).next().unwrap();
    Served {
        child,
        address: address.parse().unwrap(),
    }
}

fn request(method: &str, path: &str, headers: &str, body: Option<&Value>) -> Arc<[u8]> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
    .into()
}

struct Measured {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Keeps `clients` connections busy for `duration`. `make` gives the n-th request of all.
async fn load(
    address: SocketAddr,
    clients: usize,
    duration: Duration,
    make: impl Fn(usize) -> Arc<[u8]>,
) -> Measured {
    let counter = AtomicUsize::new(0);
    let begun = Instant::now();
    let client = |_| async {
        let mut connection = Connection::open(address).await;
        let mut latencies = Vec::new();
        while begun.elapsed() < duration {
            let request = make(counter.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            let answer = connection.ask(&request).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        latencies
    };
    let all = futures_util::future::join_all((0..clients).map(client)).await;
    let seconds = begun.elapsed().as_secs_f64();
    let mut latencies: Vec<f64> = all.into_iter().flatten().collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Measured {
        per_second: latencies.len() as f64 / seconds,
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
    }
}

/// The least of an HTTP client, so that it takes little from the server's cores.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    async fn ask(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            if let Some(answer) = complete(&self.buffer) {
                return answer;
            }
        }
    }
}

fn complete(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let length = head.split("content-length: ").nth(1)?.split('\r').next()?;
    let whole = end + length.parse::<usize>().unwrap();
    (bytes.len() >= whole).then(|| String::from_utf8_lossy(&bytes[..whole]).into_owned())
}

async fn cursor_of_page_500(address: SocketAddr, headers: &str) -> String {
    let mut connection = Connection::open(address).await;
    let mut cursor = String::new();
    for _ in 0..499 {
        let path = format!("/customers?limit={PAGE_ROWS}{cursor}");
        let answer = connection.ask(&request("GET", &path, headers, None)).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        cursor = format!("&cursor={}", body["next"].as_str().unwrap());
    }
    cursor.trim_start_matches("&cursor=").to_owned()
}
