//! Laws of money that hold after any sequence of what can happen to it, through the operations and in the tables:
//! no cent is made or lost, and the books say the same as invoices and wallets.

use std::collections::BTreeMap;

use florin_app::{
    Error,
    credit_note::{self, Amount, Expected, NewCreditNote, To},
    payment::{
        self, Charge, Edit, NewPayment, NewRefund, NewReversal, RefundAnswer, Refusal, Settlement,
    },
    verify,
    wallet::{self, Adjustment},
};
use florin_core::{
    credit_note::{RefundDestination, RepaymentMethod},
    ledger::DefaultAccount,
    money::Money,
    payment::{Kind, Method, PartRequest, Status},
};
use florin_store::{self as store, Tx, list, payment::Kept};
use florin_testkit::{TestApp, both, cents};
use serde_json::json;
use uuid::Uuid;

use crate::payments::customer;

/// Sequences that are tried, and what happens in each.
const SEQUENCES: u64 = 12;
const EVENTS: usize = 25;

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice of their own for each seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9) + 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*, a few lines that need no crate.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub(crate) fn amount(&mut self, bound: u64) -> i64 {
        self.below(bound) as i64 + 1
    }

    pub(crate) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(crate) fn is_so(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// One customer's affairs.
pub(crate) struct Till<'a> {
    app: &'a TestApp,
    customer: Uuid,
    /// The invoices that money moves over: all that are approved.
    pub(crate) invoices: Vec<Uuid>,
    dice: Dice,
    /// How often each event was done and refused.
    pub(crate) tally: BTreeMap<&'static str, (u32, u32)>,
}

impl<'a> Till<'a> {
    async fn open(app: &'a TestApp, seed: u64) -> Self {
        let customer = customer(app).await;
        let mut tx = app.begin().await;
        let id: Uuid = customer.parse().unwrap();
        let given = Adjustment {
            amount: cents(1_234),
            adds: true,
            description: None,
        };
        wallet::adjust(&app.app, &mut tx, id, given).await.unwrap();
        tx.commit().await.unwrap();
        let prices: [&[i64]; 3] = [&[3_333, 6_667], &[5_000, 701], &[1]];
        let mut invoices = Vec::new();
        for prices in prices {
            let prices: Vec<Money> = prices.iter().map(|minor| cents(*minor)).collect();
            invoices.push(app.issued(&customer, &prices).await.parse().unwrap());
        }
        Self {
            app,
            customer: id,
            invoices,
            dice: Dice::of(seed),
            tally: BTreeMap::new(),
        }
    }

    /// The affairs of a customer who has nothing yet.
    pub(crate) fn new(app: &'a TestApp, customer: Uuid, dice: Dice) -> Self {
        Self {
            app,
            customer,
            invoices: Vec::new(),
            dice,
            tally: BTreeMap::new(),
        }
    }

    pub(crate) async fn happens(&mut self) {
        let mut tx = self.app.begin().await;
        let (event, outcome) = self.event(&mut tx).await;
        let counts = self.tally.entry(event).or_default();
        match outcome {
            Ok(()) => {
                counts.0 += 1;
                tx.commit().await.unwrap();
            }
            Err(Error::Refused { .. } | Error::Invalid(_)) => counts.1 += 1,
            Err(fault) => panic!("{event}: {fault:?}"),
        }
    }

    async fn event(&mut self, tx: &mut Tx) -> (&'static str, Result<(), Error>) {
        match self.dice.below(16) {
            0..=3 => ("pay", self.pay(tx).await),
            4 => ("charge", self.charge(tx).await),
            5 => ("answer", self.answer(tx).await),
            6 => ("reallocate", self.reallocate(tx).await),
            7 => ("edit", self.edit(tx).await),
            8..=9 => ("refund", self.refund(tx).await),
            10 => ("reverse", self.reverse(tx).await),
            11 => ("delete", self.delete(tx).await),
            12..=13 => ("credit", self.credit(tx).await),
            14 => ("credit at large", self.credit_at_large(tx).await),
            _ => ("adjust", self.adjust(tx).await),
        }
    }

