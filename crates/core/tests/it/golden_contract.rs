//! The invoices of sixteen airlines once more, from a contract as the API takes it: documents of prices,
//! what is due, rating, draft, approval.

use florin_core::billing::{History, due};
use florin_core::carried::Carried;
use florin_core::contract::Taxation;
use florin_core::invoice::{Draft, Freshness, Header, Part, Source, approve};
use florin_core::pricing::Context;
use florin_core::rating::{Bill, CountedUsage, rate, replay};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::agreement::{CUSTOMER, contract};
use crate::build::day;
use crate::golden_departures::{GOLDEN, LINES, amount, text, usage};
use crate::invoiced::approval;

/// A price of the file as a document of the catalogue.
fn document(name: &str) -> Json {
    let price = &GOLDEN["prices"][name];
    let mut data = price.clone();
    let data_fields = data.as_object_mut().unwrap();
    data_fields.remove("metric");
    if let Some(column) = data_fields.remove("dimension") {
        let rows = price["prices"].as_object().unwrap();
        data["dimensions"] = json!([{ "name": "Origin", "column_name": column }]);
        data["display_alias"] = rows.keys().cloned().collect();
        data["prices"] = rows.values().cloned().collect();
    }
    let mut document = json!({ "pricing_data": data,
        "billing_period": { "cadence": "P1M", "offset": "postpaid" } });
    if !price["metric"].is_null() {
        let quantity = json!({ "type": "metered", "aggregate_id": Uuid::from_u128(1) });
        document["quantity"] = quantity;
    }
    if name == "departures" {
        let percent = &GOLDEN["discount_percent"];
        document["discounts"] = json!([{ "type": "percent", "unit_amount": percent }]);
    }
    document
}

fn body() -> Json {
    let lines: Vec<Json> = LINES
        .iter()
        .map(|name| json!({ "pricing": document(name) }))
        .collect();
    // A commitment without cadence has the billing period that all lines have.
    let features = json!({ "pricing_data": { "pricing_type": "features" },
        "commitments": [{ "type": "minimum_spend", "unit_amount": GOLDEN["commitment"] }],
        "taxes": [{ "type": "manual", "unit_amount": GOLDEN["tax_percent"] }] });
    json!({ "start_date": "2013-01-01", "phases": [{ "pricings": lines, "features": features }] })
}

#[test]
fn a_contract_is_billed_to_the_cent() {
    let agreed = contract(&body());
    let phases = agreed.terms(&Taxation::default()).unwrap();
    let bills = due(&phases, History::default(), day("2013-02-01")).unwrap();
    let [bill] = bills.as_slice() else {
        panic!("one bill for all six lines");
    };
    for invoice in GOLDEN["invoices"].as_array().unwrap() {
        let carrier = text(&invoice["customer"]);
        let charges = bill.parts[0].charges.iter().map(|charge| {
            let counted = charge.usage_windows.iter().map(|window| CountedUsage {
                window: *window,
                usage: usage(&invoice["quantities"][LINES[charge.position]]),
            });
            charge.with_usage(counted.collect())
        });
        let charges: Vec<_> = charges.collect();
        let rated = rate(
            &phases[0].terms,
            &Bill {
                bill_for_date: bill.bill_for_date,
                charges: &charges,
                balances: &[],
                carried: &Carried::default(),
                context: Context::EMPTY,
            },
        );
        let rated = rated.unwrap().draft;
        assert_eq!(replay(&rated).as_ref(), Ok(&rated), "{carrier}: replay");
        let source = Source::Contract {
            contract_id: agreed.id(),
            version: agreed.version(),
            phase_id: bill.parts[0].phase_id,
        };
        let part = Part {
            id: Uuid::from_u128(1),
            source,
            customer_id: CUSTOMER,
            rated,
            adjustments: vec![],
            labels: vec![],
            carried_in: Carried::default(),
            carried_out: Carried::default(),
        };
        let header = Header::new(CUSTOMER, agreed.header().currency, bill.bill_for_date);
        let draft = Draft::new(Uuid::nil(), header, vec![part], Freshness::default()).unwrap();
        let issued = approve(draft, approval(0)).unwrap().invoice;
        let totals = issued.totals();
        assert_eq!(totals.net, amount(&invoice["net"]), "{carrier}: net");
        assert_eq!(totals.tax, amount(&invoice["tax"]), "{carrier}: tax");
        assert_eq!(issued.amount_due(), amount(&invoice["total"]), "{carrier}");
    }
}
