//! A sync precedes every acknowledgement: seen from below, at the calls to the operating system. What it says
//! of customers, `usage_sync` says of usage events.
//!
//! A small C library (`tests/sync/trace.c`) is compiled by the test, preloaded into the real binary, and
//! records writes to SQLite's write-ahead log, syncs of it and answers to clients in one order. Linux
//! only: other systems preload, and sync, in other ways; the order of calls is the same program's.

use std::{collections::BTreeMap, path::Path, process::Command, thread};

use serde_json::json;

use crate::{http::Signature, installation::Installation};

const CLIENTS: usize = 32;
const CREATES_PER_CLIENT: usize = 20;
/// What the trace looks for in the bytes; as in `trace.c`.
pub(crate) const NAME_PREFIX: &str = "probe-";

/// A call, with its places in the common order before and after it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) what: What,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    /// Names in the bytes, or a path.
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A write to the log; a transaction ends with its last page.
    LogWrite { ends_transaction: bool },
    /// A sync of the log that succeeded.
    LogSync,
    /// A sync of the log that failed.
    LogSyncFailed,
    /// An answer to a client.
    Answer { status: u16 },
    /// A table file gets a name.
    Named,
    /// A sync of a table file, or of a folder of them.
    TableSync,
    /// Either of these that failed.
    TableFailed,
}

#[test]
fn a_sync_of_the_log_precedes_every_acknowledgement() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let trace = florin.folder().join("trace");
    let library = compile(florin.folder());
    let florin = florin
        .with("LD_PRELOAD", library.to_str().unwrap())
        .with("SYNC_TRACE", trace.to_str().unwrap());
    create_customers(&florin, &signature);

    let calls = read(&trace);
    let creates = CLIENTS * CREATES_PER_CLIENT;
    let unsynced = unsynced(&calls, creates);
    assert!(
        unsynced.is_empty(),
        "acknowledged before a sync: {unsynced:?}"
    );
    let syncs = calls
        .iter()
        .filter(|call| call.what == What::LogSync)
        .count();
    println!("{creates} creates by {CLIENTS} clients shared {syncs} syncs");
    assert!(syncs < creates, "concurrent creates share a sync");
}

fn create_customers(florin: &Installation, signature: &Signature) {
    let server = florin.serve();
    let clients = (0..CLIENTS).map(|client| {
        let mut connection = server.connect(signature);
        thread::spawn(move || {
            for number in 0..CREATES_PER_CLIENT {
                let name = format!("{NAME_PREFIX}{:06}", client * CREATES_PER_CLIENT + number);
                let answer = connection.post("/customers", &json!({ "customer_name": name }));
                assert_eq!(answer.unwrap().status, 200);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().unwrap();
    }
    // A killed server would leave the last answers out of the trace.
    server.terminate();
    assert!(server.ended().0);
}

/// Names that were acknowledged although no sync stood between the end of the transaction that first
/// wrote them and the answer; and names that were never seen written or answered at all.
pub(crate) fn unsynced(calls: &[Call], creates: usize) -> Vec<String> {
    let mut written = BTreeMap::new();
    let mut acknowledged = BTreeMap::new();
    for call in calls {
        for name in &call.names {
            match call.what {
                What::LogWrite { .. } => written.entry(name).or_insert(call.end),
                What::Answer { status: 200 } => acknowledged.entry(name).or_insert(call.begin),
                _ => continue,
            };
        }
    }
    let is_durable = |name: &String, answered: u64| {
        let Some(first) = written.get(name) else {
            return false;
        };
        let ends = |call: &&Call| {
            call.what
                == What::LogWrite {
                    ends_transaction: true,
                }
        };
        let commit = calls.iter().filter(ends).find(|call| call.end >= *first);
        commit.is_some_and(|commit| {
            let syncs = calls.iter().filter(|call| call.what == What::LogSync);
            syncs
                .into_iter()
                .any(|sync| sync.begin > commit.end && sync.end < answered)
        })
    };
    let all = (0..creates).map(|number| format!("{NAME_PREFIX}{number:06}"));
    let good = |name: &String| {
        acknowledged
            .get(name)
            .is_some_and(|answered| is_durable(name, *answered))
    };
    all.filter(|name| !good(name)).collect()
}

#[test]
fn an_answer_before_the_sync_would_be_found() {
    let call = |what, place: u64, names: &[&str]| Call {
        what,
        begin: 2 * place,
        end: 2 * place + 1,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let name = ["probe-000000"];
    let page = |place| {
        call(
            What::LogWrite {
                ends_transaction: false,
            },
            place,
            &name,
        )
    };
    let commit = |place| {
        call(
            What::LogWrite {
                ends_transaction: true,
            },
            place,
            &[],
        )
    };
    let answer = |place| call(What::Answer { status: 200 }, place, &name);
    let sync = |place| call(What::LogSync, place, &[]);
    let failed = |place| call(What::LogSyncFailed, place, &[]);

    let good = [page(1), commit(2), sync(3), answer(4)];
    assert!(unsynced(&good, 1).is_empty());
    let bad = [
        vec![page(1), commit(2), answer(3), sync(4)],
        vec![page(1), sync(2), commit(3), answer(4)],
        vec![page(1), commit(2), failed(3), answer(4)],
        vec![sync(1), page(2), commit(3), answer(4)],
        vec![commit(1), sync(2), answer(3)],
        vec![page(1), commit(2), sync(3)],
    ];
    for calls in bad {
        assert_eq!(unsynced(&calls, 1), name, "{calls:?}");
    }
}

pub(crate) fn compile(folder: &Path) -> std::path::PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sync/trace.c");
    let library = folder.join("trace.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
    let compiled = compiler.arg(&library).arg(source).arg("-ldl").output();
    let compiled = compiled.expect("this test needs the C compiler `cc`, as the build itself does");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    library
}

/// The calls, in the order in which they ended.
pub(crate) fn read(trace: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(trace)
        .expect("the server was traced: is it linked to the system's C library?");
    let mut calls: Vec<Call> = text.lines().map(call).collect();
    calls.sort_by_key(|call| call.end);
    calls
}

fn call(line: &str) -> Call {
    let mut words = line.split(' ');
    let kind = words.next().unwrap();
    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
    let (begin, end, flag) = (number(), number(), number());
    let what = match (kind, flag) {
        ("W", flag) => What::LogWrite {
            ends_transaction: flag == 1,
        },
        ("S", 1) => What::LogSync,
        ("S", _) => What::LogSyncFailed,
        ("A", status) => What::Answer {
            status: u16::try_from(status).unwrap(),
        },
        ("N", 1) => What::Named,
        ("Y", 1) => What::TableSync,
        ("N" | "Y", _) => What::TableFailed,
        _ => panic!("{line}"),
    };
    let names = words.map(str::to_owned).collect();
    Call {
        what,
        begin,
        end,
        names,
    }
}
