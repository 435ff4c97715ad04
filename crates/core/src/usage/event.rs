//! Events: reading them against their schema.
//!
//! Owns the form of an event (API §12), every rule that refuses one, and which event replaces which.
//! Does not own batches' sizes, nor keeping events. Invariant: a batch is read whole or refused whole,
//! with its bad places named.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::{
    data_type::DataType,
    number::{self, DECIMAL_PLACES_MAX, WHOLE_DIGITS_MAX},
    schema::{Column, Schema},
    timestamp,
    value::Value,
};

/// Longest text of an event, in bytes; beyond it a column of texts is no longer a column.
pub const TEXT_LENGTH_MAX: usize = 32 * 1024;
/// Longest `customer_id`, in bytes.
pub const CUSTOMER_ID_LENGTH_MAX: usize = 255;
/// Items of a list at most.
pub const ITEMS_MAX: usize = 1000;
/// Bad places of a batch that are named at most: a batch of megabytes can have a million of them, and each
/// takes more memory than it took in the batch.
pub const PROBLEMS_MAX: usize = 1000;

/// An event that fulfils its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose usage it is, as the sender names the customer.
    pub customer_id: String,
    /// When it happened, to the microsecond.
    pub timestamp: Timestamp,
    /// The values of the schema's fields, in their order. Shorter than the schema for an event read
    /// before the last fields were added: what is missing is null.
    pub data: Vec<Value>,
}

/// An event and its place among all that were received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Grows with each event; of two events the one with the larger sequence came later.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}

/// A place of a batch that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{violation}")]
pub struct EventProblem {
    /// Position of the event in its batch.
    pub event: usize,
    /// Keys and indices from the event's root; empty for the event itself.
    pub path: Vec<String>,
    /// What is wrong.
    pub violation: Violation,
}

/// Which rule an event breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An event is an object.
    #[error("an event is an object, got {found}")]
    NotAnObject {
        /// What was sent.
        found: &'static str,
    },
    /// A required key is missing.
    #[error("field required")]
    Missing,
    /// A value of another type.
    #[error("Invalid type for key: {key}. Expected {expected}, got {found}")]
    WrongType {
        /// Path of the field.
        key: String,
        /// The type that it has in the schema.
        expected: String,
        /// The JSON type that was sent.
        found: &'static str,
    },
    /// A key of `data` that the schema does not have.
    #[error("the schema has no field {key}: add it to the schema first")]
    UnknownField {
        /// Path of the key.
        key: String,
    },
    /// A number that the field's type cannot hold.
    #[error("{key} does not fit {expected}{}", limit(.expected))]
    OutOfRange {
        /// Path of the field.
        key: String,
        /// The type that it has in the schema.
        expected: DataType,
    },
    /// A blank customer.
    #[error("customer_id is empty")]
    CustomerEmpty,
    /// An event that happened outside the window of its backfill.
    #[error("the event did not happen in the backfill's window, from {start} to before {end}")]
    OutsideWindow {
        /// The window's first instant.
        start: Timestamp,
        /// The first instant after it.
        end: Timestamp,
    },
    /// A text or list over its limit.
    #[error("{key} is longer than {limit}")]
    TooLong {
        /// Path of the field.
        key: String,
        /// Bytes of a text, or items of a list.
        limit: usize,
    },
    /// The character U+0000, which no database keeps.
    #[error("{key} contains the character U+0000")]
    NulCharacter {
        /// Path of the field.
        key: String,
    },
}

fn limit(data_type: &DataType) -> String {
    match data_type {
        DataType::Decimal => {
            format!(
                ": {WHOLE_DIGITS_MAX} digits before the point and {DECIMAL_PLACES_MAX} after it"
            )
        }
        DataType::Float64 => format!(": {WHOLE_DIGITS_MAX} digits before the point"),
        _ => String::new(),
    }
}

impl Schema {
    /// Reads a batch.
    ///
    /// # Errors
    /// Every place of every event that cannot be used, in order; the first [`PROBLEMS_MAX`] of them.
    pub fn read(
        &self,
        events: impl IntoIterator<Item = Json>,
    ) -> Result<Vec<Event>, Vec<EventProblem>> {
        let events = events.into_iter();
        let mut read = Vec::with_capacity(events.size_hint().0);
        let mut problems = Vec::new();
        for (index, event) in events.enumerate() {
            let mut reader = Reader {
                schema: self,
                event: index,
                problems: &mut problems,
            };
            read.extend(reader.event(event));
        }
        if problems.is_empty() {
            Ok(read)
        } else {
            Err(problems)
        }
    }

