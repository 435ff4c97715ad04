//! Invoices: drafts, approval, totals below zero, consolidation, the line-items document.

use expect_test::expect;
use florin_core::billing::{Adjustment, AdjustmentReason, LineKey, due};
use florin_core::calendar::Period;
use florin_core::carried::Carried;
use florin_core::contract::Taxation;
use florin_core::credit_note::for_remainder;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{
    Amounts, Draft, DraftEdit, Freshness, Header, Issued, LineItems, Part, Refusal, Source, Status,
    Totals, approve, consolidate, line_items, one_off,
};
use florin_core::money::Money;
use florin_core::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use florin_core::pricing::{Context, Usage};
use florin_core::rating::{Bill, CountedUsage, rate};
use florin_core::wallet::Reason;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at, contract, metered, of};
use crate::build::{day, decimal, off, percent, tax};
use crate::invoiced::{approval, cents, draft, header, label, part, written};

fn adjustment(net: i64, tax: i64) -> Adjustment {
    let line = LineId(Uuid::from_u128(1));
    let from = day("2023-12-01");
    Adjustment {
        key: LineKey::Charge { line, from },
        reason: AdjustmentReason::Amendment,
        service: Period::new(from, day("2024-01-01")).unwrap(),
        billed_net: cents(-net),
        billed_tax: cents(-tax),
        due_net: cents(0),
        due_tax: cents(0),
        net: cents(net),
        tax: cents(tax),
    }
}

#[test]
fn a_draft_is_approved_with_number_due_day_and_wallet() {
    let approved = approve(draft(1, &["100.00", "50.50"], true), approval(2000)).unwrap();
    let invoice = approved.invoice;
    assert_eq!(invoice.totals().total, cents(16_555));
    assert_eq!(
        (invoice.number(), invoice.due_date()),
        ("INV-0001", day("2024-03-02"))
    );
    let entry = approved.wallet.unwrap();
    let reason = Reason::Applied {
        invoice: invoice.id(),
    };
    assert_eq!((entry.reason, entry.amount), (reason, cents(-2000)));
    let summary = invoice.summary().unwrap();
    assert_eq!(summary.net_invoice_total, cents(14_555));
    assert_eq!(
        (invoice.status(), invoice.amount_due()),
        (Status::PartiallyPaid, cents(14_555))
    );
}

#[test]
fn what_the_wallet_pays_in_full_is_paid() {
    for (wallet, status, due) in [
        (0, Status::Approved, 10_000),
        (-500, Status::Approved, 10_000),
        (9_999, Status::PartiallyPaid, 1),
        (50_000, Status::Paid, 0),
    ] {
        let approved = approve(draft(1, &["100"], false), approval(wallet)).unwrap();
        let invoice = approved.invoice;
        assert_eq!(
            (invoice.status(), invoice.amount_due()),
            (status, cents(due)),
            "{wallet}"
        );
    }
    let nothing = approve(draft(1, &["0"], false), approval(50)).unwrap();
    assert_eq!(
        (nothing.invoice.status(), nothing.wallet),
        (Status::Paid, None)
    );
    assert_eq!(
        nothing.invoice.clone().void().map(|void| void.status()),
        Ok(Status::Void)
    );
}

#[test]
fn payment_terms_of_the_invoice_go_before_the_organisations() {
    // Printed cases: created 1 April, due 1 May; approved 10 April, due 25 April.
    for (term_type, due_days, due) in [
        (PaymentTermType::OnCreation, 30, "2025-05-01"),
        (PaymentTermType::OnApproval, 15, "2025-04-25"),
    ] {
        let mut own = header();
        own.invoice_date = day("2025-04-01");
        own.payment_terms = Some(PaymentTerms {
            term_type,
            mode: PaymentTermMode::Relative,
            due_days,
            last_day_of_month: false,
        });
        let parts = vec![part(9, vec![written(1, "1", vec![])])];
        let draft = Draft::new(Uuid::nil(), own, parts, Freshness::default()).unwrap();
        let mut approval = approval(0);
        approval.on = day("2025-04-10");
        assert_eq!(
            approve(draft, approval).unwrap().invoice.due_date(),
            day(due)
        );
    }
}

