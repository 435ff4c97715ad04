//! Changes inside a billing period: what each part of it costs.

use std::sync::Arc;

use expect_test::{Expect, expect};
use florin_core::calendar::{Life, Period, Recurrence, Schedule};
use florin_core::currency::Currency;
use florin_core::pricing::Usage;
use florin_core::terms::{
    EnabledFrom, LineTerms, PhaseTerms, PriceVersion, Proration, Quantity, QuantityEntry,
};
use jiff::ToSpan;
use jiff::civil::Date;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::build::{
    Invoicing, START, day, decimal, every, fixed, flat_fee, life, metered, per_unit, phase, render,
    schedule,
};

fn check(line: LineTerms, expected: Expect) {
    check_phase(phase(vec![line]), expected);
}

fn check_phase(phase: PhaseTerms, expected: Expect) {
    let draft = Invoicing::of(phase).bill_quantity("2024-02-01", "100");
    expected.assert_eq(&render(&draft));
}

/// Seats at 31.00 a month, by first day.
fn seats(entries: &[(&str, &str)]) -> LineTerms {
    let entries = entries.iter().map(|(from, value)| QuantityEntry {
        effective_from: day(from),
        value: decimal(value),
    });
    LineTerms {
        quantity: Quantity::Fixed(entries.collect()),
        ..metered(1, per_unit("31"))
    }
}

fn switches(entries: &[(&str, bool)]) -> Vec<EnabledFrom> {
    let entry = |(from, value): &(&str, bool)| EnabledFrom {
        effective_from: day(from),
        value: *value,
    };
    entries.iter().map(entry).collect()
}

