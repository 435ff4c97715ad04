use std::sync::Arc;

use florin_core::contract::{
    Details, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, Start, Status, Surroundings,
    create,
};
use florin_core::currency::Currency;
use florin_core::product_pricing::Content;
use jiff::{civil::Date, tz::TimeZone};
use serde_json::json;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn details(amount: i64) -> Details {
    let price = json!({
        "pricing_data": { "pricing_type": "flat_fee", "unit_amount": amount },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" },
    });
    let price = Arc::new(Content::read(price).unwrap());
    let (id, start, end) = (None, None, None);
    let head = LineHead::new(Uuid::nil(), price);
    let line = LineDetails {
        id: None,
        start,
        end,
        head,
    };
    let head = PhaseHead::named("Year 1");
    let phase = PhaseDetails {
        id,
        start,
        end,
        head,
        lines: vec![line],
    };
    let start = Start::on(day("2026-01-01"), &TimeZone::UTC).unwrap();
    Details {
        header: Header::new("Northwind", Uuid::nil(), Currency::USD, start),
        status: Status::Active,
        phases: vec![phase],
    }
}

/// The first month on an approved invoice, the second on a draft.
fn billed(contract: &Contract, version: u32) -> Vec<Billed> {
    let line = contract.phases()[0].lines[0].id;
    let months = [
        ("2026-01-01", "2026-02-01", false),
        ("2026-02-01", "2026-03-01", true),
    ];
    let rows = months
        .into_iter()
        .zip(1..)
        .map(|((start, end, is_draft), number)| {
            let full = Period::new(day(start), day(end)).unwrap();
            let part = Uuid::from_u128(100 + number);
            let period = BilledPeriod {
                line,
                full,
                service: full,
                revision: 0,
                phase_id: contract.phases()[0].id,
                bill: part,
                part,
                bill_for_date: full.start(),
                is_draft,
                is_withdrawn: false,
            };
            Billed {
                period,
                contract_id: contract.id(),
                contract_version: version,
                invoice_id: Uuid::from_u128(number),
                usage_digest: None,
            }
        });
    rows.collect()
}

#[test]
fn an_amendment_touches_what_was_billed_before_it() {
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    let mut ids = (1..).map(Uuid::from_u128);
    let mut next = || ids.next().unwrap();
    let surroundings = Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let before = create(Uuid::nil(), details(100), &surroundings, &mut next, at).unwrap();
    let after = before.replace(details(120), None, &mut next, at).unwrap();
    let touched = effect(&before, &after, &billed(&before, 1)).unwrap();
    assert_eq!(touched.drafts, [Uuid::from_u128(2)]);
    let [adjusted] = touched.adjusted[..] else {
        panic!("one period of an approved invoice: {touched:?}")
    };
    assert_eq!(adjusted.invoice_id, Uuid::from_u128(1));
    assert_eq!(adjusted.service.to_string(), "[2026-01-01, 2026-02-01)");
    let later = effect(&before, &after, &billed(&before, 2)).unwrap();
    assert_eq!(
        later,
        InvoiceEffect::default(),
        "billed under the new terms already"
    );
    let mut renamed = before.to_details();
    renamed.header.name = "Renamed".to_owned();
    let renamed = before.replace(renamed, None, &mut next, at).unwrap();
    let untouched = effect(&before, &renamed, &billed(&before, 1)).unwrap();
    assert_eq!(untouched, InvoiceEffect::default());
}
