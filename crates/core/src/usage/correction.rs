//! Corrections: events that are taken out or changed after they were accepted.
//!
//! Owns which events a correction is about, what becomes of each, and, as the specification, what a stream
//! holds afterwards. Does not own keeping any of it.
//!
//! A correction never writes over an event: the events that it is about go, and changed ones come again
//! as new events. So whatever counted events up to a sequence sees that there is something new.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{
    event::{Event, EventProblem, Recorded},
    filter::{Condition, Conditions, Logic, Operand, Operator},
    schema::{Column, Schema},
    value::Value,
};

/// Events of one correction at most: what they were is kept with it.
pub const CORRECTED_MAX: usize = 100_000;
/// Events that are named one by one, at most.
pub const NAMED_MAX: usize = 1_000;
/// Longest reason, in characters.
pub const REASON_LENGTH_MAX: usize = 1_000;

/// Which events a correction is about: those for which everything holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One of these, by `_seq`; none is no condition.
    pub sequences: BTreeSet<u64>,
    /// All of these hold.
    pub conditions: Vec<Conditions>,
}

impl Selection {
    /// Whether it says nothing, and so would be every event.
    pub fn is_everything(&self) -> bool {
        let is_open = |conditions: &Conditions| conditions.groups.is_empty();
        self.sequences.is_empty() && self.conditions.iter().all(is_open)
    }

    /// Whether an event is one of them.
    pub fn holds(&self, recorded: &Recorded) -> bool {
        let is_named = self.sequences.is_empty() || self.sequences.contains(&recorded.sequence);
        let mut conditions = self.conditions.iter();
        is_named && conditions.all(|conditions| conditions.hold(&recorded.event))
    }
}

/// Events of a customer, as the sender names it.
pub fn of_customer(customer_id: &str) -> Conditions {
    let operand = Operand::Text(customer_id.to_owned());
    all(vec![compared(Column::CustomerId, Operator::Equal, operand)])
}

/// Events not before the one instant, and before the other.
pub fn within(start: Option<Timestamp>, end: Option<Timestamp>) -> Conditions {
    let bound = |operator, at: Option<Timestamp>| {
        at.map(|at| compared(Column::Timestamp, operator, Operand::Instant(at)))
    };
    let bounds = [
        bound(Operator::GreaterOrEqual, start),
        bound(Operator::Less, end),
    ];
    all(bounds.into_iter().flatten().collect())
}

fn compared(column: Column, operator: Operator, operand: Operand) -> Condition {
    let operands = vec![operand];
    Condition {
        column,
        operator,
        operands,
    }
}

fn all(conditions: Vec<Condition>) -> Conditions {
    let group = (Logic::And, conditions);
    let groups = Some(group).filter(|(_, conditions)| !conditions.is_empty());
    Conditions {
        logic: Logic::And,
        groups: groups.into_iter().collect(),
    }
}

/// What becomes of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// They go.
    Delete,
    /// These columns get these values.
    Amend(Amendment),
}

impl Change {
    /// The word for it.
    pub fn action(&self) -> Action {
        match self {
            Self::Delete => Action::Delete,
            Self::Amend(_) => Action::Amend,
        }
    }

    /// What an event becomes; `None` where it goes.
    pub fn of(&self, schema: &Schema, event: &Event) -> Option<Event> {
        match self {
            Self::Delete => None,
            Self::Amend(amendment) => Some(amendment.of(schema, event)),
        }
    }
}

/// The words for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Events go.
    Delete,
    /// Events change.
    Amend,
}

impl Action {
    /// Each with its word.
    pub const WORDS: [(Self, &'static str); 2] = [(Self::Delete, "delete"), (Self::Amend, "amend")];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Amend => "amend",
        }
    }

    /// The action of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        let row = Self::WORDS.iter().find(|(_, known)| *known == word);
        row.map(|(action, _)| *action)
    }
}

/// Columns and their new values. No column stands twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    assignments: Vec<(Column, Value)>,
}

