//! Approving drafts: one, or thousands in few statements.
//!
//! Owns what stands together: numbers, due days, what wallets pay, what goes back to them, the books. Invariant:
//! an invoice has one number, however often and by how many at once it is approved: its row is locked before
//! it is looked at, and whoever comes second finds it approved.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use florin_core::{
    credit_note::CreditNote,
    invoice::{self, Approved, Draft, Freshness, Issued, Part, bills_again},
    ledger,
    wallet::{Entry, Wallet},
};
use florin_store::{
    self as store, Tx,
    invoice::Invoice,
    number_sequence::{self, Numbered},
};
use jiff::civil::Date;
use uuid::Uuid;

use super::{NOT_FOUND, Shown, document_settings::DocumentSettings, load, refused};
use crate::{
    App, Error, Result, billing, credit_note, document, entitlement, journal, organisation,
    test_clock, wallet,
};

/// Drafts that are approved in one transaction at most: the next numbers wait for its commit.
pub const APPROVALS_MAX: usize = 500;

/// What is asked about a draft before it is approved.
#[derive(Clone, Copy, Debug)]
pub struct Checks {
    /// Whether days that an issued invoice has charged for are refused.
    pub duplicates: bool,
}

/// What became of a draft.
#[derive(Debug)]
pub enum Outcome {
    /// It was approved now.
    Approved,
    /// It had been approved before; nothing was changed.
    Known,
    /// It was not approved; nothing was changed.
    Refused(Error),
}

