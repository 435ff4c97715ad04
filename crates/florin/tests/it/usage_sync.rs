//! Syncs of usage, seen from below as in [`crate::sync`]: the inbox is synced before an event is acknowledged,
//! and table files, with every folder above them, before their inbox rows may go.

use std::{path::Path, thread, time::Duration};

use serde_json::json;

use crate::{
    http::Signature,
    installation::{Installation, Server},
    sync::{Call, NAME_PREFIX, What, compile, read, unsynced},
};

const CLIENTS: usize = 8;
const EVENTS_PER_CLIENT: usize = 25;

#[test]
fn syncs_precede_the_acknowledgement_of_events_and_the_removal_of_inbox_rows() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let fields = json!({ "data": { "name": "String" } });
    {
        let server = florin.serve();
        let body = json!({ "name": "Probes", "dataschema": fields });
        let created = server.connect(&signature).post("/rawmetric", &body);
        assert_eq!(created.unwrap().status, 200);
    }
    let trace = florin.folder().join("trace");
    let library = compile(florin.folder());
    let tables = florin.data_dir().canonicalize().unwrap().join("usage");
    let florin = florin
        .with("LD_PRELOAD", library.to_str().unwrap())
        .with("SYNC_TRACE", trace.to_str().unwrap())
        .with("SYNC_TRACE_LOG", "usage.db-wal")
        .with("SYNC_TRACE_TABLES", tables.to_str().unwrap());
    // At the usual pace: what is sent at once is flushed together, when it has been silent for two seconds.
    let server = florin.serve();
    send_events(&server, &signature);
    wait_for_files(&server, &signature);
    server.terminate();
    assert!(server.ended().0);

    let calls = read(&trace);
    let unsynced = unsynced(&calls, CLIENTS * EVENTS_PER_CLIENT);
    assert!(
        unsynced.is_empty(),
        "acknowledged before a sync: {unsynced:?}"
    );
    let unsettled = unsettled(&calls, &tables);
    assert!(unsettled.is_empty(), "{unsettled:#?}");
}

