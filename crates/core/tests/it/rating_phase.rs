//! What happens to an invoice: the features of its phase, taxes, totals; and what is refused.

use expect_test::{expect, expect_file};
use florin_core::commitment::Commitment;
use florin_core::grant::EntitlementKind;
use florin_core::pool::PoolWindow;
use florin_core::pricing::Usage;
use florin_core::rating::Error;
use florin_core::service_fee::{ServiceFee, ServiceFeeRule};
use florin_core::tax::Tax;
use florin_core::terms::{LineTerms, PhaseDiscount, Terms};

use crate::build::{
    Invoicing, MONTHS, START, check, check_all, consumption, decimal, every, feature, fixed,
    flat_fee, life, line_id, maximum, metered, minimum, off, per_unit, percent, phase, pool,
    schedule, tax, with_balance,
};

#[test]
fn a_phase_is_topped_up_at_the_end_of_the_commitments_period_over_all_its_invoices() {
    let mut prepaid = fixed(1, flat_fee("20"), "1");
    prepaid.schedule = schedule("P1M", "prepaid");
    let mut terms = phase(vec![prepaid, metered(2, per_unit("1"))]);
    terms.commitments = vec![Commitment {
        cadence: Some(every("P3M")),
        ..minimum(1, "300")
    }];
    let bills = [(START, "0"), MONTHS[0], MONTHS[1], MONTHS[2], MONTHS[3]];
    check(
        terms,
        &bills,
        expect![[r#"
        2024-01-01: line 1 [2024-01-01, 2024-02-01) gross 20.00 [1 at 20 31/31] net 20.00 tax 0.00
        net 20.00 tax 0.00 total 20.00
        2024-02-01: line 1 [2024-02-01, 2024-03-01) gross 20.00 [1 at 20 29/29] net 20.00 tax 0.00
        line 2 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] net 60.00 tax 0.00
        net 80.00 tax 0.00 total 80.00
        2024-03-01: line 1 [2024-03-01, 2024-04-01) gross 20.00 [1 at 20 31/31] net 20.00 tax 0.00
        line 2 [2024-02-01, 2024-03-01) gross 60.00 [60 at 60 29/29] net 60.00 tax 0.00
        net 80.00 tax 0.00 total 80.00
        2024-04-01: line 1 [2024-04-01, 2024-05-01) gross 20.00 [1 at 20 30/30] net 20.00 tax 0.00
        line 2 [2024-03-01, 2024-04-01) gross 60.00 [60 at 60 31/31] net 60.00 tax 0.00
        top-up [2024-01-01, 2024-04-01) gross 60.00 net 60.00 tax 0.00
        net 140.00 tax 0.00 total 140.00
        2024-05-01: line 1 [2024-05-01, 2024-06-01) gross 20.00 [1 at 20 31/31] net 20.00 tax 0.00
        line 2 [2024-04-01, 2024-05-01) gross 60.00 [60 at 60 30/30] net 60.00 tax 0.00
        net 80.00 tax 0.00 total 80.00
    "#]],
    );
}

#[test]
fn a_maximum_of_a_phase_is_taken_off_its_lines() {
    let mut terms = phase(vec![metered(1, per_unit("1")), metered(2, per_unit("2"))]);
    terms.commitments = vec![Commitment {
        cadence: Some(every("P1M")),
        ..maximum(1, "100")
    }];
    check(
        terms,
        &MONTHS[..1],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] net 33.33 tax 0.00
        line 2 [2024-01-01, 2024-02-01) gross 120.00 [60 at 120 31/31] net 66.67 tax 0.00
        net 100.00 tax 0.00 total 100.00
    "#]],
    );
}

#[test]
fn a_phase_takes_discount_commitment_fee_and_tax_in_this_order() {
    let mut terms = phase(vec![metered(1, per_unit("1")), metered(2, per_unit("2"))]);
    terms.discounts = vec![
        PhaseDiscount {
            discount: percent(1, "10"),
            line: None,
        },
        PhaseDiscount {
            discount: off(2, "8"),
            line: Some(line_id(2)),
        },
    ];
    terms.commitments = vec![Commitment {
        cadence: Some(every("P1M")),
        ..minimum(3, "200")
    }];
    let rule = ServiceFeeRule::Percentage(decimal("5"));
    terms.service_fees = vec![
        ServiceFee {
            id: feature(4),
            rule,
        },
        ServiceFee {
            id: feature(5),
            rule: ServiceFeeRule::Fixed(decimal("15")),
        },
    ];
    terms.taxes = vec![tax("10", false), tax("10", true)];
    check(
        terms,
        &MONTHS[..1],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] net 54.00 tax 11.34
        line 2 [2024-01-01, 2024-02-01) gross 120.00 [60 at 120 31/31] net 100.00 tax 21.00
        top-up [2024-01-01, 2024-02-01) gross 46.00 net 46.00 tax 9.66
        service fee [2024-01-01, 2024-02-01) gross 10.00 net 10.00 tax 2.10
        service fee [2024-01-01, 2024-02-01) gross 15.00 net 15.00 tax 3.15
        net 225.00 tax 47.25 total 272.25
    "#]],
    );
}

