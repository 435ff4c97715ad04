//! Jinja templates of SQL.
//!
//! Owns the variables that a template sees and how it is rendered. A value never passes through the SQL
//! parser: it is rendered as a text literal that stands for it ([`Slot`]), and is put into the parsed
//! query. So no value can become a part of the query's text, whatever quotes or line ends it has.
//!
//! Where a template has no blocks, the literal is as long as the tag, so that positions in the rendered
//! text are those of the template.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use datafusion::logical_expr::sqlparser::ast::Value as SqlValue;
use florin_app::usage::{UsageError, UsageResult};
use florin_core::usage::UsageCustomer;
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior,
    value::{Object, ObjectRepr, Value, ValueKind},
};
use serde_json::Value as Json;

/// Bytes of a template, and of what it renders, at most.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 64 * 1024;
/// Steps of a template at most: loops end.
const FUEL: u64 = 50_000;
/// Values that a template prints at most.
const SLOTS_MAX: usize = 4096;

const VARIABLES: [&str; 5] = [
    "start_date",
    "end_date",
    "period_start",
    "period_end",
    "customer",
];
/// Functions of the template language that stay.
const FUNCTIONS: [&str; 1] = ["range"];
const ATTRIBUTES: [&str; 3] = ["id", "external_id", "custom_data"];

/// The first character of a literal that stands for a value; no template contains it.
const SLOT: char = '\u{E000}';
const PADDING: char = '\u{E001}';
/// The number of the slot is counted from here.
const FIRST_SLOT: u32 = 0xF_0000;

/// A template that names nothing unknown.
#[derive(Clone, Debug)]
pub(crate) struct Template<'t> {
    text: &'t str,
    /// The variables that it names.
    names: Vec<String>,
    /// How it mentions the customer.
    pub(crate) mention: Mention,
}

/// How a template mentions the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    /// Not at all.
    None,
    /// Only as `{{ customer.… }}`: every customer's query is alike but for these values.
    Printed,
    /// In conditions, filters or the like.
    Computed,
}

/// A value that a rendered template prints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Slot {
    /// This literal.
    Literal(SqlValue),
    /// An attribute of the customer, not known yet: its path below `customer`.
    Customer(Vec<String>),
}

/// Whose values a template sees.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'c> {
    /// Nobody's yet: attributes become [`Slot::Customer`].
    Anyone,
    /// This customer's.
    Customer(&'c UsageCustomer),
    /// Some text for every attribute, to see whether the query can be run.
    Sample,
}

/// SQL with literals that stand for values.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    pub(crate) slots: Vec<Slot>,
    /// Whether places of the SQL are those of the template.
    pub(crate) has_positions: bool,
}

impl<'t> Template<'t> {
    /// # Errors
    /// [`UsageError::Query`] for what is no template or names an unknown variable; [`UsageError::Limit`]
    /// for one that is too long.
    pub(crate) fn read(text: &'t str) -> UsageResult<Self> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("a template has {TEMPLATE_BYTES_MAX} bytes at most");
            return Err(UsageError::Limit { message });
        }
        let environment = environment();
        let template = environment.template_from_str(text);
        let template = template.map_err(|error| refused(&error))?;
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort_unstable();
        for name in &names {
            known(name, text)?;
        }
        if let Some(at) = text.find(SLOT) {
            return Err(query_error(
                "the character U+E000 is not allowed",
                Some(place(text, at)),
            ));
        }
        let mention = mention(text, &names);
        Ok(Self {
            text,
            names,
            mention,
        })
    }

    /// # Errors
    /// [`UsageError::Query`] where the template computes something that cannot be; and where it does not
    /// end.
    pub(crate) fn render(
        &self,
        period: &Range<Timestamp>,
        whose: Whose<'_>,
    ) -> UsageResult<Rendered> {
        let widths = widths(self.text);
        let has_positions = widths.is_some();
        let widths = widths.unwrap_or_default();
        let slots = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut environment = environment();
        let kept = Arc::clone(&slots);
        environment.set_formatter(move |output, _: &State<'_, '_>, value| {
            let mut slots = kept.lock().map_err(|_| too_many())?;
            print(output, value, &widths, &mut slots)
        });
        let sql = environment.render_str(self.text, variables(&self.names, period, whose));
        let sql = sql.map_err(|error| refused(&error))?;
        if sql.len() > 4 * TEMPLATE_BYTES_MAX {
            let message = "the template renders more than 256 KiB of SQL".to_owned();
            return Err(UsageError::Limit { message });
        }
        let slots = slots.lock().map(|slots| slots.clone()).unwrap_or_default();
        Ok(Rendered {
            sql,
            slots,
            has_positions,
        })
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment
}

fn query_error(message: impl Into<String>, position: Option<(u64, u64)>) -> UsageError {
    UsageError::Query {
        message: message.into(),
        position,
    }
}

