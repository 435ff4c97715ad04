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
        Arrivals, Arrived, Batch, Corrected, Correcting, EVENTS_MAX, EventRow, Format,
        IdempotencyKey, Ingested, RecordTable, RowsQuery, SqlColumns, SqlQuery, Staged, Stream,
        Usage, UsageError, UsageResult,
    },
};
use florin_core::{
    id::OrganisationId,
    usage::{
        Backfill, Column, Correction, CustomerKeys, CustomerUsage, Event, EventProblem, Recorded,
        Schema, Selection, UsageCustomer, UsageQuery, Value, Violation,
        backfill::{self, Closed, State},
        correction, evaluate,
    },
};
use florin_store::{Author, Db, Tx, usage_backfill, usage_correction, usage_inbox};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::fixed::FixedClock;

/// Events in memory.
#[derive(Debug)]
pub struct MemoryUsage {
    clock: Arc<FixedClock>,
    /// Corrections and backfills, which the app reads there.
    beside: Option<Db>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: BTreeMap<(OrganisationId, Uuid), Vec<(Timestamp, Recorded)>>,
    keys: BTreeMap<(OrganisationId, String), (Vec<u8>, u64)>,
    sequence: u64,
    /// The newest sequence of each stream.
    reached: BTreeMap<(OrganisationId, Uuid), u64>,
    /// The newest sequence at which earlier events of a stream changed.
    rewritten: BTreeMap<(OrganisationId, Uuid), u64>,
    refusals: VecDeque<UsageError>,
    later: Option<(usize, UsageError)>,
    sql: Option<(SqlColumns, Vec<CustomerUsage>)>,
}

impl MemoryUsage {
    /// Without events.
    pub fn new(clock: Arc<FixedClock>) -> Self {
        let (kept, beside) = (Mutex::default(), None);
        Self {
            clock,
            beside,
            kept,
        }
    }

    /// Without events; corrections and backfills are kept in this database.
    pub fn beside(clock: Arc<FixedClock>, db: Db) -> Self {
        let beside = Some(db);
        Self {
            beside,
            ..Self::new(clock)
        }
    }

    fn db(&self) -> UsageResult<&Db> {
        let reason = || UsageError::Unavailable("the engine of tests has no database".to_owned());
        self.beside.as_ref().ok_or_else(reason)
    }

    /// The next call answers this and changes nothing.
    pub fn refuse_next(&self, error: UsageError) {
        self.kept().refusals.push_back(error);
    }

    /// The call after so many more answers this and changes nothing.
    pub fn refuse_after(&self, calls: usize, error: UsageError) {
        self.kept().later = Some((calls, error));
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
        match kept.later.take() {
            Some((0, refusal)) => return Err(refusal),
            Some((calls, refusal)) => kept.later = Some((calls - 1, refusal)),
            None => {}
        }
        match kept.refusals.pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(kept),
        }
    }
}

impl Kept {
    fn of(&self, organisation: OrganisationId, id: Uuid) -> Vec<(Timestamp, Recorded)> {
        let events = self.events.get(&(organisation, id));
        events.cloned().unwrap_or_default()
    }

    /// The events of a stream, with its backfill if it has one.
    fn recorded(&self, stream: &Stream) -> Vec<Recorded> {
        let plain = |id| {
            let events = self.of(stream.organisation, id).into_iter();
            events.map(|(_, recorded)| recorded).collect::<Vec<_>>()
        };
        let Some(staged) = &stream.backfill else {
            return plain(stream.id);
        };
        let exchange = (&staged.window, staged.replaces_up_to);
        let staged = (self.sequence, plain(staged.id));
        let staged = (staged.0, staged.1.as_slice());
        backfill::replaced(&stream.schema, &plain(stream.id), exchange, staged)
    }

