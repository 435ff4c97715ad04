//! Quotes: preview, write, send, accept, reject.
//!
//! Owns the order of things: what is written becomes a contract that is not kept ([`offered`]), which is estimated without
//! writing; then the quote is written in one short transaction. An acceptance makes that contract in the transaction that
//! marks the quote, behind the lock of its row; its bill follows in another, and where that dies the next billing run
//! does it.

mod offered;

use florin_core::contract::{self, Details, Status as ContractStatus, Surroundings};
use florin_core::id::OrganisationId;
use florin_core::quote::{Quote, Refusal, State, Version, number_format};
use florin_store::{
    self as store, Tx, list,
    number_sequence::{self, Numbered},
};
use jiff::civil::Date;
use uuid::Uuid;

use crate::{
    App, Error, FieldError, Result, contract::parent, document, organisation, payment_method,
    test_clock,
};

pub use offered::{Estimated, Prepared, Written, prepare, preview};

const NOT_FOUND: Error = Error::NotFound { resource: "quote" };

/// Keeps a quote, with the next number of the organisation.
///
/// # Errors
/// What the statements answer.
pub async fn create(app: &App, tx: &mut Tx, prepared: Prepared) -> Result<Quote> {
    let Prepared {
        customer_id,
        business_entity_id,
        custom_data,
        offer,
        priced,
        before: _,
    } = prepared;
    test_clock::follow(tx, customer_id).await?;
    let (at, by) = (tx.at()?, tx.author()?.actor.to_string());
    let series = tx.organisation().0;
    let mut numbers = number_sequence::take(tx, Numbered::Quote, series, 1).await?;
    let number = numbers.next().unwrap_or_default();
    let current = Version {
        id: app.ids.next(),
        number: 1,
        state: State::Draft,
        offer,
        priced,
        parties: None,
        created_by: by.clone(),
        created_at: at,
        updated_at: at,
    };
    let quote = Quote {
        id: app.ids.next(),
        number: number_format().write(number),
        customer_id,
        business_entity_id,
        custom_data,
        current,
        created_by: by,
        created_at: at,
        updated_at: at,
    };
    store::quote::insert(tx, &quote).await?;
    Ok(quote)
}

/// Changes a quote to what was prepared: a draft in place, else by a next version. None where somebody changed it since:
/// prepare it anew.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is accepted.
pub async fn revise(app: &App, tx: &mut Tx, id: Uuid, prepared: Prepared) -> Result<Option<Quote>> {
    let before = find(tx, id).await?;
    let Prepared {
        customer_id: _,
        business_entity_id,
        custom_data,
        offer,
        priced,
        before: prepared_for,
    } = prepared;
    if prepared_for.as_ref() != Some(&before) {
        return Ok(None);
    }
    let by = tx.author()?.actor.to_string();
    let revised = before.revise((app.ids.next(), &by), (offer, priced), tx.at()?);
    let after = Quote {
        business_entity_id,
        custom_data,
        ..revised.map_err(refused)?
    };
    store::quote::update(tx, "updated", (&before, &after)).await?;
    Ok(Some(after))
}

/// Marks the current version as sent. Sent again it stays as it is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is accepted, rejected or expired.
pub async fn send(tx: &mut Tx, id: Uuid) -> Result<Quote> {
    let before = find(tx, id).await?;
    let today = today(tx).await?;
    let parties = document::between(tx, before.customer_id, before.business_entity_id).await?;
    let sent = before.send(parties, today, tx.at()?).map_err(refused)?;
    if sent != before {
        store::quote::update(tx, "sent", (&before, &sent)).await?;
    }
    Ok(sent)
}

/// Marks the current version as not wanted. Rejected again it stays as it is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is accepted, or was never sent.
pub async fn reject(tx: &mut Tx, id: Uuid) -> Result<Quote> {
    let before = find(tx, id).await?;
    let today = today(tx).await?;
    let rejected = before.reject(today, tx.at()?).map_err(refused)?;
    if rejected != before {
        store::quote::update(tx, "rejected", (&before, &rejected)).await?;
    }
    Ok(rejected)
}

