//! Published cases of discounts, commitments, free units, grants, service fees and payment terms, run
//! from the file's own inputs through whole invoices.

use florin_core::carried::{Key, Use};
use florin_core::commitment::{Commitment, CommitmentKind};
use florin_core::discount::Discount;
use florin_core::grant::{
    Balance, EntitlementKind, Grant, GrantExpiry, GrantFrequency, TriggerEvent,
};
use florin_core::id::EntitlementId;
use florin_core::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use florin_core::pool::{Pool, PoolDraw, PoolWindow};
use florin_core::pricing::Model;
use florin_core::rating::{Draft, Line, LineFeature, Priced};
use florin_core::service_fee::{ServiceFee, ServiceFeeRule};
use florin_core::terms::LineTerms;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::build::{Invoicing, day, every, feature, fixed, line_id, metered, phase};
use crate::published::{Unrun, case, number, numbers};

/// Cases run here.
pub(crate) const RUN: &[usize] = &[
    23, 24, 25, 26, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 51, 63, 81,
];

/// Cases that lack inputs; none is invented.
pub(crate) const UNRUN: &[Unrun] = &[
    (
        27,
        "payment terms: two dates, but not the due days between them",
    ),
    (
        28,
        "payment terms: two dates, but not the due days between them",
    ),
];

const FIRST_BILL: &str = "2024-02-01";

#[test]
fn case_23_a_minimum_is_charged_instead_of_the_usage() {
    let mut line = charging(&case(23)["inputs"]["usage_amount"]);
    line.commitments.push(Commitment {
        id: feature(1),
        kind: CommitmentKind::MinimumSpend,
        amount: given(23, "minimum"),
        cadence: None,
        charge_full_amount: true,
        skip_zero_amount: false,
    });
    assert_eq!(amount(&bill(line, "0")), wanted(23, "charged"));
}

#[test]
fn case_24_a_quantity_grant_is_drawn_before_pricing() {
    let mut line = metered(1, unpriced());
    line.grants
        .push(grant(EntitlementKind::Quantity, given(24, "grant_units")));
    let draft = bill_with_balance(line, given(24, "grant_units"), given(24, "consumed"));
    assert_eq!(
        priced(&draft.lines[0]).parts[0].billable,
        wanted(24, "priced_quantity")
    );
}

#[test]
fn case_25_a_credits_grant_reduces_the_total() {
    let unit_amount = given(25, "product_total");
    let mut line = metered(1, Model::FlatFee { unit_amount });
    line.grants
        .push(grant(EntitlementKind::Credits, given(25, "grant_amount")));
    let draft = bill_with_balance(line, given(25, "grant_amount"), Decimal::ZERO);
    assert_eq!(amount(&draft), wanted(25, "charged"));
}

#[test]
fn case_26_payment_is_due_thirty_days_after_creation() {
    let terms = PaymentTerms {
        term_type: PaymentTermType::OnCreation,
        mode: PaymentTermMode::Relative,
        due_days: u16::try_from(given(26, "due_days")).unwrap(),
        last_day_of_month: false,
    };
    // The case names no year; March has as many days in each.
    for year in ["2023", "2024"] {
        let date = |value: &Value| day(&format!("{year}-{}", value.as_str().unwrap()));
        let (created, due) = (&case(26)["inputs"]["created"], &case(26)["expected"]["due"]);
        assert_eq!(terms.due_date(date(created)), Ok(date(due)));
    }
}

#[test]
fn cases_29_to_31_a_discount_is_taken_off_the_price() {
    for (index, discount, expected) in [
        (
            29,
            Discount::fixed(feature(1), given(29, "discount")),
            "amount",
        ),
        (30, percent(given(30, "percent")), "amount"),
        (31, percent(given(31, "phase1_percent")), "phase1_billed"),
        (31, percent(given(31, "phase2_percent")), "phase2_billed"),
    ] {
        let mut line = charging(&case(index)["inputs"]["price"]);
        line.discounts.push(discount);
        assert_eq!(
            amount(&bill(line, "0")),
            wanted(index, expected),
            "case {index}: {expected}"
        );
    }
}

#[test]
fn case_32_gross_discount_and_invoice_are_shown() {
    let unit_amount = given(32, "unit_amount");
    let mut line = metered(1, Model::PerUnit { unit_amount });
    line.discounts.push(percent(given(32, "percent")));
    let draft = bill(line, &case(32)["inputs"]["quantity"].to_string());
    let line = &draft.lines[0];
    assert_eq!(line.gross.to_major(), wanted(32, "gross"));
    assert_eq!(line.discount.to_major(), wanted(32, "discount"));
    assert_eq!(draft.total.to_major(), wanted(32, "invoice"));
}

