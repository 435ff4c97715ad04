//! Laws of billing: whatever was agreed and whenever it changes.

use std::collections::{BTreeMap, BTreeSet};

use florin_core::calendar::Recurrence;
use florin_core::contract::{Contract, End, ExtensionPolicy, PauseRequest, Start};
use florin_core::id::LineId;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use crate::agreement::{at, fee, seats};
use crate::books::Books;
use crate::build::{START, day};
use crate::contract_laws::{bodies, contracts};

fn after_start(days: i64) -> Date {
    day(START).checked_add(days.days()).unwrap()
}

/// A change of a contract.
#[derive(Clone, Debug)]
enum Change {
    Expire(i64),
    Pause(i64, i64, bool),
    Reprice,
    Anchor(i64),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        (5_i64..60).prop_map(Change::Expire),
        (1_i64..60, 1_i64..50, any::<bool>())
            .prop_map(|(start, length, extends)| Change::Pause(start, length, extends)),
        Just(Change::Reprice),
        (0_i64..40).prop_map(Change::Anchor),
    ]
}

impl Change {
    fn apply(&self, contract: &Contract) -> Contract {
        let now = at(START);
        match *self {
            Change::Expire(days) => contract.expire(Some(after_start(days)), now).unwrap(),
            Change::Pause(start, length, extends) => {
                let zone = TimeZone::UTC;
                let policy = if extends {
                    ExtensionPolicy::Extend
                } else {
                    ExtensionPolicy::Overlap
                };
                let request = PauseRequest {
                    start: Start::on(after_start(start), &zone).unwrap(),
                    end: Some(End::before(after_start(start + length), &zone).unwrap()),
                    policy,
                };
                contract.pause(request, Uuid::from_u128(90), now).unwrap()
            }
            Change::Reprice => {
                let mut details = contract.to_details();
                let lines = details.phases.iter_mut().flat_map(|phase| &mut phase.lines);
                for (number, line) in lines.enumerate() {
                    let price = if number % 2 == 0 {
                        fee("P1M", "postpaid", 77)
                    } else {
                        seats(4, &[("2024-02-20", 9)])
                    };
                    line.head.pricing = crate::agreement::content(&price);
                }
                contract
                    .replace(details, None, &mut Uuid::nil, now)
                    .unwrap()
            }
            Change::Anchor(days) => {
                let mut details = contract.to_details();
                let anchor = Start::on(after_start(days), &TimeZone::UTC).unwrap();
                details.header.anchor = Some(anchor);
                contract
                    .replace(details, None, &mut Uuid::nil, now)
                    .unwrap()
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The days that were billed of a recurring line are its days in force, each once and without a
    /// gap, up to the last that was due.
    #[test]
    fn billed_periods_tile_the_life_of_a_line(body in bodies(), until in 1_i64..300) {
        let contract = crate::agreement::try_create(&body).unwrap();
        let mut books = Books::open(&contract);
        books.run(after_start(until));
        let mut by_line: BTreeMap<LineId, Vec<_>> = BTreeMap::new();
        for period in &books.periods {
            by_line.entry(period.line).or_default().push(period);
        }
        for phase in &books.phases {
            for line in &phase.terms.phase().lines {
                let mut next = line.schedule.life.start();
                let mut periods = by_line.remove(&line.id).unwrap_or_default();
                periods.sort_by_key(|period| period.service);
                for period in periods {
                    prop_assert_eq!(period.service.start(), next);
                    next = period.service.end();
                }
                if line.schedule.recurrence != Recurrence::OneTime {
                    let next = line.schedule.cycle_from(next).unwrap();
                    prop_assert!(next.is_none_or(|cycle| cycle.bill_for_date > after_start(until)));
                }
            }
        }
    }

    /// A run that is late bills what daily runs would have billed, for the same days; a run that is
    /// repeated bills nothing.
    #[test]
    fn catching_up_equals_being_on_time(contract in contracts(), until in 1_i64..150) {
        let mut daily = Books::open(&contract);
        daily.run_daily(day(START), after_start(until + 1));
        let mut late = Books::open(&contract);
        late.run(after_start(until));
        prop_assert_eq!(late.run(after_start(until)), 0);
        let set = |books: &Books| -> BTreeSet<(LineId, Date, Date)> {
            let periods = books.periods.iter();
            periods.map(|period| (period.line, period.full.start(), period.bill_for_date)).collect()
        };
        prop_assert_eq!(set(&daily), set(&late));
        prop_assert_eq!(daily.totals(), late.totals());
    }

    /// What was billed before a change and adjusted after it comes, line by line and period by period,
    /// to what the changed contract would have been billed from the beginning.
    #[test]
    fn adjustments_lead_to_what_is_due(
        contract in contracts(), change in changes(), billed in 1_i64..120, until in 120_i64..200,
    ) {
        let changed = change.apply(&contract);
        let mut books = Books::open(&contract);
        books.run(after_start(billed));
        books.amend(&changed);
        books.run(after_start(until));
        let mut anew = Books::open(&changed);
        anew.run(after_start(until));
        prop_assert_eq!(books.totals(), anew.totals());
        // And adjusting once more finds nothing to adjust.
        let before = books.totals();
        books.amend(&changed);
        prop_assert_eq!(books.run(after_start(until)), 0);
        prop_assert_eq!(books.totals(), before);
    }
}
