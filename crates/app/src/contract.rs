//! Contracts: make, change, pause, end, list.
//!
//! Every change goes through one function that saves, so that what a change does to bills has one place.
//! A contract is looked at as of the transaction's instant: its status may have changed by the calendar
//! since it was saved.

mod agreed;
mod catalogue;
mod effect;
mod upkeep;
mod view;
mod written;

use florin_core::billing::{self, BillingCycle};
use florin_core::contract::{
    self, Amendment, Contract, Details, Finding, Findings, LineDetails, Refusal,
};
use florin_core::custom_attribute::Module;
use florin_core::id::LineId;
use florin_store::{self as store, Tx, list};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{App, Error, FieldError, Result, custom_attribute, plan, test_clock};
pub(crate) use agreed::{Around, agreed};
pub(crate) use catalogue::{Catalogue, Known, Sold};
pub(crate) use view::sights;
use written::Reader;
pub(crate) use written::{Place, bad, below};

pub use effect::{AdjustedPeriod, InvoiceEffect};
pub use upkeep::{Renewals, keep_up, renew_due};
pub use view::{Sights, View, views};
pub use written::{Written, WrittenLine, WrittenPhase, WrittenSwitch};

const RULES: &[(&str, &str, &str)] = &[(
    "contract_id_key",
    "CONTRACT_ID_TAKEN",
    "there is or was a contract with this id: send another one, or none",
)];

const NOT_FOUND: Error = Error::NotFound {
    resource: "contract",
};

/// A pause to be made, or what is to change of one. Dates are texts, as in [`Written`].
#[derive(Clone, Debug, Default)]
pub struct WrittenPause {
    /// Which pause, where there are several.
    pub pause_phase_id: Option<Uuid>,
    /// First day.
    pub start_date: Option<String>,
    /// Last day; until resumed without it.
    pub end_date: Option<String>,
    /// What it does to the contract's end.
    pub policy: Option<contract::ExtensionPolicy>,
}

/// A change of a contract that is not made: what it would be.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The contract as it is.
    pub before: Contract,
    /// The contract as it would be.
    pub after: Contract,
    /// What differs.
    pub amendment: Amendment,
    /// What it would do to invoices.
    pub invoices: InvoiceEffect,
}

/// A version of a contract after its first, and what it changed.
#[derive(Clone, Debug)]
pub struct Amended {
    /// The version before.
    pub before: Contract,
    /// The version.
    pub after: Contract,
    /// What differs.
    pub amendment: Amendment,
    /// What it did to invoices, or will with the next billing run.
    pub invoices: InvoiceEffect,
    /// When it was made.
    pub at: Timestamp,
}

/// Makes a contract.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field; [`Error::Refused`] for an id
/// that is taken and for inline products that break rules.
pub async fn create(app: &App, tx: &mut Tx, written: Written) -> Result<Contract> {
    let made = agreed(app, tx, written, Around::default(), Ok).await?;
    let inserted = store::contract::insert(tx, &made).await;
    inserted.map_err(|error| Error::from_constraint(error, RULES))?;
    Ok(made)
}

/// Replaces a contract whole. The same content is no new version.
///
/// # Errors
/// [`Error::NotFound`], else as [`create`].
pub async fn replace(app: &App, tx: &mut Tx, id: Uuid, written: Written) -> Result<Contract> {
    let (before, after) = replaced(app, tx, id, written).await?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// What [`replace`] would make. An inline product that it names is made in the transaction: drop that to
/// leave everything as it was.
///
/// # Errors
/// As [`replace`].
pub async fn preview(app: &App, tx: &mut Tx, id: Uuid, written: Written) -> Result<Preview> {
    let (before, after) = replaced(app, tx, id, written).await?;
    let mut effects = effect::effects(tx, id, &[(&before, &after)]).await?;
    Ok(Preview {
        amendment: contract::amendment(&before, &after),
        invoices: effects.pop().unwrap_or_default(),
        before,
        after,
    })
}

/// A contract before and after its replacement, which is not saved.
async fn replaced(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    written: Written,
) -> Result<(Contract, Contract)> {
    let before = find(tx, id).await?;
    let current = as_of_now(tx, &before)?;
    let around = Around {
        before: Some(&current),
        guest: None,
    };
    let mut details = read(app, tx, before.zone(), written, around).await?;
    // What a caller cannot write stays.
    details.header.renewed_from = before.header().renewed_from;
    let kept_plan = before.header().plan.filter(|plan| {
        let named = details.header.plan;
        named.is_none_or(|named| named.plan_id == plan.plan_id)
    });
    details.header.plan = match (kept_plan, details.header.plan) {
        (Some(kept), _) => Some(kept),
        (None, Some(named)) => Some(plan::version(tx, named.plan_id).await?),
        (None, None) => None,
    };
    let parent = parent(tx, details.header.customer_id).await?;
    let mut ids = || app.ids.next();
    let after = current
        .replace(details, parent, &mut ids, tx.at()?)
        .map_err(invalid)?;
    Ok((before, after))
}

/// Deletes a draft: lists and reads pass it over.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] unless it is a draft.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Contract> {
    let before = find(tx, id).await?;
    let deleted = before.delete(tx.at()?).map_err(refused)?;
    store::contract::delete(tx, &deleted).await?;
    Ok(deleted)
}