#[test]
fn cases_33_to_36_a_cap_bounds_the_discount_of_a_period() {
    for index in 33..=36 {
        let draft = bill(
            capped(index, "percent", &case(index)["inputs"]["bill"]),
            "0",
        );
        let discount = draft.lines[0].discount.to_major();
        assert_eq!(discount, wanted(index, "discount"), "case {index}");
        let rate = discount * Decimal::ONE_HUNDRED / given(index, "bill");
        assert_eq!(
            rate,
            wanted(index, "effective_rate_percent"),
            "case {index}"
        );
    }
}

#[test]
fn case_81_a_discount_reaches_its_cap_at_the_breakpoint() {
    let cent = Decimal::new(1, 2);
    let cap = given(81, "max_per_period");
    let breakpoint = wanted(81, "breakpoint_bill");
    for (gross, is_capped) in [
        (breakpoint, true),
        (breakpoint - cent * Decimal::TEN, false),
    ] {
        let gross = serde_json::from_str(&gross.to_string()).unwrap();
        let draft = bill(capped(81, "percent", &gross), "0");
        assert_eq!(draft.lines[0].discount.to_major() == cap, is_capped);
    }
}

#[test]
fn cases_37_to_39_a_lifetime_cap_is_used_up_bill_by_bill() {
    for index in 37..=39 {
        let mut line = capped(index, "value", &case(index)["inputs"]["bill"]);
        let lifetime = given(index, "max_lifetime");
        line.discounts[0].max_lifetime = Some(lifetime);
        let used = match number(&case(index)["inputs"]["lifetime_used_before"]) {
            Some(used) => used,
            None => lifetime - given(index, "lifetime_remaining_before"),
        };
        let mut invoicing = Invoicing::of(phase(vec![line]));
        let key = Key::Line(line_id(1), feature(1));
        *invoicing.carried.entry(key) = Use {
            lifetime: used,
            ..Use::default()
        };
        let draft = invoicing.bill_quantity(FIRST_BILL, "0");
        let discount = draft.lines[0].discount.to_major();
        assert_eq!(discount, wanted(index, "discount"), "case {index}");
        assert_eq!(amount(&draft), wanted(index, "invoice"), "case {index}");
        if let Some(expected) = number(&case(index)["expected"]["lifetime_used"]) {
            let used = invoicing.carried.find(key).unwrap().lifetime;
            assert_eq!(used, expected, "case {index}");
        }
    }
}

#[test]
fn cases_40_and_41_the_first_units_of_a_month_are_free() {
    for index in [40, 41] {
        let unit_amount = given(index, "unit_amount");
        let mut line = metered(1, Model::PerUnit { unit_amount });
        line.quantity_discounts.push(pool(index));
        let draft = bill(line, &case(index)["inputs"]["usage"].to_string());
        let draw = draws(&draft.lines[0])[0];
        assert_eq!(draw.used, wanted(index, "discounted"), "case {index}");
        let billable = priced(&draft.lines[0]).parts[0].billable;
        assert_eq!(billable, wanted(index, "billable"), "case {index}");
        assert_eq!(amount(&draft), wanted(index, "amount"), "case {index}");
        if let Some(lost) = number(&case(index)["expected"]["unused_lost"]) {
            assert_eq!(draw.remaining(), lost, "case {index}");
        }
    }
}

#[test]
fn case_42_three_bills_share_the_pool_of_a_quarter() {
    let mut line = metered(1, unpriced());
    line.quantity_discounts.push(pool(42));
    let mut invoicing = Invoicing::of(phase(vec![line]));
    let mut bill = |date: &str, usage: &str| {
        let draft = invoicing.bill_quantity(date, usage);
        (
            draws(&draft.lines[0])[0],
            priced(&draft.lines[0]).parts[0].billable,
        )
    };
    let expected = &case(42)["expected"];
    let usage = case(42)["inputs"]["usage"].as_array().unwrap();
    for (month, usage) in usage.iter().enumerate() {
        let (draw, billable) = bill(&format!("2024-{:02}-01", month + 2), &usage.to_string());
        assert_eq!(Some(draw.used), numbers(&expected["discounted"])[month]);
        assert_eq!(
            Some(draw.remaining()),
            numbers(&expected["pool_left"])[month]
        );
        assert_eq!(Some(billable), numbers(&expected["billable"])[month]);
    }
    let (next_quarter, _) = bill("2024-05-01", "0");
    assert_eq!(next_quarter.remaining(), wanted(42, "next_quarter_pool"));
}

