//! Credit notes, payments, refunds, reversals: which cent goes where.

use florin_core::credit_note::{
    CreditNote, Credited, PaymentShare, RefundDestination, Refusal as CreditRefusal,
    RepaymentMethod, Request as CreditRequest, Status as NoteStatus, against_invoice, stand_alone,
};
use florin_core::invoice::{Issued, Status as InvoiceStatus, approve};
use florin_core::money::Money;
use florin_core::payment::{
    Kind, ManualEdit, Method, Origin, Outcome, PartRequest, Payment, RefundRequest, Refusal,
    Request, Reversal, Status, delete_manual, edit_manual, fail, realise, reallocate, record,
    refund, refund_for_credit_note, reverse, settle_refund,
};
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at};
use crate::invoiced::{approval, cents, draft, issued};

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn request(number: u128, minor: i64, parts: &[(u128, i64)]) -> Request {
    let parts = parts.iter().map(|(invoice, minor)| PartRequest {
        invoice_id: id(*invoice),
        amount: cents(*minor),
    });
    Request {
        id: id(number),
        customer_id: CUSTOMER,
        kind: Kind::Payment,
        method: Some(Method::BankTransfer),
        origin: Origin::Manual,
        amount: cents(minor),
        parts: parts.collect(),
        status: Status::Success,
        external_id: None,
        at: at("2024-02-10"),
    }
}

pub(crate) fn credit(
    number: u128,
    minor: i64,
    destination: Option<RefundDestination>,
) -> CreditRequest {
    CreditRequest {
        id: id(number),
        number: format!("CN-{number:04}"),
        amount: cents(minor),
        reason: "billing error".to_owned(),
        destination,
        split: vec![],
        at: at("2024-02-12"),
    }
}

pub(crate) fn refunding(
    number: u128,
    minor: Option<i64>,
    destination: RefundDestination,
) -> RefundRequest {
    RefundRequest {
        id: id(number),
        destination,
        amount: minor.map(cents),
        parts: vec![],
        writes_off: false,
        is_pending: false,
        at: at("2024-02-15"),
    }
}

fn stands(invoice: &Issued) -> (InvoiceStatus, i64) {
    (invoice.status(), invoice.amount_due().minor())
}

/// Two invoices over 100 and 50, and a payment over 170: 100 and 30 for them, 40 for the wallet.
fn paid() -> Outcome {
    let invoices = vec![issued(1, 10_000), issued(2, 5_000)];
    record(request(10, 17_000, &[(1, 10_000), (2, 3_000)]), invoices).unwrap()
}

fn in_wallet(outcome: &[florin_core::wallet::Entry]) -> i64 {
    outcome.iter().map(|entry| entry.amount.minor()).sum()
}

#[test]
fn a_payment_is_spread_over_invoices_and_the_wallet() {
    let outcome = paid();
    assert_eq!(stands(&outcome.invoices[0]), (InvoiceStatus::Paid, 0));
    assert_eq!(
        stands(&outcome.invoices[1]),
        (InvoiceStatus::PartiallyPaid, 2_000)
    );
    assert_eq!(in_wallet(&outcome.wallet), 4_000);
    // More than is due spills into the wallet.
    let spilled = record(request(11, 9_000, &[(2, 9_000)]), vec![issued(2, 5_000)]).unwrap();
    assert_eq!(stands(&spilled.invoices[0]), (InvoiceStatus::Paid, 0));
    assert_eq!(in_wallet(&spilled.wallet), 4_000);
}

