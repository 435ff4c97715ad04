//! What a contract says about money, in the form that rating reads: prices and modifiers of documents,
//! dated by the contract.
//!
//! Owns the join of catalogue and contract. Does not own the documents' own bounds
//! ([`crate::product_pricing`]) nor what rating makes of terms ([`crate::terms`]).

use std::sync::Arc;

use uuid::Uuid;

use super::features::{Features, Grid};
use super::finding::{Collector, Finding, Rule};
use super::{ContractType, Findings, Header, Line, Pause, Phase};
use crate::calendar::{Cadence, Error, Life, LineSchedule, Offset, Period, Recurrence, Timing};
use crate::id::LineId;
use crate::pricing::Model;
use crate::product_pricing::{self, Price};
use crate::tax::Tax;
use crate::terms::{
    LineTerms, PhaseDiscount, PhaseTerms, Place, Proration, Quantity, QuantityEntry, Terms,
};

/// The terms of one phase of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseBilling {
    /// The phase.
    pub phase_id: Uuid,
    /// Its name, which the contract's billing cycles bear.
    pub name: String,
    /// Its terms.
    pub terms: Arc<Terms>,
}

/// Taxes that the contract does not say itself: what the customer's place and the products' categories
/// resolve to (semantics §3.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taxation {
    /// Whether the customer pays no tax at all.
    pub is_exempt: bool,
    /// Taxes on lines, besides those of their prices.
    pub line_taxes: Vec<(LineId, Tax)>,
}

/// Terms of a phase with the pauses of its contract.
pub(super) fn phase_terms(
    header: &Header,
    phase: &Phase,
    pauses: &[Pause],
    taxation: &Taxation,
) -> Result<Terms, Vec<Finding>> {
    let mut found = Collector::default();
    let mut lines = Vec::with_capacity(phase.lines.len());
    for (position, line) in phase.lines.iter().enumerate() {
        match line_terms(header, phase, line) {
            Ok(terms) => lines.push(taxed(terms, taxation)),
            Err(rules) => found.below(&["pricings", &position.to_string()], rules),
        }
    }
    let terms = with_features(header, phase, lines, &mut found);
    let Some(mut terms) = terms.filter(|_| found.is_empty()) else {
        return Err(found.into_vec());
    };
    terms.pauses = pauses.iter().filter_map(Pause::period).collect();
    if taxation.is_exempt {
        terms.taxes.clear();
    }
    Terms::new(terms).map_err(|invalid| {
        let findings = invalid.0.into_iter().map(|(place, finding)| Finding {
            path: place_in(phase, place),
            rule: Rule::Terms(finding),
        });
        findings.collect()
    })
}

fn taxed(mut line: LineTerms, taxation: &Taxation) -> LineTerms {
    if taxation.is_exempt {
        line.taxes.clear();
        return line;
    }
    let resolved = taxation.line_taxes.iter();
    let own = resolved.filter(|(id, _)| *id == line.id);
    line.taxes.extend(own.map(|(_, tax)| *tax));
    line
}

fn place_in(phase: &Phase, place: Place) -> Vec<String> {
    let position = match place {
        Place::Phase => None,
        Place::Line(id) => phase.lines.iter().position(|line| line.id == id),
    };
    match position {
        Some(position) => vec!["pricings".to_owned(), position.to_string()],
        None => vec!["features".to_owned()],
    }
}

fn with_features(
    header: &Header,
    phase: &Phase,
    lines: Vec<LineTerms>,
    found: &mut Collector,
) -> Option<PhaseTerms> {
    let life = dated(phase.life(), "end_date", found)?;
    let common = common_cadence(&lines);
    let terms = PhaseTerms::new(header.currency, life, lines);
    let Some(content) = &phase.head.features else {
        return Some(terms);
    };
    let price = content.price();
    found.require(!price.is_charge(), &["features"], Rule::PriceOnPhase);
    same_currency(
        header,
        price,
        &["features", "pricing_data", "currency"],
        found,
    );
    let grid = Grid {
        owner: phase.id,
        anchor: header.anchor_day(),
        is_last_day_of_month: header.is_last_day_of_month,
        cadence: common,
    };
    let features = Features::new(content.document(), grid);
    let read = phase_features(terms, &features, grid);
    let terms = dated(read, "features", found)?;
    for (position, commitment) in terms.commitments.iter().enumerate() {
        let place = ["features", "commitments", &position.to_string(), "cadence"];
        let has_period = commitment.cadence.is_some();
        found.require(has_period, &place, Rule::CommitmentWithoutCadence);
    }
    Some(terms)
}