/// Makes the contract, once: a repetition answers what the first acceptance made.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that is rejected, not valid on the day, or without a payment method that
/// it needs; [`Error::Invalid`] for a customer or payment method that is not there.
pub async fn accept(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    payment_method_id: Option<Uuid>,
) -> Result<Quote> {
    let before = find(tx, id).await?;
    if matches!(before.current.state, State::Accepted { .. }) {
        return Ok(before);
    }
    let (today, at) = (today(tx).await?, tx.at()?);
    before.require_acceptable(today).map_err(refused)?;
    let customer_id = before.customer_id;
    if store::customer::find(tx, customer_id).await?.is_none() {
        let message = "the customer is deleted";
        return Err(Error::field(
            "customer_id",
            "value_error.unknown_id",
            message,
        ));
    }
    let is_needed = before.current.offer.provisioning.needs_payment_method();
    payment_method::require(tx, customer_id, (payment_method_id, is_needed)).await?;
    let contract_id = make_contract(app, tx, &before).await?;
    let parties = document::between(tx, customer_id, before.business_entity_id).await?;
    let accepted = before.accept((contract_id, payment_method_id), parties, today, at);
    let accepted = accepted.map_err(refused)?;
    store::quote::update(tx, "accepted", (&before, &accepted)).await?;
    Ok(accepted)
}

/// The contract that the current version offers, in force.
async fn make_contract(app: &App, tx: &mut Tx, quote: &Quote) -> Result<Uuid> {
    let offered = &quote.current.priced.contract;
    let mut details = Details {
        status: ContractStatus::Active,
        ..offered.to_details()
    };
    details.header.source = serde_json::json!({
        "source_type": "quote",
        "source_id": quote.id,
        "quote_number": quote.number,
        "quote_version_id": quote.current.id,
    });
    let surroundings = Surroundings {
        zone: offered.zone().clone(),
        parent_customer_id: parent(tx, quote.customer_id).await?,
    };
    let mut ids = || app.ids.next();
    let made = contract::create(offered.id(), details, &surroundings, &mut ids, tx.at()?);
    let made = made.map_err(contract::Refusal::from);
    let made = made.map_err(|refusal| Error::refused("CONTRACT_NOT_BILLABLE", refusal))?;
    store::contract::insert(tx, &made).await?;
    Ok(made.id())
}

/// Deletes a quote that nobody has ever had.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for one that was sent, or accepted.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Quote> {
    let before = find(tx, id).await?;
    before.require_deletable().map_err(refused)?;
    store::quote::delete(tx, &before).await?;
    Ok(before)
}

/// The quote with this id, locked when the transaction writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Quote> {
    let found = store::quote::find(tx, id).await?.ok_or(NOT_FOUND)?;
    test_clock::follow(tx, found.customer_id).await?;
    Ok(found)
}

/// One page of quotes; with words only those that stand so today: `draft`, `sent`, `accepted`, `rejected`, `expired`.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(
    app: &App,
    tx: &mut Tx,
    (query, words): (&list::Query, &[&str]),
) -> Result<(list::Page<Quote>, Date)> {
    let zone = organisation::zone(tx).await?;
    let today = zone.to_datetime(app.clock.now()).date();
    let mut query = query.clone();
    if !words.is_empty() {
        query.conditions.push(store::quote::stand(words, today));
    }
    Ok((store::quote::page(tx, &query).await?, today))
}

/// One page of a quote's versions.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn versions(
    tx: &mut Tx,
    id: Uuid,
    query: &list::Query,
) -> Result<(Quote, list::Page<Version>)> {
    let quote = find(tx, id).await?;
    Ok((quote, store::quote::versions(tx, id, query).await?))
}

/// The day of the organisation on which a transaction writes.
///
/// # Errors
/// [`Error::Store`].
pub async fn today(tx: &mut Tx) -> Result<Date> {
    let (zone, at) = (organisation::zone(tx).await?, tx.at()?);
    Ok(zone.to_datetime(at).date())
}

/// The day of the organisation in the time of a customer, who may live by a test clock.
///
/// # Errors
/// [`Error::Store`].
pub async fn today_of(app: &App, organisation: OrganisationId, customer_id: Uuid) -> Result<Date> {
    let app = test_clock::app_of(app, organisation, customer_id).await?;
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    Ok(zone.to_datetime(app.clock.now()).date())
}

fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::Accepted => "QUOTE_ACCEPTED",
        Refusal::Rejected => "QUOTE_REJECTED",
        Refusal::NotSent => "QUOTE_NOT_SENT",
        Refusal::NotADraft => "QUOTE_NOT_A_DRAFT",
        Refusal::Expired(_) => "QUOTE_EXPIRED",
        Refusal::NotYetValid(_) => "QUOTE_NOT_YET_VALID",
    };
    Error::refused(code, refusal)
}

fn misfits(found: Vec<florin_core::quote::Misfit>) -> Error {
    let fields = found.into_iter().map(|(path, flaw)| FieldError {
        path,
        message: flaw.to_string(),
        kind: "value_error",
    });
    Error::Invalid(fields.collect())
}
