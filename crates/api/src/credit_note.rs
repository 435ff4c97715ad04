//! Credit notes over HTTP.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_store::{Tx, credit_note::Kept, list::Spec};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::wire::{
    CreditNoteChangeInput, CreditNoteInput, CreditNoteLinesResponse, CreditNoteResponse,
    InvoiceCreditNoteInput, Wanted,
};
use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change))
        .routes(routes!(line_items))
        .routes(routes!(against_invoice))
        .routes(routes!(against_invoice_old))
}

struct CreditNotes;

impl Listed for CreditNotes {
    fn spec() -> &'static Spec {
        &florin_store::credit_note::LIST
    }
}

/// The note as clients see it, within the transaction that changed it.
async fn shown(tx: &mut Tx, kept: Kept) -> Result<CreditNoteResponse> {
    let shown = app::credit_note::shown(tx, vec![kept]).await?.pop();
    let shown = shown.ok_or_else(|| Error::Internal("a credit note is shown".to_owned()))?;
    Ok(shown.into())
}

/// List credit notes
#[utoipa::path(
    get,
    path = "/credit_notes",
    tag = "credit notes",
    params(Listing<CreditNotes>),
    responses(
        (status = 200, description = "One page of credit notes.", body = Envelope<CreditNoteResponse>)
    )
)]
async fn list(
    context: Context,
    listing: Listing<CreditNotes>,
) -> Result<Json<Envelope<CreditNoteResponse>>> {
    let mut tx = context.read().await?;
    let page = app::credit_note::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, CreditNoteResponse::from)))
}

/// Create a credit note
///
/// Without `invoice_id` the customer is credited at large: into the wallet (`credits`) or outside of Florin
/// (`external_payment`). With it the invoice is credited as by `POST /invoices/{invoice_id}/credit_note`.
#[utoipa::path(
    post,
    path = "/credit_notes",
    tag = "credit notes",
    request_body = CreditNoteInput,
    responses((status = 200, description = "The credit note.", body = CreditNoteResponse))
)]
async fn create(
    context: Context,
    Body(input): Body<CreditNoteInput>,
) -> Result<Json<CreditNoteResponse>> {
    let Wanted {
        invoice_id,
        to,
        note,
    } = input.read()?;
    let mut tx = context.begin().await?;
    let kept = match invoice_id {
        None => app::credit_note::stand_alone(&context.app, &mut tx, to, note).await?,
        Some(invoice) => {
            let of = (invoice, Some(to));
            app::credit_note::against_invoice(&context.app, &mut tx, of, note).await?
        }
    };
    let answer = shown(&mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Get a credit note
#[utoipa::path(
    get,
    path = "/credit_notes/{credit_note_id}",
    tag = "credit notes",
    params(("credit_note_id" = Uuid, Path, description = "Id of the credit note.")),
    responses((status = 200, description = "The credit note.", body = CreditNoteResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<CreditNoteResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::credit_note::load(&mut tx, id).await?.into()))
}

/// Change a credit note
///
/// What is said about it: its line items and free data. Amount, currency, status and settlement are final; naming
/// others than it has is refused.
#[utoipa::path(
    patch,
    path = "/credit_notes/{credit_note_id}",
    tag = "credit notes",
    params(("credit_note_id" = Uuid, Path, description = "Id of the credit note.")),
    request_body = CreditNoteChangeInput,
    responses((status = 200, description = "The changed credit note.", body = CreditNoteResponse))
)]
async fn change(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<CreditNoteChangeInput>,
) -> Result<Json<CreditNoteResponse>> {
    let mut tx = context.begin().await?;
    let kept = app::credit_note::update(&mut tx, id, input.read()?).await?;
    let answer = shown(&mut tx, kept).await?;
    context.commit(tx, answer).await
}

/// Get what a credit note credits of each line
///
/// The lines of its invoice, in the order of the invoice; the credits of all its credit notes together never exceed a
/// line. A note without an invoice has only what its author wrote.
#[utoipa::path(
    get,
    path = "/credit_notes/{credit_note_id}/line_items",
    tag = "credit notes",
    params(("credit_note_id" = Uuid, Path, description = "Id of the credit note.")),
    responses((status = 200, description = "The lines.", body = CreditNoteLinesResponse))
)]
async fn line_items(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<CreditNoteLinesResponse>> {
    let mut tx = context.read().await?;
    let (kept, lines) = app::credit_note::credited_lines(&mut tx, id).await?;
    Ok(Json(CreditNoteLinesResponse::new(kept, lines)))
}

/// Credit an invoice
///
/// First what is still due of it, then what was paid: that goes where `refund_destination` says. The invoice is void
/// when all of it is credited.
#[utoipa::path(
    post,
    path = "/invoices/{invoice_id}/credit_note",
    tag = "credit notes",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    request_body = InvoiceCreditNoteInput,
    responses((status = 200, description = "The credit note.", body = CreditNoteResponse))
)]
async fn against_invoice(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    Body(input): Body<InvoiceCreditNoteInput>,
) -> Result<Json<CreditNoteResponse>> {
    credit(context, invoice, input).await
}

/// Credit an invoice (older path)
///
/// The same as `POST /invoices/{invoice_id}/credit_note`.
#[utoipa::path(
    patch,
    path = "/invoices/{invoice_id}/create_credit_note",
    tag = "credit notes",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    request_body = InvoiceCreditNoteInput,
    responses((status = 200, description = "The credit note.", body = CreditNoteResponse))
)]
async fn against_invoice_old(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    Body(input): Body<InvoiceCreditNoteInput>,
) -> Result<Json<CreditNoteResponse>> {
    credit(context, invoice, input).await
}

async fn credit(
    context: Context,
    invoice: Uuid,
    input: InvoiceCreditNoteInput,
) -> Result<Json<CreditNoteResponse>> {
    let mut tx = context.begin().await?;
    let note = input.read()?;
    let of = (invoice, None);
    let kept = app::credit_note::against_invoice(&context.app, &mut tx, of, note).await?;
    let answer = shown(&mut tx, kept).await?;
    context.commit(tx, answer).await
}
