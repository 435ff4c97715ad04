//! The domain of Florin, pure: what a contract, a price or a payment means and what it does.
//!
//! Owns every rule of billing. Does not own time, identity, storage or transport: instants and ids
//! are arguments, results are values. **There is no async, no I/O, no clock, no randomness, no
//! environment, no logging and no floating-point arithmetic in this crate.**

#![deny(clippy::float_arithmetic)]
#![warn(missing_docs)]

pub use jiff::Timestamp;

pub mod address;
pub mod aggregate;
pub mod billing;
pub mod billing_settings;
pub mod business_entity;
pub mod calendar;
pub mod carried;
pub mod charge;
pub mod checkout;
pub mod commitment;
pub mod connector;
pub mod contact;
pub mod contract;
pub mod credit_note;
pub mod currency;
pub mod custom_attribute;
pub mod customer;
pub mod customer_connector;
pub mod customer_relationship;
pub mod difference;
pub mod discount;
pub mod document;
pub mod entitlement;
pub mod grant;
pub mod id;
pub mod instant;
pub mod invoice;
pub mod job;
pub mod jurisdiction_rate;
pub mod ledger;
pub mod money;
pub mod payment;
pub mod payment_method;
pub mod payment_terms;
pub mod plan;
pub mod pool;
pub mod pricing;
pub mod product;
pub mod product_pricing;
pub mod proration;
pub mod quote;
pub mod rating;
pub mod raw_metric;
pub mod region_config;
pub mod service_fee;
pub mod tag;
pub mod tax;
pub mod tax_category;
pub mod terms;
pub mod test_clock;
pub mod usage;
pub mod wallet;

mod decimal;
mod words;
