//! Checking a document against the schema that the API's documentation shows for it.
//!
//! Owns the words of a 422: every violation with its place, a sentence that says what to send, and a
//! machine-readable kind. Invariant: a document without violations deserialises.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use florin_core::instant;
use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::BadField;

/// Digits and exponent beyond which a number is refused: no amount, rate or quantity has them.
const NUMBER_LENGTH_MAX: usize = 64;

type Compiled = RwLock<HashMap<TypeId, Arc<Checked>>>;

static COMPILED: LazyLock<Compiled> = LazyLock::new(Compiled::default);

/// A schema, and what checks a document against it.
struct Checked {
    root: Value,
    validator: Validator,
}

/// Every violation of `T`'s schema.
pub(crate) fn violations<T: ToSchema + Any>(document: &Value) -> Vec<BadField> {
    let mut fields = Vec::new();
    unstorable(document, &mut Vec::new(), &mut fields);
    match compiled::<T>() {
        Ok(compiled) => {
            for error in compiled.validator.iter_errors(document) {
                explain(&error, &mut fields);
            }
        }
        Err(cause) => {
            tracing::error!(cause, "a schema of ours does not compile");
            fields.push(bad(
                Vec::new(),
                "value_error",
                "this body cannot be checked".to_owned(),
            ));
        }
    }
    fields
}

/// The document with every whole number that stands for an integer of `T` written as one: to JSON Schema
/// `2.0` is an integer, to a deserialiser it is not.
pub(crate) fn with_plain_integers<T: ToSchema + Any>(mut document: Value) -> Value {
    if let Ok(compiled) = compiled::<T>() {
        write_integers(&compiled.root, &compiled.root, &mut document);
    }
    document
}

fn write_integers(root: &Value, schema: &Value, document: &mut Value) {
    let reference = schema["$ref"]
        .as_str()
        .and_then(|text| text.strip_prefix('#'));
    let referred = reference.and_then(|pointer| root.pointer(pointer));
    let forms = ["allOf", "anyOf", "oneOf"]
        .iter()
        .filter_map(|key| schema[key].as_array());
    for form in forms.flatten().chain(referred) {
        write_integers(root, form, document);
    }
    match document {
        Value::Number(number) if has_type(schema, "integer") => {
            if let Some(plain) = plain_integer(number) {
                *number = plain;
            }
        }
        Value::Array(items) => {
            for item in items {
                write_integers(root, &schema["items"], item);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                write_integers(root, &schema["properties"][key.as_str()], member);
            }
        }
        _ => {}
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    }
}

fn plain_integer(number: &serde_json::Number) -> Option<serde_json::Number> {
    let text = number.as_str();
    let value = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    let whole = value.ok().filter(|value| value.fract().is_zero())?;
    whole.trunc().normalize().to_string().parse().ok()
}

fn compiled<T: ToSchema + Any>() -> Result<Arc<Checked>, String> {
    let known = COMPILED.read().map_err(|error| error.to_string())?;
    if let Some(compiled) = known.get(&TypeId::of::<T>()) {
        return Ok(compiled.clone());
    }
    drop(known);
    let compiled = Arc::new(compile::<T>()?);
    let mut known = COMPILED.write().map_err(|error| error.to_string())?;
    Ok(known.entry(TypeId::of::<T>()).or_insert(compiled).clone())
}

fn compile<T: ToSchema>() -> Result<Checked, String> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    parts.push((T::name().into_owned(), T::schema()));
    let schemas: HashMap<String, Value> = parts
        .into_iter()
        .map(|(name, schema)| Ok((name, serde_json::to_value(schema)?)))
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| error.to_string())?;
    let root = json!({
        "$ref": format!("#/components/schemas/{}", T::name()),
        "components": { "schemas": schemas },
    });
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("date-time", |text: &str| instant::parse(text).is_ok())
        .build(&root)
        .map_err(|error| error.to_string())?;
    Ok(Checked { root, validator })
}

