//! Which grants a draw comes from. Owns the order: what expires first is used first, what never expires last; of two that
//! expire together the one that began first, then the one that was made first. A draw never exceeds what there is.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A grant that a draw may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The grant.
    pub grant: Uuid,
    /// First instant.
    pub active_from: Timestamp,
    /// First instant at which it is gone.
    pub expiry_at: Option<Timestamp>,
    /// What can be taken.
    pub available: Decimal,
}

/// What is taken from a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The grant.
    pub grant: Uuid,
    /// How much, above zero.
    pub quantity: Decimal,
}

/// What all of them have.
pub fn available(sources: &[Source]) -> Decimal {
    sources.iter().map(|source| source.available).sum()
}

/// Takes `wanted`, or as much as there is, and leaves the rest in the sources.
pub fn spread(sources: &mut [Source], wanted: Decimal) -> Vec<Drawn> {
    sources.sort_by_key(|source| {
        let never = source.expiry_at.is_none();
        (never, source.expiry_at, source.active_from, source.grant)
    });
    let mut left = wanted;
    let mut drawn = Vec::new();
    for source in sources {
        let quantity = left.min(source.available);
        if quantity > Decimal::ZERO {
            source.available -= quantity;
            left -= quantity;
            drawn.push(Drawn {
                grant: source.grant,
                quantity,
            });
        }
    }
    drawn
}

/// Gives `wanted` of earlier draws back, the last one first; what is left of the draws stays in `earlier`.
pub fn take_back(earlier: &mut Vec<Drawn>, wanted: Decimal) -> Vec<Drawn> {
    let mut left = wanted;
    let mut back = Vec::new();
    while left > Decimal::ZERO
        && let Some(last) = earlier.last_mut()
    {
        let quantity = left.min(last.quantity);
        left -= quantity;
        last.quantity -= quantity;
        back.push(Drawn {
            grant: last.grant,
            quantity,
        });
        if last.quantity.is_zero() {
            earlier.pop();
        }
    }
    back
}
