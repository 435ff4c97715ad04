//! Documents: what is on them, in which template, and the port to whoever renders them.
//!
//! Owns loading what a document shows and an organisation's own templates. Does not own the page
//! (the renderer that the binary wires in), nor what is on it ([`florin_core::document`]).

mod absent;
mod parties;
mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use florin_core::document::{self, Billed, InvoiceDocument, Sources, TemplateFormat};
use florin_core::id::LineId;
use florin_core::invoice::Source;
use florin_core::pricing::Model;
use florin_store::{self as store, Tx, invoice::Invoice};
use uuid::Uuid;

use crate::{App, Error, Result};

pub use absent::Absent;
pub(crate) use parties::between;
pub use parties::freeze;
pub use template::{Preview, SOURCE_BYTES_MAX, all, check, find, own, preview, remove, replace};

/// Why a document cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template is not valid, or does not fit the document.
    #[error("{}{message}", place(*position))]
    Template {
        /// What is wrong, in the words of the template's language.
        message: String,
        /// Line and column of the template, from 1, where they are known.
        position: Option<(u64, u64)>,
    },
    /// The template needs more than it may.
    #[error("{message}")]
    Limit {
        /// Which limit, and what to do.
        message: String,
    },
    /// There is no renderer, or it does not answer.
    #[error("documents cannot be rendered: {0}")]
    Unavailable(String),
}

fn place(position: Option<(u64, u64)>) -> String {
    position.map_or_else(String::new, |(line, column)| {
        format!("line {line}, column {column}: ")
    })
}

/// Makes pages of documents. The same document and template give the same bytes.
#[async_trait]
pub trait Renderer: Send + Sync {
    /// A PDF of a Typst template, a page of an HTML template; Florin's own where none is given. A template
    /// sees nothing but the document: no file, no network, no clock.
    async fn render(
        &self,
        document: Arc<InvoiceDocument>,
        format: TemplateFormat,
        template: Option<&str>,
    ) -> Result<Vec<u8>, RenderError>;

    /// Florin's own template: what an organisation's own can begin with.
    fn built_in(&self, format: TemplateFormat) -> &'static str;
}

/// A document and the template that it is shown in.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The document.
    pub document: Arc<InvoiceDocument>,
    /// What comes out.
    pub format: TemplateFormat,
    /// The organisation's own template, where it has one.
    pub template: Option<String>,
}

impl Sheet {
    /// The same, with where it is paid.
    #[must_use]
    pub fn with_payment_link(mut self, payment_link: Option<String>) -> Self {
        let document = Arc::make_mut(&mut self.document);
        document.invoice_data.payment_link = payment_link;
        self
    }

    /// The page. Ask for it after the transaction: a page takes longer than a database should wait.
    ///
    /// # Errors
    /// [`Error::Document`].
    pub async fn render(self, app: &App) -> Result<Vec<u8>> {
        let template = self.template.as_deref();
        let rendered = app.documents.render(self.document, self.format, template);
        Ok(rendered.await?)
    }
}

/// An invoice and the template for it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_invoice(tx: &mut Tx, id: Uuid, format: TemplateFormat) -> Result<Sheet> {
    let document = invoice(tx, id).await?;
    let template = own(tx, document.document_type, format).await?;
    Ok(Sheet {
        document: Arc::new(document),
        format,
        template: template.map(|template| template.source),
    })
}

/// What the document of an invoice says.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn invoice(tx: &mut Tx, id: Uuid) -> Result<InvoiceDocument> {
    let found = store::invoice::find(tx, id).await?;
    let invoice = found.ok_or(Error::NotFound {
        resource: "invoice",
    })?;
    let billed = match &invoice {
        Invoice::Draft(draft) => Billed::Draft(draft),
        Invoice::Issued(issued) => Billed::Issued(issued),
    };
    let parties = parties::of(tx, billed).await?;
    let served = parties::served(tx, billed).await?;
    let cells = cells(tx, billed).await?;
    let made = document::invoice(&Sources {
        invoice: billed,
        parties: &parties,
        served: &served,
        cells: &cells,
        payment_link: None,
    });
    made.map_err(|error| {
        Error::Store(store::Error::Corrupt {
            column: "rated".to_owned(),
            reason: error.to_string(),
        })
    })
}

/// What the contracts call the rows of their matrices, at the versions that were billed.
async fn cells(tx: &mut Tx, invoice: Billed<'_>) -> Result<BTreeMap<LineId, Vec<String>>> {
    let sources = invoice.parts().iter().filter_map(|part| match part.source {
        Source::Contract {
            contract_id,
            version,
            ..
        } => Some((contract_id, version)),
        Source::OneOff => None,
    });
    let sources: BTreeSet<(Uuid, u32)> = sources.collect();
    let mut cells = BTreeMap::new();
    for (id, version) in sources {
        let contract = store::contract::at_version(tx, id, version).await?;
        let phases = contract
            .as_ref()
            .map_or(&[][..], |contract| contract.phases());
        for line in phases.iter().flat_map(|phase| &phase.lines) {
            if let Model::Matrix(matrix) = &line.head.pricing.price().model {
                cells.insert(line.id, matrix.display_alias().to_vec());
            }
        }
    }
    Ok(cells)
}
