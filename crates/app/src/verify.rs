//! Verifying the books of an organisation: whether every entry is balanced, the chain of seals is whole, the
//! accounts agree with invoices, wallets, payments and credit notes, and each invoice still comes to what
//! it says.
//!
//! Owns what is compared and how a difference is told. Repairs nothing. It reads what the database holds,
//! not what its triggers promise: they do not see a hand that writes past them.

use florin_core::{id::OrganisationId, invoice::Issued, rating::replay};
use florin_store::{
    self as store, Tx,
    books::{self, Comparison, Difference},
    invoice::{Head, Invoice},
    journal::{self, Seal},
};
use uuid::Uuid;

use crate::{
    App, Result,
    journal::{FIRST_HASH, hash},
};

/// Findings of one check at most: the first hundred say what is wrong, the rest how much.
const FINDINGS_MAX: usize = 100;

/// Invoices that are computed again at a time.
const INVOICES_AT_A_TIME: u64 = 500;

/// Seals that are read at a time.
const SEALS_AT_A_TIME: u64 = 100;

/// What a verification came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries of the journal.
    pub entries: u64,
    /// Of them, those without a seal: the newest.
    pub unsealed: u64,
    /// Seals.
    pub seals: u64,
    /// Invoices that were computed again.
    pub invoices: u64,
    /// What is wrong; nothing where all is well.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// What it is about.
    pub id: Uuid,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// Verifies the books of an organisation.
///
/// # Errors
/// [`crate::Error::Store`] where the database does not answer.
pub async fn run(app: &App, organisation: OrganisationId) -> Result<Report> {
    let mut tx = app.db.read(organisation).await?;
    let mut report = Report::default();
    for comparison in Comparison::ALL {
        let found = books::differences(&mut tx, comparison, FINDINGS_MAX as u64).await?;
        let told = found.iter().map(|difference| told(comparison, difference));
        report.findings.extend(told);
    }
    verify_chain(&mut tx, &mut report).await?;
    verify_invoices(&mut tx, &mut report).await?;
    Ok(report)
}

fn told(comparison: Comparison, difference: &Difference) -> Finding {
    let Difference {
        id,
        currency,
        journal,
        record,
    } = difference;
    let amounts = |left: &str, right: &str| {
        format!("{left} {journal}, {right} {record} (minor units of {currency})")
    };
    let (check, message) = match comparison {
        Comparison::Entries => (
            "entry",
            format!(
                "the entry is not balanced: {}",
                amounts("debits are", "credits")
            ),
        ),
        Comparison::LineCounts => (
            "entry",
            format!("the entry has {journal} lines, it was written with {record}"),
        ),
        Comparison::Receivables => (
            "receivables",
            format!(
                "the invoice: {}",
                amounts("the journal says", "to be paid are")
            ),
        ),
        Comparison::Wallets => (
            "wallets",
            format!(
                "the customer: {}",
                amounts("the journal says", "the wallet has")
            ),
        ),
        Comparison::WalletEntries => (
            "wallets",
            format!(
                "the customer: {}",
                amounts("entries sum to", "the wallet has")
            ),
        ),
        Comparison::Payments => (
            "payments",
            format!("the payment: {}", amounts("the journal says", "moved were")),
        ),
        Comparison::CreditNotes => (
            "credit notes",
            format!(
                "the credit note: {}",
                amounts("the journal says", "credited were")
            ),
        ),
    };
    Finding {
        check,
        id: *id,
        message,
    }
}

/// Walks the chain from the newest seal back, computing each hash again.
async fn verify_chain(tx: &mut Tx, report: &mut Report) -> Result<()> {
    let counts = journal::sealed_counts(tx).await?;
    report.entries = counts.values().sum();
    report.unsealed = counts.get(&None).copied().unwrap_or_default();
    let mut newer: Option<Seal> = None;
    loop {
        let below = newer.as_ref().map_or(i64::MAX, |seal| seal.number);
        let seals = journal::seals(tx, below, SEALS_AT_A_TIME).await?;
        let is_last = seals.is_empty();
        for seal in seals {
            report.seals += 1;
            verify_link(tx, report, newer.as_ref(), &seal);
            verify_seal(tx, report, &seal).await?;
            newer = Some(seal);
        }
        if is_last {
            break;
        }
    }
    verify_ends(tx, report, newer.as_ref(), &counts).await
}

fn broken(tx: &Tx, message: String) -> Finding {
    Finding {
        check: "chain",
        id: tx.organisation().0,
        message,
    }
}

fn verify_link(tx: &Tx, report: &mut Report, newer: Option<&Seal>, seal: &Seal) {
    let Some(newer) = newer else { return };
    if newer.number != seal.number + 1 {
        let message = format!(
            "between seals {} and {} others are gone",
            seal.number, newer.number
        );
        report.findings.push(broken(tx, message));
    } else if newer.previous_hash != seal.hash {
        let message = format!("seal {} does not follow seal {}", newer.number, seal.number);
        report.findings.push(broken(tx, message));
    }
}

