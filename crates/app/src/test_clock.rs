//! Test clocks: how a user tries a year in a second (DESIGN §8).
//!
//! Owns the one answer to what time it is for a customer ([`follow`], [`app_of`]) and the walk of a clock from
//! one due instant to the next. Does not own what is due: jobs are those of real time, on an [`App`] whose
//! time is the clock's and whose contracts are those of its customers. Jobs of real time pass these over.
//!
//! Only in organisations marked as sandbox, so that numbers and books of real ones stay clean.

mod walk;

use std::sync::Arc;

use florin_core::{
    id::OrganisationId,
    instant,
    test_clock::{self, CUSTOMERS_MAX, Refusal, TestClock},
};
use florin_store::{self as store, Tx, list};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{App, Clock, Error, Result, customer};

pub use walk::{Advancing, advance, begin, resume_all};

/// A clock with who lives by it.
#[derive(Clone, Debug)]
pub struct Clocked {
    /// The clock.
    pub clock: TestClock,
    /// Its customers, in the order in which they came.
    pub customers: Vec<Uuid>,
}

/// A clock that stands.
#[derive(Debug)]
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The app at the time of a clock, for the work of its customers.
fn at_clock(app: &App, clock: Uuid, now: Timestamp) -> App {
    App {
        db: app.db.of_clock(clock),
        clock: Arc::new(Standing(now)),
        ..app.clone()
    }
}

/// The app as it is for a customer: at the time of its clock, where it lives by one.
///
/// # Errors
/// [`Error::Store`].
pub async fn app_of(app: &App, organisation: OrganisationId, customer_id: Uuid) -> Result<App> {
    let mut tx = app.db.read(organisation).await?;
    let clock = store::test_clock::of_customer(&mut tx, customer_id).await?;
    Ok(match clock {
        Some((clock, now)) => at_clock(app, clock, now),
        None => app.clone(),
    })
}

/// The same for the customer of a contract.
///
/// # Errors
/// [`Error::Store`].
pub async fn app_of_contract(
    app: &App,
    organisation: OrganisationId,
    contract_id: Uuid,
) -> Result<App> {
    let mut tx = app.db.read(organisation).await?;
    app_in(app, &mut tx, contract_id).await
}

/// The same, read in a transaction.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn app_in(app: &App, tx: &mut Tx, contract_id: Uuid) -> Result<App> {
    let clock = store::test_clock::of_contract(tx, contract_id).await?;
    Ok(match clock {
        Some((clock, now)) => at_clock(app, clock, now),
        None => app.clone(),
    })
}

/// Invoices by the clocks of their payers, each with the app at that time.
///
/// # Errors
/// [`Error::Store`].
pub async fn apart(
    app: &App,
    organisation: OrganisationId,
    invoices: &[Uuid],
) -> Result<Vec<(App, Vec<Uuid>)>> {
    let mut tx = app.db.read(organisation).await?;
    let of_clocks = store::test_clock::of_invoices(&mut tx, invoices).await?;
    let lives = |invoice: &Uuid| of_clocks.values().any(|(_, ids)| ids.contains(invoice));
    let real = invoices.iter().filter(|invoice| !lives(invoice));
    let mut apart = vec![(app.clone(), real.copied().collect())];
    apart.extend(of_clocks.iter().map(|(clock, (now, ids))| {
        let app = at_clock(app, *clock, *now);
        (app, ids.clone())
    }));
    apart.retain(|(_, ids): &(App, Vec<Uuid>)| !ids.is_empty());
    Ok(apart)
}

/// What the transaction writes of a customer happens at the time of the customer's clock, where it lives by
/// one.
///
/// # Errors
/// [`Error::Store`].
pub async fn follow(tx: &mut Tx, customer_id: Uuid) -> Result<()> {
    if tx.clock().is_none()
        && tx.author().is_ok()
        && let Some((_, now)) = store::test_clock::of_customer(tx, customer_id).await?
    {
        tx.move_to(now);
    }
    Ok(())
}