    fn parts(&mut self) -> Vec<(Uuid, i64)> {
        let count = self.dice.below(3);
        let mut parts: Vec<(Uuid, i64)> = Vec::new();
        for _ in 0..count {
            let invoice = self.dice.one_of(&self.invoices);
            if parts.iter().all(|(known, _)| *known != invoice) {
                parts.push((invoice, self.dice.amount(6_000)));
            }
        }
        parts
    }

    async fn pay(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let mut parts = self.parts();
        let sum: i64 = parts.iter().map(|(_, minor)| minor).sum();
        let is_withheld = self.dice.below(8) == 0 && !parts.is_empty();
        let amount = if is_withheld {
            sum
        } else {
            sum + self.dice.amount(500) - 1
        };
        if amount == 0 {
            parts.clear();
        }
        let new = NewPayment {
            customer_id: Some(self.customer),
            kind: if is_withheld {
                Kind::TaxWithheld
            } else {
                Kind::Payment
            },
            method: (!is_withheld).then_some(Method::Cash),
            amount,
            currency_code: "USD".to_owned(),
            parts,
            status: if self.dice.below(5) == 0 {
                Status::Created
            } else {
                Status::Success
            },
            external_id: None,
            at: None,
            payment_method_details: json!({}),
            receipt_number: None,
            description: None,
        };
        payment::record(&self.app.app, tx, new).await.map(drop)
    }

    async fn charge(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let parts = vec![PartRequest {
            invoice_id: self.dice.one_of(&self.invoices),
            amount: cents(self.dice.amount(4_000)),
        }];
        let charge = Charge {
            customer_id: self.customer,
            parts,
            method: None,
            connector_id: None,
            connector_name: None,
            payment_method_details: json!({}),
            autocharge: true,
            idempotency_key: None,
        };
        payment::begin_charge(&self.app.app, tx, charge)
            .await
            .map(drop)
    }

    /// A gateway answers to the oldest open charge or refund.
    async fn answer(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let now = tx.at()?;
        let open = store::payment::unanswered(tx, now, 1).await?;
        let Some(open) = open.first() else {
            return Ok(());
        };
        let (id, has_succeeded) = (open.payment.id, self.dice.below(3) > 0);
        if open.payment.kind == Kind::Refund {
            let answer = RefundAnswer {
                has_succeeded,
                external_id: None,
                failure: None,
            };
            return payment::settle_refund(&self.app.app, tx, id, answer)
                .await
                .map(drop);
        }
        if has_succeeded {
            let settlement = Settlement {
                external_id: None,
                method: None,
                payment_method_details: None,
                at: None,
            };
            return payment::settle(&self.app.app, tx, id, settlement)
                .await
                .map(drop);
        }
        let refusal = Refusal {
            status: Status::Failed,
            external_id: None,
            failure: None,
        };
        payment::fail(tx, id, refusal).await.map(drop)
    }

    /// Any payment of the customer.
    async fn chosen(&mut self, tx: &mut Tx) -> Result<Uuid, Error> {
        let payments = payments(tx, self.customer).await;
        let ids: Vec<Uuid> = payments.iter().map(|kept| kept.payment.id).collect();
        if ids.is_empty() {
            return Err(Error::refused("NOTHING_TO_CHOOSE", "there is no payment"));
        }
        Ok(self.dice.one_of(&ids))
    }

    async fn reallocate(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let id = self.chosen(tx).await?;
        let parts = self.parts();
        payment::reallocate(&self.app.app, tx, id, parts)
            .await
            .map(drop)
    }

    async fn edit(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let id = self.chosen(tx).await?;
        let edit = Edit {
            amount: self.dice.is_so().then(|| self.dice.amount(8_000)),
            parts: self.dice.is_so().then(|| self.parts()),
            status: self.dice.is_so().then_some(Status::Success),
            ..Edit::default()
        };
        payment::edit_manual(&self.app.app, tx, id, edit)
            .await
            .map(drop)
    }

    fn destination(&mut self) -> RefundDestination {
        self.dice.one_of(&[
            RefundDestination::Credits,
            RefundDestination::OriginalPaymentMethod,
            RefundDestination::External,
        ])
    }

