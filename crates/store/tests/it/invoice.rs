//! Invoices: what is read is what was written, to the digit, and what is approved does not change.

use std::collections::BTreeSet;

use florin_core::calendar::Period;
use florin_core::carried::Carried;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{
    Approval, Approved, Draft, DraftEdit, Freshness, Header, Issued, LineLabel, OneOffLine, Part,
    Source, Status, approve, line_items, one_off,
};
use florin_core::money::Money;
use florin_core::payment_terms::PaymentTerms;
use florin_core::pricing::Model;
use florin_core::rating::replay;
use florin_core::wallet::Wallet;
use florin_store::invoice::{self, Invoice};
use florin_store::number_sequence::{self, Numbered};
use florin_store::{Actor, Row, Tx};
use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use jiff::civil::date;
use rust_decimal::Decimal;
use sea_query::{Asterisk, Expr, ExprTrait, Query, SimpleExpr};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::golden_departures::{GOLDEN, LINES, amount, billed, text};

const CUSTOMER: Uuid = Uuid::from_u128(50);

async fn begin(app: &TestApp) -> Tx {
    app.clock.advance(SignedDuration::from_mins(1));
    let begun = app.app.begin(app.organisation, Actor::System, "").await;
    begun.unwrap()
}

async fn read(app: &TestApp, id: Uuid) -> Invoice {
    let mut tx = app.app.db.read(app.organisation).await.unwrap();
    invoice::find(&mut tx, id).await.unwrap().unwrap()
}

fn line(number: u128, unit_amount: i64) -> OneOffLine {
    let label = LineLabel {
        line: LineId(Uuid::from_u128(number)),
        name: "Consulting".to_owned(),
        description: Some("Three days".to_owned()),
        unit: "day".to_owned(),
        units: None,
    };
    OneOffLine {
        label,
        service: Period::new(date(2026, 1, 1), date(2026, 2, 1)).unwrap(),
        model: Model::PerUnit {
            unit_amount: unit_amount.into(),
        },
        quantity: Decimal::ONE,
        discounts: Vec::new(),
        taxes: Vec::new(),
    }
}