fn phase_features(
    terms: PhaseTerms,
    features: &Features<'_>,
    grid: Grid,
) -> Result<PhaseTerms, Error> {
    let billing = grid
        .cadence
        .map(|cadence| grid.every(cadence))
        .transpose()?;
    let mut commitments = features.commitments()?;
    for commitment in &mut commitments {
        commitment.cadence = commitment.cadence.or(billing);
    }
    let discounts = features.discounts()?.into_iter();
    let discounts = discounts.map(|discount| PhaseDiscount {
        discount,
        line: None,
    });
    Ok(PhaseTerms {
        discounts: discounts.collect(),
        commitments,
        service_fees: features.service_fees(),
        consumptions: features.consumptions(),
        taxes: features.taxes(),
        payment_terms: features.payment_terms(),
        ..terms
    })
}

/// The billing period that all recurring lines have; that of a commitment of the phase unless told.
fn common_cadence(lines: &[LineTerms]) -> Option<Cadence> {
    let mut cadences = lines
        .iter()
        .filter_map(|line| match line.schedule.recurrence {
            Recurrence::Every(schedule) => Some(schedule.cadence()),
            Recurrence::OneTime => None,
        });
    let first = cadences.next()?;
    cadences.all(|other| other == first).then_some(first)
}

/// Terms of a line, or everything that keeps it from having any.
pub(super) fn line_terms(
    header: &Header,
    phase: &Phase,
    line: &Line,
) -> Result<LineTerms, Vec<Finding>> {
    let mut found = Collector::default();
    let terms = read_line(header, phase, line, &mut found);
    match terms {
        Some(terms) if found.is_empty() => Ok(terms),
        _ => Err(found.into_vec()),
    }
}

fn read_line(
    header: &Header,
    phase: &Phase,
    line: &Line,
    found: &mut Collector,
) -> Option<LineTerms> {
    let price = line.head.pricing.price();
    found.require(price.is_charge(), &["pricing"], Rule::FeaturesOnLine);
    same_currency(
        header,
        price,
        &["pricing", "pricing_data", "currency"],
        found,
    );
    let end = line.end_in(phase).map(super::End::day);
    let life = dated(Life::new(line.start.day(), end), "end_date", found)?;
    let grid = Grid {
        owner: line.id.0,
        anchor: line
            .head
            .anchor
            .map_or(header.anchor_day(), |anchor| anchor.day()),
        is_last_day_of_month: header.is_last_day_of_month,
        cadence: price.cadence(),
    };
    let quantity = quantity(price, life, found);
    let schedule = schedule(price, life, grid, found)?;
    event_based(header, price, schedule, found);
    let terms = LineTerms::new(line.id, schedule, Arc::new(price.model.clone()), quantity?);
    check_switches(line, found);
    let features = Features::new(line.head.pricing.document(), grid);
    let dated_terms = line_features(line, terms, grid, &features);
    dated(dated_terms, "pricing", found)
}

fn check_switches(line: &Line, found: &mut Collector) {
    let switches = line
        .head
        .is_enabled
        .iter()
        .map(|entry| entry.effective_from);
    let are_ordered = switches.is_sorted_by(|one, next| one < next);
    found.require(are_ordered, &["is_enabled"], Rule::NotAscending);
}

fn line_features(
    line: &Line,
    terms: LineTerms,
    grid: Grid,
    features: &Features<'_>,
) -> Result<LineTerms, Error> {
    let content = &line.head.pricing;
    let document = content.document();
    let period = &document["pricing_data"]["pricing_period"]["cadence"];
    let overage = content.price().overage.as_ref();
    Ok(LineTerms {
        is_enabled: line.head.is_enabled.clone(),
        proration: proration(document),
        pricing_period: grid.other_than_billing(period)?,
        overage_pricing: overage.map(|price| Arc::new(price.model.clone())),
        free_units: features.free_units()?,
        quantity_discounts: features.quantity_discounts()?,
        grants: features.grants()?,
        consumptions: features.consumptions(),
        discounts: features.discounts()?,
        commitments: features.commitments()?,
        taxes: features.taxes(),
        ..terms
    })
}

fn proration(document: &serde_json::Value) -> Proration {
    let data = &document["pricing_data"];
    let word = data["proration_type"].as_str();
    let word = word.or_else(|| document["proration_type"].as_str());
    if word == Some("cadence_based") || data["charge_full_amount"] == true {
        Proration::CadenceBased
    } else {
        Proration::DayBased
    }
}

/// A recurring price without an offset is billed afterwards (semantics §6.2); a charge made once is
/// billed when it begins, since its phase may never end.
fn schedule(price: &Price, life: Life, grid: Grid, found: &mut Collector) -> Option<LineSchedule> {
    let is_metered = is_metered(price);
    let place = ["pricing", "billing_period", "cadence"];
    let recurrence = match (price.is_recurring, price.cadence()) {
        (true, None) => {
            found.add(&place, Rule::CadenceMissing);
            return None;
        }
        (true, Some(cadence)) => {
            Recurrence::Every(dated(grid.every(cadence), "anchor_date", found)?)
        }
        (false, _) => Recurrence::OneTime,
    };
    let told = price.billing_period.and_then(|period| period.offset);
    let offset = match told {
        Some(product_pricing::Offset::Prepaid) => Offset::PREPAID,
        Some(product_pricing::Offset::Postpaid) => Offset::POSTPAID,
        Some(product_pricing::Offset::After(delay)) => Offset {
            timing: Timing::Postpaid,
            delay,
        },
        None if recurrence == Recurrence::OneTime && !is_metered => Offset::PREPAID,
        None => Offset::POSTPAID,
    };
    let is_in_time = !is_metered || offset.timing == Timing::Postpaid;
    let place = ["pricing", "billing_period", "offset"];
    found.require(is_in_time, &place, Rule::MeteredPrepaid);
    Some(LineSchedule {
        life,
        recurrence,
        offset,
    })
}

