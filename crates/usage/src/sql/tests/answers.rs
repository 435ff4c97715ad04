//! What SQL metrics answer, and that the set form answers alike.

use super::*;

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
    ("countIf(substring(data.origin, 1, 1) = 'J')", "1"),
    ("countIf(position(data.origin, 'W') = 2)", "2"),
    ("countIf(match(data.origin, '^J'))", "1"),
    ("countIf(trim(' x ') = 'x')", "3"),
    ("countIf(split_part(data.origin, 'F', 1) = 'J')", "1"),
    ("sum(nullIf(data.Premises_used, 1))", "2"),
    ("sum(least(data.amount, 1))", "1.3"),
    ("anyIf(data.amount, data.origin = 'EWR')", "0.2"),
    ("anyLastIf(data.amount, data.origin = 'EWR')", "5"),
    ("uniqExactIf(data.origin, data.flag)", "1"),
    (
        "countIf(toStartOfMinute(data.at) = toDateTime('2026-01-04 13:45:00'))",
        "1",
    ),
    (
        "countIf(toStartOfQuarter(timestamp) = toDate('2026-01-01'))",
        "3",
    ),
    ("countIf(endsWith(data.origin, 'R'))", "2"),
    ("sum(CAST('1.5' AS Decimal(18, 4)))", "4.5"),
    (
        "countIf(CAST('2026-01-15 00:00:00' AS DateTime64(6)) = timestamp)",
        "1",
    ),
    ("countIf(CAST(timestamp AS Date32) = '2026-01-15')", "1"),
    ("countIf(CAST('true' AS Bool))", "3"),
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

#[tokio::test]
async fn a_check_names_columns_types_and_dimensions() {
    let fixture = Fixture::new(Vec::new());
    let template = "SELECT data.origin, data.day AS d, data.flag, data.at, data.id, \
                    toStartOfMonth(timestamp) AS month, sum(data.amount) / 3 AS quantity \
                    FROM your_table WHERE data.origin = {{customer.custom_data.origin}} \
                    GROUP BY data.origin, data.day, data.flag, data.at, data.id, month";
    let checked = fixture.check(template).await.unwrap();
    let columns = checked
        .columns
        .iter()
        .map(|(name, of)| format!("{name} {of}"));
    let expected = [
        "origin String",
        "d Date32",
        "flag Bool",
        "at DateTime64",
        "id String",
        "month Date32",
        "quantity Decimal",
    ];
    assert_eq!(columns.collect::<Vec<_>>(), expected);
    let dimensions = ["origin", "d", "flag", "at", "id", "month"];
    assert_eq!(checked.dimensions, dimensions);
    assert!(checked.is_set_at_a_time);
}
