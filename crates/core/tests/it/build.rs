//! Builders of terms and bills with boring defaults: a phase in dollars from 1 January 2024, monthly
//! and postpaid, whose lines are numbered.

use std::sync::Arc;

use expect_test::Expect;
use florin_core::calendar::{Cadence, Cycle, Life, LineSchedule, Offset, Period, Recurrence};
use florin_core::calendar::{Schedule, parse_end};
use florin_core::carried::Carried;
use florin_core::commitment::{Commitment, CommitmentKind};
use florin_core::currency::Currency;
use florin_core::discount::Discount;
use florin_core::grant::{Balance, Consumption, EntitlementKind, TriggerEvent};
use florin_core::id::{EntitlementId, FeatureId, LineId};
use florin_core::money::Money;
use florin_core::pool::{Pool, PoolDraw, PoolWindow};
use florin_core::pricing::{Context, Model, Usage};
use florin_core::proration::{Part, usage_windows};
use florin_core::rating::{
    Bill, Charge, CountedUsage, Draft, Error, Line, LineFeature, LineKind, Priced, Rated, rate,
    replay,
};
use florin_core::tax::Tax;
use florin_core::terms::{LineTerms, PhaseTerms, Quantity, QuantityEntry, Terms};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use uuid::Uuid;

pub(crate) const START: &str = "2024-01-01";

pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub(crate) fn usd(text: &str) -> Money {
    Money::round(decimal(text), Currency::USD).expect("an amount")
}

pub(crate) fn feature(number: u128) -> FeatureId {
    FeatureId(Uuid::from_u128(number))
}

pub(crate) fn line_id(number: u128) -> LineId {
    LineId(Uuid::from_u128(number))
}

/// A grid of periods through the first day of the phase.
pub(crate) fn every(cadence: &str) -> Schedule {
    let cadence = Cadence::parse(cadence).expect("a cadence");
    Schedule::new(day(START), cadence.expect("a recurring cadence"))
}

/// Days from `start` to the end of the day `last`.
pub(crate) fn life(start: &str, last: Option<&str>) -> Life {
    let end = last.map(|last| parse_end(last, &TimeZone::UTC).expect("a date"));
    Life::new(day(start), end).expect("a life")
}

pub(crate) fn schedule(cadence: &str, offset: &str) -> LineSchedule {
    LineSchedule {
        life: life(START, None),
        recurrence: Recurrence::Every(every(cadence)),
        offset: Offset::parse(offset).expect("an offset"),
    }
}

/// A metered line, monthly and postpaid.
pub(crate) fn metered(number: u128, model: Model) -> LineTerms {
    let schedule = schedule("P1M", "postpaid");
    LineTerms::new(
        line_id(number),
        schedule,
        Arc::new(model),
        Quantity::Metered,
    )
}

/// A line with a typed quantity, monthly and postpaid.
pub(crate) fn fixed(number: u128, model: Model, quantity: &str) -> LineTerms {
    let entry = QuantityEntry {
        effective_from: day(START),
        value: decimal(quantity),
    };
    LineTerms {
        quantity: Quantity::Fixed(vec![entry]),
        ..metered(number, model)
    }
}

pub(crate) fn per_unit(unit_amount: &str) -> Model {
    Model::PerUnit {
        unit_amount: decimal(unit_amount),
    }
}

pub(crate) fn flat_fee(unit_amount: &str) -> Model {
    Model::FlatFee {
        unit_amount: decimal(unit_amount),
    }
}

pub(crate) fn phase(lines: Vec<LineTerms>) -> PhaseTerms {
    PhaseTerms::new(Currency::USD, life(START, None), lines)
}

/// What is billed on a day: all lines whose cycle is billed then, each with its usage.
pub(crate) struct Invoicing {
    terms: Terms,
    pub(crate) carried: Carried,
    pub(crate) balances: Vec<Balance>,
}

impl Invoicing {
    pub(crate) fn of(phase: PhaseTerms) -> Invoicing {
        let terms = Terms::new(phase).expect("valid terms");
        let (carried, balances) = (Carried::default(), Vec::new());
        Invoicing {
            terms,
            carried,
            balances,
        }
    }

    /// The charges that are billed on a day. `usage` is asked for the usage of a line in a window.
    pub(crate) fn charges(
        &self,
        bill_for_date: &str,
        usage: impl Fn(usize, Period) -> Usage,
    ) -> Vec<Charge> {
        let date = day(bill_for_date);
        let until = date.tomorrow().expect("a day");
        let cycles = self.terms.cycles_billed(date, until).expect("days");
        let charges = cycles.into_iter();
        charges
            .map(|(line, cycle)| self.charge(line, cycle, &usage))
            .collect()
    }

    fn charge(&self, line: usize, cycle: Cycle, usage: &impl Fn(usize, Period) -> Usage) -> Charge {
        let phase = self.terms.phase();
        let windows = usage_windows(&phase.lines[line], &phase.pauses, &cycle).expect("days");
        let counted = |window: Period| CountedUsage {
            window,
            usage: usage(line, window),
        };
        Charge {
            line,
            cycle,
            usage: windows.into_iter().map(counted).collect(),
        }
    }

    pub(crate) fn try_rate(&self, date: &str, charges: &[Charge]) -> Result<Rated, Error> {
        let bill = Bill {
            bill_for_date: day(date),
            charges,
            balances: &self.balances,
            carried: &self.carried,
            context: Context::EMPTY,
        };
        rate(&self.terms, &bill)
    }

