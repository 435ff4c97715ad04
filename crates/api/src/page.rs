//! Answers that are pages: PDF and HTML. Owns their headers, which take from HTML of users every right that a
//! page has: no script, no form, no request but for pictures.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use florin_core::document::TemplateFormat;

/// What a page of ours may do: show itself, load pictures, open a link.
const POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
    img-src data: https: http:; style-src 'unsafe-inline'; font-src data: https:; base-uri 'none'; form-action 'none'";

/// A rendered document.
#[derive(Debug)]
pub(crate) struct Page {
    format: TemplateFormat,
    name: String,
    bytes: Vec<u8>,
}

impl Page {
    /// A page under a name that is safe in a header.
    pub(crate) const fn new(format: TemplateFormat, name: String, bytes: Vec<u8>) -> Self {
        Self {
            format,
            name,
            bytes,
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (media_type, extension) = match self.format {
            TemplateFormat::Typst => ("application/pdf", "pdf"),
            TemplateFormat::Html => ("text/html; charset=utf-8", "html"),
        };
        let shown = format!("inline; filename=\"{}.{extension}\"", self.name);
        let shown = HeaderValue::from_str(&shown);
        let fixed = HeaderValue::from_static;
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, fixed(media_type));
        headers.insert(
            header::CONTENT_DISPOSITION,
            shown.unwrap_or_else(|_| fixed("inline")),
        );
        headers.insert(header::CONTENT_SECURITY_POLICY, fixed(POLICY));
        headers.insert(
            HeaderName::from_static("x-content-type-options"),
            fixed("nosniff"),
        );
        response
    }
}