    /// The events that count: of those with the same `unique_by` values the one that came last. An event
    /// with a null among these values replaces none and is replaced by none, since what has no identity
    /// cannot be a repetition. In no particular order.
    pub fn current<'e>(&self, events: &'e [Recorded]) -> Vec<&'e Recorded> {
        if self.unique_by().is_empty() {
            return events.iter().collect();
        }
        let mut current = Vec::new();
        let mut last: HashMap<Vec<Value>, &Recorded> = HashMap::new();
        for recorded in events {
            let columns = self.unique_by().iter();
            let key: Vec<Value> = columns
                .map(|column| recorded.event.value(*column))
                .collect();
            if key.iter().any(Value::is_null) {
                current.push(recorded);
                continue;
            }
            let kept = last.entry(key).or_insert(recorded);
            if recorded.sequence > kept.sequence {
                *kept = recorded;
            }
        }
        current.extend(last.into_values());
        current
    }
}

impl Event {
    /// The value of a column of the event's schema.
    pub fn value(&self, column: Column) -> Value {
        match column {
            Column::CustomerId => Value::String(self.customer_id.clone()),
            Column::Timestamp => Value::DateTime64(self.timestamp),
            Column::Data(position) => self.data.get(position).cloned().unwrap_or(Value::Null),
        }
    }
}

/// Where a value stands. Costs nothing until a problem is reported.
enum Place<'a> {
    Root(&'a str),
    Data(&'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn path(&self) -> Vec<String> {
        match self {
            Self::Root(key) => vec![(*key).to_owned()],
            Self::Data(key) => vec!["data".to_owned(), (*key).to_owned()],
            Self::Item(of, index) => {
                let mut path = of.path();
                path.push(index.to_string());
                path
            }
        }
    }
}

struct Reader<'p> {
    schema: &'p Schema,
    event: usize,
    problems: &'p mut Vec<EventProblem>,
}

