//! A plan as callers write it.

use florin_app::contract::WrittenLine;
use florin_app::plan::{
    Written, WrittenOffer, WrittenPhase, WrittenPricing, WrittenSchedule, WrittenTemplate,
    WrittenTrial,
};
use florin_core::checkout::Request;
use florin_core::plan::{CycleAnchor, Provisioning, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    contract::{LineProductInput, PhaseKind, Renewal, document, object},
    error::{Error, Result},
    product::words,
    product_pricing::{CommitmentBody, DiscountBody, PricingInput, TaxBody},
    value::{Day, Percent},
};

words! {
    /// Where a plan stands.
    PlanStatus = Status {
        /// Being written: it can be changed and deleted, nothing is sold.
        Draft,
        /// Published: contracts can be made from it, its terms are fixed.
        Active,
        /// No longer sold.
        Archived
    }
}

words! {
    /// The day that billing cycles of a contract align to.
    CycleAnchorKind = CycleAnchor {
        /// The start of the contract, or the end of its trial.
        StartDate,
        /// The first of a month.
        FirstDayOfMonth,
        /// The last of a month.
        LastDayOfMonth
    }
}

words! {
    /// When and how a contract made from a plan comes into force.
    ProvisioningMode = Provisioning {
        /// At once.
        Immediate,
        /// Once the customer has a payment method.
        PaymentMethodValidation,
        /// Once it is accepted with a payment method.
        ChargeOnAcceptance,
        /// At once, with a payment method to which invoices are charged when they are due.
        ChargeWhenDue
    }
}

/// What begins a phase.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TriggerType {
    /// Time.
    TimeBased,
}

/// When something begins and how long it lasts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ScheduleBody {
    /// How long it lasts: an ISO 8601 duration of years, months, weeks and days. Without it: to the end of what is
    /// around it; a plan without is open-ended.
    #[schema(min_length = 2, max_length = 32, example = "P1Y")]
    pub(super) duration: Option<String>,
    /// How long it waits: a plan after the start of the contract, a phase after the end of the phase before it, a
    /// pricing after the start of its phase; `P0D` unless told.
    #[schema(min_length = 2, max_length = 32, example = "P0D")]
    pub(super) start_offset: Option<String>,
    /// What begins it; `time_based` unless told.
    pub(super) trigger_type: Option<TriggerType>,
}

/// What a caller may write of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanInput {
    /// Its name.
    #[schema(min_length = 1, max_length = 255, example = "Growth")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "For teams of up to fifty")]
    description: Option<String>,
    /// `draft`, `active` or `archived`; `draft` unless told.
    status: Option<PlanStatus>,
    /// How long a contract made from it lasts.
    schedule: ScheduleBody,
    /// Its phases; a draft may be without.
    #[schema(max_items = 200)]
    phases: Option<Vec<PlanPhaseInput>>,
}

/// What a caller may write of a phase of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanPhaseInput {
    /// The phase that it replaces; without it, that with its name.
    id: Option<Uuid>,
    /// Its name; `Standard Phase` unless told.
    #[schema(max_length = 255, example = "Year 1")]
    name: Option<String>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "List price")]
    description: Option<String>,
    /// Its place among the phases, from 0; the one in which it is sent unless told.
    #[schema(minimum = 0, maximum = 1000, example = 0)]
    order: Option<u32>,
    /// When it begins and how long it lasts; only the last phase may be without a duration.
    schedule: Option<ScheduleBody>,
    /// What kind of phase: `active`, or `trial`; `active` unless told. Billing cycles align to the first phase that
    /// is no trial.
    phase_type: Option<PhaseKind>,
    /// Modifiers of the whole phase: a price of type `features`.
    features: Option<PricingInput>,
    /// Free data, which contracts copy.
    #[schema(value_type = Option<Object>, example = json!({}))]
    phase_metadata: Option<Value>,
    /// What is sold in it.
    #[schema(max_items = 1000)]
    pricings: Option<Vec<PlanPricingInput>>,
}

/// What a caller may write of a line of a plan: a product at a price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanPricingInput {
    /// The line that it replaces; without it, that with its product and price, else with its product.
    id: Option<Uuid>,
    /// What is sold.
    product_id: Option<Uuid>,
    /// A product that is made for the catalogue; not looked at beside `product_id`.
    product: Option<LineProductInput>,
    /// A price of the catalogue. The plan keeps a copy: a later change of the catalogue does not reach it.
    pricing_id: Option<Uuid>,
    /// A price for this plan. Beside `pricing_id` this is what counts.
    pricing: Option<PricingInput>,
    /// When it begins in its phase and how long it lasts; all of the phase unless told.
    schedule: Option<ScheduleBody>,
    /// Your own id for it, which contracts copy.
    #[schema(max_length = 255, example = "LINE-7")]
    external_id: Option<String>,
    /// A sentence about it, which documents show.
    #[schema(max_length = 4000, example = "Calls beyond the plan")]
    description: Option<String>,
    /// Free data, which contracts copy.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
}

