//! What entitlements have for bills: balances before rating, and what a rated part claims of them.
//!
//! Owns which grants a bill may draw from: those that count on any day of what it bills, and those that it brings itself.
//! What usage has drawn on these days pays for the same usage and is not drawn again. Does not own the draw
//! ([`florin_core::rating`]) nor its writing ([`crate::entitlement`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use florin_core::{
    billing::PartDue,
    calendar::Period,
    carried::Carried,
    contract::PhaseBilling,
    entitlement::{CustomerGrant, GrantStatus, Source, spread},
    grant::{Balance, EntitlementKind, GrantDue, TriggerEvent},
    id::EntitlementId,
    rating::{self, Charge},
};
use florin_store::{
    self as store,
    entitlement_usage::{self, DayUse},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    Problem,
    make::Maker,
    work::{Planned, Setting},
};
use crate::{
    Error, Result,
    entitlement::{
        billed::{Claim, ClaimedDraw},
        meter,
    },
};

/// What customers have.
#[derive(Debug, Default)]
pub(super) struct Balances {
    grants: HashMap<Uuid, Vec<CustomerGrant>>,
    /// Entitlements that there are: a price may name what nobody has defined.
    known: HashSet<Uuid>,
    /// What parts brought that are made anew.
    brought: Vec<CustomerGrant>,
    /// What usage has drawn of metered entitlements.
    drawn: HashMap<Uuid, HashMap<(Uuid, Date), DayUse>>,
}

/// What is billed of each entitlement that a part draws from.
type Windows = BTreeMap<EntitlementId, Period>;

fn windows(phase: &PhaseBilling, due: &PartDue) -> Windows {
    let terms = phase.terms.phase();
    let mut windows = Windows::new();
    let mut add = |entitlement: EntitlementId, service: Period| {
        let known = windows.get(&entitlement).copied().unwrap_or(service);
        windows.insert(entitlement, hull(known, service));
    };
    for charge in &due.charges {
        let line = terms.lines.get(charge.position);
        for draw in line.into_iter().flat_map(|line| line.draws()) {
            add(draw.entitlement, charge.cycle.service);
        }
        for draw in &terms.consumptions {
            add(draw.entitlement, charge.cycle.service);
        }
    }
    windows
}

/// From the first day of both to the last.
fn hull(one: Period, other: Period) -> Period {
    let start = one.start().min(other.start());
    Period::new(start, one.end().max(other.end())).unwrap_or(one)
}

/// What plans need to know.
struct Needed {
    /// Of each entitlement all days that are billed.
    windows: BTreeMap<Uuid, Period>,
    /// Who is served.
    customers: Vec<Uuid>,
    /// Parts that are made anew.
    freed: Vec<Uuid>,
}

impl Needed {
    fn of(planned: &[Planned]) -> Self {
        let (mut needed, mut customers) = (BTreeMap::new(), BTreeSet::new());
        for Planned { subject, plan, .. } in planned {
            for due in plan.bills.iter().flat_map(|bill| &bill.parts) {
                let mut phases = plan.phases.iter();
                let phase = phases.find(|phase| phase.phase_id == due.phase_id);
                for (entitlement, window) in
                    phase.map_or_else(Windows::new, |one| windows(one, due))
                {
                    let known = needed.get(&entitlement.0).copied().unwrap_or(window);
                    needed.insert(entitlement.0, hull(known, window));
                    customers.insert(subject.customer.id);
                }
            }
        }
        let freed = planned.iter().flat_map(|one| &one.plan.freed);
        Self {
            windows: needed,
            customers: customers.into_iter().collect(),
            freed: freed.copied().collect(),
        }
    }
}