#[test]
fn an_invoice_below_zero_is_nothing_and_the_rest_goes_to_the_wallet() {
    let mut part = part(9, vec![written(1, "30", vec![tax("10", false)])]);
    part.adjustments.push(adjustment(-10_000, -1_000));
    let draft = Draft::new(
        Uuid::from_u128(1),
        header(),
        vec![part],
        Freshness::default(),
    )
    .unwrap();
    // 30 + 3 - 100 - 10 = -77.
    let expected = Totals {
        net: cents(-7_000),
        tax: cents(-700),
        total: cents(0),
        credit: cents(7_700),
    };
    assert_eq!(draft.totals(), expected);
    assert_eq!(
        draft.header().period,
        Period::new(day("2023-12-01"), day("2024-02-01")).ok()
    );
    let invoice = approve(draft, approval(100)).unwrap().invoice;
    assert_eq!(
        (invoice.status(), invoice.amounts().applied),
        (Status::Paid, cents(0))
    );
    let now = at("2024-02-01");
    let (note, entry) =
        for_remainder(&invoice, Uuid::from_u128(3), "CN-0001".to_owned(), now).unwrap();
    assert_eq!((note.amount, entry.amount), (cents(7_700), cents(7_700)));
    let paid = approve(crate::invoiced::draft(2, &["5"], false), approval(0))
        .unwrap()
        .invoice;
    assert_eq!(for_remainder(&paid, Uuid::nil(), String::new(), now), None);
}

#[test]
fn only_open_drafts_change() {
    let edit = DraftEdit {
        notes: Some("Thank you".to_owned()),
        invoice_date: Some(day("2024-02-03")),
        ..DraftEdit::default()
    };
    let edited = draft(1, &["5"], false).edit(edit.clone()).unwrap();
    assert_eq!(edited.header().notes.as_deref(), Some("Thank you"));
    let blank = DraftEdit {
        notes: Some(String::new()),
        ..DraftEdit::default()
    };
    assert_eq!(edited.edit(blank).unwrap().header().notes, None);
    // What was written by hand stays: 5 and the 7 that billing makes.
    let again = draft(1, &["5"], false);
    let again = again.regenerate(
        vec![part(9, vec![written(1, "7", vec![])])],
        Freshness::default(),
    );
    assert_eq!(again.unwrap().totals().total, cents(1200));
    let discarded = draft(1, &["5"], false).discard().unwrap();
    assert_eq!(discarded.status(), Status::Discarded);
    let refusal = Refusal::NotADraft(Status::Discarded);
    assert_eq!(discarded.clone().edit(edit), Err(refusal.clone()));
    assert_eq!(discarded.clone().discard(), Err(refusal.clone()));
    assert_eq!(approve(discarded, approval(0)), Err(refusal));
    let empty = Draft::new(Uuid::nil(), header(), vec![], Freshness::default());
    assert_eq!(empty, Err(Refusal::Empty));
    let euros = Header::new(CUSTOMER, Currency::EUR, day("2024-02-01"));
    let mixed = Draft::new(
        Uuid::nil(),
        euros,
        vec![part(9, vec![written(1, "7", vec![])])],
        Freshness::default(),
    );
    assert_eq!(mixed, Err(Refusal::CurrencyMismatch));
}

#[test]
fn a_draft_knows_when_it_is_stale() {
    let made = |usage_sequence, contract_version| Freshness {
        usage_sequence,
        contract_version,
    };
    for (from, now, is_stale) in [
        (made(Some(7), Some(2)), made(Some(7), Some(2)), false),
        (made(Some(7), Some(2)), made(Some(8), Some(2)), true),
        (made(Some(7), Some(2)), made(Some(7), Some(3)), true),
        (made(None, Some(2)), made(Some(9), Some(2)), false),
    ] {
        let by_hand = part(9, vec![written(1, "7", vec![])]);
        let rated = Part {
            id: Uuid::from_u128(8),
            source: Source::Contract {
                contract_id: Uuid::from_u128(7),
                version: 2,
                phase_id: Uuid::from_u128(6),
            },
            ..by_hand.clone()
        };
        let draft = |parts| Draft::new(Uuid::nil(), header(), parts, from).unwrap();
        let whole = draft(vec![rated, by_hand.clone()]);
        assert_eq!(whole.is_stale(now), is_stale, "{from:?} {now:?}");
        // What is left of a draft whose charges went away is made of nothing that could change.
        assert!(!draft(vec![by_hand]).is_stale(now), "{from:?} {now:?}");
    }
}

