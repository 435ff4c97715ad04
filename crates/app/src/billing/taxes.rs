//! Taxes that a contract does not say itself: what the place of the customer and the categories of the products
//! resolve to (semantics §3.9, §39).
//!
//! Owns which levels of an address are looked up, and in which order: the most exact row decides, so that a country
//! with one rate needs one row. Strict matching of a row is [`jurisdiction_rate::applicable`]'s. Where no row
//! applies there is no tax; where several do, nobody can say which, and the contract is not billed.

use std::collections::{BTreeSet, HashMap};

use florin_core::{
    address::{Address, Entry},
    id::FeatureId,
    jurisdiction_rate::{
        Destination, JurisdictionRate, TaxRate, Unresolved, applicable, breakdown,
    },
    tax::Tax,
};
use florin_store::{self as store, Tx};
use jiff::civil::Date;
use uuid::Uuid;

use crate::Result;

/// The rows that lookups decide among, of some business entities.
#[derive(Debug, Default)]
pub(super) struct TaxBook {
    categories: HashMap<String, Uuid>,
    rows: HashMap<(Uuid, Uuid, String), Vec<JurisdictionRate>>,
    rates: HashMap<Uuid, Vec<TaxRate>>,
}

impl TaxBook {
    /// The rows of these entities for products of these tax categories. Without any category nothing is read.
    pub(super) async fn load(
        tx: &mut Tx,
        entities: &BTreeSet<Uuid>,
        codes: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut book = Self::default();
        for code in codes {
            if let Some(category) = store::tax_category::find_by_code(tx, code).await? {
                book.categories.insert(code.clone(), category.id);
            }
        }
        if book.categories.is_empty() {
            return Ok(book);
        }
        let mut ids = Vec::new();
        for entity in entities {
            for row in store::jurisdiction_rate::of_business_entity(tx, *entity, None).await? {
                ids.push(row.id);
                let details = &row.details;
                let country = details.place.country_code.clone();
                let key = (*entity, details.tax_category_id, country);
                book.rows.entry(key).or_default().push(row);
            }
        }
        for rate in store::tax_rate::of_jurisdiction_rates(tx, &ids).await? {
            let of_row = book.rates.entry(rate.jurisdiction_rate_id).or_default();
            of_row.push(rate);
        }
        Ok(book)
    }

    /// The taxes on something of a category that is sold to an address on a day, in the order in which they are
    /// computed.
    ///
    /// # Errors
    /// [`Unresolved::SeveralRows`].
    pub(super) fn taxes(
        &self,
        entity: Uuid,
        category_code: &str,
        address: &Address,
        day: Date,
    ) -> Result<Vec<Tax>, Unresolved> {
        let Some(category) = self.categories.get(category_code) else {
            return Ok(Vec::new());
        };
        for wanted in destinations(*category, address, day) {
            let key = (entity, *category, wanted.country_code.clone());
            let rows = self.rows.get(&key).into_iter().flatten();
            match applicable(rows, &wanted) {
                Ok(row) => return Ok(self.of_row(row)),
                Err(Unresolved::NoRow { .. }) => {}
                Err(several @ Unresolved::SeveralRows { .. }) => return Err(several),
            }
        }
        Ok(Vec::new())
    }

    fn of_row(&self, row: &JurisdictionRate) -> Vec<Tax> {
        let rates = self.rates.get(&row.id).cloned().unwrap_or_default();
        let taxes = breakdown(rates).into_iter().map(|rate| Tax {
            id: FeatureId(rate.id),
            rate: rate.details.rate_percent,
            is_compound: rate.details.is_compound,
        });
        taxes.collect()
    }
}

/// An address by its levels, the most exact first: whole, then without its town, its postal code, both, and its
/// state.
fn destinations(category: Uuid, address: &Address, day: Date) -> Vec<Destination> {
    let Some(country_code) = address.country_code.clone() else {
        return Vec::new();
    };
    let whole = Destination {
        tax_category_id: category,
        effective_date: day,
        country_code,
        state_code: address.state.clone(),
        city: address.city.clone(),
        zip_code: address.zip_code.clone(),
    };
    let whole = whole.canonical();
    let mut all: Vec<Destination> = Vec::new();
    for has_state in [true, false] {
        for (has_zip_code, has_city) in [(true, true), (true, false), (false, true), (false, false)]
        {
            let levels = Destination {
                state_code: whole.state_code.clone().filter(|_| has_state),
                city: whole.city.clone().filter(|_| has_city),
                zip_code: whole.zip_code.clone().filter(|_| has_zip_code),
                ..whole.clone()
            };
            if !all.contains(&levels) {
                all.push(levels);
            }
        }
    }
    all
}

