//! The OpenAPI document and the page that shows it.
//!
//! Owns what holds for every operation: headers, security and the answers that any request can get.

use std::sync::Arc;

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, routing::get};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{CODES, context::Server};

/// The OpenAPI document.
pub fn openapi() -> Value {
    finish(crate::resources().into_openapi())
}

/// Adds to the collected operations what they all share.
pub(crate) fn finish(collected: OpenApi) -> Value {
    let mut document = serde_json::to_value(collected).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Florin",
        "version": env!("CARGO_PKG_VERSION"),
        "description": INTRODUCTION,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["security"] = json!([
        { "ApiTokenAuth": [], "OrganisationAuth": [] },
        { "BearerAuth": [], "OrganisationAuth": [] },
    ]);
    document["components"]["securitySchemes"] = security_schemes();
    document["components"]["schemas"]["Refusal"] = refusal_schema();
    document["components"]["schemas"]["HTTPValidationError"] = invalid_schema();
    lift_descriptions(&mut document["components"]["schemas"]);
    let schemas = document["components"]["schemas"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (alias, path) in ALIASES {
            paths.insert((*alias).to_owned(), deprecated(&paths[*path]));
        }
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                operation["operationId"] = Value::from(operation_id(method, path));
                complete(operation, method, path.contains('{'));
                allow_no_body(operation, &schemas);
            }
        }
    }
    document
}

/// A field that may be null is `oneOf` its schema and null, and its description stands beside the schema's
/// reference: readers look for it at the field.
fn lift_descriptions(schema: &mut Value) {
    let first = schema.pointer_mut("/oneOf/0");
    let lifted = match first.and_then(Value::as_object_mut) {
        Some(first) if first.contains_key("$ref") => first.remove("description"),
        _ => None,
    };
    if let (Some(description), Some(members)) = (lifted, schema.as_object_mut()) {
        members.entry("description").or_insert(description);
    }
    match schema {
        Value::Array(items) => items.iter_mut().for_each(lift_descriptions),
        Value::Object(members) => members.values_mut().for_each(lift_descriptions),
        _ => {}
    }
}

/// Older spellings of a path, served by the same handlers.
const ALIASES: &[(&str, &str)] = &[
    ("/customer", "/customers"),
    ("/rawmetrics", "/rawmetric"),
    ("/rawmetrics/{raw_metric_id}", "/rawmetric/{raw_metric_id}"),
    ("/rawmetrics/slug/{api_slug}", "/rawmetric/slug/{api_slug}"),
    (
        "/rawmetrics/{raw_metric_id}/logs",
        "/rawmetric/{raw_metric_id}/logs",
    ),
    ("/usage_events/{api_slug}", "/usage/{api_slug}"),
];

fn deprecated(item: &Value) -> Value {
    let mut item = item.clone();
    for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
        operation["deprecated"] = Value::from(true);
    }
    item
}