#[test]
fn a_payment_counts_when_it_has_come() {
    let mut created = request(10, 5_000, &[(2, 5_000)]);
    created.status = Status::Created;
    let outcome = record(created, vec![issued(2, 5_000)]).unwrap();
    assert_eq!(
        stands(&outcome.invoices[0]),
        (InvoiceStatus::Approved, 5_000)
    );
    let payment = outcome.payment.clone();
    let outcome = realise(outcome.payment, outcome.invoices).unwrap();
    assert_eq!(stands(&outcome.invoices[0]), (InvoiceStatus::Paid, 0));
    let twice = realise(outcome.payment, outcome.invoices);
    assert_eq!(twice, Err(Refusal::StatusNotAllowed(Status::Success)));
    let failed = fail(payment.clone(), Status::Failed).unwrap();
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(
        realise(failed, vec![]),
        Err(Refusal::StatusNotAllowed(Status::Failed))
    );
    assert_eq!(
        fail(payment, Status::Success),
        Err(Refusal::StatusNotAllowed(Status::Created))
    );
}

#[test]
fn all_that_is_wrong_with_a_payment_is_named() {
    let void = against_invoice(issued(3, 100), credit(20, 100, None), &[], &[])
        .unwrap()
        .invoice;
    let mut wrong = request(10, 100, &[(1, 0), (2, 90), (2, 90), (3, 1), (4, 1)]);
    wrong.kind = Kind::Refund;
    wrong.status = Status::Failed;
    let refusal = record(wrong, vec![issued(1, 100), issued(2, 100), void]).unwrap_err();
    assert_eq!(
        refusal.to_string().replace("; ", "\n"),
        "type: a refund cannot be recorded\n\
         status: a payment is recorded as success or created, not failed\n\
         payment_parts: the parts sum to more than the payment\n\
         payment_parts.0.amount: an amount above zero is needed\n\
         payment_parts.2.invoice_id: the invoice occurs twice\n\
         payment_parts.3.invoice_id: the invoice is void\n\
         payment_parts.4.invoice_id: there is no such invoice of this customer"
    );
    let mut foreign = request(10, 0, &[(1, 1)]);
    foreign.customer_id = id(999);
    let refusal = record(foreign, vec![issued(1, 100)]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "amount: an amount above zero is needed; payment_parts: the parts sum to more than the payment; \
         payment_parts.0.invoice_id: there is no such invoice of this customer"
    );
}

#[test]
fn withheld_tax_is_for_invoices_and_never_too_much() {
    let mut withheld = request(10, 1_000, &[(1, 1_000)]);
    withheld.kind = Kind::TaxWithheld;
    withheld.method = None;
    let outcome = record(withheld.clone(), vec![issued(1, 10_000)]).unwrap();
    assert_eq!(
        stands(&outcome.invoices[0]),
        (InvoiceStatus::PartiallyPaid, 9_000)
    );
    let back = refund(
        outcome.payment,
        refunding(11, None, RefundDestination::External),
        outcome.invoices,
    );
    assert_eq!(back, Err(Refusal::KindNotAllowed(Kind::TaxWithheld)));
    withheld.amount = cents(2_000);
    withheld.method = Some(Method::Cash);
    let refusal = record(withheld, vec![issued(1, 500)]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "payment_parts: withheld tax is for invoices, all of it; \
         payment_method: withheld tax has no payment method; \
         payment_parts.0.amount: 5.00 USD of the invoice is to be paid"
    );
}

#[test]
fn what_a_payment_is_for_can_be_said_anew() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    let parts = vec![PartRequest {
        invoice_id: id(2),
        amount: cents(5_000),
    }];
    let outcome = reallocate(&payment, parts, invoices).unwrap();
    assert_eq!(
        stands(&outcome.invoices[0]),
        (InvoiceStatus::Approved, 10_000)
    );
    assert_eq!(stands(&outcome.invoices[1]), (InvoiceStatus::Paid, 0));
    // 40 were in the wallet, 120 are: one entry over 80.
    assert_eq!(
        (outcome.wallet.len(), in_wallet(&outcome.wallet)),
        (1, 8_000)
    );
    assert_eq!(outcome.payment.wallet.amount, cents(12_000));
}

