//! A contract as the API shows it.

use florin_app::contract::{AdjustedPeriod, Amended, InvoiceEffect, Sights, View};
use florin_core::billing::BillingCycle;
use florin_core::contract::{
    Contract, End, Header, Line, Pause, Phase, PlanVersion, Record, Start,
};
use florin_core::difference::Change;
use florin_core::product_pricing::{Offset, ProductPricing};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::{ContractKind, ContractStatus, PauseExtension, PhaseKind, Renewal, SwitchBody};
use crate::{
    customer::CustomerResponse,
    error::Result,
    product::ProductResponse,
    product_pricing::{Metrics, PricingInput, PricingResponse},
    value::{Day, Instant},
};

/// A contract.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContractResponse {
    /// Id of the contract.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Northwind 2026")]
    name: String,
    /// Where it stands today.
    status: ContractStatus,
    /// Currency of all amounts: ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// What drives its bills.
    contract_type: ContractKind,
    /// Number of this version: 1, then one more with each change.
    #[schema(example = 1)]
    version: u32,
    /// Who buys.
    customer_id: Uuid,
    /// That customer; null once it is deleted.
    customer: Option<CustomerResponse>,
    /// A sentence about it.
    #[schema(example = "Yearly agreement")]
    description: Option<String>,
    /// Labels.
    #[schema(example = json!(["enterprise"]))]
    tags: Value,
    /// First day.
    start_date: Instant,
    /// Last day; null for an open-ended contract.
    end_date: Option<Instant>,
    /// The day that all billing cycles align to.
    anchor_date: Instant,
    /// Whether cycles end with the last day of a month.
    #[schema(example = false)]
    is_last_day_of_month: bool,
    /// What happens at the end; null: the organisation's policy.
    renewal_policy: Option<Renewal>,
    /// Whether it takes part in renewals; null: it does.
    #[schema(example = true)]
    include_in_renewal: Option<bool>,
    /// The contract that this one renews.
    renewed_from: Option<Uuid>,
    /// The plan that it was copied from.
    plan_id: Option<Uuid>,
    /// Its phases and pauses, in order of their starts.
    phases: Vec<PhaseResponse>,
    /// The phase or pause that covers today.
    current_phase: Option<CurrentPhase>,
    /// Whether the customer's parent pays.
    #[schema(example = false)]
    bill_parent_customer: bool,
    /// A third party that pays.
    invoice_payer_customer_id: Option<Uuid>,
    /// That customer.
    invoice_payer_customer: Option<CustomerResponse>,
    /// Where the signed document is.
    #[schema(example = "https://crm.example/deals/9")]
    contract_link: Option<String>,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// Where the contract comes from.
    #[schema(value_type = Object, example = json!({"source_type": "crm", "source_id": "deal-9"}))]
    source: Value,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
    /// When it was deleted.
    deleted_at: Option<Instant>,
}

/// A phase of a contract, or a pause.
#[derive(Debug, Serialize, ToSchema)]
struct PhaseResponse {
    /// Id of the phase; it survives changes of the contract.
    id: Uuid,
    /// Its name.
    #[schema(example = "Year 1")]
    name: String,
    /// A sentence about it.
    #[schema(example = "List price")]
    description: Option<String>,
    /// First day.
    start_date: Instant,
    /// Last day; null for an open end.
    end_date: Option<Instant>,
    /// What kind of phase.
    phase_type: PhaseKind,
    /// What is sold in it.
    pricings: Vec<PhasePricingResponse>,
    /// Modifiers of the whole phase: a price of type `features`.
    #[schema(value_type = Option<PricingInput>)]
    features: Value,
    /// The phase of the plan that it was copied from.
    source_plan_phase_id: Option<Uuid>,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    phase_metadata: Value,
    /// Of a pause: what it does to the contract's end.
    unpause_extension_policy: Option<PauseExtension>,
    /// Of a pause: days by which it has moved the contract's end and later phases.
    #[schema(example = 30)]
    extended_days: Option<i64>,
}

