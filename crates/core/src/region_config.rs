//! Region configs: what a business entity does differently for one country, or for one currency there.
//!
//! Owns which row a written row replaces. Does not own how documents use them. A document takes the row
//! of its customer's country and its own currency, else the country's row without currency, else what
//! the entity says. Invariant: an entity has one row for each region.

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::currency::Currency;

/// A country, or one currency in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    country_code: String,
    currency: Option<Currency>,
}

/// What a region config says. An absent setting leaves the choice to the entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Text before the number of an invoice.
    pub invoice_number_prefix: Option<String>,
    /// Days from an invoice's date to its due date.
    pub payment_terms_days: Option<i64>,
    /// The entity's tax registration there.
    pub tax_id: Option<String>,
    /// Free settings.
    pub config: Json,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionConfig {
    /// Its id.
    pub id: Uuid,
    /// The entity.
    pub business_entity_id: Uuid,
    /// Where it holds.
    pub region: Region,
    /// What it says.
    pub settings: Settings,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A part of a region that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The country is not two letters.
    #[error("write the country as two letters of ISO 3166-1, as US")]
    CountryCode,
    /// The currency is none of ISO 4217.
    #[error("write the currency as a code of ISO 4217, as USD")]
    Currency,
}

impl Region {
    /// The region of an ISO 3166-1 alpha-2 code and an ISO 4217 code, in upper or lower case.
    ///
    /// # Errors
    /// Every [`Refusal`] that applies.
    pub fn new(country_code: &str, currency: Option<&str>) -> Result<Self, Vec<Refusal>> {
        let country_code = country_code.to_ascii_uppercase();
        let is_country =
            country_code.len() == 2 && country_code.bytes().all(|b| b.is_ascii_uppercase());
        let currency = currency.map(|code| Currency::iso(&code.to_ascii_uppercase()));
        match (is_country, currency.transpose()) {
            (true, Ok(currency)) => Ok(Self {
                country_code,
                currency,
            }),
            (true, Err(_)) => Err(vec![Refusal::Currency]),
            (false, Ok(_)) => Err(vec![Refusal::CountryCode]),
            (false, Err(_)) => Err(vec![Refusal::CountryCode, Refusal::Currency]),
        }
    }

    /// ISO 3166-1 alpha-2, in upper case.
    pub fn country_code(&self) -> &str {
        &self.country_code
    }

    /// The currency; absent for every currency of the country that has no row of its own.
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// Whether a caller who asks for `asked` means this region: a country without a currency means all
    /// of its regions.
    pub fn is_within(&self, asked: &Self) -> bool {
        self.country_code == asked.country_code
            && asked
                .currency
                .is_none_or(|code| self.currency == Some(code))
    }
}

/// The row that a document follows: that of the country and currency, else that of the country alone.
pub fn for_document<'r>(
    rows: &'r [RegionConfig],
    country_code: &str,
    currency: Currency,
) -> Option<&'r RegionConfig> {
    let row_of = |currency: Option<Currency>| {
        rows.iter().find(|row| {
            let region = &row.region;
            region.currency == currency && region.country_code.eq_ignore_ascii_case(country_code)
        })
    };
    row_of(Some(currency)).or_else(|| row_of(None))
}

/// A row before, if there was one, and after.
pub type Placed = (Option<RegionConfig>, RegionConfig);

/// What must be written so that an entity has exactly the wanted rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Rows that go.
    pub removed: Vec<RegionConfig>,
    /// Rows that stay or come.
    pub placed: Vec<Placed>,
}

/// Puts a row in the place of the known row of its region, whose id it keeps.
pub fn place(known: &[RegionConfig], row: RegionConfig) -> Placed {
    let before = known.iter().find(|known| known.region == row.region);
    let after = match before {
        None => row,
        Some(known) => RegionConfig {
            id: known.id,
            created_at: known.created_at,
            ..row
        },
    };
    (before.cloned(), after)
}

/// Replaces all rows of an entity.
///
/// # Errors
/// The positions of wanted rows whose region another row before them has.
pub fn replace(
    known: &[RegionConfig],
    wanted: Vec<RegionConfig>,
) -> Result<Replacement, Vec<usize>> {
    let is_repeated = |(position, row): (usize, &RegionConfig)| {
        let mut earlier = wanted.iter().take(position);
        let repeated = earlier.any(|other| other.region == row.region);
        repeated.then_some(position)
    };
    let repeated: Vec<usize> = wanted.iter().enumerate().filter_map(is_repeated).collect();
    if !repeated.is_empty() {
        return Err(repeated);
    }
    let is_wanted = |row: &RegionConfig| wanted.iter().any(|other| other.region == row.region);
    let removed = known
        .iter()
        .filter(|row| !is_wanted(row))
        .cloned()
        .collect();
    let placed = wanted.into_iter().map(|row| place(known, row)).collect();
    Ok(Replacement { removed, placed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, country: &str, currency: Option<&str>) -> RegionConfig {
        RegionConfig {
            id: Uuid::from_u128(id),
            business_entity_id: Uuid::nil(),
            region: Region::new(country, currency).unwrap(),
            settings: Settings {
                invoice_number_prefix: None,
                payment_terms_days: None,
                tax_id: None,
                config: Json::Null,
            },
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_region_is_two_letters_and_perhaps_a_currency() {
        let region = Region::new("us", Some("usd")).unwrap();
        assert_eq!(
            (region.country_code(), region.currency()),
            ("US", Some(Currency::USD))
        );
        let both = vec![Refusal::CountryCode, Refusal::Currency];
        assert_eq!(Region::new("USA", Some("dollar")), Err(both));
        assert_eq!(Region::new("ÅL", None), Err(vec![Refusal::CountryCode]));
    }

    #[test]
    fn a_country_alone_means_all_of_its_regions() {
        let asked = |country, currency| Region::new(country, currency).unwrap();
        let dollars = asked("US", Some("USD"));
        assert!(dollars.is_within(&asked("US", None)));
        assert!(dollars.is_within(&asked("US", Some("USD"))));
        assert!(!dollars.is_within(&asked("US", Some("EUR"))));
        assert!(!asked("US", None).is_within(&dollars));
        assert!(!dollars.is_within(&asked("DE", None)));
    }

    #[test]
    fn a_document_follows_the_nearest_row() {
        let rows = [row(1, "US", None), row(2, "US", Some("EUR"))];
        let found = |country, currency| for_document(&rows, country, currency).map(|row| row.id);
        assert_eq!(found("us", Currency::EUR), Some(Uuid::from_u128(2)));
        assert_eq!(found("US", Currency::USD), Some(Uuid::from_u128(1)));
        assert_eq!(found("DE", Currency::EUR), None);
    }

    #[test]
    fn replacing_all_rows_keeps_the_ids_of_regions_that_stay() {
        let known = [row(1, "US", None), row(2, "DE", None)];
        let wanted = vec![row(3, "DE", None), row(4, "DE", Some("EUR"))];
        let Replacement { removed, placed } = replace(&known, wanted).unwrap();
        assert_eq!(removed, [row(1, "US", None)]);
        let ids: Vec<Uuid> = placed.iter().map(|(_, after)| after.id).collect();
        assert_eq!(ids, [2, 4].map(Uuid::from_u128));
    }

    #[test]
    fn a_region_cannot_be_wanted_twice() {
        let wanted = vec![
            row(1, "US", None),
            row(2, "US", Some("USD")),
            row(3, "us", None),
        ];
        assert_eq!(replace(&[], wanted), Err(vec![2]));
    }
}
