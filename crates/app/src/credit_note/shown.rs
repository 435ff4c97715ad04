//! Credit notes with what clients see beside them.

use std::collections::HashMap;

use florin_core::{
    credit_note::{self, CreditedLine},
    customer::Customer,
};
use florin_store::{
    self as store, Tx,
    credit_note::Kept,
    invoice::Head,
    list::{self, Page},
};
use uuid::Uuid;

use crate::{Error, Result};

const NOT_FOUND: Error = Error::NotFound {
    resource: "credit note",
};

/// A credit note with what clients see beside it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The note.
    pub kept: Kept,
    /// Who is credited.
    pub customer: Option<Customer>,
    /// Its invoice without the parts.
    pub invoice: Option<Head>,
}

/// The credit note with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Shown> {
    let found = store::credit_note::find(tx, id).await?;
    let mut shown = shown(tx, found.into_iter().collect()).await?;
    shown.pop().ok_or(NOT_FOUND)
}

/// One page of credit notes.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Shown>> {
    let Page {
        results,
        next,
        previous,
        total_count,
    } = store::credit_note::page(tx, query).await?;
    Ok(Page {
        results: shown(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

/// A credit note, and what it credits of each line of its invoice.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn credited_lines(tx: &mut Tx, id: Uuid) -> Result<(Kept, Vec<CreditedLine>)> {
    let kept = store::credit_note::find(tx, id).await?.ok_or(NOT_FOUND)?;
    let Some(invoice_id) = kept.note.invoice_id else {
        return Ok((kept, Vec::new()));
    };
    let invoice = store::invoice::find(tx, invoice_id).await?;
    let parts = invoice.as_ref().map(|invoice| invoice.parts());
    let lines = credit_note::credited_lines(&kept.note, parts.unwrap_or_default());
    let lines = lines.map_err(|error| Error::field("id", "value_error.number", error))?;
    Ok((kept, lines))
}

/// Credit notes with what clients see beside them; one query for each kind of it.
///
/// # Errors
/// [`Error::Store`].
pub async fn shown(tx: &mut Tx, notes: Vec<Kept>) -> Result<Vec<Shown>> {
    let mut customers: Vec<Uuid> = notes.iter().map(|kept| kept.note.customer_id).collect();
    customers.sort_unstable();
    customers.dedup();
    let mut invoices: Vec<Uuid> = notes
        .iter()
        .filter_map(|kept| kept.note.invoice_id)
        .collect();
    invoices.sort_unstable();
    invoices.dedup();
    let customers = store::customer::of_ids(tx, &customers).await?.into_iter();
    let customers: HashMap<Uuid, Customer> = customers.map(|one| (one.id, one)).collect();
    let heads = store::invoice::heads_of_ids(tx, &invoices)
        .await?
        .into_iter();
    let heads: HashMap<Uuid, Head> = heads.map(|head| (head.id, head)).collect();
    let shown = notes.into_iter().map(|kept| Shown {
        customer: customers.get(&kept.note.customer_id).cloned(),
        invoice: kept.note.invoice_id.and_then(|id| heads.get(&id).cloned()),
        kept,
    });
    Ok(shown.collect())
}
