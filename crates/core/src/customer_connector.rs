//! Links from a customer to its record in another system.
//!
//! Owns the names of the systems that can be linked. Does not own talking to them. Invariant: a customer
//! has at most one link to each system.

use jiff::Timestamp;
use uuid::Uuid;

/// The systems that a customer can be linked to, as links name them (zenskar-api §2.3).
pub const NAMES: &[&str] = &[
    "stripe",
    "avalara",
    "quickbooks",
    "salesforce",
    "xero",
    "hubspot",
    "zoho",
    "adyen",
    "anrok",
    "dealhub",
    "netsuite",
    crate::connector::TEST,
];

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: Uuid,
    /// The customer.
    pub customer_id: Uuid,
    /// The other system: one of [`NAMES`].
    pub name: String,
    /// The customer's id there.
    pub reference_id: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When the link last changed.
    pub updated_at: Timestamp,
}

/// Why a link is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No link to that system, or none at all.
    #[error("the customer is not linked to this system")]
    NotLinked,
    /// No system was named, and there are several links.
    #[error("the customer is linked to several systems: name one as connector_name")]
    Ambiguous,
}

/// The link to the named system; where none is named, the only one.
///
/// # Errors
/// [`Refusal::NotLinked`], [`Refusal::Ambiguous`].
pub fn choose(links: Vec<Link>, name: Option<&str>) -> Result<Link, Refusal> {
    let mut fitting = links
        .into_iter()
        .filter(|link| name.is_none_or(|name| link.name == name));
    let link = fitting.next().ok_or(Refusal::NotLinked)?;
    match fitting.next() {
        None => Ok(link),
        Some(_) => Err(Refusal::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(names: &[&str]) -> Vec<Link> {
        let link = |name: &&str| Link {
            id: Uuid::nil(),
            customer_id: Uuid::nil(),
            name: (*name).to_owned(),
            reference_id: "r".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        names.iter().map(link).collect()
    }

    #[test]
    fn a_link_is_chosen_by_name_or_because_it_is_the_only_one() {
        for (linked, name, chosen) in [
            (&["xero", "stripe"] as &[&str], Some("stripe"), Ok("stripe")),
            (&["xero"], None, Ok("xero")),
            (&["xero"], Some("stripe"), Err(Refusal::NotLinked)),
            (&[], None, Err(Refusal::NotLinked)),
            (&["xero", "stripe"], None, Err(Refusal::Ambiguous)),
        ] {
            let found = choose(links(linked), name).map(|link| link.name);
            assert_eq!(found, chosen.map(str::to_owned));
        }
    }
}
