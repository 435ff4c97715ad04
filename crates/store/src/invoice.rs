//! Invoices. Owns their rows and those of their rated parts, and reads both back only as values that keep
//! `core`'s invariants. Does not own numbers ([`crate::number_sequence`]) nor which periods were billed.
//!
//! Invariant: a row with `approved_at` and its parts never change but for what is paid and credited; a
//! trigger of the database refuses it, whoever asks.

mod carried;
mod columns;
mod head;
mod part;
mod write;

use florin_core::currency::Currency;
use florin_core::invoice::{Draft, DraftState, Header, Issued, Part, Status};
use jiff::civil::Date;
use sea_query::{Asterisk, Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::{Result, Row, Tx, record, record::Table, row::corrupt};

pub use carried::{CarriedBill, carried_of_phases};
pub use head::{Head, LIST, heads_of_ids, page};
pub use part::tags;
pub use write::{insert_drafts, issue, save_amounts, save_draft};

pub(crate) const TABLE: Table = Table::announced("invoice");

/// Rows that one query asks for by id: a database bounds the values of a statement.
const IDS_MAX: usize = 1_000;

/// An invoice as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invoice {
    /// It is a draft, or was one until it was replaced or deleted.
    Draft(Draft),
    /// It was approved.
    Issued(Issued),
}

impl Invoice {
    /// Its id.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Draft(draft) => draft.id(),
            Self::Issued(issued) => issued.id(),
        }
    }

    /// What it says besides its amounts.
    pub const fn header(&self) -> &Header {
        match self {
            Self::Draft(draft) => draft.header(),
            Self::Issued(issued) => issued.header(),
        }
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        match self {
            Self::Draft(draft) => draft.status(),
            Self::Issued(issued) => issued.status(),
        }
    }

    /// Its rated bills.
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Draft(draft) => draft.parts(),
            Self::Issued(issued) => issued.parts(),
        }
    }
}

/// The invoice with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// [`crate::Error::Corrupt`] where its rows are not an invoice; what the statements answer.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Invoice>> {
    Ok(of_ids(tx, &[id]).await?.pop())
}

/// The invoices with these ids, by id; locked to the end of a transaction that writes.
///
/// # Errors
/// As [`find`].
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Invoice>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let mut heads = tx.select(TABLE.name);
        heads.and_where(Expr::col("id").is_in(ids.iter().copied()));
        found.extend(selected(tx, heads).await?);
    }
    Ok(found)
}

/// What of a customer's invoices in a currency is still to be paid, first due first; locked to the end of a
/// transaction that writes.
///
/// # Errors
/// As [`find`].
pub async fn unpaid_of_customer(
    tx: &mut Tx,
    customer_id: Uuid,
    currency: Currency,
) -> Result<Vec<Issued>> {
    let mut heads = tx.select(TABLE.name);
    heads.and_where(Expr::col("customer_id").eq(customer_id));
    heads.and_where(Expr::col("currency").eq(currency.code()));
    heads.and_where(Expr::col("status").is_in(words(&[Status::Approved, Status::PartiallyPaid])));
    let invoices = selected(tx, heads).await?;
    let mut issued: Vec<Issued> = invoices.into_iter().filter_map(only_issued).collect();
    issued.sort_by_key(|issued| (issued.due_date(), issued.approved_at(), issued.id()));
    Ok(issued)
}

/// Whether the customer owes something, or a draft says that it will.
///
/// # Errors
/// What the statement answers.
pub async fn has_open(tx: &mut Tx, customer_id: Uuid) -> Result<bool> {
    let open = [Status::Draft, Status::Approved, Status::PartiallyPaid];
    let mut select = tx.select(TABLE.name);
    select.column("id").limit(1);
    select.and_where(Expr::col("customer_id").eq(customer_id));
    select.and_where(Expr::col("status").is_in(words(&open)));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// The id of the invoice that has this external id; not of a draft that was deleted or replaced.
///
/// # Errors
/// What the statement answers.
pub async fn id_of_external(tx: &mut Tx, external_id: &str) -> Result<Option<Uuid>> {
    let gone = [Status::Discarded, Status::Edited];
    let mut select = tx.select(TABLE.name);
    select.column("id");
    select.and_where(Expr::col("external_id").eq(external_id));
    select.and_where(Expr::col("status").is_not_in(words(&gone)));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| row.get("id")).transpose()
}

