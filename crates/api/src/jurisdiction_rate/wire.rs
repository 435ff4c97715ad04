//! Jurisdiction rates, their taxes and lookups as JSON writes them.

use florin_app::jurisdiction_rate::{Rated, Resolved};
use florin_core::{
    id::OrganisationId,
    jurisdiction_rate::{Destination, Details, JurisdictionRate, Place, RateDetails, TaxRate},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::{Day, Instant, Percent};

/// What a caller may write of a new jurisdiction rate.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct JurisdictionRateInput {
    /// Country, ISO 3166-1 alpha-2.
    #[schema(
        min_length = 2,
        max_length = 2,
        pattern = "^[A-Za-z]{2}$",
        example = "US"
    )]
    country_code: String,
    /// State or province; a blank text is none.
    #[schema(max_length = 10, example = "TX")]
    state_code: Option<String>,
    /// Town, compared without letter case; a blank text is none.
    #[schema(max_length = 100, example = json!(null))]
    city: Option<String>,
    /// First postal code; needs `zip_code_end`.
    #[schema(max_length = 20, example = json!(null))]
    zip_code_start: Option<String>,
    /// Last postal code, included; as many characters as the first and not before it.
    #[schema(max_length = 20, example = json!(null))]
    zip_code_end: Option<String>,
    /// The tax category for which the taxes hold.
    tax_category_id: Uuid,
    /// First day on which the taxes hold.
    effective_from: Day,
    /// Last day on which they hold, that day included; open unless told.
    effective_to: Option<Day>,
    /// Whether lookups see it; true unless told.
    #[schema(example = true)]
    is_active: Option<bool>,
    /// Name, for people.
    #[schema(max_length = 255, example = "Texas")]
    name: Option<String>,
    /// The taxes; none is a rate of zero.
    #[schema(max_items = 50)]
    rates: Option<Vec<TaxRateInput>>,
}

/// What may change of a jurisdiction rate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct JurisdictionRateChangeInput {
    /// State or province; a blank text is none.
    #[schema(max_length = 10, example = "TX")]
    state_code: Option<String>,
    /// Town, compared without letter case; a blank text is none.
    #[schema(max_length = 100, example = json!(null))]
    city: Option<String>,
    /// First postal code; needs `zip_code_end`.
    #[schema(max_length = 20, example = json!(null))]
    zip_code_start: Option<String>,
    /// Last postal code, included; as many characters as the first and not before it.
    #[schema(max_length = 20, example = json!(null))]
    zip_code_end: Option<String>,
    /// The tax category for which the taxes hold.
    tax_category_id: Uuid,
    /// First day on which the taxes hold.
    effective_from: Day,
    /// Last day on which they hold, that day included; null for open.
    effective_to: Option<Day>,
    /// Whether lookups see it.
    #[schema(example = false)]
    is_active: Option<bool>,
    /// Name, for people.
    #[schema(max_length = 255, example = "Texas")]
    name: Option<String>,
}

/// What a caller may write of a tax.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct TaxRateInput {
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "State")]
    tax_name: String,
    /// Percentage, 0 to 100, at most ten decimal places: 6.25 is 6.25 %.
    rate_percent: Percent,
    /// Whether it is also charged on the taxes before it; false unless told.
    #[schema(example = false)]
    is_compound: Option<bool>,
    /// Place among the compound taxes, ascending; 0 unless told.
    #[schema(minimum = 0, maximum = 1_000_000, example = 0)]
    compound_order: Option<i64>,
    /// Who levies it: country, state, county, city…
    #[schema(max_length = 50, example = "state")]
    jurisdiction_level: Option<String>,
    /// The authority's code.
    #[schema(max_length = 50, example = "TX")]
    jurisdiction_code: Option<String>,
}

/// For what, where and when a tax is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DestinationInput {
    /// The tax category of what is sold.
    tax_category_id: Uuid,
    /// Country, ISO 3166-1 alpha-2.
    #[schema(
        min_length = 2,
        max_length = 2,
        pattern = "^[A-Za-z]{2}$",
        example = "US"
    )]
    country_code: String,
    /// Day of the sale.
    effective_date: Day,
    /// State or province; left out, only rows without one match.
    #[schema(max_length = 10, example = "TX")]
    state_code: Option<String>,
    /// Town; left out, only rows without one match.
    #[schema(max_length = 100, example = json!(null))]
    city: Option<String>,
    /// Postal code; left out, only rows without a range match.
    #[schema(max_length = 20, example = json!(null))]
    zip_code: Option<String>,
}

