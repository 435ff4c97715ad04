//! The API's own document, read by tests: its operations, and bodies made from its examples.
//!
//! A test that walks it picks up a new resource by itself.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// How the document refers to a schema.
const SCHEMAS: &str = "#/components/schemas/";

/// How deep examples are followed, so that a schema that contains itself ends.
const DEPTH_MAX: usize = 12;

/// The OpenAPI document.
pub struct Document(pub Value);

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'d> {
    /// In lower case.
    pub method: &'d str,
    /// With its parameters in braces.
    pub path: &'d str,
    /// What the document says of it.
    pub says: &'d Value,
}

impl std::fmt::Display for Operation<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} {}",
            self.method.to_ascii_uppercase(),
            self.path
        )
    }
}

impl<'d> Operation<'d> {
    /// Names of the parameters in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'d str> {
        let parts = self.path.split('{').skip(1);
        parts.filter_map(|part| part.split('}').next())
    }

    /// Whether a request needs a key.
    pub fn is_signed(&self) -> bool {
        !self.says["security"].is_array()
    }

    /// Whether it is an older spelling of another path.
    pub fn is_deprecated(&self) -> bool {
        self.says["deprecated"] == true
    }

    /// Schema of the request's body, where it has one.
    pub fn body_schema(&self) -> Option<&'d Value> {
        self.says
            .pointer("/requestBody/content/application~1json/schema")
    }
}

impl Default for Document {
    fn default() -> Self {
        Self(florin_api::openapi())
    }
}

impl Document {
    /// Every operation, in the document's order.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let items = self.0["paths"].as_object().into_iter().flatten();
        let operations = items.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, says)| Operation { method, path, says })
        });
        operations.collect()
    }

    /// The schema itself, where a `$ref` stands for it.
    ///
    /// # Panics
    /// Where the reference leads nowhere.
    pub fn resolve<'d>(&'d self, schema: &'d Value) -> &'d Value {
        let Some(reference) = schema["$ref"].as_str() else {
            return schema;
        };
        let found = self.0.pointer(reference.trim_start_matches('#'));
        self.resolve(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
    }

    /// The smallest body that the operation's schema allows, made from examples.
    pub fn body(&self, operation: &Operation<'_>) -> Option<Value> {
        operation
            .body_schema()
            .map(|schema| self.example(schema, DEPTH_MAX))
    }

    /// Whether the operation's body has a part of this schema, however deep.
    pub fn body_reaches(&self, operation: &Operation<'_>, schema: &str) -> bool {
        let mut open: Vec<&Value> = operation.body_schema().into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                Value::String(reference)
                    if reference.starts_with(SCHEMAS) && seen.insert(reference.as_str()) =>
                {
                    open.extend(self.0.pointer(reference.trim_start_matches('#')));
                }
                _ => {}
            }
        }
        seen.contains(format!("{SCHEMAS}{schema}").as_str())
    }

    /// Names of the body's own fields, required or not.
    pub fn body_fields<'d>(&'d self, operation: &Operation<'d>) -> Vec<&'d str> {
        let schema = operation.body_schema().map(|schema| self.resolve(schema));
        let properties = schema.and_then(|schema| schema["properties"].as_object());
        properties
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect()
    }

    fn example(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        let given = [&schema["example"], &schema["examples"][0], &schema["const"]];
        if let Some(given) = given.into_iter().find(|given| !given.is_null()) {
            return given.clone();
        }
        if let Some(word) = schema["enum"].get(0) {
            return word.clone();
        }
        if depth == 0 {
            return Value::Null;
        }
        for combined in ["oneOf", "anyOf"] {
            let forms = schema[combined].as_array().into_iter().flatten();
            if let Some(form) = forms
                .into_iter()
                .find(|form| self.resolve(form)["type"] != "null")
            {
                return self.example(form, depth - 1);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.merged(parts, depth);
        }
        self.of_type(schema, depth)
    }

    fn merged(&self, parts: &[Value], depth: usize) -> Value {
        let mut merged = Map::new();
        for part in parts {
            match self.example(part, depth - 1) {
                Value::Object(members) => merged.extend(members),
                other => return other,
            }
        }
        Value::Object(merged)
    }

    fn of_type(&self, schema: &Value, depth: usize) -> Value {
        let kind = schema["type"].as_str().or_else(|| {
            let kinds = schema["type"].as_array().into_iter().flatten();
            kinds.filter_map(Value::as_str).find(|kind| *kind != "null")
        });
        match kind {
            Some("array") => {
                let count = schema["minItems"].as_u64().unwrap_or(0);
                let item = || self.example(&schema["items"], depth - 1);
                Value::Array((0..count).map(|_| item()).collect())
            }
            Some("string") => Value::from(text(schema)),
            Some("integer" | "number") => match &schema["minimum"] {
                Value::Null => json!(1),
                minimum => minimum.clone(),
            },
            Some("boolean") => json!(true),
            _ => self.object(schema, depth),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array().into_iter().flatten();
        let members = required.filter_map(Value::as_str).map(|name| {
            let member = self.example(&schema["properties"][name], depth - 1);
            (name.to_owned(), member)
        });
        Value::Object(members.collect())
    }
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("uuid") => "00000000-0000-7000-8000-00000000ffff".to_owned(),
        Some("date-time") => "2026-01-31T10:00:00Z".to_owned(),
        Some("date") => "2026-01-31".to_owned(),
        Some("email") => "ap@northwind.example".to_owned(),
        Some("uri") => "https://northwind.example".to_owned(),
        _ => {
            let length = schema["minLength"].as_u64().unwrap_or(1).max(1);
            "x".repeat(usize::try_from(length).unwrap())
        }
    }
}