#[test]
fn a_quantity_that_changes_splits_the_period() {
    check(
        seats(&[(START, "10"), ("2024-01-11", "15"), ("2024-02-01", "99")]),
        expect![[r#"
            line 1 [2024-01-01, 2024-02-01) gross 415.00 [10 at 310 10/31, 15 at 465 21/31] net 415.00 tax 0.00
            net 415.00 tax 0.00 total 415.00
        "#]],
    );
}

#[test]
fn a_charge_by_cadence_is_whole_at_its_highest_part() {
    let mut line = seats(&[(START, "10"), ("2024-01-11", "15"), ("2024-01-21", "12")]);
    line.proration = Proration::CadenceBased;
    line.schedule.life = life("2024-01-05", None);
    check(
        line,
        expect![[r#"
        line 1 [2024-01-05, 2024-02-01) gross 465.00 [10 at 310 6/31, 15 at 465 10/31, 12 at 372 11/31] net 465.00 tax 0.00
        net 465.00 tax 0.00 total 465.00
    "#]],
    );
}

#[test]
fn a_stub_costs_its_share_of_the_full_period() {
    let mut line = seats(&[(START, "10")]);
    line.schedule.life = life("2024-01-22", None);
    check(
        line,
        expect![[r#"
        line 1 [2024-01-22, 2024-02-01) gross 100.00 [10 at 310 10/31] net 100.00 tax 0.00
        net 100.00 tax 0.00 total 100.00
    "#]],
    );
}

#[test]
fn usage_is_priced_where_it_happened_and_never_prorated() {
    let mut line = metered(1, per_unit("1"));
    line.schedule.life = life("2024-01-05", None);
    line.prices.push(PriceVersion {
        effective_from: day("2024-01-21"),
        model: Arc::new(per_unit("2")),
    });
    let mut invoicing = Invoicing::of(phase(vec![line]));
    let draft = invoicing.bill("2024-02-01", |_, window| {
        Usage::Quantity(Decimal::from(window.days()))
    });
    expect![[r#"
        line 1 [2024-01-05, 2024-02-01) gross 38.00 [16 at 16 16/31, 11 at 22 11/31] net 38.00 tax 0.00
        net 38.00 tax 0.00 total 38.00
    "#]].assert_eq(&render(&draft));
}

#[test]
fn days_switched_off_or_paused_cost_nothing() {
    let mut line = seats(&[(START, "10")]);
    line.is_enabled = switches(&[("2024-01-11", false), ("2024-01-16", true)]);
    let mut terms = phase(vec![line.clone()]);
    terms.pauses = vec![Period::new(day("2024-01-30"), day("2024-03-10")).unwrap()];
    check_phase(
        terms,
        expect![[r#"
        line 1 [2024-01-01, 2024-02-01) gross 240.00 [10 at 310 10/31, 10 at 310 14/31] net 240.00 tax 0.00
        net 240.00 tax 0.00 total 240.00
    "#]],
    );

    line.is_enabled = switches(&[(START, false)]);
    check(
        line,
        expect![[r#"
        line 1 [2024-01-01, 2024-02-01) gross 0.00 [] net 0.00 tax 0.00
        net 0.00 tax 0.00 total 0.00
    "#]],
    );
}

#[test]
fn a_monthly_price_billed_each_quarter_is_charged_for_each_of_its_months() {
    let mut line = fixed(1, flat_fee("31"), "1");
    line.schedule = schedule("P3M", "postpaid");
    line.pricing_period = Some(every("P1M"));
    line.schedule.life = life("2024-01-22", None);
    let bill = |line: &LineTerms| {
        render(&Invoicing::of(phase(vec![line.clone()])).bill_quantity("2024-04-01", "0"))
    };
    expect![[r#"
        line 1 [2024-01-22, 2024-04-01) gross 72.00 [1 at 31 10/31, 1 at 31 29/29, 1 at 31 31/31] net 72.00 tax 0.00
        net 72.00 tax 0.00 total 72.00
    "#]].assert_eq(&bill(&line));
    line.proration = Proration::CadenceBased;
    expect![[r#"
        line 1 [2024-01-22, 2024-04-01) gross 93.00 [1 at 31 10/31, 1 at 31 29/29, 1 at 31 31/31] net 93.00 tax 0.00
        net 93.00 tax 0.00 total 93.00
    "#]].assert_eq(&bill(&line));
}

#[test]
fn a_charge_made_once_is_what_it_is_on_its_first_day() {
    let mut line = seats(&[(START, "10"), ("2024-01-11", "15")]);
    line.schedule.recurrence = Recurrence::OneTime;
    line.schedule.life = life(START, Some("2024-01-31"));
    check(
        line,
        expect![[r#"
        line 1 [2024-01-01, 2024-02-01) gross 310.00 [10 at 310 31/31] net 310.00 tax 0.00
        net 310.00 tax 0.00 total 310.00
    "#]],
    );
}

#[test]
fn a_currency_without_minor_digits_is_rounded_to_its_unit() {
    let mut line = seats(&[(START, "1")]);
    line.schedule.life = life("2024-01-17", None);
    line.prices[0].model = Arc::new(flat_fee("100.5"));
    let terms = PhaseTerms {
        currency: Currency::iso("JPY").unwrap(),
        ..phase(vec![line])
    };
    check_phase(
        terms,
        expect![[r#"
        line 1 [2024-01-17, 2024-02-01) gross 49 [1 at 100.5 15/31] net 49 tax 0
        net 49 tax 0 total 49
    "#]],
    );
}

fn dates() -> impl Strategy<Value = Date> {
    (0_i64..800).prop_map(|days| day(START).checked_add(days.days()).unwrap())
}

/// All bills of a line from its first day on.
fn billed(line: &LineTerms) -> Decimal {
    let mut invoicing = Invoicing::of(phase(vec![line.clone()]));
    let cycles = line
        .schedule
        .cycles_from(day(START))
        .map(|cycle| cycle.unwrap().bill_for_date);
    let mut days: Vec<Date> = cycles.collect();
    days.dedup();
    let drafts = days
        .into_iter()
        .map(|date| invoicing.bill_quantity(&date.to_string(), "0"));
    drafts.map(|draft| draft.net.to_major()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changes_that_change_nothing_cost_nothing(
        cuts in prop::collection::btree_set(1_i64..31, 0..8),
        cents in 0_i64..1_000_000,
    ) {
        let price = || flat_fee(&Decimal::new(cents, 2).to_string());
        let whole = fixed(1, price(), "1");
        let mut cut = whole.clone();
        for days in cuts {
            let effective_from = day(START).checked_add(days.days()).unwrap();
            cut.prices.push(PriceVersion { effective_from, model: Arc::new(price()) });
        }
        let bill = |line| {
            Invoicing::of(phase(vec![line])).bill_quantity("2024-02-01", "0").net
        };
        prop_assert_eq!(bill(cut), bill(whole));
    }

    #[test]
    fn daily_prices_do_not_depend_on_the_anchor(anchor in dates(), length in 1_i64..400) {
        let start = day("2024-01-22");
        let end = start.checked_add(length.days()).unwrap();
        let mut line = fixed(1, flat_fee("1"), "1");
        line.schedule.life = Life::new(start, Some(end)).unwrap();
        line.pricing_period = Some(every("P1D"));
        let Recurrence::Every(schedule) = line.schedule.recurrence else { unreachable!() };
        let moved = Schedule::new(anchor, schedule.cadence());
        line.schedule.recurrence = Recurrence::Every(moved);
        prop_assert_eq!(billed(&line), Decimal::from(length));
    }
}
