//! Documents: what a page says of an invoice.

use std::collections::BTreeMap;

use florin_core::business_entity::{BusinessEntity, Details};
use florin_core::currency::Currency;
use florin_core::document::{Billed, InvoiceDocument, Parties, Party, Sources, invoice, sample};
use florin_core::id::LineId;
use florin_core::invoice::{Draft, Freshness, Part, Shown, approve};
use florin_core::pricing::StepRule;
use florin_core::rating::LineFeature;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at};
use crate::build::tax;
use crate::invoiced::{approval, draft, header, part, written};

fn seller() -> BusinessEntity {
    BusinessEntity {
        id: Uuid::from_u128(7),
        details: Details {
            name: "Florin Ltd".to_owned(),
            email: Some("billing@florin.example".to_owned()),
            phone_number: None,
            is_default: true,
            logo_url: None,
            tax_config: json!({ "tax_id": "12-3456789", "tax_code": "EIN" }),
            address: None,
        },
        created_at: at("2024-01-01T00:00:00Z"),
        updated_at: at("2024-01-01T00:00:00Z"),
    }
}

fn parties() -> Parties {
    Parties {
        seller: Party::seller(&seller()),
        customer: Party {
            name: "Northwind".to_owned(),
            ..Party::default()
        },
    }
}

fn shown(billed: Billed<'_>, served: &[(Uuid, String)]) -> InvoiceDocument {
    let names = ["EWR", "JFK"].map(str::to_owned).to_vec();
    let sources = Sources {
        invoice: billed,
        parties: &parties(),
        served,
        cells: &BTreeMap::from([(LineId(Uuid::from_u128(1)), names)]),
        payment_link: None,
    };
    invoice(&sources).unwrap()
}

fn sum(amounts: &[&Option<Shown>]) -> Decimal {
    let amounts = amounts.iter().filter_map(|amount| amount.as_ref());
    amounts.map(|amount| amount.value).sum()
}

#[test]
fn the_rows_of_the_sample_sum_to_what_is_due() {
    let document = sample(&seller()).unwrap();
    let data = &document.invoice_data;
    let [section] = document.sections.as_slice() else {
        panic!("one customer is served");
    };
    let lines: Decimal = section.lines.iter().map(|line| line.amount.value).sum();
    let taxes: Decimal = document.taxes.iter().map(|tax| tax.amount.value).sum();
    assert_eq!(lines, data.net.value);
    assert_eq!(taxes, data.tax.value);
    assert_eq!(data.net.value + data.tax.value, data.total.value);
    let settled = sum(&[
        &data.applied_balance,
        &data.paid,
        &data.credited,
        &data.written_off,
    ]);
    assert_eq!(settled, Decimal::from(500), "what the wallet paid is shown");
    assert_eq!(data.total.value - settled, data.amount_due.value);
    let rows = |index: usize| section.lines[index].details.iter();
    let names: Vec<&str> = rows(1).map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Tiered, tier 1",
            "Tiered, tier 2",
            "Tiered, tier 3",
            "Discount 10 %"
        ]
    );
    assert_eq!(rows(2).count(), 0, "one price says all in its own row");
}

#[test]
fn a_draft_has_neither_number_nor_due_day() {
    let draft = draft(1, &["100.00"], true);
    let data = shown(Billed::Draft(&draft), &[]).invoice_data;
    assert!(data.is_draft && data.invoice_number.is_none() && data.due_by.is_none());
    assert_eq!(data.amount_due.display, "$110.00");
    let issued = approve(draft, approval(0)).unwrap().invoice;
    let data = shown(Billed::Issued(&issued), &[]).invoice_data;
    assert!(!data.is_draft);
    assert_eq!(data.invoice_number.as_deref(), Some("INV-0001"));
    assert_eq!(data.due_by.unwrap().display, "2 Mar 2024");
}

#[test]
fn a_consolidated_invoice_has_a_section_for_each_customer_and_one_row_for_a_rate() {
    let child = Uuid::from_u128(99);
    let lines = || vec![written(1, "100.00", vec![tax("10", false)])];
    let parts = vec![
        part(1, lines()),
        Part {
            customer_id: child,
            ..part(2, lines())
        },
    ];
    let draft = Draft::new(Uuid::from_u128(3), header(), parts, Freshness::default()).unwrap();
    let document = shown(Billed::Draft(&draft), &[(child, "Child".to_owned())]);
    let titles: Vec<Option<&str>> = document
        .sections
        .iter()
        .map(|section| section.title.as_deref())
        .collect();
    assert_eq!(titles, [Some("Northwind"), Some("Child")]);
    let [tax] = document.taxes.as_slice() else {
        panic!("one rate is one row");
    };
    assert_eq!(
        (
            tax.base.as_ref().unwrap().display.as_str(),
            tax.amount.display.as_str()
        ),
        ("$200.00", "$20.00")
    );
    assert_eq!(draft.header().customer_id, CUSTOMER);
    assert_eq!(draft.header().currency, Currency::USD);
}

#[test]
fn rows_of_a_matrix_have_the_names_of_its_rows() {
    let mut parts = vec![part(1, vec![written(1, "100.00", Vec::new())])];
    let features = &mut parts[0].rated.lines[0].features;
    let Some(LineFeature::Pricing(priced)) = features.first_mut() else {
        panic!("a price");
    };
    let steps = &mut priced.parts[0].steps;
    steps.push(steps[0]);
    for (row, step) in (0..).zip(steps.iter_mut()) {
        step.rule = StepRule::Cell { row, column: 0 };
    }
    let draft = Draft::new(Uuid::from_u128(3), header(), parts, Freshness::default()).unwrap();
    let document = shown(Billed::Draft(&draft), &[]);
    let rows = document.sections[0].lines[0].details.iter();
    let names: Vec<&str> = rows.map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["EWR", "JFK"]);
}
