//! Payments, refunds, reversals and withheld taxes, with what of each is for which invoice. Does not own what
//! they do to invoices and wallets ([`florin_core::payment`]).

use std::collections::HashMap;

use florin_core::{
    credit_note::RefundDestination,
    money::Money,
    payment::{Kind as PaymentKind, Method, Origin, Payment, PaymentPart, Status, WalletShare},
};
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    credit_note::word,
    currency::{self, money},
    list::{self, Condition, Page},
    record::{self, Table, Values},
};

mod spec;

pub use spec::LIST;

const TABLE: Table = Table::announced("payment");
const PARTS: Table = Table::quiet("payment_part");

/// A payment and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The payment.
    pub payment: Payment,
    /// What is said about it.
    pub about: About,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is said about a payment beside its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Free data about the method: a card's last digits, a check's number.
    pub payment_method_details: Json,
    /// The connection to the gateway.
    pub connector_id: Option<Uuid>,
    /// Its name, such as `stripe`.
    pub connector_name: Option<String>,
    /// The number of a receipt.
    pub receipt_number: Option<String>,
    /// A sentence.
    pub description: Option<String>,
    /// Whether Florin itself charged it.
    pub autocharge: bool,
    /// Where a refund goes.
    pub refund_destination: Option<RefundDestination>,
    /// Whether what a refund gives back is given up.
    pub writes_off: bool,
    /// The credit note that a refund is made for.
    pub credit_note_id: Option<Uuid>,
    /// Under which a gateway was asked: once for each payment, however often it is asked.
    pub idempotency_key: Option<String>,
    /// Why the gateway refused.
    pub failure: Option<String>,
}

impl About {
    /// Nothing.
    pub fn nothing() -> Self {
        Self {
            payment_method_details: Json::Object(serde_json::Map::new()),
            connector_id: None,
            connector_name: None,
            receipt_number: None,
            description: None,
            autocharge: false,
            refund_destination: None,
            writes_off: false,
            credit_note_id: None,
            idempotency_key: None,
            failure: None,
        }
    }
}

const ORIGINS: [(Origin, &str); 2] = [(Origin::Manual, "manual"), (Origin::Gateway, "gateway")];

fn origin_word(origin: Origin) -> &'static str {
    let mut origins = ORIGINS.iter();
    let found = origins.find(|(other, _)| *other == origin);
    found.map_or("", |(_, word)| word)
}

fn origin(word: &str) -> Option<Origin> {
    let mut origins = ORIGINS.iter();
    let found = origins.find(|(_, other)| *other == word);
    found.map(|(origin, _)| *origin)
}

