//! `kill -9` while many clients write: nothing acknowledged is lost, nothing is done twice, and every
//! row has its audit row and its event.
//!
//! The server is killed after a drawn number of answers. The draw is seeded; what the server is doing
//! at that moment is not, and need not be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{self, Sender},
    thread,
    time::Duration,
};

use florin_core::id::OrganisationId;
use florin_store::{Db, Options, Row};
use serde_json::json;
use uuid::Uuid;

use crate::{
    http::{Client, Signature},
    installation::{Installation, Server},
};

const CLIENTS: usize = 16;
const ROUNDS: u64 = 4;
const SEED: u64 = 0x666c_6f72_696e;
/// Answers before the kill, at least and at most.
const ANSWERS: (u64, u64) = (100, 700);
/// How long an answer may take before the round fails instead of hanging.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A create and what came of it.
#[derive(Clone, Debug)]
struct Create {
    /// Unique among all rounds.
    name: String,
    /// Its `Idempotency-Key`, where it has one.
    key: Option<String>,
    /// The id that was acknowledged; none where the server died first.
    id: Option<String>,
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged_on_sqlite() {
    storms(&Installation::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_killed_server_keeps_what_it_acknowledged_on_postgres() {
    let url = florin_testkit::postgres::new_database().await;
    let storms = thread::spawn(|| storms(&Installation::on(url)));
    storms.join().unwrap();
}

fn storms(florin: &Installation) {
    let signature = florin.organisation();
    let mut creates = Vec::new();
    for round in 0..ROUNDS {
        let server = florin.serve();
        creates.extend(storm(server, &signature, round));
        let server = florin.serve();
        repeat_what_has_a_key(&server, &signature, &mut creates);
        read_some(&server, &signature, &creates);
        drop(server);
        check_records(florin, &signature, &creates);
    }
    let acknowledged = creates.iter().filter(|create| create.id.is_some()).count();
    println!(
        "{acknowledged} of {} creates acknowledged in {ROUNDS} storms",
        creates.len()
    );
}

/// All clients create customers until the server is killed under them.
fn storm(mut server: Server, signature: &Signature, round: u64) -> Vec<Create> {
    let (least, most) = ANSWERS;
    let answers = least + draw(round) % (most - least);
    let (said, heard) = mpsc::channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let connection = server.connect(signature);
            let (said, name) = (said.clone(), format!("storm {round}.{client}"));
            thread::spawn(move || create_until_death(connection, &name, &said))
        })
        .collect();
    for _ in 0..answers {
        heard
            .recv_timeout(ANSWER_TIMEOUT)
            .expect("the server answers");
    }
    server.kill();
    clients
        .into_iter()
        .flat_map(|client| client.join().unwrap())
        .collect()
}

fn create_until_death(mut connection: Client, name: &str, said: &Sender<()>) -> Vec<Create> {
    let mut creates = Vec::new();
    for number in 0_u32.. {
        let name = format!("{name}.{number}");
        let key = number
            .is_multiple_of(2)
            .then(|| format!("key of {name}").replace(' ', "-"));
        let mut create = Create {
            name,
            key,
            id: None,
        };
        create.id = send(&mut connection, &create);
        let is_alive = create.id.is_some();
        creates.push(create);
        if !is_alive {
            break;
        }
        // The round stops listening once it has heard enough.
        let _ = said.send(());
    }
    creates
}

/// The id that the server answers with; none where it died.
fn send(connection: &mut Client, create: &Create) -> Option<String> {
    let body = json!({ "customer_name": create.name });
    let answer = connection
        .post_under(create.key.as_deref(), "/customers", &body)
        .ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.id().to_owned())
}

/// Does what a careful client does after a lost answer, and what a confused one does after a good one.
fn repeat_what_has_a_key(server: &Server, signature: &Signature, creates: &mut [Create]) {
    let mut connection = server.connect(signature);
    let with_key = creates.iter_mut().filter(|create| create.key.is_some());
    for (place, create) in with_key.enumerate() {
        let was_lost = create.id.is_none();
        if !was_lost && !place.is_multiple_of(10) {
            continue;
        }
        let id = send(&mut connection, create).expect("the server lives");
        assert!(
            was_lost || create.id == Some(id.clone()),
            "{create:?} was answered with {id}"
        );
        create.id = Some(id);
    }
}

fn read_some(server: &Server, signature: &Signature, creates: &[Create]) {
    let mut connection = server.connect(signature);
    for create in creates.iter().rev().step_by(20) {
        let Some(id) = &create.id else { continue };
        let answer = connection.get(&format!("/customers/{id}")).unwrap();
        assert_eq!(
            (answer.status, &answer.body["customer_name"]),
            (200, &json!(create.name))
        );
    }
}

/// Reads the tables themselves: names are there once, with one audit row and one event each.
fn check_records(florin: &Installation, signature: &Signature, creates: &[Create]) {
    let url = florin.database_url();
    let organisation = OrganisationId(signature.organisation.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let [customers, audited, announced] = runtime.block_on(tables(url, organisation));

    let rows: BTreeMap<String, String> = customers
        .iter()
        .map(|row| (text(row, "customer_name"), id(row, "id")))
        .collect();
    assert_eq!(rows.len(), customers.len(), "no name is there twice");
    for create in creates {
        match &create.id {
            Some(id) => assert_eq!(rows.get(&create.name), Some(id), "lost: {create:?}"),
            None => assert!(create.key.is_none(), "a repeated key is acknowledged"),
        }
    }
    let sent: BTreeSet<&String> = creates.iter().map(|create| &create.name).collect();
    assert!(
        rows.keys().all(|name| sent.contains(name)),
        "a row that nobody sent"
    );

    let ids: BTreeSet<String> = rows.into_values().collect();
    for (table, rows) in [("audit_log", audited), ("outbox_event", announced)] {
        let of_customers = rows
            .iter()
            .filter(|row| text(row, "resource") == "customer");
        let named: Vec<String> = of_customers.map(|row| id(row, "resource_id")).collect();
        assert_eq!(
            named.len(),
            ids.len(),
            "one row of {table} for each customer"
        );
        assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), ids, "{table}");
    }
}

async fn tables(url: String, organisation: OrganisationId) -> [Vec<Row>; 3] {
    let db = Db::open(&Options {
        url,
        connections_max: 1,
    })
    .await
    .unwrap();
    let mut rows = Vec::new();
    for (table, columns) in [
        ("customer", ["id", "customer_name"]),
        ("audit_log", ["resource_id", "resource"]),
        ("outbox_event", ["resource_id", "resource"]),
    ] {
        let mut tx = db.read(organisation).await.unwrap();
        let mut select = tx.select(table);
        select.columns(columns);
        rows.push(tx.fetch_all(&select).await.unwrap());
    }
    db.close().await;
    rows.try_into().unwrap()
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).unwrap()
}

fn id(row: &Row, column: &str) -> String {
    row.get::<Uuid>(column).unwrap().to_string()
}

/// The SplitMix64 sequence at a place of it.
fn draw(place: u64) -> u64 {
    let mut mixed = (SEED ^ place).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
