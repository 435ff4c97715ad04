//! Corrections: which events, what becomes of them, and the one write that makes it so.
//!
//! Owns the order of a correction: the events are looked up, then, under the stream's lock, one transaction
//! keeps the row that takes them out, the events that they become, and what is said of it all. Carrying it out
//! in files is the flush's work ([`crate::flush`]); every query knows it from the commit on.
//!
//! Invariant: an event is taken out by one correction only. Whatever came between the look and the lock and
//! could change what was seen sends the correction back to its beginning.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array},
    compute::{concat_batches, take},
};
use datafusion::{
    catalog::TableProvider,
    dataframe::DataFrame,
    functions_aggregate::expr_fn::count,
    logical_expr::{Expr, ident, lit, utils::conjunction},
};
use florin_app::usage::{
    Corrected, Correcting, EventRow, IdempotencyKey, RowsQuery, Stream, UsageError, UsageResult,
};
use florin_core::usage::{
    Amendment, Change, Correction, Event, Schema, Selection, Value, correction::CORRECTED_MAX,
};
use florin_store::{
    Tx,
    usage_correction::{self, CorrectedEvent},
    usage_inbox::{self, NewBatch, Remembered, StreamId},
};
use serde_json::Value as Json;

use crate::{
    Engine, columns,
    columns::SEQUENCE,
    decode,
    engine::Opened,
    error::unavailable,
    faults,
    flush::blocking,
    inbox, ingest,
    metric::{conditions, unreadable},
    removal::Removal,
    rows,
    session::refused,
    unique::Replaced,
};

/// Times that a correction begins again because of what came meanwhile.
const TRIES: usize = 5;

/// The events of a correction.
struct Found {
    /// As they are kept, in the order of their sequences.
    before: RecordBatch,
    /// As people see them.
    shown: Vec<EventRow>,
    /// What they become, as it was sent; `None` where they go.
    after: Option<RecordBatch>,
}

impl Engine {
    /// How many events a selection is of, and the first of them.
    pub(crate) async fn selected_rows(
        &self,
        stream: &Stream,
        selection: &Selection,
        rows_max: usize,
    ) -> UsageResult<(u64, Vec<EventRow>)> {
        let table = self.events(stream).await?;
        let session = self.parts.queries.session()?;
        let frame = selected(session.read(table)?, &stream.schema, selection)?;
        let total = frame.clone();
        let total = total.aggregate(Vec::new(), vec![count(lit(1_i64)).alias("total")]);
        let total = session
            .collect(total.map_err(|error| refused(&error))?)
            .await?;
        let total = total.first().ok_or_else(unreadable)?;
        let total: &arrow::array::Int64Array =
            columns::column(total, "total").map_err(unavailable)?;
        let query = RowsQuery {
            conditions: Vec::new(),
            order: vec![(SEQUENCE.to_owned(), false)],
            limit: rows_max,
            offset: 0,
        };
        let queries = &self.parts.queries;
        let rows = rows::rows(queries, frame.into_view(), &stream.schema, &query).await?;
        Ok((total.value(0).unsigned_abs(), rows))
    }

