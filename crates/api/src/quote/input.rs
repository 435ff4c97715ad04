//! A quote as callers write it.

use florin_app::quote::Written;
use florin_core::quote::{Merge, Quote};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    contract::{PhaseInput, document, object},
    error::Result,
    plan::{ProvisioningMode, list},
    product_pricing::{DiscountBody, PricingInput, TaxBody},
    value::AnyDay,
};

/// What a quote sells, or a change of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct QuoteLineItemInput {
    /// The item that changes; another word for `line_item_id`.
    id: Option<Uuid>,
    /// Its id: of an item that changes, or that a new one gets.
    line_item_id: Option<Uuid>,
    /// Whether it is taken off; another word for `is_deleted`.
    #[schema(example = false)]
    delete: Option<bool>,
    /// Whether it is taken off; false unless told.
    #[schema(example = false)]
    is_deleted: Option<bool>,
    /// What is sold; the product of the price unless told.
    product_id: Option<Uuid>,
    /// A price of the catalogue, which is one of the product's. The quote keeps a copy.
    pricing_id: Option<Uuid>,
    /// A price for this quote. Beside `pricing_id` this is what counts.
    pricing_data: Option<PricingInput>,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "Named users")]
    description: Option<String>,
    /// First day; that of the quote unless told.
    start_date: Option<AnyDay>,
    /// Last day; that of the quote unless told.
    end_date: Option<AnyDay>,
}

/// What a caller may write of a quote. Days are those of the organisation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct QuoteInput {
    /// Its name, and that of the contract.
    #[schema(min_length = 1, max_length = 255, example = "Renewal 2026")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "As discussed on 3 February")]
    description: Option<String>,
    /// Currency of all amounts: ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// Who would buy. It never changes.
    customer_id: Uuid,
    /// Who sells: the entity that bills the customer, which it is unless told.
    business_entity_id: Option<Uuid>,
    /// What is sold for the whole term; may be empty where `phases` or a plan say it.
    #[schema(max_items = 1000)]
    line_items: Option<Vec<QuoteLineItemInput>>,
    /// Phases as a contract has them, where what is sold differs in time.
    #[schema(max_items = 200)]
    phases: Option<Vec<PhaseInput>>,
    /// A published plan: without `line_items` and `phases` the quote offers what it sells.
    plan_id: Option<Uuid>,
    /// First day of the contract.
    start_date: AnyDay,
    /// Last day of the contract; open-ended, or that of the plan, without it.
    end_date: Option<AnyDay>,
    /// First day on which it can be accepted; the day of its creation unless told.
    valid_from: Option<AnyDay>,
    /// Last day on which it can be accepted; without it, any later day.
    valid_until: Option<AnyDay>,
    /// Discounts on the whole of each invoice, in this order.
    #[schema(max_items = 100)]
    discounts: Option<Vec<DiscountBody>>,
    /// Taxes on the whole of each invoice, in this order.
    #[schema(max_items = 100)]
    taxes: Option<Vec<TaxBody>>,
    /// What the contract needs to come into force; what the plan says, else `immediate`, unless told.
    provisioning_config: Option<ProvisioningMode>,
    /// Values of custom attributes of the contract. Keys that `/custom_attributes` defines are checked, others are free.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
    /// Free data about the version.
    #[schema(value_type = Option<Object>, example = json!({}))]
    version_metadata: Option<Value>,
    /// Free data about the quote.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_data: Option<Value>,
}

