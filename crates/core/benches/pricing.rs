//! How long `price` alone takes, by model. Run with `cargo bench -p florin-core --bench pricing`.

#![expect(clippy::unwrap_used, reason = "terms of a benchmark are valid")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use florin_core::pricing::{
    Context, Dimension, Formula, Matrix, Model, Package, Tiers, Usage, UsageRow, UsageRows, price,
};
use rust_decimal::Decimal;

fn main() {
    divan::main();
}

fn measure(bencher: Bencher<'_, '_>, model: &Model, usage: &Usage) {
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| price(black_box(model), black_box(usage), &Context::EMPTY));
}

fn quantity() -> Usage {
    Usage::Quantity(Decimal::from(7203))
}

/// Ten tiers that a quantity of 7,203 goes through to the last.
fn ten_tiers() -> Tiers {
    let up_to: Vec<_> = (1..10)
        .map(|tier| Some(Decimal::from(tier * 500)))
        .chain([None])
        .collect();
    let rates: Vec<_> = (0..10)
        .map(|tier| Decimal::new(1_250 - tier * 15, 4))
        .collect();
    let fees = vec![Decimal::from(5); 10];
    Tiers::new(&up_to, &rates, &fees).unwrap()
}

#[divan::bench]
fn flat_fee(bencher: Bencher<'_, '_>) {
    measure(
        bencher,
        &Model::FlatFee {
            unit_amount: Decimal::from(2500),
        },
        &quantity(),
    );
}

#[divan::bench]
fn per_unit(bencher: Bencher<'_, '_>) {
    measure(
        bencher,
        &Model::PerUnit {
            unit_amount: Decimal::new(1, 1),
        },
        &quantity(),
    );
}

#[divan::bench]
fn package(bencher: Bencher<'_, '_>) {
    let package = Package::new(Decimal::from(1000), Decimal::new(325, 2)).unwrap();
    measure(bencher, &Model::Package(package), &quantity());
}

#[divan::bench]
fn tiered_ten(bencher: Bencher<'_, '_>) {
    measure(bencher, &Model::TieredWithFlatFee(ten_tiers()), &quantity());
}

#[divan::bench]
fn volume_ten(bencher: Bencher<'_, '_>) {
    measure(bencher, &Model::VolumeWithFlatFee(ten_tiers()), &quantity());
}

#[divan::bench]
fn matrix_three_by_two(bencher: Bencher<'_, '_>) {
    let origins = ["EWR", "JFK", "LGA"].map(String::from).to_vec();
    let row = |origin: &String| UsageRow {
        dimensions: vec![origin.clone()],
        quantity: Decimal::from(1260),
    };
    let rows = UsageRows::new(vec!["origin".into()], origins.iter().map(row).collect()).unwrap();
    let dimension = Dimension {
        name: "Origin".into(),
        column_name: "origin".into(),
    };
    let prices = vec![vec![Decimal::new(145, 2), Decimal::new(120, 2)]; 3];
    let up_to = vec![Some(Decimal::from(1000)), None];
    let matrix = Matrix::new(dimension, up_to, origins, prices).unwrap();
    measure(bencher, &Model::Matrix(matrix), &Usage::Rows(rows));
}

#[divan::bench]
fn custom_pricing(bencher: Bencher<'_, '_>) {
    let formula = "let due = 10; if quantity > 100 { due += (quantity - 100) * 0.01; } due";
    measure(
        bencher,
        &Model::CustomPricing(Formula::new(formula).unwrap()),
        &quantity(),
    );
}
