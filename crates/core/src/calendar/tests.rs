use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn cadence(text: &str) -> Cadence {
    Cadence::parse(text).unwrap().unwrap()
}

fn schedule(anchor: &str, text: &str) -> Schedule {
    Schedule::new(day(anchor), cadence(text))
}

fn line(life: (&str, Option<&str>), recurrence: Recurrence, offset: &str) -> LineSchedule {
    LineSchedule {
        life: Life::new(day(life.0), life.1.map(day)).unwrap(),
        recurrence,
        offset: Offset::parse(offset).unwrap(),
    }
}

fn shown(cycles: impl Iterator<Item = Result<Cycle, Error>>) -> Vec<String> {
    cycles
        .map(|cycle| {
            let cycle = cycle.unwrap();
            let stub = if cycle.is_stub() { " stub" } else { "" };
            format!("{} billed {}{stub}", cycle.service, cycle.bill_for_date)
        })
        .collect()
}

#[test]
fn a_cadence_is_read_from_iso_durations_and_older_words() {
    let cases = [
        ("P1D", "P1D"),
        ("P2W", "P14D"),
        ("P1M", "P1M"),
        ("P1Y6M", "P18M"),
        ("quarterly", "P3M"),
        ("yearly", "P12M"),
    ];
    for (text, expected) in cases {
        assert_eq!(cadence(text).to_string(), expected, "{text}");
    }
    for one_time in ["P0", "P0D", "P0M", "one_time"] {
        assert_eq!(Cadence::parse(one_time), Ok(None), "{one_time}");
    }
}

#[test]
fn a_cadence_that_makes_no_grid_is_refused_by_name() {
    for text in [
        "", "P", "1M", "PT1H", "P1.5M", "P-1M", "P1M1Y", "P1M1M", "monthl", "P1é",
    ] {
        assert_eq!(
            Cadence::parse(text),
            Err(Error::DurationMalformed(text.into())),
            "{text}"
        );
    }
    assert_eq!(
        Cadence::parse("P1M15D"),
        Err(Error::CadenceMixed("P1M15D".into()))
    );
    for text in ["P101Y", "P40000D", "P4294967295Y"] {
        assert_eq!(
            Cadence::parse(text),
            Err(Error::DurationTooLong(text.into())),
            "{text}"
        );
    }
}

#[test]
fn months_are_counted_from_the_anchor_and_not_from_the_last_boundary() {
    let boundaries = |anchor, cadence| -> Vec<String> {
        let schedule = schedule(anchor, cadence);
        (-1..4)
            .map(|index| schedule.boundary(index).unwrap().to_string())
            .collect()
    };
    assert_eq!(
        boundaries("2023-01-31", "P1M"),
        [
            "2022-12-31",
            "2023-01-31",
            "2023-02-28",
            "2023-03-31",
            "2023-04-30"
        ]
    );
    assert_eq!(
        boundaries("2024-02-29", "P1Y"),
        [
            "2023-02-28",
            "2024-02-29",
            "2025-02-28",
            "2026-02-28",
            "2027-02-28"
        ]
    );
    assert_eq!(
        boundaries("2024-02-29", "P2W"),
        [
            "2024-02-15",
            "2024-02-29",
            "2024-03-14",
            "2024-03-28",
            "2024-04-11"
        ]
    );
}

#[test]
fn month_end_cycles_end_with_the_month_whatever_the_anchor_day() {
    for (anchor, at, expected) in [
        ("2024-01-31", "2024-02-15", "[2024-02-01, 2024-03-01)"),
        ("2024-01-15", "2024-01-20", "[2024-01-01, 2024-02-01)"),
        ("2024-01-01", "2024-01-20", "[2024-01-01, 2024-02-01)"),
    ] {
        let schedule = Schedule::ending_with_month(day(anchor), cadence("P1M")).unwrap();
        assert_eq!(
            schedule.period_at(day(at)).unwrap().to_string(),
            expected,
            "{anchor}"
        );
    }
    let quarterly = Schedule::ending_with_month(day("2024-01-01"), cadence("P3M")).unwrap();
    assert_eq!(
        quarterly.period_at(day("2024-05-05")).unwrap().last_day(),
        date(2024, 6, 30)
    );
}

