//! A contract as callers write it.

use florin_app::contract::{Written, WrittenLine, WrittenPause, WrittenPhase, WrittenSwitch};
use florin_core::contract::{ContractType, ExtensionPolicy, PhaseType, RenewalPolicy, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    product::{ProductInput, words},
    product_pricing::PricingInput,
};

words! {
    /// Where a contract stands.
    ContractStatus = Status {
        /// Being written: nothing is billed, it can be deleted.
        Draft,
        /// In force.
        Active,
        /// In force, but a pause covers the day.
        Paused,
        /// Its end has passed.
        Expired,
        /// Under dispute: nothing is billed until that is settled.
        Disputed
    }
}

words! {
    /// What drives a contract's bills.
    ContractKind = ContractType {
        /// Its schedule.
        Standard,
        /// Usage: every price has the cadence `P1D` and is billed afterwards.
        EventBased
    }
}

words! {
    /// What happens at the end of a contract.
    Renewal = RenewalPolicy {
        /// Nothing.
        DoNotRenew,
        /// The term again, with the prices of this contract.
        #[serde(rename = "renew_with_existing")]
        WithExisting,
        /// The current version of its plan.
        #[serde(rename = "renew_with_default_contract")]
        WithDefaultContract
    }
}

words! {
    /// Kinds of phases.
    PhaseKind = PhaseType {
        /// Terms in force.
        Active,
        /// Terms to try: billed at the prices that the phase says.
        Trial,
        /// Nothing accrues. Made and changed by `/pause` and `/resume`; one that was read may be sent back.
        Pause
    }
}

words! {
    /// What a pause does to the contract's end.
    PauseExtension = ExtensionPolicy {
        /// Moves the end and later phases by the pause's days.
        Extend,
        /// Leaves them.
        Overlap
    }
}

/// What a caller may write of a contract. Dates without zone are in the organisation's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ContractInput {
    /// The id of a new contract; one is made unless told. A change does not look at it.
    id: Option<Uuid>,
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "Northwind 2026")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "Yearly agreement")]
    description: Option<String>,
    /// `draft` or `active`; `draft` unless told. An existing contract can become `disputed` and active
    /// again; for the others there are endpoints.
    status: Option<ContractStatus>,
    /// Currency of all amounts: ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// What drives its bills; `standard` unless told.
    contract_type: Option<ContractKind>,
    /// Who buys.
    customer_id: Uuid,
    /// First day.
    #[schema(format = DateTime, max_length = 40, example = "2026-01-01T00:00:00Z")]
    start_date: String,
    /// Last day; open-ended without it. A date alone and `23:59:59` include their day.
    #[schema(format = DateTime, max_length = 40, example = "2026-12-31T23:59:59.999999Z")]
    end_date: Option<String>,
    /// The day that all billing cycles align to; the start unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-01-01T00:00:00Z")]
    anchor_date: Option<String>,
    /// Whether cycles end with the last day of a month; false unless told.
    #[schema(example = false)]
    is_last_day_of_month: Option<bool>,
    /// What happens at the end; the organisation's policy unless told, else nothing.
    renewal_policy: Option<Renewal>,
    /// Whether it takes part in renewals; it does unless told.
    #[schema(example = true)]
    include_in_renewal: Option<bool>,
    /// The plan that it was copied from.
    plan_id: Option<Uuid>,
    /// Whether the customer's parent pays; false unless told.
    #[schema(example = false)]
    bill_parent_customer: Option<bool>,
    /// A third party that pays.
    invoice_payer_customer_id: Option<Uuid>,
    /// Where the signed document is.
    #[schema(max_length = 2048, example = "https://crm.example/deals/9")]
    contract_link: Option<String>,
    /// Labels, of any form.
    #[schema(max_items = 100, example = json!(["enterprise"]))]
    tags: Option<Vec<Value>>,
    /// Values of custom attributes. Keys that `/custom_attributes` defines are checked, others are free.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
    /// Where the contract comes from.
    #[schema(value_type = Option<Object>, example = json!({"source_type": "crm", "source_id": "deal-9"}))]
    source: Option<Value>,
    /// Its phases; a draft may be without.
    #[schema(max_items = 200)]
    phases: Option<Vec<PhaseInput>>,
}

