//! Writing and approving many invoices, on both databases: what a billing run and a bulk approval do.
//!
//! Prints invoices per second, with their audit rows, events, journal entries and one sync for each transaction.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement takes the time and prints it"
)]

use std::time::{Duration, Instant};

use florin_app::invoice::{APPROVALS_MAX, Checks, approve_chunk};
use florin_core::calendar::Period;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{Draft, Freshness, Header, LineLabel, OneOffLine, one_off};
use florin_core::pricing::Model;
use florin_core::tax::Tax;
use florin_store::{Actor, Backend};
use florin_testkit::TestApp;
use jiff::civil::date;
use uuid::Uuid;

const INVOICES: u128 = 10_000;
const LINES: u128 = 3;
/// Drafts that a billing run writes in one transaction.
const CHUNK: usize = 1_000;

fn draft(number: u128) -> Draft {
    let day = date(2026, 2, 1);
    let line = |line: u128| OneOffLine {
        label: LineLabel {
            line: LineId(Uuid::from_u128(line)),
            name: "API calls".to_owned(),
            description: None,
            unit: "call".to_owned(),
            units: None,
        },
        service: Period::new(date(2026, 1, 1), day).unwrap(),
        model: Model::PerUnit {
            unit_amount: "0.1".parse().unwrap(),
        },
        quantity: (number * 7 + line).to_string().parse().unwrap(),
        discounts: Vec::new(),
        taxes: vec![Tax {
            id: florin_core::id::FeatureId(Uuid::from_u128(9)),
            rate: 19.into(),
            is_compound: false,
        }],
    };
    let customer = Uuid::from_u128(number % 100);
    let lines = (0..LINES).map(line).collect();
    let part = one_off(Uuid::from_u128(number), customer, Currency::USD, day, lines).unwrap();
    let header = Header::new(customer, Currency::USD, day);
    let id = Uuid::from_u128(number);
    Draft::new(id, header, vec![part], Freshness::default()).unwrap()
}

async fn measure(backend: Backend) {
    let app = TestApp::start(backend).await;
    let drafts: Vec<Draft> = (1..=INVOICES).map(draft).collect();
    let begin = async || {
        let begun = app.app.begin(app.organisation, Actor::System, "").await;
        begun.unwrap()
    };
    let written = Instant::now();
    for drafts in drafts.chunks(CHUNK) {
        let mut tx = begin().await;
        florin_store::invoice::insert_drafts(&mut tx, drafts)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    report(backend, "written", written.elapsed());
    let ids: Vec<Uuid> = drafts.iter().map(Draft::id).collect();
    let checks = Checks { duplicates: true };
    let approved = Instant::now();
    for ids in ids.chunks(APPROVALS_MAX) {
        let mut tx = begin().await;
        approve_chunk(&app.app, &mut tx, ids, checks).await.unwrap();
        tx.commit().await.unwrap();
    }
    report(backend, "approved", approved.elapsed());
}

fn report(backend: Backend, what: &str, took: Duration) {
    let per_second = INVOICES * 1_000 / took.as_millis().max(1);
    println!(
        "{backend:?}: {INVOICES} invoices of {LINES} lines {what} in {took:.1?}: {per_second} per second"
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        runtime.block_on(measure(backend));
    }
}
