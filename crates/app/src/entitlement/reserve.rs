//! Reservations: units that are set aside before they are used, so that concurrent users never take more than there is.
//!
//! Owns that setting aside is decided under the lock of the customer's grants. A reservation that is committed draws what was
//! used; where a metric draws the entitlement, the usage event does, and committing only ends the reservation.

use florin_core::entitlement::{
    CustomerGrant, Reservation, ReservationRefusal, ReservationStatus, Source, spread,
};
use florin_core::grant::EntitlementKind;
use florin_core::id::OrganisationId;
use florin_store::{
    self as store, Tx,
    entitlement_grant::{Draw, DrawnFor},
    list,
};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use std::sync::Arc;
use uuid::Uuid;

use super::{
    alert,
    check::{catch_up, standing},
    granted::exists,
    live::Known,
};
use crate::{App, Error, Result, test_clock};

/// A reservation that is asked for, with all that was read before the transaction.
#[derive(Debug)]
pub struct Asked {
    known: Arc<Known>,
    customer_id: Uuid,
    quantity: Decimal,
    lasts: SignedDuration,
}

/// What is to be set aside.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The entitlement, by id or name.
    pub entitlement: String,
    /// How much, above zero.
    pub quantity: Decimal,
    /// How long.
    pub lasts: SignedDuration,
}

/// Reads what a reservation needs to know before its transaction begins.
///
/// # Errors
/// [`Error::NotFound`] for the customer, [`Error::Invalid`] for the entitlement or the quantity.
pub async fn prepare(
    app: &App,
    organisation: OrganisationId,
    customer_id: Uuid,
    wanted: Wanted,
) -> Result<Asked> {
    let Wanted {
        entitlement,
        quantity,
        lasts,
    } = wanted;
    if quantity.is_zero() || !florin_core::entitlement::is_quantity(quantity) {
        let message = "a quantity above zero, with 12 digits behind the point at most";
        return Err(Error::field("quantity", "value_error.number", message));
    }
    let mut tx = app.db.read(organisation).await?;
    if !exists(&mut tx, customer_id).await? {
        return Err(Error::NotFound {
            resource: "customer",
        });
    }
    drop(tx);
    let about = (customer_id, entitlement.as_str());
    let known = app.entitlements.find(app, organisation, about).await;
    let known = known.map_err(|error| match error {
        Error::NotFound { .. } => {
            let message = "there is no entitlement with this id or name";
            Error::field("entitlement", "value_error.unknown_id", message)
        }
        error => error,
    })?;
    if known.described.entitlement.details.entitlement_type == EntitlementKind::Feature {
        let message = "access to a feature is not used up: check it";
        return Err(Error::field("entitlement", "value_error.feature", message));
    }
    catch_up(app, organisation, &known).await?;
    Ok(Asked {
        known,
        customer_id,
        quantity,
        lasts,
    })
}

/// Sets units aside.
///
/// # Errors
/// `ENTITLEMENT_EXHAUSTED` where there are fewer.
pub async fn reserve(app: &App, tx: &mut Tx, asked: Asked) -> Result<Reservation> {
    let Asked {
        known,
        customer_id,
        quantity,
        lasts,
    } = asked;
    test_clock::follow(tx, customer_id).await?;
    let at = tx.at()?;
    let standing = standing(app, tx, &known, (customer_id, at)).await?;
    if !standing.allows(quantity) {
        let available = standing.available.normalize();
        let message = format!("{available} are left: fewer than are asked for");
        return Err(Error::refused("ENTITLEMENT_EXHAUSTED", message));
    }
    let reservation = Reservation {
        id: app.ids.next(),
        entitlement_id: known.described.entitlement.id,
        customer_id,
        quantity,
        quantity_committed: Decimal::ZERO,
        status: ReservationStatus::Open,
        expires_at: at.saturating_add(lasts).unwrap_or(at),
        created_at: at,
        updated_at: at,
    };
    store::entitlement_reservation::insert(tx, &reservation).await?;
    Ok(reservation)
}

