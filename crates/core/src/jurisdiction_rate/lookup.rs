//! Which row applies to a destination, and what it says. Owns strict matching; billing and the lookup
//! endpoint both come through here.

use jiff::civil::Date;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{JurisdictionRate, Place, TaxRate, code, level};

/// For what, where and when a rate is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What is sold.
    pub tax_category_id: Uuid,
    /// Day of the sale.
    pub effective_date: Date,
    /// Country, ISO 3166-1 alpha-2, upper case.
    pub country_code: String,
    /// State or province, upper case.
    pub state_code: Option<String>,
    /// Town; compared without letter case.
    pub city: Option<String>,
    /// Postal code, upper case.
    pub zip_code: Option<String>,
}

/// Why no single row applies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// No row matches.
    #[error(
        "no active jurisdiction rate matches this destination level by level on {effective_date}"
    )]
    NoRow {
        /// The day.
        effective_date: Date,
    },
    /// Several rows match.
    #[error(
        "{} jurisdiction rates match: {}; end all but one by its effective_to, or deactivate them",
        rows.len(),
        listed(rows)
    )]
    SeveralRows {
        /// Their ids.
        rows: Vec<Uuid>,
    },
}

/// Most ids that a message names.
const NAMED_ROWS_MAX: usize = 10;

fn listed(rows: &[Uuid]) -> String {
    let named = rows.iter().take(NAMED_ROWS_MAX).map(Uuid::to_string);
    let rest = (rows.len() > NAMED_ROWS_MAX).then(|| "…".to_owned());
    named.chain(rest).collect::<Vec<_>>().join(", ")
}

impl Destination {
    /// The same destination in the spelling of [`Place::new`].
    #[must_use]
    pub fn canonical(self) -> Self {
        Self {
            country_code: self.country_code.trim().to_uppercase(),
            state_code: code(self.state_code),
            city: level(self.city),
            zip_code: code(self.zip_code),
            ..self
        }
    }
}

/// The one row that applies. Each level must be equal, or empty in the destination and in the row.
///
/// # Errors
/// [`Unresolved`] where no row matches, or more than one.
pub fn applicable<'r>(
    rows: impl IntoIterator<Item = &'r JurisdictionRate>,
    wanted: &Destination,
) -> Result<&'r JurisdictionRate, Unresolved> {
    let matching: Vec<_> = rows.into_iter().filter(|row| holds(row, wanted)).collect();
    match matching.as_slice() {
        [] => Err(Unresolved::NoRow {
            effective_date: wanted.effective_date,
        }),
        [only] => Ok(only),
        several => Err(Unresolved::SeveralRows {
            rows: several.iter().map(|row| row.id).collect(),
        }),
    }
}

fn holds(row: &JurisdictionRate, wanted: &Destination) -> bool {
    let details = &row.details;
    let day = wanted.effective_date;
    details.is_active
        && details.tax_category_id == wanted.tax_category_id
        && details.effective_from <= day
        && details.effective_to.is_none_or(|last| day <= last)
        && is_place(&details.place, wanted)
}

fn is_place(place: &Place, wanted: &Destination) -> bool {
    let folded = |city: &Option<String>| city.as_ref().map(|city| city.to_lowercase());
    place.country_code == wanted.country_code
        && place.state_code == wanted.state_code
        && folded(&place.city) == folded(&wanted.city)
        && is_in_range(place, wanted.zip_code.as_deref())
}

/// Codes of one length order as texts; a code of another length is in no range.
fn is_in_range(place: &Place, zip_code: Option<&str>) -> bool {
    let (start, end) = (&place.zip_code_start, &place.zip_code_end);
    match (start.as_deref(), end.as_deref(), zip_code) {
        (None, None, None) => true,
        (Some(start), Some(end), Some(zip_code)) => {
            start.chars().count() == zip_code.chars().count() && (start..=end).contains(&zip_code)
        }
        _ => false,
    }
}

/// The taxes of a row in the order in which they are computed: those on the net first, then the
/// compound ones by their order; ties by entry.
pub fn breakdown(mut rates: Vec<TaxRate>) -> Vec<TaxRate> {
    rates.sort_by_key(|rate| {
        let details = &rate.details;
        (details.is_compound, details.compound_order, rate.id)
    });
    rates
}

/// What the fingerprint of a resolved set is taken of: a JSON array without blanks, in the order of
/// [`breakdown`], of `[tax_name, rate_percent as text without trailing zeros, is_compound,
/// compound_order, jurisdiction_level or null, jurisdiction_code or null]`. Ids are left out: the
/// fingerprint changes when the tax does, not when an equal row takes the place of another.
pub fn fingerprint_text(breakdown: &[TaxRate]) -> String {
    let entry = |rate: &TaxRate| {
        let details = &rate.details;
        json!([
            details.tax_name,
            details.rate_percent.normalize().to_string(),
            details.is_compound,
            details.compound_order,
            details.jurisdiction_level,
            details.jurisdiction_code,
        ])
    };
    Json::Array(breakdown.iter().map(entry).collect()).to_string()
}
