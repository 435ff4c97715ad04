//! An offer as one JSON document: what a version is kept as. Owns the names of its fields, which are the API's.

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::{LineItem, Offer};
use crate::contract::{Fields, Unreadable};
use crate::plan::Provisioning;

type Result<T> = std::result::Result<T, Unreadable>;

impl Offer {
    /// The offer as a document.
    pub fn document(&self) -> Json {
        let Self {
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
        } = self;
        json!({
            "name": name,
            "description": description,
            "currency": currency,
            "start_date": start_date.to_string(),
            "end_date": end_date.map(|day| day.to_string()),
            "valid_from": valid_from.to_string(),
            "valid_until": valid_until.map(|day| day.to_string()),
            "plan_id": plan_id,
            "line_items": line_items.iter().map(LineItem::document).collect::<Vec<_>>(),
            "phases": phases,
            "discounts": discounts,
            "taxes": taxes,
            "provisioning_config": provisioning.as_str(),
            "custom_attributes": custom_attributes,
            "version_metadata": version_metadata,
        })
    }

    /// The offer whose [`Offer::document`] this is.
    ///
    /// # Errors
    /// [`Unreadable`], never for a document that [`Offer::document`] made.
    pub fn from_document(document: Json) -> Result<Self> {
        let mut fields = Fields::of(document, "quote")?;
        let items = fields.list("line_items")?.into_iter();
        Ok(Self {
            name: fields.text("name")?,
            description: fields.optional_text("description")?,
            currency: fields.text("currency")?,
            start_date: fields.word("start_date", day)?,
            end_date: fields.optional_word("end_date", day)?,
            valid_from: fields.word("valid_from", day)?,
            valid_until: fields.optional_word("valid_until", day)?,
            plan_id: fields.optional_id("plan_id")?,
            line_items: items.map(LineItem::from_document).collect::<Result<_>>()?,
            phases: fields.take("phases"),
            discounts: fields.take("discounts"),
            taxes: fields.take("taxes"),
            provisioning: fields.word("provisioning_config", Provisioning::parse)?,
            custom_attributes: fields.take("custom_attributes"),
            version_metadata: fields.take("version_metadata"),
        })
    }
}

impl LineItem {
    fn document(&self) -> Json {
        let Self {
            id,
            product_id,
            pricing_id,
            pricing,
            description,
            start_date,
            end_date,
        } = self;
        json!({
            "line_item_id": id,
            "product_id": product_id,
            "pricing_id": pricing_id,
            "pricing_data": pricing,
            "description": description,
            "start_date": start_date.map(|day| day.to_string()),
            "end_date": end_date.map(|day| day.to_string()),
        })
    }

    fn from_document(document: Json) -> Result<Self> {
        let mut fields = Fields::of(document, "line item of a quote")?;
        Ok(Self {
            id: fields.id("line_item_id")?,
            product_id: fields.optional_id("product_id")?,
            pricing_id: fields.optional_id("pricing_id")?,
            pricing: fields.optional("pricing_data", Some)?,
            description: fields.optional_text("description")?,
            start_date: fields.optional_word("start_date", day)?,
            end_date: fields.optional_word("end_date", day)?,
        })
    }
}

fn day(text: &str) -> Option<Date> {
    text.parse().ok()
}
