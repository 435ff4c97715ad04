//! The ledger: what each event posts, in cents, and that nothing it posts is unbalanced.

use expect_test::{Expect, expect};
use florin_core::credit_note::{self, RefundDestination};
use florin_core::invoice::{Issued, approve};
use florin_core::ledger::{
    CHART, Dimensions, Event, JournalEntry, Kind, LineRevenue, Place, Policy, Posting, Recognised,
    Revenues, Side, TABLE, correct, of_approval, post, reverse, sealed_bytes,
};
use florin_core::payment::{self, Method, Origin, PartRequest, Payment};
use florin_core::wallet;
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at};
use crate::invoiced::{approval, cents, draft, issued};

const ENTRY: Uuid = Uuid::from_u128(0xE);

fn entry(event: Event<'_>) -> Option<JournalEntry> {
    let at = at("2024-03-01T00:00:00Z");
    post(&event, &Revenues::default(), ENTRY, at).unwrap()
}

/// Each line as `account debit credit`.
fn shown(entries: impl IntoIterator<Item = JournalEntry>) -> String {
    let mut text = String::new();
    for entry in entries {
        text.push_str(entry.header().kind.as_str());
        text.push('\n');
        for line in entry.lines() {
            let (debit, credit) = (line.debits(), line.credits());
            let name = name(line.account().0);
            text.push_str(&format!("  {name:40} {debit:>8} {credit:>8}\n"));
        }
    }
    text
}

fn name(id: Uuid) -> String {
    let row = CHART.iter().find(|row| row.account.id().0 == id).unwrap();
    match row.parent {
        Some(parent) => format!("{parent} / {}", row.name),
        None => row.name.to_owned(),
    }
}

fn check(entries: impl IntoIterator<Item = JournalEntry>, expected: Expect) {
    expected.assert_eq(&shown(entries));
}

/// 120.00 and 10 % of tax, approved with so much in the wallet.
fn taxed(wallet: i64) -> Issued {
    let draft = draft(1, &["100.00", "20.00"], true);
    approve(draft, approval(wallet)).unwrap().invoice
}

fn paid(minor: i64, origin: Origin, kind: payment::Kind, invoice: &Issued) -> Payment {
    let due = invoice.amount_due();
    let part = if cents(minor) < due {
        cents(minor)
    } else {
        due
    };
    let request = payment::Request {
        id: Uuid::from_u128(7),
        customer_id: CUSTOMER,
        kind,
        method: (kind == payment::Kind::Payment).then_some(Method::Other),
        origin,
        amount: cents(minor),
        parts: vec![PartRequest {
            invoice_id: invoice.id(),
            amount: part,
        }],
        status: payment::Status::Success,
        external_id: None,
        at: at("2024-02-05T00:00:00Z"),
    };
    payment::record(request, vec![invoice.clone()])
        .unwrap()
        .payment
}

#[test]
fn every_default_account_has_a_row_and_an_id_of_its_own() {
    let mut ids: Vec<Uuid> = CHART.iter().map(|row| row.account.id().0).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), CHART.len());
    for row in &CHART {
        let above = |name| CHART.iter().any(|row| row.name == name && row.is_parent);
        assert!(
            row.parent.is_none_or(above),
            "{} hangs in the air",
            row.name
        );
    }
}

#[test]
fn the_table_has_one_row_for_each_event() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        let rows = TABLE.iter().filter(|row| row.kind == *kind).count();
        let is_written_by_hand = matches!(kind, Kind::EntryReversed | Kind::Manual);
        assert_eq!(rows, usize::from(!is_written_by_hand), "{kind:?}");
    }
}

#[test]
fn nothing_is_posted_to_an_account_that_gathers_others() {
    for (place, _) in TABLE
        .iter()
        .flat_map(|row| row.debits.iter().chain(row.credits))
    {
        if let Place::Of(account) = place {
            assert!(!account.row().is_parent, "{account:?}");
        }
    }
}