/// What a page of plans shows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DisplayConfigBody {
    /// The name that customers see.
    #[schema(max_length = 255, example = "Growth")]
    name: Option<String>,
    /// A sentence that customers see.
    #[schema(max_length = 4000, example = "For teams of up to fifty")]
    description: Option<String>,
    /// What customers get, in their words.
    #[schema(max_items = 100, example = json!(["Unlimited projects", "Support by e-mail"]))]
    features: Option<Vec<String>>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_fields: Option<Value>,
}

/// A trial before the term.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct TrialConfigBody {
    /// How long it is: an ISO 8601 duration. The plan's own duration begins after it.
    #[schema(min_length = 2, max_length = 32, example = "P14D")]
    pub(super) duration: String,
    /// How many percent of the recurring prices it takes off; 100, a free trial, unless told.
    pub(super) discount_percent: Option<Percent>,
}

/// When contracts are billed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct BillingConfigBody {
    /// The day that billing cycles align to; `start_date` unless told.
    pub(super) cycle_anchor: Option<CycleAnchorKind>,
}

/// What happens at the end of contracts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RenewalConfigBody {
    /// The policy that contracts get; that of the organisation unless told.
    pub(super) renewal_policy: Option<Renewal>,
}

/// What a caller may write of a plan of products.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanTemplateInput {
    /// The id of a new plan; one is made unless told. A change does not look at it.
    id: Option<Uuid>,
    /// Its name.
    #[schema(min_length = 1, max_length = 255, example = "Growth")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "For teams of up to fifty")]
    description: Option<String>,
    /// `draft`, `active` or `archived`; `draft` unless told.
    status: Option<PlanStatus>,
    /// Currency of all its prices: ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// How long a contract made from it lasts, its trial not counted: an ISO 8601 duration; open-ended without it.
    #[schema(min_length = 2, max_length = 32, example = "P1Y")]
    duration: Option<String>,
    /// What a page of plans shows.
    display_config: Option<DisplayConfigBody>,
    /// The trial before it.
    trial_config: Option<TrialConfigBody>,
    /// When contracts are billed.
    billing_config: Option<BillingConfigBody>,
    /// What happens at the end of contracts.
    renewal_config: Option<RenewalConfigBody>,
    /// When and how a contract comes into force; `immediate` unless told.
    provisioning_config: Option<ProvisioningMode>,
    /// Free data about payment.
    #[schema(value_type = Option<Object>, example = json!({}))]
    payment_config: Option<Value>,
    /// The entity that sells it.
    business_entity_id: Option<Uuid>,
    /// Values of custom attributes. Keys that `/custom_attributes` defines are checked, others are free.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
    /// Discounts on the whole, in this order.
    #[schema(max_items = 100)]
    discounts: Option<Vec<DiscountBody>>,
    /// Taxes on the whole, in this order.
    #[schema(max_items = 100)]
    taxes: Option<Vec<TaxBody>>,
    /// Least and most that is billed.
    #[schema(max_items = 100)]
    commitments: Option<Vec<CommitmentBody>>,
    /// What is sold; a draft may be without.
    #[schema(max_items = 1000)]
    products: Option<Vec<PlanPricingInput>>,
}

/// Products that a plan is to sell, too.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanProductsInput {
    /// The products, each at its price.
    #[schema(min_items = 1, max_items = 1000)]
    products: Vec<PlanPricingInput>,
}

/// A contract that a plan would make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PlanPreviewInput {
    /// Its first day.
    start_date: Day,
    /// Its last day; that of the plan unless told.
    end_date: Option<Day>,
    /// Who would buy; nobody in particular unless told.
    customer_id: Option<Uuid>,
    /// Name of the preview; not looked at.
    #[schema(max_length = 255, example = "Growth in 2026")]
    name: Option<String>,
    /// A sentence about the preview; not looked at.
    #[schema(max_length = 4000, example = "For the board")]
    description: Option<String>,
}

impl PlanPreviewInput {
    pub(super) fn request(self, plan_id: Uuid) -> Request {
        let Self {
            start_date: Day(start),
            end_date,
            customer_id,
            name: _,
            description: _,
        } = self;
        Request {
            plan_id: Some(plan_id),
            contract_id: None,
            start_date: Some(start),
            end_date: end_date.map(|Day(day)| day),
            customer_id,
            business_entity_id: None,
            guest_customer_id: None,
            customer_data: Value::Null,
            success_url: None,
            cancel_url: None,
            overrides: Vec::new(),
        }
    }
}

