//! What a transaction promises, on both databases.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use florin_core::id::OrganisationId;
use florin_store::{Actor, Author, Backend, Db, Error, Options, Result, Tx, record};
use tempfile::TempDir;
use uuid::Uuid;

/// How often a race is run, so that both ways of it happen.
const ROUNDS: usize = 20;

/// A database with nothing but tables.
pub(crate) struct Empty {
    pub(crate) db: Db,
    pub(crate) folder: TempDir,
}

impl Empty {
    pub(crate) async fn on(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match backend {
            Backend::Sqlite => format!("sqlite:{}", folder.path().join("florin.db").display()),
            Backend::Postgres => florin_testkit::postgres::new_database().await,
        };
        let options = Options {
            url,
            connections_max: 4,
        };
        Self {
            db: Db::open(&options).await.unwrap(),
            folder,
        }
    }

    pub(crate) async fn begin(&self) -> Tx {
        self.db.begin(author()).await.unwrap()
    }

    /// The events that a reader sees, in order.
    pub(crate) async fn events(&self) -> Vec<String> {
        events(&mut self.db.read(author().organisation).await.unwrap()).await
    }
}

fn author() -> Author {
    Author {
        organisation: OrganisationId(Uuid::from_u128(1)),
        actor: Actor::System,
        request_id: String::new(),
        at: "2026-01-05T10:00:00Z".parse().unwrap(),
    }
}

/// Writes an event.
pub(crate) async fn write(tx: &mut Tx, event: &str) -> Result<()> {
    record::announce(tx, event, "customer", Uuid::from_u128(2)).await
}

async fn events(tx: &mut Tx) -> Vec<String> {
    let mut select = tx.select("outbox_event");
    select
        .column("event")
        .order_by("sequence", sea_query::Order::Asc);
    let rows = tx.fetch_all(&select).await.unwrap();
    rows.iter().map(|row| row.get("event").unwrap()).collect()
}

/// Writes the event so often that one of the statements waits for the database.
pub(crate) async fn write_often(tx: &mut Tx, event: &str) {
    for _ in 0..200 {
        write(tx, event).await.unwrap();
    }
}

/// Begins the future and drops it where it first waits, as a server drops a request whose client left.
/// Answers whether it waited: a fast statement may be over at once.
pub(crate) async fn begin_and_abandon(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

macro_rules! both {
    ($(async fn $name:ident($on:ident) $body:block)*) => {
        $(
            mod $name {
                use super::*;

                async fn run($on: Empty) $body

                #[tokio::test]
                async fn sqlite() {
                    run(Empty::on(Backend::Sqlite).await).await;
                }

                #[tokio::test]
                async fn postgres() {
                    run(Empty::on(Backend::Postgres).await).await;
                }
            }
        )*
    };
}

both! {
    async fn a_reader_sees_each_commit_and_nothing_before_it(on) {
        let mut reader = on.db.read(author().organisation).await.unwrap();
        let mut tx = on.begin().await;
        write(&mut tx, "first").await.unwrap();
        assert!(events(&mut reader).await.is_empty());
        assert_eq!(events(&mut tx).await, ["first"], "a writer sees its own rows");
        tx.commit().await.unwrap();
        assert_eq!(events(&mut reader).await, ["first"], "the same reader, a later statement");
    }

    async fn a_dropped_transaction_leaves_nothing(on) {
        let mut tx = on.begin().await;
        write(&mut tx, "dropped").await.unwrap();
        drop(tx);
        let mut tx = on.begin().await;
        write(&mut tx, "kept").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(on.events().await, ["kept"]);
    }

    async fn a_transaction_abandoned_inside_a_statement_leaves_nothing(on) {
        let mut inside = 0;
        for _ in 0..ROUNDS {
            let mut tx = on.begin().await;
            write(&mut tx, "before").await.unwrap();
            inside += usize::from(begin_and_abandon(write_often(&mut tx, "abandoned")).await);
            drop(tx);
        }
        assert_ne!(inside, 0, "no statement was abandoned");
        let mut tx = on.begin().await;
        write(&mut tx, "kept").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(on.events().await, ["kept"]);
    }

    async fn a_request_abandoned_while_it_waits_for_its_turn_holds_nobody(on) {
        let mut first = on.begin().await;
        for _ in 0..ROUNDS {
            begin_and_abandon(on.db.begin(author())).await;
        }
        write(&mut first, "first").await.unwrap();
        first.commit().await.unwrap();
        let mut second = on.begin().await;
        write(&mut second, "second").await.unwrap();
        second.commit().await.unwrap();
        assert_eq!(on.events().await, ["first", "second"]);
    }

    async fn a_commit_abandoned_by_its_caller_is_whole_or_nothing(on) {
        for round in 0..ROUNDS {
            let mut tx = on.begin().await;
            write(&mut tx, &format!("{round} left")).await.unwrap();
            write(&mut tx, &format!("{round} right")).await.unwrap();
            begin_and_abandon(tx.commit()).await;
        }
        let mut tx = on.begin().await;
        write(&mut tx, "last").await.unwrap();
        tx.commit().await.unwrap();
        let events = on.events().await;
        let count = |word: &str| events.iter().filter(|event| event.ends_with(word)).count();
        assert_eq!(count("left"), count("right"), "{events:?}");
        assert_eq!(count("last"), 1, "{events:?}");
    }

    async fn a_connection_that_reads_cannot_write(on) {
        let mut tx = on.db.read(author().organisation).await.unwrap();
        let refused = write(&mut tx, "written").await;
        assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
        assert!(on.events().await.is_empty());
    }
}
