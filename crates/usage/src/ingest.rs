//! Accepting events: many requests, one commit, one sync.
//!
//! Owns the task that writes batches into the inbox. Requests that wait while a commit is synced share
//! the next one; those of one stream share a row. No request is answered before the commit that holds
//! its events. Does not own reading bodies ([`crate::decode`]) nor table files.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{array::RecordBatch, compute::concat_batches, ipc::writer::StreamWriter};
use florin_app::usage::{IdempotencyKey, Ingested, UsageError};
use florin_store::{
    Actor, Author, Tx, usage_backfill,
    usage_inbox::{self, Remembered, StreamId},
};
use tokio::sync::{mpsc, oneshot};

use crate::{backfill, caught::caught, engine::Parts, error::unavailable, faults};

/// Requests that may share a commit.
const REQUESTS_MAX: usize = 1024;
/// Events after which a commit is not made larger.
const EVENTS_MAX: usize = 200_000;
/// Bytes after which a commit is not made larger: a row of a database holds less than a gigabyte.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Requests that may wait for their turn; beyond it a caller waits for a place.
pub(crate) const QUEUE_MAX: usize = 2048;

/// Events that wait to be kept.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: StreamId,
    pub(crate) events: RecordBatch,
    pub(crate) key: Option<IdempotencyKey>,
    /// Where they are a backfill's: how many it may have.
    pub(crate) staged_max: Option<u64>,
    pub(crate) answer: oneshot::Sender<Result<Ingested, UsageError>>,
}

/// Writes batches until the engine is gone.
pub(crate) async fn serve(parts: Arc<Parts>, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.recv().await {
        let mut events = first.events.num_rows();
        let mut bytes = first.events.get_array_memory_size();
        let mut group = vec![first];
        while group.len() < REQUESTS_MAX && events < EVENTS_MAX && bytes < BYTES_MAX {
            let Ok(next) = requests.try_recv() else {
                break;
            };
            events += next.events.num_rows();
            bytes += next.events.get_array_memory_size();
            group.push(next);
        }
        keep(&parts, group).await;
    }
}

/// Keeps a group of requests and answers each.
async fn keep(parts: &Parts, group: Vec<Request>) {
    // A panic refuses the group; the next one is kept.
    match caught(commit(parts, &group)).await {
        Ok(answers) => {
            for (request, answer) in group.into_iter().zip(answers) {
                // A client that stopped waiting has no more use for the answer.
                let _ = request.answer.send(answer);
            }
        }
        Err(error) => {
            tracing::error!(%error, "a group of events was not kept; every request in it is refused");
            for request in group {
                let _ = request.answer.send(Err(unavailable(&error)));
            }
        }
    }
}

type Answers = Vec<Result<Ingested, UsageError>>;

async fn commit(parts: &Parts, group: &[Request]) -> Result<Answers, UsageError> {
    let author = Author {
        organisation: group
            .first()
            .map_or(parts.nobody(), |first| first.id.organisation),
        actor: Actor::System,
        request_id: String::new(),
        at: florin_core::instant::to_microseconds(parts.clock.now()),
    };
    let at = author.at;
    let mut tx = parts.inbox.begin(author).await.map_err(unavailable)?;
    let mut earlier = closed(&mut tx, group).await?;
    claims(&mut tx, group, &mut earlier).await?;
    let mut answers = Answers::with_capacity(group.len());
    let mut kept: BTreeMap<StreamId, Vec<&RecordBatch>> = BTreeMap::new();
    for (index, request) in group.iter().enumerate() {
        let answer = earlier.remove(&index);
        if answer.is_none() && request.events.num_rows() > 0 {
            kept.entry(request.id).or_default().push(&request.events);
        }
        let events = request.events.num_rows() as u64;
        answers.push(answer.unwrap_or(Ok(Ingested {
            events,
            is_repetition: false,
        })));
    }
    let mut counts = Vec::new();
    // In the order of streams, so that two nodes never wait for each other.
    for (id, batches) in kept {
        for (events, bytes) in rows(&batches)? {
            counts.push((id, events, bytes.len()));
            let appended = usage_inbox::append(&mut tx, id, events, bytes).await;
            appended.map_err(unavailable)?;
        }
    }
    faults::point("ingest_before_commit");
    tx.commit().await.map_err(unavailable)?;
    faults::point("ingest_after_commit");
    for (id, events, bytes) in counts {
        parts.stream(id).accepted(events, bytes, at);
        parts.backlog_grew(events, bytes as i64);
    }
    Ok(answers)
}

