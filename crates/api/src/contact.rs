//! Contacts over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::contact::{Contact, Details};
use florin_store::list::Spec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
}

type ContactPatch = Patch<ContactInput>;

struct Contacts;

impl Listed for Contacts {
    fn spec() -> &'static Spec {
        &florin_store::contact::LIST
    }
}

/// What a caller may write of a contact.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ContactInput {
    /// Id of the customer where the person works.
    customer: Uuid,
    /// Where documents go.
    #[schema(max_length = 320, format = Email, example = "iris@northwind.example")]
    email: String,
    /// Given name.
    #[schema(max_length = 255, example = "Iris")]
    first_name: Option<String>,
    /// Family name.
    #[schema(max_length = 255, example = "Vale")]
    last_name: Option<String>,
    /// Whether contracts and quotes are sent to it; false unless told.
    #[schema(example = false)]
    send_contract: Option<bool>,
    /// Whether invoices are sent to it; false unless told.
    #[schema(example = true)]
    send_invoice: Option<bool>,
}

/// A contact.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContactResponse {
    /// Id of the contact.
    id: Uuid,
    /// Id of the customer where the person works.
    customer: Uuid,
    /// Where documents go.
    #[schema(example = "iris@northwind.example")]
    email: String,
    /// Given name.
    #[schema(example = "Iris")]
    first_name: Option<String>,
    /// Family name.
    #[schema(example = "Vale")]
    last_name: Option<String>,
    /// Whether contracts and quotes are sent to it.
    #[schema(example = false)]
    send_contract: bool,
    /// Whether invoices are sent to it.
    #[schema(example = true)]
    send_invoice: bool,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<ContactInput> for Details {
    fn from(input: ContactInput) -> Self {
        let ContactInput {
            customer,
            email,
            first_name,
            last_name,
            send_contract,
            send_invoice,
        } = input;
        Self {
            customer_id: customer,
            email,
            first_name,
            last_name,
            send_contract: send_contract.unwrap_or(false),
            send_invoice: send_invoice.unwrap_or(false),
        }
    }
}

impl From<Contact> for ContactInput {
    fn from(contact: Contact) -> Self {
        let Details {
            customer_id,
            email,
            first_name,
            last_name,
            send_contract,
            send_invoice,
        } = contact.details;
        Self {
            customer: customer_id,
            email,
            first_name,
            last_name,
            send_contract: Some(send_contract),
            send_invoice: Some(send_invoice),
        }
    }
}

impl From<Contact> for ContactResponse {
    fn from(contact: Contact) -> Self {
        let Contact {
            id,
            details,
            created_at,
            updated_at,
        } = contact;
        let Details {
            customer_id,
            email,
            first_name,
            last_name,
            send_contract,
            send_invoice,
        } = details;
        Self {
            id,
            customer: customer_id,
            email,
            first_name,
            last_name,
            send_contract,
            send_invoice,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

/// List contacts
///
/// One page of the contacts of all customers; `customer` narrows it to one.
#[utoipa::path(
    get,
    path = "/contacts",
    tag = "contacts",
    params(Listing<Contacts>),
    responses(
        (status = 200, description = "One page of contacts.", body = Envelope<ContactResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<Contacts>,
) -> Result<Json<Envelope<ContactResponse>>> {
    let mut tx = context.read().await?;
    let page = app::contact::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, ContactResponse::from)))
}

/// Create a contact
#[utoipa::path(
    post,
    path = "/contacts",
    tag = "contacts",
    request_body = ContactInput,
    responses((status = 200, description = "The contact.", body = ContactResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<ContactInput>,
) -> Result<Json<ContactResponse>> {
    let mut tx = context.begin().await?;
    let contact = app::contact::create(&context.app, &mut tx, input.into()).await?;
    context.commit(tx, contact.into()).await
}

/// Get a contact
#[utoipa::path(
    get,
    path = "/contacts/{contact_id}",
    tag = "contacts",
    params(("contact_id" = Uuid, Path, description = "Id of the contact.")),
    responses((status = 200, description = "The contact.", body = ContactResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ContactResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::contact::load(&mut tx, id).await?.into()))
}

/// Change a contact
///
/// Each field that is named replaces its predecessor; the others stay.
#[utoipa::path(
    patch,
    path = "/contacts/{contact_id}",
    tag = "contacts",
    params(("contact_id" = Uuid, Path, description = "Id of the contact.")),
    request_body = ContactPatch,
    responses((status = 200, description = "The changed contact.", body = ContactResponse))
)]
async fn update(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: ContactPatch,
) -> Result<Json<ContactResponse>> {
    let mut tx = context.begin().await?;
    let current = app::contact::load(&mut tx, id).await?;
    let input = patch.apply(&current.into())?;
    let contact = app::contact::update(&mut tx, id, input.into()).await?;
    context.commit(tx, contact.into()).await
}

/// Delete a contact
///
/// For good.
#[utoipa::path(
    delete,
    path = "/contacts/{contact_id}",
    tag = "contacts",
    params(("contact_id" = Uuid, Path, description = "Id of the contact.")),
    responses((status = 200, description = "The contact as it was.", body = ContactResponse))
)]
async fn delete(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ContactResponse>> {
    let mut tx = context.begin().await?;
    let contact = app::contact::delete(&mut tx, id).await?;
    context.commit(tx, contact.into()).await
}