/// The issued invoices of these contracts that are for one of these days, and not void; with their parts.
///
/// # Errors
/// As [`find`].
pub async fn issued_for(tx: &mut Tx, contracts: &[Uuid], days: &[Date]) -> Result<Vec<Issued>> {
    if contracts.is_empty() {
        return Ok(Vec::new());
    }
    let issued = [Status::Approved, Status::PartiallyPaid, Status::Paid];
    let mut heads = tx.select(TABLE.name);
    heads.column(Asterisk).order_by("id", Order::Asc);
    heads.and_where(Expr::col("contract_id").is_in(contracts.iter().copied()));
    heads.and_where(Expr::col("bill_for_date").is_in(days.iter().copied()));
    heads.and_where(Expr::col("status").is_in(words(&issued)));
    let invoices = with_parts(tx, &heads).await?;
    Ok(invoices.into_iter().filter_map(only_issued).collect())
}

fn only_issued(invoice: Invoice) -> Option<Issued> {
    match invoice {
        Invoice::Issued(issued) => Some(issued),
        Invoice::Draft(_) => None,
    }
}

fn words(statuses: &[Status]) -> Vec<&'static str> {
    statuses.iter().map(|status| status.as_str()).collect()
}

/// The invoices of a query over [`TABLE`], by id, each with its parts.
async fn selected(tx: &mut Tx, heads: SelectStatement) -> Result<Vec<Invoice>> {
    let mut heads = record::locked(tx, heads);
    heads.column(Asterisk).order_by("id", Order::Asc);
    with_parts(tx, &heads).await
}

async fn with_parts(tx: &mut Tx, heads: &SelectStatement) -> Result<Vec<Invoice>> {
    let heads = tx.fetch_all(heads).await?;
    let ids = heads.iter().map(|row| row.get("id"));
    let ids = ids.collect::<Result<Vec<Uuid>>>()?;
    let mut parts = part::of_invoices(tx, &ids).await?.into_iter().peekable();
    let mut invoices = Vec::with_capacity(heads.len());
    for (row, id) in heads.iter().zip(ids) {
        let mut own = Vec::new();
        while let Some((_, part)) = parts.next_if(|(invoice, _)| *invoice == id) {
            own.push(part);
        }
        invoices.push(restore(row, own)?);
    }
    Ok(invoices)
}

/// Asserts all that `core` promises, and that the row's sums are those of its parts.
fn restore(row: &Row, parts: Vec<Part>) -> Result<Invoice> {
    let head = head::decode(row)?;
    let state = match (head.status, head.superseded_by) {
        (Status::Edited, Some(by)) => DraftState::Edited { by },
        (Status::Discarded, None) => DraftState::Discarded,
        _ => DraftState::Open,
    };
    let restored = Draft::restore(head.id, head.header.clone(), parts, state, head.freshness);
    let draft = restored.map_err(|refusal| corrupt("rated", refusal))?;
    if draft.totals() != head.totals {
        return Err(corrupt("invoice_total", "it is not the sum of the parts"));
    }
    let invoice = match head.approval() {
        None => Invoice::Draft(draft),
        Some((number, approved_at, due_date)) => {
            let issued = Issued::restore(draft, number, approved_at, due_date, head.amounts);
            let issued = match head.voided_at {
                Some(_) => issued.and_then(Issued::void),
                None => issued,
            };
            Invoice::Issued(issued.map_err(|refusal| corrupt("amount_due", refusal))?)
        }
    };
    let amount_due = match &invoice {
        Invoice::Draft(draft) => draft.totals().total,
        Invoice::Issued(issued) => issued.amount_due(),
    };
    if invoice.status() != head.status || amount_due != head.amount_due {
        return Err(corrupt("status", "it does not follow from the amounts"));
    }
    Ok(invoice)
}
