use serde_json::json;

use super::*;

fn schema() -> Schema {
    let fields = [
        ("region", "String"),
        ("calls", "Int64"),
        ("gb", "Float64"),
        ("day", "Date32"),
        ("id", "UUID"),
        ("ok", "Bool"),
        ("tags", "Array(String)"),
    ];
    Schema::new(fields, &[]).unwrap()
}

fn group(logic: Logic, filters: &[(&str, &str, Json)]) -> FilterGroup {
    let filters = filters.iter().map(|(column, operator, value)| Filter {
        column: (*column).to_owned(),
        operator: operator.parse().unwrap(),
        value: value.clone(),
    });
    let filters = filters.collect();
    FilterGroup { logic, filters }
}

fn conditions(filters: &Filters) -> Result<Conditions, Vec<String>> {
    let mut errors = Vec::new();
    let conditions = Conditions::new(filters, &schema(), &mut errors);
    if errors.is_empty() {
        return Ok(conditions);
    }
    let shown = errors
        .iter()
        .map(|error| format!("{}: {error}", error.path.join(".")));
    Err(shown.collect())
}

fn one(column: &str, operator: &str, value: Json) -> Filters {
    let groups = vec![group(Logic::And, &[(column, operator, value)])];
    Filters {
        logic: Logic::And,
        groups,
    }
}

fn holds(filters: &Filters, data: Json) -> bool {
    let event = json!({ "customer_id": "c1", "timestamp": "2026-02-01 06:45:52", "data": data });
    let event = schema().read([event]).unwrap().remove(0);
    conditions(filters).unwrap().hold(&event)
}

#[test]
fn every_operator_has_its_truth() {
    let id = "00000000-0000-0000-0000-000000000007";
    let data = json!({ "region": "us-1", "calls": 15, "gb": 0.3, "day": "2026-02-01", "id": id,
        "ok": true });
    for (column, operator, value, truth) in [
        ("data.region", "=", json!("us-1"), true),
        ("data.region", "=", json!("US-1"), false),
        ("data.region", "!=", json!("eu"), true),
        ("data.region", "in", json!(["eu", "us-1"]), true),
        ("data.region", "not in", json!(["eu", "us-1"]), false),
        ("data.region", "NOT_IN", json!(["eu"]), true),
        ("data.region", "contains", json!("s-"), true),
        ("data.region", "not contains", json!("s-"), false),
        ("data.region", ">", json!("us"), true),
        ("data.calls", ">", json!(15), false),
        ("data.calls", ">=", json!("15"), true),
        ("data.calls", ">", json!(14.5), true),
        ("data.calls", "<=", json!(15.0), true),
        ("data.gb", "=", json!(0.3), true),
        ("data.gb", "<", json!(0.3), false),
        ("data.day", "=", json!("2026-02-01"), true),
        ("data.day", "<", json!("2026-02-01 00:00:01"), true),
        ("timestamp", ">=", json!("2026-02-01 06:45:52"), true),
        ("timestamp", "<", json!("2026-02-01"), false),
        ("customer_id", "=", json!("c1"), true),
        ("data.id", "=", json!(id), true),
        ("data.ok", "=", json!(true), true),
        ("data.ok", "!=", json!("true"), false),
        ("data.ok", "is null", json!(null), false),
        ("data.ok", "is not null", json!(null), true),
        ("data.tags", "is null", json!(null), true),
    ] {
        let filters = one(column, operator, value.clone());
        assert_eq!(
            holds(&filters, data.clone()),
            truth,
            "{column} {operator} {value}"
        );
    }
}

#[test]
fn no_comparison_with_null_is_true() {
    for (operator, value) in [
        ("=", json!(1)),
        ("!=", json!(1)),
        ("<", json!(1)),
        ("in", json!([1])),
        ("not in", json!([1])),
    ] {
        assert!(
            !holds(&one("data.calls", operator, value), json!({})),
            "{operator}"
        );
    }
}

#[test]
fn groups_are_joined_and_empty_ones_passed_over() {
    let us = ("data.region", "=", json!("us"));
    let many = ("data.calls", ">", json!(10));
    let empty = group(Logic::And, &[]);
    let either = group(Logic::Or, &[us.clone(), many.clone()]);
    let both = group(Logic::And, &[us, many]);
    let all = |groups: &[&FilterGroup], logic| Filters {
        logic,
        groups: groups.iter().map(|group| (*group).clone()).collect(),
    };
    for (filters, region, calls, truth) in [
        (all(&[], Logic::Or), "eu", 1, true),
        (all(&[&empty], Logic::Or), "eu", 1, true),
        (all(&[&either], Logic::And), "us", 1, true),
        (all(&[&either], Logic::And), "eu", 1, false),
        (all(&[&both], Logic::Or), "us", 1, false),
        (all(&[&both, &either], Logic::Or), "us", 1, true),
        (all(&[&both, &either], Logic::And), "us", 1, false),
        (all(&[&both, &empty], Logic::Or), "us", 1, false),
    ] {
        assert_eq!(
            holds(&filters, json!({ "region": region, "calls": calls })),
            truth,
            "{filters:?}"
        );
    }
}

#[test]
fn every_filter_that_does_not_fit_is_named() {
    let filters = Filters {
        logic: Logic::And,
        groups: vec![
            group(
                Logic::And,
                &[
                    ("data.nope", "=", json!(1)),
                    ("data.calls", "contains", json!("1")),
                ],
            ),
            group(
                Logic::Or,
                &[
                    ("data.ok", ">", json!(true)),
                    ("data.tags", "=", json!("a")),
                    ("data.calls", "=", json!("many")),
                    ("data.day", "=", json!("2026-02-30")),
                    ("data.calls", "in", json!([])),
                    ("data.calls", "in", json!(1)),
                    ("data.region", "=", json!(null)),
                ],
            ),
        ],
    };
    expect_test::expect![[r#"
        filters.groups.0.filters.0.column: `data.nope` is none of customer_id, timestamp and the fields as data.<field>
        filters.groups.0.filters.1.operator: CONTAINS does not apply to Int64
        filters.groups.1.filters.0.operator: > does not apply to Bool
        filters.groups.1.filters.1.operator: = does not apply to Array(String)
        filters.groups.1.filters.2.value: the value is not a Int64
        filters.groups.1.filters.3.value: the value is not a Date32
        filters.groups.1.filters.4.value: the value is a list of 1 to 1000 values
        filters.groups.1.filters.5.value: the value is a list of 1 to 1000 values
        filters.groups.1.filters.6.value: the value is not a String"#]]
    .assert_eq(&conditions(&filters).unwrap_err().join("\n"));
}

#[test]
fn too_many_filters_are_refused() {
    let filter = ("data.calls", "=", json!(1));
    let wide = group(Logic::And, &vec![filter.clone(); FILTERS_MAX + 1]);
    let groups = vec![wide; FILTERS_MAX + 1];
    let errors = conditions(&Filters {
        logic: Logic::And,
        groups,
    })
    .unwrap_err();
    assert_eq!(errors[0], "filters.groups: 50 at most");
    assert_eq!(errors[1], "filters.groups.0.filters: 50 at most");
}

#[test]
fn a_word_that_is_no_operator_is_refused() {
    assert_eq!("~".parse::<Operator>(), Err(UnknownOperator));
    for (operator, name) in OPERATORS {
        assert_eq!(operator.to_string(), name);
        assert_eq!(name.parse(), Ok(operator));
    }
}
