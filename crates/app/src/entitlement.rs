//! Entitlements: what customers may use, and how much of it is left.
//!
//! Owns definitions. What customers were granted is [`granted`]'s, what usage draws of it [`meter`]'s. Entitlements are off
//! the balance sheet: no operation here posts anything.

pub mod alert;
pub(crate) mod billed;
pub mod check;
pub mod granted;
mod live;
pub mod meter;
pub mod reserve;
mod tally;

use std::collections::HashMap;

use florin_core::entitlement::{self, Details, Entitlement, Refusal};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

pub use live::Live;

use crate::{App, Error, Result};

/// Creates a definition. Where a metric draws it, events above `beginning` are counted: see [`meter::beginning`].
///
/// # Errors
/// [`Error::Invalid`] for a blank name, an unknown product or metric.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    details: Details,
    beginning: Option<u64>,
) -> Result<Entitlement> {
    let created = entitlement::create(app.ids.next(), details, tx.at()?).map_err(refused)?;
    check_references(tx, &created.details, None).await?;
    store::entitlement::insert(tx, &created).await?;
    begin_meter(tx, &created, beginning).await?;
    Ok(created)
}

/// Replaces what a caller may write of a definition. Grants that were made keep their quantities.
///
/// # Errors
/// As [`create`], [`Error::NotFound`], and `ENTITLEMENT_TYPE_FIXED`.
pub async fn update(
    tx: &mut Tx,
    id: Uuid,
    details: Details,
    beginning: Option<u64>,
) -> Result<Entitlement> {
    let before = load(tx, id).await?;
    let after = entitlement::amend(&before, details, tx.at()?).map_err(refused)?;
    check_references(tx, &after.details, Some(&before.details)).await?;
    store::entitlement::update(tx, &before, &after).await?;
    if before.details.aggregate_id != after.details.aggregate_id {
        begin_meter(tx, &after, beginning).await?;
    }
    load(tx, id).await
}

async fn begin_meter(tx: &mut Tx, entitlement: &Entitlement, beginning: Option<u64>) -> Result<()> {
    let (Some(aggregate_id), Some(counted_sequence)) =
        (entitlement.details.aggregate_id, beginning)
    else {
        return Ok(());
    };
    let meter = store::entitlement_usage::Meter {
        entitlement_id: entitlement.id,
        aggregate_id,
        counted_sequence,
        is_exact: true,
    };
    Ok(store::entitlement_usage::save_meter(tx, meter).await?)
}

/// Deletes a definition that nobody was granted.
///
/// # Errors
/// [`Error::NotFound`], `ENTITLEMENT_GRANTED`.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Entitlement> {
    let entitlement = load(tx, id).await?;
    if store::entitlement_grant::has_any(tx, id).await? {
        let message = "customers were granted some of it: make it inactive, so that nobody else is";
        return Err(Error::refused("ENTITLEMENT_GRANTED", message));
    }
    store::entitlement::delete(tx, &entitlement).await?;
    Ok(entitlement)
}

/// The definition.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Entitlement> {
    let found = store::entitlement::find(tx, id).await?;
    found.ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound {
    resource: "entitlement",
};

/// The definition with this id or, where it is no id, with exactly this name: of several the one that was created first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn named(tx: &mut Tx, word: &str) -> Result<Entitlement> {
    match word.parse() {
        Ok(id) => load(tx, id).await,
        Err(_) => {
            let found = store::entitlement::find_by_name(tx, word).await?;
            found.ok_or(NOT_FOUND)
        }
    }
}

/// One page of definitions.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Entitlement>> {
    Ok(store::entitlement::page(tx, query).await?)
}

/// The definitions of products, by product.
///
/// # Errors
/// [`Error::Store`].
pub async fn of_products(
    tx: &mut Tx,
    products: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Entitlement>>> {
    let mut by_product: HashMap<Uuid, Vec<Entitlement>> = HashMap::new();
    for entitlement in store::entitlement::of_products(tx, products).await? {
        let product = entitlement.details.product_id.unwrap_or_default();
        by_product.entry(product).or_default().push(entitlement);
    }
    Ok(by_product)
}

/// Product and metric exist, where they are new.
async fn check_references(tx: &mut Tx, details: &Details, before: Option<&Details>) -> Result<()> {
    let product = details.product_id;
    let is_known = before.is_some_and(|before| before.product_id == product);
    if let Some(product) = product.filter(|_| !is_known)
        && store::product::find(tx, product).await?.is_none()
    {
        let message = "there is no product with this id";
        return Err(Error::field(
            "product_id",
            "value_error.unknown_id",
            message,
        ));
    }
    let aggregate = details.aggregate_id;
    let is_known = before.is_some_and(|before| before.aggregate_id == aggregate);
    match aggregate.filter(|_| !is_known) {
        Some(aggregate) => check_aggregate(tx, aggregate).await,
        None => Ok(()),
    }
}

/// Only what adds up event by event can be drawn event by event.
async fn check_aggregate(tx: &mut Tx, id: Uuid) -> Result<()> {
    let refused = |message: &str| {
        let kind = "value_error.aggregate";
        Err(Error::field("aggregate_id", kind, message))
    };
    let Some(aggregate) = store::aggregate::find(tx, id).await? else {
        let message = "there is no billable metric with this id";
        return Err(Error::field(
            "aggregate_id",
            "value_error.unknown_id",
            message,
        ));
    };
    match entitlement::adds_up(&aggregate) {
        true => Ok(()),
        false => refused(
            "usage can be drawn as it comes only by a metric of the visual builder that counts or sums",
        ),
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NameBlank => Error::field("name", "value_error.blank", refusal),
        Refusal::FeatureMetered => Error::field("aggregate_id", "value_error.feature", refusal),
        Refusal::TypeFixed => Error::refused("ENTITLEMENT_TYPE_FIXED", refusal),
    }
}