/// A draft that was to be approved.
#[derive(Debug)]
pub struct Approval {
    /// The invoice.
    pub id: Uuid,
    /// Its number, if it has one now.
    pub number: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Approves a draft. An invoice that is approved already stays as it is: a request can be repeated.
///
/// # Errors
/// [`Error::NotFound`], `INVOICE_NOT_A_DRAFT`, `InvoiceAlreadyGeneratedForThisBillingPeriod`,
/// `INVOICE_STALE`.
pub async fn approve(app: &App, tx: &mut Tx, id: Uuid, checks: Checks) -> Result<Shown> {
    for approval in approve_chunk(app, tx, &[id], checks).await? {
        if let Outcome::Refused(error) = approval.outcome {
            return Err(error);
        }
    }
    load(tx, id).await
}

/// Approves drafts, [`APPROVALS_MAX`] at most, and says of each in the order of `ids` what became of it. A
/// refusal of one leaves the others alone.
///
/// # Errors
/// [`Error::Store`]; then nothing may be kept.
pub async fn approve_chunk(
    app: &App,
    tx: &mut Tx,
    ids: &[Uuid],
    checks: Checks,
) -> Result<Vec<Approval>> {
    let invoices = store::invoice::of_ids(tx, ids).await?;
    let mut known = HashMap::new();
    let mut drafts = Vec::new();
    for invoice in invoices {
        match invoice {
            Invoice::Draft(draft) => drafts.push(draft),
            Invoice::Issued(issued) => {
                let number = Some(issued.number().to_owned());
                known.insert(issued.id(), (number, Outcome::Known));
            }
        }
    }
    follow(tx, &drafts).await?;
    let (drafts, refusals) = checked(tx, drafts, checks).await?;
    known.extend(
        refusals
            .into_iter()
            .map(|(id, error)| (id, (None, Outcome::Refused(error)))),
    );
    for issued in issue(app, tx, drafts).await? {
        let number = Some(issued.number().to_owned());
        known.insert(issued.id(), (number, Outcome::Approved));
    }
    let answered = ids.iter().map(|id| {
        let (number, outcome) = match known.get(id) {
            // The same id again.
            Some((number, Outcome::Approved)) => (number.clone(), Outcome::Approved),
            Some((number, Outcome::Known)) => (number.clone(), Outcome::Known),
            Some((_, Outcome::Refused(_))) => match known.remove(id) {
                Some((number, outcome)) => (number, outcome),
                None => (None, Outcome::Refused(NOT_FOUND)),
            },
            None => (None, Outcome::Refused(NOT_FOUND)),
        };
        Approval {
            id: *id,
            number,
            outcome,
        }
    });
    Ok(answered.collect())
}

/// Drafts of one payer are approved at the payer's time. Those of several, of whom some live by test clocks, are
/// approved at real time: ask for each clock's by themselves.
async fn follow(tx: &mut Tx, drafts: &[Draft]) -> Result<()> {
    let mut payers = drafts.iter().map(|draft| draft.header().customer_id);
    match payers.next() {
        Some(payer) if payers.all(|other| other == payer) => test_clock::follow(tx, payer).await,
        _ => Ok(()),
    }
}

type Refusals = Vec<(Uuid, Error)>;

/// The drafts that can be approved, and why the others cannot.
async fn checked(
    tx: &mut Tx,
    drafts: Vec<Draft>,
    checks: Checks,
) -> Result<(Vec<Draft>, Refusals)> {
    let versions = versions(tx, &drafts).await?;
    let mut issued = match checks.duplicates {
        true => billed(tx, &drafts).await?,
        false => HashMap::new(),
    };
    let known = known_to_billing(tx, &drafts, !issued.is_empty()).await?;
    let (mut sound, mut refusals) = (Vec::with_capacity(drafts.len()), Vec::new());
    for draft in drafts {
        let key = cycle(&draft).filter(|_| !known.contains(&draft.id()));
        let earlier = key.and_then(|key| issued.get(&key));
        match check(&draft, &versions, earlier) {
            Err(error) => refusals.push((draft.id(), error)),
            Ok(()) => {
                if let (true, Some(key)) = (checks.duplicates, key) {
                    issued
                        .entry(key)
                        .or_default()
                        .extend(draft.parts().to_vec());
                }
                sound.push(draft);
            }
        }
    }
    Ok((sound, refusals))
}

fn check(draft: &Draft, versions: &HashMap<Uuid, u32>, earlier: Option<&Vec<Part>>) -> Result<()> {
    if draft.status() != invoice::Status::Draft {
        return Err(refused(invoice::Refusal::NotADraft(draft.status())));
    }
    let contract = draft.header().contract_id;
    let now = Freshness {
        usage_sequence: None,
        contract_version: contract.and_then(|id| versions.get(&id).copied()),
    };
    if draft.is_stale(now) {
        let message = "its contract changed after the draft was made: generate the invoice again";
        return Err(Error::refused("INVOICE_STALE", message));
    }
    if earlier.is_some_and(|earlier| bills_again(draft.parts(), earlier)) {
        let message = "an approved invoice has charged for these days: discard the draft, or send \
                       check_duplicate_invoice false";
        return Err(Error::refused(billing::ALREADY_GENERATED, message));
    }
    Ok(())
}

/// Contract and day of a draft.
fn cycle(draft: &Draft) -> Option<(Uuid, Date)> {
    let header = draft.header();
    Some((header.contract_id?, header.bill_for_date))
}

async fn versions(tx: &mut Tx, drafts: &[Draft]) -> Result<HashMap<Uuid, u32>> {
    let contracts = drafts.iter().filter_map(|draft| draft.header().contract_id);
    let contracts: Vec<Uuid> = contracts.collect();
    let names = store::contract::names(tx, &contracts).await?;
    Ok(names
        .into_iter()
        .map(|name| (name.id, name.version))
        .collect())
}

/// What issued invoices have charged for, by contract and day.
async fn billed(tx: &mut Tx, drafts: &[Draft]) -> Result<HashMap<(Uuid, Date), Vec<Part>>> {
    let (contracts, days): (Vec<Uuid>, Vec<Date>) = drafts.iter().filter_map(cycle).unzip();
    let mut billed: HashMap<_, Vec<Part>> = HashMap::new();
    for issued in store::invoice::issued_for(tx, &contracts, &days).await? {
        if let Some(contract) = issued.header().contract_id {
            let key = (contract, issued.header().bill_for_date);
            billed
                .entry(key)
                .or_default()
                .extend(issued.parts().to_vec());
        }
    }
    Ok(billed)
}

/// Drafts all of whose days billing keeps account of: what they charge for is on no other bill, or was taken back
/// there.
async fn known_to_billing(tx: &mut Tx, drafts: &[Draft], is_asked: bool) -> Result<HashSet<Uuid>> {
    if !is_asked {
        return Ok(HashSet::new());
    }
    let parts = drafts.iter().flat_map(Draft::parts);
    let parts: Vec<Uuid> = parts.map(|part| part.id).collect();
    let billed = store::billed_period::of_parts(tx, &parts).await?;
    let billed: HashSet<Uuid> = billed.iter().map(|billed| billed.period.part).collect();
    let is_known = |draft: &&Draft| {
        let mut charging = draft.parts().iter().filter(|part| {
            let is_by_hand = part.source == invoice::Source::OneOff;
            !is_by_hand && !part.rated.lines.is_empty()
        });
        charging.all(|part| billed.contains(&part.id))
    };
    let known = drafts.iter().filter(is_known).map(Draft::id);
    Ok(known.collect())
}

/// Gives numbers and keeps all that an approval does.
async fn issue(app: &App, tx: &mut Tx, drafts: Vec<Draft>) -> Result<Vec<Issued>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let headers: Vec<_> = drafts.iter().map(Draft::header).collect();
    let settings = DocumentSettings::of(tx, &headers).await?;
    let keys: Vec<_> = headers
        .iter()
        .map(|header| (header.customer_id, header.currency))
        .collect();
    let mut wallets = store::wallet::balances(tx, &keys).await?;
    let zone = organisation::zone(tx).await?;
    let at = tx.at()?;
    let on = zone.to_datetime(at).date();
    let mut numbers = numbers(tx, &drafts).await?;
    let mut approved = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let header = draft.header();
        let series = number_sequence::series(tx, header.business_entity_id);
        let next = numbers.get_mut(&series).and_then(Iterator::next);
        let next = next.ok_or(store::Error::Busy)?;
        let key = (header.customer_id, header.currency);
        let wallet = wallets.entry(key).or_insert(Wallet::empty(header.currency));
        let approval = invoice::Approval {
            number: settings.number_format(header).write(next),
            at,
            on,
            wallet: *wallet,
            payment_terms: settings.payment_terms(header),
        };
        let issued = invoice::approve(draft, approval).map_err(refused)?;
        if let Some(entry) = issued.wallet {
            *wallet = wallet.post(entry).map_err(crate::wallet::refused)?;
        }
        approved.push(issued);
    }
    store::invoice::issue(tx, &approved).await?;
    let issued: Vec<&Issued> = approved.iter().map(|approved| &approved.invoice).collect();
    document::freeze(tx, &issued).await?;
    settle(app, tx, &approved).await?;
    entitlement::billed::approved(&*app.ids, tx, &issued).await?;
    Ok(approved
        .into_iter()
        .map(|approved| approved.invoice)
        .collect())
}