/// A draft over so many dollars; its parts are numbered from a thousand times its own.
fn draft(number: u128, dollars: i64) -> Draft {
    let mut header = Header::new(CUSTOMER, Currency::USD, date(2026, 2, 1));
    header.external_id = Some(format!("E-{number}"));
    header.payment_terms = Some(PaymentTerms::days_after_invoice_date(14));
    header.notes = Some("Thank you".to_owned());
    header.custom_data = serde_json::from_str(r#"{"rate":0.10}"#).unwrap();
    header.tags = json!(["b", "a"]);
    let freshness = Freshness {
        usage_sequence: Some(7),
        contract_version: Some(2),
    };
    let part = part(number * 1000, dollars);
    Draft::new(Uuid::from_u128(number), header, vec![part], freshness).unwrap()
}

fn part(id: u128, dollars: i64) -> Part {
    let (usd, day) = (Currency::USD, date(2026, 2, 1));
    one_off(
        Uuid::from_u128(id),
        CUSTOMER,
        usd,
        day,
        vec![line(id, dollars)],
    )
    .unwrap()
}

fn approved(draft: Draft, number: u64, wallet: i64) -> Approved {
    let approval = Approval {
        number: format!("INV-{number:04}"),
        at: "2026-02-01T09:00:00Z".parse().unwrap(),
        on: date(2026, 2, 1),
        wallet: Wallet::with_balance(Money::from_minor(wallet, Currency::USD)),
        payment_terms: PaymentTerms::DEFAULT,
    };
    approve(draft, approval).unwrap()
}

/// The airline's draft as billing makes it.
fn departures(number: u128, invoice: &Json) -> Draft {
    let (rated, carried_out) = billed(invoice);
    let labels = LINES.iter().zip(1..).map(|(name, number)| LineLabel {
        line: LineId(Uuid::from_u128(number)),
        name: (*name).to_owned(),
        description: None,
        unit: "flight".to_owned(),
        units: None,
    });
    let contract_id = Uuid::from_u128(number + 7_000);
    let part = Part {
        id: Uuid::from_u128(number + 5_000),
        source: Source::Contract {
            contract_id,
            version: 3,
            phase_id: Uuid::from_u128(number + 6_000),
        },
        customer_id: CUSTOMER,
        rated,
        adjustments: Vec::new(),
        labels: labels.collect(),
        carried_in: Carried::default(),
        carried_out,
    };
    let mut header = Header::new(CUSTOMER, Currency::USD, date(2013, 2, 1));
    header.contract_id = Some(contract_id);
    let id = Uuid::from_u128(number);
    Draft::new(id, header, vec![part], Freshness::default()).unwrap()
}

both! {
    async fn invoices_of_departures_come_back_as_they_were_written(app) {
        let invoices = GOLDEN["invoices"].as_array().unwrap();
        let drafts = invoices.iter().zip(1..).map(|(invoice, number)| departures(number, invoice));
        let drafts: Vec<Draft> = drafts.collect();
        let mut tx = begin(&app).await;
        invoice::insert_drafts(&mut tx, &drafts).await.unwrap();
        tx.commit().await.unwrap();
        for (draft, golden) in drafts.iter().zip(invoices) {
            let kept = read(&app, draft.id()).await;
            assert_eq!(kept, Invoice::Draft(draft.clone()), "{}", golden["customer"]);
            let rated = &kept.parts()[0].rated;
            assert_eq!(replay(rated).as_ref(), Ok(rated), "{}", golden["customer"]);
            let items = line_items(kept.parts(), Currency::USD).unwrap();
            assert_eq!(items.total, amount(&golden["total"]), "{}", golden["customer"]);
            assert_eq!(items.lines[1].name, "departures", "{}", text(&golden["customer"]));
        }
        let mut tx = begin(&app).await;
        let ids: Vec<Uuid> = drafts.iter().map(Draft::id).collect();
        invoice::of_ids(&mut tx, &ids).await.unwrap();
        let approvals = drafts.into_iter().zip(1..);
        let approvals = approvals.map(|(draft, number)| approved(draft, number, 0));
        let approvals: Vec<Approved> = approvals.collect();
        invoice::issue(&mut tx, &approvals).await.unwrap();
        tx.commit().await.unwrap();
        for Approved { invoice, .. } in approvals {
            assert_eq!(read(&app, invoice.id()).await, Invoice::Issued(invoice));
        }
    }

    async fn a_draft_changes_and_its_words_with_it(app) {
        let before = draft(1, 100);
        let mut tx = begin(&app).await;
        invoice::insert_drafts(&mut tx, &[before.clone(), draft(2, 5)]).await.unwrap();
        tx.commit().await.unwrap();
        let edit = DraftEdit {
            tags: Some(json!(["c"])),
            parts: Some(vec![part(77, 40), part(78, 2)]),
            ..DraftEdit::default()
        };
        let after = before.clone().edit(edit).unwrap();
        let mut tx = begin(&app).await;
        invoice::save_draft(&mut tx, &before, &after).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(read(&app, before.id()).await, Invoice::Draft(after.clone()));
        let gone = after.clone().discard().unwrap();
        let mut tx = begin(&app).await;
        assert_eq!(invoice::tags(&mut tx).await.unwrap(), ["a", "b", "c"]);
        assert_eq!(invoice::id_of_external(&mut tx, "E-1").await.unwrap(), Some(after.id()));
        invoice::save_draft(&mut tx, &after, &gone).await.unwrap();
        assert_eq!(invoice::id_of_external(&mut tx, "E-1").await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(read(&app, before.id()).await.status(), Status::Discarded);
    }

    async fn an_external_id_belongs_to_one_invoice(app) {
        let mut tx = begin(&app).await;
        let mut other = draft(2, 5).header().clone();
        other.external_id = Some("E-1".to_owned());
        let parts = vec![part(99, 5)];
        let other = Draft::new(Uuid::from_u128(2), other, parts, Freshness::default()).unwrap();
        let refused = invoice::insert_drafts(&mut tx, &[draft(1, 5), other]).await.unwrap_err();
        assert_eq!(refused.constraint(), Some("invoice_external_id_key"));
    }

    async fn a_number_is_given_once(app) {
        let mut tx = begin(&app).await;
        let drafts = [draft(1, 5), draft(2, 6)];
        invoice::insert_drafts(&mut tx, &drafts).await.unwrap();
        let [one, two] = drafts.map(|draft| approved(draft, 1, 0));
        let refused = invoice::issue(&mut tx, &[one, two]).await.unwrap_err();
        assert_eq!(refused.constraint(), Some("invoice_number_series_invoice_number_key"));
    }

    async fn numbers_have_no_gap_where_a_transaction_is_undone(app) {
        let series = Uuid::from_u128(1);
        let take = async |tx: &mut Tx, count| {
            number_sequence::take(tx, Numbered::Invoice, series, count).await.unwrap()
        };
        let mut tx = begin(&app).await;
        assert_eq!(take(&mut tx, 3).await, 1..4);
        assert_eq!(take(&mut tx, 1).await, 4..5);
        tx.commit().await.unwrap();
        let mut undone = begin(&app).await;
        assert_eq!(take(&mut undone, 10).await, 5..15);
        drop(undone);
        let mut tx = begin(&app).await;
        assert_eq!(take(&mut tx, 1).await, 5..6);
        let notes = number_sequence::take(&mut tx, Numbered::CreditNote, series, 1).await;
        assert_eq!(notes.unwrap(), 1..2);
    }

    async fn what_was_approved_meanwhile_is_not_approved_again(app) {
        let mut tx = begin(&app).await;
        invoice::insert_drafts(&mut tx, &[draft(1, 5)]).await.unwrap();
        invoice::issue(&mut tx, &[approved(draft(1, 5), 1, 0)]).await.unwrap();
        let again = invoice::issue(&mut tx, &[approved(draft(1, 5), 2, 0)]).await;
        assert!(matches!(again, Err(florin_store::Error::Busy)), "{again:?}");
    }

    async fn what_is_paid_is_kept_and_since_when(app) {
        let mut tx = begin(&app).await;
        let wallet = 2_000;
        invoice::insert_drafts(&mut tx, &[draft(1, 50)]).await.unwrap();
        let issued = approved(draft(1, 50), 1, wallet).invoice;
        invoice::issue(&mut tx, &[approved(draft(1, 50), 1, wallet)]).await.unwrap();
        let unpaid = invoice::unpaid_of_customer(&mut tx, CUSTOMER, Currency::USD).await.unwrap();
        assert_eq!(unpaid, std::slice::from_ref(&issued));
        tx.commit().await.unwrap();

        let paid = with_paid(&issued, 3_000);
        let mut tx = begin(&app).await;
        invoice::save_amounts(&mut tx, &issued, &paid).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(read(&app, paid.id()).await, Invoice::Issued(paid.clone()));
        let mut tx = begin(&app).await;
        let since = invoice::heads_of_ids(&mut tx, &[paid.id()]).await.unwrap()[0].paid_at;
        assert_eq!(since, Some("2026-01-05T10:02:00Z".parse().unwrap()));
        assert!(!invoice::has_open(&mut tx, CUSTOMER).await.unwrap());
        invoice::save_amounts(&mut tx, &paid, &issued).await.unwrap();
        let head = &invoice::heads_of_ids(&mut tx, &[paid.id()]).await.unwrap()[0];
        assert_eq!((head.paid_at, head.status), (None, Status::PartiallyPaid));
        assert!(invoice::has_open(&mut tx, CUSTOMER).await.unwrap());
    }

    async fn the_database_refuses_to_change_what_is_approved(app) {
        let mut tx = begin(&app).await;
        invoice::insert_drafts(&mut tx, &[draft(1, 50), draft(2, 1)]).await.unwrap();
        invoice::issue(&mut tx, &[approved(draft(1, 50), 1, 0)]).await.unwrap();
        let columns = columns_of(&mut tx, "invoice").await;
        tx.commit().await.unwrap();
        let may_change = BTreeSet::from(MAY_CHANGE.map(str::to_owned));
        for column in columns {
            let [approved, open] = [1, 2].map(Uuid::from_u128);
            let changed = overwrite(&app, "invoice", &column, "id", approved).await;
            assert_eq!(changed.is_ok(), may_change.contains(&column), "{column}: {changed:?}");
            if let Err(error) = changed {
                assert!(error.to_string().contains("does not change"), "{column}: {error}");
            }
            // Rows that refer to these keep them where they are.
            if !["organisation_id", "id"].contains(&column.as_str()) {
                let changed = overwrite(&app, "invoice", &column, "id", open).await;
                assert!(changed.is_ok(), "{column} of a draft: {changed:?}");
            }
        }
        let mut tx = begin(&app).await;
        let columns = columns_of(&mut tx, "invoice_part").await;
        drop(tx);
        for column in columns {
            let invoice = Uuid::from_u128(1);
            let refused = overwrite(&app, "invoice_part", &column, "invoice_id", invoice).await;
            assert!(refused.is_err(), "{column} of a part of what is approved");
        }
        for (table, column) in [("invoice_part", "invoice_id"), ("invoice", "id")] {
            let mut tx = begin(&app).await;
            let mut delete = Query::delete();
            delete.from_table(table);
            delete.and_where(Expr::col(column).eq(Uuid::from_u128(1)));
            assert!(tx.execute(&delete).await.is_err(), "deleted from {table}");
        }
        let mut tx = begin(&app).await;
        let copied = copy_part(&mut tx).await;
        assert!(copied.is_err(), "a part was added");
    }
}

/// What is paid and credited of an invoice, and what follows from it.
const MAY_CHANGE: [&str; 10] = [
    "status",
    "paid",
    "credited",
    "returned_paid",
    "returned_applied",
    "written_off",
    "amount_due",
    "paid_at",
    "voided_at",
    "updated_at",
];

fn with_paid(issued: &Issued, minor: i64) -> Issued {
    let mut amounts = issued.amounts();
    amounts.paid = Money::from_minor(minor, Currency::USD);
    let number = issued.number().to_owned();
    let restored = Issued::restore(
        draft(1, 50),
        number,
        issued.approved_at(),
        issued.due_date(),
        amounts,
    );
    restored.unwrap()
}

async fn columns_of(tx: &mut Tx, table: &'static str) -> Vec<String> {
    use sqlx::{Column, Row as _};
    let mut select = tx.select(table);
    select.column(Asterisk).limit(1);
    let row = tx.fetch_optional(&select).await.unwrap().unwrap();
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    match row {
        Row::Sqlite(row) => names(row.columns().iter().map(Column::name).collect()),
        Row::Postgres(row) => names(row.columns().iter().map(Column::name).collect()),
    }
}

/// Writes another value into a column, and undoes it.
async fn overwrite(
    app: &TestApp,
    table: &'static str,
    column: &str,
    key: &'static str,
    id: Uuid,
) -> florin_store::Result<u64> {
    let mut tx = begin(app).await;
    let mut update = Query::update();
    update.table(table).and_where(Expr::col(key).eq(id));
    update.value(column.to_owned(), another(column));
    // Where rows are looked up later, a key that leads nowhere is refused at the commit at the latest.
    tx.execute(&update).await
}

fn another(column: &str) -> SimpleExpr {
    const DATES: [&str; 5] = [
        "period_start",
        "period_end",
        "bill_for_date",
        "invoice_date",
        "due_date",
    ];
    const TEXTS: [&str; 6] = [
        "status",
        "invoice_number",
        "external_id",
        "currency",
        "notes",
        "created_by",
    ];
    const DOCUMENTS: [&str; 8] = [
        "payment_terms",
        "custom_data",
        "tags",
        "rated",
        "adjustments",
        "labels",
        "carried_in",
        "carried_out",
    ];
    if column.ends_with("_at") {
        let at: jiff::Timestamp = "2031-01-01T00:00:00Z".parse().unwrap();
        Expr::val(at)
    } else if DATES.contains(&column) {
        Expr::val(date(2031, 1, 1))
    } else if TEXTS.contains(&column) {
        Expr::val("another")
    } else if DOCUMENTS.contains(&column) {
        Expr::val(json!({ "another": true }))
    } else if column.ends_with("_id") || ["id", "number_series", "superseded_by"].contains(&column)
    {
        Expr::val(Uuid::from_u128(0xffff))
    } else {
        Expr::val(987_654_i64)
    }
}

/// Adds a copy of a draft's part to what is approved.
async fn copy_part(tx: &mut Tx) -> florin_store::Result<u64> {
    let columns = columns_of(tx, "invoice_part").await;
    let mut copy = tx.select("invoice_part");
    for column in &columns {
        let value = match column.as_str() {
            "id" => Expr::val(Uuid::from_u128(0xabcd)),
            "invoice_id" => Expr::val(Uuid::from_u128(1)),
            "position" => Expr::val(9_i64),
            own => Expr::col(("invoice_part", own.to_owned())),
        };
        copy.expr(value);
    }
    copy.and_where(Expr::col("invoice_id").eq(Uuid::from_u128(2)));
    let mut insert = Query::insert();
    insert.into_table("invoice_part").columns(columns);
    insert.select_from(copy).unwrap();
    tx.execute(&insert).await
}
