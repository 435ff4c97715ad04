//! Writing invoices: many drafts at once, one draft's change, many approvals at once, what is paid.

use florin_core::invoice::{Approved, Draft, Issued, Status};
use sea_query::{Expr, ExprTrait};

use super::{TABLE, columns, part};
use crate::{
    Error, Result, Tx, number_sequence,
    record::{self, Revision},
};

/// Adds drafts, many with each statement.
///
/// # Errors
/// [`Error::Conflict`] with `invoice_external_id_key`.
pub async fn insert_drafts(tx: &mut Tx, drafts: &[Draft]) -> Result<()> {
    let at = tx.at()?;
    let created_by = tx.author()?.actor.to_string();
    let rows = drafts.iter().map(|draft| {
        let mut values = columns::of_draft(draft);
        values.extend(columns::of_no_amounts());
        values.push(("created_by", created_by.clone().into()));
        values.extend([("created_at", at.into()), ("updated_at", at.into())]);
        (draft.id(), values)
    });
    let rows = rows.collect();
    record::insert_all(tx, &TABLE, rows).await?;
    let parts = drafts.iter().map(|draft| (draft.id(), draft.parts()));
    part::insert_all(tx, parts).await?;
    part::insert_tags(tx, drafts).await
}

/// Changes a draft that [`super::find`] has answered in this transaction.
///
/// # Errors
/// As [`insert_drafts`].
pub async fn save_draft(tx: &mut Tx, before: &Draft, after: &Draft) -> Result<()> {
    let [old, new] = [before, after].map(columns::of_draft);
    if before.parts() != after.parts() {
        part::replace(tx, before, after).await?;
    }
    if before.header().tags != after.header().tags {
        part::delete_tags(tx, before.id()).await?;
        part::insert_tags(tx, std::slice::from_ref(after)).await?;
    }
    record::update(tx, &TABLE, after.id(), old, new).await?;
    Ok(())
}

/// Writes approvals of drafts that [`super::of_ids`] has answered in this transaction, many with each
/// statement.
///
/// # Errors
/// [`Error::Busy`] where one is no draft any more; [`Error::Conflict`] where a number is taken.
pub async fn issue(tx: &mut Tx, approved: &[Approved]) -> Result<()> {
    let at = tx.at()?;
    let mut revisions = Vec::with_capacity(approved.len());
    for Approved { invoice, .. } in approved {
        let series = number_sequence::series(tx, invoice.header().business_entity_id);
        let paid_at = (invoice.status() == Status::Paid).then_some(at);
        let mut before = columns::before_approval(invoice);
        let mut after = columns::of_approval(invoice, series, paid_at)?;
        for values in [&mut before, &mut after] {
            values.sort_by_key(|(column, _)| *column);
        }
        let id = invoice.id();
        revisions.push(Revision { id, before, after });
    }
    let is_draft = Expr::col((TABLE.name, "status")).eq(Status::Draft.as_str());
    let changed = record::update_all(tx, &TABLE, "approved", revisions, &is_draft).await?;
    if usize::try_from(changed) == Ok(approved.len()) {
        Ok(())
    } else {
        Err(Error::Busy)
    }
}

/// Writes what was paid, credited or given up of an invoice that [`super::find`] has answered in this
/// transaction. `paid_at` and `voided_at` follow from its status, which has an event of its own
/// (`invoice.paid`…).
///
/// # Errors
/// What the statements answer.
pub async fn save_amounts(tx: &mut Tx, before: &Issued, after: &Issued) -> Result<()> {
    let at = tx.at()?;
    let [mut old, mut new] = [before, after].map(columns::of_amounts);
    if before.status() != after.status() {
        let head = super::heads_of_ids(tx, &[after.id()]).await?.pop();
        let since = head.map(|head| (head.paid_at, head.voided_at));
        let (paid_at, voided_at) = since.unwrap_or_default();
        let now = |status| (after.status() == status).then_some(at);
        old.extend([("paid_at", paid_at.into()), ("voided_at", voided_at.into())]);
        new.extend([
            ("paid_at", now(Status::Paid).into()),
            ("voided_at", now(Status::Void).into()),
        ]);
    }
    record::update(tx, &TABLE, after.id(), old, new).await?;
    if before.status() != after.status() {
        let event = format!("invoice.{}", after.status().as_str());
        record::announce(tx, &event, TABLE.name, after.id()).await?;
    }
    Ok(())
}
