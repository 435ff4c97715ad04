//! Templates of documents that organisations wrote. Owns their rows; Florin's own are no rows.

use florin_core::document::{DocumentType, Template, TemplateFormat};
use sea_query::{Asterisk, Expr, ExprTrait, Order};

use crate::{
    Result, Row, Tx,
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("document_template");

fn values(template: &Template) -> Values {
    let Template {
        id: _,
        document_type,
        format,
        source,
        created_at,
        updated_at,
    } = template.clone();
    vec![
        ("document_type", document_type.as_str().into()),
        ("format", format.as_str().into()),
        ("source", source.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Template> {
    let document_type: String = row.get("document_type")?;
    let format: String = row.get("format")?;
    Ok(Template {
        id: row.get("id")?,
        document_type: DocumentType::parse(&document_type)
            .ok_or_else(|| corrupt("document_type", "no such type of document"))?,
        format: TemplateFormat::parse(&format)
            .ok_or_else(|| corrupt("format", "no such format"))?,
        source: row.get("source")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a template.
///
/// # Errors
/// [`crate::Error::Conflict`] where there is one of this type and format.
pub async fn insert(tx: &mut Tx, template: &Template) -> Result<()> {
    record::insert(tx, &TABLE, template.id, values(template)).await
}

/// Changes a template.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Template, after: &Template) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Removes a template; the audit log keeps it.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, template: &Template) -> Result<()> {
    record::delete(tx, &TABLE, template.id, values(template)).await
}

/// The organisation's template; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(
    tx: &mut Tx,
    document_type: DocumentType,
    format: TemplateFormat,
) -> Result<Option<Template>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("document_type").eq(document_type.as_str()));
    select.and_where(Expr::col("format").eq(format.as_str()));
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// All of the organisation's templates.
///
/// # Errors
/// What the statement answers.
pub async fn all(tx: &mut Tx) -> Result<Vec<Template>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.order_by("document_type", Order::Asc);
    select.order_by("format", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}