#[test]
fn only_manual_payments_are_edited_and_deleted() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    let edit = ManualEdit {
        amount: Some(cents(13_000)),
        external_id: Some("bank-7".to_owned()),
        ..ManualEdit::default()
    };
    let outcome = edit_manual(&payment, edit.clone(), invoices.clone()).unwrap();
    assert_eq!(in_wallet(&outcome.wallet), -4_000);
    assert_eq!(outcome.payment.external_id.as_deref(), Some("bank-7"));
    let deleted = delete_manual(&payment, invoices.clone()).unwrap();
    assert_eq!(deleted.payment.status, Status::Voided);
    assert_eq!(
        stands(&deleted.invoices[0]),
        (InvoiceStatus::Approved, 10_000)
    );
    assert_eq!(in_wallet(&deleted.wallet), -4_000);
    assert_eq!(
        delete_manual(&deleted.payment, deleted.invoices),
        Err(Refusal::StatusNotAllowed(Status::Voided))
    );
    let charged = Payment {
        origin: Origin::Gateway,
        ..payment
    };
    assert_eq!(
        delete_manual(&charged, invoices.clone()),
        Err(Refusal::NotManual)
    );
    assert_eq!(
        edit_manual(&charged, edit, invoices),
        Err(Refusal::NotManual)
    );
}

#[test]
fn a_refund_takes_the_over_payment_first_then_its_share_of_each_invoice() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    // 60: 40 from the wallet, 20 from 100 and 30: 15.38 and 4.62.
    let asked = refunding(11, Some(6_000), RefundDestination::External);
    let done = refund(payment, asked, invoices).unwrap();
    let parts: Vec<i64> = done
        .refund
        .parts
        .iter()
        .map(|part| part.amount.minor())
        .collect();
    assert_eq!((parts, in_wallet(&done.wallet)), (vec![1_538, 462], -4_000));
    assert_eq!(done.payment.status, Status::PartiallyRefunded);
    assert_eq!(
        stands(&done.invoices[0]),
        (InvoiceStatus::PartiallyPaid, 1_538)
    );
    assert_eq!(
        stands(&done.invoices[1]),
        (InvoiceStatus::PartiallyPaid, 2_462)
    );
    let too_much = refunding(12, Some(11_001), RefundDestination::External);
    let refusal = refund(done.payment.clone(), too_much, done.invoices.clone());
    assert_eq!(
        refusal,
        Err(Refusal::AboveRefundable {
            left: cents(11_000)
        })
    );
    let rest = refund(
        done.payment,
        refunding(12, Some(0), RefundDestination::External),
        done.invoices,
    )
    .unwrap();
    assert_eq!(rest.payment.status, Status::Refunded);
    assert_eq!(stands(&rest.invoices[0]), (InvoiceStatus::Approved, 10_000));
}

#[test]
fn a_refund_may_name_its_parts_write_off_and_go_into_the_wallet() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    let mut asked = refunding(11, None, RefundDestination::Credits);
    asked.parts = vec![(id(1), cents(2_500))];
    asked.writes_off = true;
    let done = refund(payment.clone(), asked.clone(), invoices.clone()).unwrap();
    assert_eq!(stands(&done.invoices[0]), (InvoiceStatus::Paid, 0));
    assert_eq!(done.invoices[0].amounts().written_off, cents(2_500));
    assert_eq!(
        (in_wallet(&done.wallet), done.refund.method),
        (2_500, Some(Method::Credits))
    );
    asked.amount = Some(cents(2_400));
    let refusal = refund(payment.clone(), asked.clone(), invoices.clone());
    assert_eq!(
        refusal,
        Err(Refusal::PartsSum {
            sum: cents(2_500),
            wanted: cents(2_400)
        })
    );
    asked.parts = vec![(id(7), cents(1))];
    assert_eq!(
        refund(payment, asked, invoices),
        Err(Refusal::InvoiceUnknown(id(7)))
    );
}

