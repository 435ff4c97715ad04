//! What the hot path remembers: definitions and customers for a moment, and the tallies of usage.
//!
//! Owns what is remembered and for how long. A change of a definition that this process committed is seen by the next
//! check, anything else after [`FRESH_FOR`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use florin_core::{
    aggregate::Definition,
    entitlement::{self, Entitlement},
    id::OrganisationId,
    usage::{CustomerKeys, UsageQuery},
};
use florin_store as store;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use uuid::Uuid;

use super::{
    named,
    tally::{Tally, Watched},
};
use crate::{App, Error, Result, organisation, usage::Stream};

/// How long something is remembered.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);
/// Customers that are remembered at most, each with one entitlement. When there are more, all are forgotten.
const REMEMBERED_MAX: usize = 50_000;

/// What is remembered about entitlements.
#[derive(Debug, Default)]
pub struct Live {
    known: Mutex<HashMap<Key, (Timestamp, Arc<Known>)>>,
    tallies: Mutex<HashMap<TallyKey, Arc<Tally>>>,
}

/// Organisation, entitlement, and the metric with its version: another definition is another tally.
type TallyKey = (OrganisationId, Uuid, Uuid, i64);

/// Organisation, customer, and the entitlement's id or name as it is asked for.
type Key = (OrganisationId, Uuid, String);

/// A customer and an entitlement.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) entitlement: Entitlement,
    pub(super) meter: Option<Metering>,
    /// The values that name the customer in events.
    pub(super) keys: Vec<String>,
    /// Whether the customer lives by a test clock.
    pub(super) has_clock: bool,
    pub(super) zone: TimeZone,
}

/// How usage is counted.
#[derive(Clone, Debug)]
pub(super) struct Metering {
    pub(super) aggregate: florin_core::aggregate::Aggregate,
    pub(super) attribute: florin_core::usage::CustomerAttribute,
    pub(super) stream: Stream,
    pub(super) query: UsageQuery,
}

impl Metering {
    /// What a tally looks for.
    pub(super) fn watched<'w>(&'w self, zone: &'w TimeZone, counted: u64) -> Watched<'w> {
        Watched {
            stream: &self.stream,
            query: &self.query,
            zone,
            counted,
        }
    }
}

impl Live {
    /// Forgets an organisation's definitions. Call it when a change of one was committed.
    pub fn forget(&self, organisation: OrganisationId) {
        self.known().retain(|(of, ..), _| *of != organisation);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, (Timestamp, Arc<Known>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tally of an entitlement.
    pub(super) fn tally(&self, entitlement: Uuid, metering: &Metering) -> Arc<Tally> {
        let aggregate = &metering.aggregate;
        let organisation = metering.stream.organisation;
        let key = (organisation, entitlement, aggregate.id, aggregate.version);
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tallies.entry(key).or_default())
    }

    /// The customer and the entitlement that is named by id or name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(super) async fn find(
        &self,
        app: &App,
        organisation: OrganisationId,
        (customer_id, word): (Uuid, &str),
    ) -> Result<Arc<Known>> {
        let now = app.clock.now();
        let key = (organisation, customer_id, word.to_owned());
        if let Some((read_at, known)) = self.known().get(&key) {
            let age = now.duration_since(*read_at);
            if (SignedDuration::ZERO..FRESH_FOR).contains(&age) {
                return Ok(Arc::clone(known));
            }
        }
        let known = Arc::new(read(app, organisation, (customer_id, word)).await?);
        let mut remembered = self.known();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, (now, Arc::clone(&known)));
        Ok(known)
    }
}

async fn read(
    app: &App,
    organisation: OrganisationId,
    (customer_id, word): (Uuid, &str),
) -> Result<Known> {
    let mut tx = app.db.read(organisation).await?;
    let customers = store::usage_customer::load(&mut tx, Some(customer_id)).await?;
    let customer = customers.into_iter().next().ok_or(Error::NotFound {
        resource: "customer",
    })?;
    let entitlement = named(&mut tx, word).await?;
    let zone = organisation::zone(&mut tx).await?;
    let clock = store::test_clock::of_customer(&mut tx, customer_id).await?;
    drop(tx);
    let meter = metering(app, organisation, &entitlement).await?;
    let keys = meter.as_ref().map(|meter| {
        let keys = CustomerKeys::new(&meter.attribute, [&customer]);
        let keys = keys.keys().map(|(key, _)| key.to_owned());
        keys.collect::<Vec<String>>()
    });
    Ok(Known {
        entitlement,
        meter,
        keys: keys.unwrap_or_default(),
        has_clock: clock.is_some(),
        zone,
    })
}

/// How the usage of an entitlement is counted, if it is: its metric may have become one that does not add up.
///
/// # Errors
/// [`Error::Store`].
pub(super) async fn metering(
    app: &App,
    organisation: OrganisationId,
    entitlement: &Entitlement,
) -> Result<Option<Metering>> {
    let Some(aggregate_id) = entitlement.details.aggregate_id else {
        return Ok(None);
    };
    let mut tx = app.db.read(organisation).await?;
    let aggregate = store::aggregate::find(&mut tx, aggregate_id).await?;
    let Some(aggregate) = aggregate.filter(entitlement::adds_up) else {
        return Ok(None);
    };
    let metric = match aggregate.raw_metric_id {
        Some(id) => store::raw_metric::find(&mut tx, id).await?,
        None => None,
    };
    let Some(metric) = metric else {
        return Ok(None);
    };
    let stream = Stream::of(organisation, &metric);
    let Ok(Definition::Visual(visual)) = aggregate.content.definition() else {
        return Ok(None);
    };
    let attribute = visual.customer_attribute.clone();
    let Ok(query) = visual.query(&stream.schema) else {
        return Ok(None);
    };
    Ok(Some(Metering {
        aggregate,
        attribute,
        stream,
        query,
    }))
}
