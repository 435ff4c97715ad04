//! How many lines `rate` makes, traces included, and what the trace and the pipeline cost over bare
//! arithmetic. Run with `cargo bench -p florin-core --bench rating`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "terms of a benchmark are valid, and it reports"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use florin_core::calendar::{Cadence, Life, LineSchedule, Offset, Recurrence, Schedule};
use florin_core::carried::Carried;
use florin_core::commitment::{Commitment, CommitmentKind};
use florin_core::currency::Currency;
use florin_core::discount::Discount;
use florin_core::id::{FeatureId, LineId};
use florin_core::money::Money;
use florin_core::pricing::{Context, Model, Tiers, Usage, price};
use florin_core::rating::{Bill, Charge, CountedUsage, rate};
use florin_core::tax::Tax;
use florin_core::terms::{LineTerms, PhaseTerms, Quantity, Terms};
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use uuid::Uuid;

const START: Date = date(2024, 1, 1);
const BILL_FOR: Date = date(2024, 2, 1);

/// Goals on one core, in lines a second.
const SIMPLE_GOAL: f64 = 1_000_000.0;
const TEN_TIERS_GOAL: f64 = 200_000.0;

fn main() {
    divan::main();
    report("simple", &simple(10), SIMPLE_GOAL);
    report("simple, one line an invoice", &simple(1), SIMPLE_GOAL);
    report(
        "ten tiers, discount, commitment, tax",
        &ten_tiers(10),
        TEN_TIERS_GOAL,
    );
    report(
        "the same, one line an invoice",
        &ten_tiers(1),
        TEN_TIERS_GOAL,
    );
}

#[divan::bench(args = [1, 10, 100])]
fn simple_lines(bencher: Bencher<'_, '_>, lines: usize) {
    measure(bencher, &simple(lines));
}

#[divan::bench(args = [1, 10, 100])]
fn ten_tier_lines(bencher: Bencher<'_, '_>, lines: usize) {
    measure(bencher, &ten_tiers(lines));
}

/// A draft of ten-tier lines written as JSON, for the store.
#[divan::bench]
fn write_trace(bencher: Bencher<'_, '_>) {
    let invoice = ten_tiers(10);
    let rated = rate(&invoice.terms, &invoice.bill()).unwrap();
    bencher
        .counter(ItemsCount::new(invoice.charges.len()))
        .bench(|| serde_json::to_vec(black_box(&rated.draft)));
}

fn measure(bencher: Bencher<'_, '_>, invoice: &Invoice) {
    bencher
        .counter(ItemsCount::new(invoice.charges.len()))
        .bench(|| rate(black_box(&invoice.terms), &invoice.bill()));
}

/// An invoice to be rated again and again.
struct Invoice {
    terms: Terms,
    charges: Vec<Charge>,
    carried: Carried,
}

impl Invoice {
    fn new(lines: Vec<LineTerms>) -> Invoice {
        let charges = lines.iter().enumerate().map(|(line, terms)| {
            let cycle = terms.schedule.cycle_from(START).unwrap().unwrap();
            let usage = Usage::Quantity(Decimal::from(7203));
            let counted = CountedUsage {
                window: cycle.service,
                usage,
            };
            Charge {
                line,
                cycle,
                usage: vec![counted],
            }
        });
        let charges = charges.collect();
        let life = Life::new(START, None).unwrap();
        let terms = Terms::new(PhaseTerms::new(Currency::USD, life, lines)).unwrap();
        Invoice {
            terms,
            charges,
            carried: Carried::default(),
        }
    }

    fn bill(&self) -> Bill<'_> {
        Bill {
            bill_for_date: BILL_FOR,
            charges: &self.charges,
            balances: &[],
            carried: &self.carried,
            context: Context::EMPTY,
        }
    }
}

fn line(number: usize, model: Model) -> LineTerms {
    let cadence = Cadence::parse("P1M").unwrap().unwrap();
    let schedule = LineSchedule {
        life: Life::new(START, None).unwrap(),
        recurrence: Recurrence::Every(Schedule::new(START, cadence)),
        offset: Offset::POSTPAID,
    };
    let id = LineId(Uuid::from_u128(number as u128));
    LineTerms::new(id, schedule, Arc::new(model), Quantity::Metered)
}

