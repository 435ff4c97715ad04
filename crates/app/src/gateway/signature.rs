//! Signatures of what a gateway tells by itself: `t=<seconds>,v1=<hex of HMAC-SHA256>`, over the time, a dot
//! and the body, as Stripe and others sign.
//!
//! Invariant: the signatures are compared in constant time, and an old one is refused, so that what somebody
//! recorded cannot be sent again later.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::GatewayError;
use crate::vault::Secret;

/// How far the time of a signature may be from ours.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Checks the header against the body.
///
/// # Errors
/// [`GatewayError::Unverified`], with what is wrong.
pub fn verify(
    header: &str,
    body: &[u8],
    secret: &Secret,
    now: Timestamp,
) -> Result<(), GatewayError> {
    let (at, signatures) = read(header).ok_or(UNREADABLE)?;
    let signed = signatures.iter().any(|signature| {
        mac(secret, at, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    });
    if !signed {
        return Err(GatewayError::Unverified(
            "the signature was not made with this secret over this body",
        ));
    }
    let at = Timestamp::from_second(at).map_err(|_| UNREADABLE)?;
    if now.duration_since(at).abs() > TOLERANCE {
        return Err(GatewayError::Unverified("the signature is too old"));
    }
    Ok(())
}

/// The header for a body that is sent at an instant.
pub fn sign(body: &[u8], secret: &Secret, at: Timestamp) -> String {
    let at = at.as_second();
    let bytes = mac(secret, at, body).map(|mac| mac.finalize().into_bytes().to_vec());
    format!("t={at},v1={}", hex(&bytes.unwrap_or_default()))
}

const UNREADABLE: GatewayError =
    GatewayError::Unverified("the signature is not of the form t=<seconds>,v1=<hex>");

fn mac(secret: &Secret, at: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).ok()?;
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// The time and every signature of the version that we know; there are two while a secret is exchanged.
fn read(header: &str) -> Option<(i64, Vec<Vec<u8>>)> {
    let pairs = || {
        header
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='))
    };
    let (_, at) = pairs().find(|(name, _)| *name == "t")?;
    let signatures = pairs().filter(|(name, _)| *name == "v1");
    let signatures: Vec<_> = signatures.filter_map(|(_, text)| bytes(text)).collect();
    Some((at.parse().ok()?, signatures))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_700_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_signature_is_what_others_compute() {
        // `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_1`
        let expected =
            "t=1700000000,v1=2bacf7b77f8a947e36777d445799846ce8389284516e77b94f239ef893b8def7";
        assert_eq!(sign(br#"{"a":1}"#, &secret("whsec_1"), at(AT)), expected);
    }

    #[test]
    fn only_this_secret_body_and_time_are_verified() {
        let whsec = secret("whsec_1");
        let header = sign(b"{}", &whsec, at(AT));
        assert!(verify(&header, b"{}", &whsec, at(AT + 300)).is_ok());
        let both = format!("{header},v0=00,v1=00ff");
        assert!(verify(&both, b"{}", &whsec, at(AT - 300)).is_ok());
        let moved = header.replace("t=1700000000", "t=1700000200");
        for (header, body, secret, now, says) in [
            (header.as_str(), "{} ", &whsec, AT, "not made"),
            (&header, "{}", &secret("whsec_2"), AT, "not made"),
            (&moved, "{}", &whsec, AT, "not made"),
            (&header, "{}", &whsec, AT + 301, "too old"),
            (&header, "{}", &whsec, AT - 301, "too old"),
            ("", "{}", &whsec, AT, "form"),
            ("t=x,v1=00", "{}", &whsec, AT, "form"),
            ("t=1700000000", "{}", &whsec, AT, "not made"),
            ("t=1700000000,v1=é", "{}", &whsec, AT, "not made"),
        ] {
            let refused = verify(header, body.as_bytes(), secret, at(now)).unwrap_err();
            assert!(refused.to_string().contains(says), "{header}: {refused}");
        }
    }
}