fn values(kept: &Kept) -> Result<Values> {
    let Kept {
        payment,
        about,
        created_at,
        updated_at,
    } = kept.clone();
    let refunded = payment.amount_refunded().map_err(unfit)?;
    let Payment {
        id: _,
        customer_id,
        kind,
        method,
        origin,
        amount,
        parts: _,
        wallet,
        status,
        parent_id,
        external_id,
        at,
    } = payment;
    let mut values: Values = vec![
        ("customer_id", customer_id.into()),
        ("type", kind.as_str().into()),
        ("payment_method", method.map(Method::as_str).into()),
        ("origin", origin_word(origin).into()),
        ("amount", amount.minor().into()),
        ("currency_code", amount.currency().code().into()),
        ("minor_digits", currency::digits(amount.currency()).into()),
        ("wallet_amount", wallet.amount.minor().into()),
        ("wallet_refunded", wallet.refunded.minor().into()),
        ("amount_refunded", refunded.minor().into()),
        ("status", status.as_str().into()),
        ("parent_id", parent_id.into()),
        ("external_id", external_id.into()),
        ("moved_at", at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ];
    values.extend(about_values(about));
    Ok(values)
}

fn about_values(about: About) -> Values {
    let About {
        payment_method_details,
        connector_id,
        connector_name,
        receipt_number,
        description,
        autocharge,
        refund_destination,
        writes_off,
        credit_note_id,
        idempotency_key,
        failure,
    } = about;
    vec![
        (
            "payment_method_details",
            record::json(Some(payment_method_details)),
        ),
        ("connector_id", connector_id.into()),
        ("connector_name", connector_name.into()),
        ("receipt_number", receipt_number.into()),
        ("description", description.into()),
        ("autocharge", autocharge.into()),
        (
            "refund_destination",
            refund_destination.map(RefundDestination::as_str).into(),
        ),
        ("writes_off", writes_off.into()),
        ("credit_note_id", credit_note_id.into()),
        ("idempotency_key", idempotency_key.into()),
        ("failure", failure.into()),
    ]
}

fn decode(row: &Row) -> Result<Kept> {
    let of = |column: &str| money(row, column, "currency_code");
    let method: Option<String> = row.optional("payment_method")?;
    let method = method.map(|_| word(row, "payment_method", Method::parse));
    let payment = Payment {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        kind: word(row, "type", PaymentKind::parse)?,
        method: method.transpose()?,
        origin: word(row, "origin", origin)?,
        amount: of("amount")?,
        parts: Vec::new(),
        wallet: WalletShare {
            amount: of("wallet_amount")?,
            refunded: of("wallet_refunded")?,
        },
        status: word(row, "status", Status::parse)?,
        parent_id: row.optional("parent_id")?,
        external_id: row.optional("external_id")?,
        at: row.get("moved_at")?,
    };
    Ok(Kept {
        payment,
        about: decode_about(row)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn decode_about(row: &Row) -> Result<About> {
    let destination: Option<String> = row.optional("refund_destination")?;
    let destination =
        destination.map(|_| word(row, "refund_destination", RefundDestination::parse));
    Ok(About {
        payment_method_details: row.get("payment_method_details")?,
        connector_id: row.optional("connector_id")?,
        connector_name: row.optional("connector_name")?,
        receipt_number: row.optional("receipt_number")?,
        description: row.optional("description")?,
        autocharge: row.get("autocharge")?,
        refund_destination: destination.transpose()?,
        writes_off: row.get("writes_off")?,
        credit_note_id: row.optional("credit_note_id")?,
        idempotency_key: row.optional("idempotency_key")?,
        failure: row.optional("failure")?,
    })
}

/// Adds a payment with its parts.
///
/// # Errors
/// [`Error::Conflict`] with `payment_external_id_key`, `payment_idempotency_key_key`.
pub async fn insert(tx: &mut Tx, kept: &Kept) -> Result<()> {
    let payment = &kept.payment;
    record::insert(tx, &TABLE, payment.id, values(kept)?).await?;
    place_parts(tx, payment.id, &[], &payment.parts).await
}

/// Changes a payment and its parts.
///
/// # Errors
/// As [`insert`].
pub async fn save(tx: &mut Tx, before: &Kept, after: &Kept) -> Result<()> {
    let id = after.payment.id;
    let differs = record::update(tx, &TABLE, id, values(before)?, values(after)?).await?;
    let (old, new) = (&before.payment.parts, &after.payment.parts);
    if old == new {
        return Ok(());
    }
    place_parts(tx, id, old, new).await?;
    if !differs {
        record::touch(tx, &TABLE, id).await?;
    }
    Ok(())
}

/// Marks a payment as deleted: lists and reads pass it over, entries of wallets and books keep it.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, kept: &Kept) -> Result<()> {
    record::soft_delete(tx, &TABLE, kept.payment.id, values(kept)?).await
}

async fn place_parts(
    tx: &mut Tx,
    payment_id: Uuid,
    old: &[PaymentPart],
    new: &[PaymentPart],
) -> Result<()> {
    if old.is_empty() && new.is_empty() {
        return Ok(());
    }
    if !old.is_empty() {
        let mut delete = Query::delete();
        delete.from_table(PARTS.name);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("payment_id").eq(payment_id));
        tx.execute(&delete).await?;
    }
    let organisation = tx.organisation().0;
    let rows = new.iter().zip(0_i64..).map(|(part, position)| -> Values {
        let PaymentPart {
            invoice_id,
            amount,
            refunded,
        } = part;
        vec![
            ("organisation_id", organisation.into()),
            ("payment_id", payment_id.into()),
            ("invoice_id", (*invoice_id).into()),
            ("position", position.into()),
            ("amount", amount.minor().into()),
            ("amount_refunded", refunded.minor().into()),
        ]
    });
    record::insert_all_plain(tx, PARTS.name, rows.collect()).await?;
    record::audit_replaced(tx, &PARTS, payment_id, document(old), document(new)).await
}

/// The parts as the audit log shows them.
fn document(parts: &[PaymentPart]) -> Json {
    let part = |part: &PaymentPart| {
        serde_json::json!({
            "invoice_id": part.invoice_id,
            "amount": part.amount.minor(),
            "amount_refunded": part.refunded.minor(),
        })
    };
    parts.iter().map(part).collect()
}

/// The payment with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Kept>> {
    Ok(of_ids(tx, &[id]).await?.pop())
}

/// Payments by their ids, in the order of these, deleted ones left out; locked to the end of a transaction
/// that writes.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Kept>> {
    matching(tx, Expr::col("id").is_in(ids.iter().copied())).await
}

