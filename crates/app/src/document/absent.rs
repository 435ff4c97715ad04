//! No renderer: for programs that show no documents. Owns the answer that there is none.

use std::sync::Arc;

use async_trait::async_trait;
use florin_core::document::{InvoiceDocument, TemplateFormat};

use super::{RenderError, Renderer};

/// Refuses everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

#[async_trait]
impl Renderer for Absent {
    async fn render(
        &self,
        _: Arc<InvoiceDocument>,
        _: TemplateFormat,
        _: Option<&str>,
    ) -> Result<Vec<u8>, RenderError> {
        let reason = "this program has no renderer".to_owned();
        Err(RenderError::Unavailable(reason))
    }

    fn built_in(&self, _: TemplateFormat) -> &'static str {
        ""
    }
}
