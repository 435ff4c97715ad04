//! What SQL metrics refuse, where, and what stops them.

use std::time::{Duration, Instant};

use super::*;

/// Templates that are refused, and words of the reason.
const REFUSED: &[(&str, &str)] = &[
    (
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT sum(x) AS quantity FROM t",
        "WITH RECURSIVE",
    ),
    ("SELECT sleep(10) AS quantity", "sleep"),
    (
        "SELECT count(*) AS quantity FROM customers, LATERAL unnest([1, 2])",
        "",
    ),
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
            // Room for the nine million rows of the first join, so that it is time that runs out.
            4096,
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
            memory_bytes: Limits::default().memory_bytes.max(mebibytes << 20),
            query_disk_bytes: 1 << 20,
            rows_max: 100_000,
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
    let doubled = format!(
        "SELECT length(concat(x{})) AS quantity FROM (SELECT '{}' AS x) AS long",
        ", x".repeat(300),
        "x".repeat(60_000)
    );
    let error = fixture
        .measure(&doubled, &customers[..1])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_errors() {
    let large = i64::MAX;
    let events = (1..=2).map(|day| {
        let amount: Json = serde_json::from_str("99999999999999999999999999").unwrap();
        let data = json!({ "Premises_used": large, "amount": amount });
        event("b", &format!("2026-01-0{day}"), data)
    });
    let fixture = Fixture::new(events.collect());
    for (expression, words) in [
        ("sum(data.Premises_used)", "too large"),
        ("sum(data.amount)", "too large"),
        ("sum(data.Premises_used + 1)", "verflow"),
        ("min(data.Premises_used - -1)", "verflow"),
        ("max(data.amount * data.amount)", "more digits"),
        ("max(data.amount / 0.000000000001)", "more digits"),
        ("max(data.amount + data.amount)", "verflow"),
        ("max(toInt64(data.amount))", "Int64"),
        ("max(toInt64('x'))", "x"),
        ("max(toFloat64('x'))", "no number"),
    ] {
        let template = format!("SELECT {expression} AS quantity FROM your_table");
        let answer = fixture.measure(&template, &customers()[..1]).await;
        let error = answer.expect_err(expression);
        assert!(error.to_string().contains(words), "{expression}: {error}");
    }
    for (expression, quantity) in [
        ("max(data.amount)", "99999999999999999999999999"),
        (
            "sum(toDecimal64(data.Premises_used, 0))",
            "18446744073709551614",
        ),
        ("max(data.Premises_used * 10)", "92233720368547758070"),
    ] {
        let template = format!("SELECT {expression} AS quantity FROM your_table");
        let shown = fixture.shown(&template, &customers()[..1]).await;
        assert_eq!(shown, [quantity], "{expression}");
    }
}

/// A chain of `levels` queries, each computing `x` from the x of the one before.
fn chained(levels: usize, each: &str) -> String {
    let mut sql = "WITH t0 AS (SELECT data.amount AS x FROM your_table)".to_owned();
    for level in 1..levels {
        sql += &format!(", t{level} AS (SELECT {each} AS x FROM t{})", level - 1);
    }
    let last = levels - 1;
    format!("{sql} SELECT sum(x) AS quantity FROM t{last} WHERE x > 5")
}

#[tokio::test]
async fn what_grows_from_level_to_level_is_refused_or_runs() {
    let fixture = Fixture::new(few_events());
    let long = format!("x{}", " + 1".repeat(30));
    for (levels, each, is_refused) in [
        (11, "x + x", false),
        (20, "x + x", true),
        (4, long.as_str(), false),
        (20, long.as_str(), true),
        (
            4,
            "CASE WHEN x = 1 THEN x WHEN x = 2 THEN x + x ELSE x END",
            false,
        ),
        (
            8,
            "CASE WHEN x = 1 THEN x WHEN x = 2 THEN x + x ELSE x END",
            true,
        ),
        (23, "x", false),
    ] {
        let began = Instant::now();
        let answer = fixture
            .measure(&chained(levels, each), &customers()[..1])
            .await;
        assert_eq!(answer.is_err(), is_refused, "{levels} {each}: {answer:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{levels} {each}");
    }
}
