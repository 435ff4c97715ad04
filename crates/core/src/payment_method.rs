//! Payment methods: what a gateway may charge for a customer.
//!
//! Owns which of them are tried, and in which order. Does not own cards: a gateway keeps them, and here is its
//! id for one and what may be shown of it. Invariant: a customer has at most one default.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;
use uuid::Uuid;

/// Methods that one charge tries at most: each refusal of a bank costs money and reputation.
pub const TRIED_MAX: usize = 3;

/// A payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// The account at the gateway that keeps it.
    pub connector_id: Uuid,
    /// The gateway's name.
    pub connector_name: String,
    /// The gateway's id for it.
    pub external_id: String,
    /// Whether it is tried first.
    pub is_default: bool,
    /// Whether the gateway would take it.
    pub status: Status,
    /// What the gateway says of it.
    pub facts: Facts,
    /// When it was attached.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a gateway says of a payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is, in the words of payments: `card`, `direct_debit`….
    pub kind: String,
    /// Where it is from, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// What may be shown of it: brand, last digits, expiry.
    pub details: Json,
}

/// Whether a payment method can be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Active,
    /// Its card has expired.
    Expired,
}

impl Status {
    /// Every status.
    pub const ALL: &[&str] = &["active", "expired"];

    /// The status of a method that is good to the end of a month, if it ends at all.
    pub fn of(expires: Option<(i8, i16)>, at: Timestamp) -> Self {
        let today = at.to_zoned(TimeZone::UTC).date();
        match expires {
            Some((month, year)) if (year, month) < (today.year(), today.month()) => Self::Expired,
            _ => Self::Active,
        }
    }

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }

    /// The value of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "expired" => Some(Self::Expired),
            _ => None,
        }
    }
}

/// The methods that a charge tries, in order: the default, then the others as they were attached, of the
/// connector and of the kinds that are asked for (none: all).
pub fn tried(
    mut methods: Vec<PaymentMethod>,
    connector_id: Option<Uuid>,
    kinds: &[String],
) -> Vec<PaymentMethod> {
    methods.retain(|method| {
        method.status == Status::Active
            && connector_id.is_none_or(|id| method.connector_id == id)
            && (kinds.is_empty() || kinds.contains(&method.facts.kind))
    });
    methods.sort_by_key(|method| (!method.is_default, method.created_at, method.id));
    methods.truncate(TRIED_MAX);
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(number: u64, is_default: bool) -> PaymentMethod {
        PaymentMethod {
            id: Uuid::from_u64_pair(0, number),
            customer_id: Uuid::nil(),
            connector_id: Uuid::from_u64_pair(1, number % 2),
            connector_name: "stripe".to_owned(),
            external_id: format!("pm_{number}"),
            is_default,
            status: Status::Active,
            facts: Facts {
                kind: if number == 4 { "direct_debit" } else { "card" }.to_owned(),
                country: None,
                details: Json::Null,
            },
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn order(methods: Vec<PaymentMethod>, connector: Option<u64>, kinds: &[&str]) -> Vec<String> {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let connector = connector.map(|number| Uuid::from_u64_pair(1, number));
        let tried = tried(methods, connector, &kinds).into_iter();
        tried.map(|method| method.external_id).collect()
    }

    #[test]
    fn the_default_is_tried_first_and_three_at_most() {
        let methods = || (1..=5).map(|number| method(number, number == 3)).collect();
        assert_eq!(order(methods(), None, &[]), ["pm_3", "pm_1", "pm_2"]);
        assert_eq!(order(methods(), Some(0), &[]), ["pm_2", "pm_4"]);
        assert_eq!(order(methods(), None, &["direct_debit"]), ["pm_4"]);
        assert_eq!(order(methods(), None, &["upi"]), [""; 0]);
    }

    #[test]
    fn a_card_is_good_to_the_end_of_its_month() {
        let at = "2026-02-28T23:59:59Z".parse().unwrap();
        for (expires, status) in [
            (None, Status::Active),
            (Some((2, 2026)), Status::Active),
            (Some((1, 2027)), Status::Active),
            (Some((1, 2026)), Status::Expired),
            (Some((12, 2025)), Status::Expired),
        ] {
            assert_eq!(Status::of(expires, at), status, "{expires:?}");
        }
    }

    #[test]
    fn an_expired_card_is_not_tried() {
        let expired = PaymentMethod {
            status: Status::Expired,
            ..method(1, true)
        };
        assert_eq!(order(vec![expired, method(2, false)], None, &[]), ["pm_2"]);
    }
}
