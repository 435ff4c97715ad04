//! Corrections are in every query at once, wherever the events are, and once.

use std::sync::Arc;

use florin_app::usage::{
    Batch, Corrected, Correcting, EventRow, Format, IdempotencyKey, RowsQuery, Usage, UsageError,
    UsageResult,
};
use florin_core::usage::{Amendment, Change, Selection, correction::of_customer};
use florin_store::Backend;
use serde_json::{Value as Json, json};

use super::world::{World, both, event};
use crate::Extent;

impl World {
    /// Every event, as sequence, customer, id and gigabytes.
    pub(super) async fn shown(&self) -> String {
        let query = RowsQuery {
            conditions: Vec::new(),
            order: vec![("_seq".to_owned(), false)],
            limit: 1000,
            offset: 0,
        };
        let rows = self.engine.rows(&self.stream, &query).await.unwrap();
        rows.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn correct(
        &self,
        selection: &Selection,
        change: &Change,
        key: Option<&str>,
    ) -> UsageResult<Corrected> {
        let request =
            json!({ "selection": format!("{selection:?}"), "change": format!("{change:?}") });
        let correcting = Correcting {
            id: self.app.ids.next(),
            selection,
            change,
            reason: "because",
            request: &request,
            author: self.author(),
        };
        let key = key.map(|key| IdempotencyKey {
            key: key.to_owned(),
            fingerprint: request.to_string().into_bytes(),
        });
        self.engine
            .correct(&self.stream, &correcting, key.as_ref())
            .await
    }

    pub(super) fn amendment(&self, changes: Json) -> Change {
        let changes = changes.as_object().unwrap();
        Change::Amend(Amendment::read(&self.stream.schema, changes).unwrap())
    }
}

pub(super) fn shown(row: &EventRow) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{}:{}:{}:{}",
        row["_seq"],
        text("customer_id"),
        text("data.id"),
        row["data.gb"]
    )
}

pub(super) fn of(customer: &str) -> Selection {
    Selection {
        conditions: vec![of_customer(customer)],
        ..Selection::default()
    }
}

pub(super) fn named(sequences: &[u64]) -> Selection {
    Selection {
        sequences: sequences.iter().copied().collect(),
        ..Selection::default()
    }
}

