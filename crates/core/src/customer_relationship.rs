//! Parents and children among customers.
//!
//! Owns which customers may be related. Invariants: a customer has at most one parent and is nobody's
//! ancestor and descendant at once; a `parent_customer_id` in its `custom_data` names that parent.

use jiff::Timestamp;
use uuid::Uuid;

/// Ancestors of a customer at most: groups of companies are a few levels deep, and each level is a read.
pub const ANCESTORS_MAX: usize = 10;

/// A parent and one of its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// Its id.
    pub id: Uuid,
    /// The customer that may pay for the other.
    pub parent_customer_id: Uuid,
    /// The customer below.
    pub child_customer_id: Uuid,
    /// When they were related.
    pub created_at: Timestamp,
}

/// Why two customers cannot be parent and child, or a parent cannot go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The child is the parent itself or one of its ancestors.
    #[error("a customer cannot be its own parent, directly or through others")]
    Cycle,
    /// The parent has as many ancestors as are allowed.
    #[error("a customer can have {ANCESTORS_MAX} customers above it at most")]
    TooDeep,
    /// The child has another parent.
    #[error("the child has a parent: delete that relationship first")]
    HasParent,
    /// The customer to delete is a parent.
    #[error("the customer is a parent: delete its relationships first")]
    HasChildren,
}

/// Whether `parent`, whose own ancestors are given nearest first, may be above `child`.
///
/// # Errors
/// [`Refusal::Cycle`], [`Refusal::TooDeep`].
pub fn check(parent: Uuid, child: Uuid, ancestors: &[Uuid]) -> Result<(), Refusal> {
    if parent == child || ancestors.contains(&child) {
        return Err(Refusal::Cycle);
    }
    if ancestors.len() >= ANCESTORS_MAX {
        return Err(Refusal::TooDeep);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_above_itself_and_chains_are_bounded() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        assert_eq!(check(a, b, &[]), Ok(()));
        assert_eq!(check(a, a, &[]), Err(Refusal::Cycle));
        assert_eq!(check(a, b, &[c, b]), Err(Refusal::Cycle));
        assert_eq!(check(a, b, &[c; ANCESTORS_MAX - 1]), Ok(()));
        assert_eq!(check(a, b, &[c; ANCESTORS_MAX]), Err(Refusal::TooDeep));
    }
}
