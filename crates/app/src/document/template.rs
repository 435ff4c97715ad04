//! An organisation's own templates: checked on a sample, then kept.

use std::sync::Arc;

use florin_core::document::{DocumentType, InvoiceDocument, Template, TemplateFormat, sample};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use super::{RenderError, Sheet};
use crate::{App, Error, Result, business_entity};

/// Bytes of a template at most: Florin's own has a twentieth of it.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;

const NONE: Error = Error::NotFound {
    resource: "document template of your own",
};

/// The organisation's template for these documents.
///
/// # Errors
/// [`Error::Store`].
pub async fn own(
    tx: &mut Tx,
    document_type: DocumentType,
    format: TemplateFormat,
) -> Result<Option<Template>> {
    Ok(store::document_template::find(tx, document_type, format).await?)
}

/// The organisation's template for these documents.
///
/// # Errors
/// [`Error::NotFound`] where it has none.
pub async fn find(
    tx: &mut Tx,
    document_type: DocumentType,
    format: TemplateFormat,
) -> Result<Template> {
    own(tx, document_type, format).await?.ok_or(NONE)
}

/// All of the organisation's templates.
///
/// # Errors
/// [`Error::Store`].
pub async fn all(tx: &mut Tx) -> Result<Vec<Template>> {
    Ok(store::document_template::all(tx).await?)
}

/// A page of the sample document in this template: whoever writes a template sees what is wrong before any
/// customer does. Only reads.
///
/// # Errors
/// [`Error::Invalid`] where the template is too long, not valid or needs too much; [`Error::Document`].
pub async fn check(app: &App, mut tx: Tx, format: TemplateFormat, source: &str) -> Result<Vec<u8>> {
    let document = sample_of(&mut tx).await?;
    tried(app, tx, (document, format), source).await
}

async fn tried(
    app: &App,
    tx: Tx,
    (document, format): (InvoiceDocument, TemplateFormat),
    source: &str,
) -> Result<Vec<u8>> {
    // The database need not wait for the page.
    drop(tx);
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("a template of {SOURCE_BYTES_MAX} bytes at most");
        return Err(Error::field(
            "source",
            "value_error.any_str.max_length",
            message,
        ));
    }
    let document = Arc::new(document);
    let rendered = app.documents.render(document, format, Some(source)).await;
    rendered.map_err(|error| match error {
        RenderError::Template { .. } => Error::field("source", "value_error.template", error),
        RenderError::Limit { .. } => Error::field("source", "value_error.template.limit", error),
        RenderError::Unavailable(_) => error.into(),
    })
}

async fn sample_of(tx: &mut Tx) -> Result<InvoiceDocument> {
    let seller = business_entity::default(tx).await?;
    sample(&seller)
        .map_err(|error| Error::Document(RenderError::Unavailable(format!("the sample: {error}"))))
}

/// What a preview shows.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The type of document.
    pub document_type: DocumentType,
    /// What comes out.
    pub format: TemplateFormat,
    /// A template; none is the one that is used now.
    pub source: Option<String>,
    /// An invoice; none is the sample.
    pub invoice_id: Option<Uuid>,
}

/// A page in a template that is not kept. Only reads.
///
/// # Errors
/// [`Error::NotFound`]; with a template, [`Error::Invalid`] as [`check`]; [`Error::Document`].
pub async fn preview(app: &App, mut tx: Tx, preview: Preview) -> Result<Vec<u8>> {
    let Preview {
        document_type,
        format,
        source,
        invoice_id,
    } = preview;
    let document = match invoice_id {
        Some(id) => super::invoice(&mut tx, id).await?,
        None => sample_of(&mut tx).await?,
    };
    let template = match source {
        Some(source) => return tried(app, tx, (document, format), &source).await,
        None => own(&mut tx, document_type, format).await?,
    };
    drop(tx);
    let sheet = Sheet {
        document: Arc::new(document),
        format,
        template: template.map(|template| template.source),
    };
    sheet.render(app).await
}

/// Makes this text the organisation's template. [`check`] it first.
///
/// # Errors
/// [`Error::Store`].
pub async fn replace(
    app: &App,
    tx: &mut Tx,
    (document_type, format): (DocumentType, TemplateFormat),
    source: String,
) -> Result<Template> {
    store::organisation::lock(tx).await?;
    let at = tx.at()?;
    let Some(before) = own(tx, document_type, format).await? else {
        let template = Template {
            id: app.ids.next(),
            document_type,
            format,
            source,
            created_at: at,
            updated_at: at,
        };
        store::document_template::insert(tx, &template).await?;
        return Ok(template);
    };
    let after = Template {
        source,
        updated_at: at,
        ..before.clone()
    };
    store::document_template::update(tx, &before, &after).await?;
    find(tx, document_type, format).await
}

/// Removes the organisation's template: its documents look like Florin's own again.
///
/// # Errors
/// [`Error::NotFound`] where it has none.
pub async fn remove(
    tx: &mut Tx,
    document_type: DocumentType,
    format: TemplateFormat,
) -> Result<Template> {
    let template = find(tx, document_type, format).await?;
    store::document_template::delete(tx, &template).await?;
    Ok(template)
}
