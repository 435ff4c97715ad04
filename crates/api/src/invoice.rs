//! Invoices over HTTP (api reference §16).

mod approval;
mod documents;
mod estimate;
mod input;
mod line_items;
mod wire;

use std::sync::Arc;

use axum::{Json, routing::get};
use florin_app as app;
use florin_store::{Tx, list::Spec};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::{PathIds, PathText},
    query::Parameters,
};
pub(crate) use estimate::InvoiceEstimate;
use input::{InvoiceEdit, OneOffInput};
use line_items::LineItemsResponse;
use wire::{InvoiceResponse, SummaryResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .route("/invoices/internal", get(list))
        .routes(routes!(tags))
        .routes(routes!(read, edit, discard))
        .routes(routes!(read_by_external_id))
        .routes(routes!(line_items))
        .routes(routes!(summary))
        .routes(routes!(void))
        .merge(approval::routes())
        .merge(documents::routes())
}

type InvoicePatch = Patch<InvoiceEdit>;

struct Invoices;

impl Listed for Invoices {
    fn spec() -> &'static Spec {
        &florin_store::invoice::LIST
    }
}

/// List invoices
///
/// One page of invoices, newest first unless `order` says otherwise. Drafts that were deleted (`discarded`)
/// or replaced (`edited`) are on it only where `status` asks for them. `/invoices/internal` is the same.
#[utoipa::path(
    get,
    path = "/invoices",
    tag = "invoices",
    params(Listing<Invoices>),
    responses(
        (status = 200, description = "One page of invoices.", body = Envelope<InvoiceResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<Invoices>,
) -> Result<Json<Envelope<InvoiceResponse>>> {
    let mut tx = context.read().await?;
    let page = app::invoice::page(&mut tx, &listing.query).await?;
    let shown = |shown| InvoiceResponse::new(shown, context.links());
    Ok(Json(Envelope::new(page, shown)))
}

/// Create a one-off invoice
///
/// A draft of lines that are written by hand, without a contract. Approve it to give it a number.
#[utoipa::path(
    post,
    path = "/invoices",
    tag = "invoices",
    request_body = OneOffInput,
    responses((status = 200, description = "The draft.", body = InvoiceResponse))
)]
async fn create(context: Context, Body(input): Body<OneOffInput>) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.begin().await?;
    let shown = app::invoice::create_one_off(&context.app, &mut tx, input.into()).await?;
    answered(&context, tx, shown).await
}

/// List tags of invoices
///
/// Every word that an invoice is marked with, in order of the alphabet; 1,000 at most.
#[utoipa::path(
    get,
    path = "/invoices/tags",
    tag = "invoices",
    responses((status = 200, description = "The words.", body = Vec<String>))
)]
async fn tags(context: Context) -> Result<Json<Vec<String>>> {
    let mut tx = context.read().await?;
    Ok(Json(florin_store::invoice::tags(&mut tx).await?))
}

/// Get an invoice
///
/// Its amounts and dates, and its lines where `include_line_items` asks for them.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}",
    tag = "invoices",
    params(
        ("invoice_id" = Uuid, Path, description = "Id of the invoice."),
        ("include_line_items" = Option<bool>, Query,
            description = "Whether `line_items` is filled; false unless told."),
    ),
    responses((status = 200, description = "The invoice.", body = InvoiceResponse))
)]
async fn read(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<InvoiceResponse>> {
    answer(&context, id, &parameters).await
}

/// Get an invoice by its external id
///
/// The invoice that has your own id. Not a draft that was deleted or replaced.
#[utoipa::path(
    get,
    path = "/invoices/external_id/{invoice_external_id}",
    tag = "invoices",
    params(
        ("invoice_external_id" = String, Path, description = "Your own id for the invoice."),
        ("include_line_items" = Option<bool>, Query,
            description = "Whether `line_items` is filled; false unless told."),
    ),
    responses((status = 200, description = "The invoice.", body = InvoiceResponse))
)]
async fn read_by_external_id(
    context: Context,
    PathText(external_id): PathText,
    parameters: Parameters,
) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.read().await?;
    let id = app::invoice::id_of_external(&mut tx, &external_id).await?;
    drop(tx);
    answer(&context, id, &parameters).await
}

/// Commits, and answers with the invoice.
pub(super) async fn answered(
    context: &Context,
    tx: Tx,
    shown: app::invoice::Shown,
) -> Result<Json<InvoiceResponse>> {
    let response = InvoiceResponse::new(shown, context.links());
    context.commit(tx, response).await
}

async fn answer(
    context: &Context,
    id: uuid::Uuid,
    parameters: &Parameters,
) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.read().await?;
    let shown = app::invoice::load(&mut tx, id).await?;
    let response = InvoiceResponse::new(shown, context.links());
    if !parameters.is_true("include_line_items")? {
        return Ok(Json(response));
    }
    let invoice = app::invoice::find(&mut tx, id).await?;
    Ok(Json(
        response.with_line_items(LineItemsResponse::of(&invoice)?),
    ))
}

/// Change a draft
///
/// Each field that is named replaces its predecessor; the others stay. `lines` are those written by hand;
/// what a contract bills is changed in the contract. Refused once the invoice is approved.
#[utoipa::path(
    patch,
    path = "/invoices/{invoice_id}",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    request_body = InvoicePatch,
    responses((status = 200, description = "The changed draft.", body = InvoiceResponse))
)]
async fn edit(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: InvoicePatch,
) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.begin().await?;
    let current = app::invoice::load(&mut tx, id).await?;
    let input = patch.apply(&InvoiceEdit::from(&current))?;
    let shown = app::invoice::edit(&context.app, &mut tx, id, input.into()).await?;
    answered(&context, tx, shown).await
}

/// Delete a draft
///
/// It stays as `discarded`, and what it billed is free to be billed again. Refused once it is approved.
#[utoipa::path(
    delete,
    path = "/invoices/{invoice_id}",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The draft as it is kept.", body = InvoiceResponse))
)]
async fn discard(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.begin().await?;
    let shown = app::invoice::discard(&context.app, &mut tx, id).await?;
    answered(&context, tx, shown).await
}

/// Get the lines of an invoice
///
/// Each line with its features in the order of application, then what applies to all lines. Amounts are in
/// major units, exact.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/line_items",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The lines.", body = LineItemsResponse))
)]
async fn line_items(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<LineItemsResponse>> {
    let mut tx = context.read().await?;
    let invoice = app::invoice::find(&mut tx, id).await?;
    Ok(Json(LineItemsResponse::of(&invoice)?))
}

/// Get the amounts of an invoice
///
/// From net to what is still to be paid, in one place.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/summary",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The amounts.", body = SummaryResponse))
)]
async fn summary(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<SummaryResponse>> {
    let mut tx = context.read().await?;
    let shown = app::invoice::load(&mut tx, id).await?;
    Ok(Json(SummaryResponse::from(&shown.head)))
}

/// Void an invoice
///
/// Confirms that nothing of the invoice stands: credit notes have taken all of it, or its total is zero.
/// Anything else is refused with `INVOICE_CANNOT_BE_VOIDED`.
#[utoipa::path(
    patch,
    path = "/invoices/{invoice_id}/void",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The void invoice.", body = InvoiceResponse))
)]
async fn void(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<InvoiceResponse>> {
    let mut tx = context.begin().await?;
    let shown = app::invoice::void(&mut tx, id).await?;
    answered(&context, tx, shown).await
}
