//! Secrets of others, encrypted under the server's master key.
//!
//! Owns the form of a sealed secret: a version, the first bytes of the key's digest, the nonce, the text under
//! AES-256-GCM. What a secret is of is authenticated with it, so that one row's secret cannot be put
//! into another row. Does not own where it is kept.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use crate::{Error, Ids, Result};

/// Bytes of a master key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce. Random ones of this length do not meet within four billion secrets under one key.
const NONCE_BYTES: usize = 12;
/// Bytes of the key's digest that say which key it was.
const KEY_ID_BYTES: usize = 4;
/// The form that this version writes.
const VERSION: u8 = 1;

/// A text that is never shown: not by `Debug`, so not in a log either.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text in.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever must send or check it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// Seals and opens secrets; without a master key it refuses both.
#[derive(Default)]
pub struct Vault(Option<Key>);

struct Key {
    cipher: LessSafeKey,
    id: [u8; KEY_ID_BYTES],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = if self.0.is_some() { "***" } else { "no key" };
        write!(formatter, "Vault({state})")
    }
}

/// Why a text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a master key is {KEY_BYTES} bytes in Base64: `openssl rand -base64 {KEY_BYTES}` makes one"
)]
pub struct NotAKey;

impl Vault {
    /// A vault under a master key; empty text is none.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn new(master_key: &str) -> Result<Self, NotAKey> {
        if master_key.trim().is_empty() {
            return Ok(Self(None));
        }
        let bytes = STANDARD.decode(master_key.trim()).map_err(|_| NotAKey)?;
        let cipher = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| NotAKey)?;
        let cipher = LessSafeKey::new(cipher);
        let mut id = [0; KEY_ID_BYTES];
        for (to, from) in id.iter_mut().zip(Sha256::digest(&bytes)) {
            *to = from;
        }
        Ok(Self(Some(Key { cipher, id })))
    }

    /// Seals the secret of `owner`, an unambiguous text that names the row it belongs to.
    ///
    /// # Errors
    /// [`Error::Refused`] without a master key.
    pub fn seal(&self, ids: &dyn Ids, owner: &str, secret: &str) -> Result<Vec<u8>> {
        let key = self.key()?;
        let [
            _,
            _,
            _,
            _,
            nonce @ ..,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
        ] = ids.secret();
        let nonce: [u8; NONCE_BYTES] = nonce;
        let mut sealed = secret.as_bytes().to_vec();
        let (unique, owner) = (
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner.as_bytes()),
        );
        let done = (key.cipher).seal_in_place_append_tag(unique, owner, &mut sealed);
        done.map_err(|_| cannot("a secret is too long to be kept"))?;
        Ok([&[VERSION][..], &key.id, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the same owner.
    ///
    /// # Errors
    /// [`Error::Refused`] without a master key, with another one than sealed it, or for a secret that was
    /// changed or belongs to another owner.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<Secret> {
        let key = self.key()?;
        let (head, text) = sealed
            .split_at_checked(1 + KEY_ID_BYTES + NONCE_BYTES)
            .ok_or_else(|| cannot(UNREADABLE))?;
        let (id, nonce) = head.split_at(1 + KEY_ID_BYTES);
        if *id != [&[VERSION][..], &key.id].concat() {
            return Err(cannot(
                "the secret was sealed under another master key: set that key, or send the secret anew",
            ));
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| cannot(UNREADABLE))?;
        let mut opened = text.to_vec();
        let opened = (key.cipher).open_in_place(nonce, Aad::from(owner.as_bytes()), &mut opened);
        let text = opened
            .ok()
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        text.map(Secret).ok_or_else(|| cannot(UNREADABLE))
    }

    fn key(&self) -> Result<&Key> {
        self.0.as_ref().ok_or_else(|| {
            cannot(
                "this server has no master key, under which secrets are kept: set master_key \
                (FLORIN_MASTER_KEY) and start it again",
            )
        })
    }
}

const UNREADABLE: &str = "the kept secret cannot be read: send it anew";

fn cannot(message: &str) -> Error {
    Error::refused("SECRET_NOT_AVAILABLE", message)
}

#[cfg(test)]
mod tests;
