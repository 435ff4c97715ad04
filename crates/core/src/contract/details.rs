//! What a caller may write of a contract, before it is checked. Owns the shapes only: bounds that a body
//! leaves out are `None` here and are known in [`super::Contract`].

use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{End, Start, Status};
use crate::currency::Currency;
use crate::id::LineId;
use crate::product_pricing::Content;
use crate::terms::EnabledFrom;

/// A contract as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What is said about the contract as a whole.
    pub header: Header,
    /// The status it should have.
    pub status: Status,
    /// Its phases.
    pub phases: Vec<PhaseDetails>,
}

/// What is said about a contract as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name on documents.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Who bought.
    pub customer_id: Uuid,
    /// Currency of all amounts.
    pub currency: Currency,
    /// What drives its bills.
    pub contract_type: ContractType,
    /// First day.
    pub start: Start,
    /// Last day; open-ended without it.
    pub end: Option<End>,
    /// The day that all billing cycles align to; the start unless told.
    pub anchor: Option<Start>,
    /// Whether cycles end with the last day of a month.
    pub is_last_day_of_month: bool,
    /// What happens at the end; the organisation's policy unless told.
    pub renewal_policy: Option<RenewalPolicy>,
    /// Whether it takes part in renewals at all; it does unless told.
    pub include_in_renewal: Option<bool>,
    /// The plan that it was copied from.
    pub plan: Option<PlanVersion>,
    /// Whether the customer's parent pays.
    pub bill_parent_customer: bool,
    /// A third party that pays.
    pub invoice_payer_customer_id: Option<Uuid>,
    /// Where the signed document is.
    pub contract_link: Option<String>,
    /// Labels.
    pub tags: Json,
    /// Values of the organisation's custom attributes.
    pub custom_attributes: Json,
    /// Where the contract comes from: `source_type`, `source_id`.
    pub source: Json,
    /// The contract that this one renews.
    pub renewed_from: Option<Uuid>,
}

/// A version of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanVersion {
    /// The plan.
    pub plan_id: Uuid,
    /// Its version; unknown for plans named by a caller.
    pub version: Option<u32>,
}

/// What drives a contract's bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContractType {
    /// Its schedule.
    #[default]
    Standard,
    /// Usage: every price is billed daily and afterwards.
    EventBased,
}

/// What happens at the end of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalPolicy {
    /// Nothing.
    DoNotRenew,
    /// The term again, with the prices of this contract.
    WithExisting,
    /// The current version of its plan.
    WithDefaultContract,
}

/// A phase as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseDetails {
    /// The phase that it replaces.
    pub id: Option<Uuid>,
    /// First day; that of the contract, or the day after the phase before it, unless told.
    pub start: Option<Start>,
    /// Last day; that of the contract, or the day before the next phase, unless told.
    pub end: Option<End>,
    /// What does not depend on dates.
    pub head: PhaseHead,
    /// What is sold in it.
    pub lines: Vec<LineDetails>,
}

/// What is said about a phase besides its dates and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseHead {
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What kind of phase.
    pub phase_type: PhaseType,
    /// Modifiers of the whole phase: a price of type `features`.
    pub features: Option<Arc<Content>>,
    /// The phase of the plan that it was copied from.
    pub source_plan_phase_id: Option<Uuid>,
    /// Free data.
    pub phase_metadata: Json,
}

/// Kinds of phases. A pause is shown as a phase, but is no phase of terms ([`super::Pause`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseType {
    /// Terms in force.
    Active,
    /// Terms to try: billed at the prices that the phase says.
    Trial,
    /// Nothing accrues.
    Pause,
}

/// A line as it is sent: one product at its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineDetails {
    /// The line that it replaces.
    pub id: Option<LineId>,
    /// First day; that of the phase unless told.
    pub start: Option<Start>,
    /// Last day; that of the phase unless told.
    pub end: Option<End>,
    /// What does not depend on the phase.
    pub head: LineHead,
}

/// What is said about a line besides its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineHead {
    /// What is sold.
    pub product_id: Uuid,
    /// The price of the catalogue that was copied, if it was not written inline.
    pub pricing_id: Option<Uuid>,
    /// The price as it was when this version of the contract was made.
    pub pricing: Arc<Content>,
    /// The day that its billing cycles align to; that of the contract unless told.
    pub anchor: Option<Start>,
    /// On and off by first day, ascending; on before the first.
    pub is_enabled: Vec<EnabledFrom>,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// A sentence about it.
    pub description: Option<String>,
    /// The plan that it was copied from.
    pub plan_id: Option<Uuid>,
    /// Free data.
    pub custom_data: Json,
}

/// The pairs of values and the API's words.
macro_rules! words {
    ($type:ident: $($value:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// The API's word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }

            /// The value of a word of the API.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)+ _ => None }
            }
        }
    };
}

words!(ContractType: Standard = "standard", EventBased = "event_based");
words!(PhaseType: Active = "active", Trial = "trial", Pause = "pause");
words!(RenewalPolicy:
    DoNotRenew = "do_not_renew",
    WithExisting = "renew_with_existing",
    WithDefaultContract = "renew_with_default_contract",
);

impl PhaseHead {
    /// A phase of terms with nothing but a name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            phase_type: PhaseType::Active,
            features: None,
            source_plan_phase_id: None,
            phase_metadata: Json::Null,
        }
    }
}

impl LineHead {
    /// A product at an inline price.
    pub fn new(product_id: Uuid, pricing: Arc<Content>) -> Self {
        Self {
            product_id,
            pricing_id: None,
            pricing,
            anchor: None,
            is_enabled: Vec::new(),
            external_id: None,
            description: None,
            plan_id: None,
            custom_data: Json::Null,
        }
    }
}

impl Header {
    /// A contract with nothing but what it needs.
    pub fn new(name: &str, customer_id: Uuid, currency: Currency, start: Start) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            customer_id,
            currency,
            contract_type: ContractType::Standard,
            start,
            end: None,
            anchor: None,
            is_last_day_of_month: false,
            renewal_policy: None,
            include_in_renewal: None,
            plan: None,
            bill_parent_customer: false,
            invoice_payer_customer_id: None,
            contract_link: None,
            tags: Json::Null,
            custom_attributes: Json::Null,
            source: Json::Null,
            renewed_from: None,
        }
    }

    /// The day from which billing periods are counted.
    pub fn anchor_day(&self) -> jiff::civil::Date {
        self.anchor.unwrap_or(self.start).day()
    }
}
