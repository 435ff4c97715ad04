//! Usage that draws entitlements as it comes.
//!
//! Owns the settling: what came since the last one is written as the use of days, and drawn from the grants that count on
//! these days, the earliest expiry first. Days are the organisation's. Usage of a day that an invoice has settled is counted
//! but not drawn: the invoice bills it. Safe to run twice and on several nodes at once: the row of the meter is locked, and
//! whoever finds another sequence in it than it counted from begins again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use florin_core::{
    calendar::Period,
    entitlement::{
        self, CustomerGrant, Drawn, Entitlement, GrantStatus, Source, spread, take_back,
    },
    id::OrganisationId,
    pricing::Usage,
    usage::{CustomerKeys, UsageCustomer},
};
use florin_store::{
    self as store, Actor, Tx,
    entitlement_grant::{Draw, DrawnFor},
    entitlement_usage::{self, BilledDays, DayUse, Meter},
};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    alert,
    live::{Metering, metering},
};
use crate::{App, Result, aggregate, organisation};

/// So many days back usage that changed is measured anew.
const MEASURED_DAYS: i64 = 62;
/// How often a settling that others overtake is begun again.
const ATTEMPTS_MAX: usize = 5;

/// The sequence from which the usage of a new entitlement counts: nobody has a grant before it. Nothing where no metric
/// draws it.
///
/// # Errors
/// [`crate::Error::Usage`].
pub async fn beginning(
    app: &App,
    organisation: OrganisationId,
    entitlement: &entitlement::Details,
) -> Result<Option<u64>> {
    let Some(aggregate_id) = entitlement.aggregate_id else {
        return Ok(None);
    };
    let as_if = Entitlement {
        id: aggregate_id,
        details: entitlement.clone(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    match metering(app, organisation, &as_if).await? {
        Some(metering) => Ok(Some(newest(app, &metering).await?)),
        None => Ok(None),
    }
}

/// The newest sequence of the metric's stream.
async fn newest(app: &App, metering: &Metering) -> Result<u64> {
    let (stream, query) = (&metering.stream, &metering.query);
    let nothing = app.usage.arrivals(stream, query, i64::MAX.unsigned_abs());
    Ok(nothing.await?.reached)
}

/// Settles every entitlement of the organisation that a metric draws. One that cannot be settled does not keep the others.
///
/// # Errors
/// [`crate::Error::Store`].
pub async fn settle_all(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut tx = app.db.read(organisation).await?;
    let metered = store::entitlement::metered(&mut tx).await?;
    drop(tx);
    for entitlement in metered {
        if let Err(error) = settle(app, organisation, &entitlement).await {
            let (organisation, entitlement) = (organisation.0, entitlement.id);
            tracing::warn!(%organisation, %entitlement, %error, "usage is drawn by the next run");
        }
    }
    Ok(())
}

/// Draws what came since the last settling.
///
/// # Errors
/// [`crate::Error::Store`], [`crate::Error::Usage`].
pub async fn settle(
    app: &App,
    organisation: OrganisationId,
    entitlement: &Entitlement,
) -> Result<()> {
    let Some(metering) = metering(app, organisation, entitlement).await? else {
        return Ok(());
    };
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    drop(tx);
    let settling = Settling {
        app,
        organisation,
        entitlement,
        metering: &metering,
        zone: &zone,
    };
    for _ in 0..ATTEMPTS_MAX {
        if settling.attempt().await? {
            return Ok(());
        }
    }
    Err(store::Error::Busy.into())
}

/// The use of days: what is added to it, or what it is.
enum Counted {
    Added(BTreeMap<(Uuid, Date), Decimal>),
    Measured(BTreeMap<(Uuid, Date), Decimal>),
}

struct Settling<'s> {
    app: &'s App,
    organisation: OrganisationId,
    entitlement: &'s Entitlement,
    metering: &'s Metering,
    zone: &'s TimeZone,
}

impl Settling<'_> {
    /// Whether nobody else has settled meanwhile.
    async fn attempt(&self) -> Result<bool> {
        let mut tx = self.app.db.read(self.organisation).await?;
        let meter = entitlement_usage::meter(&mut tx, self.entitlement.id).await?;
        let customers = entitlement_usage::granted_customers(&mut tx, self.entitlement.id).await?;
        let customers = store::usage_customer::of_ids(&mut tx, &customers).await?;
        drop(tx);
        let (next, counted) = self.counted(meter, &customers).await?;
        let is_at_rest = matches!(&counted, Counted::Added(added) if added.is_empty());
        let tally = self
            .app
            .entitlements
            .tally(self.entitlement.id, self.metering);
        if let Some(meter) = meter {
            tally.settled(meter.counted_sequence);
        }
        if is_at_rest && meter == Some(next) {
            return Ok(true);
        }
        let mut tx = self.app.begin(self.organisation, Actor::System, "").await?;
        if entitlement_usage::meter(&mut tx, self.entitlement.id).await? != meter {
            return Ok(false);
        }
        self.write(&mut tx, counted).await?;
        entitlement_usage::save_meter(&mut tx, next).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What is to be written, and how far it is counted then.
    async fn counted(
        &self,
        meter: Option<Meter>,
        customers: &[UsageCustomer],
    ) -> Result<(Meter, Counted)> {
        let aggregate_id = self.metering.aggregate.id;
        let next = |counted_sequence, is_exact| Meter {
            entitlement_id: self.entitlement.id,
            aggregate_id,
            counted_sequence,
            is_exact,
        };
        let Some(meter) = meter.filter(|meter| meter.aggregate_id == aggregate_id) else {
            // Counted by nothing, or by another metric: from now on.
            let newest = newest(self.app, self.metering).await?;
            return Ok((next(newest, true), Counted::Added(BTreeMap::new())));
        };
        let tally = self
            .app
            .entitlements
            .tally(self.entitlement.id, self.metering);
        let watched = self.metering.watched(self.zone, meter.counted_sequence);
        if meter.is_exact && tally.catch_up(self.app, &watched).await? {
            let (reached, arrived) = tally.all_since(meter.counted_sequence);
            let keys = CustomerKeys::new(&self.metering.attribute, customers);
            let mut added: BTreeMap<(Uuid, Date), Decimal> = BTreeMap::new();
            for (key, days) in arrived {
                for customer in keys.with(&key) {
                    for (day, quantity) in &days {
                        *added.entry((customer, *day)).or_default() += quantity;
                    }
                }
            }
            return Ok((next(reached, true), Counted::Added(added)));
        }
        let before = newest(self.app, self.metering).await?;
        let measured = self.measured(customers).await?;
        // What came while it was measured may be in it: then it is measured again next time.
        let is_exact = newest(self.app, self.metering).await? == before;
        Ok((next(before, is_exact), Counted::Measured(measured)))
    }

    /// The use of today and of every day of the past weeks on which something was used.
    async fn measured(
        &self,
        customers: &[UsageCustomer],
    ) -> Result<BTreeMap<(Uuid, Date), Decimal>> {
        let today = self.zone.to_datetime(self.app.clock.now()).date();
        let since = today.saturating_sub(Span::new().days(MEASURED_DAYS));
        let mut tx = self.app.db.read(self.organisation).await?;
        let days = entitlement_usage::used_days(&mut tx, self.entitlement.id, since).await?;
        drop(tx);
        let days: BTreeSet<Date> = days.into_iter().chain([today]).collect();
        let mut measured = BTreeMap::new();
        for day in days {
            let Some((start, end)) = instants(day, self.zone) else {
                continue;
            };
            let (app, organisation) = (self.app, self.organisation);
            let aggregate = &self.metering.aggregate;
            let period = start..end;
            let usage = aggregate::measure(app, organisation, aggregate, &period, customers);
            for one in usage.await? {
                measured.insert((one.customer, day), total(&one.usage));
            }
        }
        Ok(measured)
    }

    async fn write(&self, tx: &mut Tx, counted: Counted) -> Result<()> {
        let (changes, is_whole) = match counted {
            Counted::Added(added) => (added, false),
            Counted::Measured(measured) => (measured, true),
        };
        let days = changes.keys().map(|(_, day)| *day);
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else {
            return Ok(());
        };
        let customers: BTreeSet<Uuid> = changes.keys().map(|(customer, _)| *customer).collect();
        let customers: Vec<Uuid> = customers.into_iter().collect();
        let id = self.entitlement.id;
        let of_days = (first, last.saturating_add(Span::new().days(1)));
        let mut known = entitlement_usage::days(tx, id, &customers, of_days).await?;
        let billed = entitlement_usage::billed(tx, id, &customers, first).await?;
        let grants = store::entitlement_grant::of_customers(tx, &customers, Some(&[id])).await?;
        let earlier = store::entitlement_grant::draws_of_usage(tx, id, &customers, first).await?;
        let mut drawing = Drawing::new(self, grants, earlier);
        let mut saved = Vec::new();
        for ((customer, day), quantity) in changes {
            let mut used = known.remove(&(customer, day)).unwrap_or_default();
            let before = used;
            used.quantity = match is_whole {
                true => quantity,
                false => used.quantity + quantity,
            };
            if !is_billed(&billed, customer, day) {
                drawing.day((customer, day), before, &mut used);
            }
            if used != before {
                saved.push(((customer, day), used));
            }
        }
        entitlement_usage::save_days(tx, id, &saved).await?;
        drawing.write(tx).await
    }
}

fn is_billed(billed: &[BilledDays], customer: Uuid, day: Date) -> bool {
    let mut billed = billed.iter();
    billed.any(|one| one.customer_id == customer && one.start <= day && day < one.end)
}

fn instants(day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let next = day.checked_add(Span::new().days(1)).ok()?;
    Period::new(day, next).ok()?.instants(zone).ok()
}

fn total(usage: &Usage) -> Decimal {
    match usage {
        Usage::Quantity(quantity) => *quantity,
        Usage::Rows(rows) => rows.rows().iter().map(|row| row.quantity).sum(),
    }
}

/// Draws of many customers, before they are written.
struct Drawing<'d> {
    settling: &'d Settling<'d>,
    before: HashMap<Uuid, CustomerGrant>,
    grants: BTreeMap<Uuid, CustomerGrant>,
    earlier: HashMap<(Uuid, Date), Vec<Draw>>,
    new: Vec<Draw>,
    gone: Vec<Uuid>,
}

