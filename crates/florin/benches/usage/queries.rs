//! A month of many events: what all customers and one customer used; beside it DuckDB over the same files.

use std::{process::Command, time::Instant};

use florin_testkit::python;
use serde_json::{Value, json};

use crate::server::Server;

const CUSTOMERS: u64 = 10_000;
const REPEATS: usize = 9;
const REQUIREMENTS: &str = include_str!("../../tests/readers/requirements.txt");

/// Prints seconds of the same sum, cold and at the median, and memory, as DuckDB needs them.
const DUCKDB: &str = r#"
import json, sys, time
import deltalake, duckdb
files = deltalake.DeltaTable(sys.argv[1]).file_uris()
connection = duckdb.connect()
connection.execute("SET threads = 2")
def seconds(sql, *values):
    times = []
    for _ in range(int(sys.argv[2])):
        begun = time.perf_counter()
        rows = connection.execute(sql, [files, *values]).fetchall()
        times.append(time.perf_counter() - begun)
    return {"cold": times[0], "warm": sorted(times)[len(times) // 2], "rows": len(rows)}
month = "timestamp >= TIMESTAMPTZ '2026-01-01 00:00:00Z' AND timestamp < TIMESTAMPTZ '2026-02-01 00:00:00Z'"
table = 'SELECT customer_id, sum("data.amount") FROM read_parquet($1) WHERE ' + month
every = seconds(table + " GROUP BY customer_id")
one = seconds(table + " AND customer_id = $2 GROUP BY customer_id", "c-0")
memory = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")][0].split()[1]
print(json.dumps({"all": every, "one": one, "files": len(files), "mib": int(memory) // 1024}))
"#;

pub(crate) async fn run(millions: usize) {
    let mut server = Server::start().await;
    server.customer().await;
    let amount = server.fill(millions, CUSTOMERS).await;
    println!("compacted {:.1?} after that", server.compacted().await);
    println!("{millions} million events of {CUSTOMERS} customers in one month, compacted");
    let all = all_customers(&mut server, amount).await;
    let one = one_customer(&mut server).await;
    println!("server's memory at most {} MiB", server.memory_max());
    let peer = duckdb(&server);
    println!(
        "DuckDB on the same {} files, {} MiB at most",
        peer["files"], peer["mib"]
    );
    for (name, florin) in [("all", all), ("one", one)] {
        let (cold, warm) = (seconds(&peer[name]["cold"]), seconds(&peer[name]["warm"]));
        println!(
            "{name:>5}: Florin {:.3} s cold, {:.3} s warm; DuckDB {cold:.3} s, {warm:.3} s; ratio {:.2}",
            florin.cold,
            florin.warm,
            florin.warm / warm
        );
    }
}

fn seconds(value: &Value) -> f64 {
    value.to_string().parse().unwrap()
}

struct Times {
    cold: f64,
    warm: f64,
}

/// What every customer used in January.
async fn all_customers(server: &mut Server, amount: u64) -> Times {
    let template =
        "SELECT customer_id, SUM(data.amount) AS quantity FROM calls GROUP BY customer_id";
    let body = json!({ "name": "All", "aggregation_query": template });
    let aggregate = server.aggregate(&body).await;
    let (times, answer) = measure(server, &aggregate).await;
    let fields = answer["value"]["fields"].as_array().unwrap();
    let quantities = fields.iter().map(|field| field["quantity"].to_string());
    let sum: u64 = quantities.map(|text| text.parse::<u64>().unwrap()).sum();
    assert_eq!((fields.len() as u64, sum), (CUSTOMERS, amount));
    times
}

/// What `c-0` used in January, by a visual metric.
async fn one_customer(server: &mut Server) -> Times {
    let form = json!({
        "table_name": "raw_metric_calls",
        "visual_query": { "logic": "AND", "groups": [] },
        "customer_mapping": { "column": "customer_id", "customer_column": "external_id" },
        "start_date_mapping": { "column": "timestamp" },
        "end_date_mapping": null,
        "aggregate_operation": { "type": "SUM", "column": "data.amount" },
    });
    let body = json!({ "name": "One", "visual_query_builder": form });
    let aggregate = server.aggregate(&body).await;
    measure(server, &aggregate).await.0
}

async fn measure(server: &mut Server, aggregate: &str) -> (Times, Value) {
    let mut times = Vec::new();
    let mut answer = Value::Null;
    for _ in 0..REPEATS {
        let begun = Instant::now();
        answer = server.january(aggregate).await;
        times.push(begun.elapsed().as_secs_f64());
    }
    let cold = times[0];
    times.sort_by(f64::total_cmp);
    let warm = times[REPEATS / 2];
    (Times { cold, warm }, answer)
}

fn duckdb(server: &Server) -> Value {
    let environment = python::environment(env!("CARGO_TARGET_TMPDIR"), "readers", REQUIREMENTS);
    let mut command = Command::new(environment.join("python3"));
    command.args(["-c", DUCKDB]).arg(server.table());
    let printed = python::run(command.arg(REPEATS.to_string()));
    serde_json::from_str(&printed).unwrap()
}
