//! Random histories of a stream: events, corrections, backfills, flushes, merges and new processes in any order.
//! After each step the engine answers what the core's specification says.

use florin_app::usage::{RowsQuery, Stream, Usage, UsageError};
use florin_core::usage::{
    Aggregation, Change, CustomerAttribute, CustomerKeys, Event, Filters, Logic, Metric, Recorded,
    Selection, UsageCustomer, UsageQuery, backfill, correction, evaluate,
};
use florin_store::Backend;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    backfills::january,
    corrections::{named, of, shown},
    world::{World, both, event},
};
use crate::{Extent, metric::tests::Dice};

const DAYS: [&str; 4] = [
    "2025-12-31",
    "2026-01-01",
    "2026-01-31 23:59:59.999999",
    "2026-02-01",
];
const CUSTOMERS: [&str; 3] = ["a", "b", "c"];
const STEPS: usize = 30;

/// What the specification knows.
struct History {
    events: Vec<Recorded>,
    sequence: u64,
    open: Option<(Stream, Vec<Recorded>)>,
}

impl History {
    fn keep(kept: &mut Vec<Recorded>, sequence: &mut u64, events: Vec<Event>) {
        for event in events {
            *sequence += 1;
            let sequence = *sequence;
            kept.push(Recorded { sequence, event });
        }
    }
}

fn batch(dice: &mut Dice, days: &[&str]) -> Vec<Json> {
    let events = (0..1 + dice.below(4)).map(|_| {
        let (customer, day) = (dice.one(&CUSTOMERS), dice.one(days));
        let (id, gb) = (dice.below(6).to_string(), dice.below(9).to_string());
        event(customer, day, &id, &gb)
    });
    events.collect()
}

async fn step(world: World, history: &mut History, dice: &mut Dice) -> World {
    let schema = world.stream.schema.clone();
    let read = |events: &[Json]| schema.read(events.to_vec()).unwrap();
    match dice.below(12) {
        0..=3 => {
            let events = batch(dice, &DAYS);
            world.send(&events).await;
            History::keep(&mut history.events, &mut history.sequence, read(&events));
        }
        4..=6 => correct(&world, history, dice).await,
        7 => world.engine.flush().await.unwrap(),
        8 => {
            let organisation = world.stream.organisation;
            world
                .engine
                .compact(organisation, Extent::Full)
                .await
                .unwrap();
        }
        9 => return world.restart().await,
        10 => match &mut history.open {
            None => history.open = Some((world.open(january()).await, Vec::new())),
            Some((staged, kept)) => {
                let events = batch(dice, &DAYS[1..3]);
                world.load(staged, &events).await;
                let mut sequence = kept.len() as u64;
                History::keep(kept, &mut sequence, read(&events));
            }
        },
        _ => {
            if let Some((staged, kept)) = history.open.take() {
                world.commit(&staged).await;
                let sequence = history.sequence + 1;
                let window = staged.backfill.as_ref().unwrap();
                let exchange = (&window.window, window.replaces_up_to);
                let staged = (sequence, kept.as_slice());
                history.events = backfill::replaced(&schema, &history.events, exchange, staged);
                history.sequence = sequence + kept.len() as u64;
            }
        }
    }
    world
}

async fn correct(world: &World, history: &mut History, dice: &mut Dice) {
    let selection = match dice.below(3) {
        0 => of(dice.one(&CUSTOMERS)),
        1 => Selection {
            conditions: vec![correction::within(
                Some("2026-01-01T00:00:00Z".parse().unwrap()),
                Some("2026-02-01T00:00:00Z".parse().unwrap()),
            )],
            ..Selection::default()
        },
        _ => {
            let sequence = 1 + dice.below(history.sequence as usize + 1) as u64;
            named(&[sequence, sequence + 1, sequence + 2])
        }
    };
    let change = match dice.below(4) {
        0 | 1 => Change::Delete,
        2 => world.amendment(json!({ "customer_id": dice.one(&CUSTOMERS),
            "timestamp": dice.one(&DAYS) })),
        _ => world
            .amendment(json!({ "data": { "gb": dice.below(9), "id": dice.below(6).to_string() } })),
    };
    let schema = &world.stream.schema;
    let count = correction::selected(schema, &history.events, &selection).len() as u64;
    match world.correct(&selection, &change, None).await {
        Err(UsageError::NothingSelected) => assert_eq!(count, 0),
        Err(error) => panic!("{error}"),
        Ok(made) => {
            let sequence = history.sequence + 1;
            assert_eq!(
                (made.correction.event_count, made.correction.sequence),
                (count, sequence)
            );
            let what = (&selection, &change);
            history.events = correction::corrected(schema, &history.events, what, sequence);
            history.sequence = sequence + if change == Change::Delete { 0 } else { count };
        }
    }
}

/// The engine's rows and quantities are the specification's.
async fn compare(world: &World, history: &History, said: &str) {
    let schema = &world.stream.schema;
    let query = RowsQuery {
        conditions: Vec::new(),
        order: vec![("_seq".to_owned(), false)],
        limit: 1000,
        offset: 0,
    };
    let rows = world.engine.rows(&world.stream, &query).await.unwrap();
    let rows: Vec<String> = rows.iter().map(shown).collect();
    let mut expected = schema.current(&history.events);
    expected.sort_by_key(|recorded| recorded.sequence);
    let expected: Vec<String> = expected
        .iter()
        .map(|Recorded { sequence, event }| {
            let [id, gb] = [0, 1].map(|field| event.data[field].text());
            format!("{sequence}:{}:{id}:{gb}", event.customer_id)
        })
        .collect();
    assert_eq!(rows, expected, "{said}");
    let metric = Metric {
        aggregation: Aggregation::Sum,
        column: Some("data.gb".to_owned()),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    };
    let query = UsageQuery::new(&metric, schema).unwrap();
    let customers = (0..3).map(|n| UsageCustomer {
        id: Uuid::from_u128(n as u128),
        external_ids: vec![CUSTOMERS[n].to_owned()],
        custom_data: json!({}),
    });
    let customers: Vec<UsageCustomer> = customers.collect();
    let keys = CustomerKeys::new(&CustomerAttribute::ExternalId, &customers);
    let answer = world
        .engine
        .measure(&world.stream, &query, &january(), &keys)
        .await
        .unwrap();
    let expected = evaluate(&query, &january(), &keys, &history.events).unwrap();
    assert_eq!(answer, expected, "{said}");
    let accepted = world
        .engine
        .accepted(world.stream.organisation)
        .await
        .unwrap();
    assert_eq!(accepted, history.sequence, "{said}");
}

async fn live(backend: Backend, unique_by: &[&str], seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let dice = &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = World::start(backend, unique_by).await;
        let mut history = History {
            events: Vec::new(),
            sequence: 0,
            open: None,
        };
        for number in 0..STEPS {
            world = step(world, &mut history, dice).await;
            compare(&world, &history, &format!("seed {seed}, step {number}")).await;
        }
    }
}

both! {
    any_history_of_plain_events_is_as_specified(backend) {
        live(backend, &[], 1..4).await;
    }

    any_history_of_events_with_identities_is_as_specified(backend) {
        live(backend, &["data.id"], 10..13).await;
    }
}