/// Adds a phase; answers the contract.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for an expired contract, [`Error::Invalid`].
pub async fn add_phase(app: &App, tx: &mut Tx, id: Uuid, phase: WrittenPhase) -> Result<Contract> {
    let before = find(tx, id).await?;
    let current = as_of_now(tx, &before)?;
    plans_known(tx, phase.lines(&[]), Some(&current)).await?;
    let known = Known::of_contract(Some(&current));
    let catalogue = Catalogue::read(app, tx, phase.lines(&[]), known).await?;
    let mut reader = Reader::new(before.zone(), catalogue);
    let read = reader.phase(&[], phase);
    let details = reader.finish(read)?;
    let mut ids = || app.ids.next();
    let after = current
        .add_phase(details, &mut ids, tx.at()?)
        .map_err(refused)?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// Adds a line to a phase; answers the contract and the line's id.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for an expired contract, [`Error::Invalid`].
pub async fn add_line(
    app: &App,
    tx: &mut Tx,
    [id, phase]: [Uuid; 2],
    line: WrittenLine,
) -> Result<(Contract, LineId)> {
    let before = find(tx, id).await?;
    let current = as_of_now(tx, &before)?;
    let details = read_line(app, tx, &current, line).await?;
    let mut ids = || app.ids.next();
    let after = current
        .add_line(phase, details, &mut ids, tx.at()?)
        .map_err(refused)?;
    let is_new = |line: &LineId| before.line(*line).is_none();
    let lines = after.phases().iter().flat_map(|phase| &phase.lines);
    let mut lines = lines.map(|line| line.id);
    let added = lines.find(is_new).ok_or(NOT_FOUND)?;
    save(tx, &before, &after).await?;
    Ok((after, added))
}

async fn read_line(
    app: &App,
    tx: &mut Tx,
    contract: &Contract,
    line: WrittenLine,
) -> Result<LineDetails> {
    let lines = vec![(Vec::new(), &line)];
    plans_known(tx, lines.clone(), Some(contract)).await?;
    let known = Known::of_contract(Some(contract));
    let catalogue = Catalogue::read(app, tx, lines, known).await?;
    let mut reader = Reader::new(contract.zone(), catalogue);
    // A new line is no other line of the contract, whatever id it was copied with.
    let line = WrittenLine { id: None, ..line };
    let read = reader.line(&[], line);
    reader.finish(read)
}

/// Pauses a contract, at once or from a day to come.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] unless it is in force; [`Error::Invalid`] for dates that do not
/// fit.
pub async fn pause(app: &App, tx: &mut Tx, id: Uuid, written: WrittenPause) -> Result<Contract> {
    let before = find(tx, id).await?;
    let (start, end) = pause_dates(before.zone(), &written)?;
    let (Some(start), Some(policy)) = (start, written.policy) else {
        return Err(Error::field(
            "start_date",
            "value_error.missing",
            "field required",
        ));
    };
    let request = contract::PauseRequest { start, end, policy };
    let current = as_of_now(tx, &before)?;
    let after = current.pause(request, app.ids.next(), tx.at()?);
    let after = after.map_err(refused)?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// Changes a pause.
///
/// # Errors
/// As [`pause`]; [`Error::Refused`] where no pause or several can be meant.
pub async fn edit_pause(tx: &mut Tx, id: Uuid, written: WrittenPause) -> Result<Contract> {
    let before = find(tx, id).await?;
    let (start, end) = pause_dates(before.zone(), &written)?;
    let edit = contract::PauseEdit {
        pause_phase_id: written.pause_phase_id,
        start,
        end,
        policy: written.policy,
    };
    let after = as_of_now(tx, &before)?
        .edit_pause(edit, tx.at()?)
        .map_err(refused)?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// Ends the pause that the contract is in.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] unless a pause has begun and lasts.
pub async fn resume(tx: &mut Tx, id: Uuid) -> Result<Contract> {
    let before = find(tx, id).await?;
    let after = as_of_now(tx, &before)?.resume(tx.at()?).map_err(refused)?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// Ends a contract with a day, today unless told; for good.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] unless it is in force; [`Error::Invalid`] for a day outside it.
pub async fn expire(tx: &mut Tx, id: Uuid, last_day: Option<String>) -> Result<Contract> {
    let before = find(tx, id).await?;
    let read = last_day.map(|text| contract::Start::read(&text, before.zone()));
    let last_day = read
        .transpose()
        .map_err(|error| Error::field("expiry_date", "value_error.date", error))?;
    let last_day = last_day.map(contract::Start::day);
    let after = as_of_now(tx, &before)?
        .expire(last_day, tx.at()?)
        .map_err(refused)?;
    save(tx, &before, &after).await?;
    Ok(after)
}

/// The contract, locked when the transaction writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Contract> {
    let found = store::contract::find(tx, id).await?.ok_or(NOT_FOUND)?;
    test_clock::follow(tx, found.header().customer_id).await?;
    Ok(found)
}

/// One page of contracts.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Contract>> {
    Ok(store::contract::page(tx, query).await?)
}

/// One page of a contract's amendments, each with what it changed.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn amendments(tx: &mut Tx, id: Uuid, query: &list::Query) -> Result<list::Page<Amended>> {
    find(tx, id).await?;
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::contract::amendments(tx, id, query).await?;
    let numbers = results
        .iter()
        .flat_map(|(version, _)| [*version - 1, *version]);
    let numbers: std::collections::BTreeSet<u32> = numbers.collect();
    let numbers: Vec<u32> = numbers.into_iter().collect();
    let versions = store::contract::at_versions(tx, id, &numbers).await?;
    let of = |number: u32| versions.iter().find(|version| version.version() == number);
    let pairs = results.into_iter().filter_map(|(version, at)| {
        let (before, after) = (of(version - 1)?, of(version)?);
        Some(((before, after), at))
    });
    let (pairs, instants): (Vec<_>, Vec<_>) = pairs.unzip();
    let effects = effect::effects(tx, id, &pairs).await?;
    let amended = pairs.into_iter().zip(instants).zip(effects);
    let amended = amended.map(|(((before, after), at), invoices)| Amended {
        amendment: contract::amendment(before, after),
        invoices,
        before: before.clone(),
        after: after.clone(),
        at,
    });
    Ok(list::Page {
        results: amended.collect(),
        next,
        previous,
        total_count,
    })
}

/// The billing cycles of a contract from a day on, its first unless told.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn billing_cycles(
    tx: &mut Tx,
    id: Uuid,
    from: Option<Date>,
    limit: usize,
) -> Result<(Contract, Vec<BillingCycle>)> {
    let contract = find(tx, id).await?;
    let phases = contract
        .terms(&contract::Taxation::default())
        .map_err(invalid)?;
    let from = from.unwrap_or_else(|| contract.header().start.day());
    let cycles = billing::billing_cycles(&phases, from, limit);
    let cycles = cycles.map_err(|error| Error::field("from", "value_error.date", error))?;
    Ok((contract, cycles))
}

