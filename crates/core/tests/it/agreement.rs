//! Contracts for tests, written as the API writes them: a contract in dollars of one customer, whose ids
//! are numbered in the order in which they are given.

use std::sync::Arc;

use florin_core::Timestamp;
use florin_core::contract::{
    Contract, ContractType, Details, End, Findings, Header, LineDetails, LineHead, PhaseDetails,
    PhaseHead, PhaseType, RenewalPolicy, Start, Status, Surroundings, create,
};
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::product_pricing::Content;
use florin_core::terms::EnabledFrom;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use uuid::Uuid;

pub(crate) const CUSTOMER: Uuid = Uuid::from_u128(0xC0);
pub(crate) const PARENT: Uuid = Uuid::from_u128(0xC1);

/// The first instant of a day, or an instant.
pub(crate) fn at(text: &str) -> Timestamp {
    florin_core::instant::parse(text).expect("an instant")
}

/// Ids from a number on.
pub(crate) fn ids(first: u128) -> impl FnMut() -> Uuid {
    let mut next = first;
    move || {
        next += 1;
        Uuid::from_u128(next - 1)
    }
}

fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn start(value: &Json, zone: &TimeZone) -> Option<Start> {
    value
        .as_str()
        .map(|text| Start::read(text, zone).expect("a start"))
}

fn end(value: &Json, zone: &TimeZone) -> Option<End> {
    value
        .as_str()
        .map(|text| End::read(text, zone).expect("an end"))
}

pub(crate) fn uuid(value: &Json) -> Option<Uuid> {
    match value {
        Json::Number(number) => number.as_str().parse().ok().map(Uuid::from_u128),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(crate) fn content(document: &Json) -> Arc<Content> {
    Arc::new(Content::read(document.clone()).expect("a price"))
}

pub(crate) fn line(value: &Json, zone: &TimeZone) -> LineDetails {
    let mut head = LineHead::new(
        uuid(&value["product_id"]).unwrap_or(Uuid::from_u128(0xB0)),
        content(&value["pricing"]),
    );
    head.anchor = start(&value["anchor_date"], zone);
    head.external_id = text(&value["external_id"]);
    let switches = value["is_enabled"].as_array().into_iter().flatten();
    head.is_enabled = switches
        .map(|entry| EnabledFrom {
            effective_from: entry["effective_from"]
                .as_str()
                .expect("a day")
                .parse()
                .expect("a day"),
            value: entry["value"] == true,
        })
        .collect();
    LineDetails {
        id: uuid(&value["id"]).map(LineId),
        start: start(&value["start_date"], zone),
        end: end(&value["end_date"], zone),
        head,
    }
}

pub(crate) fn phase(value: &Json, zone: &TimeZone) -> PhaseDetails {
    let mut head = PhaseHead::named(value["name"].as_str().unwrap_or("Standard Phase"));
    let phase_type = value["phase_type"].as_str().unwrap_or("active");
    head.phase_type = PhaseType::parse(phase_type).expect("a type");
    head.features = value.get("features").filter(|f| !f.is_null()).map(content);
    let lines = value["pricings"].as_array().into_iter().flatten();
    PhaseDetails {
        id: uuid(&value["id"]),
        start: start(&value["start_date"], zone),
        end: end(&value["end_date"], zone),
        head,
        lines: lines.map(|value| line(value, zone)).collect(),
    }
}

pub(crate) fn details_in(value: &Json, zone: &TimeZone) -> Details {
    let first = start(&value["start_date"], zone);
    let first = first.unwrap_or_else(|| Start::read("2024-01-01", zone).expect("a start"));
    let name = value["name"].as_str().unwrap_or("Northwind 2024");
    let mut header = Header::new(name, CUSTOMER, Currency::USD, first);
    if let Some(currency) = value["currency"].as_str() {
        header.currency = Currency::iso(currency).expect("a currency");
    }
    header.end = end(&value["end_date"], zone);
    header.anchor = start(&value["anchor_date"], zone);
    header.is_last_day_of_month = value["is_last_day_of_month"] == true;
    header.bill_parent_customer = value["bill_parent_customer"] == true;
    header.invoice_payer_customer_id = uuid(&value["invoice_payer_customer_id"]);
    let policy = value["renewal_policy"].as_str();
    header.renewal_policy = policy.map(|word| RenewalPolicy::parse(word).expect("a policy"));
    if value["contract_type"] == "event_based" {
        header.contract_type = ContractType::EventBased;
    }
    header.include_in_renewal = value["include_in_renewal"].as_bool();
    if let Some(customer) = uuid(&value["customer_id"]) {
        header.customer_id = customer;
    }
    let status = value["status"].as_str().unwrap_or("active");
    let phases = value["phases"].as_array().into_iter().flatten();
    Details {
        header,
        status: Status::parse(status).expect("a status"),
        phases: phases.map(|value| phase(value, zone)).collect(),
    }
}

pub(crate) fn details(value: &Json) -> Details {
    details_in(value, &TimeZone::UTC)
}

/// A new contract, as of its first day; its phases and lines have ids from 1 on.
pub(crate) fn try_create(value: &Json) -> Result<Contract, Findings> {
    try_create_in(value, TimeZone::UTC)
}

pub(crate) fn try_create_in(value: &Json, zone: TimeZone) -> Result<Contract, Findings> {
    let details = details_in(value, &zone);
    let now = details.header.start.written();
    let surroundings = Surroundings {
        zone,
        parent_customer_id: None,
    };
    create(
        Uuid::from_u128(0xA0),
        details,
        &surroundings,
        &mut ids(1),
        now,
    )
}

pub(crate) fn contract(value: &Json) -> Contract {
    try_create(value).expect("a contract")
}

/// A recurring fee: `fee("P1M", "prepaid", 100)`.
pub(crate) fn fee(cadence: &str, offset: &str, amount: i64) -> Json {
    json!({
        "pricing_data": { "pricing_type": "flat_fee", "unit_amount": amount },
        "billing_period": { "cadence": cadence, "offset": offset },
    })
}

/// A charge made once.
pub(crate) fn once(amount: i64) -> Json {
    json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": amount } })
}

/// Metered units, monthly and postpaid, at a price each.
pub(crate) fn metered(unit_amount: &str) -> Json {
    let unit_amount: Json = unit_amount.parse().expect("a number");
    json!({
        "pricing_data": { "pricing_type": "per_unit", "unit_amount": unit_amount },
        "quantity": { "type": "metered", "aggregate_id": Uuid::from_u128(0xAA) },
        "billing_period": { "cadence": "P1M", "offset": "postpaid" },
    })
}

/// Seats, monthly and prepaid, at ten dollars each.
pub(crate) fn seats(count: i64, entries: &[(&str, i64)]) -> Json {
    let entries = entries
        .iter()
        .map(|(day, value)| json!({ "effective_from": day, "value": value }));
    json!({
        "pricing_data": { "pricing_type": "per_unit", "unit_amount": 10 },
        "quantity": { "type": "fixed", "quantity": count,
            "quantity_entries": entries.collect::<Vec<Json>>() },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" },
    })
}

/// A phase of these prices.
pub(crate) fn of(prices: &[Json]) -> Json {
    let lines = prices.iter().map(|price| json!({ "pricing": price }));
    json!({ "pricings": lines.collect::<Vec<Json>>() })
}
