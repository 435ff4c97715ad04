//! From the words of a query string to a [`Query`]. Reports every bad parameter, not the first.

use std::collections::HashSet;

use jiff::civil::Date;
use rust_decimal::Decimal;
use sea_query::Value;
use uuid::Uuid;

use super::{Column, Condition, Cursor, Kind, Operator, Order, Position, Query, Spec};

/// A parameter that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The query parameter.
    pub parameter: String,
    /// What to send instead.
    pub message: String,
    /// The machine-readable type, in the style of the API's 422 bodies.
    pub kind: &'static str,
}

/// Longest text that a filter may look for, so that a pattern stays cheap.
const TEXT_LENGTH_MAX: usize = 1024;
/// Most values of an `__in` filter, or of one that comes several times.
const IN_VALUES_MAX: usize = 1000;
/// Most filters of one request: each one deepens the statement, and databases bound that depth.
const CONDITIONS_MAX: usize = 100;
/// Most keys of a path into a document, fewer than PostgreSQL's 100 arguments of a function.
const PATH_KEYS_MAX: usize = 16;

/// Reads the parameters of a list. Unknown parameters and empty values are ignored.
///
/// # Errors
/// Every parameter that cannot be used.
pub fn parse(spec: &'static Spec, parameters: &[(String, String)]) -> Result<Query, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut reader = Reader {
        spec,
        parameters,
        refusals: &mut refusals,
    };
    let conditions = reader.conditions();
    let order = reader.order();
    let limit = reader.limit();
    let position = reader.position(order);
    let ranked = reader.ranked();
    if refusals.is_empty() {
        Ok(Query {
            conditions,
            ranked,
            order,
            position,
            limit,
        })
    } else {
        Err(refusals)
    }
}

struct Reader<'p> {
    spec: &'static Spec,
    parameters: &'p [(String, String)],
    refusals: &'p mut Vec<Refusal>,
}

impl<'p> Reader<'p> {
    fn value(&self, parameter: &str) -> Option<&'p str> {
        let parameters = self.parameters;
        let found = parameters.iter().rev().find(|(name, _)| name == parameter);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn refuse(&mut self, parameter: &str, kind: &'static str, message: impl Into<String>) {
        let (parameter, message) = (parameter.to_owned(), message.into());
        self.refusals.push(Refusal {
            parameter,
            message,
            kind,
        });
    }

