//! The port to new ids and secrets. The only place in the product that asks for randomness.

use uuid::Uuid;

/// Gives new ids and secrets.
pub trait Ids: Send + Sync {
    /// A new id; later ids sort after earlier ones.
    fn next(&self) -> Uuid;
    /// 256 unguessable bits.
    fn secret(&self) -> [u8; 32];
}

/// UUIDv7 and the machine's randomness.
#[derive(Debug)]
pub struct MachineIds;

impl Ids for MachineIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that others are sent to"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // Without randomness a key would be guessable: stopping is the only safe answer.
        #[expect(
            clippy::expect_used,
            reason = "a machine without randomness must not issue keys"
        )]
        getrandom::fill(&mut bytes).expect("the machine gives random bytes");
        bytes
    }
}
