//! What a billing run pays for each contract before it rates: reading the contract back, its terms, and
//! what is due. Run with `cargo bench -p florin-core --bench billing`.

#![expect(clippy::unwrap_used, reason = "contracts of a benchmark are valid")]

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use florin_core::billing::{BilledPeriod, History, due};
use florin_core::contract::{
    Contract, Details, Header, Kept, LineDetails, LineHead, PhaseBilling, PhaseDetails, PhaseHead,
    Start, Status, Surroundings, Taxation, create,
};
use florin_core::currency::Currency;
use florin_core::product_pricing::Content;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use uuid::Uuid;

const TODAY: Date = date(2024, 12, 1);

fn main() {
    divan::main();
}

/// A fee, tiers and packages, monthly and postpaid.
fn prices() -> [Json; 3] {
    let metered = json!({ "type": "metered", "aggregate_id": Uuid::nil() });
    let monthly = json!({ "cadence": "P1M", "offset": "postpaid" });
    [
        json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 100 },
            "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "tiered", "unit_amount": [3, 2, 1],
            "up_to": [500, 2000, null] }, "quantity": metered, "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "package", "package_size": 100, "unit_amount": 8 },
            "quantity": metered, "billing_period": monthly }),
    ]
}

fn contract() -> Contract {
    let start = Start::on(date(2024, 1, 1), &TimeZone::UTC).unwrap();
    let lines = prices().into_iter().map(|price| {
        let content = Arc::new(Content::read(price).unwrap());
        LineDetails {
            id: None,
            start: None,
            end: None,
            head: LineHead::new(Uuid::nil(), content),
        }
    });
    let phase = PhaseDetails {
        id: None,
        start: None,
        end: None,
        head: PhaseHead::named("Year"),
        lines: lines.collect(),
    };
    let details = Details {
        header: Header::new("Northwind", Uuid::nil(), Currency::USD, start),
        status: Status::Active,
        phases: vec![phase],
    };
    let surroundings = Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let mut last = 0;
    let mut ids = || {
        last += 1;
        Uuid::from_u128(last)
    };
    create(
        Uuid::nil(),
        details,
        &surroundings,
        &mut ids,
        start.written(),
    )
    .unwrap()
}

fn terms() -> Vec<PhaseBilling> {
    contract().terms(&Taxation::default()).unwrap()
}

/// All periods before the one that is due.
fn billed(phases: &[PhaseBilling]) -> Vec<BilledPeriod> {
    let bills = due(phases, History::default(), date(2024, 11, 30)).unwrap();
    let parts = bills.iter().flat_map(|bill| &bill.parts);
    let charges = parts.flat_map(|part| {
        part.charges
            .iter()
            .map(|c| c.billed(part.phase_id, Uuid::nil()))
    });
    charges.collect()
}

#[divan::bench]
fn restoring_a_contract(bencher: Bencher<'_, '_>) {
    let record = contract().record().clone();
    let bencher = bencher.counter(ItemsCount::new(1_usize));
    bencher.bench(|| Contract::restore(black_box(&record).clone()));
}

#[divan::bench]
fn reading_a_contract_from_its_text(bencher: Bencher<'_, '_>) {
    let contract = contract();
    let text = contract.document().to_string();
    let record = contract.record();
    let kept = Kept {
        id: record.id,
        version: record.version,
        status: Some(record.status),
        zone: record.zone.clone(),
        created_at: record.created_at,
        updated_at: record.updated_at,
        deleted_at: record.deleted_at,
    };
    let bencher = bencher.counter(ItemsCount::new(1_usize));
    bencher.bench(|| {
        let document = serde_json::from_str(black_box(&text)).unwrap();
        Contract::from_document(document, kept.clone())
    });
}

#[divan::bench]
fn terms_of_a_contract(bencher: Bencher<'_, '_>) {
    let (contract, taxation) = (contract(), Taxation::default());
    let bencher = bencher.counter(ItemsCount::new(1_usize));
    bencher.bench(|| black_box(&contract).terms(&taxation));
}

#[divan::bench]
fn what_is_due_after_eleven_months(bencher: Bencher<'_, '_>) {
    let phases = terms();
    let periods = billed(&phases);
    let history = History {
        periods: &periods,
        ..History::default()
    };
    let bencher = bencher.counter(ItemsCount::new(1_usize));
    bencher.bench(|| due(black_box(&phases), history, TODAY));
}

#[divan::bench]
fn what_is_due_since_the_last_run(bencher: Bencher<'_, '_>) {
    let phases = terms();
    let history = History {
        since: Some(TODAY),
        ..History::default()
    };
    let bencher = bencher.counter(ItemsCount::new(1_usize));
    bencher.bench(|| due(black_box(&phases), history, TODAY));
}
