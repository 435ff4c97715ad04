//! API keys: issuing, revoking and recognising them.
//!
//! Owns the form of a secret. A secret is 256 random bits, shown once; what is stored is its SHA-256
//! (a slow hash protects passwords, which are guessable; these are not).

mod recognised;

use std::{collections::HashMap, sync::Mutex};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use florin_core::id::OrganisationId;
use florin_store::{
    Actor, Tx,
    api_key::{self, ApiKey},
    organisation,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, Error, Result};

pub use recognised::{RECOGNISED_FOR, Recognised, Signer};

/// What a live organisation's secrets begin with.
const LIVE_PREFIX: &str = "florin_";
/// What a sandbox organisation's secrets begin with; official clients look for it (zenskar-api §1.1).
const SANDBOX_PREFIX: &str = "sandbox_";
/// Characters of a secret that may be shown later.
const SHOWN: usize = 12;
/// Longest name, in characters.
const NAME_LENGTH_MAX: usize = 255;

/// A key at the only moment when its secret is known.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key.
    pub key: ApiKey,
    /// The secret, never to be shown again.
    pub secret: String,
}

/// Issues a key for the transaction's organisation.
///
/// # Errors
/// [`Error::NotFound`] for an unknown organisation, [`Error::Invalid`] for a bad name.
pub async fn issue(app: &App, tx: &mut Tx, name: &str) -> Result<Issued> {
    if name.trim().is_empty() || name.chars().count() > NAME_LENGTH_MAX {
        let message = format!("a name of 1 to {NAME_LENGTH_MAX} characters");
        return Err(Error::field("name", "value_error.any_str.length", message));
    }
    let organisation = organisation::find(tx).await?;
    let organisation = organisation.ok_or(Error::NotFound {
        resource: "organisation",
    })?;
    let prefix = if organisation.is_sandbox {
        SANDBOX_PREFIX
    } else {
        LIVE_PREFIX
    };
    let secret = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(app.ids.secret()));
    let key = ApiKey {
        id: app.ids.next(),
        name: name.trim().to_owned(),
        prefix: secret.chars().take(SHOWN).collect(),
        hash: digest(&secret).to_vec(),
        scopes: "all".to_owned(),
        created_at: tx.at()?,
        last_used_at: None,
        revoked_at: None,
    };
    api_key::insert(tx, &key).await?;
    Ok(Issued { key, secret })
}

/// Revokes a key: this process refuses it from the commit on, another one [`RECOGNISED_FOR`] later at the
/// latest. Revoking it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] where the organisation has no such key.
pub async fn revoke(app: &App, tx: &mut Tx, id: Uuid) -> Result<ApiKey> {
    let key = api_key::find(tx, id).await?.ok_or(Error::NotFound {
        resource: "api key",
    })?;
    app.recognised.forget(id, app.clock.now());
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let revoked = ApiKey {
        revoked_at: Some(tx.at()?),
        ..key.clone()
    };
    api_key::update(tx, &key, &revoked).await?;
    Ok(revoked)
}

/// Who signs with this secret at `now`; `None` where it is unknown or revoked. Within [`RECOGNISED_FOR`]
/// the database is asked once.
///
/// # Errors
/// [`Error::Store`] where the database does not answer.
pub async fn recognise(app: &App, secret: &str, now: Timestamp) -> Result<Option<Signer>> {
    let hash = digest(secret);
    if let Some(signer) = app.recognised.signer(&hash, now) {
        return Ok(Some(signer));
    }
    let found = api_key::find_by_hash(&app.db, &hash).await?;
    let Some((organisation, key)) = found.filter(|(_, key)| key.revoked_at.is_none()) else {
        return Ok(None);
    };
    let signer = Signer {
        organisation,
        key: key.id,
    };
    app.recognised.remember(hash, signer, now);
    Ok(Some(signer))
}

fn digest(secret: &str) -> recognised::Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// When keys were last used, gathered in memory: a write per request would cost a sync each.
#[derive(Debug, Default)]
pub struct KeyUse {
    seen: Mutex<HashMap<Uuid, (OrganisationId, Timestamp)>>,
}

impl KeyUse {
    /// Remembers that the key signed a request.
    pub fn note(&self, organisation: OrganisationId, key: Uuid, at: Timestamp) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.insert(key, (organisation, at));
        }
    }

    fn take(&self) -> HashMap<Uuid, (OrganisationId, Timestamp)> {
        self.seen
            .lock()
            .map(|mut seen| std::mem::take(&mut *seen))
            .unwrap_or_default()
    }
}

/// Writes what [`KeyUse`] gathered.
///
/// # Errors
/// [`Error::Store`] where the database does not answer; what was gathered is then lost.
pub async fn write_key_use(app: &App) -> Result<()> {
    for (key, (organisation, at)) in app.key_use.take() {
        let mut tx = app.begin(organisation, Actor::System, "").await?;
        api_key::touch(&mut tx, key, at).await?;
        tx.commit().await?;
    }
    Ok(())
}