/// Texts and numbers that no database keeps: refused wherever they stand.
fn unstorable(value: &Value, path: &mut Vec<String>, fields: &mut Vec<BadField>) {
    match value {
        Value::String(text) if text.contains('\0') => {
            let message = "text cannot contain the character U+0000".to_owned();
            fields.push(bad(path.clone(), "value_error.any_str.nul", message));
        }
        Value::Number(number) if number.as_str().len() > NUMBER_LENGTH_MAX || is_huge(number) => {
            let message = "a number of at most 64 digits below 1e100".to_owned();
            fields.push(bad(path.clone(), "value_error.number", message));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                unstorable(item, path, fields);
                path.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                path.push(key.clone());
                if key.contains('\0') {
                    let message = "a key cannot contain the character U+0000".to_owned();
                    fields.push(bad(path.clone(), "value_error.any_str.nul", message));
                }
                unstorable(member, path, fields);
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_huge(number: &serde_json::Number) -> bool {
    let exponent = number
        .as_str()
        .split_once(['e', 'E'])
        .map(|(_, exponent)| exponent);
    exponent.is_some_and(|exponent| {
        exponent
            .parse::<i32>()
            .map_or(true, |e| e.unsigned_abs() >= 100)
    })
}

fn explain(error: &ValidationError<'_>, fields: &mut Vec<BadField>) {
    let path = segments(error);
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            if let Some(field) = unknown_word(context, path.len()) {
                fields.push(field);
                return;
            }
            match best_branch(context, error.instance(), path.len()) {
                Some(branch) => branch.iter().for_each(|error| explain(error, fields)),
                None => fields.push(bad(path, "value_error", "no allowed form".to_owned())),
            }
        }
        ValidationErrorKind::Required { property } => {
            let mut path = path;
            path.push(property.as_str().unwrap_or_default().to_owned());
            fields.push(bad(
                path,
                "value_error.missing",
                "field required".to_owned(),
            ));
        }
        kind => {
            let (kind, message) = sentence(kind, error);
            fields.push(bad(path, kind, message));
        }
    }
}

/// Of several allowed forms the one that the sender meant: a form whose type fits, whose
/// discriminating word is the one sent, and which complains least.
fn best_branch<'b>(
    context: &'b [Vec<ValidationError<'static>>],
    instance: &Value,
    depth: usize,
) -> Option<&'b Vec<ValidationError<'static>>> {
    let cost = |branch: &&Vec<ValidationError<'static>>| {
        let wrong_type = branch.iter().any(|error| {
            segments(error).len() == depth
                && matches!(error.kind(), ValidationErrorKind::Type { .. })
        });
        let other_word =
            instance.is_object() && branch.iter().any(|error| word_of(error, depth).is_some());
        (wrong_type, other_word, branch.len())
    };
    context
        .iter()
        .filter(|branch| !is_null_form(branch))
        .min_by_key(cost)
}

/// The word by which a form is told from the others, where this error is that another one was sent.
fn word_of(error: &ValidationError<'static>, depth: usize) -> Option<Value> {
    let only = match error.kind() {
        ValidationErrorKind::Enum { options } => match options.as_array()?.as_slice() {
            [only] => only,
            _ => return None,
        },
        ValidationErrorKind::Constant { expected_value } => expected_value,
        _ => return None,
    };
    (segments(error).len() == depth + 1).then(|| only.clone())
}

/// Where every form asks for another word than the one sent: the field, with all words.
fn unknown_word(context: &[Vec<ValidationError<'static>>], depth: usize) -> Option<BadField> {
    let forms = context.iter().filter(|branch| !is_null_form(branch));
    let mut words = Vec::new();
    let mut path = None;
    for branch in forms {
        let error = branch
            .iter()
            .find(|error| word_of(error, depth).is_some())?;
        words.extend(word_of(error, depth));
        path = Some(segments(error));
    }
    let message = format!("value is not one of {}", Value::from(words));
    Some(bad(path?, "type_error.enum", message))
}

/// The `null` beside an optional field's own form explains nothing.
fn is_null_form(branch: &[ValidationError<'static>]) -> bool {
    matches!(branch, [only] if matches!(
        only.kind(),
        ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) }
    ))
}

