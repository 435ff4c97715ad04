//! Invoices: reading, changing and deleting drafts, approving, voiding, and lines written by hand.
//!
//! Owns the order of things in a transaction. Does not own which periods are billed nor how drafts of contracts
//! come about: that is billing's.

mod approve;
mod approve_many;
mod document_settings;
mod one_off;

use std::collections::HashMap;

use florin_core::{
    business_entity::BusinessEntity,
    invoice::{Draft, DraftEdit, Refusal, WrittenLine},
};
use florin_store::{
    self as store, Tx,
    contract::ContractName,
    customer::CustomerName,
    invoice::{Head, Invoice},
    list,
};
use uuid::Uuid;

use crate::{App, Error, Result, charge, customer, customer::Profile, entitlement};

pub use approve::{APPROVALS_MAX, Approval, Checks, Outcome, approve, approve_chunk};
pub(crate) use approve_many::approve_fresh;
pub use approve_many::{approve_many, freshen};
pub use one_off::{OneOff, create_one_off};

/// An invoice with the names around it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The invoice without its parts.
    pub head: Head,
    /// Who pays, unless it was deleted.
    pub customer: Option<CustomerName>,
    /// The contract, where all of the invoice is from one.
    pub contract: Option<ContractName>,
    /// The payload of a link with which what is due is paid, where something is and it can be.
    pub payment_payload: Option<String>,
}

/// What a caller changes of a draft.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What it says.
    pub edit: DraftEdit,
    /// Lines written by hand, in place of those that it has; what billing made stays.
    pub lines: Option<Vec<WrittenLine>>,
}

const RULES: &[(&str, &str, &str)] = &[(
    "invoice_external_id_key",
    "INVOICE_EXTERNAL_ID_TAKEN",
    "another invoice has this external_id: send another one, or none",
)];

const NOT_FOUND: Error = Error::NotFound {
    resource: "invoice",
};

/// The invoice with its parts; locked where the transaction writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Invoice> {
    store::invoice::find(tx, id).await?.ok_or(NOT_FOUND)
}

/// The invoice without its parts, with the names around it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Shown> {
    let heads = store::invoice::heads_of_ids(tx, &[id]).await?;
    shown(tx, heads).await?.pop().ok_or(NOT_FOUND)
}

/// The same, which must be of the contract where one is named.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load_of_contract(tx: &mut Tx, id: Uuid, contract_id: Option<Uuid>) -> Result<Shown> {
    let shown = load(tx, id).await?;
    match contract_id {
        Some(contract) if shown.head.header.contract_id != Some(contract) => Err(NOT_FOUND),
        _ => Ok(shown),
    }
}

/// Everything that a document of an invoice shows.
#[derive(Debug)]
pub struct Document {
    /// Its amounts and dates.
    pub head: Head,
    /// Its parts.
    pub invoice: Invoice,
    /// Who bills.
    pub seller: Option<BusinessEntity>,
    /// Who pays, unless it was deleted.
    pub customer: Option<Profile>,
    /// As [`Shown::payment_payload`].
    pub payment_payload: Option<String>,
}

/// Everything that a document of an invoice shows. Where a payer is named, it must be the invoice's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn document(tx: &mut Tx, id: Uuid, payer: Option<Uuid>) -> Result<Document> {
    let invoice = find(tx, id).await?;
    let head = store::invoice::heads_of_ids(tx, &[id]).await?.pop();
    let head = head.ok_or(NOT_FOUND)?;
    let customer_id = head.header.customer_id;
    if payer.is_some_and(|payer| payer != customer_id) {
        return Err(NOT_FOUND);
    }
    let seller = match head.header.business_entity_id {
        Some(id) => store::business_entity::find(tx, id).await?,
        None => None,
    };
    let customer = match customer::load(tx, customer_id).await {
        Err(Error::NotFound { .. }) => None,
        found => Some(found?),
    };
    let mut payloads = charge::payloads(tx, std::slice::from_ref(&head)).await?;
    Ok(Document {
        payment_payload: payloads.remove(&id),
        head,
        invoice,
        seller,
        customer,
    })
}

/// The payload of a link with which what is due of an invoice is paid, where something is and it can be.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn payment_payload(tx: &mut Tx, id: Uuid) -> Result<Option<String>> {
    let heads = store::invoice::heads_of_ids(tx, &[id]).await?;
    let mut payloads = charge::payloads(tx, &heads).await?;
    Ok(payloads.remove(&id))
}

/// The id of the invoice with this external id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn id_of_external(tx: &mut Tx, external_id: &str) -> Result<Uuid> {
    let id = store::invoice::id_of_external(tx, external_id).await?;
    id.ok_or(NOT_FOUND)
}

