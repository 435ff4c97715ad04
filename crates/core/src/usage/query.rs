//! A metric that fits a schema. Owns every rule that a definition can break; what the aggregations
//! mean is [`super::metric`]'s.

use super::{
    data_type::DataType,
    filter::{Conditions, Operator},
    metric::{Aggregation, CustomerAttribute, Metric},
    schema::{Column, Schema},
};

/// Dimensions of a metric at most: no price has more.
pub const DIMENSIONS_MAX: usize = 8;

/// A metric over a schema, ready to be asked. Any engine can be asked with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    pub(super) schema: Schema,
    pub(super) aggregation: Aggregation,
    pub(super) column: Option<Column>,
    pub(super) conditions: Conditions,
    pub(super) customer_column: Column,
    pub(super) date_column: Column,
    pub(super) dimensions: Vec<(String, Column)>,
}

/// The parts of a [`UsageQuery`], for an engine that answers it.
#[derive(Clone, Copy, Debug)]
pub struct QueryParts<'q> {
    /// The schema of the events.
    pub schema: &'q Schema,
    /// How events become a quantity.
    pub aggregation: Aggregation,
    /// The column that is aggregated; only COUNT does without.
    pub column: Option<Column>,
    /// Which events count.
    pub conditions: &'q Conditions,
    /// The column that names the customer.
    pub customer_column: Column,
    /// The column that says in which period an event counts: `Date32` (its midnight) or `DateTime64`.
    pub date_column: Column,
    /// Names in the answer and columns by whose values the quantity is split.
    pub dimensions: &'q [(String, Column)],
}

/// A part of a definition that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct MetricError {
    /// Fields and indices from the definition's root, named as in [`Metric`].
    pub path: Vec<String>,
    /// What is wrong.
    pub rule: MetricRule,
}

/// Which rule a definition breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricRule {
    /// The schema has no such column.
    #[error("`{path}` is none of customer_id, timestamp and the fields as data.<field>")]
    ColumnUnknown {
        /// The path.
        path: String,
    },
    /// Every aggregation but COUNT is over a column.
    #[error("{aggregation} needs a column")]
    ColumnMissing {
        /// The aggregation.
        aggregation: Aggregation,
    },
    /// The aggregation computes.
    #[error("{aggregation} needs a column of numbers, `{path}` is {data_type}")]
    NotANumber {
        /// The aggregation.
        aggregation: Aggregation,
        /// The path.
        path: String,
        /// The column's type.
        data_type: DataType,
    },
    /// A period has days and instants.
    #[error("the date column is Date32 or DateTime64, `{path}` is {data_type}")]
    NotATime {
        /// The path.
        path: String,
        /// The column's type.
        data_type: DataType,
    },
    /// Lists are neither counted nor grouped by.
    #[error("`{path}` is a list of values: choose a column with one")]
    IsArray {
        /// The path.
        path: String,
    },
    /// Two dimensions would have one name in the answer.
    #[error("two dimensions are named `{name}`")]
    DimensionsAlike {
        /// The name.
        name: String,
    },
    /// The customer mapping names no key.
    #[error("name a key of custom_data")]
    CustomDataKeyEmpty,
    /// A comparison that the type does not have.
    #[error("{operator} does not apply to {data_type}")]
    OperatorNotForType {
        /// The operator.
        operator: Operator,
        /// The column's type.
        data_type: DataType,
    },
    /// A value of another type than the column's.
    #[error("the value is not a {data_type}")]
    ValueNotOfType {
        /// The column's type.
        data_type: DataType,
    },
    /// `IN` compares with a list.
    #[error("the value is a list of 1 to {limit} values")]
    NotAList {
        /// The most values.
        limit: usize,
    },
    /// Too many parts.
    #[error("{limit} at most")]
    TooMany {
        /// The most parts.
        limit: usize,
    },
}

impl MetricError {
    pub(super) fn at(path: &[&str], rule: MetricRule) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { path, rule }
    }
}