/// Each event bears a name, which is also the request's id, so that the answer bears it too.
fn send_events(server: &Server, signature: &Signature) {
    let clients = (0..CLIENTS).map(|client| {
        let mut connection = server.connect(signature);
        thread::spawn(move || {
            for number in 0..EVENTS_PER_CLIENT {
                let name = format!("{NAME_PREFIX}{:06}", client * EVENTS_PER_CLIENT + number);
                let event = json!({ "customer_id": "a", "timestamp": "2026-01-01",
                    "data": { "name": name } });
                let body = event.to_string();
                let headers = format!("content-length: {}\r\nx-request-id: {name}\r\n", body.len());
                let head = connection.head("POST", "/usage/probes", &headers);
                connection.write(&format!("{head}{body}")).unwrap();
                assert_eq!(connection.answer().unwrap().status, 200);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().unwrap();
    }
}

/// Waits until no event waits for its table file any more, and a little longer, so that inbox rows go.
fn wait_for_files(server: &Server, signature: &Signature) {
    let mut client = server.connect(signature);
    for _ in 0..600 {
        let metrics = client.get("/metrics").unwrap();
        if metrics
            .body
            .to_string()
            .contains("florin_usage_backlog_events 0")
        {
            thread::sleep(Duration::from_secs(1));
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the events are not flushed");
}

/// What is wrong with the order in which table files came to be.
///
/// A name of a data file or of the log is given; then the file and every folder up to the root of the tables are
/// synced. The log names data files only after these are settled, and the inbox is written (the note of the
/// flush, the removal of its rows) only after the log is.
fn unsettled(calls: &[Call], tables: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut settled = Vec::new();
    let named = calls.iter().filter(|call| call.what == What::Named);
    let named = named.filter(|call| {
        let path = call.names[0].as_str();
        path.ends_with(".parquet") || (path.ends_with(".json") && path.contains("_delta_log"))
    });
    for call in named {
        let path = Path::new(&call.names[0]);
        let ancestors = path.ancestors();
        let synced = ancestors
            .take_while(|part| part.starts_with(tables))
            .map(|part| {
                let mut syncs = calls.iter().filter(|sync| {
                    sync.what == What::TableSync && Path::new(&sync.names[0]) == part
                });
                syncs
                    .find(|sync| sync.begin > call.end)
                    .map(|sync| sync.end)
            });
        match synced.collect::<Option<Vec<u64>>>() {
            Some(ends) => settled.push((call, ends.into_iter().max().unwrap_or(call.end))),
            None => wrong.push(format!("{} was named and not synced", path.display())),
        }
    }
    let is_log = |call: &Call| call.names[0].ends_with(".json");
    // The log's first commit makes the table and has no files.
    let commits: Vec<_> = settled.iter().filter(|(call, _)| is_log(call)).collect();
    let files: Vec<_> = settled.iter().filter(|(call, _)| !is_log(call)).collect();
    if files.is_empty() || commits.len() < 2 {
        wrong.push("nothing was flushed".to_owned());
    }
    for (file, ends) in files {
        // One flush: the table's creation may come between its files and its commit.
        let mut newest_first = commits.iter().rev();
        let commit = newest_first.find(|(commit, _)| commit.begin > file.begin);
        let Some((commit, committed)) = commit else {
            wrong.push(format!("{} is in no commit", file.names[0]));
            continue;
        };
        if *ends > commit.begin {
            wrong.push(format!("{} was not settled before the log", file.names[0]));
        }
        let is_write = |call: &&Call| matches!(call.what, What::LogWrite { .. });
        let inbox = calls
            .iter()
            .filter(is_write)
            .find(|call| call.begin > file.begin);
        match inbox {
            Some(write) if write.begin > *committed => {}
            Some(_) => wrong.push("the inbox was written before the log was settled".to_owned()),
            None => wrong.push("the flush was not noted".to_owned()),
        }
    }
    wrong
}

#[test]
fn a_removal_before_the_sync_would_be_found() {
    let tables = Path::new("/data/usage");
    let call = |what, place: u64, path: &str| Call {
        what,
        begin: 2 * place,
        end: 2 * place + 1,
        names: vec![path.to_owned()],
    };
    let (file, log) = (
        "/data/usage/o/s/1.parquet",
        "/data/usage/o/s/_delta_log/1.json",
    );
    let settled = |first: u64, path: &str| {
        let parts = Path::new(path)
            .ancestors()
            .take_while(|part| part.starts_with(tables));
        let parts: Vec<&str> = parts.map(|part| part.to_str().unwrap()).collect();
        let syncs = (first + 1..).zip(parts);
        let syncs = syncs.map(|(place, part)| call(What::TableSync, place, part));
        std::iter::once(call(What::Named, first, path))
            .chain(syncs)
            .collect::<Vec<_>>()
    };
    let created = settled(1, "/data/usage/o/s/_delta_log/0.json");
    let inbox = |place| {
        call(
            What::LogWrite {
                ends_transaction: true,
            },
            place,
            "",
        )
    };
    let of = |parts: [Vec<Call>; 3]| [created.clone(), parts.concat()].concat();
    let good = of([settled(10, file), settled(20, log), vec![inbox(30)]]);
    assert_eq!(unsettled(&good, tables), Vec::<String>::new());
    let mut unsynced_folder = good.clone();
    unsynced_folder.retain(|call| call.names[0] != "/data/usage/o");
    let bad = [
        unsynced_folder,
        of([settled(20, file), settled(10, log), vec![inbox(30)]]),
        of([settled(10, file), settled(12, log), vec![inbox(30)]]),
        of([settled(10, file), settled(20, log), vec![inbox(15)]]),
        of([settled(10, file), settled(20, log), vec![inbox(22)]]),
        of([settled(10, file), settled(20, log), vec![]]),
        of([vec![], settled(20, log), vec![inbox(30)]]),
    ];
    for calls in bad {
        assert!(!unsettled(&calls, tables).is_empty(), "{calls:#?}");
    }
}
