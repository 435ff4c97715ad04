use std::time::{Duration, Instant};

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

#[tokio::test]
async fn the_documented_template_runs_as_it_is() {
    let fixture = Fixture::new(few_events());
    assert_eq!(
        fixture.shown(DOCUMENTED, &customers()).await,
        ["2", "2", "0"]
    );
    let columns = fixture.check(DOCUMENTED).await.unwrap();
    let expected = SqlColumns {
        columns: vec![("quantity".to_owned(), "Int64".to_owned())],
        dimensions: Vec::new(),
        is_set_at_a_time: true,
    };
    assert_eq!(columns, expected);
}

/// Expressions over the January events of `b`.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("count()", "3"),
    ("count(*)", "3"),
    ("SUM(data.amount)", "5.3"),
    ("sum(data.Premises_used) / 2", "1.5"),
    ("sum(data.amount) * 1.1", "5.83"),
    ("avg(data.amount)", "1.766666666667"),
    ("AVG(data.amount) FILTER (WHERE data.flag)", "0.1"),
    ("avgIf(data.amount, data.origin = 'EWR')", "2.6"),
    (
        "sumIf(data.amount, data.origin = 'EWR') - sumIf(data.amount, data.origin = 'LGA')",
        "5.2",
    ),
    ("countIf(data.flag)", "1"),
    ("minIf(data.amount, data.origin = 'EWR')", "0.2"),
    ("maxIf(data.amount, data.origin != 'EWR')", "0.1"),
    ("uniqExact(data.origin)", "2"),
    ("uniq(data.origin)", "2"),
    ("uniqIf(data.origin, data.amount > 1)", "1"),
    ("argMax(data.amount, timestamp)", "0.2"),
    ("argMin(data.amount, timestamp)", "0.1"),
    ("any(data.amount)", "0.1"),
    ("anyLast(data.amount)", "5"),
    ("sum(ifNull(data.Premises_used, 10))", "13"),
    ("sum(if(data.flag, 2, 3))", "8"),
    (
        "sum(multiIf(data.origin = 'JFK', 100, data.amount > 1, 10, 1))",
        "111",
    ),
    ("sum(CAST(data.amount AS Int64))", "5"),
    ("sum(data.amount::Float64)", "5.3"),
    ("sum(toFloat64('1e2'))", "300"),
    ("sum(toDecimal64(data.amount, 1))", "5.3"),
    ("sum(CAST(data.amount AS Nullable(Decimal(18, 4))))", "5.3"),
    ("max(toYYYYMM(timestamp))", "202601"),
    ("max(toYYYYMMDD(data.at))", "20260104"),
    (
        "max(toHour(data.at) * 10000 + toMinute(data.at) * 100 + toSecond(data.at))",
        "134510",
    ),
    ("max(toDayOfWeek(data.day))", "7"),
    (
        "countIf(toStartOfMonth(timestamp) = toDate('2026-01-01'))",
        "3",
    ),
    (
        "countIf(toStartOfWeek(data.day) = toDate('2026-01-04'))",
        "1",
    ),
    ("countIf(toMonday(data.day) = toDate('2025-12-29'))", "1"),
    (
        "countIf(toStartOfHour(data.at) = toDateTime('2026-01-04 13:00:00'))",
        "1",
    ),
    ("countIf(toStartOfYear(timestamp) = '2026-01-01')", "3"),
    ("countIf(timestamp >= toDateTime({{start_date}}))", "3"),
    ("countIf(timestamp < toDateTime64({{period_end}}, 6))", "3"),
    ("countIf(timestamp < now())", "3"),
    ("countIf(toDate(timestamp) = today())", "1"),
    ("max(dateDiff('day', timestamp, now()))", "31"),
    (
        "min(dateDiff('month', timestamp, toDate('2026-03-01')))",
        "2",
    ),
    ("countIf(toString(data.amount) = '0.1')", "1"),
    ("countIf(CAST(data.Premises_used AS String) = '2')", "1"),
    ("countIf(lower(data.origin) || '!' = 'jfk!')", "1"),
    ("countIf(concat(data.origin, data.origin) = 'EWREWR')", "2"),
    ("countIf(startsWith(data.origin, 'J'))", "1"),
    ("sum(length(data.origin))", "9"),
    (
        "countIf(JSONExtractString(data.meta, 'a', 2, 'b') = 'x')",
        "1",
    ),
    ("sum(JSONExtractFloat(data.meta, 'n'))", "1.5"),
    ("max(JSONExtractInt(data.meta, 'a', 1))", "1"),
    ("ceil(sum(data.amount))", "6"),
    ("floor(sum(data.amount))", "5"),
    ("round(sum(data.amount) / 3, 2)", "1.77"),
    ("greatest(sum(data.amount), 10)", "10"),
    ("sum(data.amount) / 0", "0"),
    ("median(data.amount)", "0.2"),
    (
        "countIf(timestamp >= {{start_date}} AND timestamp < {{period_end}})",
        "3",
    ),
    (
        "countIf(toDate(timestamp) BETWEEN toDate({{start_date}}) AND toDate({{end_date}}))",
        "3",
    ),
    (
        "countIf(timestamp - INTERVAL 1 DAY < toDateTime({{start_date}}))",
        "1",
    ),
    (
        "countIf(toStartOfMonth(timestamp) + INTERVAL '1 month' = toDate('2026-02-01'))",
        "3",
    ),
    ("countIf(date_trunc('month', timestamp) = timestamp)", "1"),
    ("max(EXTRACT(DAY FROM timestamp))", "31"),
    ("min(toUnixTimestamp(timestamp))", "1767225600"),
    ("count(DISTINCT data.origin)", "2"),
    (
        "countIf(data.origin LIKE '%W%' OR data.origin ILIKE 'j%')",
        "3",
    ),
    (
        "sum(CASE WHEN data.origin = 'EWR' THEN data.amount ELSE 0 END)",
        "5.2",
    ),
    ("intDiv(sum(data.amount) * 10, 6)", "8"),
    ("intDiv(-7, 2) * count(*) / count(*)", "-3"),
    ("sum(data.Premises_used) % 2", "1"),
    (
        "max(data.Premises_used * 9000000000000000000) / 9000000000000000000",
        "2",
    ),
    ("sum(DISTINCT data.Premises_used)", "3"),
    ("max(round(-2.5))", "-3"),
    ("sum(abs(data.amount - 1))", "5.7"),
];

