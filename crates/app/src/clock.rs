//! The port to the time. The only place in the product that asks the machine.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug)]
pub struct MachineClock;

impl Clock for MachineClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that others are sent to"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
