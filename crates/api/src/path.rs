//! Ids and codes in the path.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use crate::error::{BadField, Error};

/// The ids in the path, in order; what follows them is left to others.
#[derive(Debug)]
pub(crate) struct PathIds<const N: usize>(pub(crate) [Uuid; N]);

impl<S: Send + Sync, const N: usize> FromRequestParts<S> for PathIds<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::UnknownRoute)?;
        let mut ids = [Uuid::nil(); N];
        let mut bad = Vec::new();
        for (slot, (name, text)) in ids.iter_mut().zip(&params) {
            match text.parse() {
                Ok(id) => *slot = id,
                Err(_) => bad.push(BadField {
                    part: "path",
                    path: vec![name.to_owned()],
                    message: "value is not a valid uuid".to_owned(),
                    kind: "type_error.uuid".to_owned(),
                }),
            }
        }
        if bad.is_empty() {
            Ok(Self(ids))
        } else {
            Err(Error::Unreadable(bad))
        }
    }
}

/// The last text in the path, as the client wrote it.
#[derive(Debug)]
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::UnknownRoute)?;
        let text = params.iter().last().map(|(_, text)| text.to_owned());
        text.map(Self).ok_or(Error::UnknownRoute)
    }
}

/// The texts in the path, in order, as the client wrote them; what follows them is left to others.
#[derive(Debug)]
pub(crate) struct PathTexts<const N: usize>(pub(crate) [String; N]);

impl<S: Send + Sync, const N: usize> FromRequestParts<S> for PathTexts<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::UnknownRoute)?;
        let mut texts = std::array::from_fn(|_| String::new());
        for (slot, (_, text)) in texts.iter_mut().zip(&params) {
            text.clone_into(slot);
        }
        Ok(Self(texts))
    }
}