impl UsageQuery {
    /// The metric over this schema.
    ///
    /// # Errors
    /// Every part of the definition that cannot be used.
    pub fn new(metric: &Metric, schema: &Schema) -> Result<Self, Vec<MetricError>> {
        let mut errors = Vec::new();
        let mut keep = |path: &[&str], rule: MetricRule| errors.push(MetricError::at(path, rule));
        let column = aggregated(metric, schema).map_err(|rule| keep(&["column"], rule));
        let customer =
            plain(&metric.customer_column, schema).map_err(|rule| keep(&["customer_column"], rule));
        if metric.customer_attribute == CustomerAttribute::CustomData(String::new()) {
            keep(&["customer_attribute"], MetricRule::CustomDataKeyEmpty);
        }
        let date = date(&metric.date_column, schema).map_err(|rule| keep(&["date_column"], rule));
        let conditions = Conditions::new(&metric.filters, schema, &mut errors);
        let dimensions = dimensions(&metric.dimensions, schema, &mut errors);
        match (column, customer, date) {
            (Ok(column), Ok(customer_column), Ok(date_column)) if errors.is_empty() => Ok(Self {
                schema: schema.clone(),
                aggregation: metric.aggregation,
                column,
                conditions,
                customer_column,
                date_column,
                dimensions,
            }),
            _ => Err(errors),
        }
    }

    /// The parts, for an engine.
    pub fn parts(&self) -> QueryParts<'_> {
        QueryParts {
            schema: &self.schema,
            aggregation: self.aggregation,
            column: self.column,
            conditions: &self.conditions,
            customer_column: self.customer_column,
            date_column: self.date_column,
            dimensions: &self.dimensions,
        }
    }

    /// Names of the answer's dimension columns.
    pub fn dimension_names(&self) -> Vec<String> {
        self.dimensions
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }
}

fn aggregated(metric: &Metric, schema: &Schema) -> Result<Option<Column>, MetricRule> {
    let aggregation = metric.aggregation;
    let Some(path) = metric.column.as_deref() else {
        return match aggregation {
            Aggregation::Count => Ok(None),
            _ => Err(MetricRule::ColumnMissing { aggregation }),
        };
    };
    if aggregation == Aggregation::Count {
        return column(path, schema).map(Some);
    }
    let column = plain(path, schema)?;
    let data_type = schema.data_type(column).clone();
    if aggregation.needs_number() && !data_type.is_number() {
        let path = path.to_owned();
        return Err(MetricRule::NotANumber {
            aggregation,
            path,
            data_type,
        });
    }
    Ok(Some(column))
}

fn date(path: &str, schema: &Schema) -> Result<Column, MetricRule> {
    let column = column(path, schema)?;
    let data_type = schema.data_type(column).clone();
    if data_type.is_time() {
        return Ok(column);
    }
    let path = path.to_owned();
    Err(MetricRule::NotATime { path, data_type })
}

/// A column that holds one value.
fn plain(path: &str, schema: &Schema) -> Result<Column, MetricRule> {
    let column = column(path, schema)?;
    if schema.data_type(column).is_array() {
        let path = path.to_owned();
        return Err(MetricRule::IsArray { path });
    }
    Ok(column)
}

fn column(path: &str, schema: &Schema) -> Result<Column, MetricRule> {
    let unknown = || MetricRule::ColumnUnknown {
        path: path.to_owned(),
    };
    schema.column(path).ok_or_else(unknown)
}

fn dimensions(
    paths: &[String],
    schema: &Schema,
    errors: &mut Vec<MetricError>,
) -> Vec<(String, Column)> {
    if paths.len() > DIMENSIONS_MAX {
        let rule = MetricRule::TooMany {
            limit: DIMENSIONS_MAX,
        };
        errors.push(MetricError::at(&["dimensions"], rule));
        return Vec::new();
    }
    let mut dimensions: Vec<(String, Column)> = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let name = path.strip_prefix("data.").unwrap_or(path).to_owned();
        let is_alike = dimensions.iter().any(|(known, _)| *known == name);
        let rule = match plain(path, schema) {
            Ok(_) if is_alike => MetricRule::DimensionsAlike { name },
            Ok(column) => {
                dimensions.push((name, column));
                continue;
            }
            Err(rule) => rule,
        };
        errors.push(MetricError::at(&["dimensions", &index.to_string()], rule));
    }
    dimensions
}

#[cfg(test)]
mod tests;
