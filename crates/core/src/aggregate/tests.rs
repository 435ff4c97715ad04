use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::usage::{Aggregation, CustomerAttribute, Schema};

fn content(sql: Option<&str>, visual: Json) -> Content {
    Content {
        dataschema: None,
        aggregation_query: sql.map(str::to_owned),
        cust_agg_query: None,
        visual_query_builder: visual,
        datasource: None,
    }
}

fn schema() -> Schema {
    let fields = [
        ("region", "String"),
        ("gb", "Float64"),
        ("day", "Date32"),
        ("tags", "Array(String)"),
    ];
    Schema::new(fields, &[]).unwrap()
}

fn shown(flaws: &[Flaw]) -> String {
    let line = |flaw: &Flaw| format!("{}: {flaw}\n", flaw.path.join("."));
    flaws.iter().map(line).collect()
}

/// What is wrong with a visual query over the schema of these tests.
fn check(document: Json, expected: Expect) {
    let read = VisualQuery::read(&document);
    let query = read.and_then(|visual| visual.query(&schema()));
    expected.assert_eq(&query.map_or_else(|flaws| shown(&flaws), |_| "fits".to_owned()));
}

#[test]
fn a_visual_query_has_defaults() {
    let document =
        json!({ "table_name": "raw_metric_storage", "aggregate_operation": { "type": "count" } });
    let visual = VisualQuery::read(&document).unwrap();
    assert_eq!(
        visual.api_slugs().collect::<Vec<_>>(),
        ["raw_metric_storage", "storage"]
    );
    assert_eq!(
        (visual.customer_column.as_str(), visual.date_column.as_str()),
        ("customer_id", "timestamp")
    );
    assert_eq!(visual.customer_attribute, CustomerAttribute::ExternalId);
    assert_eq!(visual.operation, Some((Aggregation::Count, None)));
    assert!(visual.query(&schema()).is_ok());
}

#[test]
fn every_part_is_read() {
    let document = json!({
        "table_name": "storage",
        "visual_query": { "logic": "or", "groups": [{ "logic": "AND", "filters": [
            { "column": "data.region", "operator": "in", "value": ["eu", "us"] }] }] },
        "customer_mapping": { "column": "data.region", "customer_column": "custom_data.area" },
        "start_date_mapping": { "column": "data.day" }, "end_date_mapping": "data.day",
        "aggregate_operation": { "operation": "UNIQUE_COUNT", "column": "customer_id" },
        "group_by": ["data.region"],
    });
    let visual = VisualQuery::read(&document).unwrap();
    assert_eq!(
        visual.customer_attribute,
        CustomerAttribute::CustomData("area".to_owned())
    );
    assert_eq!(visual.date_column, "data.day");
    let query = visual.query(&schema()).unwrap();
    assert_eq!(query.dimension_names(), ["region"]);
    assert_eq!(query.parts().conditions.groups.len(), 1);
}

#[test]
fn every_flaw_is_named_at_its_place() {
    check(
        json!({ "aggregate_operation": { "type": "MEDIAN" },
            "visual_query": { "logic": "XOR", "groups": [{ "logic": "NOR", "filters": [
                { "column": "data.gb", "operator": "~", "value": 1 }] }] },
            "customer_mapping": { "customer_column": "email" },
            "start_date_mapping": "timestamp", "end_date_mapping": { "column": "data.day" },
        }),
        expect![[r#"
            table_name: field required
            end_date_mapping: an event counts at one date: the same column as start_date_mapping, or null
            visual_query.logic: one of AND, OR
            visual_query.groups.0.logic: one of AND, OR
            visual_query.groups.0.filters.0.operator: an operator is one of =, !=, >, >=, <, <=, IN, NOT IN, CONTAINS, NOT CONTAINS, IS NULL, IS NOT NULL
            customer_mapping.customer_column: one of id, external_id, custom_data.<key>
            aggregate_operation.type: an aggregation is one of COUNT, SUM, MIN, MAX, AVG, UNIQUE COUNT, LATEST, WEIGHTED SUM
        "#]],
    );
    check(
        json!({ "table_name": "storage",
            "aggregate_operation": { "type": "SUM", "column": "data.region" },
            "visual_query": { "groups": [{}, { "filters": [
                { "column": "data.nope", "operator": "=", "value": 1 },
                { "column": "data.gb", "operator": ">", "value": "much" }] }] },
            "customer_mapping": { "column": "data.tags", "customer_column": "custom_data." },
            "start_date_mapping": { "column": "data.gb" },
            "group_by": ["data.region", "data.tags"],
        }),
        expect![[r#"
            aggregate_operation.column: SUM needs a column of numbers, `data.region` is String
            customer_mapping.column: `data.tags` is a list of values: choose a column with one
            customer_mapping.customer_column: name a key of custom_data
            start_date_mapping: the date column is Date32 or DateTime64, `data.gb` is Float64
            visual_query.groups.1.filters.0.column: `data.nope` is none of customer_id, timestamp and the fields as data.<field>
            visual_query.groups.1.filters.1.value: the value is not a Float64
            group_by.1: `data.tags` is a list of values: choose a column with one
        "#]],
    );
    check(
        json!({ "table_name": "storage" }),
        expect![[r#"
        aggregate_operation: field required
    "#]],
    );
    check(
        json!({ "table_name": 7 }),
        expect![[r#"
        : invalid type: number, expected a string
    "#]],
    );
}

#[test]
fn a_template_decides_unless_it_is_blank() {
    let visual = json!({ "table_name": "storage", "aggregate_operation": { "type": "COUNT" } });
    let both = content(Some("SELECT 1"), visual.clone());
    assert_eq!(both.definition(), Ok(Definition::Sql("SELECT 1")));
    for blank in [None, Some(""), Some(" \n")] {
        let content = content(blank, visual.clone());
        assert!(
            matches!(content.definition(), Ok(Definition::Visual(_))),
            "{blank:?}"
        );
    }
    let neither = content(Some(""), json!({}));
    assert_eq!(
        shown(&neither.definition().unwrap_err()),
        "visual_query_builder: send a visual_query_builder or an aggregation_query\n"
    );
    let unfinished = content(None, json!({ "table_name": "storage" }));
    assert_eq!(
        shown(&unfinished.definition().unwrap_err()),
        "visual_query_builder.aggregate_operation: field required\n"
    );
}

#[test]
fn another_content_is_another_version() {
    let at = Timestamp::UNIX_EPOCH;
    let first = create(
        Uuid::nil(),
        "Calls".to_owned(),
        content(Some("SELECT 1"), json!({})),
        None,
        at,
    )
    .unwrap();
    let renamed = amend(
        &first,
        "All calls".to_owned(),
        first.content.clone(),
        None,
        at,
    )
    .unwrap();
    assert_eq!((renamed.version, renamed.name.as_str()), (1, "All calls"));
    let changed = amend(
        &renamed,
        renamed.name.clone(),
        content(Some("SELECT 2"), json!({})),
        None,
        at,
    )
    .unwrap();
    assert_eq!(changed.version, 2);
    assert_eq!(
        changed.current_version(Uuid::nil()).content,
        changed.content
    );
    let blank = amend(&first, " ".to_owned(), first.content.clone(), None, at).unwrap_err();
    assert_eq!(
        shown(&[blank]),
        "name: a billable metric needs a name that is not blank\n"
    );
}
