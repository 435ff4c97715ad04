//! Gateways over HTTP: against a stand-in for Stripe from PyPI, and, for what that one lacks, against answers of
//! a small server in the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod answers;
mod localstripe;

use std::time::Duration;

use florin_app::{
    gateway::{Credentials, Order},
    vault::Secret,
};
use florin_core::{currency::Currency, money::Money};
use florin_gateway::{Options, Stripe};

/// A client that soon gives up.
fn stripe(base_url: &str) -> Stripe {
    let options = Options {
        base_url: base_url.to_owned(),
        timeout: Duration::from_secs(5),
        pause: Duration::from_millis(1),
    };
    Stripe::new(options).unwrap()
}

fn credentials() -> Credentials {
    Credentials {
        api_key: Secret::new("sk_test_12345".to_owned()),
        webhook_secret: Some(Secret::new("whsec_1".to_owned())),
    }
}

fn order(key: &str, customer: &str, method: Option<&str>) -> Order {
    Order {
        key: key.to_owned(),
        invoice: "invoice-1".to_owned(),
        customer: customer.to_owned(),
        method: method.map(str::to_owned),
        amount: Money::from_minor(171_030, Currency::USD),
        reference: None,
        at: "2026-01-05T10:00:00Z".parse().unwrap(),
    }
}