impl<'d> Drawing<'d> {
    fn new(
        settling: &'d Settling<'d>,
        grants: Vec<CustomerGrant>,
        earlier: HashMap<(Uuid, Date), Vec<Draw>>,
    ) -> Self {
        Self {
            settling,
            before: grants
                .iter()
                .map(|grant| (grant.id, grant.clone()))
                .collect(),
            grants: grants.into_iter().map(|grant| (grant.id, grant)).collect(),
            earlier,
            new: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Draws what a day uses more than before, or gives back what it uses less than was drawn for it.
    fn day(&mut self, (customer, day): (Uuid, Date), before: DayUse, used: &mut DayUse) {
        let more = used.quantity - before.quantity;
        if more > Decimal::ZERO {
            // What was given back before is wanted again: never more than is used and not drawn.
            let wanted = more.min(used.quantity - used.drawn);
            used.drawn += self.draw(customer, day, wanted);
        } else if used.quantity < used.drawn {
            let target = used.quantity.max(Decimal::ZERO);
            self.give_back(customer, day, used.drawn - target);
            used.drawn = target;
        }
    }

    fn draw(&mut self, customer: Uuid, day: Date, wanted: Decimal) -> Decimal {
        let Some((start, end)) = instants(day, self.settling.zone) else {
            return Decimal::ZERO;
        };
        let counts = |grant: &&CustomerGrant| {
            let is_own = grant.customer_id == customer;
            is_own && grant.details.status == GrantStatus::Active && grant.overlaps(start, end)
        };
        let sources = self.grants.values().filter(counts);
        let mut sources: Vec<Source> = sources.map(CustomerGrant::source).collect();
        let drawn = spread(&mut sources, wanted);
        let mut sum = Decimal::ZERO;
        for one in drawn {
            sum += one.quantity;
            if let Some(grant) = self.grants.get_mut(&one.grant) {
                grant.details.quantity_used += one.quantity;
            }
            self.keep(customer, day, one);
        }
        sum
    }

    fn keep(&mut self, customer: Uuid, day: Date, drawn: Drawn) {
        self.new.push(Draw {
            id: self.settling.app.ids.next(),
            drawn,
            entitlement_id: self.settling.entitlement.id,
            customer_id: customer,
            drawn_for: DrawnFor::Usage(day),
            is_held: false,
        });
    }

    /// The day's draws are written anew without what is given back.
    fn give_back(&mut self, customer: Uuid, day: Date, wanted: Decimal) {
        let earlier = self.earlier.remove(&(customer, day)).unwrap_or_default();
        self.gone.extend(earlier.iter().map(|draw| draw.id));
        let mut draws: Vec<Drawn> = earlier.into_iter().map(|draw| draw.drawn).collect();
        for back in take_back(&mut draws, wanted) {
            if let Some(grant) = self.grants.get_mut(&back.grant) {
                // What somebody has set by hand meanwhile is not taken below zero.
                let used = grant.details.quantity_used - back.quantity;
                grant.details.quantity_used = used.max(Decimal::ZERO);
            }
        }
        for drawn in draws {
            self.keep(customer, day, drawn);
        }
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        let changed = self.grants.into_values().filter_map(|after| {
            let before = self.before.get(&after.id)?.clone();
            (before != after).then_some((before, after))
        });
        let changed: Vec<(CustomerGrant, CustomerGrant)> = changed.collect();
        store::entitlement_grant::delete_draws(tx, &self.gone).await?;
        store::entitlement_grant::insert_draws(tx, &self.new).await?;
        alert::drawn(&*self.settling.app.ids, tx, &changed).await?;
        Ok(store::entitlement_grant::update_all(tx, "drawn", &changed).await?)
    }
}
