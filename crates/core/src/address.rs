//! Addresses and the address book of a customer.
//!
//! Owns when two addresses are the same and which one is the default. Invariants: no two addresses of a
//! customer are equal; at most one is the default for billing and at most one for shipping.

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

/// State of an address that no connector has checked yet.
pub const PENDING: &str = "pending";

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// Second line.
    pub line2: Option<String>,
    /// Third line.
    pub line3: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// State, province or region.
    pub state: Option<String>,
    /// Postal code.
    pub zip_code: Option<String>,
    /// Country, in words.
    pub country: Option<String>,
    /// Country, ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// Whether a tax connector knows it: [`PENDING`] until one says.
    pub validation_status: String,
    /// What the connector said.
    pub connector_validation: Json,
}

/// An address in a customer's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// The customer.
    pub customer_id: Uuid,
    /// The address.
    pub address: Address,
    /// Whether documents show it as the billing address.
    pub is_default_billing: bool,
    /// Whether documents show it as the shipping address.
    pub is_default_shipping: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Address {
    /// Equal for addresses that a person would call the same: the lines without letter case and outer
    /// blanks. What connectors said does not count.
    pub fn content_key(&self) -> String {
        let Self {
            line1,
            line2,
            line3,
            city,
            state,
            zip_code,
            country,
            country_code,
            ..
        } = self;
        let parts = [
            line1,
            line2,
            line3,
            city,
            state,
            zip_code,
            country,
            country_code,
        ];
        let folded = parts.map(|part| part.as_deref().unwrap_or_default().trim().to_lowercase());
        folded.join("\u{1f}")
    }
}

/// What the book must do so that an address is in it, with these default flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Entries that lose a flag: before and after.
    pub cleared: Vec<(Entry, Entry)>,
    /// The entry, as it stood if the book had it, and as it will be.
    pub placed: (Option<Entry>, Entry),
}

/// Why a book refuses an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Edited, it would be equal to another one of the customer.
    #[error("the customer has this address already: use that one, or delete it first")]
    Duplicate,
}

/// Puts a new `entry` into the book: an equal address there takes over its flags and spelling instead
/// of being doubled, and a flag that it sets is cleared on every other entry (zenskar-api §3). What a
/// connector said about an equal address stays true.
pub fn place(book: &[Entry], entry: Entry) -> Placement {
    let key = entry.address.content_key();
    let equal = book.iter().find(|other| other.address.content_key() == key);
    let placed = match equal {
        None => entry,
        Some(known) => Entry {
            id: known.id,
            created_at: known.created_at,
            is_default_billing: entry.is_default_billing || known.is_default_billing,
            is_default_shipping: entry.is_default_shipping || known.is_default_shipping,
            address: respelled(&known.address, entry.address),
            ..entry
        },
    };
    Placement::new(book, equal.cloned(), placed)
}

/// Edits an entry of the book. An address with other content is [`PENDING`] again.
///
/// # Errors
/// [`Refusal::Duplicate`].
pub fn amend(book: &[Entry], before: &Entry, after: Entry) -> Result<Placement, Refusal> {
    let key = after.address.content_key();
    let mut others = book.iter().filter(|other| other.id != before.id);
    if others.any(|other| other.address.content_key() == key) {
        return Err(Refusal::Duplicate);
    }
    let address = if key == before.address.content_key() {
        after.address
    } else {
        unchecked(&before.address, after.address)
    };
    let after = Entry { address, ..after };
    Ok(Placement::new(book, Some(before.clone()), after))
}

/// Takes the default flags away from the book's addresses: for billing, for shipping, or both.
pub fn clear(book: &[Entry], billing: bool, shipping: bool, at: Timestamp) -> Vec<(Entry, Entry)> {
    let without = |entry: &Entry| {
        let after = Entry {
            is_default_billing: entry.is_default_billing && !billing,
            is_default_shipping: entry.is_default_shipping && !shipping,
            updated_at: at,
            ..entry.clone()
        };
        changed(entry, after)
    };
    book.iter().filter_map(without).collect()
}