impl PlanInput {
    pub(super) fn written(self) -> Result<Written> {
        let Self {
            name,
            description,
            status,
            schedule,
            phases,
        } = self;
        let phases = phases.map(|phases| {
            let phases = phases.into_iter().map(PlanPhaseInput::written);
            phases.collect::<Result<Vec<_>>>()
        });
        Ok(Written {
            name,
            description,
            status: status.unwrap_or(PlanStatus::Draft).into(),
            schedule: written_schedule(Some(schedule)),
            phases: phases.transpose()?,
        })
    }
}

impl PlanPhaseInput {
    pub(super) fn written(self) -> Result<WrittenPhase> {
        let Self {
            id,
            name,
            description,
            order,
            schedule,
            phase_type,
            features,
            phase_metadata,
            pricings,
        } = self;
        let pricings = pricings.unwrap_or_default().into_iter();
        Ok(WrittenPhase {
            id,
            name: name.unwrap_or_else(|| "Standard Phase".to_owned()),
            description,
            order,
            schedule: written_schedule(schedule),
            phase_type: phase_type.unwrap_or(PhaseKind::Active).into(),
            features: features.map(|features| document(&features)).transpose()?,
            phase_metadata: object(phase_metadata),
            pricings: pricings
                .map(PlanPricingInput::written)
                .collect::<Result<_>>()?,
        })
    }
}

impl PlanPricingInput {
    pub(super) fn written(self) -> Result<WrittenPricing> {
        let Self {
            id,
            product_id,
            product,
            pricing_id,
            pricing,
            schedule,
            external_id,
            description,
            custom_data,
        } = self;
        let known = product.as_ref().and_then(|product| product.id);
        let line = WrittenLine {
            id,
            product_id: product_id.or(known),
            product: product.map(|product| product.product.details(None)),
            pricing_id,
            pricing: pricing.map(|pricing| document(&pricing)).transpose()?,
            start_date: None,
            end_date: None,
            anchor_date: None,
            is_enabled: Vec::new(),
            external_id,
            description,
            plan_id: None,
            custom_data: object(custom_data),
        };
        Ok(WrittenPricing {
            schedule: written_schedule(schedule),
            line,
        })
    }
}

impl PlanTemplateInput {
    pub(super) fn written(self) -> Result<WrittenTemplate> {
        let Self {
            id,
            name,
            description,
            status,
            currency,
            duration,
            display_config,
            trial_config,
            billing_config,
            renewal_config,
            provisioning_config,
            payment_config,
            business_entity_id,
            custom_attributes,
            discounts,
            taxes,
            commitments,
            products,
        } = self;
        let trial = trial_config.map(|trial| WrittenTrial {
            duration: trial.duration,
            discount_percent: trial.discount_percent.map(|Percent(percent)| percent),
        });
        let cycle_anchor = billing_config.and_then(|config| config.cycle_anchor);
        let renewal_policy = renewal_config.and_then(|config| config.renewal_policy);
        let offer = WrittenOffer {
            currency,
            trial,
            cycle_anchor: cycle_anchor.map(Into::into).unwrap_or_default(),
            provisioning: provisioning_config.map(Into::into).unwrap_or_default(),
            renewal_policy: renewal_policy.map(Into::into),
            business_entity_id,
            custom_attributes: object(custom_attributes),
            display_config: plain(&display_config)?,
            payment_config: object(payment_config),
            discounts: list(&discounts)?,
            taxes: list(&taxes)?,
            commitments: list(&commitments)?,
        };
        let products = products.map(written_products);
        Ok(WrittenTemplate {
            id,
            name,
            description,
            status: status.unwrap_or(PlanStatus::Draft).into(),
            duration,
            offer,
            products: products.transpose()?,
        })
    }
}

impl PlanProductsInput {
    pub(super) fn written(self) -> Result<Vec<WrittenPricing>> {
        written_products(self.products)
    }
}

fn written_products(products: Vec<PlanPricingInput>) -> Result<Vec<WrittenPricing>> {
    let products = products.into_iter();
    products.map(PlanPricingInput::written).collect()
}

fn written_schedule(schedule: Option<ScheduleBody>) -> WrittenSchedule {
    let Some(schedule) = schedule else {
        return WrittenSchedule::default();
    };
    let ScheduleBody {
        duration,
        start_offset,
        trigger_type: _,
    } = schedule;
    WrittenSchedule {
        start_offset,
        duration,
    }
}

/// The entries, each without what was not told.
pub(crate) fn list<T: Serialize>(entries: &Option<Vec<T>>) -> Result<Value> {
    let mut list = plain(entries)?;
    for entry in list.as_array_mut().into_iter().flatten() {
        if let Some(members) = entry.as_object_mut() {
            members.retain(|_, member| !member.is_null());
        }
    }
    Ok(match list {
        Value::Null => json!([]),
        list => list,
    })
}

fn plain<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.to_string()))
}