#[test]
fn what_is_kept_of_an_invoice_is_checked_when_it_is_read() {
    let paid = |minor| {
        let amounts = Amounts {
            paid: cents(minor),
            ..approve(draft(1, &["5"], false), approval(0))
                .unwrap()
                .invoice
                .amounts()
        };
        let (now, due) = (at("2024-02-01"), day("2024-03-01"));
        Issued::restore(
            draft(1, &["5"], false),
            "INV-0001".to_owned(),
            now,
            due,
            amounts,
        )
    };
    assert_eq!(paid(500).unwrap().status(), Status::Paid);
    assert_eq!(paid(501), Err(Refusal::AmountsBroken));
}

#[test]
fn children_are_billed_on_one_invoice() {
    let (one, two) = (draft(1, &["100"], true), draft(2, &["50"], false));
    let (whole, superseded) = consolidate(Uuid::from_u128(3), vec![one, two]).unwrap();
    assert_eq!(
        (whole.parts().len(), whole.totals().total),
        (2, cents(16_000))
    );
    assert!(
        superseded
            .iter()
            .all(|draft| draft.status() == Status::Edited)
    );
    assert_eq!(
        consolidate(Uuid::nil(), superseded),
        Err(Refusal::NotADraft(Status::Edited))
    );
    let mut other = header();
    other.bill_for_date = day("2024-02-02");
    let other = Draft::new(
        Uuid::nil(),
        other,
        vec![part(9, vec![written(1, "7", vec![])])],
        Freshness::default(),
    );
    let apart = consolidate(Uuid::nil(), vec![draft(1, &["1"], false), other.unwrap()]);
    assert_eq!(apart, Err(Refusal::NotConsolidable));
}

#[test]
fn lines_written_by_hand_have_discounts_and_taxes() {
    let mut line = written(1, "80", vec![tax("10", false)]);
    line.quantity = decimal("2");
    line.discounts = vec![off(1, "10"), percent(2, "10")];
    // 160 - 10 = 150; - 15 = 135; + 13.50.
    assert_eq!(part(9, vec![line.clone()]).rated.total, cents(14_850));
    line.taxes[0].rate = decimal("101");
    let refused = one_off(
        Uuid::nil(),
        CUSTOMER,
        Currency::USD,
        day("2024-02-01"),
        vec![line],
    );
    assert!(
        matches!(refused, Err(Refusal::LineInvalid(_))),
        "{refused:?}"
    );
    let none = one_off(
        Uuid::nil(),
        CUSTOMER,
        Currency::USD,
        day("2024-02-01"),
        vec![],
    );
    assert_eq!(none, Err(Refusal::Empty));
}

fn shown(items: &LineItems) -> String {
    let mut text = String::new();
    for item in &items.lines {
        let quantity = item
            .quantity
            .as_ref()
            .map_or("", |quantity| &quantity.display);
        let price = item.price.as_ref().map_or("", |price| &price.display);
        text += &format!(
            "{} | {quantity} | {price} | {} | {}\n",
            item.name, item.subtotal.display, item.pricing_model
        );
        for feature in &item.features {
            text += &format!("  {}\n", feature.kind);
            for row in &feature.display {
                text += &format!(
                    "    {} | {} | {} | {}\n",
                    row.name, row.price, row.quantity, row.total
                );
            }
        }
    }
    for feature in &items.features {
        text += &format!("{} {}\n", feature.name, feature.total.display);
    }
    format!("{text}total {}", items.total)
}