impl Placement {
    fn new(book: &[Entry], before: Option<Entry>, placed: Entry) -> Self {
        let others: Vec<Entry> = book
            .iter()
            .filter(|other| other.id != placed.id)
            .cloned()
            .collect();
        let (billing, shipping) = (placed.is_default_billing, placed.is_default_shipping);
        Self {
            cleared: clear(&others, billing, shipping, placed.updated_at),
            placed: (before, placed),
        }
    }
}

fn changed(before: &Entry, after: Entry) -> Option<(Entry, Entry)> {
    let changed = after.is_default_billing != before.is_default_billing
        || after.is_default_shipping != before.is_default_shipping;
    changed.then(|| (before.clone(), after))
}

/// Equal content in another spelling keeps what a connector said, unless the sender knows better.
fn respelled(known: &Address, new: Address) -> Address {
    if new.validation_status != PENDING {
        return new;
    }
    Address {
        validation_status: known.validation_status.clone(),
        connector_validation: known.connector_validation.clone(),
        ..new
    }
}

/// What a connector said about other content is void, unless the sender says something new.
fn unchecked(known: &Address, new: Address) -> Address {
    if new.validation_status != known.validation_status {
        return new;
    }
    Address {
        validation_status: PENDING.to_owned(),
        connector_validation: Json::Object(serde_json::Map::new()),
        ..new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u128, line1: &str) -> Entry {
        let address = Address {
            line1: Some(line1.to_owned()),
            line2: None,
            line3: None,
            city: None,
            state: None,
            zip_code: None,
            country: None,
            country_code: None,
            validation_status: PENDING.to_owned(),
            connector_validation: Json::Null,
        };
        Entry {
            id: Uuid::from_u128(id),
            customer_id: Uuid::nil(),
            address,
            is_default_billing: false,
            is_default_shipping: false,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_equal_address_is_not_doubled_but_takes_the_flags() {
        let book = [Entry {
            is_default_shipping: true,
            ..entry(1, "9 Pine St")
        }];
        let again = Entry {
            is_default_billing: true,
            ..entry(2, " 9 PINE st ")
        };
        let (before, after) = place(&book, again).placed;
        assert_eq!(before.as_ref(), book.first());
        assert_eq!(after.id, Uuid::from_u128(1));
        assert!(after.is_default_billing && after.is_default_shipping);
    }

    #[test]
    fn a_default_is_cleared_on_every_other_address() {
        let book = [Entry {
            is_default_billing: true,
            is_default_shipping: true,
            ..entry(1, "a")
        }];
        let new = Entry {
            is_default_billing: true,
            ..entry(2, "b")
        };
        let placement = place(&book, new);
        let [(_, after)] = placement.cleared.as_slice() else {
            panic!("one entry is cleared")
        };
        assert!(!after.is_default_billing && after.is_default_shipping);
    }

    #[test]
    fn an_edited_address_may_lose_its_flag() {
        let book = [Entry {
            is_default_billing: true,
            ..entry(1, "a")
        }];
        let (_, after) = amend(&book, &book[0], entry(1, "a")).unwrap().placed;
        assert!(!after.is_default_billing);
    }

    #[test]
    fn an_address_cannot_be_edited_into_another() {
        let book = [entry(1, "a"), entry(2, "b")];
        assert_eq!(
            amend(&book, &book[0], entry(1, "B ")),
            Err(Refusal::Duplicate)
        );
    }

    #[test]
    fn what_a_connector_said_lasts_as_long_as_the_content() {
        let mut known = entry(1, "a");
        known.address.validation_status = "valid".to_owned();
        let book = [known.clone()];
        let status = |placement: Placement| placement.placed.1.address.validation_status;
        assert_eq!(status(place(&book, entry(2, "A"))), "valid");
        let mut moved = known.clone();
        moved.address.line1 = Some("b".to_owned());
        assert_eq!(status(amend(&book, &known, moved).unwrap()), PENDING);
    }

    #[test]
    fn clearing_touches_only_what_holds_the_flag() {
        let book = [
            Entry {
                is_default_billing: true,
                is_default_shipping: true,
                ..entry(1, "a")
            },
            entry(2, "b"),
        ];
        let cleared = clear(&book, true, false, Timestamp::UNIX_EPOCH);
        let [(_, after)] = cleared.as_slice() else {
            panic!("one entry is cleared")
        };
        assert!(!after.is_default_billing && after.is_default_shipping);
    }
}