#[test]
fn start_and_anchor_apart_make_stubs_at_both_ends() {
    let monthly = Recurrence::Every(schedule("2024-01-01", "P1M"));
    let line = line(("2024-01-15", Some("2024-03-10")), monthly, "postpaid");
    assert_eq!(
        shown(line.cycles_from(Date::MIN)),
        [
            "[2024-01-15, 2024-02-01) billed 2024-02-01 stub",
            "[2024-02-01, 2024-03-01) billed 2024-03-01",
            "[2024-03-01, 2024-03-10) billed 2024-03-10 stub",
        ]
    );
}

#[test]
fn an_offset_bills_before_after_or_with_a_delay() {
    let january = ("2024-01-01", Some("2024-02-01"));
    let monthly = Recurrence::Every(schedule("2024-01-01", "P1M"));
    for (offset, billed) in [
        ("prepaid", "2024-01-01"),
        ("postpaid", "2024-02-01"),
        ("P0D", "2024-02-01"),
        ("P5D", "2024-02-06"),
        ("P1M", "2024-03-01"),
    ] {
        let cycle = line(january, monthly, offset)
            .cycle_from(Date::MIN)
            .unwrap()
            .unwrap();
        assert_eq!(cycle.bill_for_date, day(billed), "{offset}");
    }
    assert_eq!(
        Offset::parse("sometimes"),
        Err(Error::OffsetUnknown("sometimes".into()))
    );
}

#[test]
fn a_one_time_line_has_one_cycle() {
    let year = line(
        ("2024-01-15", Some("2025-01-15")),
        Recurrence::OneTime,
        "prepaid",
    );
    assert_eq!(
        shown(year.cycles_from(Date::MIN)),
        ["[2024-01-15, 2025-01-15) billed 2024-01-15"]
    );
    let open = line(("2024-01-15", None), Recurrence::OneTime, "postpaid");
    assert_eq!(
        shown(open.cycles_from(Date::MIN)),
        ["[2024-01-15, 2024-01-16) billed 2024-01-16"]
    );
    assert_eq!(open.cycle_from(day("2024-01-16")), Ok(None));
}

#[test]
fn lines_billed_together_share_a_cycle_of_the_contract() {
    let life = ("2024-01-10", Some("2024-04-01"));
    let monthly = Recurrence::Every(schedule("2024-01-10", "P1M"));
    let lines = [
        line(life, monthly, "prepaid"),
        line(life, monthly, "prepaid"),
        line(life, monthly, "postpaid"),
        line(life, Recurrence::OneTime, "prepaid"),
    ];
    let cycles: Vec<String> = contract_cycles(&lines, Date::MIN)
        .map(|cycle| {
            let cycle = cycle.unwrap();
            let start_day = cycle.billing_cycle_start_day;
            format!("{} {} day {start_day}", cycle.bill_for_date, cycle.service)
        })
        .collect();
    assert_eq!(
        cycles,
        [
            "2024-01-10 [2024-01-10, 2024-02-10) day 10",
            "2024-01-10 [2024-01-10, 2024-04-01) day 10",
            "2024-02-10 [2024-01-10, 2024-02-10) day 10",
            "2024-02-10 [2024-02-10, 2024-03-10) day 10",
            "2024-03-10 [2024-02-10, 2024-03-10) day 10",
            "2024-03-10 [2024-03-10, 2024-04-01) day 10",
            "2024-04-01 [2024-03-10, 2024-04-01) day 10",
        ]
    );
}

