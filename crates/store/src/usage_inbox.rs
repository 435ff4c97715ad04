//! The inbox of usage events: accepted, durable, and not in a table file yet.
//!
//! Owns sequences, the rows of accepted batches, idempotency keys of ingestion, and the claim of the one
//! node that flushes a stream. Does not own what the bytes of a batch mean, nor table files.
//!
//! These tables are in a database of their own on SQLite ([`crate::Db::open_usage`]): what must commit
//! with events stands here. One transaction carries the batches of many organisations, so each function
//! names the stream it is about.
//!
//! Invariant: a stream's sequences are given under its row's lock, held to the commit, so a reader that
//! has seen sequence *n* has seen every smaller one.

use florin_core::id::OrganisationId;
use jiff::{SignedDuration, Timestamp};
use sea_query::{
    Asterisk, CaseStatement, Cond, Expr, ExprTrait, Func, OnConflict, Order, Query, SelectStatement,
};
use uuid::Uuid;

use crate::{Result, Row, Tx, idempotency, record};

/// A stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// Whose events they are.
    pub organisation: OrganisationId,
    /// The raw metric's id.
    pub stream: Uuid,
}

/// Accepted events that share a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Sequence of the row.
    pub first_sequence: i64,
    /// How many events.
    pub event_count: i64,
    /// When they were accepted.
    pub received_at: Timestamp,
    /// The events, as the engine wrote them; empty where it has none, or where they are a backfill's.
    pub events: Vec<u8>,
    /// Which earlier events it takes out of the stream, as the engine wrote them. Such a row has one
    /// sequence for itself.
    pub removed: Option<Vec<u8>>,
    /// The backfill whose events it brings in.
    pub backfill: Option<Uuid>,
}

impl Batch {
    /// Sequence of the first event; the others follow without a gap.
    pub fn first_event_sequence(&self) -> i64 {
        self.first_sequence + i64::from(self.removed.is_some())
    }

    /// Sequence of the last event, or of the row itself where it has none.
    pub fn last_sequence(&self) -> i64 {
        self.first_event_sequence() + self.event_count - 1
    }
}

/// What a row of the inbox gets besides its sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBatch {
    /// As [`Batch::event_count`].
    pub event_count: i64,
    /// As [`Batch::events`].
    pub events: Vec<u8>,
    /// As [`Batch::removed`].
    pub removed: Option<Vec<u8>>,
    /// As [`Batch::backfill`].
    pub backfill: Option<Uuid>,
}

/// What a stream has in the inbox that is in no table file as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The stream.
    pub id: StreamId,
    /// Events; those of a backfill stand elsewhere and are not counted.
    pub events: i64,
    /// Bytes.
    pub bytes: i64,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stream.
    pub id: StreamId,
    /// Sequence of the newest accepted event; 0 before the first.
    pub accepted: i64,
    /// Sequence of the newest event that is known to be in a table file.
    pub flushed: i64,
}

/// Adds a batch of events; answers the sequence of the first.
///
/// # Errors
/// What the statements answer.
pub async fn append(tx: &mut Tx, id: StreamId, event_count: i64, events: Vec<u8>) -> Result<i64> {
    let batch = NewBatch {
        event_count,
        events,
        ..NewBatch::default()
    };
    put(tx, id, batch).await
}

/// Adds a row; answers its sequence.
///
/// # Errors
/// What the statements answer.
pub async fn put(tx: &mut Tx, id: StreamId, batch: NewBatch) -> Result<i64> {
    let NewBatch {
        event_count,
        events,
        removed,
        backfill,
    } = batch;
    let count = event_count + i64::from(removed.is_some());
    let first_sequence = take_sequences(tx, id, count).await? - count;
    let row = vec![
        ("organisation_id", id.organisation.0.into()),
        ("stream_id", id.stream.into()),
        ("first_sequence", first_sequence.into()),
        ("event_count", event_count.into()),
        ("received_at", tx.at()?.into()),
        ("events", events.into()),
        ("removed", removed.into()),
        ("backfill_id", backfill.into()),
    ];
    record::insert_plain(tx, "usage_inbox", row).await?;
    Ok(first_sequence)
}

/// Locks a stream to the end of the transaction, so that no sequence of it is given elsewhere; answers the
/// sequence of its newest row or event, 0 before the first.
///
/// # Errors
/// What the statements answer.
pub async fn lock(tx: &mut Tx, id: StreamId) -> Result<i64> {
    Ok(take_sequences(tx, id, 0).await? - 1)
}