/// What a caller may write of a phase.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PhaseInput {
    /// The phase that it replaces; without it, that with its start, else with its name.
    id: Option<Uuid>,
    /// Its name; `Standard Phase` unless told.
    #[schema(max_length = 255, example = "Year 1")]
    name: Option<String>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "List price")]
    description: Option<String>,
    /// First day; that of the contract, or the day after the phase before it, unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-01-01T00:00:00Z")]
    start_date: Option<String>,
    /// Last day; that of the contract, or the day before the next phase, unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-12-31T23:59:59.999999Z")]
    end_date: Option<String>,
    /// What kind of phase; `active` unless told.
    phase_type: Option<PhaseKind>,
    /// Modifiers of the whole phase: a price of type `features`.
    features: Option<PricingInput>,
    /// The phase of the plan that it was copied from.
    source_plan_phase_id: Option<Uuid>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    phase_metadata: Option<Value>,
    /// What is sold in it.
    #[schema(max_items = 1000)]
    pricings: Option<Vec<PhasePricingInput>>,
}

/// What a caller may write of a line: a product at a price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PhasePricingInput {
    /// The line that it replaces; without it, that with its external id, else with its product and price.
    id: Option<Uuid>,
    /// What is sold.
    product_id: Option<Uuid>,
    /// A product that is made for the catalogue; not looked at beside `product_id`.
    product: Option<LineProductInput>,
    /// A price of the catalogue. The contract keeps a copy: a later change of the catalogue does not
    /// reach it.
    pricing_id: Option<Uuid>,
    /// A price for this contract. Beside `pricing_id` this is what counts; where it says the same as the
    /// price of the catalogue, the line keeps the reference.
    pricing: Option<PricingInput>,
    /// First day; that of the phase unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-02-01T00:00:00Z")]
    start_date: Option<String>,
    /// Last day; that of the phase unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-11-30T23:59:59.999999Z")]
    end_date: Option<String>,
    /// The day that its billing cycles align to; that of the contract unless told.
    #[schema(format = DateTime, max_length = 40, example = "2026-02-01T00:00:00Z")]
    anchor_date: Option<String>,
    /// On and off by first day, ascending; on before the first.
    #[schema(max_items = 1000)]
    is_enabled: Option<Vec<SwitchBody>>,
    /// Your own id for it.
    #[schema(max_length = 255, example = "LINE-7")]
    external_id: Option<String>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "Calls beyond the plan")]
    description: Option<String>,
    /// The plan that it was copied from.
    plan_id: Option<Uuid>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
}

/// A product that is made, or one that was read and is sent back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LineProductInput {
    /// The product's id, where it is known.
    pub(crate) id: Option<Uuid>,
    #[serde(flatten)]
    pub(crate) product: ProductInput,
}

/// On or off from a day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct SwitchBody {
    /// Whether the line is on.
    #[schema(example = false)]
    pub(super) value: bool,
    /// First day.
    #[schema(format = Date, max_length = 10, example = "2026-07-01")]
    pub(super) effective_from: String,
}

/// A pause to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PauseInput {
    /// First day on which nothing accrues.
    #[schema(format = DateTime, max_length = 40, example = "2026-04-01T00:00:00Z")]
    start_date: String,
    /// Its end; until resumed without it.
    #[schema(format = DateTime, max_length = 40, example = "2026-05-01T00:00:00Z")]
    end_date: Option<String>,
    /// What it does to the contract's end.
    unpause_extension_policy: PauseExtension,
}

/// What is to change of a pause.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PauseEditInput {
    /// The phase of type `pause`, where there are several that have not ended.
    pause_phase_id: Option<Uuid>,
    /// First day on which nothing accrues.
    #[schema(format = DateTime, max_length = 40, example = "2026-04-01T00:00:00Z")]
    start_date: Option<String>,
    /// Its end.
    #[schema(format = DateTime, max_length = 40, example = "2026-05-01T00:00:00Z")]
    end_date: Option<String>,
    /// What it does to the contract's end.
    unpause_extension_policy: Option<PauseExtension>,
}

/// When a contract is to end.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ExpiryInput {
    /// Its last day; today unless told. Not before the contract's start nor after its end.
    #[schema(format = Date, max_length = 10, example = "2026-06-30")]
    pub(super) expiry_date: Option<String>,
}

