//! The query string, as pairs. Lists read theirs through [`crate::list`].

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

use crate::error::{BadField, Error};

/// Names and values, in order. A name may come several times.
#[derive(Debug)]
pub(crate) struct Parameters(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|error| {
            let message = error.body_text();
            Error::Unreadable(vec![bad("query", "value_error", &message)])
        })?;
        let with_nul = pairs.iter().filter(|(_, value)| value.contains('\0'));
        let message = "text cannot contain the character U+0000";
        let refused: Vec<BadField> = with_nul
            .map(|(name, _)| bad(name, "value_error.any_str.nul", message))
            .collect();
        if refused.is_empty() {
            Ok(Self(pairs))
        } else {
            Err(Error::Unreadable(refused))
        }
    }
}

impl Parameters {
    /// The parameter's value; an empty one counts as absent.
    pub(crate) fn value(&self, parameter: &str) -> Option<&str> {
        self.words(parameter).last()
    }

    /// Every word of a parameter that lists them, by commas or by coming several times.
    pub(crate) fn words(&self, parameter: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(name, _)| name == parameter);
        values
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty())
    }

    /// Whether the parameter is `true`; absent, it is not.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what is neither true nor false.
    pub(crate) fn is_true(&self, parameter: &str) -> Result<bool, Error> {
        match self.value(parameter) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => {
                let field = bad(parameter, "type_error.bool", "`true` or `false`");
                Err(Error::Unreadable(vec![field]))
            }
        }
    }

    /// The parameter's value as an id.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what is none.
    pub(crate) fn id(&self, parameter: &str) -> Result<Option<uuid::Uuid>, Error> {
        let Some(text) = self.value(parameter) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let field = bad(parameter, "type_error.uuid", "value is not a valid uuid");
            Error::Unreadable(vec![field])
        })
    }

    /// The parameter's value, which must be one of `words`.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for another word.
    pub(crate) fn one_of(&self, parameter: &str, words: &[&str]) -> Result<Option<&str>, Error> {
        match self.value(parameter) {
            Some(word) if !words.contains(&word) => {
                let message = format!("one of: {}", words.join(", "));
                let field = bad(parameter, "type_error.enum", &message);
                Err(Error::Unreadable(vec![field]))
            }
            value => Ok(value),
        }
    }
}

/// A bad parameter.
pub(crate) fn bad(parameter: &str, kind: &str, message: &str) -> BadField {
    let (message, kind) = (message.to_owned(), kind.to_owned());
    BadField {
        part: "query",
        path: vec![parameter.to_owned()],
        message,
        kind,
    }
}
