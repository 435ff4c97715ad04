//! A renderer whose pages are the document's own JSON: tests of the API read what is on a page. Owns three
//! words that a template can say, so that every answer of a renderer can be had.

use std::sync::Arc;

use async_trait::async_trait;
use florin_app::document::{RenderError, Renderer};
use florin_core::document::{InvoiceDocument, TemplateFormat};

/// Shows the template in a line and the document as JSON below.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainDocuments;

#[async_trait]
impl Renderer for PlainDocuments {
    async fn render(
        &self,
        document: Arc<InvoiceDocument>,
        _: TemplateFormat,
        template: Option<&str>,
    ) -> Result<Vec<u8>, RenderError> {
        let is_sample = document.invoice_data.invoice_number.as_deref() == Some("SAMPLE-0001");
        match template {
            Some("wrong") => Err(RenderError::Template {
                message: "unknown variable: nobody".to_owned(),
                position: Some((2, 5)),
            }),
            Some("wrong for others than the sample") if !is_sample => Err(RenderError::Template {
                message: "dictionary does not contain key".to_owned(),
                position: None,
            }),
            Some("endless for others than the sample") if !is_sample => Err(RenderError::Limit {
                message: "the page takes more than ten seconds".to_owned(),
            }),
            Some("gone") => Err(RenderError::Unavailable("no worker".to_owned())),
            template => {
                let template = template.unwrap_or("built in");
                let document = serde_json::to_string_pretty(&*document).unwrap();
                Ok(format!("{template}\n{document}").into_bytes())
            }
        }
    }

    fn built_in(&self, format: TemplateFormat) -> &'static str {
        match format {
            TemplateFormat::Typst => "built in for PDFs",
            TemplateFormat::Html => "built in for pages",
        }
    }
}