/// The one place where a change of a contract is saved: the next billing run looks at the contract from
/// its first day, makes its drafts anew and adjusts what is on approved invoices.
async fn save(tx: &mut Tx, before: &Contract, after: &Contract) -> Result<()> {
    Ok(store::contract::save(tx, before, after).await?)
}

/// The contract with the status that the calendar has given it by now.
fn as_of_now(tx: &Tx, contract: &Contract) -> Result<Contract> {
    let today = contract.day_of(tx.at()?);
    Ok(contract.clone().on(today))
}

/// Reads what was written; what other records decide is checked beside it.
async fn read(
    app: &App,
    tx: &mut Tx,
    zone: &TimeZone,
    mut written: Written,
    around: Around<'_>,
) -> Result<Details> {
    let before = around.before;
    let values = std::mem::take(&mut written.custom_attributes);
    let settled = settled(tx, &written, values, around).await;
    let plans = plans_known(tx, written.lines(), before).await;
    let known = Known::of_contract(before);
    let catalogue = Catalogue::read(app, tx, written.lines(), known).await?;
    let mut reader = Reader::new(zone, catalogue);
    let details = reader.contract(written);
    let (settled, details) = (Error::both(settled, plans), reader.finish(details));
    let ((custom_attributes, ()), mut details) = Error::both(settled, details)?;
    details.header.custom_attributes = custom_attributes;
    Ok(details)
}

