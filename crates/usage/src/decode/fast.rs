//! Well-formed events, read from bytes into columns. `None` wherever anything is unusual: then the core
//! reads the body, and decides.

use std::{fmt, marker::PhantomData};

use arrow::array::{ArrayBuilder, RecordBatch};
use florin_app::usage::{EVENTS_MAX, Format};
use florin_core::usage::{
    DataType, Schema,
    event::{CUSTOMER_ID_LENGTH_MAX, TEXT_LENGTH_MAX},
    number::{DECIMAL_PLACES_MAX, WHOLE_DIGITS_MAX},
    timestamp,
};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::builders::{Builders, Column, days};

/// Bytes of a small event: how many events to make room for.
const EVENT_BYTES: usize = 80;

pub(super) fn read(schema: &Schema, format: Format, bytes: &[u8]) -> Option<RecordBatch> {
    let room = (bytes.len() / EVENT_BYTES + 1).min(EVENTS_MAX);
    let mut reader = Reader {
        schema,
        builders: Builders::new(schema, room),
    };
    match format {
        Format::JsonLines => {
            for line in bytes.split(|byte| *byte == b'\n') {
                if !line.trim_ascii().is_empty() {
                    reader.value(line, Event)?;
                }
            }
        }
        Format::Json if bytes.trim_ascii_start().first() == Some(&b'[') => {
            reader.value(bytes, Events)?;
        }
        Format::Json => reader.value(bytes, Event)?,
    }
    reader.builders.finish(schema).ok()
}

struct Reader<'s> {
    schema: &'s Schema,
    builders: Builders,
}

/// An array of events.
struct Events;
/// One event.
struct Event;
/// The object `data`.
struct Data;

/// A part of a body and where its values go.
struct Part<'r, 's, P> {
    reader: &'r mut Reader<'s>,
    part: PhantomData<P>,
}

impl<'r, 's, P> Part<'r, 's, P> {
    fn new(reader: &'r mut Reader<'s>, _: P) -> Self {
        let part = PhantomData;
        Self { reader, part }
    }
}

impl<'s> Reader<'s> {
    fn value<'r, 'de, P>(&'r mut self, bytes: &'de [u8], part: P) -> Option<()>
    where
        Part<'r, 's, P>: DeserializeSeed<'de, Value = ()>,
    {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let part = Part::new(self, part);
        part.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()
    }

    /// Gives every column that the event did not name a null.
    fn end_event(&mut self) -> Option<()> {
        let builders = &mut self.builders;
        builders.events += 1;
        let is_named = builders.customer_id.len() == builders.events
            && builders.timestamp.len() == builders.events;
        for column in &mut builders.data {
            if column.len() < builders.events {
                column.append_null();
            }
        }
        (is_named && builders.events <= EVENTS_MAX).then_some(())
    }
}

/// The core will say what is wrong.
fn unusual<E: de::Error>() -> E {
    E::custom("unusual")
}

macro_rules! part {
    ($part:ty, $method:ident) => {
        impl<'de> DeserializeSeed<'de> for Part<'_, '_, $part> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.$method(self)
            }
        }
    };
}

part!(Events, deserialize_seq);
part!(Event, deserialize_map);
part!(Data, deserialize_map);

impl<'de> Visitor<'de> for Part<'_, '_, Events> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        loop {
            let event = Part::new(&mut *self.reader, Event);
            if events.next_element_seed(event)?.is_none() {
                return Ok(());
            }
        }
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, Event> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reader = self.reader;
        let events = reader.builders.events;
        let mut has_data = false;
        while let Some(member) = members.next_key_seed(MemberName)? {
            match member {
                Member::CustomerId if reader.builders.customer_id.len() == events => {
                    let add = |id: &str| {
                        let is_good = is_text(id, CUSTOMER_ID_LENGTH_MAX) && !id.is_empty();
                        is_good.then(|| reader.builders.customer_id.append_value(id))
                    };
                    members.next_value_seed(Text(add))?.ok_or_else(unusual)?;
                }
                Member::Timestamp if reader.builders.timestamp.len() == events => {
                    let add = |text: &str| {
                        let at = timestamp::instant(text)?.as_microsecond();
                        reader.builders.timestamp.append_value(at);
                        Some(())
                    };
                    members.next_value_seed(Text(add))?.ok_or_else(unusual)?;
                }
                Member::Data if !has_data => {
                    has_data = true;
                    members.next_value_seed(Part::new(&mut *reader, Data))?;
                }
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
                _ => return Err(unusual()),
            }
        }
        let ended = reader.end_event().filter(|()| has_data);
        ended.ok_or_else(unusual)
    }
}

