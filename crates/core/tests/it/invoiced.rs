//! Invoices for tests: lines written by hand, drafts of them, and approvals on 1 February 2024.

use florin_core::calendar::Period;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{
    Approval, Draft, Freshness, Header, Issued, LineLabel, OneOffLine, Part, approve, one_off,
};
use florin_core::money::Money;
use florin_core::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use florin_core::pricing::Model;
use florin_core::tax::Tax;
use florin_core::wallet::Wallet;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::agreement::{CUSTOMER, at};
use crate::build::{day, decimal, tax};

pub(crate) fn cents(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

pub(crate) fn label(number: u128, name: &str) -> LineLabel {
    LineLabel {
        line: LineId(Uuid::from_u128(number)),
        name: name.to_owned(),
        description: None,
        unit: "call".to_owned(),
        units: None,
    }
}

pub(crate) fn written(number: u128, amount: &str, taxes: Vec<Tax>) -> OneOffLine {
    OneOffLine {
        label: label(number, "Consulting"),
        service: Period::new(day("2024-01-01"), day("2024-02-01")).unwrap(),
        model: Model::PerUnit {
            unit_amount: decimal(amount),
        },
        quantity: Decimal::ONE,
        discounts: Vec::new(),
        taxes,
    }
}

pub(crate) fn part(id: u128, lines: Vec<OneOffLine>) -> Part {
    let day = day("2024-02-01");
    one_off(Uuid::from_u128(id), CUSTOMER, Currency::USD, day, lines).unwrap()
}

pub(crate) fn header() -> Header {
    Header::new(CUSTOMER, Currency::USD, day("2024-02-01"))
}

/// A draft of lines at these prices, each with 10 % of tax where `taxed`.
pub(crate) fn draft(id: u128, amounts: &[&str], taxed: bool) -> Draft {
    let taxes = if taxed {
        vec![tax("10", false)]
    } else {
        Vec::new()
    };
    let lines = amounts.iter().enumerate();
    let lines = lines.map(|(number, amount)| written(number as u128 + 1, amount, taxes.clone()));
    let parts = vec![part(id + 1000, lines.collect())];
    Draft::new(Uuid::from_u128(id), header(), parts, Freshness::default()).unwrap()
}

pub(crate) fn approval(wallet: i64) -> Approval {
    Approval {
        number: "INV-0001".to_owned(),
        at: at("2024-02-01T09:00:00Z"),
        on: day("2024-02-01"),
        wallet: Wallet::with_balance(cents(wallet)),
        payment_terms: PaymentTerms {
            term_type: PaymentTermType::OnApproval,
            mode: PaymentTermMode::Relative,
            due_days: 30,
            last_day_of_month: false,
        },
    }
}

/// An approved invoice over so many cents.
pub(crate) fn issued(id: u128, minor: i64) -> Issued {
    let amount = Decimal::new(minor, 2).to_string();
    approve(draft(id, &[&amount], false), approval(0))
        .unwrap()
        .invoice
}
