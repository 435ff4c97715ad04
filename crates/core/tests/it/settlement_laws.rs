//! Laws of money: whatever is paid, moved, refunded, reversed and credited, in whatever order, no cent is
//! made or lost.

use florin_core::credit_note::{
    CreditNote, PaymentShare, RefundDestination, Status as NoteStatus, against_invoice,
};
use florin_core::invoice::{Issued, Status as InvoiceStatus, approve};
use florin_core::money::Money;
use florin_core::payment::{
    Kind, Method, PartRequest, Payment, RefundRequest, Reversal, Status, delete_manual, reallocate,
    record, refund, refund_for_credit_note, reverse, settle_refund,
};
use florin_core::wallet::{Entry, Wallet};
use proptest::prelude::*;

use crate::invoiced::{approval, cents, draft};
use crate::settlement::{credit, id, refunding, request};

/// Something that happens to money. Which invoice or payment is meant is a number modulo how many there
/// are; amounts may be too large, and are refused then.
#[derive(Clone, Debug)]
enum Event {
    Pay {
        amount: i64,
        parts: Vec<(usize, i64)>,
        withheld: bool,
    },
    Reallocate {
        payment: usize,
        parts: Vec<(usize, i64)>,
    },
    Refund {
        payment: usize,
        amount: i64,
        destination: RefundDestination,
        writes_off: bool,
        gateway: Option<bool>,
    },
    Reverse {
        payment: usize,
    },
    Delete {
        payment: usize,
    },
    Credit {
        invoice: usize,
        amount: i64,
        destination: RefundDestination,
    },
}