#[tokio::test]
async fn clickhouse_names_are_understood() {
    let fixture = Fixture::new(few_events());
    let of_b = customers().split_off(1);
    for (expression, quantity) in EXPRESSIONS {
        let template = format!(
            "SELECT {expression} AS quantity FROM your_table WHERE customer_id = {{{{customer.external_id}}}}"
        );
        let shown = fixture.shown(&template, &of_b[..1]).await;
        assert_eq!(shown, [*quantity], "{expression}");
    }
}

#[tokio::test]
async fn tables_join_and_nest() {
    let fixture = Fixture::new(few_events());
    for (template, answers) in [
        (
            "SELECT count(*) AS quantity FROM raw_metric_your_table e JOIN customers c \
             ON c.external_id = e.customer_id WHERE c.tier = 'gold' AND e.data.amount > 0.1 \
             AND e.customer_id = {{customer.external_id}}",
            ["1", "2", "0"],
        ),
        (
            "WITH big AS (SELECT * FROM \"my-table\" WHERE data.amount >= 1) \
             SELECT sum(big.data.amount) AS quantity FROM big",
            ["8", "8", "8"],
        ),
        (
            "SELECT data.origin, sum(data.amount) AS quantity FROM your_table \
             WHERE customer_id = {{ customer.external_id }} GROUP BY data.origin",
            ["origin: =2 JFK=1", "origin: EWR=5.2 JFK=0.1", "origin: "],
        ),
        (
            "SELECT sum(x) AS quantity FROM (SELECT data.amount AS x, row_number() OVER \
             (PARTITION BY data.origin ORDER BY timestamp DESC) AS n FROM your_table \
             WHERE customer_id = {{customer.external_id}}) AS latest WHERE n = 1",
            ["3", "0.3", "0"],
        ),
        (
            "SELECT sum(data.amount) AS quantity FROM your_table WHERE data.amount < \
             (SELECT max(data.amount) FROM your_table)",
            ["3.3", "3.3", "3.3"],
        ),
        (
            "SELECT 1 AS quantity UNION ALL SELECT 2",
            [": =1 =2", ": =1 =2", ": =1 =2"],
        ),
        (
            "SELECT sum({% if customer.custom_data.seats %}{{ customer.custom_data.rate }}{% else %}\
             1{% endif %}) AS quantity FROM your_table",
            ["1.25", "5", "5"],
        ),
        (
            "SELECT count(*) AS quantity FROM your_table WHERE data.origin = {{customer.custom_data.origin}}",
            ["2", "2", "0"],
        ),
    ] {
        assert_eq!(
            fixture.shown(template, &customers()).await,
            answers,
            "{template}"
        );
    }
}

