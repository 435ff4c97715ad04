//! Plans as contracts are made from them. Owns which version is meant, and whether all that it sells is there.

use std::collections::BTreeSet;

use florin_core::contract::PlanVersion;
use florin_core::plan::{Plan, Status};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use crate::{Error, FieldError, Result};

/// The published version with this id, and all that it sells is on sale. Not locked: what is published does not change.
///
/// # Errors
/// [`Error::Invalid`] at `plan_id`.
pub(crate) async fn on_sale(tx: &mut Tx, id: Uuid) -> Result<Plan> {
    let plan = store::plan::of_ids(tx, &[id]).await?.pop();
    let plan = plan.ok_or_else(unknown)?;
    if plan.status != Status::Active {
        let message = format!("the plan is {}: publish it first", plan.status);
        return Err(Error::field("plan_id", "value_error.plan", message));
    }
    require_sellable(tx, &plan).await?;
    Ok(plan)
}

/// What a contract remembers of the version with this id.
///
/// # Errors
/// [`Error::Invalid`] at `plan_id`.
pub(crate) async fn version(tx: &mut Tx, id: Uuid) -> Result<PlanVersion> {
    let known = store::plan::of_ids(tx, &[id]).await?.pop();
    Ok(known.ok_or_else(unknown)?.version())
}

/// The newest published version of the plan of which this is a version, where there is one.
///
/// # Errors
/// [`Error::Invalid`] at `plan_id` for a version that there never was.
pub(crate) async fn current(tx: &mut Tx, id: Uuid) -> Result<Option<Plan>> {
    let known = store::plan::of_ids(tx, &[id]).await?.pop();
    let known = known.ok_or_else(unknown)?;
    let versions = store::plan::versions(tx, known.parent_plan_id).await?;
    let mut published = versions.into_iter().rev();
    Ok(published.find(|version| version.status == Status::Active))
}

/// All that the plan sells is on sale, and all by which it counts is there.
///
/// # Errors
/// [`Error::Invalid`] at `plan_id`.
pub(crate) async fn require_sellable(tx: &mut Tx, plan: &Plan) -> Result<()> {
    let products: BTreeSet<Uuid> = plan.lines().map(|line| line.head.product_id).collect();
    let products: Vec<Uuid> = products.into_iter().collect();
    let on_sale = store::product::on_sale(tx, &products).await?;
    if let Some(gone) = products.iter().find(|id| !on_sale.contains(id)) {
        let message = format!("the plan sells the product {gone}, which is not sold any more");
        return Err(Error::field("plan_id", "value_error.product", message));
    }
    let metrics = plan.lines();
    let metrics = metrics.flat_map(|line| line.head.pricing.price().aggregates());
    let metrics: BTreeSet<Uuid> = metrics.collect();
    let metrics: Vec<Uuid> = metrics.into_iter().collect();
    if !metrics.is_empty() {
        let known = store::aggregate::known(tx, &metrics).await?;
        if let Some(gone) = metrics.iter().find(|id| !known.contains(id)) {
            let message = format!("the plan counts by the metric {gone}, which is deleted");
            return Err(Error::field("plan_id", "value_error.unknown_id", message));
        }
    }
    Ok(())
}

/// Every plan that is named exists; those in `kept` need not.
///
/// # Errors
/// [`Error::Invalid`] at each place that names none.
pub(crate) async fn require_known(
    tx: &mut Tx,
    named: Vec<(Vec<String>, Uuid)>,
    kept: &[Uuid],
) -> Result<()> {
    let asked: BTreeSet<Uuid> = named.iter().map(|(_, id)| *id).collect();
    let asked = asked.into_iter().filter(|id| !kept.contains(id));
    let asked: Vec<Uuid> = asked.collect();
    if asked.is_empty() {
        return Ok(());
    }
    let known = store::plan::known(tx, &asked).await?;
    let unknown = named
        .into_iter()
        .filter(|(_, id)| asked.contains(id) && !known.contains(id));
    let found: Vec<FieldError> = unknown.map(|(path, _)| no_plan(path)).collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(found)),
    }
}

fn unknown() -> Error {
    Error::Invalid(vec![no_plan(vec!["plan_id".to_owned()])])
}

fn no_plan(path: Vec<String>) -> FieldError {
    FieldError {
        path,
        message: "there is no plan with this id".to_owned(),
        kind: "value_error.unknown_id",
    }
}
