//! Events are in every query once, wherever they are.

use std::sync::Arc;

use arrow::array::StringArray;
use datafusion::logical_expr::Expr;
use florin_app::{
    Clock,
    usage::{Batch, Format, IdempotencyKey, UsageError},
};
use florin_core::usage::Schema;
use florin_store::Backend;
use serde_json::json;

use super::world::{World, both, event};
use crate::{BacklogLimit, Extent, backlog::Backlog};

both! {
    an_event_is_seen_before_and_after_its_flush(backend) {
        let world = World::start(backend, &[]).await;
        assert_eq!(world.send(&[event("a", "2026-01-01", "1", "0.1"), event("b", "2026-01-02", "2", "0.2")]).await, 2);
        assert_eq!(world.total().await, (2, "0.3".to_owned()));
        world.engine.flush().await.unwrap();
        assert_eq!(world.table_files(), 1);
        assert_eq!(world.total().await, (2, "0.3".to_owned()));
        world.send(&[event("a", "2026-02-01", "1", "0.1")]).await;
        assert_eq!(world.total().await, (3, "0.4".to_owned()));
        world.engine.flush().await.unwrap();
        world.engine.flush().await.unwrap();
        assert_eq!((world.table_files(), world.engine.backlog()), (2, 0));
        let world = world.restart().await;
        assert_eq!(world.total().await, (3, "0.4".to_owned()));
    }

    many_requests_share_commits_and_none_is_lost(backend) {
        let world = World::start(backend, &[]).await;
        let world = Arc::new(world);
        let senders = (0..8).map(|sender| {
            let world = Arc::clone(&world);
            async move {
                for n in 0..25 {
                    let id = format!("{sender}-{n}");
                    world.send(&[event("a", "2026-01-01", &id, "1"), event("b", "2026-01-01", &id, "2.5")]).await;
                }
            }
        });
        let flushes = async {
            for _ in 0..5 {
                world.engine.flush().await.unwrap();
            }
        };
        tokio::join!(futures_util::future::join_all(senders), flushes);
        assert_eq!(world.total().await, (400, "700".to_owned()));
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await, (400, "700".to_owned()));
    }

    a_key_is_kept_once(backend) {
        let world = World::start(backend, &[]).await;
        let body = event("a", "2026-01-01", "1", "1").to_string();
        let batch = Batch::Body(Format::Json, body.as_bytes());
        let key = |digest: u8| IdempotencyKey { key: "k".to_owned(), fingerprint: vec![digest] };
        let send = |digest| {
            let (batch, world) = (batch.clone(), &world);
            async move { world.engine.accept(&world.stream, batch, Some(&key(digest))).await }
        };
        let racing = futures_util::future::join_all((0..10).map(|_| send(1))).await;
        assert!(racing.into_iter().all(|answer| answer.unwrap().events == 1));
        assert!(matches!(send(2).await, Err(UsageError::KeyReused)));
        assert_eq!(world.total().await, (1, "1".to_owned()));
        world.clock.advance(jiff::SignedDuration::from_hours(25));
        assert_eq!(send(2).await.unwrap().events, 1);
        assert_eq!(world.total().await, (2, "2".to_owned()));
    }

    a_later_event_of_the_same_identity_replaces_the_earlier(backend) {
        let world = World::start(backend, &["data.id"]).await;
        world.send(&[event("a", "2026-01-01", "1", "1"), event("a", "2026-01-01", "2", "2"), event("a", "2026-01-01", "1", "10")]).await;
        assert_eq!(world.total().await, (2, "12".to_owned()));
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await, (2, "12".to_owned()));
        world.send(&[event("b", "2026-03-01", "2", "20")]).await;
        assert_eq!(world.total().await, (2, "30".to_owned()));
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await, (2, "30".to_owned()));
        world.send(&[event("b", "2026-03-01", "3", "1")]).await;
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await, (3, "31".to_owned()));
    }

    a_field_that_was_added_is_null_in_older_events(backend) {
        let mut world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-01", "1", "1")]).await;
        world.engine.flush().await.unwrap();
        let more = [("id", "String"), ("gb", "Float64"), ("region", "String")];
        world.stream.schema = Arc::new(Schema::new(more, &[]).unwrap());
        let mut newer = event("a", "2026-01-01", "2", "2");
        newer["data"]["region"] = json!("eu");
        world.send(&[newer]).await;
        for _ in 0..2 {
            assert_eq!(world.total().await, (2, "3".to_owned()));
            let events = world.events().await;
            let region = Expr::Column(datafusion::common::Column::from_name("data.region"));
            let rows = events.filter(region.is_not_null()).unwrap().collect().await.unwrap();
            assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
            world.engine.flush().await.unwrap();
        }
    }

    compaction_changes_no_row(backend) {
        let world = World::start(backend, &[]).await;
        for n in 0..6 {
            let (month, id) = (n % 2 + 1, n.to_string());
            world.send(&[
                event("b", &format!("2026-0{month}-01"), &id, "1"),
                event("a", &format!("2026-0{month}-02"), &id, "2"),
            ]).await;
            world.engine.flush().await.unwrap();
        }
        assert_eq!((world.table_files(), world.total().await), (6, (12, "18".to_owned())));
        let replaced = world.engine.compact(world.stream.organisation, Extent::Full).await.unwrap();
        assert_eq!((replaced, world.table_files()), (6, 2));
        assert_eq!(world.total().await, (12, "18".to_owned()));
        world.send(&[event("c", "2026-01-01", "x", "1")]).await;
        world.engine.flush().await.unwrap();
        let world = world.restart().await;
        assert_eq!(world.total().await, (13, "19".to_owned()));
        let events = world.events().await;
        let rows = events.collect().await.unwrap();
        let ids: Vec<&str> = rows.iter().flat_map(|batch| {
            crate::columns::column::<StringArray>(batch, "customer_id").unwrap().iter().flatten()
        }).collect();
        assert_eq!(ids.len(), 13);
    }
    // Files that a compaction replaced a day ago go, and what never came to a commit; what is in the table, or
    // was a moment ago, stays.
    the_vacuum_takes_what_no_version_needs(backend) {
        let world = World::start(backend, &[]).await;
        let now = florin_app::clock::MachineClock.now();
        let yesterday = now - jiff::SignedDuration::from_hours(25);
        world.clock.advance(yesterday.duration_since(world.clock.now()));
        for id in ["1", "2"] {
            world.send(&[event("a", "2026-01-01", id, "1")]).await;
            world.engine.flush().await.unwrap();
        }
        let organisation = world.stream.organisation;
        assert_eq!(world.engine.compact(organisation, Extent::Full).await.unwrap(), 2);
        world.clock.advance(jiff::SignedDuration::from_hours(25));
        world.send(&[event("a", "2026-01-01", "3", "1")]).await;
        world.engine.flush().await.unwrap();
        assert_eq!(world.engine.compact(organisation, Extent::Full).await.unwrap(), 2);
        let folder = world.folder.path().join("usage").join(organisation.0.to_string())
            .join(world.stream.id.to_string());
        let parquet = || {
            let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            files.filter(|file| file.extension().is_some_and(|end| end == "parquet")).count()
        };
        for (name, age) in [("old-0001.parquet", 25), ("new-0001.parquet", 1)] {
            let stray = std::fs::File::create(folder.join(name)).unwrap();
            let age = std::time::Duration::from_secs(age * 3600);
            stray.set_modified(std::time::SystemTime::from(now) - age).unwrap();
        }
        assert_eq!(parquet(), 7, "2 merged into 1, that and 1 into 1, two strays");
        assert_eq!(world.engine.vacuum(world.id()).await.unwrap(), 3);
        assert_eq!(parquet(), 4);
        assert!(folder.join("new-0001.parquet").exists() && !folder.join("old-0001.parquet").exists());
        assert_eq!(world.total().await, (3, "3".to_owned()));
        let world = world.restart().await;
        assert_eq!(world.total().await, (3, "3".to_owned()));
    }
}

#[test]
fn events_or_bytes_that_wait_tell_senders_to_wait() {
    let limit = BacklogLimit {
        events: 10,
        bytes: 100,
    };
    let backlog = Backlog::new(limit);
    backlog.change(10, 100);
    assert!(backlog.check().is_ok());
    backlog.change(0, 1);
    assert!(matches!(backlog.check(), Err(UsageError::Behind { .. })));
    backlog.change(1, -1);
    assert!(matches!(backlog.check(), Err(UsageError::Behind { .. })));
    backlog.set(0, 0);
    assert!(backlog.check().is_ok());
}
