//! A plan as the API shows it.

use florin_app::contract::Sights;
use florin_app::plan::View;
use florin_core::difference::Change;
use florin_core::plan::{Details, Line, Offer, Phase, Plan, Schedule, changes};
use florin_core::product_pricing::ProductPricing;
use florin_store::plan::Listed;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::{
    BillingConfigBody, DisplayConfigBody, PlanStatus, ProvisioningMode, RenewalConfigBody,
    ScheduleBody, TrialConfigBody, TriggerType,
};
use crate::{
    contract::{ChangeBody, PhaseKind},
    error::Result,
    product::ProductResponse,
    product_pricing::{
        CommitmentBody, DiscountBody, Metrics, PricingInput, PricingResponse, TaxBody,
    },
    value::{Instant, Percent},
};

/// A version of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanResponse {
    /// Id of the version.
    id: Uuid,
    /// Its name.
    #[schema(example = "Growth")]
    name: String,
    /// A sentence about it.
    #[schema(example = "For teams of up to fifty")]
    description: Option<String>,
    /// Where it stands.
    status: PlanStatus,
    /// How long a contract made from it lasts.
    schedule: ScheduleBody,
    /// Currency of its prices, where they name one.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Its phases, in order.
    phases: Vec<PlanPhaseResponse>,
    /// Which version it is, and what differs from the one that it was made from.
    plan_version: PlanVersionBody,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// Which version of a plan it is.
#[derive(Debug, Serialize, ToSchema)]
struct PlanVersionBody {
    /// Id of the version: that of the plan that is shown.
    id: Uuid,
    /// The version that it was made from; null for the first.
    old_plan_id: Option<Uuid>,
    /// The version itself.
    new_plan_id: Uuid,
    /// The first version, the same for all versions of a plan.
    parent_plan_id: Uuid,
    /// 1, then one more with each version.
    #[schema(example = 2)]
    version_number: u32,
    /// Whether there is no newer version.
    #[schema(example = true)]
    is_latest_version: bool,
    /// What differs from the version that it was made from.
    diff: PlanDiffBody,
}

/// What differs between two versions of a plan. Phases and pricings are named by their ids.
#[derive(Debug, Default, Serialize, ToSchema)]
struct PlanDiffBody {
    /// What is new.
    additions: Vec<ChangeBody>,
    /// What is gone.
    deletions: Vec<ChangeBody>,
    /// What has another value.
    updates: Vec<ChangeBody>,
}

/// A phase of a plan.
#[derive(Debug, Serialize, ToSchema)]
struct PlanPhaseResponse {
    /// Id of the phase: the same in all versions, and `source_plan_phase_id` of contracts.
    id: Uuid,
    /// Its name.
    #[schema(example = "Year 1")]
    name: String,
    /// A sentence about it.
    #[schema(example = "List price")]
    description: Option<String>,
    /// Its place among the phases, from 0.
    #[schema(example = 0)]
    order: usize,
    /// When it begins and how long it lasts.
    schedule: ScheduleBody,
    /// What kind of phase.
    phase_type: PhaseKind,
    /// Modifiers of the whole phase: a price of type `features`.
    #[schema(value_type = Option<PricingInput>)]
    features: Value,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    phase_metadata: Value,
    /// What is sold in it.
    pricings: Vec<PlanPricingResponse>,
}

/// A line of a plan: a product at its price.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanPricingResponse {
    /// Id of the line: the same in all versions.
    id: Uuid,
    /// What is sold.
    product_id: Uuid,
    /// That product.
    product: Option<ProductResponse>,
    /// The price of the catalogue that was copied; null for a price of this plan.
    pricing_id: Option<Uuid>,
    /// The price as the plan has it; its id is the line's where it is a price of this plan.
    pricing: PricingResponse,
    /// When it begins in its phase and how long it lasts.
    schedule: ScheduleBody,
    /// Your own id for it.
    #[schema(example = "LINE-7")]
    external_id: Option<String>,
    /// A sentence about it.
    #[schema(example = "Calls beyond the plan")]
    description: Option<String>,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    custom_data: Value,
}

/// A version of a plan of products.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanTemplateResponse {
    /// Id of the version.
    id: Uuid,
    /// The organisation.
    organization_id: Uuid,
    /// Its name.
    #[schema(example = "Growth")]
    name: String,
    /// A sentence about it.
    #[schema(example = "For teams of up to fifty")]
    description: Option<String>,
    /// Where it stands.
    status: PlanStatus,
    /// 1, then one more with each version.
    #[schema(example = 1)]
    version: u32,
    /// Whether there is no newer version.
    #[schema(example = true)]
    is_latest_version: bool,
    /// The first version, the same for all versions of a plan.
    parent_plan_id: Uuid,
    /// Currency of all its prices.
    #[schema(example = "USD")]
    currency: String,
    /// How long a contract made from it lasts, its trial not counted; null: open-ended.
    #[schema(example = "P1Y")]
    duration: Option<String>,
    /// What a page of plans shows.
    #[schema(value_type = Option<DisplayConfigBody>)]
    display_config: Value,
    /// The trial before it.
    trial_config: Option<TrialConfigBody>,
    /// When contracts are billed.
    billing_config: BillingConfigBody,
    /// What happens at the end of contracts.
    renewal_config: RenewalConfigBody,
    /// When and how a contract comes into force.
    provisioning_config: ProvisioningMode,
    /// Free data about payment.
    #[schema(value_type = Object, example = json!({}))]
    payment_config: Value,
    /// The entity that sells it.
    business_entity_id: Option<Uuid>,
    /// Values of custom attributes.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// Discounts on the whole, in this order.
    #[schema(value_type = Vec<DiscountBody>)]
    discounts: Value,
    /// Taxes on the whole, in this order.
    #[schema(value_type = Vec<TaxBody>)]
    taxes: Value,
    /// Least and most that is billed.
    #[schema(value_type = Vec<CommitmentBody>)]
    commitments: Value,
    /// What is sold.
    products: Vec<PlanPricingResponse>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// What stands around plans, as the API shows it.