/// Templates that mention the customer, and whether one query can answer for all.
const PER_CUSTOMER: &[(&str, bool)] = &[
    (
        "SELECT count(*) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}}",
        true,
    ),
    (
        "SELECT count(*) + 5 AS quantity FROM your_table WHERE {{customer.external_id}} = customer_id AND data.amount > 1",
        true,
    ),
    (
        "SELECT coalesce(max(data.amount), 42) AS quantity FROM your_table t WHERE t.customer_id = CAST({{customer.external_id}} AS String)",
        true,
    ),
    (
        "SELECT data.origin AS o, data.flag, sum(data.amount) / 3 AS quantity FROM your_table WHERE (customer_id = {{customer.external_id}}) GROUP BY 1, data.flag",
        true,
    ),
    (
        "SELECT lower(data.origin) AS customer_id, avg(data.amount) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}} GROUP BY lower(data.origin)",
        true,
    ),
    (
        "SELECT uniqExact(data.day) AS quantity FROM your_table WHERE data.origin = {{customer.custom_data.origin}}",
        true,
    ),
    (
        "SELECT sum(data.amount) AS quantity FROM your_table WHERE toString(customer_id) = {{customer.id}}",
        true,
    ),
    (
        "SELECT sum(data.amount) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}} OR data.flag",
        false,
    ),
    (
        "SELECT sum(data.amount) AS quantity FROM your_table WHERE customer_id != {{customer.external_id}}",
        false,
    ),
    (
        "SELECT count(*) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}} HAVING count(*) < 3",
        false,
    ),
    (
        "SELECT count(*) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}} AND data.origin = {{customer.custom_data.origin}}",
        false,
    ),
    (
        "SELECT DISTINCT data.amount AS quantity FROM your_table WHERE customer_id = {{customer.external_id}}",
        false,
    ),
    (
        "SELECT data.origin, count(*) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}} GROUP BY data.origin ORDER BY quantity DESC, data.origin LIMIT 1",
        false,
    ),
    (
        "SELECT countIf(customer_id = {{customer.external_id}}) AS quantity FROM your_table",
        false,
    ),
];

#[tokio::test]
async fn the_set_form_answers_as_one_query_for_each_customer() {
    let mut names: Vec<UsageCustomer> = customers().split_off(1);
    names.push(customer(4, &[], json!({ "origin": "JFK" })));
    names.push(customer(5, &["it's"], json!({ "origin": "7" })));
    names.push(customer(6, &["d"], json!({ "origin": "JFK" })));
    for seed in 1..=4_u64 {
        let fixture = Fixture::new(random_events(&mut Dice(seed * 7_919)));
        for (template, is_set) in PER_CUSTOMER {
            let checked = fixture.check(template).await.unwrap();
            assert_eq!(checked.is_set_at_a_time, *is_set, "{template}");
            let each = format!("{template} {{% if customer.id %}}{{% endif %}}");
            assert!(!fixture.check(&each).await.unwrap().is_set_at_a_time);
            let each = fixture.measure(&each, &names).await.unwrap();
            let together = fixture.measure(template, &names).await.unwrap();
            assert_eq!(together, each, "seed {seed}: {template}");
        }
    }
}