#[test]
fn the_normal_side_follows_from_the_category() {
    let sides = CHART.iter().map(|row| {
        let side = row.category.normal_side().as_str();
        format!("{:?} {side}", row.category)
    });
    let mut sides: Vec<String> = sides.collect();
    sides.dedup();
    expect!["Assets debit, Liabilities credit, Equity credit, Income credit, Expenses debit"]
        .assert_eq(&sides.join(", "));
}

#[test]
fn an_approval_defers_revenue_and_owes_tax() {
    check(
        of_approval(&taxed(0), None).filter_map(entry),
        expect![[r#"
            invoice_approved
              Accounts Receivable / Customers             13200        0
              Deferred Revenue                                0    10000
              Deferred Revenue                                0     2000
              Sales Tax                                       0     1200
        "#]],
    );
}

#[test]
fn a_wallet_pays_at_approval() {
    check(
        of_approval(&taxed(5_000), None).filter_map(entry),
        expect![[r#"
            invoice_approved
              Accounts Receivable / Customers             13200        0
              Deferred Revenue                                0    10000
              Deferred Revenue                                0     2000
              Sales Tax                                       0     1200
            wallet_applied
              Customer Wallet                              5000        0
              Accounts Receivable / Customers                 0     5000
        "#]],
    );
}

#[test]
fn the_policy_of_a_line_chooses_its_account() {
    use florin_core::id::LineId;
    use florin_core::ledger::DefaultAccount;
    let line = |number: u128| LineId(Uuid::from_u128(number));
    let immediate = Policy::Immediate(DefaultAccount::SalesRevenue.id());
    let revenue = |policy| LineRevenue {
        product_id: Some(Uuid::from_u128(5)),
        policy,
    };
    let revenues = [
        (line(1), revenue(immediate)),
        (line(2), revenue(Policy::Unbilled)),
    ];
    let invoice = taxed(0);
    let event = Event::InvoiceApproved { invoice: &invoice };
    let revenues = Revenues::from_iter(revenues);
    let entry = post(&event, &revenues, ENTRY, invoice.approved_at()).unwrap();
    let entry = entry.unwrap();
    let product = entry.lines()[1].dimensions().product_id;
    assert_eq!(product, Some(Uuid::from_u128(5)));
    check(
        [entry],
        expect![[r#"
            invoice_approved
              Accounts Receivable / Customers             13200        0
              Sales and Services Revenue                      0    10000
              Unbilled Revenue                                0     2000
              Sales Tax                                       0     1200
        "#]],
    );
}

#[test]
fn an_invoice_below_zero_fills_the_wallet() {
    let draft = draft(1, &["100.00", "-150.00"], true);
    let invoice = approve(draft, approval(0)).unwrap().invoice;
    let (note, _) = credit_note::for_remainder(
        &invoice,
        Uuid::from_u128(9),
        "CN-1".to_owned(),
        invoice.approved_at(),
    )
    .unwrap();
    check(
        of_approval(&invoice, Some(&note)).filter_map(entry),
        expect![[r#"
            invoice_approved
              Contra Accounts Receivable / Customers          0     5500
              Deferred Revenue                                0    10000
              Deferred Revenue                            15000        0
              Sales Tax                                     500        0
            remainder_credited
              Contra Accounts Receivable / Customers       5500        0
              Customer Wallet                                 0     5500
        "#]],
    );
}

fn credited(invoice: &Issued, minor: i64, destination: RefundDestination) -> JournalEntry {
    let request = credit_note::Request {
        id: Uuid::from_u128(9),
        number: "CN-1".to_owned(),
        amount: cents(minor),
        reason: "billing error".to_owned(),
        destination: Some(destination),
        split: Vec::new(),
        at: at("2024-02-10T00:00:00Z"),
    };
    let refundable = credit_note::PaymentShare {
        payment_id: Uuid::from_u128(7),
        amount: invoice.refundable().unwrap(),
    };
    let credited = credit_note::against_invoice(invoice.clone(), request, &[], &[refundable]);
    let note = credited.unwrap().note;
    entry(Event::CreditNoteIssued { note: &note }).unwrap()
}

#[test]
fn credit_on_an_unpaid_invoice_takes_it_off_what_is_due_with_its_tax() {
    check(
        [credited(&taxed(0), 6_600, RefundDestination::Credits)],
        expect![[r#"
            credit_note_issued
              Sales Returns and Allowances                 6000        0
              Sales Tax                                     600        0
              Accounts Receivable / Customers                 0     6600
        "#]],
    );
}

#[test]
fn credit_on_a_paid_invoice_goes_where_it_was_asked_to() {
    let invoice = taxed(0);
    let kind = payment::Kind::Payment;
    let request = paid(13_200, Origin::Manual, kind, &invoice);
    let outcome = payment::reallocate(
        &Payment {
            status: payment::Status::Created,
            ..request
        },
        vec![PartRequest {
            invoice_id: invoice.id(),
            amount: cents(13_200),
        }],
        vec![invoice],
    );
    let outcome = outcome.unwrap();
    let invoices = payment::realise(outcome.payment, outcome.invoices)
        .unwrap()
        .invoices;
    let destinations = [
        RefundDestination::Credits,
        RefundDestination::External,
        RefundDestination::OriginalPaymentMethod,
    ];
    check(
        destinations.map(|destination| credited(&invoices[0], 13_200, destination)),
        expect![[r#"
            credit_note_issued
              Sales Returns and Allowances                12000        0
              Sales Tax                                    1200        0
              Customer Wallet                                 0    13200
            credit_note_issued
              Sales Returns and Allowances                12000        0
              Sales Tax                                    1200        0
              Cash                                            0    13200
            credit_note_issued
              Sales Returns and Allowances                12000        0
              Sales Tax                                    1200        0
              Contra Accounts Receivable / Customers          0    13200
        "#]],
    );
}

#[test]
fn money_comes_in_by_hand_by_gateway_and_as_withheld_tax() {
    let invoice = issued(1, 10_000);
    let payments = [
        paid(12_500, Origin::Manual, payment::Kind::Payment, &invoice),
        paid(4_000, Origin::Gateway, payment::Kind::Payment, &invoice),
        paid(1_000, Origin::Manual, payment::Kind::TaxWithheld, &invoice),
    ];
    let entries = payments
        .iter()
        .map(|payment| Event::PaymentReceived { payment });
    check(
        entries.filter_map(entry),
        expect![[r#"
            payment_received
              Cash                                        12500        0
              Accounts Receivable / Customers                 0    10000
              Customer Wallet                                 0     2500
            gateway_payment_received
              Accounts Receivable / Payment Gateways       4000        0
              Accounts Receivable / Customers                 0     4000
            tax_withheld
              TDS Receivable                               1000        0
              Accounts Receivable / Customers                 0     1000
        "#]],
    );
}

#[test]
fn money_on_its_way_posts_nothing() {
    let invoice = issued(1, 10_000);
    let mut payment = paid(10_000, Origin::Gateway, payment::Kind::Payment, &invoice);
    payment.status = payment::Status::InProgress;
    assert_eq!(entry(Event::PaymentReceived { payment: &payment }), None);
}

fn refund(origin: Origin, destination: RefundDestination, writes_off: bool) -> JournalEntry {
    let invoice = issued(1, 10_000);
    let payment = paid(12_500, origin, payment::Kind::Payment, &invoice);
    let invoices = vec![with_paid(&payment, invoice)];
    let request = payment::RefundRequest {
        id: Uuid::from_u128(8),
        destination,
        amount: None,
        parts: Vec::new(),
        writes_off,
        is_pending: false,
        at: at("2024-02-20T00:00:00Z"),
    };
    let refund = payment::refund(payment, request, invoices).unwrap().refund;
    let refund = &refund;
    let event = Event::Refunded {
        refund,
        destination,
        writes_off,
    };
    entry(event).unwrap()
}

/// The invoice after the payment.
fn with_paid(payment: &Payment, invoice: Issued) -> Issued {
    let open = Payment {
        status: payment::Status::Created,
        ..payment.clone()
    };
    payment::realise(open, vec![invoice])
        .unwrap()
        .invoices
        .remove(0)
}

#[test]
fn a_refund_is_owed_again_or_given_up() {
    check(
        [
            refund(Origin::Manual, RefundDestination::External, false),
            refund(
                Origin::Gateway,
                RefundDestination::OriginalPaymentMethod,
                true,
            ),
            refund(Origin::Gateway, RefundDestination::Credits, false),
        ],
        expect![[r#"
            refund_paid
              Cash                                            0    12500
              Accounts Receivable / Customers             10000        0
              Customer Wallet                              2500        0
            gateway_refund_paid
              Accounts Receivable / Payment Gateways          0    12500
              Sales Returns and Allowances                10000        0
              Customer Wallet                              2500        0
            refund_to_wallet
              Customer Wallet                                 0    10000
              Accounts Receivable / Customers             10000        0
        "#]],
    );
}

#[test]
fn a_reversal_takes_the_money_from_invoices_and_wallet() {
    let invoice = issued(1, 10_000);
    let payment = paid(12_500, Origin::Manual, payment::Kind::Payment, &invoice);
    let invoices = vec![with_paid(&payment, invoice)];
    let reversal = payment::Reversal {
        id: Uuid::from_u128(8),
        refunded_into_wallet: cents(0),
        at: at("2024-02-20T00:00:00Z"),
    };
    let (_, reversal) = payment::reverse(payment, reversal, invoices).unwrap();
    check(
        entry(Event::PaymentReversed {
            reversal: &reversal,
        }),
        expect![[r#"
            payment_reversed
              Cash                                            0    12500
              Accounts Receivable / Customers             10000        0
              Customer Wallet                              2500        0
        "#]],
    );
}

#[test]
fn a_promised_refund_is_owed_until_it_is_paid() {
    let invoice = issued(1, 10_000);
    let payment = paid(10_000, Origin::Gateway, payment::Kind::Payment, &invoice);
    let request = payment::RefundRequest {
        id: Uuid::from_u128(8),
        destination: RefundDestination::OriginalPaymentMethod,
        amount: None,
        parts: Vec::new(),
        writes_off: false,
        is_pending: true,
        at: at("2024-02-20T00:00:00Z"),
    };
    let refunded =
        payment::refund_for_credit_note(payment, &request, invoice.id(), cents(3_000)).unwrap();
    let mut refund = refunded.1;
    assert_eq!(entry(Event::CreditNoteRefunded { refund: &refund }), None);
    refund.status = payment::Status::Success;
    check(
        entry(Event::CreditNoteRefunded { refund: &refund }),
        expect![[r#"
            gateway_credit_note_refund_paid
              Accounts Receivable / Payment Gateways          0     3000
              Contra Accounts Receivable / Customers       3000        0
        "#]],
    );
    refund.status = payment::Status::Failed;
    check(
        entry(Event::CreditNoteRefundFailed { refund: &refund }),
        expect![[r#"
            credit_note_refund_to_wallet
              Contra Accounts Receivable / Customers       3000        0
              Customer Wallet                                 0     3000
        "#]],
    );
}

#[test]
fn a_wallet_is_changed_by_hand() {
    let entries = [
        (wallet::Reason::ManualCredit, 700),
        (wallet::Reason::ManualDebit, -200),
    ];
    let entries = entries.map(|(reason, minor)| wallet::Entry {
        reason,
        amount: cents(minor),
    });
    let at = at("2024-02-20T00:00:00Z");
    let event = |entry| Event::WalletAdjusted {
        id: Uuid::from_u128(3),
        customer_id: CUSTOMER,
        entry,
        at,
    };
    check(
        entries.iter().map(event).filter_map(entry),
        expect![[r#"
            wallet_credited
              Sales Returns and Allowances                  700        0
              Customer Wallet                                 0      700
            wallet_debited
              Customer Wallet                               200        0
              Sales Returns and Allowances                    0      200
        "#]],
    );
}

#[test]
fn revenue_is_earned_after_or_before_it_is_billed() {
    use florin_core::ledger::DefaultAccount;
    let recognised = [true, false].map(|was_billed| Recognised {
        id: Uuid::from_u128(3),
        account: DefaultAccount::SalesRevenue.id(),
        amount: cents(900),
        was_billed,
        dimensions: Dimensions::default(),
        at: at("2024-02-29T00:00:00Z"),
    });
    let events = recognised.iter();
    let events = events.map(|recognised| Event::RevenueRecognised { recognised });
    check(
        events.filter_map(entry),
        expect![[r#"
            revenue_recognised
              Deferred Revenue                              900        0
              Sales and Services Revenue                      0      900
            revenue_unbilled
              Unbilled Revenue                              900        0
              Sales and Services Revenue                      0      900
        "#]],
    );
}

#[test]
fn a_changed_payment_is_taken_back_and_posted_anew_once() {
    let invoice = issued(1, 10_000);
    let first = paid(10_000, Origin::Manual, payment::Kind::Payment, &invoice);
    let mut ids = (1_u128..).map(Uuid::from_u128);
    let mut change = |payment: &Payment, posted: &[JournalEntry]| {
        let at = at("2024-03-01T00:00:00Z");
        let event = Event::PaymentChanged { payment };
        correct(&event, posted, at, || ids.next().unwrap()).unwrap()
    };
    let mut posted = change(&first, &[]);
    assert!(change(&first, &posted).is_empty(), "nothing differs");
    let less = paid(6_000, Origin::Manual, payment::Kind::Payment, &invoice);
    posted.extend(change(&less, &posted));
    let deleted = Payment {
        status: payment::Status::Voided,
        ..less
    };
    posted.extend(change(&deleted, &posted));
    assert!(change(&deleted, &posted).is_empty(), "it is gone already");
    let revisions: Vec<u32> = posted.iter().map(|entry| entry.header().revision).collect();
    assert_eq!(revisions, [0, 0, 1, 1]);
    check(
        posted,
        expect![[r#"
            payment_received
              Cash                                        10000        0
              Accounts Receivable / Customers                 0    10000
            entry_reversed
              Cash                                            0    10000
              Accounts Receivable / Customers             10000        0
            payment_received
              Cash                                         6000        0
              Accounts Receivable / Customers                 0     6000
            entry_reversed
              Cash                                            0     6000
              Accounts Receivable / Customers              6000        0
        "#]],
    );
}

#[test]
fn an_entry_and_its_reversal_are_nothing() {
    let invoice = taxed(0);
    let entry = entry(Event::InvoiceApproved { invoice: &invoice }).unwrap();
    let reversal = reverse(&entry, Uuid::from_u128(2), invoice.approved_at())
        .unwrap()
        .unwrap();
    assert_eq!(reversal.header().reverses_id, Some(ENTRY));
    for (line, back) in entry.lines().iter().zip(reversal.lines()) {
        assert_eq!(
            (line.account(), line.dimensions()),
            (back.account(), back.dimensions())
        );
        assert_eq!(
            (line.debits(), line.credits()),
            (back.credits(), back.debits())
        );
    }
}

#[test]
fn an_unbalanced_entry_cannot_be_made() {
    let invoice = taxed(0);
    let entry = entry(Event::InvoiceApproved { invoice: &invoice }).unwrap();
    let line = &entry.lines()[0];
    let posting = Posting {
        account: line.account(),
        side: Side::Debit,
        amount: line.amount(),
        dimensions: *line.dimensions(),
    };
    let error = JournalEntry::new(entry.header().clone(), &[posting]).unwrap_err();
    expect!["the entry invoice_approved of Some(00000000-0000-0000-0000-000000000001) has 13200 debits and 0 credits"]
        .assert_eq(&error.to_string());
}

#[test]
fn the_bytes_of_a_seal_say_all() {
    let invoice = taxed(0);
    let entry = entry(Event::InvoiceApproved { invoice: &invoice }).unwrap();
    let other = entry.clone().in_books_of(Some(Uuid::from_u128(1)));
    assert_ne!(sealed_bytes(&entry), sealed_bytes(&other));
}