/// Makes a clock that stands at `now`.
///
/// # Errors
/// `TEST_CLOCK_NEEDS_SANDBOX`, [`Error::Invalid`].
pub async fn create(
    app: &App,
    tx: &mut Tx,
    (name, now): (Option<String>, Timestamp),
) -> Result<Clocked> {
    let organisation = store::organisation::find(tx).await?;
    if !organisation.is_some_and(|organisation| organisation.is_sandbox) {
        let message = "test clocks exist only in sandboxes: create an organisation with --sandbox";
        return Err(Error::refused("TEST_CLOCK_NEEDS_SANDBOX", message));
    }
    let now = instant::to_microseconds(now);
    let clock = test_clock::create(app.ids.next(), name, now, tx.at()?).map_err(refused)?;
    store::test_clock::insert(tx, &clock).await?;
    let customers = Vec::new();
    Ok(Clocked { clock, customers })
}

/// Lets a customer live by a clock, from its beginning: it has no contract, invoice or payment yet.
///
/// # Errors
/// [`Error::NotFound`] for the clock, [`Error::Invalid`] for the customer; `TEST_CLOCK_CUSTOMER_IN_USE`,
/// `TEST_CLOCK_FULL`, `TEST_CLOCK_ADVANCING`.
pub async fn attach(tx: &mut Tx, id: Uuid, customer_id: Uuid) -> Result<Clocked> {
    let Clocked { clock, customers } = load(tx, id).await?;
    clock.require_ready().map_err(refused)?;
    if customers.contains(&customer_id) {
        return Ok(Clocked { clock, customers });
    }
    if customer::find(tx, customer_id).await.is_err() {
        let message = "no customer of this organisation has this id";
        return Err(Error::field(
            "customer_id",
            "value_error.unknown_id",
            message,
        ));
    }
    if customers.len() >= CUSTOMERS_MAX {
        let message = format!("{CUSTOMERS_MAX} customers live by this clock: make another one");
        return Err(Error::refused("TEST_CLOCK_FULL", message));
    }
    let is_in_use = store::contract::has_customer(tx, customer_id).await?
        || store::invoice::has_open(tx, customer_id).await?
        || store::payment::has_any(tx, customer_id).await?;
    if is_in_use {
        let message = "the customer has lived in another time already: attach a new one";
        return Err(Error::refused("TEST_CLOCK_CUSTOMER_IN_USE", message));
    }
    store::test_clock::attach(tx, id, customer_id)
        .await
        .map_err(|error| Error::from_constraint(error, RULES))?;
    load(tx, id).await
}

const RULES: &[(&str, &str, &str)] = &[(
    "test_clock_customer_customer_id_key",
    "TEST_CLOCK_CUSTOMER_IN_USE",
    "the customer lives by another clock: attach a new one",
)];

/// Deletes a clock. Its customers stay, at the time at which it stood.
///
/// # Errors
/// [`Error::NotFound`], `TEST_CLOCK_ADVANCING`.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Clocked> {
    let clocked = load(tx, id).await?;
    clocked.clock.require_ready().map_err(refused)?;
    store::test_clock::delete(tx, &clocked.clock).await?;
    Ok(clocked)
}

/// The clock with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Clocked> {
    let found = store::test_clock::find(tx, id).await?;
    let clock = found.ok_or(NOT_FOUND)?;
    let mut customers = store::test_clock::customers(tx, &[id]).await?;
    let customers = customers.remove(&id).unwrap_or_default();
    Ok(Clocked { clock, customers })
}

/// One page of clocks.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Clocked>> {
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::test_clock::page(tx, query).await?;
    let ids: Vec<Uuid> = results.iter().map(|clock| clock.id).collect();
    let mut customers = store::test_clock::customers(tx, &ids).await?;
    let results = results.into_iter().map(|clock| Clocked {
        customers: customers.remove(&clock.id).unwrap_or_default(),
        clock,
    });
    Ok(list::Page {
        results: results.collect(),
        next,
        previous,
        total_count,
    })
}

const NOT_FOUND: Error = Error::NotFound {
    resource: "test clock",
};

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NameTooLong => Error::field("name", "value_error.any_str.max_length", refusal),
        Refusal::NotLater { .. } | Refusal::TooFar => {
            Error::field("to", "value_error.date", refusal)
        }
        Refusal::Advancing { .. } => Error::refused("TEST_CLOCK_ADVANCING", refusal),
    }
}
