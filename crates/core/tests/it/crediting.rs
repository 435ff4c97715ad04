//! Credit notes: what is credited, and where it goes.

use florin_core::credit_note::{
    CreditNote, Credited, PaymentShare, RefundDestination, Refusal as CreditRefusal,
    RepaymentMethod, Request as CreditRequest, Status as NoteStatus, against_invoice, stand_alone,
};
use florin_core::invoice::{Status as InvoiceStatus, approve};
use florin_core::money::Money;
use florin_core::payment::{Outcome, Refusal, Status, record, refund_for_credit_note};

use crate::agreement::CUSTOMER;
use crate::invoiced::{approval, cents, draft, issued};
use crate::settlement::{credit, id, in_wallet, paid, refunding, request, stands};

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
    assert_eq!(
        rest.invoice.clone().void().map(|void| void.status()),
        Ok(InvoiceStatus::Void)
    );
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
