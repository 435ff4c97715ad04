//! Payment gateways: the protocols behind the port of [`florin_app::gateway`].
//!
//! Owns what is sent to a gateway and how its answers are read. Does not own what follows from them, nor any
//! record. A crate of its own, because only the binary needs an HTTP client with TLS.

mod stripe;

pub use stripe::{Options, StartError, Stripe};
