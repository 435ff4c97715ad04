use expect_test::{Expect, expect};

use super::*;

fn schema(fields: &[(&str, &str)], unique_by: &[&str]) -> Result<Schema, Vec<SchemaError>> {
    let unique_by: Vec<String> = unique_by.iter().map(|path| (*path).to_owned()).collect();
    Schema::new(fields.iter().copied(), &unique_by)
}

fn check(outcome: Result<Schema, Vec<SchemaError>>, expected: Expect) {
    let shown = match outcome {
        Ok(schema) => {
            let fields = schema.fields().iter();
            let fields: Vec<String> = fields
                .map(|f| format!("{}: {}", f.name, f.data_type))
                .collect();
            format!(
                "{}; unique by {}",
                fields.join(", "),
                schema.unique_by_paths().join(", ")
            )
        }
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn fields_keep_their_order() {
    let given = schema(
        &[
            ("region", "string"),
            ("gb", "double"),
            ("Id", "uuid"),
            ("ok", "Boolean"),
        ],
        &["data.Id", "customer_id"],
    );
    check(
        given,
        expect!["region: String, gb: Float64, Id: UUID, ok: Bool; unique by data.Id, customer_id"],
    );
}

#[test]
fn every_bad_declaration_is_named() {
    let given = schema(
        &[
            ("", "Int64"),
            ("a b", "Int64"),
            ("9", "Int64"),
            ("gb", "Map"),
            ("Id", "UUID"),
            ("id", "UUID"),
        ],
        &["data.nope", "gb", "customer_id", "customer_id"],
    );
    check(
        given,
        expect![[r#"
        a field's name is a letter or `_`, then letters, digits, `_` or `-`; 100 characters at most
        a field's name is a letter or `_`, then letters, digits, `_` or `-`; 100 characters at most
        a field's name is a letter or `_`, then letters, digits, `_` or `-`; 100 characters at most
        a type is one of String, Int64, Float64, Decimal, Date32, DateTime64, UUID, Bool, or Array(…) of one of them
        `id` and `Id` differ only in upper and lower case
        `data.nope` is none of customer_id, timestamp and the fields as data.<field>
        `gb` is none of customer_id, timestamp and the fields as data.<field>
        `customer_id` stands twice"#]],
    );
}

#[test]
fn a_list_does_not_identify_an_event() {
    check(
        schema(&[("tags", "Array(String)")], &["data.tags"]),
        expect!["`data.tags` is a list: lists do not identify an event"],
    );
}

#[test]
fn limits_are_kept() {
    let names: Vec<String> = (0..=FIELDS_MAX)
        .map(|number| format!("f{number}"))
        .collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "Int64")).collect();
    check(
        schema(&fields, &[]),
        expect!["an event has 200 fields at most"],
    );
    assert!(schema(&fields[1..], &[]).is_ok());
    check(
        schema(&[], &["timestamp"; 9]),
        expect!["8 paths at most identify an event"],
    );
}

#[test]
fn evolution_adds_fields_behind_the_known_ones() {
    let first = schema(&[("region", "String"), ("gb", "Float64")], &[]).unwrap();
    let wanted = schema(
        &[("added", "Date32"), ("gb", "Float64"), ("region", "String")],
        &["data.added"],
    );
    check(
        first.evolve(&wanted.unwrap()),
        expect!["region: String, gb: Float64, added: Date32; unique by data.added"],
    );
}

#[test]
fn evolution_neither_removes_nor_retypes() {
    let first = schema(&[("region", "String"), ("gb", "Float64")], &[]).unwrap();
    let wanted = schema(&[("gb", "Int64")], &[]).unwrap();
    check(
        first.evolve(&wanted),
        expect![[r#"
            the field `region` cannot be removed: events with it are stored
            the field `gb` is Float64 and cannot become Int64: add a field with another name"#]],
    );
}

#[test]
fn columns_are_found_by_path() {
    let schema = schema(&[("region", "String"), ("gb", "Float64")], &[]).unwrap();
    for (path, column) in [
        ("customer_id", Some(Column::CustomerId)),
        ("timestamp", Some(Column::Timestamp)),
        ("data.gb", Some(Column::Data(1))),
        ("data.", None),
        ("gb", None),
    ] {
        assert_eq!(schema.column(path), column, "{path}");
        if let Some(column) = column {
            assert_eq!(schema.path(column), path);
        }
    }
}