/// What approvals do beside the invoices: wallets pay, what an invoice is below zero comes into them, and the books
/// say so.
async fn settle(app: &App, tx: &mut Tx, approved: &[Approved]) -> Result<()> {
    let payer = |approved: &Approved| approved.invoice.header().customer_id;
    let paid = approved.iter();
    let paid = paid.filter_map(|approved| Some((payer(approved), approved.wallet?)));
    let mut entries: Vec<(Uuid, Entry)> = paid.collect();
    let below_zero = approved.iter().map(|approved| &approved.invoice);
    let below_zero = below_zero.filter(|invoice| !invoice.totals().credit.is_zero());
    let below_zero: Vec<Issued> = below_zero.cloned().collect();
    let mut notes: HashMap<Option<Uuid>, CreditNote> = HashMap::new();
    if !below_zero.is_empty() {
        for (note, entry) in credit_note::for_remainders(app, tx, &below_zero).await? {
            entries.push((note.customer_id, entry));
            notes.insert(note.invoice_id, note);
        }
    }
    if !entries.is_empty() {
        wallet::post(app, tx, &entries).await?;
    }
    let events = approved.iter().flat_map(|Approved { invoice, .. }| {
        ledger::of_approval(invoice, notes.get(&Some(invoice.id())))
    });
    let events: Vec<ledger::Event<'_>> = events.collect();
    journal::post(app, tx, &events).await
}

/// The next numbers of each series that a draft needs, in the order of the drafts.
async fn numbers(tx: &mut Tx, drafts: &[Draft]) -> Result<BTreeMap<Uuid, Range<u64>>> {
    let mut counts: BTreeMap<Uuid, u64> = BTreeMap::new();
    for draft in drafts {
        let series = number_sequence::series(tx, draft.header().business_entity_id);
        *counts.entry(series).or_default() += 1;
    }
    let mut numbers = BTreeMap::new();
    for (series, count) in counts {
        let taken = number_sequence::take(tx, Numbered::Invoice, series, count).await?;
        numbers.insert(series, taken);
    }
    Ok(numbers)
}
