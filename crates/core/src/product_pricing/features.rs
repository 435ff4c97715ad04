//! The modifiers of a price (api reference §7.5, semantics §3 and §4): discounts, taxes, commitments and
//! the rest. Owns their bounds; what they do to an amount stands beside each of them in the rating.

use super::reader::{Node, Reader, Rule};
use crate::calendar::{Cadence, Delay};

pub(super) fn check(reader: &mut Reader, node: &Node<'_>, billing: Option<Cadence>) {
    let each = |key: &str| node.field(key);
    for discount in each("discounts").items() {
        check_discount(reader, &discount, billing);
    }
    for tax in each("taxes").items() {
        check_tax(reader, &tax);
    }
    for free_units in each("free_units").items() {
        amount(reader, &free_units);
    }
    for commitment in each("commitments").items() {
        amount(reader, &commitment);
        reader.cadence(&commitment.field("cadence"));
    }
    for grant in each("grants").items() {
        check_grant(reader, &grant);
    }
    for fee in each("service_fees").items() {
        check_service_fee(reader, &fee);
    }
}

/// A number that must be given and is not below zero.
fn amount(reader: &mut Reader, node: &Node<'_>) {
    let amount = node.field("unit_amount");
    reader.require(&amount, amount.given(), Rule::Missing);
    reader.not_negative(&amount);
}

/// The newer engine calls the amount `value` (semantics §4); one of the two is needed.
fn check_discount(reader: &mut Reader, node: &Node<'_>, billing: Option<Cadence>) {
    let value = node.field("value");
    let amount = if value.given() {
        value
    } else {
        node.field("unit_amount")
    };
    reader.require(&amount, amount.given(), Rule::Missing);
    if node.field("type").text() == Some("percent") {
        reader.percentage(&amount);
    } else {
        reader.not_negative(&amount);
    }
    let own = node.field("cadence");
    let own = reader.cadence(&own);
    let period = node.field("pricing_period");
    let period = reader.cadence(&period.field("cadence"));
    let cap = node.field("max_per_period");
    let has_period = own.or(period).or(billing).is_some();
    reader.require(&cap, !cap.given() || has_period, Rule::CapWithoutCadence);
    reader.not_negative(&cap);
    reader.not_negative(&node.field("max_lifetime"));
}

/// Fixed amounts of tax are not supported (semantics §3.9).
fn check_tax(reader: &mut Reader, node: &Node<'_>) {
    let (rate, code) = (node.field("unit_amount"), node.field("code"));
    if node.field("type").text() == Some("avalara") {
        reader.require(&code, code.given(), Rule::Missing);
    } else {
        reader.require(&rate, rate.given(), Rule::Missing);
    }
    reader.percentage(&rate);
}

fn check_grant(reader: &mut Reader, node: &Node<'_>) {
    let amount = node.field("unit_amount");
    let is_feature = node.field("type").text() == Some("Feature");
    reader.require(&amount, is_feature || amount.given(), Rule::Missing);
    reader.not_negative(&amount);
    reader.cadence(&node.field("period").field("cadence"));
    let frequency = node.field("grant_period");
    reader.cadence(&frequency);
    let expiry = node.field("expiry_period");
    if let Some(text) = expiry.text() {
        reader.note(
            &expiry,
            Delay::parse(text).map_err(|_| Rule::DurationMalformed),
        );
    }
}

fn check_service_fee(reader: &mut Reader, node: &Node<'_>) {
    let amount_given = node.field("unit_amount");
    if node.field("type").text() == Some("percentage") {
        reader.require(&amount_given, amount_given.given(), Rule::Missing);
        reader.percentage(&amount_given);
    } else {
        amount(reader, node);
    }
}