/// The payment that was begun under this key of a gateway.
///
/// # Errors
/// What the statements answer.
pub async fn of_idempotency_key(tx: &mut Tx, key: &str) -> Result<Option<Kept>> {
    let found = matching(tx, Expr::col("idempotency_key").eq(key)).await?;
    Ok(found.into_iter().next())
}

/// The payment that a gateway or bank knows by this id.
///
/// # Errors
/// What the statements answer.
pub async fn of_external_id(tx: &mut Tx, external_id: &str) -> Result<Option<Kept>> {
    let found = matching(tx, Expr::col("external_id").eq(external_id)).await?;
    Ok(found.into_iter().next())
}

/// Everything with a part for the invoice: payments, their refunds, reversals; oldest first.
///
/// # Errors
/// What the statements answer.
pub async fn of_invoice(tx: &mut Tx, invoice_id: Uuid) -> Result<Vec<Kept>> {
    matching(tx, for_invoice(tx, invoice_id)).await
}

/// The refunds and reversals of payments, oldest first.
///
/// # Errors
/// What the statements answer.
pub async fn of_parents(tx: &mut Tx, parents: &[Uuid]) -> Result<Vec<Kept>> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    matching(tx, Expr::col("parent_id").is_in(parents.iter().copied())).await
}

/// The refunds that a credit note is waiting for, or got.
///
/// # Errors
/// What the statements answer.
pub async fn of_credit_note(tx: &mut Tx, credit_note_id: Uuid) -> Result<Vec<Kept>> {
    matching(tx, Expr::col("credit_note_id").eq(credit_note_id)).await
}

/// The invoices that a payment is for, not locked.
///
/// # Errors
/// What the statement answers.
pub async fn invoices_of(tx: &mut Tx, id: Uuid) -> Result<Vec<Uuid>> {
    let mut select = tx.select(PARTS.name);
    select.column("invoice_id");
    select.and_where(Expr::col("payment_id").eq(id));
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("invoice_id")).collect()
}

/// The payment that a refund or reversal is of, not locked.
///
/// # Errors
/// What the statement answers.
pub async fn parent_of(tx: &mut Tx, id: Uuid) -> Result<Option<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("parent_id").and_where(Expr::col("id").eq(id));
    match tx.fetch_optional(&select).await? {
        Some(row) => row.optional("parent_id"),
        None => Ok(None),
    }
}

/// Charges and refunds of this organisation that a gateway has not answered to since `until`, oldest first.
///
/// # Errors
/// What the statements answer.
pub async fn unanswered(tx: &mut Tx, until: Timestamp, limit: u64) -> Result<Vec<Kept>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("origin").eq(origin_word(Origin::Gateway)));
    select.and_where(Expr::col("status").eq(Status::InProgress.as_str()));
    select.and_where(Expr::col("created_at").lte(until));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("created_at", Order::Asc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    let kept = rows.iter().map(decode).collect::<Result<_>>()?;
    with_parts(tx, kept).await
}