    fn conditions(&mut self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut read = HashSet::new();
        let parameters = self.parameters;
        for (parameter, text) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            if parameter == "search" {
                conditions.extend(self.search(text));
            } else if let Some((column, operator)) = self.comparison(parameter) {
                let condition = match operator {
                    // Read with the first of them.
                    Operator::Equal | Operator::In if !read.insert(parameter) => continue,
                    Operator::Equal | Operator::In => self.any_of(parameter, column, operator),
                    _ => compared(column, operator, text),
                };
                match condition {
                    Ok(condition) => conditions.push(condition),
                    Err((kind, message)) => self.refuse(parameter, kind, message),
                }
            }
            if conditions.len() > CONDITIONS_MAX {
                let message = format!("at most {CONDITIONS_MAX} filters");
                self.refuse(parameter, "value_error.list.max_items", message);
                break;
            }
        }
        conditions
    }

    /// A parameter that comes several times (`id=1&id=2`) means any of its values.
    fn any_of(
        &self,
        parameter: &str,
        column: &'static Column,
        operator: Operator,
    ) -> Result<Condition, Unusable> {
        let of_parameter = self.parameters.iter().filter(|(name, _)| name == parameter);
        let mut all = Vec::new();
        for (_, text) in of_parameter.filter(|(_, text)| !text.is_empty()) {
            all.extend(values(column, operator, text)?);
        }
        if all.len() > IN_VALUES_MAX {
            let message = format!("at most {IN_VALUES_MAX}");
            return Err(("value_error.list.max_items", message));
        }
        let operator = if all.len() > 1 {
            Operator::In
        } else {
            operator
        };
        Ok(Condition::Compare {
            column,
            operator,
            values: all,
        })
    }

    /// The column and operator that a parameter names, if it names any.
    fn comparison(&self, parameter: &str) -> Option<(&'static Column, Operator)> {
        self.spec.columns.iter().find_map(|column| {
            let suffix = parameter.strip_prefix(column.name)?;
            let operator = column
                .operators
                .iter()
                .find(|operator| operator.suffix() == suffix)?;
            Some((column, *operator))
        })
    }

    /// `field=value,field=value`, where a field may be a path into a document.
    fn search(&mut self, text: &str) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if let Err((kind, message)) = scalar(Kind::Text, text) {
            self.refuse("search", kind, message);
            return conditions;
        }
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let Some((field, value)) = part.split_once('=') else {
                self.refuse("search", "value_error.search", "write `field=value`");
                continue;
            };
            let (name, path): (&str, Vec<String>) = match field.trim().split_once('.') {
                Some((name, path)) => (name, path.split('.').map(str::to_owned).collect()),
                None => (field.trim(), Vec::new()),
            };
            match self.searched(name, path, value.trim()) {
                Ok(condition) => conditions.push(condition),
                Err((kind, message)) => self.refuse("search", kind, message),
            }
        }
        conditions
    }

    /// Text and parts of ids are searched for; a value of any other kind is compared.
    fn searched(&self, name: &str, path: Vec<String>, text: &str) -> Result<Condition, Unusable> {
        let column = self.spec.column(name);
        let column = column.filter(|column| (column.kind == Kind::Json) != path.is_empty());
        let Some(column) = column.filter(|_| path.len() <= PATH_KEYS_MAX) else {
            let message = format!("this list cannot be searched by `{name}` in this way");
            return Err(("value_error.search", message));
        };
        match column.kind {
            Kind::Uuid | Kind::Text | Kind::Choice(_) | Kind::Json => {
                let text = text.to_owned();
                Ok(Condition::Contains { column, path, text })
            }
            kind => Ok(Condition::Compare {
                column,
                operator: Operator::Equal,
                values: vec![scalar(kind, text)?],
            }),
        }
    }

    /// `order=-name`, or the older pair `sort_key` and `sort_type`.
    fn order(&mut self) -> Order {
        let (parameter, name, descending) = match (self.value("order"), self.value("sort_key")) {
            (Some(order), _) => match order.strip_prefix('-') {
                Some(name) => ("order", name, true),
                None => (
                    "order",
                    order.strip_prefix('+').unwrap_or(order).trim(),
                    false,
                ),
            },
            (None, Some(key)) => ("sort_key", key, self.sort_type()),
            (None, None) => ("order", self.spec.default_order, self.sort_type()),
        };
        let sortable = self.spec.column(name).filter(|column| column.sortable);
        if sortable.is_none() {
            let names: Vec<&str> = self
                .spec
                .columns
                .iter()
                .filter(|c| c.sortable)
                .map(|c| c.name)
                .collect();
            let message = format!("this list can be sorted by: {}", names.join(", "));
            self.refuse(parameter, "value_error.order", message);
        }
        let column = sortable.unwrap_or(&self.spec.columns[0]);
        Order { column, descending }
    }

    fn sort_type(&mut self) -> bool {
        match self
            .value("sort_type")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => {
                self.refuse("sort_type", "value_error.const", "`asc` or `desc`");
                true
            }
        }
    }

    fn limit(&mut self) -> u64 {
        let max = self.spec.limit_max;
        let Some(text) = self.value("limit") else {
            return Spec::LIMIT_DEFAULT;
        };
        match text.parse::<u64>() {
            Ok(limit) if (1..=max).contains(&limit) => limit,
            _ => {
                let message = format!("a whole number from 1 to {max}");
                self.refuse("limit", "value_error.number", message);
                Spec::LIMIT_DEFAULT
            }
        }
    }

    fn position(&mut self, order: Order) -> Position {
        if let Some(text) = self.value("cursor") {
            return self.cursor(text, order);
        }
        let Some(text) = self.value("offset") else {
            return Position::Start;
        };
        match text.parse::<u64>() {
            Ok(rows) if rows <= i64::MAX as u64 => Position::Offset(rows),
            _ => {
                self.refuse("offset", "value_error.number", "a whole number from 0");
                Position::Start
            }
        }
    }

    fn is_ranked(&self) -> bool {
        let ranked = self.spec.ranked.as_ref();
        ranked.is_some_and(|ranked| self.value(ranked.parameter).is_some())
    }

    fn cursor(&mut self, text: &str, order: Order) -> Position {
        match Cursor::decode(text) {
            Some(Cursor::Key {
                column,
                descending,
                value,
                ..
            }) if self.is_ranked()
                || column != order.column.name
                || descending != order.descending
                || value
                    .as_ref()
                    .is_some_and(|text| scalar(order.column.kind, text).is_err()) =>
            {
                let message = "this cursor belongs to a list in another order: \
                               send the same `order`, or begin without a cursor";
                self.refuse("cursor", "value_error.cursor", message);
                Position::Start
            }
            Some(cursor) => Position::Cursor(cursor),
            None => {
                let message = "not a cursor: send what `next` or `previous` of an answer said";
                self.refuse("cursor", "value_error.cursor", message);
                Position::Start
            }
        }
    }

    fn ranked(&mut self) -> Option<String> {
        let ranked = self.spec.ranked.as_ref()?;
        let text = self.value(ranked.parameter)?;
        if let Err((kind, message)) = scalar(Kind::Text, text) {
            self.refuse(ranked.parameter, kind, message);
        }
        Some(text.to_owned())
    }
}