/// The sequence after the last one taken. Sequences begin at 1.
async fn take_sequences(tx: &mut Tx, id: StreamId, count: i64) -> Result<i64> {
    let mut insert = Query::insert();
    insert.into_table("usage_stream");
    insert.columns(["organisation_id", "id", "next_sequence", "flushed_sequence"]);
    insert.values_panic([
        id.organisation.0.into(),
        id.stream.into(),
        (1 + count).into(),
        0_i64.into(),
    ]);
    let taken = Expr::col(("usage_stream", "next_sequence")).add(count);
    let mut conflict = OnConflict::columns(["organisation_id", "id"]);
    insert.on_conflict(conflict.value("next_sequence", taken).to_owned());
    insert.returning_col("next_sequence");
    let row = tx.fetch_optional(&insert).await?;
    row.map_or(Ok(1 + count), |row| row.get("next_sequence"))
}

/// Batches with events above a sequence, in order, until there are `events_max` events or `bytes_max` bytes
/// (at least one batch, if there is one).
///
/// # Errors
/// What the statement answers.
pub async fn read(
    tx: &mut Tx,
    id: StreamId,
    above: i64,
    (events_max, bytes_max): (i64, usize),
) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let (mut above, mut events, mut bytes) = (above, 0, 0);
    loop {
        let read = read_some(tx, id, above).await?;
        let is_last = (read.len() as u64) < BATCHES_PER_READ;
        for batch in read {
            if events >= events_max || bytes >= bytes_max {
                return Ok(batches);
            }
            above = batch.last_sequence();
            events += batch.event_count;
            bytes += batch.events.len();
            batches.push(batch);
        }
        if is_last {
            return Ok(batches);
        }
    }
}

/// Batches that one statement reads; each may have megabytes.
const BATCHES_PER_READ: u64 = 8;

async fn read_some(tx: &mut Tx, id: StreamId, above: i64) -> Result<Vec<Batch>> {
    let mut select = of_stream("usage_inbox", id);
    select.columns([
        "first_sequence",
        "event_count",
        "received_at",
        "events",
        "removed",
        "backfill_id",
    ]);
    select.and_where(Expr::col("first_sequence").gt(above));
    select.order_by("first_sequence", Order::Asc);
    select.limit(BATCHES_PER_READ);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &Row) -> Result<Batch> {
    Ok(Batch {
        first_sequence: row.get("first_sequence")?,
        event_count: row.get("event_count")?,
        received_at: row.get("received_at")?,
        events: row.get("events")?,
        removed: row.optional("removed")?,
        backfill: row.optional("backfill_id")?,
    })
}

fn of_stream(table: &'static str, id: StreamId) -> SelectStatement {
    let mut select = Query::select();
    select.from(table);
    select.and_where(Expr::col("organisation_id").eq(id.organisation.0));
    select.and_where(Expr::col("stream_id").eq(id.stream));
    select
}

/// Every stream that has accepted events, with its progress.
///
/// # Errors
/// What the statement answers.
pub async fn progress(tx: &mut Tx) -> Result<Vec<Progress>> {
    let mut select = Query::select();
    select.from("usage_stream").column(Asterisk);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(progress_of).collect()
}

/// How many events and corrections all raw metrics of an organisation have accepted. What is loaded into a
/// backfill counts from its commit on.
///
/// # Errors
/// What the statement answers.
pub async fn accepted(tx: &mut Tx, organisation: OrganisationId) -> Result<i64> {
    let mut select = Query::select();
    select.from("usage_stream").column("next_sequence");
    select.and_where(Expr::col("organisation_id").eq(organisation.0));
    let mut backfill = Query::select();
    backfill.from("usage_backfill").column("id");
    backfill.and_where(Expr::col("organisation_id").eq(organisation.0));
    select.and_where(Expr::col("id").not_in_subquery(backfill));
    let rows = tx.fetch_all(&select).await?;
    let accepted = rows
        .iter()
        .map(|row| Ok(row.get::<i64>("next_sequence")? - 1));
    accepted.sum()
}

