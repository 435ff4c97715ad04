//! The invoices of sixteen airlines for January 2013, from real departures: every line, top-up, tax
//! and total to the cent.

use std::sync::LazyLock;

use florin_core::calendar::Schedule;
use florin_core::calendar::{Cadence, LineSchedule, Offset, Recurrence};
use florin_core::carried::Carried;
use florin_core::commitment::{Commitment, CommitmentKind};
use florin_core::discount::Discount;
use florin_core::money::Money;
use florin_core::pricing::{Dimension, Matrix, Model, Package, Tiers, Usage, UsageRow, UsageRows};
use florin_core::rating::{Draft, Line, LineKind};
use florin_core::tax::Tax;
use florin_core::terms::{LineTerms, PhaseTerms};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::build::{Invoicing, day, decimal, feature, fixed, life, metered, phase, usd};

pub(crate) static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../golden/departures-2013-01.json")).expect("a document")
});

pub(crate) const LINES: [&str; 6] = [
    "terminal",
    "departures",
    "distance",
    "aircraft",
    "gates",
    "lateness",
];

#[test]
fn every_carrier_is_billed_to_the_cent() {
    let invoices = GOLDEN["invoices"].as_array().unwrap();
    assert_eq!(invoices.len(), 16);
    for invoice in invoices {
        let carrier = text(&invoice["customer"]);
        let (draft, _) = billed(invoice);
        check_lines(carrier, &draft, invoice);
        assert_eq!(draft.net, amount(&invoice["net"]), "{carrier}: net");
        assert_eq!(draft.tax, amount(&invoice["tax"]), "{carrier}: tax");
        assert_eq!(draft.total, amount(&invoice["total"]), "{carrier}: total");
    }
}

#[test]
fn the_totals_sum_to_the_published_sum() {
    let invoices = GOLDEN["invoices"].as_array().unwrap();
    let totals = invoices.iter().map(|invoice| billed(invoice).0.total);
    let sum = Money::sum(totals, usd("0").currency());
    assert_eq!(sum, Ok(amount(&GOLDEN["sum_of_totals"])));
}

/// A carrier's bill, and what it used up.
pub(crate) fn billed(invoice: &Value) -> (Draft, Carried) {
    let quantities = &invoice["quantities"];
    let mut invoicing = Invoicing::of(terms());
    let draft = invoicing.bill("2013-02-01", |line, _| usage(&quantities[LINES[line]]));
    (draft, invoicing.carried)
}

fn check_lines(carrier: &str, draft: &Draft, invoice: &Value) {
    let (top_ups, charges): (Vec<&Line>, Vec<&Line>) = draft
        .lines
        .iter()
        .partition(|line| matches!(line.kind, LineKind::CommitmentTopUp(_)));
    for (name, line) in LINES.iter().zip(&charges) {
        assert_eq!(
            line.amount,
            amount(&invoice["lines"][name]),
            "{carrier}: {name}"
        );
        assert_eq!(
            line.gross.checked_sub(line.discount),
            Ok(line.amount),
            "{carrier}: {name}"
        );
    }
    assert_eq!(
        charges[1].discount,
        amount(&invoice["departures_discount"]),
        "{carrier}"
    );
    let topped_up = Money::sum(top_ups.iter().map(|line| line.amount), draft.net.currency());
    assert_eq!(
        topped_up,
        Ok(amount(&invoice["commitment_topup"])),
        "{carrier}: top-up"
    );
    let line_taxes = Money::sum(
        draft.lines.iter().map(|line| line.tax),
        draft.tax.currency(),
    );
    assert_eq!(line_taxes, Ok(draft.tax), "{carrier}: taxes of the lines");
}

/// The contract of every carrier, from the prices in the file.
fn terms() -> PhaseTerms {
    let prices = &GOLDEN["prices"];
    let lines = LINES.iter().zip(1..).map(|(name, number)| {
        let model = model(&prices[name]);
        let line = match prices[name]["metric"] {
            Value::Null => fixed(number, model, "1"),
            _ => metered(number, model),
        };
        in_2013(line)
    });
    let mut lines: Vec<LineTerms> = lines.collect();
    let discount = decimal(text(&GOLDEN["discount_percent"]));
    lines[1]
        .discounts
        .push(Discount::percent(feature(1), discount));
    PhaseTerms {
        life: life("2013-01-01", None),
        commitments: vec![Commitment {
            id: feature(2),
            kind: CommitmentKind::MinimumSpend,
            amount: decimal(text(&GOLDEN["commitment"])),
            cadence: Some(monthly()),
            charge_full_amount: true,
            skip_zero_amount: false,
        }],
        taxes: vec![Tax {
            id: feature(3),
            rate: decimal(text(&GOLDEN["tax_percent"])),
            is_compound: false,
        }],
        ..phase(lines)
    }
}

fn monthly() -> Schedule {
    Schedule::new(day("2013-01-01"), Cadence::parse("P1M").unwrap().unwrap())
}

fn in_2013(line: LineTerms) -> LineTerms {
    let schedule = LineSchedule {
        life: life("2013-01-01", None),
        recurrence: Recurrence::Every(monthly()),
        offset: Offset::POSTPAID,
    };
    let LineTerms {
        id,
        prices,
        mut quantity,
        ..
    } = line;
    if let florin_core::terms::Quantity::Fixed(entries) = &mut quantity {
        entries[0].effective_from = day("2013-01-01");
    }
    LineTerms::new(id, schedule, prices[0].model.clone(), quantity)
}

fn model(price: &Value) -> Model {
    let unit_amount = || decimal(text(&price["unit_amount"]));
    match text(&price["pricing_type"]) {
        "flat_fee" => Model::FlatFee {
            unit_amount: unit_amount(),
        },
        "tiered" => Model::Tiered(tiers(price)),
        "volume" => Model::Volume(tiers(price)),
        "step" => Model::Step(tiers(price)),
        "package" => {
            let size = decimal(&price["package_size"].to_string());
            Model::Package(Package::new(size, unit_amount()).unwrap())
        }
        "matrix" => Model::Matrix(matrix(price)),
        other => panic!("no such model: {other}"),
    }
}

fn tiers(price: &Value) -> Tiers {
    let unit_amount = decimals(&price["unit_amount"]);
    Tiers::new(&bounds(price), &unit_amount, &[]).unwrap()
}

fn matrix(price: &Value) -> Matrix {
    let dimension = Dimension {
        name: "Origin".into(),
        column_name: text(&price["dimension"]).into(),
    };
    let rows = price["prices"].as_object().unwrap();
    let values = rows.keys().cloned().collect();
    let prices = rows.values().map(decimals).collect();
    Matrix::new(dimension, bounds(price), values, prices).unwrap()
}

fn bounds(price: &Value) -> Vec<Option<Decimal>> {
    let bound = |value: &Value| value.as_number().map(|number| decimal(&number.to_string()));
    price["up_to"]
        .as_array()
        .unwrap()
        .iter()
        .map(bound)
        .collect()
}

pub(crate) fn usage(quantity: &Value) -> Usage {
    let Value::Object(by_value) = quantity else {
        return Usage::Quantity(decimal(&quantity.to_string()));
    };
    let rows = by_value.iter().map(|(value, quantity)| UsageRow {
        dimensions: vec![value.clone()],
        quantity: decimal(&quantity.to_string()),
    });
    Usage::Rows(UsageRows::new(vec!["origin".into()], rows.collect()).unwrap())
}

fn decimals(list: &Value) -> Vec<Decimal> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|value| decimal(text(value)))
        .collect()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn amount(value: &Value) -> Money {
    usd(text(value))
}
