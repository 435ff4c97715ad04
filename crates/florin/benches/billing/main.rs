//! How many invoices a billing run makes in a second, metric queries included, and how many are approved;
//! beside each a raw insert of the same rows.
//!
//! `cargo bench -p florin --bench billing [-- --contracts 100000 --millions 10 --postgres]`
//!
//! Each contract has a monthly fee, tiers by a sum and packages by a count. Events are sent over HTTP to the server
//! and stand in table files; then the server ends, and this process runs the same operations on the same files, so
//! that its memory is what a server needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark takes the time and prints it"
)]

#[path = "../usage/events.rs"]
mod events;
#[path = "../load/mod.rs"]
mod load;
mod raw;
mod seed;
#[path = "../usage/server.rs"]
#[allow(dead_code, reason = "another benchmark needs the rest")]
mod server;

use std::time::{Duration, Instant};

use florin_app::{
    App, billing,
    invoice::{APPROVALS_MAX, Checks, Outcome, approve_chunk},
};
use florin_core::{Timestamp, id::OrganisationId};
use florin_store::Actor;
use florin_testkit::postgres;
use uuid::Uuid;

use crate::{
    load::{number, runtime},
    seed::World,
};

fn main() {
    let contracts = number("--contracts", 10_000);
    let millions = number("--millions", 1);
    let on_postgres = std::env::args().any(|argument| argument == "--postgres");
    runtime().block_on(async {
        let url = match on_postgres {
            true => Some(postgres::durable_server().await),
            false => None,
        };
        measure(url, contracts, millions).await;
    });
}

async fn measure(url: Option<String>, contracts: usize, millions: usize) {
    let world = World::seed(url, contracts, millions).await;
    let at: Timestamp = "2026-02-01T06:00:00Z".parse().unwrap();
    let (app, organisation) = (&world.app, world.organisation);
    let began = Instant::now();
    let run = billing::run(app, organisation, at).await.unwrap();
    let took = began.elapsed();
    assert_eq!(run.problems, []);
    assert_eq!(run.invoices, contracts as u64);
    let billed = report("billed, usage asked", contracts, took);
    memory("after billing");
    let began = Instant::now();
    let again = billing::run(app, organisation, at).await.unwrap();
    assert_eq!(again.invoices, 0);
    println!("a run that finds nothing: {:.1?}", began.elapsed());
    let made = raw::drafts(app, organisation).await;
    world.check(&made);
    let ids: Vec<Uuid> = made.drafts.iter().map(|draft| draft.id()).collect();
    let began = Instant::now();
    for ids in ids.chunks(APPROVALS_MAX) {
        approve(app, organisation, ids).await;
    }
    let approved = report("approved", contracts, began.elapsed());
    memory("after approving");
    let inserted = raw::insert(&world, &made).await;
    let inserted = report("rows of drafts inserted raw", contracts, inserted);
    println!(
        "ratio to the raw insert: billed {:.2}, approved {:.2}",
        billed / inserted,
        approved / inserted
    );
}

async fn approve(app: &App, organisation: OrganisationId, ids: &[Uuid]) {
    let mut tx = app.begin(organisation, Actor::System, "").await.unwrap();
    let checks = Checks { duplicates: true };
    let approvals = approve_chunk(app, &mut tx, ids, checks).await.unwrap();
    for approval in approvals {
        let outcome = approval.outcome;
        assert!(matches!(outcome, Outcome::Approved), "{outcome:?}");
    }
    tx.commit().await.unwrap();
}

fn report(what: &str, invoices: usize, took: Duration) -> f64 {
    let per_second = invoices as f64 / took.as_secs_f64();
    println!("{invoices} invoices of 3 lines {what} in {took:.2?}: {per_second:.0} a second");
    per_second
}

/// The most memory that the process had.
fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    let mib = kib.parse::<u64>().unwrap() / 1024;
    println!("at most {mib} MiB resident {when}");
}
