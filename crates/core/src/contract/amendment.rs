//! Amendments: what differs between two versions of a contract, field by field. What an amendment does
//! to periods that are billed already is [`crate::billing`]'s.

use super::Contract;
use crate::difference::{Change, difference};

/// The difference of two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// The earlier version.
    pub old_version: u32,
    /// The later version.
    pub version_number: u32,
    /// Each field that differs.
    pub changes: Vec<Change>,
}

/// What differs between two versions of a contract. Phases and lines are told apart by id, so that one
/// more phase is one change.
pub fn amendment(old: &Contract, new: &Contract) -> Amendment {
    Amendment {
        old_version: old.version(),
        version_number: new.version(),
        changes: difference(&old.document(), &new.document()),
    }
}
