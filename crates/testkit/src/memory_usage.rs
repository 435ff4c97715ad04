//! An engine of usage that keeps events in memory and answers by the specification of metrics.
//!
//! Owns what a test can tell it to do. It reads no SQL: a test says what a template answers.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use florin_app::{
    Clock,
    usage::{
        Batch, EVENTS_MAX, EventRow, Format, IdempotencyKey, Ingested, RecordTable, RowsQuery,
        SqlColumns, SqlQuery, Stream, Usage, UsageError, UsageResult,
    },
};
use florin_core::{
    id::OrganisationId,
    usage::{
        Column, CustomerKeys, CustomerUsage, Event, Recorded, Schema, UsageCustomer, UsageQuery,
        Value, evaluate,
    },
};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::fixed::FixedClock;

/// Events in memory.
#[derive(Debug)]
pub struct MemoryUsage {
    clock: Arc<FixedClock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: BTreeMap<(OrganisationId, Uuid), Vec<(Timestamp, Recorded)>>,
    keys: BTreeMap<(OrganisationId, String), (Vec<u8>, u64)>,
    sequence: u64,
    refusals: VecDeque<UsageError>,
    sql: Option<(SqlColumns, Vec<CustomerUsage>)>,
}

impl MemoryUsage {
    /// Without events.
    pub fn new(clock: Arc<FixedClock>) -> Self {
        let kept = Mutex::default();
        Self { clock, kept }
    }

    /// The next call answers this and changes nothing.
    pub fn refuse_next(&self, error: UsageError) {
        self.kept().refusals.push_back(error);
    }

    /// What every SQL metric answers from now on.
    pub fn answer_sql(&self, columns: SqlColumns, usage: Vec<CustomerUsage>) {
        self.kept().sql = Some((columns, usage));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// The state, unless a test wants a refusal.
    fn asked(&self) -> UsageResult<MutexGuard<'_, Kept>> {
        let mut kept = self.kept();
        match kept.refusals.pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(kept),
        }
    }
}

impl Kept {
    fn of(&self, stream: &Stream) -> impl Iterator<Item = &(Timestamp, Recorded)> {
        let events = self.events.get(&(stream.organisation, stream.id));
        events.into_iter().flatten()
    }

    fn recorded(&self, stream: &Stream) -> Vec<Recorded> {
        self.of(stream)
            .map(|(_, recorded)| recorded.clone())
            .collect()
    }

    fn keep(&mut self, stream: &Stream, at: Timestamp, events: Vec<Event>) {
        let kept = self
            .events
            .entry((stream.organisation, stream.id))
            .or_default();
        for event in events {
            self.sequence += 1;
            let sequence = self.sequence;
            kept.push((at, Recorded { sequence, event }));
        }
    }

    fn sql(&self) -> UsageResult<&(SqlColumns, Vec<CustomerUsage>)> {
        self.sql.as_ref().ok_or_else(|| UsageError::Query {
            message: "the engine of tests reads no SQL: say what it answers".to_owned(),
            position: None,
        })
    }
}

