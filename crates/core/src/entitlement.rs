//! Entitlements: what customers may use, and how much of it (semantics §14).
//!
//! Owns definitions, what customers were granted ([`CustomerGrant`]), which grants a draw comes from ([`spread`]) and when
//! an alert is due ([`Threshold`]). Does not own what a contract grants or a bill draws ([`crate::grant`]). Entitlements are
//! off the balance sheet: nothing here is money, and nothing is posted.

mod balance;
mod customer_grant;
mod reservation;
mod threshold;

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

pub use balance::{Drawn, Source, available, spread, take_back};
pub use customer_grant::{CustomerGrant, GrantDetails, GrantRefusal, GrantStatus, grant, regrant};
pub use reservation::{Reservation, ReservationRefusal, ReservationStatus};
pub use threshold::{Alert, Threshold};

use crate::aggregate::{Aggregate, Definition};
use crate::grant::EntitlementKind;
use crate::usage::Aggregation;

/// Above every quantity that is kept. With [`QUANTITY_SCALE_MAX`] digits behind the point a sum of a thousand of them is
/// still exact.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000;
/// Digits of a quantity behind the point at most.
pub const QUANTITY_SCALE_MAX: u32 = 12;

/// What customers may be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id.
    pub id: Uuid,
    /// What its author wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller writes of an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What it is counted in.
    pub entitlement_type: EntitlementKind,
    /// What one unit is called.
    pub units: Option<String>,
    /// Whether it can be granted.
    pub is_active: bool,
    /// The product that it belongs to.
    pub product_id: Option<Uuid>,
    /// The metric that draws it down as usage is seen.
    pub aggregate_id: Option<Uuid>,
}

/// Why a definition is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("an entitlement needs a name that is not blank")]
    NameBlank,
    /// The type never changes: quantities of one are none of another.
    #[error("the type of an entitlement is fixed: create another one")]
    TypeFixed,
    /// Access is not counted.
    #[error("access to a feature is not counted: leave the metric away, or choose Quantity")]
    FeatureMetered,
}

impl Details {
    fn checked(self) -> Result<Self, Refusal> {
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            return Err(Refusal::NameBlank);
        }
        if self.entitlement_type == EntitlementKind::Feature && self.aggregate_id.is_some() {
            return Err(Refusal::FeatureMetered);
        }
        Ok(Self { name, ..self })
    }
}

/// A new entitlement.
///
/// # Errors
/// [`Refusal::NameBlank`], [`Refusal::FeatureMetered`].
pub fn create(id: Uuid, details: Details, at: Timestamp) -> Result<Entitlement, Refusal> {
    Ok(Entitlement {
        id,
        details: details.checked()?,
        created_at: at,
        updated_at: at,
    })
}

/// The entitlement with other details.
///
/// # Errors
/// As [`create`], and [`Refusal::TypeFixed`].
pub fn amend(
    entitlement: &Entitlement,
    details: Details,
    at: Timestamp,
) -> Result<Entitlement, Refusal> {
    if details.entitlement_type != entitlement.details.entitlement_type {
        return Err(Refusal::TypeFixed);
    }
    Ok(Entitlement {
        details: details.checked()?,
        updated_at: at,
        ..entitlement.clone()
    })
}

/// Whether a metric adds up event by event, so that usage can be drawn as it comes: COUNT and SUM of the visual builder.
pub fn adds_up(aggregate: &Aggregate) -> bool {
    let Ok(Definition::Visual(visual)) = aggregate.content.definition() else {
        return false;
    };
    let operation = visual.operation.map(|(aggregation, _)| aggregation);
    matches!(operation, Some(Aggregation::Count | Aggregation::Sum))
}

/// Whether a number can be a quantity: not below zero, not too large, not too fine.
pub fn is_quantity(number: Decimal) -> bool {
    let number = number.normalize();
    !number.is_sign_negative()
        && number <= Decimal::from(QUANTITY_MAX)
        && number.scale() <= QUANTITY_SCALE_MAX
        || number.is_zero()
}

#[cfg(test)]
mod tests;