/// A metered line's bill for January.
fn rated(price: Json, units: i64) -> Part {
    let agreed = contract(&json!({ "phases": [of(&[price])] }));
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let bills = due(&phases, Default::default(), day("2024-02-01")).unwrap();
    let charge = &bills[0].parts[0].charges[0];
    let usage = Usage::Quantity(Decimal::from(units));
    let usage = CountedUsage {
        window: charge.usage_windows[0],
        usage,
    };
    let bill = Bill {
        bill_for_date: bills[0].bill_for_date,
        charges: &[charge.with_usage(vec![usage])],
        balances: &[],
        carried: &Carried::default(),
        context: Context::EMPTY,
    };
    Part {
        id: Uuid::nil(),
        source: Source::Contract {
            contract_id: agreed.id(),
            version: 1,
            phase_id: phases[0].phase_id,
        },
        customer_id: CUSTOMER,
        rated: rate(&phases[0].terms, &bill).unwrap().draft,
        adjustments: vec![],
        labels: vec![label(2, "API calls")],
        carried_in: Carried::default(),
        carried_out: Carried::default(),
    }
}

#[test]
fn the_document_shows_every_step_of_a_line() {
    let mut price = metered("0.10");
    price["free_units"] = json!([{ "unit_amount": 100 }]);
    price["discounts"] = json!([{ "type": "percent", "unit_amount": 10 }]);
    price["taxes"] = json!([{ "type": "manual", "unit_amount": 8 }]);
    let mut part = rated(price, 1500);
    part.adjustments.push(Adjustment {
        key: LineKey::Charge {
            line: LineId(Uuid::from_u128(2)),
            from: day("2023-12-01"),
        },
        ..adjustment(-500, -40)
    });
    let items = line_items(&[part], Currency::USD).unwrap();
    // 1,400 × 0.10 = 140; - 14; tax 10.08; adjusted by 5 and 0.40.
    expect![[r#"
        API calls | 1500 calls | $0.10 per call | $126.00 | per-unit-pricing
          free-units
            Free Units | $0.00 per call | 100 calls / 100 calls | $0.00
          per-unit-pricing
            Per Unit | $0.10 per call | 1400 calls | $140.00
          discount
            Discount 10 % |  |  | -$14.00
        API calls (adjustment) |  |  | -$5.00 | 
        Sales Tax 8 % $10.08
        Sales Tax on adjustments -$0.40
        total 130.68 USD"#]]
    .assert_eq(&shown(&items));
    let free = items.lines[0].features[0].free_units.as_ref().unwrap();
    assert_eq!(free.remaining_quantity.display, "1400 calls");
    assert_eq!(free.free_units_remaining.display, "0 calls");
}

#[test]
fn published_documents_come_out() {
    // Semantics §35: 7,203 units, 100 free, at 0.10: 710.30; volume at 1.00: 7,203.00.
    let mut price = metered("0.10");
    price["free_units"] = json!([{ "unit_amount": 100 }]);
    let items = line_items(&[rated(price, 7203)], Currency::USD).unwrap();
    assert_eq!(items.lines[0].subtotal.display, "$710.30");
    let mut price = metered("1");
    price["pricing_data"] =
        json!({ "pricing_type": "volume", "unit_amount": [2, 1], "up_to": [5000, null] });
    let items = line_items(&[rated(price, 7203)], Currency::USD).unwrap();
    expect![[r#"
        API calls | 7203 calls |  | $7,203.00 | volume-pricing
          volume-pricing
            Volume, tier 2 | $1.00 per call | 7203 calls | $7,203.00
        total 7203.00 USD"#]]
    .assert_eq(&shown(&items));
}

#[test]
fn a_document_sums_to_its_total() {
    let amounts = draft(1, &["10.01", "20.02", "30.03"], true);
    let items = line_items(amounts.parts(), Currency::USD).unwrap();
    let lines = items.lines.iter().map(|item| item.subtotal.value);
    let features = items.features.iter().map(|feature| feature.total.value);
    let sum: Decimal = lines.chain(features).sum();
    assert_eq!(Money::round(sum, Currency::USD), Ok(amounts.totals().total));
}