fn refused(error: &Error) -> UsageError {
    if error.kind() == ErrorKind::OutOfFuel {
        let message = "the template computes too much: unroll or shorten its loops".to_owned();
        return UsageError::Limit { message };
    }
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let position = error.line().map(|line| (line as u64, 1));
    query_error(message, position)
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (u64, u64) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count());
    (line, column as u64 + 1)
}

fn known(name: &str, text: &str) -> UsageResult<()> {
    let mut path = name.split('.');
    let (variable, attribute) = (path.next().unwrap_or_default(), path.next());
    if FUNCTIONS.contains(&name) {
        return Ok(());
    }
    let at = || text.find(name).map(|at| place(text, at));
    if !VARIABLES.contains(&variable) {
        let message = format!(
            "unknown variable `{name}`; there are {}",
            VARIABLES.join(", ")
        );
        return Err(query_error(message, at()));
    }
    match attribute {
        Some(attribute) if variable == "customer" && !ATTRIBUTES.contains(&attribute) => {
            let message = format!(
                "unknown variable `{name}`; a customer has {}",
                ATTRIBUTES.join(", ")
            );
            Err(query_error(message, at()))
        }
        Some(_) if variable != "customer" => {
            Err(query_error(format!("unknown variable `{name}`"), at()))
        }
        _ => Ok(()),
    }
}

/// What stands between `{{` and `}}`, `{%` and `%}`, `{#` and `#}`, with the tag's kind and its
/// characters.
fn tags(text: &str) -> Vec<(char, &str, usize)> {
    let (mut tags, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find(['{']) {
        let opened = &rest[start..];
        let close = match opened.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                rest = &opened[1..];
                continue;
            }
        };
        let Some(length) = opened[2..].find(close) else {
            break;
        };
        let tag = &opened[..length + 4];
        let kind = if close == "}}" { '{' } else { '%' };
        tags.push((kind, &opened[2..length + 2], tag.chars().count()));
        rest = &opened[length + 4..];
    }
    tags
}

/// How long each tag is; `None` where tags are not printed one after the other.
fn widths(text: &str) -> Option<Vec<usize>> {
    let tags = tags(text).into_iter().map(|(kind, content, width)| {
        let is_plain = kind == '{'
            && !content.contains(['\n', '{', '}', '"', '\''])
            && !content.starts_with('-')
            && !content.ends_with('-');
        is_plain.then_some(width)
    });
    tags.collect()
}

fn mention(text: &str, names: &[String]) -> Mention {
    let is_named = names
        .iter()
        .any(|name| name.split('.').next() == Some("customer"));
    if !is_named {
        return Mention::None;
    }
    let is_printed = |content: &str| {
        let path = content.trim_matches('-').trim();
        let is_name = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        path.starts_with("customer.") && path.split('.').all(is_name)
    };
    let tags = tags(text);
    let mut mentions = tags
        .iter()
        .filter(|(_, content, _)| content.contains("customer"));
    // A block could repeat or leave out a tag, but alike for every customer.
    match mentions.all(|(kind, content, _)| *kind == '{' && is_printed(content)) {
        true => Mention::Printed,
        false => Mention::Computed,
    }
}

fn variables(names: &[String], period: &Range<Timestamp>, whose: Whose<'_>) -> Value {
    let day = |at: Timestamp| TimeZone::UTC.to_datetime(at).date().to_string();
    let instant = |at: Timestamp| TimeZone::UTC.to_datetime(at).to_string().replace('T', " ");
    let before_end = Timestamp::from_nanosecond(period.end.as_nanosecond() - 1);
    let last = before_end.unwrap_or(period.end).max(period.start);
    let customer = match whose {
        Whose::Anyone => {
            let paths = names
                .iter()
                .filter_map(|name| name.strip_prefix("customer."));
            let paths: Vec<Vec<&str>> = paths.map(|path| path.split('.').collect()).collect();
            symbols(&[], &paths)
        }
        Whose::Sample => sample_customer(),
        Whose::Customer(customer) => customer_value(customer),
    };
    let variables = [
        ("start_date", Value::from(day(period.start))),
        ("end_date", Value::from(day(last))),
        ("period_start", Value::from(instant(period.start))),
        ("period_end", Value::from(instant(period.end))),
        ("customer", customer),
    ];
    variables.into_iter().collect()
}

fn customer_value(customer: &UsageCustomer) -> Value {
    let external_id = customer.external_ids.first();
    let attributes = [
        ("id", Value::from(customer.id.to_string())),
        (
            "external_id",
            external_id.map_or(Value::from(()), |id| Value::from(id.as_str())),
        ),
        ("custom_data", members(customer.custom_data.clone())),
    ];
    attributes.into_iter().collect()
}