    async fn refund(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let id = self.chosen(tx).await?;
        let new = NewRefund {
            destination: self.destination(),
            amount: self.dice.is_so().then(|| self.dice.amount(3_000)),
            parts: Vec::new(),
            writes_off: self.dice.is_so(),
            description: None,
            at: None,
        };
        payment::refund(&self.app.app, tx, id, new).await.map(drop)
    }

    async fn reverse(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let id = self.chosen(tx).await?;
        payment::reverse(&self.app.app, tx, id, NewReversal::default())
            .await
            .map(drop)
    }

    async fn delete(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let id = self.chosen(tx).await?;
        payment::delete_manual(&self.app.app, tx, id)
            .await
            .map(drop)
    }

    async fn credit(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let invoice = self.dice.one_of(&self.invoices);
        let mut new = note(self.dice.amount(4_000));
        new.destination = Some(self.destination());
        credit_note::against_invoice(&self.app.app, tx, (invoice, None), new)
            .await
            .map(drop)
    }

    async fn credit_at_large(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let to = To {
            customer_id: self.customer,
            currency: "USD".to_owned(),
            repayment_method: self
                .dice
                .one_of(&[RepaymentMethod::Credits, RepaymentMethod::ExternalPayment]),
        };
        let new = note(self.dice.amount(1_000));
        credit_note::stand_alone(&self.app.app, tx, to, new)
            .await
            .map(drop)
    }

    async fn adjust(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let adjustment = Adjustment {
            amount: cents(self.dice.amount(1_000)),
            adds: self.dice.is_so(),
            description: None,
        };
        wallet::adjust(&self.app.app, tx, self.customer, adjustment)
            .await
            .map(drop)
    }

    pub(crate) async fn check(&self) {
        let mut tx = self.app.app.db.read(self.app.organisation).await.unwrap();
        let payments = payments(&mut tx, self.customer).await;
        let in_wallet = self.check_wallet(&mut tx).await;
        let mut held = in_wallet.balance;
        let mut due = 0;
        for id in &self.invoices {
            let invoice = self.app.invoice(&id.to_string()).await;
            let amounts = invoice.amounts();
            held += amounts.paid.minor() + amounts.applied.minor();
            held -= amounts.returned_paid.minor() + amounts.returned_applied.minor();
            due += invoice.amount_due().minor();
            // What an invoice is below zero is given.
            held -= invoice.totals().credit.minor();
            let paid: i64 = payments.iter().map(|kept| of_invoice(kept, *id)).sum();
            assert_eq!(amounts.paid.minor(), paid, "payments say what is paid");
        }
        let moved: i64 = payments.iter().map(moved).sum();
        let outside = outside(&mut tx, self.customer).await;
        assert_eq!(
            in_wallet.given + moved - outside,
            held,
            "no cent is made or lost"
        );
        self.check_books(&mut tx, due).await;
    }

    /// The balance is the sum of the entries, one after the other.
    async fn check_wallet(&self, tx: &mut Tx) -> InWallet {
        let query = everything(&store::wallet::ENTRIES, "sequence");
        let entries = store::wallet::entries(tx, self.customer, &query)
            .await
            .unwrap();
        let mut found = InWallet::default();
        for (entry, number) in entries.results.iter().zip(1..) {
            let amount = entry.posting.entry.amount.minor();
            found.balance += amount;
            assert_eq!(
                (entry.sequence, entry.balance.minor()),
                (number, found.balance)
            );
            // What was given by hand, and by credit notes that are for no invoice.
            found.given += match entry.posting.entry.reason.source() {
                None => amount,
                Some(id) => match store::credit_note::find(tx, id).await.unwrap() {
                    Some(kept) if kept.note.invoice_id.is_none() => amount,
                    _ => 0,
                },
            };
        }
        let held = store::wallet::of_customer(tx, self.customer).await.unwrap();
        let held: i64 = held.iter().map(|wallet| wallet.balance.minor()).sum();
        assert_eq!(held, found.balance);
        found
    }

