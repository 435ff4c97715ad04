//! The columns of an invoice: from `core`'s values and back. Both ways destructure or name every field.

use florin_core::calendar::Period;
use florin_core::currency::Currency;
use florin_core::invoice::{Amounts, Draft, Freshness, Header, Issued, Totals};
use florin_core::money::Money;
use jiff::Timestamp;
use sea_query::Value;

use crate::{
    Result, Row,
    record::{self, Values},
    row::{JsonText, corrupt},
};

/// All columns of a draft but who made it and when.
pub(super) fn of_draft(draft: &Draft) -> Values {
    let Freshness {
        usage_sequence,
        contract_version,
    } = draft.freshness();
    let superseded_by = match draft.state() {
        florin_core::invoice::DraftState::Edited { by } => Some(by),
        _ => None,
    };
    let total = draft.totals().total.minor();
    let mut values = vec![
        ("status", draft.status().as_str().into()),
        ("superseded_by", superseded_by.into()),
        ("net_invoice_total", total.into()),
        ("amount_due", total.into()),
        ("usage_sequence", Value::BigInt(signed(usage_sequence))),
        (
            "contract_version",
            Value::BigInt(contract_version.map(i64::from)),
        ),
    ];
    values.extend(of_header(draft.header()));
    values.extend(of_totals(draft.totals()));
    values
}

/// No sequence of usage is beyond what a database counts to.
fn signed(sequence: Option<u64>) -> Option<i64> {
    sequence.map(|sequence| i64::try_from(sequence).unwrap_or(i64::MAX))
}

fn of_header(header: &Header) -> Values {
    let Header {
        customer_id,
        contract_id,
        business_entity_id,
        currency,
        period,
        bill_for_date,
        invoice_date,
        payment_terms,
        external_id,
        notes,
        custom_data,
        tags,
    } = header.clone();
    let payment_terms = payment_terms.and_then(|terms| serde_json::to_value(terms).ok());
    vec![
        ("customer_id", customer_id.into()),
        ("contract_id", contract_id.into()),
        ("business_entity_id", business_entity_id.into()),
        ("currency", currency.code().to_owned().into()),
        ("minor_digits", i64::from(currency.minor_digits()).into()),
        ("period_start", period.map(Period::start).into()),
        ("period_end", period.map(Period::end).into()),
        ("bill_for_date", bill_for_date.into()),
        ("invoice_date", invoice_date.into()),
        ("payment_terms", record::json(payment_terms)),
        ("external_id", external_id.into()),
        ("notes", notes.into()),
        ("custom_data", record::json(Some(custom_data))),
        ("tags", record::json(Some(tags))),
    ]
}

fn of_totals(totals: Totals) -> Values {
    let Totals {
        net,
        tax,
        total,
        credit,
    } = totals;
    vec![
        ("net", net.minor().into()),
        ("tax", tax.minor().into()),
        ("invoice_total", total.minor().into()),
        ("credit", credit.minor().into()),
    ]
}

/// What a draft has of what an approval and payments add.
pub(super) fn of_no_amounts() -> Values {
    let none = [
        "applied_balance",
        "paid",
        "credited",
        "returned_paid",
        "returned_applied",
        "written_off",
    ];
    none.map(|name| (name, 0_i64.into())).into()
}

/// What is paid and credited of an invoice, and what follows from it. `paid_at` and `voided_at` are left out.
pub(super) fn of_amounts(issued: &Issued) -> Values {
    let Amounts {
        applied,
        paid,
        credited,
        returned_paid,
        returned_applied,
        written_off,
    } = issued.amounts();
    vec![
        ("status", issued.status().as_str().into()),
        ("applied_balance", applied.minor().into()),
        ("paid", paid.minor().into()),
        ("credited", credited.minor().into()),
        ("returned_paid", returned_paid.minor().into()),
        ("returned_applied", returned_applied.minor().into()),
        ("written_off", written_off.minor().into()),
        ("amount_due", issued.amount_due().minor().into()),
    ]
}