/// A line of a contract: a product at its price.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PhasePricingResponse {
    /// Id of the line; it survives changes of the contract.
    id: Uuid,
    /// What is sold.
    product_id: Uuid,
    /// That product.
    product: Option<ProductResponse>,
    /// The price of the catalogue that was copied; null for a price of this contract.
    pricing_id: Option<Uuid>,
    /// The price as it was agreed; its id is the line's where it is a price of this contract.
    pricing: PricingResponse,
    /// `prepaid` or `postpaid`, where the price says so.
    #[schema(example = "prepaid")]
    billing_timing: Option<&'static str>,
    /// First day.
    start_date: Instant,
    /// Last day; null: that of the phase.
    end_date: Option<Instant>,
    /// The day that its billing cycles align to; null: that of the contract.
    anchor_date: Option<Instant>,
    /// On and off by first day.
    is_enabled: Vec<SwitchBody>,
    /// Your own id for it.
    #[schema(example = "LINE-7")]
    external_id: Option<String>,
    /// A sentence about it.
    #[schema(example = "Calls beyond the plan")]
    description: Option<String>,
    /// The plan that it was copied from.
    plan_id: Option<Uuid>,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    custom_data: Value,
}

/// The phase or pause that covers today.
#[derive(Debug, Serialize, ToSchema)]
struct CurrentPhase {
    /// Id of the phase.
    id: Uuid,
    /// Its name.
    #[schema(example = "Year 1")]
    name: String,
    /// First day.
    start_date: Instant,
    /// Last day; null for an open end.
    end_date: Option<Instant>,
    /// What kind of phase.
    phase_type: PhaseKind,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    phase_metadata: Value,
}

/// A change of a contract.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AmendmentResponse {
    /// The contract.
    contract_id: Uuid,
    /// The version before.
    #[schema(example = 1)]
    old_version: u32,
    /// The version that the change made.
    #[schema(example = 2)]
    version_number: u32,
    /// The plan before.
    old_plan_id: Option<Uuid>,
    /// The plan after.
    new_plan_id: Option<Uuid>,
    /// Every field that differs.
    changes: Vec<ChangeBody>,
    /// What it did to invoices, or will with the next billing run.
    invoices: InvoiceEffectBody,
    /// When the contract was changed.
    created_at: Instant,
}

/// A field that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeBody {
    /// Keys from the contract down; phases and pricings are named by their ids.
    #[schema(example = json!(["end_date"]))]
    pub(crate) path: Vec<String>,
    /// The value before; null where there was none.
    #[schema(example = json!("2026-12-31T23:59:59.999999Z"))]
    pub(crate) old: Value,
    /// The value after; null where there is none.
    #[schema(example = json!("2027-06-30T23:59:59.999999Z"))]
    pub(crate) new: Value,
}

/// What a change of a contract does to invoices.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvoiceEffectBody {
    /// Drafts that are made anew.
    drafts: Vec<Uuid>,
    /// Periods on approved invoices that are rated again: the next invoice carries what differs.
    adjusted: Vec<AdjustedPeriodBody>,
}

/// A period on an approved invoice that is rated again.
#[derive(Debug, Serialize, ToSchema)]
struct AdjustedPeriodBody {
    /// The invoice.
    invoice_id: Uuid,
    /// The pricing of the phase: the line.
    phase_pricing_id: Uuid,
    /// First day that was billed.
    start_date: Day,
    /// First day after it.
    end_date: Day,
}

/// One entry of a contract's billing cycles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BillingCycleResponse {
    /// Name of the phase.
    #[schema(example = "Year 1")]
    name: String,
    /// First instant of the service that is billed.
    start_date: Instant,
    /// First instant after it.
    end_date: Instant,
    /// The day that the invoice is for.
    bill_for_date: Instant,
    /// Day of the month on which the whole period starts, 1 to 31.
    #[schema(minimum = 1, maximum = 31, example = 1)]
    billing_cycle_start_day: i8,
}