#[test]
fn a_refund_in_progress_holds_its_money_until_the_gateway_answers() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    let mut asked = refunding(11, Some(17_000), RefundDestination::OriginalPaymentMethod);
    asked.is_pending = true;
    let begun = refund(payment.clone(), asked, invoices.clone()).unwrap();
    assert_eq!(
        (begun.refund.status, begun.wallet.len()),
        (Status::InProgress, 0)
    );
    assert_eq!(begun.invoices, invoices);
    let second = refunding(12, Some(1), RefundDestination::External);
    let refusal = refund(begun.payment.clone(), second, invoices.clone());
    assert_eq!(refusal, Err(Refusal::AboveRefundable { left: cents(0) }));
    let failed = settle_refund(
        begun.payment.clone(),
        begun.refund.clone(),
        false,
        false,
        invoices.clone(),
    )
    .unwrap();
    assert_eq!(
        (failed.payment, failed.refund.status),
        (payment, Status::Failed)
    );
    let done = settle_refund(begun.payment, begun.refund, true, false, invoices).unwrap();
    assert_eq!(stands(&done.invoices[0]), (InvoiceStatus::Approved, 10_000));
    assert_eq!(in_wallet(&done.wallet), -4_000);
    let twice = settle_refund(done.payment, done.refund, true, false, done.invoices);
    assert_eq!(twice, Err(Refusal::StatusNotAllowed(Status::Success)));
}

#[test]
fn a_payment_that_never_came_is_owed_again() {
    let Outcome {
        payment, invoices, ..
    } = paid();
    let reversal = Reversal {
        id: id(12),
        at: at("2024-02-20"),
        refunded_into_wallet: cents(0),
    };
    let (outcome, taken_back) = reverse(payment, reversal, invoices).unwrap();
    assert_eq!(
        (taken_back.kind, taken_back.amount),
        (Kind::PaymentReversal, cents(17_000))
    );
    assert_eq!(outcome.payment.status, Status::Voided);
    assert_eq!(
        stands(&outcome.invoices[0]),
        (InvoiceStatus::Approved, 10_000)
    );
    assert_eq!(in_wallet(&outcome.wallet), -4_000);
    let again = reverse(outcome.payment, reversal, outcome.invoices);
    assert_eq!(again, Err(Refusal::StatusNotAllowed(Status::Voided)));
}

#[test]
fn credit_of_a_payment_that_never_came_is_owed() {
    let whole = record(request(10, 10_000, &[(1, 10_000)]), vec![issued(1, 10_000)]).unwrap();
    let invoice = whole.invoices[0].clone();
    let asked = credit(20, 4_000, Some(RefundDestination::Credits));
    let credited = against_invoice(invoice, asked, &[], &[]).unwrap();
    let reversal = Reversal {
        id: id(12),
        at: at("2024-02-20"),
        refunded_into_wallet: cents(0),
    };
    let (outcome, row) = reverse(whole.payment, reversal, vec![credited.invoice]).unwrap();
    // 60 of the invoice stand and are owed; the 40 in the wallet never were.
    assert_eq!(row.amount, cents(10_000));
    assert_eq!(stands(&outcome.invoices[0]).1, 6_000);
    assert_eq!(in_wallet(&outcome.wallet), -4_000);
}

#[test]
fn a_refund_into_the_wallet_of_a_payment_that_never_came_is_owed() {
    let whole = record(request(10, 10_000, &[(1, 10_000)]), vec![issued(1, 10_000)]).unwrap();
    let asked = refunding(11, Some(4_000), RefundDestination::Credits);
    let done = refund(whole.payment, asked, whole.invoices).unwrap();
    let reversal = Reversal {
        id: id(12),
        at: at("2024-02-20"),
        refunded_into_wallet: done.refund.amount,
    };
    let (outcome, row) = reverse(done.payment, reversal, done.invoices).unwrap();
    assert_eq!(row.amount, cents(10_000));
    assert_eq!(stands(&outcome.invoices[0]).1, 10_000);
    assert_eq!(in_wallet(&outcome.wallet), -4_000);
}

