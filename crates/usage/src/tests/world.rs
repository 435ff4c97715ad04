//! An engine with one organisation's stream, on either database.

use std::sync::Arc;

use arrow::array::{Decimal128Array, Int64Array};
use datafusion::{
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{count, sum},
    logical_expr::{Expr, lit},
};
use florin_app::{
    App,
    ids::MachineIds,
    organisation::{self, NewOrganisation},
    usage::{Batch, Format, Stream},
};
use florin_core::raw_metric;
use florin_store::{Actor, Author, Backend, Db, Options as Database, usage_inbox::StreamId};
use florin_testkit::{fixed::FixedClock, postgres};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{BacklogLimit, Engine, Options, Pace, Place};

/// An engine with one organisation's stream `storage`.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) app: App,
    pub(super) clock: Arc<FixedClock>,
    pub(super) stream: Stream,
    url: String,
    pub(super) folder: TempDir,
}

impl World {
    pub(super) async fn start(backend: Backend, unique_by: &[&str]) -> Self {
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

    /// A new process on the same data.
    pub(super) async fn restart(self) -> Self {
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

    pub(super) async fn send(&self, events: &[Json]) -> u64 {
        let body = Json::from(events).to_string();
        let batch = Batch::Body(Format::Json, body.as_bytes());
        self.engine
            .accept(&self.stream, batch, None)
            .await
            .unwrap()
            .events
    }

    pub(super) async fn events(&self) -> DataFrame {
        let table = self.engine.events(&self.stream).await.unwrap();
        let session = self.engine.parts.queries.session().unwrap();
        session.read(table).unwrap()
    }

    /// Rows and their sum.
    pub(super) async fn total(&self) -> (i64, String) {
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

    /// Another engine on the same data, as another process would have.
    pub(super) async fn second(&self) -> Engine {
        engine_of(&self.app, &self.clock, &self.url, &self.folder).await
    }

    pub(super) fn id(&self) -> StreamId {
        StreamId {
            organisation: self.stream.organisation,
            stream: self.stream.id,
        }
    }

    /// Who writes, now.
    pub(super) fn author(&self) -> Author {
        self.app
            .author(self.stream.organisation, Actor::System, "test")
    }

    pub(super) fn table_files(&self) -> usize {
        self.engine.parts.stream(self.id()).files().files.len()
    }
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
        backlog: BacklogLimit::USUAL,
    };
    Engine::open(options).await.unwrap()
}

pub(super) fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, of): &(&str, &str)| ((*name).to_owned(), (*of).to_owned());
    fields.iter().map(owned).collect()
}

pub(super) fn event(customer: &str, at: &str, id: &str, gb: &str) -> Json {
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

pub(super) use both;
