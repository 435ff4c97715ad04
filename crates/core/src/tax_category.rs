//! Tax categories: what kind of thing is sold, as tax rates tell things apart.
//!
//! Owns what a valid category is and how its code is formed. Does not own rates
//! ([`crate::jurisdiction_rate`]). Invariant: a category has at most one code of each provider.

use jiff::Timestamp;
use uuid::Uuid;

/// What every code begins with.
const CODE_PREFIX: &str = "ZEN_TAX_";

/// A tax category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxCategory {
    /// Its id.
    pub id: Uuid,
    /// The code that Florin gave it, such as `ZEN_TAX_00001`; unique in the organisation, never reused.
    pub code: String,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a tax category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What is sold.
    pub name: String,
    /// The same category in the words of tax providers, sorted by provider.
    pub external_codes: Vec<ExternalCode>,
}

/// A category's code at a tax provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalCode {
    /// The provider, such as `avalara`.
    pub provider: String,
    /// Its code.
    pub code: String,
}

/// Which rule a tax category breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a tax category needs a name that is not blank")]
    NameBlank,
    /// Two codes of one provider.
    #[error("`{provider}` has two codes: a category has one code of each provider")]
    ProviderTwice {
        /// The provider.
        provider: String,
    },
}

/// A new category with the organisation's next `number`, counted from 1.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn create(
    id: Uuid,
    number: u64,
    details: Details,
    at: Timestamp,
) -> Result<TaxCategory, Refusal> {
    Ok(TaxCategory {
        id,
        code: format!("{CODE_PREFIX}{number:05}"),
        details: checked(details)?,
        created_at: at,
        updated_at: at,
    })
}

/// The category with other details. Its code stays.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn amend(
    category: &TaxCategory,
    details: Details,
    at: Timestamp,
) -> Result<TaxCategory, Refusal> {
    Ok(TaxCategory {
        details: checked(details)?,
        updated_at: at,
        ..category.clone()
    })
}

/// Whether a category can have this code at all.
pub fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(CODE_PREFIX).unwrap_or_default();
    (5..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn checked(mut details: Details) -> Result<Details, Refusal> {
    if details.name.trim().is_empty() {
        return Err(Refusal::NameBlank);
    }
    details.external_codes.sort();
    let mut neighbours = details.external_codes.windows(2);
    match neighbours.find(|pair| pair[0].provider == pair[1].provider) {
        Some(pair) => Err(Refusal::ProviderTwice {
            provider: pair[0].provider.clone(),
        }),
        None => Ok(details),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(name: &str, codes: &[(&str, &str)]) -> Result<TaxCategory, Refusal> {
        let external = |(provider, code): &(&str, &str)| ExternalCode {
            provider: (*provider).to_owned(),
            code: (*code).to_owned(),
        };
        let details = Details {
            name: name.to_owned(),
            external_codes: codes.iter().map(external).collect(),
        };
        create(Uuid::nil(), 7, details, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_code_counts_with_five_digits() {
        let category = created("SAAS", &[]).unwrap();
        assert_eq!(category.code, "ZEN_TAX_00007");
        assert!(is_code(&category.code));
    }

    #[test]
    fn texts_that_are_no_code() {
        for text in [
            "",
            "ZEN_TAX_",
            "ZEN_TAX_1",
            "zen_tax_00001",
            "ZEN_TAX_0000x",
        ] {
            assert!(!is_code(text), "{text}");
        }
        assert!(is_code("ZEN_TAX_100000"));
    }

    #[test]
    fn a_provider_has_one_code() {
        let twice = created(
            "SAAS",
            &[("avalara", "A"), ("anrok", "B"), ("avalara", "C")],
        );
        let provider = "avalara".to_owned();
        assert_eq!(twice, Err(Refusal::ProviderTwice { provider }));
        assert!(created("SAAS", &[("avalara", "A"), ("anrok", "A")]).is_ok());
    }

    #[test]
    fn a_blank_name_is_refused() {
        assert_eq!(created(" ", &[]), Err(Refusal::NameBlank));
    }
}
