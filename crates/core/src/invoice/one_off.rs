//! One-off invoices: lines written by hand, without a contract (semantics §6.5). They are rated as any
//! other, so that taxes, traces and replays are the same.

use std::sync::Arc;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::{LineLabel, Part, Refusal, Source};
use crate::calendar::{Life, LineSchedule, Offset, Period, Recurrence};
use crate::carried::Carried;
use crate::currency::Currency;
use crate::discount::Discount;
use crate::id::LineId;
use crate::pricing::{Context, Model};
use crate::rating::{Bill, Charge, rate};
use crate::tax::Tax;
use crate::terms::{LineTerms, PhaseTerms, Quantity, QuantityEntry, Terms};

/// A line written by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOffLine {
    /// Its id and what documents call it.
    pub label: LineLabel,
    /// Days served.
    pub service: Period,
    /// Its price.
    pub model: Model,
    /// Units.
    pub quantity: Decimal,
    /// Discounts, in this order.
    pub discounts: Vec<Discount>,
    /// Taxes, in this order.
    pub taxes: Vec<Tax>,
}

/// Rates lines written by hand as a part of an invoice.
///
/// # Errors
/// [`Refusal::Empty`]; [`Refusal::LineInvalid`] for discounts or taxes out of bounds;
/// [`Refusal::Rating`].
pub fn one_off(
    id: Uuid,
    customer_id: Uuid,
    currency: Currency,
    bill_for_date: jiff::civil::Date,
    lines: Vec<OneOffLine>,
) -> Result<Part, Refusal> {
    let services = lines.iter().map(|line| line.service.start());
    let start = services.min().ok_or(Refusal::Empty)?;
    let terms = lines.iter().map(line_terms).collect::<Result<_, _>>()?;
    let terms = PhaseTerms::new(currency, Life::new(start, None)?, terms);
    let terms = Terms::new(terms).map_err(|invalid| Refusal::LineInvalid(invalid.to_string()))?;
    let charges = charges(&terms)?;
    let bill = Bill {
        bill_for_date,
        charges: &charges,
        balances: &[],
        carried: &Carried::default(),
        context: Context::EMPTY,
    };
    let rated = rate(&terms, &bill)?;
    Ok(Part {
        id,
        source: Source::OneOff,
        customer_id,
        rated: rated.draft,
        adjustments: Vec::new(),
        labels: lines.into_iter().map(|line| line.label).collect(),
        carried_in: Carried::default(),
        carried_out: rated.carried,
    })
}

fn line_terms(line: &OneOffLine) -> Result<LineTerms, Refusal> {
    let (start, end) = (line.service.start(), line.service.end());
    let schedule = LineSchedule {
        life: Life::new(start, Some(end))?,
        recurrence: Recurrence::OneTime,
        offset: Offset::PREPAID,
    };
    let quantity = Quantity::Fixed(vec![QuantityEntry {
        effective_from: start,
        value: line.quantity,
    }]);
    let id: LineId = line.label.line;
    let mut terms = LineTerms::new(id, schedule, Arc::new(line.model.clone()), quantity);
    terms.discounts.clone_from(&line.discounts);
    terms.taxes.clone_from(&line.taxes);
    Ok(terms)
}

fn charges(terms: &Terms) -> Result<Vec<Charge>, Refusal> {
    let mut charges = Vec::new();
    for (position, line) in terms.phase().lines.iter().enumerate() {
        let start = line.schedule.life.start();
        let cycle = line.schedule.cycle_from(start)?;
        charges.extend(cycle.map(|cycle| Charge {
            line: position,
            cycle,
            usage: Vec::new(),
        }));
    }
    Ok(charges)
}
