//! Grants of entitlements to customers.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, entitlement::granted::Scope};
use florin_store::list::Spec;
use jiff::Timestamp;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::granted_wire::{
    CustomerEntitlementInput, CustomerEntitlementResponse, ListedGrantResponse,
    TotalEntitlementResponse, UniqueEntitlementResponse,
};
use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::{Parameters, bad},
    value::Number,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(of_customer))
        .routes(routes!(balances))
        .routes(routes!(unique))
        .routes(routes!(grant))
        .routes(routes!(list))
        .routes(routes!(total))
        .routes(routes!(read, update, delete))
}

type CustomerEntitlementPatch = Patch<CustomerEntitlementInput>;

struct Grants;

impl Listed for Grants {
    fn spec() -> &'static Spec {
        &florin_store::entitlement_grant::LIST
    }
}

struct Balances;

impl Listed for Balances {
    fn spec() -> &'static Spec {
        &florin_store::entitlement_grant::BALANCES
    }
}

/// What a list of grants is asked besides its filters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read as plain parameters")]
struct GrantsParameters {
    /// Where the grants stand, several separated by commas: `draft`, `active`, `expired`; any unless told.
    #[param(example = "draft,active")]
    status: Option<String>,
    /// What is shown beside each grant, several separated by commas: `customer`, `contract`, `product`, `invoice`. The last
    /// three are shown always.
    #[param(example = "customer")]
    populate: Option<String>,
}

/// `status` and `populate` of a query string.
fn asked(parameters: &Parameters) -> Result<(Vec<&str>, bool)> {
    let mut refused = Vec::new();
    let mut known = |parameter: &'static str, all: &[&str]| {
        let words: Vec<&str> = parameters.words(parameter).collect();
        if words.iter().any(|word| !all.contains(word)) {
            let message = format!("any of: {}", all.join(", "));
            refused.push(bad(parameter, "type_error.enum", &message));
        }
    };
    known("status", &["draft", "active", "expired"]);
    known("populate", &["customer", "contract", "product", "invoice"]);
    if !refused.is_empty() {
        return Err(Error::Unreadable(refused));
    }
    let with_customer = parameters.words("populate").any(|word| word == "customer");
    Ok((parameters.words("status").collect(), with_customer))
}

async fn page<L: Listed>(
    context: &Context,
    scope: Scope,
    (listing, parameters): (Listing<L>, Parameters),
) -> Result<Json<Envelope<ListedGrantResponse>>> {
    let (words, with_customer) = asked(&parameters)?;
    let mut tx = context.read().await?;
    let asked = (&listing.query, words.as_slice());
    let page = app::entitlement::granted::page(&context.app, &mut tx, scope, asked).await?;
    Ok(Json(Envelope::new(page, |shown| {
        ListedGrantResponse::new(shown, with_customer)
    })))
}

/// List a customer's entitlements
///
/// What the customer was granted, of every entitlement: one row for each grant.
#[utoipa::path(
    get,
    path = "/entitlements/customer/{customer_id}",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        Listing<Grants>, GrantsParameters
    ),
    responses((status = 200, description = "One page of grants.", body = Envelope<ListedGrantResponse>))
)]
async fn of_customer(
    context: Context,
    PathIds([customer]): PathIds<1>,
    listing: Listing<Grants>,
    parameters: Parameters,
) -> Result<Json<Envelope<ListedGrantResponse>>> {
    let scope = Scope {
        customer_id: Some(customer),
        entitlement_id: None,
    };
    page(&context, scope, (listing, parameters)).await
}

/// List balances
///
/// What all customers were granted, one row for each grant: find those that run low by `quantity_used__gte`, those that end
/// soon by `expiry_at__lt`.
#[utoipa::path(
    get,
    path = "/entitlements/balances",
    tag = "entitlements",
    params(Listing<Balances>, GrantsParameters),
    responses((status = 200, description = "One page of grants.", body = Envelope<ListedGrantResponse>))
)]
async fn balances(
    context: Context,
    listing: Listing<Balances>,
    parameters: Parameters,
) -> Result<Json<Envelope<ListedGrantResponse>>> {
    page(&context, Scope::default(), (listing, parameters)).await
}

/// List the distinct entitlements of a customer
///
/// One row for each entitlement that the customer was ever granted, with the sums over its grants; the filters choose which
/// grants are summed.
#[utoipa::path(
    get,
    path = "/entitlements/customer/unique/{customer_id}",
    tag = "entitlements",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        Listing<Grants>
    ),
    responses((
        status = 200,
        description = "All of them, by name.",
        body = Envelope<UniqueEntitlementResponse>
    ))
)]
async fn unique(
    context: Context,
    PathIds([customer]): PathIds<1>,
    listing: Listing<Grants>,
) -> Result<Json<Envelope<UniqueEntitlementResponse>>> {
    let mut tx = context.read().await?;
    let sums = app::entitlement::granted::sums(&context.app, &mut tx, customer, &listing.query);
    let sums = sums.await?;
    Ok(Json(Envelope::whole(sums, UniqueEntitlementResponse::from)))
}

/// Grant an entitlement to a customer
#[utoipa::path(
    post,
    path = "/entitlements/{entitlement_id}/customer",
    tag = "entitlements",
    params(("entitlement_id" = Uuid, Path, description = "Id of the entitlement.")),
    request_body = CustomerEntitlementInput,
    responses((status = 200, description = "The grant.", body = CustomerEntitlementResponse))
)]
async fn grant(
    context: Context,
    PathIds([entitlement]): PathIds<1>,
    Body(input): Body<CustomerEntitlementInput>,
) -> Result<Json<CustomerEntitlementResponse>> {
    let (customer, id) = input.is_of(entitlement, None)?;
    let mut tx = context.begin().await?;
    let about = (entitlement, customer);
    let details = |at: Timestamp| input.details(at);
    let granted = app::entitlement::granted::grant(&context.app, &mut tx, about, id, details);
    let granted = granted.await?;
    context.commit(tx, granted.into()).await
}

