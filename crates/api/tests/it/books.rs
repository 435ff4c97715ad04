//! The books: what is posted with what moves money, and that `verify` finds every hand that changes them.

use florin_app::{journal, verify};
use florin_core::{
    calendar::Period,
    currency::Currency,
    id::{FeatureId, LineId},
    invoice::{self, Approval, Approved, Draft, Freshness, Header, Issued, LineLabel, OneOffLine},
    ledger::{Event, of_approval},
    money::Money,
    payment::{self, Kind, Method, Origin, PartRequest},
    payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms},
    pricing::Model,
    tax::Tax,
    wallet::Wallet,
};
use florin_store::{self as store, Actor, Tx, wallet::Posting};
use florin_testkit::{Backend, TestApp, both};
use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

const TERMS: PaymentTerms = PaymentTerms {
    term_type: PaymentTermType::OnApproval,
    mode: PaymentTermMode::Relative,
    due_days: 30,
    last_day_of_month: false,
};

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

async fn begin(app: &TestApp) -> Tx {
    app.app
        .begin(app.organisation, Actor::System, "")
        .await
        .unwrap()
}

async fn customer(app: &TestApp) -> Uuid {
    let body = json!({ "customer_name": "Northwind" });
    app.post("/customers", body)
        .await
        .ok()
        .id()
        .parse()
        .unwrap()
}

fn line(number: u128, minor: i64) -> OneOffLine {
    OneOffLine {
        label: LineLabel {
            line: LineId(Uuid::from_u128(number)),
            name: "Consulting".to_owned(),
            description: None,
            unit: "hour".to_owned(),
            units: None,
        },
        service: Period::new(date(2026, 1, 1), date(2026, 2, 1)).unwrap(),
        model: Model::PerUnit {
            unit_amount: Decimal::new(minor, 2),
        },
        quantity: Decimal::ONE,
        discounts: Vec::new(),
        taxes: vec![Tax {
            id: FeatureId(Uuid::from_u128(77)),
            rate: Decimal::TEN,
            is_compound: false,
        }],
    }
}

/// Approves an invoice over 120.00 and 12.00 of tax, with what the wallet has, and posts it.
async fn approve(app: &TestApp, customer: Uuid) -> Issued {
    let mut tx = begin(app).await;
    let (day, currency) = (date(2026, 2, 1), Currency::USD);
    let lines = vec![line(1, 10_000), line(2, 2_000)];
    let part = invoice::one_off(app.app.ids.next(), customer, currency, day, lines).unwrap();
    let header = Header::new(customer, currency, day);
    let id = app.app.ids.next();
    let draft = Draft::new(id, header, vec![part], Freshness::default()).unwrap();
    store::invoice::insert_drafts(&mut tx, std::slice::from_ref(&draft))
        .await
        .unwrap();
    let wallet = store::wallet::balance(&mut tx, customer, currency)
        .await
        .unwrap();
    let number = format!("INV-{}", id.as_u128() & 0xffff);
    let approval = approval(number, tx.at().unwrap(), wallet);
    let approved = invoice::approve(draft, approval).unwrap();
    store::invoice::issue(&mut tx, std::slice::from_ref(&approved))
        .await
        .unwrap();
    let Approved { invoice, wallet } = approved;
    let postings = wallet.into_iter().map(|entry| Posting {
        id: app.app.ids.next(),
        customer_id: customer,
        entry,
        description: None,
    });
    store::wallet::post(&mut tx, postings.collect())
        .await
        .unwrap();
    let events: Vec<Event<'_>> = of_approval(&invoice, None).collect();
    journal::post(&app.app, &mut tx, &events).await.unwrap();
    tx.commit().await.unwrap();
    invoice
}

fn approval(number: String, at: jiff::Timestamp, wallet: Wallet) -> Approval {
    Approval {
        number,
        at,
        on: date(2026, 2, 1),
        wallet,
        payment_terms: TERMS,
    }
}

