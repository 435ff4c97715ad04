//! Laws of contracts: what holds whatever was agreed.

use florin_core::contract::{
    Contract, End, ExtensionPolicy, Kept, PauseEdit, PauseRequest, Start, amendment,
};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{at, details, fee, ids, metered, once, seats, try_create};
use crate::build::{START, day};

fn after_start(days: i64) -> Date {
    day(START).checked_add(days.days()).unwrap()
}

fn prices() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(fee("P1M", "prepaid", 100)),
        Just(fee("P3M", "postpaid", 250)),
        Just(fee("P10D", "postpaid", 7)),
        Just(metered("0.25")),
        Just(seats(3, &[("2024-03-10", 5)])),
        Just(once(500)),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Json>> {
    let bounds = (0_i64..30, prop::option::of(30_i64..50));
    prop::collection::vec((prices(), bounds), 0..4).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(price, (from, until))| json!({ "pricing": price, "from": from, "until": until }))
            .collect()
    })
}

/// Contracts of up to four phases of fifty days or more, which may leave gaps; the last may be open.
/// Lines begin and end some days after their phase begins.
pub(crate) fn bodies() -> impl Strategy<Value = Json> {
    let phases = prop::collection::vec((50_i64..200, 0_i64..20, lines()), 1..5);
    let anchor = prop::option::of(0_i64..60);
    (phases, any::<bool>(), anchor, any::<bool>()).prop_map(|(phases, is_open, anchor, is_last)| {
        let (mut start, count) = (0, phases.len());
        let mut written = Vec::new();
        for (index, (length, gap, mut lines)) in phases.into_iter().enumerate() {
            for line in &mut lines {
                let at = |key: &str| line[key].as_i64().map(|days| after_start(start + days));
                let (from, until) = (at("from"), at("until"));
                line["start_date"] = json!(from.map(|day| day.to_string()));
                line["end_date"] = json!(until.map(|day| day.to_string()));
            }
            let last = (index + 1 < count || !is_open).then(|| after_start(start + length - 1));
            written.push(json!({ "name": format!("phase {index}"), "pricings": lines,
                "start_date": after_start(start).to_string(),
                "end_date": last.map(|day| day.to_string()) }));
            start += length + gap;
        }
        json!({ "phases": written, "is_last_day_of_month": is_last,
            "anchor_date": anchor.map(|days| after_start(days).to_string()),
            "end_date": (!is_open).then(|| after_start(start + 30).to_string()) })
    })
}

pub(crate) fn contracts() -> impl Strategy<Value = Contract> {
    bodies().prop_map(|body| try_create(&body).unwrap())
}

/// Days of all phases and of the contract itself, where it ends.
fn days(contract: &Contract) -> (Vec<i64>, Option<i64>) {
    let length = |start: Start, end: Option<End>| {
        let end = end.map(End::day)?;
        let span = start.day().until(end).unwrap();
        Some(i64::from(span.get_days()))
    };
    let phases = contract.phases().iter();
    let phases = phases.filter_map(|phase| length(phase.start, phase.end));
    let header = contract.header();
    (phases.collect(), length(header.start, header.end))
}

fn request(start: i64, length: Option<i64>, policy: ExtensionPolicy) -> PauseRequest {
    let zone = TimeZone::UTC;
    let end = length.map(|days| End::before(after_start(start + days), &zone).unwrap());
    PauseRequest {
        start: Start::on(after_start(start), &zone).unwrap(),
        end,
        policy,
    }
}

fn kept(contract: &Contract) -> Kept {
    let record = contract.record();
    Kept {
        id: record.id,
        version: record.version,
        status: Some(record.status),
        zone: record.zone.clone(),
        created_at: record.created_at,
        updated_at: record.updated_at,
        deleted_at: record.deleted_at,
    }
}

