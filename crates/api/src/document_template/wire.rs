//! A template as JSON writes it.

use florin_app::App;
use florin_core::document::{DocumentType, Template, TemplateFormat};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::Instant;

/// A template that takes the place of the one before.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DocumentTemplateInput {
    /// Its text.
    #[schema(
        min_length = 1,
        max_length = 262_144,
        example = "#import \"florin/invoice.typ\": invoice\n#invoice(json(\"document.json\"), accent: rgb(\"#7a1f3d\"))"
    )]
    pub(super) source: String,
}

/// What a preview shows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct TemplatePreviewInput {
    /// A template; the one that is used now unless told.
    #[schema(
        min_length = 1,
        max_length = 262_144,
        example = "#import \"florin/invoice.typ\": invoice\n#invoice(json(\"document.json\"))"
    )]
    pub(super) source: Option<String>,
    /// An invoice; a sample unless told.
    pub(super) invoice_id: Option<Uuid>,
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DocumentTemplateResponse {
    /// Id of the organisation's own template; null for Florin's.
    id: Option<Uuid>,
    /// What it shows.
    #[schema(example = "invoice")]
    document_type: &'static str,
    /// `typst` for PDFs, `html` for pages.
    #[schema(example = "typst")]
    format: &'static str,
    /// Whether the organisation wrote it.
    #[schema(example = false)]
    is_own: bool,
    /// Its text.
    #[schema(
        example = "#import \"florin/invoice.typ\": invoice\n#invoice(json(\"document.json\"))"
    )]
    source: String,
    /// When it was created; null for Florin's.
    created_at: Option<Instant>,
    /// When it last changed; null for Florin's.
    updated_at: Option<Instant>,
}

/// All templates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplatesResponse {
    /// One for each type of document and format.
    pub(super) results: Vec<DocumentTemplateResponse>,
}

impl DocumentTemplateResponse {
    pub(super) fn new(
        app: &App,
        (document_type, format): (DocumentType, TemplateFormat),
        own: Option<Template>,
    ) -> Self {
        let is_own = own.is_some();
        let (id, created_at, updated_at) = match &own {
            Some(own) => (Some(own.id), Some(own.created_at), Some(own.updated_at)),
            None => (None, None, None),
        };
        let built_in = || app.documents.built_in(format).to_owned();
        Self {
            id,
            document_type: document_type.as_str(),
            format: format.as_str(),
            is_own,
            source: own.map_or_else(built_in, |own| own.source),
            created_at: created_at.map(Instant),
            updated_at: updated_at.map(Instant),
        }
    }
}