fn destinations() -> impl Strategy<Value = RefundDestination> {
    prop_oneof![
        Just(RefundDestination::Credits),
        Just(RefundDestination::OriginalPaymentMethod),
        Just(RefundDestination::External),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let parts = || prop::collection::vec((0_usize..3, 1_i64..8_000), 0..3);
    prop_oneof![
        4 => (1_i64..15_000, parts(), prop::bool::weighted(0.1))
            .prop_map(|(amount, parts, withheld)| Event::Pay { amount, parts, withheld }),
        2 => (0_usize..8, parts()).prop_map(|(payment, parts)| Event::Reallocate { payment, parts }),
        3 => (0_usize..8, 0_i64..9_000, destinations(), any::<bool>(), prop::option::of(any::<bool>()))
            .prop_map(|(payment, amount, destination, writes_off, gateway)| {
                Event::Refund { payment, amount, destination, writes_off, gateway }
            }),
        1 => (0_usize..8).prop_map(|payment| Event::Reverse { payment }),
        1 => (0_usize..8).prop_map(|payment| Event::Delete { payment }),
        3 => (0_usize..3, 1_i64..11_000, destinations())
            .prop_map(|(invoice, amount, destination)| Event::Credit { invoice, amount, destination }),
    ]
}

/// Everything that is kept, in one customer's books.
struct Till {
    invoices: Vec<Issued>,
    payments: Vec<Payment>,
    /// Refunds and reversals.
    outgoing: Vec<Payment>,
    notes: Vec<CreditNote>,
    wallet: Wallet,
    next: u128,
}

fn total(amounts: impl IntoIterator<Item = Money>) -> i64 {
    amounts.into_iter().map(Money::minor).sum()
}

impl Till {
    fn open() -> Till {
        let amounts: [&[&str]; 3] = [&["33.33", "66.67"], &["50", "-7.01"], &["0.01"]];
        let mut wallet = Wallet::with_balance(cents(1_234));
        let mut invoices = Vec::new();
        for (number, lines) in amounts.iter().enumerate() {
            let mut approval = approval(0);
            approval.wallet = wallet;
            let approved = approve(draft(number as u128, lines, true), approval).unwrap();
            invoices.push(approved.invoice);
            if let Some(entry) = approved.wallet {
                wallet = wallet.post(entry).unwrap();
            }
        }
        let (payments, outgoing, notes) = (vec![], vec![], vec![]);
        Till {
            invoices,
            payments,
            outgoing,
            notes,
            wallet,
            next: 100,
        }
    }

    fn next(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    /// Keeps what belongs together, or nothing of it.
    fn keep(&mut self, invoices: Vec<Issued>, entries: &[Entry]) -> bool {
        let mut wallet = self.wallet;
        for entry in entries {
            match wallet.post(*entry) {
                Ok(after) => wallet = after,
                Err(_) => return false,
            }
        }
        self.invoices = invoices;
        self.wallet = wallet;
        true
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Pay {
                amount,
                parts,
                withheld,
            } => self.pay(*amount, parts, *withheld),
            Event::Reallocate { payment, parts } => self.reallocate(*payment, parts),
            Event::Refund {
                payment,
                amount,
                destination,
                writes_off,
                gateway,
            } => {
                let mut asked = refunding(self.next(), Some(*amount), *destination);
                asked.writes_off = *writes_off;
                self.refund(*payment, asked, *gateway);
            }
            Event::Reverse { payment } => self.reverse(*payment),
            Event::Delete { payment } => self.delete(*payment),
            Event::Credit {
                invoice,
                amount,
                destination,
            } => self.credit(*invoice, *amount, *destination),
        }
    }

    fn pay(&mut self, amount: i64, parts: &[(usize, i64)], withheld: bool) {
        let parts: Vec<(u128, i64)> = parts
            .iter()
            .map(|(n, minor)| (*n as u128, *minor))
            .collect();
        let mut asked = request(self.next(), amount, &parts);
        if withheld {
            asked.kind = Kind::TaxWithheld;
            asked.method = None;
        }
        if let Ok(outcome) = record(asked, self.invoices.clone())
            && self.keep(outcome.invoices, &outcome.wallet)
        {
            self.payments.push(outcome.payment);
        }
    }

    fn chosen(&self, payment: usize) -> Option<usize> {
        (!self.payments.is_empty()).then(|| payment % self.payments.len())
    }

    fn reallocate(&mut self, payment: usize, parts: &[(usize, i64)]) {
        let Some(index) = self.chosen(payment) else {
            return;
        };
        let parts = parts.iter().map(|(invoice, minor)| PartRequest {
            invoice_id: id(*invoice as u128),
            amount: cents(*minor),
        });
        if let Ok(outcome) = reallocate(
            &self.payments[index],
            parts.collect(),
            self.invoices.clone(),
        ) && self.keep(outcome.invoices, &outcome.wallet)
        {
            self.payments[index] = outcome.payment;
        }
    }

    fn refund(&mut self, payment: usize, mut asked: RefundRequest, gateway: Option<bool>) {
        let Some(index) = self.chosen(payment) else {
            return;
        };
        let is_back = asked.destination == RefundDestination::OriginalPaymentMethod;
        let gateway = gateway.filter(|_| is_back);
        asked.is_pending = gateway.is_some();
        let writes_off = asked.writes_off;
        let Ok(mut refunded) = refund(self.payments[index].clone(), asked, self.invoices.clone())
        else {
            return;
        };
        if let Some(has_succeeded) = gateway {
            let settled = settle_refund(
                refunded.payment,
                refunded.refund,
                has_succeeded,
                writes_off,
                refunded.invoices,
            );
            refunded = settled.unwrap();
        }
        if self.keep(refunded.invoices, &refunded.wallet) {
            self.payments[index] = refunded.payment;
            self.outgoing.push(refunded.refund);
        }
    }

    fn reverse(&mut self, payment: usize) {
        let Some(index) = self.chosen(payment) else {
            return;
        };
        let payment_id = self.payments[index].id;
        let of_it = self
            .outgoing
            .iter()
            .filter(|row| row.parent_id == Some(payment_id));
        let into_wallet = of_it.filter(|row| row.method == Some(Method::Credits));
        let reversal = Reversal {
            id: id(self.next + 1),
            at: crate::agreement::at("2024-02-20"),
            refunded_into_wallet: cents(total(into_wallet.map(|row| row.amount))),
        };
        self.next += 1;
        if let Ok((outcome, taken_back)) = reverse(
            self.payments[index].clone(),
            reversal,
            self.invoices.clone(),
        ) {
            assert!(
                self.keep(outcome.invoices, &outcome.wallet),
                "a reversal is never refused"
            );
            self.payments[index] = outcome.payment;
            self.outgoing.push(taken_back);
        }
    }

    fn delete(&mut self, payment: usize) {
        let Some(index) = self.chosen(payment) else {
            return;
        };
        if let Ok(outcome) = delete_manual(&self.payments[index], self.invoices.clone())
            && self.keep(outcome.invoices, &outcome.wallet)
        {
            self.payments.remove(index);
        }
    }

    fn credit(&mut self, invoice: usize, amount: i64, destination: RefundDestination) {
        let before = self.invoices[invoice].clone();
        let invoice_id = before.id();
        let left = self
            .payments
            .iter()
            .filter(|payment| payment.kind == Kind::Payment && payment.status.is_realised());
        let left = left.filter_map(|payment| {
            let part = payment
                .parts
                .iter()
                .find(|part| part.invoice_id == invoice_id)?;
            Some(PaymentShare {
                payment_id: payment.id,
                amount: part.left().unwrap(),
            })
        });
        let left: Vec<PaymentShare> = left.collect();
        let asked = credit(self.next(), amount, Some(destination));
        let earlier: Vec<CreditNote> = self
            .notes
            .iter()
            .filter(|note| note.invoice_id == Some(invoice_id))
            .cloned()
            .collect();
        let Ok(credited) = against_invoice(before, asked, &earlier, &left) else {
            return;
        };
        for share in &credited.note.settlement.refunds {
            let asked = refunding(self.next(), None, RefundDestination::OriginalPaymentMethod);
            let index = self
                .payments
                .iter()
                .position(|payment| payment.id == share.payment_id)
                .unwrap();
            let payment = self.payments[index].clone();
            let (payment, row) =
                refund_for_credit_note(payment, &asked, invoice_id, share.amount).unwrap();
            self.payments[index] = payment;
            self.outgoing.push(row);
        }
        let mut invoices = self.invoices.clone();
        invoices[invoice] = credited.invoice;
        assert!(self.keep(invoices, &credited.wallet));
        self.notes.push(credited.note);
    }

    /// What came in from outside is for invoices or in the wallet, or went out again.
    fn check(&self) {
        let given = 1_234;
        let came = given + total(self.payments.iter().map(|payment| payment.amount));
        let is_out = |payment: &&Payment| {
            payment.status.is_realised() && payment.method != Some(Method::Credits)
        };
        let outside = total(self.notes.iter().map(|note| note.settlement.external));
        let went = total(
            self.outgoing
                .iter()
                .filter(is_out)
                .map(|payment| payment.amount),
        ) + outside;
        let held = self.invoices.iter().flat_map(|invoice| {
            let amounts = invoice.amounts();
            let minus = |amount: Money| amount.checked_neg().unwrap();
            [
                amounts.paid,
                amounts.applied,
                minus(amounts.returned_paid),
                minus(amounts.returned_applied),
            ]
        });
        assert_eq!(came - went, total(held) + self.wallet.balance().minor());
        self.payments.iter().for_each(check_payment);
        let voided = self
            .payments
            .iter()
            .filter(|payment| payment.status == Status::Voided);
        for payment in voided {
            let of_it = self.outgoing.iter().filter(is_out);
            let of_it = of_it.filter(|row| row.parent_id == Some(payment.id));
            let gone = total(of_it.map(|row| row.amount));
            assert_eq!(
                gone,
                payment.amount.minor(),
                "a reversal takes all that never came"
            );
        }
        self.invoices
            .iter()
            .for_each(|invoice| self.check_invoice(invoice));
        self.notes.iter().for_each(check_note);
    }

    fn check_invoice(&self, invoice: &Issued) {
        let (total_amount, credited) = (invoice.totals().total, invoice.amounts().credited);
        let due = invoice.amount_due();
        assert!(
            !due.is_negative() && credited <= total_amount,
            "{invoice:?}"
        );
        assert!(!invoice.refundable().unwrap().is_negative());
        let is_void = credited == total_amount;
        assert_eq!(invoice.status() == InvoiceStatus::Void, is_void);
        if is_void {
            let notes = self
                .notes
                .iter()
                .filter(|note| note.invoice_id == Some(invoice.id()));
            let sum = notes.fold(vec![0; invoice.buckets().len()], |sum, note| {
                sum.iter()
                    .zip(&note.buckets)
                    .map(|(sum, bucket)| sum + bucket.minor())
                    .collect()
            });
            let whole: Vec<i64> = invoice.buckets().into_iter().map(Money::minor).collect();
            assert_eq!(sum, whole, "all credits together are the lines and taxes");
        }
        if !is_void {
            assert_eq!(invoice.status() == InvoiceStatus::Paid, due.is_zero());
        }
    }
}

fn check_payment(payment: &Payment) {
    if payment.status.is_realised() {
        assert_eq!(payment.allocated(), Ok(payment.amount));
    }
    assert!(payment.amount_refunded().unwrap() <= payment.amount);
    for part in &payment.parts {
        assert!(!part.left().unwrap().is_negative() && part.amount.minor() > 0);
    }
}

fn check_note(note: &CreditNote) {
    let settlement = &note.settlement;
    let refunds = settlement.refunds.iter().map(|share| share.amount);
    let settled = [
        settlement.against_due,
        settlement.to_wallet,
        settlement.external,
    ];
    assert_eq!(total(refunds.chain(settled)), note.amount.minor());
    assert_eq!(total(note.buckets.iter().copied()), note.amount.minor());
    assert_eq!(
        note.status == NoteStatus::InProgress,
        !settlement.refunds.is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_cent_is_made_or_lost(events in prop::collection::vec(events(), 1..25)) {
        let mut till = Till::open();
        till.check();
        for event in &events {
            till.happens(event);
            till.check();
        }
    }
}
