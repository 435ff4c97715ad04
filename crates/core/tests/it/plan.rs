//! Plans: whatever was accepted makes a contract, on every day and for every term; what is read back is what was written.

use florin_core::contract::{self, Details, End, Header, PhaseHead, Start, Status, Surroundings};
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::plan::{
    Duration, Kept, LineDetails, PhaseDetails, Plan, Schedule, Status as PlanStatus, Written,
    changes, create,
};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at, content, fee, ids, once};
use crate::build::day;

fn schedule(start_offset: &str, duration: Option<&str>) -> Schedule {
    let parse = |text: &str| Duration::parse(text).unwrap();
    Schedule {
        start_offset: Some(parse(start_offset)).filter(|offset| !offset.is_zero()),
        duration: duration.map(parse),
    }
}

fn line(offset: &str, duration: Option<&str>, price: &Json) -> LineDetails {
    LineDetails {
        id: None,
        schedule: schedule(offset, duration),
        head: contract::LineHead::new(Uuid::from_u128(1), content(price)),
    }
}

fn phase(name: &str, schedule: Schedule, lines: Vec<LineDetails>) -> PhaseDetails {
    PhaseDetails {
        id: None,
        order: None,
        schedule,
        head: PhaseHead {
            phase_metadata: json!({}),
            ..PhaseHead::named(name)
        },
        lines,
    }
}

fn written(term: Schedule, phases: Vec<PhaseDetails>) -> Written {
    Written {
        name: "Growth".to_owned(),
        description: None,
        status: PlanStatus::Draft,
        schedule: term,
        phases,
        offer: None,
    }
}

fn made(written: Written) -> Option<Plan> {
    let mut new = ids(100);
    create(Uuid::from_u128(7), written, &mut new, at("2024-01-01")).ok()
}

fn sold(plan: &Plan, start: Date, end: Option<Date>) -> Details {
    let zone = TimeZone::UTC;
    let first = Start::on(start, &zone).unwrap();
    let mut header = Header::new("Contract", CUSTOMER, Currency::USD, first);
    header.end = end.map(|day| End::with_day(day, &zone).unwrap());
    plan.agreement(header, Status::Active, &zone).unwrap()
}

fn contract(details: Details) -> contract::Contract {
    let surroundings = Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let mut new = ids(1_000);
    let id = Uuid::from_u128(9);
    contract::create(id, details, &surroundings, &mut new, at("2024-01-01")).unwrap()
}

fn days(plan: &Plan, start: &str, end: Option<&str>) -> String {
    let contract = contract(sold(plan, day(start), end.map(day)));
    let phases = contract.phases().iter().map(|phase| {
        let end = phase
            .end
            .map_or("open".to_owned(), |end| end.day().to_string());
        format!("{} {}..{end}", phase.head.name, phase.start.day())
    });
    phases.collect::<Vec<_>>().join(", ")
}

fn ramp() -> Plan {
    let price = fee("P1M", "prepaid", 10);
    let first = phase(
        "A",
        schedule("P0D", Some("P1M")),
        vec![line("P0D", None, &price)],
    );
    let then = phase(
        "B",
        schedule("P0D", Some("P1M")),
        vec![line("P10D", None, &price)],
    );
    let last = phase("C", schedule("P5D", None), vec![line("P0D", None, &price)]);
    made(written(
        schedule("P0D", Some("P6M")),
        vec![first, then, last],
    ))
    .unwrap()
}

// Counted from the first day: a month and two months after 31 January are 29 February and 31 March.
#[test]
fn the_31st_stays_the_31st() {
    let plan = ramp();
    assert_eq!(
        days(&plan, "2024-01-31", None),
        "A 2024-01-31..2024-02-29, B 2024-02-29..2024-03-31, C 2024-04-05..2024-07-31"
    );
    assert_eq!(
        days(&plan, "2024-01-31", Some("2024-03-09")),
        "A 2024-01-31..2024-02-29, B 2024-02-29..2024-03-10"
    );
    assert_eq!(
        days(&plan, "2024-01-31", Some("2025-01-30")),
        "A 2024-01-31..2024-02-29, B 2024-02-29..2024-03-31, C 2024-04-05..2025-01-31"
    );
}

fn durations() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["P1D", "P14D", "P28D", "P1M", "P2M", "P1M10D", "P1Y"])
}

fn lines() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>, bool)>> {
    let offset = prop::sample::select(vec!["P0D", "P0D", "P3D", "P27D", "P1M"]);
    prop::collection::vec((offset, prop::option::of(durations()), any::<bool>()), 1..4)
}

fn plans() -> impl Strategy<Value = Written> {
    let offset = prop::sample::select(vec!["P0D", "P0D", "P7D"]);
    let phases = prop::collection::vec((offset, durations(), lines()), 1..4);
    let term = prop::option::of(prop::sample::select(vec!["P1M", "P3M", "P1Y", "P3Y"]));
    (phases, term, any::<bool>()).prop_map(|(phases, term, is_open)| {
        let count = phases.len();
        let phases = phases.into_iter().enumerate();
        let phases = phases.map(|(index, (offset, duration, lines))| {
            let lines = lines.into_iter().map(|(offset, duration, is_once)| {
                let price = if is_once {
                    once(5)
                } else {
                    fee("P1M", "postpaid", 10)
                };
                line(offset, duration, &price)
            });
            let duration = Some(duration).filter(|_| !is_open || index + 1 < count);
            phase(
                &format!("P{index}"),
                schedule(offset, duration),
                lines.collect(),
            )
        });
        written(schedule("P0D", term), phases.collect())
    })
}

proptest! {
    #[test]
    fn what_is_accepted_is_sold_on_every_day(
        written in plans(), start in 0_i32..800, length in prop::option::of(8_i32..1000)
    ) {
        let Some(plan) = made(written) else { return Ok(()) };
        let start = day("2023-01-01").checked_add(start.days()).unwrap();
        let end = length.map(|days| start.checked_add(days.days()).unwrap());
        let contract = contract(sold(&plan, start, end));
        let phases = contract.phases();
        prop_assert!(!phases.is_empty());
        prop_assert_eq!(contract.header().plan, Some(plan.version()));
        for phase in phases {
            prop_assert!(phase.head.source_plan_phase_id.is_some());
        }
        // It can be renewed, unless all of it was charged once.
        if contract.header().end.is_some() {
            let renewed = plan.renewal(&contract).unwrap();
            let lines = renewed.phases.iter().flat_map(|phase| &phase.lines);
            let mut prices = lines.map(|line| line.head.pricing.price());
            prop_assert!(prices.all(|price| price.is_recurring));
        }
    }

    #[test]
    fn what_is_kept_is_what_was_written(written in plans()) {
        let Some(plan) = made(written) else { return Ok(()) };
        let read = florin_core::plan::Details::from_document(Kept(plan.document())).unwrap();
        prop_assert_eq!(&read, &plan.details);
        let mut new = ids(500);
        let same = plan.amend(plan.to_written(), &mut new, at("2024-01-01")).unwrap();
        prop_assert_eq!(&same, &plan);
        prop_assert!(changes(&plan, &same).is_empty());
        let lines: Vec<LineId> = plan.lines().map(|line| line.id).collect();
        let unique: std::collections::BTreeSet<u128> = lines.iter().map(|id| id.0.as_u128()).collect();
        prop_assert_eq!(lines.len(), unique.len());
    }
}