type Known = BTreeMap<usize, Result<Ingested, UsageError>>;

/// The refusals of requests whose backfill takes no more events, by place. The streams of backfills are locked
/// before any key or other stream, as a backfill's commit does, so that it comes before these events or behind.
async fn closed(tx: &mut Tx, group: &[Request]) -> Result<Known, UsageError> {
    let staged = |request: &Request| request.staged_max.map(|max| (request.id, max));
    let streams: BTreeSet<(StreamId, u64)> = group.iter().filter_map(staged).collect();
    let mut refused = BTreeMap::new();
    for (id, staged_max) in streams {
        let reached = usage_inbox::lock(tx, id).await.map_err(unavailable)?;
        let is_open = usage_backfill::is_open(tx, id).await.map_err(unavailable)?;
        let message = match is_open {
            false => "the backfill is committed or reverted".to_owned(),
            true if reached.unsigned_abs() >= staged_max => {
                format!("a backfill of this raw metric has {staged_max} events at most")
            }
            true => continue,
        };
        for (index, _) in group.iter().enumerate().filter(|(_, one)| one.id == id) {
            refused.insert(index, Err(backfill::closed(&message)));
        }
    }
    Ok(refused)
}

/// Adds the answers that requests' keys already have, by place. Keys are claimed in one order, so that two
/// nodes never wait for each other.
async fn claims(tx: &mut Tx, group: &[Request], answers: &mut Known) -> Result<(), UsageError> {
    let key = |request: &Request| request.key.as_ref().map(|key| key.key.clone());
    let mut order: Vec<usize> = (0..group.len()).collect();
    order.sort_by_key(|index| (group[*index].id.organisation, key(&group[*index]), *index));
    order.retain(|index| !answers.contains_key(index));
    for index in order {
        if let Some(answer) = claim(tx, &group[index]).await? {
            answers.insert(index, answer);
        }
    }
    Ok(())
}

/// The answer that the request's key already has, if it has one.
async fn claim(
    tx: &mut Tx,
    request: &Request,
) -> Result<Option<Result<Ingested, UsageError>>, UsageError> {
    let Some(IdempotencyKey { key, fingerprint }) = &request.key else {
        return Ok(None);
    };
    let remembered = Remembered {
        fingerprint: fingerprint.clone(),
        event_count: request.events.num_rows() as i64,
    };
    let earlier = usage_inbox::claim_key(tx, request.id.organisation, key, &remembered).await;
    Ok(earlier.map_err(unavailable)?.map(|earlier| {
        if earlier.fingerprint != *fingerprint {
            return Err(UsageError::KeyReused);
        }
        let events = earlier.event_count.unsigned_abs();
        Ok(Ingested {
            events,
            is_repetition: true,
        })
    }))
}

/// The batches as rows of the inbox: neighbours of one schema share a row. (A stream's schema may have
/// grown between two requests.)
fn rows(batches: &[&RecordBatch]) -> Result<Vec<(i64, Vec<u8>)>, UsageError> {
    let same = batches.chunk_by(|one, other| one.schema_ref() == other.schema_ref());
    let rows = same.map(|chunk| {
        let Some(first) = chunk.first() else {
            return Err(unavailable("an empty group"));
        };
        let together;
        let events = match chunk {
            [one] => *one,
            many => {
                together = concat_batches(first.schema_ref(), many.iter().copied())
                    .map_err(unavailable)?;
                &together
            }
        };
        Ok((events.num_rows() as i64, encode(events)?))
    });
    rows.collect()
}

/// As an inbox row holds events.
pub(crate) fn encode(events: &RecordBatch) -> Result<Vec<u8>, UsageError> {
    let room = Vec::with_capacity(events.get_array_memory_size() + 4096);
    let mut writer = StreamWriter::try_new(room, events.schema_ref()).map_err(unavailable)?;
    writer.write(events).map_err(unavailable)?;
    writer.into_inner().map_err(unavailable)
}
