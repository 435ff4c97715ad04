//! A price as JSON writes it.

use florin_core::product_pricing::ProductPricing;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::exact::Exact;
use super::features::{
    CommitmentBody, ConsumptionBody, DiscountBody, Expiry, FreeUnitsBody, GrantBody, GrantTrigger,
    PaymentTermBody, ServiceFeeBody, TaxBody,
};
use super::metric::QuantityShown;
use super::pricing_data::PricingData;
use crate::value::Instant;

/// Counted or typed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QuantityType {
    /// Counted by a billable metric.
    Metered,
    /// Typed.
    Fixed,
}

/// Bounds of a typed quantity.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ConstraintsBody {
    /// Least.
    min: Option<Exact>,
    /// Most.
    max: Option<Exact>,
}

/// A typed quantity from a day on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct QuantityEntryBody {
    /// Units.
    value: Exact,
    /// First day; the price's own first day unless told.
    #[schema(format = Date, max_length = 10, example = "2026-02-01")]
    effective_from: Option<String>,
    /// When it was entered.
    created_at: Option<Instant>,
    /// Why.
    #[schema(max_length = 1000, example = "Team grew")]
    description: Option<String>,
}

/// Where the quantity comes from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct QuantityBody {
    /// Counted or typed.
    #[serde(rename = "type")]
    kind: QuantityType,
    /// Text on documents.
    #[schema(max_length = 255, example = "Seats")]
    label: Option<String>,
    /// Units; needed where the quantity is typed and has no entries.
    quantity: Option<Exact>,
    /// What a unit is called.
    #[schema(max_length = 64, example = "seat")]
    unit: Option<String>,
    /// The billable metric that counts.
    aggregate_id: Option<Uuid>,
    /// Typed quantities by their first day, ascending.
    #[schema(max_items = 1000)]
    quantity_entries: Option<Vec<QuantityEntryBody>>,
    /// What makes what is sold available.
    trigger_event: Option<GrantTrigger>,
    /// When the rest is lost.
    expires_at: Option<Expiry>,
    /// How long it lasts: ISO 8601 duration.
    #[schema(max_length = 32, example = "P30D")]
    expiry_period: Option<String>,
    /// Whether each billing period grants again.
    #[schema(example = true)]
    grant_frequency_same_as_product: Option<bool>,
    /// How often it grants: ISO 8601 duration.
    #[schema(max_length = 32, example = "P1M")]
    grant_frequency: Option<String>,
    /// Level of a feature.
    #[schema(max_length = 255, example = "gold")]
    feature_option_value: Option<String>,
    /// Level of a feature that is a number.
    numeric_value: Option<Exact>,
    /// Whether it can be cancelled inside a period; false unless told.
    #[serde(default)]
    #[schema(example = false)]
    allow_mid_cycle_cancellation: Option<bool>,
    /// Bounds of a typed quantity.
    constraints: Option<ConstraintsBody>,
}

/// When it is billed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct BillingPeriodBody {
    /// How long a period is: ISO 8601 duration of days, weeks, months or years; `P0D` is once.
    #[schema(min_length = 2, max_length = 32, example = "P1M")]
    cadence: Option<String>,
    /// `prepaid` bills at the start of a period, `postpaid` at its end, an ISO 8601 duration so long
    /// after its end.
    #[schema(min_length = 2, max_length = 32, example = "postpaid")]
    offset: Option<String>,
}

/// The price of what is not included.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct OveragePricingBody {
    /// What people call it.
    #[schema(max_length = 255, example = "Overage")]
    name: Option<String>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "What goes beyond the included units")]
    description: Option<String>,
    /// The price.
    pricing_data: PricingData,
    /// Where the quantity comes from; that of the price unless told.
    quantity: Option<QuantityBody>,
    /// When it is billed; as the price unless told.
    billing_period: Option<BillingPeriodBody>,
    /// Whether it is charged again in each period.
    #[schema(example = true)]
    is_recurring: Option<bool>,
    /// Discounts on it.
    #[schema(max_items = 100)]
    discounts: Option<Vec<DiscountBody>>,
    /// Taxes on it.
    #[schema(max_items = 100)]
    taxes: Option<Vec<TaxBody>>,
}

