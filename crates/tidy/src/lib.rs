//! The project's own rules, as tests: what a reviewer would otherwise have to remember.
//!
//! Owns which crate may know which, how files are named and how long they are, and where a few dangerous
//! things may stand. Rules about single lines are clippy's (`clippy.toml`).

#![cfg(test)]

mod rules;
mod source;