impl ContractInput {
    pub(super) fn written(self) -> Result<Written> {
        let Self {
            id,
            name,
            description,
            status,
            currency,
            contract_type,
            customer_id,
            start_date,
            end_date,
            anchor_date,
            is_last_day_of_month,
            renewal_policy,
            include_in_renewal,
            plan_id,
            bill_parent_customer,
            invoice_payer_customer_id,
            contract_link,
            tags,
            custom_attributes,
            source,
            phases,
        } = self;
        let phases = phases.unwrap_or_default().into_iter();
        Ok(Written {
            id,
            name,
            description,
            status: status.unwrap_or(ContractStatus::Draft).into(),
            currency,
            contract_type: contract_type.unwrap_or(ContractKind::Standard).into(),
            customer_id,
            start_date,
            end_date,
            anchor_date,
            is_last_day_of_month: is_last_day_of_month.unwrap_or(false),
            renewal_policy: renewal_policy.map(Into::into),
            include_in_renewal,
            plan_id,
            bill_parent_customer: bill_parent_customer.unwrap_or(false),
            invoice_payer_customer_id,
            contract_link,
            tags: Value::from(tags.unwrap_or_default()),
            custom_attributes: object(custom_attributes),
            source: object(source),
            phases: phases.map(PhaseInput::written).collect::<Result<_>>()?,
        })
    }
}

impl PhaseInput {
    pub(crate) fn written(self) -> Result<WrittenPhase> {
        let Self {
            id,
            name,
            description,
            start_date,
            end_date,
            phase_type,
            features,
            source_plan_phase_id,
            phase_metadata,
            pricings,
        } = self;
        let pricings = pricings.unwrap_or_default().into_iter();
        Ok(WrittenPhase {
            id,
            name: name.unwrap_or_else(|| "Standard Phase".to_owned()),
            description,
            start_date,
            end_date,
            phase_type: phase_type.unwrap_or(PhaseKind::Active).into(),
            features: features.map(|features| document(&features)).transpose()?,
            source_plan_phase_id,
            phase_metadata: object(phase_metadata),
            pricings: pricings
                .map(PhasePricingInput::written)
                .collect::<Result<_>>()?,
        })
    }
}

impl PhasePricingInput {
    pub(super) fn written(self) -> Result<WrittenLine> {
        let Self {
            id,
            product_id,
            product,
            pricing_id,
            pricing,
            start_date,
            end_date,
            anchor_date,
            is_enabled,
            external_id,
            description,
            plan_id,
            custom_data,
        } = self;
        let known = product.as_ref().and_then(|product| product.id);
        let switches = is_enabled.unwrap_or_default().into_iter();
        let switch = |SwitchBody {
                          value,
                          effective_from,
                      }| WrittenSwitch {
            effective_from,
            value,
        };
        Ok(WrittenLine {
            id,
            product_id: product_id.or(known),
            product: product.map(|product| product.product.details(None)),
            pricing_id,
            pricing: pricing.map(|pricing| document(&pricing)).transpose()?,
            start_date,
            end_date,
            anchor_date,
            is_enabled: switches.map(switch).collect(),
            external_id,
            description,
            plan_id,
            custom_data: object(custom_data),
        })
    }
}

impl From<PauseInput> for WrittenPause {
    fn from(input: PauseInput) -> Self {
        let PauseInput {
            start_date,
            end_date,
            unpause_extension_policy,
        } = input;
        Self {
            pause_phase_id: None,
            start_date: Some(start_date),
            end_date,
            policy: Some(unpause_extension_policy.into()),
        }
    }
}

impl From<PauseEditInput> for WrittenPause {
    fn from(input: PauseEditInput) -> Self {
        let PauseEditInput {
            pause_phase_id,
            start_date,
            end_date,
            unpause_extension_policy,
        } = input;
        Self {
            pause_phase_id,
            start_date,
            end_date,
            policy: unpause_extension_policy.map(Into::into),
        }
    }
}

/// An object, empty unless told.
pub(crate) fn object(value: Option<Value>) -> Value {
    value.unwrap_or_else(|| json!({}))
}

/// The price as the contract keeps it: without what was not told.
pub(crate) fn document(pricing: &PricingInput) -> Result<Value> {
    let document = serde_json::to_value(pricing);
    let mut document = document.map_err(|error| Error::Internal(error.to_string()))?;
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    Ok(document)
}
