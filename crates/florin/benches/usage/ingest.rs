//! Events a second over HTTP, each acknowledged when it is durable; beside it multi-row inserts into
//! PostgreSQL.

use std::time::Duration;

use florin_testkit::{peer, postgres};
use serde_json::json;

use crate::{
    events::{Batch, batch},
    load::{Measured, load, paced},
    server::Server,
};

const CONNECTIONS: usize = 64;
/// Events a second that a server is to sustain.
const GOAL: usize = 200_000;
const CUSTOMERS: u64 = 10_000;
/// Bodies that are made beforehand, so that making them takes nothing from the server.
const BODIES: usize = 512;
/// Connections of the peer: it is fastest with about this many on two cores.
const PEER_CONNECTIONS: usize = 8;

pub(crate) async fn run(seconds: usize) {
    let duration = Duration::from_secs(seconds as u64);
    println!("{CONNECTIONS} connections, {duration:?} each, SQLite inbox, durable");
    let mut server = Server::start().await;
    server.customer().await;
    println!("at the pace of the goal, latency from when a request was due:");
    events(&mut server, (1000, Some(GOAL)), duration).await;
    println!("server's memory at most {} MiB", server.memory_max());
    println!("as fast as answers come:");
    let batches = events(&mut server, (1000, None), duration).await;
    let single = events(&mut server, (1, None), duration).await;
    println!("server's memory at most {} MiB", server.memory_max());
    drop(server);
    let url = postgres::durable_server().await;
    let peer = peer::insert_events(&url, PEER_CONNECTIONS, duration).await;
    println!("PostgreSQL, INSERT of 100 rows, fsync: {peer:.0} events/s");
    println!(
        "ratios: batches {:.1}, single events {:.2}",
        batches / peer,
        single / peer
    );
}

/// Events a second in requests of `size`, at a pace if there is one; checks that each is counted once.
async fn events(
    server: &mut Server,
    (size, pace): (usize, Option<usize>),
    duration: Duration,
) -> f64 {
    let before = counted(server).await;
    let pool: Vec<Batch> = (0..BODIES).map(|n| batch(n, size, CUSTOMERS)).collect();
    let requests: Vec<_> = pool
        .iter()
        .map(|batch| server.events(&batch.body))
        .collect();
    let address = server.served.address;
    let make = |n: usize| requests[n % BODIES].clone();
    let measured = match pace {
        Some(pace) => paced(address, CONNECTIONS, (pace / size, duration), make).await,
        None => load(address, CONNECTIONS, duration, make).await,
    };
    let flush = server.flushed().await;
    let amount: u64 = (0..measured.requests)
        .map(|n| pool[n % BODIES].amount)
        .sum();
    let sent = ((measured.requests * size) as u64, amount);
    let after = counted(server).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), sent);
    let per_second = measured.per_second * size as f64;
    print(size, per_second, &measured, flush);
    per_second
}

fn print(size: usize, per_second: f64, measured: &Measured, flush: Duration) {
    println!(
        "{size:>5} a request: {per_second:>9.0} events/s, p50 {:.1} ms, p99 {:.1} ms, {} refusals for the time being; \
         flushed {:.1} s after the end, all counted",
        measured.p50_ms,
        measured.p99_ms,
        measured.refusals,
        flush.as_secs_f64()
    );
}

/// Events of the stream and the sum of their amounts.
async fn counted(server: &mut Server) -> (u64, u64) {
    let mut numbers = Vec::new();
    for (name, function) in [("count", "COUNT(*)"), ("sum", "SUM(data.amount)")] {
        let template = format!("SELECT {function} AS quantity FROM calls");
        let body = json!({ "name": name, "aggregation_query": template });
        let aggregate = server.aggregate(&body).await;
        let answer = server.january(&aggregate).await;
        let quantity = answer.pointer("/value/fields/0/quantity");
        let quantity = quantity.unwrap_or_else(|| panic!("{answer}"));
        numbers.push(quantity.to_string().parse().unwrap());
    }
    (numbers[0], numbers[1])
}
