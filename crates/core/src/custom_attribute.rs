//! Custom attributes: what an organisation adds to its customers, products and documents.
//!
//! Owns what a valid definition is, which definition wins for an entity, and whether values fit. Does
//! not own the values: they stand with the thing that they describe. Keys that no definition names are
//! free and stay as they are.

mod values;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

pub use values::{Expected, Violation, check};

/// What an attribute is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// Customers.
    Customers,
    /// Products.
    Products,
    /// Contracts.
    Contracts,
    /// Plans.
    Plans,
    /// Invoices.
    Invoices,
    /// Payments.
    Payments,
}

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// Any number; kept exactly as written.
    Float,
    /// True or false.
    Boolean,
    /// A list of texts.
    ListString,
    /// One of the definition's choices.
    Enum,
    /// Any JSON.
    Json,
    /// A calendar day, `2026-01-31`.
    Date,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its id.
    pub id: Uuid,
    /// What it is about; never changes.
    pub subject: Subject,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a definition is about; never changes (semantics §47).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the attribute is added to.
    pub module: Module,
    /// Its key in `custom_attributes`.
    pub attribute_key_name: String,
    /// What its values are.
    pub data_type: DataType,
    /// The entity for which it takes the place of the organisation's definition.
    pub business_entity_id: Option<Uuid>,
}

/// What a caller may change of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Name on screens.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The allowed values of an [`DataType::Enum`].
    pub enum_choices: Vec<String>,
    /// The value of a new thing that names none.
    pub default_value: Option<Json>,
    /// Whether lists are grouped by it.
    pub is_tag: bool,
    /// Whether a value must be given.
    pub is_required: bool,
    /// Whether it is in use.
    pub is_enabled: bool,
    /// Place among the others on screens.
    pub sort_order: i64,
}

/// Which rule a definition breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key is blank.
    #[error("a custom attribute needs a key that is not blank")]
    KeyBlank,
    /// The display name is blank.
    #[error("a custom attribute needs a display name that is not blank")]
    DisplayNameBlank,
    /// An ENUM without choices.
    #[error("an ENUM needs at least one choice")]
    ChoicesMissing,
    /// Choices of another type.
    #[error("only an ENUM has choices")]
    ChoicesNotEnum,
    /// A choice is blank or there twice.
    #[error("the choices of an ENUM differ from each other and are not blank")]
    ChoicesRepeated,
    /// The default is not of the type.
    #[error("the default value is not of the attribute's data type, or not one of its choices")]
    DefaultUnfit,
    /// A tag of another type.
    #[error("only an ENUM can be a tag")]
    TagNotEnum,
    /// The attribute has another type at the organisation or another entity.
    #[error("the attribute has another data type elsewhere in the organisation: send that one")]
    DataTypeDiffers,
}

/// A definition whose subject was to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "module, attribute_key_name, data_type and business_entity_id of a custom attribute cannot be \
     changed: define another attribute"
)]
pub struct SubjectFixed;

impl Module {
    /// Every module.
    pub const ALL: [Self; 6] = [
        Self::Customers,
        Self::Products,
        Self::Contracts,
        Self::Plans,
        Self::Invoices,
        Self::Payments,
    ];

    /// The API's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Contracts => "contracts",
            Self::Plans => "plans",
            Self::Invoices => "invoices",
            Self::Payments => "payments",
        }
    }

    /// The module of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.word() == word)
    }
}