impl Reader<'_> {
    fn event(&mut self, event: Json) -> Option<Event> {
        let mut members = match event {
            Json::Object(members) => members,
            other => {
                let found = type_name(&other);
                self.report(Vec::new(), Violation::NotAnObject { found });
                return None;
            }
        };
        let customer_id = self.customer_id(members.remove("customer_id"));
        let timestamp = self.timestamp(members.remove("timestamp"));
        let data = self.data(members.remove("data"));
        Some(Event {
            customer_id: customer_id?,
            timestamp: timestamp?,
            data: data?,
        })
    }

    fn customer_id(&mut self, given: Option<Json>) -> Option<String> {
        let place = Place::Root("customer_id");
        match given {
            Some(Json::String(id)) if id.is_empty() => {
                self.refuse(&place, Violation::CustomerEmpty)
            }
            Some(Json::String(id)) => self.text(id, &place, CUSTOMER_ID_LENGTH_MAX),
            Some(Json::Null) | None => self.refuse(&place, Violation::Missing),
            Some(other) => self.mismatch(&place, &DataType::String, &other),
        }
    }

    fn timestamp(&mut self, given: Option<Json>) -> Option<Timestamp> {
        let place = Place::Root("timestamp");
        match given {
            Some(Json::Null) | None => self.refuse(&place, Violation::Missing),
            Some(other) => {
                let instant = other.as_str().and_then(timestamp::instant);
                instant.or_else(|| self.mismatch(&place, &DataType::DateTime64, &other))
            }
        }
    }

    fn data(&mut self, given: Option<Json>) -> Option<Vec<Value>> {
        let place = Place::Root("data");
        match given {
            Some(Json::Object(members)) => self.values(members),
            Some(Json::Null) | None => self.refuse(&place, Violation::Missing),
            Some(other) => {
                let (key, expected) = ("data".to_owned(), "object".to_owned());
                let found = type_name(&other);
                let violation = Violation::WrongType {
                    key,
                    expected,
                    found,
                };
                self.refuse(&place, violation)
            }
        }
    }

    fn values(&mut self, members: Map<String, Json>) -> Option<Vec<Value>> {
        let schema = self.schema;
        let mut values = vec![Value::Null; schema.fields().len()];
        let mut complete = Some(());
        for (name, given) in members {
            let place = Place::Data(&name);
            let Some(position) = schema.position(&name) else {
                let key = dotted(&place);
                complete = self.refuse(&place, Violation::UnknownField { key });
                continue;
            };
            match self.value(&schema.fields()[position].data_type, given, &place) {
                Some(value) => values[position] = value,
                None => complete = None,
            }
        }
        complete.map(|()| values)
    }

    fn value(&mut self, data_type: &DataType, given: Json, place: &Place<'_>) -> Option<Value> {
        match (data_type, given) {
            (_, Json::Null) => Some(Value::Null),
            (DataType::String, Json::String(text)) => {
                self.text(text, place, TEXT_LENGTH_MAX).map(Value::String)
            }
            (DataType::Bool, Json::Bool(value)) => Some(Value::Bool(value)),
            (DataType::Array(of), Json::Array(items)) => self.items(of, items, place),
            (_, Json::Number(given)) if data_type.is_number() => {
                let value = number_of(data_type, given.as_str());
                value.or_else(|| self.unfit(data_type, given, place))
            }
            (DataType::Decimal, Json::String(text)) => {
                let value = number::exact(&text).map(Value::Decimal);
                value.or_else(|| self.mismatch(place, data_type, &Json::String(text)))
            }
            (_, Json::String(text)) => {
                let value = text_form(data_type, &text);
                value.or_else(|| self.mismatch(place, data_type, &Json::String(text)))
            }
            (_, other) => self.mismatch(place, data_type, &other),
        }
    }

    fn items(&mut self, of: &DataType, items: Vec<Json>, place: &Place<'_>) -> Option<Value> {
        if items.len() > ITEMS_MAX {
            let (key, limit) = (dotted(place), ITEMS_MAX);
            return self.refuse(place, Violation::TooLong { key, limit });
        }
        let wanted = items.len();
        let mut values = Vec::with_capacity(wanted);
        for (index, item) in items.into_iter().enumerate() {
            values.extend(self.value(of, item, &Place::Item(place, index)));
        }
        (values.len() == wanted).then_some(Value::Array(values))
    }

    fn text(&mut self, text: String, place: &Place<'_>, limit: usize) -> Option<String> {
        if text.len() > limit {
            let key = dotted(place);
            return self.refuse(place, Violation::TooLong { key, limit });
        }
        if text.as_bytes().contains(&0) {
            let key = dotted(place);
            return self.refuse(place, Violation::NulCharacter { key });
        }
        Some(text)
    }

    /// A number that its type does not hold: of the wrong type where a whole number is wanted.
    fn unfit<T>(
        &mut self,
        data_type: &DataType,
        given: serde_json::Number,
        place: &Place<'_>,
    ) -> Option<T> {
        let is_whole = !given.as_str().contains(['.', 'e', 'E']);
        if *data_type == DataType::Int64 && !is_whole {
            return self.mismatch(place, data_type, &Json::Number(given));
        }
        let (key, expected) = (dotted(place), data_type.clone());
        self.refuse(place, Violation::OutOfRange { key, expected })
    }

    fn mismatch<T>(&mut self, place: &Place<'_>, data_type: &DataType, given: &Json) -> Option<T> {
        let expected = match (place, data_type) {
            (Place::Root(_), DataType::DateTime64) => "Date32/DateTime64".to_owned(),
            _ => data_type.to_string(),
        };
        let (key, found) = (dotted(place), type_name(given));
        let violation = Violation::WrongType {
            key,
            expected,
            found,
        };
        self.refuse(place, violation)
    }

    fn refuse<T>(&mut self, place: &Place<'_>, violation: Violation) -> Option<T> {
        self.report(place.path(), violation);
        None
    }

    fn report(&mut self, path: Vec<String>, violation: Violation) {
        if self.problems.len() >= PROBLEMS_MAX {
            return;
        }
        let event = self.event;
        self.problems.push(EventProblem {
            event,
            path,
            violation,
        });
    }
}

fn number_of(data_type: &DataType, text: &str) -> Option<Value> {
    match data_type {
        DataType::Int64 => whole(text).map(Value::Int64),
        DataType::Float64 => number::rounded(text).map(Value::Float64),
        _ => number::exact(text).map(Value::Decimal),
    }
}

/// A whole number, also as `5.0` or `5e3`, as some clients write it.
fn whole(text: &str) -> Option<i64> {
    let digits = text.parse().ok();
    digits.or_else(|| {
        let number = number::exact(text)?;
        (number.is_integer()).then(|| number.try_into().ok())?
    })
}

fn text_form(data_type: &DataType, text: &str) -> Option<Value> {
    match data_type {
        DataType::Date32 => timestamp::day(text).map(Value::Date32),
        DataType::DateTime64 => timestamp::instant(text).map(Value::DateTime64),
        DataType::Uuid => text.parse().ok().map(Value::Uuid),
        _ => None,
    }
}

fn dotted(place: &Place<'_>) -> String {
    place.path().join(".")
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.as_str().contains(['.', 'e', 'E']) => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
