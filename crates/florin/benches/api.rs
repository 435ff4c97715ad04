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

mod load;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use florin_app::{App, customer, organisation};
use florin_core::customer::Details;
use florin_store::{Actor, Db, Options};
use serde_json::{Value, json};

use crate::load::{
    Connection, Measured, Served, load, number, request, runtime, start_server, value,
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
    if std::env::args().any(|argument| argument == "--serve-bare") {
        return runtime().block_on(serve_bare());
    }
    let arguments = Arguments {
        customers: number("--customers", 200_000),
        seconds: number("--seconds", 5) as u64,
        postgres: value("--postgres"),
    };
    runtime().block_on(run(arguments));
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
    let bare_request = request("GET", "/", "", b"");
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
            ..
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
        request("GET", &path, headers, b"")
    };
    bench.measure("get by id", 32, get).await;
    let create = |n: usize| {
        let name = format!("Created {n}");
        let body = json!({ "customer_name": name, "external_id": format!("new-{n}") });
        request("POST", "/customers", headers, body.to_string().as_bytes())
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
        let page = request("GET", &path, headers, b"");
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

async fn cursor_of_page_500(address: SocketAddr, headers: &str) -> String {
    let mut connection = Connection::open(address).await;
    let mut cursor = String::new();
    for _ in 0..499 {
        let path = format!("/customers?limit={PAGE_ROWS}{cursor}");
        let answer = connection.ask(&request("GET", &path, headers, b"")).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        cursor = format!("&cursor={}", body["next"].as_str().unwrap());
    }
    cursor.trim_start_matches("&cursor=").to_owned()
}
