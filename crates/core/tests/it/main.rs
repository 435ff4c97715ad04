//! Behaviour of the core through its public names: published cases and laws that hold for all input.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy allows these in tests, but not in the functions that tests share"
)]

mod agreement;
mod billing;
mod billing_laws;
mod books;
mod build;
mod contract;
mod contract_laws;
mod contract_life;
mod contract_terms;
mod crediting;
mod departures;
mod document;
mod golden_contract;
mod golden_departures;
mod invoice;
mod invoiced;
mod ledger;
mod plan;
mod pricing_laws;
mod published;
mod published_features;
mod published_metering;
mod published_pricing;
mod rating_amounts;
mod rating_laws;
mod rating_phase;
mod rating_proration;
mod rating_units;
mod settlement;
mod settlement_laws;
mod usage_laws;