#[async_trait]
impl Usage for MemoryUsage {
    async fn ingest(
        &self,
        stream: &Stream,
        batch: Batch<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested> {
        let mut kept = self.asked()?;
        let scoped = key.map(|key| (stream.organisation, key.key.clone()));
        if let (Some(scoped), Some(key)) = (&scoped, key)
            && let Some((fingerprint, events)) = kept.keys.get(scoped)
        {
            let (events, is_repetition) = (*events, true);
            return match *fingerprint == key.fingerprint {
                true => Ok(Ingested {
                    events,
                    is_repetition,
                }),
                false => Err(UsageError::KeyReused),
            };
        }
        let read = match batch {
            Batch::Events(events) => events.to_vec(),
            Batch::Body(format, bytes) => read(&stream.schema, format, bytes)?,
        };
        let events = read.len() as u64;
        kept.keep(stream, self.clock.now(), read);
        if let (Some(scoped), Some(key)) = (scoped, key) {
            kept.keys.insert(scoped, (key.fingerprint.clone(), events));
        }
        Ok(Ingested {
            events,
            is_repetition: false,
        })
    }

    async fn measure(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        period: &Range<Timestamp>,
        customers: &CustomerKeys,
    ) -> UsageResult<Vec<CustomerUsage>> {
        let events = self.asked()?.recorded(stream);
        evaluate(query, period, customers, &events).map_err(|error| UsageError::Overflow {
            message: error.to_string(),
        })
    }

    async fn measure_sql(
        &self,
        _: SqlQuery<'_>,
        _: &Range<Timestamp>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Vec<CustomerUsage>> {
        let kept = self.asked()?;
        let (_, usage) = kept.sql()?;
        let wanted = |usage: &&CustomerUsage| customers.iter().any(|one| one.id == usage.customer);
        Ok(usage.iter().filter(wanted).cloned().collect())
    }

    async fn check_sql(&self, _: SqlQuery<'_>) -> UsageResult<SqlColumns> {
        let kept = self.asked()?;
        kept.sql().map(|(columns, _)| columns.clone())
    }

    fn record_tables(&self) -> Vec<RecordTable> {
        let columns = [("id", "UUID"), ("external_id", "String")];
        vec![RecordTable {
            name: "customers".to_owned(),
            columns: columns
                .map(|(name, data_type)| (name.to_owned(), data_type.to_owned()))
                .to_vec(),
        }]
    }

    async fn rows(&self, stream: &Stream, query: &RowsQuery) -> UsageResult<Vec<EventRow>> {
        let kept = self.asked()?;
        let recorded = kept.recorded(stream);
        let mut rows = stream.schema.current(&recorded);
        rows.retain(|row| query.conditions.iter().all(|one| one.hold(&row.event)));
        rows.sort_by_key(|row| std::cmp::Reverse(row.sequence));
        for (path, descending) in query.order.iter().rev() {
            rows.sort_by(|one, other| {
                let [one, other] = [one, other].map(|row| key(&stream.schema, row, path));
                let order = match descending {
                    true => other.cmp(&one),
                    false => one.cmp(&other),
                };
                one.is_null().cmp(&other.is_null()).then(order)
            });
        }
        let received = |row: &Recorded| {
            let mut all = kept.of(stream);
            all.find(|(_, kept)| kept.sequence == row.sequence)
                .map(|(at, _)| *at)
        };
        let page = rows.into_iter().skip(query.offset).take(query.limit);
        Ok(page
            .map(|row| shown(&stream.schema, row, received(row)))
            .collect())
    }
}

fn read(schema: &Schema, format: Format, bytes: &[u8]) -> UsageResult<Vec<Event>> {
    let unreadable = |error: serde_json::Error| UsageError::Unreadable {
        message: error.to_string(),
    };
    let events: Vec<Json> = match format {
        Format::Json => match serde_json::from_slice(bytes).map_err(unreadable)? {
            Json::Array(events) => events,
            event => vec![event],
        },
        Format::JsonLines => serde_json::Deserializer::from_slice(bytes)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(unreadable)?,
    };
    if events.len() > EVENTS_MAX {
        return Err(UsageError::TooManyEvents);
    }
    schema.read(events).map_err(UsageError::Events)
}

fn key(schema: &Schema, row: &Recorded, path: &str) -> Value {
    match schema.column(path) {
        Some(column) => row.event.value(column),
        None => Value::Int64(row.sequence.try_into().unwrap()),
    }
}

fn shown(schema: &Schema, row: &Recorded, received_at: Option<Timestamp>) -> EventRow {
    let fields = schema.fields().iter().enumerate();
    let columns = [
        ("customer_id".to_owned(), Column::CustomerId),
        ("timestamp".to_owned(), Column::Timestamp),
    ]
    .into_iter()
    .chain(fields.map(|(index, field)| (format!("data.{}", field.name), Column::Data(index))));
    let mut shown: EventRow = columns
        .map(|(name, column)| (name, json(&row.event.value(column))))
        .collect();
    shown.insert("_seq".to_owned(), Json::from(row.sequence));
    let received_at = received_at.map(|at| at.to_string());
    shown.insert("_received_at".to_owned(), Json::from(received_at));
    shown
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int64(value) => Json::from(*value),
        Value::Float64(value) | Value::Decimal(value) => {
            Json::Number(value.normalize().to_string().parse().unwrap())
        }
        Value::Array(values) => values.iter().map(json).collect(),
        other => Json::from(other.text()),
    }
}
