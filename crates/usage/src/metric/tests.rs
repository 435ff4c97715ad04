use std::collections::BTreeSet;

use datafusion::datasource::MemTable;
use florin_core::usage::{
    CustomerAttribute, Filter, FilterGroup, Filters, Logic, Metric, Operator, Recorded, Schema,
    UsageCustomer, evaluate,
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{decode, session::Limits};

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    pub(crate) fn one<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

const FIELDS: [(&str, &str); 9] = [
    ("n", "Float64"),
    ("d", "Decimal"),
    ("i", "Int64"),
    ("Text", "String"),
    ("id", "UUID"),
    ("flag", "Bool"),
    ("day", "Date32"),
    ("at", "DateTime64"),
    ("list", "Array(Int64)"),
];
const JANUARY: [&str; 2] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
const UUIDS: [&str; 2] = [
    "00000000-0000-0000-0000-000000000001",
    "a0000000-0000-0000-0000-0000000000ff",
];

/// A value that an event may have in a field.
fn sample(dice: &mut Dice, data_type: &str) -> Json {
    let number = |dice: &mut Dice| {
        let whole = dice.below(2_000) as i64 - 1_000;
        let text = match dice.below(4) {
            0 => whole.to_string(),
            1 => format!("{whole}.{:03}", dice.below(1_000)),
            2 => format!("0.{:012}", dice.below(1 << 40)),
            _ => format!("{}.500", dice.below(3)),
        };
        serde_json::from_str(&text).unwrap()
    };
    if dice.below(6) == 0 {
        return Json::Null;
    }
    match data_type {
        "Float64" | "Decimal" => number(dice),
        "Int64" => json!(dice.one(&[0, 1, 2, 7, -7, 1_000_000_007_i64])),
        "String" => json!(dice.one(&["", "a", "b", "A", "new", "Zürich", "it's", "a%b_c"])),
        "UUID" => json!(dice.one(&UUIDS)),
        "Bool" => json!(dice.below(2) == 0),
        "Date32" => json!(dice.one(&["2025-12-31", "2026-01-01", "2026-01-15", "2026-02-01"])),
        "DateTime64" => json!(instant(dice)),
        _ => json!([dice.below(3), null]),
    }
}

fn instant(dice: &mut Dice) -> String {
    let day = dice.one(&[
        "2025-12-31",
        "2026-01-01",
        "2026-01-09",
        "2026-01-31",
        "2026-02-01",
    ]);
    let time = dice.one(&["00:00:00", "12:30:00.5", "23:59:59.999999"]);
    format!("{day} {time}")
}

fn events(dice: &mut Dice, schema: &Schema) -> Vec<Recorded> {
    let events = (0..dice.below(60)).map(|_| {
        let data = FIELDS
            .iter()
            .map(|(name, data_type)| ((*name).to_owned(), sample(dice, data_type)));
        let data: serde_json::Map<String, Json> = data.collect();
        let customer = dice.one(&["new", "old", "b", "c", "nobody", UUIDS[0]]);
        json!({ "customer_id": customer, "timestamp": instant(dice), "data": data })
    });
    let events: Vec<Json> = events.collect();
    let read = schema.read(events).unwrap().into_iter();
    (1..)
        .zip(read)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect()
}

fn customers() -> Vec<UsageCustomer> {
    let customer = |id: u128, external_ids: &[&str], account: Json| UsageCustomer {
        id: Uuid::from_u128(id),
        external_ids: external_ids.iter().map(|id| (*id).to_owned()).collect(),
        custom_data: json!({ "account": account }),
    };
    vec![
        customer(1, &["new", "old"], json!("a")),
        customer(2, &["b"], json!("a")),
        customer(3, &["c", "new"], json!(7)),
        customer(4, &[], json!("2026-01-15")),
    ]
}

fn metric(dice: &mut Dice) -> Metric {
    let path = |name: &str| format!("data.{name}");
    let aggregation = dice.one(&Aggregation::ALL);
    let numbers = ["n", "d", "i"];
    let any = ["n", "d", "i", "Text", "id", "flag", "day", "at"];
    let column = match aggregation {
        Aggregation::Count if dice.below(2) == 0 => None,
        Aggregation::Count => Some(path(dice.one(&["n", "list", "Text"]))),
        Aggregation::UniqueCount => Some(path(dice.one(&any))),
        _ => Some(path(dice.one(&numbers))),
    };
    let dimensions: BTreeSet<&str> = (0..dice.below(3)).map(|_| dice.one(&any)).collect();
    Metric {
        aggregation,
        column,
        filters: filters(dice),
        customer_column: match dice.below(4) {
            0 => path(dice.one(&["Text", "i", "id", "day"])),
            _ => "customer_id".to_owned(),
        },
        customer_attribute: match dice.below(4) {
            0 => CustomerAttribute::Id,
            1 => CustomerAttribute::CustomData("account".to_owned()),
            _ => CustomerAttribute::ExternalId,
        },
        date_column: (dice.one(&["timestamp", "timestamp", "data.day", "data.at"])).to_owned(),
        dimensions: dimensions.into_iter().map(path).collect(),
    }
}

fn filters(dice: &mut Dice) -> Filters {
    let logic = |dice: &mut Dice| dice.one(&[Logic::And, Logic::Or]);
    let groups = (0..dice.below(3)).map(|_| FilterGroup {
        logic: logic(dice),
        filters: (0..dice.below(3)).map(|_| filter(dice)).collect(),
    });
    let groups = groups.collect();
    Filters {
        logic: logic(dice),
        groups,
    }
}

fn filter(dice: &mut Dice) -> Filter {
    const ALL: [&str; 12] = [
        "=",
        "!=",
        ">",
        ">=",
        "<",
        "<=",
        "IN",
        "NOT IN",
        "CONTAINS",
        "NOT CONTAINS",
        "IS NULL",
        "IS NOT NULL",
    ];
    let (name, data_type) = dice.one(&FIELDS);
    let operators: &[&str] = match data_type {
        "String" => &ALL,
        "Bool" | "UUID" => &["=", "!=", "IN", "NOT IN", "IS NULL"],
        "Array(Int64)" => &["IS NULL", "IS NOT NULL"],
        _ => &[
            "=",
            "!=",
            ">",
            ">=",
            "<",
            "<=",
            "IN",
            "NOT IN",
            "IS NOT NULL",
        ],
    };
    let operator: Operator = dice.one(operators).parse().unwrap();
    let of_type = if data_type == "Int64" && dice.below(2) == 0 {
        "Float64"
    } else {
        data_type
    };
    let mut value = || loop {
        let value = sample(dice, of_type);
        if !value.is_null() {
            return value;
        }
    };
    let value = match operator {
        Operator::In | Operator::NotIn => json!([value(), value()]),
        _ => value(),
    };
    Filter {
        column: format!("data.{name}"),
        operator,
        value,
    }
}

/// The events as the storage hands them out: replaced ones gone, in several batches.
pub(crate) fn table(schema: &Schema, events: &[Recorded]) -> Arc<dyn TableProvider> {
    let kept = columns::kept(schema);
    let mut current = schema.current(events);
    current.sort_by_key(|recorded| recorded.sequence);
    let batches = current.chunks(7.max(current.len() / 6)).map(|chunk| {
        let events: Vec<_> = chunk
            .iter()
            .map(|recorded| recorded.event.clone())
            .collect();
        let sent = decode::events_batch(schema, &events).unwrap();
        let batch = columns::keep(&sent, 0, Timestamp::UNIX_EPOCH, &kept).unwrap();
        let mut arrays = batch.columns().to_vec();
        let sequences = chunk.iter().map(|recorded| recorded.sequence as i64);
        arrays[0] = Arc::new(Int64Array::from_iter_values(sequences));
        vec![RecordBatch::try_new(Arc::clone(&kept), arrays).unwrap()]
    });
    let mut partitions: Vec<Vec<RecordBatch>> = batches.collect();
    partitions.reverse();
    if partitions.is_empty() {
        partitions.push(Vec::new());
    }
    Arc::new(MemTable::try_new(kept, partitions).unwrap())
}

pub(crate) fn period() -> Range<Timestamp> {
    let [start, end] = JANUARY.map(|instant| instant.parse().unwrap());
    start..end
}

fn queries() -> Queries {
    let limits = Limits {
        partitions: 2,
        ..Limits::default()
    };
    Queries::new(limits).unwrap()
}

#[tokio::test]
async fn the_engine_answers_as_the_naive_evaluator() {
    let queries = queries();
    // 670: a customer of two keys, one of them with nulls only.
    for seed in (1..=300_u64).chain([670]) {
        let dice = &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let unique_by: &[String] = match dice.below(3) {
            0 => &["data.Text".to_owned()],
            _ => &[],
        };
        let schema = Schema::new(FIELDS, unique_by).unwrap();
        let (events, metric) = (events(dice, &schema), metric(dice));
        let Ok(query) = UsageQuery::new(&metric, &schema) else {
            panic!("seed {seed}: {metric:?}");
        };
        let period = match dice.below(4) {
            0 => {
                let part = "2026-01-09T12:30:00.500000001Z".parse().unwrap();
                part..period().end
            }
            _ => period(),
        };
        let known = customers();
        let asked = if dice.below(3) == 0 {
            &known[1..2]
        } else {
            &known[..]
        };
        let keys = CustomerKeys::new(&metric.customer_attribute, asked);
        let expected = evaluate(&query, &period, &keys, &events).unwrap();
        let table = table(&schema, &events);
        let answer = measure(&queries, table, &query, (&period, &keys)).await;
        assert_eq!(answer.unwrap(), expected, "seed {seed}: {metric:#?}");
    }
}

async fn of_numbers(aggregation: Aggregation, numbers: &[&str]) -> UsageResult<String> {
    let schema = Schema::new([("n", "Float64")], &[]).unwrap();
    let events = numbers.iter().map(|text| {
        let number: Json = serde_json::from_str(text).unwrap();
        json!({ "customer_id": "b", "timestamp": "2026-01-01", "data": { "n": number } })
    });
    let events = schema.read(events).unwrap().into_iter();
    let events: Vec<Recorded> = (1..)
        .zip(events)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect();
    let metric = Metric {
        aggregation,
        column: Some("data.n".to_owned()),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    };
    let query = UsageQuery::new(&metric, &schema).unwrap();
    let keys = CustomerKeys::new(&CustomerAttribute::ExternalId, &customers()[1..2]);
    let table = table(&schema, &events);
    let answer = measure(&queries(), table, &query, (&period(), &keys)).await?;
    match &answer[0].usage {
        Usage::Quantity(quantity) => Ok(quantity.to_string()),
        Usage::Rows(rows) => panic!("{rows:?}"),
    }
}

#[tokio::test]
async fn sums_beyond_the_column_are_exact() {
    let large = "99999999999999999999999999";
    for (aggregation, numbers, quantity) in [
        (
            Aggregation::Sum,
            vec![large; 3],
            "299999999999999999999999997",
        ),
        (
            Aggregation::Sum,
            vec![large, large, "-99999999999999999999999999"],
            large,
        ),
        (Aggregation::Avg, vec![large; 20], large),
        (Aggregation::WeightedSum, vec![large], large),
        (Aggregation::Sum, vec!["0.1", "0.2"], "0.3"),
        (Aggregation::Avg, vec!["1", "0", "0"], "0.333333333333"),
        (Aggregation::Avg, vec!["-2", "0", "0"], "-0.666666666667"),
    ] {
        let answer = of_numbers(aggregation, &numbers).await.unwrap();
        assert_eq!(answer, quantity, "{aggregation} {numbers:?}");
    }
}

#[tokio::test]
async fn a_quantity_that_fits_no_decimal_is_an_error_of_its_customer() {
    let numbers = vec!["99999999999999999999999999"; 793];
    let error = of_numbers(Aggregation::Sum, &numbers).await.unwrap_err();
    let UsageError::Overflow { message } = error else {
        panic!("{error:?}");
    };
    assert!(
        message.contains(&Uuid::from_u128(2).to_string()),
        "{message}"
    );
}
