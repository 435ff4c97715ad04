//! Estimates as they are kept and shown: a document in major units, and the same in words.

use florin_core::currency::Currency;
use florin_core::invoice::{Item, shown_money};
use florin_core::money::Money;
use rust_decimal::Decimal;
use serde_json::{Number, Value as Json, json};

use crate::billing::{Bills, Estimate};

/// Estimates as they are shown and kept: major units of the currency.
pub fn document(estimate: &Estimate) -> Json {
    let Estimate { current, next } = estimate;
    json!({
        "current_invoice": bills(current),
        "next_invoice": next.as_ref().map(bills),
    })
}

/// Exact digits, as a caller would write them.
fn number(amount: Decimal) -> Option<Number> {
    amount.normalize().to_string().parse().ok()
}

fn bills(bills: &Bills) -> Json {
    let Bills {
        lines,
        bill_for_date,
        net,
        tax,
        total,
        credit,
    } = bills;
    json!({
        "total": number(total.to_major()),
        "currency": total.currency().to_string(),
        "subtotal": number(net.to_major()),
        "tax": number(tax.to_major()),
        "credit": number(credit.to_major()),
        "bill_for_date": bill_for_date.to_string(),
        "line_items": lines.iter().map(line).collect::<Vec<Json>>(),
    })
}

fn line(item: &Item) -> Json {
    let quantity = item.quantity.as_ref();
    let price = item.price.as_ref();
    let last = item.service_end_date.yesterday();
    let last = last.unwrap_or(item.service_end_date);
    json!({
        "name": item.name,
        "description": item.description,
        "quantity": quantity.and_then(|quantity| number(quantity.value)),
        "unit": quantity.map(|quantity| &quantity.unit),
        "unit_price": price.and_then(|price| number(price.value)),
        "amount": number(item.subtotal.value),
        "start_date": item.service_start_date.to_string(),
        "end_date": last.to_string(),
        "quantity_display": quantity.map(|quantity| &quantity.display),
        "unit_price_display": price.map(|price| &price.display),
        "amount_display": item.subtotal.display,
    })
}

/// What bills come to, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimated {
    /// Their lines.
    pub lines: Vec<EstimatedLine>,
    /// The day that they are for.
    pub bill_for_date: String,
    /// Their taxes, where there are any.
    pub tax: Option<String>,
    /// What is given back, where it is anything.
    pub credit: Option<String>,
    /// What is to be paid.
    pub total: String,
    /// Whether that is more than nothing.
    pub is_due: bool,
}

/// A line, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EstimatedLine {
    /// The product's name.
    pub name: String,
    /// Units, where there are any.
    pub quantity: Option<String>,
    /// Price of one, where all have the same.
    pub price: Option<String>,
    /// First and last day.
    pub period: String,
    /// What it comes to, before tax.
    pub amount: String,
}

impl Estimated {
    /// What a document of [`document`] says of one of its invoices; `None` where there is none.
    pub(super) fn read(bills: &Json) -> Option<Self> {
        let currency = Currency::iso(bills["currency"].as_str()?).ok()?;
        let money = |key: &str| {
            let amount: Decimal = bills[key].to_string().parse().ok()?;
            let money = Money::round(amount, currency).ok()?;
            Some((shown_money(money).display, money.minor() > 0))
        };
        let unless_zero = |key: &str| money(key).filter(|(_, is_any)| *is_any);
        let (total, is_due) = money("total")?;
        let lines = bills["line_items"].as_array().into_iter().flatten();
        Some(Self {
            lines: lines.map(EstimatedLine::read).collect(),
            bill_for_date: bills["bill_for_date"].as_str()?.to_owned(),
            tax: unless_zero("tax").map(|(tax, _)| tax),
            credit: unless_zero("credit").map(|(credit, _)| credit),
            total,
            is_due,
        })
    }
}

impl EstimatedLine {
    fn read(line: &Json) -> Self {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let day = |key: &str| line[key].as_str().unwrap_or_default();
        let (first, last) = (day("start_date"), day("end_date"));
        Self {
            name: text("name").unwrap_or_default(),
            quantity: text("quantity_display"),
            price: text("unit_price_display"),
            period: match first == last {
                true => first.to_owned(),
                false => format!("{first} to {last}"),
            },
            amount: text("amount_display").unwrap_or_default(),
        }
    }
}
