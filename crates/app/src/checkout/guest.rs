//! A guest: somebody who buys and is no customer yet.
//!
//! Owns what is read of what a guest says of himself, and the customer that he becomes. Invariant: a checkout makes one
//! customer, however often it is confirmed.

use florin_core::address::{Address, PENDING};
use florin_core::checkout::Checkout;
use florin_core::customer;
use florin_store::Tx;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{App, Error, Result, customer as customers};

/// Somebody of whom nothing is known.
pub(crate) fn stranger(business_entity_id: Option<Uuid>) -> customer::Details {
    customer::Details {
        external_id: None,
        customer_name: "Guest".to_owned(),
        email: None,
        phone_number: None,
        tax_info: Vec::new(),
        custom_data: json!({}),
        custom_attributes: json!({}),
        communications_enabled: true,
        auto_charge_enabled: true,
        business_entity_id,
    }
}

/// What a guest says of himself.
///
/// # Errors
/// [`Error::Invalid`] without a name.
pub(super) fn details(said: &Json, business_entity_id: Option<Uuid>) -> Result<customer::Details> {
    let text = |key: &str| said[key].as_str().map(str::to_owned);
    let name = text("customer_name").filter(|name| !name.trim().is_empty());
    let customer_name = name.ok_or_else(|| {
        let message = "a guest's checkout needs the customer's name";
        Error::field(
            "customer_data.customer_name",
            "value_error.missing",
            message,
        )
    })?;
    Ok(customer::Details {
        external_id: text("external_id"),
        customer_name,
        email: text("email"),
        phone_number: text("phone_number"),
        ..stranger(business_entity_id)
    })
}

/// Where a guest lives, as far as he says; without it taxes by place are not known.
pub(super) fn address(said: &Json) -> Option<Address> {
    let said = said.get("address").filter(|said| said.is_object())?;
    let text = |key: &str| {
        let text = said[key].as_str().map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let address = Address {
        line1: text("line1"),
        line2: text("line2"),
        line3: text("line3"),
        city: text("city"),
        state: text("state"),
        zip_code: text("zipCode").or_else(|| text("zip_code")),
        country: text("country"),
        country_code: text("country_code"),
        validation_status: PENDING.to_owned(),
        connector_validation: json!({}),
    };
    let parts = [
        &address.line1,
        &address.city,
        &address.state,
        &address.zip_code,
        &address.country,
        &address.country_code,
    ];
    parts.iter().any(|part| part.is_some()).then_some(address)
}

/// Makes the guest of a checkout a customer, with what he says of himself; the same customer again where an earlier try
/// made it.
///
/// # Errors
/// [`Error::Invalid`] without a name, and for what a customer may not be; [`Error::Refused`] for an e-mail address
/// that another customer has.
pub(super) async fn welcome(app: &App, tx: &mut Tx, checkout: &Checkout) -> Result<Uuid> {
    let request = &checkout.request;
    let said = &request.customer_data;
    let written = customers::Written {
        details: details(said, request.business_entity_id)?,
        address: address(said),
        ship_to_address: None,
        connector: None,
    };
    let made = match request.guest_customer_id {
        Some(known) => customers::update(app, tx, known, written).await,
        None => customers::create(app, tx, written).await,
    };
    let made = made.map_err(|error| match error {
        Error::Invalid(mut fields) => {
            for field in &mut fields {
                field.path.insert(0, "customer_data".to_owned());
            }
            Error::Invalid(fields)
        }
        other => other,
    });
    Ok(made?.customer.id)
}
