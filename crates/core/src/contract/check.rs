//! The invariants of a contract, checked in one place: when it is made, changed or read back.

use jiff::civil::Date;
use uuid::Uuid;

use super::finding::{Collector, Findings, Rule};
use super::terms::phase_terms;
use super::{
    Contract, End, Header, LINES_MAX, Line, PHASES_MAX, Phase, PhaseType, Record, Start, Status,
    Taxation, YEAR_MAX, YEAR_MIN,
};

pub(super) fn check(record: &Record) -> Result<(), Findings> {
    let mut found = Collector::default();
    check_header(&record.header, &mut found);
    let phases = &record.phases;
    let may_be_empty = record.status == Status::Draft;
    let is_written = may_be_empty || !phases.is_empty();
    found.require(is_written, &["phases"], Rule::PhaseMissing);
    found.require(phases.len() <= PHASES_MAX, &["phases"], Rule::TooManyPhases);
    check_order(phases, &mut found);
    check_pauses(record, &mut found);
    for (position, phase) in phases.iter().enumerate() {
        let place = position.to_string();
        check_phase(&record.header, phase, &["phases", &place], &mut found);
    }
    // Terms of phases with impossible dates would only repeat what is found already.
    if found.is_empty() {
        for (position, phase) in phases.iter().enumerate() {
            let place = position.to_string();
            let terms = phase_terms(&record.header, phase, &record.pauses, &Taxation::default());
            if let Err(rules) = terms {
                found.below(&["phases", &place], rules);
            }
        }
    }
    found.finish()
}

fn check_header(header: &Header, found: &mut Collector) {
    found.require(!header.name.is_empty(), &["name"], Rule::NameBlank);
    check_dates(header.start, header.end, &[], found);
    if let Some(anchor) = header.anchor {
        check_year(anchor.day(), &["anchor_date"], found);
    }
    let payers = usize::from(header.bill_parent_customer)
        + usize::from(header.invoice_payer_customer_id.is_some());
    found.require(payers < 2, &["invoice_payer_customer_id"], Rule::TwoPayers);
}

fn check_dates(start: Start, end: Option<End>, place: &[&str], found: &mut Collector) {
    let at = |field| [place, &[field]].concat();
    check_year(start.day(), &at("start_date"), found);
    if let Some(end) = end {
        check_year(end.day(), &at("end_date"), found);
        let is_after = start.day() < end.day();
        found.require(is_after, &at("end_date"), Rule::EndNotAfterStart);
    }
}

fn check_year(day: Date, place: &[&str], found: &mut Collector) {
    let is_inside = (YEAR_MIN..=YEAR_MAX).contains(&day.year());
    found.require(is_inside, place, Rule::YearOutOfBounds);
}

fn check_order(phases: &[Phase], found: &mut Collector) {
    for (index, pair) in phases.windows(2).enumerate() {
        let is_apart = pair[0]
            .end
            .is_some_and(|end| end.day() <= pair[1].start.day());
        let place = (index + 1).to_string();
        found.require(
            is_apart,
            &["phases", &place, "start_date"],
            Rule::PhasesOverlap,
        );
    }
}

/// Pauses have endpoints of their own; what a replacement can break is that they lie in the contract.
fn check_pauses(record: &Record, found: &mut Collector) {
    let (header, pauses) = (&record.header, &record.pauses);
    for pause in pauses {
        let day = pause.start.day();
        let begins_after = header.start.day() <= day;
        found.require(begins_after, &["start_date"], Rule::PauseOutsideContract);
        let begins_before = header.end.is_none_or(|end| day < end.day());
        found.require(begins_before, &["end_date"], Rule::PauseOutsideContract);
    }
    let are_apart = pauses.windows(2).all(|pair| {
        let end = pair[0].end.map_or(Date::MAX, End::day);
        end <= pair[1].start.day()
    });
    found.require(are_apart, &["phases"], Rule::PausesOverlap);
}

fn check_phase(header: &Header, phase: &Phase, place: &[&str], found: &mut Collector) {
    let at = |field| [place, &[field]].concat();
    let is_named = !phase.head.name.trim().is_empty();
    found.require(is_named, &at("name"), Rule::NameBlank);
    let is_pause = phase.head.phase_type == PhaseType::Pause;
    found.require(!is_pause, &at("phase_type"), Rule::PauseByPhase);
    check_dates(phase.start, phase.end, place, found);
    let begins_inside = header.start.day() <= phase.start.day();
    found.require(begins_inside, &at("start_date"), Rule::PhaseOutsideContract);
    let ends_inside = is_end_within(phase.end, header.end);
    found.require(ends_inside, &at("end_date"), Rule::PhaseOutsideContract);
    let count = phase.lines.len();
    found.require(count <= LINES_MAX, &at("pricings"), Rule::TooManyLines);
    for (position, line) in phase.lines.iter().enumerate() {
        let position = position.to_string();
        let place = [place, &["pricings", &position]].concat();
        check_line(phase, line, &place, found);
    }
}

fn check_line(phase: &Phase, line: &Line, place: &[&str], found: &mut Collector) {
    let at = |field| [place, &[field]].concat();
    check_dates(line.start, line.end, place, found);
    let begins_inside = phase.start.day() <= line.start.day();
    let begins_inside = begins_inside && phase.end.is_none_or(|end| line.start.day() < end.day());
    found.require(begins_inside, &at("start_date"), Rule::LineOutsidePhase);
    let ends_inside = line.end.is_none() || is_end_within(line.end, phase.end);
    found.require(ends_inside, &at("end_date"), Rule::LineOutsidePhase);
    if let Some(anchor) = line.head.anchor {
        check_year(anchor.day(), &at("anchor_date"), found);
    }
}

fn is_end_within(inner: Option<End>, outer: Option<End>) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner.day() <= outer.day(),
    }
}

/// Whether the party that is to pay exists.
pub(super) fn payer(header: &Header, parent_customer_id: Option<Uuid>) -> Result<(), Findings> {
    let mut found = Collector::default();
    let has_payer = !header.bill_parent_customer || parent_customer_id.is_some();
    found.require(has_payer, &["bill_parent_customer"], Rule::ParentMissing);
    found.finish()
}

/// What may not differ between a contract and its replacement.
pub(super) fn succession(before: &Contract, after: &Contract, today: Date) -> Result<(), Findings> {
    let mut found = Collector::default();
    let (old, new) = (before.header(), after.header());
    if before.status() != Status::Draft {
        let is_same = old.customer_id == new.customer_id;
        found.require(is_same, &["customer_id"], Rule::CustomerFixed);
        let is_same = old.currency == new.currency;
        found.require(is_same, &["currency"], Rule::CurrencyFixed);
    }
    if before.status() == Status::Expired {
        // A contract that was expired today ends with today's last moment.
        let has_ended = new.end.is_some_and(|end| end.day() <= today);
        let is_as_before = new.end.map(End::day) == old.end.map(End::day);
        let place = ["end_date"];
        found.require(has_ended || is_as_before, &place, Rule::ExpiredForGood);
    }
    found.finish()
}
