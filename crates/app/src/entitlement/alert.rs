//! Alerts about what is used of entitlements. Owns when they are looked at: with every draw, in its transaction, so that
//! each is sent once in a period, whatever draws at the same time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use florin_core::entitlement::{Alert, CustomerGrant, Threshold};
use florin_store::{
    self as store, Tx,
    entitlement_alert::{self, Sent},
    list,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{granted::exists, load as definition};
use crate::{App, Error, Ids, Result};

/// Alerts of an entitlement at most.
const ALERTS_MAX: usize = 100;
/// Highest percentage: what is used can be more than what is granted only where it was set by hand.
const PERCENT_MAX: i64 = 100;

/// Adds an alert.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`], `ENTITLEMENT_ALERTS_FULL`.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    entitlement_id: Uuid,
    (customer_id, threshold): (Option<Uuid>, Threshold),
) -> Result<Alert> {
    definition(tx, entitlement_id).await?;
    let (_, number) = threshold.parts();
    let is_percentage =
        !matches!(threshold, Threshold::Percent(percent) if percent > PERCENT_MAX.into());
    if number.is_zero() || !florin_core::entitlement::is_quantity(number) || !is_percentage {
        let message = "a number above zero; of percent 100 at most";
        return Err(Error::field("threshold", "value_error.number", message));
    }
    if let Some(customer_id) = customer_id
        && !exists(tx, customer_id).await?
    {
        let message = "there is no customer with this id";
        return Err(Error::field("customer", "value_error.unknown_id", message));
    }
    let known = entitlement_alert::of_entitlements(tx, &[entitlement_id]).await?;
    if known.len() >= ALERTS_MAX {
        let message = format!("an entitlement has {ALERTS_MAX} alerts at most: delete one first");
        return Err(Error::refused("ENTITLEMENT_ALERTS_FULL", message));
    }
    let alert = Alert {
        id: app.ids.next(),
        entitlement_id,
        customer_id,
        threshold,
        created_at: tx.at()?,
    };
    entitlement_alert::insert(tx, &alert).await?;
    Ok(alert)
}

/// Removes an alert. What it sent stays.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, (entitlement_id, id): (Uuid, Uuid)) -> Result<Alert> {
    let found = entitlement_alert::find(tx, id).await?;
    let found = found.filter(|alert| alert.entitlement_id == entitlement_id);
    let alert = found.ok_or(Error::NotFound { resource: "alert" })?;
    entitlement_alert::delete(tx, &alert).await?;
    Ok(alert)
}

/// The alerts about an entitlement, the oldest first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn all(tx: &mut Tx, entitlement_id: Uuid) -> Result<Vec<Alert>> {
    definition(tx, entitlement_id).await?;
    Ok(entitlement_alert::of_entitlements(tx, &[entitlement_id]).await?)
}

/// One page of the alerts that were sent about an entitlement.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn sent(
    tx: &mut Tx,
    entitlement_id: Uuid,
    query: &list::Query,
) -> Result<list::Page<Sent>> {
    definition(tx, entitlement_id).await?;
    Ok(entitlement_alert::page(tx, entitlement_id, query).await?)
}

/// Sends the alerts that are due once these grants are changed, before and after. Their rows are locked.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn drawn(
    ids: &dyn Ids,
    tx: &mut Tx,
    changes: &[(CustomerGrant, CustomerGrant)],
) -> Result<()> {
    let of_change = |(_, after): &(CustomerGrant, CustomerGrant)| after.entitlement_id;
    let entitlements: BTreeSet<Uuid> = changes.iter().map(of_change).collect();
    if entitlements.is_empty() {
        return Ok(());
    }
    let entitlements: Vec<Uuid> = entitlements.into_iter().collect();
    let alerts = entitlement_alert::of_entitlements(tx, &entitlements).await?;
    if alerts.is_empty() {
        return Ok(());
    }
    let uses = uses(tx, changes, &alerts).await?;
    let due = due(ids, tx, &alerts, &uses)?;
    let keys: Vec<_> = due.iter().map(key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let known: HashSet<_> = entitlement_alert::sent(tx, &keys)
        .await?
        .into_iter()
        .collect();
    for sent in due.iter().filter(|sent| !known.contains(&key(sent))) {
        entitlement_alert::send(tx, sent).await?;
    }
    Ok(())
}

fn key(sent: &Sent) -> (Uuid, Uuid, Uuid) {
    (sent.alert_id, sent.customer_id, sent.grant_id)
}

/// What a customer has of an entitlement now.
struct Use {
    newest: Uuid,
    granted: Decimal,
    used: Decimal,
}

async fn uses(
    tx: &mut Tx,
    changes: &[(CustomerGrant, CustomerGrant)],
    alerts: &[Alert],
) -> Result<BTreeMap<(Uuid, Uuid), Use>> {
    let watched: BTreeSet<Uuid> = alerts.iter().map(|alert| alert.entitlement_id).collect();
    let after: HashMap<Uuid, &CustomerGrant> =
        changes.iter().map(|(_, after)| (after.id, after)).collect();
    let touched: BTreeSet<(Uuid, Uuid)> = after
        .values()
        .map(|grant| (grant.entitlement_id, grant.customer_id))
        .filter(|(entitlement, _)| watched.contains(entitlement))
        .collect();
    let customers: Vec<Uuid> = touched.iter().map(|(_, customer)| *customer).collect();
    let watched: Vec<Uuid> = watched.into_iter().collect();
    let grants = store::entitlement_grant::of_customers(tx, &customers, Some(&watched)).await?;
    let at = tx.at()?;
    let mut by_customer: BTreeMap<(Uuid, Uuid), Vec<&CustomerGrant>> = BTreeMap::new();
    for grant in &grants {
        let grant = after.get(&grant.id).copied().unwrap_or(grant);
        let key = (grant.entitlement_id, grant.customer_id);
        if touched.contains(&key) && grant.is_in_force(at) {
            by_customer.entry(key).or_default().push(grant);
        }
    }
    let uses = by_customer.into_iter().filter_map(|(key, grants)| {
        let newest = grants
            .iter()
            .max_by_key(|one| (one.details.active_from, one.id))?;
        let one = Use {
            newest: newest.id,
            granted: grants.iter().map(|grant| grant.details.quantity).sum(),
            used: grants.iter().map(|grant| grant.details.quantity_used).sum(),
        };
        Some((key, one))
    });
    Ok(uses.collect())
}

fn due(
    ids: &dyn Ids,
    tx: &Tx,
    alerts: &[Alert],
    uses: &BTreeMap<(Uuid, Uuid), Use>,
) -> Result<Vec<Sent>> {
    let at = tx.at()?;
    let mut due = Vec::new();
    for ((entitlement_id, customer_id), one) in uses {
        let of_customer = alerts.iter().filter(|alert| {
            let is_meant = alert.customer_id.is_none_or(|meant| meant == *customer_id);
            alert.entitlement_id == *entitlement_id && is_meant
        });
        for alert in
            of_customer.filter(|one_alert| one_alert.threshold.is_reached(one.used, one.granted))
        {
            due.push(Sent {
                id: ids.next(),
                alert_id: alert.id,
                entitlement_id: *entitlement_id,
                customer_id: *customer_id,
                grant_id: one.newest,
                threshold: alert.threshold,
                quantity: one.granted,
                quantity_used: one.used,
                created_at: at,
            });
        }
    }
    Ok(due)
}
