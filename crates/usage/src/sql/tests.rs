use arrow::{
    array::{ArrayRef, StringArray},
    datatypes::{DataType as ArrowType, Field},
};
use datafusion::datasource::MemTable;
use florin_core::usage::Recorded;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    metric::tests::{Dice, period, table},
    session::Limits,
};

mod answers;
mod refusals;

/// The verified example of the product's documentation (semantics §13).
const DOCUMENTED: &str = r#"SELECT COALESCE(COUNT(data.Premises_used)) AS "quantity"
FROM your_table
WHERE DATE("timestamp") >= DATE({{start_date}})
  AND DATE("timestamp") <= DATE({{end_date}})
  AND "customer_id" = CAST({{customer.external_id}} AS String)"#;

const FIELDS: [(&str, &str); 8] = [
    ("Premises_used", "Int64"),
    ("amount", "Float64"),
    ("origin", "String"),
    ("flag", "Bool"),
    ("day", "Date32"),
    ("at", "DateTime64"),
    ("id", "UUID"),
    ("meta", "String"),
];

struct Fixture {
    streams: Vec<Stream>,
    events: Vec<Recorded>,
    queries: Queries,
}

#[async_trait]
impl Tables for Fixture {
    async fn stream(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>> {
        Ok(table(&stream.schema, &self.events))
    }

    async fn records(
        &self,
        _: OrganisationId,
        table: RecordTable,
    ) -> UsageResult<Arc<dyn TableProvider>> {
        let column = |texts: &[&str]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
        let (names, columns) = match table {
            RecordTable::Customers => (
                vec!["external_id", "tier"],
                vec![
                    column(&["b", "c", "old"]),
                    column(&["gold", "basic", "gold"]),
                ],
            ),
            RecordTable::Contracts | RecordTable::Products => (vec!["id"], vec![column(&[])]),
        };
        let fields = names
            .into_iter()
            .map(|name| Field::new(name, ArrowType::Utf8, true));
        let schema = Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        Ok(Arc::new(
            MemTable::try_new(schema, vec![vec![batch]]).unwrap(),
        ))
    }
}

fn organisation(number: u128) -> OrganisationId {
    OrganisationId(Uuid::from_u128(number))
}

impl Fixture {
    fn new(events: Vec<Json>) -> Self {
        Self::with_limits(
            events,
            Limits {
                partitions: 2,
                ..Limits::default()
            },
        )
    }

    fn with_limits(events: Vec<Json>, limits: Limits) -> Self {
        let schema = Schema::new(FIELDS, &[]).unwrap();
        let read = schema.read(events).unwrap().into_iter();
        let events = (1..).zip(read);
        let stream = |organisation_number, slug: &str| Stream {
            organisation: organisation(organisation_number),
            id: Uuid::from_u128(9),
            api_slug: slug.to_owned(),
            schema: Arc::new(schema.clone()),
            backfill: None,
        };
        Self {
            streams: vec![
                stream(1, "your_table"),
                stream(1, "my-table"),
                stream(2, "theirs"),
            ],
            events: events
                .map(|(sequence, event)| Recorded { sequence, event })
                .collect(),
            queries: Queries::new(limits).unwrap(),
        }
    }

    fn query<'q>(&'q self, template: &'q str) -> SqlQuery<'q> {
        SqlQuery {
            template,
            organisation: organisation(1),
            streams: &self.streams,
        }
    }

    async fn measure(
        &self,
        template: &str,
        customers: &[UsageCustomer],
    ) -> UsageResult<Vec<CustomerUsage>> {
        let asked = (&period(), customers);
        measure(&self.queries, self, self.query(template), asked).await
    }

    /// The answers, a customer each.
    async fn shown(&self, template: &str, customers: &[UsageCustomer]) -> Vec<String> {
        let answer = self.measure(template, customers).await;
        let answer = answer.unwrap_or_else(|error| panic!("{template}: {error:?}"));
        answer.iter().map(|one| show(&one.usage)).collect()
    }

    async fn check(&self, template: &str) -> UsageResult<SqlColumns> {
        check(&self.queries, self, self.query(template)).await
    }
}

fn show(usage: &Usage) -> String {
    match usage {
        Usage::Quantity(quantity) => quantity.to_string(),
        Usage::Rows(rows) => {
            let lines = rows.rows().iter();
            let lines = lines.map(|row| format!("{}={}", row.dimensions.join("/"), row.quantity));
            format!(
                "{}: {}",
                rows.columns().join("/"),
                lines.collect::<Vec<_>>().join(" ")
            )
        }
    }
}

fn customer(id: u128, external_ids: &[&str], custom_data: Json) -> UsageCustomer {
    UsageCustomer {
        id: Uuid::from_u128(id),
        external_ids: external_ids.iter().map(|id| (*id).to_owned()).collect(),
        custom_data,
    }
}

fn customers() -> Vec<UsageCustomer> {
    vec![
        customer(
            1,
            &["new", "old"],
            json!({ "origin": "JFK", "seats": 3, "rate": 0.25 }),
        ),
        customer(2, &["b"], json!({ "origin": "EWR" })),
        customer(3, &["c"], json!({})),
    ]
}

fn event(customer: &str, timestamp: &str, data: Json) -> Json {
    json!({ "customer_id": customer, "timestamp": timestamp, "data": data })
}

fn few_events() -> Vec<Json> {
    vec![
        event(
            "b",
            "2025-12-31 23:59:59.999999",
            json!({ "Premises_used": 99, "amount": 99 }),
        ),
        event(
            "b",
            "2026-01-01 00:00:00",
            json!({
                "Premises_used": 1, "amount": 0.1, "origin": "JFK", "flag": true,
                "day": "2026-01-04", "at": "2026-01-04 13:45:10", "meta": "{\"a\": [1, {\"b\": \"x\"}], \"n\": 1.5}",
            }),
        ),
        event(
            "b",
            "2026-01-31 23:59:59.999999",
            json!({ "Premises_used": 2, "amount": 0.2, "origin": "EWR", "flag": false, "day": "2026-02-01" }),
        ),
        event("b", "2026-01-15", json!({ "amount": 5, "origin": "EWR" })),
        event(
            "b",
            "2026-02-01 00:00:00",
            json!({ "Premises_used": 99, "amount": 99 }),
        ),
        event(
            "old",
            "2026-01-10",
            json!({ "Premises_used": 7, "amount": 1, "origin": "JFK" }),
        ),
        event(
            "new",
            "2026-01-11",
            json!({ "Premises_used": 8, "amount": 2 }),
        ),
    ]
}
