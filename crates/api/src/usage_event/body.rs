//! The body of a request with usage events: its format, its compression, its limit.
//!
//! Invariant: neither what comes nor what is made of it by decompression is ever longer than
//! [`EVENT_BYTES_MAX`], whatever a client sends.

use std::io::Read;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use florin_app::usage::{Batch, EVENT_BYTES_MAX, Format};
use florin_core::usage::{EventProblem, event::PROBLEMS_MAX};

use crate::{
    body::unreadable,
    error::{BadField, Error, Result},
};

/// Bad places that an answer names at most: who sends more than these has one mistake in all of them.
const PLACES_MAX: usize = 100;
/// Words of `Content-Type` that mean one event a line.
const JSON_LINES: [&str; 4] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
];

/// Events as a client sent them, decompressed.
#[derive(Debug)]
pub(crate) struct Events {
    format: Format,
    bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Events {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let format = format(request.headers());
        let compression = compression(request.headers())?;
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| match error.into_response().status().as_u16() {
            413 => Error::TooLarge(EVENT_BYTES_MAX),
            _ => unreadable("value_error", "the body ended early"),
        })?;
        let bytes = match compression {
            None => bytes,
            Some(Compression::Gzip) => expanded(flate2::read::MultiGzDecoder::new(&*bytes))?,
            Some(Compression::Zstd) => {
                let decoder = zstd::Decoder::with_buffer(&*bytes);
                expanded(decoder.map_err(|error| garbled(&error))?)?
            }
        };
        Ok(Self { format, bytes })
    }
}

impl Events {
    /// What was sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the engine reads. No body at all is an empty object, which clients send either way.
    pub(crate) fn batch(&self) -> Batch<'_> {
        let is_blank = self.format == Format::Json && self.first().is_none();
        let bytes: &[u8] = if is_blank { b"{}" } else { &self.bytes };
        Batch::Body(self.format, bytes)
    }

    /// The 422 that names the bad places. The only event of a body has no index.
    pub(crate) fn refused(&self, problems: Vec<EventProblem>) -> Error {
        let is_single = self.format == Format::Json && self.first() != Some(b'[');
        let total = problems.len();
        let named = problems.into_iter().take(PLACES_MAX).map(|problem| {
            let mut field = BadField::from(problem);
            field.path.drain(..usize::from(is_single));
            field
        });
        let mut fields: Vec<BadField> = named.collect();
        if total > PLACES_MAX {
            let more = if total < PROBLEMS_MAX {
                ""
            } else {
                "at least "
            };
            let message =
                format!("{more}{total} places cannot be used; the first {PLACES_MAX} are named");
            fields.push(BadField {
                part: "body",
                path: Vec::new(),
                message,
                kind: "value_error.too_many".to_owned(),
            });
        }
        Error::Unreadable(fields)
    }

    fn first(&self) -> Option<u8> {
        let mut bytes = self.bytes.iter();
        bytes.find(|byte| !byte.is_ascii_whitespace()).copied()
    }
}

enum Compression {
    Gzip,
    Zstd,
}

fn compression(headers: &HeaderMap) -> Result<Option<Compression>> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(None);
    };
    let word = value.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    match word.as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Compression::Gzip)),
        "zstd" => Ok(Some(Compression::Zstd)),
        _ => Err(Error::EncodingUnknown),
    }
}

fn format(headers: &HeaderMap) -> Format {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    match JSON_LINES
        .iter()
        .any(|word| word.eq_ignore_ascii_case(essence))
    {
        true => Format::JsonLines,
        false => Format::Json,
    }
}

fn expanded(decoder: impl Read) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let limit = EVENT_BYTES_MAX as u64 + 1;
    let read = decoder.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| garbled(&error))?;
    if bytes.len() > EVENT_BYTES_MAX {
        return Err(Error::TooLarge(EVENT_BYTES_MAX));
    }
    Ok(bytes.into())
}

fn garbled(error: &std::io::Error) -> Error {
    unreadable(
        "value_error.compression",
        format!("the body cannot be decompressed: {error}"),
    )
}