/// What every stream that has some has in the inbox above what is known to be flushed.
///
/// # Errors
/// What the statement answers.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<Waiting>> {
    let (inbox, stream) = ("usage_inbox", "usage_stream");
    let of_events = CaseStatement::new()
        .case(
            Expr::col((inbox, "backfill_id")).is_null(),
            Expr::col((inbox, "event_count")),
        )
        .finally(0_i64);
    let bytes = Func::cust("octet_length").arg(Expr::col((inbox, "events")));
    let mut select = Query::select();
    select.columns([(inbox, "organisation_id"), (inbox, "stream_id")]);
    select.expr_as(Func::cast_as(Func::sum(of_events), "bigint"), "event_count");
    select.expr_as(Func::cast_as(Func::sum(bytes), "bigint"), "byte_count");
    select.from(inbox);
    let same = Cond::all()
        .add(Expr::col((inbox, "organisation_id")).equals((stream, "organisation_id")))
        .add(Expr::col((inbox, "stream_id")).equals((stream, "id")));
    select.inner_join(stream, same);
    select.and_where(
        Expr::col((inbox, "first_sequence")).gt(Expr::col((stream, "flushed_sequence"))),
    );
    select.group_by_columns([(inbox, "organisation_id"), (inbox, "stream_id")]);
    let rows = tx.fetch_all(&select).await?;
    let waiting = rows.iter().map(|row| {
        Ok(Waiting {
            id: StreamId {
                organisation: OrganisationId(row.get("organisation_id")?),
                stream: row.get("stream_id")?,
            },
            events: row.get("event_count")?,
            bytes: row.get("byte_count")?,
        })
    });
    waiting.collect()
}

/// Whether a row of the inbox still brings in a backfill's events.
///
/// # Errors
/// What the statement answers.
pub async fn needs_backfill(tx: &mut Tx, id: StreamId, backfill: Uuid) -> Result<bool> {
    let mut select = of_stream("usage_inbox", id);
    select.column("first_sequence");
    select
        .and_where(Expr::col("backfill_id").eq(backfill))
        .limit(1);
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Forgets a stream: its rows, its flushes and its sequences.
///
/// # Errors
/// What the statements answer.
pub async fn forget(tx: &mut Tx, id: StreamId) -> Result<()> {
    delete_up_to(tx, "usage_inbox", "first_sequence", id, i64::MAX).await?;
    delete_up_to(tx, "usage_flush", "last_sequence", id, i64::MAX).await?;
    let mut delete = Query::delete();
    delete.from_table("usage_stream").cond_where(is_stream(id));
    tx.execute(&delete).await?;
    Ok(())
}

/// One stream's progress; `None` before its first event.
///
/// # Errors
/// What the statement answers.
pub async fn progress_one(tx: &mut Tx, id: StreamId) -> Result<Option<Progress>> {
    let mut select = Query::select();
    select.from("usage_stream").column(Asterisk);
    select.cond_where(is_stream(id));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| progress_of(&row)).transpose()
}

fn progress_of(row: &Row) -> Result<Progress> {
    Ok(Progress {
        id: StreamId {
            organisation: OrganisationId(row.get("organisation_id")?),
            stream: row.get("id")?,
        },
        accepted: row.get::<i64>("next_sequence")? - 1,
        flushed: row.get("flushed_sequence")?,
    })
}

fn is_stream(id: StreamId) -> Cond {
    Cond::all()
        .add(Expr::col("organisation_id").eq(id.organisation.0))
        .add(Expr::col("id").eq(id.stream))
}

/// Claims the right to change the stream's table files until `tx.at() + lease`; answers whether `node`
/// has it. A node that died loses it when its time is over.
///
/// # Errors
/// What the statement answers.
pub async fn claim(tx: &mut Tx, id: StreamId, node: Uuid, lease: SignedDuration) -> Result<bool> {
    let at = tx.at()?;
    let free = Cond::any()
        .add(Expr::col("claimed_until").is_null())
        .add(Expr::col("claimed_until").lt(at))
        .add(Expr::col("claimed_by").eq(node));
    let mut update = Query::update();
    update.table("usage_stream");
    update.value("claimed_by", node);
    update.value("claimed_until", at + lease);
    update.cond_where(is_stream(id)).cond_where(free);
    Ok(tx.execute(&update).await? == 1)
}

/// Gives the claim back.
///
/// # Errors
/// What the statement answers.
pub async fn release(tx: &mut Tx, id: StreamId, node: Uuid) -> Result<()> {
    let mut update = Query::update();
    update.table("usage_stream");
    update.value("claimed_until", tx.at()?);
    update.cond_where(is_stream(id));
    update.and_where(Expr::col("claimed_by").eq(node));
    tx.execute(&update).await?;
    Ok(())
}