fn event_based(header: &Header, price: &Price, schedule: LineSchedule, found: &mut Collector) {
    if header.contract_type != ContractType::EventBased {
        return;
    }
    let daily = Cadence::parse("P1D").ok().flatten();
    let is_daily = price.is_recurring && price.cadence() == daily;
    let is_daily = is_daily && schedule.offset == Offset::POSTPAID;
    found.require(
        is_daily,
        &["pricing", "billing_period"],
        Rule::EventBasedSchedule,
    );
}

fn is_metered(price: &Price) -> bool {
    matches!(
        price.quantity,
        Some(product_pricing::Quantity::Metered { .. })
    )
}

fn quantity(price: &Price, life: Life, found: &mut Collector) -> Option<Quantity> {
    match &price.quantity {
        Some(product_pricing::Quantity::Metered { aggregate_id }) => {
            let place = ["pricing", "quantity", "aggregate_id"];
            found.require(aggregate_id.is_some(), &place, Rule::AggregateMissing);
            Some(Quantity::Metered)
        }
        Some(product_pricing::Quantity::Fixed { quantity, entries }) => {
            let typed = typed_quantity(*quantity, entries, life);
            let place = ["pricing", "quantity", "quantity_entries"];
            found.require(typed.is_some(), &place, Rule::QuantityGap);
            typed
        }
        None if needs_quantity(&price.model) => {
            found.add(&["pricing", "quantity"], Rule::QuantityMissing);
            None
        }
        None => typed_quantity(Some(1.into()), &[], life),
    }
}

/// What a price is per: a fee, a bundle and a formula stand for one.
const fn needs_quantity(model: &Model) -> bool {
    !matches!(
        model,
        Model::FlatFee { .. } | Model::Features | Model::Bundle(_) | Model::CustomPricing(_)
    )
}

/// Quantities by first day. `quantity` is in force until the first entry; of the entries that begin
/// before the line does, the last is in force on its first day.
fn typed_quantity(
    quantity: Option<rust_decimal::Decimal>,
    entries: &[product_pricing::QuantityEntry],
    life: Life,
) -> Option<Quantity> {
    let start = life.start();
    let first = quantity.map(|value| QuantityEntry {
        effective_from: start,
        value,
    });
    let mut typed: Vec<QuantityEntry> = first.into_iter().collect();
    for entry in entries {
        let day = entry.effective_from.unwrap_or(start).max(start);
        typed.retain(|earlier| earlier.effective_from < day);
        typed.push(QuantityEntry {
            effective_from: day,
            value: entry.value,
        });
    }
    let covers = typed
        .first()
        .is_some_and(|entry| entry.effective_from == start);
    covers.then_some(Quantity::Fixed(typed))
}

fn same_currency(header: &Header, price: &Price, place: &[&str], found: &mut Collector) {
    let Some(currency) = price.currency else {
        return;
    };
    let contract = header.currency;
    found.require(
        currency == contract,
        place,
        Rule::CurrencyMismatch {
            found: currency,
            contract,
        },
    );
}

/// A value that dates may keep from existing.
fn dated<T>(value: Result<T, Error>, field: &str, found: &mut Collector) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(Error::PeriodEmpty { .. }) => {
            found.add(&[field], Rule::EndNotAfterStart);
            None
        }
        Err(_) => {
            found.add(&[field], Rule::DateOutOfRange);
            None
        }
    }
}

/// Terms of all phases.
pub(super) fn contract_terms(
    contract: &super::Contract,
    taxation: &Taxation,
) -> Result<Vec<PhaseBilling>, Findings> {
    let mut found = Collector::default();
    let mut billings = Vec::with_capacity(contract.phases().len());
    for (position, phase) in contract.phases().iter().enumerate() {
        match phase_terms(contract.header(), phase, contract.pauses(), taxation) {
            Ok(terms) => billings.push(PhaseBilling {
                phase_id: phase.id,
                name: phase.head.name.clone(),
                terms: Arc::new(terms),
            }),
            Err(rules) => found.below(&["phases", &position.to_string()], rules),
        }
    }
    found.finish()?;
    Ok(billings)
}

impl PhaseBilling {
    /// The days on which nothing is charged.
    pub fn pauses(&self) -> &[Period] {
        &self.terms.phase().pauses
    }
}