fn operation_id(method: &str, path: &str) -> String {
    let words = path
        .split(['/', '{', '}', '_', '-'])
        .filter(|word| !word.is_empty());
    std::iter::once(method)
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

const INTRODUCTION: &str = "Order to cash: usage metering, contracts, pricing, invoices, payments, \
    ledger, revenue.\n\nEvery request carries an API key (`x-api-key`, or `Authorization: Bearer`) \
    and the id of its organisation (`organisation`). Instants are UTC, amounts are exact decimals.";

fn security_schemes() -> Value {
    json!({
        "ApiTokenAuth": { "type": "apiKey", "in": "header", "name": "x-api-key",
            "description": "An API key of the organisation." },
        "OrganisationAuth": { "type": "apiKey", "in": "header", "name": "organisation",
            "description": "The organisation's id." },
        "BearerAuth": { "type": "http", "scheme": "bearer",
            "description": "The same API key as a bearer token." },
    })
}

fn refusal_schema() -> Value {
    let codes: Vec<&str> = CODES.iter().map(|row| row.code).collect();
    json!({
        "type": "object",
        "description": "Why a request was refused. Nothing was changed.",
        "required": ["detail", "code"],
        "properties": {
            "detail": { "type": "string", "description": "What is wrong and what to do.",
                "example": "there is no customer with this id" },
            "code": { "type": "string", "enum": codes, "description": "Name of the rule.",
                "example": "NOT_FOUND" },
        },
    })
}

fn invalid_schema() -> Value {
    json!({
        "type": "object",
        "description": "Every place of the request that cannot be used. Nothing was changed.",
        "required": ["detail"],
        "properties": { "detail": { "type": "array", "description": "Each bad place.", "items": {
            "type": "object",
            "description": "A bad place.",
            "required": ["loc", "msg", "type"],
            "properties": {
                "loc": { "type": "array", "items": { "type": ["string", "integer"] },
                    "description": "The part of the request, then keys and indices.",
                    "example": ["body", "customer_name"] },
                "msg": { "type": "string", "description": "What to send instead.",
                    "example": "field required" },
                "type": { "type": "string", "description": "Machine-readable kind.",
                    "example": "value_error.missing" },
            },
        }, "example": [
            { "loc": ["body", "customer_name"], "msg": "field required",
                "type": "value_error.missing" },
        ] } },
    })
}

/// Statuses that any operation can answer, with the schema of their bodies.
const SHARED_ANSWERS: &[(u16, &str, &str)] = &[
    (400, "A rule forbids it.", "Refusal"),
    (401, "No API key, or not a good one.", "Refusal"),
    (
        422,
        "Fields of the request cannot be used; all are named.",
        "HTTPValidationError",
    ),
    (429, "The key sent too many requests.", "Refusal"),
    (503, "The database is busy; try again.", "Refusal"),
];

fn complete(operation: &mut Value, method: &str, has_ids: bool) {
    if operation["security"].is_array() {
        return;
    }
    let answers = &mut operation["responses"];
    for (status, description, schema) in SHARED_ANSWERS {
        answers[status.to_string()] = answer(description, schema);
    }
    if has_ids {
        answers["404"] = answer("The organisation has no such resource.", "Refusal");
    }
    if matches!(method, "post" | "put" | "patch") {
        answers["413"] = answer("The body is too large.", "Refusal");
    }
    let mut parameters = vec![header_parameter(
        "apiversion",
        "Version of the API that the client was written for; accepted and ignored.",
        "20230501",
    )];
    if matches!(method, "post" | "put" | "patch" | "delete") {
        answers["409"] = answer(
            "The resource does not allow this as it is now, or the Idempotency-Key stands for another request.",
            "Refusal",
        );
    }
    if method == "post" {
        parameters.push(header_parameter(
            "Idempotency-Key",
            "Repeating a request under the same key repeats its answer, not its effect; 24 hours.",
            "5a1f0c52-9d1e-4a55-9a0c-0f3a3c8a7b11",
        ));
    }
    if !operation["parameters"].is_array() {
        operation["parameters"] = json!([]);
    }
    if let Some(known) = operation["parameters"].as_array_mut() {
        ignore_empty_values(known);
        known.extend(parameters);
    }
}

/// No body is read as an empty object, so a body of optional fields is optional itself.
fn allow_no_body(operation: &mut Value, schemas: &Value) {
    let Some(body) = operation.get_mut("requestBody") else {
        return;
    };
    let reference = &body["content"]["application/json"]["schema"]["$ref"];
    let name = reference.as_str().and_then(|path| path.rsplit('/').next());
    let schema = name.and_then(|name| schemas.get(name));
    let is_object = |schema: &&Value| schema.get("properties").is_some();
    let Some(schema) = schema.filter(is_object) else {
        return;
    };
    let needs_field = schema.get("required").and_then(Value::as_array);
    body["required"] = Value::from(needs_field.is_some_and(|fields| !fields.is_empty()));
}

/// A list passes over a parameter without a value: forms send the fields that nobody filled in.
fn ignore_empty_values(parameters: &mut [Value]) {
    if !parameters.iter().any(|known| known["name"] == "cursor") {
        return;
    }
    for parameter in parameters.iter_mut().filter(|known| known["in"] == "query") {
        parameter["allowEmptyValue"] = Value::from(true);
    }
}

fn answer(description: &str, schema: &str) -> Value {
    let reference = format!("#/components/schemas/{schema}");
    let content = json!({ "application/json": { "schema": { "$ref": reference } } });
    json!({ "description": description, "content": content })
}

fn header_parameter(name: &str, description: &str, example: &str) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("string"));
    if name == "Idempotency-Key" {
        schema.insert("minLength".to_owned(), json!(1));
        schema.insert("maxLength".to_owned(), json!(255));
        schema.insert("pattern".to_owned(), json!("^[!-~]+$"));
    }
    json!({ "name": name, "in": "header", "required": false, "description": description,
        "schema": schema, "example": example })
}

/// `/openapi.json` and the interactive page at `/docs`.
pub(crate) fn routes(document: Value) -> Router<Arc<Server>> {
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    // Written once: the router and whoever asks share the bytes.
    let document = Bytes::from(document.to_string());
    let answer =
        move || std::future::ready(([(CONTENT_TYPE, "application/json")], document.clone()));
    Router::new()
        .route("/openapi.json", get(answer))
        .merge(Router::<Arc<Server>>::from(page))
}
