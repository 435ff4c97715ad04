//! Business entities: the companies of an organisation, in whose name documents are issued.
//!
//! Owns what a valid entity is and which one is the default. Does not own settings for a region
//! ([`crate::region_config`]). Invariant: an organisation has exactly one default entity (semantics §20).

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{address::Address, customer};

/// A business entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessEntity {
    /// Its id.
    pub id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a business entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Name on documents.
    pub name: String,
    /// Sender of its documents.
    pub email: Option<String>,
    /// With country code.
    pub phone_number: Option<String>,
    /// Whether new customers belong to it.
    pub is_default: bool,
    /// Picture on documents.
    pub logo_url: Option<String>,
    /// Free settings of tax: `tax_id`, `tax_provider`…
    pub tax_config: Json,
    /// Where it is.
    pub address: Option<Address>,
}

/// Which rule a business entity breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a business entity needs a name that is not blank")]
    NameBlank,
    /// The telephone number has other characters, or too few or too many digits.
    #[error("write the telephone number with country code and 5 to 15 digits, as +1-555-0142")]
    PhoneNumberInvalid,
    /// The default entity cannot stop being it by itself.
    #[error(
        "an organisation needs a default business entity: make another one the default instead"
    )]
    DefaultNeeded,
}

/// What must be written so that an entity is as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The entity that stops being the default: before and after. Written first.
    pub cleared: Option<(BusinessEntity, BusinessEntity)>,
    /// The entity.
    pub entity: BusinessEntity,
}

/// A new entity. The first of an organisation, which has no `default` yet, becomes the default.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn create(
    id: Uuid,
    details: Details,
    default: Option<&BusinessEntity>,
    at: Timestamp,
) -> Result<Settlement, Refusal> {
    let mut details = checked(details)?;
    details.is_default |= default.is_none();
    let entity = BusinessEntity {
        id,
        details,
        created_at: at,
        updated_at: at,
    };
    Ok(settle(entity, default))
}

/// The entity with other details.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn amend(
    entity: &BusinessEntity,
    details: Details,
    default: Option<&BusinessEntity>,
    at: Timestamp,
) -> Result<Settlement, Refusal> {
    let details = checked(details)?;
    if entity.details.is_default && !details.is_default {
        return Err(Refusal::DefaultNeeded);
    }
    let BusinessEntity { id, created_at, .. } = *entity;
    let entity = BusinessEntity {
        id,
        details,
        created_at,
        updated_at: at,
    };
    Ok(settle(entity, default))
}

fn settle(entity: BusinessEntity, default: Option<&BusinessEntity>) -> Settlement {
    let displaced = default.filter(|other| entity.details.is_default && other.id != entity.id);
    let cleared = displaced.map(|before| {
        let mut after = before.clone();
        after.details.is_default = false;
        after.updated_at = entity.updated_at;
        (before.clone(), after)
    });
    Settlement { cleared, entity }
}

fn checked(details: Details) -> Result<Details, Refusal> {
    let details = Details {
        name: details.name.trim().to_owned(),
        email: details.email.filter(|email| !email.is_empty()),
        phone_number: details.phone_number.filter(|number| !number.is_empty()),
        ..details
    };
    if details.name.is_empty() {
        return Err(Refusal::NameBlank);
    }
    let phone_number = details.phone_number.as_deref();
    if !phone_number.is_none_or(customer::is_phone_number) {
        return Err(Refusal::PhoneNumberInvalid);
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str, is_default: bool) -> Details {
        Details {
            name: name.to_owned(),
            email: None,
            phone_number: None,
            is_default,
            logo_url: None,
            tax_config: Json::Null,
            address: None,
        }
    }

    fn entity(id: u128, is_default: bool) -> BusinessEntity {
        BusinessEntity {
            id: Uuid::from_u128(id),
            details: details("Northwind Billing", is_default),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn created(details: Details, default: Option<&BusinessEntity>) -> Result<Settlement, Refusal> {
        create(Uuid::from_u128(9), details, default, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_first_entity_is_the_default() {
        let settlement = created(details("First", false), None).unwrap();
        assert!(settlement.entity.details.is_default);
        assert_eq!(settlement.cleared, None);
    }

    #[test]
    fn a_new_default_takes_the_place_of_the_old_one() {
        let old = entity(1, true);
        let settlement = created(details("Second", true), Some(&old)).unwrap();
        let (before, after) = settlement.cleared.unwrap();
        assert_eq!((before, after.details.is_default), (old, false));
    }

    #[test]
    fn another_entity_leaves_the_default_alone() {
        let old = entity(1, true);
        let settlement = created(details("Second", false), Some(&old)).unwrap();
        assert_eq!(settlement.cleared, None);
        assert!(!settlement.entity.details.is_default);
    }

    #[test]
    fn the_default_stays_until_another_entity_takes_over() {
        let (old, other) = (entity(1, true), entity(2, false));
        let at = Timestamp::UNIX_EPOCH;
        let given_up = amend(&old, details("First", false), Some(&old), at);
        assert_eq!(given_up, Err(Refusal::DefaultNeeded));
        let renamed = amend(&old, details("Renamed", true), Some(&old), at).unwrap();
        assert_eq!(renamed.cleared, None);
        let taken = amend(&other, details("Other", true), Some(&old), at).unwrap();
        assert!(taken.cleared.is_some());
    }

    #[test]
    fn a_blank_name_or_a_wrong_telephone_number_is_refused() {
        assert_eq!(created(details(" ", false), None), Err(Refusal::NameBlank));
        let wrong = Details {
            phone_number: Some("12".to_owned()),
            ..details("First", false)
        };
        assert_eq!(created(wrong, None), Err(Refusal::PhoneNumberInvalid));
    }
}
