//! Templates of documents over HTTP. Does not own documents ([`crate::invoice_document`]).

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::document::{DocumentType, TemplateFormat};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server},
    error::{Error, Result},
    page::Page,
    path::PathTexts,
};
use wire::{
    DocumentTemplateInput, DocumentTemplateResponse, TemplatePreviewInput, TemplatesResponse,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, replace, delete))
        .routes(routes!(preview))
}

/// The two words of the path: a type of document and a format.
fn kind([document_type, format]: [String; 2]) -> Result<(DocumentType, TemplateFormat)> {
    let kind = DocumentType::parse(&document_type).zip(TemplateFormat::parse(&format));
    kind.ok_or(Error::App(app::Error::NotFound {
        resource: "document template",
    }))
}

/// List document templates
///
/// The template of each type of document and format: the organisation's own, or else Florin's.
#[utoipa::path(
    get,
    path = "/document_templates",
    tag = "documents",
    responses((status = 200, description = "All templates.", body = TemplatesResponse))
)]
async fn list(context: Context) -> Result<Json<TemplatesResponse>> {
    let mut tx = context.read().await?;
    let own = app::document::all(&mut tx).await?;
    let results = TemplateFormat::WORDS.iter().map(|(format, _)| {
        let kind = (DocumentType::Invoice, *format);
        let mut own = own.iter();
        let own = own
            .find(|own| (own.document_type, own.format) == kind)
            .cloned();
        DocumentTemplateResponse::new(&context.app, kind, own)
    });
    Ok(Json(TemplatesResponse {
        results: results.collect(),
    }))
}

/// Get a document template
///
/// The organisation's own, or else Florin's, which is what one of your own can begin with.
#[utoipa::path(
    get,
    path = "/document_templates/{document_type}/{template_format}",
    tag = "documents",
    params(
        ("document_type" = String, Path, description = "What it shows: `invoice`.", example = "invoice"),
        ("template_format" = String, Path, description = "`typst` for PDFs, `html` for pages.",
            example = "typst")
    ),
    responses((status = 200, description = "The template.", body = DocumentTemplateResponse))
)]
async fn read(
    context: Context,
    PathTexts(words): PathTexts<2>,
) -> Result<Json<DocumentTemplateResponse>> {
    let kind = kind(words)?;
    let mut tx = context.read().await?;
    let own = app::document::own(&mut tx, kind.0, kind.1).await?;
    Ok(Json(DocumentTemplateResponse::new(&context.app, kind, own)))
}

/// Replace a document template
///
/// From now on documents are shown in it; it is first tried on a sample, and one that cannot show it is
/// refused with line, column and reason. A Typst template reads the document with `json("document.json")`
/// and may call Florin's own: `#import "florin/invoice.typ": invoice`. An HTML template is Jinja; the document's
/// fields are its variables. A template sees nothing but the document: no file, no network, no clock. It
/// may use ten seconds and 1 GiB.
#[utoipa::path(
    put,
    path = "/document_templates/{document_type}/{template_format}",
    tag = "documents",
    params(
        ("document_type" = String, Path, description = "What it shows: `invoice`.", example = "invoice"),
        ("template_format" = String, Path, description = "`typst` for PDFs, `html` for pages.",
            example = "typst")
    ),
    request_body = DocumentTemplateInput,
    responses((status = 200, description = "The template.", body = DocumentTemplateResponse))
)]
async fn replace(
    context: Context,
    PathTexts(words): PathTexts<2>,
    Body(input): Body<DocumentTemplateInput>,
) -> Result<Json<DocumentTemplateResponse>> {
    let kind = kind(words)?;
    let reads = context.read().await?;
    app::document::check(&context.app, reads, kind.1, &input.source).await?;
    let mut tx = context.begin().await?;
    let template = app::document::replace(&context.app, &mut tx, kind, input.source).await?;
    let answer = DocumentTemplateResponse::new(&context.app, kind, Some(template));
    context.commit(tx, answer).await
}

/// Delete a document template
///
/// Documents look like Florin's own again.
#[utoipa::path(
    delete,
    path = "/document_templates/{document_type}/{template_format}",
    tag = "documents",
    params(
        ("document_type" = String, Path, description = "What it shows: `invoice`.", example = "invoice"),
        ("template_format" = String, Path, description = "`typst` for PDFs, `html` for pages.",
            example = "typst")
    ),
    responses((status = 200, description = "The template, as it was.", body = DocumentTemplateResponse))
)]
async fn delete(
    context: Context,
    PathTexts(words): PathTexts<2>,
) -> Result<Json<DocumentTemplateResponse>> {
    let kind = kind(words)?;
    let mut tx = context.begin().await?;
    let template = app::document::remove(&mut tx, kind.0, kind.1).await?;
    let answer = DocumentTemplateResponse::new(&context.app, kind, Some(template));
    context.commit(tx, answer).await
}

/// Preview a document template
///
/// A page in a template that is not kept: of the invoice that is named, or else of a sample. Without `source`
/// in the template that is used now.
#[utoipa::path(
    post,
    path = "/document_templates/{document_type}/{template_format}/preview",
    tag = "documents",
    params(
        ("document_type" = String, Path, description = "What it shows: `invoice`.", example = "invoice"),
        ("template_format" = String, Path, description = "`typst` for PDFs, `html` for pages.",
            example = "typst")
    ),
    request_body = TemplatePreviewInput,
    responses(
        (status = 200, description = "The page.", content(
            (String = "application/pdf"),
            (String = "text/html")
        )),
        (status = 400, description = "The organisation's template does not fit the document.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn preview(
    context: Context,
    PathTexts(words): PathTexts<2>,
    Body(TemplatePreviewInput { source, invoice_id }): Body<TemplatePreviewInput>,
) -> Result<Page> {
    let (document_type, format) = kind(words)?;
    let asked = app::document::Preview {
        document_type,
        format,
        source,
        invoice_id,
    };
    let bytes = app::document::preview(&context.app, context.read().await?, asked).await?;
    Ok(Page::new(format, "preview".to_owned(), bytes))
}