/// A rate times a quantity.
fn simple(lines: usize) -> Invoice {
    let unit_amount = Decimal::new(1, 1);
    Invoice::new(
        (0..lines)
            .map(|number| line(number, Model::PerUnit { unit_amount }))
            .collect(),
    )
}

/// A quantity that reaches the last of ten tiers; 5 % off, a minimum that does not bind, 8.875 % tax.
fn ten_tiers(lines: usize) -> Invoice {
    let bounds = (1..10)
        .map(|tier| Some(Decimal::from(tier * 500)))
        .chain([None]);
    let rates = (0..10).map(|tier| Decimal::new(1_250 - tier * 15, 4));
    let (bounds, rates): (Vec<_>, Vec<_>) = (bounds.collect(), rates.collect());
    let feature = |number| FeatureId(Uuid::from_u128(number));
    let lines = (0..lines).map(|number| {
        let model = Model::Tiered(Tiers::new(&bounds, &rates, &[]).unwrap());
        let mut line = line(number, model);
        line.discounts
            .push(Discount::percent(feature(1), Decimal::from(5)));
        line.commitments.push(Commitment {
            id: feature(2),
            kind: CommitmentKind::MinimumSpend,
            amount: Decimal::from(500),
            cadence: None,
            charge_full_amount: true,
            skip_zero_amount: false,
        });
        let rate = Decimal::new(8_875, 3);
        line.taxes.push(Tax {
            id: feature(3),
            rate,
            is_compound: false,
        });
        line
    });
    Invoice::new(lines.collect())
}

/// The amount of a line and its tax, by bare arithmetic on the same terms: no trace, no state, no
/// calendar.
fn naive(terms: &LineTerms, usage: &Usage) -> (Money, Money) {
    let mut amount = price(&terms.prices[0].model, usage, &Context::EMPTY)
        .unwrap()
        .amount;
    for discount in &terms.discounts {
        if let florin_core::discount::DiscountRule::Percent(percentage) = discount.rule {
            amount -= amount * percentage / Decimal::ONE_HUNDRED;
        }
    }
    for commitment in &terms.commitments {
        amount = amount.max(commitment.amount);
    }
    let tax: Decimal = terms
        .taxes
        .iter()
        .map(|tax| amount * tax.rate / Decimal::ONE_HUNDRED)
        .sum();
    let round = |amount| Money::round(amount, Currency::USD).unwrap();
    (round(amount), round(tax))
}

fn report(name: &str, invoice: &Invoice, goal: f64) {
    let lines = invoice.charges.len();
    let rated = lines_a_second(lines, || {
        black_box(rate(black_box(&invoice.terms), &invoice.bill())).is_ok()
    });
    let naive = lines_a_second(lines, || {
        let priced = invoice.charges.iter().map(|charge| {
            naive(
                black_box(&invoice.terms.phase().lines[charge.line]),
                &charge.usage[0].usage,
            )
        });
        black_box(priced.collect::<Vec<_>>()).len() == lines
    });
    let verdict = if rated >= goal { "met" } else { "MISSED" };
    println!(
        "{name}: {rated:.0} lines/s on one core (goal {goal:.0} {verdict}); naive {naive:.0} lines/s; the"
    );
    println!(
        "    trace and the pipeline take {:.2} times the naive time",
        naive / rated
    );
}

/// Lines in a second of this thread's processor time, so that other work on the machine does not count.
fn lines_a_second(lines: usize, mut work: impl FnMut() -> bool) -> f64 {
    let mut runs = 0_u32;
    let (begin, begin_on_core) = (Instant::now(), time_on_core(Duration::ZERO));
    while begin.elapsed() < Duration::from_secs(2) {
        for _ in 0..100 {
            assert!(work());
        }
        runs += 100;
    }
    let elapsed = time_on_core(begin.elapsed()).saturating_sub(begin_on_core);
    f64::from(runs) * lines as f64 / elapsed.as_secs_f64()
}

/// What the scheduler gave this thread so far; where it does not say, the wall clock.
fn time_on_core(wall: Duration) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
    nanoseconds.map_or(wall, Duration::from_nanos)
}
