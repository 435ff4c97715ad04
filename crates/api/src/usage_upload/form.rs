//! The body of an upload: a form with a file, or the file itself.
//!
//! Owns reading either as it comes. The fields of a form stand before its file, because a file is not kept
//! here until they are known.

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use florin_app::usage_upload::{New, PIECE_BYTES};
use futures_util::StreamExt;
use multer::{Field, Multipart};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{BadField, Error, Result};

/// Bytes of a form's field that is not the file, at most.
const FIELD_BYTES_MAX: usize = 64 * 1024;
/// Headers that a mapping names, at most.
const MAPPING_MAX: usize = 1_000;
/// How a packed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What was said of a file, and the file as it comes.
pub(super) struct Form {
    words: Vec<(String, String)>,
    /// Where the words stand.
    part: &'static str,
    file_name: Option<String>,
    pub(super) pieces: Pieces,
}

/// The bytes of a file, piece by piece.
pub(super) struct Pieces {
    source: Source,
    /// What has come and is in no piece yet.
    waiting: Vec<u8>,
    is_over: bool,
}

enum Source {
    Body(BodyDataStream),
    Field(Box<Field<'static>>),
}

impl Form {
    /// Reads up to the file's first bytes.
    pub(super) async fn read(request: Request) -> Result<Self> {
        let (parts, body) = request.into_parts();
        match boundary(&parts.headers) {
            Some(boundary) => Self::of_form(body, boundary).await,
            None => {
                let query = parts.uri.query().unwrap_or_default();
                let words = form_urlencoded::parse(query.as_bytes())
                    .into_owned()
                    .collect();
                let pieces = Pieces::open(Source::Body(body.into_data_stream())).await?;
                Ok(Self {
                    words,
                    part: "query",
                    file_name: None,
                    pieces,
                })
            }
        }
    }

    async fn of_form(body: Body, boundary: String) -> Result<Self> {
        let mut form = Multipart::new(body.into_data_stream(), boundary);
        let mut words = Vec::new();
        while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                let file_name = field.file_name().map(str::to_owned);
                let pieces = Pieces::open(Source::Field(Box::new(field))).await?;
                return Ok(Self {
                    words,
                    part: "body",
                    file_name,
                    pieces,
                });
            }
            let mut text = Vec::new();
            while let Some(bytes) = field.chunk().await.map_err(unreadable)? {
                text.extend_from_slice(&bytes);
                if text.len() > FIELD_BYTES_MAX {
                    return Err(Error::TooLarge(FIELD_BYTES_MAX));
                }
            }
            let text = String::from_utf8(text);
            let text = text.map_err(|_| bad("body", &name, "the field is not UTF-8"))?;
            words.push((name, text));
        }
        let message = "the form has no field `file`, or another one behind it";
        Err(bad("body", "file", message))
    }

    /// What was said of the file.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with every bad word.
    pub(super) fn said(&self) -> Result<New> {
        let mut refused = Vec::new();
        let word = |name: &str| {
            let mut words = self.words.iter().rev();
            let word = words.find(|(known, _)| known == name);
            word.map(|(_, text)| text.trim())
                .filter(|text| !text.is_empty())
        };
        let mut refuse = |name: &str, message: &str| {
            refused.push(field(self.part, name, message));
        };
        let mapping = word("mapping").map_or(Some(Vec::new()), mapping);
        if mapping.is_none() {
            let message = "an object of headers and columns: {\"Customer\": \"customer_id\"}";
            refuse("mapping", message);
        }
        let is_confirmed = match word("confirm") {
            None => false,
            Some(word) => word.parse().unwrap_or_else(|_| {
                refuse("confirm", "true or false");
                false
            }),
        };
        let backfill_id = word("backfill_id").and_then(|word| {
            let id: Option<Uuid> = word.parse().ok();
            if id.is_none() {
                refuse("backfill_id", "value is not a valid uuid");
            }
            id
        });
        let name = self.file_name.as_deref().or_else(|| word("file_name"));
        if name.is_some_and(|name| name.contains('\0')) {
            refuse("file_name", "text cannot contain the character U+0000");
        }
        let file_name = name.map(|name| name.chars().take(255).collect());
        if !refused.is_empty() {
            return Err(Error::Unreadable(refused));
        }
        Ok(New {
            backfill_id,
            file_name,
            is_packed: self.pieces.waiting.starts_with(&GZIP),
            mapping: mapping.unwrap_or_default(),
            is_confirmed,
        })
    }
}

/// Headers and their columns; null and the empty text pass a column over.
fn mapping(text: &str) -> Option<Vec<(String, String)>> {
    let members: Map<String, Value> = serde_json::from_str(text).ok()?;
    if members.len() > MAPPING_MAX || text.contains("\\u0000") {
        return None;
    }
    let pairs = members.into_iter().map(|(header, column)| match column {
        Value::String(column) => Some((header, column)),
        Value::Null => Some((header, String::new())),
        _ => None,
    });
    pairs.collect()
}

impl Pieces {
    async fn open(source: Source) -> Result<Self> {
        let mut pieces = Self {
            source,
            waiting: Vec::new(),
            is_over: false,
        };
        // The first bytes say whether the file is packed.
        pieces.fill(GZIP.len()).await?;
        Ok(pieces)
    }

    /// The next piece; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.fill(PIECE_BYTES).await?;
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let rest = self.waiting.split_off(self.waiting.len().min(PIECE_BYTES));
        Ok(Some(std::mem::replace(&mut self.waiting, rest)))
    }

    async fn fill(&mut self, bytes: usize) -> Result<()> {
        while !self.is_over && self.waiting.len() < bytes {
            match self.source.chunk().await? {
                Some(more) => self.waiting.extend_from_slice(&more),
                None => self.is_over = true,
            }
        }
        Ok(())
    }
}

impl Source {
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Body(body) => body.next().await.transpose().map_err(unreadable),
            Self::Field(field) => field.chunk().await.map_err(unreadable),
        }
    }
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(value).ok()
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    bad("body", "file", &format!("the body cannot be read: {error}"))
}

fn bad(part: &'static str, name: &str, message: &str) -> Error {
    Error::Unreadable(vec![field(part, name, message)])
}

fn field(part: &'static str, name: &str, message: &str) -> BadField {
    BadField {
        part,
        path: vec![name.to_owned()],
        message: message.to_owned(),
        kind: "value_error".to_owned(),
    }
}
