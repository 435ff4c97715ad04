//! Numbers of invoices and credit notes. Owns their form and the arithmetic of a gapless sequence; where
//! the sequence is kept and locked is the store's business.

use std::ops::Range;

/// How a number is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// Text before the digits, such as `INV-`.
    pub prefix: String,
    /// Digits at least; shorter numbers begin with zeros.
    pub digits: usize,
}

/// The next number of a business entity's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The next number to be given, from 1.
    pub next: u64,
}

impl NumberFormat {
    /// Invoices where nothing else was agreed.
    pub fn invoices() -> Self {
        Self {
            prefix: "INV-".to_owned(),
            digits: 4,
        }
    }

    /// Credit notes where nothing else was agreed.
    pub fn credit_notes() -> Self {
        Self {
            prefix: "CN-".to_owned(),
            digits: 4,
        }
    }

    /// A number as it is written.
    pub fn write(&self, number: u64) -> String {
        format!("{}{number:0width$}", self.prefix, width = self.digits)
    }
}

impl Sequence {
    /// A sequence of which nothing is given.
    pub const START: Self = Self { next: 1 };

    /// Takes so many numbers in one step: those given, and the sequence after. `None` at its end.
    #[must_use]
    pub fn take(self, count: u64) -> Option<(Range<u64>, Self)> {
        let next = self.next.checked_add(count)?;
        Some((self.next..next, Self { next }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gap_and_grow_beyond_their_digits() {
        let (first, sequence) = Sequence::START.take(3).unwrap();
        let (second, sequence) = sequence.take(9_998).unwrap();
        assert_eq!((first, second, sequence.next), (1..4, 4..10_002, 10_002));
        let format = NumberFormat::invoices();
        assert_eq!(format.write(7), "INV-0007");
        assert_eq!(format.write(10_001), "INV-10001");
        assert_eq!(Sequence { next: u64::MAX }.take(1), None);
    }
}
