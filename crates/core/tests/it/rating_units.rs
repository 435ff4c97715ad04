//! What happens to a line's quantity: free units, quantity discounts, balances, grants, tiers.

use std::sync::Arc;

use expect_test::expect;
use florin_core::calendar::Delay;
use florin_core::grant::{EntitlementKind, Grant, GrantExpiry, GrantFrequency, TriggerEvent};
use florin_core::pool::{Pool, PoolWindow, UnitRounding};
use florin_core::pricing::{Model, Tiers, Usage};
use florin_core::terms::{LineTerms, Quantity};

use crate::build::{
    Invoicing, MONTHS, check, check_all, consumption, day, decimal, entitlement, every, feature,
    fixed, flat_fee, life, metered, per_unit, phase, pool, with_balance,
};

#[test]
fn free_units_expire_with_their_window() {
    for (window, expected) in [
        (
            PoolWindow::Life,
            expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 0.00 free 60 [0 at 0 31/31] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 20.00 free 40 [20 at 20 29/29] net 20.00 tax 0.00
            net 20.00 tax 0.00 total 20.00
            2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 free 0 [60 at 60 31/31] net 60.00 tax 0.00
            net 60.00 tax 0.00 total 60.00
            2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 60.00 free 0 [60 at 60 30/30] net 60.00 tax 0.00
            net 60.00 tax 0.00 total 60.00
        "#]],
        ),
        (
            PoolWindow::Every(every("P3M")),
            expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 0.00 free 60 [0 at 0 31/31] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 20.00 free 40 [20 at 20 29/29] net 20.00 tax 0.00
            net 20.00 tax 0.00 total 20.00
            2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 free 0 [60 at 60 31/31] net 60.00 tax 0.00
            net 60.00 tax 0.00 total 60.00
            2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 0.00 free 60 [0 at 0 30/30] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
        "#]],
        ),
        (
            PoolWindow::BillingPeriod,
            expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 0.00 free 60 [0 at 0 31/31] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 0.00 free 60 [0 at 0 29/29] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 0.00 free 60 [0 at 0 31/31] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
            2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 0.00 free 60 [0 at 0 30/30] net 0.00 tax 0.00
            net 0.00 tax 0.00 total 0.00
        "#]],
        ),
    ] {
        let mut line = metered(1, per_unit("1"));
        line.free_units = vec![pool("100", window)];
        check(phase(vec![line]), &MONTHS, expected);
    }
}

#[test]
fn free_units_come_before_a_quantity_discount_and_shift_the_bracket() {
    let bounds = [Some(decimal("100")), None];
    let tiers = Tiers::new(&bounds, &[decimal("2"), decimal("1")], &[]).unwrap();
    let mut line = metered(1, Model::Volume(tiers));
    line.free_units = vec![pool("30", PoolWindow::BillingPeriod)];
    line.quantity_discounts = vec![Pool {
        id: feature(2),
        ..pool("30", PoolWindow::BillingPeriod)
    }];
    check(
        phase(vec![line]),
        &[("2024-02-01", "120"), ("2024-03-01", "180")],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 120.00 free 30 off 30 [60 at 120 31/31] net 120.00 tax 0.00
            net 120.00 tax 0.00 total 120.00
            2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 120.00 free 30 off 30 [120 at 120 29/29] net 120.00 tax 0.00
            net 120.00 tax 0.00 total 120.00
        "#]],
    );
}

#[test]
fn each_day_may_have_its_own_pool() {
    let mut line = metered(1, per_unit("1"));
    line.quantity_discounts = vec![pool("10", PoolWindow::Every(every("P1D")))];
    let mut invoicing = Invoicing::of(phase(vec![line]));
    // 12 units on the 1st and on the 2nd, 8 on each other day: only 2 + 2 are over.
    let draft = invoicing.bill("2024-02-01", |_, window| {
        let is_busy = window.start() < day("2024-01-03");
        Usage::Quantity(decimal(if is_busy { "12" } else { "8" }))
    });
    assert_eq!(draft.net.to_major(), decimal("4.00"));
}

#[test]
fn a_pool_in_a_partial_window_is_whole_unless_it_is_prorated() {
    // Ten days of January, at 100 units a month: 32.26.
    for (prorate_stub, expected) in [
        (None, "900.00"),
        (Some(UnitRounding::Floor), "968.00"),
        (Some(UnitRounding::Ceil), "967.00"),
        (Some(UnitRounding::HalfUp), "968.00"),
    ] {
        let mut line = metered(1, per_unit("1"));
        line.schedule.life = life("2024-01-22", None);
        let monthly = pool("100", PoolWindow::Every(every("P1M")));
        line.quantity_discounts = vec![Pool {
            prorate_stub,
            ..monthly
        }];
        let draft = Invoicing::of(phase(vec![line])).bill_quantity("2024-02-01", "1000");
        assert_eq!(draft.net.to_major(), decimal(expected), "{prorate_stub:?}");
    }
}

#[test]
fn a_typed_quantity_is_a_level_so_each_part_of_a_month_has_the_pool() {
    let mut line = fixed(1, per_unit("31"), "10");
    let Quantity::Fixed(entries) = &mut line.quantity else {
        unreachable!()
    };
    let mut more = entries[0];
    (more.effective_from, more.value) = (day("2024-01-11"), decimal("15"));
    entries.push(more);
    line.free_units = vec![pool("5", PoolWindow::BillingPeriod)];
    check(
        phase(vec![line]),
        &[("2024-02-01", "0")],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 260.00 free 5+5 [5 at 155 10/31, 10 at 310 21/31] net 260.00 tax 0.00
        net 260.00 tax 0.00 total 260.00
    "#]],
    );
}

