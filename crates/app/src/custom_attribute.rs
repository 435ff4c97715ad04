//! Custom attributes: defining them, and checking the values that other resources carry.

use std::collections::HashMap;

use florin_core::{
    business_entity::BusinessEntity,
    custom_attribute::{self, Definition, Details, Expected, Module, Refusal, Subject, Violation},
};
use florin_store::{self as store, Tx, business_entity::EntityName, list};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{App, Error, FieldError, Result, business_entity};

/// A definition with the entity for which it holds.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The definition.
    pub definition: Definition,
    /// Its entity; none for a definition of the organisation.
    pub business_entity: Option<BusinessEntity>,
}

const RULES: &[(&str, &str, &str)] = &[(
    "custom_attribute_attribute_key_name_key",
    "CUSTOM_ATTRIBUTE_EXISTS",
    "the module has a custom attribute with this attribute_key_name: change that one, or send \
     another key",
)];

/// Checks the custom attributes that a thing of `module` carries and answers them as they are to be
/// kept. Call it when a thing is created (`is_new`, which fills in defaults) and when its custom
/// attributes change; not when other fields do, so that a later definition does not lock old things.
///
/// # Errors
/// [`Error::Invalid`] with every value that does not fit, at `custom_attributes.<key>`.
pub async fn check(
    tx: &mut Tx,
    module: Module,
    business_entity_id: Option<Uuid>,
    values: Json,
    is_new: bool,
) -> Result<Json> {
    let all = store::custom_attribute::of_module(tx, module, business_entity_id).await?;
    fitting(&custom_attribute::effective(all), values, is_new)
}

/// The named business entity or the default one, if there is one, and the definitions that
/// hold for things of `module` that it bills; for [`fitting`].
pub(crate) async fn of_entity(
    tx: &mut Tx,
    module: Module,
    named: Option<Uuid>,
) -> Result<(Option<EntityName>, Vec<Definition>)> {
    let (entity, all) = store::custom_attribute::of_module_and_entity(tx, module, named).await?;
    Ok((entity, custom_attribute::effective(all)))
}

/// As [`check`], against definitions that have been read.
pub(crate) fn fitting(definitions: &[Definition], values: Json, is_new: bool) -> Result<Json> {
    custom_attribute::check(definitions, values, is_new).map_err(unfit)
}

/// Defines an attribute.
///
/// # Errors
/// [`Error::Invalid`] for broken rules and an unknown entity, [`Error::Refused`] where the key is
/// defined already.
pub async fn create(app: &App, tx: &mut Tx, subject: Subject, details: Details) -> Result<Owned> {
    store::organisation::lock(tx).await?;
    let entity = match subject.business_entity_id {
        None => Ok(()),
        Some(id) => business_entity::known(tx, id).await.map(|_| ()),
    };
    let key = subject.attribute_key_name.clone();
    let others = store::custom_attribute::of_key(tx, subject.module, &key).await?;
    let definition = Definition::create(app.ids.next(), subject, details, &others, tx.at()?);
    let ((), definition) = Error::both(entity, definition.map_err(refused))?;
    store::custom_attribute::insert(tx, &definition)
        .await
        .map_err(|error| Error::from_constraint(error, RULES))?;
    owned(tx, definition).await
}

/// Replaces what a caller may change of a definition. `subject` must be its own.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] for broken rules, [`Error::Refused`] for another subject.
pub async fn update(tx: &mut Tx, id: Uuid, subject: &Subject, details: Details) -> Result<Owned> {
    let before = find(tx, id).await?;
    before
        .keeps(subject)
        .map_err(|fixed| Error::refused("CUSTOM_ATTRIBUTE_FIXED", fixed))?;
    let after = before.amend(details, tx.at()?).map_err(refused)?;
    store::custom_attribute::update(tx, &before, &after).await?;
    load(tx, id).await
}

/// Deletes a definition. Values under its key stay where they are and are free from then on.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Owned> {
    let deleted = load(tx, id).await?;
    store::custom_attribute::delete(tx, &deleted.definition).await?;
    Ok(deleted)
}

/// A definition with its entity.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Owned> {
    let definition = find(tx, id).await?;
    owned(tx, definition).await
}

/// One page of definitions with their entities.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Owned>> {
    let page = store::custom_attribute::page(tx, query).await?;
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = page;
    Ok(list::Page {
        results: with_entities(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

async fn find(tx: &mut Tx, id: Uuid) -> Result<Definition> {
    let found = store::custom_attribute::find(tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "custom attribute",
    })
}

async fn owned(tx: &mut Tx, definition: Definition) -> Result<Owned> {
    let business_entity = match definition.subject.business_entity_id {
        None => None,
        Some(id) => store::business_entity::find(tx, id).await?,
    };
    Ok(Owned {
        definition,
        business_entity,
    })
}

async fn with_entities(tx: &mut Tx, definitions: Vec<Definition>) -> Result<Vec<Owned>> {
    let ids: Vec<Uuid> = definitions
        .iter()
        .filter_map(|definition| definition.subject.business_entity_id)
        .collect();
    let entities = store::business_entity::with_ids(tx, &ids).await?;
    let entities: HashMap<Uuid, BusinessEntity> = entities
        .into_iter()
        .map(|entity| (entity.id, entity))
        .collect();
    let with_entity = |definition: Definition| {
        let id = definition.subject.business_entity_id;
        let business_entity = id.and_then(|id| entities.get(&id)).cloned();
        Owned {
            definition,
            business_entity,
        }
    };
    Ok(definitions.into_iter().map(with_entity).collect())
}

fn unfit(violations: Vec<Violation>) -> Error {
    let field = |Violation { key, expected }: Violation| FieldError {
        path: vec!["custom_attributes".to_owned(), key],
        message: expected.to_string(),
        kind: match expected {
            Expected::Value => "value_error.missing",
            Expected::OfType(_) => "type_error",
            Expected::OneOf(_) => "type_error.enum",
        },
    };
    Error::Invalid(violations.into_iter().map(field).collect())
}

fn refused(refusals: Vec<Refusal>) -> Error {
    let field = |refusal: Refusal| {
        let (name, kind) = match refusal {
            Refusal::KeyBlank => ("attribute_key_name", "value_error.blank"),
            Refusal::DisplayNameBlank => ("display_name", "value_error.blank"),
            Refusal::ChoicesMissing => ("enum_choices", "value_error.missing"),
            Refusal::ChoicesNotEnum => ("enum_choices", "value_error.enum_choices"),
            Refusal::ChoicesRepeated => ("enum_choices", "value_error.duplicate"),
            Refusal::DefaultUnfit => ("default_value", "type_error"),
            Refusal::TagNotEnum => ("is_tag", "value_error.is_tag"),
            Refusal::DataTypeDiffers => ("data_type", "value_error.data_type"),
        };
        FieldError {
            path: vec![name.to_owned()],
            message: refusal.to_string(),
            kind,
        }
    };
    Error::Invalid(refusals.into_iter().map(field).collect())
}