    /// Makes the invoice of a day and remembers what it used up. Every draft must replay.
    pub(crate) fn bill(&mut self, date: &str, usage: impl Fn(usize, Period) -> Usage) -> Draft {
        let charges = self.charges(date, usage);
        let rated = self.try_rate(date, &charges).expect("a draft");
        assert_eq!(replay(&rated.draft).as_ref(), Ok(&rated.draft));
        self.carried = rated.carried;
        rated.draft
    }

    /// The same with one quantity for every metered line.
    pub(crate) fn bill_quantity(&mut self, date: &str, quantity: &str) -> Draft {
        let quantity = decimal(quantity);
        self.bill(date, |_, _| Usage::Quantity(quantity))
    }
}

/// Bills a phase on some days, each time with a quantity for every metered line.
pub(crate) fn check(phase: PhaseTerms, bills: &[(&str, &str)], expected: Expect) {
    check_all(Invoicing::of(phase), bills, expected);
}

pub(crate) fn check_all(mut invoicing: Invoicing, bills: &[(&str, &str)], expected: Expect) {
    let mut text = String::new();
    for (date, quantity) in bills {
        text.push_str(&format!("{date}: "));
        text.push_str(&render(&invoicing.bill_quantity(date, quantity)));
    }
    expected.assert_eq(&text);
}

pub(crate) fn percent(number: u128, percentage: &str) -> Discount {
    Discount::percent(feature(number), decimal(percentage))
}

pub(crate) fn off(number: u128, amount: &str) -> Discount {
    Discount::fixed(feature(number), decimal(amount))
}

pub(crate) fn minimum(number: u128, amount: &str) -> Commitment {
    Commitment {
        id: feature(number),
        kind: CommitmentKind::MinimumSpend,
        amount: decimal(amount),
        cadence: None,
        charge_full_amount: true,
        skip_zero_amount: false,
    }
}

pub(crate) fn maximum(number: u128, amount: &str) -> Commitment {
    let kind = CommitmentKind::MaximumSpend;
    Commitment {
        kind,
        ..minimum(number, amount)
    }
}

pub(crate) fn pool(units: &str, window: PoolWindow) -> Pool {
    Pool::free_units(feature(1), decimal(units), window)
}

pub(crate) fn tax(rate: &str, is_compound: bool) -> Tax {
    Tax {
        id: feature(90),
        rate: decimal(rate),
        is_compound,
    }
}

pub(crate) const MONTHS: [(&str, &str); 4] = [
    ("2024-02-01", "60"),
    ("2024-03-01", "60"),
    ("2024-04-01", "60"),
    ("2024-05-01", "60"),
];

pub(crate) fn entitlement() -> EntitlementId {
    EntitlementId(Uuid::from_u128(7))
}

pub(crate) fn consumption(kind: EntitlementKind) -> Consumption {
    let (id, trigger_event) = (feature(8), TriggerEvent::InvoiceApproval);
    Consumption {
        id,
        entitlement: entitlement(),
        kind,
        trigger_event,
    }
}

pub(crate) fn with_balance(terms: PhaseTerms, available: &str) -> Invoicing {
    let mut invoicing = Invoicing::of(terms);
    let available = decimal(available);
    invoicing.balances = vec![Balance {
        entitlement: entitlement(),
        available,
    }];
    invoicing
}

/// A draft as text: a line for each line with its parts, then the totals.
pub(crate) fn render(draft: &Draft) -> String {
    let mut text = String::new();
    for line in &draft.lines {
        text.push_str(&render_line(line));
        text.push('\n');
    }
    let amount = |money: Money| money.to_major().to_string();
    text.push_str(&format!(
        "net {} tax {}",
        amount(draft.net),
        amount(draft.tax)
    ));
    text.push_str(&format!(" total {}", amount(draft.total)));
    if !draft.credit.is_zero() {
        text.push_str(&format!(" credit {}", amount(draft.credit)));
    }
    text.push('\n');
    text
}

fn render_line(line: &Line) -> String {
    let name = match line.kind {
        LineKind::Charge(id) => format!("line {}", id.0.as_u128()),
        LineKind::CommitmentTopUp(_) => "top-up".to_owned(),
        LineKind::ServiceFee(_) => "service fee".to_owned(),
    };
    let mut text = format!("{name} {} gross {}", line.service, line.gross.to_major());
    for feature in &line.features {
        text.push_str(&match feature {
            LineFeature::FreeUnits { draws, .. } => render_draws("free", draws),
            LineFeature::QuantityDiscount { draws, .. } => render_draws("off", draws),
            LineFeature::QuantityDraw { draw, .. } => format!(" drawn {}", draw.used),
            LineFeature::Pricing(priced) => render_parts(priced),
            LineFeature::Discount(applied) => format!(" discount {}", applied.amount.to_major()),
            LineFeature::Commitment(applied) => {
                format!(" commitment {}", applied.amount.to_major())
            }
            LineFeature::CreditDraw(draw) => format!(" credits {}", draw.used),
        });
    }
    format!(
        "{text} net {} tax {}",
        line.net.to_major(),
        line.tax.to_major()
    )
}

fn render_draws(name: &str, draws: &[PoolDraw]) -> String {
    let used: Vec<String> = draws.iter().map(|draw| draw.used.to_string()).collect();
    format!(" {name} {}", used.join("+"))
}

fn render_parts(priced: &Priced) -> String {
    let part = |part: &Part| {
        let (days, full_days, amount) = (part.days, part.full_days, part.amount.normalize());
        format!("{} at {amount} {days}/{full_days}", part.billable)
    };
    let parts: Vec<String> = priced.parts.iter().map(part).collect();
    format!(" [{}]", parts.join(", "))
}
