//! A product as `/products` writes it.

use std::collections::BTreeMap;

use florin_core::entitlement::Entitlement;
use florin_core::product::{Details, Kind, Product, Status, Subtype, Timing, Unit, word};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{entitlement::EntitlementResponse, value::Instant};

/// Provider of a code that came without one: the one that the API's own examples name.
const TAX_PROVIDER: &str = "avalara";

/// An enumeration of the API that stands for one of the core.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident = $core:ident { $($(#[$case_meta:meta])* $case:ident),* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            $($(#[$case_meta])* $case),*
        }

        impl From<$core> for $name {
            fn from(case: $core) -> Self {
                match case { $($core::$case => Self::$case),* }
            }
        }

        impl From<$name> for $core {
            fn from(word: $name) -> Self {
                match word { $($name::$case => Self::$case),* }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// One product or several at one price.
    ProductKind = Kind {
        /// Sold by itself.
        Product,
        /// Several products sold together.
        Group
    }
}

/// Codes of tax providers: by provider, or as a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TaxCodes {
    /// The code of each provider.
    ByProvider(BTreeMap<String, String>),
    /// Codes with their providers.
    List(Vec<TaxCode>),
}

/// One code of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TaxCode {
    /// A code with its provider.
    Of {
        /// The provider.
        #[schema(min_length = 1, max_length = 64, example = "avalara")]
        provider: String,
        /// The code.
        #[schema(min_length = 1, max_length = 64, example = "PS081282")]
        code: String,
    },
    /// A code of `avalara`.
    Plain(String),
}

/// What a caller may write of a product.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProductInput {
    /// Name on documents.
    #[schema(min_length = 1, max_length = 255, example = "Platform fee")]
    name: String,
    /// `product`, or `group` for products that are sold together. Fixed once created.
    #[serde(rename = "type")]
    kind: ProductKind,
    /// A sentence about it; blank is none.
    #[schema(max_length = 4000, example = "Access to the platform")]
    description: Option<String>,
    /// Your own code for it; unique in the organisation.
    #[schema(max_length = 255, example = "PLT-1")]
    sku: Option<String>,
    /// Whether it can be sold; true unless told.
    #[schema(example = true)]
    is_active: Option<bool>,
    /// Codes of tax providers, by provider. A list of `{provider, code}` or of codes is read too.
    #[schema(example = json!({"avalara": "PS081282"}))]
    tax_codes: Option<TaxCodes>,
    /// Labels, of any form.
    #[schema(max_items = 100, example = json!(["core"]))]
    tags: Option<Vec<Value>>,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Option<Object>, example = json!({}))]
    custom_attributes: Option<Value>,
    /// The product that this one is a part of. It must not have a price of its own.
    parent_link_id: Option<Uuid>,
    /// The price that is offered first: one of the product's own.
    default_pricing_id: Option<Uuid>,
    /// Whether usage is recorded for it; false unless told.
    #[schema(example = false)]
    track_usage: Option<bool>,
    /// Levels of a feature that is chosen, not counted.
    #[schema(max_items = 100, example = json!(["silver", "gold"]))]
    enum_values: Option<Vec<EnumValue>>,
    /// What one unit is called.
    #[schema(max_length = 64, example = "seat")]
    unit: Option<String>,
}

