//! Customers: who is billed.
//!
//! Owns what a valid customer is and what may change. Does not own uniqueness (a constraint of the
//! store) nor addresses ([`crate::address`]).

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

/// Longest external id, in characters.
pub const EXTERNAL_ID_LENGTH_MAX: usize = 255;
/// Fewest and most digits of a telephone number with country code (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The caller's own id for the customer; unique within the organisation.
    pub external_id: Option<String>,
    /// Name on documents.
    pub customer_name: String,
    /// Where documents go; unique within the organisation, ignoring case.
    pub email: Option<String>,
    /// With country code.
    pub phone_number: Option<String>,
    /// Tax registrations.
    pub tax_info: Vec<TaxId>,
    /// Free data; `parent_customer_id`, `invoice_consolidation_enabled` and `exempt_tax` have a meaning.
    pub custom_data: Json,
    /// Values of the organisation's custom attributes.
    pub custom_attributes: Json,
    /// Whether e-mails are sent.
    pub communications_enabled: bool,
    /// Whether approved invoices are charged to the default payment method.
    pub auto_charge_enabled: bool,
    /// The entity that bills; set once (semantics §33).
    pub business_entity_id: Option<Uuid>,
}

impl Details {
    /// The customer that `custom_data` names as the parent; any other text there means nothing.
    pub fn parent_customer_id(&self) -> Option<Uuid> {
        hyphenated_uuid(self.custom_data.get("parent_customer_id")?.as_str()?)
    }

    /// Whether what the customer's children are billed goes on one invoice: `invoice_consolidation_enabled`
    /// in `custom_data` is true, or the text `true` (semantics §6.6).
    pub fn consolidates_invoices(&self) -> bool {
        self.is_set("invoice_consolidation_enabled")
    }

    /// Whether the customer pays no tax: `exempt_tax` in `custom_data` is true, or the text `true`.
    pub fn is_tax_exempt(&self) -> bool {
        self.is_set("exempt_tax")
    }

    fn is_set(&self, key: &str) -> bool {
        match self.custom_data.get(key) {
            Some(Json::Bool(value)) => *value,
            Some(Json::String(word)) => word.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// These details without the parent in `custom_data`.
    pub fn without_parent(mut self) -> Self {
        if let Some(members) = self.custom_data.as_object_mut() {
            members.remove("parent_customer_id");
        }
        self
    }
}

/// A tax registration, shown on documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxId {
    /// Country or union, as the tax authority's list names it.
    pub country_code: String,
    /// Kind of number: VAT, GST, TIN…
    pub tax_code: String,
    /// The number.
    pub tax_id: String,
}

/// Which rule a customer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a customer needs a name that is not blank")]
    NameBlank,
    /// The telephone number has other characters, or too few or too many digits.
    #[error("write the telephone number with country code and 5 to 15 digits, as +1-555-0142")]
    PhoneNumberInvalid,
    /// The entity that bills cannot be exchanged.
    #[error("the business entity of a customer cannot be changed once it is set")]
    BusinessEntityFixed,
}

/// A new customer. Its id is the external id where that is a UUID, else `generated` (semantics §49).
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn create(generated: Uuid, details: Details, at: Timestamp) -> Result<Customer, Refusal> {
    let details = checked(details)?;
    let external_uuid = details.external_id.as_deref().and_then(hyphenated_uuid);
    let id = external_uuid.unwrap_or(generated);
    Ok(Customer {
        id,
        details,
        created_at: at,
        updated_at: at,
    })
}

/// The customer with other details.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn amend(customer: &Customer, details: Details, at: Timestamp) -> Result<Customer, Refusal> {
    let details = checked(details)?;
    let entity = customer.details.business_entity_id;
    if entity.is_some() && entity != details.business_entity_id {
        return Err(Refusal::BusinessEntityFixed);
    }
    let Customer { id, created_at, .. } = *customer;
    Ok(Customer {
        id,
        details,
        created_at,
        updated_at: at,
    })
}

fn checked(details: Details) -> Result<Details, Refusal> {
    let details = Details {
        external_id: details.external_id.filter(|id| !id.is_empty()),
        email: details.email.filter(|email| !email.is_empty()),
        phone_number: details.phone_number.filter(|number| !number.is_empty()),
        ..details
    };
    if details.customer_name.trim().is_empty() {
        return Err(Refusal::NameBlank);
    }
    if !details.phone_number.as_deref().is_none_or(is_phone_number) {
        return Err(Refusal::PhoneNumberInvalid);
    }
    Ok(details)
}

/// A UUID in its usual form. The other forms that a parser knows (32 digits, braces) may be anything.
fn hyphenated_uuid(text: &str) -> Option<Uuid> {
    let id: Uuid = text.parse().ok()?;
    id.hyphenated()
        .to_string()
        .eq_ignore_ascii_case(text)
        .then_some(id)
}

