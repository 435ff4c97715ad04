//! Credit notes for what approved invoices are below zero, and the numbers of all notes.

use std::collections::BTreeMap;

use florin_core::{
    credit_note::{self, CreditNote},
    invoice::{Issued, NumberFormat},
    wallet::Entry,
};
use florin_store::{
    self as store, Tx,
    credit_note::{About, Kept},
};
use uuid::Uuid;

use crate::{App, Result};

/// Writes the credit notes for what approved invoices are below zero (DESIGN §7), in the caller's transaction.
/// Answers each with what comes into its customer's wallet: to be posted by [`crate::wallet::post`].
///
/// # Errors
/// [`crate::Error::Store`].
pub async fn for_remainders(
    app: &App,
    tx: &mut Tx,
    invoices: &[Issued],
) -> Result<Vec<(CreditNote, Entry)>> {
    let at = tx.at()?;
    let (mut notes, mut entries) = (Vec::new(), Vec::new());
    for invoice in invoices {
        let remainder = credit_note::for_remainder(invoice, app.ids.next(), String::new(), at);
        if let Some((note, entry)) = remainder {
            entries.push(entry);
            notes.push((note, invoice.header().business_entity_id));
        }
    }
    let kept = numbered(tx, notes).await?;
    store::credit_note::insert(tx, &kept).await?;
    let notes = kept.into_iter().map(|kept| kept.note);
    Ok(notes.zip(entries).collect())
}

/// Gives each note the next number of its entity, in order.
pub(super) async fn numbered(
    tx: &mut Tx,
    notes: Vec<(CreditNote, Option<Uuid>)>,
) -> Result<Vec<Kept>> {
    let mut counts: BTreeMap<Option<Uuid>, usize> = BTreeMap::new();
    for (_, entity) in &notes {
        *counts.entry(*entity).or_default() += 1;
    }
    let format = NumberFormat::credit_notes();
    let mut numbers = BTreeMap::new();
    for (entity, count) in counts {
        let taken = store::credit_note::take_numbers(tx, entity, count, &format).await?;
        numbers.insert(entity, taken.into_iter());
    }
    let at = tx.at()?;
    let kept = notes.into_iter().map(|(mut note, entity)| {
        let mut next = numbers.get_mut(&entity).into_iter().flatten();
        note.number = next.next().unwrap_or_default();
        Kept {
            about: About::of(&note, entity),
            note,
            created_at: at,
            updated_at: at,
        }
    });
    Ok(kept.collect())
}
