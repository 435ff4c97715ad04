//! The demo's organisation. Owns where its key is kept, so that the demo finds its own things again.

use std::path::Path;

use anyhow::{Context, Result};
use florin_app::organisation::{self, NewOrganisation};
use serde::{Deserialize, Serialize};

use crate::{configuration::Configuration, keys::said};

const NAME: &str = "New York Airports Authority";

/// Who signs the demo's requests.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) organisation: String,
    pub(super) key: String,
}

/// The account of an earlier demo in this folder, or a new one.
pub(super) async fn open(configuration: &Configuration) -> Result<Account> {
    let file = configuration.data_dir.join("demo.json");
    if let Ok(text) = std::fs::read_to_string(&file) {
        let account = serde_json::from_str(&text);
        return account.with_context(|| format!("{} is not the demo's", file.display()));
    }
    let app = configuration.open().await?;
    let new = NewOrganisation {
        name: NAME.to_owned(),
        is_sandbox: false,
        time_zone: "UTC".to_owned(),
    };
    let (organisation, issued) = organisation::create(&app, new).await.map_err(said)?;
    app.db.close().await;
    let account = Account {
        organisation: organisation.id.to_string(),
        key: issued.secret,
    };
    keep(&file, &serde_json::to_string_pretty(&account)?)?;
    Ok(account)
}

/// Writes the file for its owner's eyes only.
fn keep(file: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file);
    let mut opened = opened.with_context(|| format!("{} cannot be made", file.display()))?;
    Ok(opened.write_all(text.as_bytes())?)
}
