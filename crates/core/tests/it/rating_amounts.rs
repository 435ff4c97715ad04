//! What happens to a line's amount: discounts and commitments, in the order of either engine.

use expect_test::expect;
use florin_core::calendar::Period;
use florin_core::commitment::Commitment;
use florin_core::discount::Discount;
use florin_core::pricing::Usage;

use crate::build::{
    Invoicing, MONTHS, START, check, day, decimal, every, fixed, flat_fee, life, maximum, metered,
    minimum, off, per_unit, percent, phase, render,
};

#[test]
fn a_line_of_the_older_engine_is_discounted_before_its_commitment() {
    let mut line = fixed(1, flat_fee("100"), "1");
    line.discounts = vec![percent(1, "50"), off(2, "10")];
    line.commitments = vec![minimum(3, "70")];
    check(
        phase(vec![line]),
        &[("2024-02-01", "0")],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 100.00 [1 at 100 31/31] discount 50.00 discount 10.00 commitment 30.00 net 70.00 tax 0.00
        net 70.00 tax 0.00 total 70.00
    "#]],
    );
}

#[test]
fn a_line_with_a_cap_takes_commitment_then_fixed_then_percent() {
    let mut line = fixed(1, flat_fee("100"), "1");
    let capped = Discount {
        max_lifetime: Some(decimal("1000")),
        ..percent(1, "50")
    };
    line.discounts = vec![capped, off(2, "10")];
    line.commitments = vec![minimum(3, "150")];
    check(
        phase(vec![line]),
        &[("2024-02-01", "0")],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 100.00 [1 at 100 31/31] commitment 50.00 discount 10.00 discount 70.00 net 70.00 tax 0.00
        net 70.00 tax 0.00 total 70.00
    "#]],
    );
}

#[test]
fn a_percentage_of_a_quarter_settles_its_cents_with_the_last_bill() {
    let mut line = fixed(1, flat_fee("10.05"), "1");
    line.discounts = vec![Discount {
        cadence: Some(every("P3M")),
        ..percent(1, "10")
    }];
    check(
        phase(vec![line]),
        &MONTHS,
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 10.05 [1 at 10.05 31/31] discount 1.01 net 9.04 tax 0.00
        net 9.04 tax 0.00 total 9.04
        2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 10.05 [1 at 10.05 29/29] discount 1.01 net 9.04 tax 0.00
        net 9.04 tax 0.00 total 9.04
        2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 10.05 [1 at 10.05 31/31] discount 1.00 net 9.05 tax 0.00
        net 9.05 tax 0.00 total 9.05
        2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 10.05 [1 at 10.05 30/30] discount 1.01 net 9.04 tax 0.00
        net 9.04 tax 0.00 total 9.04
    "#]],
    );
}

#[test]
fn a_cap_for_each_week_applies_to_the_usage_of_each_week() {
    let mut line = metered(1, per_unit("1"));
    let weekly = Discount {
        cadence: Some(every("P1W")),
        ..percent(1, "20")
    };
    line.discounts = vec![Discount {
        max_per_period: Some(decimal("10")),
        ..weekly
    }];
    let mut invoicing = Invoicing::of(phase(vec![line]));
    // 10 and 100 in the first weeks, then 20 a week: 2 + 10 (capped) + 4 + 4 + 4.
    let draft = invoicing.bill("2024-02-01", |_, window| {
        let units = match window.start() {
            start if start == day(START) => "10",
            start if start == day("2024-01-08") => "100",
            _ => "20",
        };
        Usage::Quantity(decimal(units))
    });
    expect![[r#"
        line 1 [2024-01-01, 2024-02-01) gross 170.00 [170 at 170 31/31] discount 24.00 net 146.00 tax 0.00
        net 146.00 tax 0.00 total 146.00
    "#]].assert_eq(&render(&draft));
}

#[test]
fn a_fixed_discount_with_a_cadence_is_a_pool_of_money() {
    let mut line = metered(1, per_unit("1"));
    line.discounts = vec![Discount {
        cadence: Some(every("P3M")),
        ..off(1, "100")
    }];
    check(
        phase(vec![line]),
        &MONTHS,
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] discount 60.00 net 0.00 tax 0.00
        net 0.00 tax 0.00 total 0.00
        2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 60.00 [60 at 60 29/29] discount 40.00 net 20.00 tax 0.00
        net 20.00 tax 0.00 total 20.00
        2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 [60 at 60 31/31] discount 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
        2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 60.00 [60 at 60 30/30] discount 60.00 net 0.00 tax 0.00
        net 0.00 tax 0.00 total 0.00
    "#]],
    );
}

#[test]
fn a_discount_never_exceeds_what_it_is_taken_from() {
    let mut line = metered(1, per_unit("1"));
    line.discounts = vec![off(1, "100")];
    check(
        phase(vec![line]),
        &[("2024-02-01", "60"), ("2024-03-01", "-60")],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] discount 60.00 net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-03-01: line 1 [2024-02-01, 2024-03-01) gross -60.00 [-60 at -60 29/29] discount 0.00 net -60.00 tax 0.00
            net -60.00 tax 0.00 total 0.00 credit 60.00
        "#]],
    );
}

