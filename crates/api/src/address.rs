//! Addresses as JSON writes them.

use florin_core::address::{self, Address};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A postal address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AddressBody {
    /// Street and number.
    #[schema(max_length = 255, example = "9 Pine St")]
    line1: Option<String>,
    /// Second line.
    #[schema(max_length = 255, example = "Suite 4")]
    line2: Option<String>,
    /// Third line.
    #[schema(max_length = 255, example = json!(null))]
    line3: Option<String>,
    /// Town.
    #[schema(max_length = 255, example = "Austin")]
    city: Option<String>,
    /// State, province or region.
    #[schema(max_length = 255, example = "TX")]
    state: Option<String>,
    /// Postal code.
    #[serde(rename = "zipCode")]
    #[schema(max_length = 32, example = "78701")]
    zip_code: Option<String>,
    /// Postal code again, in the other spelling that clients use; `zipCode` is taken where both are sent.
    #[serde(rename = "zip_code")]
    #[schema(max_length = 32, example = "78701")]
    zip_code_snake: Option<String>,
    /// Country, in words.
    #[schema(max_length = 255, example = "United States")]
    country: Option<String>,
    /// Country, ISO 3166-1 alpha-2.
    #[schema(max_length = 3, example = "US")]
    country_code: Option<String>,
    /// Whether a tax connector knows the address: `pending` until one says.
    #[schema(max_length = 32, example = "pending")]
    validation_status: Option<String>,
    /// What the connector said.
    #[schema(value_type = Option<Object>, example = json!({}))]
    connector_validation: Option<Value>,
}

impl AddressBody {
    /// The same address with its postal code in one spelling, over which a patch can be laid.
    pub(crate) fn spelled_once(self) -> Self {
        Self {
            zip_code_snake: None,
            ..self
        }
    }
}

impl From<Address> for AddressBody {
    fn from(address: Address) -> Self {
        let Address {
            line1,
            line2,
            line3,
            city,
            state,
            zip_code,
            country,
            country_code,
            validation_status,
            connector_validation,
        } = address;
        Self {
            line1,
            line2,
            line3,
            city,
            state,
            zip_code_snake: zip_code.clone(),
            zip_code,
            country,
            country_code,
            validation_status: Some(validation_status),
            connector_validation: Some(connector_validation),
        }
    }
}

impl From<AddressBody> for Address {
    fn from(body: AddressBody) -> Self {
        let AddressBody {
            line1,
            line2,
            line3,
            city,
            state,
            zip_code,
            zip_code_snake,
            country,
            country_code,
            validation_status,
            connector_validation,
        } = body;
        Self {
            line1,
            line2,
            line3,
            city,
            state,
            zip_code: zip_code.or(zip_code_snake),
            country,
            country_code,
            validation_status: validation_status.unwrap_or_else(|| address::PENDING.to_owned()),
            connector_validation: connector_validation.unwrap_or_else(|| json!({})),
        }
    }
}
