//! A quote as the API shows it.

use florin_app::quote::Estimated;
use florin_core::quote::{LineItem, Offer, Priced, Quote, Status, Version};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    checkout::CheckoutEstimatesBody,
    contract::PhaseInput,
    error::Result,
    invoice::InvoiceEstimate,
    plan::ProvisioningMode,
    product_pricing::{DiscountBody, PricingInput, TaxBody},
    value::{Day, Instant},
};

/// Where a version of a quote stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QuoteStatus {
    /// Being written: it changes in place.
    Draft,
    /// The customer has it.
    Sent,
    /// It became a contract.
    Accepted,
    /// The customer does not want it.
    Rejected,
    /// It was neither accepted nor rejected by `valid_until`.
    Expired,
}

impl From<Status> for QuoteStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Sent => Self::Sent,
            Status::Accepted => Self::Accepted,
            Status::Rejected => Self::Rejected,
            Status::Expired => Self::Expired,
        }
    }
}

/// How a quote becomes a contract.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum QuoteMode {
    /// By an acceptance.
    ApprovalBased,
}

/// What a quote is for.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QuoteType {
    /// A new contract.
    NewBusiness,
}

/// What a quote sells.
#[derive(Debug, Serialize, ToSchema)]
struct QuoteLineItemResponse {
    /// Its id, which it keeps from version to version.
    line_item_id: Uuid,
    /// What is sold.
    product_id: Option<Uuid>,
    /// The price of the catalogue that was copied.
    pricing_id: Option<Uuid>,
    /// The price that was written for this quote.
    #[schema(value_type = Option<PricingInput>)]
    pricing_data: Option<Value>,
    /// Always false: what is taken off is not shown.
    #[schema(example = false)]
    is_deleted: bool,
    /// A sentence about it.
    #[schema(example = "Named users")]
    description: Option<String>,
    /// First day; null: that of the quote.
    start_date: Option<Day>,
    /// Last day; null: that of the quote.
    end_date: Option<Day>,
}

/// A version of a quote.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuoteVersionResponse {
    /// Id of the version.
    id: Uuid,
    /// The quote.
    quote_id: Uuid,
    /// 1, then one more with each version.
    #[schema(example = 1)]
    version_number: u32,
    /// Its name, and that of the contract.
    #[schema(example = "Renewal 2026")]
    name: String,
    /// A sentence about it.
    #[schema(example = "As discussed on 3 February")]
    description: Option<String>,
    /// Currency of all amounts: ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// Where it stands today.
    status: QuoteStatus,
    /// Since when it is sent, accepted or rejected.
    status_at: Option<Instant>,
    /// What it is for.
    quote_type: QuoteType,
    /// First day on which it can be accepted.
    valid_from: Day,
    /// Last day on which it can be accepted; null: any later day.
    valid_until: Option<Day>,
    /// First day of the contract.
    start_date: Day,
    /// Last day of the contract; null for an open-ended one.
    end_date: Option<Day>,
    /// The plan that it is made from.
    plan_id: Option<Uuid>,
    /// What the first and the next invoice of the contract come to, as of the last change.
    #[schema(value_type = CheckoutEstimatesBody)]
    estimate: Value,
    /// What the contract needs to come into force.
    provisioning_config: ProvisioningMode,
    /// The payment method that was named with the acceptance.
    payment_method_id: Option<Uuid>,
    /// The contract that it became.
    contract_id: Option<Uuid>,
    /// Discounts on the whole of each invoice.
    #[schema(value_type = Vec<DiscountBody>)]
    discounts: Value,
    /// Taxes on the whole of each invoice.
    #[schema(value_type = Vec<TaxBody>)]
    taxes: Value,
    /// What is sold for the whole term.
    line_items: Vec<QuoteLineItemResponse>,
    /// Phases as they were sent.
    #[schema(value_type = Vec<PhaseInput>)]
    phases: Value,
    /// Values of custom attributes of the contract.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// Free data about the version.
    #[schema(value_type = Object, example = json!({}))]
    version_metadata: Value,
    /// Who wrote it: `key:` and the id of an API key, `command_line` or `system`.
    #[schema(example = "system")]
    created_by: String,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A quote.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuoteResponse {
    /// Id of the quote.
    id: Uuid,
    /// Its number, given when it was created; no other quote of the organisation has it.
    #[schema(example = "Q-0004")]
    quote_number: String,
    /// How it becomes a contract.
    quote_mode: QuoteMode,
    /// The organisation.
    organisation_id: Uuid,
    /// Who would buy.
    customer_id: Uuid,
    /// Who sells; null: the entity that bills the customer.
    business_entity_id: Option<Uuid>,
    /// Id of the version that counts.
    current_version_id: Uuid,
    /// That version.
    current_version: QuoteVersionResponse,
    /// Free data about the quote.
    #[schema(value_type = Object, example = json!({}))]
    custom_data: Value,
    /// Who wrote it: `key:` and the id of an API key, `command_line` or `system`.
    #[schema(example = "system")]
    created_by: String,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// What a quote would come to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuotePreviewResponse {
    /// In sums.
    #[schema(value_type = CheckoutEstimatesBody)]
    estimate: Value,
    /// The invoices up to the first day, or today, line by line.
    current_invoices: Vec<InvoiceEstimate>,
    /// The invoices of the next day on which something is billed.
    next_invoices: Vec<InvoiceEstimate>,
}

