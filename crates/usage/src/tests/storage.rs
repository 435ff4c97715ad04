//! Events are in every query once, wherever they are.

use std::sync::Arc;

use arrow::array::{Decimal128Array, Int64Array, StringArray};
use datafusion::{
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{count, sum},
    logical_expr::{Expr, lit},
};
use florin_app::{
    App,
    ids::MachineIds,
    organisation::{self, NewOrganisation},
    usage::{Batch, Format, IdempotencyKey, Stream, UsageError},
};
use florin_core::{raw_metric, usage::Schema};
use florin_store::{Actor, Backend, Db, Options as Database};
use florin_testkit::{fixed::FixedClock, postgres};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{Engine, Extent, Options, Pace, Place};

/// An engine with one organisation's stream `storage`.
struct World {
    engine: Engine,
    app: App,
    clock: Arc<FixedClock>,
    stream: Stream,
    url: String,
    folder: TempDir,
}

impl World {
    async fn start(backend: Backend, unique_by: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match backend {
            Backend::Sqlite => format!("sqlite:{}", folder.path().join("florin.db").display()),
            Backend::Postgres => postgres::new_database().await,
        };
        let database = Database {
            url: url.clone(),
            connections_max: 4,
        };
        let clock = Arc::new(FixedClock::default());
        let db = Db::open(&database).await.unwrap();
        let app = App {
            clock: clock.clone(),
            ..App::new(db, Arc::new(florin_app::usage::Absent))
        };
        let new = NewOrganisation {
            name: "Test".to_owned(),
            is_sandbox: false,
            time_zone: "UTC".to_owned(),
        };
        let (organisation, _) = organisation::create(&app, new).await.unwrap();
        let written = raw_metric::Written {
            name: "Storage".to_owned(),
            api_slug: None,
            fields: fields(&[("id", "String"), ("gb", "Float64")]),
            unique_by: unique_by.iter().map(|path| (*path).to_owned()).collect(),
            column_order: Vec::new(),
            connector: raw_metric::CONNECTOR_DEFAULT.to_owned(),
            api_type: raw_metric::API_TYPE_DEFAULT.to_owned(),
            usage_upload_enabled: true,
        };
        let mut tx = app.begin(organisation.id, Actor::System, "").await.unwrap();
        let metric = florin_app::raw_metric::create(&app, &mut tx, written)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let stream = Stream::of(organisation.id, &metric);
        let engine = engine(&app, &clock, &url, &folder).await;
        Self {
            engine,
            app,
            clock,
            stream,
            url,
            folder,
        }
    }

    /// A new process on the same data.
    async fn restart(self) -> Self {
        let Self {
            engine,
            app,
            clock,
            stream,
            url,
            folder,
        } = self;
        drop(engine);
        let engine = engine_of(&app, &clock, &url, &folder).await;
        Self {
            engine,
            app,
            clock,
            stream,
            url,
            folder,
        }
    }

    async fn send(&self, events: &[Json]) -> u64 {
        let body = Json::from(events).to_string();
        let batch = Batch::Body(Format::Json, body.as_bytes());
        self.engine
            .accept(&self.stream, batch, None)
            .await
            .unwrap()
            .events
    }

    async fn events(&self) -> DataFrame {
        let table = self.engine.events(&self.stream).await.unwrap();
        let session = self.engine.parts.queries.session().unwrap();
        session.read(table).unwrap()
    }

    /// Rows and their sum.
    async fn total(&self) -> (i64, String) {
        let events = self.events().await;
        let gb = || {
            Expr::Column(
                "\"data.gb\""
                    .parse()
                    .map(|column: String| {
                        datafusion::common::Column::from_name(column.trim_matches('"'))
                    })
                    .unwrap(),
            )
        };
        let answer = events
            .aggregate(
                vec![],
                vec![count(lit(1)).alias("n"), sum(gb()).alias("gb")],
            )
            .unwrap()
            .collect()
            .await
            .unwrap();
        let rows: &Int64Array = crate::columns::column(&answer[0], "n").unwrap();
        let sum: &Decimal128Array = crate::columns::column(&answer[0], "gb").unwrap();
        let sum = rust_decimal::Decimal::from_i128_with_scale(sum.value(0), 12);
        (rows.value(0), sum.normalize().to_string())
    }

    fn table_files(&self) -> usize {
        let id = florin_store::usage_inbox::StreamId {
            organisation: self.stream.organisation,
            stream: self.stream.id,
        };
        self.engine.parts.stream(id).files().files.len()
    }
}

async fn engine(app: &App, clock: &Arc<FixedClock>, url: &str, folder: &TempDir) -> Engine {
    engine_of(app, clock, url, folder).await
}

async fn engine_of(app: &App, clock: &Arc<FixedClock>, url: &str, folder: &TempDir) -> Engine {
    let url = match url.starts_with("sqlite") {
        true => format!("sqlite:{}", folder.path().join("usage.db").display()),
        false => url.to_owned(),
    };
    let inbox = Db::open_usage(&Database {
        url,
        connections_max: 4,
    })
    .await
    .unwrap();
    let options = Options {
        inbox,
        records: app.db.clone(),
        place: Place::Folder(folder.path().join("usage")),
        clock: clock.clone(),
        ids: Arc::new(MachineIds),
        pace: Pace::HASTY,
    };
    Engine::open(options).await.unwrap()
}

fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, of): &(&str, &str)| ((*name).to_owned(), (*of).to_owned());
    fields.iter().map(owned).collect()
}

fn event(customer: &str, at: &str, id: &str, gb: &str) -> Json {
    let gb: Json = serde_json::from_str(gb).unwrap();
    json!({"customer_id": customer, "timestamp": at, "data": {"id": id, "gb": gb}})
}

/// Runs a test on both databases.
macro_rules! both {
    ($($name:ident($backend:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            async fn run($backend: Backend) $body
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() { run(Backend::Sqlite).await; }
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() { run(Backend::Postgres).await; }
        }
    )*};
}

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
}
