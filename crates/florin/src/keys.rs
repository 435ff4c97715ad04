//! `florin key`.

use anyhow::Result;
use florin_app::{App, Error, api_key};
use florin_core::id::OrganisationId;
use florin_store::{Actor, api_key::ApiKey, list};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::output::Format;

pub(crate) async fn create(
    app: &App,
    organisation: Uuid,
    name: &str,
    format: Format,
) -> Result<()> {
    let mut tx = app
        .begin(OrganisationId(organisation), Actor::CommandLine, "")
        .await?;
    let issued = api_key::issue(app, &mut tx, name).await.map_err(said)?;
    tx.commit().await?;
    let (id, key) = (issued.key.id.to_string(), issued.secret);
    format.print(
        || format!("API key  {key}\nid       {id}\nThe key is not shown again."),
        || json!({ "id": id, "organisation": organisation.to_string(), "api_key": key }),
    );
    Ok(())
}

pub(crate) async fn list(app: &App, organisation: Uuid, format: Format) -> Result<()> {
    let mut tx = app.db.read(OrganisationId(organisation)).await?;
    let parameters = [("limit".to_owned(), list::Spec::LIMIT_MAX.to_string())];
    let query = list::parse(&florin_store::api_key::LIST, &parameters)
        .map_err(|refusals| anyhow::anyhow!("{refusals:?}"))?;
    let keys = florin_store::api_key::page(&mut tx, &query).await?.results;
    format.print(
        || match keys.is_empty() {
            true => "The organisation has no key. Make one: florin key create".to_owned(),
            false => keys.iter().map(line).collect::<Vec<_>>().join("\n"),
        },
        || Value::Array(keys.iter().map(document).collect()),
    );
    Ok(())
}

pub(crate) async fn revoke(app: &App, organisation: Uuid, id: Uuid, format: Format) -> Result<()> {
    let mut tx = app
        .begin(OrganisationId(organisation), Actor::CommandLine, "")
        .await?;
    let key = api_key::revoke(app, &mut tx, id).await.map_err(said)?;
    tx.commit().await?;
    format.print(|| format!("Revoked {}", line(&key)), || document(&key));
    Ok(())
}

/// An operation's refusal in the words of the command line: every bad field with its reason.
pub(crate) fn said(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let lines = fields
                .iter()
                .map(|field| format!("{}: {}", field.path.join("."), field.message));
            anyhow::anyhow!(lines.collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}

fn line(key: &ApiKey) -> String {
    let state = if key.revoked_at.is_some() {
        "revoked"
    } else {
        "active"
    };
    format!("{}  {state:7}  {}…  {}", key.id, key.prefix, key.name)
}

fn document(key: &ApiKey) -> Value {
    let text = |at: Option<_>| at.map(|at: florin_core::Timestamp| at.to_string());
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "prefix": key.prefix,
        "created_at": key.created_at.to_string(),
        "last_used_at": text(key.last_used_at),
        "revoked_at": text(key.revoked_at),
    })
}