/// What stands around contracts, as the API shows it.
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

    fn customer(&self, id: Uuid) -> Option<CustomerResponse> {
        self.sights.customers.get(&id).cloned().map(Into::into)
    }

    pub(super) fn contract(&self, view: View) -> ContractResponse {
        let View { contract, today } = view;
        let Record {
            id,
            version,
            status,
            header,
            created_at,
            updated_at,
            deleted_at,
            ..
        } = contract.record();
        let payer = header.invoice_payer_customer_id;
        let Header {
            name,
            description,
            customer_id,
            currency,
            contract_type,
            start,
            end,
            anchor,
            is_last_day_of_month,
            renewal_policy,
            include_in_renewal,
            plan,
            bill_parent_customer,
            invoice_payer_customer_id,
            contract_link,
            tags,
            custom_attributes,
            source,
            renewed_from,
        } = header.clone();
        ContractResponse {
            id: *id,
            name,
            status: (*status).into(),
            currency: currency.to_string(),
            contract_type: contract_type.into(),
            version: *version,
            customer_id,
            customer: self.customer(customer_id),
            description,
            tags,
            start_date: first(start),
            end_date: end.map(last),
            anchor_date: first(anchor.unwrap_or(start)),
            is_last_day_of_month,
            renewal_policy: renewal_policy.map(Into::into),
            include_in_renewal,
            renewed_from,
            plan_id: plan.map(plan_id),
            phases: self.phases(&contract),
            current_phase: current_phase(&contract, today),
            bill_parent_customer,
            invoice_payer_customer_id,
            invoice_payer_customer: payer.and_then(|id| self.customer(id)),
            contract_link,
            custom_attributes,
            source,
            created_at: Instant(*created_at),
            updated_at: Instant(*updated_at),
            deleted_at: deleted_at.map(Instant),
        }
    }

    fn phases(&self, contract: &Contract) -> Vec<PhaseResponse> {
        let phases = contract.phases().iter();
        let mut shown: Vec<(Start, PhaseResponse)> = phases
            .map(|phase| (phase.start, self.phase(contract, phase)))
            .collect();
        let pauses = contract.pauses().iter();
        shown.extend(pauses.map(|pause| (pause.start, shown_pause(pause))));
        shown.sort_by_key(|(start, _)| start.written());
        shown.into_iter().map(|(_, phase)| phase).collect()
    }

    fn phase(&self, contract: &Contract, phase: &Phase) -> PhaseResponse {
        let head = phase.head.clone();
        let lines = phase.lines.iter();
        PhaseResponse {
            id: phase.id,
            name: head.name,
            description: head.description,
            start_date: first(phase.start),
            end_date: phase.end.map(last),
            phase_type: head.phase_type.into(),
            pricings: lines.map(|line| self.line(contract, line)).collect(),
            features: head
                .features
                .map_or(Value::Null, |content| content.document().clone()),
            source_plan_phase_id: head.source_plan_phase_id,
            phase_metadata: head.phase_metadata,
            unpause_extension_policy: None,
            extended_days: None,
        }
    }

    pub(super) fn line(&self, contract: &Contract, line: &Line) -> PhasePricingResponse {
        let head = line.head.clone();
        let price = head.pricing.price();
        let offset = price.billing_period.and_then(|period| period.offset);
        let product = self.sights.products.get(&head.product_id);
        let entitlements = self.sights.entitlements.get(&head.product_id);
        let entitlements = entitlements.cloned().unwrap_or_default();
        let product = product.cloned().map(ProductResponse::from);
        let switches = head.is_enabled.iter().map(|entry| SwitchBody {
            value: entry.value,
            effective_from: entry.effective_from.to_string(),
        });
        PhasePricingResponse {
            id: line.id.0,
            product_id: head.product_id,
            product: product.map(|product| product.with(entitlements)),
            pricing_id: head.pricing_id,
            pricing: self.metrics.shown_in(price_of(contract, line)),
            billing_timing: offset.map(timing),
            start_date: first(line.start),
            end_date: line.end.map(last),
            anchor_date: head.anchor.map(first),
            is_enabled: switches.collect(),
            external_id: head.external_id,
            description: head.description,
            plan_id: head.plan_id,
            custom_data: head.custom_data,
        }
    }
}

