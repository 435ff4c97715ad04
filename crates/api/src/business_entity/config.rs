//! Region configs of a business entity over HTTP.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Query, RawPathParams},
    http::request::Parts,
};
use florin_app::business_entity as operation;
use florin_core::region_config::{Refusal, Region, RegionConfig, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server},
    error::{BadField, Error, Result},
    list::Envelope,
    path::PathIds,
    value::Instant,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, replace))
        .routes(routes!(read, put, delete))
}

/// What an entity does differently in a region. A setting that is left out leaves it to the entity.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct RegionSettings {
    /// Text before the number of an invoice.
    #[schema(max_length = 32, example = "US-")]
    invoice_number_prefix: Option<String>,
    /// Days from an invoice's date to its due date.
    #[schema(minimum = 0, maximum = 3650, example = 30)]
    payment_terms_days: Option<i64>,
    /// The entity's tax registration there.
    #[schema(max_length = 64, example = "12-3456789")]
    tax_id: Option<String>,
    /// Free settings.
    #[schema(value_type = Option<Object>, example = json!({"bank_account": "DE02 1203 0000"}))]
    config: Option<Value>,
}

/// The config of one region.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct RegionConfigInput {
    /// Country, two letters of ISO 3166-1.
    #[schema(min_length = 2, max_length = 2, example = "US")]
    country_code: String,
    /// Currency, ISO 4217; left out for every currency that has no row of its own.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: Option<String>,
    /// Text before the number of an invoice.
    #[schema(max_length = 32, example = "US-")]
    invoice_number_prefix: Option<String>,
    /// Days from an invoice's date to its due date.
    #[schema(minimum = 0, maximum = 3650, example = 30)]
    payment_terms_days: Option<i64>,
    /// The entity's tax registration there.
    #[schema(max_length = 64, example = "12-3456789")]
    tax_id: Option<String>,
    /// Free settings.
    #[schema(value_type = Option<Object>, example = json!({"bank_account": "DE02 1203 0000"}))]
    config: Option<Value>,
}

/// All region configs of an entity.
#[derive(Debug, Deserialize, ToSchema)]
struct RegionConfigsInput {
    /// One row for each region.
    #[schema(max_items = 500)]
    configs: Vec<RegionConfigInput>,
}

/// The config of one region. A document takes the row of its customer's country and its own currency,
/// else the country's row without currency.
#[derive(Debug, Serialize, ToSchema)]
struct RegionConfigResponse {
    /// Id of the config.
    id: Uuid,
    /// The entity.
    business_entity_id: Uuid,
    /// Country, two letters of ISO 3166-1.
    #[schema(example = "US")]
    country_code: String,
    /// Currency, ISO 4217; null for every currency that has no row of its own.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// Text before the number of an invoice.
    #[schema(example = "US-")]
    invoice_number_prefix: Option<String>,
    /// Days from an invoice's date to its due date.
    #[schema(example = 30)]
    payment_terms_days: Option<i64>,
    /// The entity's tax registration there.
    #[schema(example = "12-3456789")]
    tax_id: Option<String>,
    /// Free settings.
    #[schema(value_type = Object, example = json!({"bank_account": "DE02 1203 0000"}))]
    config: Value,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// Which currency of a country is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by `InRegion`")]
struct InCurrency {
    /// Currency, ISO 4217. Left out, reading and deleting mean every config of the country, and
    /// writing means the one for every currency that has none of its own.
    #[param(example = "USD")]
    currency: Option<String>,
}

/// List region configs
///
/// All of them, by country and currency.
#[utoipa::path(
    get,
    path = "/business_entities/{business_entity_id}/config",
    tag = "business entities",
    params(("business_entity_id" = Uuid, Path, description = "Id of the entity.")),
    responses((
        status = 200, description = "Every config of the entity.",
        body = Envelope<RegionConfigResponse>
    ))
)]
async fn list(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<Envelope<RegionConfigResponse>>> {
    let mut tx = context.read().await?;
    let rows = operation::configs(&mut tx, id, None).await?;
    Ok(Json(whole(rows)))
}

/// Replace all region configs
///
/// Afterwards the entity has exactly these. A region that had a config keeps its id; one that is not
/// named loses its config.
#[utoipa::path(
    put,
    path = "/business_entities/{business_entity_id}/config",
    tag = "business entities",
    params(("business_entity_id" = Uuid, Path, description = "Id of the entity.")),
    request_body = RegionConfigsInput,
    responses((
        status = 200, description = "Every config of the entity.",
        body = Envelope<RegionConfigResponse>
    ))
)]
async fn replace(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<RegionConfigsInput>,
) -> Result<Json<Envelope<RegionConfigResponse>>> {
    let mut tx = context.begin().await?;
    let rows = operation::replace_configs(&context.app, &mut tx, id, wanted(input)?).await?;
    context.commit(tx, whole(rows)).await
}

/// Get the region configs of a country
///
/// One for each currency that has its own, and the one for every other currency; none where there is
/// none.
#[utoipa::path(
    get,
    path = "/business_entities/{business_entity_id}/config/{country_code}",
    tag = "business entities",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the entity."),
        ("country_code" = String, Path, description = "Two letters of ISO 3166-1.", example = "US"),
        InCurrency,
    ),
    responses((
        status = 200, description = "The configs.", body = Envelope<RegionConfigResponse>
    ))
)]
async fn read(
    context: Context,
    PathIds([id]): PathIds<1>,
    InRegion(region): InRegion,
) -> Result<Json<Envelope<RegionConfigResponse>>> {
    let mut tx = context.read().await?;
    let rows = operation::configs(&mut tx, id, Some(&region)).await?;
    Ok(Json(whole(rows)))
}

