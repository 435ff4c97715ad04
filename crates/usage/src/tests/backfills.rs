//! A window's events are exchanged in one step, wherever they are.

use std::{ops::Range, sync::Arc};

use florin_app::usage::{Batch, Format, Stream, Usage, UsageError};
use florin_core::usage::backfill::{Backfill, State};
use florin_store::{Backend, usage_backfill, usage_inbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{
    corrections::of,
    world::{World, both, event},
};
use crate::Extent;

impl World {
    /// Opens a backfill; answers its stream.
    pub(super) async fn open(&self, window: Range<Timestamp>) -> Stream {
        let mut tx = self.engine.begin(self.author()).await.unwrap();
        let reached = usage_inbox::lock(&mut tx, self.id()).await.unwrap();
        let backfill = Backfill {
            id: self.app.ids.next(),
            raw_metric_id: self.stream.id,
            window,
            replaces_up_to: reached.unsigned_abs(),
            reason: "because".to_owned(),
            state: State::Open,
            created_by: "test".to_owned(),
            created_at: self.author().at,
        };
        usage_backfill::insert(&mut tx, &backfill).await.unwrap();
        tx.commit().await.unwrap();
        self.stream.clone().with(&backfill)
    }

    pub(super) async fn load(&self, staged: &Stream, events: &[Json]) {
        let body = Json::from(events).to_string();
        let batch = Batch::Body(Format::Json, body.as_bytes());
        self.engine.ingest(staged, batch, None).await.unwrap();
    }

    pub(super) async fn commit(&self, staged: &Stream) -> Backfill {
        self.engine
            .commit_backfill(staged, &self.author())
            .await
            .unwrap()
    }
}

pub(super) fn january() -> Range<Timestamp> {
    let [start, end] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
    start.parse().unwrap()..end.parse().unwrap()
}

both! {
    a_backfill_counts_when_it_is_committed(backend) {
        let world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-05", "1", "1"), event("a", "2026-02-05", "2", "2")]).await;
        world.engine.flush().await.unwrap();
        world.send(&[event("b", "2026-01-06", "3", "3")]).await;
        let staged = world.open(january()).await;
        world.load(&staged, &[event("a", "2026-01-01", "n1", "10"), event("b", "2026-01-31", "n2", "20")]).await;
        world.send(&[event("a", "2026-01-07", "late", "5")]).await;
        let before = "1:a:1:1 2:a:2:2 3:b:3:3 4:a:late:5";
        assert_eq!(world.shown().await, before);
        world.engine.flush().await.unwrap();
        assert_eq!(world.shown().await, before);
        let committed = world.commit(&staged).await;
        let State::Committed { sequence: 5, event_count: 2, .. } = committed.state else {
            panic!("{committed:?}");
        };
        assert_eq!(world.commit(&staged).await, committed);
        for _ in 0..2 {
            assert_eq!(world.shown().await, "2:a:2:2 4:a:late:5 6:a:n1:10 7:b:n2:20");
            assert_eq!(world.engine.accepted(world.stream.organisation).await.unwrap(), 7);
            world.engine.flush().await.unwrap();
        }
        world.send(&[event("c", "2026-01-08", "x", "1")]).await;
        world.correct(&of("a"), &florin_core::usage::Change::Delete, None).await.unwrap();
        world.engine.compact(world.stream.organisation, Extent::Full).await.unwrap();
        let world = world.restart().await;
        assert_eq!(world.shown().await, "7:b:n2:20 8:c:x:1");
        assert_eq!(world.engine.backlog(), 1, "what a correction takes out waits for no table file");
    }

    a_backfill_is_seen_as_if_it_was_committed(backend) {
        let mut world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-05", "1", "1"), event("a", "2026-02-05", "2", "2")]).await;
        let staged = world.open(january()).await;
        world.load(&staged, &[event("a", "2026-01-01", "n", "10")]).await;
        world.stream = staged.clone();
        let with = world;
        assert_eq!(with.shown().await, "2:a:2:2 3:a:n:10");
        let again = [event("a", "2026-01-02", "m", "20")];
        with.load(&staged, &again).await;
        with.engine.flush().await.unwrap();
        assert_eq!(with.shown().await, "2:a:2:2 3:a:n:10 4:a:m:20");
    }

    events_of_a_backfill_replace_by_identity(backend) {
        let world = World::start(backend, &["data.id"]).await;
        world.send(&[event("a", "2026-01-05", "1", "1"), event("a", "2026-02-05", "2", "2")]).await;
        world.engine.flush().await.unwrap();
        world.send(&[event("a", "2026-02-06", "3", "3")]).await;
        let staged = world.open(january()).await;
        world.load(&staged, &[event("a", "2026-01-01", "2", "9"), event("a", "2026-01-02", "n", "10")]).await;
        world.load(&staged, &[event("a", "2026-01-02", "n", "11"), event("a", "2026-01-02", "3", "30")]).await;
        world.commit(&staged).await;
        for _ in 0..2 {
            assert_eq!(world.shown().await, "5:a:2:9 7:a:n:11 8:a:3:30");
            world.engine.flush().await.unwrap();
        }
        world.send(&[event("b", "2026-01-09", "n", "12")]).await;
        assert_eq!(world.shown().await, "5:a:2:9 8:a:3:30 9:b:n:12");
    }

    a_window_can_be_emptied(backend) {
        let world = World::start(backend, &[]).await;
        let staged = world.open(january()).await;
        world.commit(&staged).await;
        world.engine.flush().await.unwrap();
        assert_eq!(world.shown().await, "");
        world.send(&[event("a", "2026-01-05", "1", "1"), event("a", "2026-02-05", "2", "2")]).await;
        let staged = world.open(january()).await;
        world.commit(&staged).await;
        for _ in 0..2 {
            assert_eq!(world.shown().await, "3:a:2:2");
            world.engine.flush().await.unwrap();
        }
    }

    a_closed_backfill_takes_nothing_and_is_dropped(backend) {
        let world = World::start(backend, &[]).await;
        let staged = world.open(january()).await;
        world.load(&staged, &[event("a", "2026-01-01", "n", "10")]).await;
        let outside = event("a", "2026-02-01", "n", "10").to_string();
        let batch = |text| Batch::Body(Format::Json, text);
        let refused = world.engine.ingest(&staged, batch(outside.as_bytes()), None).await;
        assert!(matches!(refused, Err(UsageError::Events(_))), "{refused:?}");
        world.engine.flush().await.unwrap();
        world.commit(&staged).await;
        let inside = event("a", "2026-01-01", "n", "10").to_string();
        let refused = world.engine.ingest(&staged, batch(inside.as_bytes()), None).await;
        assert!(matches!(refused, Err(UsageError::BackfillClosed { .. })), "{refused:?}");
        world.clock.advance(SignedDuration::from_hours(25));
        assert_eq!(world.engine.drop_backfills().await.unwrap(), 0, "it is not carried out");
        world.engine.flush().await.unwrap();
        world.clock.advance(SignedDuration::from_hours(25));
        world.engine.flush().await.unwrap();
        let folder = world.folder.path().join("usage").join(world.stream.organisation.0.to_string());
        let staging = folder.join(staged.backfill.as_ref().unwrap().id.to_string());
        assert!(staging.join("_delta_log").exists());
        assert_eq!(world.engine.drop_backfills().await.unwrap(), 1);
        assert_eq!(world.engine.drop_backfills().await.unwrap(), 0);
        let files = |folder: &std::path::Path| {
            std::fs::read_dir(folder).map_or(0, |files| files.filter(|file| {
                file.as_ref().is_ok_and(|file| file.path().is_file())
            }).count())
        };
        assert_eq!(files(&staging) + files(&staging.join("_delta_log")), 0);
        assert_eq!(world.shown().await, "2:a:n:10");
        let world = world.restart().await;
        assert_eq!(world.shown().await, "2:a:n:10");
    }

    loading_and_the_commit_do_not_miss_each_other(backend) {
        let world = Arc::new(World::start(backend, &[]).await);
        let staged = world.open(january()).await;
        let loads = (0..4).map(|sender| {
            let (world, staged) = (Arc::clone(&world), staged.clone());
            async move {
                let mut kept = 0;
                for n in 0..40 {
                    let body = event("a", "2026-01-02", &format!("{sender}-{n}"), "1").to_string();
                    let batch = Batch::Body(Format::Json, body.as_bytes());
                    match world.engine.ingest(&staged, batch, None).await {
                        Ok(_) => kept += 1,
                        Err(UsageError::BackfillClosed { .. }) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                kept
            }
        });
        let commit = async {
            tokio::task::yield_now().await;
            while world.engine.backlog() < 20 {
                tokio::task::yield_now().await;
            }
            world.commit(&staged).await
        };
        let (kept, _) = tokio::join!(futures_util::future::join_all(loads), commit);
        let kept: i64 = kept.into_iter().sum();
        assert_eq!(world.total().await.0, kept);
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await.0, kept);
    }
}