proptest! {
    #[test]
    fn the_same_content_is_no_new_version(body in bodies()) {
        let contract = try_create(&body).unwrap();
        let now = at("2024-01-01");
        let again = contract.replace(details(&body), None, &mut ids(1000), now).unwrap();
        prop_assert_eq!(&again, &contract);
        let read_back = contract.replace(contract.to_details(), None, &mut ids(1000), now).unwrap();
        prop_assert_eq!(&read_back, &contract);
        prop_assert_eq!(amendment(&contract, &again).changes, []);
        prop_assert_eq!(Contract::restore(contract.record().clone()), Ok(contract));
    }

    /// A document that went through text is the contract that it was made of, whatever its status became.
    #[test]
    fn what_is_kept_is_read_back(
        contract in contracts(), pause in prop::option::of((1_i64..40, prop::option::of(1_i64..60))),
    ) {
        let now = at(START);
        let contract = match pause {
            Some((start, length)) => {
                let request = request(start, length, ExtensionPolicy::Extend);
                contract.pause(request, Uuid::from_u128(90), now).unwrap()
            }
            None => contract,
        };
        let text = contract.document().to_string();
        let document: Json = serde_json::from_str(&text).unwrap();
        let read = Contract::from_document(document, kept(&contract));
        prop_assert_eq!(read.as_ref(), Ok(&contract));
        prop_assert_eq!(read.unwrap().document().to_string(), text);
    }

    /// Paused days are conserved: with `extend` the contract lasts as many days longer as it was
    /// paused, and the phases as well, whether the pause was planned or ended by hand.
    #[test]
    fn a_pause_extends_by_its_own_days(
        contract in contracts(), start in 1_i64..40, length in 1_i64..60,
    ) {
        let id = Uuid::from_u128(90);
        let now = at(START);
        let planned = contract.pause(request(start, Some(length), ExtensionPolicy::Extend), id, now);
        let planned = planned.unwrap();
        let open = contract.pause(request(start, None, ExtensionPolicy::Extend), id, now).unwrap();
        let resumption = after_start(start + length).to_string();
        let resumed = open.resume(at(&resumption)).unwrap();
        prop_assert_eq!(planned.header(), resumed.header());
        prop_assert_eq!(planned.phases(), resumed.phases());
        let (phases_before, before) = days(&contract);
        let (phases_after, after) = days(&planned);
        prop_assert_eq!(after, before.map(|days| days + length));
        let extended = if contract.phases()[0].end.is_some() { length } else { 0 };
        let sum = |days: &[i64]| days.iter().sum::<i64>();
        prop_assert_eq!(sum(&phases_after), sum(&phases_before) + extended);
    }

    /// What an extension moved, an edit to `overlap` moves back exactly.
    #[test]
    fn an_extension_can_be_taken_back(
        contract in contracts(), starts in prop::collection::btree_set(1_i64..14, 1..4),
    ) {
        let now = at(START);
        let mut paused = contract.clone();
        for (number, start) in starts.iter().enumerate() {
            let id = Uuid::from_u128(90 + number as u128);
            paused = paused.pause(request(start * 5, Some(4), ExtensionPolicy::Extend), id, now).unwrap();
        }
        for number in 0..starts.len() {
            let edit = PauseEdit {
                pause_phase_id: Some(Uuid::from_u128(90 + number as u128)),
                policy: Some(ExtensionPolicy::Overlap),
                ..PauseEdit::default()
            };
            paused = paused.edit_pause(edit, now).unwrap();
        }
        prop_assert_eq!(paused.header(), contract.header());
        prop_assert_eq!(paused.phases(), contract.phases());
    }

    /// Nothing reaches over an expiry, and expiring keeps what lies before it.
    #[test]
    fn an_expiry_caps_everything(contract in contracts(), last in 0_i64..60) {
        let now = at(START);
        let end = after_start(last + 1);
        let expired = contract.expire(Some(after_start(last)), now).unwrap();
        prop_assert_eq!(expired.header().end.unwrap().day(), end);
        for phase in expired.phases() {
            prop_assert!(phase.end.unwrap().day() <= end);
            for line in &phase.lines {
                prop_assert!(line.end_in(phase).unwrap().day() <= end);
                let (_, before) = contract.line(line.id).unwrap();
                prop_assert_eq!(before.start, line.start);
            }
        }
        let kept: usize = contract.phases().iter().flat_map(|phase| &phase.lines)
            .filter(|line| line.start.day() < end).count();
        let lines: usize = expired.phases().iter().map(|phase| phase.lines.len()).sum();
        prop_assert_eq!(lines, kept);
    }
}