#[test]
fn credit_goes_against_what_is_due_first() {
    let credited = against_invoice(issued(1, 10_000), credit(20, 4_000, None), &[], &[]).unwrap();
    assert_eq!(stands(&credited.invoice), (InvoiceStatus::Approved, 6_000));
    assert_eq!(
        credited.note.repayment_method(),
        RepaymentMethod::InvoiceAdjusted
    );
    assert_eq!(
        (credited.note.status, credited.wallet.len()),
        (NoteStatus::Issued, 0)
    );
    let rest = against_invoice(
        credited.invoice,
        credit(21, 6_000, None),
        &[credited.note],
        &[],
    )
    .unwrap();
    assert_eq!(stands(&rest.invoice), (InvoiceStatus::Void, 0));
    assert_eq!(rest.invoice.require_voidable(), Ok(()));
    let again = against_invoice(rest.invoice, credit(22, 1, None), &[], &[]);
    assert_eq!(again, Err(CreditRefusal::InvoiceVoid));
}

#[test]
fn credit_of_what_was_paid_goes_where_it_is_told() {
    use RefundDestination::{Credits, External, OriginalPaymentMethod};
    let Outcome {
        payment,
        mut invoices,
        ..
    } = paid();
    let half_paid = invoices.remove(1);
    let left = [PaymentShare {
        payment_id: payment.id,
        amount: cents(3_000),
    }];
    let give = |minor, destination| {
        against_invoice(
            half_paid.clone(),
            credit(20, minor, destination),
            &[],
            &left,
        )
    };
    // 20 of 50 are due: they need no destination.
    assert!(give(2_000, None).is_ok());
    assert_eq!(
        give(2_500, None),
        Err(CreditRefusal::DestinationMissing { amount: cents(500) })
    );
    let Credited {
        note,
        invoice,
        wallet,
    } = give(2_500, Some(Credits)).unwrap();
    assert_eq!(
        (in_wallet(&wallet), note.repayment_method()),
        (500, RepaymentMethod::Credits)
    );
    assert_eq!(stands(&invoice), (InvoiceStatus::Paid, 0));
    let outside = give(5_000, Some(External)).unwrap();
    assert_eq!(
        (outside.note.settlement.external, outside.wallet.len()),
        (cents(3_000), 0)
    );
    assert_eq!(stands(&outside.invoice), (InvoiceStatus::Void, 0));
    let back = give(5_000, Some(OriginalPaymentMethod)).unwrap();
    assert_eq!(back.note.settlement.refunds, left);
    assert_eq!(
        (back.note.status, back.note.clone().refunded().status),
        (NoteStatus::InProgress, NoteStatus::Paid)
    );
    let asked = refunding(11, None, OriginalPaymentMethod);
    let (payment, row) = refund_for_credit_note(payment, &asked, id(2), cents(3_000)).unwrap();
    assert_eq!(
        (row.amount, payment.status),
        (cents(3_000), Status::PartiallyRefunded)
    );
    // What the credit note gave back cannot be refunded once more.
    let twice = refund_for_credit_note(payment, &asked, id(2), cents(1));
    assert_eq!(twice, Err(Refusal::AboveRefundable { left: cents(0) }));
}

