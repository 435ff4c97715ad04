//! What one customer was granted of an entitlement. Owns which grants are sound; what is drawn of them is
//! [`super::balance`]'s. Invariant: what is used and held together is never more than what was granted.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{QUANTITY_MAX, QUANTITY_SCALE_MAX, Source, is_quantity};

/// A grant of an entitlement to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerGrant {
    /// Its id.
    pub id: Uuid,
    /// What is granted.
    pub entitlement_id: Uuid,
    /// To whom.
    pub customer_id: Uuid,
    /// The rest.
    pub details: GrantDetails,
    /// What open drafts of invoices would draw.
    pub quantity_held: Decimal,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller, or an invoice, writes of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantDetails {
    /// Whether it counts yet.
    pub status: GrantStatus,
    /// First instant.
    pub active_from: Timestamp,
    /// First instant at which it is gone; none is never.
    pub expiry_at: Option<Timestamp>,
    /// How much is granted.
    pub quantity: Decimal,
    /// What of it is used.
    pub quantity_used: Decimal,
    /// What made it: `Grant`, or a caller's word.
    pub source_type: String,
    /// Id of what made it: for a contract's grant the part of the invoice.
    pub source_id: Option<Uuid>,
    /// The event that made it: `manual`, or what triggers a contract's grant.
    pub event: String,
    /// The contract that grants.
    pub contract_id: Option<Uuid>,
    /// The invoice with which it comes.
    pub invoice_id: Option<Uuid>,
    /// Units of a block; kept for the caller.
    pub block_amount: Option<Decimal>,
    /// Level of a feature that is a number.
    pub numeric_value: Option<Decimal>,
    /// Level of a feature.
    pub feature_option_value: Option<String>,
}

/// Where a grant stands. Expiry is no state: it is a matter of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantStatus {
    /// Its trigger has not come: nothing of it can be used.
    Draft,
    /// It counts from its first instant to its expiry.
    Active,
}

/// Why a grant is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// It would be gone before it begins.
    #[error("a grant ends after it begins")]
    EndsBeforeStart,
    /// A number that is no quantity.
    #[error(
        "a quantity is a number from 0 to {QUANTITY_MAX} with {QUANTITY_SCALE_MAX} digits behind the point at most"
    )]
    NotAQuantity {
        /// The field.
        field: &'static str,
    },
    /// More would be used, or held for drafts of invoices, than is granted.
    #[error("{taken} of it are used or held for drafts of invoices: no grant is smaller than that")]
    BelowUse {
        /// What is used and held.
        taken: Decimal,
    },
}

impl GrantStatus {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Draft, Self::Active];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
        }
    }

    /// The status of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl CustomerGrant {
    /// What neither is used nor held for a draft of an invoice.
    pub fn available(&self) -> Decimal {
        let left = self.details.quantity - self.details.quantity_used - self.quantity_held;
        left.max(Decimal::ZERO)
    }

    /// What is not used.
    pub fn quantity_remaining(&self) -> Decimal {
        self.details.quantity - self.details.quantity_used
    }

    /// Whether it counts at an instant.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.details.status == GrantStatus::Active
            && self.details.active_from <= at
            && self.details.expiry_at.is_none_or(|expiry| at < expiry)
    }

    /// Whether it counts at any instant from `start` to before `end`.
    pub fn overlaps(&self, start: Timestamp, end: Timestamp) -> bool {
        self.details.active_from < end && self.details.expiry_at.is_none_or(|expiry| start < expiry)
    }

    /// The word for where it stands: `draft`, `active` or `expired`.
    pub fn status_at(&self, at: Timestamp) -> &'static str {
        let is_over = self.details.expiry_at.is_some_and(|expiry| expiry <= at);
        match self.details.status {
            GrantStatus::Draft => "draft",
            GrantStatus::Active if is_over => "expired",
            GrantStatus::Active => "active",
        }
    }

    /// The grant as draws see it.
    pub fn source(&self) -> Source {
        Source {
            grant: self.id,
            active_from: self.details.active_from,
            expiry_at: self.details.expiry_at,
            available: self.available(),
        }
    }
}

impl GrantDetails {
    fn check(&self, held: Decimal) -> Result<(), Vec<GrantRefusal>> {
        let mut refusals = Vec::new();
        if self
            .expiry_at
            .is_some_and(|expiry| expiry <= self.active_from)
        {
            refusals.push(GrantRefusal::EndsBeforeStart);
        }
        let numbers = [
            ("quantity", Some(self.quantity)),
            ("quantity_used", Some(self.quantity_used)),
            ("block_amount", self.block_amount),
        ];
        for (field, number) in numbers {
            if number.is_some_and(|number| !is_quantity(number)) {
                refusals.push(GrantRefusal::NotAQuantity { field });
            }
        }
        if refusals.is_empty() && self.quantity_used + held > self.quantity {
            let taken = self.quantity_used + held;
            refusals.push(GrantRefusal::BelowUse { taken });
        }
        match refusals.is_empty() {
            true => Ok(()),
            false => Err(refusals),
        }
    }
}

/// A new grant.
///
/// # Errors
/// Every [`GrantRefusal`] that applies.
pub fn grant(
    id: Uuid,
    (entitlement_id, customer_id): (Uuid, Uuid),
    details: GrantDetails,
    at: Timestamp,
) -> Result<CustomerGrant, Vec<GrantRefusal>> {
    details.check(Decimal::ZERO)?;
    Ok(CustomerGrant {
        id,
        entitlement_id,
        customer_id,
        details,
        quantity_held: Decimal::ZERO,
        created_at: at,
        updated_at: at,
    })
}

/// The grant with other details.
///
/// # Errors
/// Every [`GrantRefusal`] that applies.
pub fn regrant(
    grant: &CustomerGrant,
    details: GrantDetails,
    at: Timestamp,
) -> Result<CustomerGrant, Vec<GrantRefusal>> {
    details.check(grant.quantity_held)?;
    Ok(CustomerGrant {
        details,
        updated_at: at,
        ..grant.clone()
    })
}