#[test]
fn what_a_balance_does_not_cover_is_billed_at_the_overage_price() {
    for (overage_pricing, expected) in [
        (
            None,
            expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 10.00 drawn 50 [10 at 10 31/31] net 10.00 tax 0.00
            net 10.00 tax 0.00 total 10.00
        "#]],
        ),
        (
            Some(Arc::new(per_unit("3"))),
            expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 30.00 drawn 50 [10 at 30 31/31] net 30.00 tax 0.00
            net 30.00 tax 0.00 total 30.00
        "#]],
        ),
    ] {
        let mut line = metered(1, per_unit("1"));
        line.consumptions = vec![consumption(EntitlementKind::Quantity)];
        line.overage_pricing = overage_pricing;
        check_all(
            with_balance(phase(vec![line]), "50"),
            &MONTHS[..1],
            expected,
        );
    }
}

#[test]
fn lines_draw_from_one_balance_one_after_the_other() {
    let line = |number| LineTerms {
        consumptions: vec![consumption(EntitlementKind::Credits)],
        ..metered(number, per_unit("1"))
    };
    check_all(
        with_balance(phase(vec![line(1), line(2)]), "100.009"),
        &MONTHS[..1],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] credits 60.00 net 0.00 tax 0.00
            line 2 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] credits 40.00 net 20.00 tax 0.00
            net 20.00 tax 0.00 total 20.00
        "#]],
    );
}

#[test]
fn credits_that_a_line_sells_do_not_pay_for_it() {
    let sold = Grant {
        id: feature(1),
        entitlement: entitlement(),
        kind: EntitlementKind::Credits,
        amount: decimal("20000"),
        trigger_event: TriggerEvent::InvoiceApproval,
        frequency: GrantFrequency::BillingPeriod,
        expiry: GrantExpiry::Never,
    };
    let mut prepaid = fixed(1, flat_fee("20000"), "1");
    prepaid.grants = vec![sold];
    let mut usage = metered(2, per_unit("500"));
    usage.consumptions = vec![consumption(EntitlementKind::Credits)];
    check_all(
        with_balance(phase(vec![prepaid, usage]), "12500"),
        &[("2024-02-01", "30")],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 20000.00 [1 at 20000 31/31] net 20000.00 tax 0.00
            line 2 [2024-01-01, 2024-02-01) gross 15000.00 [30 at 15000 31/31] credits 12500.00 net 2500.00 tax 0.00
            net 22500.00 tax 0.00 total 22500.00
        "#]],
    );
}

#[test]
fn a_grant_is_due_with_its_period_and_expires_as_agreed() {
    let grant = |frequency, expiry| Grant {
        id: feature(1),
        entitlement: entitlement(),
        kind: EntitlementKind::Feature,
        amount: decimal("1"),
        trigger_event: TriggerEvent::PaymentSuccess,
        frequency,
        expiry,
    };
    let delay = Delay {
        months: 0,
        days: 10,
    };
    let mut line = fixed(1, flat_fee("1"), "1");
    line.grants = vec![
        grant(GrantFrequency::Once, GrantExpiry::Never),
        grant(GrantFrequency::BillingPeriod, GrantExpiry::BillingPeriod),
        grant(
            GrantFrequency::Every(every("P2W")),
            GrantExpiry::After(delay),
        ),
    ];
    let mut invoicing = Invoicing::of(phase(vec![line]));
    let mut shown = Vec::new();
    for date in ["2024-02-01", "2024-03-01"] {
        let charges = invoicing.charges(date, |_, _| Usage::Quantity(decimal("0")));
        let rated = invoicing.try_rate(date, &charges).unwrap();
        invoicing.carried = rated.carried;
        let due = rated.grants.iter();
        shown.extend(due.map(|due| {
            let expires = due
                .expires_on
                .map_or("never".to_owned(), |date| date.to_string());
            format!("{} expires {expires}", due.active_from)
        }));
    }
    assert_eq!(
        shown,
        [
            "2024-01-01 expires never",
            "2024-01-01 expires 2024-02-01",
            "2024-01-01 expires 2024-01-11",
            "2024-01-15 expires 2024-01-25",
            "2024-01-29 expires 2024-02-08",
            "2024-02-01 expires 2024-03-01",
            "2024-02-12 expires 2024-02-22",
            "2024-02-26 expires 2024-03-07",
        ]
    );
}

#[test]
fn tiers_build_up_over_the_bills_of_a_year_and_price_earlier_units_again() {
    let bounds = [Some(decimal("100")), None];
    let tiers = Tiers::new(&bounds, &[decimal("2"), decimal("1")], &[]).unwrap();
    let line = LineTerms {
        tier_reset: Some(every("P3M")),
        ..metered(1, Model::Volume(tiers))
    };
    // 60 × 2; then 120 × 1 less 120; then 180 × 1 less 120; then again 60 × 2.
    check(
        phase(vec![line]),
        &MONTHS,
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 120.00 [60 at 120 31/31] net 120.00 tax 0.00
        net 120.00 tax 0.00 total 120.00
        2024-03-01: line 1 [2024-02-01, 2024-03-01) gross 0.00 [60 at 0 29/29] net 0.00 tax 0.00
        net 0.00 tax 0.00 total 0.00
        2024-04-01: line 1 [2024-03-01, 2024-04-01) gross 60.00 [60 at 60 31/31] net 60.00 tax 0.00
        net 60.00 tax 0.00 total 60.00
        2024-05-01: line 1 [2024-04-01, 2024-05-01) gross 120.00 [60 at 120 30/30] net 120.00 tax 0.00
        net 120.00 tax 0.00 total 120.00
    "#]],
    );
}
