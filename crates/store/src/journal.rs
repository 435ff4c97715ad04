//! Journal entries and their lines. Owns their rows, which are never changed, and sums over them.
//!
//! The journal is its own audit trail: an entry carries who posted it and what it happened to, and the
//! event that it is of has left its audit row and its announcement. So entries are written without
//! [`crate::record`], many with one statement.
//!
//! Invariant: an entry is balanced. [`JournalEntry`] is so by construction, and the database refuses any
//! other: its lines are written first, and the entry closes them.

mod decode;
mod seal;

use std::collections::HashMap;

use florin_core::ledger::{AccountId, Dimensions, EntryHeader, JournalEntry, JournalLine};
use sea_query::{Asterisk, Expr, ExprTrait, Func, Order, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Tx,
    record::{self, Values},
};

pub use seal::{Seal, SealedCounts, insert_seal, of_seal, sealed_counts, seals, unsealed};

/// The status of an entry that is in the books.
const POSTED: &str = "posted";

/// Ids of one condition.
const IDS_MAX: usize = 10_000;

/// What the lines of an account sum to, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: AccountId,
    /// Its currency's code.
    pub currency: String,
    /// Minor units on the left.
    pub debits: i64,
    /// Minor units on the right.
    pub credits: i64,
}

/// Adds entries, set-at-a-time.
///
/// # Errors
/// [`crate::Error::Conflict`] with `journal_entry_source_id_event_revision_key` where an event is posted
/// a second time.
pub async fn insert(tx: &mut Tx, entries: &[JournalEntry]) -> Result<()> {
    let lines = entries.iter().flat_map(|entry| {
        let numbered = (0_i64..).zip(entry.lines());
        numbered.map(move |(position, line)| (entry, position, line))
    });
    let lines = lines.map(|line| line_values(tx, line)).collect();
    record::insert_all_plain(tx, "journal_line", lines).await?;
    let entries = entries.iter().map(|entry| entry_values(tx, entry));
    let entries = entries.collect::<Result<_>>()?;
    record::insert_all_plain(tx, "journal_entry", entries).await
}

fn entry_values(tx: &Tx, entry: &JournalEntry) -> Result<Values> {
    let author = tx.author()?;
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
    } = entry.header().clone();
    let line_count = i64::try_from(entry.lines().len()).unwrap_or(i64::MAX);
    Ok(vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
        ("event", kind.as_str().into()),
        ("source_id", source_id.into()),
        ("revision", i64::from(revision).into()),
        ("reverses_id", reverses_id.into()),
        ("description", description.into()),
        ("currency", currency.code().into()),
        ("minor_digits", i64::from(currency.minor_digits()).into()),
        ("business_entity_id", business_entity_id.into()),
        ("posted_at", posted_at.into()),
        ("status_type", POSTED.into()),
        ("line_count", line_count.into()),
        ("actor", author.actor.to_string().into()),
        ("created_at", author.at.into()),
    ])
}

fn line_values(tx: &Tx, (entry, position, line): (&JournalEntry, i64, &JournalLine)) -> Values {
    let header = entry.header();
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
    vec![
        ("organisation_id", tx.organisation().0.into()),
        ("journal_entry_id", header.id.into()),
        ("position", position.into()),
        ("account_id", line.account().0.into()),
        ("debits", line.debits().into()),
        ("credits", line.credits().into()),
        ("currency", header.currency.code().into()),
        ("posted_at", header.posted_at.into()),
        ("customer_id", customer_id.into()),
        ("contract_id", contract_id.into()),
        ("invoice_id", invoice_id.into()),
        ("credit_note_id", credit_note_id.into()),
        ("payment_id", payment_id.into()),
        ("refund_id", refund_id.into()),
        ("product_id", product_id.into()),
        ("line_id", line_id.into()),
        ("tax_id", tax_id.into()),
        ("revenue_contract_id", revenue_contract_id.into()),
        ("revenue_contract_item_id", revenue_contract_item_id.into()),
        (
            "performance_obligation_id",
            performance_obligation_id.into(),
        ),
    ]
}

/// Every entry of what happened to these invoices, payments, credit notes…, the oldest first.
///
/// # Errors
/// [`crate::Error::Corrupt`] for an entry that is not balanced.
pub async fn of_sources(tx: &mut Tx, sources: &[Uuid]) -> Result<Vec<JournalEntry>> {
    let mut entries = Vec::new();
    for chunk in sources.chunks(IDS_MAX) {
        let mut select = entries_selected(tx);
        select.and_where(Expr::col("source_id").is_in(chunk.iter().copied()));
        entries.extend(load(tx, &select).await?);
    }
    Ok(entries)
}

/// The entries with these ids.
///
/// # Errors
/// As [`of_sources`].
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<JournalEntry>> {
    let mut entries = Vec::new();
    for chunk in ids.chunks(IDS_MAX) {
        let mut select = entries_selected(tx);
        select.and_where(Expr::col("id").is_in(chunk.iter().copied()));
        entries.extend(load(tx, &select).await?);
    }
    Ok(entries)
}

fn entries_selected(tx: &Tx) -> SelectStatement {
    let mut select = tx.select("journal_entry");
    select.column(Asterisk);
    select.order_by("created_at", Order::Asc);
    select.order_by("revision", Order::Asc);
    select.order_by("id", Order::Asc);
    select
}

async fn load(tx: &mut Tx, select: &SelectStatement) -> Result<Vec<JournalEntry>> {
    let headers = tx.fetch_all(select).await?;
    let headers: Vec<EntryHeader> = headers.iter().map(decode::header).collect::<Result<_>>()?;
    let ids: Vec<Uuid> = headers.iter().map(|header| header.id).collect();
    let mut postings = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(IDS_MAX) {
        let mut lines = tx.select("journal_line");
        lines.column(Asterisk);
        lines.and_where(Expr::col("journal_entry_id").is_in(chunk.iter().copied()));
        lines.order_by("journal_entry_id", Order::Asc);
        lines.order_by("position", Order::Asc);
        let currencies = headers.iter().map(|header| (header.id, header.currency));
        let currencies: HashMap<_, _> = currencies.collect();
        for row in tx.fetch_all(&lines).await? {
            let (entry, posting) = decode::posting(&row, &currencies)?;
            let of_entry: &mut Vec<_> = postings.entry(entry).or_default();
            of_entry.push(posting);
        }
    }
    let entries = headers.into_iter().map(|header| {
        let postings = postings.remove(&header.id).unwrap_or_default();
        decode::entry(header, &postings)
    });
    entries.collect()
}

/// What the lines of every account sum to.
///
/// # Errors
/// What the statement answers.
pub async fn balances(tx: &mut Tx) -> Result<Vec<Balance>> {
    let mut select = tx.select("journal_line");
    select.columns(["account_id", "currency"]);
    for side in ["debits", "credits"] {
        let sum = Func::sum(Expr::col(side)).cast_as("bigint");
        select.expr_as(sum, side);
    }
    select.group_by_columns(["account_id", "currency"]);
    select.order_by("account_id", Order::Asc);
    select.order_by("currency", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    let balances = rows.iter().map(|row| {
        Ok(Balance {
            account: AccountId(row.get("account_id")?),
            currency: row.get("currency")?,
            debits: row.get("debits")?,
            credits: row.get("credits")?,
        })
    });
    balances.collect()
}
