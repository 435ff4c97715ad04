//! What a sealed secret withstands.

use super::*;
use crate::ids::MachineIds;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/////wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn code(error: Error) -> (&'static str, String) {
    match error {
        Error::Refused { code, message } => (code, message),
        error => panic!("{error:?}"),
    }
}

#[test]
fn what_is_sealed_opens_for_its_owner_alone() {
    let vault = Vault::new(KEY).unwrap();
    let sealed = vault
        .seal(&MachineIds, "a/connector/1", "sk_live_1")
        .unwrap();
    let again = vault
        .seal(&MachineIds, "a/connector/1", "sk_live_1")
        .unwrap();
    assert_ne!(sealed, again, "nonces differ");
    assert!(!String::from_utf8_lossy(&sealed).contains("sk_live"));
    let opened = vault.open("a/connector/1", &sealed).unwrap();
    assert_eq!(opened.reveal(), "sk_live_1");
    let refused = vault.open("b/connector/1", &sealed).unwrap_err();
    assert_eq!(code(refused).0, "SECRET_NOT_AVAILABLE");
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let vault = Vault::new(KEY).unwrap();
    let sealed = vault.seal(&MachineIds, "o", "secret").unwrap();
    for position in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        assert!(vault.open("o", &changed).is_err(), "byte {position}");
    }
    for length in 0..sealed.len() {
        assert!(
            vault.open("o", &sealed[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn another_key_and_no_key_say_so() {
    let sealed = Vault::new(KEY)
        .unwrap()
        .seal(&MachineIds, "o", "s")
        .unwrap();
    let (_, message) = code(
        Vault::new(OTHER_KEY)
            .unwrap()
            .open("o", &sealed)
            .unwrap_err(),
    );
    assert!(message.contains("another master key"), "{message}");
    let none = Vault::new(" ").unwrap();
    for refused in [
        none.open("o", &sealed).unwrap_err(),
        none.seal(&MachineIds, "o", "s").unwrap_err(),
    ] {
        let (_, message) = code(refused);
        assert!(message.contains("set master_key"), "{message}");
    }
}

#[test]
fn a_key_has_32_bytes() {
    for text in ["short", "AAEC", &format!("{KEY}AAEC")] {
        assert_eq!(Vault::new(text).unwrap_err(), NotAKey, "{text}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let shown = format!(
        "{:?} {:?}",
        Secret::new("sk_live_1".to_owned()),
        Vault::new(KEY).unwrap()
    );
    assert_eq!(shown, "*** Vault(***)");
}