/// A jurisdiction rate: the taxes of one category at one place, for a time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JurisdictionRateResponse {
    /// Id of the jurisdiction rate.
    id: Uuid,
    /// The business entity that owes the taxes.
    business_entity_id: Uuid,
    /// The organisation.
    organization_id: Uuid,
    /// Country, ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    country_code: String,
    /// State or province.
    #[schema(example = "TX")]
    state_code: Option<String>,
    /// Town.
    #[schema(example = json!(null))]
    city: Option<String>,
    /// First postal code.
    #[schema(example = json!(null))]
    zip_code_start: Option<String>,
    /// Last postal code, included.
    #[schema(example = json!(null))]
    zip_code_end: Option<String>,
    /// The tax category for which the taxes hold.
    tax_category_id: Uuid,
    /// First day on which the taxes hold.
    effective_from: Day,
    /// Last day on which they hold, that day included; null is open.
    effective_to: Option<Day>,
    /// Whether lookups see it.
    #[schema(example = true)]
    is_active: bool,
    /// Name, for people.
    #[schema(example = "Texas")]
    name: Option<String>,
    /// The taxes, in the order in which they were entered.
    rates: Vec<TaxRateResponse>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// One tax of a jurisdiction rate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaxRateResponse {
    /// Id of the tax rate.
    id: Uuid,
    /// The jurisdiction rate.
    jurisdiction_rate_id: Uuid,
    /// Name on documents.
    #[schema(example = "State")]
    tax_name: String,
    /// Percentage: 6.25 is 6.25 %.
    rate_percent: Percent,
    /// Whether it is also charged on the taxes before it.
    #[schema(example = false)]
    is_compound: bool,
    /// Place among the compound taxes, ascending.
    #[schema(example = 0)]
    compound_order: i64,
    /// Who levies it.
    #[schema(example = "state")]
    jurisdiction_level: Option<String>,
    /// The authority's code.
    #[schema(example = "TX")]
    jurisdiction_code: Option<String>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// The taxes of a destination.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResolvedTaxResponse {
    /// The jurisdiction rate that matched.
    source_jurisdiction_rate_id: Uuid,
    /// The taxes in the order in which they are computed: those on the net, then the compound ones.
    rate_breakdown: Vec<ResolvedRateBody>,
    /// SHA-256 of the breakdown, hexadecimal: it changes when the taxes do. Taken of the JSON array,
    /// without blanks, of `[tax_name, rate_percent, is_compound, compound_order, jurisdiction_level,
    /// jurisdiction_code]` in the order shown, percentages as texts without trailing zeros.
    #[schema(example = "b7a3e0d9c0f5a0c1e6d2a9c6c29d0a7f9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e")]
    fingerprint: String,
}

/// One tax of a destination.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResolvedRateBody {
    /// Name on documents.
    #[schema(example = "State")]
    tax_name: String,
    /// Percentage, as text: 6.25 is 6.25 %.
    #[schema(example = "6.25")]
    rate_percent: String,
    /// Whether it is also charged on the taxes before it.
    #[schema(example = false)]
    is_compound: bool,
    /// Place among the compound taxes, ascending.
    #[schema(example = 0)]
    compound_order: i64,
    /// The tax rate that says so.
    source_tax_rate_id: Uuid,
    /// Who levies it.
    #[schema(example = "state")]
    jurisdiction_level: Option<String>,
    /// The authority's code.
    #[schema(example = "TX")]
    jurisdiction_code: Option<String>,
}

impl From<JurisdictionRateInput> for (Details, Vec<RateDetails>) {
    fn from(input: JurisdictionRateInput) -> Self {
        let JurisdictionRateInput {
            country_code,
            state_code,
            city,
            zip_code_start,
            zip_code_end,
            tax_category_id,
            effective_from,
            effective_to,
            is_active,
            name,
            rates,
        } = input;
        let details = Details {
            place: Place {
                country_code,
                state_code,
                city,
                zip_code_start,
                zip_code_end,
            },
            tax_category_id,
            effective_from: effective_from.0,
            effective_to: effective_to.map(|day| day.0),
            is_active: is_active.unwrap_or(true),
            name,
        };
        let rates = rates.into_iter().flatten().map(RateDetails::from);
        (details, rates.collect())
    }
}

impl From<Details> for JurisdictionRateChangeInput {
    fn from(details: Details) -> Self {
        let Details {
            place,
            tax_category_id,
            effective_from,
            effective_to,
            is_active,
            name,
        } = details;
        let Place {
            country_code: _,
            state_code,
            city,
            zip_code_start,
            zip_code_end,
        } = place;
        Self {
            state_code,
            city,
            zip_code_start,
            zip_code_end,
            tax_category_id,
            effective_from: Day(effective_from),
            effective_to: effective_to.map(Day),
            is_active: Some(is_active),
            name,
        }
    }
}

