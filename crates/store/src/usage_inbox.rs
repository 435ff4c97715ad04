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
use sea_query::{Asterisk, Cond, Expr, ExprTrait, Func, OnConflict, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::{Result, Row, Tx, idempotency};

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
    /// Sequence of the first event; the others follow without a gap.
    pub first_sequence: i64,
    /// How many events.
    pub event_count: i64,
    /// When they were accepted.
    pub received_at: Timestamp,
    /// The events, as the engine wrote them.
    pub events: Vec<u8>,
}

impl Batch {
    /// Sequence of the last event.
    pub fn last_sequence(&self) -> i64 {
        self.first_sequence + self.event_count - 1
    }
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

/// Adds a batch; answers the sequence of its first event.
///
/// # Errors
/// What the statements answer.
pub async fn append(tx: &mut Tx, id: StreamId, event_count: i64, events: Vec<u8>) -> Result<i64> {
    let next = take_sequences(tx, id, event_count).await?;
    let first_sequence = next - event_count;
    let received_at = tx.at()?;
    let mut insert = Query::insert();
    insert.into_table("usage_inbox").columns([
        "organisation_id",
        "stream_id",
        "first_sequence",
        "event_count",
        "received_at",
        "events",
    ]);
    insert.values_panic([
        id.organisation.0.into(),
        id.stream.into(),
        first_sequence.into(),
        event_count.into(),
        received_at.into(),
        events.into(),
    ]);
    tx.execute(&insert).await?;
    Ok(first_sequence)
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
    select.columns(["first_sequence", "event_count", "received_at", "events"]);
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
