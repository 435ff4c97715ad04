//! The sample: an invoice that shows what a template must be able to show. Owns its contents; its amounts
//! are rated as any other's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::{Billed, InvoiceDocument, Parties, Party, Sources, invoice};
use crate::address::{Address, Entry, PENDING};
use crate::business_entity::BusinessEntity;
use crate::calendar::Period;
use crate::currency::Currency;
use crate::customer::{self, Customer, TaxId};
use crate::discount::Discount;
use crate::id::{FeatureId, LineId};
use crate::invoice::{
    Approval, Draft, Freshness, Header, LineLabel, OneOffLine, Refusal, approve, one_off,
};
use crate::money::Money;
use crate::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use crate::pricing::{Model, Tiers};
use crate::tax::Tax;
use crate::wallet::Wallet;

const DAY: Date = date(2026, 2, 1);

/// A sample invoice of `seller`: a fee, a price by tiers with a discount, a negotiated price, a tax, and
/// something set off.
///
/// # Errors
/// [`Refusal`], which would be an error of this module.
pub fn sample(seller: &BusinessEntity) -> Result<InvoiceDocument, Refusal> {
    let customer = customer();
    let parties = Parties {
        seller: Party::seller(seller),
        customer: Party::customer(&customer, &[address()]),
    };
    let header = Header {
        payment_terms: Some(terms()),
        notes: Some("Thank you for your business.".to_owned()),
        ..Header::new(customer.id, Currency::USD, DAY)
    };
    let part = one_off(Uuid::nil(), customer.id, Currency::USD, DAY, lines()?)?;
    let draft = Draft::new(Uuid::nil(), header, vec![part], Freshness::default())?;
    let approval = Approval {
        number: "SAMPLE-0001".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        on: DAY,
        wallet: Wallet::with_balance(Money::from_minor(50_000, Currency::USD)),
        payment_terms: terms(),
    };
    let approved = approve(draft, approval)?;
    Ok(invoice(&Sources {
        invoice: Billed::Issued(&approved.invoice),
        parties: &parties,
        served: &[],
        cells: &BTreeMap::new(),
        payment_link: None,
    })?)
}

fn lines() -> Result<Vec<OneOffLine>, Refusal> {
    let fee = |cents| Model::FlatFee {
        unit_amount: Decimal::new(cents, 2),
    };
    let bounds = [
        Some(Decimal::from(100_000)),
        Some(Decimal::from(500_000)),
        None,
    ];
    let rates = [Decimal::new(2, 3), Decimal::new(15, 4), Decimal::new(1, 3)];
    let tiers = Tiers::new(&bounds, &rates, &[]);
    let tiers = tiers.map_err(|invalid| Refusal::LineInvalid(invalid.to_string()))?;
    let seat = Model::PerUnit {
        unit_amount: Decimal::from(25),
    };
    let mut calls = line(2, "API calls", "call", Model::Tiered(tiers), 712_340)?;
    let discount = FeatureId(Uuid::from_u128(1));
    calls.discounts = vec![Discount::percent(discount, Decimal::from(10))];
    Ok(vec![
        line(1, "Platform fee", "month", fee(150_000), 1)?,
        calls,
        line(3, "Seats", "seat", seat, 42)?,
    ])
}

fn line(
    number: u128,
    name: &str,
    unit: &str,
    model: Model,
    quantity: i64,
) -> Result<OneOffLine, Refusal> {
    let tax = Tax {
        id: FeatureId(Uuid::from_u128(2)),
        rate: Decimal::new(8875, 3),
        is_compound: false,
    };
    Ok(OneOffLine {
        label: LineLabel {
            line: LineId(Uuid::from_u128(number)),
            name: name.to_owned(),
            description: None,
            unit: unit.to_owned(),
            units: None,
        },
        service: Period::new(date(2026, 1, 1), DAY)?,
        model,
        quantity: Decimal::from(quantity),
        discounts: Vec::new(),
        taxes: vec![tax],
    })
}

const fn terms() -> PaymentTerms {
    PaymentTerms {
        term_type: PaymentTermType::OnApproval,
        mode: PaymentTermMode::Relative,
        due_days: 30,
        last_day_of_month: false,
    }
}

fn customer() -> Customer {
    let text = |text: &str| Some(text.to_owned());
    let registration = TaxId {
        country_code: "EU".to_owned(),
        tax_code: "VAT".to_owned(),
        tax_id: "DE123456789".to_owned(),
    };
    Customer {
        id: Uuid::nil(),
        details: customer::Details {
            external_id: text("CRM-771"),
            customer_name: "Sample Customer".to_owned(),
            email: text("accounts@customer.example"),
            phone_number: None,
            tax_info: vec![registration],
            custom_data: json!({}),
            custom_attributes: json!({}),
            communications_enabled: true,
            auto_charge_enabled: true,
            business_entity_id: None,
        },
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn address() -> Entry {
    let text = |text: &str| Some(text.to_owned());
    let address = Address {
        line1: text("Musterstraße 12"),
        line2: None,
        line3: None,
        city: text("Berlin"),
        state: None,
        zip_code: text("10115"),
        country: text("Germany"),
        country_code: text("DE"),
        validation_status: PENDING.to_owned(),
        connector_validation: json!({}),
    };
    Entry {
        id: Uuid::nil(),
        customer_id: Uuid::nil(),
        address,
        is_default_billing: true,
        is_default_shipping: false,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}