/// Notes that everything up to `last_sequence` is durably in table files.
///
/// # Errors
/// What the statements answer.
pub async fn note_flush(tx: &mut Tx, id: StreamId, last_sequence: i64) -> Result<()> {
    let mut update = Query::update();
    update.table("usage_stream");
    update.value("flushed_sequence", last_sequence);
    update.cond_where(is_stream(id));
    update.and_where(Expr::col("flushed_sequence").lt(last_sequence));
    tx.execute(&update).await?;
    let mut insert = Query::insert();
    insert.into_table("usage_flush");
    insert.columns([
        "organisation_id",
        "stream_id",
        "last_sequence",
        "flushed_at",
    ]);
    insert.values_panic([
        id.organisation.0.into(),
        id.stream.into(),
        last_sequence.into(),
        tx.at()?.into(),
    ]);
    let mut conflict = OnConflict::columns(["organisation_id", "stream_id", "last_sequence"]);
    insert.on_conflict(conflict.do_nothing().to_owned());
    tx.execute(&insert).await?;
    Ok(())
}

/// Removes the batches of flushes that are older than `flushed_before` and reach no further than
/// `last_sequence`; answers how many batches went.
///
/// # Errors
/// What the statements answer.
pub async fn remove_flushed(
    tx: &mut Tx,
    id: StreamId,
    last_sequence: i64,
    flushed_before: Timestamp,
) -> Result<u64> {
    let mut select = of_stream("usage_flush", id);
    select.expr_as(Func::max(Expr::col("last_sequence")), "last_sequence");
    select.and_where(Expr::col("last_sequence").lte(last_sequence));
    select.and_where(Expr::col("flushed_at").lte(flushed_before));
    let row = tx.fetch_optional(&select).await?;
    let Some(reached) = row.and_then(|row| row.optional::<i64>("last_sequence").transpose()) else {
        return Ok(0);
    };
    let reached = reached?;
    let gone = delete_up_to(tx, "usage_inbox", "first_sequence", id, reached).await?;
    delete_up_to(tx, "usage_flush", "last_sequence", id, reached).await?;
    Ok(gone)
}

async fn delete_up_to(
    tx: &mut Tx,
    table: &'static str,
    column: &'static str,
    id: StreamId,
    sequence: i64,
) -> Result<u64> {
    let mut delete = Query::delete();
    delete.from_table(table);
    delete.and_where(Expr::col("organisation_id").eq(id.organisation.0));
    delete.and_where(Expr::col("stream_id").eq(id.stream));
    delete.and_where(Expr::col(column).lte(sequence));
    tx.execute(&delete).await
}

/// What an earlier request with the same key was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Digest of the earlier request.
    pub fingerprint: Vec<u8>,
    /// How many events it had.
    pub event_count: i64,
}

/// Claims an idempotency key for this transaction, or answers what it was used for in the last
/// [`idempotency::KEPT`].
///
/// # Errors
/// What the statements answer.
pub async fn claim_key(
    tx: &mut Tx,
    organisation: OrganisationId,
    key: &str,
    request: &Remembered,
) -> Result<Option<Remembered>> {
    let at = tx.at()?;
    let is_key = Cond::all()
        .add(Expr::col("organisation_id").eq(organisation.0))
        .add(Expr::col("key").eq(key));
    let mut expired = Query::delete();
    expired.from_table("usage_idempotency_key");
    expired.cond_where(is_key.clone());
    expired.and_where(Expr::col("created_at").lt(at - idempotency::KEPT));
    tx.execute(&expired).await?;
    let mut insert = Query::insert();
    insert.into_table("usage_idempotency_key");
    insert.columns([
        "organisation_id",
        "key",
        "fingerprint",
        "event_count",
        "created_at",
    ]);
    insert.values_panic([
        organisation.0.into(),
        key.into(),
        request.fingerprint.clone().into(),
        request.event_count.into(),
        at.into(),
    ]);
    let mut conflict = OnConflict::columns(["organisation_id", "key"]);
    insert.on_conflict(conflict.do_nothing().to_owned());
    if tx.execute(&insert).await? == 1 {
        return Ok(None);
    }
    let mut select = Query::select();
    select.from("usage_idempotency_key").column(Asterisk);
    select.cond_where(is_key);
    let row = tx.fetch_optional(&select).await?;
    let remembered = row.map(|row| {
        Ok(Remembered {
            fingerprint: row.get("fingerprint")?,
            event_count: row.get("event_count")?,
        })
    });
    remembered.transpose()
}

/// Forgets every key that is older than [`idempotency::KEPT`]; answers how many.
///
/// # Errors
/// What the statement answers.
pub async fn forget_expired_keys(tx: &mut Tx) -> Result<u64> {
    let mut delete = Query::delete();
    delete.from_table("usage_idempotency_key");
    delete.and_where(Expr::col("created_at").lt(tx.at()? - idempotency::KEPT));
    tx.execute(&delete).await
}