impl Setting {
    /// What customers have of the entitlements that the plans' bills draw from. What usage came of metered ones is drawn
    /// before.
    pub(super) async fn balances(&self, planned: &[Planned]) -> Result<Balances> {
        let mut balances = Balances::default();
        let Needed {
            windows: needed,
            customers,
            freed,
        } = Needed::of(planned);
        if needed.is_empty() {
            return Ok(balances);
        }
        let ids: Vec<Uuid> = needed.keys().copied().collect();
        let mut tx = self.app.db.read(self.organisation).await?;
        let definitions = store::entitlement::of_ids(&mut tx, &ids).await?;
        drop(tx);
        balances.known = definitions.keys().copied().collect();
        for entitlement in definitions.values() {
            match meter::settle(&self.app, self.organisation, entitlement).await {
                // Contracts whose usage cannot be counted say so themselves.
                Err(Error::Usage(_)) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        let mut tx = self.app.db.read(self.organisation).await?;
        let of = Some(ids.as_slice());
        let mut grants = store::entitlement_grant::of_customers(&mut tx, &customers, of).await?;
        for draw in store::entitlement_grant::draws_of_parts(&mut tx, &freed).await? {
            let Some(grant) = grants.iter_mut().find(|grant| grant.id == draw.drawn.grant) else {
                continue;
            };
            let taken = match draw.is_held {
                true => &mut grant.quantity_held,
                false => &mut grant.details.quantity_used,
            };
            *taken = (*taken - draw.drawn.quantity).max(Decimal::ZERO);
        }
        // What a freed part brought comes anew with it, less what others use of it.
        let is_brought = |grant: &CustomerGrant| {
            let source = grant.details.source_id;
            source.is_some_and(|source| freed.contains(&source))
        };
        let (brought, grants): (Vec<_>, Vec<_>) = grants.into_iter().partition(is_brought);
        balances.brought = brought;
        for grant in grants {
            let of_customer = balances.grants.entry(grant.customer_id).or_default();
            of_customer.push(grant);
        }
        for (id, window) in needed {
            let is_metered = definitions
                .get(&id)
                .is_some_and(|one| one.details.aggregate_id.is_some());
            if is_metered {
                let days = (window.start(), window.end());
                let drawn = entitlement_usage::days(&mut tx, id, &customers, days).await?;
                balances.drawn.insert(id, drawn);
            }
        }
        Ok(balances)
    }
}

impl Balances {
    /// The grants of a customer, to be drawn down while its bills are made.
    pub(super) fn of(&self, customer_id: Uuid) -> Vec<CustomerGrant> {
        self.grants.get(&customer_id).cloned().unwrap_or_default()
    }

    fn drawn_by_usage(
        &self,
        customer_id: Uuid,
        entitlement: EntitlementId,
        window: Period,
    ) -> Decimal {
        let days = self.drawn.get(&entitlement.0).into_iter().flatten();
        let days = days.filter(|((customer, day), _)| {
            *customer == customer_id && window.start() <= *day && *day < window.end()
        });
        days.map(|(_, used)| used.drawn).sum()
    }
}

impl Maker<'_> {
    /// Rates charges of a phase with what entitlements have for them.
    pub(super) fn rate_entitled(
        &mut self,
        (phase, due): (&PhaseBilling, &PartDue),
        day: Date,
        charges: &[Charge],
        before: &Carried,
    ) -> Result<(rating::Rated, Claimed), Problem> {
        let mut windows = windows(phase, due);
        windows.retain(|one, _| self.papers.balances.known.contains(&one.0));
        let mut balances = self.available(&windows);
        let mut rated = self.rate(phase, day, charges, (before, &balances))?;
        if self.add_own(&mut balances, &windows, &rated.grants) {
            rated = self.rate(phase, day, charges, (before, &balances))?;
        }
        let draws = self.claimed(&windows, &rated);
        let grants = rated.grants.clone();
        Ok((rated, Claimed { grants, draws }))
    }

    fn available(&self, windows: &Windows) -> Vec<Balance> {
        let customer = self.subject.customer.id;
        let each = windows.iter().map(|(entitlement, window)| {
            let grants = self.grants.iter();
            let grants = grants.filter(|grant| self.counts(grant, *entitlement, *window));
            let left: Decimal = grants.map(CustomerGrant::available).sum();
            let balances = &self.papers.balances;
            Balance {
                entitlement: *entitlement,
                available: left + balances.drawn_by_usage(customer, *entitlement, *window),
            }
        });
        each.collect()
    }

    fn counts(&self, grant: &CustomerGrant, entitlement: EntitlementId, window: Period) -> bool {
        let zone = self.subject.contract.zone();
        let Some((start, end)) = instants(window, zone) else {
            return false;
        };
        grant.entitlement_id == entitlement.0
            && grant.details.status == GrantStatus::Active
            && grant.overlaps(start, end)
    }

    /// What is drawn besides what usage has drawn; what is taken of grants is gone for the next bill.
    fn claimed(&mut self, windows: &Windows, rated: &rating::Rated) -> Vec<ClaimedDraw> {
        let customer = self.subject.customer.id;
        let mut used: BTreeMap<EntitlementId, (Decimal, TriggerEvent)> = BTreeMap::new();
        for draw in rated.draft.draws() {
            let one = used.entry(draw.entitlement);
            one.or_insert((Decimal::ZERO, draw.trigger_event)).0 += draw.used;
        }
        let mut claimed = Vec::new();
        for (entitlement, (used, trigger)) in used {
            let Some(window) = windows.get(&entitlement).copied() else {
                continue;
            };
            let balances = &self.papers.balances;
            let drawn = balances.drawn_by_usage(customer, entitlement, window);
            let quantity = (used - drawn).max(Decimal::ZERO);
            self.draw_down(entitlement, window, quantity, &rated.grants);
            claimed.push(ClaimedDraw {
                entitlement_id: entitlement.0,
                trigger,
                quantity,
                start: window.start(),
                end: window.end(),
            });
        }
        claimed
    }

    fn draw_down(
        &mut self,
        entitlement: EntitlementId,
        window: Period,
        quantity: Decimal,
        own: &[GrantDue],
    ) {
        let zone = self.subject.contract.zone().clone();
        let grants = self.grants.iter();
        let grants = grants.filter(|grant| self.counts(grant, entitlement, window));
        let mut sources: Vec<Source> = grants.map(CustomerGrant::source).collect();
        let own = own
            .iter()
            .filter(|due| due.entitlement == entitlement && covers(due, window));
        sources.extend(own.filter_map(|due| {
            Some(Source {
                grant: Uuid::nil(),
                active_from: instant(due.active_from, &zone)?,
                expiry_at: due.expires_on.and_then(|day| instant(day, &zone)),
                available: self.own_left(due),
            })
        }));
        for one in spread(&mut sources, quantity) {
            let grant = self.grants.iter_mut().find(|grant| grant.id == one.grant);
            if let Some(grant) = grant {
                grant.quantity_held += one.quantity;
            }
        }
    }

    /// Adds what the bill itself brings for what it bills; whether it brings any.
    fn add_own(&self, balances: &mut [Balance], windows: &Windows, grants: &[GrantDue]) -> bool {
        let mut is_changed = false;
        let grants = grants
            .iter()
            .filter(|due| due.kind != EntitlementKind::Feature);
        for due in grants {
            let window = windows.get(&due.entitlement);
            let covers = window.is_some_and(|window| covers(due, *window));
            let mut known = balances.iter_mut();
            let balance = known.find(|balance| balance.entitlement == due.entitlement);
            let left = self.own_left(due);
            if let Some(balance) = balance.filter(|_| covers && !left.is_zero()) {
                balance.available += left;
                is_changed = true;
            }
        }
        is_changed
    }

    /// What a grant of the bill's own has, less what others use of it since an earlier draft brought it.
    fn own_left(&self, due: &GrantDue) -> Decimal {
        let customer = self.subject.customer.id;
        let active_from = instant(due.active_from, self.subject.contract.zone());
        let brought = self.papers.balances.brought.iter().find(|grant| {
            grant.customer_id == customer
                && grant.entitlement_id == due.entitlement.0
                && Some(grant.details.active_from) == active_from
        });
        let taken = brought.map(|grant| grant.details.quantity_used + grant.quantity_held);
        (due.amount - taken.unwrap_or_default()).max(Decimal::ZERO)
    }

    /// A claim of a part, once its id is known.
    pub(super) fn claim(&self, part_id: Uuid, claimed: Claimed) -> Option<Claim> {
        let Claimed { grants, draws } = claimed;
        if grants.is_empty() && draws.is_empty() {
            return None;
        }
        Some(Claim {
            part_id,
            // The document is known later.
            invoice_id: Uuid::nil(),
            contract_id: self.subject.contract.id(),
            customer_id: self.subject.customer.id,
            zone: self.subject.contract.zone().clone(),
            grants,
            draws,
        })
    }
}

/// What a rated part brings and draws.
#[derive(Debug)]
pub(super) struct Claimed {
    grants: Vec<GrantDue>,
    draws: Vec<ClaimedDraw>,
}

fn covers(due: &GrantDue, window: Period) -> bool {
    due.active_from < window.end() && due.expires_on.is_none_or(|end| window.start() < end)
}

/// What a bill that is rated again has: what it drew, no more and no less.
pub(super) fn as_billed(draft: &rating::Draft) -> Vec<Balance> {
    let mut drawn: BTreeMap<EntitlementId, Decimal> = BTreeMap::new();
    for draw in draft.draws() {
        *drawn.entry(draw.entitlement).or_default() += draw.used;
    }
    let balances = drawn.into_iter().map(|(entitlement, available)| Balance {
        entitlement,
        available,
    });
    balances.collect()
}

fn instants(window: Period, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    Some((instant(window.start(), zone)?, instant(window.end(), zone)?))
}

fn instant(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
}