impl QuoteResponse {
    /// The quote with the status that it has on a day.
    pub(super) fn new(organisation: Uuid, quote: Quote, today: Date) -> Self {
        let Quote {
            id,
            number,
            customer_id,
            business_entity_id,
            custom_data,
            current,
            created_by,
            created_at,
            updated_at,
        } = quote;
        Self {
            id,
            quote_number: number,
            quote_mode: QuoteMode::ApprovalBased,
            organisation_id: organisation,
            customer_id,
            business_entity_id,
            current_version_id: current.id,
            current_version: QuoteVersionResponse::new(id, current, today),
            custom_data,
            created_by,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl QuoteVersionResponse {
    pub(super) fn new(quote_id: Uuid, version: Version, today: Date) -> Self {
        let status = version.status_on(today).into();
        let Version {
            id,
            number,
            state,
            offer,
            priced,
            parties: _,
            created_by,
            created_at,
            updated_at,
        } = version;
        let Priced {
            contract: _,
            estimate,
            invoices: _,
        } = priced;
        let Offer {
            name,
            description,
            currency,
            start_date,
            end_date,
            valid_from,
            valid_until,
            plan_id,
            line_items,
            phases,
            discounts,
            taxes,
            provisioning,
            custom_attributes,
            version_metadata,
        } = offer;
        Self {
            id,
            quote_id,
            version_number: number,
            name,
            description,
            currency,
            status,
            status_at: state.since().map(Instant),
            quote_type: QuoteType::NewBusiness,
            valid_from: Day(valid_from),
            valid_until: valid_until.map(Day),
            start_date: Day(start_date),
            end_date: end_date.map(Day),
            plan_id,
            estimate,
            provisioning_config: provisioning.into(),
            payment_method_id: state.payment_method_id(),
            contract_id: state.contract_id(),
            discounts,
            taxes,
            line_items: line_items.into_iter().map(Into::into).collect(),
            phases,
            custom_attributes,
            version_metadata,
            created_by,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<LineItem> for QuoteLineItemResponse {
    fn from(item: LineItem) -> Self {
        let LineItem {
            id,
            product_id,
            pricing_id,
            pricing,
            description,
            start_date,
            end_date,
        } = item;
        Self {
            line_item_id: id,
            product_id,
            pricing_id,
            pricing_data: pricing,
            is_deleted: false,
            description,
            start_date: start_date.map(Day),
            end_date: end_date.map(Day),
        }
    }
}

impl QuotePreviewResponse {
    pub(super) fn of(estimated: Estimated) -> Result<Self> {
        let Estimated {
            estimate,
            current,
            next,
        } = estimated;
        let current = current.into_iter().map(InvoiceEstimate::of);
        let next = next.into_iter().map(InvoiceEstimate::of);
        Ok(Self {
            estimate,
            current_invoices: current.collect::<Result<_>>()?,
            next_invoices: next.collect::<Result<_>>()?,
        })
    }
}