fn random_events(dice: &mut Dice) -> Vec<Json> {
    let events = (0..40).map(|_| {
        let customer = dice.one(&[
            "b",
            "c",
            "it's",
            "zz",
            "00000000-0000-0000-0000-000000000002",
        ]);
        let day = dice.one(&["2026-01-01", "2026-01-20", "2026-02-01"]);
        let null_or = |dice: &mut Dice, value: Json| {
            if dice.below(5) == 0 {
                Json::Null
            } else {
                value
            }
        };
        let origin = json!(dice.one(&["JFK", "EWR", "", "jfk", "7"]));
        let amount = json!(dice.below(9));
        let data = json!({
            "amount": null_or(dice, amount),
            "origin": null_or(dice, origin),
            "flag": dice.below(2) == 0,
            "day": null_or(dice, json!(day)),
        });
        event(customer, day, data)
    });
    events.collect()
}

/// Templates that are refused, and words of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("", "exactly one SELECT"),
    (
        "SELECT 1 AS quantity; SELECT 2 AS quantity",
        "exactly one SELECT",
    ),
    ("COPY your_table TO '/tmp/x'", "SELECT"),
    ("INSERT INTO your_table VALUES (1)", "only SELECT"),
    (
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "",
    ),
    ("CREATE TABLE x AS SELECT 1", "only SELECT"),
    ("DROP TABLE your_table", "only SELECT"),
    ("SET datafusion.execution.batch_size = 1", "only SELECT"),
    ("EXPLAIN SELECT 1 AS quantity", "only SELECT"),
    ("SHOW TABLES", "only SELECT"),
    (
        "WITH x AS (DELETE FROM your_table) SELECT 1 AS quantity",
        "",
    ),
    ("SELECT 1 AS quantity INTO x FROM your_table", "INTO"),
    (
        "SELECT count(*) AS quantity FROM read_parquet('/etc/passwd')",
        "function as table",
    ),
    (
        "SELECT count(*) AS quantity FROM generate_series(1, 10)",
        "function as table",
    ),
    ("SELECT count(*) AS quantity FROM '/etc/passwd'", ""),
    (
        "SELECT count(*) AS quantity FROM \"/etc/passwd\"",
        "there is no table",
    ),
    (
        "SELECT count(*) AS quantity FROM \"s3://bucket/x.parquet\"",
        "there is no table",
    ),
    (
        "SELECT count(*) AS quantity FROM theirs",
        "there is no table `theirs`; there are your_table",
    ),
    (
        "SELECT count(*) AS quantity FROM raw_metric_theirs",
        "there is no table",
    ),
    (
        "SELECT count(*) AS quantity FROM information_schema.tables",
        "several parts",
    ),
    (
        "SELECT count(*) AS quantity FROM your_table WHERE data.amount IN (SELECT x FROM nothing)",
        "there is no table `nothing`",
    ),
    (
        "SELECT (SELECT max(x) FROM nothing) AS quantity FROM your_table",
        "there is no table",
    ),
    ("SELECT random() AS quantity", "random"),
    ("SELECT repeat('x', 1000000000) AS quantity", "repeat"),
    ("SELECT version() AS quantity", "version"),
    (
        "SELECT count(*) AS n FROM your_table",
        "no column `quantity`",
    ),
    ("SELECT 'x' AS quantity", "no number"),
    (
        "SELECT data.amount AS quantity FROM your_table WHERE {{ price }} > 1",
        "unknown variable `price`",
    ),
    (
        "SELECT {{ customer.name }} AS quantity",
        "unknown variable `customer.name`",
    ),
    ("SELECT {{ customer }} AS quantity", ""),
    (
        "SELECT count(*) AS quantity FROM your_table WHERE customer_id = '{{ customer.external_id }}'",
        "",
    ),
    (
        "SELECT count(*) AS quantity FROM your_table WHERE customer_id = \"{{ customer.external_id }}\"",
        "",
    ),
    (
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}SELECT 1 AS quantity",
        "computes too much",
    ),
    ("{% include '/etc/passwd' %}", ""),
    (
        "SELECT count(*) AS quantity FROM your_table LIMIT 1 BY data.origin",
        "LIMIT BY",
    ),
    (
        "SELECT count(*) AS quantity FROM your_table a, your_table b WHERE a.data.amount > b.data.amount",
        "",
    ),
];

