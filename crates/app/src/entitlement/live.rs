//! What the hot path remembers: definitions and customers for a moment, and the tallies of usage.
//!
//! Owns what is remembered and for how long. A change of a definition that this process committed is seen by the next
//! check, anything else after [`FRESH_FOR`].

use std::{
    collections::HashMap,
    hash::Hash,
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
/// Customers that are remembered at most, each with one entitlement, and definitions. When there are more, all are
/// forgotten.
const REMEMBERED_MAX: usize = 50_000;

/// What is remembered about entitlements.
#[derive(Debug, Default)]
pub struct Live {
    described: Memory<(OrganisationId, String), Described>,
    known: Memory<(OrganisationId, Uuid, String), Known>,
    tallies: Mutex<HashMap<TallyKey, Arc<Tally>>>,
}

/// Organisation, entitlement, and the metric with its version: another definition is another tally.
type TallyKey = (OrganisationId, Uuid, Uuid, i64);

/// What was read, and when.
#[derive(Debug)]
struct Memory<K, V>(Mutex<HashMap<K, (Timestamp, Arc<V>)>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Memory<K, V> {
    fn all(&self) -> MutexGuard<'_, HashMap<K, (Timestamp, Arc<V>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read a moment ago, and when.
    fn get(&self, key: &K, now: Timestamp) -> Option<(Timestamp, Arc<V>)> {
        let all = self.all();
        let (read_at, value) = all.get(key)?;
        let age = now.duration_since(*read_at);
        let is_fresh = (SignedDuration::ZERO..FRESH_FOR).contains(&age);
        is_fresh.then(|| (*read_at, Arc::clone(value)))
    }

    fn put(&self, key: K, read_at: Timestamp, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut all = self.all();
        if all.len() >= REMEMBERED_MAX {
            all.clear();
        }
        all.insert(key, (read_at, Arc::clone(&value)));
        value
    }
}

/// An entitlement, the same for all customers.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) entitlement: Entitlement,
    pub(super) meter: Option<Metering>,
    pub(super) zone: TimeZone,
}

/// A customer and an entitlement.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) described: Arc<Described>,
    /// The values that name the customer in events.
    pub(super) keys: Vec<String>,
    /// Whether the customer lives by a test clock.
    pub(super) has_clock: bool,
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
        self.described
            .all()
            .retain(|(of, _), _| *of != organisation);
        self.known.all().retain(|(of, ..), _| *of != organisation);
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
        if let Some((_, known)) = self.known.get(&key, now) {
            return Ok(known);
        }
        let (read_at, described) = self.describe(app, organisation, word).await?;
        let known = read(app, organisation, (customer_id, described)).await?;
        // As old as the older of its parts.
        Ok(self.known.put(key, read_at, known))
    }

    /// The entitlement that is named by id or name. Of many customers who ask within a moment, one reads it.
    async fn describe(
        &self,
        app: &App,
        organisation: OrganisationId,
        word: &str,
    ) -> Result<(Timestamp, Arc<Described>)> {
        let now = app.clock.now();
        let key = (organisation, word.to_owned());
        if let Some(described) = self.described.get(&key, now) {
            return Ok(described);
        }
        let mut tx = app.db.read(organisation).await?;
        let entitlement = named(&mut tx, word).await?;
        let zone = organisation::zone(&mut tx).await?;
        drop(tx);
        let meter = metering(app, organisation, &entitlement).await?;
        let described = Described {
            entitlement,
            meter,
            zone,
        };
        Ok((now, self.described.put(key, now, described)))
    }
}

async fn read(
    app: &App,
    organisation: OrganisationId,
    (customer_id, described): (Uuid, Arc<Described>),
) -> Result<Known> {
    let mut tx = app.db.read(organisation).await?;
    let customers = store::usage_customer::load(&mut tx, Some(customer_id)).await?;
    let customer = customers.into_iter().next().ok_or(Error::NotFound {
        resource: "customer",
    })?;
    let clock = store::test_clock::of_customer(&mut tx, customer_id).await?;
    let keys = described.meter.as_ref().map(|meter| {
        let keys = CustomerKeys::new(&meter.attribute, [&customer]);
        let keys = keys.keys().map(|(key, _)| key.to_owned());
        keys.collect::<Vec<String>>()
    });
    Ok(Known {
        described,
        keys: keys.unwrap_or_default(),
        has_clock: clock.is_some(),
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
