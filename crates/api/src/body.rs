//! Request bodies. Owns reading JSON and laying a partial body over a resource.

use std::{any::Any, borrow::Cow, marker::PhantomData};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    response::IntoResponse,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    BODY_BYTES_MAX,
    error::{BadField, Error},
    schema,
};

/// A body that fulfils the schema of `T`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A body that names some fields of `T`; the others stay as they are. Each named field replaces its
/// predecessor whole.
#[derive(Debug)]
pub(crate) struct Patch<T> {
    fields: Map<String, Value>,
    of: PhantomData<T>,
}

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: ToSchema + DeserializeOwned + Any,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        checked(json(request, state).await?).map(Self)
    }
}

impl<S, T> FromRequest<S> for Patch<T>
where
    S: Send + Sync,
    T: Send,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match json(request, state).await? {
            Value::Object(fields) => Ok(Self {
                fields,
                of: PhantomData,
            }),
            _ => Err(unreadable("type_error.dict", "the body must be an object")),
        }
    }
}

impl<T> Clone for Patch<T> {
    fn clone(&self) -> Self {
        Self {
            fields: self.fields.clone(),
            of: PhantomData,
        }
    }
}

impl<T: ToSchema + DeserializeOwned + Any> Patch<T> {
    /// The same patch with a field's other spelling replaced by its name.
    pub(crate) fn spelled(mut self, other: &str, name: &str) -> Self {
        if let Some(value) = self.fields.remove(other) {
            self.fields.entry(name).or_insert(value);
        }
        self
    }

    /// `current` with the named fields replaced.
    ///
    /// # Errors
    /// Every field with which the result does not fulfil the schema of `T`.
    pub(crate) fn apply(self, current: &T) -> Result<T, Error>
    where
        T: Serialize,
    {
        self.apply_over(current)
    }

    /// `current`, as the API shows it, with the named fields replaced. Fields that only a response has
    /// are passed over.
    ///
    /// # Errors
    /// As [`Patch::apply`].
    pub(crate) fn apply_over<C: Serialize>(self, current: &C) -> Result<T, Error> {
        let current = serde_json::to_value(current);
        let mut document = current.map_err(|error| Error::Internal(error.to_string()))?;
        let Some(members) = document.as_object_mut() else {
            return Err(Error::Internal("a resource is an object".to_owned()));
        };
        members.extend(self.fields);
        checked(document)
    }
}

fn checked<T: ToSchema + DeserializeOwned + Any>(document: Value) -> Result<T, Error> {
    let violations = schema::violations::<T>(&document);
    if !violations.is_empty() {
        return Err(Error::Unreadable(violations));
    }
    // Through text: `from_value` spells small numbers anew (0.000001 as 1e-6).
    let read = |document: &Value| serde_json::from_str(&document.to_string());
    read(&document)
        .or_else(|_| read(&schema::with_plain_integers::<T>(document)))
        .map_err(|error| unreadable("value_error", error.to_string()))
}

/// The body as JSON; no body at all is an empty object, which clients send either way.
async fn json<S: Send + Sync>(request: Request, state: &S) -> Result<Value, Error> {
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(rejected)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| unreadable("value_error.jsondecode", error.to_string()))
}

fn rejected(rejection: BytesRejection) -> Error {
    match rejection.into_response().status().as_u16() {
        413 => Error::TooLarge(BODY_BYTES_MAX),
        _ => unreadable("value_error", "the body ended early"),
    }
}

/// The whole body cannot be used.
pub(crate) fn unreadable(kind: &str, message: impl Into<String>) -> Error {
    let (kind, message) = (kind.to_owned(), message.into());
    Error::Unreadable(vec![BadField {
        part: "body",
        path: Vec::new(),
        message,
        kind,
    }])
}

impl<T: ToSchema> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
        }
        schema
    }
}

impl<T: ToSchema> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", T::name().trim_end_matches("Input")).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}
