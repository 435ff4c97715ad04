//! What a checkout asks for, as a contract that is not kept. Owns the reading of what stands around it and the places
//! of what does not fit.

use florin_core::address::Address;
use florin_core::checkout::order::{Misfit, with_overrides, with_plan};
use florin_core::checkout::{Kind, ProductOverride, Request};
use florin_core::contract::{
    self, Contract, Details, End, Findings, Header, Start, Status, Surroundings,
};
use florin_core::custom_attribute::Module;
use florin_core::customer::Customer;
use florin_core::plan::Plan;
use florin_store::{self as store, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use uuid::Uuid;

use super::guest;
use crate::billing::Guest;
use crate::contract::parent;
use crate::{App, Error, FieldError, Result, custom_attribute, organisation, plan};

/// What a checkout would make.
#[derive(Debug)]
pub(super) enum Order {
    /// A contract, perhaps of somebody who is no customer yet.
    New {
        contract: Contract,
        guest: Option<Guest>,
    },
    /// Another version of a contract.
    Change { before: Contract, after: Contract },
}

impl Order {
    /// The contract as it would be.
    pub(super) const fn contract(&self) -> &Contract {
        match self {
            Self::New { contract, .. } => contract,
            Self::Change { after, .. } => after,
        }
    }
}

/// The contract that is asked for, as of an instant; a new one with this status. Nothing is written.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong; [`Error::Refused`] for a contract that is not in force.
pub(super) async fn order(
    app: &App,
    tx: &mut Tx,
    request: &Request,
    (status, now): (Status, Timestamp),
) -> Result<Order> {
    let kind = request.kind().map_err(|found| {
        let fields = found.into_iter().map(|(field, position, flaw)| {
            let mut path = vec![field.to_owned()];
            path.extend(position.map(|position| position.to_string()));
            FieldError {
                path,
                message: flaw.to_string(),
                kind: "value_error",
            }
        });
        Error::Invalid(fields.collect())
    })?;
    match kind {
        Kind::New(plan_id) => {
            let sold = plan::on_sale(tx, plan_id).await;
            bought(app, tx, request, sold, (status, now)).await
        }
        Kind::PlanChange {
            contract_id,
            plan_id,
        } => {
            let plan = plan::on_sale(tx, plan_id).await;
            changed(app, tx, request, (contract_id, Some(plan)), now).await
        }
        Kind::QuantityUpdate(contract_id) => {
            changed(app, tx, request, (contract_id, None), now).await
        }
    }
}

/// A new contract of a plan.
///
/// # Errors
/// As [`order`].
pub(super) async fn bought(
    app: &App,
    tx: &mut Tx,
    request: &Request,
    sold: Result<Plan>,
    (status, now): (Status, Timestamp),
) -> Result<Order> {
    let buyer = buyer(app, tx, request, now).await;
    let (plan, buyer) = Error::both(sold, buyer)?;
    let zone = organisation::zone(tx).await?;
    let start = request
        .start_date
        .unwrap_or_else(|| zone.to_datetime(now).date());
    let currency = plan.currency().ok_or_else(|| {
        let message = "no price of the plan names a currency";
        Error::field("plan_id", "value_error.currency", message)
    })?;
    let date = |field: &'static str| {
        move |error: florin_core::calendar::Error| Error::field(field, "value_error.date", error)
    };
    let first = Start::on(start, &zone).map_err(date("start_date"))?;
    let name = plan.details.name.clone();
    let mut header = Header::new(&name, buyer.customer.id, currency, first);
    let last = request.end_date.map(|day| End::with_day(day, &zone));
    header.end = last.transpose().map_err(date("end_date"))?;
    header.tags = json!([]);
    header.source = json!({ "source_type": "checkout" });
    let entity = buyer.customer.details.business_entity_id;
    let attributes = custom_attribute::check(tx, Module::Contracts, entity, json!({}), true);
    header.custom_attributes = attributes.await?;
    let details = plan.agreement(header, status, &zone);
    let details = details.map_err(date("start_date"))?;
    let details = overridden(details, &request.overrides, start)?;
    let parent_customer_id = match buyer.is_guest {
        true => None,
        false => parent(tx, buyer.customer.id).await?,
    };
    let surroundings = Surroundings {
        zone,
        parent_customer_id,
    };
    let mut ids = || app.ids.next();
    let made = contract::create(app.ids.next(), details, &surroundings, &mut ids, now);
    let contract = made.map_err(invalid)?;
    let guest = buyer.is_guest.then_some(Guest {
        customer: buyer.customer,
        address: buyer.address,
    });
    Ok(Order::New { contract, guest })
}