/// Pays an invoice; what is more goes into the wallet.
async fn pay(app: &TestApp, invoice: &Issued, minor: i64) -> Issued {
    let mut tx = begin(app).await;
    let part = PartRequest {
        invoice_id: invoice.id(),
        amount: usd(minor.min(invoice.amount_due().minor())),
    };
    let request = payment::Request {
        id: app.app.ids.next(),
        customer_id: invoice.header().customer_id,
        kind: Kind::Payment,
        method: Some(Method::BankTransfer),
        origin: Origin::Manual,
        amount: usd(minor),
        parts: vec![part],
        status: payment::Status::Success,
        external_id: None,
        at: tx.at().unwrap(),
    };
    let outcome = payment::record(request, vec![invoice.clone()]).unwrap();
    let kept = store::payment::Kept {
        payment: outcome.payment.clone(),
        about: store::payment::About::nothing(),
        created_at: tx.at().unwrap(),
        updated_at: tx.at().unwrap(),
    };
    store::payment::insert(&mut tx, &kept).await.unwrap();
    let after = outcome.invoices[0].clone();
    store::invoice::save_amounts(&mut tx, invoice, &after)
        .await
        .unwrap();
    let postings = outcome.wallet.iter().map(|entry| Posting {
        id: app.app.ids.next(),
        customer_id: invoice.header().customer_id,
        entry: *entry,
        description: None,
    });
    store::wallet::post(&mut tx, postings.collect())
        .await
        .unwrap();
    let payment = &outcome.payment;
    let event = Event::PaymentReceived { payment };
    journal::post(&app.app, &mut tx, &[event]).await.unwrap();
    tx.commit().await.unwrap();
    after
}

/// An invoice that was paid with too much, a second one that the wallet paid in part; all sealed.
async fn busy(app: &TestApp) -> (Issued, Issued) {
    let customer = customer(app).await;
    let first = approve(app, customer).await;
    let first = pay(app, &first, 15_000).await;
    let second = approve(app, customer).await;
    journal::seal(&app.app, app.organisation).await.unwrap();
    (first, second)
}

/// What is wrong with the books, each as `check: message`.
async fn wrong(app: &TestApp) -> Vec<String> {
    let report = verify::run(&app.app, app.organisation).await.unwrap();
    let findings = report.findings.iter();
    findings
        .map(|finding| format!("{}: {}", finding.check, finding.message))
        .collect()
}

/// Each finding begins as expected, and there is no other.
async fn check(app: &TestApp, expected: &[&str]) {
    let wrong = wrong(app).await;
    let begins = |(found, expected): (&String, &&str)| found.starts_with(expected);
    let is_right = wrong.len() == expected.len() && wrong.iter().zip(expected).all(begins);
    assert!(is_right, "{wrong:#?}");
}

