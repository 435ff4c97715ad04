//! What the calendar does to contracts: statuses and renewals. Periodic, safe to run twice and on several
//! nodes at once: rows are found by when they are due, and locked while they are written.

use florin_core::contract::{
    self, Contract, Renewal, RenewalPolicy, Surroundings, renewal_due, renewed_with_existing,
};
use florin_core::id::OrganisationId;
use florin_store::{self as store, Actor, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::{invalid, parent, refused};
use crate::{App, Error, Result, plan};

/// Contracts of one transaction: some tenths of a second.
const STATUSES_AT_ONCE: u64 = 1000;
/// Renewals of one transaction: each writes a contract.
const RENEWALS_AT_ONCE: u64 = 100;

/// What a run of renewals did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewals {
    /// Contracts that were renewed, each with the one that follows it.
    pub renewed: Vec<(Uuid, Uuid)>,
    /// Contracts that end, by their policy.
    pub ended: Vec<Uuid>,
    /// Contracts that stay due, with the reason: no version of their plan is published, or the next term breaks a rule.
    pub waiting: Vec<(Uuid, String)>,
}

/// Gives every contract of an organisation the status that it has as of `now`; answers how many were due.
///
/// # Errors
/// [`Error::Store`]; what was committed before stays.
pub async fn keep_up(app: &App, organisation: OrganisationId, now: Timestamp) -> Result<usize> {
    let mut total = 0;
    loop {
        let mut tx = app.begin(organisation, Actor::System, "").await?;
        let due = store::contract::statuses_due(&mut tx, now, STATUSES_AT_ONCE).await?;
        if due.is_empty() {
            return Ok(total);
        }
        let contracts = store::contract::of_ids(&mut tx, &due).await?;
        let looked_at = contracts.into_iter().map(|before| {
            let after = before.clone().on(before.day_of(now));
            (before, after)
        });
        let looked_at: Vec<(Contract, Contract)> = looked_at.collect();
        store::contract::set_statuses(&mut tx, &looked_at, now).await?;
        tx.commit().await?;
        total += looked_at.len();
    }
}

/// Renews the contracts of an organisation whose end has come by `now`, by their own policy, else the
/// organisation's. Nothing is renewed twice.
///
/// # Errors
/// [`Error::Store`]; what was committed before stays.
pub async fn renew_due(
    app: &App,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<Renewals> {
    let mut renewals = Renewals::default();
    let mut after = None;
    loop {
        let mut tx = app.begin(organisation, Actor::System, "").await?;
        let due = store::contract::renewals_due(&mut tx, now, after, RENEWALS_AT_ONCE).await?;
        let Some(last) = due.last() else {
            return Ok(renewals);
        };
        after = Some((last.1, last.0));
        let policy = store::billing_settings::find(&mut tx).await?.renewal_policy;
        let ids: Vec<Uuid> = due.into_iter().map(|(id, _)| id).collect();
        let known = store::contract::renewed(&mut tx, &ids).await?;
        let mut settled = Vec::new();
        for contract in store::contract::of_ids(&mut tx, &ids).await? {
            let id = contract.id();
            if known.contains(&id) {
                settled.push(id);
                continue;
            }
            match renew(app, &mut tx, &contract, policy, now).await {
                Ok(Some(next)) => renewals.renewed.push((id, next)),
                Ok(None) => renewals.ended.push(id),
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(reason) => {
                    renewals.waiting.push((id, in_words(reason)));
                    continue;
                }
            }
            settled.push(id);
        }
        store::contract::settle_renewals(&mut tx, &settled).await?;
        tx.commit().await?;
    }
}

/// Makes the contract that follows; none where none does.
async fn renew(
    app: &App,
    tx: &mut Tx,
    contract: &Contract,
    policy: Option<RenewalPolicy>,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let details = match renewal_due(contract, policy, contract.day_of(now)) {
        Renewal::NotYet | Renewal::None => return Ok(None),
        Renewal::WithExisting => renewed_with_existing(contract).map_err(refused)?,
        Renewal::FromPlan(version) => {
            let plan = plan::current(tx, version.plan_id).await?;
            let plan = plan.ok_or_else(|| {
                let message = "no version of the contract's plan is published";
                Error::field("plan_id", "value_error.plan", message)
            })?;
            plan::require_sellable(tx, &plan).await?;
            plan.renewal(contract).map_err(refused)?
        }
    };
    let surroundings = Surroundings {
        zone: contract.zone().clone(),
        parent_customer_id: parent(tx, contract.header().customer_id).await?,
    };
    let mut ids = || app.ids.next();
    let next = contract::create(app.ids.next(), details, &surroundings, &mut ids, now);
    let next = next.map_err(invalid)?;
    store::contract::insert(tx, &next).await?;
    Ok(Some(next.id()))
}

/// What is wrong, each thing in its own words.
fn in_words(reason: Error) -> String {
    let Error::Invalid(fields) = reason else {
        return reason.to_string();
    };
    let words = fields
        .into_iter()
        .map(|field| format!("{}: {}", field.path.join("."), field.message));
    words.collect::<Vec<_>>().join("; ")
}