impl DataType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Integer,
        Self::Float,
        Self::Boolean,
        Self::ListString,
        Self::Enum,
        Self::Json,
        Self::Date,
    ];

    /// The API's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Integer => "INTEGER",
            Self::Float => "FLOAT",
            Self::Boolean => "BOOLEAN",
            Self::ListString => "LIST_STRING",
            Self::Enum => "ENUM",
            Self::Json => "JSON",
            Self::Date => "DATE",
        }
    }

    /// The type of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Definition {
    /// A new definition. `others` are the definitions of the same module and key.
    ///
    /// # Errors
    /// Every [`Refusal`] that applies.
    pub fn create(
        id: Uuid,
        subject: Subject,
        details: Details,
        others: &[Self],
        at: Timestamp,
    ) -> Result<Self, Vec<Refusal>> {
        let data_type = subject.data_type;
        let mut refusals = Vec::new();
        let differs = others.iter().any(|o| o.subject.data_type != data_type);
        refuse(
            &mut refusals,
            subject.attribute_key_name.trim().is_empty(),
            Refusal::KeyBlank,
        );
        refuse(&mut refusals, differs, Refusal::DataTypeDiffers);
        match details.checked(data_type) {
            Ok(details) if refusals.is_empty() => Ok(Self {
                id,
                subject,
                details,
                created_at: at,
                updated_at: at,
            }),
            Ok(_) => Err(refusals),
            Err(more) => Err(refusals.into_iter().chain(more).collect()),
        }
    }

    /// The definition with other details.
    ///
    /// # Errors
    /// Every [`Refusal`] that applies.
    pub fn amend(&self, details: Details, at: Timestamp) -> Result<Self, Vec<Refusal>> {
        let details = details.checked(self.subject.data_type)?;
        let (subject, created_at) = (self.subject.clone(), self.created_at);
        Ok(Self {
            id: self.id,
            subject,
            details,
            created_at,
            updated_at: at,
        })
    }

    /// Holds only where `subject` is the definition's own.
    ///
    /// # Errors
    /// [`SubjectFixed`].
    pub fn keeps(&self, subject: &Subject) -> Result<(), SubjectFixed> {
        if self.subject == *subject {
            Ok(())
        } else {
            Err(SubjectFixed)
        }
    }
}

impl Details {
    fn checked(mut self, data_type: DataType) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let is_enum = data_type == DataType::Enum;
        let no_choices = self.enum_choices.is_empty();
        refuse(
            &mut refusals,
            self.display_name.trim().is_empty(),
            Refusal::DisplayNameBlank,
        );
        refuse(
            &mut refusals,
            is_enum && no_choices,
            Refusal::ChoicesMissing,
        );
        refuse(
            &mut refusals,
            !is_enum && !no_choices,
            Refusal::ChoicesNotEnum,
        );
        refuse(
            &mut refusals,
            is_repeated(&self.enum_choices),
            Refusal::ChoicesRepeated,
        );
        refuse(&mut refusals, self.is_tag && !is_enum, Refusal::TagNotEnum);
        let given = self.default_value.take().filter(|value| !value.is_null());
        match given.map(|value| values::read_default(data_type, &self.enum_choices, value)) {
            Some(None) => refusals.push(Refusal::DefaultUnfit),
            Some(fitting) => self.default_value = fitting,
            None => {}
        }
        if refusals.is_empty() {
            Ok(self)
        } else {
            Err(refusals)
        }
    }
}

fn refuse(refusals: &mut Vec<Refusal>, is_broken: bool, refusal: Refusal) {
    if is_broken {
        refusals.push(refusal);
    }
}

fn is_repeated(choices: &[String]) -> bool {
    let mut earlier = std::collections::BTreeSet::new();
    choices
        .iter()
        .any(|choice| choice.trim().is_empty() || !earlier.insert(choice))
}

/// The definitions that hold for one entity: its own ones, and the organisation's where it has none
/// of that key. One that is not enabled hides the organisation's too.
pub fn effective(definitions: Vec<Definition>) -> Vec<Definition> {
    let (own, organisation): (Vec<_>, Vec<_>) = definitions
        .into_iter()
        .partition(|definition| definition.subject.business_entity_id.is_some());
    let is_overridden = |definition: &Definition| {
        let key = &definition.subject.attribute_key_name;
        own.iter().any(|own| own.subject.attribute_key_name == *key)
    };
    let mut effective: Vec<Definition> = organisation
        .into_iter()
        .filter(|definition| !is_overridden(definition))
        .collect();
    effective.extend(own);
    effective.retain(|definition| definition.details.is_enabled);
    effective
}