/// What a preview asks for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct QuotePreviewInput {
    /// Its name.
    #[schema(min_length = 1, max_length = 255, example = "Renewal 2026")]
    name: Option<String>,
    /// Currency of all amounts: ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// Who would buy; nobody in particular without it.
    customer_id: Option<Uuid>,
    /// Who sells; the entity that bills the customer unless told.
    business_entity_id: Option<Uuid>,
    /// What is sold for the whole term; may be empty where `phases` or a plan say it.
    #[schema(max_items = 1000)]
    line_items: Option<Vec<QuoteLineItemInput>>,
    /// Phases as a contract has them, where what is sold differs in time.
    #[schema(max_items = 200)]
    phases: Option<Vec<PhaseInput>>,
    /// A published plan: without `line_items` and `phases` what it sells.
    plan_id: Option<Uuid>,
    /// First day of the contract.
    start_date: AnyDay,
    /// Last day of the contract; open-ended, or that of the plan, without it.
    end_date: Option<AnyDay>,
    /// Discounts on the whole of each invoice, in this order.
    #[schema(max_items = 100)]
    discounts: Option<Vec<DiscountBody>>,
    /// Taxes on the whole of each invoice, in this order.
    #[schema(max_items = 100)]
    taxes: Option<Vec<TaxBody>>,
    /// Values of custom attributes of the contract.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
}

/// How a quote is accepted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct QuoteAcceptInput {
    /// A payment method of the customer.
    pub(super) payment_method_id: Option<Uuid>,
}

/// A quote as a caller would write it: what a PATCH is laid over.
pub(super) fn current(quote: &Quote) -> Value {
    let mut document = quote.current.offer.document();
    document["customer_id"] = json!(quote.customer_id);
    document["business_entity_id"] = json!(quote.business_entity_id);
    document["custom_data"] = quote.custom_data.clone();
    document
}

impl QuoteInput {
    pub(super) fn written(self) -> Result<Written> {
        let Self {
            name,
            description,
            currency,
            customer_id,
            business_entity_id,
            line_items,
            phases,
            plan_id,
            start_date,
            end_date,
            valid_from,
            valid_until,
            discounts,
            taxes,
            provisioning_config,
            custom_attributes,
            version_metadata,
            custom_data,
        } = self;
        let day = |AnyDay(day)| day;
        let phases_sent = list(&phases)?;
        let phases = phases.unwrap_or_default().into_iter();
        let line_items = line_items.unwrap_or_default().into_iter();
        Ok(Written {
            customer_id: Some(customer_id),
            business_entity_id,
            name,
            description,
            currency,
            start_date: day(start_date),
            end_date: end_date.map(day),
            valid_from: valid_from.map(day),
            valid_until: valid_until.map(day),
            plan_id,
            line_items: line_items
                .map(QuoteLineItemInput::merge)
                .collect::<Result<_>>()?,
            phases: phases.map(PhaseInput::written).collect::<Result<_>>()?,
            phases_sent,
            discounts: list(&discounts)?,
            taxes: list(&taxes)?,
            provisioning: provisioning_config.map(Into::into),
            custom_attributes: object(custom_attributes),
            version_metadata: object(version_metadata),
            custom_data: object(custom_data),
        })
    }
}

impl QuotePreviewInput {
    pub(super) fn written(self) -> Result<Written> {
        let Self {
            name,
            currency,
            customer_id,
            business_entity_id,
            line_items,
            phases,
            plan_id,
            start_date,
            end_date,
            discounts,
            taxes,
            custom_attributes,
        } = self;
        let input = QuoteInput {
            name: name.unwrap_or_else(|| "Preview".to_owned()),
            description: None,
            currency,
            customer_id: customer_id.unwrap_or_default(),
            business_entity_id,
            line_items,
            phases,
            plan_id,
            start_date,
            end_date,
            valid_from: None,
            valid_until: None,
            discounts,
            taxes,
            provisioning_config: None,
            custom_attributes,
            version_metadata: None,
            custom_data: None,
        };
        Ok(Written {
            customer_id,
            ..input.written()?
        })
    }
}

impl QuoteLineItemInput {
    fn merge(self) -> Result<Merge> {
        let Self {
            id,
            line_item_id,
            delete,
            is_deleted,
            product_id,
            pricing_id,
            pricing_data,
            description,
            start_date,
            end_date,
        } = self;
        let pricing = pricing_data.as_ref().map(document).transpose()?;
        Ok(Merge {
            id: line_item_id.or(id),
            is_deleted: delete.or(is_deleted).unwrap_or(false),
            product_id,
            pricing_id,
            pricing,
            description,
            start_date: start_date.map(|AnyDay(day)| day),
            end_date: end_date.map(|AnyDay(day)| day),
        })
    }
}
