//! Business entities and their region configs: create, change, replace.

use florin_core::{
    business_entity::{self, BusinessEntity, Details, Refusal, Settlement},
    region_config::{self, Placed, Region, RegionConfig, Settings},
};
use florin_store::{self as store, Tx, business_entity::EntityName};
use uuid::Uuid;

use crate::{App, Error, FieldError, Result};

/// Creates an entity. As the default it takes the place of the one before.
///
/// # Errors
/// [`Error::Invalid`] or [`Error::Refused`] for a broken rule.
pub async fn create(app: &App, tx: &mut Tx, details: Details) -> Result<BusinessEntity> {
    insert(tx, app.ids.next(), details).await
}

/// Creates the entity that an organisation begins with. It has the organisation's id and name.
///
/// # Errors
/// [`Error::Store`].
pub async fn create_first(tx: &mut Tx, organisation_name: &str) -> Result<BusinessEntity> {
    let details = Details {
        name: organisation_name.to_owned(),
        email: None,
        phone_number: None,
        is_default: true,
        logo_url: None,
        tax_config: serde_json::json!({}),
        address: None,
    };
    insert(tx, tx.organisation().0, details).await
}

async fn insert(tx: &mut Tx, id: Uuid, details: Details) -> Result<BusinessEntity> {
    store::organisation::lock(tx).await?;
    let default = store::business_entity::default(tx).await?;
    let settlement = business_entity::create(id, details, default.as_ref(), tx.at()?);
    let Settlement { cleared, entity } = settlement.map_err(refused)?;
    clear(tx, cleared).await?;
    store::business_entity::insert(tx, &entity).await?;
    Ok(entity)
}

/// Replaces what a caller may write of an entity.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Invalid`] or [`Error::Refused`] for a broken rule.
pub async fn update(tx: &mut Tx, id: Uuid, details: Details) -> Result<BusinessEntity> {
    store::organisation::lock(tx).await?;
    let before = find(tx, id).await?;
    let default = store::business_entity::default(tx).await?;
    let settlement = business_entity::amend(&before, details, default.as_ref(), tx.at()?);
    let Settlement { cleared, entity } = settlement.map_err(refused)?;
    clear(tx, cleared).await?;
    store::business_entity::update(tx, &before, &entity).await?;
    find(tx, id).await
}

async fn clear(tx: &mut Tx, cleared: Option<(BusinessEntity, BusinessEntity)>) -> Result<()> {
    if let Some((before, after)) = cleared {
        store::business_entity::update(tx, &before, &after).await?;
    }
    Ok(())
}

/// The entity with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<BusinessEntity> {
    let found = store::business_entity::find(tx, id).await?;
    found.ok_or(MISSING)
}

/// The organisation's default entity.
///
/// # Errors
/// [`Error::NotFound`] where the database was changed by another hand: there always is one.
pub async fn default(tx: &mut Tx) -> Result<BusinessEntity> {
    store::business_entity::default(tx).await?.ok_or(MISSING)
}

const MISSING: Error = Error::NotFound {
    resource: "business entity",
};

/// Refuses a path through an entity that there is not. Takes no lock.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn demand(tx: &mut Tx, id: Uuid) -> Result<()> {
    if store::business_entity::exists(tx, id).await? {
        Ok(())
    } else {
        Err(MISSING)
    }
}

/// The entity that a body names in `business_entity_id`, or the organisation's default, where a query for
/// it found one.
///
/// # Errors
/// [`Error::Invalid`] where the organisation has no entity with the named id.
pub(crate) fn chosen(named: Option<Uuid>, found: Option<EntityName>) -> Result<EntityName> {
    found.ok_or_else(|| named.map_or(MISSING, |_| unknown()))
}

/// The id, which a body names in `business_entity_id`, of an entity that there is.
///
/// # Errors
/// [`Error::Invalid`] where the organisation has no entity with this id.
pub async fn known(tx: &mut Tx, id: Uuid) -> Result<Uuid> {
    match store::business_entity::exists(tx, id).await? {
        true => Ok(id),
        false => Err(unknown()),
    }
}

fn unknown() -> Error {
    let message = "there is no business entity with this id";
    Error::field("business_entity_id", "value_error.unknown", message)
}

/// The region configs of an entity within a region, or all of them.
///
/// # Errors
/// [`Error::NotFound`] where there is no such entity.
pub async fn configs(tx: &mut Tx, id: Uuid, within: Option<&Region>) -> Result<Vec<RegionConfig>> {
    find(tx, id).await?;
    let mut rows = store::region_config::of_entity(tx, id).await?;
    rows.retain(|row| within.is_none_or(|asked| row.region.is_within(asked)));
    Ok(rows)
}

/// Replaces all region configs of an entity.
///
/// # Errors
/// [`Error::NotFound`] where there is no such entity, [`Error::Invalid`] for a region named twice.
pub async fn replace_configs(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    wanted: Vec<(Region, Settings)>,
) -> Result<Vec<RegionConfig>> {
    let known = configs(tx, id, None).await?;
    let at = tx.at()?;
    let rows = wanted.into_iter().map(|(region, settings)| RegionConfig {
        id: app.ids.next(),
        business_entity_id: id,
        region,
        settings,
        created_at: at,
        updated_at: at,
    });
    let replacement = region_config::replace(&known, rows.collect()).map_err(repeated)?;
    for row in &replacement.removed {
        store::region_config::delete(tx, row).await?;
    }
    for placed in replacement.placed {
        put(tx, placed).await?;
    }
    configs(tx, id, None).await
}

/// Writes the config of one region.
///
/// # Errors
/// [`Error::NotFound`] where there is no such entity.
pub async fn put_config(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    (region, settings): (Region, Settings),
) -> Result<RegionConfig> {
    let known = configs(tx, id, None).await?;
    let at = tx.at()?;
    let row = RegionConfig {
        id: app.ids.next(),
        business_entity_id: id,
        region,
        settings,
        created_at: at,
        updated_at: at,
    };
    put(tx, region_config::place(&known, row)).await
}

async fn put(tx: &mut Tx, (before, after): Placed) -> Result<RegionConfig> {
    match before {
        None => store::region_config::insert(tx, &after).await?,
        Some(before) => store::region_config::update(tx, &before, &after).await?,
    }
    Ok(after)
}

/// Deletes the configs of an entity within a region. Answers them as they were.
///
/// # Errors
/// [`Error::NotFound`] where there is no such entity or no config there.
pub async fn delete_configs(tx: &mut Tx, id: Uuid, within: &Region) -> Result<Vec<RegionConfig>> {
    let rows = configs(tx, id, Some(within)).await?;
    if rows.is_empty() {
        return Err(Error::NotFound {
            resource: "config of this region",
        });
    }
    for row in &rows {
        store::region_config::delete(tx, row).await?;
    }
    Ok(rows)
}

fn repeated(positions: Vec<usize>) -> Error {
    let field = |position: usize| FieldError {
        path: [
            "configs".to_owned(),
            position.to_string(),
            "country_code".to_owned(),
        ]
        .into(),
        message: "an earlier row has the same country and currency".to_owned(),
        kind: "value_error.duplicate",
    };
    Error::Invalid(positions.into_iter().map(field).collect())
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NameBlank => Error::field("name", "value_error.blank", refusal),
        Refusal::PhoneNumberInvalid => Error::field("phone_number", "value_error.phone", refusal),
        Refusal::DefaultNeeded => Error::refused("BUSINESS_ENTITY_DEFAULT_NEEDED", refusal),
    }
}