    /// What customers owe is in the books, and all else that a verification compares.
    async fn check_books(&self, tx: &mut Tx, due: i64) {
        let balances = store::journal::balances(tx).await.unwrap();
        let receivable = DefaultAccount::CustomersReceivable.id();
        let owed = balances
            .iter()
            .filter(|balance| balance.account == receivable);
        let owed: i64 = owed.map(|balance| balance.debits - balance.credits).sum();
        assert_eq!(owed, due, "what customers owe");
        let report = verify::run(&self.app.app, self.app.organisation).await;
        assert_eq!(report.unwrap().findings, []);
    }
}

#[derive(Default)]
struct InWallet {
    balance: i64,
    given: i64,
}

fn note(minor: i64) -> NewCreditNote {
    NewCreditNote {
        amount: Amount::Minor(minor),
        reason: "Billing error".to_owned(),
        destination: None,
        split: Vec::new(),
        number: None,
        line_items: json!({}),
        custom_data: json!({}),
        expected: Expected::default(),
    }
}

/// What of an invoice a payment has paid, a refund given back or a reversal taken back.
fn of_invoice(kept: &Kept, invoice: Uuid) -> i64 {
    let payment = &kept.payment;
    let mut parts = payment.parts.iter();
    let part = parts.find(|part| part.invoice_id == invoice);
    let amount = part.map_or(0, |part| part.amount.minor());
    match payment.kind {
        Kind::Payment | Kind::TaxWithheld if has_come(kept) => amount,
        // What a credit note gives back is not owed again.
        Kind::Refund
            if kept.about.credit_note_id.is_none() && payment.status == Status::Success =>
        {
            -amount
        }
        Kind::PaymentReversal => -amount,
        _ => 0,
    }
}

/// Whether the money of a payment came, though a reversal may have taken it back.
fn has_come(kept: &Kept) -> bool {
    kept.payment.status.is_realised() || kept.payment.status == Status::Voided
}

/// What came in from outside and went out again; what a credit note has promised is no longer held.
fn moved(kept: &Kept) -> i64 {
    let payment = &kept.payment;
    let is_promised = kept.about.credit_note_id.is_some() && payment.status == Status::InProgress;
    match payment.kind {
        Kind::Payment | Kind::TaxWithheld if has_come(kept) => payment.amount.minor(),
        Kind::Refund if payment.method == Some(Method::Credits) => 0,
        Kind::Refund if payment.status == Status::Success || is_promised => -payment.amount.minor(),
        Kind::PaymentReversal => -payment.amount.minor(),
        _ => 0,
    }
}

/// What credit notes against invoices gave back outside.
async fn outside(tx: &mut Tx, customer: Uuid) -> i64 {
    let query = everything(&store::credit_note::LIST, "created_at");
    let notes = store::credit_note::page(tx, &query).await.unwrap().results;
    let own = notes.iter().map(|kept| &kept.note);
    let own = own.filter(|note| note.customer_id == customer && note.invoice_id.is_some());
    own.map(|note| note.settlement.external.minor()).sum()
}

async fn payments(tx: &mut Tx, customer: Uuid) -> Vec<Kept> {
    let query = everything(&store::payment::LIST, "id");
    let page = store::payment::page(tx, &query).await.unwrap();
    let own = page.results.into_iter();
    own.filter(|kept| kept.payment.customer_id == customer)
        .collect()
}

fn everything(spec: &'static list::Spec, order: &str) -> list::Query {
    let parameters = [("limit", "1000"), ("order", order)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    list::parse(spec, &parameters).unwrap()
}

both! {
    async fn no_cent_is_made_or_lost(app) {
        let mut tally: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for seed in 1..=SEQUENCES {
            let other = app.other_organisation().await;
            let mut till = Till::open(&other, seed).await;
            till.check().await;
            for _ in 0..EVENTS {
                till.happens().await;
                till.check().await;
            }
            for (event, (done, refused)) in till.tally {
                let counts = tally.entry(event).or_default();
                *counts = (counts.0 + done, counts.1 + refused);
            }
        }
        let never: Vec<_> = tally.iter().filter(|(_, (done, _))| *done == 0).collect();
        assert!(never.is_empty() && tally.len() == 11, "what never happened proves nothing: {tally:?}");
    }
}
