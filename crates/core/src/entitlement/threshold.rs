//! Alerts about what is used of an entitlement. Owns when one is due. Once in each period of a customer: a period begins
//! with the newest grant in force, so that a new grant is a new period.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// An alert that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: Uuid,
    /// About which entitlement.
    pub entitlement_id: Uuid,
    /// About which customer; none is every one.
    pub customer_id: Option<Uuid>,
    /// When.
    pub threshold: Threshold,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Use at which an alert is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// So many hundredths of all that is granted.
    Percent(Decimal),
    /// So many units.
    Units(Decimal),
}

impl Threshold {
    /// Whether `used` of `granted` reaches it. Nothing granted is nothing to be told about.
    pub fn is_reached(self, used: Decimal, granted: Decimal) -> bool {
        match self {
            Self::Units(units) => used >= units,
            Self::Percent(percent) => {
                granted > Decimal::ZERO && used * Decimal::ONE_HUNDRED >= percent * granted
            }
        }
    }

    /// The API's word and the number.
    pub const fn parts(self) -> (&'static str, Decimal) {
        match self {
            Self::Percent(number) => ("percent", number),
            Self::Units(number) => ("units", number),
        }
    }

    /// The threshold of a word and a number.
    pub fn restore(word: &str, number: Decimal) -> Option<Self> {
        match word {
            "percent" => Some(Self::Percent(number)),
            "units" => Some(Self::Units(number)),
            _ => None,
        }
    }
}
