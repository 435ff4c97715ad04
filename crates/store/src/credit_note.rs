//! Credit notes: their rows, what each gives back through which payment, and the numbers of each business
//! entity. Does not own where the amount goes ([`florin_core::credit_note`]).

use std::collections::HashMap;

use florin_core::{
    credit_note::{CreditNote, PaymentShare, RepaymentMethod, Settlement, Status},
    currency::Currency,
    invoice::NumberFormat,
    money::Money,
};
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    currency::{self, money},
    list::{self, Column, Kind, Page, Spec},
    number_sequence::{self, Numbered},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("credit_note");
const REFUND: &str = "credit_note_refund";

const STATUSES: Kind = Kind::Choice(&["in_progress", "issued", "void", "paid"]);
const REPAYMENT_METHODS: Kind = Kind::Choice(&[
    "credits",
    "invoice_adjusted",
    "external_payment",
    "credits_against_payment",
    "original_payment_method",
]);

/// The list of credit notes.
pub static LIST: Spec = Spec {
    table: "credit_note",
    columns: &[
        Column::id(),
        Column::new("customer_id", Kind::Uuid, "customer"),
        Column::new("invoice_id", Kind::Uuid, "invoice").nullable(),
        Column::new("status", STATUSES, "status"),
        Column::new("currency", Kind::Text, "currency"),
        Column::new("amount", Kind::Integer, "amount in minor units").sortable(),
        Column::new("repayment_method", REPAYMENT_METHODS, "settlement"),
        Column::new("credit_note_number", Kind::Text, "number").sortable(),
        Column::new("reason", Kind::Text, "reason"),
        Column::new("custom_data", Kind::Json, "free data"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// A credit note and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The note.
    pub note: CreditNote,
    /// What is said about it.
    pub about: About,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is said about a credit note beside its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The entity whose number it has.
    pub business_entity_id: Option<Uuid>,
    /// How it was settled, in the API's words.
    pub repayment_method: RepaymentMethod,
    /// What its author says of its lines.
    pub line_items: Json,
    /// Free data.
    pub custom_data: Json,
}

impl About {
    /// What there is to say of a note that nobody said more about.
    pub fn of(note: &CreditNote, business_entity_id: Option<Uuid>) -> Self {
        Self {
            business_entity_id,
            repayment_method: note.repayment_method(),
            line_items: Json::Object(serde_json::Map::new()),
            custom_data: Json::Object(serde_json::Map::new()),
        }
    }
}

fn values(tx: &Tx, kept: &Kept) -> Values {
    let Kept {
        note,
        about,
        created_at,
        updated_at,
    } = kept.clone();
    let CreditNote {
        id: _,
        number,
        customer_id,
        invoice_id,
        amount,
        reason,
        status,
        settlement,
        buckets,
        issued_at,
    } = note;
    let Settlement {
        against_due,
        to_wallet,
        refunds,
        external,
    } = settlement;
    let About {
        business_entity_id,
        repayment_method,
        line_items,
        custom_data,
    } = about;
    let refunded: i64 = refunds.iter().map(|share| share.amount.minor()).sum();
    let buckets = buckets.iter().map(|bucket| Json::from(bucket.minor()));
    vec![
        ("credit_note_number", number.into()),
        ("business_entity_id", business_entity_id.into()),
        (
            "number_series",
            number_sequence::series(tx, business_entity_id).into(),
        ),
        ("customer_id", customer_id.into()),
        ("invoice_id", invoice_id.into()),
        ("amount", amount.minor().into()),
        ("currency", amount.currency().code().into()),
        ("minor_digits", currency::digits(amount.currency()).into()),
        ("reason", reason.into()),
        ("status", status.as_str().into()),
        ("repayment_method", repayment_method.as_str().into()),
        ("against_due", against_due.minor().into()),
        ("to_wallet", to_wallet.minor().into()),
        ("external", external.minor().into()),
        ("refund_amount", refunded.into()),
        ("buckets", record::json(Some(buckets.collect()))),
        ("line_items", record::json(Some(line_items))),
        ("custom_data", record::json(Some(custom_data))),
        ("issued_at", issued_at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Kept> {
    let amount = money(row, "amount", "currency")?;
    let of = |column: &str| money(row, column, "currency");
    let note = CreditNote {
        id: row.get("id")?,
        number: row.get("credit_note_number")?,
        customer_id: row.get("customer_id")?,
        invoice_id: row.optional("invoice_id")?,
        amount,
        reason: row.get("reason")?,
        status: word(row, "status", Status::parse)?,
        settlement: Settlement {
            against_due: of("against_due")?,
            to_wallet: of("to_wallet")?,
            refunds: Vec::new(),
            external: of("external")?,
        },
        buckets: buckets(&row.get("buckets")?, amount.currency())?,
        issued_at: row.get("issued_at")?,
    };
    let about = About {
        business_entity_id: row.optional("business_entity_id")?,
        repayment_method: word(row, "repayment_method", RepaymentMethod::parse)?,
        line_items: row.get("line_items")?,
        custom_data: row.get("custom_data")?,
    };
    Ok(Kept {
        note,
        about,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn buckets(document: &Json, currency: Currency) -> Result<Vec<Money>> {
    let minor = document.as_array().into_iter().flatten().map(Json::as_i64);
    let buckets = minor.map(|minor| Some(Money::from_minor(minor?, currency)));
    let buckets: Option<Vec<Money>> = buckets.collect();
    buckets.ok_or_else(|| Error::Corrupt {
        column: "buckets".to_owned(),
        reason: "an amount is no whole number".to_owned(),
    })
}

/// The value of a column that holds one of a few words.
///
/// # Errors
/// [`Error::Corrupt`] for any other word.
pub(crate) fn word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Result<T> {
    let word: String = row.get(column)?;
    parse(&word).ok_or_else(|| Error::Corrupt {
        column: column.to_owned(),
        reason: format!("{word} is none of its words"),
    })
}

/// Adds credit notes; some statements for all of them.
///
/// # Errors
/// [`Error::Conflict`] with `credit_note_number_series_credit_note_number_key`.
pub async fn insert(tx: &mut Tx, notes: &[Kept]) -> Result<()> {
    let rows = notes.iter().map(|kept| (kept.note.id, values(tx, kept)));
    record::insert_all(tx, &TABLE, rows.collect()).await?;
    let organisation = tx.organisation().0;
    let shares = notes.iter().flat_map(|kept| {
        let shares = kept.note.settlement.refunds.iter().zip(0_i64..);
        shares.map(move |(share, position)| -> Values {
            vec![
                ("organisation_id", organisation.into()),
                ("credit_note_id", kept.note.id.into()),
                ("payment_id", share.payment_id.into()),
                ("position", position.into()),
                ("amount", share.amount.minor().into()),
            ]
        })
    });
    record::insert_all_plain(tx, REFUND, shares.collect()).await
}

/// Changes what is said about a credit note, where its amounts went and where it stands.
///
/// # Errors
/// What the statements answer.
pub async fn save(tx: &mut Tx, before: &Kept, after: &Kept) -> Result<()> {
    let [old, new] = [before, after].map(|kept| values(tx, kept));
    record::update(tx, &TABLE, after.note.id, old, new).await?;
    let left = &after.note.settlement.refunds;
    let is_gone = |share: &&PaymentShare| !left.contains(share);
    for share in before.note.settlement.refunds.iter().filter(is_gone) {
        let mut delete = Query::delete();
        delete.from_table(REFUND);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("credit_note_id").eq(after.note.id));
        delete.and_where(Expr::col("payment_id").eq(share.payment_id));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// The credit note with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Kept>> {
    let row = record::find(tx, TABLE.name, id).await?;
    let notes: Vec<Kept> = row.iter().map(decode).collect::<Result<_>>()?;
    Ok(with_refunds(tx, notes).await?.pop())
}

/// The credit notes of an invoice, oldest first.
///
/// # Errors
/// What the statements answer.
pub async fn of_invoice(tx: &mut Tx, invoice_id: Uuid) -> Result<Vec<Kept>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("invoice_id").eq(invoice_id));
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    let notes = rows.iter().map(decode).collect::<Result<_>>()?;
    with_refunds(tx, notes).await
}

/// One page of credit notes.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Kept>> {
    let Page {
        results,
        next,
        previous,
        total_count,
    } = list::page(tx, &LIST, query, decode).await?;
    Ok(Page {
        results: with_refunds(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

/// Puts to each note what it gives back through payments, in one query.
async fn with_refunds(tx: &mut Tx, mut notes: Vec<Kept>) -> Result<Vec<Kept>> {
    if notes.is_empty() {
        return Ok(notes);
    }
    let mut select = tx.select(REFUND);
    select.column(Asterisk);
    let ids = notes.iter().map(|kept| kept.note.id);
    select.and_where(Expr::col("credit_note_id").is_in(ids));
    select.order_by("position", Order::Asc);
    let mut shares: HashMap<Uuid, Vec<(Uuid, i64)>> = HashMap::new();
    for row in tx.fetch_all(&select).await? {
        let share = (row.get("payment_id")?, row.get("amount")?);
        shares
            .entry(row.get("credit_note_id")?)
            .or_default()
            .push(share);
    }
    for kept in &mut notes {
        let currency = kept.note.amount.currency();
        let of_note = shares.remove(&kept.note.id).unwrap_or_default().into_iter();
        let share = |(payment_id, minor)| PaymentShare {
            payment_id,
            amount: Money::from_minor(minor, currency),
        };
        kept.note.settlement.refunds = of_note.map(share).collect();
    }
    Ok(notes)
}

/// The next numbers of a business entity's credit notes. Whoever takes the next ones waits for the commit.
/// Numbers that somebody gave by hand are passed over.
///
/// # Errors
/// What the statements answer.
pub async fn take_numbers(
    tx: &mut Tx,
    business_entity_id: Option<Uuid>,
    count: usize,
    format: &NumberFormat,
) -> Result<Vec<String>> {
    let series = number_sequence::series(tx, business_entity_id);
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        let wanted = (count - numbers.len()) as u64;
        let taken = number_sequence::take(tx, Numbered::CreditNote, series, wanted).await?;
        let written: Vec<String> = taken.map(|number| format.write(number)).collect();
        let used = used(tx, series, &written).await?;
        let free = written.into_iter().filter(|number| !used.contains(number));
        numbers.extend(free);
    }
    Ok(numbers)
}

async fn used(tx: &mut Tx, series: Uuid, numbers: &[String]) -> Result<Vec<String>> {
    let mut select = tx.select(TABLE.name);
    select.column("credit_note_number");
    select.and_where(Expr::col("number_series").eq(series));
    select.and_where(Expr::col("credit_note_number").is_in(numbers.iter().cloned()));
    let rows = tx.fetch_all(&select).await?;
    rows.iter()
        .map(|row| row.get("credit_note_number"))
        .collect()
}