    /// Makes a correction.
    pub(crate) async fn make_correction(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Corrected> {
        for _ in 0..TRIES {
            // Until the commit, nobody removes from the inbox what came after this version of the table.
            let opened = self.opened(stream).await?;
            let found = self.found(stream, correcting, &opened.table).await?;
            if let Some(corrected) = self
                .keep(stream, correcting, key, (&opened, &found))
                .await?
            {
                return Ok(corrected);
            }
        }
        Err(UsageError::Contended)
    }

    /// The events that a correction is about, and what becomes of them; none of them is an error only where
    /// no earlier request with the same key has changed them.
    async fn found(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        table: &Arc<dyn TableProvider>,
    ) -> UsageResult<Option<Found>> {
        let session = self.parts.queries.session()?;
        let frame = session.read(Arc::clone(table))?;
        let frame = selected(frame, &stream.schema, correcting.selection)?;
        let sorted = frame.sort(vec![ident(SEQUENCE).sort(true, false)]);
        let limited = sorted.and_then(|sorted| sorted.limit(0, Some(CORRECTED_MAX + 1)));
        let batches = session
            .collect(limited.map_err(|error| refused(&error))?)
            .await?;
        let (schema, change) = (Arc::clone(&stream.schema), correcting.change.clone());
        blocking(move || {
            let before = concat_batches(&columns::kept(&schema), &batches).map_err(unavailable)?;
            match before.num_rows() {
                0 => return Ok(None),
                1..=CORRECTED_MAX => {}
                _ => return Err(UsageError::TooManySelected),
            }
            let mut shown = Vec::with_capacity(before.num_rows());
            rows::add(&before, &mut shown).ok_or_else(unreadable)?;
            let after = match &change {
                Change::Delete => None,
                Change::Amend(amendment) => Some(amended(&schema, &before, amendment)?),
            };
            Ok(Some(Found {
                before,
                shown,
                after,
            }))
        })
        .await
    }

    /// Keeps a correction; `None` where something came meanwhile that it has to see.
    async fn keep(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        key: Option<&IdempotencyKey>,
        (opened, found): (&Opened, &Option<Found>),
    ) -> UsageResult<Option<Corrected>> {
        let id = StreamId {
            organisation: stream.organisation,
            stream: stream.id,
        };
        let begun = self.parts.inbox.begin(correcting.author.clone()).await;
        let mut tx = begun.map_err(unavailable)?;
        if let Some(correction) = repeated(&mut tx, id, key).await? {
            return Ok(Some(Corrected {
                correction,
                is_repetition: true,
            }));
        }
        let Some(found) = found else {
            return Err(UsageError::NothingSelected);
        };
        let reached = usage_inbox::lock(&mut tx, id).await.map_err(unavailable)?;
        if reached > opened.reached && is_in_the_way(&mut tx, stream, opened, found).await? {
            return Ok(None);
        }
        let removed = Removal::of_events(&found.before)?.encode()?;
        let batch = match &found.after {
            None => NewBatch::default(),
            Some(after) => NewBatch {
                event_count: after.num_rows() as i64,
                events: ingest::encode(after)?,
                ..NewBatch::default()
            },
        };
        let (event_count, bytes) = (batch.event_count, batch.events.len() + removed.len());
        let batch = NewBatch {
            removed: Some(removed),
            ..batch
        };
        let sequence = usage_inbox::put(&mut tx, id, batch)
            .await
            .map_err(unavailable)?;
        let correction = made(stream, correcting, sequence, found);
        let events = pairs(stream, correcting, sequence, found)?;
        let name = key.map(|key| key.key.as_str());
        let inserted = usage_correction::insert(&mut tx, &correction, name, events).await;
        inserted.map_err(unavailable)?;
        faults::point("correction_before_commit");
        tx.commit().await.map_err(unavailable)?;
        faults::point("correction_after_commit");
        let state = self.parts.stream(id);
        state.accepted(event_count.max(1), bytes, correcting.author.at);
        self.parts.backlog_grew(event_count, bytes as i64);
        Ok(Some(Corrected {
            correction,
            is_repetition: false,
        }))
    }
}

/// The rows that a selection is of.
fn selected(rows: DataFrame, schema: &Schema, selection: &Selection) -> UsageResult<DataFrame> {
    let mut parts: Vec<Expr> = Vec::new();
    for conditions in &selection.conditions {
        let expression = conditions::expression(schema, conditions);
        parts.extend(expression.map_err(|error| refused(&error))?);
    }
    if !selection.sequences.is_empty() {
        let named = selection.sequences.iter();
        let named = named.filter_map(|sequence| i64::try_from(*sequence).ok());
        let named = named.map(lit).collect();
        parts.push(ident(SEQUENCE).in_list(named, false));
    }
    match conjunction(parts) {
        None => Ok(rows),
        Some(filter) => rows.filter(filter).map_err(|error| refused(&error)),
    }
}

/// The correction that an earlier request with the same key made.
async fn repeated(
    tx: &mut Tx,
    id: StreamId,
    key: Option<&IdempotencyKey>,
) -> UsageResult<Option<Correction>> {
    let Some(IdempotencyKey { key, fingerprint }) = key else {
        return Ok(None);
    };
    let request = Remembered {
        fingerprint: fingerprint.clone(),
        event_count: 0,
    };
    let earlier = usage_inbox::claim_key(tx, id.organisation, key, &request).await;
    let Some(earlier) = earlier.map_err(unavailable)? else {
        return Ok(None);
    };
    if earlier.fingerprint != *fingerprint {
        return Err(UsageError::KeyReused);
    }
    let made = usage_correction::find_by_key(tx, key)
        .await
        .map_err(unavailable)?;
    made.map(Some).ok_or(UsageError::KeyReused)
}

/// Whether what came between the look at the events and the lock could change what was seen: another
/// correction or a backfill, or an event that replaces one of those.
async fn is_in_the_way(
    tx: &mut Tx,
    stream: &Stream,
    opened: &Opened,
    found: &Found,
) -> UsageResult<bool> {
    let id = StreamId {
        organisation: stream.organisation,
        stream: stream.id,
    };
    let most = (i64::MAX, usize::MAX);
    let rows = usage_inbox::read(tx, id, opened.reached, most).await;
    let rows = rows.map_err(unavailable)?;
    if rows.iter().any(|row| row.removed.is_some()) {
        return Ok(true);
    }
    let identity = stream.schema.unique_by_paths();
    if identity.is_empty() {
        return Ok(false);
    }
    let mut corrected = Replaced::new(identity);
    corrected.add(&found.before)?;
    for row in &rows {
        if let Some(events) = inbox::decode(row)?
            && corrected.goes(&events)?.has_true()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What events become, as it would have been sent.
fn amended(
    schema: &Schema,
    before: &RecordBatch,
    amendment: &Amendment,
) -> UsageResult<RecordBatch> {
    let blank = Event {
        customer_id: String::new(),
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        data: vec![Value::Null; schema.fields().len()],
    };
    let one = decode::events_batch(schema, &[amendment.of(schema, &blank)])?;
    let assigned = amendment.assignments().iter();
    let assigned: Vec<String> = assigned.map(|(column, _)| schema.path(*column)).collect();
    let everywhere = UInt32Array::from(vec![0; before.num_rows()]);
    let sent = columns::sent(schema);
    let columns = sent.fields().iter().map(|field| -> UsageResult<ArrayRef> {
        let is_assigned = assigned.contains(field.name());
        let from = if is_assigned { &one } else { before };
        let column = from.column_by_name(field.name()).ok_or_else(unreadable)?;
        match is_assigned {
            true => take(column, &everywhere, None).map_err(unavailable),
            false => Ok(Arc::clone(column)),
        }
    });
    let columns = columns.collect::<UsageResult<Vec<_>>>()?;
    RecordBatch::try_new(sent, columns).map_err(unavailable)
}

fn made(stream: &Stream, correcting: &Correcting<'_>, sequence: i64, found: &Found) -> Correction {
    Correction {
        id: correcting.id,
        raw_metric_id: stream.id,
        sequence: sequence.unsigned_abs(),
        action: correcting.change.action(),
        reason: correcting.reason.to_owned(),
        request: correcting.request.clone(),
        event_count: found.shown.len() as u64,
        created_by: correcting.author.actor.to_string(),
        request_id: correcting.author.request_id.clone(),
        created_at: correcting.author.at,
    }
}

/// What each event was and became.
fn pairs(
    stream: &Stream,
    correcting: &Correcting<'_>,
    sequence: i64,
    found: &Found,
) -> UsageResult<Vec<CorrectedEvent>> {
    let mut after: Vec<EventRow> = Vec::new();
    if let Some(events) = &found.after {
        let (at, kept) = (correcting.author.at, columns::kept(&stream.schema));
        let events = columns::keep(events, sequence + 1, at, &kept).map_err(unavailable)?;
        rows::add(&events, &mut after).ok_or_else(unreadable)?;
    }
    let mut after = after.into_iter().map(Json::Object);
    let pairs = found.shown.iter().map(|before| CorrectedEvent {
        before: Json::Object(before.clone()),
        after: after.next().unwrap_or(Json::Null),
    });
    Ok(pairs.collect())
}