/// Whether the text is a telephone number with 5 to 15 digits.
pub(crate) fn is_phone_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    PHONE_DIGITS.contains(&digits)
        && rest
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> Details {
        Details {
            external_id: None,
            customer_name: name.to_owned(),
            email: None,
            phone_number: None,
            tax_info: Vec::new(),
            custom_data: Json::Null,
            custom_attributes: Json::Null,
            communications_enabled: true,
            auto_charge_enabled: true,
            business_entity_id: None,
        }
    }

    fn created(details: Details) -> Result<Customer, Refusal> {
        create(Uuid::from_u128(1), details, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_external_id_that_is_a_uuid_is_the_id() {
        let id = Uuid::from_u128(7);
        let given = Details {
            external_id: Some(id.to_string()),
            ..details("Northwind")
        };
        assert_eq!(created(given).unwrap().id, id);
        let other = Details {
            external_id: Some("CRM-7".to_owned()),
            ..details("Northwind")
        };
        assert_eq!(created(other).unwrap().id, Uuid::from_u128(1));
    }

    #[test]
    fn an_external_id_of_32_digits_is_not_an_id() {
        for text in [
            "00000000000000000000000000000007",
            "{00000000-0000-0000-0000-000000000007}",
        ] {
            let given = Details {
                external_id: Some(text.to_owned()),
                ..details("Northwind")
            };
            assert_eq!(created(given).unwrap().id, Uuid::from_u128(1), "{text}");
        }
    }

    #[test]
    fn a_later_external_id_does_not_change_the_id() {
        let customer = created(details("Northwind")).unwrap();
        let given = Details {
            external_id: Some(Uuid::from_u128(7).to_string()),
            ..details("Northwind")
        };
        assert_eq!(
            amend(&customer, given, Timestamp::UNIX_EPOCH).unwrap().id,
            customer.id
        );
    }

    #[test]
    fn custom_data_says_whose_invoices_are_consolidated() {
        for (custom_data, expected) in [
            (
                serde_json::json!({ "invoice_consolidation_enabled": "true" }),
                true,
            ),
            (
                serde_json::json!({ "invoice_consolidation_enabled": true }),
                true,
            ),
            (
                serde_json::json!({ "invoice_consolidation_enabled": "1" }),
                false,
            ),
            (serde_json::json!({ "exempt_tax": true }), false),
        ] {
            let given = Details {
                custom_data,
                ..details("Northwind")
            };
            assert_eq!(given.consolidates_invoices(), expected, "{given:?}");
        }
    }

    #[test]
    fn custom_data_says_who_is_exempt_and_whose_child_a_customer_is() {
        let parent = Uuid::from_u128(9);
        for (custom_data, exempt, of) in [
            (serde_json::json!({ "exempt_tax": true }), true, None),
            (serde_json::json!({ "exempt_tax": "true" }), true, None),
            (serde_json::json!({ "exempt_tax": "no" }), false, None),
            (
                serde_json::json!({ "exempt_tax": 1, "parent_customer_id": "ACME" }),
                false,
                None,
            ),
            (
                serde_json::json!({ "parent_customer_id": parent.to_string() }),
                false,
                Some(parent),
            ),
            (Json::Null, false, None),
        ] {
            let given = Details {
                custom_data,
                ..details("Northwind")
            };
            assert_eq!(
                (given.is_tax_exempt(), given.parent_customer_id()),
                (exempt, of)
            );
            assert_eq!(given.without_parent().parent_customer_id(), None);
        }
    }

    #[test]
    fn an_empty_external_id_is_none() {
        let given = Details {
            external_id: Some(String::new()),
            ..details("Northwind")
        };
        assert_eq!(created(given).unwrap().details.external_id, None);
    }

    #[test]
    fn a_blank_name_is_refused() {
        assert_eq!(created(details("  ")), Err(Refusal::NameBlank));
    }

    #[test]
    fn telephone_numbers() {
        for (number, good) in [
            ("+1-555-0142", true),
            ("(0)30 123456", true),
            ("12", false),
            ("+1-555-CALL", false),
            ("1234567890123456", false),
        ] {
            let given = Details {
                phone_number: Some(number.to_owned()),
                ..details("Northwind")
            };
            assert_eq!(created(given).is_ok(), good, "{number}");
        }
    }

    #[test]
    fn the_business_entity_is_set_once() {
        let entity = |id| Details {
            business_entity_id: Some(Uuid::from_u128(id)),
            ..details("N")
        };
        let customer = created(details("N")).unwrap();
        let set = amend(&customer, entity(5), Timestamp::UNIX_EPOCH).unwrap();
        let again = amend(&set, entity(6), Timestamp::UNIX_EPOCH);
        assert_eq!(again, Err(Refusal::BusinessEntityFixed));
    }
}