impl JurisdictionRateChangeInput {
    /// `before` with this change; an `is_active` of null changes nothing.
    pub(super) fn over(self, before: &Details) -> Details {
        let Self {
            state_code,
            city,
            zip_code_start,
            zip_code_end,
            tax_category_id,
            effective_from,
            effective_to,
            is_active,
            name,
        } = self;
        Details {
            place: Place {
                country_code: before.place.country_code.clone(),
                state_code,
                city,
                zip_code_start,
                zip_code_end,
            },
            tax_category_id,
            effective_from: effective_from.0,
            effective_to: effective_to.map(|day| day.0),
            is_active: is_active.unwrap_or(before.is_active),
            name,
        }
    }
}

impl From<TaxRateInput> for RateDetails {
    fn from(input: TaxRateInput) -> Self {
        let TaxRateInput {
            tax_name,
            rate_percent,
            is_compound,
            compound_order,
            jurisdiction_level,
            jurisdiction_code,
        } = input;
        Self {
            tax_name,
            rate_percent: rate_percent.0,
            is_compound: is_compound.unwrap_or(false),
            compound_order: compound_order.unwrap_or(0),
            jurisdiction_level,
            jurisdiction_code,
        }
    }
}

impl From<RateDetails> for TaxRateInput {
    fn from(details: RateDetails) -> Self {
        let RateDetails {
            tax_name,
            rate_percent,
            is_compound,
            compound_order,
            jurisdiction_level,
            jurisdiction_code,
        } = details;
        Self {
            tax_name,
            rate_percent: Percent(rate_percent),
            is_compound: Some(is_compound),
            compound_order: Some(compound_order),
            jurisdiction_level,
            jurisdiction_code,
        }
    }
}

impl From<DestinationInput> for Destination {
    fn from(input: DestinationInput) -> Self {
        let DestinationInput {
            tax_category_id,
            country_code,
            effective_date,
            state_code,
            city,
            zip_code,
        } = input;
        Self {
            tax_category_id,
            effective_date: effective_date.0,
            country_code,
            state_code,
            city,
            zip_code,
        }
    }
}

impl JurisdictionRateResponse {
    /// The row as the API shows it.
    pub(super) fn new(organisation: OrganisationId, rated: Rated) -> Self {
        let Rated { row, rates } = rated;
        let JurisdictionRate {
            id,
            business_entity_id,
            details,
            created_at,
            updated_at,
        } = row;
        let Details {
            place,
            tax_category_id,
            effective_from,
            effective_to,
            is_active,
            name,
        } = details;
        let Place {
            country_code,
            state_code,
            city,
            zip_code_start,
            zip_code_end,
        } = place;
        Self {
            id,
            business_entity_id,
            organization_id: organisation.0,
            country_code,
            state_code,
            city,
            zip_code_start,
            zip_code_end,
            tax_category_id,
            effective_from: Day(effective_from),
            effective_to: effective_to.map(Day),
            is_active,
            name,
            rates: rates.into_iter().map(TaxRateResponse::from).collect(),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<TaxRate> for TaxRateResponse {
    fn from(rate: TaxRate) -> Self {
        let TaxRate {
            id,
            jurisdiction_rate_id,
            details,
            created_at,
            updated_at,
        } = rate;
        let RateDetails {
            tax_name,
            rate_percent,
            is_compound,
            compound_order,
            jurisdiction_level,
            jurisdiction_code,
        } = details;
        Self {
            id,
            jurisdiction_rate_id,
            tax_name,
            rate_percent: Percent(rate_percent),
            is_compound,
            compound_order,
            jurisdiction_level,
            jurisdiction_code,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Resolved> for ResolvedTaxResponse {
    fn from(resolved: Resolved) -> Self {
        let Resolved {
            jurisdiction_rate_id,
            breakdown,
            fingerprint,
        } = resolved;
        Self {
            source_jurisdiction_rate_id: jurisdiction_rate_id,
            rate_breakdown: breakdown.into_iter().map(ResolvedRateBody::from).collect(),
            fingerprint,
        }
    }
}

impl From<TaxRate> for ResolvedRateBody {
    fn from(rate: TaxRate) -> Self {
        let RateDetails {
            tax_name,
            rate_percent,
            is_compound,
            compound_order,
            jurisdiction_level,
            jurisdiction_code,
        } = rate.details;
        Self {
            tax_name,
            rate_percent: rate_percent.normalize().to_string(),
            is_compound,
            compound_order,
            source_tax_rate_id: rate.id,
            jurisdiction_level,
            jurisdiction_code,
        }
    }
}