both! {
    async fn books_that_nobody_touched_are_right(app) {
        check(&app, &[]).await;
        let (first, second) = busy(&app).await;
        assert_eq!((first.amount_due(), second.amount_due()), (usd(0), usd(11_400)));
        let report = verify::run(&app.app, app.organisation).await.unwrap();
        assert_eq!((report.entries, report.unsealed, report.seals), (4, 0, 1));
        assert_eq!((report.invoices, report.findings), (2, Vec::new()));
    }

    async fn entries_belong_to_the_books_of_the_customers_entity(app) {
        busy(&app).await;
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let ids = store::journal::of_seal(&mut tx, 1).await.unwrap();
        for entry in store::journal::of_ids(&mut tx, &ids).await.unwrap() {
            // The first entity of an organisation has its id.
            assert_eq!(entry.header().business_entity_id, Some(app.organisation.0));
        }
    }

    async fn sealing_again_finds_nothing_and_new_entries_make_a_new_seal(app) {
        let (_, second) = busy(&app).await;
        assert_eq!(journal::seal(&app.app, app.organisation).await.unwrap(), 0);
        pay(&app, &second, 1_000).await;
        let report = verify::run(&app.app, app.organisation).await.unwrap();
        assert_eq!((report.unsealed, report.seals), (1, 1));
        journal::seal_all(&app.app).await.unwrap();
        let report = verify::run(&app.app, app.organisation).await.unwrap();
        assert_eq!((report.unsealed, report.seals), (0, 2));
        assert_eq!(report.findings, []);
    }

    async fn a_changed_amount_is_found_by_the_entry_the_invoice_and_the_seal(app) {
        busy(&app).await;
        app.tamper("UPDATE journal_line SET credits = 13300 WHERE credits = 13200").await;
        check(&app, &[
            "entry: the entry is not balanced: debits are 15000, credits 15100 (minor units of USD)",
            "receivables: the invoice: the journal says -100, to be paid are 0 (minor units of USD)",
            "chain: an entry of seal 1 cannot be read: column debits is not readable: ",
        ]).await;
    }

    async fn a_changed_word_breaks_the_seal(app) {
        busy(&app).await;
        app.tamper("UPDATE journal_entry SET description = 'Gift' WHERE event = 'payment_received'").await;
        check(&app, &["chain: the entries of seal 1 are not those that were sealed"]).await;
    }

    async fn an_entry_that_is_gone_is_missed(app) {
        busy(&app).await;
        app.tamper("DELETE FROM journal_line WHERE payment_id IS NOT NULL").await;
        app.tamper("DELETE FROM journal_entry WHERE event = 'payment_received'").await;
        check(&app, &[
            "receivables: the invoice: the journal says 13200, to be paid are 0",
            "wallets: the customer: the journal says -1800, the wallet has 0",
            "payments: the payment: the journal says 0, moved were 15000",
            "chain: seal 1 covers 4 entries, 3 are there",
            "chain: the entries of seal 1 are not those that were sealed",
        ]).await;
    }

    async fn lines_without_an_entry_are_found(app) {
        busy(&app).await;
        app.tamper("DELETE FROM journal_entry WHERE event = 'wallet_applied'").await;
        check(&app, &[
            "entry: the entry has 2 lines, it was written with 0",
            "chain: seal 1 covers 4 entries, 3 are there",
            "chain: the entries of seal 1 are not those that were sealed",
        ]).await;
    }

    async fn a_changed_wallet_is_found(app) {
        busy(&app).await;
        app.tamper("UPDATE wallet SET balance = 500").await;
        check(&app, &[
            "wallets: the customer: the journal says 0, the wallet has 500",
            "wallets: the customer: entries sum to 0, the wallet has 500",
        ]).await;
    }

    async fn a_changed_invoice_is_found(app) {
        let (_, second) = busy(&app).await;
        app.tamper("UPDATE invoice SET amount_due = 1 WHERE amount_due = 11400").await;
        let number = second.number();
        check(&app, &[
            "receivables: the invoice: the journal says 11400, to be paid are 1",
            &format!("invoices: invoice {number} cannot be read: "),
        ]).await;
    }

    async fn a_changed_trace_is_found(app) {
        let customer = customer(&app).await;
        let number = approve(&app, customer).await.number().to_owned();
        let changed = "replace(CAST(rated AS TEXT), '20.00 USD', '30.00 USD')";
        let changed = match app.app.db.backend() {
            Backend::Sqlite => changed.to_owned(),
            Backend::Postgres => format!("{changed}::json"),
        };
        app.tamper(&format!("UPDATE invoice_part SET rated = {changed}")).await;
        let wrong = wrong(&app).await;
        let about = format!("invoices: invoice {number} ");
        assert!(!wrong.is_empty() && wrong.iter().all(|one| one.starts_with(&about)), "{wrong:#?}");
    }

    async fn a_changed_payment_is_found(app) {
        busy(&app).await;
        app.tamper("UPDATE payment SET amount = 14000").await;
        check(&app, &["payments: the payment: the journal says 15000, moved were 14000"]).await;
    }

    async fn a_seal_that_is_gone_is_missed(app) {
        let (_, second) = busy(&app).await;
        let second = pay(&app, &second, 100).await;
        journal::seal(&app.app, app.organisation).await.unwrap();
        pay(&app, &second, 200).await;
        journal::seal(&app.app, app.organisation).await.unwrap();
        check(&app, &[]).await;
        app.tamper("DELETE FROM journal_seal WHERE number = 2").await;
        check(&app, &["chain: between seals 1 and 3 others are gone"]).await;
        app.tamper("DELETE FROM journal_seal WHERE number = 3").await;
        check(&app, &[
            "chain: 1 entries name seal 2, which is not there",
            "chain: 1 entries name seal 3, which is not there",
        ]).await;
    }

    async fn a_chain_that_was_made_anew_from_the_middle_is_found(app) {
        let (_, second) = busy(&app).await;
        pay(&app, &second, 100).await;
        journal::seal(&app.app, app.organisation).await.unwrap();
        app.tamper("UPDATE journal_seal SET hash = previous_hash WHERE number = 1").await;
        check(&app, &[
            "chain: seal 2 does not follow seal 1",
            "chain: the entries of seal 1 are not those that were sealed",
        ]).await;
    }
}