/// What a caller may write of a price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PricingInput {
    /// What people call it.
    #[schema(max_length = 255, example = "Seats monthly")]
    name: Option<String>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "List price")]
    description: Option<String>,
    /// The price.
    pub(super) pricing_data: PricingData,
    /// Where the quantity comes from; the contract says unless told.
    quantity: Option<QuantityBody>,
    /// When it is billed; the contract says unless told.
    billing_period: Option<BillingPeriodBody>,
    /// Whether it is charged again in each period; true unless told where there is a cadence.
    #[schema(example = true)]
    is_recurring: Option<bool>,
    /// Whether a price written into a contract is also kept in the catalogue.
    #[schema(example = true)]
    add_to_catalog: Option<bool>,
    /// Discounts, in this order.
    #[schema(max_items = 100)]
    discounts: Option<Vec<DiscountBody>>,
    /// Taxes, in this order.
    #[schema(max_items = 100)]
    taxes: Option<Vec<TaxBody>>,
    /// Units at no charge.
    #[schema(max_items = 100)]
    free_units: Option<Vec<FreeUnitsBody>>,
    /// Least and most that is billed.
    #[schema(max_items = 100)]
    commitments: Option<Vec<CommitmentBody>>,
    /// What it provisions.
    #[schema(max_items = 100)]
    grants: Option<Vec<GrantBody>>,
    /// What it draws from.
    #[schema(max_items = 100)]
    consumptions: Option<Vec<ConsumptionBody>>,
    /// Fees on top.
    #[schema(max_items = 100)]
    service_fees: Option<Vec<ServiceFeeBody>>,
    /// When invoices are due.
    #[schema(max_items = 100)]
    payment_terms: Option<Vec<PaymentTermBody>>,
    /// The price of what is not included.
    overage_pricing: Option<OveragePricingBody>,
    /// Free data.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
    /// Your own id for it.
    #[schema(max_length = 255, example = "PRICE-7")]
    external_id: Option<String>,
}

/// A price of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PricingResponse {
    /// Id of the price.
    id: Uuid,
    /// The product.
    product_id: Uuid,
    /// What people call it.
    #[schema(value_type = Option<String>, example = "Seats monthly")]
    name: Value,
    /// A sentence about it.
    #[schema(value_type = Option<String>, example = "List price")]
    description: Value,
    /// The price.
    #[schema(value_type = PricingData)]
    pricing_data: Value,
    /// Where the quantity comes from.
    #[schema(value_type = Option<QuantityShown>)]
    pub(super) quantity: Value,
    /// When it is billed.
    #[schema(value_type = Option<BillingPeriodBody>)]
    billing_period: Value,
    /// Whether it is charged again in each period.
    #[schema(example = true)]
    is_recurring: bool,
    /// Whether a price written into a contract is also kept in the catalogue.
    #[schema(value_type = Option<bool>, example = true)]
    add_to_catalog: Value,
    /// Discounts, in this order.
    #[schema(value_type = Vec<DiscountBody>)]
    discounts: Value,
    /// Taxes, in this order.
    #[schema(value_type = Vec<TaxBody>)]
    taxes: Value,
    /// Units at no charge.
    #[schema(value_type = Vec<FreeUnitsBody>)]
    free_units: Value,
    /// Least and most that is billed.
    #[schema(value_type = Vec<CommitmentBody>)]
    commitments: Value,
    /// What it provisions.
    #[schema(value_type = Vec<GrantBody>)]
    grants: Value,
    /// What it draws from.
    #[schema(value_type = Vec<ConsumptionBody>)]
    consumptions: Value,
    /// Fees on top.
    #[schema(value_type = Vec<ServiceFeeBody>)]
    service_fees: Value,
    /// When invoices are due.
    #[schema(value_type = Vec<PaymentTermBody>)]
    payment_terms: Value,
    /// The price of what is not included.
    #[schema(value_type = Option<OveragePricingBody>)]
    overage_pricing: Value,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    custom_data: Value,
    /// Your own id for it.
    #[schema(value_type = Option<String>, example = "PRICE-7")]
    external_id: Value,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<ProductPricing> for PricingResponse {
    fn from(pricing: ProductPricing) -> Self {
        let ProductPricing {
            id,
            product_id,
            content,
            content_hash: _,
            created_at,
            updated_at,
        } = pricing;
        let document = content.document();
        let field = |key: &str| document[key].clone();
        let list = |key: &str| or(field(key), json!([]));
        Self {
            id,
            product_id,
            name: field("name"),
            description: field("description"),
            pricing_data: field("pricing_data"),
            quantity: field("quantity"),
            billing_period: field("billing_period"),
            is_recurring: content.price().is_recurring,
            add_to_catalog: field("add_to_catalog"),
            discounts: list("discounts"),
            taxes: list("taxes"),
            free_units: list("free_units"),
            commitments: list("commitments"),
            grants: list("grants"),
            consumptions: list("consumptions"),
            service_fees: list("service_fees"),
            payment_terms: list("payment_terms"),
            overage_pricing: field("overage_pricing"),
            custom_data: or(field("custom_data"), json!({})),
            external_id: field("external_id"),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

fn or(value: Value, absent: Value) -> Value {
    if value.is_null() { absent } else { value }
}
