//! A customer as JSON writes it.

use florin_app::customer::{Profile, Written};
use florin_core::customer::{Customer, Details, TaxId};
use florin_store::business_entity::EntityName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    address::AddressBody, contact::ContactResponse, customer_connector::ConnectorBody,
    value::Instant,
};

/// A tax registration, shown on documents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct TaxIdBody {
    /// Country or union.
    #[schema(min_length = 1, max_length = 8, example = "USA")]
    country_code: String,
    /// Kind of number.
    #[schema(min_length = 1, max_length = 16, example = "TIN")]
    tax_code: String,
    /// The number.
    #[schema(min_length = 1, max_length = 64, example = "12-3456789")]
    tax_id: String,
}

/// What a caller may write of a customer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CustomerInput {
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "Northwind Labs")]
    customer_name: String,
    /// Your own id for the customer; unique in the organisation. A UUID becomes the customer's id; an
    /// empty text is none.
    #[schema(max_length = 255, example = "CRM-771")]
    external_id: Option<String>,
    /// Where documents go; unique in the organisation.
    #[schema(max_length = 320, format = Email, example = "ap@northwind.example")]
    email: Option<String>,
    /// Telephone number with country code.
    #[schema(max_length = 64, example = "+1-555-0142")]
    phone_number: Option<String>,
    /// Billing address; becomes the default of the address book.
    address: Option<AddressBody>,
    /// Shipping address; becomes the default of the address book.
    ship_to_address: Option<AddressBody>,
    /// Tax registrations.
    #[schema(max_items = 20)]
    tax_info: Option<Vec<TaxIdBody>>,
    /// A record in another system to link the customer to.
    connector: Option<ConnectorBody>,
    /// Free data. `parent_customer_id`, `invoice_consolidation_enabled` and `exempt_tax` (`true` or
    /// `"true"`) have a meaning; a `parent_customer_id` that is a UUID becomes the customer's parent.
    #[schema(value_type = Option<Object>, example = json!({"segment": "mid-market"}))]
    custom_data: Option<Value>,
    /// Values of custom attributes. Keys that `/custom_attributes` defines are checked, others are free.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
    /// Whether e-mails are sent; true unless told.
    #[schema(example = true)]
    communications_enabled: Option<bool>,
    /// Whether approved invoices are charged to the default payment method; true unless told.
    #[schema(example = true)]
    auto_charge_enabled: Option<bool>,
    /// The business entity that bills; the organisation's default unless told. Set once: a change that
    /// names none keeps it.
    business_entity_id: Option<Uuid>,
}

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerResponse {
    /// Id of the customer.
    id: Uuid,
    /// Your own id for the customer.
    #[schema(example = "CRM-771")]
    external_id: Option<String>,
    /// Name on documents.
    #[schema(example = "Northwind Labs")]
    customer_name: String,
    /// Where documents go.
    #[schema(example = "ap@northwind.example")]
    email: Option<String>,
    /// Telephone number with country code.
    #[schema(example = "+1-555-0142")]
    phone_number: Option<String>,
    /// Free data.
    #[schema(value_type = Object, example = json!({"segment": "mid-market"}))]
    custom_data: Value,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// Default billing address.
    address: Option<AddressBody>,
    /// Default shipping address.
    ship_to_address: Option<AddressBody>,
    /// Tax registrations.
    tax_info: Vec<TaxIdBody>,
    /// Whether e-mails are sent.
    #[schema(example = true)]
    communications_enabled: bool,
    /// Whether approved invoices are charged to the default payment method.
    #[schema(example = true)]
    auto_charge_enabled: bool,
    /// The business entity that bills.
    business_entity_id: Option<Uuid>,
    /// That entity as documents name it.
    business_entity: Option<EntityNameBody>,
    /// The customer above this one.
    parent_customer_id: Option<Uuid>,
    /// Its records in other systems.
    connectors: Vec<ConnectorBody>,
    /// Its contacts; null in a list that was not asked to expand them.
    contacts: Option<Vec<ContactResponse>>,
    /// Always null: there are no settings of invoices per customer.
    #[schema(value_type = Option<Object>, example = json!(null))]
    invoice_details: Option<Value>,
    /// Always null: no payment method can be kept yet.
    #[schema(value_type = Option<Object>, example = json!(null))]
    default_payment_method: Option<Value>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A business entity as others name it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityNameBody {
    /// Id of the entity.
    id: Uuid,
    /// Its name.
    #[schema(example = "Northwind Inc.")]
    name: String,
}

impl From<EntityName> for EntityNameBody {
    fn from(entity: EntityName) -> Self {
        let EntityName { id, name } = entity;
        Self { id, name }
    }
}

impl From<CustomerInput> for Written {
    fn from(input: CustomerInput) -> Self {
        let CustomerInput {
            customer_name,
            external_id,
            email,
            phone_number,
            address,
            ship_to_address,
            tax_info,
            connector,
            custom_data,
            custom_attributes,
            communications_enabled,
            auto_charge_enabled,
            business_entity_id,
        } = input;
        let details = Details {
            external_id,
            customer_name,
            email,
            phone_number,
            tax_info: tax_info.into_iter().flatten().map(TaxId::from).collect(),
            custom_data: custom_data.unwrap_or_else(|| json!({})),
            custom_attributes: custom_attributes.unwrap_or_else(|| json!({})),
            communications_enabled: communications_enabled.unwrap_or(true),
            auto_charge_enabled: auto_charge_enabled.unwrap_or(true),
            business_entity_id,
        };
        Self {
            details,
            address: address.map(Into::into),
            ship_to_address: ship_to_address.map(Into::into),
            connector: connector.map(Into::into),
        }
    }
}

impl From<Profile> for CustomerInput {
    fn from(profile: Profile) -> Self {
        let CustomerResponse {
            external_id,
            customer_name,
            email,
            phone_number,
            custom_data,
            custom_attributes,
            address,
            ship_to_address,
            tax_info,
            communications_enabled,
            auto_charge_enabled,
            business_entity_id,
            ..
        } = profile.into();
        Self {
            customer_name,
            external_id,
            email,
            phone_number,
            address,
            ship_to_address,
            tax_info: Some(tax_info),
            connector: None,
            custom_data: Some(custom_data),
            custom_attributes: Some(custom_attributes),
            communications_enabled: Some(communications_enabled),
            auto_charge_enabled: Some(auto_charge_enabled),
            business_entity_id,
        }
    }
}

impl From<Profile> for CustomerResponse {
    fn from(profile: Profile) -> Self {
        let Profile {
            customer,
            billing,
            shipping,
            parent_customer_id,
            business_entity,
            connectors,
            contacts,
        } = profile;
        let Customer {
            id,
            details,
            created_at,
            updated_at,
        } = customer;
        let Details {
            external_id,
            customer_name,
            email,
            phone_number,
            tax_info,
            custom_data,
            custom_attributes,
            communications_enabled,
            auto_charge_enabled,
            business_entity_id,
        } = details;
        Self {
            id,
            external_id,
            customer_name,
            email,
            phone_number,
            custom_data,
            custom_attributes,
            address: billing.map(|entry| entry.address.into()),
            ship_to_address: shipping.map(|entry| entry.address.into()),
            tax_info: tax_info.into_iter().map(TaxIdBody::from).collect(),
            communications_enabled,
            auto_charge_enabled,
            business_entity_id,
            business_entity: business_entity.map(Into::into),
            parent_customer_id,
            connectors: connectors.into_iter().map(Into::into).collect(),
            contacts: contacts.map(|list| list.into_iter().map(Into::into).collect()),
            invoice_details: None,
            default_payment_method: None,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<TaxIdBody> for TaxId {
    fn from(body: TaxIdBody) -> Self {
        let TaxIdBody {
            country_code,
            tax_code,
            tax_id,
        } = body;
        Self {
            country_code,
            tax_code,
            tax_id,
        }
    }
}

impl From<TaxId> for TaxIdBody {
    fn from(tax_id: TaxId) -> Self {
        let TaxId {
            country_code,
            tax_code,
            tax_id,
        } = tax_id;
        Self {
            country_code,
            tax_code,
            tax_id,
        }
    }
}