#[test]
fn one_rate_is_one_tax_of_the_invoice_whose_cents_are_spread() {
    // 19 % of 0.03 three times would be 0.01 each; of 0.09 it is 0.02.
    let taxed = |number| LineTerms {
        taxes: vec![Tax {
            id: feature(number),
            ..tax("19", false)
        }],
        ..fixed(number, flat_fee("0.03"), "1")
    };
    let exempt = fixed(4, flat_fee("0.03"), "1");
    check(
        phase(vec![taxed(1), taxed(2), exempt, taxed(3)]),
        &[("2024-02-01", "0")],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 0.03 [1 at 0.03 31/31] net 0.03 tax 0.01
            line 2 [2024-01-01, 2024-02-01) gross 0.03 [1 at 0.03 31/31] net 0.03 tax 0.01
            line 4 [2024-01-01, 2024-02-01) gross 0.03 [1 at 0.03 31/31] net 0.03 tax 0.00
            line 3 [2024-01-01, 2024-02-01) gross 0.03 [1 at 0.03 31/31] net 0.03 tax 0.00
            net 0.12 tax 0.02 total 0.14
        "#]],
    );
}

#[test]
fn an_invoice_below_zero_is_nothing_to_pay_and_a_credit() {
    let mut terms = phase(vec![
        metered(1, per_unit("2")),
        fixed(2, flat_fee("20"), "1"),
    ]);
    terms.taxes = vec![tax("10", false)];
    check(
        terms,
        &[("2024-02-01", "-60")],
        expect![[r#"
            2024-02-01: line 1 [2024-01-01, 2024-02-01) gross -120.00 [-60 at -120 31/31] net -120.00 tax -12.00
            line 2 [2024-01-01, 2024-02-01) gross 20.00 [1 at 20 31/31] net 20.00 tax 2.00
            net -100.00 tax -10.00 total 0.00 credit 110.00
        "#]],
    );
}

#[test]
fn credits_of_a_phase_reduce_the_amount_before_tax() {
    let mut terms = phase(vec![metered(1, per_unit("1")), metered(2, per_unit("2"))]);
    terms.consumptions = vec![consumption(EntitlementKind::Credits)];
    terms.taxes = vec![tax("10", false)];
    check_all(
        with_balance(terms, "100"),
        &MONTHS[..1],
        expect![[r#"
        2024-02-01: line 1 [2024-01-01, 2024-02-01) gross 60.00 [60 at 60 31/31] net 26.67 tax 2.67
        line 2 [2024-01-01, 2024-02-01) gross 120.00 [60 at 120 31/31] net 53.33 tax 5.33
        net 80.00 tax 8.00 total 88.00
    "#]],
    );
}

#[test]
fn usage_must_be_counted_over_the_days_that_rating_asks_for() {
    let invoicing = Invoicing::of(phase(vec![metered(1, per_unit("1"))]));
    let mut charges = invoicing.charges("2024-02-01", |_, _| Usage::Quantity(decimal("1")));
    let window = charges[0].usage[0].window;
    charges[0].usage.clear();
    let refused = Error::UsageWindows {
        line: line_id(1),
        expected: vec![window],
    };
    assert_eq!(invoicing.try_rate("2024-02-01", &charges), Err(refused));
    charges[0].line = 9;
    assert_eq!(
        invoicing.try_rate("2024-02-01", &charges),
        Err(Error::LineUnknown(9))
    );
}

#[test]
fn invalid_terms_are_refused_with_all_that_is_wrong() {
    let mut line = metered(1, per_unit("1"));
    line.schedule.life = life("2023-12-31", None);
    line.discounts = vec![percent(1, "101"), off(2, "-1")];
    line.commitments = vec![minimum(3, "-1")];
    line.free_units = vec![pool("-1", PoolWindow::Life)];
    let mut fixed = fixed(1, per_unit("1"), "1");
    fixed.tier_reset = Some(every("P1Y"));
    let mut terms = phase(vec![line, fixed]);
    terms.commitments = vec![minimum(4, "1")];
    terms.taxes = vec![tax("-1", false)];
    let refused = Terms::new(terms).unwrap_err();
    let shown: Vec<String> = refused
        .0
        .iter()
        .map(|(_, finding)| finding.to_string())
        .collect();
    expect![[r#"
        commitment of a phase needs a cadence
        tax rate is not between 0 and 100
        line occurs twice
        prices leave the first days without a value
        units at no charge is negative
        discount is not between 0 and 100
        discount is negative
        commitment is negative
        a tier reset needs a metered quantity"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn terms_can_be_rated_on_many_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Terms>();
}

#[test]
fn a_draft_is_its_own_trace_and_its_numbers_are_texts() {
    let mut line = metered(1, per_unit("0.1"));
    line.free_units = vec![pool("100", PoolWindow::BillingPeriod)];
    line.discounts = vec![percent(2, "5")];
    let mut terms = phase(vec![line]);
    terms.taxes = vec![tax("8.875", false)];
    let draft = Invoicing::of(terms).bill_quantity("2024-02-01", "7203");
    let text = serde_json::to_string_pretty(&draft).unwrap();
    expect_file!["../golden/draft.json"].assert_eq(&text);
}
