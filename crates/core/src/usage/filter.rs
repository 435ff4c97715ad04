//! Filters of a metric: which events count.
//!
//! Owns the operators, which types each applies to, and their truth. A comparison with null is never
//! true, neither `=` nor `!=`, as in SQL. Groups without filters are passed over; without any filter
//! every event counts.

use std::{cmp::Ordering, fmt, str::FromStr};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    data_type::DataType,
    event::Event,
    number,
    query::{MetricError, MetricRule},
    schema::{Column, Schema},
    timestamp,
    value::Value,
};

/// Groups of a metric, and filters of a group, at most.
pub const FILTERS_MAX: usize = 50;
/// Values of an `IN` at most.
pub const IN_VALUES_MAX: usize = 1000;

/// Groups of filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filters {
    /// How the groups are joined.
    pub logic: Logic,
    /// The groups.
    pub groups: Vec<FilterGroup>,
}

/// Filters that are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterGroup {
    /// How the filters are joined.
    pub logic: Logic,
    /// The filters.
    pub filters: Vec<Filter>,
}

/// A comparison of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Path of the column.
    pub column: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what: a value of the column's type as an event writes it, a number also as text; a list for
    /// `IN`; nothing for the null tests.
    pub value: Json,
}

/// Whether all or any must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// All.
    And,
    /// Any.
    Or,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `IN`: equal to any of a list.
    In,
    /// `NOT IN`: equal to none of a list.
    NotIn,
    /// `CONTAINS`: a text has this part, upper and lower case differing.
    Contains,
    /// `NOT CONTAINS`
    NotContains,
    /// `IS NULL`
    IsNull,
    /// `IS NOT NULL`
    IsNotNull,
}

/// A word that is no operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an operator is one of =, !=, >, >=, <, <=, IN, NOT IN, CONTAINS, NOT CONTAINS, IS NULL, \
     IS NOT NULL"
)]
pub struct UnknownOperator;

const OPERATORS: [(Operator, &str); 12] = [
    (Operator::Equal, "="),
    (Operator::NotEqual, "!="),
    (Operator::Greater, ">"),
    (Operator::GreaterOrEqual, ">="),
    (Operator::Less, "<"),
    (Operator::LessOrEqual, "<="),
    (Operator::In, "IN"),
    (Operator::NotIn, "NOT IN"),
    (Operator::Contains, "CONTAINS"),
    (Operator::NotContains, "NOT CONTAINS"),
    (Operator::IsNull, "IS NULL"),
    (Operator::IsNotNull, "IS NOT NULL"),
];

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = OPERATORS.iter().find(|(operator, _)| operator == self);
        formatter.write_str(row.map_or("", |(_, name)| name))
    }
}

impl FromStr for Operator {
    type Err = UnknownOperator;

    /// Reads a word, ignoring case; `_` may stand for the space.
    fn from_str(word: &str) -> Result<Self, UnknownOperator> {
        let word = word.trim().replace('_', " ");
        let row = OPERATORS
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(&word));
        row.map(|(operator, _)| *operator).ok_or(UnknownOperator)
    }
}

impl Operator {
    fn needs_order(self) -> bool {
        matches!(
            self,
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual
        )
    }

    fn applies_to(self, data_type: &DataType) -> bool {
        match self {
            Self::IsNull | Self::IsNotNull => true,
            Self::Contains | Self::NotContains => *data_type == DataType::String,
            _ if self.needs_order() => !matches!(
                data_type,
                DataType::Bool | DataType::Uuid | DataType::Array(_)
            ),
            _ => !data_type.is_array(),
        }
    }
}

/// Filters that fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How the groups are joined; no group is true.
    pub logic: Logic,
    /// How each group is joined, and its comparisons; no group is without one.
    pub groups: Vec<(Logic, Vec<Condition>)>,
}

/// A comparison that fits a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: Column,
    /// How it is compared.
    pub operator: Operator,
    /// With what: none for the null tests, one or more for `IN` and `NOT IN`, else one.
    pub operands: Vec<Operand>,
}

/// A value that columns are compared with; numbers and times of different types compare by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// With a `Bool`.
    Bool(bool),
    /// With an `Int64`, a `Float64` or a `Decimal`.
    Number(Decimal),
    /// With a `DateTime64`, or with the midnight of a `Date32`.
    Instant(Timestamp),
    /// With a `UUID`.
    Uuid(Uuid),
    /// With a `String`, byte by byte.
    Text(String),
}

impl Filters {
    /// The filters against a schema.
    ///
    /// # Errors
    /// Every part of them that cannot be used.
    pub fn against(&self, schema: &Schema) -> Result<Conditions, Vec<MetricError>> {
        let mut errors = Vec::new();
        let conditions = Conditions::new(self, schema, &mut errors);
        if errors.is_empty() {
            Ok(conditions)
        } else {
            Err(errors)
        }
    }
}

impl Conditions {
    /// The filters against a schema; what does not fit is added to `errors`.
    pub(super) fn new(filters: &Filters, schema: &Schema, errors: &mut Vec<MetricError>) -> Self {
        if filters.groups.len() > FILTERS_MAX {
            let rule = MetricRule::TooMany { limit: FILTERS_MAX };
            errors.push(MetricError::at(&["filters", "groups"], rule));
        }
        let mut groups = Vec::new();
        for (index, group) in filters.groups.iter().take(FILTERS_MAX).enumerate() {
            let index = index.to_string();
            let path = ["filters", "groups", &index, "filters"];
            if group.filters.len() > FILTERS_MAX {
                errors.push(MetricError::at(
                    &path,
                    MetricRule::TooMany { limit: FILTERS_MAX },
                ));
            }
            let filters = group.filters.iter().take(FILTERS_MAX).enumerate();
            let conditions: Vec<Condition> = filters
                .filter_map(|(index, filter)| {
                    let index = index.to_string();
                    let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
                    condition(filter, schema)
                        .map_err(|(part, rule)| {
                            errors.push(MetricError::at(&[&path[..], &[part]].concat(), rule));
                        })
                        .ok()
                })
                .collect();
            if !conditions.is_empty() {
                groups.push((group.logic, conditions));
            }
        }
        let logic = filters.logic;
        Self { logic, groups }
    }