#[tokio::test]
async fn anything_but_one_select_of_own_tables_is_refused() {
    let fixture = Fixture::new(few_events());
    for (template, words) in REFUSED {
        let checked = fixture.check(template).await.err();
        let measured = fixture.measure(template, &customers()).await.err();
        let error = measured.unwrap_or_else(|| panic!("{template} is answered"));
        assert!(
            checked.is_some() || words.is_empty(),
            "{template} is found to be good"
        );
        assert!(error.to_string().contains(words), "{template}: {error}");
        let is_named = matches!(error, UsageError::Query { .. } | UsageError::Limit { .. });
        assert!(is_named, "{template}: {error:?}");
    }
}

#[tokio::test]
async fn errors_name_the_place_in_the_template() {
    let fixture = Fixture::new(Vec::new());
    for (template, place) in [
        ("SELECT count(*) AS quantity\nFROM nothing", (2, 6)),
        (
            "SELECT sum(data.nothing) AS quantity\nFROM your_table",
            (1, 12),
        ),
        (
            "SELECT count(*) AS quantity FROM your_table\nWHERE customer_id = {{ customer.external_id }} AND nothing = 1",
            (2, 52),
        ),
        ("SELECT count(* AS quantity FROM your_table", (1, 16)),
        (
            "SELECT count(*) AS quantity\nFROM your_table WHERE {{ nothing }} = 1",
            (2, 26),
        ),
        ("SELECT uniq() AS quantity FROM your_table", (1, 8)),
    ] {
        let error = fixture.check(template).await.unwrap_err();
        let UsageError::Query { message, position } = &error else {
            panic!("{template}: {error:?}");
        };
        assert_eq!(*position, Some(place), "{template}: {message}");
        assert!(!message.contains('\u{E000}'), "{message}");
    }
}

#[tokio::test]
async fn no_customer_can_change_a_query() {
    let fixture = Fixture::new(few_events());
    for external_id in [
        "b' OR '1' = '1",
        "'",
        "\\",
        "\\' OR 1=1 --",
        "b'/*",
        "x\n UNION ALL SELECT 5 --",
        "{{ start_date }}",
        "\u{E000}\u{F0000}",
    ] {
        let evil = [customer(1, &[external_id], json!({}))];
        for template in [
            "SELECT count(*) AS quantity FROM your_table WHERE customer_id = {{customer.external_id}}",
            "SELECT count(*) AS quantity FROM your_table WHERE customer_id != {{customer.external_id}} AND data.amount = 0.1",
            "SELECT {% if customer.id %}count(*){% endif %} AS quantity -- {{customer.external_id}}\n FROM your_table WHERE customer_id = {{customer.external_id}}",
        ] {
            let expected = if template.contains("!=") { "1" } else { "0" };
            assert_eq!(
                fixture.shown(template, &evil).await,
                [expected],
                "{external_id}"
            );
        }
    }
}

