//! Documents as PDF and HTML: what stands behind the port [`florin_app::document`].
//!
//! Owns pages: templates, fonts, and the bounds of templates that organisations write. Does not own what is
//! on a page ([`florin_core::document`]). **The only crate that names typst.**
//!
//! Invariants: the same document and template give the same bytes; a template sees the document and
//! nothing else; a template of an organisation runs in a process of its own, which the system ends when it
//! needs more time or memory than it may.

#![warn(missing_docs)]

mod fonts;
mod html;
mod logo;
mod pdf;
mod sheet;
mod work;
mod world;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use florin_app::document::{RenderError, Renderer};
use florin_core::document::{InvoiceDocument, TemplateFormat};
use tokio::sync::Semaphore;

pub use work::{Command, work};

/// Florin's own template for PDFs.
const TYPST: &str = include_str!("../templates/main.typ");
/// Florin's own template for pages.
const HTML: &str = include_str!("../templates/invoice.html");

/// What is wrong with a template, in the words of its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) message: String,
    /// Line and column from 1.
    pub(crate) position: Option<(u64, u64)>,
}

pub(crate) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub(crate) fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            position: None,
        }
    }
}

impl From<Problem> for RenderError {
    fn from(Problem { message, position }: Problem) -> Self {
        Self::Template { message, position }
    }
}

/// Renders documents, as many at a time as the machine has processors.
#[derive(Clone, Debug)]
pub struct Pages {
    worker: Command,
    places: Arc<Semaphore>,
}

impl Pages {
    /// A renderer whose worker processes are begun by this command, which calls [`work`].
    pub fn new(program: PathBuf, arguments: &[&str]) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            worker: Command::new(program, arguments),
            places: Arc::new(Semaphore::new(processors)),
        }
    }
}

#[async_trait]
impl Renderer for Pages {
    async fn render(
        &self,
        document: Arc<InvoiceDocument>,
        format: TemplateFormat,
        template: Option<&str>,
    ) -> std::result::Result<Vec<u8>, RenderError> {
        let gone = |_| RenderError::Unavailable("the server is stopping".to_owned());
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(gone)?;
        let (worker, template) = (self.worker.clone(), template.map(str::to_owned));
        let rendered = tokio::task::spawn_blocking(move || {
            let _place = place;
            let sheet = sheet::Sheet::new(&document, format)?;
            match template {
                // Florin's own template does what it does; a picture may not.
                None if sheet.is_plain() => Ok(sheet.render(own(format))?),
                None => worker.render(&sheet, own(format)),
                Some(template) => worker.render(&sheet, &template),
            }
        });
        let broken = |error: tokio::task::JoinError| RenderError::Unavailable(error.to_string());
        rendered.await.map_err(broken)?
    }

    fn built_in(&self, format: TemplateFormat) -> &'static str {
        own(format)
    }
}

const fn own(format: TemplateFormat) -> &'static str {
    match format {
        TemplateFormat::Typst => TYPST,
        TemplateFormat::Html => HTML,
    }
}
