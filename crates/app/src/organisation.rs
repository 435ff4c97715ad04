//! Organisations: creating a tenant with its default business entity, its accounts and its first key.

use florin_core::id::OrganisationId;
use florin_store::{
    Actor, Tx,
    organisation::{self, Organisation},
};
use jiff::tz::TimeZone;

use crate::{
    App, Error, Result,
    api_key::{self, Issued},
    business_entity,
};

/// Longest name, in characters.
const NAME_LENGTH_MAX: usize = 255;

/// What a new organisation is.
#[derive(Clone, Debug)]
pub struct NewOrganisation {
    /// Its name.
    pub name: String,
    /// Whether it is for trying things.
    pub is_sandbox: bool,
    /// Zone of its calendar days, an IANA name.
    pub time_zone: String,
}

/// Creates an organisation with its default business entity, its chart of accounts and its first API key, in
/// one transaction.
///
/// # Errors
/// [`Error::Invalid`] for a blank or over-long name or an unknown time zone.
pub async fn create(app: &App, new: NewOrganisation) -> Result<(Organisation, Issued)> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_LENGTH_MAX {
        let message = format!("a name of 1 to {NAME_LENGTH_MAX} characters");
        return Err(Error::field("name", "value_error.any_str.length", message));
    }
    if TimeZone::get(&new.time_zone).is_err() {
        let message = "an IANA time zone such as UTC or Europe/Berlin";
        return Err(Error::field("time_zone", "value_error.time_zone", message));
    }
    let id = OrganisationId(app.ids.next());
    let mut tx = app.begin(id, Actor::CommandLine, "").await?;
    let NewOrganisation {
        is_sandbox,
        time_zone,
        ..
    } = new;
    let organisation = Organisation {
        id,
        name,
        is_sandbox,
        time_zone,
        created_at: tx.at()?,
    };
    organisation::insert(&mut tx, &organisation).await?;
    business_entity::create_first(&mut tx, &organisation.name).await?;
    florin_store::account::insert_chart(&mut tx).await?;
    let issued = api_key::issue(app, &mut tx, "first key").await?;
    tx.commit().await?;
    Ok((organisation, issued))
}

/// The zone of the organisation's calendar days.
///
/// # Errors
/// [`Error::Store`], also for a zone that this version does not know.
pub async fn zone(tx: &mut Tx) -> Result<TimeZone> {
    let known = organisation::find(tx).await?;
    let name = known.map(|organisation| organisation.time_zone);
    let zone = name.as_deref().and_then(|name| TimeZone::get(name).ok());
    zone.ok_or_else(|| {
        Error::Store(florin_store::Error::Corrupt {
            column: "time_zone".to_owned(),
            reason: "not an IANA time zone".to_owned(),
        })
    })
}
