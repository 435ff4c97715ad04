//! What documents follow: the text before their number and when they are due, by the entity that bills and the
//! customer's country. Owns the look-up for many invoices at once.

use std::collections::{BTreeSet, HashMap};

use florin_core::{
    invoice::{Header, NumberFormat},
    payment_terms::PaymentTerms,
    region_config::{self, RegionConfig, Settings},
};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use crate::Result;

/// What was found for some invoices.
pub(super) struct DocumentSettings {
    regions: HashMap<Uuid, Vec<RegionConfig>>,
    countries: HashMap<Uuid, String>,
}

impl DocumentSettings {
    /// Looks up what the invoices with these headers follow.
    pub(super) async fn of(tx: &mut Tx, headers: &[&Header]) -> Result<Self> {
        let entities = headers
            .iter()
            .filter_map(|header| header.business_entity_id);
        let entities: BTreeSet<Uuid> = entities.collect();
        let mut regions = HashMap::with_capacity(entities.len());
        for id in entities {
            regions.insert(id, store::region_config::of_entity(tx, id).await?);
        }
        let is_regional = regions.values().any(|rows: &Vec<_>| !rows.is_empty());
        let countries = match is_regional {
            true => countries(tx, headers).await?,
            false => HashMap::new(),
        };
        Ok(Self { regions, countries })
    }

    fn settings(&self, header: &Header) -> Option<&Settings> {
        let rows = self.regions.get(&header.business_entity_id?)?;
        let country = self.countries.get(&header.customer_id)?;
        let row = region_config::for_document(rows, country, header.currency);
        row.map(|row| &row.settings)
    }

    /// How the invoice's number is written.
    pub(super) fn number_format(&self, header: &Header) -> NumberFormat {
        let mut format = NumberFormat::invoices();
        let prefix = self
            .settings(header)
            .and_then(|settings| settings.invoice_number_prefix.clone());
        if let Some(prefix) = prefix {
            format.prefix = prefix;
        }
        format
    }

    /// When the invoice is due unless it says so itself.
    pub(super) fn payment_terms(&self, header: &Header) -> PaymentTerms {
        let days = self
            .settings(header)
            .and_then(|settings| settings.payment_terms_days);
        let days = days.and_then(|days| u16::try_from(days).ok());
        days.map_or(PaymentTerms::DEFAULT, PaymentTerms::days_after_invoice_date)
    }
}

/// The country of each payer's default billing address.
async fn countries(tx: &mut Tx, headers: &[&Header]) -> Result<HashMap<Uuid, String>> {
    let customers: Vec<Uuid> = headers.iter().map(|header| header.customer_id).collect();
    let entries = store::customer_address::of_customers(tx, &customers).await?;
    let billing = entries.into_iter().filter(|entry| entry.is_default_billing);
    let countries =
        billing.filter_map(|entry| Some((entry.customer_id, entry.address.country_code?)));
    Ok(countries.collect())
}
