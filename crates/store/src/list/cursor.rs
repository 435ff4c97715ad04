//! A cursor: which row a page continues from, in which order. Opaque to clients.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// Where an earlier page ended or began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Continue after (or before) the row with this key.
    Key {
        /// Whether the page lies before the row.
        backward: bool,
        /// Name of the sort column.
        column: String,
        /// Whether the order is descending.
        descending: bool,
        /// The row's sort value, as text; `None` is null.
        value: Option<String>,
        /// The row's id.
        id: Uuid,
    },
    /// Continue after so many rows; used where the order is computed.
    Offset(u64),
}

impl Cursor {
    /// The opaque text.
    pub fn encode(&self) -> String {
        let plain = match self {
            Self::Offset(rows) => serde_json::json!([rows]),
            Self::Key {
                backward,
                column,
                descending,
                value,
                id,
            } => {
                serde_json::json!([backward, column, descending, value, id.to_string()])
            }
        };
        URL_SAFE_NO_PAD.encode(plain.to_string())
    }

    /// Reads what [`Cursor::encode`] wrote; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        let plain: Vec<serde_json::Value> = serde_json::from_slice(&bytes).ok()?;
        match plain.as_slice() {
            [rows] => Some(Self::Offset(rows.as_u64().filter(|rows| *rows < 1 << 53)?)),
            [backward, column, descending, value, id] => Some(Self::Key {
                backward: backward.as_bool()?,
                column: column.as_str()?.to_owned(),
                descending: descending.as_bool()?,
                value: match value {
                    serde_json::Value::Null => None,
                    other => Some(other.as_str()?.to_owned()),
                },
                id: id.as_str()?.parse().ok()?,
            }),
            _ => None,
        }
    }
}
