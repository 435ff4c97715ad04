//! Payments, refunds, reversals: which cent goes where.

use florin_core::credit_note::{
    PaymentShare, RefundDestination, Request as CreditRequest, Status as NoteStatus,
    against_invoice,
};
use florin_core::invoice::{Issued, Status as InvoiceStatus};
use florin_core::payment::{
    Kind, ManualEdit, Method, Origin, Outcome, PartRequest, Payment, RefundRequest, Refusal,
    Request, Reversal, Status, delete_manual, edit_manual, fail, realise, reallocate, record,
    refund, refund_for_credit_note, reverse, settle_refund, settle_refund_for_credit_note,
};
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at};
use crate::invoiced::{cents, issued};

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

pub(crate) fn stands(invoice: &Issued) -> (InvoiceStatus, i64) {
    (invoice.status(), invoice.amount_due().minor())
}

/// Two invoices over 100 and 50, and a payment over 170: 100 and 30 for them, 40 for the wallet.
pub(crate) fn paid() -> Outcome {
    let invoices = vec![issued(1, 10_000), issued(2, 5_000)];
    record(request(10, 17_000, &[(1, 10_000), (2, 3_000)]), invoices).unwrap()
}

pub(crate) fn in_wallet(outcome: &[florin_core::wallet::Entry]) -> i64 {
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
fn a_credit_stands_although_its_gateway_does_not_pay_it_back() {
    let outcome = record(request(10, 5_000, &[(2, 5_000)]), vec![issued(2, 5_000)]).unwrap();
    let (payment, invoice) = (outcome.payment, outcome.invoices[0].clone());
    let back = RefundDestination::OriginalPaymentMethod;
    let share = PaymentShare {
        payment_id: payment.id,
        amount: cents(5_000),
    };
    let credited = against_invoice(invoice, credit(3, 2_000, Some(back)), &[], &[share]).unwrap();
    let note = credited.note;
    let mut asked = refunding(11, None, back);
    asked.is_pending = true;
    let promised = note.settlement.refunds[0];
    let (payment, refund) =
        refund_for_credit_note(payment, &asked, id(2), promised.amount).unwrap();
    let settle = |has_succeeded| {
        let (payment, refund) = (payment.clone(), refund.clone());
        settle_refund_for_credit_note(payment, refund, note.id, has_succeeded).unwrap()
    };
    let done = settle(true);
    assert_eq!(
        (done.refund.status, in_wallet(&done.wallet)),
        (Status::Success, 0)
    );
    let told = note.clone().settled(promised, true, true).unwrap();
    assert_eq!(
        (told.status, told.settlement.to_wallet),
        (NoteStatus::Paid, cents(0))
    );
    let failed = settle(false);
    assert_eq!(
        (failed.refund.status, in_wallet(&failed.wallet)),
        (Status::Failed, 2_000)
    );
    assert_eq!(failed.payment.amount_refunded(), Ok(cents(0)));
    let told = note.clone().settled(promised, false, true).unwrap();
    assert_eq!(
        (told.status, told.settlement.to_wallet),
        (NoteStatus::Issued, cents(2_000))
    );
    let waits = note.settled(promised, true, false).unwrap();
    assert_eq!(waits.status, NoteStatus::InProgress);
}
