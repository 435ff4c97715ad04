//! JSON to columns, without a value in between.
//!
//! Owns the fast reading of well-formed batches. It accepts a part of what
//! [`Schema::read`](florin_core::usage::Schema::read) accepts, and reads that part alike; anything else
//! falls back to it, so every rule and every message about an event stands in the core alone.

mod builders;
mod fast;

use arrow::{array::RecordBatch, error::ArrowError};
use florin_app::usage::{EVENTS_MAX, Format, UsageError};
use florin_core::usage::{Event, Schema};
use serde_json::Value as Json;

use builders::Builders;

/// Reads a body.
///
/// # Errors
/// [`UsageError::Unreadable`], [`UsageError::TooManyEvents`], [`UsageError::Events`].
pub(crate) fn body(
    schema: &Schema,
    format: Format,
    bytes: &[u8],
) -> Result<RecordBatch, UsageError> {
    if let Some(batch) = fast::read(schema, format, bytes) {
        return Ok(batch);
    }
    let events = parse(format, bytes)?;
    if events.len() > EVENTS_MAX {
        return Err(UsageError::TooManyEvents);
    }
    let read = schema.read(events).map_err(UsageError::Events)?;
    events_batch(schema, &read)
}

/// The columns of events that are already read.
pub(crate) fn events_batch(schema: &Schema, events: &[Event]) -> Result<RecordBatch, UsageError> {
    let mut builders = Builders::new(schema, events.len());
    for event in events {
        builders.event(event);
    }
    builders.finish(schema).map_err(broken)
}

fn broken(error: ArrowError) -> UsageError {
    UsageError::Unavailable(error.to_string())
}

fn parse(format: Format, bytes: &[u8]) -> Result<Vec<Json>, UsageError> {
    match format {
        Format::JsonLines => lines(bytes),
        Format::Json => match serde_json::from_slice(bytes) {
            Ok(Json::Array(events)) => Ok(events),
            Ok(event) => Ok(vec![event]),
            Err(error) => Err(unreadable(&error)),
        },
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Json>, UsageError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let events = lines.map(|(index, line)| {
        serde_json::from_slice(line).map_err(|error| UsageError::Unreadable {
            message: format!("line {}: {error}", index + 1),
        })
    });
    events.collect()
}

fn unreadable(error: &serde_json::Error) -> UsageError {
    UsageError::Unreadable {
        message: error.to_string(),
    }
}
