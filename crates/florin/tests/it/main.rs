//! The binary as its users meet it: started, configured, killed and watched from outside.
//!
//! Each test has a folder and a server of its own, on loopback, and ends both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod http;
mod installation;
mod python;

mod command_line;
mod configuration;
mod demo;
mod documents;
mod promises;
mod shutdown;
mod storm;
mod usage;
mod usage_corrections;
mod usage_faults;
mod usage_readers;
mod usage_uploads;

#[cfg(target_os = "linux")]
mod sync;
#[cfg(target_os = "linux")]
mod usage_sync;