both! {
    a_deletion_is_seen_before_and_after_its_flush(backend) {
        let world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-01", "1", "1"), event("b", "2026-02-01", "2", "2")]).await;
        world.engine.flush().await.unwrap();
        world.send(&[event("a", "2026-01-02", "3", "3"), event("b", "2026-01-02", "4", "4")]).await;
        let made = world.correct(&of("a"), &Change::Delete, None).await.unwrap();
        assert_eq!((made.correction.sequence, made.correction.event_count), (5, 2));
        for _ in 0..2 {
            assert_eq!(world.shown().await, "2:b:2:2 4:b:4:4");
            assert_eq!(world.engine.accepted(world.stream.organisation).await.unwrap(), 5);
            world.engine.flush().await.unwrap();
        }
        assert_eq!(world.engine.backlog(), 0);
        world.send(&[event("a", "2026-01-02", "5", "5")]).await;
        world.engine.compact(world.stream.organisation, Extent::Full).await.unwrap();
        let world = world.restart().await;
        assert_eq!(world.shown().await, "2:b:2:2 4:b:4:4 6:a:5:5");
    }

    an_amended_event_comes_again(backend) {
        let world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-01", "1", "1"), event("a", "2026-01-01", "2", "2")]).await;
        let change = world.amendment(json!({ "customer_id": "b", "data": { "gb": null } }));
        world.correct(&named(&[1]), &change, None).await.unwrap();
        assert_eq!(world.shown().await, "2:a:2:2 4:b:1:null");
        world.engine.flush().await.unwrap();
        let change = world.amendment(json!({ "timestamp": "2026-03-01" }));
        world.correct(&named(&[2, 4]), &change, None).await.unwrap();
        for _ in 0..2 {
            assert_eq!(world.shown().await, "6:a:2:2 7:b:1:null");
            world.engine.flush().await.unwrap();
        }
    }

    what_events_were_and_became_is_kept(backend) {
        let world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-01", "1", "0.1")]).await;
        let change = world.amendment(json!({ "data": { "gb": 0.25 } }));
        let made = world.correct(&named(&[1]), &change, None).await.unwrap().correction;
        let mut tx = world.engine.read(world.stream.organisation).await.unwrap();
        let found = florin_store::usage_correction::find(&mut tx, made.id).await.unwrap();
        assert_eq!(found.unwrap(), made);
        let events = florin_store::usage_correction::events(&mut tx, made.id, 0, 10).await.unwrap();
        let [one] = events.as_slice() else { panic!("{events:?}") };
        let row = |row: &Json| shown(row.as_object().unwrap());
        assert_eq!((row(&one.before), row(&one.after)), ("1:a:1:0.1".to_owned(), "3:a:1:0.25".to_owned()));
    }

    a_correction_is_made_once_under_a_key(backend) {
        let world = World::start(backend, &[]).await;
        world.send(&[event("a", "2026-01-01", "1", "1")]).await;
        let change = world.amendment(json!({ "data": { "gb": 2 } }));
        let (a, world) = (of("a"), Arc::new(world));
        let racing = (0..6).map(|_| world.correct(&a, &change, Some("k")));
        let answers = futures_util::future::join_all(racing).await;
        let made: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(made.iter().filter(|one| !one.is_repetition).count(), 1);
        assert!(made.iter().all(|one| one.correction == made[0].correction));
        let other = world.correct(&a, &Change::Delete, Some("k")).await;
        assert!(matches!(other, Err(UsageError::KeyReused)), "{other:?}");
        assert_eq!(world.shown().await, "3:a:1:2");
        let nothing = world.correct(&of("nobody"), &Change::Delete, Some("free")).await;
        assert!(matches!(nothing, Err(UsageError::NothingSelected)));
        assert!(!world.correct(&a, &Change::Delete, Some("free")).await.unwrap().is_repetition);
        assert_eq!(world.shown().await, "");
    }

    an_event_is_amended_by_one_correction_at_a_time(backend) {
        let world = Arc::new(World::start(backend, &[]).await);
        for n in 0..20 {
            world.send(&[event("a", "2026-01-01", &n.to_string(), "0")]).await;
        }
        let corrections = (1..=4).map(|number| {
            let world = Arc::clone(&world);
            async move {
                let change = world.amendment(json!({ "data": { "gb": number } }));
                let mut made = 0;
                while made < 3 {
                    match world.correct(&of("a"), &change, None).await {
                        Ok(corrected) => {
                            assert_eq!(corrected.correction.event_count, 20);
                            made += 1;
                        }
                        Err(UsageError::Contended) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        let flushes = async {
            for _ in 0..10 {
                world.engine.flush().await.unwrap();
            }
        };
        tokio::join!(futures_util::future::join_all(corrections), flushes);
        assert_eq!(world.total().await.0, 20);
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await.0, 20);
    }

    an_event_that_is_replaced_meanwhile_is_not_brought_back(backend) {
        let world = Arc::new(World::start(backend, &["data.id"]).await);
        world.send(&[event("a", "2026-01-01", "1", "0")]).await;
        let sender = Arc::clone(&world);
        let sends = async move {
            for n in 1..=30 {
                sender.send(&[event("a", "2026-01-01", "1", &n.to_string())]).await;
            }
        };
        let correcting = Arc::clone(&world);
        let corrections = async move {
            let change = correcting.amendment(json!({ "customer_id": "b" }));
            for _ in 0..10 {
                let made = correcting.correct(&of("a"), &change, None).await;
                let expected = matches!(made, Ok(_) | Err(UsageError::NothingSelected | UsageError::Contended));
                assert!(expected, "{made:?}");
            }
        };
        tokio::join!(sends, corrections);
        let gigabytes = world.total().await;
        assert_eq!(gigabytes, (1, "30".to_owned()), "the last that was sent");
        world.engine.flush().await.unwrap();
        assert_eq!(world.total().await, gigabytes);
    }

    many_events_go_at_once(backend) {
        let world = World::start(backend, &[]).await;
        for batch in 0..3 {
            let events: Vec<Json> = (0..2000)
                .map(|n| event(if n % 3 == 0 { "b" } else { "a" }, "2026-01-01", &format!("{batch}-{n}"), "1"))
                .collect();
            let body = Json::from(events).to_string();
            world.engine.ingest(&world.stream, Batch::Body(Format::Json, body.as_bytes()), None).await.unwrap();
            if batch == 1 {
                world.engine.flush().await.unwrap();
            }
        }
        let made = world.correct(&of("a"), &Change::Delete, None).await.unwrap();
        assert_eq!(made.correction.event_count, 3999);
        for _ in 0..2 {
            assert_eq!(world.total().await, (2001, "2001".to_owned()));
            world.engine.flush().await.unwrap();
        }
    }
}