fn sample_customer() -> Value {
    let attributes = [
        ("id", Value::from(uuid::Uuid::nil().to_string())),
        ("external_id", Value::from("sample")),
        ("custom_data", sample_members()),
    ];
    attributes.into_iter().collect()
}

fn json_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => match number.as_str().parse::<i64>() {
            Ok(whole) => Value::from(whole),
            Err(_) => Value::from_object(Exact(number.as_str().to_owned())),
        },
        Json::Array(items) => items.iter().map(json_value).collect(),
        Json::Object(_) => members(json.clone()),
    }
}

/// The literal of a customer's attribute.
pub(crate) fn literal(customer: &UsageCustomer, path: &[String]) -> UsageResult<SqlValue> {
    let mut value = customer_value(customer);
    for part in path {
        value = value.get_attr(part).map_err(|error| refused(&error))?;
    }
    sql_value(&value).map_err(|error| refused(&error))
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("a template prints {SLOTS_MAX} values at most"),
    )
}

fn print(
    output: &mut Output<'_>,
    value: &Value,
    widths: &[usize],
    slots: &mut Vec<Slot>,
) -> Result<(), Error> {
    let slot = match value.downcast_object_ref::<Symbol>() {
        Some(symbol) => Slot::Customer(symbol.0.clone()),
        None => Slot::Literal(sql_value(value)?),
    };
    if slots.len() >= SLOTS_MAX {
        return Err(too_many());
    }
    let index = slots.len();
    let number = u32::try_from(index)
        .ok()
        .and_then(|it| char::from_u32(FIRST_SLOT + it));
    let number = number.ok_or_else(too_many)?;
    let missing = widths.get(index).map_or(0, |width| width.saturating_sub(4));
    let padding: String = std::iter::repeat_n(PADDING, missing).collect();
    slots.push(slot);
    write!(output, "'{SLOT}{number}{padding}'").map_err(Error::from)
}

/// Which slot a text literal stands for.
pub(crate) fn slot_of(text: &str) -> Option<usize> {
    let mut characters = text.strip_prefix(SLOT)?.chars();
    let number = u32::from(characters.next()?).checked_sub(FIRST_SLOT)?;
    let is_whole = characters.all(|character| character == PADDING);
    is_whole.then_some(number as usize)
}

/// A message without the characters that stand for values.
pub(crate) fn without_slots(text: &str) -> String {
    let is_slot = |c: char| c == SLOT || c == PADDING || u32::from(c) >= FIRST_SLOT;
    text.replace(is_slot, "")
}

/// How many literals of a text stand for values.
pub(crate) fn slots(text: &str) -> usize {
    text.matches(SLOT).count()
}

fn sql_value(value: &Value) -> Result<SqlValue, Error> {
    if let Some(number) = value.downcast_object_ref::<Exact>() {
        return Ok(SqlValue::Number(number.0.clone(), false));
    }
    match value.kind() {
        ValueKind::None => Ok(SqlValue::Null),
        ValueKind::Bool => Ok(SqlValue::Boolean(value.is_true())),
        ValueKind::Number => Ok(SqlValue::Number(value.to_string(), false)),
        ValueKind::String => Ok(SqlValue::SingleQuotedString(
            value.as_str().unwrap_or_default().to_owned(),
        )),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a {kind} cannot be printed: print a text, a number or a date"),
        )),
    }
}

/// An attribute of the customer that is not known yet: its path.
#[derive(Debug)]
struct Symbol(Vec<String>);

impl Object for Symbol {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Symbols for the paths that begin with `path`.
fn symbols(path: &[&str], paths: &[Vec<&str>]) -> Value {
    let below = paths.iter().filter_map(|known| known.strip_prefix(path));
    let parts: BTreeSet<&str> = below.filter_map(|rest| rest.first().copied()).collect();
    if parts.is_empty() {
        let path = path.iter().map(|part| (*part).to_owned());
        return Value::from_object(Symbol(path.collect()));
    }
    let members = parts.into_iter().map(|part| {
        let path = [path, &[part]].concat();
        (part.to_owned(), symbols(&path, paths))
    });
    members.collect()
}

/// Free data: a key that it lacks is null, since it is no mistake of the template.
fn members(json: Json) -> Value {
    let keys = |json: &Json| {
        let members = json.as_object().into_iter().flatten();
        members.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    Value::make_object_map(
        json,
        move |json| Box::new(keys(json).into_iter().map(Value::from)),
        |json, key| Some(json.get(key.as_str()?).map_or(Value::from(()), json_value)),
    )
}

/// Free data in which every key is a text.
fn sample_members() -> Value {
    Value::make_object_map(
        (),
        |()| Box::new(std::iter::empty()),
        |(), _| Some(Value::from("sample")),
    )
}

/// A number that is printed digit by digit.
#[derive(Debug)]
struct Exact(String);

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
