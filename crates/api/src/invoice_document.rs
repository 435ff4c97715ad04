//! Invoices as documents: PDF and HTML over HTTP. Does not own templates ([`crate::document_template`]).

use std::sync::Arc;

use florin_app::{self as app, document::Sheet};
use florin_core::document::TemplateFormat;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::{Context, Server},
    error::{Error, Result},
    page::Page,
    path::PathIds,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(pdf))
        .routes(routes!(html))
        .routes(routes!(sent_html))
}

/// Get an invoice as PDF
///
/// The document that a customer gets, in the organisation's own template where it has one. A draft says that
/// it is one. The same invoice gives the same bytes; names and addresses of an approved invoice are those of the
/// day of its approval.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/pdf",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses(
        (status = 200, description = "The document.", body = String, content_type = "application/pdf"),
        (status = 400, description = "The organisation's template does not fit the document.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn pdf(context: Context, PathIds([id]): PathIds<1>) -> Result<Page> {
    show(&context, id, TemplateFormat::Typst).await
}

/// Get an invoice as HTML
///
/// The same document as a page. It is served without any right: scripts in a template do not run.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/html",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 400, description = "The organisation's template does not fit the document.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn html(context: Context, PathIds([id]): PathIds<1>) -> Result<Page> {
    show(&context, id, TemplateFormat::Html).await
}

/// Get an invoice as it is sent
///
/// The page of an invoice, as `GET /invoices/{invoice_id}/html` answers it.
#[utoipa::path(
    get,
    path = "/communications/{organisation}/invoice/{invoice_id}/html",
    tag = "invoices",
    params(
        ("organisation" = Uuid, Path, description = "Id of the organisation."),
        ("invoice_id" = Uuid, Path, description = "Id of the invoice.")
    ),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 400, description = "The organisation's template does not fit the document.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn sent_html(context: Context, PathIds([organisation, id]): PathIds<2>) -> Result<Page> {
    if organisation != context.organisation().0 {
        let resource = "invoice";
        return Err(Error::App(app::Error::NotFound { resource }));
    }
    show(&context, id, TemplateFormat::Html).await
}

async fn show(context: &Context, id: uuid::Uuid, format: TemplateFormat) -> Result<Page> {
    let mut tx = context.read().await?;
    let sheet = app::document::of_invoice(&mut tx, id, format).await?;
    let payload = app::invoice::payment_payload(&mut tx, id).await?;
    let payment_link = payload.map(|payload| context.links().payment(&payload));
    let sheet = sheet.with_payment_link(payment_link);
    // The database need not wait for the page.
    drop(tx);
    Ok(Page::new(
        format,
        name(&sheet),
        sheet.render(&context.app).await?,
    ))
}

/// The name under which a browser keeps it: the number, with nothing that a file's name may not have.
fn name(sheet: &Sheet) -> String {
    let data = &sheet.document.invoice_data;
    let number = data.invoice_number.as_deref().unwrap_or(&data.id);
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    number.chars().map(safe).collect()
}