impl Amendment {
    /// Reads what is written of an event: `customer_id`, `timestamp`, and fields of `data`, each of its type
    /// or, for a field, null.
    ///
    /// # Errors
    /// Every place that an event could not have either. One that changes nothing is no amendment: `data` is
    /// missing then.
    pub fn read(schema: &Schema, changes: &Map<String, Json>) -> Result<Self, Vec<EventProblem>> {
        // What is not named is filled in, so that the rules of events are those of amendments.
        let mut event = changes.clone();
        let filled = [("customer_id", "?"), ("timestamp", "2000-01-01")];
        for (name, value) in filled {
            event.entry(name).or_insert_with(|| Json::from(value));
        }
        if changes.contains_key("customer_id") || changes.contains_key("timestamp") {
            event
                .entry("data")
                .or_insert_with(|| Json::Object(Map::new()));
        }
        let mut read = schema.read([Json::Object(event)])?;
        let Some(event) = read.pop() else {
            return Ok(Self {
                assignments: Vec::new(),
            });
        };
        let root = [
            ("customer_id", Column::CustomerId),
            ("timestamp", Column::Timestamp),
        ];
        let root = root
            .into_iter()
            .filter(|(name, _)| changes.contains_key(*name))
            .map(|(_, column)| column);
        let fields = changes.get("data").and_then(Json::as_object);
        let fields = fields.into_iter().flat_map(Map::keys);
        let data = fields.filter_map(|name| schema.position(name).map(Column::Data));
        let assigned = root.chain(data);
        let assignments = assigned.map(|column| (column, event.value(column)));
        Ok(Self {
            assignments: assignments.collect(),
        })
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// Columns and their new values.
    pub fn assignments(&self) -> &[(Column, Value)] {
        &self.assignments
    }

    /// What an event becomes.
    pub fn of(&self, schema: &Schema, event: &Event) -> Event {
        let mut amended = event.clone();
        amended.data.resize(schema.fields().len(), Value::Null);
        for (column, value) in &self.assignments {
            match (column, value) {
                (Column::CustomerId, Value::String(id)) => amended.customer_id.clone_from(id),
                (Column::Timestamp, Value::DateTime64(at)) => amended.timestamp = *at,
                (Column::Data(position), value) => {
                    if let Some(place) = amended.data.get_mut(*position) {
                        place.clone_from(value);
                    }
                }
                _ => {}
            }
        }
        amended
    }
}

/// A correction that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Its id.
    pub id: Uuid,
    /// Whose events.
    pub raw_metric_id: Uuid,
    /// Its place among the stream's events: it is about events with smaller ones; changed events follow it.
    pub sequence: u64,
    /// What became of them.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What was asked, as it was sent.
    pub request: Json,
    /// How many events.
    pub event_count: u64,
    /// Who made it.
    pub created_by: String,
    /// The request that made it.
    pub request_id: String,
    /// When.
    pub created_at: Timestamp,
}

/// The events that a correction is about: of those that count, those for which it holds.
pub fn selected<'e>(
    schema: &Schema,
    events: &'e [Recorded],
    selection: &Selection,
) -> Vec<&'e Recorded> {
    let mut selected = schema.current(events);
    selected.retain(|recorded| selection.holds(recorded));
    selected.sort_by_key(|recorded| recorded.sequence);
    selected
}

/// The events that count after a correction that has the sequence `sequence`; changed ones follow it in
/// their order. In no particular order.
pub fn corrected(
    schema: &Schema,
    events: &[Recorded],
    (selection, change): (&Selection, &Change),
    sequence: u64,
) -> Vec<Recorded> {
    let gone = selected(schema, events, selection);
    let changed = gone
        .iter()
        .filter_map(|recorded| change.of(schema, &recorded.event));
    let changed = (sequence + 1..).zip(changed);
    let changed: Vec<Recorded> = changed
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect();
    let gone: BTreeSet<u64> = gone.iter().map(|recorded| recorded.sequence).collect();
    let mut rest = schema.current(events);
    rest.retain(|recorded| !gone.contains(&recorded.sequence));
    rest.into_iter().cloned().chain(changed).collect()
}

#[cfg(test)]
mod tests;