#[test]
fn an_end_is_read_as_the_first_day_after() {
    let new_york = TimeZone::get("America/New_York").unwrap();
    for (text, expected) in [
        ("2025-12-31", "2026-01-01"),
        ("2025-12-31T23:59:59", "2026-01-01"),
        ("2025-12-31T23:59:59.999999", "2026-01-01"),
        ("2025-12-31 23:59:59.999999", "2026-01-01"),
        ("2026-01-01T00:00:00", "2026-01-01"),
        ("2025-12-31T14:30:00", "2025-12-31"),
        ("2025-12-31T23:59:59-05:00", "2026-01-01"),
        ("2026-01-01T05:00:00Z", "2026-01-01"),
        ("2026-01-01T04:59:59.999999Z", "2025-12-31"),
    ] {
        assert_eq!(parse_end(text, &new_york), Ok(day(expected)), "{text}");
    }
}

#[test]
fn a_start_is_the_day_in_the_organisations_zone() {
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    for (text, expected) in [
        ("2025-12-31", "2025-12-31"),
        ("2025-12-31T05:31:56", "2025-12-31"),
        ("2025-12-31T14:59:59Z", "2025-12-31"),
        ("2025-12-31T15:00:00Z", "2026-01-01"),
    ] {
        assert_eq!(parse_start(text, &tokyo), Ok(day(expected)), "{text}");
    }
    for text in ["", "soon", "2025-02-30", "31/12/2025", "12:00"] {
        assert_eq!(
            parse_start(text, &tokyo),
            Err(Error::DateMalformed(text.into())),
            "{text}"
        );
    }
}

#[test]
fn a_day_lasts_from_midnight_to_midnight_of_the_zone_even_when_clocks_change() {
    for (zone, date, hours) in [
        ("UTC", "2024-03-31", 24),
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        // Midnight itself is skipped, or comes twice.
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Havana", "2024-11-03", 25),
        // A whole day was skipped.
        ("Pacific/Apia", "2011-12-30", 0),
    ] {
        let zone = TimeZone::get(zone).unwrap();
        let (start, end) = Period::day(day(date)).unwrap().instants(&zone).unwrap();
        assert_eq!(
            end.duration_since(start).as_hours(),
            hours,
            "{zone:?} {date}"
        );
    }
}

#[test]
fn arithmetic_beyond_the_calendar_is_an_error() {
    let yearly = schedule("2024-01-01", "P100Y");
    assert_eq!(yearly.boundary(i64::MAX), Err(Error::OutOfRange));
    assert_eq!(yearly.boundary(100), Err(Error::OutOfRange));
    assert_eq!(
        schedule("2024-01-01", "P36525D").boundary(i64::MIN),
        Err(Error::OutOfRange)
    );
    assert_eq!(Period::day(Date::MAX), Err(Error::OutOfRange));
}

fn dates() -> impl Strategy<Value = Date> {
    let any_day = (1990_i16..2060, 1_i8..=12, 1_i8..=31)
        .prop_filter_map("a date", |(year, month, day)| {
            Date::new(year, month, day).ok()
        });
    let leap_day = (1997_i16..2015).prop_map(|year| date(year / 4 * 4, 2, 29));
    let month_end =
        (1990_i16..2060, 1_i8..=12).prop_map(|(year, month)| date(year, month, 1).last_of_month());
    prop_oneof![3 => any_day, 1 => leap_day, 1 => month_end]
}

fn cadences() -> impl Strategy<Value = Cadence> {
    prop_oneof![
        (1_u32..=400).prop_map(|days| cadence(&format!("P{days}D"))),
        (1_u32..=10).prop_map(|weeks| cadence(&format!("P{weeks}W"))),
        (1_u32..=40).prop_map(|months| cadence(&format!("P{months}M"))),
        (1_u32..=5).prop_map(|years| cadence(&format!("P{years}Y"))),
    ]
}

fn zones() -> impl Strategy<Value = TimeZone> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Asia/Kolkata",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| TimeZone::get(name).unwrap())
}

prop_compose! {
    fn lines()(
        start in dates(),
        days in 1_i64..4_000,
        anchor in dates(),
        cadence in cadences(),
        month_end: bool,
    ) -> LineSchedule {
        let end = cadence::add_days(start, days).unwrap();
        let schedule = if month_end {
            Schedule::ending_with_month(anchor, cadence).unwrap()
        } else {
            Schedule::new(anchor, cadence)
        };
        LineSchedule {
            life: Life::new(start, Some(end)).unwrap(),
            recurrence: Recurrence::Every(schedule),
            offset: Offset::POSTPAID,
        }
    }
}

