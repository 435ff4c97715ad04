//! What a contract costs, if it had always been as it is now and all usage had come in time: what all of its bills and
//! adjustments must come to, however they came about. Computed by the core alone, without a store.

use std::collections::HashMap;

use florin_core::{
    Timestamp,
    billing::{BillDue, ChargeDue, History, due},
    carried::Carried,
    contract::{Contract, PhaseBilling, Taxation},
    invoice::Source,
    pricing::{Context, Usage},
    rating::{Bill, Charge, CountedUsage, rate},
};
use florin_store::invoice::Invoice;
use jiff::civil::Date;
use uuid::Uuid;

/// Gigabytes, with the instant at which they were used.
pub(super) type Event = (Timestamp, i64);

/// The net cents that are due of a contract up to a day.
pub(super) fn agreed(contract: &Contract, events: &[Event], today: Date) -> i64 {
    let phases = contract.terms(&Taxation::default()).unwrap();
    let history = History {
        periods: &[],
        last_bills: &[],
        since: None,
    };
    let mut carried: HashMap<Uuid, Carried> = HashMap::new();
    let bills = due(&phases, history, today).unwrap();
    let nets = bills
        .iter()
        .map(|bill| net((contract, &phases), bill, events, &mut carried));
    nets.sum()
}

fn net(
    (contract, phases): (&Contract, &[PhaseBilling]),
    bill: &BillDue,
    events: &[Event],
    carried: &mut HashMap<Uuid, Carried>,
) -> i64 {
    let mut net = 0;
    for part in &bill.parts {
        let mut phases = phases.iter();
        let phase = phases
            .find(|phase| phase.phase_id == part.phase_id)
            .unwrap();
        let charges = part
            .charges
            .iter()
            .map(|charge| counted(contract, charge, events));
        let charges: Vec<Charge> = charges.collect();
        let before = carried.remove(&part.phase_id).unwrap_or_default();
        let bill = Bill {
            bill_for_date: bill.bill_for_date,
            charges: &charges,
            balances: &[],
            carried: &before,
            context: Context::EMPTY,
        };
        let rated = rate(&phase.terms, &bill).unwrap();
        carried.insert(part.phase_id, rated.carried);
        net += rated.draft.net.minor();
    }
    net
}

fn counted(contract: &Contract, charge: &ChargeDue, events: &[Event]) -> Charge {
    let windows = charge.usage_windows.iter().map(|window| {
        let (start, end) = window.instants(contract.zone()).unwrap();
        let inside = events.iter().filter(|(at, _)| start <= *at && *at < end);
        let gigabytes: i64 = inside.map(|(_, gb)| gb).sum();
        CountedUsage {
            window: *window,
            usage: Usage::Quantity(gigabytes.into()),
        }
    });
    charge.with_usage(windows.collect())
}

/// The net cents that invoices and drafts charge for a contract.
pub(super) fn charged(contract: Uuid, invoices: &[Invoice]) -> i64 {
    let parts = invoices.iter().flat_map(Invoice::parts);
    let own = parts.filter(|part| match part.source {
        Source::Contract { contract_id, .. } => contract_id == contract,
        Source::OneOff => false,
    });
    let nets = own.map(|part| {
        let adjustments = part.adjustments.iter().map(|one| one.net.minor());
        part.rated.net.minor() + adjustments.sum::<i64>()
    });
    nets.sum()
}