pub(super) struct Shown {
    sights: Sights,
    metrics: Metrics,
}

impl Shown {
    pub(super) fn new(mut sights: Sights) -> Result<Self> {
        let metrics = std::mem::take(&mut sights.metrics);
        let metrics = Metrics::shown(metrics.into_values())?;
        Ok(Self { sights, metrics })
    }

    pub(super) fn plan(&self, view: View) -> PlanResponse {
        let View { listed, old } = view;
        let Listed {
            plan,
            is_latest_version,
        } = listed;
        let phases = plan.details.phases.iter().enumerate();
        let phases = phases.map(|(order, phase)| self.phase(&plan, order, phase));
        PlanResponse {
            id: plan.id,
            status: plan.status.into(),
            schedule: schedule(&plan.details.schedule),
            currency: plan.currency().map(|currency| currency.to_string()),
            phases: phases.collect(),
            plan_version: PlanVersionBody {
                id: plan.id,
                old_plan_id: plan.old_plan_id,
                new_plan_id: plan.id,
                parent_plan_id: plan.parent_plan_id,
                version_number: plan.version_number,
                is_latest_version,
                diff: old.map(|old| diff(&old, &plan)).unwrap_or_default(),
            },
            created_at: Instant(plan.created_at),
            updated_at: Instant(plan.updated_at),
            name: plan.details.name,
            description: plan.details.description,
        }
    }

    fn phase(&self, plan: &Plan, order: usize, phase: &Phase) -> PlanPhaseResponse {
        let head = phase.head.clone();
        let lines = phase.lines.iter();
        PlanPhaseResponse {
            id: phase.id,
            name: head.name,
            description: head.description,
            order,
            schedule: schedule(&phase.schedule),
            phase_type: head.phase_type.into(),
            features: head
                .features
                .map_or(Value::Null, |content| content.document().clone()),
            phase_metadata: head.phase_metadata,
            pricings: lines.map(|line| self.line(plan, line)).collect(),
        }
    }

    pub(super) fn line(&self, plan: &Plan, line: &Line) -> PlanPricingResponse {
        let head = line.head.clone();
        let price = ProductPricing {
            id: head.pricing_id.unwrap_or(line.id.0),
            product_id: head.product_id,
            content: head.pricing.as_ref().clone(),
            content_hash: String::new(),
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        };
        let product = self.sights.products.get(&head.product_id);
        PlanPricingResponse {
            id: line.id.0,
            product_id: head.product_id,
            product: product.cloned().map(Into::into),
            pricing_id: head.pricing_id,
            pricing: self.metrics.shown_in(price),
            schedule: schedule(&line.schedule),
            external_id: head.external_id,
            description: head.description,
            custom_data: head.custom_data,
        }
    }

    /// A plan of products; none for one with phases of its own.
    pub(super) fn template(&self, organisation: Uuid, view: View) -> Option<PlanTemplateResponse> {
        let Listed {
            plan,
            is_latest_version,
        } = view.listed;
        let products = plan.lines().map(|line| self.line(&plan, line)).collect();
        let Details {
            name,
            description,
            schedule: term,
            phases: _,
            offer,
        } = plan.details;
        let Offer {
            currency,
            trial,
            cycle_anchor,
            provisioning,
            renewal_policy,
            business_entity_id,
            custom_attributes,
            display_config,
            payment_config,
            discounts,
            taxes,
            commitments,
        } = offer?;
        Some(PlanTemplateResponse {
            id: plan.id,
            organization_id: organisation,
            name,
            description,
            status: plan.status.into(),
            version: plan.version_number,
            is_latest_version,
            parent_plan_id: plan.parent_plan_id,
            currency: currency.to_string(),
            duration: term.duration_text().map(str::to_owned),
            display_config,
            trial_config: trial.map(|trial| TrialConfigBody {
                duration: trial.duration.as_str().to_owned(),
                discount_percent: Some(Percent(trial.discount_percent)),
            }),
            billing_config: BillingConfigBody {
                cycle_anchor: Some(cycle_anchor.into()),
            },
            renewal_config: RenewalConfigBody {
                renewal_policy: renewal_policy.map(Into::into),
            },
            provisioning_config: provisioning.into(),
            payment_config,
            business_entity_id,
            custom_attributes,
            discounts,
            taxes,
            commitments,
            products,
            created_at: Instant(plan.created_at),
            updated_at: Instant(plan.updated_at),
        })
    }
}

fn schedule(schedule: &Schedule) -> ScheduleBody {
    ScheduleBody {
        duration: schedule.duration_text().map(str::to_owned),
        start_offset: Some(schedule.start_offset_text().to_owned()),
        trigger_type: Some(TriggerType::TimeBased),
    }
}

fn diff(old: &Plan, new: &Plan) -> PlanDiffBody {
    let mut diff = PlanDiffBody::default();
    for Change { path, old, new } in changes(old, new) {
        let list = match (&old, &new) {
            (Value::Null, _) => &mut diff.additions,
            (_, Value::Null) => &mut diff.deletions,
            _ => &mut diff.updates,
        };
        list.push(ChangeBody { path, old, new });
    }
    diff
}