/// Where things are delivered: the default address for shipping, else that for billing.
pub(super) fn delivered_to<'e>(book: impl IntoIterator<Item = &'e Entry>) -> Option<&'e Address> {
    let mut billing = None;
    for entry in book {
        if entry.is_default_shipping {
            return Some(&entry.address);
        }
        if entry.is_default_billing {
            billing = Some(&entry.address);
        }
    }
    billing
}

#[cfg(test)]
mod tests {
    use florin_core::jurisdiction_rate::{Details, Place, RateDetails};
    use jiff::Timestamp;

    use super::*;

    const ENTITY: Uuid = Uuid::from_u128(1);
    const CATEGORY: Uuid = Uuid::from_u128(2);
    const DAY: Date = jiff::civil::date(2026, 1, 1);

    fn row(id: u128, state: Option<&str>, zip_code: Option<&str>) -> JurisdictionRate {
        JurisdictionRate {
            id: Uuid::from_u128(id),
            business_entity_id: ENTITY,
            details: Details {
                place: Place {
                    country_code: "US".to_owned(),
                    state_code: state.map(str::to_owned),
                    city: None,
                    zip_code_start: zip_code.map(str::to_owned),
                    zip_code_end: zip_code.map(str::to_owned),
                },
                tax_category_id: CATEGORY,
                effective_from: DAY,
                effective_to: None,
                is_active: true,
                name: None,
            },
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn rate(id: u128, percent: i64) -> TaxRate {
        TaxRate {
            id: Uuid::from_u128(id + 100),
            jurisdiction_rate_id: Uuid::from_u128(id),
            details: RateDetails {
                tax_name: "Sales tax".to_owned(),
                rate_percent: percent.into(),
                is_compound: false,
                compound_order: 0,
                jurisdiction_level: None,
                jurisdiction_code: None,
            },
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn book(rows: Vec<JurisdictionRate>) -> TaxBook {
        let rates = rows.iter().zip(1..).map(|(row, percent)| {
            let rate = rate(row.id.as_u128(), percent);
            (row.id, vec![rate])
        });
        TaxBook {
            categories: [("ZEN_TAX_00001".to_owned(), CATEGORY)].into(),
            rates: rates.collect(),
            rows: [((ENTITY, CATEGORY, "US".to_owned()), rows)].into(),
        }
    }

    fn address(country: Option<&str>) -> Address {
        Address {
            line1: None,
            line2: None,
            line3: None,
            city: Some("Albany".to_owned()),
            state: Some("ny".to_owned()),
            zip_code: Some("12201".to_owned()),
            country: None,
            country_code: country.map(str::to_owned),
            validation_status: "pending".to_owned(),
            connector_validation: serde_json::Value::Null,
        }
    }

    fn percents(book: &TaxBook, country: Option<&str>) -> Result<Vec<String>, Unresolved> {
        let taxes = book.taxes(ENTITY, "ZEN_TAX_00001", &address(country), DAY)?;
        Ok(taxes.iter().map(|tax| tax.rate.to_string()).collect())
    }

    #[test]
    fn the_most_exact_row_decides() {
        let country = row(10, None, None);
        let state = row(11, Some("NY"), None);
        let zip = row(12, Some("NY"), Some("12201"));
        let other = row(13, Some("CA"), None);
        for (rows, expected) in [
            (vec![country.clone(), state.clone(), zip], vec!["3"]),
            (vec![country.clone(), state], vec!["2"]),
            (vec![country, other.clone()], vec!["1"]),
            (vec![other], vec![]),
        ] {
            assert_eq!(percents(&book(rows), Some("us")).unwrap(), expected);
        }
    }

    #[test]
    fn without_a_country_there_is_no_tax_and_two_rows_are_none() {
        let country = row(10, None, None);
        let twice = book(vec![country.clone(), row(11, None, None)]);
        assert_eq!(percents(&book(vec![country]), None).unwrap(), [""; 0]);
        assert!(percents(&twice, Some("US")).is_err());
    }
}