/// A key of an event.
enum Member {
    CustomerId,
    Timestamp,
    Data,
    Other,
}

struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Member;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "customer_id" => Member::CustomerId,
            "timestamp" => Member::Timestamp,
            "data" => Member::Data,
            _ => Member::Other,
        })
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, Data> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Reader { schema, builders } = self.reader;
        let mut expected = 0;
        while let Some(position) = members.next_key_seed(FieldName { schema, expected })? {
            let position = position.ok_or_else(unusual)?;
            expected = position + 1;
            let column = &mut builders.data[position];
            if column.len() != builders.events {
                return Err(unusual());
            }
            let data_type = &schema.fields()[position].data_type;
            field(&mut members, column, data_type)?;
        }
        Ok(())
    }
}

/// The position of a key; senders repeat their order, so the next field is tried first.
struct FieldName<'s> {
    schema: &'s Schema,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Option<usize>, E> {
        let field = self.schema.fields().get(self.expected);
        let is_expected = field.is_some_and(|field| field.name == name);
        Ok(if is_expected {
            Some(self.expected)
        } else {
            self.schema.position(name)
        })
    }
}

fn field<'de, A: MapAccess<'de>>(
    members: &mut A,
    column: &mut Column,
    data_type: &DataType,
) -> Result<(), A::Error> {
    let added = match column {
        Column::Text(_) | Column::Day(_) | Column::Instant(_) => {
            members.next_value_seed(TextOrNull { column, data_type })?
        }
        Column::Int(_) | Column::Decimal(_) | Column::Bool(_) => {
            word(column, members.next_value::<&RawValue>()?.get())
        }
        Column::List(..) => None,
    };
    added.ok_or_else(unusual)
}

/// Adds a number, `true`, `false` or `null`.
fn word(column: &mut Column, word: &str) -> Option<()> {
    match column {
        _ if word == "null" => column.append_null(),
        Column::Int(builder) => builder.append_value(word.parse().ok()?),
        Column::Decimal(builder) => builder.append_value(plain_number(word.as_bytes())?),
        Column::Bool(builder) => builder.append_value(word.parse().ok()?),
        _ => return None,
    }
    Some(())
}

/// Adds what is written as a text.
fn text(column: &mut Column, data_type: &DataType, text: &str) -> Option<()> {
    match column {
        Column::Text(builder) if *data_type == DataType::Uuid => {
            let id: Uuid = text.parse().ok()?;
            builder.append_value(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        }
        Column::Text(builder) if is_text(text, TEXT_LENGTH_MAX) => builder.append_value(text),
        Column::Day(builder) => builder.append_value(days(timestamp::day(text)?)),
        Column::Instant(builder) => {
            builder.append_value(timestamp::instant(text)?.as_microsecond());
        }
        _ => return None,
    }
    Some(())
}

/// A text of a field, or null.
struct TextOrNull<'c> {
    column: &'c mut Column,
    data_type: &'c DataType,
}

impl<'de> DeserializeSeed<'de> for TextOrNull<'_> {
    type Value = Option<()>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<()>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for TextOrNull<'_> {
    type Value = Option<()>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or null")
    }

    fn visit_str<E: de::Error>(self, given: &str) -> Result<Option<()>, E> {
        Ok(text(self.column, self.data_type, given))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<()>, E> {
        self.column.append_null();
        Ok(Some(()))
    }
}

/// A text that `add` takes or finds unusual.
struct Text<F>(F);

impl<'de, F: FnMut(&str) -> Option<()>> DeserializeSeed<'de> for Text<F> {
    type Value = Option<()>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<()>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnMut(&str) -> Option<()>> Visitor<'_> for Text<F> {
    type Value = Option<()>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: de::Error>(mut self, text: &str) -> Result<Option<()>, E> {
        Ok((self.0)(text))
    }
}

fn is_text(text: &str, length_max: usize) -> bool {
    text.len() <= length_max && !text.as_bytes().contains(&0)
}

/// A number without exponent that needs no rounding, as the integer of a decimal column. JSON allows no
/// other forms of digits than these.
fn plain_number(text: &[u8]) -> Option<i128> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let whole = point.unwrap_or(digits.len());
    let places = point.map_or(0, |point| digits.len() - point - 1);
    if whole == 0 || whole > WHOLE_DIGITS_MAX as usize || places > DECIMAL_PLACES_MAX as usize {
        return None;
    }
    let mut number = 0_i128;
    for byte in digits.iter().filter(|byte| **byte != b'.') {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i128::from(byte - b'0');
    }
    let number = number * 10_i128.pow(DECIMAL_PLACES_MAX - places as u32);
    Some(if is_negative { -number } else { number })
}