    fn keep(&mut self, stream: &Stream, at: Timestamp, events: Vec<Event>) {
        let id = stream.backfill.as_ref().map_or(stream.id, |one| one.id);
        let kept = self.events.entry((stream.organisation, id)).or_default();
        for event in events {
            self.sequence += 1;
            let sequence = self.sequence;
            kept.push((at, Recorded { sequence, event }));
        }
        let reached = self.sequence;
        self.reached.insert((stream.organisation, id), reached);
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
        if let Some(staged) = &stream.backfill {
            within(staged, &read)?;
        }
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

    async fn accepted(&self, _: OrganisationId) -> UsageResult<u64> {
        Ok(self.asked()?.sequence)
    }

    async fn arrivals(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        above: u64,
    ) -> UsageResult<Arrivals> {
        let kept = self.asked()?;
        let id = (stream.organisation, stream.id);
        let reached = kept.reached.get(&id).copied().unwrap_or(0);
        let rewritten = kept.rewritten.get(&id).copied().unwrap_or(0);
        let is_whole = above < reached && (above < rewritten || !query.adds_up());
        let arrived = if is_whole {
            Arrived::Rewritten
        } else {
            let recorded = kept.recorded(stream);
            let recorded = recorded.iter().filter(|one| one.sequence > above);
            Arrived::Events(recorded.filter_map(|one| query.contribution(one)).collect())
        };
        Ok(Arrivals { reached, arrived })
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
            let mut all = kept.of(stream.organisation, stream.id).into_iter();
            all.find(|(_, kept)| kept.sequence == row.sequence)
                .map(|(at, _)| at)
        };
        let page = rows.into_iter().skip(query.offset).take(query.limit);
        Ok(page
            .map(|row| shown(&stream.schema, row, received(row)))
            .collect())
    }
    async fn selected(
        &self,
        stream: &Stream,
        selection: &Selection,
        rows_max: usize,
    ) -> UsageResult<(u64, Vec<EventRow>)> {
        let recorded = self.asked()?.recorded(stream);
        let selected = correction::selected(&stream.schema, &recorded, selection);
        let rows = selected.iter().take(rows_max);
        let rows = rows.map(|row| shown(&stream.schema, row, Some(self.clock.now())));
        Ok((selected.len() as u64, rows.collect()))
    }

