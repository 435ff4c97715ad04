//! Checkouts: a customer buys a plan, changes to another one, or takes more or less of what it has.
//!
//! Owns what a checkout may ask for, what that makes of a contract ([`order`]) and the life of a checkout ([`life`]). Does
//! not own amounts ([`crate::rating`]) nor the contract's own rules ([`crate::contract`]).
//!
//! Invariant: a checkout is confirmed at most once, and not after it has expired.

pub mod life;
pub mod order;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

pub use life::{Payment, Refusal, Status};

/// How long a checkout lasts unless told (semantics §25).
pub const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long a checkout may last.
pub const LASTS_MAX: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its id.
    pub id: Uuid,
    /// Where it stands, as of the last change; see [`Checkout::status_at`].
    pub status: Status,
    /// What is asked for.
    pub request: Request,
    /// The contract that is changed, or that was made.
    pub contract_id: Option<Uuid>,
    /// What it came to when it was last written: `current_invoice` and `next_invoice`.
    pub estimates: Json,
    /// How it is paid, once it was confirmed with a charge.
    pub payment: Option<Payment>,
    /// When it ends without a confirmation.
    pub expires_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a checkout asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The plan that is bought, or changed to.
    pub plan_id: Option<Uuid>,
    /// The contract that is changed.
    pub contract_id: Option<Uuid>,
    /// First day of the contract or of the change; today unless told.
    pub start_date: Option<Date>,
    /// Last day of a new contract; that of the plan unless told.
    pub end_date: Option<Date>,
    /// Who buys; nobody that is known in a guest's checkout.
    pub customer_id: Option<Uuid>,
    /// Who sells to a guest.
    pub business_entity_id: Option<Uuid>,
    /// What a guest says of himself.
    pub customer_data: Json,
    /// The customer that a guest has become, before the confirmation is done.
    pub guest_customer_id: Option<Uuid>,
    /// Where the customer goes once it is confirmed.
    pub success_url: Option<String>,
    /// Where the customer goes instead.
    pub cancel_url: Option<String>,
    /// What differs from the plan or contract.
    pub overrides: Vec<ProductOverride>,
}

/// What differs from a plan or contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductOverride {
    /// The product.
    pub product_id: Uuid,
    /// Units of it.
    pub quantity: Option<Decimal>,
    /// Whether it is sold at all.
    pub is_enabled: Option<bool>,
}

/// What a checkout does, by what it names (api reference §10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new contract of this plan.
    New(Uuid),
    /// The contract changes to the plan.
    PlanChange {
        /// The contract.
        contract_id: Uuid,
        /// The plan.
        plan_id: Uuid,
    },
    /// The contract gets other quantities, or has products switched on or off.
    QuantityUpdate(Uuid),
}

/// Which rule a request breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Nothing says what it does.
    #[error("name a plan by plan_id, or the contract that is changed by contract_id")]
    NothingNamed,
    /// A change of quantities names none.
    #[error("say what changes: a quantity or is_enabled of at least one product")]
    OverridesMissing,
    /// Two overrides of one product.
    #[error("the product has another override")]
    OverrideTwice,
    /// An override that says nothing.
    #[error("send quantity, is_enabled or both")]
    OverrideEmpty,
    /// Nobody knows who buys.
    #[error("name the customer, or the business entity that sells to a guest")]
    BuyerMissing,
    /// A contract ends when it was agreed to.
    #[error("the end of a contract is not changed by a checkout")]
    EndOfContract,
    /// It ends before it begins.
    #[error("the end is before the start")]
    EndBeforeStart,
}

/// A broken rule and its field.
pub type Misfit = (&'static str, Option<usize>, Flaw);

impl Request {
    /// What it does.
    ///
    /// # Errors
    /// Everything that is wrong, each thing with its field.
    pub fn kind(&self) -> Result<Kind, Vec<Misfit>> {
        let mut found: Vec<Misfit> = Vec::new();
        let has_buyer = self.customer_id.is_some() || self.business_entity_id.is_some();
        let kind = match (self.contract_id, self.plan_id) {
            (None, None) => {
                found.push(("plan_id", None, Flaw::NothingNamed));
                None
            }
            (None, Some(plan_id)) => {
                if !has_buyer {
                    found.push(("customer_id", None, Flaw::BuyerMissing));
                }
                Some(Kind::New(plan_id))
            }
            (Some(contract_id), Some(plan_id)) => Some(Kind::PlanChange {
                contract_id,
                plan_id,
            }),
            (Some(contract_id), None) => {
                if self.overrides.is_empty() {
                    found.push(("product_overrides", None, Flaw::OverridesMissing));
                }
                Some(Kind::QuantityUpdate(contract_id))
            }
        };
        if self.contract_id.is_some() && self.end_date.is_some() {
            found.push(("end_date", None, Flaw::EndOfContract));
        }
        if let (Some(start), Some(end)) = (self.start_date, self.end_date)
            && end < start
        {
            found.push(("end_date", None, Flaw::EndBeforeStart));
        }
        for (position, one) in self.overrides.iter().enumerate() {
            let field = "product_overrides";
            if one.quantity.is_none() && one.is_enabled.is_none() {
                found.push((field, Some(position), Flaw::OverrideEmpty));
            }
            let mut earlier = self.overrides.iter().take(position);
            if earlier.any(|other| other.product_id == one.product_id) {
                found.push((field, Some(position), Flaw::OverrideTwice));
            }
        }
        match kind {
            Some(kind) if found.is_empty() => Ok(kind),
            _ => Err(found),
        }
    }

    /// Whether somebody buys who is no customer yet.
    pub const fn is_of_guest(&self) -> bool {
        self.customer_id.is_none() && self.contract_id.is_none()
    }
}
