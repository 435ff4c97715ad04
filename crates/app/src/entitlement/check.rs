//! Whether a customer may use something now: the hot path of a product.
//!
//! Owns the order of reads: first the tally of usage is brought up to date, then grants, reservations and the sequence up to
//! which usage is drawn are read at once, so that no event is missed between the two. A check writes nothing; what must not
//! be taken twice is reserved ([`super::reserve`]).

use florin_core::{
    entitlement::{self, CustomerGrant, Entitlement, Source},
    grant::EntitlementKind,
    id::OrganisationId,
    instant,
};
use florin_store::{self as store, Tx};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{live::Known, meter};
use crate::{App, Result};

/// What a customer has of an entitlement at an instant.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// The instant.
    pub at: Timestamp,
    /// What grants in force are of.
    pub granted: Decimal,
    /// What of them is used, usage that came a moment ago too.
    pub used: Decimal,
    /// What drafts of invoices hold.
    pub held: Decimal,
    /// What is set aside.
    pub reserved: Decimal,
    /// What is left: never below zero.
    pub available: Decimal,
    /// The grants in force, the earliest expiry first.
    pub grants: Vec<CustomerGrant>,
}

impl Standing {
    /// Whether so much may be used: of a feature, whether there is a grant.
    pub fn allows(&self, quantity: Decimal) -> bool {
        let is_granted = self.entitlement.details.is_active && !self.grants.is_empty();
        match self.entitlement.details.entitlement_type {
            EntitlementKind::Feature => is_granted,
            EntitlementKind::Quantity | EntitlementKind::Credits => {
                is_granted && quantity <= self.available
            }
        }
    }
}

/// What a customer has of the entitlement that is named by id or name.
///
/// # Errors
/// [`crate::Error::NotFound`], [`crate::Error::Usage`].
pub async fn check(
    app: &App,
    organisation: OrganisationId,
    customer_id: Uuid,
    word: &str,
) -> Result<Standing> {
    let about = (customer_id, word);
    let known = app.entitlements.find(app, organisation, about).await?;
    catch_up(app, organisation, &known).await?;
    let mut tx = app.db.read(organisation).await?;
    let at = match known.has_clock {
        true => super::granted::now(app, &mut tx, Some(customer_id)).await?,
        false => instant::to_microseconds(app.clock.now()),
    };
    standing(app, &mut tx, &known, (customer_id, at)).await
}

/// Brings the tally up to date, where usage draws the entitlement.
pub(super) async fn catch_up(app: &App, organisation: OrganisationId, known: &Known) -> Result<()> {
    let Some(metering) = &known.described.meter else {
        return Ok(());
    };
    let id = known.described.entitlement.id;
    let tally = app.entitlements.tally(id, metering);
    let counted = match tally.begins() {
        Some(begins) => Some(begins),
        None => {
            let mut tx = app.db.read(organisation).await?;
            let meter = store::entitlement_usage::meter(&mut tx, id).await?;
            let is_usable = |meter: &store::entitlement_usage::Meter| {
                meter.is_exact && meter.aggregate_id == metering.aggregate.id
            };
            meter.filter(is_usable).map(|meter| meter.counted_sequence)
        }
    };
    if let Some(counted) = counted {
        let watched = metering.watched(&known.described.zone, counted);
        if tally.catch_up(app, &watched).await? {
            return Ok(());
        }
    }
    meter::settle(app, organisation, &known.described.entitlement).await
}

/// What the customer has, in a transaction that writes under the lock of the grants.
pub(super) async fn standing(
    app: &App,
    tx: &mut Tx,
    known: &Known,
    (customer_id, at): (Uuid, Timestamp),
) -> Result<Standing> {
    let id = known.described.entitlement.id;
    let about = (customer_id, id);
    let grants = store::entitlement_grant::in_force(tx, about, at);
    let grants = store::record::locked(tx, grants);
    let held = store::entitlement_reservation::held(tx, about, at);
    let meter = store::entitlement_usage::meter_of(tx, id);
    let [grants, held, meter] = tx.fetch_each([&grants, &held, &meter]).await?;
    let grants = store::entitlement_grant::read_all(&grants)?;
    let reserved = store::entitlement_reservation::sum(&held)?;
    let meter = meter.first().map(store::entitlement_usage::read_meter);
    let counted = meter.transpose()?.map(|meter| meter.counted_sequence);
    let first = grants.iter().map(|grant| grant.details.active_from).min();
    let arrived = match (counted, first, &known.described.meter) {
        (Some(counted), Some(first), Some(metering)) => {
            let day = known.described.zone.to_datetime(first).date();
            let tally = app.entitlements.tally(id, metering);
            tally.since(&known.keys, counted, day)
        }
        _ => Decimal::ZERO,
    };
    Ok(sum(known, grants, (arrived, reserved), at))
}

fn sum(
    known: &Known,
    mut grants: Vec<CustomerGrant>,
    (arrived, reserved): (Decimal, Decimal),
    at: Timestamp,
) -> Standing {
    grants.sort_by_key(|grant| {
        let expiry = grant.details.expiry_at;
        (
            expiry.is_none(),
            expiry,
            grant.details.active_from,
            grant.id,
        )
    });
    let sources: Vec<Source> = grants.iter().map(CustomerGrant::source).collect();
    let granted: Decimal = grants.iter().map(|grant| grant.details.quantity).sum();
    let drawn: Decimal = grants.iter().map(|grant| grant.details.quantity_used).sum();
    let held: Decimal = grants.iter().map(|grant| grant.quantity_held).sum();
    let left = entitlement::available(&sources) - arrived - reserved;
    Standing {
        entitlement: known.described.entitlement.clone(),
        at,
        granted,
        used: (drawn + arrived).max(Decimal::ZERO),
        held,
        reserved,
        available: left.max(Decimal::ZERO),
        grants,
    }
}