#[test]
fn a_commitment_of_a_quarter_is_topped_up_once_at_its_end() {
    let mut line = metered(1, per_unit("1"));
    line.commitments = vec![Commitment {
        cadence: Some(every("P3M")),
        ..minimum(1, "200")
    }];
    check(
        phase(vec![line]),
        &MONTHS,
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] commitment 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
        2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 60.00 [60 at 60 29/29] commitment 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
        2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 [60 at 60 31/31] commitment 20.00 net 80.00 tax 0.00
        net 80.00 tax 0.00 total 80.00
        2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 60.00 [60 at 60 30/30] commitment 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
    "#]],
    );
}

#[test]
fn a_commitment_for_part_of_its_period_is_whole_or_its_share_of_days() {
    for (charge_full_amount, expected) in [(true, "310.00"), (false, "100.00")] {
        let mut line = metered(1, per_unit("1"));
        line.schedule.life = life("2024-01-22", None);
        line.commitments = vec![Commitment {
            charge_full_amount,
            ..minimum(1, "310")
        }];
        let draft = Invoicing::of(phase(vec![line])).bill_quantity("2024-02-01", "60");
        assert_eq!(draft.net.to_major(), decimal(expected));
    }
}

#[test]
fn a_commitment_does_not_accrue_while_nothing_is_charged() {
    for (paused_until, charge_full_amount, expected) in [
        ("2024-01-22", true, "310.00"),
        ("2024-01-22", false, "100.00"),
        ("2024-02-01", true, "0.00"),
    ] {
        let pause = Period::new(day(START), day(paused_until)).unwrap();
        let committed = Commitment {
            charge_full_amount,
            ..minimum(1, "310")
        };
        let mut on_line = phase(vec![metered(1, per_unit("1"))]);
        on_line.lines[0].commitments = vec![committed.clone()];
        let mut on_phase = phase(vec![metered(1, per_unit("1"))]);
        on_phase.commitments = vec![Commitment {
            cadence: Some(every("P1M")),
            ..committed
        }];
        for mut terms in [on_line, on_phase] {
            terms.pauses = vec![pause];
            let draft = Invoicing::of(terms).bill_quantity("2024-02-01", "60");
            assert_eq!(draft.net.to_major(), decimal(expected));
        }
    }
}

#[test]
fn a_commitment_may_skip_a_period_without_charges() {
    for (skip_zero_amount, usage, expected) in [
        (false, "0", "200.00"),
        (true, "0", "0.00"),
        (true, "1", "200.00"),
    ] {
        let mut line = metered(1, per_unit("1"));
        line.commitments = vec![Commitment {
            skip_zero_amount,
            ..minimum(1, "200")
        }];
        let draft = Invoicing::of(phase(vec![line])).bill_quantity("2024-02-01", usage);
        assert_eq!(draft.net.to_major(), decimal(expected));
    }
}

#[test]
fn a_maximum_cuts_each_bill_as_soon_as_it_is_reached() {
    let mut line = metered(1, per_unit("1"));
    line.commitments = vec![Commitment {
        cadence: Some(every("P3M")),
        ..maximum(1, "100")
    }];
    check(
        phase(vec![line]),
        &MONTHS,
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] commitment 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
        2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 60.00 [60 at 60 29/29] commitment -20.00 net 40.00 tax 0.00
        net 40.00 tax 0.00 total 40.00
        2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 [60 at 60 31/31] commitment -60.00 net 0.00 tax 0.00
        net 0.00 tax 0.00 total 0.00
        2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 60.00 [60 at 60 30/30] commitment 0.00 net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
    "#]],
    );
}

#[test]
fn caps_a_cadence_or_an_order_make_a_discount_of_the_newer_engine() {
    let plain = percent(1, "5");
    let newer = [
        Discount {
            order: Some(1),
            ..plain.clone()
        },
        Discount {
            cadence: Some(every("P1Y")),
            ..plain.clone()
        },
        Discount {
            max_per_period: Some(decimal("1")),
            ..plain.clone()
        },
        Discount {
            max_lifetime: Some(decimal("1")),
            ..plain.clone()
        },
    ];
    assert!(!plain.is_v3());
    assert!(newer.iter().all(Discount::is_v3));
}
