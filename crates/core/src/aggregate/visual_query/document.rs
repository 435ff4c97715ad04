//! The document of a visual query as clients write it. Owns its names and defaults.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Flaw, Rule, VisualQuery};
use crate::usage::{
    Aggregation, CustomerAttribute, Filter, FilterGroup, Filters, Logic, filter::UnknownOperator,
};

/// What stands before a key of a customer's free data.
const CUSTOM_DATA: &str = "custom_data.";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    table_name: Option<String>,
    visual_query: Option<VisualFilters>,
    customer_mapping: Option<CustomerMapping>,
    start_date_mapping: Option<DateMapping>,
    end_date_mapping: Option<DateMapping>,
    aggregate_operation: Option<Operation>,
    group_by: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct VisualFilters {
    logic: Option<String>,
    groups: Option<Vec<Group>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    logic: Option<String>,
    filters: Option<Vec<Comparison>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Comparison {
    column: String,
    operator: String,
    value: Json,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CustomerMapping {
    column: Option<String>,
    customer_column: Option<String>,
}

/// A column, also by its name alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum DateMapping {
    Name(String),
    Column { column: Option<String> },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Operation {
    #[serde(rename = "type")]
    kind: Option<String>,
    operation: Option<String>,
    column: Option<String>,
}

impl Document {
    /// The query; what is wrong is added to `flaws`.
    pub(super) fn read(self, flaws: &mut Vec<Flaw>) -> Option<VisualQuery> {
        let Self {
            table_name,
            visual_query,
            customer_mapping,
            start_date_mapping,
            end_date_mapping,
            aggregate_operation,
            group_by,
        } = self;
        let table_name = given(table_name);
        if table_name.is_none() {
            flaws.push(Flaw::at(&["table_name"], Rule::Missing));
        }
        let date_column = date_column(start_date_mapping, end_date_mapping, flaws);
        let CustomerMapping {
            column,
            customer_column,
        } = customer_mapping.unwrap_or_default();
        let attribute = given(customer_column);
        Some(VisualQuery {
            filters: filters(visual_query.unwrap_or_default(), flaws),
            customer_column: given(column).unwrap_or_else(|| "customer_id".to_owned()),
            customer_attribute: customer_attribute(attribute.as_deref(), flaws),
            date_column,
            operation: aggregate_operation.and_then(|operation| operation.read(flaws)),
            group_by: group_by.unwrap_or_default(),
            table_name: table_name?,
        })
    }
}

impl Operation {
    fn read(self, flaws: &mut Vec<Flaw>) -> Option<(Aggregation, Option<String>)> {
        let Some(word) = given(self.kind).or_else(|| given(self.operation)) else {
            flaws.push(Flaw::at(&["aggregate_operation", "type"], Rule::Missing));
            return None;
        };
        let column = given(self.column).filter(|column| column != "*");
        match word.parse::<Aggregation>() {
            Ok(aggregation) => Some((aggregation, column)),
            Err(unknown) => {
                let choices = unknown.to_string();
                let path = ["aggregate_operation", "type"];
                flaws.push(Flaw::at(&path, Rule::WordUnknown { choices }));
                None
            }
        }
    }
}

impl DateMapping {
    fn column(self) -> Option<String> {
        match self {
            Self::Name(name) => given(Some(name)),
            Self::Column { column } => given(column),
        }
    }
}

/// Clients send an empty text for what they do not use.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn date_column(
    start: Option<DateMapping>,
    end: Option<DateMapping>,
    flaws: &mut Vec<Flaw>,
) -> String {
    let start = start.and_then(DateMapping::column);
    let start = start.unwrap_or_else(|| "timestamp".to_owned());
    let end = end.and_then(DateMapping::column);
    if end.is_some_and(|end| end != start) {
        flaws.push(Flaw::at(&["end_date_mapping"], Rule::DateElsewhere));
    }
    start
}

fn customer_attribute(word: Option<&str>, flaws: &mut Vec<Flaw>) -> CustomerAttribute {
    match word {
        Some("id") => CustomerAttribute::Id,
        None | Some("external_id") => CustomerAttribute::ExternalId,
        Some(word) => match word.strip_prefix(CUSTOM_DATA) {
            Some(key) => CustomerAttribute::CustomData(key.to_owned()),
            None => {
                let choices = "one of id, external_id, custom_data.<key>".to_owned();
                let path = ["customer_mapping", "customer_column"];
                flaws.push(Flaw::at(&path, Rule::WordUnknown { choices }));
                CustomerAttribute::ExternalId
            }
        },
    }
}

fn filters(document: VisualFilters, flaws: &mut Vec<Flaw>) -> Filters {
    let logic = logic(document.logic, &["visual_query", "logic"], flaws);
    let groups = document.groups.unwrap_or_default().into_iter().enumerate();
    let groups = groups.map(|(index, group)| group.read(&index.to_string(), flaws));
    Filters {
        logic,
        groups: groups.collect(),
    }
}

impl Group {
    fn read(self, index: &str, flaws: &mut Vec<Flaw>) -> FilterGroup {
        let path = ["visual_query", "groups", index];
        let logic = logic(self.logic, &[&path[..], &["logic"]].concat(), flaws);
        let comparisons = self.filters.unwrap_or_default().into_iter().enumerate();
        let filters = comparisons.filter_map(|(index, comparison)| {
            let index = index.to_string();
            let path = [&path[..], &["filters", &index, "operator"]].concat();
            comparison.read(&path, flaws)
        });
        FilterGroup {
            filters: filters.collect(),
            logic,
        }
    }
}

impl Comparison {
    fn read(self, path: &[&str], flaws: &mut Vec<Flaw>) -> Option<Filter> {
        match self.operator.parse() {
            Ok(operator) => Some(Filter {
                column: self.column,
                operator,
                value: self.value,
            }),
            Err(unknown) => {
                let unknown: UnknownOperator = unknown;
                let choices = unknown.to_string();
                flaws.push(Flaw::at(path, Rule::WordUnknown { choices }));
                None
            }
        }
    }
}

fn logic(word: Option<String>, path: &[&str], flaws: &mut Vec<Flaw>) -> Logic {
    let word = given(word).unwrap_or_else(|| "AND".to_owned());
    match word.to_ascii_uppercase().as_str() {
        "AND" => Logic::And,
        "OR" => Logic::Or,
        _ => {
            let choices = "one of AND, OR".to_owned();
            flaws.push(Flaw::at(path, Rule::WordUnknown { choices }));
            Logic::And
        }
    }
}
