//! A tax category as JSON writes it.

use std::collections::BTreeMap;

use florin_core::{
    id::OrganisationId,
    tax_category::{Details, ExternalCode, TaxCategory},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Type},
    },
};
use uuid::Uuid;

use crate::value::Instant;

/// Most tax providers of a category.
const PROVIDERS_MAX: usize = 50;
/// Longest name of a provider, in characters.
const PROVIDER_LENGTH_MAX: usize = 64;
/// Longest code of a provider, in characters.
const CODE_LENGTH_MAX: usize = 255;

/// What a caller may write of a tax category.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct TaxCategoryInput {
    /// What is sold.
    #[schema(min_length = 1, max_length = 255, example = "SAAS")]
    name: String,
    /// The same category in the words of tax providers; none unless told.
    external_codes: Option<ExternalCodes>,
}

/// Codes by provider: an object, or a list of `provider` and `code`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ExternalCodes {
    ByProvider(BTreeMap<String, String>),
    List(Vec<ExternalCodeBody>),
}

/// A category's code at a tax provider.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExternalCodeBody {
    provider: String,
    code: String,
}

/// A tax category.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaxCategoryResponse {
    /// Id of the category.
    id: Uuid,
    /// The organisation.
    organization_id: Uuid,
    /// The code that the server gave it.
    #[schema(example = "ZEN_TAX_00001")]
    code: String,
    /// What is sold.
    #[schema(example = "SAAS")]
    name: String,
    /// The same category in the words of tax providers: the code by provider.
    #[schema(example = json!({"avalara": "SW054000"}))]
    external_codes: BTreeMap<String, String>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

fn text(length_max: usize) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(length_max))
        .build()
}

fn described(length_max: usize, description: &str, example: &str) -> Object {
    ObjectBuilder::from(text(length_max))
        .description(Some(description))
        .examples([example])
        .build()
}

impl PartialSchema for ExternalCodes {
    fn schema() -> RefOr<Schema> {
        let by_provider = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property_names(Some(text(PROVIDER_LENGTH_MAX)))
            .additional_properties(Some(Schema::Object(text(CODE_LENGTH_MAX))))
            .max_properties(Some(PROVIDERS_MAX))
            .examples([json!({"avalara": "SW054000"})]);
        let item = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property(
                "provider",
                described(PROVIDER_LENGTH_MAX, "The provider.", "avalara"),
            )
            .required("provider")
            .property(
                "code",
                described(CODE_LENGTH_MAX, "Its code for the category.", "SW054000"),
            )
            .required("code");
        let list = ArrayBuilder::new()
            .items(item.build())
            .max_items(Some(PROVIDERS_MAX));
        let forms = OneOfBuilder::new()
            .description(Some("The code by provider; a list of both is read too."))
            .item(by_provider.build())
            .item(Schema::Array(list.build()));
        RefOr::T(Schema::OneOf(forms.build()))
    }
}

impl ToSchema for ExternalCodes {}

impl From<TaxCategoryInput> for Details {
    fn from(input: TaxCategoryInput) -> Self {
        let TaxCategoryInput {
            name,
            external_codes,
        } = input;
        let external = |(provider, code)| ExternalCode { provider, code };
        let external_codes = match external_codes {
            None => Vec::new(),
            Some(ExternalCodes::ByProvider(codes)) => codes.into_iter().map(external).collect(),
            Some(ExternalCodes::List(codes)) => codes
                .into_iter()
                .map(|ExternalCodeBody { provider, code }| external((provider, code)))
                .collect(),
        };
        Self {
            name,
            external_codes,
        }
    }
}

fn by_provider(codes: Vec<ExternalCode>) -> BTreeMap<String, String> {
    let pairs = codes.into_iter();
    pairs
        .map(|ExternalCode { provider, code }| (provider, code))
        .collect()
}

impl From<Details> for TaxCategoryInput {
    fn from(details: Details) -> Self {
        let Details {
            name,
            external_codes,
        } = details;
        Self {
            name,
            external_codes: Some(ExternalCodes::ByProvider(by_provider(external_codes))),
        }
    }
}

impl TaxCategoryResponse {
    /// The category as the API shows it.
    pub(super) fn new(organisation: OrganisationId, category: TaxCategory) -> Self {
        let TaxCategory {
            id,
            code,
            details,
            created_at,
            updated_at,
        } = category;
        let Details {
            name,
            external_codes,
        } = details;
        Self {
            id,
            organization_id: organisation.0,
            code,
            name,
            external_codes: by_provider(external_codes),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}