/// Whether money of the customer ever moved: a payment, a credit note, an entry of its wallet.
///
/// # Errors
/// What the statements answer.
pub async fn has_any(tx: &mut Tx, customer_id: Uuid) -> Result<bool> {
    let of_customer = |table: &'static str| {
        let mut select = tx.select(table);
        select.column("customer_id").limit(1);
        select.and_where(Expr::col("customer_id").eq(customer_id));
        select
    };
    let [payments, notes, wallets] = [TABLE.name, "credit_note", "wallet"].map(of_customer);
    let found = tx.fetch_each([&payments, &notes, &wallets]).await?;
    Ok(found.iter().any(|rows| !rows.is_empty()))
}

/// One page of payments.
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
        results: with_parts(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

/// One page of what has a part for the invoice and one of these types and states.
///
/// # Errors
/// What the statements answer.
pub async fn page_of_invoice(
    tx: &mut Tx,
    invoice_id: Uuid,
    (types, statuses): (&[PaymentKind], &[Status]),
    query: &list::Query,
) -> Result<Page<Kept>> {
    let mut query = query.clone();
    let types = types.iter().map(|kind| kind.as_str());
    let statuses = statuses.iter().map(|status| status.as_str());
    let own = |column: &'static str| Expr::col((TABLE.name, column));
    query.conditions.extend([
        Condition::Scope(for_invoice(tx, invoice_id)),
        Condition::Scope(own("type").is_in(types)),
        Condition::Scope(own("status").is_in(statuses)),
    ]);
    page(tx, &query).await
}

/// A condition on payments: a part of it is for the invoice.
fn for_invoice(tx: &Tx, invoice_id: Uuid) -> sea_query::SimpleExpr {
    let mut parts = tx.select(PARTS.name);
    parts.column((PARTS.name, "payment_id"));
    parts.and_where(Expr::col((PARTS.name, "invoice_id")).eq(invoice_id));
    Expr::col((TABLE.name, "id")).in_subquery(parts)
}

async fn matching(tx: &mut Tx, condition: sea_query::SimpleExpr) -> Result<Vec<Kept>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).and_where(condition);
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("created_at", Order::Asc);
    select.order_by("id", Order::Asc);
    let select = record::locked(tx, select);
    let rows = tx.fetch_all(&select).await?;
    let kept = rows.iter().map(decode).collect::<Result<_>>()?;
    with_parts(tx, kept).await
}

/// Puts to each payment its parts, in one query.
async fn with_parts(tx: &mut Tx, mut payments: Vec<Kept>) -> Result<Vec<Kept>> {
    if payments.is_empty() {
        return Ok(payments);
    }
    let mut select = tx.select(PARTS.name);
    select.column(Asterisk);
    let ids = payments.iter().map(|kept| kept.payment.id);
    select.and_where(Expr::col("payment_id").is_in(ids));
    select.order_by("position", Order::Asc);
    let mut parts: HashMap<Uuid, Vec<(Uuid, i64, i64)>> = HashMap::new();
    for row in tx.fetch_all(&select).await? {
        let part = (
            row.get("invoice_id")?,
            row.get("amount")?,
            row.get("amount_refunded")?,
        );
        parts.entry(row.get("payment_id")?).or_default().push(part);
    }
    for Kept { payment, .. } in &mut payments {
        let currency = payment.amount.currency();
        let own = parts.remove(&payment.id).unwrap_or_default().into_iter();
        let part = |(invoice_id, amount, refunded)| PaymentPart {
            invoice_id,
            amount: Money::from_minor(amount, currency),
            refunded: Money::from_minor(refunded, currency),
        };
        payment.parts = own.map(part).collect();
    }
    Ok(payments)
}

fn unfit(error: impl ToString) -> Error {
    Error::Corrupt {
        column: "amount_refunded".to_owned(),
        reason: error.to_string(),
    }
}
