//! The OpenAPI document: complete, consistent, and with examples that are what they show.

use std::collections::BTreeSet;

use florin_testkit::Document;
use serde_json::{Value, json};

fn report(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}:\n  {}",
        offenders.join("\n  ")
    );
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn every_operation_says_what_it_does_and_answers() {
    let document = Document::default();
    let mut offenders = Vec::new();
    for operation in document.operations() {
        let says = operation.says;
        let mut lacks = |what: &str| offenders.push(format!("{operation}: {what}"));
        if !is_text(&says["summary"]) {
            lacks("no summary");
        }
        if !is_text(&says["tags"][0]) {
            lacks("no tag");
        }
        let answers = says["responses"].as_object().unwrap();
        if !answers.keys().any(|status| status.starts_with('2')) {
            lacks("no answer of success");
        }
        if operation.is_signed()
            && !["401", "422"]
                .iter()
                .all(|known| answers.contains_key(*known))
        {
            lacks("401 and 422 are not among the answers");
        }
        if !answers
            .values()
            .all(|answer| is_text(&answer["description"]))
        {
            lacks("an answer without a description");
        }
    }
    report("an operation is not documented", &offenders);
}

#[test]
fn operation_ids_are_unique() {
    let document = Document::default();
    let mut seen = BTreeSet::new();
    let operations = document.operations();
    let repeated = operations
        .iter()
        .filter(|operation| {
            !seen.insert(operation.says["operationId"].as_str().unwrap_or_default())
        })
        .map(ToString::to_string);
    report(
        "an operationId is used twice",
        &repeated.collect::<Vec<_>>(),
    );
}

#[test]
fn every_parameter_has_a_description_and_a_schema() {
    let document = Document::default();
    let mut offenders = Vec::new();
    for operation in document.operations() {
        let parameters = operation.says["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        let mut named: Vec<&str> = Vec::new();
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !is_text(&parameter["description"]) || !parameter["schema"].is_object() {
                offenders.push(format!("{operation}: {name}"));
            }
            if parameter["in"] == "path" {
                named.push(name);
            }
        }
        if operation
            .path_parameters()
            .any(|parameter| !named.contains(&parameter))
        {
            offenders.push(format!("{operation}: a path parameter is not described"));
        }
    }
    report("describe the parameter", &offenders);
}

#[test]
fn every_property_has_a_description_and_shows_a_value() {
    let document = Document::default();
    let mut offenders = Vec::new();
    properties(&document, &mut |place, property| {
        if !is_text(&property["description"]) {
            offenders.push(format!("{place}: no description"));
        }
        if !shows_value(property) {
            offenders.push(format!("{place}: no example"));
        }
    });
    report("describe the property", &offenders);
}

/// Whether a reader can tell what the value looks like.
fn shows_value(schema: &Value) -> bool {
    let given = ["example", "examples", "$ref", "enum", "const", "properties"];
    let formats = ["uuid", "date-time", "date"];
    let members = ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|form| schema[*form].as_array());
    let mut parts = members
        .flatten()
        .filter(|part| part["type"] != "null")
        .peekable();
    given.iter().any(|key| schema.get(key).is_some())
        || formats.iter().any(|format| schema["format"] == *format)
        || is_free(schema)
        || (schema["items"].is_object() && shows_value(&schema["items"]))
        || (parts.peek().is_some() && parts.all(shows_value))
}

#[test]
fn every_example_is_what_its_schema_allows() {
    let document = Document::default();
    let mut offenders = Vec::new();
    properties(&document, &mut |place, property| {
        for example in examples(property) {
            if let Some(complaint) = complaint(&document, property, example) {
                offenders.push(format!("{place}: {example} ({complaint})"));
            }
        }
    });
    for operation in document.operations() {
        for parameter in operation.says["parameters"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let schema = &parameter["schema"];
            for example in examples(parameter).into_iter().chain(examples(schema)) {
                if let Some(complaint) = complaint(&document, schema, example) {
                    offenders.push(format!("{operation}: {example} ({complaint})"));
                }
            }
        }
    }
    report("an example that would be refused", &offenders);
}

#[test]
fn every_body_made_from_examples_is_what_its_schema_allows() {
    let document = Document::default();
    let mut offenders = Vec::new();
    for operation in document.operations() {
        let Some(schema) = operation.body_schema() else {
            continue;
        };
        let body = document.body(&operation).unwrap();
        if let Some(complaint) = complaint(&document, schema, &body) {
            offenders.push(format!("{operation}: {body} ({complaint})"));
        }
    }
    report("a body of examples that would be refused", &offenders);
}

/// Whether the schema takes any value, or any object: it has no form that an example could show.
fn is_free(schema: &Value) -> bool {
    let object = json!("object");
    let kind = &schema["type"];
    let narrows = ["type", "$ref", "oneOf", "anyOf", "allOf"];
    narrows.iter().all(|key| schema.get(key).is_none())
        || *kind == object
        || kind.as_array().is_some_and(|kinds| kinds.contains(&object))
}

fn examples(schema: &Value) -> Vec<&Value> {
    let several = schema["examples"].as_array().into_iter().flatten();
    schema.get("example").into_iter().chain(several).collect()
}

fn complaint(document: &Document, schema: &Value, value: &Value) -> Option<String> {
    let components = &document.0["components"];
    let root = json!({ "allOf": [schema], "components": components });
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    let validator = options.should_validate_formats(true).build(&root).unwrap();
    validator
        .iter_errors(value)
        .next()
        .map(|error| error.to_string())
}

#[test]
fn every_reference_leads_somewhere() {
    let document = Document::default();
    let mut offenders = Vec::new();
    walk(&document.0, &mut |value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return;
        };
        if document
            .0
            .pointer(reference.trim_start_matches('#'))
            .is_none()
        {
            offenders.push(reference.to_owned());
        }
    });
    report("a reference leads nowhere", &offenders);
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        _ => {}
    }
}

/// Visits each property of each schema, with its place in words.
fn properties(document: &Document, visit: &mut impl FnMut(&str, &Value)) {
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        members(name, schema, visit);
    }
}

fn members(place: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        visit(&place, property);
        members(&place, property, visit);
    }
    if schema["items"].is_object() {
        members(&format!("{place}[]"), &schema["items"], visit);
    }
    for form in ["oneOf", "anyOf", "allOf"] {
        for part in schema[form].as_array().into_iter().flatten() {
            members(place, part, visit);
        }
    }
}
