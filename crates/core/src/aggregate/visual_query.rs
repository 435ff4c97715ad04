//! The visual query of a metric: a table, filters, a mapping of customers, a date, a calculation.
//!
//! Owns the document that clients send (API §14; where it is silent, the form is ours) and where in it a flaw
//! is. What the parts mean is [`crate::usage`]'s.
//!
//! ```json
//! {"table_name": "raw_metric_storage_event",
//!  "visual_query": {"logic": "AND", "groups": [{"logic": "OR", "filters": [
//!      {"column": "data.region", "operator": "=", "value": "eu"}]}]},
//!  "customer_mapping": {"column": "customer_id", "customer_column": "external_id"},
//!  "start_date_mapping": {"column": "timestamp"}, "end_date_mapping": null,
//!  "aggregate_operation": {"type": "SUM", "column": "data.gb"},
//!  "group_by": ["data.region"]}
//! ```

mod document;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::usage::{
    Aggregation, Conditions, CustomerAttribute, Filters, Metric, MetricError, Schema, UsageQuery,
    query::MetricRule,
};
use document::Document;

/// What clients put before a slug to name its table.
const TABLE_PREFIX: &str = "raw_metric_";

/// A visual query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisualQuery {
    /// The table: a slug, perhaps with `raw_metric_` before it.
    pub table_name: String,
    /// Which events count.
    pub filters: Filters,
    /// The column that names the customer.
    pub customer_column: String,
    /// The attribute of customers that it is compared with.
    pub customer_attribute: CustomerAttribute,
    /// The column that says in which period an event counts.
    pub date_column: String,
    /// The calculation and its column; a preview may do without.
    pub operation: Option<(Aggregation, Option<String>)>,
    /// Columns by whose values the quantity is split.
    pub group_by: Vec<String>,
}

/// A place of a definition that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct Flaw {
    /// Keys and indices from the document's root.
    pub path: Vec<String>,
    /// What is wrong.
    pub rule: Rule,
}

/// Which rule a definition breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The name is blank.
    #[error("a billable metric needs a name that is not blank")]
    NameBlank,
    /// Neither a visual query nor a template.
    #[error("send a visual_query_builder or an aggregation_query")]
    DefinitionMissing,
    /// A part that every visual query has.
    #[error("field required")]
    Missing,
    /// The document has another form.
    #[error("{reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// A word that the part does not have.
    #[error("{choices}")]
    WordUnknown {
        /// The words that it has.
        choices: String,
    },
    /// The organisation has no such stream.
    #[error("no raw metric has this api_slug")]
    TableUnknown,
    /// An event has one date.
    #[error("an event counts at one date: the same column as start_date_mapping, or null")]
    DateElsewhere,
    /// A rule of metrics.
    #[error(transparent)]
    Metric(#[from] MetricRule),
}

impl Flaw {
    /// A flaw at a place.
    pub fn at(path: &[&str], rule: Rule) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { path, rule }
    }
}

impl VisualQuery {
    /// Reads a document.
    ///
    /// # Errors
    /// Every flaw that shows without the table's schema.
    pub fn read(document: &Json) -> Result<Self, Vec<Flaw>> {
        let document = Document::deserialize(document).map_err(|error| {
            let reason = error.to_string();
            vec![Flaw::at(&[], Rule::Malformed { reason })]
        })?;
        let mut flaws = Vec::new();
        let read = document.read(&mut flaws);
        match read {
            Some(visual) if flaws.is_empty() => Ok(visual),
            _ => Err(flaws),
        }
    }

    /// This query, which must calculate something.
    ///
    /// # Errors
    /// [`Rule::Missing`].
    pub fn with_operation(self) -> Result<Self, Vec<Flaw>> {
        match self.operation {
            Some(_) => Ok(self),
            None => Err(vec![Flaw::at(&["aggregate_operation"], Rule::Missing)]),
        }
    }

    /// The slugs that the table's name may mean, the likelier first.
    pub fn api_slugs(&self) -> impl Iterator<Item = &str> {
        let whole = self.table_name.as_str();
        std::iter::once(whole).chain(whole.strip_prefix(TABLE_PREFIX))
    }

    /// The metric over the table's schema.
    ///
    /// # Errors
    /// Every part that does not fit, at its place in the document.
    pub fn query(&self, schema: &Schema) -> Result<UsageQuery, Vec<Flaw>> {
        let Some((aggregation, column)) = self.operation.clone() else {
            return Err(vec![Flaw::at(&["aggregate_operation"], Rule::Missing)]);
        };
        let metric = Metric {
            aggregation,
            column,
            filters: self.filters.clone(),
            customer_column: self.customer_column.clone(),
            customer_attribute: self.customer_attribute.clone(),
            date_column: self.date_column.clone(),
            dimensions: self.group_by.clone(),
        };
        UsageQuery::new(&metric, schema).map_err(placed)
    }

    /// Which events count, over the table's schema.
    ///
    /// # Errors
    /// Every filter that does not fit, at its place in the document.
    pub fn conditions(&self, schema: &Schema) -> Result<Conditions, Vec<Flaw>> {
        self.filters.against(schema).map_err(placed)
    }
}

/// The name under which a table is shown and clients ask for it.
pub fn table_name(api_slug: &str) -> String {
    format!("{TABLE_PREFIX}{api_slug}")
}

/// Errors of a metric at the places of the document from which it was read.
fn placed(errors: Vec<MetricError>) -> Vec<Flaw> {
    errors.into_iter().map(place).collect()
}

fn place(MetricError { path, rule }: MetricError) -> Flaw {
    let mut path = path.into_iter();
    let root = path.next().unwrap_or_default();
    let begin: &[&str] = match root.as_str() {
        "filters" => &["visual_query"],
        "column" => &["aggregate_operation", "column"],
        "customer_column" => &["customer_mapping", "column"],
        "customer_attribute" => &["customer_mapping", "customer_column"],
        "date_column" => &["start_date_mapping"],
        "dimensions" => &["group_by"],
        _ => &[],
    };
    let mut flaw = Flaw::at(begin, rule.into());
    flaw.path.extend(path);
    flaw
}