    /// Whether an event counts.
    pub fn hold(&self, event: &Event) -> bool {
        let group = |(logic, conditions): &(Logic, Vec<Condition>)| {
            join(*logic, conditions, |condition| condition.holds(event))
        };
        self.groups.is_empty() || join(self.logic, &self.groups, group)
    }
}

fn join<T>(logic: Logic, parts: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    match logic {
        Logic::And => parts.iter().all(holds),
        Logic::Or => parts.iter().any(holds),
    }
}

fn condition(filter: &Filter, schema: &Schema) -> Result<Condition, (&'static str, MetricRule)> {
    let path = || filter.column.clone();
    let column = schema.column(&filter.column);
    let column = column.ok_or_else(|| ("column", MetricRule::ColumnUnknown { path: path() }))?;
    let (operator, data_type) = (filter.operator, schema.data_type(column));
    if !operator.applies_to(data_type) {
        let data_type = data_type.clone();
        return Err((
            "operator",
            MetricRule::OperatorNotForType {
                operator,
                data_type,
            },
        ));
    }
    let operands = operands(operator, data_type, &filter.value).map_err(|rule| ("value", rule))?;
    Ok(Condition {
        column,
        operator,
        operands,
    })
}

fn operands(
    operator: Operator,
    data_type: &DataType,
    value: &Json,
) -> Result<Vec<Operand>, MetricRule> {
    let read = |value: &Json| {
        operand(data_type, value).ok_or_else(|| MetricRule::ValueNotOfType {
            data_type: data_type.clone(),
        })
    };
    match (operator, value) {
        (Operator::IsNull | Operator::IsNotNull, _) => Ok(Vec::new()),
        (Operator::In | Operator::NotIn, Json::Array(values)) => match values.len() {
            1..=IN_VALUES_MAX => values.iter().map(read).collect(),
            _ => Err(MetricRule::NotAList {
                limit: IN_VALUES_MAX,
            }),
        },
        (Operator::In | Operator::NotIn, _) => Err(MetricRule::NotAList {
            limit: IN_VALUES_MAX,
        }),
        _ => Ok(vec![read(value)?]),
    }
}

fn operand(data_type: &DataType, value: &Json) -> Option<Operand> {
    match (data_type, value) {
        (DataType::Bool, Json::Bool(value)) => Some(Operand::Bool(*value)),
        (DataType::Bool, Json::String(word)) => word.parse().ok().map(Operand::Bool),
        (DataType::Int64 | DataType::Float64 | DataType::Decimal, Json::Number(number)) => {
            number::rounded(number.as_str()).map(Operand::Number)
        }
        (DataType::Int64 | DataType::Float64 | DataType::Decimal, Json::String(text)) => {
            number::rounded(text).map(Operand::Number)
        }
        (DataType::Date32 | DataType::DateTime64, Json::String(text)) => {
            timestamp::instant(text).map(Operand::Instant)
        }
        (DataType::Uuid, Json::String(text)) => text.parse().ok().map(Operand::Uuid),
        (DataType::String, Json::String(text)) => Some(Operand::Text(text.clone())),
        _ => None,
    }
}

impl Condition {
    fn holds(&self, event: &Event) -> bool {
        let value = event.value(self.column);
        match self.operator {
            Operator::IsNull => return value.is_null(),
            _ if value.is_null() => return false,
            Operator::IsNotNull => return true,
            Operator::NotIn => return !self.operands.iter().any(|one| is_equal(&value, one)),
            _ => {}
        }
        self.operands
            .iter()
            .any(|operand| self.holds_against(&value, operand))
    }

    fn holds_against(&self, value: &Value, operand: &Operand) -> bool {
        let order = || compare(value, operand);
        match self.operator {
            Operator::Equal | Operator::In => is_equal(value, operand),
            Operator::NotEqual => !is_equal(value, operand),
            Operator::Greater => order().is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Operator::Less => order().is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
            Operator::Contains => contains(value, operand),
            Operator::NotContains => !contains(value, operand),
            Operator::NotIn | Operator::IsNull | Operator::IsNotNull => false,
        }
    }
}

fn is_equal(value: &Value, operand: &Operand) -> bool {
    compare(value, operand).is_some_and(Ordering::is_eq)
}

/// Texts compare byte by byte.
fn compare(value: &Value, operand: &Operand) -> Option<Ordering> {
    match (value, operand) {
        (Value::Bool(value), Operand::Bool(operand)) => Some(value.cmp(operand)),
        (Value::Uuid(value), Operand::Uuid(operand)) => Some(value.cmp(operand)),
        (Value::String(value), Operand::Text(operand)) => Some(value.cmp(operand)),
        (_, Operand::Number(operand)) => value.number().map(|number| number.cmp(operand)),
        (_, Operand::Instant(operand)) => value.instant().map(|instant| instant.cmp(operand)),
        _ => None,
    }
}

fn contains(value: &Value, operand: &Operand) -> bool {
    match (value, operand) {
        (Value::String(value), Operand::Text(part)) => value.contains(part.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