/// The line's copy of its price, as the catalogue would show it.
fn price_of(contract: &Contract, line: &Line) -> ProductPricing {
    let record = contract.record();
    ProductPricing {
        id: line.head.pricing_id.unwrap_or(line.id.0),
        product_id: line.head.product_id,
        content: line.head.pricing.as_ref().clone(),
        content_hash: String::new(),
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}

const fn timing(offset: Offset) -> &'static str {
    match offset {
        Offset::Prepaid => "prepaid",
        Offset::Postpaid | Offset::After(_) => "postpaid",
    }
}

const fn plan_id(plan: PlanVersion) -> Uuid {
    plan.plan_id
}

fn first(start: Start) -> Instant {
    Instant(start.written())
}

fn last(end: End) -> Instant {
    Instant(end.written())
}

/// Pauses have no name of their own.
const PAUSE: &str = "Pause";

fn shown_pause(pause: &Pause) -> PhaseResponse {
    let Pause {
        id,
        start,
        end,
        policy,
        extended_days,
    } = pause;
    PhaseResponse {
        id: *id,
        name: PAUSE.to_owned(),
        description: None,
        start_date: first(*start),
        end_date: end.map(last),
        phase_type: PhaseKind::Pause,
        pricings: Vec::new(),
        features: Value::Null,
        source_plan_phase_id: None,
        phase_metadata: json!({}),
        unpause_extension_policy: Some((*policy).into()),
        extended_days: Some(*extended_days),
    }
}

fn current_phase(contract: &Contract, today: jiff::civil::Date) -> Option<CurrentPhase> {
    let mut pauses = contract.pauses().iter();
    if let Some(pause) = pauses.find(|pause| pause.covers(today)) {
        return Some(CurrentPhase {
            id: pause.id,
            name: PAUSE.to_owned(),
            start_date: first(pause.start),
            end_date: pause.end.map(last),
            phase_type: PhaseKind::Pause,
            phase_metadata: json!({}),
        });
    }
    let phase = contract.phase_on(today)?;
    Some(CurrentPhase {
        id: phase.id,
        name: phase.head.name.clone(),
        start_date: first(phase.start),
        end_date: phase.end.map(last),
        phase_type: phase.head.phase_type.into(),
        phase_metadata: phase.head.phase_metadata.clone(),
    })
}

impl From<Amended> for AmendmentResponse {
    fn from(amended: Amended) -> Self {
        let Amended {
            before,
            after,
            amendment,
            invoices,
            at,
        } = amended;
        let plan = |contract: &Contract| contract.header().plan.map(plan_id);
        Self {
            contract_id: after.id(),
            old_version: amendment.old_version,
            version_number: amendment.version_number,
            old_plan_id: plan(&before),
            new_plan_id: plan(&after),
            changes: changes(amendment.changes),
            invoices: invoices.into(),
            created_at: Instant(at),
        }
    }
}

impl From<InvoiceEffect> for InvoiceEffectBody {
    fn from(effect: InvoiceEffect) -> Self {
        let InvoiceEffect { drafts, adjusted } = effect;
        let period = |adjusted: AdjustedPeriod| {
            let AdjustedPeriod {
                invoice_id,
                line,
                service,
            } = adjusted;
            AdjustedPeriodBody {
                invoice_id,
                phase_pricing_id: line.0,
                start_date: Day(service.start()),
                end_date: Day(service.end()),
            }
        };
        Self {
            drafts,
            adjusted: adjusted.into_iter().map(period).collect(),
        }
    }
}

pub(super) fn changes(changes: Vec<Change>) -> Vec<ChangeBody> {
    let body = |Change { path, old, new }: Change| ChangeBody { path, old, new };
    changes.into_iter().map(body).collect()
}

/// A billing cycle; its days begin when they do in the contract's zone.
pub(super) fn billing_cycle(contract: &Contract, entry: BillingCycle) -> BillingCycleResponse {
    let BillingCycle { name, cycle } = entry;
    let at = |day| Instant(Start::on(day, contract.zone()).map_or(Timestamp::MAX, Start::written));
    BillingCycleResponse {
        name,
        start_date: at(cycle.service.start()),
        end_date: at(cycle.service.end()),
        bill_for_date: at(cycle.bill_for_date),
        billing_cycle_start_day: cycle.billing_cycle_start_day,
    }
}
