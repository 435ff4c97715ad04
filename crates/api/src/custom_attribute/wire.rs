//! A custom attribute definition as JSON writes it.

use florin_app::custom_attribute::Owned;
use florin_core::{
    custom_attribute::{DataType, Definition, Details, Module, Subject},
    id::OrganisationId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{business_entity::EmbeddedEntity, value::Instant};

/// What an attribute is added to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ModuleWord {
    Customers,
    Products,
    Contracts,
    Plans,
    Invoices,
    Payments,
}

/// What the values are: STRING text, INTEGER a whole number of 64 bits, FLOAT any number (kept exactly),
/// BOOLEAN, LIST_STRING a list of texts, ENUM one of `enum_choices`, JSON anything, DATE as
/// `2026-01-31`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum DataTypeWord {
    String,
    Integer,
    Float,
    Boolean,
    ListString,
    Enum,
    Json,
    Date,
}

/// What a caller may write of a definition. The first four fields never change.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CustomAttributeInput {
    /// Key in `custom_attributes`; unique for its module and entity.
    #[schema(min_length = 1, max_length = 255, example = "region")]
    attribute_key_name: String,
    /// What the attribute is added to.
    module: ModuleWord,
    /// What the values are.
    data_type: DataTypeWord,
    /// The business entity for which it takes the place of the organisation's definition; null for
    /// the organisation's.
    business_entity_id: Option<Uuid>,
    /// Name on screens.
    #[schema(min_length = 1, max_length = 255, example = "Region")]
    display_name: String,
    /// What it is for.
    #[schema(max_length = 2000, example = "Sales region")]
    description: Option<String>,
    /// The allowed values of an ENUM, which needs at least one; empty for every other type.
    #[schema(max_items = 1000, example = json!(["NA", "EU"]))]
    enum_choices: Option<Vec<Choice>>,
    /// The value of a new thing that names none. Must be of the data type; a text that spells it as
    /// JSON (`"5"`, `"true"`) is read.
    #[schema(example = "NA")]
    default_value: Option<Value>,
    /// Whether lists are grouped by it; only for an ENUM. False unless told.
    #[schema(example = true)]
    is_tag: Option<bool>,
    /// Whether a value must be given; false unless told.
    #[schema(example = false)]
    is_required: Option<bool>,
    /// Whether it is in use; true unless told. An entity's definition that is not hides the
    /// organisation's from that entity.
    #[schema(example = true)]
    is_enabled: Option<bool>,
    /// Place among the others on screens, smallest first; 0 unless told.
    #[schema(minimum = -1000000, maximum = 1000000, example = 1)]
    sort_order: Option<i64>,
}

/// An allowed value of an ENUM.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(min_length = 1, max_length = 255, example = "EU")]
struct Choice(String);

/// A custom attribute definition.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CustomAttributeResponse {
    /// Id of the definition.
    id: Uuid,
    /// The organisation.
    organisation_id: Uuid,
    /// Key in `custom_attributes`.
    #[schema(example = "region")]
    attribute_key_name: String,
    /// Name on screens.
    #[schema(example = "Region")]
    display_name: String,
    /// What the attribute is added to.
    module: ModuleWord,
    /// What the values are.
    data_type: DataTypeWord,
    /// The business entity for which it holds; null for the organisation's definition.
    business_entity_id: Option<Uuid>,
    /// That business entity.
    business_entity: Option<EmbeddedEntity>,
    /// Whether lists are grouped by it.
    #[schema(example = true)]
    is_tag: bool,
    /// The allowed values of an ENUM.
    #[schema(example = json!(["NA", "EU"]))]
    enum_choices: Vec<String>,
    /// The value of a new thing that names none.
    #[schema(example = "NA")]
    default_value: Option<Value>,
    /// Whether a value must be given.
    #[schema(example = false)]
    is_required: bool,
    /// Whether it is in use.
    #[schema(example = true)]
    is_enabled: bool,
    /// Place among the others on screens.
    #[schema(example = 1)]
    sort_order: i64,
    /// What it is for.
    #[schema(example = "Sales region")]
    description: Option<String>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl From<CustomAttributeInput> for (Subject, Details) {
    fn from(input: CustomAttributeInput) -> Self {
        let CustomAttributeInput {
            attribute_key_name,
            module,
            data_type,
            business_entity_id,
            display_name,
            description,
            enum_choices,
            default_value,
            is_tag,
            is_required,
            is_enabled,
            sort_order,
        } = input;
        let subject = Subject {
            module: module.into(),
            attribute_key_name,
            data_type: data_type.into(),
            business_entity_id,
        };
        let choices = enum_choices.into_iter().flatten();
        let details = Details {
            display_name,
            description,
            enum_choices: choices.map(|Choice(text)| text).collect(),
            default_value,
            is_tag: is_tag.unwrap_or(false),
            is_required: is_required.unwrap_or(false),
            is_enabled: is_enabled.unwrap_or(true),
            sort_order: sort_order.unwrap_or(0),
        };
        (subject, details)
    }
}

