//! The journal: posting what happened to money.
//!
//! Owns which records an entry needs besides its event. Does not own what is posted: that is the table in
//! [`florin_core::ledger`]. Whoever moves money calls [`post`] in the same transaction.

mod sealing;

use std::collections::{HashMap, HashSet};

use florin_core::id::LineId;
use florin_core::ledger::{self, Event, JournalEntry, LineRevenue, Policy, Revenues};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use crate::{App, Error, Result};

pub use sealing::{FIRST_HASH, SEAL_ENTRIES_MAX, hash, seal, seal_all};

/// Posts events, set-at-a-time: a run of a hundred thousand approvals is a few hundred statements. An event
/// that has not moved money (a payment on its way) posts nothing.
///
/// # Errors
/// [`Error::Store`]: an event that was posted before, or whose amounts contradict each other, is a fault.
pub async fn post(app: &App, tx: &mut Tx, events: &[Event<'_>]) -> Result<()> {
    let mut surroundings = Surroundings::load(tx, events).await?;
    let at = tx.at()?;
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        let posted = surroundings.posted.get_mut(&event.source_id());
        let new = match posted {
            Some(posted) => {
                let corrected = ledger::correct(event, posted, at, || app.ids.next());
                let new = corrected.map_err(contradictory)?;
                posted.extend(new.iter().cloned());
                new
            }
            None => {
                let revenues = &surroundings.revenues;
                let entry = ledger::post(event, revenues, app.ids.next(), at);
                entry.map_err(contradictory)?.into_iter().collect()
            }
        };
        let entity = surroundings.entity_of(event);
        entries.extend(new.into_iter().map(|entry| entry.in_books_of(entity)));
    }
    Ok(store::journal::insert(tx, &entries).await?)
}

/// What has to be known of events besides themselves.
struct Surroundings {
    revenues: Revenues,
    /// The entities of customers whose events do not name one.
    entities: HashMap<Uuid, Uuid>,
    /// What was posted of the payments that were changed.
    posted: HashMap<Uuid, Vec<JournalEntry>>,
}

impl Surroundings {
    async fn load(tx: &mut Tx, events: &[Event<'_>]) -> Result<Self> {
        let nameless = events
            .iter()
            .filter(|event| event.business_entity_id().is_none());
        let customers: HashSet<Uuid> = nameless.filter_map(Event::customer_id).collect();
        let customers: Vec<Uuid> = customers.into_iter().collect();
        let lines: HashSet<LineId> = events.iter().flat_map(Event::revenue_lines).collect();
        let lines: Vec<LineId> = lines.into_iter().collect();
        Ok(Self {
            revenues: revenues(tx, &lines).await?,
            entities: store::customer::business_entities(tx, &customers).await?,
            posted: posted(tx, events).await?,
        })
    }

    fn entity_of(&self, event: &Event<'_>) -> Option<Uuid> {
        let of_customer = || self.entities.get(&event.customer_id()?).copied();
        event.business_entity_id().or_else(of_customer)
    }
}

/// The product of each line; every line's revenue is deferred until it is recognised.
async fn revenues(tx: &mut Tx, lines: &[LineId]) -> Result<Revenues> {
    let products = store::contract::products_of_lines(tx, lines).await?;
    let revenue = |(line, product_id)| {
        let revenue = LineRevenue {
            product_id: Some(product_id),
            policy: Policy::Deferred,
        };
        (line, revenue)
    };
    Ok(products.into_iter().map(revenue).collect())
}

async fn posted(tx: &mut Tx, events: &[Event<'_>]) -> Result<HashMap<Uuid, Vec<JournalEntry>>> {
    let changed = events.iter().filter_map(|event| match event {
        Event::PaymentChanged { payment } => Some(payment.id),
        _ => None,
    });
    let mut posted: HashMap<Uuid, Vec<JournalEntry>> = changed.map(|id| (id, Vec::new())).collect();
    let sources: Vec<Uuid> = posted.keys().copied().collect();
    for entry in store::journal::of_sources(tx, &sources).await? {
        let of_source = entry.header().source_id;
        if let Some(entries) = of_source.and_then(|source| posted.get_mut(&source)) {
            entries.push(entry);
        }
    }
    Ok(posted)
}

/// An event whose amounts contradict each other: a fault of ours, which must not be written.
fn contradictory(error: ledger::Error) -> Error {
    Error::Store(store::Error::Corrupt {
        column: "journal_entry".to_owned(),
        reason: error.to_string(),
    })
}