/// Write the config of a region
///
/// Creates the config of the country and currency, or replaces it whole.
#[utoipa::path(
    put,
    path = "/business_entities/{business_entity_id}/config/{country_code}",
    tag = "business entities",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the entity."),
        ("country_code" = String, Path, description = "Two letters of ISO 3166-1.", example = "US"),
        InCurrency,
    ),
    request_body = RegionSettings,
    responses((status = 200, description = "The config.", body = RegionConfigResponse))
)]
async fn put(
    context: Context,
    PathIds([id]): PathIds<1>,
    InRegion(region): InRegion,
    Body(settings): Body<RegionSettings>,
) -> Result<Json<RegionConfigResponse>> {
    let written = (region, settings.into());
    let mut tx = context.begin().await?;
    let row = operation::put_config(&context.app, &mut tx, id, written).await?;
    context.commit(tx, row.into()).await
}

/// Delete the region configs of a country
///
/// All of them, or with `currency` the one of that currency.
#[utoipa::path(
    delete,
    path = "/business_entities/{business_entity_id}/config/{country_code}",
    tag = "business entities",
    params(
        ("business_entity_id" = Uuid, Path, description = "Id of the entity."),
        ("country_code" = String, Path, description = "Two letters of ISO 3166-1.", example = "US"),
        InCurrency,
    ),
    responses((
        status = 200, description = "The configs as they were.",
        body = Envelope<RegionConfigResponse>
    ))
)]
async fn delete(
    context: Context,
    PathIds([id]): PathIds<1>,
    InRegion(region): InRegion,
) -> Result<Json<Envelope<RegionConfigResponse>>> {
    let mut tx = context.begin().await?;
    let rows = operation::delete_configs(&mut tx, id, &region).await?;
    context.commit(tx, whole(rows)).await
}

fn whole(rows: Vec<RegionConfig>) -> Envelope<RegionConfigResponse> {
    Envelope::whole(rows, RegionConfigResponse::from)
}

/// The region that path and query name.
struct InRegion(Region);

impl<S: Send + Sync> FromRequestParts<S> for InRegion {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|_| Error::UnknownRoute)?;
        let country = path.iter().find(|(name, _)| *name == "country_code");
        let country = country.map(|(_, code)| code).unwrap_or_default();
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
        let currency = query.iter().rev().find(|(name, _)| name == "currency");
        let currency = currency.map(|(_, code)| code.as_str());
        let region = Region::new(country, currency.filter(|code| !code.is_empty()));
        region.map(Self).map_err(|refusals| {
            let field = |refusal: Refusal| match refusal {
                Refusal::CountryCode => bad("path", &["country_code"], refusal),
                Refusal::Currency => bad("query", &["currency"], refusal),
            };
            Error::Unreadable(refusals.into_iter().map(field).collect())
        })
    }
}

/// The rows of the body, or every region in it that cannot be used.
fn wanted(input: RegionConfigsInput) -> Result<Vec<(Region, Settings)>> {
    let mut fields = Vec::new();
    let mut rows = Vec::new();
    for (position, input) in input.configs.into_iter().enumerate() {
        match Region::new(&input.country_code, input.currency.as_deref()) {
            Ok(region) => rows.push((region, input.into())),
            Err(refusals) => fields.extend(refusals.into_iter().map(|refusal| {
                let name = match refusal {
                    Refusal::CountryCode => "country_code",
                    Refusal::Currency => "currency",
                };
                bad("body", &["configs", &position.to_string(), name], refusal)
            })),
        }
    }
    if fields.is_empty() {
        Ok(rows)
    } else {
        Err(Error::Unreadable(fields))
    }
}

fn bad(part: &'static str, path: &[&str], refusal: Refusal) -> BadField {
    BadField {
        part,
        path: path.iter().map(|&key| key.to_owned()).collect(),
        message: refusal.to_string(),
        kind: "value_error.region".to_owned(),
    }
}

impl From<RegionConfigInput> for Settings {
    fn from(input: RegionConfigInput) -> Self {
        let RegionConfigInput {
            country_code: _,
            currency: _,
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config,
        } = input;
        let settings = RegionSettings {
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config,
        };
        settings.into()
    }
}

impl From<RegionSettings> for Settings {
    fn from(settings: RegionSettings) -> Self {
        let RegionSettings {
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config,
        } = settings;
        Self {
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config: config.unwrap_or_else(|| json!({})),
        }
    }
}

impl From<RegionConfig> for RegionConfigResponse {
    fn from(row: RegionConfig) -> Self {
        let RegionConfig {
            id,
            business_entity_id,
            region,
            settings,
            created_at,
            updated_at,
        } = row;
        let Settings {
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config,
        } = settings;
        Self {
            id,
            business_entity_id,
            country_code: region.country_code().to_owned(),
            currency: region.currency().map(|currency| currency.code().to_owned()),
            invoice_number_prefix,
            payment_terms_days,
            tax_id,
            config,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}