/// What an approval adds, in the columns of [`before_approval`].
pub(super) fn of_approval(
    issued: &Issued,
    series: uuid::Uuid,
    paid_at: Option<Timestamp>,
) -> Result<Values> {
    let summary = issued.summary();
    let summary = summary.map_err(|error| corrupt("net_invoice_total", error))?;
    let mut values = vec![
        ("number_series", Some(series).into()),
        ("invoice_number", Some(issued.number().to_owned()).into()),
        ("approved_at", Some(issued.approved_at()).into()),
        ("due_date", Some(issued.due_date()).into()),
        ("paid_at", paid_at.into()),
        (
            "net_invoice_total",
            summary.net_invoice_total.minor().into(),
        ),
    ];
    values.extend(of_amounts(issued));
    Ok(values)
}

/// The same columns of the draft.
pub(super) fn before_approval(issued: &Issued) -> Values {
    let total = issued.totals().total.minor();
    let mut values = vec![
        ("number_series", Option::<uuid::Uuid>::None.into()),
        ("invoice_number", Option::<String>::None.into()),
        ("approved_at", Option::<Timestamp>::None.into()),
        ("due_date", Option::<jiff::civil::Date>::None.into()),
        ("paid_at", Option::<Timestamp>::None.into()),
        ("net_invoice_total", total.into()),
        ("status", "draft".into()),
    ];
    values.extend(of_no_amounts());
    values.push(("amount_due", total.into()));
    values
}

/// An amount kept as minor units.
pub(super) fn money(row: &Row, column: &str, currency: Currency) -> Result<Money> {
    Ok(Money::from_minor(row.get(column)?, currency))
}

pub(super) fn header(row: &Row) -> Result<Header> {
    let code: String = row.get("currency")?;
    let digits: i64 = row.get("minor_digits")?;
    let terms: Option<JsonText> = row.optional("payment_terms")?;
    let terms = terms.map(|text| serde_json::from_str(&text.0));
    let period = match (row.optional("period_start")?, row.optional("period_end")?) {
        (Some(start), Some(end)) => Some(Period::new(start, end)),
        _ => None,
    };
    Ok(Header {
        customer_id: row.get("customer_id")?,
        contract_id: row.optional("contract_id")?,
        business_entity_id: row.optional("business_entity_id")?,
        currency: currency(&code, digits)?,
        period: period
            .transpose()
            .map_err(|error| corrupt("period_end", error))?,
        bill_for_date: row.get("bill_for_date")?,
        invoice_date: row.get("invoice_date")?,
        payment_terms: terms
            .transpose()
            .map_err(|error| corrupt("payment_terms", error))?,
        external_id: row.optional("external_id")?,
        notes: row.optional("notes")?,
        custom_data: row.get("custom_data")?,
        tags: row.get("tags")?,
    })
}

/// A code of ISO 4217, or a currency of the seller's own.
fn currency(code: &str, digits: i64) -> Result<Currency> {
    let digits = u8::try_from(digits).map_err(|error| corrupt("minor_digits", error))?;
    let currency = Currency::iso(code).or_else(|_| Currency::custom(code, digits));
    let currency = currency.map_err(|error| corrupt("currency", error))?;
    if currency.minor_digits() != digits {
        return Err(corrupt("minor_digits", "they are not the currency's"));
    }
    Ok(currency)
}

pub(super) fn totals(row: &Row, currency: Currency) -> Result<Totals> {
    Ok(Totals {
        net: money(row, "net", currency)?,
        tax: money(row, "tax", currency)?,
        total: money(row, "invoice_total", currency)?,
        credit: money(row, "credit", currency)?,
    })
}

pub(super) fn amounts(row: &Row, currency: Currency) -> Result<Amounts> {
    Ok(Amounts {
        applied: money(row, "applied_balance", currency)?,
        paid: money(row, "paid", currency)?,
        credited: money(row, "credited", currency)?,
        returned_paid: money(row, "returned_paid", currency)?,
        returned_applied: money(row, "returned_applied", currency)?,
        written_off: money(row, "written_off", currency)?,
    })
}