/// The plans that lines name are there, unless the contract has them already.
async fn plans_known(
    tx: &mut Tx,
    lines: Vec<(Place, &WrittenLine)>,
    before: Option<&Contract>,
) -> Result<()> {
    let named = lines.into_iter().filter_map(|(place, line)| {
        let id = line.plan_id?;
        Some((below(&place, &["plan_id"]), id))
    });
    let named: Vec<(Place, Uuid)> = named.collect();
    let phases = before.map(Contract::phases).unwrap_or_default();
    let lines = phases.iter().flat_map(|phase| &phase.lines);
    let kept: Vec<Uuid> = lines.filter_map(|line| line.head.plan_id).collect();
    plan::require_known(tx, named, &kept).await
}

/// Custom attributes that fit their definitions, once the customers are known to exist.
async fn settled(
    tx: &mut Tx,
    written: &Written,
    values: Json,
    Around { before, guest }: Around<'_>,
) -> Result<Json> {
    let mut found = Vec::new();
    let customer = match guest {
        Some(guest) => Some(guest.clone()),
        None => store::customer::find(tx, written.customer_id).await?,
    };
    if customer.is_none() {
        found.push(unknown_customer("customer_id"));
    }
    if let Some(payer) = written.invoice_payer_customer_id
        && store::customer::find(tx, payer).await?.is_none()
    {
        found.push(unknown_customer("invoice_payer_customer_id"));
    }
    let people = match found.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(found)),
    };
    let keeps = before.is_some_and(|before| before.header().custom_attributes == values);
    let entity = customer.and_then(|customer| customer.details.business_entity_id);
    let values = match keeps {
        true => Ok(values),
        false => {
            let is_new = before.is_none();
            custom_attribute::check(tx, Module::Contracts, entity, values, is_new).await
        }
    };
    Ok(Error::both(people, values)?.1)
}

fn unknown_customer(field: &str) -> FieldError {
    FieldError {
        path: vec![field.to_owned()],
        message: "there is no customer with this id".to_owned(),
        kind: "value_error.unknown_id",
    }
}

/// The customer above this one.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn parent(tx: &mut Tx, customer_id: Uuid) -> Result<Option<Uuid>> {
    let relationships = store::customer_relationship::of_children(tx, &[customer_id]).await?;
    Ok(relationships.first().map(|one| one.parent_customer_id))
}

fn pause_dates(
    zone: &TimeZone,
    written: &WrittenPause,
) -> Result<(Option<contract::Start>, Option<contract::End>)> {
    let start = written.start_date.as_deref();
    let start = start
        .map(|text| contract::Start::read(text, zone))
        .transpose();
    let start = start.map_err(|error| Error::field("start_date", "value_error.datetime", error));
    let end = written.end_date.as_deref();
    let end = end.map(|text| contract::End::read(text, zone)).transpose();
    let end = end.map_err(|error| Error::field("end_date", "value_error.datetime", error));
    Error::both(start, end)
}

fn invalid(Findings(findings): Findings) -> Error {
    let field = |Finding { path, rule }: Finding| FieldError {
        path,
        message: rule.to_string(),
        kind: rule.kind(),
    };
    Error::Invalid(findings.into_iter().map(field).collect())
}

fn refused(refusal: Refusal) -> Error {
    const DATE: &str = "value_error.date";
    match refusal {
        Refusal::Findings(findings) => invalid(findings),
        Refusal::PhaseNotFound => Error::NotFound { resource: "phase" },
        Refusal::NotInForce(_) => Error::refused("CONTRACT_NOT_IN_FORCE", refusal),
        Refusal::AlreadyExpired => Error::refused("CONTRACT_EXPIRED", refusal),
        Refusal::NotADraft(_) => Error::refused("CONTRACT_NOT_A_DRAFT", refusal),
        Refusal::PauseNotFound => Error::refused("PAUSE_PHASE_NOT_FOUND", refusal),
        Refusal::PauseAmbiguous => Error::refused("PAUSE_PHASE_AMBIGUOUS", refusal),
        Refusal::PauseEndNotAfterStart => Error::field("end_date", DATE, refusal),
        Refusal::PauseOutsideContract | Refusal::PausesOverlap => {
            Error::field("start_date", DATE, refusal)
        }
        Refusal::ExpiryBeforeStart | Refusal::ExpiryAfterEnd => {
            Error::field("expiry_date", DATE, refusal)
        }
        Refusal::Calendar(error) => Error::field("start_date", DATE, error),
    }
}