#[test]
fn case_43_prepaid_credits_are_drawn_down() {
    let unit_amount = given(43, "unit_price");
    let mut line = metered(1, Model::PerUnit { unit_amount });
    line.consumptions
        .push(grant(EntitlementKind::Credits, Decimal::ZERO).consumption());
    let draft = bill_with_balance(line, given(43, "credits_granted"), given(43, "units"));
    let Some(LineFeature::CreditDraw(draw)) = draft.lines[0].features.last() else {
        panic!("no credits drawn")
    };
    assert_eq!(draw.available, wanted(43, "starting_balance"));
    assert_eq!(draw.used, wanted(43, "consumption"));
    assert_eq!(draw.remaining(), wanted(43, "balance_left"));
    assert!(draft.total.is_zero());
}

#[test]
fn case_51_a_service_fee_comes_on_top_before_tax() {
    let mut terms = phase(vec![charging(&case(51)["inputs"]["post_discount_total"])]);
    let rule = ServiceFeeRule::Percentage(given(51, "percent"));
    terms.service_fees.push(ServiceFee {
        id: feature(1),
        rule,
    });
    let draft = Invoicing::of(terms).bill_quantity(FIRST_BILL, "0");
    assert_eq!(draft.lines[1].amount.to_major(), wanted(51, "fee"));
    assert_eq!(draft.net.to_major(), wanted(51, "pre_tax_total"));
}

/// The texts of the case (`display_…`) are the API's business.
#[test]
fn case_63_free_units_come_before_the_price() {
    let unit_amount = given(63, "unit_amount");
    let mut line = metered(1, Model::PerUnit { unit_amount });
    let window = PoolWindow::BillingPeriod;
    line.free_units.push(Pool::free_units(
        feature(1),
        given(63, "free_units"),
        window,
    ));
    let draft = bill(line, &case(63)["inputs"]["quantity"].to_string());
    let draw = draws(&draft.lines[0])[0];
    assert_eq!(draw.used, wanted(63, "free_quantity"));
    assert_eq!(draw.remaining(), wanted(63, "free_units_remaining"));
    assert_eq!(
        priced(&draft.lines[0]).parts[0].billable,
        wanted(63, "remaining_quantity")
    );
    assert_eq!(amount(&draft), wanted(63, "amount"));
}

fn bill(line: LineTerms, quantity: &str) -> Draft {
    Invoicing::of(phase(vec![line])).bill_quantity(FIRST_BILL, quantity)
}

fn bill_with_balance(line: LineTerms, available: Decimal, quantity: Decimal) -> Draft {
    let mut invoicing = Invoicing::of(phase(vec![line]));
    invoicing.balances.push(Balance {
        entitlement: entitlement(),
        available,
    });
    invoicing.bill_quantity(FIRST_BILL, &quantity.to_string())
}

/// A line that charges an amount of the file.
fn charging(amount: &Value) -> LineTerms {
    fixed(
        1,
        Model::FlatFee {
            unit_amount: number(amount).unwrap(),
        },
        "1",
    )
}

/// For cases about units alone.
fn unpriced() -> Model {
    Model::PerUnit {
        unit_amount: Decimal::ZERO,
    }
}

fn percent(percentage: Decimal) -> Discount {
    Discount::percent(feature(1), percentage)
}

fn capped(index: usize, percentage: &str, gross: &Value) -> LineTerms {
    let mut line = charging(gross);
    let max_per_period = Some(given(index, "max_per_period"));
    line.discounts.push(Discount {
        max_per_period,
        ..percent(given(index, percentage))
    });
    line
}

fn pool(index: usize) -> Pool {
    let cadence = case(index)["inputs"]["cadence"].as_str().unwrap();
    Pool::free_units(
        feature(1),
        given(index, "value"),
        PoolWindow::Every(every(cadence)),
    )
}

fn grant(kind: EntitlementKind, amount: Decimal) -> Grant {
    Grant {
        id: feature(1),
        entitlement: entitlement(),
        kind,
        amount,
        trigger_event: TriggerEvent::InvoiceApproval,
        frequency: GrantFrequency::Once,
        expiry: GrantExpiry::Never,
    }
}

fn entitlement() -> EntitlementId {
    EntitlementId(Uuid::from_u128(1))
}

fn priced(line: &Line) -> &Priced {
    let price = line.features.iter().find_map(|feature| match feature {
        LineFeature::Pricing(priced) => Some(priced),
        _ => None,
    });
    price.expect("a price")
}

fn draws(line: &Line) -> &[PoolDraw] {
    match &line.features[0] {
        LineFeature::FreeUnits { draws, .. } | LineFeature::QuantityDiscount { draws, .. } => draws,
        other => panic!("no units at no charge, but {other:?}"),
    }
}

fn amount(draft: &Draft) -> Decimal {
    draft.total.to_major()
}

fn given(index: usize, key: &str) -> Decimal {
    number(&case(index)["inputs"][key]).expect(key)
}

fn wanted(index: usize, key: &str) -> Decimal {
    number(&case(index)["expected"][key]).expect(key)
}
