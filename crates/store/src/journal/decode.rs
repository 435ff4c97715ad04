//! Rows as entries. Owns that what is read is balanced again.

use std::collections::HashMap;

use florin_core::{
    currency::Currency,
    ledger::{AccountId, Dimensions, EntryHeader, JournalEntry, Kind, Posting, Side},
    money::Money,
};
use uuid::Uuid;

use crate::{Error, Result, Row};

fn corrupt(column: &str, reason: impl ToString) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: reason.to_string(),
    }
}

fn currency(row: &Row) -> Result<Currency> {
    let code: String = row.get("currency")?;
    let digits: i64 = row.get("minor_digits")?;
    let digits = u8::try_from(digits).map_err(|error| corrupt("minor_digits", error))?;
    let currency = Currency::iso(&code).or_else(|_| Currency::custom(&code, digits));
    let currency = currency.map_err(|error| corrupt("currency", error))?;
    if currency.minor_digits() == digits {
        return Ok(currency);
    }
    Err(corrupt("minor_digits", "not those of the currency"))
}

pub(super) fn header(row: &Row) -> Result<EntryHeader> {
    let kind: String = row.get("event")?;
    let revision: i64 = row.get("revision")?;
    Ok(EntryHeader {
        id: row.get("id")?,
        kind: Kind::parse(&kind).ok_or_else(|| corrupt("event", format!("no event is {kind}")))?,
        source_id: row.optional("source_id")?,
        revision: u32::try_from(revision).map_err(|error| corrupt("revision", error))?,
        reverses_id: row.optional("reverses_id")?,
        description: row.get("description")?,
        currency: currency(row)?,
        business_entity_id: row.optional("business_entity_id")?,
        posted_at: row.get("posted_at")?,
    })
}

/// The entry's id and the posting of a row.
pub(super) fn posting(row: &Row, currencies: &HashMap<Uuid, Currency>) -> Result<(Uuid, Posting)> {
    let entry: Uuid = row.get("journal_entry_id")?;
    let (debits, credits): (i64, i64) = (row.get("debits")?, row.get("credits")?);
    let (side, minor) = match (debits, credits) {
        (minor @ 1.., 0) => (Side::Debit, minor),
        (0, minor @ 1..) => (Side::Credit, minor),
        _ => return Err(corrupt("debits", "a line has one side")),
    };
    let code: String = row.get("currency")?;
    let currency = currencies.get(&entry).copied();
    let currency = currency.filter(|currency| currency.code() == code);
    let currency = currency.ok_or_else(|| corrupt("currency", "not that of the entry"))?;
    let posting = Posting {
        account: AccountId(row.get("account_id")?),
        side,
        amount: Money::from_minor(minor, currency),
        dimensions: dimensions(row)?,
    };
    Ok((entry, posting))
}

fn dimensions(row: &Row) -> Result<Dimensions> {
    Ok(Dimensions {
        customer_id: row.optional("customer_id")?,
        contract_id: row.optional("contract_id")?,
        invoice_id: row.optional("invoice_id")?,
        credit_note_id: row.optional("credit_note_id")?,
        payment_id: row.optional("payment_id")?,
        refund_id: row.optional("refund_id")?,
        product_id: row.optional("product_id")?,
        line_id: row.optional("line_id")?,
        tax_id: row.optional("tax_id")?,
        revenue_contract_id: row.optional("revenue_contract_id")?,
        revenue_contract_item_id: row.optional("revenue_contract_item_id")?,
        performance_obligation_id: row.optional("performance_obligation_id")?,
    })
}

pub(super) fn entry(header: EntryHeader, postings: &[Posting]) -> Result<JournalEntry> {
    let id = header.id;
    let entry = JournalEntry::new(header, postings);
    let entry = entry.map_err(|error| corrupt("debits", error))?;
    entry.ok_or_else(|| corrupt("line_count", format!("the entry {id} has no lines")))
}