#[tokio::test]
async fn the_exact_period_counts_whatever_a_template_says() {
    let fixture = Fixture::new(few_events());
    let template =
        "SELECT count(*) AS quantity FROM your_table WHERE DATE(timestamp) <= DATE({{end_date}})";
    let instants = ["2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z"];
    let [start, end] = instants.map(|at| at.parse::<Timestamp>().unwrap());
    for (period, quantity) in [(start..end, "1"), (start..start, "0")] {
        let asked = (&period, &customers()[1..2]);
        let answer = measure(&fixture.queries, &fixture, fixture.query(template), asked).await;
        assert_eq!(show(&answer.unwrap()[0].usage), quantity, "{period:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_explodes_is_stopped_and_the_next_query_runs() {
    let many = (0..3_000).map(|n| {
        event(
            "b",
            "2026-01-05",
            json!({ "amount": n, "origin": format!("o{n}") }),
        )
    });
    let many: Vec<Json> = many.collect();
    for (template, mebibytes, words) in [
        (
            "SELECT count(a.data.amount + b.data.amount + c.data.amount) AS quantity FROM your_table a, your_table b, your_table c",
            256,
            "longer than",
        ),
        (
            "SELECT sum(a.data.amount * b.data.amount) AS quantity FROM your_table a JOIN your_table b ON a.customer_id = b.customer_id JOIN your_table c ON c.customer_id = b.customer_id",
            256,
            "longer than",
        ),
        (
            "SELECT a.data.origin || b.data.origin AS x, count(*) AS quantity FROM your_table a, your_table b GROUP BY a.data.origin || b.data.origin",
            16,
            "memory",
        ),
        (
            "SELECT a.data.amount AS quantity FROM your_table a, your_table b",
            256,
            "rows",
        ),
    ] {
        let limits = Limits {
            partitions: 2,
            query_time: Duration::from_secs(3),
            query_memory_bytes: mebibytes << 20,
            query_disk_bytes: 1 << 20,
            rows_max: 100_000,
            ..Limits::default()
        };
        let fixture = Fixture::with_limits(many.clone(), limits);
        let began = Instant::now();
        let error = fixture
            .measure(template, &customers()[1..2])
            .await
            .unwrap_err();
        let UsageError::Limit { message } = &error else {
            panic!("{template}: {error:?}");
        };
        assert!(message.contains(words), "{template}: {message}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
        let sum = "SELECT count(*) AS quantity FROM your_table";
        assert_eq!(fixture.shown(sum, &customers()[1..2]).await, ["3000"]);
    }
}

#[tokio::test]
async fn deep_and_long_templates_are_refused_or_run() {
    let fixture = Fixture::new(few_events());
    let customers = customers();
    for (expression, is_refused) in [
        (format!("{}1", "1 + ".repeat(95)), false),
        (format!("{}1", "1 + ".repeat(5_000)), true),
        (format!("{}1{}", "(".repeat(40), ")".repeat(40)), false),
        (
            format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
            true,
        ),
        (
            format!("{}1{}", "abs(".repeat(1_000), ")".repeat(1_000)),
            true,
        ),
        (format!("{}1", "- ".repeat(10_000)), true),
        (format!("1{}", "::Int64".repeat(5_000)), true),
        (
            format!("CASE {}END", "WHEN 1 = 2 THEN 3 ".repeat(2_000)),
            false,
        ),
        ("1".repeat(70_000), true),
        (
            format!(
                "count(*) FILTER (WHERE data.amount IN ({}1))",
                "1, ".repeat(5_000)
            ),
            false,
        ),
    ] {
        let template = format!("SELECT {expression} AS quantity FROM your_table");
        let answer = fixture.measure(&template, &customers[..1]).await;
        assert_eq!(answer.is_err(), is_refused, "{expression:.40}: {answer:?}");
    }
    let mut doubled = "WITH t0 AS (SELECT 'xxxxxxxx' AS x)".to_owned();
    for level in 1..24 {
        doubled += &format!(", t{level} AS (SELECT x || x AS x FROM t{})", level - 1);
    }
    doubled += " SELECT length(x) AS quantity FROM t23";
    let error = fixture
        .measure(&doubled, &customers[..1])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}