/// List a customer's grants of an entitlement
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}/customer/{customer_id}",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        Listing<Grants>, GrantsParameters
    ),
    responses((status = 200, description = "One page of grants.", body = Envelope<ListedGrantResponse>))
)]
async fn list(
    context: Context,
    PathIds([entitlement, customer]): PathIds<2>,
    listing: Listing<Grants>,
    parameters: Parameters,
) -> Result<Json<Envelope<ListedGrantResponse>>> {
    let scope = Scope {
        customer_id: Some(customer),
        entitlement_id: Some(entitlement),
    };
    page(&context, scope, (listing, parameters)).await
}

/// The window of a total.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read as plain parameters")]
struct TotalParameters {
    /// First instant of the window, in seconds since 1970 or as ISO 8601; the beginning of time unless told.
    #[param(example = "1767225600")]
    start_date: Option<String>,
    /// First instant after the window, in seconds since 1970 or as ISO 8601; the end of time unless told.
    #[param(example = "1798761600")]
    end_date: Option<String>,
}

fn instant(parameters: &Parameters, parameter: &str) -> Result<Option<Timestamp>> {
    let Some(text) = parameters.value(parameter) else {
        return Ok(None);
    };
    match florin_core::instant::parse(text) {
        Ok(instant) => Ok(Some(instant)),
        Err(error) => {
            let field = bad(parameter, "value_error.datetime", &error.to_string());
            Err(Error::Unreadable(vec![field]))
        }
    }
}

/// Get a customer's total of an entitlement
///
/// What was granted in all, of grants that count at any time of the window. Drafts do not count.
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}/customer/{customer_id}/total",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        TotalParameters
    ),
    responses((status = 200, description = "The total.", body = TotalEntitlementResponse))
)]
async fn total(
    context: Context,
    PathIds([entitlement, customer]): PathIds<2>,
    parameters: Parameters,
) -> Result<Json<TotalEntitlementResponse>> {
    let start = instant(&parameters, "start_date")?;
    let end = instant(&parameters, "end_date")?;
    let mut tx = context.read().await?;
    let about = (entitlement, customer);
    let total = app::entitlement::granted::total(&mut tx, about, (start, end)).await?;
    Ok(Json(TotalEntitlementResponse {
        entitlement,
        customer,
        quantity: Number(total),
    }))
}

/// Get a grant
#[utoipa::path(
    get,
    path = "/entitlements/{entitlement_id}/customer/{customer_id}/{ec_id}",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("ec_id" = Uuid, Path, description = "Id of the grant.")
    ),
    responses((status = 200, description = "The grant.", body = CustomerEntitlementResponse))
)]
async fn read(
    context: Context,
    PathIds(path): PathIds<3>,
) -> Result<Json<CustomerEntitlementResponse>> {
    let mut tx = context.read().await?;
    let grant = app::entitlement::granted::find(&mut tx, of_path(path)).await?;
    Ok(Json(grant.into()))
}

/// Change a grant
///
/// Each field that is named replaces its predecessor; the others stay. `quantity_used` can be set, too.
#[utoipa::path(
    patch,
    path = "/entitlements/{entitlement_id}/customer/{customer_id}/{ec_id}",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("ec_id" = Uuid, Path, description = "Id of the grant.")
    ),
    request_body = CustomerEntitlementPatch,
    responses((status = 200, description = "The changed grant.", body = CustomerEntitlementResponse))
)]
async fn update(
    context: Context,
    PathIds(path): PathIds<3>,
    patch: CustomerEntitlementPatch,
) -> Result<Json<CustomerEntitlementResponse>> {
    let (entitlement, customer, id) = of_path(path);
    let mut tx = context.begin().await?;
    let current = app::entitlement::granted::find(&mut tx, of_path(path)).await?;
    let from = current.details.active_from;
    let input = patch.apply(&CustomerEntitlementInput::from(current))?;
    let (_, named) = input.is_of(entitlement, Some(customer))?;
    if named != Some(id) {
        let field = crate::error::BadField {
            part: "body",
            path: vec!["id".to_owned()],
            message: "another one than in the path".to_owned(),
            kind: "value_error.const".to_owned(),
        };
        return Err(Error::Unreadable(vec![field]));
    }
    let details = input.details(from);
    let grant = app::entitlement::granted::regrant(&mut tx, of_path(path), details).await?;
    context.commit(tx, grant.into()).await
}

/// Take a grant back
///
/// What was used of it stays used. Refused while a draft of an invoice draws from it.
#[utoipa::path(
    delete,
    path = "/entitlements/{entitlement_id}/customer/{customer_id}/{ec_id}",
    tag = "entitlements",
    params(
        ("entitlement_id" = Uuid, Path, description = "Id of the entitlement."),
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        ("ec_id" = Uuid, Path, description = "Id of the grant.")
    ),
    responses((status = 200, description = "The grant as it was.", body = CustomerEntitlementResponse))
)]
async fn delete(
    context: Context,
    PathIds(path): PathIds<3>,
) -> Result<Json<CustomerEntitlementResponse>> {
    let mut tx = context.begin().await?;
    let grant = app::entitlement::granted::revoke(&mut tx, of_path(path)).await?;
    context.commit(tx, grant.into()).await
}

fn of_path([entitlement, customer, grant]: [Uuid; 3]) -> (Uuid, Uuid, Uuid) {
    (entitlement, customer, grant)
}
