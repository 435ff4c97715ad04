//! Keys that were recognised a moment ago, so that a request need not ask the database whose its key is.
//!
//! Owns for how long that is believed. Invariant: once this process revokes a key, it asks the database
//! for it again with every request, so that the commit of the revocation is its end. A key that another
//! node or the command line revoked ends [`RECOGNISED_FOR`] later.

use std::{collections::HashMap, sync::RwLock};

use florin_core::id::OrganisationId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// How long a key is believed to be what the database said.
pub const RECOGNISED_FOR: SignedDuration = SignedDuration::from_secs(1);
/// Keys that are remembered at most; with one more, remembering begins anew.
const KEYS_MAX: usize = 10_000;
/// How long a key that is being revoked is not remembered again: longer than a transaction takes.
const REVOCATION_MAX: SignedDuration = SignedDuration::from_mins(1);

/// SHA-256 of a secret.
pub(super) type Hash = [u8; 32];

/// Who signs with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key's organisation.
    pub organisation: OrganisationId,
    /// The key's id.
    pub key: Uuid,
}

/// The keys that were recognised a moment ago.
#[derive(Debug, Default)]
pub struct Recognised(RwLock<Keys>);

#[derive(Debug, Default)]
struct Keys {
    signers: HashMap<Hash, (Signer, Timestamp)>,
    revoked: HashMap<Uuid, Timestamp>,
}

impl Recognised {
    /// Whose the key is, where that is known well enough at `now`. A clock that was set back makes it
    /// unknown.
    pub(super) fn signer(&self, hash: &Hash, now: Timestamp) -> Option<Signer> {
        let keys = self.0.read().ok()?;
        let (signer, asked_at) = keys.signers.get(hash)?;
        is_within(RECOGNISED_FOR, *asked_at, now).then_some(*signer)
    }

    /// Remembers what the database said to a question asked at `asked_at`.
    pub(super) fn remember(&self, hash: Hash, signer: Signer, asked_at: Timestamp) {
        let Ok(mut keys) = self.0.write() else {
            return;
        };
        if keys.revoked.contains_key(&signer.key) {
            return;
        }
        if keys.signers.len() >= KEYS_MAX {
            keys.signers.clear();
        }
        keys.signers.insert(hash, (signer, asked_at));
    }

    /// Forgets the key, before the transaction that revokes it is committed: whoever asked the database
    /// before the commit must not remember its answer either.
    pub(super) fn forget(&self, key: Uuid, now: Timestamp) {
        let Ok(mut keys) = self.0.write() else {
            return;
        };
        keys.revoked
            .retain(|_, at| is_within(REVOCATION_MAX, *at, now));
        keys.revoked.insert(key, now);
        keys.signers.retain(|_, (signer, _)| signer.key != key);
    }
}

fn is_within(duration: SignedDuration, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    !age.is_negative() && age < duration
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(key: u128) -> Signer {
        Signer {
            organisation: OrganisationId(Uuid::from_u128(1)),
            key: Uuid::from_u128(key),
        }
    }

    fn hash(number: u32) -> Hash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_key_is_believed_for_a_second_and_not_before_it_was_asked_for() {
        let recognised = Recognised::default();
        recognised.remember(hash(1), signer(1), at(5000));
        for (now, known) in [(5000, true), (5999, true), (6000, false), (4999, false)] {
            let found = recognised.signer(&hash(1), at(now));
            assert_eq!(found, known.then_some(signer(1)), "at {now}");
        }
        assert_eq!(recognised.signer(&hash(2), at(5000)), None);
    }

    #[test]
    fn a_key_that_is_being_revoked_is_not_remembered_again() {
        let recognised = Recognised::default();
        recognised.remember(hash(1), signer(1), at(0));
        recognised.remember(hash(2), signer(2), at(0));
        recognised.forget(Uuid::from_u128(1), at(10));
        recognised.remember(hash(1), signer(1), at(5));
        assert_eq!(recognised.signer(&hash(1), at(20)), None);
        assert_eq!(recognised.signer(&hash(2), at(20)), Some(signer(2)));
    }

    #[test]
    fn revocations_are_forgotten_when_none_can_be_in_flight() {
        let recognised = Recognised::default();
        recognised.forget(Uuid::from_u128(1), at(0));
        recognised.forget(Uuid::from_u128(2), at(60_000));
        let revoked = &recognised.0.read().unwrap().revoked;
        assert_eq!(revoked.len(), 1);
    }

    #[test]
    fn no_more_keys_than_the_limit_are_remembered() {
        let recognised = Recognised::default();
        let all = 0..u32::try_from(KEYS_MAX).unwrap() + 1;
        for number in all.clone() {
            recognised.remember(hash(number), signer(1), at(0));
        }
        let known = all.filter(|number| recognised.signer(&hash(*number), at(0)).is_some());
        assert_eq!(known.count(), 1);
    }
}