#[test]
fn a_credit_note_may_say_which_payments_give_back() {
    let one = record(request(10, 6_000, &[(1, 6_000)]), vec![issued(1, 10_000)]).unwrap();
    let two = record(request(11, 4_000, &[(1, 4_000)]), one.invoices).unwrap();
    let invoice = two.invoices[0].clone();
    let share = |number, minor| PaymentShare {
        payment_id: id(number),
        amount: cents(minor),
    };
    let left = [share(10, 6_000), share(11, 4_000)];
    let give = |split: &[PaymentShare]| {
        let mut asked = credit(20, 7_000, Some(RefundDestination::OriginalPaymentMethod));
        asked.split = split.to_vec();
        against_invoice(invoice.clone(), asked, &[], &left)
            .map(|credited| credited.note.settlement.refunds)
    };
    assert_eq!(give(&[]), Ok(vec![share(10, 6_000), share(11, 1_000)]));
    let wanted = vec![share(11, 4_000), share(10, 3_000)];
    assert_eq!(give(&wanted), Ok(wanted));
    assert_eq!(
        give(&[share(10, 1)]),
        Err(CreditRefusal::SplitSum {
            sum: cents(1),
            wanted: cents(7_000)
        })
    );
    let too_small = CreditRefusal::PaymentTooSmall {
        payment_id: id(11),
        left: cents(4_000),
    };
    assert_eq!(give(&[share(11, 7_000)]), Err(too_small));
}

#[test]
fn credit_that_cannot_be_is_refused() {
    let give = |minor, reason: &str| {
        let asked = CreditRequest {
            reason: reason.to_owned(),
            ..credit(20, minor, None)
        };
        against_invoice(issued(1, 10_000), asked, &[], &[])
    };
    assert_eq!(
        give(10_001, "x"),
        Err(CreditRefusal::AboveInvoice {
            left: cents(10_000)
        })
    );
    assert_eq!(give(0, "x"), Err(CreditRefusal::NotPositive));
    assert_eq!(give(5, " "), Err(CreditRefusal::ReasonBlank));
}

#[test]
fn what_the_wallet_had_paid_comes_back_to_it() {
    let approved = approve(draft(1, &["100"], false), approval(3_000)).unwrap();
    let whole = record(request(10, 7_000, &[(1, 7_000)]), vec![approved.invoice]).unwrap();
    let invoice = whole.invoices[0].clone();
    let credited = against_invoice(
        invoice,
        credit(20, 10_000, Some(RefundDestination::External)),
        &[],
        &[],
    )
    .unwrap();
    assert_eq!(credited.note.settlement.external, cents(7_000));
    assert_eq!(in_wallet(&credited.wallet), 3_000);
    assert_eq!(stands(&credited.invoice), (InvoiceStatus::Void, 0));
}

#[test]
fn a_credit_note_without_invoice_fills_the_wallet() {
    let (note, entry) = stand_alone(CUSTOMER, credit(20, 2_500, None), cents(1_000)).unwrap();
    assert_eq!(
        (note.settlement.to_wallet, entry.unwrap().amount),
        (cents(1_500), cents(1_500))
    );
    let refused = stand_alone(CUSTOMER, credit(20, 2_500, None), cents(2_501));
    assert_eq!(
        refused,
        Err(CreditRefusal::AboveInvoice { left: cents(2_500) })
    );
    assert_eq!(
        stand_alone(CUSTOMER, credit(20, 0, None), cents(0)),
        Err(CreditRefusal::NotPositive)
    );
}

#[test]
fn credits_spread_over_lines_and_taxes_and_sum_to_them() {
    // 33.33 + 3.33, 66.67 + 6.67; the tax is 10.00 together.
    let invoice = approve(draft(1, &["33.33", "66.67"], true), approval(0))
        .unwrap()
        .invoice;
    let whole = invoice.buckets();
    let mut notes: Vec<CreditNote> = Vec::new();
    let mut invoice = invoice;
    for (number, minor) in [(20, 1), (21, 3_333), (22, 7_666)] {
        let credited = against_invoice(invoice, credit(number, minor, None), &notes, &[]).unwrap();
        invoice = credited.invoice;
        notes.push(credited.note);
    }
    assert_eq!(stands(&invoice), (InvoiceStatus::Void, 0));
    for (position, bucket) in whole.iter().enumerate() {
        let credited = notes
            .iter()
            .map(|note| note.buckets[position].minor())
            .sum::<i64>();
        assert_eq!(
            Money::from_minor(credited, bucket.currency()),
            *bucket,
            "{position}"
        );
    }
}
