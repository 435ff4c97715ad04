//! `florin org`.

use anyhow::Result;
use florin_app::{
    App,
    organisation::{self, NewOrganisation},
};
use serde_json::{Value, json};

use crate::output::Format;

/// Creates the organisation and prints how to use it; `listen` is where the server is expected.
pub(crate) async fn create(
    app: &App,
    new: NewOrganisation,
    listen: &str,
    format: Format,
) -> Result<()> {
    let (organisation, issued) = organisation::create(app, new)
        .await
        .map_err(crate::keys::said)?;
    let (id, key) = (organisation.id.to_string(), issued.secret);
    format.print(
        || {
            format!(
                "Organisation {}\n  id       {id}\n  API key  {key}\n\
                 The key is not shown again. Send both with every request:\n  \
                 curl http://{listen}/customers -H 'x-api-key: {key}' -H 'organisation: {id}'",
                organisation.name
            )
        },
        || json!({ "organisation": id, "api_key": key }),
    );
    Ok(())
}

pub(crate) async fn list(app: &App, format: Format) -> Result<()> {
    let all = florin_store::organisation::all(&app.db).await?;
    format.print(
        || {
            let lines = all.iter().map(|organisation| {
                let kind = if organisation.is_sandbox {
                    "sandbox"
                } else {
                    "live"
                };
                format!("{}  {kind:7}  {}", organisation.id, organisation.name)
            });
            let lines: Vec<String> = lines.collect();
            match lines.is_empty() {
                true => "There is no organisation. Make one: florin org create NAME".to_owned(),
                false => lines.join("\n"),
            }
        },
        || {
            let rows = all.iter().map(|organisation| {
                json!({
                    "organisation": organisation.id.to_string(),
                    "name": organisation.name,
                    "is_sandbox": organisation.is_sandbox,
                    "time_zone": organisation.time_zone,
                    "created_at": organisation.created_at.to_string(),
                })
            });
            Value::Array(rows.collect())
        },
    );
    Ok(())
}
