//! Attempts to get invoices paid through gateways. Does not own their payments ([`crate::payment`]), which say in
//! the audit log what became of them.

use florin_core::{
    charge::{Charge, State},
    id::OrganisationId,
};
use jiff::{Timestamp, civil::Date};
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use crate::{
    Db, Error, Result, Row, Tx,
    currency::{digits, money},
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("charge");
const TABLE_OF_CONNECTORS: &str = "connector";

fn values(charge: &Charge) -> Values {
    let Charge {
        id: _,
        invoice_id,
        customer_id,
        connector_id,
        customer_reference,
        method_reference,
        amount,
        state,
        asked,
        ask_at,
        created_at,
        updated_at,
    } = charge.clone();
    let word = state.as_str();
    let reference = state.reference().map(str::to_owned);
    let (url, failure_code, failure_message) = match state {
        State::RequiresAction { url, .. } => (url, None, None),
        State::Failed { code, message, .. } => (None, Some(code), Some(message)),
        _ => (None, None, None),
    };
    vec![
        ("invoice_id", invoice_id.into()),
        ("customer_id", customer_id.into()),
        ("connector_id", connector_id.into()),
        ("customer_reference", customer_reference.into()),
        ("method_reference", method_reference.into()),
        ("amount", amount.minor().into()),
        ("currency", amount.currency().code().into()),
        ("minor_digits", digits(amount.currency()).into()),
        ("state", word.into()),
        ("reference", reference.into()),
        ("url", url.into()),
        ("failure_code", failure_code.into()),
        ("failure_message", failure_message.into()),
        ("asked", i64::from(asked).into()),
        ("ask_at", ask_at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Charge> {
    let asked: i64 = row.get("asked")?;
    Ok(Charge {
        id: row.get("id")?,
        invoice_id: row.get("invoice_id")?,
        customer_id: row.get("customer_id")?,
        connector_id: row.get("connector_id")?,
        customer_reference: row.get("customer_reference")?,
        method_reference: row.optional("method_reference")?,
        amount: money(row, "amount", "currency")?,
        state: state(row)?,
        asked: u32::try_from(asked).unwrap_or(u32::MAX),
        ask_at: row.optional("ask_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn state(row: &Row) -> Result<State> {
    let word: String = row.get("state")?;
    let reference: Option<String> = row.optional("reference")?;
    let corrupt = || Error::Corrupt {
        column: "state".to_owned(),
        reason: format!("{word} does not fit its columns"),
    };
    Ok(match word.as_str() {
        "open" => State::Open { reference },
        "requires_action" => State::RequiresAction {
            reference: reference.ok_or_else(corrupt)?,
            url: row.optional("url")?,
        },
        "succeeded" => State::Succeeded {
            reference: reference.ok_or_else(corrupt)?,
        },
        "failed" => State::Failed {
            reference,
            code: row.get("failure_code")?,
            message: row.get("failure_message")?,
        },
        "canceled" => State::Canceled { reference },
        _ => return Err(corrupt()),
    })
}

/// Adds an attempt.
///
/// # Errors
/// [`Error::Conflict`] with `charge_invoice_id_key` where another one of the invoice has not ended.
pub async fn insert(tx: &mut Tx, charge: &Charge) -> Result<()> {
    record::insert(tx, &TABLE, charge.id, values(charge)).await
}

/// Changes an attempt.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, before: &Charge, after: &Charge) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The attempt with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Charge>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The attempt of an invoice that has not ended.
///
/// # Errors
/// What the statement answers.
pub async fn open_of_invoice(tx: &mut Tx, invoice_id: Uuid) -> Result<Option<Charge>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("invoice_id").eq(invoice_id))
        .and_where(Expr::col("ask_at").is_not_null());
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The newest attempt of an invoice.
///
/// # Errors
/// What the statement answers.
pub async fn newest_of_invoice(tx: &mut Tx, invoice_id: Uuid) -> Result<Option<Charge>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("invoice_id").eq(invoice_id));
    select
        .order_by("created_at", Order::Desc)
        .order_by("id", Order::Desc)
        .limit(1);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Whether an account at a gateway has any attempt.
///
/// # Errors
/// What the statement answers.
pub async fn is_at(tx: &mut Tx, connector_id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select
        .column("id")
        .and_where(Expr::col("connector_id").eq(connector_id))
        .limit(1);
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Attempts of every organisation that are to be asked about now, those that wait longest first.
///
/// # Errors
/// What the statement answers.
pub async fn to_ask(db: &Db, at: Timestamp, limit: u64) -> Result<Vec<(OrganisationId, Uuid)>> {
    let mut select = Query::select();
    select
        .columns(["organisation_id", "id"])
        .from(TABLE.name)
        .and_where(Expr::col("ask_at").lte(at));
    select.order_by("ask_at", Order::Asc).limit(limit);
    owned(db, &select).await
}

/// Refunds of every organisation that a gateway was asked for before this instant and has not answered.
///
/// # Errors
/// What the statement answers.
pub async fn refunds_to_ask(
    db: &Db,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<(OrganisationId, Uuid)>> {
    let mut select = Query::select();
    select
        .columns(["organisation_id", "id"])
        .from("payment")
        .and_where(Expr::col("type").eq("refund"))
        .and_where(Expr::col("status").eq("in_progress"))
        .and_where(Expr::col("connector_id").is_not_null())
        .and_where(Expr::col("updated_at").lt(before));
    select.order_by("updated_at", Order::Asc).limit(limit);
    owned(db, &select).await
}

/// Which invoices are charged without anybody asking.
#[derive(Clone, Debug)]
pub struct Due {
    /// Due on this day or later.
    pub from: Date,
    /// Due on this day or earlier.
    pub to: Date,
    /// No attempt was begun since.
    pub attempted_before: Timestamp,
    /// Only invoices with a later id.
    pub after: Option<Uuid>,
    /// Invoices at most.
    pub limit: u64,
}

/// Approved invoices of which something is to be paid, whose customers may be charged automatically and are
/// linked to a gateway that the organisation has an account at; by id.
///
/// # Errors
/// What the statement answers.
pub async fn due(tx: &mut Tx, due: &Due) -> Result<Vec<Uuid>> {
    let own = |table: &'static str| {
        Expr::col((table, "organisation_id")).equals(("invoice", "organisation_id"))
    };
    let mut customer = Query::select();
    customer
        .expr(Expr::val(1))
        .from("customer")
        .inner_join(
            "customer_connector",
            Expr::col(("customer_connector", "organisation_id"))
                .equals(("customer", "organisation_id"))
                .and(Expr::col(("customer_connector", "customer_id")).equals(("customer", "id"))),
        )
        .inner_join(
            TABLE_OF_CONNECTORS,
            Expr::col((TABLE_OF_CONNECTORS, "organisation_id"))
                .equals(("customer", "organisation_id"))
                .and(
                    Expr::col((TABLE_OF_CONNECTORS, "name")).equals(("customer_connector", "name")),
                ),
        )
        .and_where(own("customer"))
        .and_where(Expr::col(("customer", "id")).equals(("invoice", "customer_id")))
        .and_where(Expr::col(("customer", "auto_charge_enabled")).eq(true));
    let mut attempted = Query::select();
    attempted
        .expr(Expr::val(1))
        .from(TABLE.name)
        .and_where(own(TABLE.name))
        .and_where(Expr::col((TABLE.name, "invoice_id")).equals(("invoice", "id")))
        .and_where(
            Expr::col((TABLE.name, "ask_at"))
                .is_not_null()
                .or(Expr::col((TABLE.name, "created_at")).gt(due.attempted_before)),
        );
    let mut select = tx.select("invoice");
    select
        .column(("invoice", "id"))
        .and_where(Expr::col(("invoice", "status")).is_in(["approved", "partially_paid"]))
        .and_where(Expr::col(("invoice", "amount_due")).gt(0))
        .and_where(Expr::col(("invoice", "due_date")).gte(due.from))
        .and_where(Expr::col(("invoice", "due_date")).lte(due.to))
        .and_where(Expr::exists(customer))
        .and_where(Expr::exists(attempted).not());
    if let Some(after) = due.after {
        select.and_where(Expr::col(("invoice", "id")).gt(after));
    }
    select
        .order_by(("invoice", "id"), Order::Asc)
        .limit(due.limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

async fn owned(
    db: &Db,
    select: &sea_query::SelectStatement,
) -> Result<Vec<(OrganisationId, Uuid)>> {
    let mut tx = db.read(OrganisationId(Uuid::nil())).await?;
    let rows = tx.fetch_all(select).await?;
    let pair = |row: &Row| Ok((OrganisationId(row.get("organisation_id")?), row.get("id")?));
    rows.iter().map(pair).collect()
}
