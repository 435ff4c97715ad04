//! The bytes of an entry that a seal is computed over. Owns that every field is in them, each with its
//! length, so that no two entries have the same ones.

use uuid::Uuid;

use super::{Dimensions, EntryHeader, JournalEntry, JournalLine, Side};

/// All that an entry says, in one order for all time: what is added later goes to the end and only where
/// it is present, or old seals would not hold.
pub fn sealed_bytes(entry: &JournalEntry) -> Vec<u8> {
    let EntryHeader {
        id,
        kind,
        source_id,
        revision,
        reverses_id,
        description,
        currency,
        business_entity_id,
        posted_at,
    } = entry.header();
    let mut bytes = Vec::with_capacity(128 + entry.lines().len() * 128);
    bytes.extend(id.as_bytes());
    text(&mut bytes, kind.as_str());
    optional(&mut bytes, *source_id);
    bytes.extend(revision.to_be_bytes());
    optional(&mut bytes, *reverses_id);
    text(&mut bytes, description);
    text(&mut bytes, currency.code());
    bytes.push(currency.minor_digits());
    optional(&mut bytes, *business_entity_id);
    bytes.extend(posted_at.as_microsecond().to_be_bytes());
    bytes.extend((entry.lines().len() as u64).to_be_bytes());
    for one in entry.lines() {
        line(&mut bytes, one);
    }
    bytes
}

fn line(bytes: &mut Vec<u8>, line: &JournalLine) {
    bytes.extend(line.account().0.as_bytes());
    bytes.push(match line.side() {
        Side::Debit => b'D',
        Side::Credit => b'C',
    });
    bytes.extend(line.amount().minor().to_be_bytes());
    let Dimensions {
        customer_id,
        contract_id,
        invoice_id,
        credit_note_id,
        payment_id,
        refund_id,
        product_id,
        line_id,
        tax_id,
        revenue_contract_id,
        revenue_contract_item_id,
        performance_obligation_id,
    } = *line.dimensions();
    for id in [
        customer_id,
        contract_id,
        invoice_id,
        credit_note_id,
        payment_id,
        refund_id,
        product_id,
        line_id,
        tax_id,
        revenue_contract_id,
        revenue_contract_item_id,
        performance_obligation_id,
    ] {
        optional(bytes, id);
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_be_bytes());
    bytes.extend(text.as_bytes());
}

fn optional(bytes: &mut Vec<u8>, id: Option<Uuid>) {
    match id {
        None => bytes.push(0),
        Some(id) => {
            bytes.push(1);
            bytes.extend(id.as_bytes());
        }
    }
}