/// Ends a reservation: what was used of it is drawn, the rest is free.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] for more than is set aside, `ENTITLEMENT_RESERVATION_CLOSED`.
pub async fn commit(
    app: &App,
    tx: &mut Tx,
    path: (Uuid, Uuid),
    quantity: Option<Decimal>,
) -> Result<Reservation> {
    let before = find(tx, path).await?;
    test_clock::follow(tx, before.customer_id).await?;
    let after = before.clone().commit(quantity, tx.at()?).map_err(refused)?;
    store::entitlement_reservation::update(tx, &before, &after).await?;
    draw(app, tx, &after).await?;
    Ok(after)
}

/// Ends a reservation of which nothing was used.
///
/// # Errors
/// [`Error::NotFound`], `ENTITLEMENT_RESERVATION_CLOSED`.
pub async fn release(tx: &mut Tx, path: (Uuid, Uuid)) -> Result<Reservation> {
    let before = find(tx, path).await?;
    test_clock::follow(tx, before.customer_id).await?;
    let after = before.clone().release(tx.at()?).map_err(refused)?;
    store::entitlement_reservation::update(tx, &before, &after).await?;
    Ok(after)
}

/// From the grants that were in force when it was set aside.
async fn draw(app: &App, tx: &mut Tx, reservation: &Reservation) -> Result<()> {
    let id = reservation.entitlement_id;
    let definitions = store::entitlement::of_ids(tx, &[id]).await?;
    let is_metered = definitions
        .get(&id)
        .is_some_and(|entitlement| entitlement.details.aggregate_id.is_some());
    if is_metered {
        return Ok(());
    }
    let customer = reservation.customer_id;
    let grants = store::entitlement_grant::of_customers(tx, &[customer], Some(&[id])).await?;
    let counts = |grant: &&CustomerGrant| grant.is_in_force(reservation.created_at);
    let sources = grants.iter().filter(counts).map(CustomerGrant::source);
    let mut sources: Vec<Source> = sources.collect();
    let drawn = spread(&mut sources, reservation.quantity_committed);
    let mut changes = Vec::with_capacity(drawn.len());
    let mut draws = Vec::with_capacity(drawn.len());
    for one in drawn {
        let Some(before) = grants.iter().find(|grant| grant.id == one.grant) else {
            continue;
        };
        let mut after = before.clone();
        after.details.quantity_used += one.quantity;
        changes.push((before.clone(), after));
        draws.push(Draw {
            id: app.ids.next(),
            drawn: one,
            entitlement_id: id,
            customer_id: customer,
            drawn_for: DrawnFor::Reservation(reservation.id),
            is_held: false,
        });
    }
    store::entitlement_grant::insert_draws(tx, &draws).await?;
    alert::drawn(&*app.ids, tx, &changes).await?;
    Ok(store::entitlement_grant::update_all(tx, "drawn", &changes).await?)
}

/// The reservation with this id, of this customer: customer, reservation.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, (customer_id, id): (Uuid, Uuid)) -> Result<Reservation> {
    let found = store::entitlement_reservation::find(tx, id).await?;
    let found = found.filter(|reservation| reservation.customer_id == customer_id);
    found.ok_or(Error::NotFound {
        resource: "reservation",
    })
}

/// One page of a customer's reservations.
///
/// # Errors
/// [`Error::NotFound`] for the customer.
pub async fn page(
    tx: &mut Tx,
    customer_id: Uuid,
    query: &list::Query,
) -> Result<list::Page<Reservation>> {
    if !exists(tx, customer_id).await? {
        return Err(Error::NotFound {
            resource: "customer",
        });
    }
    Ok(store::entitlement_reservation::page(tx, customer_id, query).await?)
}

fn refused(refusal: ReservationRefusal) -> Error {
    match refusal {
        ReservationRefusal::Closed { .. } => {
            Error::refused("ENTITLEMENT_RESERVATION_CLOSED", refusal)
        }
        ReservationRefusal::AboveReserved { .. } => {
            Error::field("quantity", "value_error.number.not_le", refusal)
        }
    }
}