/// One page of invoices with the names around them.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Shown>> {
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::invoice::page(tx, query).await?;
    Ok(list::Page {
        results: shown(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

async fn shown(tx: &mut Tx, heads: Vec<Head>) -> Result<Vec<Shown>> {
    let customers: Vec<Uuid> = heads.iter().map(|head| head.header.customer_id).collect();
    let contracts = heads.iter().filter_map(|head| head.header.contract_id);
    let contracts: Vec<Uuid> = contracts.collect();
    let mut payloads = charge::payloads(tx, &heads).await?;
    let customers = store::customer::names(tx, &customers).await?;
    let contracts = store::contract::names(tx, &contracts).await?;
    let customers: HashMap<Uuid, CustomerName> =
        customers.into_iter().map(|name| (name.id, name)).collect();
    let contracts: HashMap<Uuid, ContractName> =
        contracts.into_iter().map(|name| (name.id, name)).collect();
    let with_names = heads.into_iter().map(|head| Shown {
        customer: customers.get(&head.header.customer_id).cloned(),
        contract: head
            .header
            .contract_id
            .and_then(|id| contracts.get(&id).cloned()),
        payment_payload: payloads.remove(&head.id),
        head,
    });
    Ok(with_names.collect())
}

/// Changes a draft.
///
/// # Errors
/// [`Error::NotFound`], `INVOICE_NOT_A_DRAFT`, `INVOICE_EXTERNAL_ID_TAKEN`, [`Error::Invalid`] for lines.
pub async fn edit(app: &App, tx: &mut Tx, id: Uuid, change: Change) -> Result<Shown> {
    let before = find_draft(tx, id).await?;
    let Change { mut edit, lines } = change;
    if let Some(lines) = lines {
        edit.parts = Some(one_off::with_lines(app, &before, lines)?);
    }
    let after = before.clone().edit(edit).map_err(refused)?;
    let saved = store::invoice::save_draft(tx, &before, &after).await;
    saved.map_err(|error| Error::from_constraint(error, RULES))?;
    load(tx, id).await
}

/// Deletes a draft: it stays as discarded, and what it billed is free to be billed again, when somebody asks for
/// it.
///
/// # Errors
/// [`Error::NotFound`], `INVOICE_NOT_A_DRAFT`.
pub async fn discard(app: &App, tx: &mut Tx, id: Uuid) -> Result<Shown> {
    let before = find_draft(tx, id).await?;
    let after = before.clone().discard().map_err(refused)?;
    let parts: Vec<Uuid> = before.parts().iter().map(|part| part.id).collect();
    store::billed_period::delete_of_parts(tx, &parts).await?;
    entitlement::billed::freed(&*app.ids, tx, &parts).await?;
    store::invoice::save_draft(tx, &before, &after).await?;
    load(tx, id).await
}

/// Voids an invoice of which nothing stands: credit notes have taken all of it, or nothing was ever to be paid.
///
/// # Errors
/// [`Error::NotFound`], `INVOICE_CANNOT_BE_VOIDED`.
pub async fn void(tx: &mut Tx, id: Uuid) -> Result<Shown> {
    let issued = match find(tx, id).await? {
        Invoice::Issued(issued) => issued,
        Invoice::Draft(_) => return Err(refused(Refusal::CannotBeVoided)),
    };
    let void = issued.clone().void().map_err(refused)?;
    store::invoice::save_amounts(tx, &issued, &void).await?;
    load(tx, id).await
}

/// An open draft, or what was one; core refuses a change of the latter.
async fn find_draft(tx: &mut Tx, id: Uuid) -> Result<Draft> {
    match find(tx, id).await? {
        Invoice::Draft(draft) => Ok(draft),
        Invoice::Issued(issued) => Err(refused(Refusal::NotADraft(issued.status()))),
    }
}

/// A broken rule of an invoice in the words of the API.
pub(crate) fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotADraft(_) => Error::refused(
            "INVOICE_NOT_A_DRAFT",
            format!("{refusal}: only drafts are changed, deleted or approved"),
        ),
        Refusal::CannotBeVoided => Error::refused(
            "INVOICE_CANNOT_BE_VOIDED",
            format!("{refusal}: credit what stands of it first"),
        ),
        Refusal::CurrencyMismatch => Error::field("currency", "value_error.currency", refusal),
        Refusal::Empty | Refusal::LineInvalid(_) => {
            Error::field("lines", "value_error.lines", refusal)
        }
        Refusal::NotConsolidable
        | Refusal::AmountsBroken
        | Refusal::Money(_)
        | Refusal::Calendar(_)
        | Refusal::Rating(_) => Error::refused("INVOICE_NOT_COMPUTABLE", refusal),
    }
}