proptest! {
    #[test]
    fn cycles_tile_the_life_of_a_line(line in lines(), zone in zones()) {
        let (start, end) = (line.life.start(), line.life.end().unwrap());
        let cycles: Vec<Cycle> = line.cycles_from(Date::MIN).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(cycles[0].service.start(), start);
        prop_assert_eq!(cycles[cycles.len() - 1].service.end(), end);
        for pair in cycles.windows(2) {
            prop_assert_eq!(pair[0].service.end(), pair[1].service.start());
            prop_assert_eq!(pair[0].full.end(), pair[1].full.start());
            let (_, before) = pair[0].service.instants(&zone).unwrap();
            let (after, _) = pair[1].service.instants(&zone).unwrap();
            prop_assert_eq!(before, after);
        }
        // Only the first and the last may be stubs.
        for cycle in cycles.iter().skip(1).rev().skip(1) {
            prop_assert!(!cycle.is_stub());
        }
    }

    #[test]
    fn moving_the_anchor_keeps_the_number_of_days(line in lines(), anchor in dates()) {
        let Recurrence::Every(schedule) = line.recurrence else { unreachable!() };
        let recurrence = Recurrence::Every(Schedule::new(anchor, schedule.cadence()));
        let moved = LineSchedule { recurrence, ..line };
        let days = |line: &LineSchedule| -> i64 {
            line.cycles_from(Date::MIN).map(|cycle| cycle.unwrap().service.days()).sum()
        };
        prop_assert_eq!(days(&line), days(&moved));
    }

    #[test]
    fn the_period_of_a_day_is_found_without_walking(
        anchor in dates(), cadence in cadences(), at in dates(),
    ) {
        let schedule = Schedule::new(anchor, cadence);
        prop_assert!(schedule.period_at(at).unwrap().contains(at));
    }

    #[test]
    fn a_split_covers_the_period_with_pieces_of_one_window_each(
        anchor in dates(), cadence in cadences(), start in dates(), days in 1_i64..800,
    ) {
        let schedule = Schedule::new(anchor, cadence);
        let whole = Period::new(start, cadence::add_days(start, days).unwrap()).unwrap();
        let pieces = schedule.split(whole).unwrap();
        prop_assert_eq!(pieces.iter().map(|piece| piece.days()).sum::<i64>(), whole.days());
        for piece in pieces {
            let window = schedule.period_at(piece.start()).unwrap();
            prop_assert_eq!(window.intersection(piece), Some(piece));
        }
    }

    #[test]
    fn cycles_billed_are_the_same_as_found_by_walking(
        line in lines(),
        prepaid: bool,
        months in 0_u32..4,
        days in 0_u32..70,
        from in dates(),
        length in 1_i64..60,
    ) {
        let timing = if prepaid { Timing::Prepaid } else { Timing::Postpaid };
        let line = LineSchedule { offset: Offset { timing, delay: Delay { months, days } }, ..line };
        let until = cadence::add_days(from, length).unwrap();
        let walked: Vec<Cycle> = line
            .cycles_from(Date::MIN)
            .map(Result::unwrap)
            .filter(|cycle| from <= cycle.bill_for_date && cycle.bill_for_date < until)
            .collect();
        prop_assert_eq!(line.cycles_billed(from, until).unwrap(), walked);
    }

    #[test]
    fn days_are_counted_as_the_calendar_counts_them(start in dates(), days in -9_000_i64..9_000) {
        let end = cadence::add_days(start, days).unwrap();
        prop_assert_eq!(cadence::days_between(start, end), days);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,30}") {
        let _ = Cadence::parse(&text);
        let _ = Offset::parse(&text);
        let _ = parse_start(&text, &TimeZone::UTC);
        let _ = parse_end(&text, &TimeZone::UTC);
    }
}
