//! Tags: words that an organisation marks its products with.
//!
//! Owns what a valid tag is. Invariant: a name stands for one tag of an organisation (a constraint of
//! the store).

use jiff::Timestamp;
use uuid::Uuid;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller writes of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The word.
    pub name: String,
    /// Colour on a screen, as `#rrggbb`.
    pub colour: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// Why a tag is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a tag needs a name that is not blank")]
    NameBlank,
}

impl Details {
    /// The details without outer blanks in the name.
    ///
    /// # Errors
    /// [`Refusal::NameBlank`].
    pub fn checked(self) -> Result<Self, Refusal> {
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            return Err(Refusal::NameBlank);
        }
        Ok(Self { name, ..self })
    }
}

/// The tag of a name that was `known` before, or a new one.
pub fn place(generated: Uuid, details: Details, known: Option<&Tag>, at: Timestamp) -> Tag {
    Tag {
        id: known.map_or(generated, |tag| tag.id),
        details,
        created_at: known.map_or(at, |tag| tag.created_at),
        updated_at: at,
    }
}