/// One level of a feature.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(min_length = 1, max_length = 255, example = "gold")]
pub(super) struct EnumValue(String);

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductResponse {
    /// Id of the product.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Platform fee")]
    name: String,
    /// `product` or `group`.
    #[serde(rename = "type")]
    kind: ProductKind,
    /// A sentence about it.
    #[schema(example = "Access to the platform")]
    description: Option<String>,
    /// Labels.
    #[schema(example = json!(["core"]))]
    tags: Value,
    /// Your own code for it.
    #[schema(example = "PLT-1")]
    sku: Option<String>,
    /// The product that this one is a part of.
    parent_link_id: Option<Uuid>,
    /// Codes of tax providers, by provider.
    #[schema(value_type = Object, example = json!({"avalara": "PS081282"}))]
    tax_codes: Value,
    /// Whether it can be sold in new contracts.
    #[schema(example = true)]
    is_active: bool,
    /// The price that is offered first.
    default_pricing_id: Option<Uuid>,
    /// Values of the organisation's custom attributes.
    #[schema(value_type = Object, example = json!({}))]
    custom_attributes: Value,
    /// `group` for groups.
    #[schema(example = json!(null))]
    product_category: Option<&'static str>,
    /// `time_dependent` for what is held over a period, `time_independent` for what is consumed at one
    /// moment.
    #[schema(example = "time_dependent")]
    product_type: Option<&'static str>,
    /// What is counted: `quantity`, `credits` or `feature`.
    #[schema(example = "quantity")]
    product_sub_type: Option<&'static str>,
    /// Whether usage is recorded for it.
    #[schema(example = false)]
    track_usage: bool,
    /// Levels of a feature that is chosen, not counted.
    #[schema(example = json!([]))]
    enum_values: Vec<String>,
    /// What one unit is called.
    #[schema(example = "seat")]
    unit: Option<String>,
    /// Entitlements that belong to it.
    #[schema(example = json!([]))]
    entitlements: Vec<EntitlementResponse>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl TaxCodes {
    fn by_provider(self) -> BTreeMap<String, String> {
        match self {
            Self::ByProvider(codes) => codes,
            Self::List(codes) => codes.into_iter().map(TaxCode::with_provider).collect(),
        }
    }
}

impl TaxCode {
    fn with_provider(self) -> (String, String) {
        match self {
            Self::Of { provider, code } => (provider, code),
            Self::Plain(code) => (TAX_PROVIDER.to_owned(), code),
        }
    }
}

impl ProductInput {
    /// The product's details; what this form does not write stays as in `current`.
    pub(crate) fn details(self, current: Option<Details>) -> Details {
        let Self {
            name,
            kind,
            description,
            sku,
            is_active,
            tax_codes,
            tags,
            custom_attributes,
            parent_link_id,
            default_pricing_id,
            track_usage,
            enum_values,
            unit,
        } = self;
        let status = current
            .as_ref()
            .map_or(Status::Active, |details| details.status);
        let (slug, delivery, tax_category, known_unit) = current.map_or_else(
            || (None, None, None, None),
            |known| (known.slug, known.delivery, known.tax_category, known.unit),
        );
        Details {
            name,
            description,
            sku,
            slug,
            kind: kind.into(),
            status: status.with_active(is_active.unwrap_or(true)),
            delivery,
            unit: unit_named(unit, known_unit),
            tax_codes: json!(tax_codes.map(TaxCodes::by_provider).unwrap_or_default()),
            tax_category,
            parent_link_id,
            default_pricing_id,
            track_usage: track_usage.unwrap_or(false),
            enum_values: enum_values
                .into_iter()
                .flatten()
                .map(|value| value.0)
                .collect(),
            tags: Value::from(tags.unwrap_or_default()),
            custom_attributes: custom_attributes.unwrap_or_else(|| json!({})),
        }
    }
}

/// The unit of that name; its plural is kept while the name stays.
fn unit_named(singular: Option<String>, known: Option<Unit>) -> Option<Unit> {
    let singular = singular.filter(|singular| !singular.is_empty())?;
    let plural = known.filter(|known| known.singular == singular);
    let plural = plural.and_then(|known| known.plural);
    Some(Unit { singular, plural })
}

impl From<Details> for ProductInput {
    fn from(details: Details) -> Self {
        let Details {
            name,
            description,
            sku,
            kind,
            status,
            unit,
            tax_codes,
            parent_link_id,
            default_pricing_id,
            track_usage,
            enum_values,
            tags,
            custom_attributes,
            slug: _,
            delivery: _,
            tax_category: _,
        } = details;
        let codes = tax_codes.as_object().into_iter().flatten();
        let text = |code: &Value| code.as_str().unwrap_or_default().to_owned();
        let codes = codes.map(|(provider, code)| (provider.clone(), text(code)));
        Self {
            name,
            kind: kind.into(),
            description,
            sku,
            is_active: Some(status == Status::Active),
            tax_codes: Some(TaxCodes::ByProvider(codes.collect())),
            tags: tags.as_array().cloned(),
            custom_attributes: Some(custom_attributes),
            parent_link_id,
            default_pricing_id,
            track_usage: Some(track_usage),
            enum_values: Some(enum_values.into_iter().map(EnumValue).collect()),
            unit: unit.map(|unit| unit.singular),
        }
    }
}

impl From<Product> for ProductResponse {
    fn from(product: Product) -> Self {
        let Product {
            id,
            details,
            created_at,
            updated_at,
        } = product;
        let Details {
            name,
            description,
            sku,
            slug: _,
            kind,
            status,
            delivery,
            unit,
            tax_codes,
            tax_category: _,
            parent_link_id,
            default_pricing_id,
            track_usage,
            enum_values,
            tags,
            custom_attributes,
        } = details;
        Self {
            id,
            name,
            kind: kind.into(),
            description,
            tags,
            sku,
            parent_link_id,
            tax_codes,
            is_active: status == Status::Active,
            default_pricing_id,
            custom_attributes,
            product_category: (kind == Kind::Group).then_some("group"),
            product_type: delivery.map(|delivery| product_type(delivery.timing)),
            product_sub_type: delivery.map(|delivery| word(Subtype::ALL, delivery.subtype)),
            track_usage,
            enum_values,
            unit: unit.map(|unit| unit.singular),
            entitlements: Vec::new(),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl ProductResponse {
    /// The product with the entitlements that belong to it.
    pub(crate) fn with(self, entitlements: Vec<Entitlement>) -> Self {
        let entitlements = entitlements.into_iter().map(Into::into);
        Self {
            entitlements: entitlements.collect(),
            ..self
        }
    }
}

const fn product_type(timing: Timing) -> &'static str {
    match timing {
        Timing::PeriodOfTime => "time_dependent",
        Timing::PointInTime => "time_independent",
    }
}
