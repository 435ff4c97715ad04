//! Several engines on one PostgreSQL and one folder: whoever flushes, merges or corrects, every event is there
//! once.

use std::{collections::BTreeMap, sync::Arc};

use florin_app::usage::{Batch, Correcting, Format, RowsQuery, Usage, UsageError};
use florin_core::usage::Change;
use florin_store::Backend;
use serde_json::{Value as Json, json};

use super::{
    backfills::january,
    corrections::of,
    world::{World, event},
};
use crate::{Engine, Extent};

const BATCHES: usize = 30;
const BATCH_EVENTS: usize = 20;

/// How often each id counts, as an engine sees it.
async fn counts(engine: &Engine, world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for offset in (0..).step_by(1000) {
        let query = RowsQuery {
            conditions: Vec::new(),
            order: vec![("_seq".to_owned(), false)],
            limit: 1000,
            offset,
        };
        let rows = engine.rows(&world.stream, &query).await.unwrap();
        for row in &rows {
            let id = row["data.id"].as_str().unwrap().to_owned();
            *counts.entry(id).or_default() += 1;
        }
        if rows.len() < 1000 {
            break;
        }
    }
    counts
}

async fn send(engine: &Engine, world: &World, sender: usize) {
    for batch in 0..BATCHES {
        let events: Vec<Json> = (0..BATCH_EVENTS)
            .map(|n| event("a", "2026-01-02", &format!("{sender}-{batch}-{n}"), "1"))
            .collect();
        let body = Json::from(events).to_string();
        let batch = Batch::Body(Format::Json, body.as_bytes());
        engine.ingest(&world.stream, batch, None).await.unwrap();
    }
}

/// Flushes and merges again and again. The log refuses whoever comes second; that is tried again.
async fn tend(engine: &Engine, world: &World) -> usize {
    let mut refused = 0;
    for _ in 0..25 {
        refused += usize::from(engine.flush().await.is_err());
        let merged = engine
            .compact(world.stream.organisation, Extent::Full)
            .await;
        refused += usize::from(merged.is_err());
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_flush_and_merge_at_once_count_every_event_once() {
    let world = World::start(Backend::Postgres, &[]).await;
    let (one, two) = (world.engine.clone(), world.second().await);
    let (_, _, refused_one, refused_two) = tokio::join!(
        send(&one, &world, 1),
        send(&two, &world, 2),
        tend(&one, &world),
        tend(&two, &world),
    );
    println!("refused by the log: {refused_one} and {refused_two}");
    let expected = 2 * BATCHES * BATCH_EVENTS;
    for engine in [&one, &two] {
        let counts = counts(engine, &world).await;
        assert_eq!(counts.len(), expected);
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    }
    settle(&one).await;
    assert_eq!(counts(&two, &world).await.len(), expected);
    let world = world.restart().await;
    let counts = counts(&world.engine, &world).await;
    assert!(counts.len() == expected && counts.values().all(|count| *count == 1));
}

/// Flushes until nothing waits: a claim of the other node may have to run out.
async fn settle(engine: &Engine) {
    for _ in 0..50 {
        if engine.flush().await.is_ok() && engine.backlog() == 0 {
            return;
        }
    }
    panic!("{} events wait for ever", engine.backlog());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_correct_and_backfill_at_once_lose_and_double_nothing() {
    let world = Arc::new(World::start(Backend::Postgres, &[]).await);
    let (one, two) = (world.engine.clone(), world.second().await);
    send(&one, &world, 0).await;
    let staged = world.open(january()).await;
    let staged_events: Vec<Json> = (0..50)
        .map(|n| event("a", "2026-01-03", &format!("staged-{n}"), "1"))
        .collect();
    world.load(&staged, &staged_events).await;
    let correct = async |engine: &Engine, number: u32| {
        let change = world.amendment(json!({ "data": { "gb": number } }));
        let mut made = 0;
        while made < 4 {
            let request = json!({ "number": number });
            let correcting = Correcting {
                id: world.app.ids.next(),
                selection: &of("a"),
                change: &change,
                reason: "because",
                request: &request,
                author: world.author(),
            };
            match engine.correct(&world.stream, &correcting, None).await {
                Ok(_) => made += 1,
                Err(UsageError::Contended) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(
        correct(&one, 1),
        correct(&two, 2),
        send(&two, &world, 3),
        tend(&one, &world),
        tend(&two, &world),
    );
    let expected = 2 * BATCHES * BATCH_EVENTS;
    let all = counts(&two, &world).await;
    assert!(
        all.len() == expected && all.values().all(|count| *count == 1),
        "{}",
        all.len()
    );
    // Every event is newer than the backfill: amended or sent since.
    two.commit_backfill(&staged, &world.author()).await.unwrap();
    for engine in [&one, &two] {
        assert_eq!(counts(engine, &world).await.len(), expected + 50);
    }
    tokio::join!(tend(&one, &world), tend(&two, &world));
    settle(&two).await;
    for engine in [&one, &two] {
        let counts = counts(engine, &world).await;
        assert!(counts.values().all(|count| *count == 1));
        assert_eq!(counts.len(), expected + 50);
    }
    world
        .correct(&of("a"), &Change::Delete, None)
        .await
        .unwrap();
    assert_eq!(counts(&two, &world).await.len(), 0);
}
