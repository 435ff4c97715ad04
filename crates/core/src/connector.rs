//! Connectors: an organisation's accounts at payment gateways.
//!
//! Owns which gateways there are. Does not own their secrets, which are kept encrypted and are no part of
//! the value, nor talking to them. Invariant: an organisation has at most one account at each gateway.

use jiff::Timestamp;
use uuid::Uuid;

/// The gateway that moves no money: for sandboxes.
pub const TEST: &str = "test";

/// The gateways that an organisation can have an account at, as links of customers name them.
pub const GATEWAYS: &[&str] = &["stripe", TEST];

/// An account at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Its id.
    pub id: Uuid,
    /// The gateway: one of [`GATEWAYS`].
    pub name: String,
    /// Last characters of the key to the account, to recognise it by; `None` where it needs none.
    pub api_key_end: Option<String>,
    /// Whether what the gateway tells by itself can be verified.
    pub has_webhook_secret: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Characters of a key that are shown.
const KEY_END: usize = 4;

/// The end of a key, by which its owner recognises it; nothing of one that is so short that the end would
/// give it away.
pub fn end_of_key(key: &str) -> Option<String> {
    let length = key.chars().count();
    let end = key.chars().skip(length.saturating_sub(KEY_END)).collect();
    (length > 4 * KEY_END).then_some(end)
}

/// Why an account is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The test gateway is for sandboxes.
    #[error("the test gateway moves no money: only sandbox organisations have it")]
    TestInLive,
    /// Nothing can be asked of the gateway without a key.
    #[error("field required")]
    KeyMissing,
}

/// Checks what an account needs: the gateway, whether a key is sent, whether the organisation is a sandbox.
///
/// # Errors
/// [`Refusal::TestInLive`], [`Refusal::KeyMissing`].
pub fn check(name: &str, has_key: bool, is_sandbox: bool) -> Result<(), Refusal> {
    match name {
        TEST if !is_sandbox => Err(Refusal::TestInLive),
        TEST => Ok(()),
        _ if has_key => Ok(()),
        _ => Err(Refusal::KeyMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_key_is_shown() {
        assert_eq!(end_of_key("sk_live_51NabcdefXYZ9"), Some("XYZ9".to_owned()));
        assert_eq!(end_of_key("sk_live_51Nabcde"), None);
        assert_eq!(end_of_key(""), None);
    }

    #[test]
    fn a_gateway_needs_a_key_and_the_test_gateway_a_sandbox() {
        for (name, has_key, is_sandbox, expected) in [
            ("stripe", true, false, Ok(())),
            ("stripe", false, true, Err(Refusal::KeyMissing)),
            (TEST, false, true, Ok(())),
            (TEST, true, false, Err(Refusal::TestInLive)),
        ] {
            assert_eq!(check(name, has_key, is_sandbox), expected, "{name}");
        }
    }
}