/// Who buys.
struct Buyer {
    customer: Customer,
    address: Option<Address>,
    is_guest: bool,
}

async fn buyer(app: &App, tx: &mut Tx, request: &Request, now: Timestamp) -> Result<Buyer> {
    let entity = request.business_entity_id;
    let entity_known = match entity {
        Some(id) if !store::business_entity::exists(tx, id).await? => Err(unknown(
            "business_entity_id",
            "there is no business entity with this id",
        )),
        _ => Ok(()),
    };
    let buyer = match request.customer_id {
        Some(id) => {
            let customer = store::customer::find(tx, id).await?;
            let missing = || unknown("customer_id", "there is no customer with this id");
            customer.ok_or_else(missing).map(|customer| Buyer {
                customer,
                address: None,
                is_guest: false,
            })
        }
        None => {
            let mut details = guest::details(&request.customer_data, entity);
            if let Err(Error::Invalid(_)) = &details
                && request.customer_data.is_null()
            {
                // Nothing is said of the guest yet: that is asked for by the confirmation.
                details = Ok(guest::stranger(entity));
            }
            details.map(|details| Buyer {
                customer: Customer {
                    id: app.ids.next(),
                    details,
                    created_at: now,
                    updated_at: now,
                },
                address: guest::address(&request.customer_data),
                is_guest: true,
            })
        }
    };
    Ok(Error::both(entity_known, buyer)?.1)
}

async fn changed(
    app: &App,
    tx: &mut Tx,
    request: &Request,
    (contract_id, plan): (Uuid, Option<Result<Plan>>),
    now: Timestamp,
) -> Result<Order> {
    let found = store::contract::find(tx, contract_id).await?;
    let found = found.ok_or_else(|| unknown("contract_id", "there is no contract with this id"));
    let (plan, before) = Error::both(plan.transpose(), found)?;
    let bought = before.header().customer_id;
    if request.customer_id.is_some_and(|id| id != bought) {
        let message = "the contract is not with this customer";
        return Err(Error::field("customer_id", "value_error.mismatch", message));
    }
    let today = before.day_of(now);
    let current = before.clone().on(today);
    if !matches!(current.status(), Status::Active | Status::Paused) {
        let message = format!("the contract is {}, not in force", current.status());
        return Err(Error::refused("CONTRACT_NOT_IN_FORCE", message));
    }
    let from = request.start_date.unwrap_or(today);
    let header = current.header();
    let is_inside = header.start.day() <= from && header.end.is_none_or(|end| from < end.day());
    if !is_inside {
        let message = "the change is not inside the contract";
        return Err(Error::field("start_date", "value_error.date", message));
    }
    let mut details = current.to_details();
    if let Some(plan) = &plan {
        let other = plan.currency().filter(|other| *other != header.currency);
        if let Some(other) = other {
            let message = format!(
                "the plan is in {other}, the contract in {}",
                header.currency
            );
            return Err(Error::field("plan_id", "value_error.currency", message));
        }
        let switched = with_plan(details, plan, from, current.zone());
        details =
            switched.map_err(|error| Error::field("start_date", "value_error.date", error))?;
    }
    let details = overridden(details, &request.overrides, from)?;
    let parent = parent(tx, bought).await?;
    let mut ids = || app.ids.next();
    let after = current.replace(details, parent, &mut ids, now);
    let after = after.map_err(invalid)?;
    Ok(Order::Change { before, after })
}

fn overridden(details: Details, overrides: &[ProductOverride], from: Date) -> Result<Details> {
    with_overrides(details, overrides, from).map_err(|found| {
        let fields = found.into_iter().map(|(position, misfit)| {
            let field = match misfit {
                Misfit::NotSold => "product_id",
                Misfit::NoQuantity | Misfit::Refused(_) => "quantity",
            };
            FieldError {
                path: vec![
                    "product_overrides".to_owned(),
                    position.to_string(),
                    field.to_owned(),
                ],
                message: misfit.to_string(),
                kind: "value_error.override",
            }
        });
        Error::Invalid(fields.collect())
    })
}

/// What is wrong with a phase is wrong with the plan, or with the day of the change.
pub(super) fn invalid(Findings(findings): Findings) -> Error {
    let fields = findings.into_iter().map(|finding| {
        let is_of_phase = finding.path.first().is_some_and(|key| key == "phases");
        let path = match is_of_phase {
            true => vec!["plan_id".to_owned()],
            false => finding.path,
        };
        FieldError {
            path,
            message: finding.rule.to_string(),
            kind: finding.rule.kind(),
        }
    });
    Error::Invalid(fields.collect())
}

fn unknown(field: &str, message: &str) -> Error {
    Error::field(field, "value_error.unknown_id", message)
}