impl From<Definition> for CustomAttributeInput {
    fn from(definition: Definition) -> Self {
        let Definition {
            subject, details, ..
        } = definition;
        let Subject {
            module,
            attribute_key_name,
            data_type,
            business_entity_id,
        } = subject;
        let Details {
            display_name,
            description,
            enum_choices,
            default_value,
            is_tag,
            is_required,
            is_enabled,
            sort_order,
        } = details;
        Self {
            attribute_key_name,
            module: module.into(),
            data_type: data_type.into(),
            business_entity_id,
            display_name,
            description,
            enum_choices: Some(enum_choices.into_iter().map(Choice).collect()),
            default_value,
            is_tag: Some(is_tag),
            is_required: Some(is_required),
            is_enabled: Some(is_enabled),
            sort_order: Some(sort_order),
        }
    }
}

/// The definition as the API shows it.
pub(super) fn shown(organisation: OrganisationId, owned: Owned) -> CustomAttributeResponse {
    let Owned {
        definition,
        business_entity,
    } = owned;
    let Definition {
        id,
        subject,
        details,
        created_at,
        updated_at,
    } = definition;
    let Subject {
        module,
        attribute_key_name,
        data_type,
        business_entity_id,
    } = subject;
    let Details {
        display_name,
        description,
        enum_choices,
        default_value,
        is_tag,
        is_required,
        is_enabled,
        sort_order,
    } = details;
    CustomAttributeResponse {
        id,
        organisation_id: organisation.0,
        attribute_key_name,
        display_name,
        module: module.into(),
        data_type: data_type.into(),
        business_entity_id,
        business_entity: business_entity.map(Into::into),
        is_tag,
        enum_choices,
        default_value,
        is_required,
        is_enabled,
        sort_order,
        description,
        created_at: Instant(created_at),
        updated_at: Instant(updated_at),
    }
}

impl From<ModuleWord> for Module {
    fn from(word: ModuleWord) -> Self {
        match word {
            ModuleWord::Customers => Self::Customers,
            ModuleWord::Products => Self::Products,
            ModuleWord::Contracts => Self::Contracts,
            ModuleWord::Plans => Self::Plans,
            ModuleWord::Invoices => Self::Invoices,
            ModuleWord::Payments => Self::Payments,
        }
    }
}

impl From<Module> for ModuleWord {
    fn from(module: Module) -> Self {
        match module {
            Module::Customers => Self::Customers,
            Module::Products => Self::Products,
            Module::Contracts => Self::Contracts,
            Module::Plans => Self::Plans,
            Module::Invoices => Self::Invoices,
            Module::Payments => Self::Payments,
        }
    }
}

impl From<DataTypeWord> for DataType {
    fn from(word: DataTypeWord) -> Self {
        match word {
            DataTypeWord::String => Self::String,
            DataTypeWord::Integer => Self::Integer,
            DataTypeWord::Float => Self::Float,
            DataTypeWord::Boolean => Self::Boolean,
            DataTypeWord::ListString => Self::ListString,
            DataTypeWord::Enum => Self::Enum,
            DataTypeWord::Json => Self::Json,
            DataTypeWord::Date => Self::Date,
        }
    }
}

impl From<DataType> for DataTypeWord {
    fn from(data_type: DataType) -> Self {
        match data_type {
            DataType::String => Self::String,
            DataType::Integer => Self::Integer,
            DataType::Float => Self::Float,
            DataType::Boolean => Self::Boolean,
            DataType::ListString => Self::ListString,
            DataType::Enum => Self::Enum,
            DataType::Json => Self::Json,
            DataType::Date => Self::Date,
        }
    }
}