async fn verify_seal(tx: &mut Tx, report: &mut Report, seal: &Seal) -> Result<()> {
    let ids = journal::of_seal(tx, seal.number).await?;
    let number = seal.number;
    if ids.len() as i64 != seal.entry_count {
        let (count, found) = (seal.entry_count, ids.len());
        let message = format!("seal {number} covers {count} entries, {found} are there");
        report.findings.push(broken(tx, message));
    }
    match hash(tx, number, &seal.previous_hash, &ids).await {
        Ok(hash) if hash == seal.hash => {}
        Ok(_) => {
            let message = format!("the entries of seal {number} are not those that were sealed");
            report.findings.push(broken(tx, message));
        }
        Err(crate::Error::Store(error @ store::Error::Corrupt { .. })) => {
            let message = format!("an entry of seal {number} cannot be read: {error}");
            report.findings.push(broken(tx, message));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The first seal follows nothing, and every number that an entry has is that of a seal.
async fn verify_ends(
    tx: &mut Tx,
    report: &mut Report,
    first: Option<&Seal>,
    counts: &journal::SealedCounts,
) -> Result<()> {
    if let Some(first) =
        first.filter(|first| first.number != 1 || first.previous_hash != FIRST_HASH)
    {
        let message = format!(
            "the first seal is {}, those before it are gone",
            first.number
        );
        report.findings.push(broken(tx, message));
    }
    let newest = journal::seals(tx, i64::MAX, 1).await?;
    let newest = newest.first().map_or(0, |seal| seal.number);
    for (number, count) in counts {
        if let Some(number) = number.filter(|number| *number > newest) {
            let message = format!("{count} entries name seal {number}, which is not there");
            report.findings.push(broken(tx, message));
        }
    }
    Ok(())
}

/// Computes every issued invoice again from its lines, and each line from its trace.
async fn verify_invoices(tx: &mut Tx, report: &mut Report) -> Result<()> {
    let mut above = Uuid::nil();
    loop {
        let ids = books::issued_invoices(tx, above, INVOICES_AT_A_TIME).await?;
        let Some(last) = ids.last() else {
            return Ok(());
        };
        above = *last;
        report.invoices += ids.len() as u64;
        let heads = store::invoice::heads_of_ids(tx, &ids).await?;
        match store::invoice::of_ids(tx, &ids).await {
            Ok(invoices) => compare(report, &heads, &invoices),
            Err(store::Error::Corrupt { .. }) => one_by_one(tx, report, &heads).await?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn compare(report: &mut Report, heads: &[Head], invoices: &[Invoice]) {
    for head in heads {
        let found = invoices.iter().find_map(|invoice| match invoice {
            Invoice::Issued(issued) if issued.id() == head.id => Some(issued),
            _ => None,
        });
        let wrong = match found {
            Some(issued) => wrong_with(head, issued),
            None => vec!["is not issued".to_owned()],
        };
        push(report, head, wrong);
    }
}

/// An invoice among them cannot be read: which one?
async fn one_by_one(tx: &mut Tx, report: &mut Report, heads: &[Head]) -> Result<()> {
    for head in heads {
        match store::invoice::of_ids(tx, &[head.id]).await {
            Ok(invoices) => compare(report, std::slice::from_ref(head), &invoices),
            Err(error @ store::Error::Corrupt { .. }) => {
                push(report, head, vec![format!("cannot be read: {error}")]);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn push(report: &mut Report, head: &Head, wrong: Vec<String>) {
    let number = head.number.as_deref().unwrap_or("without a number");
    let findings = wrong.into_iter().map(|wrong| Finding {
        check: "invoices",
        id: head.id,
        message: format!("invoice {number} {wrong}"),
    });
    let known = report
        .findings
        .iter()
        .filter(|finding| finding.check == "invoices");
    let room = FINDINGS_MAX.saturating_sub(known.count());
    report.findings.extend(findings.take(room));
}

fn wrong_with(head: &Head, issued: &Issued) -> Vec<String> {
    let mut wrong = Vec::new();
    if head.totals != issued.totals() {
        let (kept, lines) = (head.totals.total, issued.totals().total);
        wrong.push(format!("is over {kept}, its lines come to {lines}"));
    }
    if head.amount_due != issued.amount_due() {
        let (kept, due) = (head.amount_due, issued.amount_due());
        wrong.push(format!(
            "says that {kept} are due, by its amounts it is {due}"
        ));
    }
    if head.status != issued.status() {
        let (kept, status) = (head.status.as_str(), issued.status().as_str());
        wrong.push(format!("is kept as {kept}, by its amounts it is {status}"));
    }
    for part in issued.parts() {
        match replay(&part.rated) {
            Ok(replayed) if replayed == part.rated => {}
            Ok(_) => wrong.push("does not come to what its trace says".to_owned()),
            Err(error) => wrong.push(format!("has a trace that is not one: {error}")),
        }
    }
    wrong
}
