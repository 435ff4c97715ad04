//! The one writer of a SQLite file: requests share a commit without sharing a fate.

use std::sync::Arc;

use florin_store::Backend;
use tokio::task::{JoinSet, yield_now};

use crate::transactions::{Empty, begin_and_abandon, write, write_often};

const WAL_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const PAGE_BYTES: usize = 4096;

/// Transactions in the write-ahead log: a frame whose header names the database's size ends one.
fn commits(on: &Empty) -> usize {
    let log = std::fs::read(on.folder.path().join("florin.db-wal")).unwrap();
    let frames = log[WAL_HEADER_BYTES..].chunks_exact(FRAME_HEADER_BYTES + PAGE_BYTES);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Begins a request for each name while another holds the connection, so that all of them wait; a name
/// that begins with `drop` is undone by its request.
async fn queue(on: &Arc<Empty>, names: impl IntoIterator<Item = String>) -> JoinSet<()> {
    let mut requests = JoinSet::new();
    for name in names {
        let on = on.clone();
        requests.spawn(async move {
            let mut tx = on.begin().await;
            write(&mut tx, &name).await.unwrap();
            if !name.starts_with("drop") {
                tx.commit().await.unwrap();
            }
        });
    }
    // One thread: each request runs until it waits for its turn.
    yield_now().await;
    requests
}

#[tokio::test]
async fn requests_that_wait_together_share_one_commit() {
    let on = Arc::new(Empty::on(Backend::Sqlite).await);
    let mut first = on.begin().await;
    write(&mut first, "first").await.unwrap();
    let before = commits(&on);
    let requests = queue(&on, (0..40).map(|number| format!("request {number}"))).await;
    first.commit().await.unwrap();
    requests.join_all().await;
    assert_eq!(commits(&on) - before, 1, "41 requests");
    assert_eq!(on.events().await.len(), 41);
}

#[tokio::test]
async fn a_request_that_comes_alone_does_not_wait_for_company() {
    let on = Empty::on(Backend::Sqlite).await;
    let before = commits(&on);
    for number in 0..3 {
        let mut tx = on.begin().await;
        write(&mut tx, &format!("request {number}")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(commits(&on) - before, number + 1);
    }
}

#[tokio::test]
async fn a_request_that_is_undone_undoes_nothing_of_its_neighbours() {
    let on = Arc::new(Empty::on(Backend::Sqlite).await);
    let first = on.begin().await;
    let before = commits(&on);
    let names = ["keep 1", "drop 2", "keep 3", "drop 4", "drop 5", "keep 6"];
    let requests = queue(&on, names.map(str::to_owned)).await;
    drop(first);
    requests.join_all().await;
    assert_eq!(on.events().await, ["keep 1", "keep 3", "keep 6"]);
    assert_eq!(commits(&on) - before, 1, "one batch");
}

#[tokio::test]
async fn a_request_abandoned_inside_a_statement_undoes_nothing_of_its_neighbours() {
    let on = Arc::new(Empty::on(Backend::Sqlite).await);
    let first = on.begin().await;
    let mut requests = queue(&on, ["keep 1".to_owned()]).await;
    let abandoned = on.clone();
    requests.spawn(async move {
        let mut inside = false;
        for _ in 0..20 {
            let mut tx = abandoned.begin().await;
            write(&mut tx, "abandoned").await.unwrap();
            inside |= begin_and_abandon(write_often(&mut tx, "abandoned inside")).await;
        }
        assert!(inside, "no statement was abandoned");
    });
    yield_now().await;
    let others = queue(&on, ["keep 2".to_owned()]).await;
    drop(first);
    requests.join_all().await;
    others.join_all().await;
    assert_eq!(on.events().await, ["keep 1", "keep 2"]);
}

#[tokio::test]
async fn a_full_batch_is_committed_before_the_next_begins() {
    let on = Arc::new(Empty::on(Backend::Sqlite).await);
    let first = on.begin().await;
    let before = commits(&on);
    let requests = queue(&on, (0..300).map(|number| format!("request {number}"))).await;
    drop(first);
    requests.join_all().await;
    assert_eq!(on.events().await.len(), 300);
    assert_eq!(commits(&on) - before, 3, "batches of at most 128");
}
