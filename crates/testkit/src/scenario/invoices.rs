//! Invoices as a story shows them.

use florin_core::currency::Currency;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::succeeded;
use crate::TestApp;

/// Every invoice of a customer as the payer, in the order in which they were made; drafts that are gone left out.
async fn list(app: &TestApp, customer: Option<&str>) -> Result<Vec<Value>, String> {
    let mut path = "/invoices?order=created_at&limit=100".to_owned();
    if let Some(customer) = customer {
        path.push_str(&format!("&customer_id={customer}"));
    }
    let answer = succeeded(app.get(&path).await)?;
    let mut invoices = answer
        .at("/results")
        .as_array()
        .cloned()
        .unwrap_or_default();
    // Those that one run made were created at once; their ids count up.
    invoices.sort_by_key(|invoice| {
        let text = |key: &str| invoice[key].as_str().unwrap_or_default().to_owned();
        (text("created_at"), text("bill_for_date"), text("id"))
    });
    Ok(invoices)
}

pub(super) async fn nth(app: &TestApp, customer: &str, number: &str) -> Result<String, String> {
    let invoices = list(app, Some(customer)).await?;
    let number: usize = number
        .parse()
        .map_err(|_| format!("`{number}` is no number"))?;
    let found = invoices
        .get(number.wrapping_sub(1))
        .and_then(|one| one["id"].as_str());
    let found = found.map(str::to_owned);
    found.ok_or_else(|| format!("there are {} invoices", invoices.len()))
}

pub(super) async fn approve_drafts(app: &TestApp) -> Result<(), String> {
    for invoice in list(app, None).await? {
        if invoice["status"] == "draft" {
            let id = invoice["id"].as_str().unwrap_or_default();
            let path = format!("/invoices/{id}/approve");
            succeeded(app.patch(&path, json!({})).await)?;
        }
    }
    Ok(())
}

/// Each invoice as a head and its lines.
pub(super) async fn shown(app: &TestApp, customer: &str) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for invoice in list(app, Some(customer)).await? {
        let text = |key: &str| invoice[key].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let head = [
            day(&text("bill_for_date")),
            text("status"),
            text("invoice_number"),
        ];
        lines.push(head.join(" "));
        let items = succeeded(app.get(&format!("/invoices/{id}/line_items")).await)?;
        let currency = text("currency_code");
        for line in items.at("/lines").as_array().into_iter().flatten() {
            lines.push(format!("  {}", item(line, &currency)));
        }
        for feature in items.at("/features").as_array().into_iter().flatten() {
            let total = amount(&feature["total"]["value"], &currency);
            lines.push(format!(
                "  {} {total}",
                feature["name"].as_str().unwrap_or_default()
            ));
        }
        let summary = succeeded(app.get(&format!("/invoices/{id}/summary")).await)?;
        lines.push(format!("  {}", totals(&summary.body, &currency)));
    }
    Ok(lines)
}

fn item(line: &Value, currency: &str) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let (from, to) = (
        day(text("service_start_date")),
        day(text("service_end_date")),
    );
    let amount = amount(&line["subtotal"]["value"], currency);
    format!("{} {from} to {to} {amount}", text("name"))
}

/// The total, and every other amount that is not nothing.
fn totals(summary: &Value, currency: &str) -> String {
    let mut texts = vec![format!(
        "total {}",
        amount(&summary["invoice_total"], currency)
    )];
    for (key, name) in [
        ("tax_total", "tax"),
        ("credit_total", "below zero"),
        ("applied_balance", "wallet"),
        ("paid_amount", "paid"),
        ("credited_amount", "credited"),
        ("written_off_amount", "written off"),
    ] {
        let text = amount(&summary[key], currency);
        if text.parse() != Ok(Decimal::ZERO) {
            texts.push(format!("{name} {text}"));
        }
    }
    texts.push(format!("due {}", amount(&summary["amount_due"], currency)));
    texts.join(", ")
}

fn day(instant: &str) -> String {
    instant.get(..10).unwrap_or(instant).to_owned()
}

/// An amount with the digits of its currency.
pub(super) fn amount(value: &Value, currency: &str) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let digits = Currency::iso(currency).map_or(2, |currency| currency.minor_digits());
    match text.parse::<Decimal>() {
        Ok(mut number) => {
            number.rescale(digits.into());
            number.to_string()
        }
        Err(_) => text,
    }
}