/// Above every amount that fits minor units.
const AMOUNT_MAX: Decimal = Decimal::from_parts(0xa764_0000, 0x0de0_b6b3, 0, false, 0);

type Unusable = (&'static str, String);

fn compared(
    column: &'static Column,
    operator: Operator,
    text: &str,
) -> Result<Condition, Unusable> {
    Ok(Condition::Compare {
        column,
        operator,
        values: values(column, operator, text)?,
    })
}

fn values(column: &Column, operator: Operator, text: &str) -> Result<Vec<Value>, Unusable> {
    match operator {
        Operator::In => text
            .split(',')
            .map(|part| scalar(column.kind, part.trim()))
            .collect(),
        Operator::IsNull => Ok(vec![scalar(Kind::Boolean, text)?]),
        _ => Ok(vec![scalar(column.kind, text)?]),
    }
}

/// One value of a kind.
pub(super) fn scalar(kind: Kind, text: &str) -> Result<Value, Unusable> {
    match kind {
        Kind::Uuid => text
            .parse::<Uuid>()
            .map(Value::from)
            .map_err(|_| ("type_error.uuid", "value is not a valid uuid".to_owned())),
        Kind::Boolean => boolean(text).map(Value::from),
        Kind::Integer => text.parse::<i64>().map(Value::from).map_err(|_| {
            (
                "type_error.integer",
                "value is not a valid integer".to_owned(),
            )
        }),
        Kind::Decimal => text.parse::<Decimal>().map(Value::from).map_err(|_| {
            (
                "type_error.decimal",
                "value is not a valid decimal".to_owned(),
            )
        }),
        Kind::Money => text
            .parse::<Decimal>()
            .ok()
            .filter(|amount| amount.abs() <= AMOUNT_MAX)
            .map(Value::from)
            .ok_or_else(|| {
                let message = "write an amount in major units, as 10.50";
                ("type_error.decimal", message.to_owned())
            }),
        Kind::Date => text
            .parse::<Date>()
            .ok()
            .filter(|date| date.year() >= 0)
            .map(Value::from)
            .ok_or_else(|| ("value_error.date", "write a date as 2026-01-31".to_owned())),
        Kind::Timestamp => florin_core::instant::parse(text)
            .map(Value::from)
            .map_err(|error| ("value_error.datetime", error.to_string())),
        Kind::Choice(words) if !words.contains(&text) => {
            Err(("type_error.enum", format!("one of: {}", words.join(", "))))
        }
        Kind::Text if text.len() > TEXT_LENGTH_MAX => Err((
            "value_error.any_str.max_length",
            format!("at most {TEXT_LENGTH_MAX} bytes"),
        )),
        Kind::Text if text.contains('\0') => Err((
            "value_error.any_str.nul",
            "text cannot contain the character U+0000".to_owned(),
        )),
        Kind::Text | Kind::Choice(_) | Kind::Json => Ok(Value::from(text)),
    }
}

fn boolean(text: &str) -> Result<bool, Unusable> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(("type_error.bool", "`true` or `false`".to_owned())),
    }
}
