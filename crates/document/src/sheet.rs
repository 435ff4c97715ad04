//! A document on its way to a template. Owns the form in which templates get it.

use florin_core::document::{InvoiceDocument, TemplateFormat};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::logo::Logo;
use crate::{Problem, Result, html, pdf};

/// A document as templates get it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sheet {
    id: String,
    is_html: bool,
    document: Json,
    logo: Option<Logo>,
}

impl Sheet {
    pub(crate) fn new(document: &InvoiceDocument, format: TemplateFormat) -> Result<Self> {
        let written = serde_json::to_value(document);
        let written = written.map_err(|error| Problem::of(error.to_string()))?;
        let mut plain = exact(written);
        let logo = document.seller.logo_url.as_deref();
        let logo = logo.and_then(Logo::of_url);
        if let Some(fields) = plain.as_object_mut() {
            let path = logo.as_ref().map(Logo::path);
            fields.insert("logo".to_owned(), path.into());
        }
        Ok(Self {
            id: document.invoice_data.id.clone(),
            is_html: format == TemplateFormat::Html,
            document: plain,
            logo,
        })
    }

    /// Whether nothing on it can make Florin's own template work long: a page without a picture, or with a
    /// small one of pixels.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_html || self.logo.as_ref().is_none_or(Logo::is_small)
    }

    /// The page.
    pub(crate) fn render(&self, template: &str) -> Result<Vec<u8>> {
        if self.is_html {
            return html::page(template, &self.document);
        }
        let document = self.document.to_string().into_bytes();
        let mut files = vec![("/document.json", document)];
        if let Some(logo) = &self.logo {
            files.push((logo.path(), logo.bytes.clone()));
        }
        pdf::pdf(template, files, &self.id)
    }
}

/// Numbers as texts: a template's language would make floats of them.
fn exact(value: Json) -> Json {
    match value {
        Json::Number(number) => Json::String(number.to_string()),
        Json::Array(items) => items.into_iter().map(exact).collect(),
        Json::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, exact(value))).collect()
        }
        other => other,
    }
}