    async fn correct(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Corrected> {
        let mut tx = self.begin(correcting.author.clone()).await?;
        let name = key.map(|key| key.key.as_str());
        if let Some(key) = key {
            let request = usage_inbox::Remembered {
                fingerprint: key.fingerprint.clone(),
                event_count: 0,
            };
            let of = stream.organisation;
            let earlier = usage_inbox::claim_key(&mut tx, of, &key.key, &request).await;
            if let Some(earlier) = earlier.map_err(unavailable)? {
                let made = usage_correction::find_by_key(&mut tx, &key.key).await;
                return match made.map_err(unavailable)? {
                    Some(correction) if earlier.fingerprint == key.fingerprint => Ok(Corrected {
                        correction,
                        is_repetition: true,
                    }),
                    _ => Err(UsageError::KeyReused),
                };
            }
        }
        let (correction, events) = self.corrected(stream, correcting)?;
        let inserted = usage_correction::insert(&mut tx, &correction, name, events).await;
        inserted.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(Corrected {
            correction,
            is_repetition: false,
        })
    }

    async fn commit_backfill(&self, stream: &Stream, author: &Author) -> UsageResult<Backfill> {
        let staged = stream.backfill.as_ref().unwrap();
        let mut tx = self.begin(author.clone()).await?;
        let found = usage_backfill::find(&mut tx, staged.id).await;
        let backfill = found.map_err(unavailable)?.unwrap();
        let closed = Closed {
            by: author.actor.to_string(),
            at: author.at,
        };
        if matches!(backfill.state, State::Committed { .. }) {
            return Ok(backfill);
        }
        let backfill = {
            let mut kept = self.asked()?;
            let count = kept.of(stream.organisation, staged.id).len() as u64;
            let events = kept.recorded(stream).into_iter();
            let at = author.at;
            let committed = backfill.commit(kept.sequence, count, closed);
            let committed = committed.map_err(|error| UsageError::BackfillClosed {
                message: error.to_string(),
            })?;
            let newest = events.clone().map(|one| one.sequence).max().unwrap_or(0);
            kept.sequence = newest.max(kept.sequence) + 1;
            let events = events.map(|recorded| (at, recorded)).collect();
            let id = (stream.organisation, stream.id);
            kept.events.insert(id, events);
            let reached = kept.sequence;
            kept.reached.insert(id, reached);
            kept.rewritten.insert(id, reached);
            committed
        };
        let saved = usage_backfill::save_state(&mut tx, &backfill).await;
        saved.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(backfill)
    }

    async fn read(&self, organisation: OrganisationId) -> UsageResult<Tx> {
        self.db()?.read(organisation).await.map_err(unavailable)
    }

    /// What is written there knows how far the streams are.
    async fn begin(&self, author: Author) -> UsageResult<Tx> {
        let streams = self.kept().reached.clone();
        let mut tx = self.db()?.begin(author).await.map_err(unavailable)?;
        for ((organisation, stream), reached) in streams {
            let id = usage_inbox::StreamId {
                organisation,
                stream,
            };
            let known = usage_inbox::lock(&mut tx, id).await.map_err(unavailable)?;
            let missing = i64::try_from(reached).unwrap() - known;
            if organisation == tx.organisation() && missing > 0 {
                let put = usage_inbox::append(&mut tx, id, missing, Vec::new()).await;
                put.map_err(unavailable)?;
            }
        }
        Ok(tx)
    }
}

impl MemoryUsage {
    /// Changes the events, and says what they were and became.
    fn corrected(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
    ) -> UsageResult<(Correction, Vec<usage_correction::CorrectedEvent>)> {
        let mut kept = self.asked()?;
        let (selection, change, schema) = (correcting.selection, correcting.change, &stream.schema);
        let before = kept.recorded(stream);
        let selected = correction::selected(schema, &before, selection);
        if selected.is_empty() {
            return Err(UsageError::NothingSelected);
        }
        let at = correcting.author.at;
        let sequence = kept.sequence + 1;
        let after = correction::corrected(schema, &before, (selection, change), sequence);
        let numbers = sequence + 1..;
        let pairs = numbers.zip(&selected).map(|(number, row)| {
            let changed = change.of(schema, &row.event).map(|event| Recorded {
                sequence: number,
                event,
            });
            let show = |row: &Recorded| Json::Object(shown(schema, row, Some(at)));
            usage_correction::CorrectedEvent {
                before: show(row),
                after: changed.as_ref().map_or(Json::Null, show),
            }
        });
        let events: Vec<_> = pairs.collect();
        kept.sequence = sequence + events.len() as u64;
        let id = (stream.organisation, stream.id);
        let after = after.into_iter().map(|recorded| (at, recorded)).collect();
        kept.events.insert(id, after);
        let reached = kept.sequence;
        kept.reached.insert(id, reached);
        kept.rewritten.insert(id, reached);
        let correction = Correction {
            id: correcting.id,
            raw_metric_id: stream.id,
            sequence,
            action: change.action(),
            reason: correcting.reason.to_owned(),
            request: correcting.request.clone(),
            event_count: events.len() as u64,
            created_by: correcting.author.actor.to_string(),
            request_id: correcting.author.request_id.clone(),
            created_at: at,
        };
        Ok((correction, events))
    }
}

fn unavailable(error: florin_store::Error) -> UsageError {
    UsageError::Unavailable(error.to_string())
}

/// Events of a backfill happened in its window.
fn within(staged: &Staged, events: &[Event]) -> UsageResult<()> {
    let outside = events.iter().enumerate();
    let outside = outside.filter(|(_, event)| !staged.window.contains(&event.timestamp));
    let problems: Vec<EventProblem> = outside
        .map(|(event, _)| EventProblem {
            event,
            path: vec!["timestamp".to_owned()],
            violation: Violation::OutsideWindow {
                start: staged.window.start,
                end: staged.window.end,
            },
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(UsageError::Events(problems)),
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
        .map(|(name, column)| (name, row.event.value(column).shown()))
        .collect();
    shown.insert("_seq".to_owned(), Json::from(row.sequence));
    let received_at = received_at.map(|at| at.to_string());
    shown.insert("_received_at".to_owned(), Json::from(received_at));
    shown
}