fn segments(error: &ValidationError<'_>) -> Vec<String> {
    let pointer = error.instance_path().as_str();
    let keys = pointer.split('/').skip(1);
    keys.map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn sentence(kind: &ValidationErrorKind, error: &ValidationError<'_>) -> (&'static str, String) {
    match kind {
        ValidationErrorKind::Type { kind } => wrong_type(kind, error.instance()),
        ValidationErrorKind::Enum { options } => {
            ("type_error.enum", format!("value is not one of {options}"))
        }
        ValidationErrorKind::Constant { expected_value } => (
            "value_error.const",
            format!("value is not {expected_value}"),
        ),
        ValidationErrorKind::MinLength { limit } => (
            "value_error.any_str.min_length",
            format!("at least {limit} characters"),
        ),
        ValidationErrorKind::MaxLength { limit } => (
            "value_error.any_str.max_length",
            format!("at most {limit} characters"),
        ),
        ValidationErrorKind::MinItems { limit } => (
            "value_error.list.min_items",
            format!("at least {limit} items"),
        ),
        ValidationErrorKind::MaxItems { limit } => (
            "value_error.list.max_items",
            format!("at most {limit} items"),
        ),
        ValidationErrorKind::Minimum { limit } => {
            ("value_error.number.not_ge", format!("at least {limit}"))
        }
        ValidationErrorKind::Maximum { limit } => {
            ("value_error.number.not_le", format!("at most {limit}"))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            ("value_error.number.not_gt", format!("greater than {limit}"))
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            ("value_error.number.not_lt", format!("less than {limit}"))
        }
        ValidationErrorKind::Format { format } => ("value_error.format", format_sentence(format)),
        ValidationErrorKind::Pattern { pattern } => (
            "value_error.str.regex",
            format!("text of the form {pattern}"),
        ),
        _ => ("value_error", error.to_string()),
    }
}

fn wrong_type(kind: &TypeKind, instance: &Value) -> (&'static str, String) {
    if instance.get("step_name").is_some() {
        let message = "a reference to a step of a calculation is not supported: send the number";
        return ("value_error.step_reference", message.to_owned());
    }
    let expected: Vec<JsonType> = match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(set) => set.iter().collect(),
    };
    if instance.is_null() {
        return (
            "type_error.none.not_allowed",
            "none is not an allowed value".to_owned(),
        );
    }
    let wanted = expected.iter().find(|one| **one != JsonType::Null);
    match wanted {
        Some(JsonType::String) => ("type_error.string", "value is not a string".to_owned()),
        Some(JsonType::Integer) => ("type_error.integer", "value is not an integer".to_owned()),
        Some(JsonType::Number) => ("type_error.decimal", "value is not a number".to_owned()),
        Some(JsonType::Boolean) => ("type_error.bool", "value is not a boolean".to_owned()),
        Some(JsonType::Array) => ("type_error.list", "value is not a list".to_owned()),
        Some(JsonType::Object) => ("type_error.dict", "value is not an object".to_owned()),
        Some(JsonType::Null) | None => ("type_error", "value must be null".to_owned()),
    }
}

fn format_sentence(format: &str) -> String {
    match format {
        "date-time" => instant::NotAnInstant.to_string(),
        "date" => "write a date as 2026-01-31".to_owned(),
        "uuid" => "value is not a valid uuid".to_owned(),
        "email" => "value is not a valid e-mail address".to_owned(),
        "uri" => "value is not a valid URL".to_owned(),
        other => format!("value is not a valid {other}"),
    }
}

fn bad(path: Vec<String>, kind: &str, message: String) -> BadField {
    BadField {
        part: "body",
        path,
        message,
        kind: kind.to_owned(),
    }
}
