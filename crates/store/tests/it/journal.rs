//! The journal: what the database refuses, whoever asks.

use florin_core::currency::Currency;
use florin_core::ledger::{
    DefaultAccount, Dimensions, EntryHeader, JournalEntry, Kind, Posting, Side,
};
use florin_core::money::Money;
use florin_store::{Actor, Result, Tx, account, journal};
use florin_testkit::{TestApp, both};
use sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

fn entry(id: u128, minor: i64) -> JournalEntry {
    let header = EntryHeader {
        id: Uuid::from_u128(id),
        kind: Kind::PaymentReceived,
        source_id: Some(Uuid::from_u128(id + 100)),
        revision: 0,
        reverses_id: None,
        description: "Payment".to_owned(),
        currency: Currency::USD,
        business_entity_id: None,
        posted_at: "2026-01-05T10:00:00Z".parse().unwrap(),
    };
    let posting = |account: DefaultAccount, side| Posting {
        account: account.id(),
        side,
        amount: Money::from_minor(minor, Currency::USD),
        dimensions: Dimensions {
            customer_id: Some(Uuid::from_u128(4)),
            ..Dimensions::default()
        },
    };
    let postings = [
        posting(DefaultAccount::Cash, Side::Debit),
        posting(DefaultAccount::CustomersReceivable, Side::Credit),
    ];
    JournalEntry::new(header, &postings).unwrap().unwrap()
}

async fn begin(app: &TestApp) -> Tx {
    let begun = app.app.begin(app.organisation, Actor::System, "");
    begun.await.unwrap()
}

async fn write(app: &TestApp, entries: &[JournalEntry]) {
    let mut tx = begin(app).await;
    journal::insert(&mut tx, entries).await.unwrap();
    tx.commit().await.unwrap();
}

/// A row of a line of entry `entry`, in cents.
fn line(tx: &Tx, entry: u128, position: i64, sides: (i64, i64)) -> sea_query::InsertStatement {
    let mut insert = Query::insert();
    insert.into_table("journal_line").columns([
        "organisation_id",
        "journal_entry_id",
        "position",
        "account_id",
        "debits",
        "credits",
        "currency",
        "posted_at",
    ]);
    let at: florin_core::Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
    insert.values_panic([
        tx.organisation().0.into(),
        Uuid::from_u128(entry).into(),
        position.into(),
        DefaultAccount::Cash.id().0.into(),
        sides.0.into(),
        sides.1.into(),
        "USD".into(),
        at.into(),
    ]);
    insert
}

fn refused<T: std::fmt::Debug>(outcome: Result<T>, reason: &str) {
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

/// A statement over every row of the organisation.
async fn change(app: &TestApp, table: &'static str, column: &'static str) -> Result<u64> {
    let mut tx = begin(app).await;
    let mut update = Query::update();
    update
        .table(table)
        .value(column, Expr::col(Alias::new(column)));
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    tx.execute(&update).await
}

async fn remove(app: &TestApp, table: &'static str) -> Result<u64> {
    let mut tx = begin(app).await;
    let mut delete = Query::delete();
    delete.from_table(table);
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    tx.execute(&delete).await
}

both! {
    async fn an_organisation_begins_with_the_chart_of_accounts(app) {
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let accounts = account::all(&mut tx).await.unwrap();
        assert_eq!(accounts.len(), florin_core::ledger::CHART.len());
        assert_eq!(accounts[0].id, DefaultAccount::Cash.id());
    }

    async fn what_is_written_is_read(app) {
        let entries = [entry(1, 500), entry(2, 700)];
        write(&app, &entries).await;
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let read = journal::of_ids(&mut tx, &[Uuid::from_u128(1), Uuid::from_u128(2)]).await;
        assert_eq!(read.unwrap(), entries);
        let balances = journal::balances(&mut tx).await.unwrap();
        let balances: Vec<(i64, i64)> = balances.iter().map(|b| (b.debits, b.credits)).collect();
        assert_eq!(balances, [(1_200, 0), (0, 1_200)]);
        let other = app.other_organisation().await;
        let mut tx = app.app.db.read(other.organisation).await.unwrap();
        assert!(journal::balances(&mut tx).await.unwrap().is_empty());
    }

    async fn an_event_is_posted_once(app) {
        write(&app, &[entry(1, 500)]).await;
        let again = entry(2, 500);
        let header = EntryHeader {
            source_id: entry(1, 500).header().source_id,
            ..again.header().clone()
        };
        let postings = again.lines().iter().map(|line| Posting {
            account: line.account(),
            side: line.side(),
            amount: line.amount(),
            dimensions: *line.dimensions(),
        });
        let postings: Vec<Posting> = postings.collect();
        let again = JournalEntry::new(header, &postings).unwrap().unwrap();
        let mut tx = begin(&app).await;
        let error = journal::insert(&mut tx, &[again]).await.unwrap_err();
        assert_eq!(error.constraint(), Some("journal_entry_source_id_event_revision_key"));
    }

    async fn nothing_that_is_posted_changes_or_goes(app) {
        write(&app, &[entry(1, 500)]).await;
        for (table, column) in [
            ("journal_entry", "description"),
            ("journal_entry", "posted_at"),
            ("journal_line", "debits"),
        ] {
            refused(change(&app, table, column).await, "append-only");
        }
        for table in ["journal_line", "journal_entry"] {
            refused(remove(&app, table).await, "append-only");
        }
    }

    async fn a_closed_entry_takes_no_more_lines(app) {
        write(&app, &[entry(1, 500)]).await;
        let mut tx = begin(&app).await;
        let insert = line(&tx, 1, 2, (1, 0));
        refused(tx.execute(&insert).await, "closed");
    }

    async fn a_line_has_one_side_and_an_account(app) {
        for sides in [(0, 0), (1, 1), (-1, 0)] {
            let mut tx = begin(&app).await;
            let insert = line(&tx, 1, 0, sides);
            refused(tx.execute(&insert).await, "journal_line_one_side");
        }
    }

    async fn an_entry_whose_lines_are_not_balanced_is_refused(app) {
        let mut tx = begin(&app).await;
        // A line too many, before the entry with its own two.
        let insert = line(&tx, 1, 2, (1, 0));
        tx.execute(&insert).await.unwrap();
        refused(journal::insert(&mut tx, &[entry(1, 500)]).await, "not balanced");
    }

    async fn lines_without_an_entry_are_not_committed(app) {
        let mut tx = begin(&app).await;
        let insert = line(&tx, 1, 0, (1, 0));
        tx.execute(&insert).await.unwrap();
        tx.commit().await.unwrap_err();
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        assert!(journal::balances(&mut tx).await.unwrap().is_empty());
    }
}
