//! Who bills and who pays, as documents show them. Owns how an address is written.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::{Address, Entry};
use crate::business_entity::BusinessEntity;
use crate::customer::Customer;

/// Both sides of a document. Those of an approved invoice are kept as they were on that day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    /// Who bills.
    pub seller: Party,
    /// Who pays.
    pub customer: Party,
}

/// A side of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its id.
    pub id: String,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its address, line by line.
    pub address: Vec<String>,
    /// Where goods and services go, line by line, where that is elsewhere.
    pub shipping_address: Vec<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// With country code.
    pub phone_number: Option<String>,
    /// Tax registrations.
    pub tax_ids: Vec<TaxNumber>,
    /// Its picture: a `data:` URL, or one that a browser loads.
    pub logo_url: Option<String>,
}

/// A tax registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxNumber {
    /// `EU VAT`, `Tax ID`.
    pub name: String,
    /// The number.
    pub value: String,
}

impl Party {
    /// The entity that bills.
    pub fn seller(entity: &BusinessEntity) -> Self {
        let details = &entity.details;
        Self {
            id: entity.id.to_string(),
            name: details.name.clone(),
            address: details.address.as_ref().map(written).unwrap_or_default(),
            email: details.email.clone(),
            phone_number: details.phone_number.clone(),
            tax_ids: tax_number(&details.tax_config),
            logo_url: details.logo_url.clone(),
            ..Self::default()
        }
    }

    /// The customer who pays, with the default addresses of the book.
    pub fn customer(customer: &Customer, book: &[Entry]) -> Self {
        let default = |is_default: fn(&Entry) -> bool| {
            let mut entries = book.iter().filter(|entry| is_default(entry));
            entries.next().map(|entry| &entry.address)
        };
        let billing = default(|entry| entry.is_default_billing);
        let shipping = default(|entry| entry.is_default_shipping);
        let details = &customer.details;
        let tax_ids = details.tax_info.iter().map(|registration| TaxNumber {
            name: format!("{} {}", registration.country_code, registration.tax_code),
            value: registration.tax_id.clone(),
        });
        let elsewhere = shipping.filter(|there| {
            billing.is_none_or(|address| address.content_key() != there.content_key())
        });
        Self {
            id: customer.id.to_string(),
            external_id: details.external_id.clone(),
            name: details.customer_name.clone(),
            address: billing.map(written).unwrap_or_default(),
            shipping_address: elsewhere.map(written).unwrap_or_default(),
            email: details.email.clone(),
            phone_number: details.phone_number.clone(),
            tax_ids: tax_ids.collect(),
            ..Self::default()
        }
    }
}

/// An address as it stands on a letter, without blank lines.
fn written(address: &Address) -> Vec<String> {
    let text = |part: &Option<String>| part.as_deref().unwrap_or_default().trim().to_owned();
    let region = [text(&address.state), text(&address.zip_code)].join(" ");
    let town = [text(&address.city), region.trim().to_owned()];
    let town: Vec<&str> = town.iter().map(String::as_str).collect();
    let town: Vec<&str> = town.into_iter().filter(|part| !part.is_empty()).collect();
    let country = match text(&address.country) {
        country if country.is_empty() => text(&address.country_code),
        country => country,
    };
    let lines = [
        text(&address.line1),
        text(&address.line2),
        text(&address.line3),
        town.join(", "),
        country,
    ];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// `tax_id` of an entity's free settings, called by `tax_code` where that is given.
fn tax_number(config: &Json) -> Vec<TaxNumber> {
    let text = |key: &str| config.get(key)?.as_str().filter(|text| !text.is_empty());
    let number = text("tax_id").map(|value| TaxNumber {
        name: text("tax_code").unwrap_or("Tax ID").to_owned(),
        value: value.to_owned(),
    });
    number.into_iter().collect()
}
