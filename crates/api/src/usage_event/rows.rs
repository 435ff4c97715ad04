//! Rows of events: which of them a query string asks for, and how they are shown.
//!
//! Columns are those of the stream's schema, so that what a filter may name is known only then; names and
//! suffixes are those of every list.

use florin_app::usage::{EventRow, ROWS_MAX, RowsQuery};
use florin_core::usage::{Filter, FilterGroup, Filters, Logic, Operator, Schema};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::{BadField, Error, Result},
    query::{Parameters, bad},
};

/// Rows that are answered where the client does not say how many.
const ROWS_DEFAULT: usize = 20;
/// Rows that may be passed over at most: who looks further back filters by time.
const OFFSET_MAX: usize = 100_000;

/// What follows a column's name in the query string.
const SUFFIXES: [(&str, Operator); 8] = [
    ("__neq", Operator::NotEqual),
    ("__gte", Operator::GreaterOrEqual),
    ("__gt", Operator::Greater),
    ("__lte", Operator::LessOrEqual),
    ("__lt", Operator::Less),
    ("__in", Operator::In),
    ("__like", Operator::Contains),
    ("__isnull", Operator::IsNull),
];

/// Parameters of a list of events. A field of `data` is filtered by as `data.<field>`, with the suffixes of
/// `timestamp`, `__in`, `__like` and `__isnull`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
pub(crate) struct RowsParameters {
    /// Rows at most, 1 to 1000; 20 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Rows to pass over, 100000 at most.
    #[param(minimum = 0, maximum = 100_000)]
    offset: Option<u64>,
    /// Columns by which rows are ordered, separated by commas, `-` before one for descending: `customer_id`,
    /// `timestamp`, `data.<field>`. What was received last comes first unless told.
    #[param(example = "-timestamp")]
    order: Option<String>,
    /// Events of this customer, as the sender names it; also `customer_id__in`.
    #[param(example = "CRM-771")]
    customer_id: Option<String>,
    /// Events not before this instant.
    #[param(rename = "timestamp__gte", example = "2026-02-01T00:00:00Z")]
    timestamp_gte: Option<String>,
    /// Events before this instant.
    #[param(rename = "timestamp__lt", example = "2026-03-01T00:00:00Z")]
    timestamp_lt: Option<String>,
}

/// Rows of events, or of what a metric makes of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rows {
    /// The rows. An event has `_seq` (grows with each event), `_received_at`, `customer_id`, `timestamp` and
    /// `data.<field>` for each field; what a metric answers has `customer_id`, its dimensions and `quantity`.
    #[schema(value_type = Vec<Object>)]
    pub(crate) results: Vec<EventRow>,
}

/// Reads the parameters against a schema.
///
/// # Errors
/// [`Error::Unreadable`] with every parameter that cannot be used.
pub(crate) fn rows_query(parameters: &Parameters, schema: &Schema) -> Result<RowsQuery> {
    let mut refused = Vec::new();
    let limit = page_number(parameters, "limit", 1..=ROWS_MAX, &mut refused);
    let offset = page_number(parameters, "offset", 0..=OFFSET_MAX, &mut refused);
    let order = order(parameters, schema, &mut refused);
    let (names, filters): (Vec<&str>, Vec<Filter>) = filters(parameters, schema).unzip();
    let filters = Filters {
        logic: Logic::And,
        groups: vec![FilterGroup {
            logic: Logic::And,
            filters,
        }],
    };
    match filters.against(schema) {
        Ok(conditions) if refused.is_empty() => Ok(RowsQuery {
            conditions: vec![conditions],
            order,
            limit: limit.unwrap_or(ROWS_DEFAULT),
            offset: offset.unwrap_or(0),
        }),
        Ok(_) => Err(Error::Unreadable(refused)),
        Err(errors) => {
            // filters.groups.0.filters.<index>.value, or the filters themselves where they are too many.
            let name = |path: &[String]| {
                let index = path.get(4).and_then(|index| index.parse::<usize>().ok());
                index
                    .and_then(|index| names.get(index))
                    .unwrap_or(&"query")
                    .to_owned()
            };
            let bad = |error: florin_core::usage::MetricError| {
                bad(name(&error.path), "value_error", &error.to_string())
            };
            refused.extend(errors.into_iter().map(bad));
            Err(Error::Unreadable(refused))
        }
    }
}

/// Every parameter that names a column, with what it asks.
fn filters<'p>(
    parameters: &'p Parameters,
    schema: &Schema,
) -> impl Iterator<Item = (&'p str, Filter)> {
    let pairs = parameters.0.iter().filter(|(_, value)| !value.is_empty());
    pairs.filter_map(move |(name, value)| {
        let (column, operator) = column_of(name, schema)?;
        let (operator, value) = match operator {
            Operator::In => (
                operator,
                value.split(',').map(str::trim).map(Value::from).collect(),
            ),
            Operator::IsNull if value.eq_ignore_ascii_case("false") => {
                (Operator::IsNotNull, Value::Null)
            }
            _ => (operator, Value::from(value.as_str())),
        };
        let column = column.to_owned();
        let filter = Filter {
            column,
            operator,
            value,
        };
        Some((name.as_str(), filter))
    })
}

/// The column that a parameter names; a field may itself end like a suffix.
fn column_of<'n>(name: &'n str, schema: &Schema) -> Option<(&'n str, Operator)> {
    if schema.column(name).is_some() {
        return Some((name, Operator::Equal));
    }
    let split = SUFFIXES.iter().find_map(|(suffix, operator)| {
        let column = name.strip_suffix(suffix)?;
        Some((column, *operator))
    });
    split.filter(|(column, _)| schema.column(column).is_some())
}

fn order(
    parameters: &Parameters,
    schema: &Schema,
    refused: &mut Vec<BadField>,
) -> Vec<(String, bool)> {
    let mut columns = Vec::new();
    for word in parameters.words("order") {
        let descending = word.starts_with('-');
        let path = word.trim_start_matches(['-', '+']);
        let column = schema.column(path).map(|column| schema.data_type(column));
        if path != "_seq" && column.is_none_or(florin_core::usage::DataType::is_array) {
            let message = "one of _seq, customer_id, timestamp and the fields as data.<field>";
            refused.push(bad("order", "value_error.column", message));
            continue;
        }
        columns.push((path.to_owned(), descending));
    }
    columns
}

/// A whole number of the query string, in a range.
pub(crate) fn page_number(
    parameters: &Parameters,
    name: &str,
    range: std::ops::RangeInclusive<usize>,
    refused: &mut Vec<BadField>,
) -> Option<usize> {
    let text = parameters.value(name)?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let message = format!("a whole number from {} to {}", range.start(), range.end());
        refused.push(bad(name, "value_error.number", &message));
    }
    number
}
