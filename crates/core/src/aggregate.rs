//! Aggregates: billable metrics, each with its definition and the versions of it.
//!
//! Owns which of two definitions decides, and when a version is new. Does not own what a visual query means
//! ([`visual_query`], [`crate::usage`]), the SQL of a template (the engine of usage), nor which prices use a
//! metric. Invariant: what an aggregate once measured is told by its versions, none of which ever changes.

pub mod visual_query;

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

pub use visual_query::{Flaw, Rule, VisualQuery};

/// A billable metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub content: Content,
    /// Whose events a visual query measures; a SQL template names its tables itself.
    pub raw_metric_id: Option<Uuid>,
    /// Counts the contents that it has had, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an aggregate measures, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The author's description of the answer's columns; not used.
    pub dataschema: Option<String>,
    /// A SQL template.
    pub aggregation_query: Option<String>,
    /// A SQL template for one customer; kept for clients that send it, not used.
    pub cust_agg_query: Option<String>,
    /// A visual query; an empty object is none.
    pub visual_query_builder: Json,
    /// The data source that clients name; not used.
    pub datasource: Option<Uuid>,
}

/// A content that an aggregate has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateVersion {
    /// Its id.
    pub id: Uuid,
    /// The aggregate.
    pub aggregate_id: Uuid,
    /// Which of its contents, from 1.
    pub version: i64,
    /// The content.
    pub content: Content,
    /// From when on it was the aggregate's.
    pub created_at: Timestamp,
}

/// What decides what an aggregate measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition<'c> {
    /// A template of a SELECT.
    Sql(&'c str),
    /// A visual query with an aggregation.
    Visual(Box<VisualQuery>),
}

impl Content {
    /// The definition: the SQL template unless it is blank, else the visual query. Clients send blank texts
    /// and empty objects for what they do not use, and some send the visual query from which they made the
    /// template beside it.
    ///
    /// # Errors
    /// Every flaw of a visual query that decides, from the content's root; its absence too.
    pub fn definition(&self) -> Result<Definition<'_>, Vec<Flaw>> {
        let template = self.aggregation_query.as_deref();
        if let Some(template) = template.filter(|template| !template.trim().is_empty()) {
            return Ok(Definition::Sql(template));
        }
        let document = &self.visual_query_builder;
        if document.as_object().is_none_or(serde_json::Map::is_empty) {
            let flaw = Flaw::at(&["visual_query_builder"], Rule::DefinitionMissing);
            return Err(vec![flaw]);
        }
        let visual = VisualQuery::read(document).and_then(VisualQuery::with_operation);
        visual
            .map(|visual| Definition::Visual(Box::new(visual)))
            .map_err(within_builder)
    }
}

/// Flaws of a visual query as flaws of the content that has it.
pub fn within_builder(flaws: Vec<Flaw>) -> Vec<Flaw> {
    let within = |mut flaw: Flaw| {
        flaw.path.insert(0, "visual_query_builder".to_owned());
        flaw
    };
    flaws.into_iter().map(within).collect()
}

/// A new aggregate.
///
/// # Errors
/// [`Rule::NameBlank`].
pub fn create(
    id: Uuid,
    name: String,
    content: Content,
    raw_metric_id: Option<Uuid>,
    at: Timestamp,
) -> Result<Aggregate, Flaw> {
    Ok(Aggregate {
        id,
        name: checked(name)?,
        content,
        raw_metric_id,
        version: 1,
        created_at: at,
        updated_at: at,
    })
}

/// The aggregate with another name or content; another content is a new version.
///
/// # Errors
/// [`Rule::NameBlank`].
pub fn amend(
    aggregate: &Aggregate,
    name: String,
    content: Content,
    raw_metric_id: Option<Uuid>,
    at: Timestamp,
) -> Result<Aggregate, Flaw> {
    let is_new = content != aggregate.content;
    Ok(Aggregate {
        id: aggregate.id,
        name: checked(name)?,
        content,
        raw_metric_id,
        version: aggregate.version + i64::from(is_new),
        created_at: aggregate.created_at,
        updated_at: at,
    })
}

impl Aggregate {
    /// The version that it has now.
    pub fn current_version(&self, id: Uuid) -> AggregateVersion {
        AggregateVersion {
            id,
            aggregate_id: self.id,
            version: self.version,
            content: self.content.clone(),
            created_at: self.updated_at,
        }
    }
}

fn checked(name: String) -> Result<String, Flaw> {
    if name.trim().is_empty() {
        return Err(Flaw::at(&["name"], Rule::NameBlank));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
