//! A business entity as JSON writes it.

use florin_core::business_entity::{BusinessEntity, Details};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{address::AddressBody, value::Instant};

/// What a caller may write of a business entity.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct BusinessEntityInput {
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "Northwind Billing Inc")]
    name: String,
    /// Sender of its documents.
    #[schema(max_length = 320, format = Email, example = "ar@northwind.example")]
    email: Option<String>,
    /// Telephone number with country code.
    #[schema(max_length = 64, example = "+15550100")]
    phone_number: Option<String>,
    /// Whether new customers belong to it; false unless told.
    #[schema(example = true)]
    is_default: Option<bool>,
    /// Picture on documents: a `data:` address with the picture in it (PNG, JPEG, GIF, WebP or SVG, base64), which
    /// is on PDFs too; or an http or https address, which pages load and PDFs leave out, because the server
    /// does not load addresses of others.
    #[schema(
        max_length = 400_000,
        pattern = "^(https?://|data:image/(png|jpeg|gif|webp|svg\\+xml);base64,)",
        example = "https://northwind.example/logo.png"
    )]
    logo_url: Option<String>,
    /// Free settings of tax, as `tax_id` and `tax_provider`.
    #[schema(value_type = Option<Object>, example = json!({"tax_id": "12-3456789"}))]
    tax_config: Option<Value>,
    /// Where it is.
    address: Option<AddressBody>,
}

/// A business entity.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BusinessEntityResponse {
    #[serde(flatten)]
    entity: EmbeddedEntity,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A business entity inside another resource.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddedEntity {
    /// Id of the entity.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Northwind Billing Inc")]
    name: String,
    /// Whether new customers belong to it; true for one entity of an organisation.
    #[schema(example = true)]
    is_default: bool,
    /// Where it is.
    address: Option<AddressBody>,
    /// Sender of its documents.
    #[schema(example = "ar@northwind.example")]
    email: Option<String>,
    /// Telephone number with country code.
    #[schema(example = "+15550100")]
    phone_number: Option<String>,
    /// Free settings of tax.
    #[schema(value_type = Object, example = json!({"tax_id": "12-3456789"}))]
    tax_config: Value,
    /// Picture on documents.
    #[schema(example = "https://northwind.example/logo.png")]
    logo_url: Option<String>,
}

impl From<BusinessEntityInput> for Details {
    fn from(input: BusinessEntityInput) -> Self {
        let BusinessEntityInput {
            name,
            email,
            phone_number,
            is_default,
            logo_url,
            tax_config,
            address,
        } = input;
        Self {
            name,
            email,
            phone_number,
            is_default: is_default.unwrap_or(false),
            logo_url,
            tax_config: tax_config.unwrap_or_else(|| json!({})),
            address: address.map(Into::into),
        }
    }
}

impl From<BusinessEntity> for BusinessEntityInput {
    fn from(entity: BusinessEntity) -> Self {
        let Details {
            name,
            email,
            phone_number,
            is_default,
            logo_url,
            tax_config,
            address,
        } = entity.details;
        Self {
            name,
            email,
            phone_number,
            is_default: Some(is_default),
            logo_url,
            tax_config: Some(tax_config),
            address: address.map(Into::into),
        }
    }
}

impl From<BusinessEntity> for BusinessEntityResponse {
    fn from(entity: BusinessEntity) -> Self {
        Self {
            created_at: Instant(entity.created_at),
            updated_at: Instant(entity.updated_at),
            entity: entity.into(),
        }
    }
}

impl From<BusinessEntity> for EmbeddedEntity {
    fn from(entity: BusinessEntity) -> Self {
        let BusinessEntity { id, details, .. } = entity;
        let Details {
            name,
            email,
            phone_number,
            is_default,
            logo_url,
            tax_config,
            address,
        } = details;
        Self {
            id,
            name,
            is_default,
            address: address.map(Into::into),
            email,
            phone_number,
            tax_config,
            logo_url,
        }
    }
}
