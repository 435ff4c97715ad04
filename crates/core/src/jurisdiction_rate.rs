//! Jurisdiction rates: which taxes a business entity owes for one kind of thing at one destination.
//!
//! Owns what a valid row is, which row applies to a destination on a day, the order in which its taxes
//! are computed and the text that a fingerprint is taken of (semantics §39). Does not own the amount
//! of a tax. Invariants: a row's place is in canonical spelling ([`Place::new`]); a percentage is from
//! 0 to 100 with at most ten decimal places.
//!
//! Decided where the reference is silent: a row holds from the beginning of `effective_from` to the
//! end of `effective_to`, that day included (DESIGN §6); a level that is given must be equal, so a row
//! of a country does not stand in for one of a state.

mod lookup;
#[cfg(test)]
mod tests;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use lookup::{Destination, Unresolved, applicable, breakdown, fingerprint_text};

/// Most decimal places of a percentage.
const PERCENT_SCALE_MAX: u32 = 10;

/// A row: the taxes of one kind of thing at one place, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JurisdictionRate {
    /// Its id.
    pub id: Uuid,
    /// Who owes the tax.
    pub business_entity_id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Where it holds.
    pub place: Place,
    /// For what it holds.
    pub tax_category_id: Uuid,
    /// First day.
    pub effective_from: Date,
    /// Last day, included; open where there is none.
    pub effective_to: Option<Date>,
    /// Whether lookups see it.
    pub is_active: bool,
    /// Its name, for people.
    pub name: Option<String>,
}

/// A place, by levels. An absent level is empty: nothing is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Country, ISO 3166-1 alpha-2, upper case.
    pub country_code: String,
    /// State or province, upper case.
    pub state_code: Option<String>,
    /// Town, as it is written; compared without letter case.
    pub city: Option<String>,
    /// First postal code, upper case.
    pub zip_code_start: Option<String>,
    /// Last postal code, included, upper case.
    pub zip_code_end: Option<String>,
}

/// One tax of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxRate {
    /// Its id. Later ids are later entries of the row.
    pub id: Uuid,
    /// The row.
    pub jurisdiction_rate_id: Uuid,
    /// What its owner wrote.
    pub details: RateDetails,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of one tax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateDetails {
    /// Its name on documents.
    pub tax_name: String,
    /// 6.25 is 6.25 %; 0 to 100.
    pub rate_percent: Decimal,
    /// Whether it is also charged on the taxes before it.
    pub is_compound: bool,
    /// Place among the compound taxes, ascending.
    pub compound_order: i64,
    /// Who levies it: country, state, county, city…
    pub jurisdiction_level: Option<String>,
    /// The authority's code.
    pub jurisdiction_code: Option<String>,
}

/// Which rule a row breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One end of the range of postal codes is missing.
    #[error("zip_code_start and zip_code_end belong together: send both, equal for a single code")]
    ZipRangeOpen,
    /// The ends of the range have different lengths, so codes between them have no order.
    #[error("zip_code_end must have as many characters as zip_code_start")]
    ZipLengthsDiffer,
    /// The range ends before it begins.
    #[error("zip_code_end must not come before zip_code_start")]
    ZipRangeReversed,
    /// The row ends before it begins.
    #[error("effective_to must not be before effective_from; that day is included")]
    EffectiveToEarlier,
}

/// Which rule a tax breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateRefusal {
    /// The name is blank.
    #[error("a tax needs a name that is not blank")]
    TaxNameBlank,
    /// The percentage is below 0 or above 100.
    #[error("a percentage is from 0 to 100")]
    PercentOutOfRange,
    /// The percentage has more decimal places than any tax.
    #[error("a percentage has at most {PERCENT_SCALE_MAX} decimal places")]
    PercentTooFine,
}

impl Place {
    /// A place in canonical spelling: without outer blanks, codes in upper case, an empty text is no
    /// level.
    pub fn new(levels: Place) -> Self {
        let Self {
            country_code,
            state_code,
            city,
            zip_code_start,
            zip_code_end,
        } = levels;
        Self {
            country_code: country_code.trim().to_uppercase(),
            state_code: code(state_code),
            city: level(city),
            zip_code_start: code(zip_code_start),
            zip_code_end: code(zip_code_end),
        }
    }
}

fn level(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn code(text: Option<String>) -> Option<String> {
    Some(level(text)?.to_uppercase())
}

/// The rules that a row breaks, one for each field at most.
pub fn refusals(details: &Details) -> Vec<Refusal> {
    let Place {
        zip_code_start,
        zip_code_end,
        ..
    } = &details.place;
    let zip = match (zip_code_start, zip_code_end) {
        (None, None) => None,
        (None, Some(_)) | (Some(_), None) => Some(Refusal::ZipRangeOpen),
        (Some(start), Some(end)) if start.chars().count() != end.chars().count() => {
            Some(Refusal::ZipLengthsDiffer)
        }
        (Some(start), Some(end)) => (end < start).then_some(Refusal::ZipRangeReversed),
    };
    let reversed = details
        .effective_to
        .is_some_and(|last| last < details.effective_from);
    let time = reversed.then_some(Refusal::EffectiveToEarlier);
    zip.into_iter().chain(time).collect()
}

/// The rules that a tax breaks, one for each field at most.
pub fn rate_refusals(rate: &RateDetails) -> Vec<RateRefusal> {
    let name = rate
        .tax_name
        .trim()
        .is_empty()
        .then_some(RateRefusal::TaxNameBlank);
    let percent = rate.rate_percent;
    let percent = if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
        Some(RateRefusal::PercentOutOfRange)
    } else {
        (percent.normalize().scale() > PERCENT_SCALE_MAX).then_some(RateRefusal::PercentTooFine)
    };
    name.into_iter().chain(percent).collect()
}
