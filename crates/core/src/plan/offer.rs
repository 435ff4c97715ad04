//! How a plan of products is offered: on which page, after which trial, how it is paid and provisioned.
//!
//! Owns what these mean for a contract: modifiers of the whole term, the trial before it, the day of its cycles.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Duration, Schedule};
use crate::contract::{PhaseHead, PhaseType, RenewalPolicy};
use crate::currency::Currency;
use crate::product_pricing::{Content, Flaws};

/// What a trial without any charge takes off.
const ALL_PERCENT: Decimal = Decimal::ONE_HUNDRED;
/// The name of a trial's phase.
const TRIAL: &str = "Trial";

/// How a plan is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Currency of all its prices.
    pub currency: Currency,
    /// The trial before it.
    pub trial: Option<Trial>,
    /// The day that billing cycles align to.
    pub cycle_anchor: CycleAnchor,
    /// When and how a contract made from it comes into force.
    pub provisioning: Provisioning,
    /// What happens at the end of a contract made from it.
    pub renewal_policy: Option<RenewalPolicy>,
    /// The entity that sells it.
    pub business_entity_id: Option<Uuid>,
    /// Values of the organisation's custom attributes.
    pub custom_attributes: Json,
    /// What a page of plans shows: `name`, `description`, `features`, `custom_fields`.
    pub display_config: Json,
    /// Free data about payment.
    pub payment_config: Json,
    /// Discounts on the whole.
    pub discounts: Json,
    /// Taxes on the whole.
    pub taxes: Json,
    /// Least and most that is billed.
    pub commitments: Json,
}

/// A trial before the term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How long it is.
    pub duration: Duration,
    /// How much of the prices is taken off, 0 to 100: all of them unless told.
    pub discount_percent: Decimal,
    /// Modifiers of its phase, where something is charged.
    features: Option<Arc<Content>>,
}

/// A trial as a caller writes it.
#[derive(Clone, Debug)]
pub struct TrialDetails {
    /// How long it is.
    pub duration: Duration,
    /// How much of the prices is taken off, 0 to 100.
    pub discount_percent: Option<Decimal>,
}

/// The day that billing cycles of a contract align to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CycleAnchor {
    /// The start of the contract, or the end of its trial.
    #[default]
    StartDate,
    /// The first of a month.
    FirstDayOfMonth,
    /// The last of a month.
    LastDayOfMonth,
}

/// When and how a contract made from a plan comes into force (semantics §37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provisioning {
    /// At once.
    #[default]
    Immediate,
    /// Once the customer has a payment method.
    PaymentMethodValidation,
    /// Once it is accepted, with a payment method that is charged.
    ChargeOnAcceptance,
    /// At once; invoices are charged to a payment method when they are due.
    ChargeWhenDue,
}

impl Provisioning {
    /// Whether a contract needs a payment method of its customer.
    pub const fn needs_payment_method(self) -> bool {
        !matches!(self, Self::Immediate)
    }
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

words!(CycleAnchor:
    StartDate = "start_date",
    FirstDayOfMonth = "first_day_of_month",
    LastDayOfMonth = "last_day_of_month",
);
words!(Provisioning:
    Immediate = "immediate",
    PaymentMethodValidation = "payment_method_validation",
    ChargeOnAcceptance = "charge_on_acceptance",
    ChargeWhenDue = "charge_when_due",
);

/// What a caller writes of an offer beside its products.
#[derive(Clone, Debug)]
pub struct OfferDetails {
    /// The offer; its trial is not looked at.
    pub offer: Offer,
    /// The trial before it.
    pub trial: Option<TrialDetails>,
}

/// An offer and the modifiers of its term, where there are some.
///
/// # Errors
/// What is wrong with discounts, taxes and commitments, each at its place.
pub fn offer(details: OfferDetails) -> Result<(Offer, Option<Arc<Content>>), Flaws> {
    let OfferDetails { mut offer, trial } = details;
    let features = modifiers(&offer, None)?;
    offer.trial = match trial {
        None => None,
        Some(TrialDetails {
            duration,
            discount_percent,
        }) => {
            let discount_percent = discount_percent.unwrap_or(ALL_PERCENT);
            let is_free = discount_percent == ALL_PERCENT;
            let features = match is_free {
                true => None,
                false => modifiers(&offer, Some(discount_percent))?,
            };
            Some(Trial {
                duration,
                discount_percent,
                features,
            })
        }
    };
    Ok((offer, features))
}

/// A price of type `features` with the offer's modifiers and the trial's discount.
fn modifiers(offer: &Offer, percent: Option<Decimal>) -> Result<Option<Arc<Content>>, Flaws> {
    let entries = |list: &Json| list.as_array().cloned().unwrap_or_default();
    let mut discounts = entries(&offer.discounts);
    if let Some(percent) = percent {
        // Exact digits, as a caller would write them.
        let number: Option<serde_json::Number> = percent.normalize().to_string().parse().ok();
        discounts.insert(
            0,
            json!({ "type": "percent", "unit_amount": number, "label": TRIAL }),
        );
    }
    let (taxes, commitments) = (entries(&offer.taxes), entries(&offer.commitments));
    if discounts.is_empty() && taxes.is_empty() && commitments.is_empty() {
        return Ok(None);
    }
    let mut document = Map::new();
    let data = json!({ "pricing_type": "features", "currency": offer.currency.to_string() });
    document.insert("pricing_data".to_owned(), data);
    for (key, entries) in [
        ("discounts", discounts),
        ("taxes", taxes),
        ("commitments", commitments),
    ] {
        if !entries.is_empty() {
            document.insert(key.to_owned(), Json::Array(entries));
        }
    }
    Content::read(Json::Object(document)).map(|content| Some(Arc::new(content)))
}

impl Trial {
    pub(super) fn is_free(&self) -> bool {
        self.discount_percent == ALL_PERCENT
    }

    pub(super) fn schedule(&self) -> Schedule {
        Schedule {
            start_offset: None,
            duration: Some(self.duration.clone()),
        }
    }

    pub(super) fn head(&self) -> PhaseHead {
        PhaseHead {
            phase_type: PhaseType::Trial,
            features: self.features.clone(),
            phase_metadata: json!({}),
            ..PhaseHead::named(TRIAL)
        }
    }
}
